/** Whole runs with climbs that are given back, or are not. */
import { describe, expect, test } from 'vitest';
import type { VerdictSeries } from '../../../src/analysis/verdict.ts';
import { M } from '../../sim/metrics.ts';
import { HOUR, MB, Simulation } from '../../sim/run.ts';
import { constant, line, type Signal, sum, white } from '../../sim/series.ts';

const HOURS = 24;

function judged(...signals: readonly Signal[]): VerdictSeries {
  const memory = { def: M.memory, signal: sum(constant(300 * MB), white(1, MB), ...signals) };
  const run = new Simulation({ hours: HOURS, interval: 60, series: [memory, { def: M.cpu, signal: line(0.05 * HOUR) }] }).run();
  return run.verdict().series.find(({ id }) => id === 'api memory.private')!;
}

/** Teeth of 80 MB that come every `hours`, of which `kept` is not given back. */
const rotated =
  (hours: number, phase: number, kept = 0): Signal =>
  (t) => {
    const teeth = t / (hours * HOUR) + phase;
    return 80 * MB * ((teeth % 1) + kept * Math.floor(teeth));
  };

describe('a run of 24 hours', () => {
  test.each([
    [6, 0.3],
    [9, 0.6],
    [11, 0.95],
    [13, 0.5],
    [24, 0.4],
  ])('with a log that is rotated every %d hours does not fail, and its interval holds zero', (hours, phase) => {
    const { outcome, grade, slope } = judged(rotated(hours, phase));
    expect(outcome).not.toBe('fail');
    expect(grade).not.toBe('confirmed');
    expect(slope!.lo).toBeLessThan(0);
  });

  test.each([
    [3, 0.3],
    [5, 0.3],
    [8, 0.6],
  ])('with teeth of %d hours on a floor that rises fails', (hours, phase) => {
    expect(judged(rotated(hours, phase, 0.4)).outcome).toBe('fail');
  });

  test('in which a leak was cut short once fails for what it has leaked since', () => {
    const freed: Signal = (t) => (t < 5 * HOUR ? 0 : -30 * MB);
    expect(judged(line(6 * MB), freed).outcome).toBe('fail');
  });
});
