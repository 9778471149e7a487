/** What the bins of one series say of its growth: the stream, the slope at its end, and the evidence for and against growth that goes on. */
import type { Cut } from './cells.ts';
import type { Evidence } from './grades.ts';
import type { AnalysisInput, SeriesInput } from './judgement.ts';
import type { Mixture } from './mixture.ts';
import type { Noise } from './power.ts';
import { leastSquares } from './leastsquares.ts';
import type { LoadCurve } from './loadcurve.ts';
import { ALL_SHAPES, FEW_SHAPES, LINE_ONLY, LOAD_SHAPES, SCREEN_SHAPES } from './shapes.ts';
import { BEGAN_SHARE, type Grain, type Slope, slopeOf, slopeOfConstant } from './slope.ts';
import { type Stream, streamOf } from './stream.ts';
import { isFlatTail, isNoNewHigh, tailOf } from './vetoes.ts';

/** Per hour, at `CONFIDENCE`. */
export interface Interval {
  readonly perHour: number;
  readonly lo: number;
  readonly hi: number;
}

export interface Growth {
  readonly stream: Stream;
  readonly slope: Slope;
  readonly floor: number;
  /** Of the slope at the end, and of the same if it goes on growing. */
  readonly interval: Interval;
  /** Asked for when growth is confirmed only. */
  readonly going: () => Interval;
  readonly evidence: Evidence;
  readonly noise: Noise;
  /** Run time at which growth began, when it began in mid-run; hours. */
  readonly onset: { readonly at: number; readonly lo: number; readonly hi: number } | null;
}

export const CONFIDENCE = 0.95;

/** Page size, and what glibc asks the kernel for at once (M_TOP_PAD, M_MMAP_THRESHOLD): other allocators take more. */
const PAGE = 4096;
const ALLOCATION = 131_072;

/** Warm-up assumed before any is found: a share of the first life (research: 8 % costs 9 % of delay). */
const WARMUP_SHARE = 0.08;

/** An early transient is cut off when it is this much better (ln odds) than no bend, at most twice, and at most half of the run. */
const WARMUP_LEAD = 3;
const WARMUP_ROUNDS = 2;
const WARMUP_LATEST = 0.5;
const POINTS_AFTER_WARMUP = 16;
/** Growth that slows down by this factor at a knee was a warm-up. */
const WARMUP_SLOWING = 2;

/** A series is examined when a few shapes leave less than this probability that nothing grows. What is reported asks for 1e-3 and less. */
const SCREEN_P = 0.02;

/** Fewer points than this cannot tell all shapes apart. */
const POINTS_FOR_ALL = 12;

/** Blocks to confirm anything on. A point of a whole cycle says more: of those, as many as an interval needs. */
const POINTS_TO_CONFIRM = 12;

/** The score of what is vetoed: odds of 3:1 against. */
const VETOED_SCORE = -1;

/** What the load explains is known to this share: of its own trend over the run, so much may be growth or not. */
const LOAD_UNSURE = 0.05;

const HOUR = 3600;

/**
 * @param floorOf growth per hour that matters at a level
 * @param full false: an advisory series is only screened, whatever the screen finds
 */
export function growthOf(
  input: SeriesInput,
  context: AnalysisInput,
  until: number,
  floorOf: (level: number) => number,
  full: boolean,
): Growth | null {
  const { def, target } = input.series;
  const load = target === null ? null : (context.load.get(target) ?? null);
  const warmup = context.options.warmup ?? assumedWarmup(input, until);
  const cut = { lives: input.lives, warmup, phases: context.phases, until, now: context.now };
  const scale = def.resource === 'latency' ? 'log' : 'linear';
  const first = streamOf(input.bins, def.kind, cut, load, scale);
  if (first === null) return null;
  const floor = floorOf(first.level) / unitOf(first);
  const subject = { floor, grain: grainOf(def.unit), limited: input.limits.length > 0 };
  if (isConstant(first)) {
    const slope = slopeOfConstant(first, first.hours, subject.grain, floor);
    return slope && described(first, slope, subject, until);
  }
  const screen = slopeAbove(first, first.n < POINTS_FOR_ALL ? LINE_ONLY : SCREEN_SHAPES, subject);
  if (screen === null || !isExamined(input, context, screen, floor, full)) return screen && described(first, screen, subject, until);
  const { stream, slope } = afterWarmup(input, cut, first, load, subject, context.options.warmup === null);
  return described(stream, slope ?? screen, subject, until);
}

