/** Quantiles from counts in buckets, where the buckets are fine enough to tell them. */
import type { Bucket } from './point.ts';

/** Decision 15: half as wide again as its lower bound is an error of at most 22 %. */
const WIDEST = 1.5;

/** The quantile (0 to 1), placed in its bucket by the share of values below; null when there is no value, or its bucket is too wide. */
export function resolvedQuantile(buckets: readonly Bucket[], quantile: number): number | null {
  let total = 0;
  for (const { count } of buckets) total += count;
  if (!(total > 0)) return null;
  const rank = quantile * total;
  let below = 0;
  for (const { over, to, count } of buckets) {
    below += count;
    if (count === 0 || below < rank) continue;
    if (!(over > 0) || !Number.isFinite(to) || to / over > WIDEST) return null;
    return over + (to - over) * ((rank - (below - count)) / count);
  }
  return null;
}
