import { describe, expect, test } from 'vitest';
import { evidenceOf } from '../../../src/analysis/evidence.ts';
import { fitAll, type Fits } from '../../../src/analysis/fit.ts';
import { dot } from '../../../src/analysis/gls.ts';
import { multiply } from '../../../src/analysis/multiply.ts';
import { ALL_SHAPES, SCREEN_SHAPES } from '../../../src/analysis/shapes.ts';
import { weigh } from '../../../src/analysis/weights.ts';
import { Random } from '../../../bench/detector/random.ts';

const random = new Random('weights');

function fitsOf(n: number, signal: (x: number) => number, shapes = ALL_SHAPES, noise = 1): Fits {
  const t = Float64Array.from({ length: n }, (_, i) => i);
  const y = t.map((at) => signal(at / (n - 1)) + noise * random.normal());
  return fitAll({ n, t, y, life: new Int32Array(n), lives: 1, step: 1, covariates: [], work: null }, shapes, 0, false)!;
}

/** exp(evidence), without the bumps, added up to 1. */
function byLogarithms(fits: Fits): number[] {
  const logs = [...fits.rest.keys()].map((i) => (isBump(fits, i) ? -Infinity : evidenceOf(fits, i)));
  const top = Math.max(...logs);
  const sum = logs.reduce((all, log) => all + Math.exp(log - top), 0);
  return logs.map((log) => Math.exp(log - top) / sum);
}

const isBump = ({ shapes }: Fits, i: number): boolean => shapes[i % shapes.length]!.kind === 'bump';

describe('what fits weigh is their evidence', () => {
  test.each([
    ['noise, an even number of points', 40, () => 0, ALL_SHAPES, 1],
    ['noise, an odd number', 39, () => 0, ALL_SHAPES, 1],
    ['a line', 44, (x: number) => 30 * x, ALL_SHAPES, 1],
    ['a step in next to no noise', 44, (x: number) => (x > 0.4 ? 1e6 : 0), ALL_SHAPES, 1e-3],
    ['a visit, which has no weight of its own', 44, (x: number) => (x > 0.1 && x < 0.3 ? 50 : 0), ALL_SHAPES, 1],
    ['a screen', 44, (x: number) => 3 * x, SCREEN_SHAPES, 1],
  ])('%s', (_, n, signal, shapes, noise) => {
    const fits = fitsOf(n, signal, shapes, noise);
    const expected = byLogarithms(fits);
    const { fits: found, shapes: own, peaks } = weigh(fits);
    found.forEach((weight, i) => expect(weight).toBeCloseTo(expected[i]!, 10));
    own.forEach((weight, s) => {
      const mine = expected.filter((__, i) => i % own.length === s);
      expect(weight).toBeCloseTo(
        mine.reduce((sum, one) => sum + one, 0),
        10,
      );
      expect(peaks[s]).toBeCloseTo(Math.max(...mine), 10);
    });
  });

  test('and the likeliest bump is told by its odds against the likeliest other fit', () => {
    const fits = fitsOf(44, (x) => (x > 0.13 && x < 0.36 ? 8 : 0));
    const evidence = [...fits.rest.keys()].map((i) => evidenceOf(fits, i));
    const best = (bumps: boolean): number => Math.max(...evidence.filter((__, i) => isBump(fits, i) === bumps));
    const { bump } = weigh(fits);
    expect(bump!.lead).toBeCloseTo(best(true) - best(false), 9);
    expect(fits.shapes[bump!.shape]!.kind).toBe('bump');
    expect(fits.shapes[bump!.shape]!.at).toBe(0.36);
  });
});

test.each([
  [1, 8],
  [2, 8],
  [7, 4],
  [12, 5],
  [13, 9],
  [5, 1],
])('products of %i columns with %i vectors are those of each with each, bit for bit', (count, vectors) => {
  const n = 11;
  const columns = Float64Array.from({ length: count * n }, () => random.normal());
  const given = Array.from({ length: vectors }, () => Float64Array.from({ length: n }, () => random.normal()));
  const out = given.map(() => new Float64Array(count + 1).fill(7));
  multiply(columns, count, given, out);
  given.forEach((vector, v) => {
    expect([...out[v]!]).toEqual([...Array.from({ length: count }, (_, c) => dot(columns, c * n, vector, 0, n)), 7]);
  });
});
