/** What the level follows is named where the data tell it, and nowhere else. */
import { describe, expect, test } from 'vitest';
import { CLASSED, classOf, TOLD, verdictOf } from './classes.ts';

/** Of the suite; others were used to develop. */
const SEEDS = [20_261, 20_262];

describe.each(CLASSED.map((one) => [one.name, one] as const))('%s', (_, one) => {
  test.each(SEEDS)(`is ${one.class ?? 'called none of them'} (seed %i)`, (seed) => {
    const found = classOf(one, seed);
    if (one.class === null) expect(TOLD).not.toContain(found);
    else expect(found).toBe(one.class);
  });
});

test('a leak says so in its sentence', () => {
  const [leak] = verdictOf(
    CLASSED.find((one) => one.class === 'per-request')!,
    SEEDS[0]!,
  ).findings.filter(({ kind }) => kind === 'leak');
  expect(leak!.why).toMatch(/; it grows by what is asked, not by time/);
});
