/**
 * Every shape fitted with every correlation of the noise. Each fit has its evidence:
 * ln prior - (n - lives)/2 ln SSE - 1/2 sum ln(1 - rho^2) - 1/2 ln|levels| - k/2 ln n - ln siblings,
 * the likelihood integrated over levels and variance, with a unit-information prior on the k coefficients of the shape.
 */
import { besideLines } from './beside.ts';
import { type Design, designOf, type PhiDesign } from './design.ts';
import { evidence, type Given } from './evidence.ts';
import { Covariates, dot, PHIS, type Points } from './gls.ts';
import { refined } from './finer.ts';
import { multiply } from './multiply.ts';
import { type Inverses, passingInverses } from './normal.ts';
import { Room } from './room.ts';
import type { Shape } from './shapes.ts';

/** All fits: entry p x shapes + s is shape s with the p-th correlation. Slopes are per unit of `span`. Valid until the next are made. */
export interface Fits {
  readonly shapes: readonly Shape[];
  /** What each leaves of the squares; Infinity for one that does not count. */
  readonly rest: Float64Array;
  /** Slope before the bend, and at the end. */
  readonly first: Float64Array;
  readonly end: Float64Array;
  /** Variance of the slope at the end, for noise of variance 1; Infinity when the points do not determine it. */
  readonly unit: Float64Array;
  /** Of each shape, and how many columns it has. */
  readonly df: Int32Array;
  readonly columns: Uint8Array;
  /** Of each shape, its share of the belief in its kind. */
  readonly prior: Float64Array;
  /** What the evidence of each correlation is made of. */
  readonly given: readonly Given[];
  /** The longest life, in the unit of `t`. */
  readonly span: number;
  /** Steps and ramps with a line beside them: at the end of a run, for what a pass says (see `besideLines`). */
  readonly beside: readonly Fitted[];
}

/** No real series is exactly of one of the shapes: this share of its range is taken as further noise. */
const MISFIT = 0.003;

const ROOMS = { rest: new Room(), first: new Room(), end: new Room(), unit: new Room() };

/** Degrees of freedom below which no interval is worth its name. */
export const DF_MIN = 3;

/** @param rounding variance of the rounding of a value; null when there are too few points for the largest shape */
export function fitAll(points: Points, shapes: readonly Shape[], rounding: number, fine: boolean): Fits | null {
  const largest = shapes.some((shape) => shape.b >= 0) ? 2 : 1;
  if (points.n - points.lives - points.covariates.length - largest < DF_MIN || !(points.step > 0)) return null;
  const design = designOf(points, shapes);
  const size = design.phis.length * shapes.length;
  const extra = rounding + (MISFIT * rangeOf(points)) ** 2 + 1e-24 * largestSquare(points.y);
  const values = design.phis.map((phi, p) => whitened(points, phi, extra, p));
  const fits = {
    shapes,
    rest: ROOMS.rest.of(size),
    first: ROOMS.first.of(size),
    end: ROOMS.end.of(size),
    unit: ROOMS.unit.of(size),
    df: new Int32Array(shapes.length),
    columns: design.table.k,
    prior: design.table.prior,
    given: values.map(({ given }) => given),
    span: design.span,
    beside: [],
  };
  const products = productsOf(design, values);
  values.forEach((one, p) => solveAll(design, inversesFor(one, design, p), products[p]!, one.given, fits, p * shapes.length));
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
  let most = 1e-200;
  for (let i = 0; i < y.length; i++) most = Math.max(most, y[i]! * y[i]!);
  return most;
}

/** Variance of a point. */
export function varianceOf({ shapes, rest, df }: Fits, i: number): number {
  return rest[i]! / df[i % shapes.length]!;
}

/** Of each correlation its own, used again by the next fits. */
const VALUES = PHIS.map(() => new Room());
const DUALS = PHIS.map(() => new Room());
const PRODUCTS = PHIS.map(() => new Room());
const SQUARES = new Room();
const CROSS = new Room();
const SHARES = new Room();

function whitened(points: Points, phi: PhiDesign, extra: number, p: number): WhitenedValues {
  const { n, lives } = points;
  const beside = new Covariates(points, phi.frame);
  const y = VALUES[p]!.of(n);
  phi.frame.project(points.y, 0, y);
  beside.remove(y);
  const base = phi.logPrior - 0.5 * (phi.frame.logDet + phi.frame.logLevels + beside.logLevels);
  const free = n - lives - beside.units.length;
  return new WhitenedValues(phi.frame, beside, y, {
    yy: dot(y, 0, y, 0, n),
    noise: extra * phi.frame.trace,
    free,
    base,
    logN: Math.log(n),
  });
}

/** Of the columns with the values, for each correlation, and after the last a 0 for shapes without a column. */
function productsOf({ columns }: Design, values: readonly WhitenedValues[]): Float64Array[] {
  const n = values[0]!.y.length;
  const count = columns.length / n;
  const duals = values.map(({ frame, y }, p) => {
    const dual = DUALS[p]!.of(n);
    frame.dual(y, dual);
    return dual;
  });
  const products = values.map((_, p) => PRODUCTS[p]!.of(count + 1));
  multiply(columns, count, duals, products);
  for (const one of products) one[count] = 0;
  return products;
}

