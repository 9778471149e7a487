/** How much of what should have been sampled was: slots of the process tier per target, from the first sample on, while it is bound. */
import type { SeriesTable } from '../series.ts';
import type { Tick } from '../tick.ts';

interface Counted {
  /** The latest slot that was sampled. */
  slot: number;
  expected: number;
  taken: number;
  /** False while the target is gone: nothing is expected of it. */
  bound: boolean;
}

export type CoverageSnapshot = readonly (readonly [string, Counted])[];

/** Slots at the end that may still be on their way. */
const PENDING = 1;

export class Coverage {
  readonly #interval: number;
  readonly #targets = new Map<string, Counted>();
  /** Whose process tier a series belongs to, by id; null for others. */
  readonly #owners: (string | null)[] = [];

  constructor(interval: number) {
    this.#interval = interval;
  }

  watch(tick: Tick, table: SeriesTable): void {
    for (let id = this.#owners.length; id < table.size; id++) {
      const { target, source, period } = table.get(id);
      const isTier = target !== null && source === 'process' && period === this.#interval;
      this.#owners.push(isTier ? target : null);
    }
    const { samples, events } = tick;
    for (let i = 0; i < samples.length; i++) {
      const target = this.#owners[samples.series[i]!];
      if (target) this.#sample(target, Math.round(samples.at[i]! / this.#interval));
    }
    for (const event of events) {
      const counted = event.kind === 'target_gone' && event.target !== null ? this.#targets.get(event.target) : undefined;
      if (counted) counted.bound = false;
    }
  }

  /** Share of the planned samples that were taken, 0 to 1; null before the first. `now` is run time. */
  share(now: number): number | null {
    let [expected, taken] = [0, 0];
    for (const counted of this.#targets.values()) {
      const late = counted.bound ? Math.floor(now / this.#interval) - counted.slot - PENDING : 0;
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

  #sample(target: string, slot: number): void {
    const counted = this.#targets.get(target);
    if (!counted) {
      this.#targets.set(target, { slot, expected: 1, taken: 1, bound: true });
      return;
    }
    if (slot <= counted.slot) return; // another series of the same read
    counted.expected += counted.bound ? slot - counted.slot : 1;
    counted.taken++;
    counted.slot = slot;
    counted.bound = true;
  }
}
