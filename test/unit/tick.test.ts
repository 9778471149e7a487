import { expect, test } from 'vitest';
import { Batch } from '../../src/tick.ts';

test('what is no measurement is no sample: what judges squares it', () => {
  const batch = new Batch();
  for (const value of [1, NaN, Infinity, -Infinity, Number.MAX_VALUE, -1e76, -1e75]) batch.set(0, value, 0);
  batch.set(-1, 1, 0);
  const { length, values } = batch.pending;
  expect(Array.from(values.subarray(0, length))).toEqual([1, -1e75]);
});
