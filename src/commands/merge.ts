/** `soak-agent merge RUN...`: one run, one verdict and one exit code of what several agents have recorded. */
import { rfc3339 } from '../clock.ts';
import type { JudgeOverrides } from '../config/config.ts';
import type { Faults } from '../config/faults.ts';
import { merge as mergeParts } from '../merging/merge.ts';
import { type Part, partsOf } from '../merging/parts.ts';
import type { Replica } from '../merging/replicas.ts';
import { existsSync, readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { cut, EXIT, type ExitCode, Problem } from '../problem.ts';
import { formatDuration, parseDuration } from '../quantity.ts';
import { findRun, isFolder } from '../record/find.ts';
import { listRuns } from '../record/folders.ts';
import { RecordReader } from '../record/reader.ts';
import { recordPath } from '../record/schema.ts';
import { clean } from '../terminal/clean.ts';
import { summary } from '../views/terminal.ts';
import type { Given } from './given.ts';
import type { Io } from './io.ts';
import { screenOf } from './view.ts';

/** Records that are open at once: each holds a window of ticks, some 5 MB. */
const RUNS_MAX = 64;

const MERGED = './soak-merged';

export function merge(given: Given, overrides: JudgeOverrides, io: Io): ExitCode {
  const { faults } = given;
  const offsets = offsetsOf(given, faults);
  faults.throwIfAny();
  const out = given.one('out') ?? MERGED;
  const named = given.each(given.operands, (text) => foldersOf(text, out));
  const folders = [...new Set(named)];
  if (folders.length < 2) {
    const same = named.length > 1 ? `, and it is the same one that is named ${named.length} times` : '';
    throw new Problem('USAGE', { place: folders[0] ?? 'merge', message: `two runs at least are merged${same}` });
  }
  if (folders.length > RUNS_MAX)
    throw new Problem('USAGE', { place: 'merge', message: `${folders.length} runs are more than ${RUNS_MAX}` });
  const readers: RecordReader[] = [];
  try {
    for (const folder of folders) readers.push(RecordReader.open(folder));
    checkUnlike(readers);
    const parts = partsOf(readers, offsets);
    const { folder, verdict, replicas, rolls } = mergeParts(parts, { out, overrides, clock: io.clock });
    const told = [
      ...notesOf(parts, replicas),
      ...rolls.map((roll) => `rolling restart of ${roll.role} after ${formatDuration(roll.from)}`),
    ];
    for (const note of told) io.stderr.write(`${clean(note)}\n`);
    if (given.has('json')) io.stdout.write(`${JSON.stringify(verdict, null, 2)}\n`);
    else {
      const lines = [...summary(verdict, { ...screenOf(io), color: false }), '', `record in ${folder}`];
      io.stdout.write(`${lines.map((line) => clean(line)).join('\n')}\n`);
    }
    return given.has('non-blocking') ? EXIT.pass : EXIT[verdict.outcome];
  } finally {
    for (const reader of readers) reader.close();
  }
}

/** A folder of runs is all of them, and so is one of such folders: what was copied from many pods. What was merged from them is none of them. */
function foldersOf(text: string, out: string): string[] {
  if (!isFolder(text)) throw new Problem('RECORD', { place: cut(text), message: 'there is no such folder' });
  if (existsSync(recordPath(text))) return [resolve(text)];
  const within = readdirSync(text, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const folders = within.map(({ name }) => resolve(text, name)).filter((folder) => folder !== resolve(out));
  const runs = [text, ...folders.toSorted()].flatMap((folder) => listRuns(folder)).map(({ folder }) => resolve(folder));
  return runs.length > 0 ? runs : [findRun(text, text)];
}

function checkUnlike(readers: readonly RecordReader[]): void {
  const ids = readers.map(({ header }) => header.id);
  const twice = readers.find(({ header }, i) => ids.indexOf(header.id) < i);
  if (twice)
    throw new Problem('USAGE', { place: twice.folder, message: `is the record of run ${twice.header.id}, which is among them already` });
}

/** `NAME=+2.5s`: what is added to the clock of a run, or of the runs in a folder. */
function offsetsOf(given: Given, faults: Faults): Map<string, number> {
  const offsets = new Map<string, number>();
  for (const text of given.all('offset')) {
    const [, name, sign, amount] = /^(.{1,200})=([+-]?)([^+-]+)$/s.exec(text) ?? [];
    const seconds = amount === undefined ? null : parseDuration(amount);
    if (name === undefined || seconds === null)
      faults.add('USAGE', '--offset', `${JSON.stringify(text.slice(0, 64))} should be RUN=+2.5s or FOLDER=-1m`);
    else offsets.set(name, sign === '-' ? -seconds : seconds);
  }
  return offsets;
}

function notesOf(parts: readonly Part[], replicas: readonly Replica[]): string[] {
  return parts.map((part) => {
    const own = replicas.filter((replica) => replica.part === part).map(({ role, slot }) => (slot === null ? role : `${role}/${slot}`));
    const clock = part.offset === 0 ? '' : `, its clock set by ${part.offset > 0 ? '+' : ''}${Number(part.offset.toFixed(3))} s`;
    const sealed = part.reader.sealed === null ? ', ended without a verdict' : '';
    const begun = rfc3339(part.reader.header.start + part.offset);
    return `${part.name}: ${own.join(', ')}, ${begun} for ${formatDuration(part.length)}${clock}${sealed}${part.reader.thinned ? ', thinned' : ''}`;
  });
}
