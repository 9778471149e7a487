/**
 * Where judging begins, and the slope from there: what settles early is left out, and what belongs to the rest is not. A fixed share is
 * assumed to be warm-up until the data say more.
 */
import { leastSquares } from './leastsquares.ts';
import { trendOfLoad } from './loadtrend.ts';
import { ALL_SHAPES, drawn, FEW_SHAPES, isFine, LOAD_SHAPES } from './shapes.ts';
import { type Grain, type Slope, slopeOf } from './slope.ts';
import { scatterOf } from './stats.ts';
import type { Scale, Stream } from './stream.ts';

/** The stream of a series after so many seconds of warm-up; null when nothing is left. */
export type Reading = (warmup: number, scale?: Scale, floors?: boolean) => Stream | null;

/** What growth is compared with, in the units of the stream. */
export interface Subject {
  readonly floor: number;
  readonly grain: Grain;
  readonly limited: boolean;
}

/** A stream, and the warm-up that was left out of it, seconds. */
export interface Begun {
  readonly stream: Stream;
  readonly warmup: number;
}

/** Warm-up assumed before any is found: a share of the first life (research: 8 % costs 9 % of delay). */
const WARMUP_SHARE = 0.08;

/** At the end of a run less is assumed when the start is like what follows: within the noise of neighbours, and of the same stream. */
const STARTUP_SHARE = 0.02;
const ALIKE_POINTS = 6;
const ALIKE_ERRORS = 2;

/** An early transient is cut off when it is this much better (ln odds) than no bend, at most twice, and at most half of the run. */
const WARMUP_LEAD = 3;
const WARMUP_ROUNDS = 2;
const WARMUP_LATEST = 0.5;
const POINTS_AFTER_WARMUP = 16;
/** Growth that slows down by this factor at a knee was a warm-up. */
const WARMUP_SLOWING = 2;

/** Fewer points than this cannot tell all shapes apart. */
export const POINTS_FOR_ALL = 12;

/** What the load explains is known to this share: of its own trend over the run, so much may be growth or not. */
const LOAD_UNSURE = 0.05;

/** Share by which a cycle is stretched to see what that changes. */
const STRETCH = 1e-4;

const HOUR = 3600;

/** @param longest life, seconds */
export function beginningOf(read: Reading, longest: number, given: number | null, final: boolean): Begun | null {
  const usual = read(given ?? WARMUP_SHARE * longest);
  if (usual === null) return null;
  const whole = final && given === null && usual.lives === 1 ? read(STARTUP_SHARE * longest) : null;
  return whole !== null && isAlike(usual, whole)
    ? { stream: whole, warmup: STARTUP_SHARE * longest }
    : { stream: usual, warmup: given ?? WARMUP_SHARE * longest };
}

/** Whether what the whole has before the usual is no different from what comes right after. */
function isAlike(usual: Stream, whole: Stream): boolean {
  if (usual.kind !== whole.kind || usual.logs !== whole.logs || usual.n < 2 * ALIKE_POINTS) return false;
  const head = whole.y.filter((_, i) => whole.t[i]! < usual.t[0]! - whole.step / 2);
  const next = usual.y.subarray(0, ALIKE_POINTS);
  const mean = (list: Float64Array): number => list.reduce((sum, value) => sum + value, 0) / list.length;
  const error = scatterOf(whole.y) * Math.sqrt(1 / head.length + 1 / next.length);
  return head.length > 0 && Math.abs(mean(head) - mean(next)) < ALIKE_ERRORS * error;
}

/** The slope with all shapes that the points can tell apart, after what settles early and beside a cycle of which little was seen. */
export function examined(
  read: Reading,
  begun: Begun,
  subject: Subject,
  search: boolean,
  final: boolean,
): { stream: Stream; slope: Slope | null } {
  let { stream, warmup } = begun;
  let slope = fullSlope(stream, subject, final);
  const rounds = search ? WARMUP_ROUNDS : 0;
  for (let round = 0; slope !== null && round < rounds; round++) {
    const settled = settledAt(slope);
    if (settled === null) break;
    const later = warmup + settled * longestLife(stream) * HOUR + stream.step * HOUR;
    const rest = read(later, stream.logs ? 'log' : 'linear');
    // Of other units (too little above zero is left for logarithms) it could not be compared with the same floor.
    if (rest === null || rest.n < POINTS_AFTER_WARMUP || rest.logs !== stream.logs) break;
    const again = fullSlope(rest, subject, final);
    if (again === null) break;
    [stream, slope, warmup] = [rest, again, later];
  }
  const isCycle = final && slope !== null && isWave(slope) && stream.lives === 1;
  const means = isCycle && stream.kind === 'floor' ? read(warmup, stream.logs ? 'log' : 'linear', false) : stream;
  return (isCycle && means !== null && besideCycle(means, subject)) || { stream, slope };
}

/**
 * A cycle that was seen nearly twice is taken out of everything, as one that was seen twice is: growth beside it is judged, not denied. Of
 * means: the floor of a block is another share of a slow wave on its way up than on its way down.
 */
function besideCycle(means: Stream, subject: Subject): { stream: Stream; slope: Slope } | null {
  const found = fullSlope(means, subject, true);
  if (found === null || !isWave(found)) return null;
  const span = longestLife(means);
  const x = means.t.map((t) => (t - means.t[0]!) / span);
  const wave = drawn(found.best, x, null);
  const stream = { ...means, covariates: [...means.covariates, ...wave, stretchOf(means, found, x, wave)] };
  const slope = fullSlope(stream, subject, true);
  return slope && { stream, slope };
}

/** How the wave that fits would change with its length, which is known to the data only: without it a slow rise is the cycle's own. */
function stretchOf({ n, t, y }: Stream, { best }: Slope, x: Float64Array, wave: readonly Float64Array[]): Float64Array {
  const { coefficients } = leastSquares([new Float64Array(n).fill(1), t, ...wave], y);
  const longer = drawn(
    best,
    x.map((at) => at * (1 + STRETCH)),
    null,
  );
  return x.map((_, i) => longer.reduce((sum, column, c) => sum + (coefficients[c + 2]! * (column[i]! - wave[c]![i]!)) / STRETCH, 0));
}

function isWave({ best, lead }: Slope): boolean {
  return best.kind === 'wave' && lead > WARMUP_LEAD;
}

function fullSlope(stream: Stream, subject: Subject, final: boolean): Slope | null {
  return slopeAbove(stream, shapesFor(stream), subject, final);
}

/** Against the floor, and what the load may have hidden of it or added to it. */
export function slopeAbove(stream: Stream, shapes: typeof ALL_SHAPES, { floor, grain }: Subject, fine = false): Slope | null {
  return slopeOf(stream, stream.hours, shapes, grain, floor + LOAD_UNSURE * Math.abs(trendOfLoad(stream)), fine && isFine(shapes));
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

export function longestLife({ t, life }: Stream): number {
  let [start, longest] = [0, 0];
  for (let i = 0; i < t.length; i++) {
    if (i > 0 && life[i] !== life[i - 1]) start = i;
    longest = Math.max(longest, t[i]! - t[start]!);
  }
  return longest;
}
