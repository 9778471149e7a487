/** Baselines: what some runs showed, kept by name in a folder as one small file each, to be committed or cached; their records may be gone. */
import { existsSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cut, messageOf, Problem } from '../problem.ts';
import { makeOut } from '../record/folders.ts';
import type { Measured, MeasuredRun } from './measured.ts';
import { SIGNAL_KINDS } from './thresholds.ts';

/** A word that is a file name everywhere. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** Runs of a baseline: each is 0.5 MB at most, and more than ten say no more of how runs differ. */
const RUNS_MAX = 10;
const BYTES_MAX = 16 * 2 ** 20;

/** As much as `measure` makes. */
const SIGNALS_MAX = 200;
const MEANS_MAX = 256;

const KIND = 'soak-agent baseline';

export function baselinePath(name: string, folder: string): string {
  if (!NAME.test(name)) {
    const message = 'the name of a baseline has letters, digits, dots, - and _, and begins with a letter or a digit';
    throw new Problem('USAGE', { place: cut(name), message });
  }
  return join(folder, `${name}.json`);
}

/** The file that is meant by a name or a path, or null when there is none. */
export function findBaseline(text: string, folder: string): string | null {
  if (text.endsWith('.json') && isFile(text)) return text;
  const path = NAME.test(text) ? baselinePath(text, folder) : null;
  return path !== null && isFile(path) ? path : null;
}

/** @throws {Problem} OUT */
export function saveBaseline(name: string, folder: string, runs: readonly MeasuredRun[]): string {
  const path = baselinePath(name, folder);
  if (runs.length > RUNS_MAX)
    throw new Problem('USAGE', { place: '--save', message: `a baseline holds at most ${RUNS_MAX} runs, and not ${runs.length}` });
  makeOut(folder);
  try {
    const temporary = `${path}.tmp`;
    // A line for each signal, so that two versions can be compared.
    const text = runs.map((run) => {
      const { signals, ...about } = run;
      return `{"run":${JSON.stringify(about)},"signals":[\n${signals.map((one) => JSON.stringify(one)).join(',\n')}\n]}`;
    });
    writeFileSync(temporary, `{"schema":1,"kind":${JSON.stringify(KIND)},"runs":[\n${text.join(',\n')}\n]}\n`);
    renameSync(temporary, path);
    return path;
  } catch (error) {
    throw new Problem('OUT', { place: path, message: `cannot be written (${messageOf(error)})` }, { cause: error });
  }
}

/** @throws {Problem} RECORD for what is no baseline, RECORD_VERSION for one of a newer soak-agent */
export function loadBaseline(path: string): MeasuredRun[] {
  const data = parsed(path) as { schema?: unknown; kind?: unknown; runs?: unknown };
  if (data?.kind !== KIND || !Array.isArray(data.runs)) throw notOne(path, 'it is another file');
  if (data.schema !== 1) throw new Problem('RECORD_VERSION', { place: path, message: 'was written by a newer soak-agent: use that one' });
  if (data.runs.length === 0 || data.runs.length > RUNS_MAX) throw notOne(path, `it has ${data.runs.length} runs`);
  return (data.runs as unknown[]).map((run, i) => runOf(run, (what) => notOne(path, `run ${i + 1}: ${what}`)));
}

function parsed(path: string): unknown {
  try {
    const { size } = statSync(path);
    if (size > BYTES_MAX) throw new Error(`it has ${size} bytes, and ${BYTES_MAX} are the most`);
    return JSON.parse(readFileSync(path, 'utf8')) as unknown;
  } catch (error) {
    throw notOne(path, messageOf(error), error);
  }
}

function notOne(path: string, what: string, cause?: unknown): Problem {
  const message = `is no readable baseline (${what}): make one with soak-agent compare RUN --save NAME`;
  return new Problem('RECORD', { place: path, message }, { cause });
}

type Complain = (what: string) => Problem;

function runOf(run: unknown, complain: Complain): MeasuredRun {
  const { run: about, signals } = (run ?? {}) as { run?: Record<string, unknown>; signals?: unknown };
  if (typeof about !== 'object' || about === null || !Array.isArray(signals)) throw complain('it has no signals');
  if (signals.length > SIGNALS_MAX) throw complain(`${signals.length} signals are more than ${SIGNALS_MAX}`);
  for (const name of ['id', 'start', 'agent', 'outcome']) if (typeof about[name] !== 'string') throw complain(`${name} is no text`);
  for (const name of ['steadyFrom', 'until']) if (!Number.isFinite(about[name])) throw complain(`${name} is no number`);
  if (about['warmup'] !== null && !Number.isFinite(about['warmup'])) throw complain('warmup is no number');
  signals.forEach((signal, i) => check(signal, (what) => complain(`signal ${i + 1}: ${what}`)));
  return { ...(about as unknown as Omit<MeasuredRun, 'signals'>), signals: signals as Measured[] };
}

function check(signal: unknown, complain: Complain): asserts signal is Measured {
  const { id, target, unit, kind, matters, required, width, first, means } = (signal ?? {}) as Record<string, unknown>;
  for (const text of [id, target, unit]) if (typeof text !== 'string') throw complain('its name, target or unit is no text');
  if (!SIGNAL_KINDS.includes(kind as never)) throw complain('its kind is not known');
  if (typeof required !== 'boolean') throw complain('required should be true or false');
  const { share, perHour } = (matters ?? { share: 0, perHour: 0 }) as Record<string, unknown>;
  if (!Number.isFinite(share) || !Number.isFinite(perHour)) throw complain('what growth matters is no number');
  if (!(typeof width === 'number' && width > 0 && Number.isFinite(width)) || !Number.isInteger(first)) throw complain('its grid is none');
  if (!Array.isArray(means) || means.length > MEANS_MAX || !means.every((mean) => mean === null || Number.isFinite(mean)))
    throw complain('its means are no numbers');
}

function isFile(path: string): boolean {
  return existsSync(path) && statSync(path).isFile();
}
