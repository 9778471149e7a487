import { deserialize, serialize } from 'node:v8';
import { describe, expect, test } from 'vitest';
import { Judge } from '../../../src/analysis/judge.ts';
import { parseRule } from '../../../src/analysis/ruleparser.ts';
import { Catalog } from '../../../src/catalog.ts';
import { RunState } from '../../../src/runstate.ts';
import { M } from '../../sim/metrics.ts';
import { HOUR, MB, optionsOf, type Scenario, Simulation, type Simulated } from '../../sim/run.ts';
import { constant, line, ou, poisson, rounded, sawtooth, sum, white } from '../../sim/series.ts';

const CATALOG = new Catalog([M]);

function advisory(count: number, seed: number): Simulated[] {
  return Array.from({ length: count }, (_, i) => ({
    def: { ...M.advisory },
    labels: { part: String(i) },
    period: 60,
    signal: sum(constant(5 * MB), line(i % 3 === 0 ? MB : 0), white(seed + i, 20_000)),
  }));
}

/** Something of everything: growth, a restart, a rule, a gap, a blind signal, and more advisory series than one tick can judge. */
function eventful(): Scenario {
  return {
    hours: 1.5,
    interval: 10,
    options: {
      rules: [parseRule('fds < 70 for 1m', (name) => CATALOG.find(name)), parseRule('threads < 3', (name) => CATALOG.find(name))],
    },
    series: [
      { def: M.memory, signal: sum(constant(100 * MB), line(30 * MB), ou(5, 300, MB)) },
      { def: M.fds, signal: sum(constant(60), poisson(9, 12)) },
      { def: M.fdLimit, signal: constant(1024), period: 60 },
      { def: M.cpu, signal: line(0.1 * HOUR) },
      { def: M.requests, source: 'traffic', signal: rounded(line(3600)) },
      ...advisory(240, 100),
    ],
    events: [
      { t: 500, kind: 'blind', target: 'api', data: { metric: 'process.disk.io', reason: 'nobody may' } },
      { t: 2000, kind: 'restart', target: 'api', data: {} },
    ],
    down: (t) => t > 3700 && t < 3900,
  };
}

/** Goes on from a checkpoint of `simulation` as a resumed agent does: with the bytes, and a table of the same series. */
function resumed(scenario: Scenario, until: number): Simulation {
  const live = new Simulation(scenario).run(until);
  const state = new RunState(new Judge(optionsOf(scenario)));
  for (const series of live.state.series.all()) state.series.restore(series);
  state.restore(live.state.snapshot());
  return live.continuedBy(state);
}

/** Run time of a tick at which a look is not finished. */
const IN_A_LOOK = 2400;

