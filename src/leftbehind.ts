/**
 * What an agent that was killed has left running. The programs that it had started (`exec:` targets, the command after `--`) end with an
 * ordered stop only, and the next start runs its own: so it first ends those that the record names, or there would be two of each.
 */
import type { Clock } from './clock.ts';
import { startTime } from './identity.ts';
import type { Loop } from './loop.ts';
import { messageOf } from './problem.ts';
import { signalGroup, TERM_S } from './processgroup.ts';
import type { OpenedRun } from './runs.ts';
import type { TargetSpec } from './targets.ts';
import type { RunEvent } from './tick.ts';
import { VERSION } from './version.ts';

export interface StartedProgram {
  /** The role; null: it is the command after `--`. */
  readonly role: string | null;
  readonly pid: number;
  /** Clock ticks since boot. */
  readonly startTime: number;
}

/** How often a program that was told to end is looked after. */
const LOOK_S = 0.05;

/**
 * The processes that the record names last: of each role, and the command after `--`. None of another boot than this one, in which the same
 * numbers mean others.
 */
export function lastProcesses(
  events: Iterable<Pick<RunEvent, 'kind' | 'target' | 'data'>>,
  recorded: string | null,
  boot: string | null,
): StartedProgram[] {
  const last = new Map<string | null, StartedProgram>();
  let of = recorded;
  for (const { kind, target, data } of events) {
    if (kind === 'run_resume') {
      of = typeof data['boot'] === 'string' ? data['boot'] : null;
      last.clear(); // a start ends what the one before has left, or has said that it cannot
    }
    if (kind !== 'load_start' && (kind !== 'target_found' || target === null)) continue;
    const role = kind === 'load_start' ? null : target;
    const { pid, startTime: began } = data;
    last.delete(role);
    if (typeof pid === 'number' && typeof began === 'number') last.set(role, { role, pid, startTime: began });
  }
  return boot !== null && of === boot ? [...last.values()] : [];
}

/** Tells the record of this start, and ends what the one before has left of these targets. @returns what the user should know of that */
export async function beginOrGoOn(opened: OpenedRun, loop: Loop, specs: readonly TargetSpec[], clock: Clock): Promise<readonly string[]> {
  // A start that was killed before its first tick has left a run that has not begun.
  const data = { boot: opened.bootId };
  if (opened.record.isEmpty) loop.event('run_start', `soak-agent ${VERSION} began this run`, { data });
  if (opened.record.isEmpty || !opened.resumed) return [];
  const { last, processes } = opened.resumed;
  const ended = await endLeftBehind(startedOf(processes, specs), clock);
  const message = ['soak-agent was started again and goes on with this run', ...ended].join('; ');
  loop.event('run_resume', message, { data });
  loop.event('gap', 'the agent was not running', { data: { from: last.t } });
  return ended;
}

/** Process groups that `beginOrGoOn` will end: of these processes, and of those in `specs` that the agent starts. */
export function leavingGroups(processes: readonly StartedProgram[], specs: readonly TargetSpec[]): ReadonlySet<number> {
  return new Set(
    startedOf(processes, specs)
      .filter(lives)
      .map(({ pid }) => pid),
  );
}

function startedOf(processes: readonly StartedProgram[], specs: readonly TargetSpec[]): StartedProgram[] {
  return processes.filter(({ role }) => role === null || specs.some((spec) => spec.role === role && isStarted(spec)));
}

/** The agent starts it itself; the command after `--` is told of by `load_start`. */
function isStarted({ selector, command }: TargetSpec): boolean {
  return selector.kind === 'exec' && !command;
}

/** Ends the groups of those that still live, side by side. Nobody is signalled whose start time is another. @returns a sentence on each */
export async function endLeftBehind(programs: readonly StartedProgram[], clock: Clock): Promise<string[]> {
  return Promise.all(programs.filter(lives).map((program) => end(program, clock)));
}

async function end(program: StartedProgram, clock: Clock): Promise<string> {
  const { role, pid } = program;
  const who = `process ${pid} (${role ?? 'the command after --'})`;
  try {
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      if (!lives(program)) break;
      signalGroup(pid, signal);
      await gone(program, clock);
    }
  } catch (error) {
    return `${who} of the start before cannot be ended and runs beside its successor: ${messageOf(error)}`;
  }
  return lives(program)
    ? `${who} of the start before does not end and runs beside its successor`
    : `${who}, which the start before had left running, was ended`;
}

/** Returns when it has ended, at the latest after the time that a program has to end. */
async function gone(program: StartedProgram, clock: Clock): Promise<void> {
  for (const until = clock.monotonic() + TERM_S; lives(program) && clock.monotonic() < until;) {
    await clock.sleepUntil(clock.monotonic() + LOOK_S);
  }
}

function lives({ pid, startTime: began }: StartedProgram): boolean {
  return startTime(pid) === String(began);
}
