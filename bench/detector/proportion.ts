/** How sure a share of runs is. */
import { logGamma, root } from '../../src/analysis/stats.ts';

/** P(at most k of n) of a binomial distribution, 0 < p < 1. */
export function binomialCdf(k: number, n: number, p: number): number {
  let sum = 0;
  for (let i = 0; i <= k; i++) {
    sum += Math.exp(logGamma(n + 1) - logGamma(i + 1) - logGamma(n - i + 1) + i * Math.log(p) + (n - i) * Math.log1p(-p));
  }
  return Math.min(1, sum);
}

/** Upper bound, with 95 % confidence, of a rate of which k of n were seen (Clopper and Pearson, Biometrika 26, 1934, one-sided). */
export function upperBound(k: number, n: number): number {
  return k >= n ? 1 : root((p) => 0.05 - binomialCdf(k, n, p), 1e-12, 1 - 1e-12);
}
