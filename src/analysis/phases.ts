/** Which phase a run is in, and what of it is judged. */
import type { MetricDef } from '../catalog.ts';
import type { Phase } from '../timeline.ts';
import { isOfSamples, type Rule } from './rules.ts';
import type { Work } from './work.ts';

/** The phase at a run time, or null before the first. */
export function phaseAt(phases: readonly Phase[], t: number): Phase | null {
  return phases.findLast(({ from }) => from <= t) ?? null;
}

/**
 * Whether the rule holds now. A limit of a resource holds in every phase, because what is exceeded in a fault is exceeded; what a fault or a
 * warm-up is expected to disturb (latency, errors, rates, changes) is demanded where the run is judged.
 */
export function holdsIn(rule: Rule, { growth }: MetricDef, phase: Phase | null): boolean {
  if (rule.phase !== null) return phase?.name === rule.phase;
  if (phase === null || phase.judged) return true;
  return isOfSamples(rule) && growth !== 'drift' && growth !== 'load';
}

/** What is called so was found in the load. */
const FOUND = { before: 'rampup', after: 'steady' } as const;

/** The phases that were declared; where none was, the ramp and the plateau of the load, if every load that is known has one. */
export function phasesOf(declared: readonly Phase[], work: ReadonlyMap<string, Work>): readonly Phase[] {
  if (declared.length > 0) return declared;
  const loads = [...work.values()].filter(({ requestsPerHour }) => requestsPerHour !== null);
  const starts = loads.flatMap(({ plateauFrom }) => plateauFrom ?? []);
  if (starts.length === 0 || starts.length < loads.length) return declared;
  return [
    { name: FOUND.before, from: 0, judged: false },
    { name: FOUND.after, from: Math.max(...starts), judged: true },
  ];
}
