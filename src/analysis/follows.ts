/** What the level of a series follows: the load as it is, or the highest load there has been. Told only where the load went up and down again. */
import type { Kind } from '../catalog.ts';
import type { Bins } from '../store.ts';
import { type Cells, cellsOf, type Cut } from './cells.ts';
import { leastSquares } from './leastsquares.ts';
import type { Curve, LoadCurve } from './loadcurve.ts';

export type Follows = 'load' | 'peak';

/** Fewer cells follow anything. */
const CELLS_MIN = 24;

/** Load is high or low that is this far from its mean, as a share of it. */
const APART = 0.125;
/** Up, down and up again: of a load that changed once or twice, time or a coincidence explains as much. */
const TURNS_MIN = 3;

/** Seconds by which a size may lag behind the load. */
const LAGS = [0, 60, 180, 600, 1800] as const;

/** Of the variance; and what all other explanations leave, in parts of what this one does. */
const EXPLAINED = 0.8;
const EXPLAINED_PEAK = 0.9;
const BETTER = 2;
const BETTER_PEAK = 4;

/** New peaks after the load had been well below the one before, and how long it must have been so in all. */
const RECORDS_MIN = 2;
const BELOW = 0.8;
const BELOW_SHARE = 0.25;

/** Whether the load went up and down often enough for anything to be told apart from time by it. */
export function turns(load: LoadCurve, from: number, to: number): boolean {
  const curve = load.lagged(0);
  const width = (to - from) / 256;
  const means = new Float64Array(256);
  for (let i = 0; i < means.length; i++) means[i] = curve.mean(from + i * width, from + (i + 1) * width);
  return turnsOf(means) >= TURNS_MIN;
}

/** @param from run time from which the series is judged; `cut.until` ends it */
export function followsOf(bins: Bins, kind: Kind, cut: Cut, from: number, load: LoadCurve): Follows | null {
  const cells = cellsOf(bins, kind, cut);
  let begin = cells.n;
  while (begin > 0 && cells.life[begin - 1] === cells.life[cells.n - 1]) begin--;
  const rate = meansOf(cells, begin, load.lagged(0));
  if (rate.length < CELLS_MIN || turnsOf(rate) < TURNS_MIN) return null;
  let first = begin;
  while (first < cells.n && cells.from[first]! < from) first++;
  const judged = rate.subarray(first - begin);
  const tells = judged.length >= CELLS_MIN && turnsOf(judged) >= TURNS_MIN;
  if (tells && followsLoad(new Explanations(cells, first, judged, load))) return 'load';
  // The highest load of a process is that of its own life, and its first rises look like warming up.
  const peaks = highestOf(rate);
  return isSeen(rate, peaks) && followsPeak(new Explanations(cells, begin, rate, load), centred(peaks)) ? 'peak' : null;
}

function followsLoad(by: Explanations): boolean {
  const { column, rest } = by.best();
  if (!(rest <= (1 - EXPLAINED) * by.all) || !by.rises(column)) return false;
  return BETTER * rest <= Math.min(by.rest(by.time()), by.rest(by.work()), by.rest(by.peak()));
}

function followsPeak(by: Explanations, peak: Float64Array): boolean {
  const rest = by.rest(peak);
  if (!(rest <= (1 - EXPLAINED_PEAK) * by.all) || !by.rises(peak)) return false;
  const [time, load] = [by.time(), by.best()];
  if (BETTER_PEAK * rest > Math.min(by.rest(time), load.rest, by.rest(by.work()))) return false;
  return BETTER * rest <= leastSquares([time, load.column], by.y).rest;
}

/** What may explain a series from one of its cells on; all columns are without their means. */
class Explanations {
  readonly y: Float64Array;
  /** Sum of squares that is to be explained. */
  readonly all: number;
  readonly #cells: Cells;
  readonly #first: number;
  readonly #rate: Float64Array;
  readonly #load: LoadCurve;

  /** @param rate the load in each of the cells */
  constructor(cells: Cells, first: number, rate: Float64Array, load: LoadCurve) {
    this.#cells = cells;
    this.#first = first;
    this.#rate = rate;
    this.#load = load;
    this.y = centred(cells.mean.slice(first, cells.n));
    this.all = product(this.y, this.y);
  }

  time(): Float64Array {
    return centred(this.#cells.from.slice(this.#first, this.#cells.n));
  }

  work(): Float64Array {
    let total = 0;
    return centred(this.#rate.map((rate, i) => (total += rate * this.#width(i))));
  }

  peak(): Float64Array {
    return centred(highestOf(this.#rate));
  }

  /** The load with the lag that fits best. */
  best(): { readonly column: Float64Array; readonly rest: number } {
    let [column, rest] = [this.y, Infinity];
    for (const lag of LAGS) {
      const one = centred(meansOf(this.#cells, this.#first, this.#load.lagged(lag)));
      const left = this.rest(one);
      if (left < rest) [column, rest] = [one, left];
    }
    return { column, rest };
  }

  /** What a column leaves of the sum of squares. */
  rest(column: Float64Array): number {
    const size = product(column, column);
    return size > 0 ? this.all - product(column, this.y) ** 2 / size : this.all;
  }

  rises(column: Float64Array): boolean {
    return product(column, this.y) > 0;
  }

  #width(i: number): number {
    const { from, to } = this.#cells;
    return to[this.#first + i]! - from[this.#first + i]!;
  }
}

/** Mean load in each cell. */
function meansOf({ n, from, to }: Cells, first: number, curve: Curve): Float64Array {
  const means = new Float64Array(n - first);
  for (let i = first; i < n; i++) means[i - first] = curve.mean(from[i]!, to[i]!);
  return means;
}

function product(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

function highestOf(rate: Float64Array): Float64Array {
  const highest = rate.slice();
  for (let i = 1; i < highest.length; i++) highest[i] = Math.max(highest[i - 1]!, highest[i]!);
  return highest;
}

/** Several peaks, each higher than those before, and enough time below them to see that the level does not fall with the load. */
function isSeen(rate: Float64Array, peaks: Float64Array): boolean {
  let [records, below] = [0, 0];
  let isBelow = false;
  for (let i = 1; i < rate.length; i++) {
    if (isBelow && peaks[i]! > peaks[i - 1]!) [records, isBelow] = [records + 1, false];
    if (rate[i]! >= BELOW * peaks[i]!) continue;
    isBelow = true;
    below++;
  }
  return records >= RECORDS_MIN && below >= BELOW_SHARE * rate.length;
}

function turnsOf(rate: Float64Array): number {
  const mean = meanOf(rate);
  let [turned, side] = [0, 0];
  for (const value of rate) {
    const now = value > (1 + APART) * mean ? 1 : value < (1 - APART) * mean ? -1 : 0;
    if (now === 0 || now === side) continue;
    if (side !== 0) turned++;
    side = now;
  }
  return turned;
}

function centred(column: Float64Array): Float64Array {
  const mean = meanOf(column);
  const out = new Float64Array(column.length);
  for (let i = 0; i < out.length; i++) out[i] = column[i]! - mean;
  return out;
}

function meanOf(column: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < column.length; i++) sum += column[i]!;
  return sum / column.length;
}
