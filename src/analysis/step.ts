/** A level that stepped up once and stayed there, in windows of a run. */
import { WINDOWS_MIN } from './rates.ts';
import { median } from './stats.ts';

export interface Step {
  /** The first window after it. */
  readonly at: number;
  readonly before: number;
  readonly after: number;
}

/** Against the level before. */
const HIGHER = 1.5;

/** Of the windows at the beginning, which may be a warm-up. */
const WARM = 0.08;

/** What is usual before and after is taken from this share of the windows at either end. */
const ENDS = 0.25;

/** Windows that may be on the other side of the step. */
const STRAY = 0.05;

/** A climb has windows between the levels, a step has hardly any: between a quarter and three quarters of the way, in logarithms. */
const BETWEEN = [0.25, 0.75] as const;

/** Null when it did not rise, came down again, or climbed. */
export function stepOf(values: Float64Array): Step | null {
  const warm = Math.floor(values.length * WARM);
  const size = Math.floor((values.length - warm) * ENDS);
  if (size < WINDOWS_MIN) return null;
  const [before, after] = [usual(values.subarray(warm, warm + size)), usual(values.subarray(values.length - size))];
  if (!(before > 0) || !(after > HIGHER * before)) return null;
  const level = (share: number): number => before * (after / before) ** share;
  const stray = Math.max(1, Math.floor(STRAY * values.length));
  const count = (from: number, to: number, isOne: (value: number) => boolean): number => values.subarray(from, to).filter(isOne).length;
  const at = values.findIndex((value, w) => w >= warm && value > level(0.5) && count(w, values.length, (one) => one < level(0.5)) <= stray);
  if (at === -1 || count(warm, at, (value) => value > level(0.5)) > stray) return null;
  if (count(warm, values.length, (value) => value > level(BETWEEN[0]) && value < level(BETWEEN[1])) > stray) return null;
  return { at, before, after };
}

/** The median of the windows in which anything was sampled; NaN of none. */
export function usual(values: Float64Array): number {
  const known = values.filter((value) => !Number.isNaN(value));
  return known.length === 0 ? NaN : median(known);
}
