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
  readonly #parts: Parts;

  /** Of all components. */
  readonly mean: number;
  /** Scale of one component with the same second moment, the heavier tails of few degrees of freedom aside. */
  readonly spread: number;

  /** Weights need not add up to 1. */
  constructor(parts: readonly Component[]) {
    let [total, mean, square] = [0, 0, 0];
    for (const part of parts) {
      total += part.weight;
      mean += part.weight * part.mean;
      square += part.weight * (part.scale ** 2 + part.mean ** 2);
    }
    this.mean = mean / total;
    this.spread = Math.sqrt(Math.max(0, square / total - this.mean ** 2));
    this.#parts = new Parts(parts);
  }

  /** P(value <= x). */
  cdf(x: number): number {
    return this.#parts.below(x, 1);
  }

  /** P(value > x), exact also where it is tiny. */
  above(x: number): number {
    return this.#parts.below(x, -1);
  }

  /** Between the smallest and the largest of the components' own quantiles; NaN of nothing. */
  quantile(p: number): number {
    const { low, high, middle } = this.#parts.range(p);
    if (!(high > low)) return high >= low ? low : NaN;
    return low + this.#solve(low, high - low, middle - low, p);
  }

  /** The distance from `low` at which the distribution is p, between 0 and `most`; `begin` is a first guess. */
  #solve(low: number, most: number, begin: number, p: number): number {
    let [a, b] = [0, most];
    let x = begin;
    for (let i = 0; i < STEPS_MAX; i++) {
      const { below, density } = this.#parts.at(low + x);
      const off = below - p;
      if (Math.abs(off) <= PRECISION) return x;
      if (off < 0) a = x;
      else b = x;
      const next = x - off / density;
      x = next > a && next < b ? next : (a + b) / 2;
      if (b - a <= 1e-12 * (Math.abs(low) + b)) return x;
    }
    return x;
  }
}

/** Components as columns, their weights added up to 1. */
class Parts {
  readonly #weight: Float64Array;
  readonly #mean: Float64Array;
  readonly #scale: Float64Array;
  readonly #df: Int32Array;
  readonly #table: readonly StudentTable[];

  constructor(parts: readonly Component[]) {
    const n = parts.length;
    this.#weight = new Float64Array(n);
    this.#mean = new Float64Array(n);
    this.#scale = new Float64Array(n);
    this.#df = new Int32Array(n);
    this.#table = parts.map((part) => studentTable(part.df));
    const total = parts.reduce((sum, part) => sum + part.weight, 0);
    for (let i = 0; i < n; i++) {
      const { weight, mean, scale, df } = parts[i]!;
      this.#weight[i] = weight / total;
      this.#mean[i] = mean;
      this.#scale[i] = scale;
      this.#df[i] = df;
    }
  }

  /** P(value <= x) for sign 1, P(value >= x) for sign -1. */
  below(x: number, sign: 1 | -1): number {
    let p = 0;
    for (let i = 0; i < this.#weight.length; i++) {
      const distance = sign * (x - this.#mean[i]!);
      const scale = this.#scale[i]!;
      const part = scale > 0 ? this.#table[i]!.cdf(distance / scale) : distance >= 0 ? 1 : 0;
      p += this.#weight[i]! * part;
    }
    return p;
  }

  /** P(value <= x), and the density there. */
  at(x: number): { readonly below: number; readonly density: number } {
    let [below, density] = [0, 0];
    for (let i = 0; i < this.#weight.length; i++) {
      const [weight, scale] = [this.#weight[i]!, this.#scale[i]!];
      const distance = x - this.#mean[i]!;
      if (scale > 0) {
        below += weight * this.#table[i]!.cdf(distance / scale);
        density += (weight / scale) * this.#table[i]!.density(distance / scale);
      } else if (distance >= 0) below += weight;
    }
    return { below, density };
  }

  /** The smallest and the largest of the components' own quantiles, and their mean. */
  range(p: number): { readonly low: number; readonly high: number; readonly middle: number } {
    let [low, high, middle] = [Infinity, -Infinity, 0];
    for (let i = 0; i < this.#weight.length; i++) {
      const own = this.#mean[i]! + this.#scale[i]! * studentQuantile(p, this.#df[i]!);
      low = Math.min(low, own);
      high = Math.max(high, own);
      middle += this.#weight[i]! * own;
    }
    return { low, high, middle };
  }
}
