/** Whether a latency is judged by its logarithm or as it is. */
import { leastSquares } from './leastsquares.ts';
import type { Stream } from './stream.ts';

/**
 * ln of the likelihood per point by which a straight line must explain the values better than their logarithms: a tenth of the variance.
 * Below it logarithms are taken, because what scatters in proportion to its size has few large values that a line would follow.
 */
const BETTER = 0.05;

/**
 * A table that is searched from end to end, or a queue that grows by so many an hour, makes answers slower by the same every hour: a line, of
 * which the logarithm bends like something that settles. Both lines are fitted, and the better one says which scale is right.
 * @param logs a stream in logarithms
 */
export function isBetterPlain({ t, y, logs, n }: Stream): boolean {
  if (!logs || n < 8) return false;
  const one = new Float64Array(n).fill(1);
  const inLogs = leastSquares([one, t], y).rest;
  const plain = leastSquares([one, t], y.map(Math.exp)).rest;
  if (!(inLogs > 0) || !(plain > 0)) return false;
  const jacobian = y.reduce((sum, value) => sum + value, 0); // of y = ln z: dz = z dy
  return (n / 2) * Math.log(inLogs) + jacobian - (n / 2) * Math.log(plain) > BETTER * n;
}
