import { describe, expect, test } from 'vitest';
import { lifeOf, riseOf } from '../../../src/analysis/floor.ts';
import type { VerdictSeries } from '../../../src/analysis/verdict.ts';
import { Bins } from '../../../src/store.ts';
import { METRICS } from '../../../src/sources/pool.ts';
import { HOUR, type Scenario, Simulation } from '../../sim/run.ts';
import type { Signal } from '../../sim/series.ts';

/** One value a second. */
function binned(values: readonly number[], from = 0): Bins {
  const bins = new Bins(1);
  values.forEach((value, i) => bins.add(from + i, value));
  return bins;
}

const life = (values: readonly number[], seconds = 10): ReturnType<typeof lifeOf> => lifeOf(binned(values), seconds, 0, values.length);
const steps = (...floors: readonly number[]): number[] => floors.flatMap((floor) => Array.from({ length: 10 }, () => floor));

describe('windows', () => {
  test('hold the least of each, the last one up to now, and only whole ones count', () => {
    const values = [0, 0, 0, ...steps(3, 5), 7, 7, 2, 7, 7, 7, 7, 7, 7, 7];
    expect(life(values).windows).toEqual([
      { from: 3, to: 13, floor: 3 },
      { from: 13, to: 23, floor: 5 },
      { from: 23, to: 33, floor: 2 },
    ]);
  });

  test('see a rise equally soon, whenever it begins', () => {
    const seen = Array.from({ length: 10 }, (_, late) => {
      const growing = (seconds: number): number[] =>
        Array.from({ length: seconds }, (_, i) => Math.max(0, Math.floor((i - 33 - late) / 4)));
      const tried = Array.from({ length: 60 }, (_, i) => 40 + i);
      return tried.find((seconds) => riseOf(life(growing(seconds))) !== null)! - late;
    });
    expect(new Set(seen).size, seen.join(' ')).toBe(1);
  });

  test('begin after the beginning of the life, and those without samples are left out', () => {
    const bins = binned([...steps(1, 2), ...steps(9)]);
    bins.add(45, 4);
    expect(lifeOf(bins, 10, 5, 50).windows).toEqual([
      { from: 10, to: 20, floor: 2 },
      { from: 20, to: 30, floor: 9 },
      { from: 40, to: 50, floor: 4 },
    ]);
  });

  test('begin with the life where it begins a moment late: up to a quarter of the first one may be lacking', () => {
    const bins = binned(steps(1, 2, 3));
    expect(lifeOf(bins, 10, 0.4, 30).windows[0]).toEqual({ from: 1, to: 10, floor: 1 });
    expect(lifeOf(bins, 10, 2, 30).windows[0]).toEqual({ from: 2, to: 10, floor: 1 });
    expect(lifeOf(bins, 10, 3, 30).windows[0]).toEqual({ from: 10, to: 20, floor: 2 });
  });

  test('are never narrower than the bins', () => {
    const bins = binned(Array.from({ length: 3000 }, (_, i) => Math.floor(i / 100)));
    expect(bins.width).toBeGreaterThan(10);
    expect(lifeOf(bins, 10, 0, 3000).windows.every(({ from, to }) => to - from === bins.width)).toBe(true);
  });
});

describe('a rise', () => {
  test('of three, in steps, that does not fall again', () => {
    expect(riseOf(life(steps(0, 0, 1, 2, 3)))).toMatchObject({ by: 3, goesOn: true });
    expect(riseOf(life(steps(0, 0, 1, 2, 2)))).toBeNull();
    expect(riseOf(life(steps(0, 0, 1, 3, 2)))).toBeNull();
    expect(riseOf(life(steps(0, 0, 1, 2, 4, 3)))).toBeNull();
    expect(riseOf(life(steps(0, 0, 1, 2, 3, 3, 3, 3, 3)))).toMatchObject({ by: 3, goesOn: false, from: { to: 20 }, to: { to: 50 } });
  });

  test('is counted from the second window on', () => {
    expect(riseOf(life(steps(0, 9, 9, 9, 9, 9)))).toBeNull();
    expect(riseOf(life(steps(5, 4, 5, 6, 7)))).toMatchObject({ by: 3 });
  });

  test('in one step is none, wherever the windows are cut', () => {
    expect(riseOf(life(steps(0, 0, 9, 9, 9)))).toBeNull();
    for (let at = 20; at < 40; at++) {
      const values = Array.from({ length: 80 }, (_, i) => Math.max(0, Math.min(9, i - at))); // 9 within 9 s
      expect(riseOf(life(values)), String(at)).toBeNull();
    }
  });

  test('nor where a bin is as wide as a window, and the step falls into two', () => {
    const bins = new Bins(10);
    [0, 0, 4, 9, 9, 9].forEach((value, i) => bins.add(i * 10, value));
    expect(riseOf(lifeOf(bins, 10, 0, 60))).toBeNull();
  });

  test('needs four windows', () => {
    const growing = (seconds: number): number[] => Array.from({ length: seconds }, (_, i) => Math.max(0, Math.floor((i - 10) / 4)));
    expect(riseOf(life(growing(30)))).toBeNull();
    expect(riseOf(life(growing(40)))).toMatchObject({ by: 5 });
  });
});

