/** Mixtures of Student distributions: what is known of a slope when the correlation of the noise, and the shape, are not. */
import { studentQuantile, type StudentTable, studentTable } from './stats.ts';

export interface Component {
  readonly weight: number;
  readonly mean: number;
  /** Standard error. */
  readonly scale: number;
  readonly df: number;
}

/** Of a probability: an interval whose ends leave 2.5 % outside to within a 250th of that. */
const PRECISION = 1e-4;

/** Newton's rule takes four or five steps; where it leaves the interval, which only shrinks, that is halved. */
const STEPS_MAX = 60;

export class Mixture {
  readonly #parts: Components;
  readonly #total: number;
  readonly #runs: readonly Run[];
  readonly #sums = [0, 0];

  /** Of all components. */
  readonly mean: number;
  /** Scale of one component with the same second moment, the heavier tails of few degrees of freedom aside. */
  readonly spread: number;

  /** Weights need not add up to 1. */
  constructor(given: readonly Component[] | Components) {
    const parts = given instanceof Components ? given : Components.of(given);
    let total = 0;
    let mean = 0;
    let square = 0;
    for (let i = 0; i < parts.n; i++) {
      const weight = parts.weight[i]!;
      const at = parts.mean[i]!;
      const scale = parts.scale[i]!;
      total += weight;
      mean += weight * at;
      square += weight * (scale ** 2 + at ** 2);
    }
    this.mean = mean / total;
    this.spread = Math.sqrt(Math.max(0, square / total - this.mean ** 2));
    this.#parts = parts;
    this.#total = total;
    this.#runs = runsOf(parts);
  }

  /** P(value <= x). */
  cdf(x: number): number {
    return this.#below(x, 1);
  }

  /** P(value > x), exact also where it is tiny. */
  above(x: number): number {
    return this.#below(x, -1);
  }

  /** Between the smallest and the largest of the components' own quantiles; NaN of nothing. */
  quantile(p: number): number {
    const { low, high, middle } = this.#range(p);
    if (!(high > low)) return high >= low ? low : NaN;
    return low + this.#solve(low, high - low, middle - low, p);
  }

  /** The distance from `low` at which the distribution is p, between 0 and `most`; `begin` is a first guess. */
  #solve(low: number, most: number, begin: number, p: number): number {
    let [a, b] = [0, most];
    let x = begin;
    for (let i = 0; i < STEPS_MAX; i++) {
      this.#at(low + x);
      const off = this.#sums[0]! / this.#total - p;
      if (Math.abs(off) <= PRECISION) return x;
      if (off < 0) a = x;
      else b = x;
      const next = x - (off * this.#total) / this.#sums[1]!;
      x = next > a && next < b ? next : (a + b) / 2;
      if (b - a <= 1e-12 * (Math.abs(low) + b)) return x;
    }
    return x;
  }

  /** P(value <= x) for sign 1, P(value >= x) for sign -1. */
  #below(x: number, sign: 1 | -1): number {
    const { weight, mean, scale } = this.#parts;
    let p = 0;
    for (const { table, from, to } of this.#runs) {
      for (let i = from; i < to; i++) {
        const distance = sign * (x - mean[i]!);
        p += weight[i]! * (scale[i]! > 0 ? table.cdf(distance / scale[i]!) : distance >= 0 ? 1 : 0);
      }
    }
    return p / this.#total;
  }

  /** Sums P(value <= x), and the density there, over the components by their weight. */
  #at(x: number): void {
    this.#sums[0] = 0;
    this.#sums[1] = 0;
    for (const { table, from, to } of this.#runs) table.add(x, this.#parts, from, to, this.#sums);
  }

  /** The smallest and the largest of the components' own quantiles, and their mean. */
  #range(p: number): { readonly low: number; readonly high: number; readonly middle: number } {
    const { weight, mean, scale } = this.#parts;
    let low = Infinity;
    let high = -Infinity;
    let middle = 0;
    for (const { df, from, to } of this.#runs) {
      const standard = studentQuantile(p, df);
      for (let i = from; i < to; i++) {
        const own = mean[i]! + scale[i]! * standard;
        if (own < low) low = own;
        if (own > high) high = own;
        middle += weight[i]! * own;
      }
    }
    return { low, high, middle: middle / this.#total };
  }
}

/** Neighbours with the same degrees of freedom. */
interface Run {
  readonly df: number;
  readonly table: StudentTable;
  readonly from: number;
  readonly to: number;
}

export function runsOf({ df }: Components): Run[] {
  const runs: Run[] = [];
  for (let from = 0, to = 0; from < df.length; from = to) {
    while (to < df.length && df[to] === df[from]) to++;
    runs.push({ df: df[from]!, table: studentTable(df[from]!), from, to });
  }
  return runs;
}

/** Components as columns, to be filled: an object each would be most of what a look leaves to be collected. */
export class Components {
  readonly n: number;
  readonly weight: Float64Array;
  readonly mean: Float64Array;
  readonly scale: Float64Array;
  readonly df: Float64Array;

  constructor(n: number) {
    const all = new Float64Array(4 * n);
    this.n = n;
    this.weight = all.subarray(0, n);
    this.mean = all.subarray(n, 2 * n);
    this.scale = all.subarray(2 * n, 3 * n);
    this.df = all.subarray(3 * n);
  }

  static of(list: readonly Component[]): Components {
    const made = new Components(list.length);
    list.forEach(({ weight, mean, scale, df }, i) => made.set(i, weight, mean, scale, df));
    return made;
  }

  list(): Component[] {
    return Array.from(this.weight, (weight, i) => ({ weight, mean: this.mean[i]!, scale: this.scale[i]!, df: this.df[i]! }));
  }

  set(i: number, weight: number, mean: number, scale: number, df: number): void {
    this.weight[i] = weight;
    this.mean[i] = mean;
    this.scale[i] = scale;
    this.df[i] = df;
  }
}
