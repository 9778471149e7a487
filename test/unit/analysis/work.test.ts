import { describe, expect, test } from 'vitest';
import { type Work, workOf } from '../../../src/analysis/work.ts';
import { RunState } from '../../../src/runstate.ts';
import type { Phase, Span } from '../../../src/timeline.ts';
import { M } from '../../sim/metrics.ts';
import { HOUR, type Simulated, Simulation } from '../../sim/run.ts';
import { line, type Signal, sum } from '../../sim/series.ts';

function work(hours: number, series: readonly Simulated[], interval = 10, gaps: readonly Span[] = [], phases: readonly Phase[] = []): Work {
  const { state } = new Simulation({ hours, interval, series }).run();
  expect(state).toBeInstanceOf(RunState);
  return workOf(
    state.series.all().filter((s) => s.target === 'api'),
    state.store,
    state.t,
    phases,
    gaps,
  );
}

/** CPU seconds of a program that uses `cores` while `busy`. */
function cpu(cores: number, busy: (t: number) => boolean = () => true, idle = 0.0005): Signal {
  let [used, last] = [0, 0];
  return (t) => {
    used += (t - last) * (busy(t) ? cores : idle);
    last = t;
    return Math.round(used * 100) / 100;
  };
}

describe('work', () => {
  test('goes on', () => {
    expect(work(8, [{ def: M.cpu, signal: cpu(0.1) }])).toMatchObject({ signal: 'process.cpu.time', steady: true, stoppedAt: null });
  });

  test('goes on when it was not read for hours: what was counted meanwhile is of all of them', () => {
    for (let late = 0; late < 600; late += 150) {
      const when = (t: number): boolean => t < 2 * HOUR || t > 7 * HOUR + late;
      expect(work(16, [{ def: M.cpu, signal: cpu(0.1), when }]), `${late}`).toMatchObject({ steady: true, stoppedAt: null });
    }
  });

  test('of an idle program was never seen', () => {
    expect(work(8, [{ def: M.cpu, signal: cpu(0.0015) }])).toMatchObject({ steady: false, stoppedAt: null });
  });

  test('of a program that only started was never seen', () => {
    expect(work(8, [{ def: M.cpu, signal: cpu(0.9, (t) => t < 300) }])).toMatchObject({ steady: false });
  });

  test('stops after an hour of eight', () => {
    const { steady, stoppedAt } = work(8, [{ def: M.cpu, signal: cpu(0.1, (t) => t < HOUR) }]);
    expect(steady).toBe(true);
    expect(Math.abs(stoppedAt! - HOUR)).toBeLessThanOrEqual(240);
  });

  test('in batches is a pattern, and its pauses are no end', () => {
    const batches = (t: number): boolean => t % 3600 < 2400;
    expect(work(8.6, [{ def: M.cpu, signal: cpu(0.1, batches) }])).toMatchObject({ steady: true, stoppedAt: null });
  });

  test('that pauses as long as before has not stopped, even if the pause is the end of the run', () => {
    const batches = (t: number): boolean => t % 7200 < 4200;
    expect(work(7.95, [{ def: M.cpu, signal: cpu(0.1, batches) }])).toMatchObject({ steady: true, stoppedAt: null });
  });

  test('has stopped when a little goes on that is not idle by itself', () => {
    const { stoppedAt } = work(8, [{ def: M.cpu, signal: cpu(0.2, (t) => t < HOUR, 0.008) }]);
    expect(Math.abs(stoppedAt! - HOUR)).toBeLessThanOrEqual(240);
  });

  test('once in a while is not steady', () => {
    expect(work(8, [{ def: M.cpu, signal: cpu(0.5, (t) => t % 7200 < 300) }]).steady).toBe(false);
  });

  test('is counted in requests where they are, per hour, and CPU time says nothing then', () => {
    const busy: Simulated = { def: M.cpu, signal: cpu(0.5) };
    expect(work(2, [busy, { def: M.requests, signal: line(7200) }]).requestsPerHour).toBeCloseTo(7200, -1);
    expect(work(2, [busy, { def: M.requests, signal: () => 17 }])).toMatchObject({
      signal: 'requests',
      steady: false,
      requestsPerHour: null,
    });
  });

  test('of members is that of all of them, and of their total once', () => {
    const third = (member: string | null): Simulated => ({ def: M.requests, member, signal: line(100) });
    expect(work(2, [third('1'), third('2'), third('3')]).requestsPerHour).toBeCloseTo(300, 0);
    const total: Simulated = { def: M.requests, signal: sum(line(100), line(100)) };
    expect(work(2, [third('1'), third('2'), total]).requestsPerHour).toBeCloseTo(200, 0);
  });

  test('in a run of two minutes', () => {
    expect(work(2 / 60, [{ def: M.cpu, signal: cpu(0.03) }], 1)).toMatchObject({ steady: true, stoppedAt: null });
    expect(work(2 / 60, [{ def: M.cpu, signal: cpu(0.001) }], 1)).toMatchObject({ steady: false });
  });

  test('that nothing shows is not known', () => {
    expect(work(1, [{ def: M.memory, signal: () => 1 }])).toEqual({
      signal: null,
      steady: false,
      stoppedAt: null,
      ended: null,
      refusedBy: null,
      plateauFrom: null,
      requestsPerHour: null,
    });
  });

  describe('around a time when nobody watched', () => {
    const away: Span = { from: HOUR, to: HOUR + 120 };
    /** Nothing is sampled while nobody watches. */
    const seen = (signal: Signal): Simulated => ({ def: M.cpu, signal, when: (t) => t <= away.from || t >= away.to });
    const fallen = seen((t) => 0.2 * Math.min(t, HOUR) + 0.02 * Math.max(0, t - HOUR));

    test('is what it is on both sides: less than before is work', () => {
      expect(work(2, [fallen])).toMatchObject({ steady: true, stoppedAt: expect.closeTo(HOUR, -3) as number });
      expect(work(2, [fallen], 10, [away])).toMatchObject({ signal: 'process.cpu.time', steady: true, stoppedAt: null });
    });

    test('has stopped when there is none on the other side, or when it stops there', () => {
      const { stoppedAt } = work(2, [seen((t) => 0.2 * Math.min(t, HOUR))], 10, [away]);
      expect(Math.abs(stoppedAt! - HOUR)).toBeLessThanOrEqual(60);
      const later = work(2, [seen((t) => 0.2 * Math.min(t, HOUR) + 0.02 * Math.min(1800, Math.max(0, t - HOUR)))], 10, [away]);
      expect(Math.abs(later.stoppedAt! - HOUR - 1800)).toBeLessThanOrEqual(120);
    });

    test('is that before it where the rest is too short, or not judged; a hiccup divides nothing', () => {
      expect(work(1.05, [fallen], 10, [away])).toMatchObject({ steady: true, stoppedAt: null });
      const phases = [
        { name: 'steady', from: 0, judged: true },
        { name: 'cooldown', from: HOUR + 100, judged: false },
      ];
      expect(work(2, [seen((t) => 0.2 * Math.min(t, HOUR))], 10, [away], phases)).toMatchObject({ steady: true, stoppedAt: null });
      expect(work(2, [fallen], 10, [{ from: HOUR, to: HOUR + 50 }]).stoppedAt).not.toBeNull();
    });
  });

  describe('that is asked of a server', () => {
    const asked = (perSecond: (t: number) => number): Simulated => {
      let [sum, last] = [0, 0];
      const signal = (t: number): number => {
        sum += perSecond(t) * (t - last);
        last = t;
        return sum;
      };
      return { def: M.requests, source: 'load', signal };
    };
    const day = (t: number): number => 500 - 400 * Math.cos((2 * Math.PI * t) / (24 * HOUR));

    test('goes on through the night in which a recording ends, when it began in one', () => {
      expect(work(24, [asked(day)], 60)).toMatchObject({ steady: true, stoppedAt: null, ended: null });
    });

    test('fell where little is left of it, and stopped where nothing is', () => {
      const after = (rest: number): Work => work(24, [asked((t) => (t < 12 * HOUR ? 500 : rest))], 60);
      expect(after(60)).toMatchObject({ ended: 'faded', stoppedAt: expect.closeTo(12 * HOUR, -3) as number });
      expect(after(0)).toMatchObject({ ended: 'gone', stoppedAt: expect.closeTo(12 * HOUR, -3) as number });
    });
  });
});
