/** A start of the agent is a new life of the agent, and of nothing else. */
import { expect, test } from 'vitest';
import type { VerdictSeries } from '../../../src/analysis/verdict.ts';
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
