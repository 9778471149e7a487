/**
 * The information limit: how soon, at best, a straight leak can be told from AR(1) noise of known size and correlation. Generalised
 * least squares attains the Cramer-Rao bound; a one-sided test at 1 % has a power of 90 % once slope / sd(slope) reaches K.
 */

/** z(0.99) + z(0.90). */
export const K = 2.326_347_874 + 1.281_551_566;

/** Standard deviation and correlation time in hours (0: white, Infinity: a random walk with `sd` per square root of an hour). */
export interface Noise {
  readonly sd: number;
  readonly tau: number;
}

/**
 * Information on the slope of level + slope x (hours since onset), gathered sample by sample: the squares of the whitened columns, the
 * level taken out. Before onset a sample informs on the level alone.
 */
class Information {
  #level = 0;
  #cross = 0;
  #slope = 0;
  #last = NaN;

  /** @param x hours since onset, 0 before it; the column of the level is 1 */
  add(x: number, rho: number): void {
    const first = Number.isNaN(this.#last);
    const scale = first ? 1 : 1 / Math.sqrt(1 - rho * rho);
    const one = first ? 1 : (1 - rho) * scale;
    const hours = first ? x : (x - rho * this.#last) * scale;
    this.#level += one * one;
    this.#cross += one * hours;
    this.#slope += hours * hours;
    this.#last = x;
  }

  get ofSlope(): number {
    return this.#slope - (this.#cross * this.#cross) / this.#level;
  }
}

/** Variance of the slope of a random walk: only its two ends tell. */
const walkVariance = (noise: Noise, hours: number): number => noise.sd ** 2 / hours;

/** Standard deviation of the best estimate of the slope per hour, of `samples` samples at distance `dt` hours, growing since `onset`. */
export function slopeSd(noise: Noise, dt: number, samples: number, onset = 0): number {
  if (noise.tau === Infinity) return Math.sqrt(walkVariance(noise, dt * (samples - 1) - onset));
  const rho = noise.tau > 0 ? Math.exp(-dt / noise.tau) : 0;
  const information = new Information();
  for (let i = 0; i < samples; i++) information.add(Math.max(0, i * dt - onset), rho);
  return noise.sd / Math.sqrt(information.ofSlope);
}

/** Hours after onset at which growth of `slope` per hour can be seen; null when the run is too short for it. */
export function hoursToSee(slope: number, noise: Noise, dt: number, samples: number, onset = 0): number | null {
  if (noise.tau === Infinity) {
    const hours = (K * noise.sd) ** 2 / slope ** 2;
    return hours <= dt * (samples - 1) - onset ? hours : null;
  }
  const rho = noise.tau > 0 ? Math.exp(-dt / noise.tau) : 0;
  const information = new Information();
  for (let i = 0; i < samples; i++) {
    const since = i * dt - onset;
    information.add(Math.max(0, since), rho);
    if (since > 0 && i > 1 && slope * Math.sqrt(information.ofSlope) >= K * noise.sd) return since;
  }
  return null;
}

/** The z of the slope of values that are noise alone, with the noise known: how much chance made them rise. */
export function trendZ(y: ArrayLike<number>, noise: Noise, dt: number): number {
  const n = y.length;
  if (noise.tau === Infinity) return (y[n - 1]! - y[0]!) / (noise.sd * Math.sqrt(dt * (n - 1)));
  const rho = noise.tau > 0 ? Math.exp(-dt / noise.tau) : 0;
  let [oneOne, oneX, xx, oneY, xy] = [0, 0, 0, 0, 0];
  for (let i = 0; i < n; i++) {
    const scale = i === 0 ? 1 : 1 / Math.sqrt(1 - rho * rho);
    const before = i === 0 ? 0 : rho;
    const one = (1 - before) * scale;
    const x = (i * dt - before * (i - 1) * dt) * scale;
    const value = (y[i]! - (i === 0 ? 0 : rho * y[i - 1]!)) * scale;
    oneOne += one * one;
    oneX += one * x;
    xx += x * x;
    oneY += one * value;
    xy += x * value;
  }
  const information = xx - (oneX * oneX) / oneOne;
  return (xy - (oneX * oneY) / oneOne) / Math.sqrt(information) / noise.sd;
}
