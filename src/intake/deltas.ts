/**
 * Counters and histograms as increments, whichever way they are told. Everything that is not known stays out: the first value of a counter
 * that began before we listened is where it stood, not what it has grown; what comes twice or late is not added again. So the sum of
 * increments never exceeds what was counted, whatever a sender does.
 */
import { labelKey } from './label-keys.ts';
import { type Counting, grownHistogram, type Total, totalOf } from './totals.ts';

/** Senders have at most 2,000 attribute sets an instrument (the limit of the SDKs); k6 has three instruments of interest. */
const KEYS_MAX = 10_000;

/** 10,000 histograms of 16 buckets with labels of 190 characters are 11.5 MB, counters 6.8 MB (measured). */
const BYTES_MAX = 12_000_000;

/**
 * Seconds without a point after which a series makes room for a new one: SDKs push every minute at most. Whoever is still sending is kept,
 * or more series than there is room for would push each other out before any could be compared.
 */
const IDLE_S = 150;

/** Seconds by which a sender's clock may be ahead of ours and still be taken for the same: NTP keeps them closer. */
const AHEAD_S = 5;

/** Seconds: what comes late is not as late as this, so that a time that falls further back is a clock that was set back. */
const SET_BACK_S = 30;

/** Why a point was not counted. */
export const UNCOUNTED = [
  'late', // told twice, or after a later one
  'buckets', // they do not fit those before
  'room', // more series than are remembered
] as const;

export type Uncounted = (typeof UNCOUNTED)[number];

interface Known {
  readonly total: Total;
  /** Seconds by which its times were ahead of our clock when it came. */
  readonly ahead: number;
  readonly bytes: number;
  readonly seen: number;
}

export interface DeltasOptions {
  /** Seconds since the epoch at which we began to listen: of what began before, the first value is no increment. */
  readonly from: number;
  /** Seconds since the epoch by our clock, which tells whether a time lies in the future; by default none does. */
  readonly wall?: () => number;
  readonly keysMax?: number;
  readonly bytesMax?: number;
}

export class Deltas {
  readonly #options: Required<DeltasOptions>;
  /** Where each series stands, the idle ones first. */
  readonly #known = new Map<string, Known>();
  #bytes = 0;
  /** Latest `since` of what was forgotten: it must not be counted whole when it comes back. */
  #forgotten = -Infinity;
  #bounds: readonly number[] | null = null;
  readonly dropped: Record<Uncounted, number> = { late: 0, buckets: 0, room: 0 };

  constructor({ from, wall = () => Infinity, keysMax = KEYS_MAX, bytesMax = BYTES_MAX }: DeltasOptions) {
    this.#options = { from, wall, keysMax, bytesMax };
  }

  get size(): number {
    return this.#known.size;
  }

  /**
   * The increment since the point before, as a delta whose `since` is the end of that; null when there is none to be known.
   * Labels that change with every point (Artillery's start and end) must have been taken away.
   * @param now seconds on a clock of ours that does not step back
   * @param sender two may use the same labels
   */
  take<P extends Counting>(point: P, now: number, sender = ''): P | null {
    const key = keyOf(point, sender);
    const known = this.#known.get(key);
    const before = known?.total;
    const ahead = aheadOf(point, this.#options.wall());
    if (known && (wasSetBack(known.ahead, ahead) ? isOfBefore(point, known.total) : isLate(point, known.total))) {
      this.dropped.late++;
      return null;
    }
    if (!this.#remember(key, point, { now, ahead })) return null;
    if (point.temporality === 'delta') return point;
    if (before === undefined) return this.#first(point);
    // What was told as deltas has been counted already: the first total is where they stand.
    return before.temporality === 'delta' ? null : this.#grown(point, before);
  }

  #first<P extends Counting>(point: P): P | null {
    const { since } = point;
    return since !== null && since >= this.#options.from && since > this.#forgotten ? { ...point, temporality: 'delta' } : null;
  }

  #grown<P extends Counting>(point: P, before: Total): P | null {
    if (beganAnew(point, before)) return { ...point, temporality: 'delta' };
    const span = { temporality: 'delta', since: before.wall } as const;
    if (point.kind === 'counter') return { ...point, ...span, value: point.value - before.total };
    const grown = grownHistogram(point, before);
    if (grown === null) this.dropped.buckets++;
    return grown && { ...point, ...span, ...grown };
  }

