import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { RollUp } from '../../../src/record/rollup.ts';
import { create } from '../../../src/record/schema.ts';
import { Batch, type Tick } from '../../../src/tick.ts';

function tick(t: number, ...samples: [series: number, value: number][]): Tick {
  const batch = new Batch();
  for (const [series, value] of samples) batch.set(series, value, t);
  return batch.close(t, t, t);
}

test('a minute is rolled up by series, and only series with samples have a row', () => {
  const db = new DatabaseSync(':memory:');
  create(db);
  const rollup = new RollUp(db);
  expect(rollup.isOver(59)).toBe(false);
  rollup.fold(tick(1, [0, -5], [300, 7]));
  rollup.fold(tick(59.9, [0, 4], [0, 1]));
  expect(rollup.isOver(59.99)).toBe(false);
  expect(rollup.isOver(60)).toBe(true);
  rollup.write();
  rollup.fold(tick(125, [2, 3]));
  rollup.write();
  expect(
    db
      .prepare('SELECT * FROM rollup')
      .all()
      .map((row) => ({ ...row })),
  ).toEqual([
    { minute: 0, series: 0, minutes: 1, count: 3, min: -5, max: 4, mean: 0, last: 1 },
    { minute: 0, series: 300, minutes: 1, count: 1, min: 7, max: 7, mean: 7, last: 7 },
    { minute: 2, series: 2, minutes: 1, count: 1, min: 3, max: 3, mean: 3, last: 3 },
  ]);
});
