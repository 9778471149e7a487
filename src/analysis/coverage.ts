/**
 * How much of what should have been sampled was: slots of the process tier per target, from the first sample on, while it is bound. Where no
 * process can be seen at all, pages of metrics are what was planned: slots of each page, from the first one that could be read.
 */
import type { Series, SeriesTable } from '../series.ts';
import type { Tick } from '../tick.ts';

/** How a page says that it could be read: absent when it could not. */
const PAGE_READ = 'soak.scrape.duration';

interface Counted {
  readonly isPage: boolean;
  /** Seconds between two slots. */
  readonly every: number;
  /** The latest slot that was sampled. */
  slot: number;
  expected: number;
  taken: number;
  /** False while the target is gone: nothing is expected of it. */
  bound: boolean;
}

/** A page, or the tier of a target. */
interface Owner {
  readonly name: string;
  readonly isPage: boolean;
  readonly every: number;
  /** Null before its first sample. */
  counted: Counted | null;
}

export type CoverageSnapshot = readonly (readonly [string, Counted])[];

/** Slots at the end that may still be on their way. */
const PENDING = 1;

export class Coverage {
  readonly #interval: number;
  readonly #targets = new Map<string, Counted>();
  /** Whose tier a series belongs to, by id; null for others. */
  readonly #ownerOfSeries: (Owner | null)[] = [];
  readonly #owners = new Map<string, Owner>();

  constructor(interval: number) {
    this.#interval = interval;
  }

  watch(tick: Tick, table: SeriesTable): void {
    for (let id = this.#ownerOfSeries.length; id < table.size; id++) this.#ownerOfSeries.push(this.#ownerOf(table.get(id)));
    const { samples, events } = tick;
    for (let i = 0; i < samples.length; i++) {
      const owner = this.#ownerOfSeries[samples.series[i]!];
      if (owner) this.#sample(owner, Math.round(samples.at[i]! / owner.every));
    }
    for (const event of events) {
      const counted = event.kind === 'target_gone' && event.target !== null ? this.#targets.get(event.target) : undefined;
      if (counted) counted.bound = false;
    }
  }

  /** Share of the planned samples that were taken, 0 to 1; null before the first. `now` is run time. */
  share(now: number): number | null {
    const all = [...this.#targets.values()];
    const processes = all.filter(({ isPage }) => !isPage);
    let [expected, taken] = [0, 0];
    for (const counted of processes.length > 0 ? processes : all) {
      const late = counted.bound ? Math.floor(now / counted.every) - counted.slot - PENDING : 0;
      expected += counted.expected + Math.max(0, late);
      taken += counted.taken;
    }
    return expected === 0 ? null : taken / expected;
  }

  snapshot(): CoverageSnapshot {
    return [...this.#targets].map(([target, counted]) => [target, { ...counted }]);
  }

  restore(snapshot: CoverageSnapshot): void {
    for (const [target, counted] of snapshot) this.#targets.set(target, { ...counted });
  }

  #ownerOf({ def, target, source, period, labels }: Series): Owner | null {
    // A space is in no role.
    if (def.name === PAGE_READ) return this.#owner(`page ${labels['soak.scrape']}`, true, period);
    return target !== null && source === 'process' && period === this.#interval ? this.#owner(target, false, period) : null;
  }

  #owner(name: string, isPage: boolean, every: number): Owner {
    const known = this.#owners.get(name) ?? { name, isPage, every, counted: this.#targets.get(name) ?? null };
    this.#owners.set(name, known);
    return known;
  }

  #sample(owner: Owner, slot: number): void {
    const { counted } = owner;
    if (!counted) {
      const { name, isPage, every } = owner;
      this.#targets.set(name, (owner.counted = { isPage, every, slot, expected: 1, taken: 1, bound: true }));
      return;
    }
    if (slot <= counted.slot) return; // another series of the same read
    counted.expected += counted.bound ? slot - counted.slot : 1;
    counted.taken++;
    counted.slot = slot;
    counted.bound = true;
  }
}