function inversesFor({ beside, frame }: WhitenedValues, design: Design, p: number): Inverses {
  const phi = design.phis[p]!;
  return beside.units.length === 0 ? phi.inverses : inversesBeside(beside.units, frame, design, phi);
}

function solveAll(
  { table, shapes }: Design,
  { aa, ab, bb, unit }: Inverses,
  products: Float64Array,
  { yy, noise, free }: Given,
  fits: Pick<Fits, 'rest' | 'first' | 'end' | 'unit' | 'df'>,
  offset: number,
): void {
  const { a, b, ea, eb, k } = table;
  const { rest, first, end, df } = fits;
  fits.unit.set(unit, offset);
  for (let s = 0; s < shapes.length; s++) {
    const ay = products[a[s]!]!;
    const by = products[b[s]!]!;
    const alpha = aa[s]! * ay + ab[s]! * by;
    const beta = ab[s]! * ay + bb[s]! * by;
    rest[offset + s] = Math.max(0, yy - alpha * ay - beta * by) + noise;
    first[offset + s] = alpha;
    end[offset + s] = ea[s]! * alpha + eb[s]! * beta;
    df[s] = free - k[s]!;
  }
}

/** One shape with one correlation. */
export interface Fitted {
  readonly evidence: number;
  readonly rest: number;
  readonly first: number;
  readonly end: number;
  readonly unit: number;
  readonly df: number;
}

const NOT_FITTED: Fitted = { evidence: -Infinity, rest: Infinity, first: 0, end: 0, unit: Infinity, df: 1 };

/** The values in the coordinates of one correlation: also for shapes that are not in the table. Valid until the next fits. */
export class WhitenedValues {
  readonly frame: PhiDesign['frame'];
  readonly beside: Covariates;
  readonly y: Float64Array;
  readonly given: Given;

  constructor(frame: PhiDesign['frame'], beside: Covariates, y: Float64Array, given: Given) {
    this.frame = frame;
    this.beside = beside;
    this.y = y;
    this.given = given;
  }

  /** A column in these coordinates; `projected` is taken for it. */
  column(raw: Float64Array, projected: Float64Array): Column {
    const n = raw.length;
    this.frame.project(raw, 0, projected);
    this.beside.remove(projected);
    return { projected, square: dot(projected, 0, projected, 0, n), product: dot(projected, 0, this.y, 0, n) };
  }

  /** @param hidden variance of the slope of a bounded shape for noise of variance 1; null for one that is not */
  fit(a: Column, b: Column | null, [ea = 0, eb = 0]: readonly number[], hidden: number | null, siblings: number): Fitted {
    const { yy, noise, free } = this.given;
    const k = b === null ? 1 : 2;
    const [aa, ay] = [a.square, a.product];
    const [bb, by, ab] = b ? [b.square, b.product, dot(a.projected, 0, b.projected, 0, this.y.length)] : [1, 0, 0];
    const det = aa * bb - ab * ab;
    if (!(aa > EXPLAINED && det > EXPLAINED * aa * bb)) return NOT_FITTED;
    const alpha = (bb * ay - ab * by) / det;
    const beta = (aa * by - ab * ay) / det;
    const rest = Math.max(0, yy - alpha * ay - beta * by) + noise;
    return {
      evidence: evidence(this.given, rest, k, -Math.log(siblings)),
      rest,
      first: alpha,
      end: ea * alpha + eb * beta,
      unit: hidden ?? (ea * ea * bb + eb * eb * aa - 2 * ea * eb * ab) / det,
      df: free - k,
    };
  }
}

/** Its square, and its product with the values, without what the covariates explain. */
export interface Column {
  readonly projected: Float64Array;
  readonly square: number;
  readonly product: number;
}

/** A column of which the covariates leave less than this share is one of them. */
const EXPLAINED = 1e-9;

/** The same without what the covariates explain. */
function inversesBeside(units: readonly Float64Array[], frame: PhiDesign['frame'], { columns, table }: Design, phi: PhiDesign): Inverses {
  const { a, b, k } = table;
  const squares = SQUARES.of(phi.products.squares.length);
  const cross = CROSS.of(phi.products.cross.length);
  squares.set(phi.products.squares);
  cross.set(phi.products.cross);
  for (const unit of units) {
    const dual = DUALS[0]!.of(unit.length);
    const shares = SHARES.of(squares.length);
    frame.dual(unit, dual);
    multiply(columns, shares.length, [dual], [shares]);
    for (let c = 0; c < shares.length; c++) squares[c]! -= shares[c]! ** 2;
    for (let s = 0; s < cross.length; s++) if (k[s] === 2) cross[s]! -= shares[a[s]!]! * shares[b[s]!]!;
  }
  for (let c = 0; c < squares.length; c++) if (squares[c]! < EXPLAINED * phi.products.squares[c]!) squares[c] = 0;
  return passingInverses(table, { squares, cross });
}
