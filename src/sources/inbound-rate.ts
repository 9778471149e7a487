/** How much may come in a second, on average over a span: what is saved up may come at once, and what comes is never cut in two. */
import type { Clock } from '../clock.ts';

export class Rate {
  readonly #clock: Clock;
  readonly #perSecond: number;
  readonly #most: number;
  /** May be below zero: the request that used it up was taken as a whole. */
  #left: number;
  #at: number;

  /** @param span seconds that may be saved up */
  constructor(clock: Clock, perSecond: number, span: number) {
    this.#clock = clock;
    this.#perSecond = perSecond;
    this.#most = perSecond * span;
    this.#left = this.#most;
    this.#at = clock.monotonic();
  }

  /** Seconds until something may come; 0 is now. */
  wait(): number {
    const now = this.#clock.monotonic();
    this.#left = Math.min(this.#most, this.#left + (now - this.#at) * this.#perSecond);
    this.#at = now;
    return this.#left > 0 ? 0 : (1 - this.#left) / this.#perSecond;
  }

  spend(amount: number): void {
    this.#left -= amount;
  }
}
