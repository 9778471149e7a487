import * as fc from '../../property.ts';
import { describe, expect, test } from 'vitest';
import { Deltas } from '../../../src/intake/deltas.ts';
import type { CounterPoint, HistogramPoint } from '../../../src/intake/point.ts';
import type { Bucket } from '../../../src/quantiles.ts';
import { countsOf, listed } from '../../histograms.ts';

const START = 1000;

/** Takes points as they come: at their own time. */
class Told extends Deltas {
  override take<P extends CounterPoint | HistogramPoint>(point: P, now = point.wall ?? START): P | null {
    return super.take(point, now);
  }
}

function counter(value: number, wall: number | null, more: Partial<CounterPoint> = {}): CounterPoint {
  return { kind: 'counter', temporality: 'cumulative', name: 'c', unit: '', labels: {}, since: START, wall, value, ...more };
}

function histogram(
  counts: readonly (readonly [number, number, number])[],
  wall: number,
  more: Partial<HistogramPoint> = {},
): HistogramPoint {
  const buckets = counts.map(([over, to, count]): Bucket => ({ over, to, count }));
  const count = buckets.reduce((sum, bucket) => sum + bucket.count, 0);
  return {
    kind: 'histogram',
    temporality: 'cumulative',
    name: 'h',
    unit: 's',
    labels: {},
    since: START,
    wall,
    count,
    sum: count * 2,
    buckets: countsOf(buckets),
    ...more,
  };
}

describe('counters', () => {
  test('grow by what came since the point before', () => {
    const deltas = new Told({ from: START });
    expect(deltas.take(counter(5, 1010))).toMatchObject({ value: 5, temporality: 'delta', since: START });
    expect(deltas.take(counter(7, 1020))).toMatchObject({ value: 2, temporality: 'delta', since: 1010, wall: 1020 });
    expect(deltas.take(counter(7, 1030))).toMatchObject({ value: 0 });
  });

  test('that began before we listened, or do not say when, begin with where they stand', () => {
    for (const since of [START - 1, null]) {
      const deltas = new Told({ from: START });
      expect(deltas.take(counter(500, 1010, { since }))).toBeNull();
      expect(deltas.take(counter(507, 1020, { since }))).toMatchObject({ value: 7 });
    }
  });

  test('that begin anew have counted what they show: by their beginning, or because they fall', () => {
    const deltas = new Told({ from: START });
    deltas.take(counter(50, 1010));
    expect(deltas.take(counter(60, 1020, { since: 1015 }))).toMatchObject({ value: 60, since: 1015 });
    expect(deltas.take(counter(4, 1030, { since: 1015 }))).toMatchObject({ value: 4 });
  });

  test('that come twice, late, or from a life that has ended are not counted again', () => {
    const deltas = new Told({ from: START });
    deltas.take(counter(50, 1020, { since: 1015 }));
    expect(deltas.take(counter(50, 1020, { since: 1015 }))).toBeNull();
    expect(deltas.take(counter(40, 1019, { since: 1015 }))).toBeNull();
    expect(deltas.take(counter(99, 1030, { since: 1005 }))).toBeNull();
    expect(deltas.take(counter(51, 1040, { since: 1015 }))).toMatchObject({ value: 1 });
    expect(deltas.dropped).toEqual({ late: 3, buckets: 0, room: 0 });
  });

  test('told as deltas go through, once each', () => {
    const deltas = new Told({ from: START });
    const delta = (value: number, wall: number): CounterPoint => counter(value, wall, { temporality: 'delta', since: wall - 10 });
    expect(deltas.take(delta(5, 1010))).toEqual(delta(5, 1010));
    expect(deltas.take(delta(5, 1010))).toBeNull();
    expect(deltas.take(delta(3, 1020))).toMatchObject({ value: 3 });
    expect(deltas.take(counter(8, 1030))).toBeNull(); // the same as a total: it has been counted
    expect(deltas.take(counter(9, 1040))).toMatchObject({ value: 1 });
  });

  test('are told apart by name, kind and labels, in whatever order these come', () => {
    const deltas = new Told({ from: START });
    deltas.take(counter(5, 1010, { labels: { a: '1', b: '2' } }));
    expect(deltas.take(counter(6, 1020, { labels: { b: '2', a: '1' } }))).toMatchObject({ value: 1 });
    expect(deltas.take(counter(6, 1020, { labels: { b: '2' } }))).toMatchObject({ value: 6 });
    expect(deltas.take(counter(6, 1020, { name: 'd', labels: { b: '2' } }))).toMatchObject({ value: 6 });
  });
});

