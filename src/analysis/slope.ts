/**
 * The slope of a stream, with what is not known averaged over: the correlation of the noise and the shape of the growth. The slope at
 * the end of the run is a mixture of Student distributions over all fits of shapes that go on growing.
 */
import { DF_MIN, errorOf, type Fits, fitAll } from './fit.ts';
import { PHIS, type Points } from './gls.ts';
import { type Component, Mixture } from './mixture.ts';
import { columnCount, LINE_ONLY, type Shape, type ShapeKind } from './shapes.ts';
import { studentTable } from './stats.ts';

/** How a quantity moves at the smallest scale. */
export interface Grain {
  /** Variance of the rounding of a value: q^2 / 12 for steps of q. */
  readonly rounding: number;
  /** What a leak adds at once. Its arrivals scatter as a Poisson process: a slope r over H hours varies by r x arrival / H. */
  readonly arrival: number;
}

/** Arrivals that may have failed to come by chance: none seen in H hours bounds the rate at some 2.9 / H (Poisson: 3.0, two-sided 3.7). */
const UNSEEN_ARRIVALS = 2;

/** Variance per hour^2 that a slope has beyond its noise, because a leak comes in pieces. */
export function arrivalVariance(perHour: number, arrival: number, hours: number): number {
  return ((perHour + (UNSEEN_ARRIVALS * arrival) / hours) * arrival) / hours;
}

/** Noise of one phi: variance of a point, and how much the data believe in it. */
export interface NoisePart {
  readonly phi: number;
  readonly variance: number;
  readonly weight: number;
}

/** Slopes are per hour. */
export interface Slope {
  /** At the end, over all shapes: one that is bounded ends flat, give or take what it could hide. */
  readonly end: Mixture;
  /** The same with a line beside what happens at once; null where none was tried. */
  readonly beside: Mixture | null;
  /** At the end if it goes on growing: over the shapes that do. Asked for when growth is confirmed. */
  readonly going: () => Mixture;
  /** Of the same: its mean, and the probability that it is not above the floor. */
  readonly goingMean: number;
  readonly goingBelow: number;
  /** Of the straight line. */
  readonly line: Mixture;
  /** ln of the odds that it grows at the end, by what matters and by a fair share of its mean growth, the bounded shapes counted as not growing; within +-30. */
  readonly score: number;
  /** Share of the judged time in which it grew, when it grows: a late leak has not grown for long. */
  readonly growing: number;
  readonly best: Shape;
  /** Before the bend of the best shape, and after it. */
  readonly before: number;
  readonly after: number;
  /** ln of the odds of the best shape against the better of flat and line. */
  readonly lead: number;
  /** What rose and fell again early in the run, with ln of its odds against the best shape; null when that was not looked for. */
  readonly bump: { readonly at: number; readonly lead: number } | null;
  /** The list that was asked for, and it with what was tried between its positions. */
  readonly tried: readonly Shape[];
  readonly shapes: readonly Shape[];
  /** Posterior probability of each shape. */
  readonly weights: Float64Array;
  /** Of the best shape. */
  readonly noise: readonly NoisePart[];
}

const SCORE_MAX = 30;

/** Fits that weigh less than this of the heaviest change nothing that is used: of odds, and of an interval. */
const NEGLIGIBLE = 1e-5;
const NEGLIGIBLE_SHOWN = 1e-3;

/**
 * @param points `t` in hours
 * @param hours judged hours, of all lives
 * @param floor growth per hour that is tested against
 * @returns null when there are too few points for the largest shape
 */
