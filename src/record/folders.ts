/** The folders of runs, `<out>/<UTC start>-<id>/`: how they are made, listed, recognised and removed. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { rfc3339 } from '../clock.ts';
import { cut, errno, messageOf, Problem } from '../problem.ts';
import { syncFolder } from './files.ts';
import { RunLock } from './lock.ts';
import { RecordReader } from './reader.ts';
import { recordPath } from './schema.ts';

/** One folder that is named like a run; whether it is one only its record can tell. */
export interface RunFolder {
  readonly folder: string;
  readonly id: string;
}

const NAME = /^\d{8}T\d{6}Z-([0-9a-f]{8})$/;

/** Folders named like runs, oldest first. Symbolic links are not followed. */
export function listRuns(out: string): RunFolder[] {
  const runs: RunFolder[] = [];
  for (const entry of readdirSync(out, { withFileTypes: true })) {
    const id = entry.isDirectory() ? NAME.exec(entry.name)?.[1] : undefined;
    if (id !== undefined) runs.push({ folder: join(out, entry.name), id });
  }
  return runs.toSorted((a, b) => (a.folder < b.folder ? -1 : 1));
}

export function newestRun(out: string): RunFolder | null {
  return listRuns(out).at(-1) ?? null;
}

/** SQLite opens no longer paths (MAX_PATHNAME in its os_unix.c is 512, less `-journal`). */
const PATH_MAX = 500;

/** A folder that is named like a run, as NAME says. */
const NAME_LENGTH = '20260101T000000Z-00000000'.length;

/** Makes the folder of runs, and returns the folders that were not there before. Throws `OUT`, and leaves none of them then. */
export function makeOut(out: string): string[] {
  const length = Buffer.byteLength(resolve(recordPath(join(out, 'x'.repeat(NAME_LENGTH)))));
  if (length > PATH_MAX) {
    const message = `is too long: a record there has a path of ${length} bytes, and ${PATH_MAX} are possible`;
    throw new Problem('OUT', { place: cut(out), message });
  }
  const made: string[] = [];
  try {
    makeFolders(out, made);
    return made;
  } catch (error) {
    unmake(made);
    throw outProblem(out, error);
  }
}

/** One by one, because the recursive `mkdir` of Node says ENOENT where the reason is another, such as a read-only file system. */
function makeFolders(path: string, made: string[]): void {
  try {
    mkdirSync(path);
  } catch (error) {
    if (errno(error) === 'EEXIST' && statSync(path).isDirectory()) return;
    if (errno(error) !== 'ENOENT' || dirname(path) === path) throw error;
    makeFolders(dirname(path), made);
    mkdirSync(path);
  }
  made.push(path);
}

/** Removes folders that were made for a run that did not come about, the inmost first, as far as nobody has put anything into them. */
export function unmake(made: readonly string[]): void {
  try {
    for (const folder of made.toReversed()) rmdirSync(folder);
  } catch {
    // In use by now.
  }
}

/**
 * The folder of a new run, locked by this process. Throws `OUT`.
 * @param start seconds since the epoch
 */
export function makeRun(out: string, start: number): RunFolder & { readonly lock: RunLock } {
  const id = newId(start);
  const folder = join(out, `${rfc3339(start)!.replaceAll(/[-:]|\.\d+/g, '')}-${id}`);
  let made = false;
  try {
    mkdirSync(folder);
    made = true;
    const lock = RunLock.take(folder);
    if (!(lock instanceof RunLock)) throw new Error('another process took the folder that was made just now');
    syncFolder(out);
    return { folder, id, lock };
  } catch (error) {
    if (made) rmSync(folder, { recursive: true, force: true });
    throw outProblem(out, error);
  }
}

/** Eight hex digits: the 4096ths of the second in which the run began, so that folders sort by their start, and 20 bits of chance. */
function newId(start: number): string {
  const fraction = Math.floor((start % 1) * 4096)
    .toString(16)
    .padStart(3, '0');
  return fraction + randomBytes(3).toString('hex').slice(1);
}

/** What a record says of the run it should be of. Throws `RECORD`, also when it is that of another run. */
export function look(
  run: RunFolder,
  check: (reader: RecordReader) => void = () => {},
): { isFinished: boolean; start: number; agent: string; configHash: string; last: { t: number; wall: number } | null } {
  const reader = RecordReader.open(run.folder);
  try {
    const { id, start, agent, configHash } = reader.header;
    if (id !== run.id)
      throw new Problem('RECORD', { place: run.folder, message: `holds the record of run ${id}: folders of runs must keep their names` });
    check(reader);
    return { isFinished: reader.sealed !== null, start, agent, configHash, last: reader.last() };
  } finally {
    reader.close();
  }
}

/**
 * Removes the oldest finished runs beyond `keep`: only whole ones whose record says that we wrote them, and never one in use.
 * Returns what it did and could not do.
 */
export function prune(out: string, keep: number): string[] {
  const finished = listRuns(out).filter(isFinished);
  return finished.slice(0, Math.max(0, finished.length - keep)).map(({ folder }) => {
    try {
      removeRun(folder);
      return `removed ${basename(folder)}: ${keep} finished runs are kept`;
    } catch (error) {
      return `${basename(folder)} should be removed but cannot be: ${messageOf(error)}`;
    }
  });
}

function isFinished(run: RunFolder): boolean {
  try {
    return look(run).isFinished && !RunLock.owner(run.folder);
  } catch {
    return false;
  }
}

/** The record goes last: what is left of an interrupted removal still proves that it is a run, and goes with the next. */
function removeRun(folder: string): void {
  const record = basename(recordPath(folder));
  for (const name of readdirSync(folder)) if (!name.startsWith(record)) rmSync(join(folder, name), { recursive: true });
  for (const name of readdirSync(folder)) rmSync(join(folder, name));
  rmdirSync(folder);
}

function outProblem(out: string, error: unknown): Problem {
  const what = WHAT_IS_WRONG[errno(error) ?? ''] ?? `cannot be written (${messageOf(error)}): name a folder that can be`;
  return new Problem('OUT', { place: cut(out), message: what }, { cause: error });
}

const NOT_A_FOLDER = 'is a file, or leads through one: name a folder';
const NO_SPACE = 'is on a full disk: free some space, or name a folder on another one';
const NO_RIGHT = 'may not be written by this user: give it the right, or name another folder';

const WHAT_IS_WRONG: Readonly<Record<string, string>> = {
  EEXIST: NOT_A_FOLDER,
  ENOTDIR: NOT_A_FOLDER,
  ENOSPC: NO_SPACE,
  EDQUOT: NO_SPACE,
  EACCES: NO_RIGHT,
  EPERM: NO_RIGHT,
  EROFS: 'is on a read-only file system: name a folder elsewhere, or mount a volume there',
  ENAMETOOLONG: 'is too long for the file system: name a shorter path',
};
