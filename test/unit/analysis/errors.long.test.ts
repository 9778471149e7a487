/** Errors of the load, which are counted and judged by their rate. */
import { describe, expect, test } from 'vitest';
import type { VerdictSeries } from '../../../src/analysis/verdict.ts';
import { METRICS } from '../../../src/sources/traffic-metrics.ts';
import { M } from '../../sim/metrics.ts';
import { HOUR, Simulation } from '../../sim/run.ts';
import { line, type Signal, uniform } from '../../sim/series.ts';

/** Failed requests so far, that come by chance. */
function failures(seed: number, perSecond: (t: number) => number, most: number): Signal {
  const chance = uniform(seed);
  const wait = (): number => -Math.log(chance()) / most;
  let count = 0;
  let next = wait();
  return (t) => {
    for (; next <= t; next += wait()) if (chance() < perSecond(next) / most) count++;
    return count;
  };
}

describe('errors, by their rate', () => {
  const judged = (signal: Signal): VerdictSeries => {
    const series = [
      { def: METRICS.errors, source: 'traffic', signal },
      { def: M.cpu, signal: line(0.1 * HOUR) },
    ];
    return new Simulation({ hours: 8, interval: 20, series }).run().verdict().series[0]!;
  };

  test.each<[string, (t: number) => number]>([
    ['0.02 a second more in each hour', (t) => (0.02 * t) / HOUR],
    ['none for half of the run, then more and more', (t) => Math.max(0, t / HOUR - 4) * 0.1],
  ])('fail the run: %s', (_, rate) => {
    expect(judged(failures(3, rate, 0.4))).toMatchObject({
      outcome: 'fail',
      why: expect.stringMatching(/grows [\d.]+\/s\/h .* now [\d.]+\/s/) as string,
    });
  });

  test.each<[string, (t: number) => number, string]>([
    ['none at all', () => 0, 'pass'],
    ['two an hour', () => 0.0005, 'pass'],
    ['one a minute', () => 0.017, 'pass'],
    ['ten minutes of them near the end', (t) => (t > 7.8 * HOUR && t < 7.9 * HOUR ? 1 : 0), 'inconclusive'],
    ['that follow a cycle', (t) => 0.2 * (1 + Math.sin((3 * t) / HOUR)), 'inconclusive'],
  ])('do not: %s', (_, rate, outcome) => {
    expect(judged(failures(4, rate, 1))).toMatchObject({ outcome, grade: 'none' });
  });
});
