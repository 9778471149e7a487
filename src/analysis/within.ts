/**
 * Growth within lives that are too short for the bins: one slope of all lives that ended, each with a level of its own, and its scatter
 * from life to life, in which the correlation of the noise within one does not matter (Liang and Zeger, Biometrika 73, 1986).
 */
import { CONFIRM_SCORE, ENDED_SCORE, type Evidence, GROWS_P } from './grades.ts';
import { grainOf, type Interval, intervalOf, OUTSIDE, VETOED_SCORE } from './growth.ts';
import type { SeriesInput } from './judgement.ts';
import { END_FROM, type EndedLives, FIGURES, type LivesSum } from './lifesums.ts';
import { Mixture } from './mixture.ts';
import { arrivalVariance, SCORE_MAX } from './slope.ts';
import { normalQuantile, studentDensity } from './stats.ts';

export interface Within {
  readonly lives: number;
  /** Run times. */
  readonly from: number;
  readonly to: number;
  readonly interval: Interval;
  /** If growth goes on as it is in the lives that were seen. */
  readonly going: () => Interval;
  /** Smallest growth that would have been told from none nine times out of ten. */
  readonly detectable: number;
  readonly evidence: Evidence;
  /**
   * What else the growth that is seen may be: what fills up, what might yet slow down, or what a collector leaves lying. Null when it is
   * nothing else, or when none is seen.
   */
  readonly doubt: 'fills' | 'may slow' | 'slack' | null;
}

/** With fewer lives their scatter is not known. */
const LIVES_MIN = 6;

/**
 * How much a fill would slow down from a life to its end: any of these rates, of that of the whole life, is as likely as not. A cache whose
 * time constant is a third of the life has 0.46, one of the whole life 0.78, growth with the logarithm of time 0.7.
 */
const SLOWING = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8] as const;

/** Fixed programs drifted by up to 1.6 MB a minute in their first ten minutes (research): the end of a life is judged after these, or proves less. */
const SLACK_S = 600;
const SLACK_PER_HOUR = 96e6;
/** A life of which that can be said, seconds. */
export const BEYOND_SLACK_S = SLACK_S / END_FROM;

/** Share of a rate that sums of doubles do not resolve. */
const RESOLUTION = 1e-6;

/** Standard errors between what the latest lives and those before say: the latest ones are judged by themselves. */
const OTHER = 3;

const POWER = normalQuantile(0.9);

/** As sums of `LivesSum` have them. */
const [WHOLE_TT, WHOLE_TY, END_TT, END_TY] = [0, 1, 2, 3];

interface Estimate {
  readonly mean: number;
  readonly scale: number;
  readonly df: number;
}

/**
 * @param ended of the process, or of each member behind a total
 * @param members how many processes a total adds up
 * @param life usual length of a life, seconds
 * @param floor growth per hour that matters
 * @returns null when too few lives have ended
 */
export function withinLives(
  { series, limits }: Pick<SeriesInput, 'series' | 'limits'>,
  ended: readonly EndedLives[],
  members: number,
  life: number,
  floor: number,
): Within | null {
  const { arrival } = grainOf(series.def);
  const slopeOf = (of: LivesSum, tt: number, ty: number): Estimate => estimate(of, tt, ty, arrival, floor / members);
  const judged = judgedLives(ended, (of) => slopeOf(of, WHOLE_TT, WHOLE_TY));
  if (judged === null) return null;
  const [whole, end] = [slopeOf(judged, WHOLE_TT, WHOLE_TY), slopeOf(judged, END_TT, END_TY)];
  const goesOn = goesOnBy(judged, whole, end);
  const line = mixture([[1, whole]], members);
  const parts: [number, Estimate][] = [
    [goesOn, whole],
    [1 - goesOn, end],
  ];
  const either = mixture(parts, members);
  const doubt =
    line.cdf(floor) < OUTSIDE ? doubtOf(line, goesOn, Math.max(floor, isSlack(series.def, life) ? SLACK_PER_HOUR * members : 0)) : null;
  const score = logOdds(goesOn * line.above(floor));
  const { lives, from, to } = judged;
  const interval = intervalOf(either);
  return {
    lives,
    from,
    to,
    interval,
    going: () => intervalOf(line),
    detectable: either.quantile(1 - OUTSIDE) - either.mean + POWER * either.spread,
    evidence: {
      p: line.cdf(floor),
      end: line.cdf(floor),
      // GROWS_P holds at the end of a run, too: there is one shape, and nothing that competes with it.
      score: doubt === 'slack' || line.cdf(floor) > GROWS_P ? Math.min(score, VETOED_SCORE) : score,
      examined: true,
      tellsEnds: interval.hi < floor,
      limited: limits.length > 0,
      growthFrom: from,
      growthTo: to,
    },
    doubt,
  };
}

