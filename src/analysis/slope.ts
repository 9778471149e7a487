/**
 * The slope of a stream, with what is not known averaged over: the correlation of the noise and the shape of the growth. The slope at
 * the end of the run is a mixture of Student distributions over all fits of shapes that go on growing.
 */
import { evidenceOf } from './evidence.ts';
import { DF_MIN, type Fits, fitAll, varianceOf } from './fit.ts';
import { PHIS, type Points } from './gls.ts';
import { type Component, Components, Mixture, runsOf } from './mixture.ts';
import { Room } from './room.ts';
import { columnCount, LINE_ONLY, type Shape } from './shapes.ts';
import type { StudentTable } from './stats.ts';
import { indices, largest, normalised, shares, weigh, type Weights } from './weights.ts';

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
interface NoisePart {
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

export const SCORE_MAX = 30;

const HEIGHTS = new Room();

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
  const { shapes, span } = fits;
  // Above the floor the pieces are so many that they are seen as noise.
  const scaleOf = (mean: number, variance: number): number =>
    Math.sqrt(variance / (span * span) + arrivalVariance(Math.min(floor, Math.abs(mean)), grain.arrival, hours));
  const weights = weigh(fits);
  const line = new Mixture(componentsOf(fits, linesOf(fits), scaleOf));
  const growing = indices(fits, weights, NEGLIGIBLE, (shape) => !shape.bounded);
  const parts = componentsOf(fits, { list: growing, weights: weights.fits }, scaleOf);
  const isLate = (shape: Shape): boolean => !shape.bounded && shape.at > LATEST_BEND;
  let late = 0;
  for (let s = 0; s < shapes.length; s++) if (isLate(shapes[s]!)) late += weights.shapes[s]!;
  const isShown = (shape: Shape): boolean => late > LATE_SHARE || !isLate(shape);
  const shown = componentsOf(fits, { list: indices(fits, weights, NEGLIGIBLE_SHOWN, isShown), weights: weights.fits }, scaleOf);
  const besides = besidesOf(fits, weights, scaleOf);
  return {
    end: new Mixture(shown),
    beside: besides.length === 0 ? null : new Mixture([...shown.list(), ...besides]),
    going: () => new Mixture(parts),
    line,
    tried,
    shapes,
    weights: weights.shapes,
    bump: weights.bump && { at: shapes[weights.bump.shape]!.at, lead: Math.min(SCORE_MAX, weights.bump.lead) },
    ...growthAtEnd(fits, growing, parts, floor, line.mean),
    ...bestOf(fits, weights),
  };
}

/** Some of the fits, and what each of all fits weighs. */
interface Weighed {
  readonly list: readonly number[];
  readonly weights: Float64Array;
}

type ScaleOf = (mean: number, variance: number) => number;

function componentsOf(fits: Fits, { list, weights }: Weighed, scaleOf: ScaleOf): Components {
  const { end, unit, rest, df, shapes, span } = fits;
  const parts = new Components(list.length);
  for (let k = 0; k < list.length; k++) {
    const i = list[k]!;
    const mean = end[i]! / span;
    const free = df[i % shapes.length]!;
    parts.set(k, weights[i]!, mean, scaleOf(mean, (unit[i]! * rest[i]!) / free), free);
  }
  return parts;
}

const LINES = new Room();

/** Those of the straight line, by their odds against each other: it may be so unlikely that nothing is left of its weight. */
function linesOf(fits: Fits): Weighed {
  const { shapes, unit, given } = fits;
  const straight = shapes.findIndex((shape) => shape.kind === 'line');
  const list = given.map((_, p) => p * shapes.length + straight).filter((i) => Number.isFinite(unit[i]!));
  const likely = normalised(list.map((i) => evidenceOf(fits, i)));
  const weights = LINES.of(unit.length);
  for (let k = 0; k < list.length; k++) weights[list[k]!] = likely[k]!;
  return { list, weights };
}

