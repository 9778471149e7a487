/** How much work was done in each of a few equal windows of a run. */
import type { Bins, Store } from '../store.ts';
import type { Series } from '../series.ts';
import type { Phase, Span } from '../timeline.ts';

/** Windows in which work is counted: fine enough to place its end, and each long enough for the clock ticks of CPU time. */
const WINDOWS_MAX = 120;
export const WINDOW_MIN_S = 3;
export const WINDOWS_MIN = 5;

/** Rates per second. */
export interface Rates {
  readonly from: number;
  readonly width: number;
  /** NaN where nothing was sampled, and in phases that are not judged. */
  readonly rate: Float64Array;
  /** The first window of the phase that is not judged and in which the run is now; their number when it is in none. */
  readonly judged: number;
}

/** Equal windows over the whole of what is known of some series. */
export interface Grid {
  readonly from: number;
  readonly width: number;
  readonly count: number;
}

/** At least as wide as the widest bins of the series. @param since run time before which nothing counts */
export function gridOf(series: readonly Series[], store: Store, now: number, since = 0): Grid {
  const all = series.map(({ id }) => store.bins(id));
  const from = Math.max(since, Math.min(...all.map(({ first, width }) => first * width)));
  const finest = Math.max(WINDOW_MIN_S, ...all.map(({ width }) => width));
  const count = Math.max(1, Math.min(WINDOWS_MAX, Math.floor((now - from) / finest)));
  return { from, width: (now - from) / count, count };
}

/** Whether anything is known of a series within some time. */
export function isSampled(store: Store, { id }: Series, { from, to }: Span): boolean {
  const { first, width, length, count } = store.bins(id);
  for (let i = 0; i < length; i++) if (count[i]! > 0 && (first + i + 1) * width > from && (first + i) * width < to) return true;
  return false;
}

/**
 * What a counter gained in each bin, to be read only. After bins without a sample it tells at once what it gained meanwhile, which belongs to
 * all of them.
 */
export function increments({ length, count, sum }: Bins): Float64Array {
  if (!count.subarray(0, length).includes(0)) return sum.subarray(0, length);
  const gained = new Float64Array(length);
  for (let i = 0, unknown = 0; i < length; i++) {
    if (count[i] === 0) {
      unknown++;
      continue;
    }
    gained.fill(sum[i]! / (unknown + 1), i - unknown, i + 1);
    unknown = 0;
  }
  return gained;
}

/** The sum over the series in each window: rates of counters, means of gauges; NaN where nothing was sampled. */
export function onGrid({ from, width, count }: Grid, series: readonly Series[], store: Store): Float64Array {
  const rate = new Float64Array(count).fill(NaN);
  for (const { id, def } of series) addRates(rate, store.bins(id), def.kind === 'counter' ? 1 : null, from, width);
  return rate;
}

/** @param less what is taken off: of requests those that failed */
export function ratesOf(series: readonly Series[], less: readonly Series[], store: Store, span: Span, phases: readonly Phase[]): Rates {
  const grid = gridOf(series, store, span.to, span.from);
  const { from, width, count } = grid;
  const rate = onGrid(grid, series, store);
  for (const { id } of less) addRates(rate, store.bins(id), -1, from, width);
  for (let w = 0; w < count; w++) if (rate[w]! < 0) rate[w] = 0;
  return { from, width, rate, judged: leaveOut(rate, phases, from, width) };
}

/**
 * Spreads each bin over the windows it overlaps.
 * @param sign of a counter, 1 or -1; null: a gauge, whose mean is a rate
 */
function addRates(rate: Float64Array, bins: Bins, sign: 1 | -1 | null, from: number, width: number): void {
  const gained = sign === null ? null : increments(bins);
  const told = bins.count.subarray(0, bins.length).findLastIndex((count) => count > 0);
  for (let i = 0; i <= told; i++) {
    if (gained === null && bins.count[i] === 0) continue;
    const start = (bins.first + i) * bins.width;
    const perSecond = gained === null ? bins.sum[i]! / bins.count[i]! : (sign! * gained[i]!) / bins.width;
    const last = Math.min(rate.length - 1, Math.floor((start + bins.width - from) / width));
    for (let w = Math.max(0, Math.floor((start - from) / width)); w <= last; w++) {
      const overlap = Math.min(start + bins.width, from + (w + 1) * width) - Math.max(start, from + w * width);
      if (overlap > 0) rate[w] = (Number.isNaN(rate[w]!) ? 0 : rate[w]!) + (perSecond * overlap) / width;
    }
  }
}

/** A window that is half in a phase that is not judged is left out. */
function leaveOut(rate: Float64Array, phases: readonly Phase[], from: number, width: number): number {
  phases.forEach((phase, i) => {
    if (phase.judged) return;
    const [start, end] = [(phase.from - from) / width, ((phases[i + 1]?.from ?? Infinity) - from) / width];
    for (let w = Math.max(0, Math.round(start)); w < Math.min(rate.length, Math.round(end)); w++) rate[w] = NaN;
  });
  const now = phases.at(-1);
  return now === undefined || now.judged ? rate.length : Math.max(0, Math.min(rate.length, Math.round((now.from - from) / width)));
}