describe('the judge', () => {
  const whole = new Simulation(eventful()).run();
  const bytes = JSON.stringify(whole.verdict());

  test('says the same of the same ticks', () => expect(JSON.stringify(new Simulation(eventful()).run().verdict())).toBe(bytes));

  // In the middle of a look, before the first one, in the gap, while the rule is violated.
  test.each([30, 60, 1200, 2010, IN_A_LOOK, 3710, 4505])('says the same when it is resumed after %d s', (until) => {
    expect(JSON.stringify(resumed(eventful(), until).run().verdict())).toBe(bytes);
  });

  test('says the same when nobody or everybody asks in between', () => {
    const asked = new Simulation(eventful());
    asked.run(undefined, (state) => {
      if (state.n % 7 === 0) asked.verdict(false);
      if (state.n % 101 === 0) asked.verdict(true);
    });
    expect(JSON.stringify(asked.verdict())).toBe(bytes);
  });

  test('tells what happened', () => {
    const verdict = whole.verdict();
    expect(verdict.outcome).toBe('fail');
    expect(verdict.findings.map((finding) => [finding.kind, finding.outcome])).toContainEqual(['rule', 'fail']);
    expect(verdict.findings.map((finding) => finding.why)).toContainEqual(expect.stringMatching(/threads < 3 was never compared/));
    expect(verdict.findings.map((finding) => finding.why)).toContainEqual(
      expect.stringMatching(/^api memory\.private grows (2[5-9]|3[0-5])/),
    );
    expect(verdict.blind).toEqual([{ target: 'api', metric: 'process.disk.io', reason: 'nobody may' }]);
    const memory = verdict.series.find((series) => series.id === 'api memory.private')!;
    expect(memory).toMatchObject({ gated: true, outcome: 'fail', grade: 'confirmed', metric: M.memory.name, unit: 'By' });
    expect(memory.why).toContain('over 2 lives');
    expect(memory.perRequest).toBeGreaterThan(7000);
    expect(memory.perRequest).toBeLessThan(9500);
    expect(verdict.series.filter((series) => series.metric === M.advisory.name)).toHaveLength(240);
    expect(verdict.coverage).toBeGreaterThan(0.95);
    expect(verdict.run).toEqual({
      id: 'sim',
      start: '2026-01-01T00:00:00.000Z',
      end: '2026-01-01T01:30:00.000Z',
      planned: '2026-01-01T01:30:00.000Z',
      agent: '0',
      configHash: '0',
    });
  });

  test('spreads a look over several ticks, and comes to its end', () => {
    const left: number[] = [];
    const simulation = new Simulation(eventful()).run(HOUR, ({ judge }) => left.push(judge.snapshot().round?.due.length ?? 0));
    expect(Math.max(...left)).toBeGreaterThan(10);
    expect(left.at(-1)).toBe(0);
    expect(left[IN_A_LOOK / 10]).toBeGreaterThan(0);
    expect(simulation.state.judge.judgement?.series).toHaveLength(242);
  });

  test('its snapshot is plain data, and bounded by the number of series', () => {
    const snapshot = whole.state.judge.snapshot();
    expect(deserialize(serialize(snapshot))).toEqual(snapshot);
    expect(serialize(snapshot).length).toBeLessThan(1500 * whole.state.series.size);
  });

  test('finds a judged series by its id in the verdict', () => {
    const { judge } = whole.state;
    expect(judge.judged('api memory.private')?.series.def).toBe(M.memory);
    expect(judge.judged('api nothing')).toBeNull();
  });

  test('has a verdict before anything was seen: inconclusive, with unknown coverage', () => {
    const verdict = new Simulation({ hours: 1, interval: 1, series: [] }).verdict(false);
    expect(verdict).toMatchObject({ outcome: 'inconclusive', coverage: null, work: { steady: false, stoppedAt: null }, series: [] });
    expect(verdict.run.end).toBeNull();
  });
});

test('more gated series than a run may have are advisory, and the verdict says so', () => {
  const members = Array.from({ length: 20 }, (_, i) => String(i + 1));
  const series = members.flatMap((member): Simulated[] => [
    { def: M.memory, member, signal: constant(50 * MB) },
    { def: M.fds, member, signal: constant(50) },
    { def: M.cpu, member, signal: line(0.1 * HOUR) },
  ]);
  const verdict = new Simulation({ hours: 1, interval: 10, series }).run().verdict();
  expect(verdict.series.filter((one) => one.gated)).toHaveLength(30);
  expect(verdict.reasons).toContainEqual(expect.stringMatching(/^10 more series/));
});

test('ten thousand series are judged within the units of a tick', () => {
  const scenario: Scenario = { hours: 0.2, interval: 60, series: [{ def: M.memory, signal: sawtooth(1, MB, 500) }, ...advisory(9_000, 7)] };
  const simulation = new Simulation(scenario);
  let [before, most] = [0, 0];
  simulation.run(undefined, (state) => {
    const seen = state.judge.judgement?.series.length ?? 0;
    most = Math.max(most, seen - before);
    before = seen;
  });
  // 40 units a second for 30 s at most: three a screen, ten for what is looked at closely, and what the last one of a tick overdraws.
  expect(most).toBeLessThanOrEqual(1200 / 3 + 1);
  expect(most).toBeGreaterThan(300);
});
