/** What was added to the counters and histograms of one sender since its export before. */
import type { Deltas } from '../intake/deltas.ts';
import type { CounterPoint, HistogramPoint } from '../intake/point.ts';
import type { Counts } from '../quantiles.ts';

export interface Increment {
  /** Of a counter its increase, of a histogram how many values. */
  readonly count: number;
  /** Of the values; null: not told. */
  readonly sum: number | null;
  /** Null: a counter. */
  readonly buckets: Counts | null;
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
  const delta = deltas.take(withoutPassing(point), from.now, from.sender);
  if (delta === null) return null;
  const { wall, since } = delta;
  const seconds = wall !== null && since !== null && wall > since ? wall - since : null;
  return delta.kind === 'counter'
    ? { count: delta.value, sum: null, buckets: null, seconds }
    : { count: delta.count, sum: delta.sum, buckets: delta.buckets, seconds };
}

function withoutPassing<P extends CounterPoint | HistogramPoint>(point: P): P {
  if (!PASSING.some((name) => name in point.labels)) return point;
  return { ...point, labels: Object.fromEntries(Object.entries(point.labels).filter(([name]) => !PASSING.includes(name))) };
}
