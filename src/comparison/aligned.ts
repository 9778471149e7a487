/** Runs laid over each other: the same part of each after the beginning of its steady phase, cut into even blocks. */
import { POINTS_MAX, POINTS_MIN } from './difference.ts';
import type { Measured, MeasuredRun } from './measured.ts';

/** Warm-up that is assumed where none is said, as in the judgement of a run. */
const WARMUP_SHARE = 0.08;

/** Means of a run in a block: fewer are no mean of it. */
const CELLS_PER_BLOCK = 2;

/** Seconds after the beginning of the steady phase. */
export interface Common {
  readonly from: number;
  readonly to: number;
}

/** Null when nothing is left of some run. */
export function commonOf(runs: readonly MeasuredRun[]): Common | null {
  const to = Math.min(...runs.map(({ until, steadyFrom }) => until - steadyFrom));
  const from = Math.max(...runs.map(({ warmup, steadyFrom }) => (warmup === null ? WARMUP_SHARE * to : Math.max(0, warmup - steadyFrom))));
  return to > from ? { from, to } : null;
}

export interface Blocks {
  /** Hours from the middle of the common part. */
  readonly x: Float64Array;
  /** By run: a mean for each block, NaN where it has none. */
  readonly values: readonly Float64Array[];
}

/** The signal of each run in the blocks; null when it is too short or too coarse for enough of them. */
export function blocksOf(runs: readonly { readonly run: MeasuredRun; readonly signal: Measured }[], { from, to }: Common): Blocks | null {
  const coarsest = Math.max(...runs.map(({ signal }) => signal.width));
  const count = Math.min(POINTS_MAX, Math.floor((to - from) / (CELLS_PER_BLOCK * coarsest)));
  if (count < POINTS_MIN) return null;
  const length = (to - from) / count;
  const x = Float64Array.from({ length: count }, (_, k) => (length * (k + 0.5 - count / 2)) / 3600);
  const values = runs.map(({ run, signal }) => {
    const [sum, cells] = [new Float64Array(count), new Float64Array(count)];
    signal.means.forEach((mean, i) => {
      const k = Math.floor(((signal.first + i + 0.5) * signal.width - run.steadyFrom - from) / length);
      if (mean === null || k < 0 || k >= count) return;
      sum[k]! += mean;
      cells[k]!++;
    });
    return sum.map((total, k) => (cells[k]! > 0 ? total / cells[k]! : NaN));
  });
  return { x, values };
}
