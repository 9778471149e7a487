/** Times that go back: what is late, what is a step of the clock, and what is no one recording. */
import { describe, expect, test } from 'vitest';
import { type Order, orderIn } from '../../../src/import/steps.ts';

const alike = (): boolean => true;

function found(times: readonly number[]): Order {
  return orderIn({ times: Float64Array.from(times), alike });
}

/** A row a minute, from one minute up to another. */
function minutes(from: number, to: number, offset = 0): number[] {
  return Array.from({ length: to - from }, (_, i) => (from + i) * 60 + offset);
}

/** Times of a sampler that is up to a fifth of its period late, without a period of its own. */
function jittered(times: readonly number[]): number[] {
  return times.map((time, i) => time + 12 * ((i * 0.618_033_988_75) % 1));
}

const none = { kind: 'steps', steps: [] };
const step = (at: number, size: number): object => ({ kind: 'steps', steps: [{ at, size }] });

describe('rows that only have to be sorted', () => {
  test.each<[string, number[]]>([
    ['newest first', minutes(0, 300).toReversed()],
    ['parts in the wrong order', [...minutes(200, 300), ...minutes(100, 200), ...minutes(0, 100)]],
    ['a row that is late', [...minutes(0, 100), 102 * 60, 101 * 60, ...minutes(103, 200)]],
    ['a buffer that comes late', [...minutes(0, 100), ...minutes(130, 160), ...minutes(100, 130), ...minutes(160, 200)]],
    ['pairs that are swapped', minutes(0, 200).map((_, i) => (i ^ 1) * 60)],
    ['no order at all', minutes(0, 300).map((_, i) => ((i * 7919) % 300) * 60)],
    ['a few rows, all ways', [5, 1, 6, 2, 4, 3]],
    ['a row that is corrected later', [...minutes(0, 100), 98 * 60, ...minutes(100, 200)]],
  ])('%s', (_, times) => {
    expect(found(times)).toEqual(none);
    expect(found(jittered(times))).toEqual(none);
  });
});

describe('steps of the clock', () => {
  test('an hour, however far the rows are apart', () => {
    expect(found([...minutes(0, 240), ...minutes(180, 400)])).toEqual(step(240, 3600));
    for (const apart of [1, 10, 300, 900, 1800]) {
      const count = (hours: number): number => (hours * 3600) / apart;
      const rows = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => (from + i) * apart);
      expect([apart, found([...rows(0, count(10)), ...rows(count(9), count(20))])]).toEqual([apart, step(count(10), 3600)]);
    }
  });

  test('minutes and seconds, and after each other', () => {
    expect(found([...minutes(0, 240), ...minutes(235, 400)])).toEqual(step(240, 300));
    expect(found([...minutes(0, 240), ...minutes(240, 400, -150)])).toEqual(step(240, 150));
    expect(found([...minutes(0, 240), ...minutes(230, 300), ...minutes(290, 400)])).toEqual({ kind: 'steps', steps: [{ at: 240, size: 600 }, { at: 310, size: 600 }] }); // prettier-ignore
  });

  test('rows that are late beside it are none', () => {
    const times = [...minutes(0, 100), 102 * 60, 101 * 60, ...minutes(103, 240), ...minutes(180, 300), 302 * 60, 301 * 60, ...minutes(303, 400)]; // prettier-ignore
    expect(found(times)).toEqual(step(239, 3600));
  });

  test('a clock that is not regular', () => {
    const times = [...jittered(minutes(0, 240)), ...jittered(minutes(180, 400))];
    const order = found(times);
    expect(order).toMatchObject({ kind: 'steps', steps: [{ at: 240 }] });
    if (order.kind === 'steps') expect(Math.abs(order.steps[0]!.size - 3600)).toBeLessThan(30);
  });
});

describe('what is no one recording', () => {
  test('one that begins anew', () => {
    expect(found([...minutes(0, 240), ...minutes(0, 240)])).toEqual({ kind: 'anew', at: 240 });
    expect(found([...minutes(0, 50), ...minutes(0, 50)])).toEqual({ kind: 'anew', at: 50 });
    expect(found([...minutes(0, 240), ...minutes(2, 240, 17)])).toEqual({ kind: 'anew', at: 240 });
    expect(found([...minutes(100, 240), ...minutes(0, 240)])).toEqual({ kind: 'anew', at: 140 });
    expect(found([...minutes(0, 600), ...minutes(300, 900)])).toEqual({ kind: 'anew', at: 600 });
  });

  test.each([7, 100, 300, 3600, 3617])('two clocks that are %d s apart', (apart) => {
    const times = minutes(0, 200).flatMap((time) => [time, time - apart]);
    const order = found(times);
    expect(order).toEqual({ kind: 'clocks', at: 1, count: 200 });
  });

  test('three clocks, and one that writes seldom', () => {
    const three = minutes(0, 200).flatMap((time) => [time, time - 100, time - 430]);
    expect(found(three)).toMatchObject({ kind: 'clocks', at: 1 });
    const seldom = minutes(0, 400).flatMap((time, i) => (i % 10 === 9 ? [time, time - 317] : [time]));
    expect(found(seldom)).toMatchObject({ kind: 'clocks', count: 40 });
  });

  test('clocks of what is measured once each are one recording', () => {
    const times = Float64Array.from(minutes(0, 200).flatMap((time) => [time, time - 90]));
    expect(orderIn({ times, alike: (a, b) => (a - b) % 2 === 0 })).toEqual(none);
    const blocks = Float64Array.from([...minutes(0, 100), ...minutes(0, 100)]);
    expect(orderIn({ times: blocks, alike: (a, b) => a < 100 === b < 100 })).toEqual(none);
  });
});
