import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import * as fc from '../../property.ts';
import { describe, expect, test } from 'vitest';
import { decodeChunk, encodeChunk } from '../../../src/record/chunk.ts';
import { Damaged, decodeHot, HotEncoder, hotRowsOf, indexOfShape, shapeOf } from '../../../src/record/hot.ts';
import type { Tick } from '../../../src/tick.ts';
import { anyTicks, plain, Program } from '../../fixtures/record/ticks.ts';

/** What came out, or `damaged`; any other error is a defect. */
function outcome(decode: () => Tick[]): unknown {
  try {
    return decode().map(plain);
  } catch (error) {
    if (error instanceof Damaged) return 'damaged';
    throw error;
  }
}

/** Bytes of which some are changed, or the end is missing. */
function mangled(bytes: Uint8Array, cut: number, edits: readonly (readonly [number, number])[]): Uint8Array {
  const result = bytes.slice(0, Math.max(0, bytes.length - cut));
  for (const [place, byte] of edits) if (result.length > 0) result[place % result.length] = byte;
  return result;
}

const anyEdits = fc.array(fc.tuple(fc.nat(5000), fc.nat(255)), { maxLength: 8 });

describe('a chunk', () => {
  test('gives its ticks back bit for bit', () => {
    fc.assert(
      fc.property(anyTicks, (ticks) => {
        expect(decodeChunk(encodeChunk(hotRowsOf(ticks))).map(plain)).toStrictEqual(ticks.map(plain));
      }),
    );
  });

  test('takes few bytes when the shapes repeat', () => {
    const program = new Program(40);
    const ticks = Array.from({ length: 120 }, (_, n) => structuredClone(program.tick(n)));
    const samples = ticks.reduce((sum, tick) => sum + tick.samples.length, 0);
    expect(encodeChunk(hotRowsOf(ticks)).length / samples).toBeLessThan(3);
  });

  test('of garbage is damaged, and nothing worse', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(outcome(() => decodeChunk(bytes))).toBe('damaged');
      }),
    );
  });

  test('that is cut off or has wrong bytes is damaged, and never gives other ticks', () => {
    fc.assert(
      fc.property(anyTicks, fc.nat(30), anyEdits, (ticks, cut, edits) => {
        const whole = encodeChunk(hotRowsOf(ticks));
        expect(['damaged', ticks.map(plain)]).toContainEqual(outcome(() => decodeChunk(mangled(whole, cut, edits))));
      }),
    );
  });

  test('with wrong bytes inside a whole frame is damaged or other ticks, and nothing worse', () => {
    fc.assert(
      fc.property(anyTicks, fc.nat(30), anyEdits, (ticks, cut, edits) => {
        const raw = zstdDecompressSync(encodeChunk(hotRowsOf(ticks)));
        expect(outcome(() => decodeChunk(zstdCompressSync(mangled(raw, cut, edits))))).toBeDefined();
      }),
    );
  });

  test('with any one bit flipped is damaged, or the bit means nothing', () => {
    const program = new Program(6);
    const ticks = Array.from({ length: 20 }, (_, n) => structuredClone(program.tick(n)));
    const whole = encodeChunk(hotRowsOf(ticks));
    const expected = JSON.stringify(ticks.map((tick) => plain({ ...tick, events: [] })));
    for (let bit = 0; bit < whole.length * 8; bit += 3) {
      const broken = new Uint8Array(whole);
      broken[bit >> 3]! ^= 1 << (bit & 7);
      const read = outcome(() => decodeChunk(broken));
      if (read !== 'damaged') expect(JSON.stringify(read)).toBe(expected);
    }
    expect(outcome(() => decodeChunk(whole.subarray(0, -1)))).toBe('damaged');
  });

  test('whose ticks are out of order is damaged', () => {
    const program = new Program(1);
    const [one, two] = [structuredClone(program.tick(1)), structuredClone(program.tick(2))];
    expect(outcome(() => decodeChunk(encodeChunk(hotRowsOf([two, one]))))).toBe('damaged');
    expect(outcome(() => decodeChunk(encodeChunk(hotRowsOf([one, one]))))).toBe('damaged');
  });

  test('that would inflate to more than a chunk can be is refused', () => {
    const empty = { length: 0, series: new Uint32Array(0), values: new Float64Array(0), at: new Float64Array(0) };
    const ticks = Array.from({ length: 620_000 }, (_, n): Tick => ({ n, t: 0, wall: 0, samples: empty, events: [] }));
    expect(outcome(() => decodeChunk(encodeChunk(hotRowsOf(ticks))))).toBe('damaged');
  });
});

describe('hot rows', () => {
  test('give their ticks back bit for bit', () => {
    fc.assert(
      fc.property(anyTicks, (ticks) => {
        expect(decodeHot(hotRowsOf(ticks)).ticks.map(plain)).toStrictEqual(ticks.map(plain));
      }),
    );
  });

  test('of one buffer do not show what was in it before', () => {
    const program = new Program(41);
    const [one, two] = [structuredClone(program.tick(1)), structuredClone(program.tick(2))];
    const encoded = (encoder: HotEncoder, tick: Tick, defines: boolean): number[] => [
      ...encoder.encode(tick, shapeOf(tick.samples), 0, defines),
    ];
    const used = new HotEncoder();
    encoded(used, one, false);
    expect(encoded(used, two, true)).toEqual(encoded(new HotEncoder(), two, true));
    expect(encoded(used, one, false)).toEqual(encoded(new HotEncoder(), one, false));
  });

  test('have another shape when one series or one stamp differs', () => {
    const samples = (series: number[], at: number[]) => ({
      length: 2,
      series: Uint32Array.from(series),
      values: new Float64Array(2),
      at: Float64Array.from(at),
    });
    const shapes = [shapeOf(samples([3, 4], [1, 1]))];
    expect(indexOfShape(shapes, samples([3, 4], [7, 7]))).toBe(0);
    expect(indexOfShape(shapes, samples([3, 5], [1, 1]))).toBe(1);
    expect(indexOfShape(shapes, samples([3, 4], [1, 2]))).toBe(1);
    expect(indexOfShape(shapes, samples([3, 4], [0, -0]))).toBe(1);
    expect(indexOfShape(shapes, { ...samples([3, 4], [1, 1]), length: 1 })).toBe(1);
  });

  test('define a shape once', () => {
    const program = new Program(100);
    const rows = hotRowsOf([1, 2, 4].map((n) => structuredClone(program.tick(n))));
    expect(rows[0]!.data).toHaveLength(8 + 4 * 100 + 8 * (2 + 1 + 100));
    expect(rows[1]!.data).toHaveLength(8 + 8 * (2 + 1 + 100));
    expect(rows[2]!.data).toHaveLength(rows[1]!.data.length);
  });

  test('of garbage are damaged or ticks, and nothing worse', () => {
    const anyRow = fc.uint8Array({ maxLength: 100 }).map((data) => ({ n: 0, data }));
    fc.assert(
      fc.property(fc.array(anyRow, { maxLength: 3 }), (rows) => {
        expect(outcome(() => decodeHot(rows).ticks)).toBeDefined();
      }),
    );
  });

  test('with wrong bytes are damaged or other ticks, and nothing worse', () => {
    fc.assert(
      fc.property(anyTicks, fc.nat(30), anyEdits, fc.nat(20), (ticks, cut, edits, which) => {
        const rows = hotRowsOf(ticks).map((row, i) => (i === which ? { ...row, data: mangled(row.data, cut, edits) } : row));
        expect(outcome(() => decodeHot(rows).ticks)).toBeDefined();
      }),
    );
  });
});
