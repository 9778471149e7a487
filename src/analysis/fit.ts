/**
 * Every shape fitted with every correlation of the noise. Each fit has its evidence:
 * ln prior - (n - lives)/2 ln SSE - 1/2 sum ln(1 - rho^2) - 1/2 ln|levels| - k/2 ln n - ln siblings,
 * the likelihood integrated over levels and variance, with a unit-information prior on the k coefficients of the shape.
 */
import { type Design, designOf, type PhiDesign } from './design.ts';
import { dot, type Points } from './gls.ts';
import type { Shape } from './shapes.ts';

/** All fits: entry p x shapes + s is shape s with the p-th correlation. Slopes are per unit of `span`. */
export interface Fits {
  readonly shapes: readonly Shape[];
  readonly evidence: Float64Array;
  /** Slope before the bend, and at the end. */
  readonly first: Float64Array;
  readonly end: Float64Array;
  /** Standard error of the slope at the end; Infinity when the points do not determine it. */
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
export const DF_MIN = 4;

/** @param rounding variance of the rounding of a value; null when there are too few points for the largest shape */
export function fitAll(points: Points, shapes: readonly Shape[], rounding: number): Fits | null {
  const largest = shapes.some((shape) => shape.b >= 0) ? 2 : 1;
  if (points.n - points.lives - largest < DF_MIN || !(points.step > 0)) return null;
  const design = designOf(points, shapes);
  const size = design.phis.length * shapes.length;
  const make = (): Float64Array => new Float64Array(size);
  const fits = { shapes, evidence: make(), first: make(), end: make(), error: make(), variance: make(), df: make(), span: design.span };
  const extra = rounding + (MISFIT * rangeOf(points)) ** 2 + 1e-24 * largestSquare(points.y);
  for (let p = 0; p < design.phis.length; p++) fitPhi(points, design, design.phis[p]!, extra, fits, p * shapes.length);
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

function fitPhi(points: Points, design: Design, phi: PhiDesign, extra: number, fits: Fits, offset: number): void {
  const { n, lives } = points;
  const y = new Float64Array(n);
  phi.frame.project(points.y, 0, y, 0);
  const yy = dot(y, 0, y, 0, n);
  const products = new Float64Array(phi.squares.length);
  for (let c = 0; c < products.length; c++) products[c] = dot(phi.columns, c * n, y, 0, n);
  const noise = extra * phi.frame.trace;
  const base = phi.logPrior - 0.5 * (phi.frame.logDet + phi.frame.logLevels);
  const logN = Math.log(n);
  for (let s = 0; s < design.shapes.length; s++) {
    const shape = design.shapes[s]!;
    const { rest, first, end, unit, k } = solve(shape, phi.squares, products, yy, phi.cross[s]!);
    const sse = Math.max(0, rest) + noise;
    const df = n - lives - k;
    const at = offset + s;
    fits.evidence[at] = base - ((n - lives) / 2) * Math.log(sse) - (k / 2) * logN - Math.log(shape.siblings);
    fits.first[at] = first;
    fits.end[at] = end;
    fits.error[at] = Math.sqrt((unit * sse) / df);
    fits.variance[at] = sse / df;
    fits.df[at] = df;
  }
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

/** @param cc, cy, yy, ab scalar products of the columns with themselves, with y, of y with itself, and of the shape's two columns */
function solve({ a, b, both, bounded }: Shape, cc: Float64Array, cy: Float64Array, yy: number, ab: number): Solution {
  if (a < 0) return { rest: yy, first: 0, end: 0, unit: 0, k: 0 };
  const [aa, ay] = [cc[a]!, cy[a]!];
  if (!(aa > SINGULAR)) return { rest: yy, first: 0, end: 0, unit: Infinity, k: 1 };
  if (b < 0) return { rest: yy - (ay * ay) / aa, first: ay / aa, end: bounded ? 0 : ay / aa, unit: 1 / aa, k: 1 };
  const [bb, by] = [cc[b]!, cy[b]!];
  const det = aa * bb - ab * ab;
  if (!(det > SINGULAR * aa * bb)) return { rest: yy - (ay * ay) / aa, first: ay / aa, end: ay / aa, unit: Infinity, k: 2 };
  const alpha = (bb * ay - ab * by) / det;
  const beta = (aa * by - ab * ay) / det;
  return {
    rest: yy - alpha * ay - beta * by,
    first: alpha,
    end: both ? alpha + beta : alpha,
    unit: both ? (aa + bb - 2 * ab) / det : bb / det,
    k: 2,
  };
}
