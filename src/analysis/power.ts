/** What a run of a given length can show: the information limit of a slope in AR(1) noise, with the noise that was found. */
import { arrivalVariance } from './slope.ts';
import { normalQuantile, studentQuantile } from './stats.ts';
import { BLOCKS_MAX } from './stream.ts';

/** The noise of a series, enough to say what other run lengths could show. */
export interface Noise {
  /** Usual distance of two points, hours. */
  readonly step: number;
  /**
   * By turns a correlation of neighbours and the variance of a point, times how much the data believe in the two: every series keeps them,
   * and V8 does not go through plain numbers in a row.
   */
  readonly parts: readonly number[];
  /** What a leak adds at once (see `Grain.arrival`). */
  readonly arrival: number;
  /** How much wider the interval is than that of a straight line in this noise: see `wideningOf`. */
  readonly widening: number;
  /** Judged hours per hour of the run: warm-up, gaps and restarts cost the rest. */
  readonly share: number;
}

/** Half of what the interval leaves outside, and the chance to see what is there. */
const BOUND = 0.975;
const POWER = normalQuantile(0.9);

/** Longest run that is worth proposing: a year. */
const HOURS_MAX = 8766;

const POINTS_MIN = 4;

/**
 * Variance of the exact GLS slope of n points at distance d, marginal standard deviation sigma and AR(1) coefficient phi:
 * sigma^2 (1 - phi^2) / (d^2 Q), Q = (1 - phi)^2 n (n^2 - 1) / 12 + phi (1 - phi) (n - 1)^2 / 2 + phi (n - 1).
 * It is the Cramer-Rao bound; 12 sigma^2 / (d^2 n (n^2 - 1)) for phi = 0.
 */
export function slopeVariance(n: number, d: number, variance: number, phi: number): number {
  const q = ((1 - phi) ** 2 * n * (n * n - 1)) / 12 + (phi * (1 - phi) * (n - 1) ** 2) / 2 + phi * (n - 1);
  return (variance * (1 - phi * phi)) / (d * d * q);
}

/** Smallest growth per hour that a run of so many hours rules out with 90 % power when there is none: its upper bound stays below. */
export function certifiableIn(noise: Noise, hours: number): number {
  const { variance, pieces, bound } = lineIn(noise, hours);
  const wide = variance * noise.widening ** 2;
  return bound * Math.sqrt(wide + pieces) + POWER * Math.sqrt(wide);
}

/**
 * How much more than the noise of a straight line an interval has of which the upper end is `above` its middle: what not knowing the shape costs,
 * a load that goes with the time, a tooth, gaps. At least 1.
 */
export function wideningOf(noise: Omit<Noise, 'widening'>, hours: number, above: number): number {
  const { variance, pieces, bound } = lineIn(noise, hours);
  const wide = (above / bound) ** 2 - pieces;
  return wide > variance && variance > 0 ? Math.sqrt(wide / variance) : 1;
}

/** Of the slope of a line: its variance by the noise and by the pieces in which a leak comes, and the quantile of its upper bound. */
function lineIn(
  { step, parts, arrival, share }: Omit<Noise, 'widening'>,
  hours: number,
): { variance: number; pieces: number; bound: number } {
  const judged = hours * share;
  const points = Math.max(POINTS_MIN, judged / step);
  let variance = 0;
  for (let i = 0; i < parts.length; i += 2) variance += slopeVariance(points, step, parts[i + 1]!, parts[i]!);
  const bound = studentQuantile(BOUND, Math.max(2, Math.floor(Math.min(points, BLOCKS_MAX)) - 2));
  return { variance, pieces: arrivalVariance(0, arrival, judged), bound };
}

/** The same for a judged series; null when nothing is known of its noise, or for no time. */
export function certifiable(judged: { readonly noise: Noise | null }, hours: number): number | null {
  return judged.noise === null || !(hours > 0) ? null : certifiableIn(judged.noise, hours);
}

/** Hours of run after which growth that differs by `distance` per hour from what it is compared with is told apart; null beyond a year. */
export function hoursToSee(noise: Noise, distance: number): number | null {
  if (!(certifiableIn(noise, HOURS_MAX) <= distance)) return null;
  let [low, high] = [noise.step, HOURS_MAX];
  // 40 halvings of the logarithm: far below a minute
  for (let i = 0; i < 40; i++) {
    const middle = Math.sqrt(low * high);
    if (certifiableIn(noise, middle) <= distance) high = middle;
    else low = middle;
  }
  return high;
}
