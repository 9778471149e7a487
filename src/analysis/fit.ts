/**
 * Every shape fitted with every correlation of the noise. Each fit has its evidence:
 * ln prior - (n - lives)/2 ln SSE - 1/2 sum ln(1 - rho^2) - 1/2 ln|levels| - k/2 ln n - ln siblings,
 * the likelihood integrated over levels and variance, with a unit-information prior on the k coefficients of the shape.
 */
import { besideLines } from './beside.ts';
import { type Design, designOf, type PhiDesign } from './design.ts';
import { Covariates, dot, type Points } from './gls.ts';
import { refined } from './finer.ts';
import { type Inverses, passingInverses } from './normal.ts';
import { Room } from './room.ts';
import type { Shape } from './shapes.ts';

/** All fits: entry p x shapes + s is shape s with the p-th correlation. Slopes are per unit of `span`. Valid until the next are made. */
export interface Fits {
  readonly shapes: readonly Shape[];
  readonly evidence: Float64Array;
  /** Slope before the bend, and at the end. */
  readonly first: Float64Array;
  readonly end: Float64Array;
  /** Variance of the slope at the end, for noise of variance 1; Infinity when the points do not determine it. */
  readonly unit: Float64Array;
  /** Variance of a point. */
  readonly variance: Float64Array;
  /** Of each shape. */
  readonly df: Int32Array;
  /** The longest life, in the unit of `t`. */
  readonly span: number;
  /** Steps and ramps with a line beside them: at the end of a run, for what a pass says (see `besideLines`). */
  readonly beside: readonly Fitted[];
}

/** No real series is exactly of one of the shapes: this share of its range is taken as further noise. */
const MISFIT = 0.003;

const ROOMS = { evidence: new Room(), first: new Room(), end: new Room(), unit: new Room(), variance: new Room() };

/** Degrees of freedom below which no interval is worth its name. */
export const DF_MIN = 3;

/** @param rounding variance of the rounding of a value; null when there are too few points for the largest shape */
export function fitAll(points: Points, shapes: readonly Shape[], rounding: number, fine: boolean): Fits | null {
  const largest = shapes.some((shape) => shape.b >= 0) ? 2 : 1;
  if (points.n - points.lives - points.covariates.length - largest < DF_MIN || !(points.step > 0)) return null;
  const design = designOf(points, shapes);
  const size = design.phis.length * shapes.length;
  const fits = {
    shapes,
    evidence: ROOMS.evidence.of(size),
    first: ROOMS.first.of(size),
    end: ROOMS.end.of(size),
    unit: ROOMS.unit.of(size),
    variance: ROOMS.variance.of(size),
    df: new Int32Array(shapes.length),
    span: design.span,
    beside: [],
  };
  const extra = rounding + (MISFIT * rangeOf(points)) ** 2 + 1e-24 * largestSquare(points.y);
  const scratch = new Scratch(points.n, design.columns.length / points.n, fine);
  const values = design.phis.map((phi, p) => fitPhi(points, design, phi, extra, fits, p * shapes.length, scratch));
  return fine ? { ...refined(points, fits, values), beside: besideLines(points, shapes, values) } : fits;
}

function rangeOf({ n, y, life }: Points): number {
  let widest = 0;
  let [low, high] = [Infinity, -Infinity];
  for (let i = 0; i < n; i++) {
    if (i > 0 && life[i] !== life[i - 1]) [low, high] = [Infinity, -Infinity];
    low = Math.min(low, y[i]!);
    high = Math.max(high, y[i]!);
    widest = Math.max(widest, high - low);
  }
  return widest;
}

/** Keeps a series that never moves from a likelihood of infinity: far below what a double resolves. */
function largestSquare(y: Float64Array): number {
  return y.reduce((most, value) => Math.max(most, value * value), 1e-200);
}

/** Standard error of the slope at the end, per unit of `span`. */
export function errorOf({ unit, variance }: Fits, i: number): number {
  return Math.sqrt(unit[i]! * variance[i]!);
}

/** Used again for every phi. */
class Scratch {
  readonly dual: Float64Array;
  /** The values: of every phi its own when they are asked for later. */
  readonly y: Float64Array | null;
  /** Products of the columns with y, and after the last a 0 for shapes without a column. */
  readonly products: Float64Array;

  constructor(n: number, columns: number, fine: boolean) {
    this.dual = DUAL.of(n);
    this.y = fine ? null : VALUES.of(n);
    this.products = PRODUCTS.of(columns + 1);
    this.products[columns] = 0;
  }
}

const DUAL = new Room();
const VALUES = new Room();
const PRODUCTS = new Room();
const SQUARES = new Room();
const CROSS = new Room();
const SHARES = new Room();

function fitPhi(
  points: Points,
  design: Design,
  phi: PhiDesign,
  extra: number,
  fits: Fits,
  offset: number,
  { dual, products, y: shared }: Scratch,
): WhitenedValues {
  const { n, lives } = points;
  const beside = new Covariates(points, phi.frame);
  const y = shared ?? new Float64Array(n);
  phi.frame.project(points.y, 0, y);
  beside.remove(y);
  const yy = dot(y, 0, y, 0, n);
  phi.frame.dual(y, dual);
  multiply(design.columns, dual, products, design.columns.length / n);
  const inverses = beside.units.length === 0 ? phi.inverses : inversesBeside(beside, design, phi, dual);
  const free = n - lives - beside.units.length;
  const base = phi.logPrior - 0.5 * (phi.frame.logDet + phi.frame.logLevels + beside.logLevels);
  const given = { yy, noise: extra * phi.frame.trace, free, base, logN: Math.log(n) };
  solveAll(design, inverses, products, given, fits, offset);
  fits.unit.set(inverses.unit, offset);
  return new WhitenedValues(phi.frame, beside, y, given);
}

