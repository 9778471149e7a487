/** Counts of many histograms added up: those of the same bounds number by number, and only the sums bucket by bucket. */
import type { Bucket, Counts } from '../quantiles.ts';
import { BucketSums } from './buckets.ts';

/** Bounds that are added up apart: a tool has one set of them, a service one for each instrument. */
const BOUNDS_MAX = 4;

interface Sum {
  readonly bounds: readonly number[];
  /** Seconds in one unit of the bounds. */
  readonly unit: number;
  readonly counts: number[];
}

export class CountSums {
  readonly #sums: Sum[] = [];
  readonly #buckets = new BucketSums();

  add({ bounds, counts }: Counts, unit: number): void {
    const known = this.#sums.find((sum) => sum.bounds === bounds && sum.unit === unit);
    if (known !== undefined) for (const [i, count] of counts.entries()) known.counts[i]! += count;
    else if (this.#sums.length < BOUNDS_MAX) this.#sums.push({ bounds, unit, counts: [...counts] });
    else this.#spread({ bounds, unit, counts });
  }

  /** In seconds, ascending by their bounds. */
  buckets(): Bucket[] {
    for (const sum of this.#sums.splice(0)) this.#spread(sum);
    return this.#buckets.buckets();
  }

  #spread({ bounds, unit, counts }: Omit<Sum, 'counts'> & { readonly counts: readonly number[] }): void {
    for (const [i, count] of counts.entries()) this.#buckets.add(bounds[2 * i]! * unit, bounds[2 * i + 1]! * unit, count);
  }
}
