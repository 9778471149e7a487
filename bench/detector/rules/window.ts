/** What most rules share: means or minima of equal spans of time, and a straight line through them. Times are hours. */

/** The latest `keep` spans of `width` seconds that held a sample, each as one value. */
export class Spans {
  readonly t: number[] = [];
  readonly y: number[] = [];
  readonly #width: number;
  readonly #keep: number;
  readonly #of: 'mean' | 'minimum';
  #span = -1;
  #sum = 0;
  #low = Infinity;
  #count = 0;

  constructor(width: number, keep = Infinity, of: 'mean' | 'minimum' = 'mean') {
    this.#width = width;
    this.#keep = keep;
    this.#of = of;
  }

  push(t: number, value: number): void {
    const span = Math.floor(t / this.#width);
    if (span !== this.#span) this.#close();
    this.#span = span;
    this.#sum += value;
    this.#low = Math.min(this.#low, value);
    this.#count++;
  }

  clear(): void {
    this.t.length = this.y.length = this.#count = 0;
  }

  #close(): void {
    if (this.#count > 0) {
      this.t.push(((this.#span + 0.5) * this.#width) / 3600);
      this.y.push(this.#of === 'mean' ? this.#sum / this.#count : this.#low);
      const extra = Math.max(0, this.t.length - this.#keep);
      this.t.splice(0, extra);
      this.y.splice(0, extra);
    }
    [this.#sum, this.#low, this.#count] = [0, Infinity, 0];
  }
}

export interface Line {
  readonly n: number;
  readonly slope: number;
  /** Value at the last time. */
  readonly last: number;
  /** Standard error of the slope, as if the residuals were independent. */
  readonly error: number;
  readonly r2: number;
}

/** Ordinary least squares from index `from` on; null for fewer than three values. */
export function ols(t: readonly number[], y: readonly number[], from = 0): Line | null {
  const n = t.length - from;
  if (n < 3) return null;
  let [tm, ym] = [0, 0];
  for (let i = from; i < t.length; i++) {
    tm += t[i]! / n;
    ym += y[i]! / n;
  }
  let [tt, ty, yy] = [0, 0, 0];
  for (let i = from; i < t.length; i++) {
    tt += (t[i]! - tm) ** 2;
    ty += (t[i]! - tm) * (y[i]! - ym);
    yy += (y[i]! - ym) ** 2;
  }
  const slope = ty / tt;
  const rest = Math.max(0, yy - slope * ty);
  return { n, slope, last: ym + slope * (t.at(-1)! - tm), error: Math.sqrt(rest / (n - 2) / tt), r2: yy > 0 ? 1 - rest / yy : 0 };
}

/** True once a condition has held for `seconds` without a break: the `for` of an alert. */
export class Held {
  readonly #seconds: number;
  #since: number | null = null;

  constructor(seconds: number) {
    this.#seconds = seconds;
  }

  at(t: number, holds: boolean): boolean {
    if (!holds) this.#since = null;
    else this.#since ??= t;
    return this.#since !== null && t - this.#since >= this.#seconds;
  }
}
