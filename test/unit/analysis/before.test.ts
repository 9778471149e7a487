/** What a level did before it was judged. */
import { expect, test } from 'vitest';
import { movedBefore } from '../../../src/analysis/before.ts';
import type { Bins } from '../../../src/store.ts';

/** Bins of a minute, from the third on; null is one without samples. */
function bins(...means: (number | null)[]): Bins {
  const column = (of: (mean: number | null) => number): Float64Array => Float64Array.from(means, of);
  const count = column((mean) => (mean === null ? 0 : 6));
  const sum = column((mean) => 6 * (mean ?? 0));
  const some = column((mean) => mean ?? 0);
  return { width: 60, first: 2, length: means.length, count, sum, min: some, max: some } as unknown as Bins;
}

test('is told from the first bin to the one with which judging begins', () => {
  expect(movedBefore(bins(100, 150, 180, 200, 201), 'gauge', 300)).toEqual({ from: 100, to: 200 });
  expect(movedBefore(bins(null, 300, 150, null, 201), 'gauge', 300)).toEqual({ from: 300, to: 201 });
});

test('is nothing where it is alike, where all is judged, and of what only counts', () => {
  expect(movedBefore(bins(195, 400, 180, 200, 201), 'gauge', 300)).toBeNull();
  expect(movedBefore(bins(100, 150, 180), 'gauge', 120)).toBeNull();
  expect(movedBefore(bins(100, 150, 180), 'gauge', 900)).toBeNull();
  expect(movedBefore(bins(100, 150, 180, 200), 'counter', 300)).toBeNull();
});