/** What was fitted with a line beside it, by its odds against the heaviest fit. */
function besidesOf(fits: Fits, weights: Weights, scaleOf: ScaleOf): Component[] {
  if (fits.beside.length === 0) return [];
  const most = largest(weights.fits);
  const top = evidenceOf(fits, weights.fits.indexOf(most));
  return fits.beside.flatMap(({ evidence, rest, end, unit, df }) => {
    const weight = most * Math.exp(Math.min(SCORE_MAX, evidence - top));
    const mean = end / fits.span;
    return weight > NEGLIGIBLE_SHOWN * most ? [{ weight, mean, scale: scaleOf(mean, (unit * rest) / df), df }] : [];
  });
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
  growing: readonly number[],
  parts: Components,
  floor: number,
  mean: number,
): Pick<Slope, 'score' | 'growing' | 'goingMean' | 'goingBelow'> {
  const { weight: weights, mean: means } = parts;
  let all = 0;
  let yes = 0;
  let time = 0;
  let sum = 0;
  let below = 0;
  for (const { from, to, table } of runsOf(parts)) {
    for (let k = from; k < to; k++) {
      const i = growing[k]!;
      const shape = shapeAt(fits, i);
      const share = columnCount(shape) < 2 ? GOES_ON_SHARE : GOES_ON_SHARE_LATER;
      const weight = weights[k]!;
      const over = above(parts, k, floor, table);
      const goes = weight * (share * mean > floor ? above(parts, k, share * mean, table) : over);
      const began = shape.kind === 'late' || (shape.kind === 'knee' && fits.first[i]! < BEGAN_SHARE * fits.end[i]!);
      all += weight;
      yes += goes;
      time += goes * (began ? 1 - shape.at : 1);
      sum += weight * means[k]!;
      below += weight * (1 - over);
    }
  }
  const score = Math.log(yes / Math.max(Number.MIN_VALUE, 1 - yes));
  return {
    score: Math.max(-SCORE_MAX, Math.min(SCORE_MAX, score)),
    growing: yes > 0 ? time / yes : 0,
    goingMean: sum / all,
    goingBelow: below / all,
  };
}

/** P(value > x) of the component at place k. */
function above({ mean, scale }: Components, k: number, x: number, table: StudentTable): number {
  return scale[k]! > 0 ? table.cdf((mean[k]! - x) / scale[k]!) : Number(mean[k]! > x);
}

function shapeAt(fits: Fits, i: number): Shape {
  return fits.shapes[i % fits.shapes.length]!;
}

function bestOf(fits: Fits, { fits: each, shapes: weights }: Weights): Pick<Slope, 'best' | 'before' | 'after' | 'lead' | 'noise'> {
  const count = fits.shapes.length;
  const { kind, grid } = kindsOf(fits.shapes);
  // What a position of the grid would weigh there: a grid that was divided is not the less likely for it.
  const heights = HEIGHTS.of(count);
  let plain = 0;
  for (let s = 0; s < count; s++) {
    const shape = fits.shapes[s]!;
    heights[s] = (weights[s]! * shape.siblings) / grid[kind[s]!]!;
    if (isPlain(shape) && weights[s]! > plain) plain = weights[s]!;
  }
  const s = likeliest(kind, grid.length, weights, heights);
  const own = shares(PHIS.map((_, p) => each[p * count + s]!));
  const likely = own.indexOf(largest(own)) * count + s;
  return {
    best: fits.shapes[s]!,
    before: fits.first[likely]! / fits.span,
    after: fits.end[likely]! / fits.span,
    lead: Math.min(SCORE_MAX, Math.log(heights[s]! / plain)),
    noise: PHIS.map((phi, p) => ({ phi, variance: varianceOf(fits, p * count + s), weight: own[p]! })).filter(
      ({ weight }) => weight > NEGLIGIBLE,
    ),
  };
}

/** The highest shape of the kind that weighs most. */
function likeliest(kind: Uint8Array, kinds: number, weights: Float64Array, heights: Float64Array): number {
  const sums = new Float64Array(kinds);
  for (let s = 0; s < kind.length; s++) sums[kind[s]!]! += weights[s]!;
  const most = sums.indexOf(largest(sums));
  let best = -1;
  for (let s = 0; s < kind.length; s++) if (kind[s] === most && (best < 0 || heights[s]! > heights[best]!)) best = s;
  return best;
}

interface Kinds {
  /** Of each shape, as a number. */
  readonly kind: Uint8Array;
  /** Positions of each kind before any was divided. */
  readonly grid: readonly number[];
}

const kindsKnown = new WeakMap<readonly Shape[], Kinds>();

function kindsOf(shapes: readonly Shape[]): Kinds {
  const known = kindsKnown.get(shapes);
  if (known) return known;
  const names = [...new Set(shapes.map((shape) => shape.kind))];
  const grid = names.map((name) => Math.min(...shapes.filter((shape) => shape.kind === name).map(({ siblings }) => siblings)));
  const made = { kind: Uint8Array.from(shapes, (shape) => names.indexOf(shape.kind)), grid };
  kindsKnown.set(shapes, made);
  return made;
}

function isPlain(shape: Shape): boolean {
  return shape.kind === 'line' || shape.kind === 'flat';
}
