/** Cycles that no load explains: sawtooths of a collector, timers, working hours. */
import type { Cells } from './cells.ts';
import { Room } from './room.ts';
import { median, quantileOf, scatterOf } from './stats.ts';

/** A cycle is believed when the series repeats itself this well; a clear one is preferred to a shorter one. */
const REPEATS = 0.5;
const REPEATS_CLEARLY = 0.7;

/** Bins: shorter cycles are averaged out by the bins and blocks. */
const LAG_MIN = 4;

/** Cycles are looked for up to this share of what was seen: two of them, nearly. */
const LAG_SHARE = 0.52;

/** Share of the bins that may be missing. */
const HOLES = 0.05;

/** Bins between which a drop happens. */
const DROP_BINS = 2;

/** A drop is a fall by this share of the range, where the range is this many times the usual step: so many bins a tooth has. */
const DROP_SHARE = 0.35;
const DROP_CLEAR = 3;
const DROPS_MIN = 5;

/** Scatter of what is left after drops, as a share of the drops. Noise drops, too, but not to one level: the less the more often it does. */
const DROP_SCATTER = { long: 0.25, short: 0.08 } as const;
/** Usual steps in the range of a long tooth. */
const LONG_TOOTH = 6;

const REST = new Room();
const CORRELATIONS = new Room();
const STEPS = new Room();

/** Few sizes of room. */
function roundedUp(size: number): number {
  return Math.ceil(size / 32) * 32;
}

/** Length of the cycle in bins, or null. One life, nearly without holes. */
export function periodOf(cells: Cells): number | null {
  const { n, index } = cells;
  if (n < 4 * LAG_MIN) return null;
  const length = index[n - 1]! - index[0]! + 1;
  if (length - n > HOLES * length) return null;
  const rest = detrended(cells, length);
  const most = Math.floor(LAG_SHARE * length);
  const r = correlations(rest, length, most + 2);
  if (!(r[0]! > 0)) return null;
  let first = 1;
  while (first < most && r[first]! >= 0) first++;
  let found: number | null = null;
  for (let k = Math.max(LAG_MIN, first); k <= most; k++) {
    if (r[k]! < r[k - 1]! || r[k]! < r[k + 1]! || r[k]! < REPEATS * r[0]!) continue;
    found ??= k;
    if (r[k]! >= REPEATS_CLEARLY * r[0]!) {
      found = k;
      break;
    }
  }
  return found === null ? null : found + vertex(r[found - 1]!, r[found]!, r[found + 1]!);
}

/** Holes are 0: they say nothing. */
function detrended({ n, index, mean }: Cells, length: number): Float64Array {
  const rest = REST.of(roundedUp(length)).fill(0);
  let [x, y, xx, xy] = [0, 0, 0, 0];
  for (let i = 0; i < n; i++) {
    x += index[i]!;
    y += mean[i]!;
  }
  x /= n;
  y /= n;
  for (let i = 0; i < n; i++) {
    xx += (index[i]! - x) ** 2;
    xy += (index[i]! - x) * (mean[i]! - y);
  }
  for (let i = 0; i < n; i++) rest[index[i]! - index[0]!] = mean[i]! - y - (xy / xx) * (index[i]! - x);
  return rest;
}

/** Mean products of the values with those that lie 0, 1 .. lags before: four sums at a time, because each waits for its last addition. */
function correlations(values: Float64Array, length: number, count: number): Float64Array {
  const r = CORRELATIONS.of(roundedUp(count));
  let k = 0;
  for (; k + 4 <= count; k += 4) {
    const begin = Math.min(length, k + 3);
    let p = product(values, k, begin);
    let q = product(values, k + 1, begin);
    let s = product(values, k + 2, begin);
    let t = 0;
    for (let i = begin; i < length; i++) {
      const value = values[i]!;
      p += value * values[i - k]!;
      q += value * values[i - k - 1]!;
      s += value * values[i - k - 2]!;
      t += value * values[i - k - 3]!;
    }
    r[k] = p / (length - k);
    r[k + 1] = q / (length - k - 1);
    r[k + 2] = s / (length - k - 2);
    r[k + 3] = t / (length - k - 3);
  }
  for (; k < count; k++) r[k] = product(values, k, length) / (length - k);
  return r;
}

function product(values: Float64Array, lag: number, end: number): number {
  let sum = 0;
  for (let i = lag; i < end; i++) sum += values[i]! * values[i - lag]!;
  return sum;
}

