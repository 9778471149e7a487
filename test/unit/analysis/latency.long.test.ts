/** Latency scatters in proportion to its size: it is judged by its logarithm, and reported in seconds. */
import { describe, expect, test } from 'vitest';
import { M } from '../../sim/metrics.ts';
import { HOUR, type Simulated, Simulation } from '../../sim/run.ts';
import { line, type Signal, white } from '../../sim/series.ts';

const HOURS = 8;
const GROWTH = 0.1;

/** Half a second at the end; deviations of 30 %, upwards far larger than downwards. */
function latency(seed: number, perHour: number, scatter = 0.3): Signal {
  const noise = white(seed, scatter);
  return (t) => 0.5 * Math.exp(perHour * (t / HOUR - HOURS) + noise(t));
}

function judged(signal: Signal) {
  const busy: Simulated = { def: M.cpu, signal: line(0.05 * HOUR) };
  const simulation = new Simulation({ hours: HOURS, interval: 30, series: [busy, { def: M.latency, signal }] }).run();
  const series = simulation.verdict().series.find(({ metric }) => metric === M.latency.name)!;
  const [explanation] = simulation.state.judge.explain([1], simulation.state);
  return { series, explanation: explanation! };
}

describe('latency', () => {
  test.each([1, 2, 3])('that grows by a share of itself is found, with an interval in seconds that holds the truth (seed %i)', (seed) => {
    const { series, explanation } = judged(latency(seed, GROWTH));
    expect(series).toMatchObject({ id: expect.stringContaining('latency') as string, grade: 'confirmed', class: 'latency' });
    const { lo, hi } = series.slope!;
    // The mean of what scatters by 30 % lies 4.6 % above its middle (exp(0.3^2 / 2)).
    const perHour = GROWTH * 0.5 * Math.exp(0.3 ** 2 / 2);
    expect(lo).toBeLessThan(perHour);
    expect(hi).toBeGreaterThan(perHour);
    expect(hi - lo).toBeLessThan(perHour);
    for (const values of [explanation.y, explanation.fitted]) {
      expect(Math.min(...values)).toBeGreaterThan(0.15);
      expect(Math.max(...values)).toBeLessThan(0.7);
    }
    expect(Math.abs(series.level! / 0.5 - 1)).toBeLessThan(0.15);
  });

  test.each([0, 0.05, 0.2])('that grows by the same every hour is found, though its logarithm bends (scatter %d)', (scatter) => {
    const noise = white(7, scatter);
    const { series } = judged((t) => (0.1 + (0.05 * t) / HOUR) * Math.exp(noise(t)));
    expect(series).toMatchObject({ grade: 'confirmed', outcome: 'fail' });
    expect(series.slope!.lo).toBeLessThan(0.052);
    expect(series.slope!.hi).toBeGreaterThan(0.048);
  });

  test.each([11, 12, 13])('that settles is not (seed %i)', (seed) => {
    const noise = white(seed, 0.1);
    const { series } = judged((t) => (0.1 + 0.2 * (1 - Math.exp(-t / HOUR))) * Math.exp(noise(t)));
    expect(series.grade).not.toBe('confirmed');
  });

  test('that only scatters is not', () => {
    expect(judged(latency(4, 0, 0.05)).series).toMatchObject({ grade: 'none', outcome: 'pass' });
  });

  test('that is zero when nothing is asked of the program is judged by what it is otherwise', () => {
    const own = latency(5, GROWTH);
    const { series } = judged((t) => (t % 600 === 0 ? 0 : own(t)));
    expect(series.grade).toBe('confirmed');
  });
});
