/**
 * Growth that is judged by its floor: of what comes and goes, the least there was within each window. What is only busy, or held for
 * long and given back, is not in a floor; what is lost stays in it. For counts that are zero in a sound program (stuck connections).
 */
import { paced, POOL_WINDOW_S } from '../pace.ts';
import { formatDuration } from '../quantity.ts';
import { seriesLabel } from '../series.ts';
import type { Bins } from '../store.ts';
import { regraded } from './grades.ts';
import type { AnalysisInput, Outcome, SeriesInput, SeriesJudgement } from './judgement.ts';
import { clockTime } from './sentence.ts';

/** Contracts: so much more than at first fails a run. */
const RISE = 3;

/** Windows at the end in which the floor must not fall. */
const KEPT = 3;

/** The first window of a life may lack so much of its time: a target is found a moment after the run begins. Its floor is no start of a rise. */
const LACKING = 0.25;

/** A floor of one for so long is worth a word. */
const WARN_S = { trial: 60, soak: 600 } as const;

const HOUR = 3600;

export interface Window {
  readonly from: number;
  readonly to: number;
  readonly floor: number;
}

/** What a series did between two restarts. */
export interface Life {
  /** The complete ones that have samples, counted back from the end; the first may lack a little at its beginning. */
  readonly windows: readonly Window[];
  /** The largest rise for good within the time of one window, from the second window on. */
  readonly step: number;
}

export function lifeOf(bins: Bins, seconds: number, from: number, until: number): Life {
  const size = Math.max(1, Math.ceil(seconds / bins.width));
  const windows: Window[] = [];
  const start = Math.ceil(from / bins.width);
  for (let end = Math.floor(until / bins.width); end - start >= (1 - LACKING) * size; end -= size) {
    const begin = Math.max(start, end - size);
    const floor = Math.min(...minimaOf(bins, begin, end));
    if (floor < Infinity) windows.unshift({ from: begin * bins.width, to: end * bins.width, floor });
  }
  const [, first] = windows;
  if (first === undefined) return { windows, step: 0 };
  const minima = minimaOf(bins, Math.round(first.from / bins.width), Math.round(windows.at(-1)!.to / bins.width));
  // What is still there at the end, at each time: it never falls.
  for (let i = minima.length - 2; i >= 0; i--) minima[i] = Math.min(minima[i]!, minima[i + 1]!);
  // One bin more than a window, because what happens at once may fall into two of them.
  const rises = minima.map((value, i) => minima[Math.min(minima.length - 1, i + size + 1)]! - value);
  return { windows, step: Math.max(0, ...rises.filter((rise) => rise < Infinity)) };
}

/** Of the bins of these slots that have samples. */
function minimaOf({ first, length, count, min }: Bins, from: number, to: number): number[] {
  const minima: number[] = [];
  for (let i = Math.max(0, from - first); i < Math.min(length, to - first); i++) if (count[i]! > 0) minima.push(min[i]!);
  return minima;
}

/** From the last window as low as at first to the first one as high as at the end. */
export interface Rise {
  readonly from: Window;
  readonly to: Window;
  readonly by: number;
  /** It was still going on in the last windows. */
  readonly goesOn: boolean;
}

/**
 * The rise from the second window of a life to its last. In the first one, what the program opened beforehand has not yet been left alone
 * for long enough to look lost. A rise in one step is no leak either: a pool that was refilled after a burst keeps what it does not need.
 */
export function riseOf({ windows, step }: Life, least = RISE): Rise | null {
  const [, first, ...later] = windows;
  const kept = windows.slice(-KEPT);
  const last = later.at(-1);
  if (first === undefined || last === undefined || windows.length < KEPT + 1) return null;
  const by = last.floor - first.floor;
  const falls = kept.some((window, i) => i > 0 && window.floor < kept[i - 1]!.floor);
  if (falls || by < least || by <= step) return null;
  const from = windows.findLast(({ floor }) => floor <= first.floor)!;
  const to = later[later.findLastIndex(({ floor }) => floor < last.floor) + 1]!;
  return { from, to, by, goesOn: kept.includes(to) };
}

