/**
 * The latency histogram of each target, put together from the counters of its buckets. Those are as fine as what senders tell and are
 * recorded; what is exported has bounds that never change, because Prometheus can only add up buckets of equal bounds.
 */
import type { RunState } from '../runstate.ts';
import type { Series } from '../series.ts';
import { METRICS } from './runmetrics.ts';

/**
 * Seconds: those of OpenTelemetry's `http.server.request.duration`, with more between 0.1 and 1 s, where most limits are, and beyond 10 s, where
 * timeouts are. 20 bounds are 23 samples a target.
 */
export const BOUNDS_S = [0.001, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 1.5, 2.5, 5, 7.5, 10, 30] as const;

/** Lines of a page that one histogram makes: its bounds, the infinite one, the sum and the count. */
export const SAMPLES_EACH = BOUNDS_S.length + 3;

const BUCKET = `${METRICS.duration.name}.bucket`;
const SUM = `${METRICS.duration.name}.sum`;
const COUNT = `${METRICS.duration.name}.count`;

/** Six digits tell bounds apart (`traffic/buckets.ts`), so one that is equal up to there is the same one. */
const SAME = 1 + 1e-5;

/** As the SDK has it. */
export interface Histogram {
  readonly buckets: { boundaries: number[]; counts: number[] };
  readonly count: number;
  readonly sum?: number;
}

export interface TargetHistogram {
  readonly target: string | null;
  readonly value: Histogram;
}

/**
 * Of each target whose load is told of now. A bucket that nobody has fallen into for hours is not fresh and counts all the same; one of
 * before the agent was started again does not, because totals begin anew then.
 * @param parts the series of the metrics that are exported as the histogram
 */
export function histograms(parts: readonly Series[], state: Pick<RunState, 'store' | 'fresh' | 'timeline'>): TargetHistogram[] {
  const since = state.timeline.lives(null, null).at(-1) ?? 0;
  const current = parts.filter(({ id }) => state.store.at(id) >= since);
  return [...Map.groupBy(current, ({ target }) => target)].flatMap(([target, own]) => {
    const isTold = own.some((series) => state.fresh(series) !== null);
    const buckets = own.filter(({ def }) => def.name === BUCKET);
    return isTold && buckets.length > 0 ? [{ target, value: histogramOf(buckets, own, state) }] : [];
  });
}

function histogramOf(buckets: readonly Series[], own: readonly Series[], { store }: Pick<RunState, 'store'>): Histogram {
  const counts = [...BOUNDS_S, Infinity].map(() => 0);
  let count = 0;
  for (const { id, labels } of buckets) {
    const to = Number(labels['soak.bucket.to'] === '+Inf' ? Infinity : labels['soak.bucket.to']);
    const found = BOUNDS_S.findIndex((bound) => to <= bound * SAME);
    counts[found < 0 ? BOUNDS_S.length : found]! += store.value(id);
    count += store.value(id);
  }
  const total = (name: string): number | undefined => {
    const series = own.find(({ def }) => def.name === name);
    return series && store.value(series.id);
  };
  const sum = total(SUM);
  // A sum of other requests than those in the buckets would make a wrong mean.
  const isOfThese = sum !== undefined && total(COUNT) === count;
  return { buckets: { boundaries: [...BOUNDS_S], counts }, count, ...(isOfThese ? { sum } : {}) };
}
