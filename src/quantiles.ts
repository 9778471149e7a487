/** What counts in buckets say: quantiles, where the buckets are narrow enough. */

/** How many values lie above `over` and not above `to`; the outer bounds may be infinite. */
export interface Bucket {
  readonly over: number;
  readonly to: number;
  readonly count: number;
}

/**
 * Counts of many buckets, side by side: `bounds` holds `over` and `to` of each, one after the other, and is one array for all that have the
 * same. A histogram is an object this way and not sixteen, and whether two have the same bounds is seen at once.
 */
export interface Counts {
  readonly bounds: readonly number[];
  readonly counts: readonly number[];
}

export const NO_COUNTS: Counts = { bounds: [], counts: [] };

export function bucketsOf({ bounds, counts }: Counts): Bucket[] {
  return counts.map((count, i) => ({ over: bounds[2 * i]!, to: bounds[2 * i + 1]!, count }));
}

export function hasSameBounds(a: readonly number[], b: readonly number[]): boolean {
  return a === b || (a.length === b.length && a.every((bound, i) => bound === b[i]));
}

/**
 * A quantile is published when its bucket reaches at most half as far again as it begins: read in the middle of its logarithm, no quantile
 * is off by more than sqrt(1.5), which is 22 % (decision 15).
 */
const WIDEST = 1.5;

export type Resolved =
  | { readonly seconds: number; readonly over: number; readonly to: number }
  /** `bucket`: the one that holds the quantile is too wide; null when nothing was counted. */
  | { readonly seconds: null; readonly bucket: Bucket | null };

/** @param buckets ascending, none within another */
export function quantileOf(buckets: readonly Bucket[], quantile: number): Resolved {
  const total = countOf(buckets);
  if (!(total > 0)) return { seconds: null, bucket: null };
  const rank = quantile * total;
  let below = 0;
  for (const bucket of buckets) {
    if (bucket.count <= 0) continue;
    if (below + bucket.count >= rank) return within(bucket, Math.max(0, (rank - below) / bucket.count));
    below += bucket.count;
  }
  return { seconds: null, bucket: buckets.findLast(({ count }) => count > 0) ?? null };
}

/** Durations within a bucket are taken to be spread evenly over its logarithm. */
function within(bucket: Bucket, share: number): Resolved {
  const { over, to } = bucket;
  if (!(over > 0) || !(to / over <= WIDEST)) return isShort(bucket) ? { seconds: to, over, to } : { seconds: null, bucket };
  return { seconds: over * (to / over) ** Math.min(1, share), over, to };
}

/** Seconds: below this nobody asks for more, and clocks of load tools tell no more. */
const SHORT_S = 0.000_2;

function isShort({ to }: Bucket): boolean {
  return to <= SHORT_S;
}

/** Says of a quantile that was not published which bucket is too wide for it, in milliseconds. */
export function unresolved(bucket: Bucket): string {
  const ms = (seconds: number): string => `${Number((seconds * 1000).toPrecision(4))}`;
  return Number.isFinite(bucket.to)
    ? `it lies anywhere from ${ms(bucket.over)} to ${ms(bucket.to)} ms`
    : `it lies anywhere above ${ms(bucket.over)} ms`;
}

export function countOf(buckets: readonly Bucket[]): number {
  return buckets.reduce((sum, { count }) => sum + Math.max(0, count), 0);
}
