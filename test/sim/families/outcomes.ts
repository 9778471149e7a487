/** One run of every family, with looks as in a live run. Outcomes are those that the contracts allow; a clean run never ends as a leak. */
import { describe, expect, test } from 'vitest';
import { Simulation } from '../run.ts';
import type { Family } from './families.ts';

/** Of the suite; other seeds were used to develop. `npm test` runs several, `npm run check` one. */
const SEEDS = Array.from({ length: Number(process.env['SOAK_SEEDS'] ?? 1) }, (_, i) => 20_261 + i);

function outcomeOf(family: Family, seed: number): { outcome: string; why: string } {
  const verdict = new Simulation(family.make(seed)).run().verdict();
  const judged = verdict.series[0]!;
  // What is not the subject of the family (descriptors of a memory family) is not sampled there: only the series itself is judged.
  const why = `${judged.why}\n${judged.gradeHistory.map(({ grade, at }) => `${grade} at ${at}`).join(', ')}`;
  return { outcome: judged.outcome, why };
}

export function testOutcomes(families: readonly Family[]): void {
  const named = families.map((family) => [`${family.leaky ? 'leaky' : 'clean'} ${family.name}`, family] as const);
  describe.each(named)('%s', (_, family) => {
    test.each(SEEDS)(`ends as ${family.allowed.join(' or ')} (seed %i)`, (seed) => {
      const { outcome, why } = outcomeOf(family, seed);
      expect(family.allowed, why).toContain(outcome);
    });
  });
}