/** What decides the outcome is examined at the end of a run, and while anything is said of it; all else when a few shapes find growth. */
function isExamined(
  { gate, book }: SeriesInput,
  { options }: AnalysisInput,
  { line, goingBelow }: Slope,
  floor: number,
  full: boolean,
): boolean {
  if (gate !== 'advisory' && (options.final || book.grade !== 'none')) return true;
  return Math.min(line.cdf(floor), goingBelow) < SCREEN_P && (gate !== 'advisory' || full);
}

function isConstant({ y }: Stream): boolean {
  return y.every((value) => value === y[0]);
}

/** Against the floor, and what the load may have hidden of it or added to it. */
function slopeAbove(stream: Stream, shapes: typeof ALL_SHAPES, { floor, grain }: Subject): Slope | null {
  return slopeOf(stream, stream.hours, shapes, grain, floor + unsureOfLoad(stream));
}

/** Growth per hour that an error in what the load explains would make. */
function unsureOfLoad({ n, t, y, covariates, work }: Stream): number {
  if (work === null || covariates.length === 0) return 0;
  const one = new Float64Array(n).fill(1);
  const { coefficients } = leastSquares([one, t, ...covariates], y);
  const explained = Float64Array.from(t, (_, i) => covariates.reduce((sum, covariate, c) => sum + coefficients[c + 2]! * covariate[i]!, 0));
  return LOAD_UNSURE * Math.abs(leastSquares([one, t], explained).coefficients[1]!);
}

export function grainOf(unit: string): Grain {
  if (unit === 'By') return { rounding: PAGE ** 2 / 12, arrival: ALLOCATION };
  if (unit.startsWith('{')) return { rounding: 1 / 12, arrival: 1 };
  return { rounding: 0, arrival: 0 };
}

function assumedWarmup(input: SeriesInput, until: number): number {
  const start = input.bins.first * input.bins.width;
  const starts = [start, ...input.lives.filter((t) => t > start && t < until)];
  const longest = Math.max(...starts.map((t, i) => (starts[i + 1] ?? until) - t));
  return WARMUP_SHARE * longest;
}

/** Cuts off what settles early: a cache or a heap that found its size says nothing of what comes after. */
function afterWarmup(
  input: SeriesInput,
  cut: Cut,
  first: Stream,
  load: LoadCurve | null,
  subject: Subject,
  search: boolean,
): { stream: Stream; slope: Slope | null } {
  let [stream, warmup] = [first, cut.warmup];
  let slope = slopeAbove(stream, shapesFor(stream), subject);
  const rounds = search ? WARMUP_ROUNDS : 0;
  for (let round = 0; slope !== null && round < rounds; round++) {
    const settled = settledAt(slope);
    if (settled === null) break;
    warmup += settled * longestLife(stream) * HOUR + stream.step * HOUR;
    const later = streamOf(input.bins, input.series.def.kind, { ...cut, warmup }, load, stream.logs ? 'log' : 'linear');
    // Of other units (too little above zero is left for logarithms) it could not be compared with the same floor.
    if (later === null || later.n < POINTS_AFTER_WARMUP || later.logs !== stream.logs) break;
    const again = slopeAbove(later, shapesFor(later), subject);
    if (again === null) break;
    [stream, slope] = [later, again];
  }
  return { stream, slope };
}

function shapesFor({ n, work }: Stream): typeof ALL_SHAPES {
  if (n < POINTS_FOR_ALL) return FEW_SHAPES;
  return work === null ? ALL_SHAPES : LOAD_SHAPES;
}

/** Where an early transient has settled, as a share of the longest life; null when there is none. */
function settledAt({ best, lead, before, after, bump }: Slope): number | null {
  if (bump !== null && bump.lead > WARMUP_LEAD) return bump.at;
  if (lead < WARMUP_LEAD || best.at > WARMUP_LATEST) return null;
  if (best.kind === 'knee') return Math.abs(before) > WARMUP_SLOWING * Math.abs(after) ? best.at : null;
  return ['step', 'fill', 'ramp', 'settle', 'line+settle'].includes(best.kind) ? best.at : null;
}

