/**
 * Counters and histograms as increments, whichever way they are told. Everything that is not known stays out: the first value of a counter
 * that began before we listened is where it stood, not what it has grown; what comes twice or late is not added again. So the sum of
 * increments never exceeds what was counted, whatever a sender does.
 */
import type { Bucket, CounterPoint, HistogramPoint } from './point.ts';

/**
 * Senders have at most 2,000 attribute sets an instrument (the limit of the SDKs). The one that was idle for longest makes room, and what
 * comes of it later counts from then on.
 */
const KEYS_MAX = 5000;

/** Of keys and buckets together: 5,000 histograms of 16 buckets are 2 MB, keys included. */
const BYTES_MAX = 4_000_000;

type Counting = CounterPoint | HistogramPoint;

interface Known {
  readonly point: Counting;
  readonly bytes: number;
}

export interface DeltasOptions {
  /** Seconds since the epoch at which we began to listen: of what began before, the first value is no increment. */
  readonly from: number;
  readonly keysMax?: number;
  readonly bytesMax?: number;
}

export class Deltas {
  readonly #options: Required<DeltasOptions>;
  /** The latest point of each series, the idle ones first. */
  readonly #known = new Map<string, Known>();
  #bytes = 0;
  /** Latest `since` of what was forgotten: it must not be counted whole when it comes back. */
  #forgotten = -Infinity;
  /** Points that were not counted: too late or twice, or with buckets that do not fit those before. */
  readonly dropped = { late: 0, buckets: 0 };

  constructor({ from, keysMax = KEYS_MAX, bytesMax = BYTES_MAX }: DeltasOptions) {
    this.#options = { from, keysMax, bytesMax };
  }

  get size(): number {
    return this.#known.size;
  }

  /**
   * The increment since the point before, as a delta whose `since` is the end of that; null when there is none to be known.
   * Labels that change with every point (Artillery's start and end) must have been taken away.
   */
  take<P extends Counting>(point: P): P | null {
    const key = keyOf(point);
    const before = this.#known.get(key)?.point;
    if (before && isLate(point, before)) {
      this.dropped.late++;
      return null;
    }
    this.#remember(key, point);
    if (point.temporality === 'delta') return point;
    if (before === undefined) return this.#first(point);
    // What was told as deltas has been counted already: the first total is where they stand.
    return before.temporality === 'delta' ? null : this.#grown(point, before);
  }

  #first<P extends Counting>(point: P): P | null {
    const { since } = point;
    return since !== null && since >= this.#options.from && since > this.#forgotten ? { ...point, temporality: 'delta' } : null;
  }

  #grown<P extends Counting>(point: P, before: Counting): P | null {
    if (beganAnew(point, before)) return { ...point, temporality: 'delta' };
    if (point.kind === 'counter') return { ...point, ...beginning(before), value: point.value - (before as CounterPoint).value };
    const grown = grownHistogram(point, before as HistogramPoint);
    if (grown === null) this.dropped.buckets++;
    return grown && { ...point, ...beginning(before), ...grown };
  }

  #remember(key: string, point: Counting): void {
    const bytes = BYTES_PER_KEY + 2 * key.length + (point.kind === 'histogram' ? point.buckets.length * BYTES_PER_BUCKET : 0);
    this.#forget(key);
    this.#known.set(key, { point, bytes });
    this.#bytes += bytes;
    for (const [idle, { point: old }] of this.#known) {
      if (this.#known.size <= this.#options.keysMax && this.#bytes <= this.#options.bytesMax) break;
      this.#forget(idle);
      this.#forgotten = Math.max(this.#forgotten, old.since ?? -Infinity);
    }
  }

  #forget(key: string): void {
    this.#bytes -= this.#known.get(key)?.bytes ?? 0;
    this.#known.delete(key);
  }
}

/** A point with its labels beside the key that is made of them; measured. */
const BYTES_PER_KEY = 300;

/** Three doubles and an object. */
const BYTES_PER_BUCKET = 64;

/** In no name or label. */
const BETWEEN = '\0';

function keyOf({ kind, name, labels }: Counting): string {
  let key = kind + BETWEEN + name;
  for (const label of Object.keys(labels).toSorted()) key += BETWEEN + label + BETWEEN + labels[label]!;
  return key;
}

/** The same time again, an earlier one, or a life of the counter that has ended. */
function isLate(point: Counting, before: Counting): boolean {
  if (point.wall !== null && before.wall !== null && point.wall <= before.wall) return true;
  return point.temporality === 'cumulative' && point.since !== null && before.since !== null && point.since < before.since;
}

/** A counter that began later than the one we know, or that has fallen, has counted all that it shows since then. */
function beganAnew(point: Counting, before: Counting): boolean {
  if (point.since !== null && before.since !== null && point.since > before.since) return true;
  return totalOf(point) < totalOf(before);
}

function totalOf(point: Counting): number {
  return point.kind === 'counter' ? point.value : point.count;
}

function beginning({ wall }: Counting): { readonly temporality: 'delta'; readonly since: number | null } {
  return { temporality: 'delta', since: wall };
}

/** Null when the buckets cannot be compared: other bounds, or one of them has lost values. */
function grownHistogram(point: HistogramPoint, before: HistogramPoint): Pick<HistogramPoint, 'count' | 'sum' | 'buckets'> | null {
  const buckets = grownBuckets(point.buckets, before.buckets);
  if (buckets === null) return null;
  const sum = point.sum === null || before.sum === null ? null : point.sum - before.sum;
  return { count: point.count - before.count, sum, buckets };
}

/** An exponential histogram that takes a coarser scale has several buckets of before in one of now. */
function grownBuckets(now: readonly Bucket[], before: readonly Bucket[]): readonly Bucket[] | null {
  const grown: Bucket[] = [];
  let i = 0;
  for (const { over, to, count } of now) {
    let had = 0;
    for (; i < before.length && before[i]!.to <= to; i++) {
      if (before[i]!.count > 0 && before[i]!.over < over) return null;
      had += before[i]!.count;
    }
    if (had > count) return null;
    grown.push({ over, to, count: count - had });
  }
  return before.slice(i).some(({ count }) => count > 0) ? null : grown;
}
