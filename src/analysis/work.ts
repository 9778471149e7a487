/**
 * Proof of work. An idle target has no noise and would pass everything, so steady work must be seen: requests where they are counted,
 * else CPU time, else I/O, else context switches. When the work stops, judging stops there.
 */
import type { Series } from '../series.ts';
import type { Bins } from '../store.ts';
import type { Store } from '../store.ts';
import { median } from './stats.ts';

export interface Work {
  /** What was counted; null when nothing that shows work can be read. */
  readonly signal: string | null;
  /** Work went on for at least half of the time between warm-up and its end. */
  readonly steady: boolean;
  /** Run time at which it stopped; null while it goes on, and when there never was any. */
  readonly stoppedAt: number | null;
  /** Requests per hour while there was work; null when requests are not counted. */
  readonly requestsPerHour: number | null;
}

/** In order of preference; `idle` is the rate per second up to which a target counts as idle. */
const SIGNALS = [
  { name: 'requests', idle: 0 },
  { name: 'process.cpu.time', idle: 0.002 }, // measured: idle Node and Python 0, JVM 0.07 %, Redis 0.1 to 0.15 % of a core
  { name: 'cpu', idle: 0.002 },
  { name: 'process.disk.io', idle: 1000 },
  { name: 'process.context_switches', idle: 25 },
] as const;

/** A window with less than this share of the sustained rate has no work in it. */
const WORK_SHARE = 0.2;

/** A rate is sustained when it is the median of this share of the run: a burst is not what the program does. */
const SUSTAINED_SHARE = 0.05;

/** Share of the time, after warm-up, that must have work in it. */
const STEADY_SHARE = 0.5;

const WARMUP_SHARE = 0.08;

/** Windows in which work is counted: fine enough to place its end, and each long enough for the clock ticks of CPU time. */
const WINDOWS_MAX = 120;
const WINDOW_MIN_S = 3;
const WINDOWS_MIN = 5;

/**
 * Work has stopped when it stayed away so long, and longer than ever before: a pause between batches is not an end. A minute, or a third
 * of a run that is too short for that.
 */
const STOPPED_MIN_S = 60;
const STOPPED_SHORT_SHARE = 1 / 3;
const STOPPED_SHARE = 0.05;
const PAUSE_FACTOR = 1.5;

const HOUR = 3600;

/** @param series those of one target */
export function workOf(series: readonly Series[], store: Store, now: number): Work {
  for (const { name, idle } of SIGNALS) {
    const counted = withoutDoubles(series.filter((s) => (s.def.alias === name || s.def.name === name) && store.bins(s.id).length > 0));
    if (counted.length === 0) continue;
    return judgeRates(ratesOf(counted, store, now), idle, name, now);
  }
  return { signal: null, steady: false, stoppedAt: null, requestsPerHour: null };
}

/** The role's total where there is one, else its members: both would count everything twice. */
function withoutDoubles(series: readonly Series[]): Series[] {
  const totals = series.filter((s) => s.member === null);
  return totals.length > 0 ? totals : [...series];
}

interface Rates {
  readonly from: number;
  readonly width: number;
  /** Per second; NaN where nothing was sampled. */
  readonly rate: Float64Array;
}

function ratesOf(series: readonly Series[], store: Store, now: number): Rates {
  const all = series.map((s) => ({ bins: store.bins(s.id), counter: s.def.kind === 'counter' }));
  const from = Math.min(...all.map(({ bins }) => bins.first * bins.width));
  const finest = Math.max(WINDOW_MIN_S, ...all.map(({ bins }) => bins.width));
  const count = Math.max(1, Math.min(WINDOWS_MAX, Math.floor((now - from) / finest)));
  const width = (now - from) / count;
  const rate = new Float64Array(count).fill(NaN);
  for (const { bins, counter } of all) addRates(rate, bins, counter, from, width);
  return { from, width, rate };
}

/** Spreads each bin over the windows it overlaps. */
function addRates(rate: Float64Array, bins: Bins, counter: boolean, from: number, width: number): void {
  for (let i = 0; i < bins.length; i++) {
    if (bins.count[i] === 0) continue;
    const start = (bins.first + i) * bins.width;
    const perSecond = counter ? bins.sum[i]! / bins.width : bins.sum[i]! / bins.count[i]!;
    const last = Math.min(rate.length - 1, Math.floor((start + bins.width - from) / width));
    for (let w = Math.max(0, Math.floor((start - from) / width)); w <= last; w++) {
      const overlap = Math.min(start + bins.width, from + (w + 1) * width) - Math.max(start, from + w * width);
      if (overlap > 0) rate[w] = (Number.isNaN(rate[w]!) ? 0 : rate[w]!) + (perSecond * overlap) / width;
    }
  }
}

function judgeRates({ from, width, rate }: Rates, idle: number, signal: string, now: number): Work {
  const warm = Math.floor(rate.length * WARMUP_SHARE);
  const level = sustained(rate.subarray(warm));
  const none: Work = { signal, steady: false, stoppedAt: null, requestsPerHour: null };
  if (rate.length < WINDOWS_MIN || !(level > idle)) return none;
  const working = Array.from(rate, (value) => value > Math.max(idle, WORK_SHARE * level));
  const last = working.lastIndexOf(true);
  const judged = Array.from({ length: last + 1 - warm }, (_, i) => warm + i).filter((w) => !Number.isNaN(rate[w]!));
  const share = judged.filter((w) => working[w]).length / judged.length;
  // The last window with work is cut in two by the end of the work unless it is as busy as the others.
  const whole = rate[last]! > 0.8 * level ? last + 1 : last;
  const total = judged.reduce((sum, w) => sum + rate[w]!, 0) / judged.length;
  return {
    signal,
    steady: share >= STEADY_SHARE,
    stoppedAt: hasStopped(working, last, width, now - from) ? from + whole * width : null,
    requestsPerHour: signal === 'requests' ? total * HOUR : null,
  };
}

/** The highest rate that was kept up for a while: what a program does when it works. */
function sustained(rate: Float64Array): number {
  const size = Math.max(1, Math.round(rate.length * SUSTAINED_SHARE));
  const known = new Float64Array(size);
  let highest = 0;
  for (let start = 0; start + size <= rate.length; start++) {
    let n = 0;
    for (let i = start; i < start + size; i++) if (!Number.isNaN(rate[i]!)) known[n++] = rate[i]!;
    // A median above the highest has at least half of its values there.
    if (n > size / 2 && isExceeded(known, n, highest)) highest = median(known.subarray(0, n));
  }
  return highest;
}

/** Whether a median of the first n values may be higher. */
function isExceeded(values: Float64Array, n: number, than: number): boolean {
  let higher = 0;
  for (let i = 0; i < n; i++) if (values[i]! > than) higher++;
  return higher >= n / 2;
}

function hasStopped(working: readonly boolean[], last: number, width: number, span: number): boolean {
  const away = (working.length - 1 - last) * width;
  let pause = 0;
  let longest = 0;
  for (let w = working.indexOf(true); w <= last; w++) {
    pause = working[w] ? 0 : pause + width;
    longest = Math.max(longest, pause);
  }
  return away >= Math.max(Math.min(STOPPED_MIN_S, STOPPED_SHORT_SHARE * span), STOPPED_SHARE * span) && away > PAUSE_FACTOR * longest;
}
