/**
 * The files beside a record: `verdict.json`, before the end `verdict-so-far.json`, and `crash.json` after an error that the agent could
 * still write down.
 */
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Outcome } from '../analysis/judgement.ts';
import { parseRfc3339, rfc3339 } from '../clock.ts';
import { cut, messageOf, Problem } from '../problem.ts';

/** Readers see the old verdict or the new one, never a part, also after a loss of power. Throws `DISK`. */
export function writeVerdict(folder: string, json: string): void {
  writeOrFail(join(folder, 'verdict.json'), json);
}

export function hasVerdict(folder: string): boolean {
  return existsSync(join(folder, 'verdict.json'));
}

/** How the run compares with its baseline, beside its verdict: a page, and then what others wait for. Throws `DISK`. */
export function writeComparison(folder: string, { json, page }: { readonly json: string; readonly page: string }): void {
  writeOrFail(join(folder, 'comparison.html'), page);
  writeOrFail(join(folder, 'comparison.json'), json);
}

/** The outcome of that comparison; null when there is none that can be read. */
export function comparedIn(folder: string): Outcome | null {
  try {
    const { outcome } = JSON.parse(readFileSync(join(folder, 'comparison.json'), 'utf8')) as { outcome?: unknown };
    return OUTCOMES.find((one) => one === outcome) ?? null;
  } catch {
    return null;
  }
}

const OUTCOMES: readonly Outcome[] = ['pass', 'fail', 'inconclusive'];

function writeOrFail(path: string, text: string): void {
  try {
    writeAtomically(path, text);
  } catch (error) {
    throw new Problem('DISK', { place: path, message: `cannot be written (${messageOf(error)})` }, { cause: error });
  }
}

/**
 * What the verdict would be if the run ended now: under a name of its own, because who waits for `verdict.json` waits for the end. An
 * agent that is killed leaves it behind. Throws the error of the system.
 */
export function writeSoFar(folder: string, json: string): void {
  writeAtomically(soFarPath(folder), json);
}

export function forgetSoFar(folder: string): void {
  rmSync(soFarPath(folder), { force: true });
}

function soFarPath(folder: string): string {
  return join(folder, 'verdict-so-far.json');
}

/**
 * For an uncaught error: the next start reports it. Throws nothing, because there is nobody left to catch it.
 * @param at seconds since the epoch
 */
export function writeCrash(folder: string, reason: string, at: number): void {
  try {
    writeAtomically(crashPath(folder), `${JSON.stringify({ at: rfc3339(at), reason: cut(reason) })}\n`);
  } catch {
    // The missing verdict still tells that it crashed.
  }
}

/** What was written down, as far as it can be read; null is unknown. */
export function readCrash(folder: string): { at: number | null; reason: string | null } {
  try {
    const { at, reason } = JSON.parse(readFileSync(crashPath(folder), 'utf8')) as { at?: unknown; reason?: unknown };
    return { at: typeof at === 'string' ? parseRfc3339(at) : null, reason: typeof reason === 'string' ? cut(reason) : null };
  } catch {
    return { at: null, reason: null };
  }
}

export function forgetCrash(folder: string): void {
  rmSync(crashPath(folder), { force: true });
}

function crashPath(folder: string): string {
  return join(folder, 'crash.json');
}

function writeAtomically(path: string, text: string): void {
  const temporary = `${path}.tmp`;
  const file = openSync(temporary, 'w', 0o644);
  try {
    writeFileSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
  syncFolder(dirname(path));
}

/** A new name survives a loss of power only when the folder that holds it is on the disk. */
export function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
