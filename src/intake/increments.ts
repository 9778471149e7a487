/** What cumulative figures grew by since they were seen last, and where they began anew. */
import type { Bucket, HistogramPoint, Point } from './point.ts';

/** Series remembered: 20,000 with a key of at most 400 bytes and 100 bytes of figures are 10 MB. */
export const REMEMBERED_MAX = 20_000;

/** Buckets remembered over all series: 200,000 counts are 1.6 MB. */
const COUNTS_MAX = 200_000;

/** Clocks of senders are read twice, a little apart; a start that is later by more is another start. */
const SAME_START_S = 1;

/** In a span of time. */
export interface Increment {
  readonly count: number;
  readonly sum: number | null;
  readonly buckets: readonly Bucket[];
}

interface Last {
  readonly count: number;
  readonly sum: number | null;
  readonly since: number | null;
  readonly buckets: readonly Bucket[];
  round: number;
}

export type Cumulative = Extract<Point, { kind: 'counter' | 'histogram' | 'summary' | 'gauge' }>;

export class Increments {
  readonly #last = new Map<string, Last>();
  readonly #began: number;
  #counts = 0;
  #round = 0;
  /** Series were refused since it was asked last. */
  #refused = false;

  /** @param began wall time of the start of the run, seconds */
  constructor(began: number) {
    this.#began = began;
  }

  /** A span is over: what is not seen in the next ones may be forgotten when there is no room. */
  nextRound(): void {
    this.#round++;
  }

  /** Whether series had no room since this was asked last. */
  refused(): boolean {
    const refused = this.#refused;
    this.#refused = false;
    return refused;
  }

  /**
   * What it grew by, or null: it is seen for the first time, and when it was counted is not known. One that appears later than others of
   * the same place (`isLater`) began in between, unless it tells its own start.
   */
  of(key: string, point: Cumulative, isLater: boolean): Increment | null {
    const now = figuresOf(point);
    if (now === null) return null;
    if ('temporality' in point && point.temporality === 'delta') return now;
    const last = this.#last.get(key);
    if (!this.#remember(key, last, { ...now, since: point.since, round: this.#round })) return null;
    const isNew = point.since === null ? isLater : point.since >= this.#began;
    if (last === undefined) return isNew ? now : null;
    const isReset = now.count < last.count || (point.since !== null && last.since !== null && point.since > last.since + SAME_START_S);
    return isReset ? now : difference(now, last);
  }

  #remember(key: string, last: Last | undefined, now: Last): boolean {
    if (last === undefined && (this.#last.size >= REMEMBERED_MAX || this.#counts + now.buckets.length > COUNTS_MAX)) this.#forget();
    if (last === undefined && (this.#last.size >= REMEMBERED_MAX || this.#counts + now.buckets.length > COUNTS_MAX)) {
      this.#refused = true;
      return false;
    }
    this.#counts += now.buckets.length - (last?.buckets.length ?? 0);
    this.#last.set(key, now);
    return true;
  }

  /** Those that were not seen in this round or the one before. */
  #forget(): void {
    for (const [key, { round, buckets }] of this.#last) {
      if (round >= this.#round - 1) continue;
      this.#last.delete(key);
      this.#counts -= buckets.length;
    }
  }
}

function figuresOf(point: Cumulative): Increment | null {
  if (point.kind === 'gauge' || point.kind === 'counter') return { count: point.value, sum: null, buckets: [] };
  if (point.count === null) return null;
  return { count: point.count, sum: point.sum, buckets: point.kind === 'histogram' ? point.buckets : [] };
}

function difference(now: Increment, last: Increment): Increment {
  return {
    count: now.count - last.count,
    sum: now.sum === null || last.sum === null ? null : now.sum - last.sum,
    buckets: sameBounds(now.buckets, last.buckets)
      ? now.buckets.map(({ over, to, count }, i) => ({ over, to, count: Math.max(0, count - last.buckets[i]!.count) }))
      : [],
  };
}

function sameBounds(a: HistogramPoint['buckets'], b: HistogramPoint['buckets']): boolean {
  return a.length === b.length && a.every(({ over, to }, i) => over === b[i]!.over && to === b[i]!.to);
}
