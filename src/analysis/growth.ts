/** What the bins of one series say of its growth: the stream, the slope at its end, and the evidence for and against growth that goes on. */
import { CONFIRM_SCORE, type Evidence, SUSPECT_P } from './grades.ts';
import type { AnalysisInput, SeriesInput } from './judgement.ts';
import type { Noise } from './power.ts';
import { ALL_SHAPES, LINE_ONLY } from './shapes.ts';
import { type Grain, type Slope, slopeOf } from './slope.ts';
import { type Cut, type Stream, streamOf } from './stream.ts';

export interface Growth {
  readonly stream: Stream;
  readonly slope: Slope;
  readonly floor: number;
  readonly interval: { readonly perHour: number; readonly lo: number; readonly hi: number; readonly confidence: number };
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

/** An advisory series of which the straight line says nothing suspicious is not looked at further. */
const SCREEN_P = 0.01;

/** Fewer points than this have an interval, but nothing is confirmed on them. */
const POINTS_TO_CONFIRM = 12;

/** Ends of the data at which earlier looks are imitated. */
const EARLIER = [0.8, 0.9] as const;

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
  const { def } = input.series;
  const warmup = context.options.warmup ?? assumedWarmup(input, until);
  const cut = { lives: input.lives, warmup, phases: context.phases, until, now: context.now };
  const first = streamOf(input.bins, def.kind, cut);
  if (first === null) return null;
  const floor = floorOf(first.level);
  const grain = grainOf(def.unit);
  const screen = slopeOf(first, first.hours, LINE_ONLY, grain, floor);
  if (screen === null) return null;
  const subject = { floor, grain, limited: input.limits.length > 0 };
  if (input.gate === 'advisory' && (!full || screen.line.cdf(floor) > SCREEN_P)) return described(first, screen, subject, until);
  const { stream, slope } = afterWarmup(input, cut, first, grain, floor, context.options.warmup === null);
  return described(stream, slope ?? screen, subject, until);
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
  grain: Grain,
  floor: number,
  search: boolean,
): { stream: Stream; slope: Slope | null } {
  let [stream, warmup] = [first, cut.warmup];
  let slope = slopeOf(stream, stream.hours, ALL_SHAPES, grain, floor);
  const rounds = search ? WARMUP_ROUNDS : 0;
  for (let round = 0; slope !== null && round < rounds; round++) {
    const settled = settledAt(slope);
    if (settled === null) break;
    warmup += settled * longestLife(stream) * HOUR + stream.step * HOUR;
    const later = streamOf(input.bins, input.series.def.kind, { ...cut, warmup });
    if (later === null || later.n < POINTS_AFTER_WARMUP) break;
    const again = slopeOf(later, later.hours, ALL_SHAPES, grain, floor);
    if (again === null) break;
    [stream, slope] = [later, again];
  }
  return { stream, slope };
}

/** Where an early transient has settled, as a share of the longest life; null when there is none. */
function settledAt({ best, lead, before, after }: Slope): number | null {
  if (lead < WARMUP_LEAD || best.at > WARMUP_LATEST) return null;
  if (best.kind === 'knee') return Math.abs(before) > WARMUP_SLOWING * Math.abs(after) ? best.at : null;
  return ['step', 'fill', 'settle', 'line+settle'].includes(best.kind) ? best.at : null;
}

function longestLife({ t, life }: Stream): number {
  let [start, longest] = [0, 0];
  for (let i = 0; i < t.length; i++) {
    if (i > 0 && life[i] !== life[i - 1]) start = i;
    longest = Math.max(longest, t[i]! - t[start]!);
  }
  return longest;
}

/** What growth is compared with. */
interface Subject {
  readonly floor: number;
  readonly grain: Grain;
  readonly limited: boolean;
}

function described(stream: Stream, slope: Slope, subject: Subject, until: number): Growth {
  const { floor, grain } = subject;
  const outside = (1 - CONFIDENCE) / 2;
  const [lo, perHour, hi] = [slope.end.quantile(outside), slope.end.quantile(0.5), slope.end.quantile(1 - outside)];
  const width = isFull(slope) ? slope.line.quantile(1 - outside) - slope.line.quantile(outside) : 0;
  const noise: Noise = {
    step: stream.step,
    parts: slope.noise,
    arrival: grain.arrival,
    widening: width > 0 ? Math.max(1, (hi - lo) / width) : 1,
    share: Math.min(1, stream.hours / (until / HOUR)),
  };
  const onset = onsetOf(stream, slope);
  return {
    stream,
    slope,
    floor,
    interval: { perHour, lo, hi, confidence: CONFIDENCE },
    evidence: evidenceOf(stream, slope, subject, onset),
    noise,
    onset,
  };
}

function evidenceOf(stream: Stream, slope: Slope, { floor, grain, limited }: Subject, onset: Growth['onset']): Evidence {
  const p = slope.line.cdf(floor);
  const strong = Math.min(p, slope.end.cdf(floor)) < SUSPECT_P && slope.score > CONFIRM_SCORE;
  const holds = strong && isFull(slope) && stream.n >= POINTS_TO_CONFIRM;
  return {
    p,
    score: slope.score,
    holds,
    persistent: holds && EARLIER.every((share) => grewAt(stream, share, floor, grain)),
    limited,
    growthFrom: (onset?.at ?? stream.from) * HOUR,
    growthTo: stream.to * HOUR,
  };
}

/** Whether bounded shapes were tried at all. */
export function isFull(slope: Slope): boolean {
  return slope.shapes === ALL_SHAPES;
}

function grewAt(stream: Stream, share: number, floor: number, grain: Grain): boolean {
  const early = firstPart(stream, Math.ceil(stream.n * share));
  const slope = slopeOf(early, early.hours, LINE_ONLY, grain, floor);
  return slope !== null && slope.line.cdf(floor) < SUSPECT_P;
}

function firstPart(stream: Stream, n: number): Stream {
  const life = stream.life.slice(0, n);
  return {
    ...stream,
    n,
    t: stream.t.slice(0, n),
    y: stream.y.slice(0, n),
    life,
    lives: life.at(-1)! + 1,
    hours: (stream.hours * n) / stream.n,
  };
}

/** Growth that began late: the posterior of the knee, when it was much slower before it. */
function onsetOf(stream: Stream, { best, before, after, weights, shapes }: Slope): Growth['onset'] {
  if (best.kind !== 'knee' || stream.lives > 1 || before > 0.4 * after) return null;
  const knees = shapes.flatMap(({ kind, at }, i) => (kind === 'knee' ? [{ at, weight: weights[i]! }] : []));
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
