/** A database server beside the program: judged by its own series, and by nothing that is asked of a program. */
import { describe, expect, test } from 'vitest';
import type { Verdict } from '../../../src/analysis/verdict.ts';
import { gaugeMetric } from '../../../src/gauges.ts';
import { M } from '../../sim/metrics.ts';
import { HOUR, MB, type Scenario, type Simulated, Simulation } from '../../sim/run.ts';
import { constant, line, type Signal, sum, white } from '../../sim/series.ts';

const program: readonly Simulated[] = [
  { def: M.memory, signal: sum(constant(300 * MB), white(1, 2 * MB)) },
  { def: M.fds, signal: sum(constant(50), white(2, 2)) },
  { def: M.fdLimit, signal: constant(1024) },
  { def: M.cpu, signal: line(0.1 * HOUR) },
];

const ofServer = { source: 'postgres', target: 'orders', period: 10 } as const;

function judge(series: readonly Simulated[], more: Partial<Scenario> = {}): Verdict {
  return new Simulation({ hours: 8, interval: 10, ...more, series: [...program, ...series] }).run().verdict();
}

describe('a server', () => {
  test('need show neither memory, nor descriptors, nor work', () => {
    const verdict = judge([{ ...ofServer, def: M.advisory, signal: constant(5) }]);
    expect(verdict.outcome).toBe('pass');
    expect(verdict.findings).toEqual([]);
  });

  test('fails a run by a gauge of which its user says that it leaks', () => {
    const backlog: Simulated = {
      ...ofServer,
      def: gaugeMetric({ name: 'backlog', growth: 'leak' }),
      signal: sum(constant(100), line(50), white(3, 5)),
    };
    const verdict = judge([backlog], { options: { required: ['gauge.backlog'] } });
    expect(verdict.findings.map(({ kind, target }) => [kind, target])).toEqual([['leak', 'orders']]);
    const still = { ...backlog, signal: sum(constant(100), white(3, 0.3)) };
    const flat = judge([still], { hours: 14, options: { required: ['gauge.backlog'] } });
    expect(flat.outcome, flat.reasons.join()).toBe('pass');
  });

  test('goes on when a backend that was followed ends', () => {
    const jumps: Signal = sum(constant(40 * MB), (t) => (t < 4 * HOUR ? 0 : 25 * MB), white(4, 50_000));
    const verdict = judge(
      [
        { ...ofServer, def: { ...M.advisory }, member: '1', labels: { of: 'slot' }, signal: jumps },
        { ...ofServer, def: { ...M.advisory }, labels: { of: 'server' }, signal: jumps },
      ],
      { events: [{ t: 4 * HOUR, kind: 'member_start', target: 'orders', member: '1', data: {} }] },
    );
    const why = (of: string): string => verdict.series.find(({ labels }) => labels['of'] === of)!.why;
    expect(why('slot')).toMatch(/over 2 lives/);
    expect(why('server')).not.toMatch(/lives/);
  });
});
