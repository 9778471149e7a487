/** The load on a target as a curve that can be read at any time, as it is and as a size that follows it with a lag. */
import type { Bins } from '../store.ts';
import { increments } from './rates.ts';

export class LoadCurve {
  readonly #width: number;
  readonly #start: number;
  /** Per second, one value a bin. */
  readonly #rate: Float64Array;
  readonly #lagged = new Map<number, Curve>();

  /** @param bins increments of the work done, such as requests */
  constructor(bins: Bins, now: number) {
    const { width, first, length } = bins;
    this.#width = width;
    this.#start = first * width;
    this.#rate = increments(bins).map((gained, i) => {
      const seen = Math.min(width, now - (first + i) * width);
      return seen > 0 ? gained / seen : 0;
    });
    // The first sample of a counter has no increment, so the first bin has seen less than its width.
    if (length > 1) this.#rate[0] = this.#rate[1]!;
    // A newest bin of which little was seen holds one increment or none.
    if (length > 2 && now - (first + length - 1) * width < width / 2) this.#rate[length - 1] = this.#rate[length - 2]!;
  }

  /** What follows the load as a first-order lag of `tau` seconds; 0 is the load itself. All series of a target ask for the same. */
  lagged(tau: number): Curve {
    const known = this.#lagged.get(tau);
    if (known !== undefined) return known;
    const made = this.following(tau);
    this.#lagged.set(tau, made);
    return made;
  }

  /** The same for a lag that no other series asks for. */
  following(tau: number): Curve {
    const rate = this.#rate;
    if (tau === 0 || rate.length === 0) return new Curve(this.#start, this.#width, rate);
    const kept = Math.exp(-this.#width / tau);
    const weight = (tau / this.#width) * (1 - kept);
    const means = new Float64Array(rate.length);
    let state = rate[0]!;
    for (let i = 0; i < rate.length; i++) {
      means[i] = rate[i]! + (state - rate[i]!) * weight;
      state = rate[i]! + (state - rate[i]!) * kept;
    }
    return new Curve(this.#start, this.#width, means);
  }
}

/** A step function with its integral. */
export class Curve {
  readonly #start: number;
  readonly #width: number;
  readonly #values: Float64Array;
  readonly #sums: Float64Array;

  constructor(start: number, width: number, values: Float64Array) {
    this.#start = start;
    this.#width = width;
    this.#values = values;
    this.#sums = new Float64Array(values.length + 1);
    for (let i = 0; i < values.length; i++) this.#sums[i + 1] = this.#sums[i]! + values[i]! * width;
  }

  /** Integral from the start of the curve; beyond its ends the curve is as it is there. */
  total(t: number): number {
    const n = this.#values.length;
    if (n === 0) return 0;
    const x = (t - this.#start) / this.#width;
    const i = Math.max(0, Math.min(n - 1, Math.floor(x)));
    return this.#sums[i]! + (x - i) * this.#width * this.#values[i]!;
  }

  /** Mean between two times. */
  mean(from: number, to: number): number {
    return (this.total(to) - this.total(from)) / (to - from);
  }
}
