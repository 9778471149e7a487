/**
 * The few distributions that the judgement needs. Formulas: Abramowitz and Stegun, Handbook of Mathematical Functions (A&S), chapters
 * 6 and 26. Relative error below 1e-12 in the range used; `test/unit/analysis/stats.test.ts` compares with published tables.
 */
import { Room } from './room.ts';

const ITERATIONS_MAX = 300;
const PRECISION = 1e-15;
/** Stands in for a zero denominator of a continued fraction (modified Lentz). */
const TINY = 1e-300;

/** ln Γ(x), x > 0: recurrence up to 10, then Stirling's series (A&S 6.1.40), whose first term left out is below 1e-16 there. */
export function logGamma(x: number): number {
  let shift = 0;
  let z = x;
  for (; z < 10; z++) shift += Math.log(z);
  const s = 1 / (z * z);
  const series = (1 / 12 - s * (1 / 360 - s * (1 / 1260 - s * (1 / 1680 - s * (1 / 1188 - (s * 691) / 360_360))))) / z;
  return (z - 0.5) * Math.log(z) - z + 0.5 * Math.log(2 * Math.PI) + series - shift;
}

/** The continued fraction of the incomplete beta function (A&S 26.5.8). It converges fast for x < (a + 1) / (a + b + 2). */
function betaFraction(x: number, a: number, b: number): number {
  let c = 1;
  let d = 1 / nonzero(1 - ((a + b) * x) / (a + 1));
  let h = d;
  for (let m = 1; m <= ITERATIONS_MAX; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / nonzero(1 + even * d);
    c = nonzero(1 + even / c);
    h *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / nonzero(1 + odd * d);
    c = nonzero(1 + odd / c);
    h *= d * c;
    if (Math.abs(d * c - 1) < PRECISION) break;
  }
  return h;
}

function nonzero(value: number): number {
  return Math.abs(value) < TINY ? TINY : value;
}

/** ln(Γ(a+b) / (Γ(a) Γ(b))) for b = 1/2: all that Student's distribution asks for, kept per degree of freedom (at most some 260). */
const logBetaOfDf = new Map<number, number>();

function logInverseBeta(df: number): number {
  const known = logBetaOfDf.get(df);
  if (known !== undefined) return known;
  const value = logGamma((df + 1) / 2) - logGamma(df / 2) - 0.5 * Math.log(Math.PI);
  if (logBetaOfDf.size < 512) logBetaOfDf.set(df, value);
  return value;
}

/** P(T > t) for t >= 0 (A&S 26.7.1): half the incomplete beta function of df / (df + t^2). */
function upperTail(t: number, df: number): number {
  const x = df / (df + t * t);
  const y = (t * t) / (df + t * t);
  if (y === 0) return 0.5;
  const front = Math.exp(logInverseBeta(df) + (df / 2) * Math.log(x) + 0.5 * Math.log(y));
  // The fraction is used on the side where it converges (A&S 26.5.2).
  if (x < (df / 2 + 1) / (df / 2 + 2.5)) return (front * betaFraction(x, df / 2, 0.5)) / df;
  return 0.5 - front * betaFraction(y, 0.5, df / 2);
}

/** P(T <= t) of Student's distribution with `df` > 0 degrees of freedom. */
export function studentCdf(t: number, df: number): number {
  if (t === Infinity) return 1;
  if (t === -Infinity) return 0;
  return t < 0 ? upperTail(-t, df) : 1 - upperTail(t, df);
}

export function studentDensity(t: number, df: number): number {
  return Math.exp(logInverseBeta(df) - 0.5 * Math.log(df) - ((df + 1) / 2) * Math.log1p((t * t) / df));
}

/** Distance of the points of a table, and how far it reaches; cubic interpolation errs by less than 2e-8 in between. */
const TABLE_STEP = 0.05;
const TABLE_END = 12;
const TABLE_PLACES = Math.round(TABLE_END / TABLE_STEP);

/** Distributions that differ in place and scale. */
interface Scaled {
  readonly weight: Float64Array;
  readonly mean: Float64Array;
  readonly scale: Float64Array;
}

/** Student's distribution of one df as a table: mixtures ask for it some thousand times per series. */
export class StudentTable {
  readonly #df: number;
  readonly #cdf: Float64Array;
  readonly #density: Float64Array;

  constructor(df: number) {
    this.#df = df;
    const points = Array.from({ length: Math.round(TABLE_END / TABLE_STEP) + 2 }, (_, i) => i * TABLE_STEP);
    this.#cdf = Float64Array.from(points, (t) => upperTail(t, df));
    this.#density = Float64Array.from(points, (t) => -TABLE_STEP * studentDensity(t, df));
  }

