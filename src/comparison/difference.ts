/**
 * The difference of two runs over their steady parts, with what is known of it. Both are laid over each other and subtracted: what both do at
 * the same time after the start (a cache that fills, a cycle of the load) is no difference, and what is left is a level, a trend and noise.
 * Noise of neighbours is alike, so that an hour of it is worth less than its points: the level and the trend are those of a regression with
 * AR(1) noise, over all the correlations that fit (the same as in the slope of one run).
 */
import { PHIS, PRIORS } from '../analysis/gls.ts';
import { Mixture } from '../analysis/mixture.ts';

/** Fewer points say nothing of the correlation of their noise. */
export const POINTS_MIN = 8;
export const POINTS_MAX = 48;

/** Differences at even times; NaN where one of the runs has nothing. */
export interface Differences {
  /** Hours from the middle. */
  readonly x: Float64Array;
  readonly y: Float64Array;
}

export interface Fitted {
  /** At the middle of the common time. */
  readonly level: Mixture;
  /** Per hour. */
  readonly slope: Mixture;
}

/**
 * Noise slower than this cannot be told from a difference between the runs, for which there is `between`: of a level, neighbours that are more
 * alike are not believed in. Otherwise no level would ever be certain, because noise that is slow enough explains any.
 */
const LEVEL_PHI_MAX = 0.95;

/** What rounding leaves of no noise at all, as a share of the size of the values. */
const GRAIN = 1e-6;

/**
 * @param size of the values that were subtracted: differences far below it are rounding
 * @param between variance of the level, and of the slope, between runs of one build
 */
export function fitted({ x, y }: Differences, size: number, between: { readonly level: number; readonly slope: number }): Fitted | null {
  const known = Array.from({ length: x.length }, (_, i) => i).filter((i) => !Number.isNaN(y[i]!));
  if (known.length < POINTS_MIN) return null;
  const fits = PHIS.map((phi, i) => fitOf(known, x, y, phi, size, PRIORS[i]!));
  const most = Math.max(...fits.map(({ log }, i) => (PHIS[i]! > LEVEL_PHI_MAX ? -Infinity : log)));
  const parts = (of: 'level' | 'slope') =>
    fits.map((fit, i) => ({
      weight: of === 'level' && PHIS[i]! > LEVEL_PHI_MAX ? 0 : Math.exp(fit.log - most),
      mean: fit[of].mean,
      scale: Math.sqrt(fit[of].variance + between[of]),
      df: known.length - 2,
    }));
  return { level: new Mixture(parts('level')), slope: new Mixture(parts('slope')) };
}

interface Fit {
  readonly level: { readonly mean: number; readonly variance: number };
  readonly slope: { readonly mean: number; readonly variance: number };
  /** ln of how well this correlation explains the differences, for flat priors of level and trend and any size of the noise. */
  readonly log: number;
}

/** Generalised least squares in white coordinates: (e_i - rho e_(i-1)) / sqrt(1 - rho^2) with rho = phi^gap, the first point as it is. */
function fitOf(known: readonly number[], x: Float64Array, y: Float64Array, phi: number, size: number, prior: number): Fit {
  let [s1, sx, sxx, sy, sxy, syy, logDet] = [0, 0, 0, 0, 0, 0, 0];
  known.forEach((i, k) => {
    const rho = k === 0 ? 0 : phi ** (i - known[k - 1]!);
    const scale = 1 / Math.sqrt(1 - rho * rho);
    const before = k === 0 ? i : known[k - 1]!;
    const white = (value: number, last: number): number => (value - rho * last) * scale;
    const [one, wx, wy] = [white(1, 1), white(x[i]!, x[before]!), white(y[i]!, y[before]!)];
    // The first point has rho 0, so that what stands before it does not count.
    s1 += one * one;
    sx += one * wx;
    sxx += wx * wx;
    sy += one * wy;
    sxy += wx * wy;
    syy += wy * wy;
    logDet += Math.log(1 - rho * rho);
  });
  const n = known.length;
  const det = s1 * sxx - sx * sx;
  const level = (sxx * sy - sx * sxy) / det;
  const slope = (s1 * sxy - sx * sy) / det;
  const rest = Math.max(0, syy - level * sy - slope * sxy) + n * (GRAIN * size) ** 2;
  const variance = rest / (n - 2);
  return {
    level: { mean: level, variance: (variance * sxx) / det },
    slope: { mean: slope, variance: (variance * s1) / det },
    log: Math.log(prior) - 0.5 * (Math.log(det) + logDet) - ((n - 2) / 2) * Math.log(rest),
  };
}
