/** A run that could not start: what it met first, and everything else that would keep it from starting. */
import type { Config } from '../config/config.ts';
import { Faults } from '../config/faults.ts';
import type { Env } from '../config/environment.ts';
import type { Clock } from '../clock.ts';
import { type Refusal, refusalsOf } from '../doctor/machine.ts';
import { SILENT } from '../log.ts';
import { Problem, type ProblemCode } from '../problem.ts';
import { findTargetsPortably } from '../sources/portable-selection.ts';
import { findTargets } from '../sources/selection.ts';
import { Targets } from '../targets.ts';

/** What of the world a start looks at, by what its problems are called. */
const WORLD: readonly (readonly ProblemCode[])[] = [['LISTEN'], ['NO_TARGET', 'MANY_TARGETS', 'KERNEL_THREAD', 'HIDDEN_TARGET'], ['OUT']];

/** Of a problem of the world, one with those of its other parts as well; any other as it is. */
export async function withOtherRefusals(
  first: Problem,
  config: Config,
  io: { readonly clock: Clock; readonly env: Env },
): Promise<Problem> {
  const own = WORLD.find((codes) => codes.includes(first.code));
  if (own === undefined) return first;
  const others = [...(await refusalsOf(config, SILENT)), ...(await targetRefusals(config, io))].filter(({ code }) => !own.includes(code));
  const faults = new Faults();
  for (const { place, message } of first.details) faults.add(first.code, place, message);
  for (const { code, place, message } of others) faults.add(code, place, message);
  return faults.problem() ?? first;
}

/** As they are now: who waited for them has done so. */
async function targetRefusals(config: Config, { clock, env }: { readonly clock: Clock; readonly env: Env }): Promise<Refusal[]> {
  const find = config.source === 'pidusage' ? findTargetsPortably : findTargets;
  try {
    await find(new Targets(config.targets), { wait: 0, roots: config.roots, env }, clock);
    return [];
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return error.details.map((detail) => ({ code: error.code, ...detail }));
  }
}
