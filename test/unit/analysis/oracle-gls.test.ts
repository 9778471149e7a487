/** The whitened coordinates and the formula of the slope's variance against generalised least squares with the full covariance matrix. */
import { describe, expect, test } from 'vitest';
import { dot, type Points, Whitened } from '../../../src/analysis/gls.ts';
import { slopeVariance } from '../../../src/analysis/power.ts';
import { slopeSd } from '../../../bench/detector/limit.ts';
import { Random } from '../../../bench/detector/random.ts';
import { covariance, gls, inverse, product } from './dense.ts';

function near(actual: number, expected: number, relative = 1e-8): void {
  expect(Math.abs(actual - expected), `${actual} is not ${expected}`).toBeLessThanOrEqual(relative * Math.abs(expected));
}

/** Points at distances of one to four steps, in one to three lives, about a line. */
function drawn(r: Random, lives: number, covariates = 0): Points {
  const n = r.whole(12, 30);
  const step = r.log(0.01, 10);
  const life = Int32Array.from({ length: n }, (_, i) => Math.floor((i * lives) / n));
  let at = 0;
  const t = Float64Array.from({ length: n }, () => (at += step * r.whole(1, 4)));
  const y = Float64Array.from(t, (value, i) => 5 + 3 * life[i]! + 0.2 * value + r.normal());
  const others = Array.from({ length: covariates }, () => Float64Array.from({ length: n }, () => r.normal()));
  return { n, t, life, lives, step, y, covariates: others, work: null };
}

const CASES = [1, 2, 3].flatMap((lives) => [0, 0.3, 0.88, 0.985].map((phi) => [lives, phi] as const));

const levelsOf = ({ lives, life }: Points): number[][] =>
  Array.from({ length: lives }, (_, k) => Array.from(life, (of) => Number(of === k)));

describe.each(CASES)('%i lives, phi %d', (lives, phi) => {
  test.each([0, 1, 2])('slope, its variance and the squares left, beside %i covariates', (covariates) => {
    for (let k = 0; k < 5; k++) {
      const points = drawn(new Random(`gls/${lives}/${phi}/${k}`), lives, covariates);
      const { n, t, y } = points;
      const frame = new Whitened(points, phi);
      const [x, z] = [new Float64Array(n), new Float64Array(n)];
      frame.project(t, 0, x, 0);
      frame.project(y, 0, z, 0);
      const [xx, xy, yy] = [dot(x, 0, x, 0, n), dot(x, 0, z, 0, n), dot(z, 0, z, 0, n)];
      const columns = [t, ...levelsOf(points), ...points.covariates];
      const { beta, unit, rest } = gls(columns, y, covariance(t, points.life, points.step, phi));
      near(xy / xx, beta[0]!);
      near(1 / xx, unit[0]![0]!);
      near(yy - (xy * xy) / xx, rest, 1e-7);
    }
  });

  test('determinants and trace', () => {
    const points = drawn(new Random(`determinant/${lives}/${phi}`), lives);
    const frame = new Whitened(points, phi);
    const { inverse: w, logDet } = inverse(covariance(points.t, points.life, points.step, phi));
    const levels = levelsOf(points);
    expect(frame.logDet).toBeCloseTo(logDet, 8);
    near(
      frame.trace,
      w.reduce((sum, row, i) => sum + row[i]!, 0),
    );
    const information = levels.map((a) => levels.map((b) => product(a, w, b)));
    expect(frame.logLevels).toBeCloseTo(inverse(information).logDet, 8);
  });
});

describe('variance of the slope of n points', () => {
  const dense = (n: number, d: number, phi: number, onset = 0): number => {
    const t = Array.from({ length: n }, (_, i) => i * d);
    const life = t.map(() => 0);
    const columns = [t.map((at) => Math.max(0, at - onset)), t.map(() => 1)];
    return gls(columns, t, covariance(t, life, d, phi)).unit[0]![0]!;
  };

  test.each([
    [5, 0],
    [50, 0],
    [50, 0.6],
    [90, 0.95],
    [60, 0.999],
  ])('%i points, phi %d', (n, phi) => near(slopeVariance(n, 0.25, 4, phi), 4 * dense(n, 0.25, phi), 1e-6));

  test('white noise: 12 sigma^2 / (d^2 n (n^2 - 1))', () => near(slopeVariance(100, 2, 9, 0), (12 * 9) / (4 * 100 * 9999), 1e-12));

  test.each([
    [0, 0],
    [0.5, 0],
    [0, 3],
    [0.5, 3],
    [2, 7.5],
  ])('the limit of the benchmark, correlation time %d h, growing since %d h', (tau, onset) => {
    const phi = tau > 0 ? Math.exp(-0.25 / tau) : 0;
    near(slopeSd({ sd: 3, tau }, 0.25, 50, onset), 3 * Math.sqrt(dense(50, 0.25, phi, onset)), 1e-7);
  });
});
