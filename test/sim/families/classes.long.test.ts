/** What the level follows is named where the data tell it, and nowhere else. */
import { describe, expect, test } from 'vitest';
import { parseRule } from '../../../src/analysis/ruleparser.ts';
import type { Verdict } from '../../../src/analysis/verdict.ts';
import { CATALOG } from '../../../src/metrics.ts';
import { Simulation } from '../run.ts';
import { CLASSED, type Classed } from './classes.ts';

const TOLD = ['per-request', 'load-driven', 'arena ratchet', 'page cache'];

/** Of the suite; others were used to develop. */
const SEEDS = [20_261, 20_262];

/** Bounds without which usage would not be in the verdict. */
const rules = [parseRule('container.memory.usage < 100GB', (name) => CATALOG.find(name))];

function verdictOf({ make }: Classed, seed: number): Verdict {
  return new Simulation({ ...make(seed), options: { rules } }).run().verdict();
}

describe.each(CLASSED.map((one) => [one.name, one] as const))('%s', (_, one) => {
  test.each(SEEDS)(`is ${one.class ?? 'called none of them'} (seed %i)`, (seed) => {
    const found = verdictOf(one, seed).series.find(({ id }) => id === one.of)!.class;
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
