import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from '../property.ts';
import { describe, expect, test } from 'vitest';
import { type Hsperfdata, parseHsperfdata } from '../../src/sources/hsperfdata.ts';
import { givesPoints, type HeapPoint, HeapPoints } from '../../src/sources/runtime-heap.ts';

const FIXTURES = join(import.meta.dirname, '../fixtures/hsperfdata');

interface Recording {
  readonly names: readonly (string | null)[];
  readonly columns: readonly string[];
  readonly rows: readonly (number | string | null)[][];
}

/** One reading a second of a real JVM, as the parser would give them. */
function recording(name: string): { at: number; data: Hsperfdata }[] {
  const { names, columns, rows } = JSON.parse(readFileSync(join(FIXTURES, `${name}.json`), 'utf8')) as Recording;
  return rows.map((row) => {
    const numbers = new Map<string, number>();
    const texts = new Map<string, string>(
      names.flatMap((text, i) => (text === null ? [] : [[`sun.gc.collector.${i}.name`, text] as const])),
    );
    columns.forEach((column, i) => {
      if (typeof row[i] === 'number') numbers.set(column, row[i]);
      if (typeof row[i] === 'string') texts.set(column, row[i]);
    });
    return { at: Number(row[0]), data: { numbers, texts } };
  });
}

function points(readings: readonly { at: number; data: Hsperfdata }[]): HeapPoint[] {
  const heap = new HeapPoints();
  return readings.flatMap(({ at, data }) => heap.next(data, at) ?? []);
}

const MB = 1_000_000;
const used = (list: readonly HeapPoint[]): number[] => list.map((point) => point.used);
const spread = (list: readonly HeapPoint[]): number => Math.max(...used(list)) - Math.min(...used(list));
const growth = (list: readonly HeapPoint[]): number => list.at(-1)!.used - list[0]!.used;

describe('recorded JVMs', () => {
  test('Serial: a healthy program is flat after collections although its old generation fills and empties', () => {
    const readings = recording('serial-healthy');
    const old = readings.map(({ data }) => data.numbers.get('sun.gc.generation.1.space.0.used')!);
    expect(Math.max(...old) - Math.min(...old)).toBeGreaterThan(30 * MB);
    const list = points(readings);
    expect(list.length).toBeGreaterThanOrEqual(5);
    expect(spread(list)).toBeLessThan(8 * MB); // at most what is promoted in the second before the reading
  });

  test.each(['serial-leak', 'parallel-leak'])('%s: 0.5 MB/s for 45 s', (name) => {
    const list = points(recording(name));
    expect(list.length).toBeGreaterThanOrEqual(5);
    expect(growth(list)).toBeGreaterThan(10 * MB);
  });

  test('G1: a healthy program is flat from cycle to cycle', () => {
    const list = points(recording('g1-healthy'));
    expect(list.length).toBeGreaterThanOrEqual(2);
    expect(spread(list)).toBeLessThan(8 * MB);
  });

  test.each(['g1-leak', 'g1-jdk25-leak', 'zgc-leak'])('%s: 1 MB/s for 45 s', (name) => {
    const list = points(recording(name));
    expect(list.length).toBeGreaterThanOrEqual(3);
    expect(growth(list)).toBeGreaterThan(15 * MB);
  });

  test('points are readings, in order', () => {
    for (const name of ['serial-healthy', 'serial-leak', 'parallel-leak', 'g1-healthy', 'g1-leak', 'g1-jdk25-leak', 'zgc-leak']) {
      const readings = recording(name);
      const list = points(readings);
      expect(list.map((point) => point.at)).toEqual(list.map((point) => point.at).toSorted((a, b) => a - b));
      for (const point of list) {
        const reading = readings.find(({ at }) => at === point.at)!;
        expect(reading.data.numbers.get('sun.gc.generation.1.space.0.used')).toBe(point.used);
      }
    }
  });

  test.each([
    ['jdk17-serial', true],
    ['jdk17-parallel', true],
    ['jdk17-g1', true],
    ['jdk25-serial', true],
    ['jdk25-g1', true],
    ['jdk25-z', true],
    ['jdk17-z', false],
    ['jdk17-shenandoah', false],
  ])('%s gives points: %s', (name, expected) => {
    const data = parseHsperfdata(readFileSync(join(FIXTURES, `${name}.hsperfdata`)));
    if ('defect' in data) throw new Error(data.defect);
    expect(givesPoints(data)).toBe(expected);
  });
});

interface State {
  minor?: number;
  full?: number;
  concurrent?: number;
  used: number;
  cause?: string;
  /** A full collection is running. */
  running?: boolean;
}

/** A reading with as many collections of each kind; the n-th of a kind ends at tick 100 n. */
function reading(names: readonly string[], state: State): Hsperfdata {
  const numbers = new Map([['sun.gc.generation.1.space.0.used', state.used]]);
  const texts = new Map([['sun.gc.cause', state.cause ?? 'No GC']]);
  [state.minor ?? 0, state.full ?? 0, state.concurrent ?? 0].forEach((count, i) => {
    const running = i === 1 && state.running === true;
    texts.set(`sun.gc.collector.${i}.name`, names[i]!);
    numbers.set(`sun.gc.collector.${i}.invocations`, running ? count + 1 : count);
    numbers.set(`sun.gc.collector.${i}.time`, count);
    numbers.set(`sun.gc.collector.${i}.lastEntryTime`, running ? 100 * count + 50 : Math.max(0, 100 * count - 10));
    numbers.set(`sun.gc.collector.${i}.lastExitTime`, 100 * count);
  });
  return { numbers, texts };
}

