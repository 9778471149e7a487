/** Simulated pairs of runs: how many of one build are called different, and whether a clear change is. `bench/comparison.ts` measures both at length. */
import { describe, expect, test } from 'vitest';
import { compare } from '../../../src/comparison/compare.ts';
import { type Build, runsOf } from '../../sim/builds.ts';

const OPTIONS = { between: null, strict: false };

/** Share of comparisons of a build with itself that call anything, at most. */
const FALSE_ALARMS = 0.01;

/** So rarely a comparison that keeps to its share would call more. */
const CHANCE = 1e-4;

/** Ids of what a comparison calls different. */
function called(hours: number, seed: number, calls: ReadonlySet<string>, changed?: Build): string[] {
  const { signals } = compare(runsOf(1, hours, seed), runsOf(1, hours, seed + 1, changed), OPTIONS);
  return signals.flatMap(({ id, call, slope }) => (calls.has(call) || (slope !== null && calls.has(slope.call)) ? [id] : []));
}

/** The least k with P(X > k) < CHANCE for X of a binomial distribution. */
function most(n: number, p: number): number {
  let [k, term, above] = [0, (1 - p) ** n, 1 - (1 - p) ** n];
  while (above >= CHANCE) {
    term *= ((n - k) / (k + 1)) * (p / (1 - p));
    above -= term;
    k++;
  }
  return k;
}

test('the bound is that of the binomial distribution', () => {
  expect(most(240, FALSE_ALARMS)).toBe(10); // P(X > 10) = 3.7e-5, P(X > 9) = 1.8e-4
  expect(most(1, 0.5)).toBe(1);
});

test('pairs of runs of one build are rarely called different', () => {
  const pairs = [
    { hours: 1, count: 180 },
    { hours: 8, count: 60 },
  ].flatMap(({ hours, count }) => Array.from({ length: count }, (_, i) => ({ hours, seed: 2 * i + 1 })));
  const calls = pairs.map(({ hours, seed }) => called(hours, seed, new Set(['regressed', 'improved']))).filter((ids) => ids.length > 0);
  expect(calls.length, `${calls.flat().join(', ')} were called`).toBeLessThanOrEqual(most(pairs.length, FALSE_ALARMS));
});

describe('a clear change is called', () => {
  test.each<[string, Build, string]>([
    ['twice as slow', { latency: 2 }, 'api latency.mean'],
    ['half of the CPU more', { cpu: 1.5 }, 'api cpu'],
    ['twice the memory', { memory: 2 }, 'api memory.private'],
  ])('%s', (_, build, id) => {
    for (const seed of [50_001, 50_003]) expect(called(1, seed, new Set(['regressed']), build)).toContain(id);
  });
});
