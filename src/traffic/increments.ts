/**
 * What was added to counters and histograms since the export before, whichever way the sender counts. A sender that began anew counts from
 * zero, and so does a series that appears beside others of its metric that were there before.
 */
import type { Bucket, CounterPoint, HistogramPoint } from '../intake/point.ts';

export interface Increment {
  /** Of a counter its increase, of a histogram how many values. */
  readonly count: number;
  /** Of the values; null: not told. */
  readonly sum: number | null;
  /** Null: a counter, or buckets that cannot be compared with those before. */
  readonly buckets: readonly Bucket[] | null;
  /** The time it took to come about; null: not told. */
  readonly seconds: number | null;
}

interface State {
  readonly count: number;
  readonly sum: number | null;
  readonly buckets: readonly Bucket[] | null;
  readonly wall: number | null;
  readonly since: number | null;
  readonly now: number;
}

interface Family {
  /** Run time of its first export. */
  readonly first: number;
  last: number;
  before: number | null;
  /** Something of it was forgotten: what appears may have been there before. */
  lossy: boolean;
}

/** 2,000 attribute sets (the limit of the Go SDK) of five senders. An entry of 16 buckets is some 700 bytes: 7 MB at most. */
export const SERIES_MAX = 10_000;

/** A sender that begins anew has another start time, which may be rounded to a second. */
const SAME_START_S = 1;

export class Increments {
  readonly #states = new Map<string, State & { readonly family: string }>();
  readonly #families = new Map<string, Family>();
  readonly #max: number;

  constructor(max = SERIES_MAX) {
    this.#max = max;
  }

  /**
   * @param family the sender and the metric; series of it that appear later than others have begun since
   * @param now run time of the export; @param age seconds for which exports have been taken
   */
  of(family: string, point: CounterPoint | HistogramPoint, now: number, age: number): Increment | null {
    const state = stateOf(point, now);
    if (point.temporality === 'delta') return { ...plain(state), seconds: spanOf(point.since, point.wall) };
    const group = this.#group(family, now);
    const key = `${family}\0${labelsKey(point.labels)}`;
    const before = this.#states.get(key);
    this.#keep(key, { ...state, family });
    if (before === undefined) return this.#first(state, group, age);
    if (hasBegunAnew(before, state)) return { ...plain(state), seconds: spanOf(state.since, state.wall) ?? now - before.now };
    return difference(before, state);
  }

  get size(): number {
    return this.#states.size;
  }

  #group(family: string, now: number): Family {
    const known = this.#families.get(family);
    if (known === undefined) {
      const made: Family = { first: now, last: now, before: null, lossy: false };
      this.#families.set(family, made);
      if (this.#families.size > this.#max) this.#families.delete(this.#families.keys().next().value!);
      return made;
    }
    if (now > known.last) {
      known.before = known.last;
      known.last = now;
    }
    return known;
  }

  /** Counted from zero when that zero is known to lie after the last export, or after we began to listen. */
  #first(state: State, { before, lossy }: Family, age: number): Increment | null {
    const own = spanOf(state.since, state.wall);
    if (before !== null && !lossy) return { ...plain(state), seconds: state.now - before };
    return own !== null && own <= age ? { ...plain(state), seconds: own } : null;
  }

  /** The one that was told longest ago makes room. */
  #keep(key: string, state: State & { readonly family: string }): void {
    this.#states.delete(key);
    this.#states.set(key, state);
    if (this.#states.size <= this.#max) return;
    const [oldest, { family }] = this.#states.entries().next().value!;
    this.#states.delete(oldest);
    const lost = this.#families.get(family);
    if (lost) lost.lossy = true;
  }
}

function stateOf(point: CounterPoint | HistogramPoint, now: number): State {
  const { wall, since } = point;
  return point.kind === 'counter'
    ? { count: point.value, sum: null, buckets: null, wall, since, now }
    : { count: point.count, sum: point.sum, buckets: point.buckets, wall, since, now };
}

function plain({ count, sum, buckets }: State): Omit<Increment, 'seconds'> {
  return { count, sum, buckets };
}

function spanOf(since: number | null, wall: number | null): number | null {
  return since !== null && wall !== null && wall > since ? wall - since : null;
}

function hasBegunAnew(before: State, now: State): boolean {
  if (now.count < before.count) return true;
  return before.since !== null && now.since !== null && now.since > before.since + SAME_START_S && now.since >= (before.wall ?? -Infinity);
}

function difference(before: State, now: State): Increment {
  return {
    count: now.count - before.count,
    sum: now.sum === null || before.sum === null ? null : now.sum - before.sum,
    buckets: now.buckets && before.buckets && lessBuckets(now.buckets, before.buckets),
    seconds: spanOf(before.wall, now.wall) ?? now.now - before.now,
  };
}

/** Exponential histograms widen their buckets as they grow: a bucket of before is looked for within those of now. Null: there is none. */
function lessBuckets(now: readonly Bucket[], before: readonly Bucket[]): Bucket[] | null {
  const left = now.map((bucket) => ({ ...bucket }));
  let i = 0;
  for (const { over, to, count } of before) {
    if (count === 0) continue;
    while (i < left.length && left[i]!.to < to) i++;
    const whole = left[i];
    if (whole === undefined || whole.over > over || whole.count < count) return null;
    whole.count -= count;
  }
  return left;
}

/** The same for the same labels in any order. */
function labelsKey(labels: Readonly<Record<string, string>>): string {
  const names = Object.keys(labels).toSorted();
  return names.map((name) => `${name}\x01${labels[name]}`).join('\0');
}
