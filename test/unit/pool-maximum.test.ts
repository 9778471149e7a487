import { describe, expect, test } from 'vitest';
import { Maximum, standsStill } from '../../src/sources/pool-maximum.ts';

function fed(readings: readonly (readonly [total: number, idle: number])[]): Maximum {
  const maximum = new Maximum(10);
  readings.forEach(([total, idle], i) => maximum.update(i * 5, total, idle));
  return maximum;
}

const times = <T>(n: number, value: T): T[] => Array.from({ length: n }, () => value);

describe('learned', () => {
  test('from three windows that were as full, once the third is over', () => {
    expect(fed(times(6, [10, 0] as const)).learned).toBeNull();
    expect(fed(times(7, [10, 0] as const)).learned).toBe(10);
  });

  test('not while there is an idle one', () => {
    expect(fed(times(20, [10, 1] as const)).learned).toBeNull();
    expect(fed(times(20, [10, 1] as const)).constant).toBe(10);
  });

  test('quiet windows in between do not count, and a larger pool begins anew', () => {
    const full = [[10, 0] as const, [10, 0] as const];
    const quiet = [[4, 2] as const, [4, 2] as const];
    expect(fed([...full, ...quiet, ...full, ...quiet, ...full, ...quiet]).learned).toBe(10);
    expect(fed([...full, ...full, ...full, ...full, [11, 0]]).learned).toBeNull();
  });

  test('a pool that was full before it grew had room', () => {
    const grows = [[9, 0] as const, [10, 1] as const];
    expect(fed([...grows, ...grows, ...grows, ...grows]).learned).toBeNull();
  });

  test('a single connection that is always busy is no pool', () => {
    expect(fed(times(20, [1, 0] as const)).learned).toBeNull();
  });
});

test('a pool stands still when all are there, none is at work, and nothing changed for 5 s', () => {
  const full = { total: 10, active: 0, most: 10, changedAt: 0 };
  expect(standsStill(5, full)).toBe(true);
  expect(standsStill(4.9, full)).toBe(false);
  expect(standsStill(5, { ...full, active: 1 })).toBe(false);
  expect(standsStill(5, { ...full, total: 9 })).toBe(false);
  expect(standsStill(5, { ...full, most: null })).toBe(false);
});
