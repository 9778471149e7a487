/**
 * Every shape fitted with every correlation of the noise. Each fit has its evidence:
 * ln prior - (n - lives)/2 ln SSE - 1/2 sum ln(1 - rho^2) - 1/2 ln|levels| - k/2 ln n - ln siblings,
 * the likelihood integrated over levels and variance, with a unit-information prior on the k coefficients of the shape.
 */
import { type Design, designOf, type PhiDesign, type Products } from './design.ts';
import { Covariates, dot, type Points } from './gls.ts';
import { LINE, type Shape } from './shapes.ts';

/** All fits: entry p x shapes + s is shape s with the p-th correlation. Slopes are per unit of `span`. */
export interface Fits {
  readonly shapes: readonly Shape[];
  readonly evidence: Float64Array;
  /** Slope before the bend, and at the end. */
  readonly first: Float64Array;
  readonly end: Float64Array;
  /**
   * Standard error of the slope at the end; Infinity when the points do not determine it. Of a bounded shape, whose slope at the end is
   * 0, that of a line beside it: what it could hide.
   */
  readonly error: Float64Array;
  /** Variance of a point. */
  readonly variance: Float64Array;
  readonly df: Float64Array;
  /** The longest life, in the unit of `t`. */
  readonly span: number;
}

/** No real series is exactly of one of the shapes: this share of its range is taken as further noise. */
const MISFIT = 0.003;

/** Degrees of freedom below which no interval is worth its name. */
export const DF_MIN = 3;