  /** P(T <= t). */
  cdf(t: number): number {
    const at = Math.abs(t);
    const tail = at < TABLE_END ? this.#tail(at / TABLE_STEP) : this.#far(at);
    return t < 0 ? tail : 1 - tail;
  }

  /** Adds P(value <= x), and the density at x, of components from one to before another to the two sums, by their weight. */
  add(x: number, { weight, mean, scale }: Scaled, from: number, to: number, sums: number[]): void {
    const cdf = this.#cdf;
    const density = this.#density;
    let below = 0;
    let dense = 0;
    for (let k = from; k < to; k++) {
      const distance = x - mean[k]!;
      if (!(scale[k]! > 0)) {
        if (distance >= 0) below += weight[k]!;
        continue;
      }
      const t = distance / scale[k]!;
      const place = Math.abs(t) / TABLE_STEP;
      if (!(place < TABLE_PLACES)) {
        below += weight[k]! * this.cdf(t);
        continue;
      }
      const i = Math.floor(place);
      const u = place - i;
      const here = density[i]!;
      const next = density[i + 1]!;
      const tail = hermite(u, cdf[i]!, here, cdf[i + 1]!, next);
      below += weight[k]! * (t < 0 ? tail : 1 - tail);
      // Linear: within 0.1 %, enough for Newton's rule.
      dense += ((here + u * (next - here)) / -TABLE_STEP) * (weight[k]! / scale[k]!);
    }
    sums[0]! += below;
    sums[1]! += dense;
  }