describe('a time in our future', () => {
  let ours = 0;
  const deltas = (): Deltas => new Deltas({ from: START, wall: () => ours });
  /** The sender's clock is `ahead` of ours. */
  const told = (to: Deltas, [at, value, ahead]: readonly number[], more: Partial<CounterPoint> = {}): number | null => {
    ours = START + at!;
    return to.take(counter(value!, ours + ahead!, more), ours)?.value ?? null;
  };

  test('does not stop the counting when the clock is set back, whether the counter tells its beginning or not', () => {
    for (const since of [START, null]) {
      const to = deltas();
      const steps = [
        [10, 100, 0],
        [20, 110, 60],
        [30, 120, 60],
        [40, 130, 0],
        [50, 140, 0],
      ];
      expect(steps.map((step) => told(to, step, { since })).slice(1)).toEqual([10, 10, 10, 10]);
      expect(to.dropped.late).toBe(0);
    }
  });

  test('that one point has by mistake costs nothing, also of a clock that is always ahead', () => {
    const to = deltas();
    const steps = [
      [10, 100, 50],
      [20, 110, 86_400],
      [30, 120, 50],
      [40, 130, 50],
    ];
    expect(steps.map((step) => told(to, step))).toEqual([100, 10, 10, 10]);
  });

  test('leaves what comes twice or late of a clock that is always ahead as it is', () => {
    const to = deltas();
    const steps = [
      [10, 100, 50],
      [20, 120, 50],
      [21, 120, 49],
      [22, 110, 40],
      [60, 110, 1],
      [61, 125, 50],
    ];
    expect(steps.map((step) => told(to, step))).toEqual([100, 20, null, null, null, 5]);
    expect(to.dropped.late).toBe(3);
  });

  test('of the beginning of a life is forgotten with it', () => {
    const to = deltas();
    told(to, [10, 100, 60], { since: START + 65 });
    expect(told(to, [20, 7, 0], { since: START + 15 })).toBe(7);
    expect(told(to, [30, 9, 0], { since: START + 15 })).toBe(2);
  });
});

describe('histograms', () => {
  const bounds = (counts: readonly number[]): [number, number, number][] =>
    counts.map((count, i) => [i === 0 ? -Infinity : i, i + 1, count]);

  test('grow bucket by bucket', () => {
    const deltas = new Told({ from: START });
    deltas.take(histogram(bounds([1, 2, 3]), 1010));
    expect(deltas.take(histogram(bounds([1, 4, 4]), 1020))).toEqual(
      histogram(bounds([0, 2, 1]), 1020, { temporality: 'delta', since: 1010 }),
    );
  });

  test('of a coarser scale contain the buckets of before', () => {
    const deltas = new Told({ from: START });
    deltas.take(
      histogram(
        [
          [1, 2, 1],
          [2, 4, 2],
          [8, 16, 3],
        ],
        1010,
      ),
    );
    const coarse = histogram(
      [
        [1, 4, 5],
        [4, 16, 3],
        [64, 256, 1],
      ],
      1020,
    );
    expect(listed(deltas.take(coarse))).toMatchObject({
      count: 3,
      buckets: [
        { over: 1, to: 4, count: 2 },
        { over: 4, to: 16, count: 0 },
        { over: 64, to: 256, count: 1 },
      ],
    });
  });

  test.each([
    ['other bounds', [[0, 1.5, 9]] as const],
    [
      'a bucket that lost values',
      [
        [0, 1, 0],
        [1, 2, 9],
      ] as const,
    ],
    ['a bucket that is gone', [[1, 2, 9]] as const],
  ])('with %s begin with where they stand', (_, counts) => {
    const deltas = new Told({ from: START });
    deltas.take(
      histogram(
        [
          [0, 1, 3],
          [1, 2, 1],
        ],
        1010,
      ),
    );
    expect(deltas.take(histogram(counts, 1020))).toBeNull();
    expect(deltas.dropped.buckets).toBe(1);
    expect(
      deltas.take(
        histogram(
          counts.map(([over, to, count]) => [over, to, count + 1]),
          1030,
        ),
      ),
    ).toMatchObject({ count: counts.length });
  });

  test('without a sum have no sum of the increment', () => {
    const deltas = new Told({ from: START });
    deltas.take(histogram([[0, 1, 3]], 1010, { sum: null }));
    expect(deltas.take(histogram([[0, 1, 5]], 1020))).toMatchObject({ count: 2, sum: null });
  });
});

