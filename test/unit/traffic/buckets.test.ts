/** Counts in buckets against the durations themselves. */
import { describe, expect, test } from 'vitest';
import type { Bucket } from '../../../src/quantiles.ts';
import { BUCKETS_MAX, coarsened, Durations, mergeBuckets, plainBound } from '../../../src/traffic/buckets.ts';
import { countOf, quantileOf, unresolved } from '../../../src/quantiles.ts';
import * as fc from '../../property.ts';

const DURATION = fc.double({ min: 0, max: 400, noNaN: true });
const DURATIONS = fc.array(DURATION, { maxLength: 200 });

function counted(seconds: readonly number[]): Durations {
  const durations = new Durations();
  for (const one of seconds) durations.add(one);
  return durations;
}

/** The rank-th of the sorted values, as a quantile of counts means it. */
function exact(sorted: readonly number[], quantile: number): number {
  return sorted[Math.max(0, Math.ceil(quantile * sorted.length) - 1)]!;
}

describe('buckets', () => {
  test('hold every duration in a bucket that it lies in, whatever it is', () => {
    fc.assert(
      fc.property(DURATION, (seconds) => {
        const [bucket, ...more] = counted([seconds]).buckets();
        expect(more).toEqual([]);
        expect(bucket!.count).toBe(1);
        expect(seconds <= bucket!.to && (seconds > bucket!.over || bucket!.over === 0)).toBe(true);
      }),
    );
  });

  test('are as wide as a sixteenth of an octave from 0.1 ms to 300 s', () => {
    for (const seconds of [0.000_11, 0.001, 0.0123, 0.5, 1, 7.7, 299]) {
      const [{ over, to }] = counted([seconds]).buckets() as [Bucket];
      expect(to / over).toBeCloseTo(2 ** (1 / 16), 4);
    }
    expect(counted([1000]).buckets()[0]!.to).toBe(Infinity);
    expect(counted([1e-9]).buckets()[0]!.over).toBe(0);
  });

  test('what is no duration is not counted, what is below zero is zero', () => {
    const durations = counted([Number.NaN, Infinity, -1]);
    expect(durations.count).toBe(1);
    expect(durations.sum).toBe(0);
  });

  test('add up in any order and grouping', () => {
    fc.assert(
      fc.property(DURATIONS, DURATIONS, DURATIONS, (a, b, c) => {
        const [x, y, z] = [a, b, c].map((one) => counted(one).buckets()) as [Bucket[], Bucket[], Bucket[]];
        const all = mergeBuckets([x, y, z]);
        expect(mergeBuckets([mergeBuckets([x, y]), z])).toEqual(all);
        expect(mergeBuckets([z, mergeBuckets([y, x])])).toEqual(all);
        expect(all).toEqual(counted([...a, ...b, ...c]).buckets());
      }),
    );
  });

  test('take nothing that is no count, and not more different ones than there is room for', () => {
    const bad = [
      { over: 1, to: 1, count: 3 },
      { over: 2, to: 1, count: 3 },
      { over: 0, to: 1, count: -1 },
      { over: 0, to: 1, count: Number.NaN },
    ];
    expect(mergeBuckets([bad])).toEqual([]);
    const many = Array.from({ length: BUCKETS_MAX + 50 }, (_, i) => ({ over: i, to: i + 1, count: 1 }));
    expect(mergeBuckets([many])).toHaveLength(BUCKETS_MAX);
  });

  test('those of finer exponential histograms go into ours without loss, few wide ones stay as they are', () => {
    const fine = Array.from({ length: 160 }, (_, i) => ({ over: 2 ** (i / 64 - 4), to: 2 ** ((i + 1) / 64 - 4), count: i }));
    const coarse = coarsened(fine);
    expect(coarse).toHaveLength(40);
    expect(countOf(coarse)).toBe(countOf(fine));
    const theirs = [0, 5, 10, 25, 50].map((ms, i, all) => ({ over: ms / 1000, to: (all[i + 1] ?? Infinity) / 1000, count: 1 }));
    expect(coarsened(theirs)).toEqual(theirs);
  });

  test('a bound is the same whichever way it was computed', () => {
    expect(plainBound(0.1 + 0.2)).toBe(plainBound(0.3));
  });
});

describe('quantiles', () => {
  test('of durations seen one by one are off by no more than the width of a bucket', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0.000_3, max: 299, noNaN: true }), { minLength: 1, maxLength: 300 }),
        fc.constantFrom(0.5, 0.9, 0.95, 0.99),
        (seconds, quantile) => {
          const sorted = seconds.toSorted((a, b) => a - b);
          const found = quantileOf(counted(sorted).buckets(), quantile).seconds!;
          const truth = exact(sorted, quantile);
          expect(found / truth).toBeGreaterThanOrEqual(2 ** (-1.01 / 16));
          expect(found / truth).toBeLessThanOrEqual(2 ** (1.01 / 16));
        },
      ),
    );
  });

  test('are not told where the bucket is too wide, and say which one it is', () => {
    const k6 = [
      { over: 0.05, to: 0.1, count: 90 },
      { over: 0.1, to: 0.25, count: 10 },
    ];
    expect(quantileOf(k6, 0.95)).toEqual({ seconds: null, bucket: k6[1] });
    expect(unresolved(k6[1]!)).toBe('it lies anywhere from 100 to 250 ms');
    expect(unresolved({ over: 10, to: Infinity, count: 1 })).toBe('it lies anywhere above 10000 ms');
    expect(quantileOf([{ over: 0.75, to: 1, count: 3 }], 0.5).seconds).toBeCloseTo(0.866, 3);
    expect(quantileOf([{ over: 0, to: 5, count: 3 }], 0.5).seconds).toBeNull();
    expect(quantileOf([{ over: 5, to: Infinity, count: 3 }], 0.5).seconds).toBeNull();
  });

  test('of nothing are nothing', () => {
    expect(quantileOf([], 0.5)).toEqual({ seconds: null, bucket: null });
    expect(quantileOf([{ over: 0, to: 1, count: 0 }], 0.5)).toEqual({ seconds: null, bucket: null });
  });
});