  /** Beyond the table the tail falls as the density x (df + t^2) / t does, to a relative error of some 1 / t^2. */
  #far(t: number): number {
    const end = this.#cdf[TABLE_PLACES]!;
    return end * (TABLE_END / t) * ((this.#df + TABLE_END * TABLE_END) / (this.#df + t * t)) ** ((this.#df - 1) / 2);
  }

  /** By cubic interpolation (Hermite). */
  #tail(place: number): number {
    const i = Math.floor(place);
    return hermite(place - i, this.#cdf[i]!, this.#density[i]!, this.#cdf[i + 1]!, this.#density[i + 1]!);
  }
}

/** Between two points, at u of the way from the one to the other, whose values and slopes are known. */
function hermite(u: number, from: number, fromSlope: number, to: number, toSlope: number): number {
  const v = 1 - u;
  const left = v * v * (from * (1 + 2 * u) + fromSlope * u);
  return left + u * u * (to * (1 + 2 * v) - toSlope * v);
}

/** At most one table per possible number of points: 64 x 242 x 16 bytes are 250 kB. */
const TABLES_MAX = 64;
const tables = new Map<number, StudentTable>();

export function studentTable(df: number): StudentTable {
  const known = tables.get(df);
  if (known) return known;
  const made = new StudentTable(df);
  if (tables.size < TABLES_MAX) tables.set(df, made);
  return made;
}

/**
 * Quantiles asked for: a few probabilities for each possible number of points. By both, and not by their sum, in which probabilities that
 * differ in their last digits are one: what is told would depend on which of them was asked for first.
 */
const QUANTILES_MAX = 1024;
const quantiles = new Map<number, Map<number, number>>();
let quantilesKept = 0;

/** The t that Student's distribution with a whole df stays below with probability p, 0 < p < 1. */
export function studentQuantile(p: number, df: number): number {
  if (p === 0.5) return 0;
  const known = quantiles.get(df)?.get(p);
  if (known !== undefined) return known;
  const tail = p < 0.5 ? p : 1 - p;
  let high = 1;
  while (upperTail(high, df) > tail) high *= 2;
  const t = root((t) => tail - upperTail(t, df), 0, high);
  const value = p < 0.5 ? -t : t;
  if (quantilesKept < QUANTILES_MAX) {
    quantilesKept++;
    quantiles.set(df, (quantiles.get(df) ?? new Map<number, number>()).set(p, value));
  }
  return value;
}

/** P(Z <= z) of the standard normal distribution: the series A&S 26.2.11 in the middle, the continued fraction 26.2.14 outside. */
export function normalCdf(z: number): number {
  const x = Math.abs(z);
  const density = Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
  let tail: number;
  if (x < 3) {
    let term = x;
    let sum = x;
    for (let k = 3; Math.abs(term) > PRECISION * sum; k += 2) sum += term *= (x * x) / k;
    tail = 0.5 - density * sum;
  } else {
    let fraction = x;
    for (let k = 60; k >= 1; k--) fraction = x + k / fraction;
    tail = density / fraction;
  }
  return z < 0 ? tail : 1 - tail;
}

/** The z that a standard normal variable stays below with probability p, 0 < p < 1. */
export function normalQuantile(p: number): number {
  if (p > 0.5) return -normalQuantile(1 - p);
  return root((z) => normalCdf(z) - p, -38, 0);
}

/**
 * The zero of a rising function between `low` and `high`: regula falsi with the Illinois rule, whose steps are the same on every machine.
 * @param tolerance a value of f that is as good as zero
 */
export function root(f: (x: number) => number, low: number, high: number, tolerance = 0): number {
  let [a, b] = [low, high];
  let [fa, fb] = [f(a), f(b)];
  if (fa >= 0) return a;
  if (fb <= 0) return b;
  let side = 0;
  for (let i = 1; i <= ITERATIONS_MAX; i++) {
    if (b - a <= 1e-13 * Math.max(Math.abs(a), Math.abs(b))) break;
    // Every fourth step halves the interval, so that the end is never far where falsi creeps or rounds to an end.
    const falsi = (a * fb - b * fa) / (fb - fa);
    const x = i % 4 !== 0 && falsi > a && falsi < b ? falsi : (a + b) / 2;
    const fx = f(x);
    if (Math.abs(fx) <= tolerance) return x;
    if (fx < 0) {
      [a, fa] = [x, fx];
      if (side < 0) fb /= 2;
    } else {
      [b, fb] = [x, fx];
      if (side > 0) fa /= 2;
    }
    side = fx < 0 ? -1 : 1;
  }
  return (a + b) / 2;
}

/** Values of which one is looked for, in an order of their own: a look asks for a dozen medians, and an array costs V8 more than a search. */
let sought = new Float64Array(256);

/** The middle one, or the mean of the two middle ones; NaN of nothing. */
export function median(values: ArrayLike<number>): number {
  const n = values.length;
  const known = seek(values);
  const middle = n >> 1;
  if (middle >= known) return NaN;
  const high = select(known, middle);
  if (n % 2 === 1) return high;
  let low = -Infinity;
  for (let i = 0; i < middle; i++) if (sought[i]! > low) low = sought[i]!;
  return (low + high) / 2;
}

/** The value below which this share lies, interpolated; NaN of nothing. */
export function quantileOf(values: ArrayLike<number>, share: number): number {
  const at = share * (values.length - 1);
  const place = Math.floor(at);
  const known = seek(values);
  const next = Math.min(place + 1, values.length - 1);
  if (next >= known) return NaN;
  const low = select(known, place);
  let high = next > place ? Infinity : low;
  for (let i = next; i < known; i++) if (sought[i]! < high) high = sought[i]!;
  return low + (at - place) * (high - low);
}

/** Takes the values over to be sought in; NaN stands last in every order and is left out. Returns how many are left. */
function seek(values: ArrayLike<number>): number {
  if (sought.length < values.length) sought = new Float64Array(2 * values.length);
  let n = 0;
  for (let i = 0; i < values.length; i++) if (!Number.isNaN(values[i]!)) sought[n++] = values[i]!;
  return n;
}

/** The value at place k of the first n in order (Hoare): what stands before it is no larger then, what stands after it no smaller. */
function select(n: number, k: number): number {
  let from = 0;
  let to = n - 1;
  while (from < to) {
    const pivot = sought[(from + to) >> 1]!;
    let i = from;
    let j = to;
    while (i <= j) {
      while (sought[i]! < pivot) i++;
      while (sought[j]! > pivot) j--;
      if (i > j) break;
      const value = sought[i]!;
      sought[i++] = sought[j]!;
      sought[j--] = value;
    }
    if (k <= j) to = j;
    else if (k >= i) from = i;
    else break;
  }
  return sought[k]!;
}

/** From a median absolute second difference to a standard deviation: its variance is 6 times that of one value. */
const SECOND_DIFFERENCE = 1 / (0.6745 * Math.sqrt(6));

const BENDS = new Room();

/** Standard deviation of the noise of a series, whatever its trend: from its second differences. */
export function scatterOf(y: Float64Array): number {
  if (y.length < 3) return 0;
  const bends = BENDS.of(y.length - 2);
  for (let i = 2; i < y.length; i++) bends[i - 2] = Math.abs(y[i]! - 2 * y[i - 1]! + y[i - 2]!);
  return median(bends) * SECOND_DIFFERENCE;
}

/** A step bends three times, or six where blocks lie on its way. */
const RARE = 5;

/** As `scatterOf`, but what happens often counts as well, such as the drops of a sawtooth; what happens once does not. */
export function movesOf(y: Float64Array): number {
  if (y.length < 3 + RARE) return 0;
  const squares = BENDS.of(y.length - 2);
  for (let i = 2; i < y.length; i++) squares[i - 2] = (y[i]! - 2 * y[i - 1]! + y[i - 2]!) ** 2;
  squares.sort();
  let sum = 0;
  for (let i = 0; i < squares.length - RARE; i++) sum += squares[i]!;
  return Math.sqrt(sum / (squares.length - RARE) / 6);
}
