/** What the bins of one series say of its growth: the stream, the slope at its end, and the evidence for and against growth that goes on. */
import type { MetricDef } from '../catalog.ts';
import { beginningOf, examined, longestLife, POINTS_FOR_ALL, type Reading, slopeAbove, type Subject } from './beginning.ts';
import type { Cut } from './cells.ts';
import { type Evidence, isEarly } from './grades.ts';
import type { AnalysisInput, SeriesInput } from './judgement.ts';
import { longestLifeOf, shortLifeOf, tellsEnds } from './lives.ts';
import type { LoadCurve } from './loadcurve.ts';
import { Mixture } from './mixture.ts';
import { type Noise, wideningOf } from './power.ts';
import { LINE_ONLY, SCREEN_SHAPES } from './shapes.ts';
import { BEGAN_SHARE, type Grain, type Slope, slopeOfConstant } from './slope.ts';
import { isBetterPlain } from './scale.ts';
import { BLOCKS_MAX, type Scale, type Stream, streamOf, withoutVisits } from './stream.ts';
import { isTooth } from './teeth.ts';
import { isFlatTail, isNoNewHigh, newestLife, tailOf } from './vetoes.ts';

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

/** On either side. */
export const OUTSIDE = (1 - CONFIDENCE) / 2;

/** Page size, and what glibc asks the kernel for at once (M_TOP_PAD, M_MMAP_THRESHOLD): other allocators take more. */
const PAGE = 4096;
const ALLOCATION = 131_072;

/** A series is examined when a few shapes leave less than this probability that nothing grows. What is reported asks for 2e-3 and less. */
const SCREEN_P = 0.02;

/** Blocks to confirm anything on. A point of a whole cycle says more: of those, as many as an interval needs. */
const POINTS_TO_CONFIRM = 12;

/**
 * Blocks for a last look beside a load that left it open. A load that goes with the time is told from growth by how it varies besides, of which
 * blocks of half the length keep 1.4 times as much and have twice as many.
 */
const BLOCKS_BESIDE_LOAD = 2 * BLOCKS_MAX;

/** So many lives that grow are no beginnings. */
const LIVES_TOLD = 4;

/** The score of what is vetoed: odds of 3:1 against. */
export const VETOED_SCORE = -1;

const HOUR = 3600;

/**
 * `floorOf` is the growth per hour that matters at a level; `full` is false where an advisory series is only screened, whatever the screen
 * finds.
 */
type Asked = readonly [input: SeriesInput, context: AnalysisInput, until: number, floorOf: (level: number) => number, full: boolean];

export function growthOf(...asked: Asked): Growth | null {
  const [input, { options }, until] = asked;
  if (shortLifeOf(input, until) !== null) return null;
  const found = growthIn(BLOCKS_MAX, ...asked);
  if (found === null || input.gate === 'advisory' || !options.final || !isOpenBesideLoad(found)) return found;
  const finer = growthIn(BLOCKS_BESIDE_LOAD, ...asked);
  return finer !== null && isFlat(finer) ? finer : found;
}

function isOpenBesideLoad({ stream, interval, floor }: Growth): boolean {
  return stream.work !== null && stream.covariates.length > 0 && interval.lo <= floor && interval.hi >= floor;
}

/** Neither growing nor falling: had it followed how the load flickers otherwise than how it goes on, it would not be so by chance. */
function isFlat({ interval, floor }: Growth): boolean {
  return interval.lo <= 0 && interval.hi >= 0 && interval.hi < floor;
}

function growthIn(blocks: number, ...[input, context, until, floorOf, full]: Asked): Growth | null {
  const { def, target } = input.series;
  const load = target === null ? null : (context.load.get(target) ?? null);
  const { warmup: given, final } = context.options;
  const cut = { lives: input.lives, phases: context.phases, until, now: context.now };
  const scale = def.resource === 'latency' ? scaleOf(input, { ...cut, warmup: given ?? 0 }, load) : 'linear';
  const read: Reading = (warmup, of = scale, floors = true) => {
    const stream = streamOf(input.bins, def.kind, { ...cut, warmup }, load, { scale: of, floors, blocks });
    // What is left is at unequal distances, for which no two looks share a design: at the end only.
    return stream && final ? withoutVisits(stream) : stream;
  };
  const begun = beginningOf(read, longestLifeOf(input, until), given, final);
  if (begun === null) return null;
  const { stream: first } = begun;
  const floor = floorOf(first.level) / unitOf(first);
  const subject = { floor, grain: grainOf(def), limited: input.limits.length > 0 };
  if (isConstant(first)) {
    const slope = slopeOfConstant(first, first.hours, subject.grain, floor);
    return slope && described(first, slope, subject, until, first);
  }
  if (!isExaminedAnyway(input, context)) {
    const screen = slopeAbove(first, first.n < POINTS_FOR_ALL ? LINE_ONLY : SCREEN_SHAPES, subject);
    if (screen === null || !showsGrowth(screen, floor) || !isWorthIt(input, context, full)) {
      return screen && described(first, screen, subject, until, first);
    }
  }
  const { stream, slope } = examined(read, begun, subject, given === null, final);
  return slope && described(stream, slope, subject, until, first);
}

/** Latencies scatter in proportion to their size, and are judged by their logarithms unless they clearly grow along a line. */
function scaleOf({ bins, series }: SeriesInput, cut: Cut, load: LoadCurve | null): Scale {
  const logs = streamOf(bins, series.def.kind, cut, load, { scale: 'log' });
  return logs !== null && isBetterPlain(logs) ? 'linear' : 'log';
}

