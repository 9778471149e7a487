/** What a comparison means as a whole: by what regressed, what is open, and what is no longer there. */
import type { Common } from './aligned.ts';
import type { Compared, CompareOptions, Comparison } from './compare.ts';
import type { MeasuredRun } from './measured.ts';

export function has({ signals }: MeasuredRun, id: string): boolean {
  return signals.some((one) => one.id === id);
}

/** What must be conclusive, and some run of the head does not have. */
export function lostOf(bases: readonly MeasuredRun[], heads: readonly MeasuredRun[]): string[] {
  const required = bases.flatMap(({ signals }) =>
    signals.filter((one) => one.required || one.id.endsWith(' memory.tree')).map(({ id }) => id),
  );
  return [...new Set(required)].filter((id) => !heads.every((run) => has(run, id)));
}

export function outcomeOf(
  signals: readonly Compared[],
  common: Common | null,
  lost: readonly string[],
  { strict }: CompareOptions,
): Pick<Comparison, 'outcome' | 'reasons'> {
  if (common === null) return { outcome: 'inconclusive', reasons: ['the runs have no steady part in common'] };
  if (signals.length === 0) return { outcome: 'inconclusive', reasons: ['the runs have no signal in common'] };
  const bad = signals.filter(({ severity }) => severity === 'fail' || (strict && severity === 'warn'));
  const warned = signals.filter(({ severity }) => severity === 'warn' && !strict);
  const open = signals.filter(({ required, call }) => required && call === 'cannot tell');
  const reasons = [
    ...bad.map(({ id }) => `${id} regressed`),
    ...warned.map(({ id }) => `${id} regressed, by less than what fails`),
    ...open.map(({ id, why }) => `${id}: cannot tell; ${why}`),
    ...lost.map((id) => `${id} is in the base and is missing in the head`),
  ];
  if (bad.length > 0) return { outcome: 'fail', reasons };
  if (open.length > 0 || lost.length > 0) return { outcome: 'inconclusive', reasons };
  return { outcome: 'pass', reasons: reasons.length > 0 ? reasons : [`none of ${signals.length} signals regressed`] };
}
