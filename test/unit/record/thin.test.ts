import { DatabaseSync } from 'node:sqlite';
import * as fc from '../../property.ts';
import { describe, expect, test } from 'vitest';
import { decodeChunk } from '../../../src/record/chunk.ts';
import { RollUp } from '../../../src/record/rollup.ts';
import { create } from '../../../src/record/schema.ts';
import { hotRowsOf } from '../../../src/record/hot.ts';
import { halve, insertChunk, thinOnce } from '../../../src/record/thin.ts';
import { Batch, type Tick } from '../../../src/tick.ts';
import { anyTicks } from '../../fixtures/record/ticks.ts';

function database(): DatabaseSync {
  const db = new DatabaseSync(':memory:');
  create(db);
  return db;
}

function tick(n: number, values: Readonly<Record<number, number>>, t = n): Tick {
  const batch = new Batch();
  for (const [series, value] of Object.entries(values)) batch.set(Number(series), value, t);
  return batch.close(n, t, t);
}

/** Chunks of ten ticks each: series 0 in every tick, series 1 in every odd one. */
function withChunks(count: number): DatabaseSync {
  const db = database();
  for (let first = 0; first < count * 10; first += 10) {
    const ticks = Array.from({ length: 10 }, (_, i) => tick(first + i, i % 2 === 1 ? { 0: first + i, 1: first + i } : { 0: first + i }));
    insertChunk(db, { first, last: first + 9, last_t: first + 9, last_wall: first + 9, level: 0 }, hotRowsOf(ticks));
  }
  return db;
}

function chunks(db: DatabaseSync): { first: number; last: number; level: number; ticks: Tick[] }[] {
  const rows = db.prepare('SELECT first, last, level, data FROM chunk ORDER BY first').all() as {
    first: number;
    last: number;
    level: number;
    data: Uint8Array;
  }[];
  return rows.map(({ first, last, level, data }) => ({ first, last, level, ticks: decodeChunk(data) }));
}

function valuesOf(ticks: readonly Tick[], series: number): number[] {
  return ticks.flatMap(({ samples }) =>
    Array.from(samples.values.subarray(0, samples.length)).filter((_, i) => samples.series[i] === series),
  );
}

function flat(ticks: readonly Tick[]): unknown[][] {
  return ticks.flatMap(({ n, samples }) =>
    Array.from({ length: samples.length }, (_, i) => [n, samples.series[i], samples.values[i], samples.at[i]]),
  );
}

/** Two series over the given minutes, the second only in every third. */
function withMinutes(count: number): DatabaseSync {
  const db = database();
  const rollup = new RollUp(db);
  for (let minute = 0; minute < count; minute++) {
    rollup.fold(tick(minute, minute % 3 === 0 ? { 0: minute, 1: 1000 - minute } : { 0: minute }, minute * 60));
    rollup.write();
  }
  return db;
}

function rows(db: DatabaseSync, series: number): Record<string, number>[] {
  const found = db.prepare('SELECT minute, minutes, count, min, max, mean, last FROM rollup WHERE series = ? ORDER BY minute').all(series);
  return found.map((row) => ({ ...row })) as Record<string, number>[];
}

describe('halving ticks', () => {
  test('keeps every second sample of every series, whatever its period', () => {
    const kept = halve(chunks(withChunks(1))[0]!.ticks);
    expect(valuesOf(kept, 0)).toEqual([0, 2, 4, 6, 8]);
    expect(valuesOf(kept, 1)).toEqual([1, 5, 9]);
  });

  test('drops a tick that has nothing left, and keeps the only sample of a series', () => {
    expect(halve([tick(0, { 0: 1 }), tick(1, { 0: 2 }), tick(2, { 5: 3 })]).map(({ n }) => n)).toEqual([0, 2]);
  });

  test('keeps real samples with their stamps, in order', () => {
    fc.assert(
      fc.property(anyTicks, (ticks) => {
        const seen = new Map<unknown, number>();
        const expected = flat(ticks).filter((sample) => {
          const id = sample[1];
          seen.set(id, (seen.get(id) ?? 0) + 1);
          return seen.get(id)! % 2 === 1;
        });
        expect(flat(halve(ticks))).toStrictEqual(expected);
      }),
    );
  });
});

describe('thinning chunks', () => {
  test('takes the oldest pair first and says what it covers', () => {
    const db = withChunks(4);
    expect(thinOnce(db)).toBe(true);
    expect(chunks(db).map(({ first, last, level }) => [first, last, level])).toEqual([
      [0, 19, 1],
      [20, 29, 0],
      [30, 39, 0],
    ]);
    expect(valuesOf(chunks(db)[0]!.ticks, 0)).toEqual([0, 2, 4, 6, 8, 10, 12, 14, 16, 18]);
  });

  test('never makes older chunks finer than newer ones, and keeps resolution in proportion to age', () => {
    const db = withChunks(64);
    for (let step = 0; step < 44; step++) {
      thinOnce(db);
      const levels = chunks(db).map(({ level }) => level);
      expect(levels).toEqual(levels.toSorted((a, b) => b - a));
    }
    const levels = chunks(db).map(({ level }) => level);
    expect(levels).toHaveLength(20);
    expect(Math.max(...levels)).toBeGreaterThanOrEqual(3);
    expect(levels.at(-1)).toBe(0);
  });

  test('goes on until one chunk is left, and stops there', () => {
    const db = withChunks(21);
    let steps = 0;
    while (thinOnce(db)) steps++;
    expect(steps).toBe(20);
    expect(chunks(db)).toHaveLength(1);
    expect(chunks(db)[0]!.last).toBe(209); // it still says where the run is
  });
});

describe('thinning roll-ups', () => {
  test('merges the oldest two minutes, series by series', () => {
    const db = withMinutes(70);
    expect(thinOnce(db)).toBe(true);
    expect(rows(db, 0).slice(0, 2)).toEqual([
      { minute: 0, minutes: 2, count: 2, min: 0, max: 1, mean: 0.5, last: 1 },
      { minute: 2, minutes: 1, count: 1, min: 2, max: 2, mean: 2, last: 2 },
    ]);
    expect(rows(db, 1)[0]).toEqual({ minute: 0, minutes: 2, count: 1, min: 1000, max: 1000, mean: 1000, last: 1000 });
  });

  test('ends, loses no sample from its counts, and leaves the last hour', () => {
    const db = withMinutes(1000);
    let steps = 0;
    while (thinOnce(db)) expect(++steps).toBeLessThan(1000);
    for (const series of [0, 1]) {
      const all = rows(db, series);
      expect(all.reduce((sum, row) => sum + row['count']!, 0)).toBe(series === 0 ? 1000 : 334);
      expect(all.length).toBeLessThan(series === 0 ? 85 : 45);
      let end = 0;
      for (const { minute, minutes } of all) {
        expect(minute).toBeGreaterThanOrEqual(end); // no two roll-ups overlap
        end = minute! + minutes!;
      }
    }
    const fine = rows(db, 0).filter(({ minute }) => minute! >= 940);
    expect(fine.every(({ minutes }) => minutes === 1)).toBe(true);
    const [first] = rows(db, 0);
    expect(first!['mean']).toBeCloseTo((first!['minutes']! - 1) / 2, 9);
    expect(first!['last']).toBe(first!['minutes']! - 1);
  });
});