/** Products of `count` columns with a vector: four at a time, because a sum waits for its last addition and four do not. */
function multiply(columns: Float64Array, vector: Float64Array, out: Float64Array, count: number): void {
  const n = vector.length;
  let c = 0;
  for (; c + 4 <= count; c += 4) {
    let p = 0;
    let q = 0;
    let r = 0;
    let s = 0;
    for (let i = 0, at = c * n; i < n; i++, at++) {
      const value = vector[i]!;
      p += columns[at]! * value;
      q += columns[at + n]! * value;
      r += columns[at + 2 * n]! * value;
      s += columns[at + 3 * n]! * value;
    }
    out[c] = p;
    out[c + 1] = q;
    out[c + 2] = r;
    out[c + 3] = s;
  }
  for (; c < count; c++) out[c] = dot(columns, c * n, vector, 0, n);
}

interface Given {
  /** Sum of squares of the values, and what is added to what is left of it. */
  readonly yy: number;
  readonly noise: number;
  /** Degrees of freedom without those of the shapes. */
  readonly free: number;
  /** Evidence before any shape. */
  readonly base: number;
  readonly logN: number;
}

function solveAll(
  { table, shapes }: Design,
  { aa, ab, bb }: Inverses,
  products: Float64Array,
  { yy, noise, free, base, logN }: Given,
  fits: Fits,
  offset: number,
): void {
  const { a, b, ea, eb, k, logPrior } = table;
  for (let s = 0; s < shapes.length; s++) {
    const ay = products[a[s]!]!;
    const by = products[b[s]!]!;
    const alpha = aa[s]! * ay + ab[s]! * by;
    const beta = ab[s]! * ay + bb[s]! * by;
    const sse = Math.max(0, yy - alpha * ay - beta * by) + noise;
    const df = free - k[s]!;
    const i = offset + s;
    fits.evidence[i] = base - (free / 2) * Math.log(sse) - (k[s]! / 2) * logN + logPrior[s]!;
    fits.first[i] = alpha;
    fits.end[i] = ea[s]! * alpha + eb[s]! * beta;
    fits.variance[i] = sse / df;
    fits.df[s] = df;
  }
}

/** One shape with one correlation. */
export interface Fitted {
  readonly evidence: number;
  readonly first: number;
  readonly end: number;
  readonly unit: number;
  readonly variance: number;
  readonly df: number;
}

const NOT_FITTED: Fitted = { evidence: -Infinity, first: 0, end: 0, unit: Infinity, variance: 0, df: 1 };

/** The values in the coordinates of one correlation: for shapes that are not in the table. */
export class WhitenedValues {
  readonly #frame: PhiDesign['frame'];
  readonly #beside: Covariates;
  readonly #y: Float64Array;
  readonly #given: Given;

  constructor(frame: PhiDesign['frame'], beside: Covariates, y: Float64Array, given: Given) {
    this.#frame = frame;
    this.#beside = beside;
    this.#y = y;
    this.#given = given;
  }

  /** @param hidden variance of the slope of a bounded shape for noise of variance 1; null for one that is not */
  fit(raw: readonly Float64Array[], [ea = 0, eb = 0]: readonly number[], hidden: number | null, siblings: number): Fitted {
    const { yy, noise, free, base, logN } = this.#given;
    const n = this.#y.length;
    const k = raw.length;
    const [a, b] = raw.map((column) => {
      const projected = new Float64Array(n);
      this.#frame.project(column, 0, projected);
      this.#beside.remove(projected);
      return projected;
    });
    const [aa, ay] = [dot(a!, 0, a!, 0, n), dot(a!, 0, this.#y, 0, n)];
    const [bb, by, ab] = b ? [dot(b, 0, b, 0, n), dot(b, 0, this.#y, 0, n), dot(a!, 0, b, 0, n)] : [1, 0, 0];
    const det = aa * bb - ab * ab;
    if (!(aa > EXPLAINED && det > EXPLAINED * aa * bb)) return NOT_FITTED;
    const alpha = (bb * ay - ab * by) / det;
    const beta = (aa * by - ab * ay) / det;
    const sse = Math.max(0, yy - alpha * ay - beta * by) + noise;
    const df = free - k;
    return {
      evidence: base - (free / 2) * Math.log(sse) - (k / 2) * logN - Math.log(siblings),
      first: alpha,
      end: ea * alpha + eb * beta,
      unit: hidden ?? (ea * ea * bb + eb * eb * aa - 2 * ea * eb * ab) / det,
      variance: sse / df,
      df,
    };
  }
}

/** A column of which the covariates leave less than this share is one of them. */
const EXPLAINED = 1e-9;

/** The same without what the covariates explain. */
function inversesBeside({ units }: Covariates, { columns, place, shapes }: Design, phi: PhiDesign, dual: Float64Array): Inverses {
  const squares = SQUARES.of(phi.products.squares.length);
  const cross = CROSS.of(phi.products.cross.length);
  const shares = SHARES.of(squares.length);
  squares.set(phi.products.squares);
  cross.set(phi.products.cross);
  for (const unit of units) {
    phi.frame.dual(unit, dual);
    multiply(columns, dual, shares, shares.length);
    for (let c = 0; c < shares.length; c++) squares[c]! -= shares[c]! ** 2;
    for (let s = 0; s < cross.length; s++) {
      const { a, b } = shapes[s]!;
      if (b >= 0) cross[s]! -= shares[place[a]!]! * shares[place[b]!]!;
    }
  }
  for (let c = 0; c < squares.length; c++) if (squares[c]! < EXPLAINED * phi.products.squares[c]!) squares[c] = 0;
  return passingInverses(shapes, place, { squares, cross });
}
