import { describe, expect, test } from 'vitest';
import { deadline, parseRfc3339, rfc3339, SimClock, SystemClock, within } from '../../src/clock.ts';

describe('SystemClock', () => {
  test('never wakes before its deadline', async () => {
    const clock = new SystemClock();
    for (let i = 0; i < 20; i++) {
      const at = clock.monotonic() + 0.003;
      await clock.sleepUntil(at);
      expect(clock.monotonic()).toBeGreaterThanOrEqual(at);
    }
  });

  test('a deadline that has passed does not wait, an aborted wait rejects with the reason', async () => {
    const clock = new SystemClock();
    await clock.sleepUntil(clock.monotonic() - 10);
    const stop = new AbortController();
    const sleeping = [3600, 7200].map((s) => clock.sleepUntil(clock.monotonic() + s, stop.signal));
    await clock.sleepUntil(clock.monotonic() + 0.001, stop.signal);
    stop.abort(new Error('enough'));
    for (const sleep of sleeping) await expect(sleep).rejects.toThrow('enough');
    await expect(clock.sleepUntil(clock.monotonic() + 3600, stop.signal)).rejects.toThrow('enough');
  });

  test('CPU time counts up', () => {
    const clock = new SystemClock();
    const before = clock.cpu();
    for (let i = 0, x = 0; i < 3e6; i++) x += Math.sqrt(i);
    expect(clock.cpu()).toBeGreaterThan(before);
  });
});

describe('SimClock', () => {
  test('sleeping moves both clocks, a step only the wall', async () => {
    const clock = new SimClock({ monotonic: 5, wall: 100 });
    await clock.sleepUntil(8);
    expect([clock.monotonic(), clock.wall()]).toEqual([8, 103]);
    clock.stepWall(-50);
    expect([clock.monotonic(), clock.wall()]).toEqual([8, 53]);
    await clock.sleepUntil(1);
    expect(clock.monotonic()).toBe(8);
  });
});

test('within tells a promise that settled from one that did not, and passes its error on', async () => {
  expect(await within(Promise.resolve(1), 60)).toBe(true);
  expect(await within(new Promise(() => {}), 0.001)).toBe(false);
  await expect(within(Promise.reject(new Error('no')), 60)).rejects.toThrow('no');
});

test('a deadline aborts with its reason, and not after its end', async () => {
  const limit = deadline(0.001, 'too late');
  limit.start();
  await new Promise((resolve) => limit.signal.addEventListener('abort', resolve));
  expect((limit.signal.reason as Error).message).toBe('too late');
  const ended = deadline(3600, 'never');
  ended.start();
  ended.end();
  expect(ended.signal.aborted).toBe(false);
});

test('RFC 3339 both ways, and null for what is not a time', () => {
  expect(rfc3339(1_767_225_600.25)).toBe('2026-01-01T00:00:00.250Z');
  expect(parseRfc3339('2026-01-01T00:00:00.250Z')).toBe(1_767_225_600.25);
  expect(rfc3339(null)).toBeNull();
  expect(rfc3339(Number.NaN)).toBeNull();
  expect(parseRfc3339('yesterday')).toBeNull();
});
