import { describe, expect, test } from 'vitest';
import type { CounterPoint, HistogramPoint } from '../../../src/intake/point.ts';
import { Increments } from '../../../src/traffic/increments.ts';
import * as fc from '../../property.ts';

function counter(value: number, more: Partial<CounterPoint> = {}): CounterPoint {
  return { kind: 'counter', temporality: 'cumulative', name: 'n', unit: '', labels: {}, wall: null, since: null, value, ...more };
}

function histogram(counts: readonly number[], more: Partial<HistogramPoint> = {}): HistogramPoint {
  const bounds = [0, 1, 2, 4, Infinity];
  const buckets = counts.map((count, i) => ({ over: bounds[i]!, to: bounds[i + 1]!, count }));
  const count = counts.reduce((sum, one) => sum + one, 0);
  return { kind: 'histogram', temporality: 'cumulative', name: 'n', unit: 's', labels: {}, wall: null, since: null, count, sum: count, buckets, ...more };
}

describe('increments', () => {
  test('of a cumulative counter begin with its second export, add up to its rise, and survive that it begins anew', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(1000), fc.boolean()), { maxLength: 30 }), (steps) => {
        const increments = new Increments();
        let value = 500;
        let since = 0;
        increments.of('f', counter(value, { since, wall: 0 }), 0, 0);
        steps.forEach(([step, restarts], i) => {
          const wall = (i + 1) * 10;
          value = restarts ? step : value + step;
          since = restarts ? wall - 5 : since;
          expect(increments.of('f', counter(value, { since, wall }), wall, wall)!.count).toBe(step);
        });
      }),
    );
    const increments = new Increments();
    expect(increments.of('f', counter(100), 0, 0)).toBeNull();
    expect(increments.of('f', counter(110), 10, 10)).toEqual({ count: 10, sum: null, buckets: null, seconds: 10 });
    expect(increments.of('f', counter(4), 20, 20)).toEqual({ count: 4, sum: null, buckets: null, seconds: 10 });
    expect(increments.of('f', counter(4), 30, 30)!.count).toBe(0);
  });

  test('of one that began while we listened count from zero', () => {
    const increments = new Increments();
    expect(increments.of('f', counter(7, { wall: 110, since: 100 }), 50, 50)).toMatchObject({ count: 7, seconds: 10 });
    expect(increments.of('g', counter(7, { wall: 110, since: 10 }), 50, 50)).toBeNull();
  });

  test('of a series that appears beside others are all of it: the first 500 among the 200s is not lost', () => {
    const increments = new Increments();
    increments.of('f', counter(100, { labels: { status: '200' } }), 0, 0);
    increments.of('f', counter(150, { labels: { status: '200' } }), 10, 10);
    expect(increments.of('f', counter(3, { labels: { status: '500' } }), 10, 10)).toMatchObject({ count: 3, seconds: 10 });
  });

  test('of what had to be forgotten are not invented', () => {
    const increments = new Increments(2);
    for (let now = 0; now < 3; now++) {
      for (const status of ['a', 'b', 'c']) {
        const told = increments.of('f', counter(1000 + now, { labels: { status } }), now * 10, now * 10);
        expect(told === null || told.count < 1000).toBe(true);
      }
    }
    expect(increments.size).toBe(2);
  });

  test('of histograms are those of each bucket, and of deltas what they say', () => {
    const increments = new Increments();
    increments.of('f', histogram([5, 0, 1, 0]), 0, 0);
    const told = increments.of('f', histogram([6, 2, 1, 1]), 10, 10)!;
    expect(told.count).toBe(4);
    expect(told.buckets!.map(({ count }) => count)).toEqual([1, 2, 0, 1]);
    expect(increments.of('d', histogram([1, 1, 0, 0], { temporality: 'delta', since: 100, wall: 105 }), 0, 0)).toMatchObject({
      count: 2,
      seconds: 5,
    });
  });

  test('of an exponential histogram whose buckets were merged meanwhile are still told', () => {
    const increments = new Increments();
    increments.of('f', histogram([], { count: 3, buckets: [{ over: 1, to: 2, count: 1 }, { over: 2, to: 4, count: 2 }] }), 0, 0);
    const wide = increments.of('f', histogram([], { count: 5, buckets: [{ over: 1, to: 4, count: 5 }] }), 10, 10)!;
    expect(wide.buckets).toEqual([{ over: 1, to: 4, count: 2 }]);
    const other = increments.of('f', histogram([], { count: 9, buckets: [{ over: 1.5, to: 6, count: 9 }] }), 20, 20)!;
    expect(other).toMatchObject({ count: 4, buckets: null });
  });
});
