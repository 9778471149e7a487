import * as fc from '../../property.ts';
import { describe, expect, test } from 'vitest';
import { cellsOf } from '../../../src/analysis/cells.ts';
import { loadFitOf } from '../../../src/analysis/covariate.ts';
import { leastSquares } from '../../../src/analysis/leastsquares.ts';
import { LoadCurve } from '../../../src/analysis/loadcurve.ts';
import { mayFollowLoad } from '../../../src/analysis/loadtrend.ts';
import { streamOf } from '../../../src/analysis/stream.ts';
import { Bins } from '../../../src/store.ts';
import { type Signal, white } from '../../sim/series.ts';

const HOUR = 3600;
const RUN = 12 * HOUR;
const cut = { lives: [], warmup: 0, phases: [], until: RUN, now: RUN };
const rate: Signal = (t) => 100 + 60 * Math.sin((2 * Math.PI * t) / (4 * HOUR));

function load(of: Signal = rate): Bins {
  const bins = new Bins(60);
  for (let t = 60; t < RUN; t += 60) bins.add(t, of(t) * 60);
  return bins;
}

function series(of: Signal): Bins {
  const bins = new Bins(60);
  for (let t = 0; t < RUN; t += 60) bins.add(t, of(t));
  return bins;
}

describe('the curve of a load', () => {
  test('is the rate, and its integral the work', () => {
    const curve = new LoadCurve(load(), RUN).lagged(0);
    expect(curve.mean(HOUR, 2 * HOUR) / rate(1.5 * HOUR)).toBeCloseTo(1, 1);
    expect(curve.total(RUN) / (100 * RUN)).toBeCloseTo(1, 2);
  });

  test('is the mean rate while it was not read', () => {
    const bins = new Bins(60);
    const seen = (t: number): boolean => t < 4 * HOUR || t >= 6 * HOUR;
    for (let t = 60; t < RUN; t += 60) if (seen(t)) bins.add(t, t === 6 * HOUR ? 100 * (2 * HOUR + 60) : 6000);
    const curve = new LoadCurve(bins, RUN).lagged(0);
    for (let t = 0; t < RUN; t += 600) expect(curve.mean(t, t + 600)).toBeCloseTo(100, -0.5);
  });

  test('lags behind a step by its time constant', () => {
    const step = new LoadCurve(
      load((t) => (t < 6 * HOUR ? 0 : 100)),
      RUN,
    ).lagged(HOUR);
    expect(step.mean(7 * HOUR - 200, 7 * HOUR + 200)).toBeCloseTo(100 * (1 - Math.exp(-1)), -1);
    expect(step.mean(0, 5 * HOUR)).toBeCloseTo(0, 6);
  });
});

