/** Buckets of points as lists, which are easier to read in a test than counts beside bounds. */
import { type Bucket, bucketsOf, type Counts } from '../src/quantiles.ts';
import type { Point } from '../src/intake/point.ts';

export function countsOf(buckets: readonly Bucket[]): Counts {
  return { bounds: buckets.flatMap(({ over, to }) => [over, to]), counts: buckets.map(({ count }) => count) };
}

/** A point with its buckets, if it has any, as a list. */
export function listed(point: Point | null | undefined): (Omit<Point, 'buckets'> & { readonly buckets?: readonly Bucket[] }) | null {
  return point?.kind === 'histogram' ? { ...point, buckets: bucketsOf(point.buckets) } : (point ?? null);
}