function longestLife({ t, life }: Stream): number {
  let [start, longest] = [0, 0];
  for (let i = 0; i < t.length; i++) {
    if (i > 0 && life[i] !== life[i - 1]) start = i;
    longest = Math.max(longest, t[i]! - t[start]!);
  }
  return longest;
}

/** What one of the stream's units is in those of the series, at the level now: a logarithm grows by a share of the level. */
function unitOf({ logs, level }: Stream): number {
  return logs ? level : 1;
}

/** What growth is compared with, in the units of the stream. */
interface Subject {
  readonly floor: number;
  readonly grain: Grain;
  readonly limited: boolean;
}

function described(stream: Stream, slope: Slope, subject: Subject, until: number): Growth {
  const { floor, grain } = subject;
  const unit = unitOf(stream);
  const plain = slope.line.spread;
  const noise: Noise = {
    step: stream.step,
    parts: slope.noise.map((part) => ({ ...part, variance: part.variance * unit * unit })),
    arrival: grain.arrival,
    widening: plain > 0 ? Math.max(1, slope.end.spread / plain) : 1,
    share: Math.min(1, stream.hours / (until / HOUR)),
  };
  return {
    stream,
    slope,
    floor: floor * unit,
    interval: intervalOf(slope.end, unit),
    going: () => intervalOf(slope.going(), unit),
    evidence: evidenceOf(stream, slope, subject),
    noise,
    onset: onsetOf(stream, slope),
  };
}

function intervalOf(slope: Mixture, unit: number): Interval {
  const outside = (1 - CONFIDENCE) / 2;
  return { perHour: unit * slope.quantile(0.5), lo: unit * slope.quantile(outside), hi: unit * slope.quantile(1 - outside) };
}

function evidenceOf(stream: Stream, slope: Slope, { floor, limited }: Subject): Evidence {
  const ofCycles = stream.kind === 'lows' || stream.kind === 'cycles';
  const examined = isFull(slope) && (ofCycles || stream.n >= POINTS_TO_CONFIRM);
  return {
    p: slope.line.cdf(floor),
    end: slope.goingBelow,
    score: examined && !isVetoed(stream, slope, floor) ? slope.score : Math.min(slope.score, VETOED_SCORE),
    examined,
    limited,
    growthFrom: (stream.to - slope.growing * (stream.to - stream.from)) * HOUR,
    growthTo: stream.to * HOUR,
  };
}

function isVetoed(stream: Stream, slope: Slope, floor: number): boolean {
  const tail = tailOf(stream);
  return tail !== null && (isNoNewHigh(tail) || isFlatTail(tail, floor, slope.goingMean));
}

/** Whether all shapes were tried that the points can tell apart. */
export function isFull({ shapes }: Slope): boolean {
  return shapes !== LINE_ONLY && shapes !== SCREEN_SHAPES;
}

/** Growth that began late: the posterior of the knee. */
function onsetOf(stream: Stream, { best, before, after, weights, shapes }: Slope): Growth['onset'] {
  const isLate = best.kind === 'late' || (best.kind === 'knee' && before <= BEGAN_SHARE * after);
  if (!isLate || !(after > 0) || stream.lives > 1) return null;
  const knees = shapes.flatMap(({ kind, at }, i) => (kind === best.kind ? [{ at, weight: weights[i]! }] : []));
  const total = knees.reduce((sum, knee) => sum + knee.weight, 0);
  const quantile = (p: number): number => {
    let sum = 0;
    return (knees.find((knee) => (sum += knee.weight) >= p * total) ?? knees.at(-1)!).at;
  };
  // A knee of the grid stands for the positions up to its neighbours.
  const places = knees.map((knee) => knee.at);
  const lower = places.findLast((at) => at < quantile(0.025)) ?? 0;
  const upper = places.find((at) => at > quantile(0.975)) ?? 1;
  const hour = (x: number): number => stream.t[0]! + x * longestLife(stream);
  return { at: hour(quantile(0.5)), lo: hour(lower), hi: hour(upper) };
}
