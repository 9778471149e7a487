import * as fc from '../../property.ts';
import { describe, expect, test } from 'vitest';
import { dot, PHIS, type Points, Whitened } from '../../../src/analysis/gls.ts';
import { CONFIRM_SCORE } from '../../../src/analysis/grades.ts';
import { Mixture } from '../../../src/analysis/mixture.ts';
import { slopeVariance } from '../../../src/analysis/power.ts';
import { ALL_SHAPES, FEW_SHAPES, LINE_ONLY, type Shape } from '../../../src/analysis/shapes.ts';
import { type Grain, type Slope, slopeOf } from '../../../src/analysis/slope.ts';
import { ar1, type Signal, white } from '../../sim/series.ts';

const NO_GRAIN: Grain = { rounding: 0, arrival: 0 };

function points(y: readonly number[], step = 1): Points {
  const n = y.length;
  return {
    n,
    t: Float64Array.from(y, (_, i) => i * step),
    y: Float64Array.from(y),
    life: new Int32Array(n),
    lives: 1,
    step,
    covariates: [],
    work: null,
  };
}

function fit(p: Points, floor = 0.1, shapes: readonly Shape[] = ALL_SHAPES, grain = NO_GRAIN): Slope {
  const slope = slopeOf(p, p.n * p.step, shapes, grain, floor);
  expect(slope).not.toBeNull();
  return slope!;
}

function drawn(n: number, signal: Signal, slope = 0): number[] {
  return Array.from({ length: n }, (_, i) => 100 + slope * i + signal(i));
}

/** Variance of the slope for noise of marginal variance 1, by the whitened columns themselves. */
function varianceByGls(n: number, phi: number, t = Float64Array.from({ length: n }, (_, i) => i), life = new Int32Array(n)): number {
  const whitened = new Whitened({ n, t, life, lives: life.at(-1)! + 1, step: 1, covariates: [], work: null }, phi);
  const out = new Float64Array(n);
  whitened.project(t, 0, out);
  return 1 / dot(out, 0, out, 0, n);
}

describe('generalised least squares', () => {
  // Inverses of the correlation matrix by NumPy.
  test.each([
    [50, 0, 9.603841536614642e-5],
    [50, 0.6, 0.0003226587077518753],
    [200, 0.95, 3.486876603460332e-5],
    [60, 0.999, 3.29336730240983e-5],
  ])('variance of a slope, n %d, phi %d', (n, phi, expected) => {
    expect(varianceByGls(n, phi)).toBeCloseTo(expected, 13);
    expect(slopeVariance(n, 1, 1, phi)).toBeCloseTo(expected, 13);
  });

  test('gaps and two lives, against a dense solution (NumPy)', () => {
    const t = Float64Array.of(0, 1, 2, 3.5, 4, 7, 8, 9, 12, 13, 15, 15.5, 16, 18);
    const y = Float64Array.of(
      97.594,
      98.327,
      103.855,
      109.311,
      112.608,
      116.429,
      116.742,
      118.346,
      159.846,
      164.804,
      165.318,
      161.95,
      163.925,
      176.2,
    );
    const life = Int32Array.of(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1);
    const n = t.length;
    const whitened = new Whitened({ n, t, life, lives: 2, step: 1, covariates: [], work: null }, 0.75);
    const [x, v] = [new Float64Array(n), new Float64Array(n)];
    whitened.project(t, 0, x);
    whitened.project(y, 0, v);
    const [xx, xy, yy] = [dot(x, 0, x, 0, n), dot(x, 0, v, 0, n), dot(v, 0, v, 0, n)];
    expect(xy / xx).toBeCloseTo(2.4289982397222456, 12);
    expect(1 / xx).toBeCloseTo(0.015034508548345583, 14);
    expect(yy - (xy * xy) / xx).toBeCloseTo(223.60913984733085, 9);
    expect(whitened.logDet).toBeCloseTo(-9.797012808667823, 11);
    expect(whitened.trace).toBeCloseTo(48.601057321057304, 10);
  });
});

describe('a mixture', () => {
  test('of one part is that part', () => {
    const one = new Mixture([{ weight: 3, mean: 10, scale: 2, df: 10 }]);
    expect(one.quantile(0.975)).toBeCloseTo(10 + 2 * 2.228138851986274, 4);
    expect(one.cdf(10)).toBeCloseTo(0.5, 9);
    expect(one.above(10 + 2 * 4.586893858702708)).toBeCloseTo(0.0005, 8);
  });

  test('of two distant parts has its quantiles in the right part', () => {
    const two = new Mixture([
      { weight: 1, mean: 0, scale: 1, df: 30 },
      { weight: 3, mean: 100, scale: 1, df: 30 },
    ]);
    expect(two.quantile(0.1)).toBeLessThan(5);
    expect(two.quantile(0.5)).toBeGreaterThan(95);
    expect(two.cdf(50)).toBeCloseTo(0.25, 6);
  });

  test('without width is a point', () => {
    const sure = new Mixture([{ weight: 1, mean: 4, scale: 0, df: 5 }]);
    expect([sure.cdf(3.9), sure.cdf(4), sure.quantile(0.025)]).toEqual([0, 1, 4]);
  });
});

