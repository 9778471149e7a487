/** The whitened coordinates and the formula of the slope's variance against generalised least squares with the full covariance matrix. */
import { describe, expect, test } from 'vitest';
import { fitAll } from '../../../src/analysis/fit.ts';
import { Covariates, dot, PHIS, type Points, Whitened } from '../../../src/analysis/gls.ts';
import { slopeVariance } from '../../../src/analysis/power.ts';
import { ALL_SHAPES, columnOf, LOAD_SHAPES } from '../../../src/analysis/shapes.ts';
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

/** Work at a pace of its own. */
function withWork(points: Points): Points {
  const { x } = lifeTimes(points);
  return { ...points, work: x.map((at) => at ** 1.7) };
}

function lifeTimes({ t, life }: Points): { x: Float64Array; span: number } {
  const since = t.map((at, i) => at - t[life.indexOf(life[i]!)]!);
  const span = Math.max(...since);
  return { x: since.map((at) => at / span), span };
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
      const beside = new Covariates(points, frame);
      frame.project(t, 0, x);
      frame.project(y, 0, z);
      for (const projected of [x, z]) beside.remove(projected);
      const [xx, yy] = [dot(x, 0, x, 0, n), dot(z, 0, z, 0, n)];
      const dual = new Float64Array(n);
      frame.dual(z, dual);
      const xy = dot(t, 0, dual, 0, n);
      near(xy, dot(x, 0, z, 0, n));
      const columns = [t, ...levelsOf(points), ...points.covariates];
      const { beta, unit, rest } = gls(columns, y, covariance(t, points.life, points.step, phi));
      near(xy / xx, beta[0]!);
      near(1 / xx, unit[0]![0]!);
      near(yy - (xy * xy) / xx, rest, 1e-7);
    }
  });

  test.each([0, 1, 2])('slopes at the end of shapes of one and two columns, beside %i covariates', (covariates) => {
    const points = withWork(drawn(new Random(`shapes/${lives}/${phi}`), lives, covariates));
    for (const shapes of [ALL_SHAPES, LOAD_SHAPES]) {
      const fits = fitAll(points, shapes, 0, false)!;
      const { x, span } = lifeTimes(points);
      const at = PHIS.findIndex((one) => one === phi) * shapes.length;
      const weights = covariance(points.t, points.life, points.step, phi);
      for (const [s, { a, b, ea, eb, bounded }] of shapes.entries()) {
        const own = [a, b].filter((index) => index >= 0).map((index) => columnOf(index, x, points.work));
        if (bounded || own.length === 0 || !Number.isFinite(fits.unit[at + s]!)) continue;
        const { beta, unit } = gls([...own, ...levelsOf(points), ...points.covariates], points.y, weights);
        const ends = [ea, eb].slice(0, own.length);
        const variance = ends.reduce((sum, e, i) => ends.reduce((part, f, j) => part + e * f * unit[i]![j]!, sum), 0);
        near(fits.span, span);
        near(
          fits.end[at + s]!,
          ends.reduce((sum, e, i) => sum + e * beta[i]!, 0),
          1e-6,
        );
        near(fits.unit[at + s]!, variance, 1e-6);
      }
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
