/** Which run a start of the agent records: the newest one, where it ended without a verdict and may be gone on with, or a new one. */
import { existsSync, rmSync } from 'node:fs';
import { basename } from 'node:path';
import type { Verdict } from './analysis/verdict.ts';
import { rfc3339, type Clock } from './clock.ts';
import { bootId } from './identity.ts';
import { lastProcesses, leavingGroups, type StartedProgram } from './leftbehind.ts';
import { messageOf } from './problem.ts';
import { forgetCrash, hasVerdict, readCrash, writeVerdict } from './record/files.ts';
import { look, makeOut, makeRun, newestRun, prune, type RunFolder, unmake } from './record/folders.ts';
import { RunLock } from './record/lock.ts';
import { RecordReader } from './record/reader.ts';
import { replay, type Replayed } from './record/replay.ts';
import { recordPath } from './record/schema.ts';
import { RecordWriter, type RunHeader } from './record/writer.ts';
import type { TargetSpec } from './targets.ts';

export { writeCrash } from './record/files.ts';
export { listRuns, newestRun } from './record/folders.ts';

export interface RunRequest {
  readonly out: string;
  /** Finished runs to keep; null keeps all. */
  readonly keep: number | null;
  /** Cap on the record, bytes. */
  readonly maxBytes: number;
  readonly clock: Clock;
  /** What the record of a new run starts with, the boot id only where that is not this machine's; a run is only resumed with the same configuration hash by the same version. */
  readonly header: Omit<RunHeader, 'id' | 'start' | 'bootId'> & Partial<Pick<RunHeader, 'bootId'>>;
  /** New and empty; holds the run so far when it is resumed. */
  readonly state: Replayed;
}

/** A run that ended without a verdict. `at`: seconds since the epoch of its last sign of life; `reason` null: it was killed. */
export interface Crash {
  readonly folder: string;
  readonly at: number | null;
  readonly reason: string | null;
}

interface Run extends RunFolder {
  /** Seconds since the epoch. */
  readonly start: number;
  readonly lock: RunLock;
  readonly record: RecordWriter;
  readonly resumed: {
    readonly start: number;
    readonly last: { readonly t: number; readonly wall: number };
    /** What the start before watched or had started; may have ended since. */
    readonly processes: readonly StartedProgram[];
  } | null;
}

interface Parts extends Run {
  /** Folders around it that were made for it. */
  readonly made: readonly string[];
  readonly crashed: Crash | null;
  readonly messages: readonly string[];
}

export class OpenedRun {
  readonly folder: string;
  readonly id: string;
  readonly start: number;
  /** Of this start. */
  readonly bootId: string | null;
  readonly record: RecordWriter;
  readonly kind: 'new' | 'resumed';
  /** Null for a new run. */
  readonly resumed: Parts['resumed'];
  /** The run before, or this one when it is resumed, if it ended without a verdict. */
  readonly crashed: Crash | null;
  /** What the user should know: a crash, why a run was not resumed, what was removed or could not be. */
  readonly messages: readonly string[];
  readonly #lock: RunLock;
  readonly #made: readonly string[];

  constructor({ folder, id, start, record, resumed, made, crashed, messages, lock }: Parts) {
    this.folder = folder;
    this.id = id;
    this.start = start;
    this.bootId = lock.bootId;
    this.record = record;
    this.kind = resumed === null ? 'new' : 'resumed';
    this.resumed = resumed;
    this.crashed = crashed;
    this.messages = messages;
    this.#lock = lock;
    this.#made = made;
  }

  /** Finishes the run: the record first, because it alone can give the verdict again. Throws `DISK`. */
  seal(end: number, verdict: Verdict): void {
    this.record.seal(end, JSON.stringify(verdict));
    this.record.close();
    writeVerdict(this.folder, `${JSON.stringify(verdict, null, 2)}\n`);
    this.#lock.release();
  }