/** The latest lives if they differ from those before, else all together; null when they are too few. */
function judgedLives(ended: readonly EndedLives[], slopeOf: (of: LivesSum) => Estimate): LivesSum | null {
  const early = added(ended.map((one) => one.early));
  const late = added(ended.map((one) => one.late));
  const all = added([early, late].flatMap((one) => one ?? []));
  if (all === null || all.lives < LIVES_MIN) return null;
  if (early === null || late === null || Math.min(early.lives, late.lives) < LIVES_MIN) return all;
  const [before, now] = [slopeOf(early), slopeOf(late)];
  return Math.abs(now.mean - before.mean) > OTHER * Math.hypot(before.scale, now.scale) ? late : all;
}

function doubtOf(line: Mixture, goesOn: number, enough: number): Within['doubt'] {
  if (logOdds(goesOn) < ENDED_SCORE) return 'fills';
  if (logOdds(line.above(enough)) < CONFIRM_SCORE) return 'slack';
  return logOdds(goesOn) < CONFIRM_SCORE ? 'may slow' : null;
}

/** Memory that a collector holds or an allocator keeps, of programs that have just begun; what is left after a collection is none of it. */
function isSlack({ unit, alias }: SeriesInput['series']['def'], life: number): boolean {
  return unit === 'By' && alias !== 'heap' && life < BEYOND_SLACK_S;
}

/** Of all members, as if they were one after the other; null of none. */
function added(parts: readonly LivesSum[]): LivesSum | null {
  const [first, ...rest] = parts.filter(({ lives }) => lives > 0);
  if (first === undefined) return null;
  return rest.reduce(
    (sum, one) => ({
      lives: sum.lives + one.lives,
      hours: sum.hours + one.hours,
      from: Math.min(sum.from, one.from),
      to: Math.max(sum.to, one.to),
      sums: sum.sums.map((value, i) => value + one.sums[i]!),
      products: sum.products.map((value, i) => value + one.products[i]!),
    }),
    first,
  );
}

/** Least squares with a level for each life: the sum of txy over that of txx; a life's part in its error is (txy - slope txx) / sum of txx. */
function estimate(of: LivesSum, tt: number, ty: number, arrival: number, floor: number): Estimate {
  const total = of.sums[tt]!;
  const mean = of.sums[ty]! / total;
  const parts = Array.from({ length: FIGURES }, () => 0);
  parts[tt] = -mean / total;
  parts[ty] = 1 / total;
  const variance = varianceOf(of, parts) + arrivalVariance(Math.min(floor, Math.abs(mean)), arrival, of.hours);
  return {
    mean,
    scale: Math.max(Math.sqrt(variance), Number.MIN_VALUE),
    df: Math.max(1, Math.floor(total ** 2 / product(of, tt, tt) - 1)),
  };
}

/** Of a sum over lives of `parts` times their figures, whose mean is zero. */
function varianceOf(of: LivesSum, parts: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < FIGURES; i++) for (let j = 0; j < FIGURES; j++) sum += parts[i]! * parts[j]! * product(of, i, j);
  return (Math.max(0, sum) * of.lives) / (of.lives - 1);
}

function product({ products }: LivesSum, i: number, j: number): number {
  const [row, column] = i <= j ? [i, j] : [j, i];
  return products[row * FIGURES - (row * (row - 1)) / 2 + column - row]!;
}

/** Probability that it grows at the end of a life as in the whole of it, against that it slows down. That it speeds up is as good as that. */
function goesOnBy(of: LivesSum, whole: Estimate, end: Estimate): number {
  const [wholeTotal, endTotal] = [of.sums[WHOLE_TT]!, of.sums[END_TT]!];
  const rate = Math.abs(whole.mean);
  const error = varianceOf(of, [whole.mean / wholeTotal, -1 / wholeTotal, -end.mean / endTotal, 1 / endTotal]);
  const scale = Math.max(Math.sqrt(error), RESOLUTION * rate, Number.MIN_VALUE);
  const df = Math.min(whole.df, end.df);
  const faster = Math.sign(whole.mean) * (end.mean - whole.mean);
  const leak = studentDensity(Math.min(0, faster) / scale, df);
  const fills = SLOWING.map((left) => studentDensity((faster + (1 - left) * rate) / scale, df));
  const fill = fills.reduce((sum, one) => sum + one, 0) / SLOWING.length;
  return leak > 0 ? leak / (leak + fill) : 0;
}

/** @param members all of whom grow so */
function mixture(parts: readonly (readonly [weight: number, Estimate])[], members: number): Mixture {
  return new Mixture(parts.map(([weight, { mean, scale, df }]) => ({ weight, mean: members * mean, scale: members * scale, df })));
}

function logOdds(p: number): number {
  return Math.max(-SCORE_MAX, Math.min(SCORE_MAX, Math.log(p / (1 - p))));
}
