/** What growth that goes on cannot look like, whatever the shapes say: a flat tail, or an end that is no higher than before. */
import { leastSquares } from './leastsquares.ts';
import { scatterOf } from './stats.ts';
import type { Stream } from './stream.ts';

/** Fewer points than this show neither. */
const POINTS_MIN = 12;

/** The last parts of the judged time in which growth must be seen, and their smallest number of points. */
const TAILS = [0.35, 0.2] as const;
const TAIL_MIN = 6;

/** Growth in a tail must be this share of the growth that was found, or be within so many standard errors of it. */
const TAIL_SHARE = 0.4;
const TAIL_ERRORS = 2.5;

/** What few residuals do not show of their correlation, per point. */
const CORRELATION_HIDDEN = 3;
const CORRELATION_MAX = 0.8;

/** Windows whose means are compared: this share of the points, at least so many. */
const WINDOW_SHARE = 0.1;
const WINDOW_MIN = 3;
/** The highest window must lie before this share of the time to count as earlier, the lowest after that share: a warm-up is no scale. */
const EARLIER = 0.75;
const WARM = 0.3;

/** The newest window must be higher than every earlier one by this share of how far it has come, or by what noise may have hidden. */
const NEW_HIGH = 0.06;
const NEW_HIGH_ERRORS = 2.5;

/** The newest life, without what the covariates explain. */
export interface Tail {
  readonly t: Float64Array;
  readonly y: Float64Array;
}

/** Null when there are too few points. */
export function tailOf({ n, t, y, life, covariates }: Stream): Tail | null {
  const start = life.indexOf(life[n - 1]!);
  if (n - start < POINTS_MIN) return null;
  const own = { t: t.slice(start), y: y.slice(start) };
  if (covariates.length === 0) return own;
  const columns = covariates.map((covariate) => covariate.slice(start));
  const { coefficients } = leastSquares([new Float64Array(n - start).fill(1), own.t, ...columns], own.y);
  const explained = (i: number): number => columns.reduce((sum, column, c) => sum + coefficients[c + 2]! * column[i]!, 0);
  return { t: own.t, y: own.y.map((value, i) => value - explained(i)) };
}

export function newestLife({ n, y, life }: Stream): Float64Array {
  return y.subarray(life.indexOf(life[n - 1]!));
}

/** The newest stretch is no higher than some stretch well before it: nothing goes on growing there. */
export function isNoNewHigh({ y }: Tail): boolean {
  const n = y.length;
  const size = Math.max(WINDOW_MIN, Math.floor(WINDOW_SHARE * n));
  const means = windowMeans(y, size);
  const now = means.at(-1)!;
  let [high, low] = [-Infinity, Infinity];
  for (let i = 0; i < means.length; i++) {
    if (i + size <= EARLIER * n) high = Math.max(high, means[i]!);
    if (i >= WARM * n) low = Math.min(low, means[i]!);
  }
  const error = scatterOf(y) * Math.sqrt(2 / size);
  return now - high <= NEW_HIGH * (now - low) - NEW_HIGH_ERRORS * error;
}

/** In the newest stretches growth is clearly slower than what was found, or than what matters. */
export function isFlatTail({ t, y }: Tail, floor: number, found: number): boolean {
  const needed = Math.max(floor, TAIL_SHARE * found);
  return TAILS.some((share) => {
    const from = t.at(-1)! - share * (t.at(-1)! - t[0]!);
    const first = Math.min(
      t.findIndex((at) => at >= from),
      t.length - TAIL_MIN,
    );
    const { slope, error } = lineThrough(t.subarray(first), y.subarray(first));
    return slope + TAIL_ERRORS * error < needed;
  });
}

function windowMeans(y: Float64Array, size: number): Float64Array {
  const means = new Float64Array(y.length - size + 1);
  for (let i = 0; i < means.length; i++) {
    let sum = 0;
    for (let j = i; j < i + size; j++) sum += y[j]!;
    means[i] = sum / size;
  }
  return means;
}

/** With the error widened by the correlation of the residuals. */
function lineThrough(t: Float64Array, y: Float64Array): { slope: number; error: number } {
  const n = t.length;
  const [mt, my] = [meanOf(t), meanOf(y)];
  let [tt, ty] = [0, 0];
  for (let i = 0; i < n; i++) {
    tt += (t[i]! - mt) ** 2;
    ty += (t[i]! - mt) * (y[i]! - my);
  }
  const slope = ty / tt;
  let [rr, r1, before] = [0, 0, 0];
  for (let i = 0; i < n; i++) {
    const rest = y[i]! - my - slope * (t[i]! - mt);
    rr += rest ** 2;
    r1 += rest * before;
    before = rest;
  }
  const a = Math.max(0, Math.min(CORRELATION_MAX, (rr > 0 ? r1 / rr : 0) + CORRELATION_HIDDEN / n));
  return { slope, error: Math.sqrt((rr / (n - 2) / tt) * ((1 + a) / (1 - a))) };
}

function meanOf(list: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < list.length; i++) sum += list[i]!;
  return sum / list.length;
}