export function slopeOf(points: Points, hours: number, tried: readonly Shape[], grain: Grain, floor: number, fine = false): Slope | null {
  const fits = fitAll(points, tried, grain.rounding, fine);
  if (fits === null) return null;
  const { shapes } = fits;
  const count = shapes.length;
  const component = (weight: number, end: number, error: number, df: number): Component => {
    const mean = end / fits.span;
    // Above the floor the pieces are so many that they are seen as noise.
    const arrivals = arrivalVariance(Math.min(floor, Math.abs(mean)), grain.arrival, hours);
    return { weight, mean, scale: Math.sqrt((error / fits.span) ** 2 + arrivals), df };
  };
  const part = (i: number, weight: number): Component => component(weight, fits.end[i]!, errorOf(fits, i), fits.df[i % count]!);
  const bump = takeBumps(fits);
  const weight = normalised(fits.evidence);
  const weights = new Float64Array(shapes.length);
  for (let i = 0; i < weight.length; i += count) for (let s = 0; s < count; s++) weights[s]! += weight[i + s]!;
  const straight = shapes.findIndex((shape) => shape.kind === 'line');
  const lines = PHIS.map((_, p) => p * count + straight).filter((i) => Number.isFinite(fits.unit[i]!));
  const likely = normalised(Float64Array.from(lines, (i) => fits.evidence[i]!));
  const line = new Mixture(lines.map((i, p) => part(i, likely[p]!)));
  const growing = indices(fits, weight, NEGLIGIBLE, (shape) => !shape.bounded).map((i) => ({ i, part: part(i, weight[i]!) }));
  const best = bestOf(fits, weights);
  const isLate = (shape: Shape): boolean => !shape.bounded && shape.at > LATEST_BEND;
  const late = shapes.reduce((sum, shape, s) => sum + (isLate(shape) ? weights[s]! : 0), 0);
  const isShown = (shape: Shape): boolean => late > LATE_SHARE || !isLate(shape);
  const shown = indices(fits, weight, NEGLIGIBLE_SHOWN, isShown).map((i) => part(i, weight[i]!));
  const top = largest(fits.evidence);
  const most = largest(weight);
  const besides = fits.beside.flatMap(({ evidence, end, unit, variance, df }) => {
    const own = most * Math.exp(Math.min(SCORE_MAX, evidence - top));
    return own > NEGLIGIBLE_SHOWN * most ? [component(own, end, Math.sqrt(unit * variance), df)] : [];
  });
  return {
    end: new Mixture(shown),
    beside: besides.length === 0 ? null : new Mixture([...shown, ...besides]),
    going: () => new Mixture(growing.map((one) => one.part)),
    line,
    tried,
    shapes,
    weights,
    bump,
    ...growthAtEnd(fits, growing, floor, line.mean),
    ...best,
  };
}

/** The likeliest bump, and all of them taken out of the evidence: two free levels would explain half of all growth away. */
function takeBumps({ shapes, evidence }: Fits): Slope['bump'] {
  const count = shapes.length;
  let [found, bump, best] = [-1, -Infinity, -Infinity];
  for (let i = 0; i < evidence.length; i++) {
    const isBump = shapes[i % count]!.kind === 'bump';
    if (!isBump) best = Math.max(best, evidence[i]!);
    else if (evidence[i]! > bump) [found, bump] = [i % count, evidence[i]!];
    if (isBump) evidence[i] = -Infinity;
  }
  return found < 0 ? null : { at: shapes[found]!.at, lead: Math.min(SCORE_MAX, bump - best) };
}

/** Of points that have never moved: what their rounding hides, and the pieces in which a leak comes. Null when there are too few points. */
export function slopeOfConstant({ n, lives }: Points, hours: number, grain: Grain, floor: number): Slope | null {
  const df = n - lives - 1;
  if (df < DF_MIN || !(hours > 0)) return null;
  // Of a straight line through n points over T hours, 12 v / (n T^2); of lives of the same length, each has a level of its own.
  const rounding = (12 * grain.rounding * lives ** 2) / (n * hours ** 2);
  const line = new Mixture([{ weight: 1, mean: 0, scale: Math.sqrt(rounding + arrivalVariance(0, grain.arrival, hours)), df }]);
  return {
    end: line,
    beside: null,
    going: () => line,
    goingMean: 0,
    goingBelow: line.cdf(floor),
    line,
    score: -SCORE_MAX,
    growing: 0,
    best: LINE_ONLY[0]!,
    before: 0,
    after: 0,
    lead: 0,
    bump: null,
    tried: LINE_ONLY,
    shapes: LINE_ONLY,
    weights: Float64Array.of(1),
    noise: [{ phi: 0, variance: grain.rounding, weight: 1 }],
  };
}

/**
 * Growth that may have begun later than this can be neither shown nor ruled out; it does not widen the interval unless the data ask for it
 * by this probability (a series without growth gives such shapes some 4 %).
 */
const LATEST_BEND = 0.5;
const LATE_SHARE = 0.25;

/** What counts as growth at the end: this share of the mean growth where a shape has one slope, and a small one where it has a past of its own. */
const GOES_ON_SHARE = 0.25;
const GOES_ON_SHARE_LATER = 0.015;

/** A knee before which it grew less than this share of what came after is where it began. */
export const BEGAN_SHARE = 0.4;

/** @param growing fits that weigh something of shapes that go on growing */
function growthAtEnd(
  fits: Fits,
  growing: readonly { readonly i: number; readonly part: Component }[],
  floor: number,
  mean: number,
): Pick<Slope, 'score' | 'growing' | 'goingMean' | 'goingBelow'> {
  let [all, yes, time, sum, below] = [0, 0, 0, 0, 0];
  for (const { i, part } of growing) {
    const shape = shapeAt(fits, i);
    const share = columnCount(shape) < 2 ? GOES_ON_SHARE : GOES_ON_SHARE_LATER;
    const over = above(part, floor);
    const goes = part.weight * (share * mean > floor ? above(part, share * mean) : over);
    const began = shape.kind === 'late' || (shape.kind === 'knee' && fits.first[i]! < BEGAN_SHARE * fits.end[i]!);
    all += part.weight;
    yes += goes;
    time += goes * (began ? 1 - shape.at : 1);
    sum += part.weight * part.mean;
    below += part.weight * (1 - over);
  }
  const score = Math.log(yes / Math.max(Number.MIN_VALUE, 1 - yes));
  return {
    score: Math.max(-SCORE_MAX, Math.min(SCORE_MAX, score)),
    growing: yes > 0 ? time / yes : 0,
    goingMean: sum / all,
    goingBelow: below / all,
  };
}

