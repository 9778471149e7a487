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

/** The verdict so far or the last one, of the live state and of one restored from its checkpoint. */
function both(until: number, final: boolean): readonly [live: Verdict, restored: Verdict] {
  const live = new Simulation(SCENARIO).run(until);
  const state = new RunState(new Judge(optionsOf(SCENARIO)));
  for (const series of live.state.series.all()) state.series.restore(series);
  state.restore(live.state.snapshot());
  const verdict = live.verdict(final);
  return [verdict, live.continuedBy(state).verdict(final)];
}

// Before the first look, in the middle of one, at the end.
describe.each([30, 2460, 5400])('after %d s', (until) => {
  test.each([true, false])('final: %s', (final) => {
    const [live, restored] = both(until, final);
    expect(restored.series.map(({ id }) => id)).toEqual(live.series.map(({ id }) => id));
    expect(JSON.stringify(restored)).toBe(JSON.stringify(live));
  });
});
