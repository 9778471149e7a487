import { afterEach, describe, expect, test, vi } from 'vitest';
import { SimClock } from '../../src/clock.ts';
import { Schedule } from '../../src/schedule.ts';
import type { Sink, Source } from '../../src/sources/source.ts';

function source(name: string, period: number, read: Source['read'], wants?: () => boolean): Source {
  return { name, period, open() {}, read, close() {}, ...(wants ? { wants } : {}) };
}

function sink(events: string[] = []): Sink {
  return { now: () => 0, set() {}, event: (kind, message) => events.push(`${kind}: ${message}`) };
}

/** Runs until `rounds` ticks have passed; `between` is called after each. */
async function rounds(
  clock: SimClock,
  sources: Source[],
  count: number,
  between: (round: number) => void = () => {},
  events: string[] = [],
): Promise<Schedule> {
  const schedule = new Schedule(clock, sources, sink(events));
  const stop = new AbortController();
  let n = 0;
  await schedule.run(async () => {
    n++;
    between(n);
    await Promise.resolve(); // a real tick lets asynchronous reads finish
    if (n === count) stop.abort();
  }, stop.signal);
  return schedule;
}

describe('Schedule', () => {
  afterEach(() => void vi.useRealTimers());

  test('each source is read on its own grid, at once at the start', async () => {
    const clock = new SimClock({ monotonic: 100 });
    const reads: string[] = [];
    const at = (name: string) => () => void reads.push(`${name}${clock.monotonic() - 100}`);
    await rounds(clock, [source('a', 1, at('a')), source('b', 2.5, at('b'))], 8);
    expect(reads).toEqual(['a0', 'b0', 'a1', 'a2', 'b2.5', 'a3', 'a4', 'a5', 'b5', 'a6']);
  });

  test('lateness does not add up, and missed slots are counted and skipped', async () => {
    const clock = new SimClock({ monotonic: 0 });
    const reads: number[] = [];
    const schedule = await rounds(clock, [source('a', 1, () => void reads.push(clock.monotonic()))], 5, (round) =>
      clock.advance(round === 2 ? 3.3 : 0.25),
    );
    expect(reads).toEqual([0, 1, 4.3, 5, 6]);
    expect(schedule.figures[0]).toMatchObject({ reads: 5, missed: 2 });
  });

  test('a million deadlines of 0.1 s do not drift', async () => {
    const clock = new SimClock({ monotonic: 0 });
    let reads = 0;
    await rounds(clock, [source('a', 0.1, () => void reads++)], 20_000);
    expect(clock.monotonic()).toBeCloseTo(1999.9, 6);
    expect(reads).toBe(20_000);
  });

  test('a read that is still under way is not joined by a second one', async () => {
    const clock = new SimClock({ monotonic: 0 });
    let finish = (): void => {};
    let reads = 0;
    const slow = source('slow', 1, () => {
      reads++;
      return new Promise<void>((resolve) => (finish = resolve));
    });
    const schedule = await rounds(clock, [slow], 6, (round) => round === 3 && finish());
    expect(reads).toBe(2);
    expect(schedule.figures[0]).toMatchObject({ missed: 4 });
  });

  test('failures are counted, and reported when they begin and end', async () => {
    const clock = new SimClock();
    const events: string[] = [];
    let n = 0;
    const flaky = source('flaky', 1, () => {
      n++;
      if (n === 2 || n === 3) throw new Error('no answer');
      return n === 4 ? Promise.reject(new Error('no answer')) : Promise.resolve();
    });
    const schedule = await rounds(clock, [flaky], 6, () => {}, events);
    expect(events).toEqual(['source_failed: flaky cannot be read: no answer', 'source_recovered: flaky can be read again']);
    expect(schedule.figures[0]).toMatchObject({ failures: 3, reads: 6 });
  });

  test('a source that wants to be read does not wait for its period, and keeps its grid', async () => {
    const clock = new SimClock({ monotonic: 0 });
    const reads: number[] = [];
    const eager = source(
      'eager',
      10,
      () => void reads.push(clock.monotonic()),
      () => clock.monotonic() === 3,
    );
    await rounds(clock, [eager, source('tick', 1, () => {})], 12);
    expect(reads).toEqual([0, 3, 10]);
  });

  test('abort ends the read in flight', async () => {
    const clock = new SimClock();
    let reason: unknown;
    const hanging = source('h', 1, (_, signal) => {
      signal.addEventListener('abort', () => (reason = signal.reason));
      return new Promise<void>(() => {});
    });
    const schedule = await rounds(clock, [hanging], 1);
    schedule.abort();
    expect(String(reason)).toContain('the run ends');
  });

  test('a read that does not answer is aborted, and its signal is not given to the next one', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const signals: AbortSignal[] = [];
    const hanging = source('h', 60, (_, signal) => {
      signals.push(signal);
      return new Promise<void>((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
    });
    const schedule = await rounds(new SimClock(), [hanging], 2, () => void vi.advanceTimersByTime(31_000));
    expect(signals.map(({ reason }) => String(reason))).toEqual(Array(2).fill('Error: h did not answer within 30 s'));
    expect(new Set(signals).size).toBe(2);
    expect(schedule.figures[0]).toMatchObject({ failures: 2 });
  });

  test('reads that are over at once make no timer', async () => {
    const timers = vi.spyOn(globalThis, 'setTimeout');
    await rounds(new SimClock(), [source('s', 1, () => {})], 5);
    expect(timers).not.toHaveBeenCalled();
    timers.mockRestore();
  });
});
