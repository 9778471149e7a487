/** How long a connection may be left alone, by those that came back. */
import { expect, test } from 'vitest';
import * as fc from '../property.ts';
import { Returns } from '../../src/sources/pool-returns.ts';

function returned(...seconds: readonly number[]): Returns {
  const returns = new Returns();
  seconds.forEach((one, i) => returns.add(`s${i}`, one));
  return returns;
}

test('the longest counts while not three times as many have been left alone for as long', () => {
  expect(returned().longest([60, 60, 60])).toBe(0);
  expect(returned(44).longest([])).toBe(44);
  expect(returned(44).longest([50, 45, 43])).toBe(44);
  expect(returned(44).longest([50, 45, 44])).toBe(0);
});

test('the next longest counts when the longest does not', () => {
  expect(returned(44, 20).longest([50, 45, 44])).toBe(20);
  expect(returned(44, 20).longest([50, 45, 44, 30, 25, 20])).toBe(0);
  expect(returned(44, 43).longest([44, 44, 44, 44, 44])).toBe(43);
});

test('one connection that comes back often is one', () => {
  const returns = new Returns();
  for (const seconds of [30, 44, 40]) returns.add('a', seconds);
  expect(returns.longest([44, 44])).toBe(44);
  expect(returns.longest([44, 44, 44])).toBe(0);
});

test('of many the longest are remembered', () => {
  const returns = returned(...Array.from({ length: 500 }, (_, i) => i));
  expect(returns.longest([])).toBe(499);
  expect(returns.longest(Array.from({ length: 191 }, () => 500))).toBe(436);
  expect(returns.longest(Array.from({ length: 192 }, () => 500))).toBe(0);
});

test('is one of the returns or nothing, and more that are lost never make it longer', () => {
  const ages = fc.array(fc.integer({ min: 0, max: 100 }), { maxLength: 30 });
  fc.assert(
    fc.property(ages, ages, ages, (back, lost, more) => {
      const returns = returned(...back);
      const longest = returns.longest(lost);
      expect([0, ...back]).toContain(longest);
      expect(returns.longest([...lost, ...more])).toBeLessThanOrEqual(longest);
    }),
  );
});