function above({ mean, scale, df }: Component, x: number): number {
  return scale > 0 ? studentTable(df).cdf((mean - x) / scale) : Number(mean > x);
}

function shapeAt(fits: Fits, i: number): Shape {
  return fits.shapes[i % fits.shapes.length]!;
}

/** Logarithms this far below the highest are nothing: less than what a double resolves. */
const NOTHING = 40;

/** Exponentials of logarithms, added up to 1. */
function normalised(logs: Float64Array): Float64Array {
  const top = largest(logs);
  const weights = new Float64Array(logs.length);
  let sum = 0;
  for (let i = 0; i < logs.length; i++) {
    const below = top - logs[i]!;
    if (below > NOTHING) continue;
    weights[i] = Math.exp(-below);
    sum += weights[i]!;
  }
  for (let i = 0; i < logs.length; i++) weights[i]! /= sum;
  return weights;
}

function largest(values: Float64Array): number {
  let most = -Infinity;
  for (let i = 0; i < values.length; i++) if (values[i]! > most) most = values[i]!;
  return most;
}

/** Fits of these shapes that determine a slope and weigh something. */
function indices({ shapes, unit }: Fits, weight: Float64Array, negligible: number, wanted: (shape: Shape) => boolean): number[] {
  const list: number[] = [];
  const isWanted = Uint8Array.from(shapes, (shape) => Number(wanted(shape)));
  const count = shapes.length;
  let top = 0;
  for (let i = 0; i < weight.length; i += count) {
    for (let s = 0; s < count; s++) if (isWanted[s] === 1 && weight[i + s]! > top) top = weight[i + s]!;
  }
  const least = top * negligible;
  for (let i = 0; i < weight.length; i += count) {
    for (let s = 0; s < count; s++) if (isWanted[s] === 1 && weight[i + s]! > least && unit[i + s]! < Infinity) list.push(i + s);
  }
  return list;
}

function bestOf(fits: Fits, weights: Float64Array): Pick<Slope, 'best' | 'before' | 'after' | 'lead' | 'noise'> {
  const count = fits.shapes.length;
  // What a position of the grid would weigh there: a grid that was divided is not the less likely for it.
  const grid = grids(fits.shapes);
  const heights = weights.map(
    (weight, i) => (weight * fits.shapes[i]!.siblings) / (grid.get(fits.shapes[i]!.kind) ?? fits.shapes[i]!.siblings),
  );
  const s = likeliest(fits.shapes, weights, heights);
  const plain = weights.reduce((most, weight, i) => (isPlain(fits.shapes[i]!) ? Math.max(most, weight) : most), 0);
  const own = normalised(Float64Array.from(PHIS, (_, p) => fits.evidence[p * count + s]!));
  const likely = own.indexOf(largest(own)) * count + s;
  return {
    best: fits.shapes[s]!,
    before: fits.first[likely]! / fits.span,
    after: fits.end[likely]! / fits.span,
    lead: Math.min(SCORE_MAX, Math.log(heights[s]! / plain)),
    noise: PHIS.map((phi, p) => ({ phi, variance: fits.variance[p * count + s]!, weight: own[p]! })).filter(
      ({ weight }) => weight > NEGLIGIBLE,
    ),
  };
}

/** The highest shape of the kind that weighs most. */
function likeliest(shapes: readonly Shape[], weights: Float64Array, heights: Float64Array): number {
  const kinds = new Map<ShapeKind, number>();
  shapes.forEach(({ kind }, i) => kinds.set(kind, (kinds.get(kind) ?? 0) + weights[i]!));
  const [kind] = [...kinds].reduce((most, one) => (one[1] > most[1] ? one : most));
  return shapes.reduce((best, shape, i) => (shape.kind === kind && (best < 0 || heights[i]! > heights[best]!) ? i : best), -1);
}

/** Positions of each kind before any was divided. */
function grids(shapes: readonly Shape[]): Map<ShapeKind, number> {
  const grid = new Map<ShapeKind, number>();
  for (const { kind, siblings } of shapes) grid.set(kind, Math.min(siblings, grid.get(kind) ?? Infinity));
  return grid;
}

function isPlain(shape: Shape): boolean {
  return shape.kind === 'line' || shape.kind === 'flat';
}
