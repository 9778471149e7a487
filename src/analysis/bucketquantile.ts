/** Where a quantile of a window lies when only counts of values in buckets are known: at a point, or between the bounds of a wide bucket. */
import { type Bucket, quantileOf } from '../quantiles.ts';
import type { WindowValue } from './windowed.ts';

/** Less than any figure shows. */
const EDGE = 1e-9;

/** Of all values in the buckets, which must not overlap; null when there are none. */
export function quantileIn(buckets: readonly Bucket[], q: number): WindowValue | null {
  const found = quantileOf(
    buckets.toSorted((a, b) => a.to - b.to),
    q,
  );
  if (found.seconds !== null) return { lo: found.seconds, hi: found.seconds };
  if (found.bucket === null) return null;
  // Values lie above `over` and not above `to`: a rule whose value is a bound of the bucket is decided by it.
  const { over, to } = found.bucket;
  return { lo: Math.max(0, over) * (1 + EDGE), hi: to * (1 - EDGE) };
}