const SERIAL = ['Serial young collection pauses', 'Serial full collection pauses', ''];
const G1 = ['G1 young collection pauses', 'G1 full collection pauses', 'G1 concurrent cycle pauses'];

function given(names: readonly string[], states: readonly State[]): number[] {
  return used(points(states.map((state, at) => ({ at, data: reading(names, state) }))));
}

describe('stop-the-world collectors', () => {
  test('without a major collection there is no point, however the old generation grows', () => {
    expect(given(SERIAL, [{ used: 1 }, { minor: 1, used: 20 }, { minor: 2, used: 40 }])).toEqual([]);
  });

  test('a collection from before the first reading is none of ours', () => {
    expect(
      given(SERIAL, [
        { full: 3, used: 1 },
        { full: 3, used: 2 },
      ]),
    ).toEqual([]);
  });

  test('each major collection gives one point', () => {
    expect(given(SERIAL, [{ used: 90 }, { full: 1, used: 10 }, { full: 1, used: 20 }, { full: 3, used: 30 }])).toEqual([10, 30]);
  });

  test('one that is running gives none yet', () => {
    expect(given(SERIAL, [{ used: 90 }, { used: 95, running: true, cause: 'System.gc()' }, { full: 1, used: 10 }])).toEqual([10]);
  });

  test('one that has ended but not published its sizes is waited for', () => {
    expect(given(SERIAL, [{ used: 90 }, { full: 1, used: 90, cause: 'Allocation Failure' }, { full: 1, used: 10 }])).toEqual([10]);
  });

  test('when the next is running, the sizes of the one before are out', () => {
    const states = [{ used: 90 }, { full: 1, used: 10, running: true, cause: 'Allocation Failure' }, { full: 2, used: 11 }];
    expect(given(SERIAL, states)).toEqual([10, 11]);
  });
});

describe('G1', () => {
  test('the point of a cycle is the lowest value of its mixed collections', () => {
    const states = [
      { minor: 10, used: 50 },
      { minor: 11, concurrent: 1, used: 60 }, // remark
      { minor: 11, concurrent: 2, used: 58 }, // cleanup
      { minor: 12, concurrent: 2, used: 62 }, // the young collection that prepares the mixed ones
      { minor: 13, concurrent: 2, used: 40 },
      { minor: 14, concurrent: 2, used: 22 },
      { minor: 21, concurrent: 2, used: 30 },
      { minor: 22, concurrent: 2, used: 31 },
      { minor: 30, concurrent: 2, used: 45 },
    ];
    expect(given(G1, states)).toEqual([22]);
  });

  test('the end of the next cycle tells the point of a slow one', () => {
    const states = [
      { minor: 1, used: 50 },
      { minor: 2, concurrent: 2, used: 20 },
      { minor: 3, concurrent: 2, used: 30 },
      { minor: 4, concurrent: 4, used: 25 },
      { minor: 5, concurrent: 6, used: 28 },
    ];
    expect(given(G1, states)).toEqual([20, 25]);
  });

  test('young collections that free humongous objects are not collections of the old generation', () => {
    expect(
      given(
        G1,
        [50, 20, 60, 15, 70, 10].map((value, i) => ({ minor: 20 * i, used: value })),
      ),
    ).toEqual([]);
  });

  test('a full collection gives a point at once, and aborts the cycle', () => {
    const states = [
      { minor: 1, used: 50 },
      { minor: 1, concurrent: 1, used: 50 },
      { minor: 1, concurrent: 1, full: 1, used: 12 },
      { minor: 40, concurrent: 1, full: 1, used: 30 },
      { minor: 41, concurrent: 3, full: 1, used: 20 },
      { minor: 60, concurrent: 3, full: 1, used: 25 },
    ];
    expect(given(G1, states)).toEqual([12, 20]);
    const late = [
      { minor: 1, used: 50 },
      { minor: 2, concurrent: 2, used: 5 },
      { minor: 3, concurrent: 2, full: 1, used: 12 },
      { minor: 40, concurrent: 2, full: 1, used: 30 },
    ];
    expect(given(G1, late)).toEqual([12]);
  });
});

test('any sequence of readings: a point is always a value that was read, and of Serial there are never more than major collections', () => {
  const state = fc.record({ minor: fc.nat(9), full: fc.nat(2), concurrent: fc.nat(3), used: fc.nat(1000), running: fc.boolean() });
  fc.assert(
    fc.property(fc.array(state, { maxLength: 40 }), fc.constantFrom(SERIAL, G1), (steps, names) => {
      let sum = { minor: 0, full: 0, concurrent: 0 };
      const states = steps.map((step): State => {
        sum = { minor: sum.minor + step.minor, full: sum.full + step.full, concurrent: sum.concurrent + step.concurrent };
        return { ...step, ...sum };
      });
      const list = given(names, states);
      for (const value of list) expect(states.map((each) => each.used)).toContain(value);
      if (names === SERIAL) expect(list.length).toBeLessThanOrEqual(sum.full);
    }),
  );
});