  /** False when there is no room for a series that is new. */
  #remember(key: string, point: Counting, { now, ahead }: { readonly now: number; readonly ahead: number }): boolean {
    const total = totalOf(point, this.#bounds);
    const bytes = bytesOf(key, total, total.bounds === this.#bounds);
    this.#bounds = total.bounds ?? this.#bounds;
    this.#forget(key);
    if (!this.#makeRoom(bytes, now)) {
      this.dropped.room++;
      this.#forgotten = Math.max(this.#forgotten, point.since ?? -Infinity);
      return false;
    }
    this.#known.set(key, { total, ahead, bytes, seen: now });
    this.#bytes += bytes;
    return true;
  }

  #makeRoom(bytes: number, now: number): boolean {
    const { keysMax, bytesMax } = this.#options;
    for (const [key, { seen, total }] of this.#known) {
      if (this.#known.size < keysMax && this.#bytes + bytes <= bytesMax) break;
      if (now - seen < IDLE_S) return false;
      this.#forget(key);
      if (total.temporality === 'cumulative') this.#forgotten = Math.max(this.#forgotten, total.since ?? -Infinity);
    }
    return this.#known.size < keysMax && this.#bytes + bytes <= bytesMax;
  }

  #forget(key: string): void {
    this.#bytes -= this.#known.get(key)?.bytes ?? 0;
    this.#known.delete(key);
  }
}

/** An entry with its total, and what an array of numbers has beside them; measured. */
const BYTES_PER_KEY = 480;
const BYTES_PER_ARRAY = 350;

function bytesOf(key: string, { counts, bounds }: Total, sharesBounds: boolean): number {
  const arrays = counts === null ? 0 : BYTES_PER_ARRAY + 8 * counts.length;
  const own = bounds === null || sharesBounds ? 0 : BYTES_PER_ARRAY + 8 * bounds.length;
  return BYTES_PER_KEY + key.length + arrays + own;
}

/** In no name or label. */
const BETWEEN = '\0';

/** Joined and not added up: what is added up keeps every part of it in memory. */
function keyOf({ kind, name, labels }: Counting, sender: string): string {
  return [sender, kind, name, labelKey(labels)].join(BETWEEN);
}

/** The same time again, an earlier one, or a life of the counter that has ended. */
function isLate(point: Counting, before: Total): boolean {
  if (point.wall !== null && before.wall !== null && point.wall <= before.wall) return true;
  const totals = point.temporality === 'cumulative' && before.temporality === 'cumulative';
  return totals && point.since !== null && before.since !== null && point.since < before.since;
}

/** The later of its times: a counter may say that it begins in the future, too. */
function aheadOf({ wall, since }: Counting, ours: number): number {
  return Math.max(wall ?? -Infinity, since ?? -Infinity) - ours;
}

/**
 * A time in our future may be a mistake of the sender's clock, which is mended sooner or later. What it tells then is earlier and not late,
 * or nothing would be counted until the mistaken time has come.
 */
function wasSetBack(before: number, now: number): boolean {
  return before > AHEAD_S && (now <= AHEAD_S || before - now > SET_BACK_S);
}

/** After a clock was set back only the figures tell what was there before: the same time again, or a total that is less. */
function isOfBefore(point: Counting, before: Total): boolean {
  if (point.wall !== null && point.wall === before.wall) return true;
  const isSameLife = point.temporality === 'cumulative' && point.since !== null && point.since === before.since;
  return isSameLife && (point.kind === 'counter' ? point.value : point.count) < before.total;
}

/** A counter that began later than the one we know, or that has fallen, has counted all that it shows since then. */
function beganAnew(point: Counting, before: Total): boolean {
  if (point.since !== null && before.since !== null && point.since > before.since) return true;
  return (point.kind === 'counter' ? point.value : point.count) < before.total;
}
