/** Oracles: SciPy 1.17.1 (`scipy.stats.t`, `scipy.stats.norm`), computed once. */
import * as fc from '../../property.ts';
import { describe, expect, test } from 'vitest';
import {
  logGamma,
  median,
  normalCdf,
  normalQuantile,
  quantileOf,
  root,
  studentCdf,
  studentQuantile,
  studentTable,
} from '../../../src/analysis/stats.ts';

function near(actual: number, expected: number, relative: number): void {
  expect(Math.abs(actual - expected), `${actual} is not ${expected}`).toBeLessThanOrEqual(relative * Math.abs(expected));
}

const QUANTILES = [
  [0.975, 1, 12.706204736174694],
  [0.9995, 1, 636.6192487687897],
  [0.025, 2, -4.302652729749464],
  [0.9, 4, 1.533206274058944],
  [0.9995, 4, 8.610301581379522],
  [0.975, 10, 2.228138851986274],
  [0.9, 30, 1.3104150253913955],
  [0.9995, 38, 3.565678071580273],
  [0.025, 120, -1.9799304050824411],
] as const;

const CDFS = [
  [-8, 1, 0.039583424160565546],
  [-3.62, 3, 0.018123698092026696],
  [13.5, 3, 0.9995605326057946],
  [-8, 7, 4.557460585437679e-5],
  [0.3, 7, 0.6135549747989328],
  [-8, 38, 5.696681374249824e-10],
  [-3.62, 38, 0.0004280910105899477],
  [2.5, 38, 0.9915732611393004],
] as const;

describe('Student', () => {
  test.each(QUANTILES)('quantile %d of df %d', (p, df, expected) => near(studentQuantile(p, df), expected, 1e-11));
  test('a quantile does not depend on what was asked before, also where probability and df have the same sum', () => {
    expect(200 + (0.975 + 5e-15)).toBe(200 + 0.975);
    expect(studentQuantile(0.975 + 5e-15, 200)).toBeGreaterThan(studentQuantile(0.975, 200));
  });

  test.each(CDFS)('P(T <= %d), df %d', (t, df, expected) => near(studentCdf(t, df), expected, 1e-11));

  test('beyond the table the tail falls as it should', () => {
    for (const df of [3, 5, 20, 37]) {
      for (const t of [-13, -20, -60]) expect(Math.abs(studentTable(df).cdf(t) / studentCdf(t, df) - 1)).toBeLessThan(0.1);
    }
  });

  test('the table says the same as the function, to 2e-8', () => {
    for (const df of [4, 5, 20, 37]) {
      for (let t = -12; t <= 12; t += 0.0173) expect(Math.abs(studentTable(df).cdf(t) - studentCdf(t, df))).toBeLessThan(2e-8);
    }
  });

  test('the quantile is the inverse of the distribution', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-6, max: 1 - 1e-6, noNaN: true }), fc.integer({ min: 1, max: 60 }), (p, df) => {
        near(studentCdf(studentQuantile(p, df), df), p, 1e-9);
      }),
    );
  });

  test('infinities are certain', () => {
    expect([studentCdf(-Infinity, 5), studentCdf(Infinity, 5)]).toEqual([0, 1]);
  });
});

describe('normal', () => {
  test.each([
    [1e-9, -5.9978070150076865],
    [0.00015, -3.615300006924662],
    [0.025, -1.9599639845400545],
    [0.3, -0.5244005127080409],
    [0.9, 1.2815515655446004],
    [0.9995, 3.2905267314919255],
  ])('quantile %d', (p, expected) => {
    near(normalQuantile(p), expected, 1e-10);
    near(normalCdf(expected), p, 1e-9);
  });
});

test('ln Gamma of what is known exactly', () => {
  near(logGamma(0.5), Math.log(Math.sqrt(Math.PI)), 1e-13);
  near(logGamma(6), Math.log(120), 1e-13);
  near(logGamma(101), 363.73937555556347, 1e-13);
});

describe('root', () => {
  test('finds the zero of a rising function, and the end when it is outside', () => {
    near(
      root((x) => x ** 3 - 2, 0, 100),
      2 ** (1 / 3),
      1e-12,
    );
    expect(root((x) => x + 5, 0, 1)).toBe(0);
    expect(root((x) => x - 5, 0, 1)).toBe(1);
  });
});

test('median', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, -1, 10, 3])).toBe(3.5);
  expect(median([])).toBeNaN();
});

test('the same as in a sorted copy, whatever the order and however many are equal or missing', () => {
  const positiveZero = (value: number): number => value + 0; // -0 is equal, and stands wherever it stood
  const value = fc.oneof(
    fc.integer({ min: -3, max: 3 }),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map(positiveZero),
    fc.constant(NaN),
  );
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 300 }), fc.double({ min: 0, max: 1, noNaN: true }), (values, share) => {
      const sorted = Float64Array.from(values).toSorted();
      const last = sorted.length - 1;
      const [low, high] = [Math.floor(last / 2), Math.ceil(last / 2)];
      expect(median(values)).toEqual(low === high ? sorted[low]! : (sorted[low]! + sorted[high]!) / 2);
      const at = Math.floor(share * last);
      const next = sorted[Math.min(at + 1, last)]!;
      expect(quantileOf(Float64Array.from(values), share)).toEqual(sorted[at]! + (share * last - at) * (next - sorted[at]!));
    }),
    { numRuns: fc.tries(1000) },
  );
});