describe('what is remembered', () => {
  const of = (name: string, value: number, wall: number, since = START): CounterPoint => counter(value, wall, { name, since });

  test('is bounded: a series that was idle makes room, and is not counted whole when it comes back', () => {
    const deltas = new Told({ from: START, keysMax: 2 });
    deltas.take(of('a', 10, 1010));
    deltas.take(of('b', 10, 1011));
    deltas.take(of('a', 11, 1100));
    expect(deltas.take(of('c', 10, 1200, 1150))).toMatchObject({ value: 10 }); // b makes room
    expect(deltas.size).toBe(2);
    expect(deltas.take(of('a', 12, 1201))).toMatchObject({ value: 1 });
    expect(deltas.take(of('b', 15, 1400))).toBeNull();
    expect(deltas.take(of('b', 17, 1401))).toMatchObject({ value: 2 });
    expect(deltas.take(of('new', 3, 1600, 1550))).toMatchObject({ value: 3 }); // began after what was forgotten
  });

  test('is kept while it is told: more series than there is room for do not push each other out', () => {
    const deltas = new Told({ from: START, keysMax: 10 });
    const counted = (wall: number): number =>
      Array.from({ length: 15 }, (_, i) => deltas.take(of(`s${i}`, wall, wall))).filter(Boolean).length;
    expect([counted(1010), counted(1020), counted(1030)]).toEqual([10, 10, 10]);
    expect(deltas.dropped.room).toBe(15);
    expect(deltas.take(of('s14', 2000, 1500))).toBeNull(); // was there all the time
    expect(deltas.take(of('s14', 2001, 1510))).toMatchObject({ value: 1 });
  });

  test('is bounded in bytes', () => {
    const deltas = new Told({ from: START, bytesMax: 100_000 });
    for (let i = 0; i < 1000; i++) deltas.take(counter(1, 1010, { labels: { path: String(i).padEnd(250, 'x') } }));
    expect(deltas.size).toBeLessThan(150);
    expect(deltas.size).toBeGreaterThan(100);
  });
});

/** A counter as its program has it: what is added, restarts, and pushes, of which some come twice, late, or never. */
const HISTORY = fc.array(fc.record({ add: fc.nat(100), restart: fc.boolean(), send: fc.constantFrom('once', 'twice', 'never', 'late') }), {
  maxLength: 40,
});

test('the sum of increments is what was counted, across restarts, for who sends everything once', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ add: fc.nat(100), restart: fc.boolean() }), { maxLength: 40 }), (steps) => {
      const deltas = new Told({ from: START });
      let [counted, value, since, sum] = [0, 0, START, 0];
      for (const [i, { add, restart }] of steps.entries()) {
        const wall = START + 10 * (i + 1);
        if (restart) [value, since] = [0, wall - 5];
        value += add;
        counted += add;
        sum += deltas.take(counter(value, wall, { since }))?.value ?? 0;
      }
      expect(sum).toBe(counted);
    }),
  );
});

test('the sum of increments never exceeds what was counted, whatever comes twice, late or never, and whatever is forgotten', () => {
  fc.assert(
    fc.property(HISTORY, fc.integer({ min: 1, max: 3 }), (steps, keysMax) => {
      const deltas = new Told({ from: START, keysMax });
      let [counted, value, since, sum] = [0, 0, START, 0];
      const take = (point: CounterPoint): void => void (sum += deltas.take(point)?.value ?? 0);
      for (const [i, { add, restart, send }] of steps.entries()) {
        const wall = START + 10 * (i + 1);
        if (restart) [value, since] = [0, wall - 5];
        value += add;
        counted += add;
        const point = counter(value, wall, { since });
        if (send === 'late') take(counter(Math.max(0, value - add), wall - 15, { since }));
        if (send !== 'never') take(point);
        if (send === 'twice') take(point);
        deltas.take(counter(1, wall, { name: `other${i % 3}`, since }), wall + 1000 * i);
      }
      expect(sum).toBeLessThanOrEqual(counted);
    }),
  );
});

test('histograms: increments of every bucket add up to the last, whatever scale they take', () => {
  const scales = fc.array(
    fc.record({ values: fc.array(fc.double({ min: 0.01, max: 1e6, noNaN: true }), { maxLength: 10 }), coarser: fc.boolean() }),
    { maxLength: 12 },
  );
  fc.assert(
    fc.property(scales, (steps) => {
      const deltas = new Told({ from: START });
      const values: number[] = [];
      let [scale, seen, sum] = [4, 0, 0];
      for (const [i, step] of steps.entries()) {
        if (step.coarser && scale > -3) scale--;
        values.push(...step.values);
        const grown = deltas.take(histogram(exponential(values, scale), START + 10 * (i + 1)));
        expect(grown).not.toBeNull();
        expect(grown!.buckets.counts.every((count) => count >= 0)).toBe(true);
        seen += grown!.buckets.counts.reduce((all, count) => all + count, 0);
        sum += grown!.count;
      }
      expect([seen, sum]).toEqual([values.length, values.length]);
    }),
  );
});

function exponential(values: readonly number[], scale: number): [number, number, number][] {
  const counts = new Map<number, number>();
  for (const value of values) {
    const index = Math.ceil(Math.log2(value) * 2 ** scale) - 1;
    counts.set(index, (counts.get(index) ?? 0) + 1);
  }
  const bound = (index: number): number => 2 ** (index / 2 ** scale);
  return [...counts].toSorted(([a], [b]) => a - b).map(([index, count]) => [bound(index), bound(index + 1), count]);
}
