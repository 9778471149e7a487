/** How far the heap grows before all of it is collected: a run of few series is to take little memory, one of many little time. */
import { getHeapStatistics, setFlagsFromString } from 'node:v8';

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

/**
 * V8 lets a heap of 20 MB grow by 8 before it collects, and gives back few of its pages. In a run of few series it is told to when this much has
 * come together (docs/decisions/0040-collected-sooner.md).
 */
const GATHERED_BYTES = 4e6;

/** A collection takes 0.1 s of CPU: 0.04 % of a core at most, which nothing but scrapes comes near. In the first minutes what comes together is code, which stays. */
const EVERY_S = 300;

export class HeapGrowth {
  #isLarge = false;
  /** Bytes that were left by the last collection of ours; the first is due in any case. */
  #left = 0;
  /** Run time of it, or of the first tick. */
  #at: number | null = null;

  /**
   * Between two ticks: a collection holds the event loop for 0.1 s.
   *
   * @param series of the run
   * @param t run time
   */
  tick(series: number, t: number): void {
    if (this.#isLarge) return;
    if (series >= LARGE_SERIES) {
      this.#isLarge = true;
      setFlagsFromString(TWICE);
      return;
    }
    this.#at ??= t;
    if (t - this.#at < EVERY_S || held() - this.#left < GATHERED_BYTES) return;
    // Exposed by the entry; whoever gave Node a heap size of their own has what V8 does by itself.
    globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
    this.#left = held();
    this.#at = t;
  }
}

/** Bytes of V8's heap, and of buffers outside of it. */
function held(): number {
  const { total_heap_size: heap, external_memory: buffers } = getHeapStatistics();
  return heap + buffers;
}