describe('the slope', () => {
  const noise = fc.array(fc.double({ min: -50, max: 50, noNaN: true }), { minLength: 12, maxLength: 40 });

  test('is never NaN, whatever the series, and every probability is one', () => {
    const any = fc.array(fc.oneof(fc.double({ min: -1e12, max: 1e12, noNaN: true }), fc.constantFrom(0, 7, 1e9)), {
      minLength: 8,
      maxLength: 40,
    });
    fc.assert(
      fc.property(any, fc.constantFrom(0.001, 1, 1e6), (y, floor) => {
        const { end, line, score, lead, noise: parts, weights } = fit(points(y), floor);
        const figures = [end.quantile(0.025), end.quantile(0.5), end.quantile(0.975), line.cdf(floor), end.cdf(floor), score, lead];
        for (const figure of [...figures, ...weights, ...parts.map((part) => part.variance)]) expect(Number.isFinite(figure)).toBe(true);
        expect(end.quantile(0.025)).toBeLessThanOrEqual(end.quantile(0.975));
        expect(weights.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 9);
      }),
    );
  });

  test('does not depend on the level, the unit of the values or the unit of time', () => {
    fc.assert(
      fc.property(noise, fc.integer(), fc.constantFrom(0.001, 1000), fc.constantFrom(1 / 3600, 24), (shape, seed, scale, unit) => {
        const scatter = white(seed, 3);
        const y = shape.map((value) => value + scatter(0));
        const base = fit(points(y), 0.5);
        const shifted = fit(points(y.map((value) => value + 4096)), 0.5);
        const scaled = fit(points(y.map((value) => value * scale)), 0.5 * scale);
        const stretched = fit(points(y, unit), 0.5 / unit);
        const places = [0.025, 0.3, 0.5, 0.9, 0.975].map((p) => base.end.quantile(p));
        for (const [slope, factor] of [
          [shifted, 1],
          [scaled, scale],
          [stretched, 1 / unit],
        ] as const) {
          for (const x of places) expect(Math.abs(slope.end.cdf(x * factor) - base.end.cdf(x))).toBeLessThan(1e-5);
          expect(slope.score).toBeCloseTo(base.score, 3);
        }
      }),
      { numRuns: fc.tries(60) },
    );
  });

  test('more growth never makes growth less likely', () => {
    fc.assert(
      fc.property(noise, fc.double({ min: 0, max: 5, noNaN: true }), fc.double({ min: 0.01, max: 5, noNaN: true }), (y, slope, more) => {
        const grown = (rate: number): Slope => fit(points(y.map((value, i) => value + rate * i)), 0.5, LINE_ONLY);
        expect(grown(slope + more).line.cdf(0.5)).toBeLessThanOrEqual(grown(slope).line.cdf(0.5) + 1e-6);
      }),
    );
  });

  // Below that shapes compete of which none goes on growing, and a steeper line may be the better fill.
  test('and where it is likely, over all shapes, less likely by little, and never where it would be confirmed', () => {
    const slopes = [0, 0.01, 0.02, 0.03, 0.04, 0.06, 0.08, 0.1, 0.13, 0.17, 0.25, 0.4, 0.8];
    for (let seed = 0; seed < fc.tries(120); seed++) {
      for (const phi of [0, 0.8]) {
        const noise = drawn(40, phi === 0 ? white(seed, 1) : ar1(seed, phi, 1));
        const scores = slopes.map((slope) => fit(points(noise.map((value, i) => value + slope * i)), 0.03).score);
        for (const [i, score] of scores.slice(1).entries()) {
          const before = scores[i]!;
          if (before > 0) expect(score, `seed ${seed}, phi ${phi}: ${scores.join(' ')}`).toBeGreaterThan(before - 0.5);
          if (before > CONFIRM_SCORE) expect(score, `seed ${seed}, phi ${phi}: ${scores.join(' ')}`).toBeGreaterThan(CONFIRM_SCORE);
        }
      }
    }
  });

  test('of a series that never moves is zero, within what hides below one step', () => {
    const flat = fit(points(Array.from({ length: 40 }, () => 50)), 0.3, ALL_SHAPES, { rounding: 1 / 12, arrival: 1 });
    expect(flat.end.quantile(0.5)).toBeCloseTo(0, 6);
    // 40 h without one arrival: the rate is below some 3 in 40 h
    expect(flat.end.quantile(0.975)).toBeGreaterThan(2 / 40);
    expect(flat.end.quantile(0.975)).toBeLessThan(5 / 40);
  });

  test('of a rounded series is uncertain by its rounding', () => {
    const flat = fit(points(Array.from({ length: 40 }, () => 50)), 0.3, ALL_SHAPES, { rounding: 1 / 12, arrival: 0 });
    expect(flat.end.quantile(0.975)).toBeGreaterThan(0.005);
  });

  test('does not call growth endless that may as well be settling', () => {
    const settling = drawn(40, white(11, 1)).map((value, i) => value + 100 * (1 - Math.exp(-i / 30)));
    const { end, going, score } = fit(points(settling), 0.3);
    expect(going().quantile(0.025)).toBeGreaterThan(0.3);
    expect(end.quantile(0.025)).toBeLessThan(0.3);
    expect(score).toBeLessThan(0);
  });

  test('tells growth that goes on from growth that ended', () => {
    const level = (f: (i: number) => number): Slope => fit(points(drawn(40, white(3, 1)).map((value, i) => value + f(i))), 0.3);
    expect(level((i) => 2 * i).score).toBeGreaterThan(3);
    expect(level((i) => 60 * (1 - Math.exp(-i / 6))).score).toBeLessThan(-3);
    expect(level((i) => (i >= 20 ? 40 : 0)).score).toBeLessThan(-3);
    expect(level((i) => 3 * Math.min(i, 24)).score).toBeLessThan(-3);
    expect(level((i) => 3 * Math.max(0, i - 20)).score).toBeGreaterThan(3);
    expect(level((i) => 3 * Math.max(0, i - 20)).best.kind).toMatch(/late|knee/);
  });

  test('does not depend on what was fitted before', () => {
    const own = drawn(44, white(9, 1), 0.1);
    const step = 0.1 + 0.2;
    const first = fit(points(own, step)).end.quantile(0.5);
    fit(points(own, step * (1 + 1e-8)));
    for (let n = 20; n < 44; n++) fit(points(own.slice(0, n), 0.7));
    fit(points(own, step * (1 + 1e-8)));
    expect(fit(points(own, step)).end.quantile(0.5)).toBe(first);
  });

  test('needs points', () => {
    expect(slopeOf(points([1, 2, 3, 4]), 4, LINE_ONLY, NO_GRAIN, 1)).toBeNull();
    expect(slopeOf(points([1, 2, 3, 4, 5]), 5, LINE_ONLY, NO_GRAIN, 1)).not.toBeNull();
    expect(slopeOf(points([1, 2, 3, 4, 5]), 5, FEW_SHAPES, NO_GRAIN, 1)).not.toBeNull();
    expect(slopeOf(points([1, 2, 3, 4, 5]), 5, ALL_SHAPES, NO_GRAIN, 1)).toBeNull();
  });

  /**
   * 400 runs: a coverage of 95 % scatters by 1.1 points, so 90 % is more than 4 standard deviations below. Known to fall short: 77 % at
   * a random walk, which 40 points cannot tell from phi 0.9 and a trend.
   */
  test.each([
    ['white noise', (seed: number) => white(seed, 1)],
    ['AR(1) 0.5', (seed: number) => ar1(seed, 0.5, 1)],
    ['AR(1) 0.8', (seed: number) => ar1(seed, 0.8, 1)],
  ])('is in its interval: %s', (_, noiseOf) => {
    let [covered, alarms] = [0, 0];
    for (let seed = 1; seed <= 400; seed++) {
      const { line } = fit(points(drawn(40, noiseOf(seed * 7), 0.05)), 0.05, LINE_ONLY);
      if (line.quantile(0.025) <= 0.05 && 0.05 <= line.quantile(0.975)) covered++;
      if (line.cdf(0.05) < 1.5e-4) alarms++;
    }
    expect(covered / 400).toBeGreaterThan(0.9);
    expect(alarms).toBeLessThanOrEqual(2);
  });
});

test('correlations reach from none to nearly a random walk', () => {
  expect(PHIS[0]).toBe(0);
  expect(PHIS.at(-1)).toBeGreaterThan(0.99);
});

test('what was found of one series stays while others are judged', () => {
  const figures = ({ end, line, going, weights, score }: Slope): unknown => [
    end.quantile(0.025),
    end.quantile(0.975),
    line.cdf(0.2),
    going().quantile(0.5),
    [...weights],
    score,
  ];
  const first = fit(points(drawn(40, ar1(1, 0.5, 1), 0.3)));
  const before = figures(first);
  const second = fit(points(drawn(40, white(2, 3), -1)));
  expect(figures(first)).toEqual(before);
  expect(figures(second)).not.toEqual(before);
});
