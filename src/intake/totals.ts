/** What is remembered of the latest point of a series: where its totals stood, in a tenth of the memory that the point takes. */
import type { Bucket, CounterPoint, HistogramPoint, Temporality } from './point.ts';

export type Counting = CounterPoint | HistogramPoint;

export interface Total {
  readonly temporality: Temporality;
  readonly wall: number | null;
  readonly since: number | null;
  /** The value of a counter, the count of a histogram. */
  readonly total: number;
  readonly sum: number | null;
  /** Of a histogram, how many values each bucket had; null of a counter. */
  readonly counts: readonly number[] | null;
  /** `over` and `to` of each bucket, one after the other; shared by series that have the same. */
  readonly bounds: readonly number[] | null;
}

/** @param shared bounds that it may have, too: those of the series before it */
export function totalOf(point: Counting, shared: readonly number[] | null): Total {
  const { temporality, wall, since } = point;
  const base = { temporality, wall, since };
  if (point.kind === 'counter') return { ...base, total: point.value, sum: null, counts: null, bounds: null };
  const counts = point.buckets.map(({ count }) => count);
  const bounds = shared !== null && hasBounds(point.buckets, shared) ? shared : boundsOf(point.buckets);
  return { ...base, total: point.count, sum: point.sum, counts, bounds };
}

function hasBounds(buckets: readonly Bucket[], bounds: readonly number[]): boolean {
  return bounds.length === 2 * buckets.length && buckets.every(({ over, to }, i) => over === bounds[2 * i] && to === bounds[2 * i + 1]);
}

function boundsOf(buckets: readonly Bucket[]): readonly number[] {
  return buckets.flatMap(({ over, to }) => [over, to]);
}

/** Null when the buckets cannot be compared: other bounds, or one of them has lost values. */
export function grownHistogram(point: HistogramPoint, before: Total): Pick<HistogramPoint, 'count' | 'sum' | 'buckets'> | null {
  const buckets = grownBuckets(point.buckets, before.counts ?? [], before.bounds ?? []);
  if (buckets === null) return null;
  const sum = point.sum === null || before.sum === null ? null : point.sum - before.sum;
  return { count: point.count - before.total, sum, buckets };
}

/** An exponential histogram that takes a coarser scale has several buckets of before in one of now. */
function grownBuckets(now: readonly Bucket[], counts: readonly number[], bounds: readonly number[]): readonly Bucket[] | null {
  const grown: Bucket[] = [];
  let i = 0;
  for (const { over, to, count } of now) {
    let had = 0;
    for (; i < counts.length && bounds[2 * i + 1]! <= to; i++) {
      if (counts[i]! > 0 && bounds[2 * i]! < over) return null;
      had += counts[i]!;
    }
    if (had > count) return null;
    grown.push({ over, to, count: count - had });
  }
  return counts.slice(i).some((count) => count > 0) ? null : grown;
}
