/** Percentage points of Student's distribution as printed: Abramowitz and Stegun, Handbook of Mathematical Functions, table 26.10. */
import { describe, expect, test } from 'vitest';
import { studentCdf, studentQuantile, studentTable } from '../../../src/analysis/stats.ts';

const P = [0.95, 0.975, 0.99, 0.995] as const;

const PRINTED: readonly (readonly [number, readonly number[]])[] = [
  [1, [6.314, 12.706, 31.821, 63.657]],
  [2, [2.92, 4.303, 6.965, 9.925]],
  [3, [2.353, 3.182, 4.541, 5.841]],
  [4, [2.132, 2.776, 3.747, 4.604]],
  [5, [2.015, 2.571, 3.365, 4.032]],
  [10, [1.812, 2.228, 2.764, 3.169]],
  [20, [1.725, 2.086, 2.528, 2.845]],
  [30, [1.697, 2.042, 2.457, 2.75]],
  [60, [1.671, 2, 2.39, 2.66]],
  [120, [1.658, 1.98, 2.358, 2.617]],
];

describe.each(PRINTED)('%i degrees of freedom', (df, quantiles) => {
  test.each(quantiles.map((t, i) => [P[i]!, t] as const))('P(T <= t) = %d at t = %d', (p, t) => {
    expect(Math.abs(studentQuantile(p, df) - t)).toBeLessThanOrEqual(0.000_501);
    expect(studentCdf(studentQuantile(p, df), df)).toBeCloseTo(p, 10);
    expect(studentTable(df).cdf(-t)).toBeCloseTo(1 - p, 4);
  });
});
