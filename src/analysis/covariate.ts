/** What of a series follows the load: with which lag, and whether in proportion. */
import type { Cells } from './cells.ts';
import { leastSquares } from './leastsquares.ts';
import type { Curve, LoadCurve } from './loadcurve.ts';

/** Seconds. */
const LAGS = [0, 40, 90, 180, 360, 900, 1800] as const;
/** What is kept for a while, such as sessions, follows hours later than what a request takes. */
const LATER_LAGS = [...LAGS, 3600, 7200] as const;
/** A lag of more than this share of the judged time is a line in time, or a fill. */
const LATEST = 1 / 3;

/** So often the lag is looked for half as far from the best: what half a step of the list leaves at the edges of stages looks like growth. */
const HALVINGS = 3;

/** A load that varies less than this (standard deviation over mean) explains nothing and cannot be told from a constant. */
const VARIES = 3e-4;

/**
 * ln of the likelihood by which a second lag, or a bend, must explain more than a straight relation: noise that is correlated over ten cells makes
 * a tenth of the cells count.
 */
const EXPLAINS = 4;
const CELLS_A_SAMPLE = 10;

export interface LoadFit {
  /** One value a cell. */
  readonly covariates: readonly Float64Array[];
  /** Work done until a run time. */
  readonly total: (t: number) => number;
}

/** Null when there is no load in the judged part, or it does not vary and no work can be told from time. */
export function loadFitOf(cells: Cells, load: LoadCurve): LoadFit | null {
  const now = load.lagged(0);
  const total = (t: number): number => now.total(t);
  const plain = new Float64Array(cells.n);
  for (let i = 0; i < cells.n; i++) plain[i] = now.mean(cells.from[i]!, cells.to[i]!);
  const mean = plain.reduce((sum, value) => sum + value, 0) / cells.n;
  if (!(mean > 0)) return null;
  const spread = Math.sqrt(plain.reduce((sum, value) => sum + (value / mean - 1) ** 2, 0) / cells.n);
  if (spread < VARIES) return null;
  const y = centred(cells.mean, cells);
  const time = centred(cells.from, cells);
  const column = new Float64Array(cells.n);
  const explained = (...columns: readonly Float64Array[]): Explained => {
    return { columns, rest: leastSquares([time, ...columns.map((each) => centred(each, cells))], y).rest };
  };
  const beside = (...others: readonly Float64Array[]): Follow => {
    const held = [time, ...others.map((each) => centred(each, cells))];
    return (lag, curve) => {
      const rate = new Float64Array(cells.n);
      for (let i = 0; i < cells.n; i++) rate[i] = curve.mean(cells.from[i]!, cells.to[i]!) / mean - 1;
      return { lag, rate, rest: leastSquares([...held, centred(rate, cells, column)], y).rest };
    };
  };
  const one = likeliest(load, LAGS, beside());
  const square = one.rate.map((value) => value * value);
  const latest = LATEST * (cells.to[cells.n - 1]! - cells.from[0]!);
  const lags = LATER_LAGS.filter((lag) => lag <= latest);
  const two = pairOf(load, lags, one, beside);
  const choices = [explained(one.rate, square)];
  // What follows hours later goes up and down as the work that is done does.
  const isWork = (rest: number): boolean => {
    const work = Float64Array.from({ length: cells.n }, (_, i) => now.total(cells.to[i]!));
    return explained(one.rate, work).rest <= rest;
  };
  if (two !== null && !isWork(explained(...two).rest)) choices.push(explained(...two), explained(...two, square));
  return { covariates: simplest(explained(one.rate), choices, cells.n), total };
}

/** ln of the likelihood that is gained when less is left of the squares. */
function gained(less: number, than: number, n: number): number {
  return (n / 2 / CELLS_A_SAMPLE) * Math.log(than / less);
}

interface Explained {
  readonly columns: readonly Float64Array[];
  readonly rest: number;
}

/** Each column more must explain what is left by so much better, and of as many columns those that leave the least. */
function simplest(first: Explained, more: readonly Explained[], n: number): readonly Float64Array[] {
  let known = first;
  for (const count of new Set(more.map(({ columns }) => columns.length))) {
    const next = more.filter(({ columns }) => columns.length === count).reduce(better);
    if (gained(next.rest, known.rest, n) > EXPLAINS * (count - known.columns.length)) known = next;
  }
  return known.columns;
}

type Follow = (lag: number, curve: Curve) => Followed;

/** The load as the series follows it with some lag, and what it leaves of the squares. */
interface Followed {
  readonly lag: number;
  readonly rate: Float64Array;
  readonly rest: number;
}

function better<T extends { readonly rest: number }>(one: T, other: T): T {
  return other.rest < one.rest ? other : one;
}

function likeliest(load: LoadCurve, lags: readonly number[], follow: Follow): Followed {
  const coarse = lags.map((lag) => follow(lag, load.lagged(lag)));
  let best = coarse.reduce(better);
  const at = coarse.indexOf(best);
  let [below, above] = [best.lag - (lags[at - 1] ?? best.lag), (lags[at + 1] ?? best.lag) - best.lag];
  for (let round = 0; round < HALVINGS; round++) {
    [below, above] = [below / 2, above / 2];
    best = [best.lag - below, best.lag + above].map((lag) => follow(lag, load.following(lag))).reduce(better, best);
  }
  return best;
}

/** Part of it follows sooner or later than the rest: what one lag leaves at every change of the load looks like growth. Null where it leaves little. */
function pairOf(
  load: LoadCurve,
  lags: readonly number[],
  one: Followed,
  beside: (...others: readonly Float64Array[]) => Follow,
): Float64Array[] | null {
  const follow = beside(one.rate);
  const rough = lags.map((lag) => follow(lag, load.lagged(lag))).reduce(better);
  if (gained(rough.rest, one.rest, one.rate.length) < EXPLAINS / 2) return null;
  const first = likeliest(load, lags, beside(likeliest(load, lags, follow).rate));
  return [first.rate, likeliest(load, lags, beside(first.rate)).rate];
}

/** The column without the mean of each life. */
function centred(column: Float64Array, { n, life }: Cells, out = new Float64Array(n)): Float64Array {
  for (let start = 0, end = 0; start < n; start = end) {
    let sum = 0;
    for (end = start; end < n && life[end] === life[start]; end++) sum += column[end]!;
    for (let i = start; i < end; i++) out[i] = column[i]! - sum / (end - start);
  }
  return out;
}
