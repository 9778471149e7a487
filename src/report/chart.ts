/** Histories as they are drawn: the bins of the run state, and what the judgement has laid through them. */
import type { Explanation } from '../analysis/explain.ts';
import type { VerdictSeries } from '../analysis/verdict.ts';
import type { Bins } from '../store.ts';
import type { Span } from '../timeline.ts';
import type { Chart, Fit } from './value.ts';

/** Six digits: a page of memory in half a gigabyte still shows, and a text of 256 of them compresses to 500 bytes. */
const DIGITS = 6;

export function rounded(value: number): number {
  return Number(value.toPrecision(DIGITS));
}

interface Drawn {
  readonly bins: Bins;
  readonly counter: boolean;
  /** Seconds between samples. */
  readonly period: number;
  /** When nobody looked: what a counter counted then comes all at once with the next sample. */
  readonly gaps?: readonly Span[];
}

/** Gauges as they are, counters as increases per second. */
export function chartOf({ bins, counter, period, gaps = [] }: Drawn): Chart {
  const { width, first, length } = bins;
  const column = (value: (i: number) => number | null): (number | null)[] =>
    Array.from({ length }, (_, i) => {
      const one = bins.count[i] === 0 ? null : value(i);
      return one === null ? null : rounded(one);
    });
  const isPlain = counter || column((i) => bins.max[i]! - bins.min[i]!).every((span) => span === null || span === 0);
  return {
    from: first * width,
    step: width,
    mean: counter ? column(perSecond({ bins, period, gaps })) : column((i) => bins.sum[i]! / bins.count[i]!),
    // The increments of a counter come at uneven times: their extremes would show the jitter of the reads.
    min: isPlain ? null : column((i) => bins.min[i]!),
    max: isPlain ? null : column((i) => bins.max[i]!),
  };
}

/**
 * What a bin counts has come since the one before. The first bin and the last one have not had their whole time. In a bin with a gap in it,
 * and in the first one after empty ones, what was counted while nobody looked is not told apart from what came after: that is unknown.
 */
function perSecond({ bins, period, gaps = [] }: Omit<Drawn, 'counter'>): (i: number) => number | null {
  const { width, count, sum, length } = bins;
  const first = count.findIndex((one) => one > 0);
  const isCut = (i: number): boolean => gaps.some(({ from, to }) => from < (bins.first + i + 1) * width && to >= (bins.first + i) * width);
  return (i) => {
    if (isCut(i)) return null;
    if (i === first || i === length - 1) return sum[i]! / Math.min(width, count[i]! * period);
    return count[i - 1] === 0 ? null : sum[i]! / width;
  };
}

/** Points of a fit and of a forecast: a shape bends once, and a screen has some hundred pixels for it. */
const FIT_POINTS = 96;
const FORECAST_POINTS = 2;

/** Of a normal distribution, to both sides. */
const WITHIN_95 = 1.96;

/** A forecast is shown for as long as half of what was judged; later the interval is all there is to see. */
const AHEAD = 0.5;

/** A limit that is reached later than that, but within as long as was judged, is where it ends: the line leads to what the words say. */
const AHEAD_TO_LIMIT = 1;

const HOUR = 3600;

/** @param start of the run in seconds since the epoch, @param seconds from a time of the verdict */
export function fitOf(e: Explanation, judged: VerdictSeries, seconds: (at: string) => number): Fit {
  const every = Math.max(1, Math.ceil(e.t.length / FIT_POINTS));
  const t: number[] = [];
  const y: (number | null)[] = [];
  for (let i = 0; i < e.t.length; i++) {
    const cut = i > 0 && e.life[i] !== e.life[i - 1];
    if (cut) {
      t.push(rounded(e.t[i]!));
      y.push(null);
    }
    if (!cut && i % every !== 0 && i !== e.t.length - 1) continue;
    t.push(rounded(e.t[i]!));
    y.push(rounded(e.fitted[i]!));
  }
  return {
    from: rounded(e.from),
    to: rounded(e.to),
    stream: e.stream,
    points: e.t.length,
    lives: e.lives,
    t,
    y,
    within: rounded(WITHIN_95 * e.noise.deviation),
    shapes: e.shapes.filter(({ weight }) => weight >= 0.01).map(({ kind, weight }) => ({ kind, weight: Number(weight.toPrecision(3)) })),
    bend: e.bend === null ? null : rounded(e.bend),
    onset: judged.onset && {
      at: rounded(seconds(judged.onset.at)),
      lo: rounded(seconds(judged.onset.lo)),
      hi: rounded(seconds(judged.onset.hi)),
    },
    forecast: forecastOf(e, judged, seconds),
  };
}

function forecastOf(
  e: Explanation,
  { slope, limit, exhaustion, outcome, grade }: VerdictSeries,
  seconds: (at: string) => number,
): Fit['forecast'] {
  const last = e.fitted.at(-1);
  if (last === undefined || slope === null || (outcome === 'pass' && grade === 'none')) return null;
  const lineTo = (value: number): number => ((value - last) / slope.perHour) * HOUR;
  const judgedFor = e.to - (e.t[0] ?? e.from);
  const reach = exhaustion === null || limit === null ? Infinity : Math.max(seconds(exhaustion.at) - e.to, lineTo(limit.value));
  const horizon = AHEAD * judgedFor;
  const ahead = reach <= AHEAD_TO_LIMIT * judgedFor ? Math.max(reach, horizon / 4) : horizon;
  const t = Array.from({ length: FORECAST_POINTS }, (_, i) => (ahead * i) / (FORECAST_POINTS - 1));
  const along = (perHour: number): number[] => t.map((seconds) => rounded(last + (perHour * seconds) / HOUR));
  return { t: t.map((s) => rounded(e.to + s)), y: along(slope.perHour), lo: along(slope.lo), hi: along(slope.hi) };
}
