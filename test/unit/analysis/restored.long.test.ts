/** A state that was restored says at once what the state that it was stored from said: nothing need happen first. */
import { describe, expect, test } from 'vitest';
import { Judge } from '../../../src/analysis/judge.ts';
import type { Verdict } from '../../../src/analysis/verdict.ts';
import { RunState } from '../../../src/runstate.ts';
import { M } from '../../sim/metrics.ts';
import { HOUR, MB, optionsOf, type Scenario, Simulation, type Simulated } from '../../sim/run.ts';
import { constant, line, ou, sum, white } from '../../sim/series.ts';

function advisory(count: number): Simulated[] {
  return Array.from({ length: count }, (_, i) => ({
    def: { ...M.advisory },
    labels: { part: String(i) },
    period: 60,
    signal: sum(constant(5 * MB), line(i % 3 === 0 ? MB : 0), white(100 + i, 20_000)),
  }));
}

const SCENARIO: Scenario = {
  hours: 1.5,
  interval: 10,
  series: [
    { def: M.memory, signal: sum(constant(100 * MB), line(30 * MB), ou(5, 300, MB)) },
    { def: M.fds, signal: constant(60) },
    { def: M.cpu, signal: line(0.1 * HOUR) },
    ...advisory(60),
  ],
};

/** A new process every two minutes: too short for the bins of the whole run. */
const RECYCLED: Scenario = {
  ...SCENARIO,
  events: Array.from({ length: 45 }, (_, i) => ({ t: i * 120, kind: i === 0 ? 'target_found' : 'restart', target: 'api', data: {} })),
};

/** The verdict so far or the last one, of the live state and of one restored from its checkpoint. */
function both(scenario: Scenario, until: number, final: boolean): readonly [live: Verdict, restored: Verdict] {
  const live = new Simulation(scenario).run(until);
  const state = new RunState(new Judge(optionsOf(scenario)));
  for (const series of live.state.series.all()) state.series.restore(series);
  state.restore(live.state.snapshot());
  const verdict = live.verdict(final);
  return [verdict, live.continuedBy(state).verdict(final)];
}

// Before the first look, in the middle of one, at the end.
describe.each([30, 2460, 5400])('after %d s', (until) => {
  test.each([true, false])('final: %s', (final) => {
    const [live, restored] = both(SCENARIO, until, final);
    expect(restored.series.map(({ id }) => id)).toEqual(live.series.map(({ id }) => id));
    expect(JSON.stringify(restored)).toBe(JSON.stringify(live));
  });
});

test('with lives that are judged all together', () => {
  const [live, restored] = both(RECYCLED, 5400, true);
  expect(live.series[0]!.why).toMatch(/within \d+ lives of 2m/);
  expect(JSON.stringify(restored)).toBe(JSON.stringify(live));
});
