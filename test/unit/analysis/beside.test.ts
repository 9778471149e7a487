/** The upper end of the interval, which a pass needs, of growth beside a step or a ramp. */
import { describe, expect, test } from 'vitest';
import { evidenceOf } from '../../../src/analysis/evidence.ts';
import { fitAll } from '../../../src/analysis/fit.ts';
import { PHIS, type Points } from '../../../src/analysis/gls.ts';
import { ALL_SHAPES } from '../../../src/analysis/shapes.ts';
import { type Slope, slopeOf } from '../../../src/analysis/slope.ts';
import { M } from '../../sim/metrics.ts';
import { HOUR, MB, Simulation } from '../../sim/run.ts';
import { constant, line, type Signal, sum, white } from '../../sim/series.ts';

const N = 44;
const SEEDS = Array.from({ length: 30 }, (_, i) => i + 1);

/** Points over one hour, and noise of 1: a straight line is known to 0.5 an hour. */
function points(signal: (x: number) => number, seed: number): Points {
  const noise = white(seed, 1);
  const t = Float64Array.from({ length: N }, (_, i) => i / (N - 1));
  const y = t.map((at, i) => signal(at) + noise(i));
  return { n: N, t, y, life: new Int32Array(N), lives: 1, step: 1 / (N - 1), covariates: [], work: null };
}

/** Four times what is known of a straight line: a run that can say something. */
const FLOOR = 2;

const judged = (p: Points): Slope => slopeOf(p, 1, ALL_SHAPES, { rounding: 0, arrival: 0 }, FLOOR, true)!;
const passes = (signal: (x: number) => number): number =>
  SEEDS.filter((seed) => {
    const { end, beside } = judged(points(signal, seed));
    return Math.max(end.quantile(0.975), beside?.quantile(0.975) ?? -Infinity) < FLOOR;
  }).length / SEEDS.length;

test('a run does not pass with a leak of three times the floor beside a late step', () => {
  const outcomes = SEEDS.slice(0, 5).map((seed) => {
    const step: Signal = (t) => (t > 14.07 * HOUR ? 170 * MB : 0);
    const memory = { def: M.memory, signal: sum(constant(300 * MB), white(seed, 45 * MB), step, line(3 * 0.9 * MB)) };
    const run = new Simulation({ hours: 24, interval: 60, series: [memory, { def: M.cpu, signal: line(0.05 * HOUR) }] }).run();
    const { outcome, slope } = run.verdict().series.find(({ id }) => id === 'api memory.private')!;
    expect(slope!.lo).toBeLessThan(2.7 * MB);
    return outcome;
  });
  expect(outcomes).not.toContain('pass');
});

describe('what passes', () => {
  test.each([
    ['a step', (x: number) => (x > 0.573 ? 20 : 0)],
    ['a step at another place', (x: number) => (x > 0.69 ? 20 : 0)],
    ['a late step', (x: number) => (x > 0.893 ? 20 : 0)],
    ['a ramp', (x: number) => 20 * Math.min(1, Math.max(0, (x - 0.55) / 0.1))],
  ])('is hardly ever a leak of three times the floor beside %s, and mostly that alone', (_, signal) => {
    expect(passes((x) => signal(x) + 3 * FLOOR * x)).toBeLessThan(0.04);
    expect(passes(signal)).toBeGreaterThan(0.5);
  });

  test('is what is flat, and seldom a leak as large as the floor', () => {
    expect(passes(() => 0)).toBeGreaterThan(0.5);
    expect(passes((x) => FLOOR * x)).toBeLessThan(0.15);
    expect(passes((x) => 2 * FLOOR * x)).toBe(0);
  });
});

test('a line beside a step of the coarser grid is the shape that the list has there', () => {
  const p = points((x) => 3 * x + (x > 0.6 ? 8 : 0), 3);
  const fits = fitAll(p, ALL_SHAPES, 0, true)!;
  const coarse = fitAll(p, ALL_SHAPES, 0, false)!;
  const places = ALL_SHAPES.filter(({ kind }) => kind === 'step' || kind === 'ramp');
  expect(coarse.beside).toEqual([]);
  expect(fits.beside).toHaveLength(places.length * PHIS.length);
  const known = ALL_SHAPES.findIndex(({ kind, at }) => kind === 'line+step' && at === 0.6);
  const mine = places.findIndex(({ kind, at }) => kind === 'step' && at === 0.6);
  PHIS.forEach((_, phi) => {
    const one = fits.beside[mine * PHIS.length + phi]!;
    const i = phi * ALL_SHAPES.length + known;
    expect(one.end).toBeCloseTo(coarse.end[i]!, 6);
    expect(one.unit / coarse.unit[i]!).toBeCloseTo(1, 6);
    expect(one.rest / coarse.rest[i]!).toBeCloseTo(1, 6);
    expect(one.df).toBe(coarse.df[known]);
    expect(one.evidence + Math.log(places[mine]!.siblings)).toBeCloseTo(evidenceOf(coarse, i) + Math.log(ALL_SHAPES[known]!.siblings), 6);
  });
});
