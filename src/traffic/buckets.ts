/**
 * Counts of durations in buckets. Those that we see one by one go into buckets of base 2^(1/16), OpenTelemetry's exponential histogram of
 * scale 4; others bring their own bounds. Counts of equal buckets add up, over any span and any number of senders.
 */
import type { Bucket } from '../quantiles.ts';

const PER_OCTAVE = 16;

/** Seconds. Faster requests share the bucket below the first bound, slower ones the bucket above the last. */
const SHORTEST_S = 0.0001;
const LONGEST_S = 300;

const FIRST = Math.floor(Math.log2(SHORTEST_S) * PER_OCTAVE);
const LAST = Math.ceil(Math.log2(LONGEST_S) * PER_OCTAVE);

/** log2(300 s / 0.1 ms) is 21.5 octaves of 16: 345 buckets, one below and one above. */
const SIZE = LAST - FIRST + 2;

/** Bounds are told apart by six digits, so that the same bound from two senders, or by two ways of computing it, is one. */
const DIGITS = 6;

/** Bounds are the same ones again and again, and written with six digits only by way of a text: half a microsecond. */
const plain = new Map<number, number>();
const PLAIN_MAX = 4096;

export function plainBound(bound: number): number {
  const known = plain.get(bound);
  if (known !== undefined) return known;
  if (plain.size >= PLAIN_MAX) plain.clear();
  const made = Number.isFinite(bound) ? Number(bound.toPrecision(DIGITS)) : bound;
  plain.set(bound, made);
  return made;
}

/** Upper bound of bucket `i` of `Durations`. */
function upper(i: number): number {
  return i > LAST - FIRST ? Infinity : plainBound(2 ** ((FIRST + i) / PER_OCTAVE));
}

const UPPER = Float64Array.from({ length: SIZE }, (_, i) => upper(i));

/** Durations one by one, in 2.8 kB. */
export class Durations {
  readonly #counts = new Float64Array(SIZE);
  count = 0;
  /** Seconds. */
  sum = 0;

  /** @param seconds what is below zero (a clock that went back) counts as zero; what is no number is not counted */
  add(seconds: number, times = 1): void {
    if (!Number.isFinite(seconds) || !(times > 0)) return;
    const duration = Math.max(0, seconds);
    this.#counts[indexOf(duration)]! += times;
    this.count += times;
    this.sum += duration * times;
  }

  /** Those that hold something, ascending. */
  buckets(): Bucket[] {
    const buckets: Bucket[] = [];
    this.#counts.forEach((count, i) => {
      if (count > 0) buckets.push({ over: i === 0 ? 0 : UPPER[i - 1]!, to: UPPER[i]!, count });
    });
    return buckets;
  }
}

function indexOf(seconds: number): number {
  if (seconds <= UPPER[0]!) return 0;
  const guess = Math.ceil(Math.log2(seconds) * PER_OCTAVE) - FIRST;
  let i = Math.min(Math.max(guess, 0), SIZE - 1);
  // Bounds are rounded to six digits, and a logarithm may fall on either side of one.
  while (i > 0 && seconds <= UPPER[i - 1]!) i--;
  while (i < SIZE - 1 && seconds > UPPER[i]!) i++;
  return i;
}

/** Different buckets that are kept of one sum: those of `Durations` and as many again of other senders. */
export const BUCKETS_MAX = 2 * SIZE;

/** Counts of equal buckets, added up as they come. */
export class BucketSums {
  /** By upper bound; mostly there is one bucket of each. */
  readonly #ending = new Map<number, { over: number; to: number; count: number }[]>();
  #size = 0;

  /** What cannot be a count of a bucket is left out. */
  add(over: number, to: number, count: number): void {
    if (!(count > 0 && Number.isFinite(count) && to > over)) return;
    const [from, end] = [plainBound(over), plainBound(to)];
    const here = this.#ending.get(end);
    const known = here?.find((bucket) => bucket.over === from);
    if (known) known.count += count;
    else if (this.#size < BUCKETS_MAX) {
      this.#size++;
      const bucket = { over: from, to: end, count };
      if (here) here.push(bucket);
      else this.#ending.set(end, [bucket]);
    }
  }

  /** Ascending by their bounds. */
  buckets(): Bucket[] {
    return [...this.#ending.values()].flat().toSorted((a, b) => a.to - b.to || a.over - b.over);
  }
}

/** Adds up counts of equal buckets, ascending by their bounds. */
export function mergeBuckets(all: Iterable<readonly Bucket[]>): Bucket[] {
  const sums = new BucketSums();
  for (const buckets of all) for (const { over, to, count } of buckets) sums.add(over, to, count);
  return sums.buckets();
}

/** Senders that keep more bounds than this have exponential histograms of their own scale, or are better counted in ours. */
const OWN_BOUNDS_MAX = 48;

/**
 * As they are when they are few, so that a threshold that is one of their bounds stays decidable; many narrow ones go into the buckets of
 * `Durations`. Those of an exponential histogram of scale 4 or more lie within ours, so that nothing is lost beyond the width.
 */
export function coarsened(buckets: readonly Bucket[]): Bucket[] {
  if (buckets.length <= OWN_BOUNDS_MAX) return [...buckets];
  return mergeBuckets([buckets.map((bucket) => ours(bucket) ?? bucket)]);
}

/** Slack for bounds that are the same but for how they were computed. */
const SAME = 1e-4;

function ours({ over, to, count }: Bucket): Bucket | null {
  if (!Number.isFinite(to) || over < UPPER[0]!) return null;
  const i = indexOf(over + (to - over) / 2);
  const from = i === 0 ? 0 : UPPER[i - 1]!;
  const end = UPPER[i]!;
  return over >= from * (1 - SAME) && to <= end * (1 + SAME) ? { over: from, to: end, count } : null;
}