const LABELS = { 'soak.server': 'db', 'db.system.name': 'postgresql', 'db.namespace': 'app', 'user.name': 'app' };

/** Connections open and close all the time, so that those that are stuck can be seen. */
function judged(stuck: Signal, more: Partial<Scenario> = {}, max: Signal | null = null): VerdictSeries {
  const pool = { source: 'pool', labels: LABELS, period: more.interval ?? 5 };
  const series = [
    { ...pool, def: METRICS.stuck, signal: stuck },
    { ...pool, def: METRICS.opened, signal: (t: number) => Math.floor(t / 10) },
    ...(max ? [{ ...pool, def: METRICS.max, labels: { ...LABELS, 'soak.pool.max.source': 'learned' }, signal: max }] : []),
  ];
  const verdict = new Simulation({ hours: 4, interval: 5, series, ...more }).run().verdict();
  return verdict.series.find(({ metric }) => metric === 'soak.pool.stuck')!;
}

describe('the judgement of a floor', () => {
  test('one connection an hour fails a run of four and a half', () => {
    const one = judged((t) => Math.floor(t / HOUR), { hours: 4.5 });
    expect(one).toMatchObject({ outcome: 'fail', grade: 'confirmed', class: 'connections', gated: true, slope: null, level: 4 });
    expect(one.why).toMatch(/rose from 0 at 01:\d\d to 4 at 04:\d\d \(1\.\d+\/h\) and did not fall again/);
  });

  test('with the maximum known it says when that is reached', () => {
    const one = judged(
      (t) => Math.floor(t / 600),
      {},
      () => 60,
    );
    expect(one.limit).toMatchObject({ value: 60 });
    const at = (Date.parse(one.exhaustion!.at) - Date.parse('2026-01-01T00:00:00Z')) / 3_600_000;
    expect(at).toBeGreaterThan(9);
    expect(at).toBeLessThan(11);
  });

  test('what comes and goes passes, however much of it', () => {
    expect(judged((t) => (t % 400 < 380 ? 8 : 0))).toMatchObject({ outcome: 'pass', grade: 'none' });
  });

  test('one or two that stay are worth a word and no more', () => {
    const one = judged((t) => (t > HOUR ? 2 : 0));
    expect(one).toMatchObject({ outcome: 'inconclusive', grade: 'suspected' });
    expect(one.why).toContain('was never below 2 for');
  });

  test('a life is judged by itself: what was lost in the first is not forgotten, and a restart is no fall', () => {
    const events = [
      { t: 0, kind: 'target_found', target: 'api', data: {} },
      { t: 2 * HOUR, kind: 'restart', target: 'api', data: {} },
    ] as const;
    expect(judged((t) => (t < 2 * HOUR ? Math.floor(t / 1200) : 0), { events }).outcome).toBe('fail');
    expect(judged((t) => (t < 2 * HOUR ? 0 : Math.floor((t - 2 * HOUR) / 1200)), { events }).outcome).toBe('fail');
    expect(judged((t) => (t < 2 * HOUR ? 0 : 6), { events }).outcome).toBe('inconclusive');
  });

  test('the few that can be seen before a pool of 20 is full are enough, in a trial whose target is found a moment late', () => {
    // One every 5 s from the 23rd second on; the ninth opened the last connection that the pool has.
    const stuck = (t: number): number => Math.max(0, Math.min(9, Math.floor((t - 18) / 5)));
    const events = [{ t: 0.4, kind: 'target_found', target: 'api', data: {} }] as const;
    const one = judged(stuck, { hours: 150 / HOUR, interval: 1, events });
    expect(one).toMatchObject({ outcome: 'fail', grade: 'confirmed', level: 9 });
  });

  test('a resumed state says the same as one that went through', () => {
    const scenario: Scenario = {
      hours: 3,
      interval: 5,
      series: [{ source: 'pool', labels: LABELS, def: METRICS.stuck, signal: (t: number) => Math.floor(t / 1500), period: 5 }],
    };
    const whole = new Simulation(scenario).run();
    const half = new Simulation(scenario).run(1.5 * HOUR);
    const resumed = new Simulation(scenario).state;
    resumed.restore(half.state.snapshot());
    half.continuedBy(resumed).run();
    expect(JSON.stringify(half.verdict())).toBe(JSON.stringify(whole.verdict()));
  });
});
