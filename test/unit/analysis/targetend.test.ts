import { describe, expect, test } from 'vitest';
import type { JudgeOptions } from '../../../src/analysis/judgement.ts';
import { targetEndFindings, TargetEnds } from '../../../src/analysis/targetend.ts';
import type { EventKind, RunEvent } from '../../../src/tick.ts';
import { M } from '../../sim/metrics.ts';
import { HOUR, Simulation } from '../../sim/run.ts';

const event = (t: number, kind: EventKind, data: RunEvent['data'] = {}, target: string | null = 'api'): RunEvent => ({
  t,
  kind,
  target,
  member: null,
  message: '',
  data,
});
const over = (t: number, kind: string): RunEvent => event(t, 'run_end', { kind }, null);

function found(events: readonly RunEvent[], now: number, options: Partial<JudgeOptions> = {}): string[] {
  const [ends, resumed] = [new TargetEnds(), new TargetEnds()];
  ends.watch(events);
  resumed.restore(ends.snapshot());
  expect(resumed.all(now)).toEqual(ends.all(now));
  const all = { plannedEnd: 8 * HOUR, requiredLifetime: 1, warmup: null, rules: [], required: [], interval: 1, ...options };
  return targetEndFindings(ends.all(now), all).map(({ outcome, why }) => `${outcome}: ${why}`);
}

describe('a target that has ended', () => {
  test.each([
    [{ exitCode: null, signal: 'SIGSEGV' }, ['fail: api crashed: it ended by SIGSEGV at 01:00 and did not come back, 1h of the planned 8h judged']],
    [{ exitCode: null, signal: 'SIGKILL' }, ['fail: api crashed: it ended by SIGKILL at 01:00 and did not come back, 1h of the planned 8h judged']],
    [{ exitCode: 5, signal: null }, ['fail: api crashed: it ended with exit code 5 at 01:00 and did not come back, 1h of the planned 8h judged']],
    [{ exitCode: 0, signal: null }, ['inconclusive: api has ended with exit code 0 at 01:00 and did not come back, 1h of the planned 8h judged']],
    [{ exitCode: null, signal: 'SIGTERM' }, ['inconclusive: api has ended by SIGTERM at 01:00 and did not come back, 1h of the planned 8h judged']],
    [{}, [expect.stringMatching(/^inconclusive: api has ended at 01:00 .* why is not known: end the run before the target, or start it with exec:$/)]],
  ])('%j before the planned end', (data, told) => {
    expect(found([event(HOUR, 'target_gone', data), over(HOUR + 1, 'target')], HOUR + 1)).toEqual(told);
  }); // prettier-ignore

  test('at the planned end is in time, unless it crashed', () => {
    const ending = (data: RunEvent['data']): string[] =>
      found([event(7.95 * HOUR, 'target_gone', data), over(8 * HOUR, 'duration')], 8 * HOUR);
    expect(ending({})).toEqual([]);
    expect(ending({ exitCode: 0, signal: null })).toEqual([]);
    expect(ending({ exitCode: 1, signal: null })).toHaveLength(1);
  });

  test('of a run without a planned end has ended it as it should only when it says so', () => {
    const ending = (data: RunEvent['data']): string[] =>
      found([event(HOUR, 'target_gone', data), over(HOUR + 1, 'target')], HOUR + 1, { plannedEnd: null });
    expect(ending({ exitCode: 0, signal: null })).toEqual([]);
    expect(ending({})).toHaveLength(1);
  });

  test('is no matter when it came back, was stopped together with the agent, or makes the load', () => {
    const gone = event(HOUR, 'target_gone');
    expect(found([gone, event(HOUR + 9, 'target_found')], 2 * HOUR)).toEqual([]);
    expect(found([gone, event(HOUR + 9, 'restart')], 2 * HOUR)).toEqual([]);
    expect(found([gone, over(HOUR + 5, 'signal')], HOUR + 5)).toEqual([]);
    expect(found([gone], HOUR + 31)).toHaveLength(1);
    expect(found([gone], HOUR + 31, { generators: ['api'] })).toEqual([]);
  });

  test('does not pass its run, however flat it was', () => {
    const steady = [
      { def: M.memory, signal: () => 5e7 },
      { def: M.fds, signal: () => 50 },
      { def: M.cpu, signal: (t: number) => t * 0.2 },
    ].map((one) => ({ ...one, period: 60 }));
    const outcomeOf = (events: readonly RunEvent[]): string =>
      new Simulation({ hours: 24, interval: 60, series: steady, events, options: { requiredLifetime: 3600 } }).run().verdict().outcome;
    expect(outcomeOf([])).toBe('pass');
    expect(outcomeOf([event(23 * HOUR, 'target_gone')])).toBe('inconclusive');
    expect(outcomeOf([event(23 * HOUR, 'target_gone', { exitCode: 1, signal: null })])).toBe('fail');
  });
});
