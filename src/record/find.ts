/** Which stored run is meant by what somebody wrote: a folder of a run, a folder of runs, the id of a run, or nothing. */
import { existsSync, statSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { cut, Problem } from '../problem.ts';
import { listRuns, newestRun } from './folders.ts';
import { recordPath } from './schema.ts';

/**
 * The folder of the run. Nothing is the newest run in `out`, a folder of runs its newest one, and a name without a folder is looked for among
 * the runs of `out` (its id, or as much of the end or the beginning of its name as only one has).
 * @throws {Problem} RECORD
 */
export function findRun(text: string | null, out: string): string {
  if (text === null) return newestIn(out, `there is no run in ${out}: name the folder of a run, or give --out`);
  if (existsSync(recordPath(text))) return text;
  if (isFolder(text)) return newestIn(text, 'holds no run: name the folder of a run, which has a record.sqlite, or a folder of runs');
  const named = isFolder(out) ? listRuns(out).filter(({ folder }) => isCalled(basename(folder), text)) : [];
  if (named.length === 1) return named[0]!.folder;
  const message =
    named.length === 0
      ? `there is no such folder, and no run of that name in ${out}`
      : `${named.length} runs in ${out} are called so: ${named.map(({ folder }) => basename(folder)).join(', ')}`;
  throw new Problem('RECORD', { place: cut(text), message: cut(message) });
}

function isCalled(name: string, text: string): boolean {
  return text.length >= NAME_MIN && (name.startsWith(text) || name.endsWith(text));
}

/** Fewer letters would name another run tomorrow. */
const NAME_MIN = 4;

function newestIn(out: string, message: string): string {
  const newest = isFolder(out) ? newestRun(out) : null;
  if (newest === null || !existsSync(recordPath(newest.folder))) throw new Problem('RECORD', { place: cut(resolve(out)), message });
  return newest.folder;
}

export function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
