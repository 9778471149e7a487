/** Shapes between the positions of the grid: the same figures as by brute force, and what they leave is the noise of the series. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Fits, fitAll } from '../../../src/analysis/fit.ts';
import { PHIS, type Points } from '../../../src/analysis/gls.ts';
import { ALL_SHAPES, drawn } from '../../../src/analysis/shapes.ts';
import { type Slope, slopeOf } from '../../../src/analysis/slope.ts';
import { white } from '../../sim/series.ts';
import { covariance, gls } from './dense.ts';

const N = 40;
const NO_GRAIN = { rounding: 0, arrival: 0 };

/** Forty points over one unit of time, and noise of 1. */
function points(signal: (x: number) => number, seed = 5): Points {
  const noise = white(seed, 1);
  const t = Float64Array.from({ length: N }, (_, i) => i);
  const y = t.map((at) => 100 + signal(at / (N - 1)) + noise(at));
  return { n: N, t, y, life: new Int32Array(N), lives: 1, step: 1, covariates: [], work: null };
}

const fine = (p: Points): Slope => slopeOf(p, N, ALL_SHAPES, NO_GRAIN, 0.1, true)!;
const coarse = (p: Points): Slope => slopeOf(p, N, ALL_SHAPES, NO_GRAIN, 0.1)!;
const width = ({ end }: Slope): number => end.quantile(0.975) - end.quantile(0.025);
const share = ({ shapes, weights }: Slope, kinds: RegExp): number =>
  shapes.reduce((sum, { kind }, s) => sum + (kinds.test(kind) ? weights[s]! : 0), 0);

const STRUCTURES: [string, RegExp, (x: number) => number][] = [
  ['a fill', /fill|knee/, (x) => 500 * Math.min(x, 0.573)],
  ['a warm-up', /settle/, (x) => 500 * (1 - Math.exp(-x / 0.1573))],
  ['a cycle', /wave/, (x) => 150 * Math.cos((2 * Math.PI * x) / 0.5585 + 1)],
];

describe('between the positions of the grid', () => {
  test.each(STRUCTURES)('%s leaves its noise, and not the grid', (_, kinds, signal) => {
    const p = points(signal);
    const slope = fine(p);
    expect(share(slope, kinds)).toBeGreaterThan(0.9);
    expect(width(slope)).toBeLessThan(0.7 * width(coarse(p)));
    // Of what is new in a point: the noise is 1, and what is allowed for as misfit comes on top.
    const innovation = Math.sqrt(slope.noise.reduce((sum, { phi, variance, weight }) => sum + weight * variance * (1 - phi * phi), 0));
    expect(innovation).toBeLessThan(2.5);
    expect(slope.end.quantile(0.025)).toBeLessThan(0);
    expect(slope.end.quantile(0.975)).toBeGreaterThan(0);
    expect(slope.weights.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 9);
  });

  /** What is divided together is what differs by growth alone. */
  test.each([
    ['a fill', (x: number) => 600 * Math.min(x, 0.573)],
    ['a warm-up', (x: number) => 500 * (1 - Math.exp(-x / 0.1573))],
  ])('growth beside %s is not taken for what ends', (_, signal) => {
    const { end, score, goingMean } = fine(points((x) => signal(x) + 0.5 * x * (N - 1)));
    expect(end.quantile(0.975)).toBeGreaterThan(0.5);
    expect(goingMean).toBeGreaterThan(0.3);
    expect(score).toBeGreaterThan(-1);
  });

  test('noise asks for hardly any, and says the same', () => {
    for (let seed = 1; seed <= 10; seed++) {
      const p = points(() => 0, 100 + seed);
      const [near, far] = [fine(p), coarse(p)];
      expect(near.shapes.length).toBeLessThan(ALL_SHAPES.length + 150);
      expect(width(near) / width(far)).toBeGreaterThan(0.9);
      expect(width(near) / width(far)).toBeLessThan(1.1);
    }
  });

  test('what lies there is fitted as by brute force', () => {
    const p = points((x) => 600 * Math.min(x, 0.573) + (x > 0.3 ? 40 : 0));
    const { shapes, end, unit, rest }: Fits = fitAll(p, ALL_SHAPES, 0, true)!;
    const added = shapes.map((shape, s) => ({ shape, s })).filter(({ shape }) => shape.own !== null);
    expect(new Set(added.map(({ shape }) => shape.kind)).size).toBeGreaterThan(1);
    for (const phi of [0, 3, 7]) {
      const v = covariance(p.t, p.life, p.step, PHIS[phi]!);
      for (const { shape, s } of added) {
        const i = phi * shapes.length + s;
        if (shape.bounded || rest[i] === Infinity) continue;
        const own = drawn(
          shape,
          p.t.map((t) => t / (N - 1)),
          null,
        );
        const { beta, unit: covarianceOf } = gls([...own, new Float64Array(N).fill(1)], p.y, v);
        const ends = [shape.ea, shape.eb].slice(0, own.length);
        const slope = ends.reduce((sum, e, c) => sum + e * beta[c]!, 0);
        const variance = ends.reduce((sum, e, c) => ends.reduce((part, f, d) => part + e * f * covarianceOf[c]![d]!, sum), 0);
        expect(Math.abs(end[i]! - slope)).toBeLessThan(1e-6 * Math.abs(slope) + 1e-6);
        expect(unit[i]! / variance).toBeCloseTo(1, 6);
      }
    }
  });

  test('parts share the prior of what they are parts of', () => {
    const fits = fitAll(
      points((x) => 600 * Math.min(x, 0.573)),
      ALL_SHAPES,
      0,
      true,
    )!;
    const kept = fits.shapes.filter(({ kind }, s) => kind === 'fill' && fits.rest[s] !== Infinity);
    expect(kept.some(({ own }) => own !== null)).toBe(true);
    expect(kept.reduce((sum, { siblings }) => sum + 1 / siblings, 0)).toBeCloseTo(1, 9);
  });

  test('every figure is one, whatever the series', () => {
    const any = fc.array(fc.oneof(fc.double({ min: -1e12, max: 1e12, noNaN: true }), fc.constantFrom(0, 7, 1e9)), {
      minLength: 12,
      maxLength: 40,
    });
    fc.assert(
      fc.property(any, (y) => {
        const n = y.length;
        const p = { ...points(() => 0), n, t: Float64Array.from(y, (_, i) => i), y: Float64Array.from(y), life: new Int32Array(n) };
        const { end, score, weights, best } = slopeOf(p, n, ALL_SHAPES, NO_GRAIN, 1, true)!;
        for (const figure of [end.quantile(0.025), end.quantile(0.975), score, ...weights]) expect(Number.isFinite(figure)).toBe(true);
        expect(best).toBeDefined();
      }),
    );
  });
});
