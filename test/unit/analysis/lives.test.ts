/** Lives: a start of the agent is one of the agent and of nothing else, and lives that are too short to show growth show none. */
import { expect, test } from 'vitest';
import { cellsOf } from '../../../src/analysis/cells.ts';
import type { VerdictSeries } from '../../../src/analysis/verdict.ts';
import { Bins } from '../../../src/store.ts';
import type { RunEvent } from '../../../src/tick.ts';
import { LIVES_MAX } from '../../../src/timeline.ts';
import { M } from '../../sim/metrics.ts';
import { HOUR, MB, Simulation } from '../../sim/run.ts';
import { constant, type Signal, sum, white } from '../../sim/series.ts';

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

for (const [name, perHour] of [
  ['leak', LEAK],
  ['are healthy', 0],
] as const) {
  test(`lives of 12 minutes that ${name} neither pass nor fail in a day, which is said`, () => {
    const events = restarts(24);
    const run = new Simulation({ hours: 24, interval: 20, series: [{ def: M.memory, signal: recycled(1, perHour) }], events }).run();
    const [series] = run.verdict().series;
    expect(series!.outcome).toBe('inconclusive');
    expect(series!.gradeHistory.map(({ grade }) => grade)).not.toContain('retracted');
    expect(series!.why).toMatch(/live for 12m, too short to see growth within one: a run of up to 2h24m, or lives of 53m20s/);
  });
}

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

test('the total of a role passes no more than its members, however many restarts it has', () => {
  const total = { def: M.tree, signal: sum(recycled(3, LEAK), recycled(4, LEAK)) };
  const of = (events: RunEvent[]): VerdictSeries =>
    new Simulation({ hours: 24, interval: 20, series: [total], events }).run().verdict().series[0]!;
  expect(of([...restarts(24, '1'), ...restarts(24, '2')])).toMatchObject({ outcome: 'inconclusive', slope: null });
  expect(of([...restarts(24, '1', 12 * HOUR), ...restarts(24, '2', 12 * HOUR)]).why).not.toMatch(/too short/);
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
