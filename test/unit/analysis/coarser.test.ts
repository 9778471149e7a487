import { describe, expect, test } from 'vitest';
import { blocksTogether, lowestOf, meansOf } from '../../../src/analysis/coarser.ts';
import { movesOf, scatterOf } from '../../../src/analysis/stats.ts';
import { ou, white } from '../../sim/series.ts';

const N = 42;
const series = (signal: (i: number) => number): Float64Array => Float64Array.from({ length: N }, (_, i) => signal(i));
const noise = white(3, 1);

/** Of blocks of which every so many have the bottom of a tooth. */
const bottoms = (every: number, height: number): Float64Array => series((i) => 100 + noise(i) + (i % every === 0 ? 0 : height));

describe('blocks together', () => {
  test('have the bottom that one of them may lack', () => {
    expect(blocksTogether(bottoms(2, 60), bottoms(2, 60))).toBe(2);
    expect(blocksTogether(bottoms(3, 60), bottoms(3, 60))).toBe(3);
  });

  test.each([
    ['noise', series(noise)],
    ['slow noise', series(ou(4, 8, 5))],
    ['a line without noise', series((i) => 3 * i)],
    ['what never moves', series(() => 7)],
    ['a step', series((i) => (i < 20 ? 0 : 60) + noise(i))],
  ])('are not judged instead of one by one: %s', (_, values) => {
    expect(blocksTogether(values, values)).toBe(1);
  });

  test('are never so many that few points are left', () => {
    const few = bottoms(2, 60).subarray(0, 27);
    expect(blocksTogether(few, few)).toBe(1);
  });

  test('are aligned to the end', () => {
    const values = Float64Array.of(9, 1, 5, 4, 2);
    expect([...lowestOf(values, 2)]).toEqual([1, 2]);
    expect([...meansOf(values, 2)]).toEqual([3, 3]);
  });
});

test('what happens often counts as noise, what happens once does not', () => {
  const step = series((i) => (i < 20 ? 0 : 60) + noise(i));
  expect(movesOf(step)).toBeLessThan(2 * scatterOf(step));
  const teeth = series((i) => 10 * (i % 7));
  expect(scatterOf(teeth)).toBe(0);
  expect(movesOf(teeth)).toBeGreaterThan(10);
});
