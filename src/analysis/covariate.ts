/** What of a series follows the load: with which lag, and whether in proportion. */
import type { Cells } from './cells.ts';
import { leastSquares } from './leastsquares.ts';
import type { Curve, LoadCurve } from './loadcurve.ts';

/** Seconds. */
const LAGS = [0, 40, 90, 180, 360, 900, 1800] as const;

/** So often the lag is looked for half as far from the best: what half a step of the list leaves at the edges of stages looks like growth. */
const HALVINGS = 3;

/** A load that varies less than this (standard deviation over mean) explains nothing and cannot be told from a constant. */
const VARIES = 3e-4;

/**
 * ln of the likelihood by which a bend must explain more than a straight relation: noise that is correlated over ten cells makes a tenth
 * of the cells count.
 */
const BENT = 4;
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
  const follow = (lag: number, curve: Curve): Followed => {
    const rate = new Float64Array(cells.n);
    for (let i = 0; i < cells.n; i++) rate[i] = curve.mean(cells.from[i]!, cells.to[i]!) / mean - 1;
    return { lag, rate, rest: leastSquares([time, centred(rate, cells, column)], y).rest };
  };
  const { rate, rest } = likeliest(load, follow);
  const square = rate.map((value) => value * value);
  const gain = (cells.n / 2 / CELLS_A_SAMPLE) * Math.log(rest / leastSquares([time, centred(rate, cells), centred(square, cells)], y).rest);
  return { covariates: gain > BENT ? [rate, square] : [rate], total };
}

/** The load as the series follows it with some lag, and what it leaves of the squares. */
interface Followed {
  readonly lag: number;
  readonly rate: Float64Array;
  readonly rest: number;
}

function likeliest(load: LoadCurve, follow: (lag: number, curve: Curve) => Followed): Followed {
  const better = (one: Followed, other: Followed): Followed => (other.rest < one.rest ? other : one);
  const coarse = LAGS.map((lag) => follow(lag, load.lagged(lag)));
  let best = coarse.reduce(better);
  const at = coarse.indexOf(best);
  let [below, above] = [best.lag - (LAGS[at - 1] ?? best.lag), (LAGS[at + 1] ?? best.lag) - best.lag];
  for (let round = 0; round < HALVINGS; round++) {
    [below, above] = [below / 2, above / 2];
    best = [best.lag - below, best.lag + above].map((lag) => follow(lag, load.following(lag))).reduce(better, best);
  }
  return best;
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
