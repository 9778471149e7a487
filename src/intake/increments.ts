/** What cumulative figures grew by since they were seen last, and where they began anew. */
import { type Counts, hasSameBounds, NO_COUNTS } from '../quantiles.ts';
import type { Point } from './point.ts';
import type { Room } from './room.ts';

/** Clocks of senders are read twice, a little apart; a start that is later by more is another start. */
const SAME_START_S = 1;

/** In a span of time. */
export interface Increment {
  readonly count: number;
  readonly sum: number | null;
  readonly buckets: Counts;
}

export interface Last {
  readonly count: number;
  readonly sum: number | null;
  readonly since: number | null;
  readonly buckets: Counts;
  readonly round: number;
}

export type Cumulative = Extract<Point, { kind: 'counter' | 'histogram' | 'summary' | 'gauge' }>;

/** Of one side of one signal. */
export class Increments {
  readonly last = new Map<string, Last>();
  readonly #room: Room;

  constructor(room: Room) {
    this.#room = room;
    room.all.push(this);
  }

  /**
   * What it grew by, or null: it is seen for the first time, and when it was counted is not known. One that appears later than others of
   * the same place (`isLater`) began in between, unless it tells its own start.
   */
  of(key: string, point: Cumulative, isLater: boolean): Increment | null {
    const now = figuresOf(point);
    if (now === null) return null;
    if ('temporality' in point && point.temporality === 'delta') return now;
    const last = this.last.get(key);
    if (!this.#room.admits(last === undefined ? 1 : 0, now.buckets.counts.length - (last?.buckets.counts.length ?? 0))) return null;
    this.last.set(key, { ...now, since: point.since, round: this.#room.round });
    const isNew = point.since === null ? isLater : point.since >= this.#room.began;
    if (last === undefined) return isNew ? now : null;
    const isReset = now.count < last.count || (point.since !== null && last.since !== null && point.since > last.since + SAME_START_S);
    return isReset ? now : difference(now, last);
  }
}

function figuresOf(point: Cumulative): Increment | null {
  if (point.kind === 'gauge' || point.kind === 'counter') return { count: point.value, sum: null, buckets: NO_COUNTS };
  if (point.count === null) return null;
  return { count: point.count, sum: point.sum, buckets: point.kind === 'histogram' ? point.buckets : NO_COUNTS };
}

function difference(now: Increment, last: Increment): Increment {
  return {
    count: now.count - last.count,
    sum: now.sum === null || last.sum === null ? null : now.sum - last.sum,
    buckets: grownBy(now.buckets, last.buckets),
  };
}

/** None where the bounds are others. */
function grownBy({ bounds, counts }: Counts, last: Counts): Counts {
  if (!hasSameBounds(bounds, last.bounds)) return NO_COUNTS;
  return { bounds, counts: counts.map((count, i) => Math.max(0, count - last.counts[i]!)) };
}
