import { describe, expect, test } from 'vitest';
import { isLimitNear, isWhole, reachOf, spanOf, WHOLE_STEPS } from '../../../src/page/extent.ts';

const chart = { from: 0, step: 60, mean: [100, null, 120], min: null, max: null };
const limitedTo = (value: number) => ({ chart, fit: null, limits: [{ t: 0, value, from: 'rule' }] });

describe('a chart', () => {
  test('reaches to a limit that is near, and leaves out one that would press it flat', () => {
    expect([reachOf(limitedTo(190), true), isLimitNear(limitedTo(190), true)]).toEqual([[190], true]);
    expect([reachOf(limitedTo(9000), true), isLimitNear(limitedTo(9000), true)]).toEqual([[], false]);
    expect(isLimitNear({ chart, fit: null, limits: [] }, true)).toBe(false);
  });

  test.each([
    [7, 7, [6, 8]],
    [7.1, 7.4, [7, 8]],
    [0, 0, [0, 1]],
    [0, 2, [0, 3]],
    [60, 80, [58.4, 81.6]],
  ])('of a count from %s to %s has whole ends where it is small', (low, high, span) => expect(spanOf(low, high, [], true)).toEqual(span));

  test('of anything else has room above and below', () => {
    expect(spanOf(7, 7, [], false)).toEqual([6.3, 7.7]);
    expect(spanOf(null, null, [], false)).toEqual([0, 1]);
  });

  test('counts what has no parts in whole numbers', () => {
    const units = ['{thread}', '{cpu}', '{value}', 'By', 's'];
    expect(units.filter((unit) => isWhole({ unit, counter: false }))).toEqual(['{thread}']);
    expect(isWhole({ unit: '{request}', counter: true })).toBe(false);
    expect(WHOLE_STEPS.slice(0, 5)).toEqual([1, 2, 5, 10, 20]);
    expect(WHOLE_STEPS.every(Number.isInteger)).toBe(true);
  });
});
