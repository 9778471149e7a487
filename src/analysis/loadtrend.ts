/** What of a series' growth its load explains, and whether that is more than a guess. */
import { leastSquares } from './leastsquares.ts';
import type { Stream } from './stream.ts';

/** A load of which a line in time leaves less than this share of the variance has not varied by itself; of one in eight stages it leaves 0.016. */
const OWN_SHARE = 0.01;

/** Growth per hour, in the stream's units, that follows the load; 0 where none is known. */
export function trendOfLoad({ n, t, y, covariates, work }: Stream): number {
  if (work === null || covariates.length === 0) return 0;
  const one = new Float64Array(n).fill(1);
  const { coefficients } = leastSquares([one, t, ...covariates], y);
  const explained = new Float64Array(n);
  covariates.forEach((covariate, c) => {
    for (let i = 0; i < n; i++) explained[i]! += coefficients[c + 2]! * covariate[i]!;
  });
  return leastSquares([one, t], explained).coefficients[1]!;
}

/** Whether the load has only risen or fallen with the time, so that what follows it cannot be told from growth. */
export function isLoadTime({ n, t, covariates: [load], work, lives }: Stream): boolean {
  if (work === null || load === undefined || lives > 1) return false;
  const one = new Float64Array(n).fill(1);
  return leastSquares([one, t], load).rest < OWN_SHARE * leastSquares([one], load).rest;
}

/** Whether growth may be the load's own: both went with the time, and the series rose by no larger share than the load. */
export function mayFollowLoad(stream: Stream): boolean {
  const { t, y, logs, covariates } = stream;
  const [load] = covariates;
  if (load === undefined || !isLoadTime(stream)) return false;
  const own = riseOf(t, y);
  const rose = logs ? { from: 1, by: Math.expm1(own.by) } : own;
  // The load is told as the share by which it differs from its mean. What begins at nothing has risen by more than any share.
  const loads = riseOf(t, load);
  return rose.by * Math.max(0, 1 + loads.from) <= loads.by * Math.max(0, rose.from);
}

/** Whether what is said to fall beside the load has risen, as the load has with the time: more of it may be said to follow the load than does. */
export function mayHideGrowth(stream: Stream): boolean {
  return isLoadTime(stream) && riseOf(stream.t, stream.y).by > 0;
}

/** A line through it: where it begins, and by how much it has risen at the end. */
function riseOf(t: Float64Array, column: Float64Array): { readonly from: number; readonly by: number } {
  const [level, slope] = leastSquares([new Float64Array(t.length).fill(1), t], column).coefficients;
  return { from: level! + slope! * t[0]!, by: slope! * (t.at(-1)! - t[0]!) };
}
