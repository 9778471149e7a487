/** More growth is never judged as less: of the same noise with a steeper line, over the whole way from samples to the outcome. */
import { expect, test } from 'vitest';
import type { Outcome } from '../../../src/analysis/judgement.ts';
import { M } from '../../sim/metrics.ts';
import { HOUR, MB, Simulation } from '../../sim/run.ts';
import { constant, line, ou, type Signal, sum, white } from '../../sim/series.ts';

/** MB/h */
const MATTERS = 0.6;
const SLOPES = [0, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8, 1.2, 2, 4, 8, 16, 64];

const NOISES: readonly (readonly [name: string, of: (seed: number) => Signal])[] = [
  ['white', (seed) => white(seed, 2 * MB)],
  ['of minutes', (seed) => ou(seed, 300, 2 * MB)],
  ['of an hour', (seed) => ou(seed, HOUR, 2 * MB)],
];

function outcomeOf(noise: Signal, perHour: number): Outcome {
  const memory = { def: M.memory, signal: sum(constant(300 * MB), line(perHour * MB), noise) };
  const cpu = { def: M.cpu, signal: line(0.05 * HOUR) };
  const verdict = new Simulation({ hours: 8, interval: 60, series: [memory, cpu] }).run().verdict();
  return verdict.series.find(({ id }) => id === 'api memory.private')!.outcome;
}

test.each(NOISES)('in noise that is %s: what fails does with more, too', (_, noise) => {
  for (let seed = 0; seed < 24; seed++) {
    const outcomes = SLOPES.map((slope) => outcomeOf(noise(seed), slope));
    const first = outcomes.indexOf('fail');
    expect(first, `seed ${seed}`).toBeGreaterThan(0);
    expect(new Set(outcomes.slice(first)), `seed ${seed}: ${outcomes.join(', ')}`).toEqual(new Set(['fail']));
    expect(outcomes.slice(SLOPES.indexOf(MATTERS)), `seed ${seed}: ${outcomes.join(', ')}`).not.toContain('pass');
  }
});
