import { expect, test } from 'vitest';
import { M } from '../../sim/metrics.ts';
import { HOUR, MB, Simulation } from '../../sim/run.ts';
import { constant, line, sum, white } from '../../sim/series.ts';

test('what grows is told with its last sample, and its level is that of the end, not of the last stretch', () => {
  const verdict = new Simulation({
    hours: 4,
    interval: 10,
    series: [
      { def: M.memory, signal: sum(constant(100 * MB), line(100 * MB), white(3, 20_000)) },
      { def: M.cpu, signal: line(0.1 * HOUR) },
    ],
  })
    .run()
    .verdict();
  const memory = verdict.series.find(({ metric }) => metric === M.memory.name)!;
  expect(memory.level! / (500 * MB)).toBeCloseTo(1, 3);
  expect(memory.why).toMatch(/, now 500 MB/);
});
