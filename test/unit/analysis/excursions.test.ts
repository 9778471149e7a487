import { describe, expect, test } from 'vitest';
import { withoutExcursions } from '../../../src/analysis/excursions.ts';
import { ou, white } from '../../sim/series.ts';

const N = 40;
const noise = white(3, 1);

function kept(signal: (i: number) => number): number[] | null {
  const mask = withoutExcursions(Float64Array.from({ length: N }, (_, i) => 100 + signal(i) + noise(i)));
  return mask && Array.from(mask, (value, i) => (value === 1 ? -1 : i)).filter((i) => i >= 0);
}

const between = (from: number, to: number, height: number) => (i: number) => (i >= from && i < to ? height : 0);

describe('what came and went', () => {
  test.each([
    ['a batch', between(20, 26, 60), [20, 21, 22, 23, 24, 25]],
    ['a spike of one block', between(11, 12, 60), [11]],
    ['a dip', between(20, 23, -60), [20, 21, 22]],
    ['a batch with flanks', (i: number) => [0, 30, 60, 60, 25, 0][i - 19] ?? 0, [20, 21, 22, 23]],
    ['a dip that is filled step by step', (i: number) => [-60, -60, -40, -40, -25, -25][i - 14] ?? 0, [14, 15, 16, 17, 18, 19]],
    ['of what swings to either side only what comes back', (i: number) => [-60, 60, -60][Math.floor((i - 10) / 4)] ?? 0, [14, 15, 16, 17]],
    [
      'one whose last step is small',
      (i: number) => [-90, -90, -90, -50, -50, -12, -12, -12][i - 14] ?? 0,
      [14, 15, 16, 17, 18, 19, 20, 21],
    ],
  ])('%s is left out', (_, signal, left) => {
    expect(kept(signal)).toEqual(left);
  });

  test.each([0.5, 6])('beside growth of %d a point, too, with what belongs to its edges', (growth) => {
    const left = kept((i) => growth * i + between(20, 26, 200)(i))!;
    expect(left).toEqual(expect.arrayContaining([20, 21, 22, 23, 24, 25]));
    expect(left.length).toBeLessThanOrEqual(8);
  });

  test('two are, while most of the run is left', () => {
    expect(kept((i) => between(8, 12, 60)(i) + between(24, 28, 60)(i))).toEqual([8, 9, 10, 11, 24, 25, 26, 27]);
    const often = (i: number): number => (i % 6 < 3 ? 60 : 0);
    expect(kept(often)).toBeNull();
  });

  test.each([
    ['noise', () => 0],
    ['slow noise', ou(4, 8, 5)],
    ['a line', (i: number) => 3 * i],
    ['a step', between(20, N, 60)],
    ['stairs', (i: number) => 60 * Math.floor(i / 10)],
    ['what falls to a new level', (i: number) => between(20, 26, 60)(i) + between(26, N, 25)(i)],
    ['what comes to a new level step by step', (i: number) => [-60, -60, -60, -30, -30, -30][i - 14] ?? (i < 14 ? 0 : 25)],
    ['what may not have ended', between(36, N, 60)],
    ['what was there from the start', between(0, 6, 60)],
    ['what just ended', between(30, 38, 60)],
    ['a slow cycle', (i: number) => 40 * Math.sin(i / 5)],
    ['slow climbs and sudden falls', (i: number) => 60 * ((i % 13) / 13)],
  ])('%s is kept', (_, signal) => {
    expect(kept(signal)).toBeNull();
  });

  test.each([
    ['a step within a block', (i: number) => (i === 20 ? 25 : between(20, N, 60)(i)), [20]],
    ['a rise within two', (i: number) => [0, 15, 45][i - 19] ?? between(20, N, 60)(i), [20, 21]],
    ['stairs within blocks', (i: number) => 60 * Math.floor((i + 9) / 10) - (i % 10 === 1 ? 30 : 0), [1, 11, 21, 31]],
  ])('of %s what is on its way to another level is left out', (_, signal, left) => {
    expect(kept(signal)).toEqual(left);
  });

  test('what rises for longer is kept', () => {
    expect(kept((i) => 60 * Math.max(0, Math.min(1, (i - 15) / 6)))).toBeNull();
  });

  test('of what never moves, and of a handful of points, nothing is left out', () => {
    expect(withoutExcursions(new Float64Array(N).fill(7))).toBeNull();
    expect(withoutExcursions(Float64Array.of(1, 9, 1))).toBeNull();
  });
});
