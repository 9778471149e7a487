/** Lives: a start of the agent is one of the agent and of nothing else, and what lives that are too short for bins show together. */
import { describe, expect, test } from 'vitest';
import { cellsOf } from '../../../src/analysis/cells.ts';
import type { VerdictSeries } from '../../../src/analysis/verdict.ts';
import { Bins } from '../../../src/store.ts';
import type { RunEvent } from '../../../src/tick.ts';
import { LIVES_MAX } from '../../../src/timeline.ts';
import { M } from '../../sim/metrics.ts';
import { HOUR, MB, type Simulated, Simulation } from '../../sim/run.ts';
import { constant, type Signal, sum, uniform, white } from '../../sim/series.ts';

/** Another process has another level of memory. */
const jumps = (seed: number): Signal => sum(constant(40 * MB), (t) => (t < 2 * HOUR ? 0 : 25 * MB), white(seed, 50_000));

test('a new process of the agent is a new life of its own series, not growth', () => {
  const run = new Simulation({
    hours: 4,
    interval: 10,
    series: [
      { def: { ...M.advisory }, source: 'self', target: null, labels: { of: 'agent' }, signal: jumps(1) },
      { def: { ...M.advisory }, source: 'host', target: null, labels: { of: 'host' }, signal: jumps(2) },
    ],
    events: [{ t: 2 * HOUR, kind: 'run_resume', target: null, data: {} }],
    down: (t) => t > 2 * HOUR - 60 && t < 2 * HOUR,
  }).run();
  const of = (name: string): VerdictSeries => run.verdict().series.find(({ labels }) => labels['of'] === name)!;
  expect(of('agent').why).toMatch(/over 2 lives/);
  expect(of('agent').slope!.hi).toBeLessThan(0.2 * MB);
  expect(of('host').why).not.toMatch(/lives/);
});

const LIFE = 720;

/** A new process every 12 minutes, as prefork servers recycle their workers. */
const restarts = (hours: number, member: string | null = null, every = LIFE): RunEvent[] =>
  Array.from({ length: Math.floor((hours * HOUR) / every) }, (_, i) => ({
    t: i * every,
    kind: i === 0 ? ('target_found' as const) : ('restart' as const),
    target: 'api',
    member,
    message: '',
    data: {},
  }));

/** In each life from the same level on. */
const recycled = (seed: number, perHour: number): Signal =>
  sum(constant(100 * MB), (t) => ((t % LIFE) / HOUR) * perHour, white(seed, 200_000));

const LEAK = 90 * MB;

/** Twentieth of a core. */
const busy = (): Simulated => ({ def: M.cpu, signal: (t) => 0.05 * t });

/** Of a role with one process that is recycled for a day. */
function recycledFor(signal: Signal, def: Simulated['def'] = M.memory): VerdictSeries {
  return new Simulation({ hours: 24, interval: 20, series: [{ def, signal }, busy()], events: restarts(24) }).run().verdict().series[0]!;
}

test('a leak in lives of 12 minutes is seen in all of them together', () => {
  const { outcome, slope, why } = recycledFor(recycled(1, 300 * MB));
  expect(outcome).toBe('fail');
  expect(slope!.lo).toBeLessThan(300 * MB);
  expect(slope!.hi).toBeGreaterThan(300 * MB);
  expect(slope!.hi - slope!.lo).toBeLessThan(2 * MB);
  expect(why).toMatch(/grows 300 MB\/h \(.*\) since 00:12 or before, within 118 lives of 12m, now [\d.]+ MB; no limit is known/);
});

test('a leak of descriptors, too, one every six minutes', () => {
  const chance = uniform(7);
  const since = Array.from({ length: 120 }, () => 360 * chance());
  const { outcome, slope } = recycledFor((t) => 20 + Math.floor(((t % LIFE) + since[Math.floor(t / LIFE)]!) / 360), M.fds);
  expect(outcome).toBe('fail');
  expect(slope!.lo).toBeLessThan(10);
  expect(slope!.hi).toBeGreaterThan(10);
});

test.each<[string, Signal, string, RegExp]>([
  ['do not grow', recycled(1, 0), 'inconclusive', /may or may not grow .* cannot be told from none/],
  ['are steady', constant(100 * MB), 'pass', /does not grow .*, within 118 lives of 12m\)/],
  [
    'grow as collectors let them',
    recycled(1, LEAK),
    'inconclusive',
    /what a collector leaves lying looks the same: lives of 16m40s would tell/,
  ],
  [
    'fill up',
    (t) => 100 * MB - 80 * MB * Math.exp(-(t % LIFE) / 300),
    'inconclusive',
    /it slows down within a life, as what fills up does/,
  ],
])('lives of 12 minutes that %s', (_, signal, outcome, why) => {
  const series = recycledFor(signal);
  expect(series).toMatchObject({ outcome, why: expect.stringMatching(why) as string });
  expect(series.gradeHistory.map(({ grade }) => grade)).not.toContain('retracted');
});