/** Where the parabola through three values at -1, 0, 1 is highest. */
function vertex(left: number, middle: number, right: number): number {
  const bend = left - 2 * middle + right;
  return bend < 0 ? Math.max(-0.5, Math.min(0.5, (left - right) / (2 * bend))) : 0;
}

export interface Low {
  readonly n: number;
  readonly t: Float64Array;
  readonly y: Float64Array;
  /** Standard deviation of one point. */
  readonly scatter: number;
}

/** The lowest values after clear drops of a sawtooth; null when there is none. */
export function lowsOf(cells: Cells): Low | null {
  const { n, from, to, mean, min, index } = cells;
  if (n < 3 * DROPS_MIN) return null;
  const step = usualStep(cells);
  const clear = DROP_CLEAR * step;
  const values = mean.subarray(0, n);
  if (!(extentOf(values) > clear)) return null; // spares the quantiles of what is only noise
  const range = quantileOf(values, 0.95) - quantileOf(values, 0.05);
  if (!(range > clear)) return null;
  const [t, y, drops]: [number[], number[], number[]] = [[], [], []];
  let last = 0;
  for (let i = DROP_BINS; i < n; i++) {
    if (index[i]! - index[i - DROP_BINS]! > DROP_BINS + 1 || i - last <= DROP_BINS || min[i]! > min[i - 1]!) continue;
    const drop = mean[i - DROP_BINS]! - Math.min(min[i]!, min[i - 1]!);
    if (!(drop > DROP_SHARE * range)) continue;
    let lowest = Math.max(i - 1, last + 1);
    for (let j = i; j < Math.min(n, i + 3); j++) if (min[j]! < min[lowest]!) lowest = j;
    // What is lowest at the end may fall further.
    if (lowest === n - 1) break;
    last = lowest;
    t.push((from[lowest]! + to[lowest]!) / 2);
    y.push(min[lowest]!);
    drops.push(drop);
  }
  if (t.length < DROPS_MIN || t.length >= n / DROP_CLEAR) return null;
  const low = { n: t.length, t: Float64Array.from(t), y: Float64Array.from(y) };
  const scatter = scatterOf(low.y);
  const most = range > LONG_TOOTH * step ? DROP_SCATTER.long : DROP_SCATTER.short;
  return scatter < most * median(drops) ? { ...low, scatter } : null;
}

function usualStep({ n, mean }: Cells): number {
  const steps = STEPS.of(roundedUp(n));
  for (let i = 1; i < n; i++) steps[i - 1] = Math.abs(mean[i]! - mean[i - 1]!);
  return median(steps.subarray(0, n - 1));
}

function extentOf(values: Float64Array): number {
  let [low, high] = [Infinity, -Infinity];
  for (let i = 0; i < values.length; i++) {
    if (values[i]! < low) low = values[i]!;
    if (values[i]! > high) high = values[i]!;
  }
  return high - low;
}

export interface Windows {
  readonly t: Float64Array;
  readonly y: Float64Array;
}

/** Means over windows of this many bins, each `step` bins after the one before, aligned to the end. */
export function windowMeans({ n, index, mean, from, to }: Cells, bins: number, step: number): Windows {
  const first = index[0]!;
  const length = index[n - 1]! - first + 1;
  const width = (to[n - 1]! - from[0]!) / length;
  const sums = new Float64Array(length + 1);
  const counts = new Float64Array(length + 1);
  for (let i = 0, u = 0; i < length; i++) {
    const has = index[u]! - first === i;
    sums[i + 1] = sums[i]! + (has ? mean[u]! : 0);
    counts[i + 1] = counts[i]! + (has ? 1 : 0);
    if (has) u++;
  }
  const at = (list: Float64Array, x: number): number => {
    const i = Math.min(length - 1, Math.floor(x));
    return list[i]! + (x - i) * (list[i + 1]! - list[i]!);
  };
  const [t, y]: [number[], number[]] = [[], []];
  for (let end = length; end - bins > -1e-9; end -= step) {
    const begin = Math.max(0, end - bins);
    t.push(from[0]! + ((begin + end) / 2) * width);
    y.push((at(sums, end) - at(sums, begin)) / (at(counts, end) - at(counts, begin)));
  }
  return { t: Float64Array.from(t.toReversed()), y: Float64Array.from(y.toReversed()) };
}
