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
  constructor(given: readonly Component[] | Components) {
    const parts = given instanceof Components ? given : Components.of(given);
    let total = 0;
    let mean = 0;
    let square = 0;
    for (let i = 0; i < parts.weight.length; i++) {
      const weight = parts.weight[i]!;
      const at = parts.mean[i]!;
      const scale = parts.scale[i]!;
      total += weight;
      mean += weight * at;
      square += weight * (scale ** 2 + at ** 2);
    }
    this.mean = mean / total;
    this.spread = Math.sqrt(Math.max(0, square / total - this.mean ** 2));
    this.#parts = new Parts(parts, total);
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

/** Components as columns, to be filled: an object each would be most of what a look leaves to be collected. */
export class Components {
  readonly weight: Float64Array;
  readonly mean: Float64Array;
  readonly scale: Float64Array;
  readonly df: Int32Array;

  constructor(n: number) {
    const all = new Float64Array(3 * n);
    this.weight = all.subarray(0, n);
    this.mean = all.subarray(n, 2 * n);
    this.scale = all.subarray(2 * n);
    this.df = new Int32Array(n);
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

/** Components whose weights add up to 1, with their distributions. */
class Parts {
  readonly #weight: Float64Array;
  readonly #mean: Float64Array;
  readonly #scale: Float64Array;
  readonly #df: Int32Array;
  readonly #table: readonly StudentTable[];
  readonly #sums = new Float64Array(2);

  constructor({ weight, mean, scale, df }: Components, total: number) {
    this.#weight = weight.map((one) => one / total);
    this.#mean = mean;
    this.#scale = scale;
    this.#df = df;
    this.#table = tablesOf(df);
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
    const sums = this.#sums.fill(0);
    for (let i = 0; i < this.#weight.length; i++) {
      const weight = this.#weight[i]!;
      const scale = this.#scale[i]!;
      const distance = x - this.#mean[i]!;
      if (scale > 0) this.#table[i]!.add(distance / scale, weight, weight / scale, sums);
      else if (distance >= 0) sums[0]! += weight;
    }
    return { below: sums[0]!, density: sums[1]! };
  }

  /** The smallest and the largest of the components' own quantiles, and their mean. */
  range(p: number): { readonly low: number; readonly high: number; readonly middle: number } {
    let low = Infinity;
    let high = -Infinity;
    let middle = 0;
    let df = 0;
    let standard = 0;
    for (let i = 0; i < this.#weight.length; i++) {
      if (this.#df[i] !== df) {
        df = this.#df[i]!;
        standard = studentQuantile(p, df);
      }
      const own = this.#mean[i]! + this.#scale[i]! * standard;
      low = Math.min(low, own);
      high = Math.max(high, own);
      middle += this.#weight[i]! * own;
    }
    return { low, high, middle };
  }
}

function tablesOf(df: Int32Array): StudentTable[] {
  const tables: StudentTable[] = [];
  for (let i = 0; i < df.length; i++) tables.push(i > 0 && df[i] === df[i - 1] ? tables[i - 1]! : studentTable(df[i]!));
  return tables;
}