/** @param rounding variance of the rounding of a value; null when there are too few points for the largest shape */
export function fitAll(points: Points, shapes: readonly Shape[], rounding: number): Fits | null {
  const largest = shapes.some((shape) => shape.b >= 0) ? 2 : 1;
  if (points.n - points.lives - points.covariates.length - largest < DF_MIN || !(points.step > 0)) return null;
  const design = designOf(points, shapes);
  const size = design.phis.length * shapes.length;
  const make = (): Float64Array => new Float64Array(size);
  const fits = { shapes, evidence: make(), first: make(), end: make(), error: make(), variance: make(), df: make(), span: design.span };
  const extra = rounding + (MISFIT * rangeOf(points)) ** 2 + 1e-24 * largestSquare(points.y);
  const scratch = new Scratch(points.n, design.columns.length / points.n);
  for (let p = 0; p < design.phis.length; p++) fitPhi(points, design, design.phis[p]!, extra, fits, p * shapes.length, scratch);
  return fits;
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

/** Used again for every phi. */
class Scratch {
  readonly y: Float64Array;
  readonly dual: Float64Array;
  /** Products of the columns with y. */
  readonly products: Float64Array;

  constructor(n: number, columns: number) {
    this.y = new Float64Array(n);
    this.dual = new Float64Array(n);
    this.products = new Float64Array(columns);
  }
}

function fitPhi(
  points: Points,
  design: Design,
  phi: PhiDesign,
  extra: number,
  fits: Fits,
  offset: number,
  { y, dual, products }: Scratch,
): void {
  const { n, lives } = points;
  const beside = new Covariates(points, phi.frame);
  phi.frame.project(points.y, 0, y);
  beside.remove(y);
  const yy = dot(y, 0, y, 0, n);
  phi.frame.dual(y, dual);
  for (let c = 0; c < products.length; c++) products[c] = dot(design.columns, c * n, dual, 0, n);
  const left = beside.units.length === 0 ? phi : leftBeside(beside, design, phi, n, dual);
  const noise = extra * phi.frame.trace;
  const base = phi.logPrior - 0.5 * (phi.frame.logDet + phi.frame.logLevels + beside.logLevels);
  const logN = Math.log(n);
  const free = n - lives - beside.units.length;
  for (let s = 0; s < design.shapes.length; s++) {
    const shape = design.shapes[s]!;
    const { rest, first, end, unit, k } = solve(shape, design.place, left, products, yy, left.cross[s]!);
    const sse = Math.max(0, rest) + noise;
    const df = free - k;
    const at = offset + s;
    fits.evidence[at] = base - (free / 2) * Math.log(sse) - (k / 2) * logN - Math.log(shape.siblings);
    fits.first[at] = first;
    fits.end[at] = end;
    fits.error[at] = Math.sqrt((unit * sse) / df);
    fits.variance[at] = sse / df;
    fits.df[at] = df;
  }
}

/** A column of which the covariates leave less than this share is one of them. */
const EXPLAINED = 1e-9;

/** The products of the columns without what the covariates explain. */
function leftBeside({ units }: Covariates, design: Design, phi: PhiDesign, n: number, dual: Float64Array): Products {
  const { columns, place, shapes } = design;
  const [squares, line, cross] = [phi.squares.slice(), phi.line.slice(), phi.cross.slice()];
  const shares = new Float64Array(squares.length);
  for (const unit of units) {
    phi.frame.dual(unit, dual);
    for (let c = 0; c < shares.length; c++) shares[c] = dot(columns, c * n, dual, 0, n);
    const straight = shares[place[LINE]!]!;
    for (let c = 0; c < shares.length; c++) {
      squares[c]! -= shares[c]! ** 2;
      line[c]! -= shares[c]! * straight;
    }
    for (let s = 0; s < cross.length; s++) {
      const { a, b } = shapes[s]!;
      if (b >= 0) cross[s]! -= shares[place[a]!]! * shares[place[b]!]!;
    }
  }
  for (let c = 0; c < squares.length; c++) if (squares[c]! < EXPLAINED * phi.squares[c]!) squares[c] = 0;
  return { squares, line, cross };
}

interface Solution {
  /** Sum of squares left. */
  readonly rest: number;
  readonly first: number;
  readonly end: number;
  /** Variance of `end` for noise of variance 1. */
  readonly unit: number;
  readonly k: number;
}

/** A column that is nearly a copy of the others (a step between two points that do not exist) says nothing. */
const SINGULAR = 1e-9;

/** @param cy, yy, ab scalar products of the columns with y, of y with itself, and of the shape's two columns */
function solve(shape: Shape, place: Int32Array, products: Products, cy: Float64Array, yy: number, ab: number): Solution {
  const { ea, eb, bounded } = shape;
  const { squares: cc, line } = products;
  const ll = cc[place[LINE]!]!;
  if (shape.a < 0) return { rest: yy, first: 0, end: 0, unit: 1 / ll, k: 0 };
  const a = place[shape.a]!;
  const [aa, ay, al] = [cc[a]!, cy[a]!, line[a]!];
  if (!(aa > SINGULAR)) return { rest: yy, first: 0, end: 0, unit: Infinity, k: 1 };
  const alone = bounded ? inverse(ll - (al * al) / aa, ll) : (ea * ea) / aa;
  if (shape.b < 0) return { rest: yy - (ay * ay) / aa, first: ay / aa, end: (ea * ay) / aa, unit: alone, k: 1 };
  const b = place[shape.b]!;
  const [bb, by, bl] = [cc[b]!, cy[b]!, line[b]!];
  const det = aa * bb - ab * ab;
  if (!(det > SINGULAR * aa * bb)) return { rest: yy - (ay * ay) / aa, first: ay / aa, end: (ea * ay) / aa, unit: Infinity, k: 2 };
  const alpha = (bb * ay - ab * by) / det;
  const beta = (aa * by - ab * ay) / det;
  return {
    rest: yy - alpha * ay - beta * by,
    first: alpha,
    end: ea * alpha + eb * beta,
    unit: bounded
      ? inverse(ll - (bb * al * al - 2 * ab * al * bl + aa * bl * bl) / det, ll)
      : (ea * ea * bb + eb * eb * aa - 2 * ea * eb * ab) / det,
    k: 2,
  };
}

/** Infinity when next to nothing of the line is left beside a shape. */
function inverse(left: number, all: number): number {
  return left > SINGULAR * all ? 1 / left : Infinity;
}
