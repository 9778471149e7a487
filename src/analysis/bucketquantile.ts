/** Where a quantile lies when only counts of values in buckets are known. */
import type { WindowValue } from './windowed.ts';

export interface Counted {
  readonly over: number;
  readonly to: number;
  readonly count: number;
}

/**
 * A bucket at most this much wider than its lower bound places its values well enough to interpolate in it: decision 15. Between its bounds
 * a quantile of a wider one is unknown.
 */
const RESOLVED = 1.5;

/** Less than any figure shows. */
const EDGE = 1e-9;

/** Of all values in the buckets, which must not overlap; null when there are none. */
export function quantileOf(buckets: readonly Counted[], q: number): WindowValue | null {
  const known = buckets.filter(({ count }) => count > 0).toSorted((a, b) => a.to - b.to);
  const total = known.reduce((sum, { count }) => sum + count, 0);
  if (total === 0) return null;
  const rank = q * total;
  let below = 0;
  for (const { over, to, count } of known) {
    if (below + count >= rank) return within({ over, to }, (rank - below) / count);
    below += count;
  }
  const { over, to } = known.at(-1)!; // rounding only
  return { lo: over, hi: to };
}

function within({ over, to }: { over: number; to: number }, share: number): WindowValue {
  // Values lie above `over` and not above `to`: a rule whose value is a bound of the bucket is decided by it.
  if (!(over > 0) || !(to / over <= RESOLVED)) return { lo: Math.max(0, over) * (1 + EDGE), hi: to * (1 - EDGE) };
  const at = over + Math.min(1, Math.max(0, share)) * (to - over);
  return { lo: at, hi: at };
}
