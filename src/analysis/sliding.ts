/** Sums over the latest steps of time, of fixed size whatever the span: a window of ten minutes and one of a minute both have 60 steps. */

/** A window moves in steps of a 60th of its length, which is as finely as its edges are placed. */
export const STEPS = 60;

export interface SlidingSnapshot {
  readonly at: number;
  readonly filled: number;
  readonly sums: Float64Array;
}

/** The sum of what was added in the newest `STEPS` steps, the one under way included; or, of an endless one, since it was cleared. */
export class Sliding {
  readonly #sums: Float64Array;
  #at = 0;
  /** Steps begun since it was cleared, at most all of them. */
  #filled = 1;

  constructor(endless: boolean) {
    this.#sums = new Float64Array(endless ? 1 : STEPS);
  }

  add(value: number): void {
    this.#sums[this.#at]! += value;
  }

  /** Begins the next step; the oldest one is forgotten. */
  next(): void {
    if (this.#sums.length === 1) return;
    this.#at = (this.#at + 1) % STEPS;
    this.#sums[this.#at] = 0;
    this.#filled = Math.min(STEPS, this.#filled + 1);
  }

  get sum(): number {
    let sum = 0;
    for (let i = 0; i < this.#filled; i++) sum += this.#sums[(this.#at - i + this.#sums.length) % this.#sums.length]!;
    return sum;
  }

  clear(): void {
    this.#sums.fill(0);
    this.#filled = 1;
  }

  snapshot(): SlidingSnapshot {
    return { at: this.#at, filled: this.#filled, sums: this.#sums.slice() };
  }

  restore({ at, filled, sums }: SlidingSnapshot): void {
    this.#at = at;
    this.#filled = filled;
    this.#sums.set(sums);
  }
}
