/** What all signals together may keep of series: a stranger decides how many of those there are. */
import type { Increments } from './increments.ts';

/** Series of one span: 20,000 with a key of at most 100 characters and 110 bytes beside it are 6 MB. */
const SPAN_MAX = 20_000;

/** Series whose last figures are kept: with the same keys and 100 bytes of figures 6 MB. */
export const REMEMBERED_MAX = 20_000;

/** Counts in buckets of those: 200,000 of 60 bytes are 12 MB. */
const COUNTS_MAX = 200_000;

export class Room {
  /** Wall time of the start of the run, seconds. */
  readonly began: number;
  readonly all: Increments[] = [];
  /** Counts spans. */
  round = 0;
  #span = 0;
  #series = 0;
  #counts = 0;
  #cleared = -1;
  #refused = false;

  constructor(began: number) {
    this.began = began;
  }

  /** Room for one more series of the span. */
  enter(): boolean {
    if (this.#span >= SPAN_MAX) return false;
    this.#span++;
    return true;
  }

  leave(series: number): void {
    this.#span -= series;
  }

  /** A span is over: what is not seen in the next ones may be forgotten when there is no room. */
  nextRound(): void {
    this.round++;
  }

  /** Whether so many more may be remembered. */
  admits(series: number, counts: number): boolean {
    const isFull = (): boolean => this.#series + series > REMEMBERED_MAX || this.#counts + counts > COUNTS_MAX;
    if (isFull()) this.#forget();
    if ((series > 0 || counts > 0) && isFull()) {
      this.#refused = true;
      return false;
    }
    this.#series += series;
    this.#counts += counts;
    return true;
  }

  /** Whether series had no room since this was asked last. */
  refused(): boolean {
    const refused = this.#refused;
    this.#refused = false;
    return refused;
  }

  /** Those that were not seen in this span or the one before; looked for once a span. */
  #forget(): void {
    if (this.#cleared === this.round) return;
    this.#cleared = this.round;
    for (const { last } of this.all) {
      for (const [key, { round, buckets }] of last) {
        if (round >= this.round - 1) continue;
        last.delete(key);
        this.#series--;
        this.#counts -= buckets.counts.length;
      }
    }
  }
}
