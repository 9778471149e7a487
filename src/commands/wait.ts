/** `soak-agent wait RUN` and `stop RUN`: the end of a run that goes on in the background, and its exit code. */
import { join } from 'node:path';
import type { Outcome } from '../analysis/judgement.ts';
import type { Clock } from '../clock.ts';
import { EXIT, type ExitCode, messageOf, Problem } from '../problem.ts';
import { formatDuration } from '../quantity.ts';
import { comparedIn } from '../record/files.ts';
import { findRun } from '../record/find.ts';
import { RecordReader } from '../record/reader.ts';
import { standingOf } from '../record/standing.ts';
import { finalVerdict, openStored, type StoredRun } from '../stored.ts';
import { clean } from '../terminal/clean.ts';
import { minuteLine, summary } from '../views/terminal.ts';
import type { Given } from './given.ts';
import type { Io } from './io.ts';
import { codeOf, goneProblem, worse } from './verdict.ts';
import { screenOf } from './view.ts';

/** Seconds between two looks at the record, each some milliseconds. */
const LOOK_S = 2;

/** Between two lines: a verdict so far is of a state that is read from the record. */
const LINE_S = 60;

/** A run ends within 8 s of being told; the rest is for a slow disk. */
const STOP_S = 30;

/** The last push and the comparison come after the verdict: a stop takes less than 8 s. */
const COMPARED_S = 10;

/** @throws {Problem} GONE when nobody records the run any more and it has no verdict */
export async function wait(given: Given, io: Io): Promise<ExitCode> {
  const timeout = given.duration('timeout');
  given.faults.throwIfAny();
  const folder = findRun(given.operands[0] ?? null, given.out());
  const said = saying(folder, io);
  const isOver = await finished(folder, io.clock, { seconds: timeout ?? Infinity, each: said });
  if (!isOver) {
    io.stderr.write(`${folder} has not ended within ${formatDuration(timeout ?? 0)}: it goes on\n`);
    return codeOf('inconclusive', false, given.has('non-blocking'));
  }
  return await told(folder, given, io);
}

/** @throws {Problem} USAGE when the agent cannot be told from here, GONE when there is none */
export async function stop(given: Given, io: Io): Promise<ExitCode> {
  const timeout = given.duration('timeout') ?? STOP_S;
  given.faults.throwIfAny();
  const folder = findRun(given.operands[0] ?? null, given.out());
  const standing = standingOf(folder, io.clock);
  if (standing.kind === 'cut off') throw goneProblem(folder);
  if (standing.kind === 'running') {
    if (!standing.here || standing.pid === null) throw elsewhere(folder);
    signal(standing.pid, folder);
    if (!(await finished(folder, io.clock, { seconds: timeout, each: () => {} }))) {
      const message = `has been told to stop (process ${standing.pid}) but has not ended within ${formatDuration(timeout)}`;
      throw new Problem('GONE', { place: folder, message });
    }
  } else io.stderr.write(`${folder} has ended already\n`);
  return await told(folder, given, io);
}

function elsewhere(folder: string): Problem {
  const message =
    'is recorded by a process that cannot be told from here (another container, host or pid namespace): stop it there, with SIGTERM';
  return new Problem('USAGE', { place: folder, message });
}

function signal(pid: number, folder: string): void {
  try {
    process.kill(pid, 'SIGTERM');
  } catch (error) {
    const message = `its agent, process ${pid}, cannot be told to stop: ${messageOf(error)}`;
    throw new Problem('USAGE', { place: folder, message }, { cause: error });
  }
}

/** Whether it has ended in time. Throws GONE when its agent has gone without a verdict. */
async function finished(folder: string, clock: Clock, { seconds, each }: { seconds: number; each: () => void }): Promise<boolean> {
  const end = clock.monotonic() + seconds;
  for (;;) {
    const { kind } = standingOf(folder, clock);
    if (kind === 'finished') return true;
    if (kind === 'cut off') throw goneProblem(folder);
    const now = clock.monotonic();
    if (now >= end) return false;
    each();
    await clock.sleepUntil(Math.min(end, now + LOOK_S));
  }
}

/** How it stands, at once and then a line a minute. */
function saying(folder: string, { clock, stdout }: Io): () => void {
  let next = clock.monotonic();
  return () => {
    if (clock.monotonic() < next) return;
    next = clock.monotonic() + LINE_S;
    stdout.write(`${clean(lineOf(openStored(folder)))}\n`);
  };
}

function lineOf({ verdict, state, header }: StoredRun): string {
  const value = (id: string): number | null => {
    const judged = state.judge.judged(id);
    return judged && state.fresh(judged.series);
  };
  return minuteLine(verdict, { now: state.t, plannedEnd: header.planned, current: value });
}

async function told(folder: string, given: Given, io: Io): Promise<ExitCode> {
  const final = finalVerdict(folder);
  if (final === null) throw goneProblem(folder);
  const compared = await comparedWith(folder, io.clock);
  const lines = summary(final, { ...screenOf(io), color: false });
  io.stdout.write(`${[...lines, '', `record in ${folder}`].map((line) => clean(line)).join('\n')}\n`);
  if (compared !== 'pass') io.stdout.write(`against its baseline: ${compared}; see ${join(folder, 'comparison.json')}\n`);
  return given.has('non-blocking') ? EXIT.pass : codeOf(worse(final.outcome, compared), true, false);
}

/** A run with a baseline is compared after its verdict; without the comparison it is open. */
async function comparedWith(folder: string, clock: Clock): Promise<Outcome> {
  if (!hasBaseline(folder)) return 'pass';
  const end = clock.monotonic() + COMPARED_S;
  for (;;) {
    const compared = comparedIn(folder);
    if (compared !== null) return compared;
    if (clock.monotonic() >= end) return 'inconclusive';
    await clock.sleepUntil(clock.monotonic() + LOOK_S / 4);
  }
}

function hasBaseline(folder: string): boolean {
  const reader = RecordReader.open(folder);
  try {
    const { baseline } = (reader.header.config ?? {}) as { baseline?: unknown };
    return baseline !== undefined && baseline !== null;
  } finally {
    reader.close();
  }
}
