/** How far V8 lets the heap grow before it collects all of it, in a run of many series. */
import { setFlagsFromString } from 'node:v8';

/**
 * Memory is bound by what a run of 200 series takes; one of 4,000 takes 150 MB resident with the flag as without it. In between what V8
 * decides by itself is kept.
 */
const LARGE_SERIES = 500;

/**
 * To twice of what lives in it. By itself V8 collects a heap of 27 MB of 100 targets once a minute, some 100 ms each, for 10 MB
 * (docs/decisions/0032-heap-growth.md). The cap on the heap, which the entry sets, bounds both.
 */
const TWICE = '--heap-growing-percent=100';

export class HeapGrowth {
  #isLarge = false;

  /** @param series of the run */
  tick(series: number): void {
    if (this.#isLarge || series < LARGE_SERIES) return;
    this.#isLarge = true;
    setFlagsFromString(TWICE);
  }
}
