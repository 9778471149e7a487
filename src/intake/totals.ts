/** What is remembered of the latest point of a series: where its totals stood, in a tenth of the memory that the point takes. */
import { type Counts, hasSameBounds } from '../quantiles.ts';
import type { CounterPoint, HistogramPoint, Temporality } from './point.ts';

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
  const { counts, bounds } = point.buckets;
  return {
    ...base,
    total: point.count,
    sum: point.sum,
    counts,
    bounds: shared !== null && hasSameBounds(bounds, shared) ? shared : bounds,
  };
}

/** Null when the buckets cannot be compared: other bounds, or one of them has lost values. */
export function grownHistogram(point: HistogramPoint, before: Total): Pick<HistogramPoint, 'count' | 'sum' | 'buckets'> | null {
  const { counts, bounds } = before;
  if (counts === null || bounds === null) return null;
  const isSame = hasSameBounds(point.buckets.bounds, bounds);
  const buckets = isSame ? grownAlike(point.buckets, counts) : grownBuckets(point.buckets, counts, bounds);
  if (buckets === null) return null;
  const sum = point.sum === null || before.sum === null ? null : point.sum - before.sum;
  return { count: point.count - before.total, sum, buckets };
}

function grownAlike({ bounds, counts }: Counts, before: readonly number[]): Counts | null {
  const grown = counts.map((count, i) => count - before[i]!);
  return grown.some((count) => count < 0) ? null : { bounds, counts: grown };
}

/** An exponential histogram that takes a coarser scale has several buckets of before in one of now. */
function grownBuckets(now: Counts, counts: readonly number[], bounds: readonly number[]): Counts | null {
  let i = 0;
  const grown: number[] = [];
  for (const [at, count] of now.counts.entries()) {
    const [over, to] = [now.bounds[2 * at]!, now.bounds[2 * at + 1]!];
    let had = 0;
    for (; i < counts.length && bounds[2 * i + 1]! <= to; i++) {
      if (counts[i]! > 0 && bounds[2 * i]! < over) return null;
      had += counts[i]!;
    }
    if (had > count) return null;
    grown.push(count - had);
  }
  return counts.slice(i).some((count) => count > 0) ? null : { bounds: now.bounds, counts: grown };
}
