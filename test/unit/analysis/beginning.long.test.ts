/** Where judging begins at the end of a run, and what a cycle that was seen nearly twice hides. */
import { describe, expect, test } from 'vitest';
import type { VerdictSeries } from '../../../src/analysis/verdict.ts';
import type { Explanation } from '../../../src/analysis/explain.ts';
import { M } from '../../sim/metrics.ts';
import { HOUR, MB, Simulation } from '../../sim/run.ts';
import { constant, line, type Signal, sum, white } from '../../sim/series.ts';

const HOURS = 8;

function judged(...signals: readonly Signal[]): VerdictSeries & { readonly e: Explanation } {
  const busy = { def: M.cpu, signal: line(0.05 * HOUR) };
  const memory = { def: M.memory, signal: sum(constant(300 * MB), white(1, 2 * MB), ...signals) };
  const run = new Simulation({ hours: HOURS, interval: 10, series: [memory, busy] }).run();
  const series = run.verdict().series.find(({ id }) => id === 'api memory.private')!;
  return { ...series, e: run.state.judge.explain([0], run.state)[0]! };
}

const wave =
  (height: number, hours: number): Signal =>
  (t) =>
    height * Math.cos((2 * Math.PI * (t - HOURS * HOUR)) / (hours * HOUR));
const batch =
  (height: number): Signal =>
  (t) =>
    t > 5 * HOUR && t < 6 * HOUR ? height : 0;

describe('the beginning', () => {
  test('that is like what follows is judged', () => {
    expect(judged().e.from).toBeLessThan(0.05 * HOURS * HOUR);
  });

  test.each([
    ['lower', -8 * MB],
    ['higher', 8 * MB],
  ])('that was %s is not', (_, height) => {
    const { e, outcome } = judged((t) => (t < 0.06 * HOURS * HOUR ? height : 0));
    expect(e.from).toBeGreaterThan(0.06 * HOURS * HOUR);
    expect(outcome).toBe('pass');
  });
});

describe('a cycle of half the run', () => {
  test('that ends at its peak passes', () => {
    const { outcome, slope } = judged(wave(40 * MB, 4));
    expect(outcome).toBe('pass');
    expect(slope!.lo).toBeLessThan(0);
  });

  test('does not hide growth beside it', () => {
    const { outcome, slope } = judged(wave(40 * MB, 4), line(8 * MB));
    expect(outcome).not.toBe('pass');
    expect(slope!.hi).toBeGreaterThan(8 * MB);
    expect(slope!.lo).toBeGreaterThan(0);
  });
});

describe('a cycle of which less was seen', () => {
  // Its length is not known: without what that may be the interval misses the truth at 1.2 cycles, whatever the phase.
  test.each([1.2, 1.4, 1.7])('%d times does not pass a leak, which is in the interval', (seen) => {
    for (const phase of [0, 0.5]) {
      for (const rate of [1.5 * MB, 4 * MB]) {
        const { outcome, slope } = judged((t) => 60 * MB * Math.cos(2 * Math.PI * ((t * seen) / (HOURS * HOUR) + phase)), line(rate));
        expect(outcome).not.toBe('pass');
        expect(slope!.lo).toBeLessThan(rate);
        expect(slope!.hi).toBeGreaterThan(rate);
      }
    }
  });
});

describe('a batch in the second half', () => {
  test('that came and went passes', () => {
    expect(judged(batch(100 * MB)).outcome).toBe('pass');
  });

  test('does not hide growth beside it', () => {
    const { outcome, slope } = judged(batch(100 * MB), line(8 * MB));
    expect(outcome).toBe('fail');
    expect(slope!.lo).toBeLessThan(8 * MB);
    expect(slope!.hi).toBeGreaterThan(8 * MB);
  });
});