describe('what follows the load', () => {
  const fitOf = (of: Signal, l = load()) => loadFitOf(cellsOf(series(of), 'gauge', cut), new LoadCurve(l, RUN));

  test('is not asked of a load that never varies, nor of none', () => {
    expect(
      fitOf(
        rate,
        load(() => 100),
      ),
    ).toBeNull();
    expect(fitOf(rate, new Bins(60))).toBeNull();
  });

  test('in proportion needs one covariate, a power of it two', () => {
    const noise = white(3, 0.2);
    expect(fitOf((t) => rate(t) + noise(t))!.covariates).toHaveLength(1);
    expect(fitOf((t) => rate(t) ** 1.8 / 40 + noise(t))!.covariates).toHaveLength(2);
  });

  test.each([25, 60, 130, 260, 620])('with a lag of %d s leaves nothing at the edges of its stages', (lag) => {
    const stages: Signal = (t) => 100 + 50 * Math.floor(t / (RUN / 8));
    let held = stages(0);
    const follows: Signal = (t) => (held += (stages(t) - held) * (1 - Math.exp(-60 / lag))) && held;
    const bins = series(follows);
    const cells = cellsOf(bins, 'gauge', cut);
    const { covariates } = loadFitOf(cells, new LoadCurve(load(stages), RUN))!;
    const columns = [new Float64Array(cells.n).fill(1), covariates[0]!];
    expect(Math.sqrt(leastSquares(columns, cells.mean.slice(0, cells.n)).rest / cells.n)).toBeLessThan(0.8);
  });

  const stages: Signal = (t) => 100 + 50 * Math.floor(t / (RUN / 8));
  const late = (lag: number): Signal => {
    let held = stages(0);
    return (t) => (held += (stages(t) - held) * (1 - Math.exp(-60 / lag))) && held;
  };

  test.each([
    [30, 3600],
    [120, 6000],
  ])('in part after %d s and in part after %d s has two lags', (soon, hoursLater) => {
    const [noise, first, second] = [white(3, 1.5), late(soon), late(hoursLater)];
    const of: Signal = (t) => 0.5 * first(t) + 0.5 * second(t) + noise(t);
    const cells = cellsOf(series(of), 'gauge', cut);
    const { covariates } = loadFitOf(cells, new LoadCurve(load(stages), RUN))!;
    expect(covariates).toHaveLength(2);
    const columns = [new Float64Array(cells.n).fill(1), ...covariates];
    expect(Math.sqrt(leastSquares(columns, cells.mean.slice(0, cells.n)).rest / cells.n)).toBeLessThan(1.7);
  });

  test('has no second lag of more than a third of the time, which is a fill', () => {
    const [noise, second] = [white(3, 0.5), late(7200)];
    const seen = (t: number): boolean => t < 3 * HOUR;
    const [memory, requests] = [new Bins(60), new Bins(60)];
    for (let t = 0; seen(t); t += 60) memory.add(t, 0.5 * stages(t) + 0.5 * second(t) + noise(t));
    for (let t = 60; seen(t); t += 60) requests.add(t, stages(t) * 60);
    const now = 3 * HOUR;
    const curve = new LoadCurve(requests, now);
    const { covariates } = loadFitOf(cellsOf(memory, 'gauge', { ...cut, until: now, now }), curve)!;
    const atEnd = (lag: number): number => curve.lagged(lag).mean(now - 60, now) / curve.lagged(0).mean(0, now) - 1;
    const slowest = Math.min(...covariates.map((covariate) => covariate.at(-1)!));
    expect(covariates.length).toBeGreaterThan(1);
    expect(slowest).toBeGreaterThan(atEnd(3700));
    expect(slowest).toBeLessThan(atEnd(1800));
  });

  test('has one lag beside growth by work done, which goes up and down hours later, too', () => {
    const [noise, curve] = [white(3, 0.2), new LoadCurve(load(), RUN).lagged(0)];
    expect(fitOf((t) => rate(t) + curve.total(t) / 1e4 + noise(t))!.covariates).toHaveLength(1);
  });

  test('is told from growth by work done', () => {
    const work = streamOf(series(rate), 'gauge', cut, new LoadCurve(load(), RUN))!.work!;
    expect(work[0]).toBe(0);
    expect(work.at(-1)).toBe(1);
    for (let i = 1; i < work.length; i++) expect(work[i]!).toBeGreaterThan(work[i - 1]!);
  });
});

describe('a load that only rises', () => {
  const ramp: Signal = (t) => 100 + (200 * t) / RUN;
  const may = (of: Signal): boolean => mayFollowLoad(streamOf(series(of), 'gauge', cut, new LoadCurve(load(ramp), RUN))!);

  test('may be all of what rises by no larger share', () => {
    expect(may((t) => 50 + 0.5 * ramp(t))).toBe(true);
    expect(may((t) => 20 + (100 * t) / RUN)).toBe(false);
  });

  test('is not all of what begins at nothing, where a line through it is below', () => {
    expect(may((t) => Math.max(0, (t - 2 * HOUR) / 600))).toBe(false);
  });
});

describe('least squares', () => {
  test('gives back the coefficients', () => {
    const value = fc.double({ min: -100, max: 100, noNaN: true });
    fc.assert(
      fc.property(value, value, value, (a, b, c) => {
        const columns = [() => 1, (i: number) => i, (i: number) => Math.sin(i)].map((f) =>
          Float64Array.from({ length: 30 }, (_, i) => f(i)),
        );
        const y = Float64Array.from({ length: 30 }, (_, i) => a + b * i + c * Math.sin(i));
        const { coefficients, rest } = leastSquares(columns, y);
        for (const [i, expected] of [a, b, c].entries()) expect(coefficients[i]!).toBeCloseTo(expected, 6);
        expect(rest).toBeLessThan(1e-9);
      }),
    );
  });

  test('gives a superfluous column nothing', () => {
    const one = new Float64Array(10).fill(1);
    const y = Float64Array.from({ length: 10 }, (_, i) => 3 + (i % 2));
    expect([...leastSquares([one, one.map((v) => 2 * v)], y).coefficients]).toEqual([3.5, 0]);
  });
});