test('lives of 12 minutes tell a leak in a run that is short enough', () => {
  const series = (perHour: number): VerdictSeries => {
    const signal = recycled(2, perHour);
    return new Simulation({ hours: 2.4, interval: 5, series: [{ def: M.memory, signal }], events: restarts(2.4) }).run().verdict()
      .series[0]!;
  };
  expect([series(LEAK).outcome, series(0).outcome === 'fail']).toEqual(['fail', false]);
});

test('what was found of lives of 12 minutes is not retracted when points get too few to see it', () => {
  const signal = recycled(2, LEAK);
  const run = new Simulation({ hours: 5, interval: 5, series: [{ def: M.memory, signal }], events: restarts(5) }).run();
  expect(run.verdict().series[0]!.gradeHistory.map(({ grade }) => grade)).toEqual(['suspected', 'confirmed']);
});

describe('two lives', () => {
  const lived = (minutes: number, restart: number, signal: (minutes: number) => number, seed: number): VerdictSeries => {
    const noise = white(seed, MB / 4);
    const age = (t: number): number => (t < restart * 60 ? t : t - restart * 60) / 60;
    const grown: Signal = (t) => 100 * MB + signal(age(t)) + noise(t);
    const working: Simulated = { def: M.cpu, signal: (t) => 0.3 * t };
    const [first, second] = restarts(2, null, restart * 60);
    const series = [{ def: M.memory, signal: grown }, working];
    return new Simulation({ hours: minutes / 60, interval: 1, series, events: [first!, second!] }).run().verdict().series[0]!;
  };

  test('that fill for less than half an hour each are no leak together', () => {
    const outcomes = [1, 2, 3, 4, 5].map((seed) => lived(35, 15.5, (age) => 2 * MB * Math.min(age, 20), seed).outcome);
    expect(outcomes).not.toContain('fail');
  });

  test('that leak for longer fail', () => {
    expect(lived(95, 45, (age) => 2 * MB * age, 1).outcome).toBe('fail');
  });
});

describe('the total of a role', () => {
  const each = (signal: (seed: number) => Signal, more: Signal = constant(0)): readonly VerdictSeries[] => {
    const members = ['1', '2'].map((member) => ({ def: M.memory, member, signal: signal(Number(member)) }));
    const total = { def: M.tree, signal: sum(signal(1), signal(2), more) };
    const events = [...restarts(24, '1'), ...restarts(24, '2')];
    const { series } = new Simulation({ hours: 24, interval: 20, series: [total, ...members, busy()], events }).run().verdict();
    return series.slice(0, 3);
  };

  test('grows as its members do within their lives, all of them', () => {
    const [total, ...members] = each((seed) => recycled(seed, 300 * MB));
    expect([total!.outcome, ...members.map(({ outcome }) => outcome)]).toEqual(['fail', 'fail', 'fail']);
    expect(total!.slope!.perHour / MB).toBeCloseTo(600, -1);
    expect(total!.why).toContain('within 236 lives of 12m');
  });

  test('passes when neither its members nor their number grow', () => {
    expect(each(() => constant(50 * MB))[0]).toMatchObject({ outcome: 'pass' });
    const [more] = each(
      () => constant(50 * MB),
      (t) => Math.floor(t / 1000) * MB,
    );
    expect(more).toMatchObject({ outcome: 'inconclusive', why: expect.stringContaining('do not grow, but their number may') as string });
  });

  test('says nothing without its members', () => {
    const total = { def: M.tree, signal: sum(recycled(3, LEAK), recycled(4, LEAK)) };
    const of = (events: RunEvent[]): VerdictSeries =>
      new Simulation({ hours: 24, interval: 20, series: [total], events }).run().verdict().series[0]!;
    expect(of([...restarts(24, '1'), ...restarts(24, '2')])).toMatchObject({
      outcome: 'inconclusive',
      slope: null,
      why: expect.stringMatching(/live for 12m, too short to see growth within one: a run of up to 2h24m, or lives of 53m20s/) as string,
    });
    expect(of([...restarts(24, '1', 12 * HOUR), ...restarts(24, '2', 12 * HOUR)]).why).not.toMatch(/too short/);
  });
});

test('the time of lives that are no longer listed is none of the life before them', () => {
  const bins = new Bins(1);
  for (let t = 0; t < 200; t++) bins.add(t, t);
  const cut = { warmup: 0, phases: [], until: 200, now: 200 };
  const judged = (starts: readonly number[]): number[] => {
    const { n, from } = cellsOf(bins, 'gauge', { ...cut, lives: starts });
    return [...from.subarray(0, n)].filter((t) => t < 110);
  };
  const latest = Array.from({ length: LIVES_MAX - 1 }, (_, i) => 100 + i);
  const all = Array.from({ length: 110 }, (_, t) => t);
  expect(judged([10, ...latest])).toEqual(all.filter((t) => t < 10 || t >= 100));
  expect(judged([10, ...latest.slice(1)])).toEqual(all);
});