/** What decides the outcome is examined at the end of a run, and while anything is said of it; all else when a few shapes find growth. */
function isExaminedAnyway({ gate, book }: SeriesInput, { options }: AnalysisInput): boolean {
  return gate !== 'advisory' && (options.final || book.grade !== 'none');
}

/** Not while no grade could follow from it. */
function isWorthIt({ gate }: SeriesInput, context: AnalysisInput, full: boolean): boolean {
  return (gate !== 'advisory' || full) && (context.options.final || !isEarly(context));
}

function showsGrowth({ line, goingBelow }: Slope, floor: number): boolean {
  return Math.min(line.cdf(floor), goingBelow) < SCREEN_P;
}

function isConstant({ y }: Stream): boolean {
  return y.every((value) => value === y[0]);
}

/** Of a counter the rate is judged, which comes in no pieces of one. */
export function grainOf({ unit, kind }: Pick<MetricDef, 'unit' | 'kind'>): Grain {
  if (kind === 'counter') return { rounding: 0, arrival: 0 };
  if (unit === 'By') return { rounding: PAGE ** 2 / 12, arrival: ALLOCATION };
  if (unit.startsWith('{')) return { rounding: 1 / 12, arrival: 1 };
  return { rounding: 0, arrival: 0 };
}

/** What one of the stream's units is in those of the series, at the level now: a logarithm grows by a share of the level. */
export function unitOf({ logs, level }: Stream): number {
  return logs ? level : 1;
}

/** @param whole before anything was cut off that settled early */
function described(stream: Stream, slope: Slope, subject: Subject, until: number, whole: Stream): Growth {
  const { floor, grain } = subject;
  const unit = unitOf(stream);
  const tooth = slope.score > VETOED_SCORE && isOfTeeth(whole);
  const interval = intervalBeside(intervalOf(tooth ? orFlat(slope, stream.n) : slope.end, unit), tooth ? null : slope.beside, unit);
  const noise = {
    step: stream.step,
    parts: slope.noise.flatMap(({ phi, variance, weight }) => [phi, weight * variance * unit * unit]),
    arrival: grain.arrival,
    share: Math.min(1, stream.hours / (until / HOUR)),
  };
  return {
    stream,
    slope,
    floor: floor * unit,
    interval,
    going: () => intervalOf(slope.going(), unit),
    evidence: evidenceOf(stream, slope, subject, tooth),
    noise: { ...noise, widening: wideningOf(noise, until / HOUR, interval.hi - interval.perHour) },
    onset: onsetOf(stream, slope),
  };
}

/** @param unit one of the slope's units in those of the series */
export function intervalOf(slope: Mixture, unit = 1): Interval {
  return { perHour: unit * slope.quantile(0.5), lo: unit * slope.quantile(OUTSIDE), hi: unit * slope.quantile(1 - OUTSIDE) };
}

/** As high as what a line beside a step or a ramp could be: such a line is no explanation (see `besideLines`), so that it lifts no lower end. */
function intervalBeside(interval: Interval, beside: Mixture | null, unit: number): Interval {
  return beside === null ? interval : { ...interval, hi: Math.max(interval.hi, unit * beside.quantile(1 - OUTSIDE)) };
}

function evidenceOf(stream: Stream, slope: Slope, { floor, limited }: Subject, tooth: boolean): Evidence {
  const ofCycles = stream.kind === 'lows' || stream.kind === 'cycles';
  const examined = isFull(slope) && (ofCycles || stream.n >= POINTS_TO_CONFIRM);
  return {
    p: slope.line.cdf(floor),
    end: slope.goingBelow,
    score: examined && !tooth && !isVetoed(stream, slope, floor) ? slope.score : Math.min(slope.score, VETOED_SCORE),
    examined,
    tellsEnds: tellsEnds(stream),
    limited,
    growthFrom: (stream.to - Math.min(slope.growing * (stream.to - stream.from), shownBy(stream))) * HOUR,
    growthTo: stream.to * HOUR,
  };
}

/** Hours. Each of two or three lives fills its caches anew, which is no longer growth than one of them; many lives tell more than one. */
function shownBy(stream: Stream): number {
  return stream.lives < LIVES_TOLD ? longestLife(stream) + stream.step : Infinity;
}

function isVetoed(stream: Stream, slope: Slope, floor: number): boolean {
  const tail = tailOf(stream);
  return tail !== null && (isNoNewHigh(tail) || isFlatTail(tail, floor, slope.goingMean));
}

/** What the load explains falls with it: it is no tooth. */
function isOfTeeth(whole: Stream): boolean {
  return (whole.kind === 'mean' || whole.kind === 'floor') && whole.work === null && isTooth(newestLife(whole));
}

/** The climb of a tooth will be given back, or this one will not: nobody can say before it ends. */
function orFlat({ end, line }: Slope, n: number): Mixture {
  return new Mixture([end, { mean: 0, spread: line.spread }].map(({ mean, spread }) => ({ weight: 0.5, mean, scale: spread, df: n - 2 })));
}

/** Whether all shapes were tried that the points can tell apart. */
export function isFull({ tried }: Slope): boolean {
  return tried !== LINE_ONLY && tried !== SCREEN_SHAPES;
}

/** Growth that began late: the posterior of the knee. */
function onsetOf(stream: Stream, { best, before, after, weights, shapes }: Slope): Growth['onset'] {
  const isLate = best.kind === 'late' || (best.kind === 'knee' && before <= BEGAN_SHARE * after);
  if (!isLate || !(after > 0) || stream.lives > 1) return null;
  const knees = shapes
    .flatMap(({ kind, at }, i) => (kind === best.kind ? [{ at, weight: weights[i]! }] : []))
    .toSorted((a, b) => a.at - b.at);
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
