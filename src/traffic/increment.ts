/** What was added to the counters and histograms of one sender since its export before. */
import type { Deltas } from '../intake/deltas.ts';
import type { Bucket, CounterPoint, HistogramPoint } from '../intake/point.ts';

export interface Increment {
  /** Of a counter its increase, of a histogram how many values. */
  readonly count: number;
  /** Of the values; null: not told. */
  readonly sum: number | null;
  /** Null: a counter. */
  readonly buckets: readonly Bucket[] | null;
  /** The time it took to come about; null: not told. */
  readonly seconds: number | null;
}

/** Artillery's period, which is another label with every export. */
const PASSING = ['startTime', 'endTime'];

/**
 * Null when nothing is known of what was before.
 * @param from two senders may use the same labels; `now` is run time
 */
export function incrementOf(
  deltas: Deltas,
  point: CounterPoint | HistogramPoint,
  from: { readonly sender: string; readonly now: number },
): Increment | null {
  const labels: Record<string, string> = { ...point.labels, 'soak.sender': from.sender };
  // An object of which something was deleted is a slow one.
  for (const name of PASSING) if (name in labels) delete labels[name];
  const delta = deltas.take({ ...point, labels }, from.now);
  if (delta === null) return null;
  const { wall, since } = delta;
  const seconds = wall !== null && since !== null && wall > since ? wall - since : null;
  return delta.kind === 'counter'
    ? { count: delta.value, sum: null, buckets: null, seconds }
    : { count: delta.count, sum: delta.sum, buckets: delta.buckets, seconds };
}
