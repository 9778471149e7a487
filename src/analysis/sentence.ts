/** Judgements in plain sentences: what grows, how fast, since when, to which limit, and what would settle what is open. */
import { formatDuration, formatSize } from '../quantity.ts';
import { seriesLabel } from '../series.ts';
import type { SeriesJudgement } from './judgement.ts';

export const UNKNOWN = 'unknown';

/** A value in the unit of its metric. */
export function inWords(value: number, unit: string): string {
  const size = Math.abs(value);
  const sign = value < 0 ? '-' : '';
  if (unit === 'By') return sign + formatSize(size, ' ');
  if (unit === 's') return sign + (size < 1 ? `${digits(size * 1000)} ms` : `${digits(size)} s`);
  if (unit === '1') return `${digits(value * 100)} %`;
  return digits(value);
}

export function rateInWords(perHour: number, unit: string): string {
  return `${inWords(perHour, unit)}/h`;
}

/** Three significant digits, and of large numbers whole ones. */
function digits(value: number): string {
  return String(Math.abs(value) >= 1000 ? Math.round(value) : Number(value.toPrecision(3)));
}

/** Run time as `hh:mm`, with seconds in the first ten minutes. */
export function clockTime(seconds: number): string {
  const two = (n: number): string => (n < 10 ? '0' : '') + Math.floor(n);
  const text = `${two(seconds / 3600)}:${two((seconds % 3600) / 60)}`;
  return seconds < 600 ? `${text}:${two(seconds % 60)}` : text;
}

type Judged = Omit<SeriesJudgement, 'why'>;

interface Last {
  readonly value: number;
  readonly now: number;
  readonly before: { readonly from: number; readonly to: number } | null;
}

/**
 * @param over the lives that were judged together, as they follow a rate; empty for one
 * @param last its value now, which of what grows is not the level of the last stretch; the run time now; and what it did before it was judged
 */
export function whyOf(j: Judged, noPass: string | null, over: string, last: Last): string {
  const parts = [movement(j, over, last)];
  if (j.grade === 'confirmed' || j.outcome === 'fail') parts.push(reach(j, last.now), likelyCause(j));
  else if (j.grade === 'suspected') parts.push('suspected, not confirmed: it may still be bounded');
  else if (j.grade === 'retracted') parts.push(ended(j));
  if (j.outcome === 'pass') parts.push(tooSlow(j));
  if (j.outcome === 'inconclusive') parts.push(open(j, noPass));
  return parts.filter((part) => part !== '').join('; ');
}

/** What was left out of judging and may matter to people all the same. */
export const MOVED = 'until when it went from';

function movement(j: Judged, over: string, { value, before }: Last): string {
  const name = seriesLabel(j.series);
  if (j.slope === null) return name;
  const { perHour, lo, hi, confidence } = j.slope;
  const interval = `${Math.round(confidence * 100)} %: ${growth(j, lo)} to ${growth(j, hi)}`;
  if (lo > 0) return `${name} grows ${growth(j, perHour)} (${interval}) since ${since(j)}${over}, now ${level(j, value)}`;
  const verb = hi < 0 ? 'falls' : hi < (j.floorPerHour ?? 0) ? 'does not grow' : 'may or may not grow';
  const moved = before === null ? '' : `, ${MOVED} ${level(j, before.from)} to ${level(j, before.to)}`;
  return `${name} ${verb} (${interval}${over}) at ${level(j, j.level ?? NaN)}, judged from ${clockTime(j.judged?.from ?? 0)} on${moved}`;
}

/** What is judged of a counter is how much it counts in a second. */
function level({ series: { def } }: Judged, value: number): string {
  return inWords(value, def.unit) + (def.kind === 'counter' ? '/s' : '');
}

function growth(j: Judged, perHour: number): string {
  return `${level(j, perHour)}/h`;
}

/** What grows from the first judged moment on may have begun before. */
function since(j: Judged): string {
  if (j.onset !== null) return `${clockTime(j.onset.at)} (between ${clockTime(j.onset.lo)} and ${clockTime(j.onset.hi)})`;
  return j.judged === null ? UNKNOWN : `${clockTime(j.judged.from)} or before`;
}

function reach(j: Judged, now: number): string {
  if (j.limit === null) return j.series.def.growth === 'capacity' ? 'its limit is not known' : 'no limit is known';
  const limit = `its limit of ${inWords(j.limit.value, j.series.def.unit)} (${j.limit.from})`;
  if (j.level !== null && j.level >= j.limit.value) return `it has reached ${limit}`;
  if (j.exhaustion === null) return `it does not approach ${limit}`;
  const away = (at: number): string => formatDuration(Math.max(0, at - now));
  const { at, lo, hi } = j.exhaustion;
  return `it reaches ${limit} in ${away(at)} (${away(lo)} to ${hi === null ? 'never' : away(hi)})`;
}

/** What was confirmed and is no more: it has ended, or a collector gave back so much at once that nobody can tell. */
function ended({ slope, floorPerHour }: Judged): string {
  if (slope !== null && slope.lo > 0) return 'it grew faster before';
  return slope !== null && slope.hi >= (floorPerHour ?? Infinity)
    ? 'it grew, and whether it goes on is not known'
    : 'it grew and has stopped';
}

/** The words of the diagnosis table that performance testers use. */
function likelyCause(j: Judged): string {
  if (j.grade !== 'confirmed') return '';
  const alias = j.series.def.alias ?? '';
  if (alias.startsWith('latency')) return 'gradual latency increase: likely a memory leak';
  if (alias === 'errors') return 'increasing errors: likely resource exhaustion';
  return '';
}

function tooSlow(j: Judged): string {
  const { series, floorPerHour, limit, slope } = j;
  if (floorPerHour === null || slope === null) return '';
  const floor = growth(j, floorPerHour);
  if (limit === null) return slope.lo > 0 ? `below the ${floor} that matter` : `growth of ${floor} would have been seen`;
  return `below ${floor}, half of what would reach ${inWords(limit.value, series.def.unit)} (${limit.from}) in the required life`;
}

/** Too slow for a fail, and too fast for a pass. */
function between(j: Judged): string {
  if (j.grade !== 'confirmed' || j.limit === null) return '';
  const half = growth(j, j.floorPerHour ?? NaN);
  return `that is too slow to reach it within the required life, which would fail, and more than ${half}, half of what would, which would pass`;
}

/** Why it is open, and what would settle it. */
function open(j: Judged, noPass: string | null): string {
  if (noPass !== null) return noPass;
  if (j.floorPerHour === null || j.smallestDetectablePerHour === null || j.slope === null) return '';
  if (j.slope.hi < j.floorPerHour) return j.grade === 'none' || j.grade === 'retracted' ? 'but no steady work was seen' : '';
  const settle = j.hoursToSettle === null ? '' : `a run of ${formatDuration(j.hoursToSettle * 3600)} would settle it`;
  if (j.slope.lo > j.floorPerHour) return settle === '' ? between(j) : settle;
  const can = `so far growth below ${growth(j, j.smallestDetectablePerHour)} cannot be told from none, and ${growth(j, j.floorPerHour)} matters`;
  return settle === '' ? can : `${can}; ${settle}`;
}
