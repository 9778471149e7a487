/** Figures that only the difference of two readings tells. What is counted since the server's start hides what happened last. */
import type { CommandFigures } from './redis-info.ts';
import type { Histogram } from './redis-replies.ts';

const WINDOW_S = 300;

/** Below these a ratio is chance: at 1,000 look-ups one of 95 % is known to 1.4 points. */
const WINDOW_MIN_S = 60;
const LOOKUPS_MIN = 1000;

interface Lookups {
  readonly at: number;
  readonly hits: number;
  readonly misses: number;
}

/** The share of look-ups that found their key, over five minutes. */
export class HitRatio {
  #window: Lookups[] = [];

  /** Null when there is too little to tell. Counters that went back began anew, and so does the window. */
  add(now: Lookups): number | null {
    const last = this.#window.at(-1);
    if (last !== undefined && (now.hits < last.hits || now.misses < last.misses)) this.#window = [];
    this.#window.push(now);
    // One entry in ten seconds: some 31.
    while (this.#window.length > 2 && this.#window[1]!.at <= now.at - WINDOW_S) this.#window.shift();
    const first = this.#window[0]!;
    const hits = now.hits - first.hits;
    const lookups = hits + now.misses - first.misses;
    return now.at - first.at < WINDOW_MIN_S || lookups < LOOKUPS_MIN ? null : hits / lookups;
  }

  /** What comes next is of another server. */
  reset(): void {
    this.#window = [];
  }
}

/** A name as the value of a label: the first ones to come keep theirs for the run, the rest are `other`. */
export class Slots {
  readonly #taken: Set<string>;
  readonly #max: number;

  /** @param taken by the run before this process was started */
  constructor(max: number, taken: Iterable<string> = []) {
    this.#max = max;
    this.#taken = new Set(taken);
    this.#taken.delete(OTHER);
  }

  /** Offers names in the order of their weight; afterwards `of` knows them. */
  offer(names: readonly string[]): void {
    for (const name of names) {
      if (this.#taken.size >= this.#max) return;
      if (name !== OTHER) this.#taken.add(name);
    }
  }

  names(): readonly string[] {
    return [...this.#taken];
  }

  of(name: string): string {
    return this.#taken.has(name) ? name : OTHER;
  }
}

export const OTHER = 'other';

/** Adds figures up under the names that their slots give them. */
export function sumBySlot(figures: Iterable<readonly [string, number]>, slots: Slots): Map<string, number> {
  const sums = new Map<string, number>();
  for (const [name, value] of figures) {
    const slot = slots.of(name);
    sums.set(slot, (sums.get(slot) ?? 0) + value);
  }
  return sums;
}

/**
 * Seconds a call took on average since the reading before; commands without a call in between are left out. One that the reading before
 * did not have was not called until then. The first reading tells nothing.
 */
export class MeanTimes {
  #before: ReadonlyMap<string, CommandFigures> | null = null;

  add(now: ReadonlyMap<string, CommandFigures>): Map<string, number> {
    const means = new Map<string, number>();
    for (const [command, { calls, time }] of this.#before === null ? [] : now) {
      const before = this.#before?.get(command) ?? { calls: 0, time: 0 };
      if (calls > before.calls && time >= before.time) means.set(command, (time - before.time) / (calls - before.calls));
    }
    this.#before = now;
    return means;
  }
}

/** Quantiles of what was counted since the reading before, as the upper bounds of their buckets, in seconds; as `MeanTimes` otherwise. */
export class Quantiles {
  #before: ReadonlyMap<string, Histogram> | null = null;

  add(now: ReadonlyMap<string, Histogram>, quantiles: readonly number[]): Map<string, readonly number[]> {
    const found = new Map<string, readonly number[]>();
    for (const [command, histogram] of this.#before === null ? [] : now) {
      const values = quantilesOf(this.#before?.get(command) ?? new Map(), histogram, quantiles);
      if (values !== null) found.set(command, values);
    }
    this.#before = now;
    return found;
  }
}

/** Null when nothing was counted in between, or counting began anew. */
function quantilesOf(before: Histogram, now: Histogram, quantiles: readonly number[]): number[] | null {
  const bounds = [...now.keys()].toSorted((a, b) => a - b);
  const earlier = [...before].toSorted(([a], [b]) => a - b);
  // A bound is only listed where calls were counted: below it stands what the next lower one has.
  const countBefore = (bound: number): number => earlier.findLast(([at]) => at <= bound)?.[1] ?? 0;
  const total = now.get(bounds.at(-1) ?? NaN)! - (earlier.at(-1)?.[1] ?? 0);
  if (!(total > 0)) return null;
  const found = quantiles.flatMap((q) => bounds.find((bound) => now.get(bound)! - countBefore(bound) >= q * total) ?? []);
  // Counts that fall from bound to bound are of no histogram.
  return found.length < quantiles.length ? null : found.map((bound) => bound / 1e6);
}