  /** Leaves the run unfinished, to be resumed; of a new one that has recorded nothing, nothing stays behind. */
  abandon(): void {
    const isEmpty = this.resumed === null && this.record.isEmpty;
    this.record.close();
    this.#lock.release();
    if (!isEmpty) return;
    rmSync(this.folder, { recursive: true, force: true });
    unmake(this.#made);
  }
}

/**
 * Resumes the newest run if it is unfinished, whole, of the same configuration and version, and nobody records it; else begins a new one.
 * Throws `OUT` when nothing can be written there.
 */
export function openRun(request: RunRequest): OpenedRun {
  const { out, keep } = request;
  const made = makeOut(out);
  const newest = newestRun(out);
  const { lock, crashed, message } = newest === null ? NOTHING : examine(newest, request.header);
  const run = newest !== null && lock !== null ? resume(newest, lock, request) : begin(request, made);
  const removed = keep === null ? [] : prune(out, keep);
  const messages = [...(crashed === null ? [] : [crashMessage(crashed)]), ...(message === null ? [] : [message]), ...removed];
  return new OpenedRun({ ...run, made, crashed, messages });
}

/**
 * Process groups that a killed agent has left running, and that are ended when its run goes on: what is in them is no target. None when
 * `openRun` would not go on with it. Changes nothing.
 */
export function groupsToEnd(
  out: string,
  header: Pick<RunHeader, 'configHash' | 'agent'>,
  specs: readonly TargetSpec[],
): ReadonlySet<number> {
  try {
    const newest = newestRun(out);
    if (newest === null || !existsSync(recordPath(newest.folder)) || RunLock.owner(newest.folder)) return new Set();
    const reader = RecordReader.open(newest.folder);
    try {
      const { configHash, agent, bootId: recorded } = reader.header;
      const isOther = reader.sealed !== null || configHash !== header.configHash || agent !== header.agent;
      return isOther ? new Set() : leavingGroups(lastProcesses(reader.events(), recorded, bootId()), specs);
    } finally {
      reader.close();
    }
  } catch {
    return new Set(); // `openRun` says what is wrong with it
  }
}

function begin(request: RunRequest, made: readonly string[]): Run {
  try {
    return beginIn(request);
  } catch (error) {
    unmake(made);
    throw error;
  }
}

function beginIn({ out, clock, header, maxBytes }: RunRequest): Run {
  const start = clock.wall();
  const { folder, id, lock } = makeRun(out, start);
  try {
    const record = RecordWriter.create(folder, { bootId: lock.bootId, ...header, id, start }, { maxBytes });
    return { folder, id, start, lock, record, resumed: null };
  } catch (error) {
    lock.release();
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

function resume({ folder, id }: RunFolder, lock: RunLock, { maxBytes, state }: RunRequest): Run {
  const reader = RecordReader.open(folder);
  try {
    replay(reader, state, { from: 'checkpoint' });
    const record = RecordWriter.resume(folder, { maxBytes });
    forgetCrash(folder); // it is reported by this start
    const { start, bootId } = reader.header;
    const processes = lastProcesses(reader.events(), bootId, lock.bootId);
    return { folder, id, start, lock, record, resumed: { start, last: reader.last() ?? { t: 0, wall: start }, processes } };
  } catch (error) {
    lock.release();
    throw error;
  } finally {
    reader.close();
  }
}

/** The run before this one, as a start finds it; with its lock when it is to be resumed. */
interface Before {
  readonly lock: RunLock | null;
  readonly crashed: Crash | null;
  readonly message: string | null;
}

const NOTHING: Before = { lock: null, crashed: null, message: null };

function examine(run: RunFolder, { configHash, agent }: Pick<RunHeader, 'configHash' | 'agent'>): Before {
  if (!existsSync(recordPath(run.folder))) return NOTHING; // a start that went no further
  const name = basename(run.folder);
  try {
    const owner = RunLock.owner(run.folder); // first, because the record of a start that is under way may not be whole
    if (owner) return { ...NOTHING, message: ownedMessage(name, owner.pid) };
    const found = look(run);
    if (found.isFinished) return NOTHING;
    const crashed = crashOf(run.folder, found.last?.wall ?? null);
    const other = found.configHash !== configHash ? 'has other settings' : found.agent !== agent ? `is of soak-agent ${found.agent}` : null;
    if (other !== null) return { lock: null, crashed, message: `${name} is not finished but ${other}: this is a new run` };
    return { ...takeOver(run), crashed };
  } catch (error) {
    if (hasVerdict(run.folder)) return NOTHING; // finished, whatever has become of its record since
    const message = `${name} cannot be resumed and is left as it is; this is a new run. ${messageOf(error)}`;
    return { lock: null, crashed: crashOf(run.folder, null), message };
  }
}

/** The lock of the run if it is still free, and the record whole and unfinished, now that nobody else can change it. */
function takeOver(run: RunFolder): Pick<Before, 'lock' | 'message'> {
  const lock = RunLock.take(run.folder);
  if (!(lock instanceof RunLock)) return { lock: null, message: ownedMessage(basename(run.folder), lock.pid) };
  try {
    if (!look(run, (reader) => reader.check()).isFinished) return { lock, message: null };
  } catch (error) {
    lock.release();
    throw error;
  }
  lock.release();
  return { lock: null, message: null };
}

function ownedMessage(name: string, pid: number | null): string {
  return `${name} is being recorded by ${pid === null ? 'another process' : `process ${pid}`}: this is a new run beside it`;
}

function crashOf(folder: string, lastWall: number | null): Crash {
  const { at, reason } = readCrash(folder);
  return { folder, at: at ?? lastWall, reason };
}

function crashMessage({ folder, at, reason }: Crash): string {
  const when = at === null ? '' : ` at ${rfc3339(at)}`;
  return `${basename(folder)} ended without a verdict${when}: ${reason ?? 'it was killed, or the machine went down'}`;
}
