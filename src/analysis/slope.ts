/**
 * The slope of a stream, with what is not known averaged over: the correlation of the noise and the shape of the growth. The slope at
 * the end of the run is a mixture of Student distributions over all fits of shapes that go on growing.
 */
import { type Fits, fitAll } from './fit.ts';
import { PHIS, type Points } from './gls.ts';
import { type Component, Mixture } from './mixture.ts';
import type { Shape } from './shapes.ts';

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
  /** At the end, over the shapes that go on growing. */
  readonly end: Mixture;
  /** Of the straight line. */
  readonly line: Mixture;
  /** ln of the odds that it grows above the floor at the end, the bounded shapes counted as not growing; within +-30. */
  readonly score: number;
  readonly best: Shape;
  /** Before the bend of the best shape, and after it. */
  readonly before: number;
  readonly after: number;
  /** ln of the odds of the best shape against the better of flat and line. */
  readonly lead: number;
  readonly shapes: readonly Shape[];
  /** Posterior probability of each shape. */
  readonly weights: Float64Array;
  /** Of the best shape. */
  readonly noise: readonly NoisePart[];
}

const SCORE_MAX = 30;

/** Fits that weigh less than this of the heaviest change nothing that is used. */
const NEGLIGIBLE = 1e-7;

/**
 * @param points `t` in hours
 * @param hours judged hours, of all lives
 * @param floor growth per hour that is tested against
 * @returns null when there are too few points for the largest shape
 */
export function slopeOf(points: Points, hours: number, shapes: readonly Shape[], grain: Grain, floor: number): Slope | null {
  const fits = fitAll(points, shapes, grain.rounding);
  if (fits === null) return null;
  const part = (i: number, weight: number): Component => {
    const mean = fits.end[i]! / fits.span;
    // Above the floor the pieces are so many that they are seen as noise.
    const arrivals = arrivalVariance(Math.min(floor, Math.abs(mean)), grain.arrival, hours);
    return { weight, mean, scale: Math.sqrt((fits.error[i]! / fits.span) ** 2 + arrivals), df: fits.df[i]! };
  };
  const weight = normalised(fits.evidence);
  const growing = indices(fits, weight, (shape) => !shape.bounded).map((i) => part(i, weight[i]!));
  const straight = normalised(fits.evidence.map((e, i) => (shapeAt(fits, i).kind === 'line' ? e : -Infinity)));
  const line = indices(fits, straight, () => true).map((i) => part(i, straight[i]!));
  const weights = new Float64Array(shapes.length);
  weight.forEach((w, i) => (weights[i % shapes.length]! += w));
  const end = new Mixture(growing);
  const bounded = weights.reduce((sum, w, s) => (shapes[s]!.bounded ? sum + w : sum), 0);
  const score = scoreOf(end, total(growing), bounded, floor);
  return { end, line: new Mixture(line), score, shapes, weights, ...bestOf(fits, weights) };
}

function shapeAt(fits: Fits, i: number): Shape {
  return fits.shapes[i % fits.shapes.length]!;
}

/** Exponentials of logarithms, added up to 1. */
function normalised(logs: Float64Array): Float64Array {
  const top = logs.reduce((most, value) => Math.max(most, value), -Infinity);
  const weights = logs.map((value) => Math.exp(value - top));
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((value) => value / sum);
}

function total(parts: readonly Component[]): number {
  return parts.reduce((sum, part) => sum + part.weight, 0);
}

/** Fits of these shapes that determine a slope and weigh something. */
function indices(fits: Fits, weight: Float64Array, wanted: (shape: Shape) => boolean): number[] {
  const top = weight.reduce((most, value, i) => (wanted(shapeAt(fits, i)) ? Math.max(most, value) : most), 0);
  const list: number[] = [];
  for (let i = 0; i < weight.length; i++) {
    if (wanted(shapeAt(fits, i)) && Number.isFinite(fits.error[i]!) && weight[i]! > top * NEGLIGIBLE) list.push(i);
  }
  return list;
}

/** @param growing, bounded weights of all shapes that go on growing, and of all that stop */
function scoreOf(end: Mixture, growing: number, bounded: number, floor: number): number {
  const going = growing * end.above(floor);
  return Math.max(-SCORE_MAX, Math.min(SCORE_MAX, Math.log(going / (bounded + growing * end.cdf(floor)))));
}

function bestOf(fits: Fits, weights: Float64Array): Pick<Slope, 'best' | 'before' | 'after' | 'lead' | 'noise'> {
  const count = fits.shapes.length;
  const s = weights.indexOf(weights.reduce((most, weight) => Math.max(most, weight), 0));
  const plain = weights.reduce((most, weight, i) => (isPlain(fits.shapes[i]!) ? Math.max(most, weight) : most), 0);
  const own = normalised(Float64Array.from(PHIS, (_, p) => fits.evidence[p * count + s]!));
  const likely = own.indexOf(own.reduce((most, weight) => Math.max(most, weight), 0)) * count + s;
  return {
    best: fits.shapes[s]!,
    before: fits.first[likely]! / fits.span,
    after: fits.end[likely]! / fits.span,
    lead: Math.min(SCORE_MAX, Math.log(weights[s]! / plain)),
    noise: PHIS.map((phi, p) => ({ phi, variance: fits.variance[p * count + s]!, weight: own[p]! })),
  };
}

function isPlain(shape: Shape): boolean {
  return shape.kind === 'line' || shape.kind === 'flat';
}
