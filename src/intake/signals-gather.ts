/** One side of a signal (what is matched, or what a ratio is a share of): the series of a span of time, and what they come to by group. */
import { type Cumulative, type Increment, Increments } from './increments.ts';
import { type Counts, hasSameBounds, NO_COUNTS } from '../quantiles.ts';
import type { Point } from './point.ts';
import type { Room } from './room.ts';
import type { Groups } from './signals-groups.ts';
import type { Aggregate, SignalSpec } from './signals-spec.ts';

/** Series of one signal in one span: a broker with 1,000 partitions and ten groups. room.ts bounds those of all signals. */
const SERIES_MAX = 10_000;

/** Which figure of a histogram or summary is meant: `x_sum` and `x_count` of a page are lines of the family `x`. */
export type Part = 'count' | 'sum' | 'whole';

interface Taken {
  readonly group: string;
  /** Of gauges. */
  level: number | null;
  /** Of what counts, since the span before. */
  grown: Increment | null;
}

/** What a group comes to; null is not known. */
export interface Total {
  readonly level: number | null;
  readonly grown: Increment | null;
}

type Spec = Pick<SignalSpec, 'kind' | 'within' | 'aggregate'>;

export class Gather {
  readonly #spec: Spec;
  readonly #groups: Groups;
  readonly #increments: Increments;
  readonly #room: Room;
  /** By the number of the selector that took them, then by series. */
  #taken = new Map<number, Map<string, Taken>>();
  #count = 0;
  /** Series had no room in this span: what is left would be a wrong sum. */
  isOver = false;
  /** A point was no figure of this kind. */
  misfit: Point['kind'] | null = null;
  #hadSpan = false;

  constructor(spec: Spec, groups: Groups, room: Room) {
    this.#spec = spec;
    this.#groups = groups;
    this.#increments = new Increments(room);
    this.#room = room;
  }

  /** Whether anything was taken in this span. */
  get hasAny(): boolean {
    return this.#count > 0;
  }

  /** @param key of its series (`seriesKey`) */
  take(point: Point, key: string, { index: selector, part }: { readonly index: number; readonly part: Part }): void {
    const level = this.#levelOf(point);
    const counts = level === null && this.#countsOf(point);
    if (level === null && !counts) return;
    const taken = this.#entry(key, selector, point);
    if (taken === null) return;
    if (level !== null) taken.level = level;
    else {
      const grown = this.#increments.of(key, point, this.#hadSpan);
      if (grown !== null) taken.grown = added(taken.grown, partOf(grown, part));
    }
  }

  /** What the span comes to by group, of the first selector that took anything; the next span begins. */
  end(): ReadonlyMap<string, Total> {
    const first = [...this.#taken.keys()].toSorted((a, b) => a - b)[0];
    const series = first === undefined ? [] : this.#taken.get(first)!.values();
    const by = Map.groupBy(series, ({ group }) => group);
    const totals = [...by].map(([group, all]) => [group, totalOf(all, this.#spec.aggregate)] as const);
    if (this.#count > 0) this.#hadSpan = true;
    this.#taken = new Map();
    this.#room.leave(this.#count);
    this.#count = 0;
    this.isOver = false;
    return new Map(totals);
  }

  /** Null when it is not a level, or one that says "not known". */
  #levelOf(point: Point): number | null {
    const { kind, within } = this.#spec;
    if (kind === 'counter') return null;
    const isLevel =
      point.kind === 'gauge' || (point.kind === 'counter' && point.temporality === 'cumulative' && kind !== 'ratio' && kind !== 'latency');
    return isLevel && point.value >= within[0] && point.value <= within[1] ? point.value : null;
  }

  #countsOf(point: Point): point is Cumulative {
    const { kind } = this.#spec;
    if (point.kind === 'gauge' && kind !== 'counter') return false; // outside of what is a value
    const fits = kind === 'counter' || kind === 'ratio' || (kind === 'latency' && point.kind !== 'counter');
    if (!fits) this.misfit = point.kind;
    return fits;
  }

  #entry(key: string, selector: number, point: Point): Taken | null {
    const series = this.#taken.get(selector) ?? new Map<string, Taken>();
    this.#taken.set(selector, series);
    const known = series.get(key);
    if (known !== undefined) return known;
    if (this.#count >= SERIES_MAX || !this.#room.enter()) {
      this.isOver = true;
      return null;
    }
    const taken: Taken = { group: this.#groups.keyOf(point.labels), level: null, grown: null };
    series.set(key, taken);
    this.#count++;
    return taken;
  }
}

function partOf(grown: Increment, part: Part): Increment {
  return part === 'sum' ? { count: grown.sum ?? 0, sum: null, buckets: NO_COUNTS } : grown;
}

function totalOf(all: readonly Taken[], aggregate: Aggregate): Total {
  const levels = all.flatMap(({ level }) => level ?? []);
  let grown: Increment | null = null;
  for (const one of all) if (one.grown !== null) grown = added(grown, one.grown);
  return { level: levels.length === 0 ? null : aggregated(levels, aggregate), grown };
}

function aggregated(values: readonly number[], how: Aggregate): number {
  let [sum, least, most] = [0, Infinity, -Infinity];
  for (const value of values) {
    sum += value;
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  return how === 'max' ? most : how === 'min' ? least : how === 'mean' ? sum / values.length : sum;
}

/** Sums of durations are known only where each part is; counts in buckets add up where the bounds are the same. */
function added(a: Increment | null, b: Increment): Increment {
  if (a === null) return b;
  return { count: a.count + b.count, sum: a.sum === null || b.sum === null ? null : a.sum + b.sum, buckets: merged(a, b) };
}

function merged(a: Increment, b: Increment): Counts {
  if (a.count === 0) return b.buckets;
  if (b.count === 0) return a.buckets;
  const { bounds, counts } = a.buckets;
  if (!hasSameBounds(bounds, b.buckets.bounds)) return NO_COUNTS;
  return { bounds, counts: counts.map((count, i) => count + b.buckets.counts[i]!) };
}
