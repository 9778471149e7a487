import { expect, test } from 'vitest';
import { formatDuration } from '../../../src/quantity.ts';
import { M } from '../../sim/metrics.ts';
import { HOUR, MB, Simulation } from '../../sim/run.ts';
import { constant, line, sawtooth, settling, type Signal, sum, white } from '../../sim/series.ts';

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

test('the time to a limit counts from now, in the sentence as in the verdict', () => {
  const verdict = new Simulation({
    hours: 743.9,
    interval: 300,
    series: [
      { def: M.memory, signal: sum(constant(100 * MB), line(MB), white(3, 20_000)) },
      { def: M.memoryLimit, signal: constant(1000 * MB) },
      { def: M.cpu, signal: line(0.1 * HOUR) },
    ],
  })
    .run()
    .verdict();
  const memory = verdict.series.find(({ metric }) => metric === M.memory.name)!;
  const left = Date.parse(memory.exhaustion!.at) / 1000 - Date.parse(verdict.run.end!) / 1000;
  expect(memory.why).toContain(` in ${formatDuration(left)} (`);
});

test('what was confirmed and is no more has stopped, unless it was given back and may go on', () => {
  const whyOf = (hours: number, ...signals: readonly Signal[]): string => {
    const memory = { def: M.memory, signal: sum(constant(300 * MB), white(3, MB), ...signals) };
    const run = new Simulation({ hours, interval: 10, series: [memory, { def: M.cpu, signal: line(0.1 * HOUR) }] }).run();
    return run.verdict().series.find(({ metric }) => metric === M.memory.name)!.why;
  };
  expect(whyOf(12, settling(200 * MB, HOUR))).toMatch(/; it grew and has stopped/);
  expect(whyOf(8, sawtooth(1, 100 * MB, 5 * HOUR))).toMatch(/; it grew, and whether it goes on is not known; so far growth below/);
});
