/** Before anything starts: whether every target is there and unambiguous. Everything that is wrong is said at once. */
import { existsSync } from 'node:fs';
import type { Clock } from '../clock.ts';
import type { Env } from '../config/environment.ts';
import { type Place, placeOf } from '../place.ts';
import { type Detail, Problem, type ProblemCode } from '../problem.ts';
import { type Targets, type TargetSpec, twins } from '../targets.ts';
import { whyNoProgram } from './selection-exec.ts';
import { describe, Finder } from './selection-find.ts';
import { type Absence, withRemedies } from '../absence.ts';
import { type ProcessInfo, ProcessTable } from './selection-table.ts';
import type { Roots } from './source.ts';

export interface Resolution {
  readonly spec: TargetSpec;
  /** What the selector means right now; empty for an `exec:` target, which is not started yet. */
  readonly found: readonly ProcessInfo[];
  readonly problem: { readonly code: ProblemCode; readonly detail: Detail } | null;
}

/**
 * Looks for every target once; starts and binds nothing.
 * @param leaving process groups that will have ended before anything is bound
 * @throws {Problem} when there is no /proc to look in
 */
export function resolveAll(
  specs: readonly TargetSpec[],
  roots: Pick<Roots, 'proc'>,
  leaving: ReadonlySet<number> = new Set(),
): Resolution[] {
  if (!existsSync(`${roots.proc}/uptime`))
    throw new Problem('CONFIG', { place: '--proc', message: `there are no processes in ${roots.proc}` });
  const table = new ProcessTable(roots.proc, new Set(), leaving);
  return specs.map((spec) => resolve(spec, table));
}

/** Seconds between two looks while waiting for a target. */
const WAIT_STEP_S = 0.5;

/**
 * Returns when every target is there, with what the user should know of them; at most `config.wait` seconds are waited for those that are not.
 * @throws {Problem} with all that is wrong
 */
export async function findTargets(
  targets: Targets,
  config: { readonly wait: number; readonly roots: Pick<Roots, 'proc'>; readonly env?: Env; readonly leaving?: ReadonlySet<number> },
  clock: Clock,
  signal?: AbortSignal,
): Promise<readonly string[]> {
  const specs = targets.all().map(({ spec }) => spec);
  const until = clock.monotonic() + config.wait;
  for (;;) {
    const resolutions = resolveAll(specs, config.roots, config.leaving);
    const problems = resolutions.flatMap(({ spec, problem }) => (problem ? [{ kind: spec.selector.kind, ...problem }] : []));
    // A tree may be one target and a process in it another.
    const single = resolutions.filter(({ spec }) => !spec.children);
    if (problems.length === 0) return twins(single.map(({ spec, found }) => [spec.role, found.map(({ pid }) => pid)]));
    const mayCome = problems.every(({ code }) => code === 'NO_TARGET');
    if (!mayCome || clock.monotonic() >= until) throw problemOf(problems, mayCome ? config.wait : 0, placeOf(config.env ?? {}, existsSync));
    await clock.sleepUntil(Math.min(until, clock.monotonic() + WAIT_STEP_S), signal);
  }
}

type Unfound = Absence & { readonly code: ProblemCode };

/** One Problem of several: its code is the first one's. */
function problemOf(problems: readonly Unfound[], waited: number, place: Place): Problem {
  return new Problem(problems[0]?.code ?? 'NO_TARGET', withAdvice(problems, waited, place));
}

/** What is missing comes with what would be right. */
export function withAdvice(problems: readonly Unfound[], waited: number, place: Place): (Detail & { readonly code: ProblemCode })[] {
  const absent = problems.filter(({ code }) => code === 'NO_TARGET');
  const remedied = withRemedies(absent, waited, place);
  return problems.map((one) => ({ code: one.code, ...(remedied[absent.indexOf(one)] ?? one.detail) }));
}

function resolve(spec: TargetSpec, table: ProcessTable): Resolution {
  const refuse = (code: ProblemCode, message: string): Resolution => {
    return { spec, found: [], problem: { code, detail: { place: `target ${spec.role}`, message } } };
  };
  const { selector } = spec;
  // Whoever starts the command says so when it cannot be started.
  if (spec.command) return { spec, found: [], problem: null };
  if (selector.kind === 'exec') {
    const why = whyNoProgram(selector.command);
    return why === null ? { spec, found: [], problem: null } : refuse('NO_TARGET', why);
  }
  const { found, why } = new Finder(selector).find(table);
  if (why) return refuse(why.code, why.message);
  if (found.length > 1 && !spec.many && !spec.children) return refuse('MANY_TARGETS', tooMany(table, found));
  return { spec, found, problem: null };
}

/** Processes listed in a message: a screen full helps nobody. */
const LISTED_MAX = 10;

function tooMany(table: ProcessTable, found: readonly ProcessInfo[]): string {
  const listed = found.slice(0, LISTED_MAX).map(describe);
  const more = found.length > LISTED_MAX ? ` and ${found.length - LISTED_MAX} more` : '';
  const ancestor = found.find((process) => found.every((other) => table.ancestry(other).includes(process)));
  const tree = ancestor ? `--children watches the tree of ${describe(ancestor)}` : '--children watches them with what they have started';
  return `${found.length} processes match: ${listed.join(', ')}${more}; --many watches all of them, ${tree}, or name one by its pid`;
}