export function judgeFloor(one: SeriesInput, input: AnalysisInput, until: number): SeriesJudgement {
  const { series, gate, bins, noPass } = one;
  const limit = one.limits.at(-1) ?? null;
  const lives = livesOf(one, input, until);
  const { windows } = lives.at(-1)!;
  const rise = lives.map((life) => riseOf(life)).findLast((found) => found !== null) ?? null;
  const lasting = rise === null && lastsFor(windows) >= paced(input.plannedEnd, WARN_S);
  const known = windows.length > KEPT;
  const outcome: Outcome = rise !== null ? 'fail' : !known || lasting || noPass !== null ? 'inconclusive' : 'pass';
  const grade = rise !== null ? 'confirmed' : lasting ? 'suspected' : one.book.grade === 'none' ? 'none' : 'retracted';
  const book = regraded(one.book, grade, input.now);
  return {
    series,
    gate,
    outcome,
    grade: book.grade,
    shape: rise === null ? (known ? 'flat' : null) : 'steps',
    level: bins.length === 0 ? null : (windows.at(-1)?.floor ?? one.value),
    limit: limit && { value: limit.value, from: limit.from },
    floorPerHour: null,
    slope: null,
    floorRise: rise && ratesOf(rise),
    perRequest: null,
    onset: rise && { at: rise.from.to, lo: rise.from.from, hi: rise.to.to },
    exhaustion: rise?.goesOn && limit ? exhaustionOf(rise, limit.value) : null,
    smallestDetectablePerHour: null,
    hoursToSettle: null,
    why: whyOf(one, windows, rise, lasting),
    judged: windows.length === 0 ? null : { from: windows[0]!.from, to: windows.at(-1)!.to },
    examined: false,
    noise: null,
    book,
  };
}

/** The last one last, even if it has no window yet. */
function livesOf({ bins, lives }: SeriesInput, { plannedEnd }: AnalysisInput, until: number): Life[] {
  const starts = [0, ...lives.filter((start) => start > 0 && start < until)];
  const seconds = paced(plannedEnd, POOL_WINDOW_S);
  return starts.map((start, i) => lifeOf(bins, seconds, start, starts[i + 1] ?? until));
}

/** Seconds up to the end in which the floor was never zero. */
function lastsFor(windows: readonly Window[]): number {
  const since = windows.findLastIndex(({ floor }) => floor < 1) + 1;
  return since === windows.length ? 0 : windows.at(-1)!.to - windows[since]!.from;
}

/** Losses are independent of each other: their number is known to two times its square root, of which this is the share. */
const scatterOf = ({ by }: Rise): number => 2 / Math.sqrt(by);

function ratesOf(rise: Rise): SeriesJudgement['floorRise'] {
  const perHour = rise.by / ((rise.to.to - rise.from.to) / HOUR);
  return { lo: perHour * Math.max(0, 1 - scatterOf(rise)), hi: perHour * (1 + scatterOf(rise)) };
}

function exhaustionOf(rise: Rise, limit: number): SeriesJudgement['exhaustion'] {
  const { from, to, by } = rise;
  const room = Math.max(0, limit - to.floor) * ((to.to - from.to) / by);
  const scatter = scatterOf(rise);
  return { at: to.to + room, lo: to.to + room / (1 + scatter), hi: scatter < 1 ? to.to + room / (1 - scatter) : null };
}

function whyOf({ series, noPass }: SeriesInput, windows: readonly Window[], rise: Rise | null, lasting: boolean): string {
  const name = seriesLabel(series);
  const last = windows.at(-1);
  if (last === undefined) return `${name} was not seen for long enough to have a floor${noPass === null ? '' : `; ${noPass}`}`;
  const each = formatDuration(last.to - last.from);
  if (rise !== null) {
    const hours = (rise.to.to - rise.from.to) / HOUR;
    const rate = `${Number((rise.by / hours).toPrecision(3))}/h`;
    return `${name}: the least within each ${each} rose from ${rise.from.floor} at ${clockTime(rise.from.to)} to ${rise.to.floor} at ${clockTime(rise.to.to)} (${rate}) and did not fall again`;
  }
  if (lasting) {
    const seconds = lastsFor(windows);
    const least = Math.min(...windows.filter(({ to }) => to > last.to - seconds).map(({ floor }) => floor));
    return `${name} was never below ${least} for ${formatDuration(seconds)}, but its floor does not rise`;
  }
  const open = windows.length > KEPT ? 'its floor does not rise' : `too few windows of ${each} yet`;
  return `${name} is ${last.floor} at least; ${noPass ?? open}`;
}
