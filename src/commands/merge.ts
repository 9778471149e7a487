/** `soak-agent merge RUN...`: one run, one verdict and one exit code of what several agents have recorded. */
import { rfc3339 } from '../clock.ts';
import type { JudgeOverrides } from '../config/config.ts';
import type { Faults } from '../config/faults.ts';
import { merge as mergeParts } from '../merging/merge.ts';
import { type Part, partsOf } from '../merging/parts.ts';
import type { Replica } from '../merging/replicas.ts';
import { EXIT, type ExitCode, Problem } from '../problem.ts';
import { formatDuration, parseDuration } from '../quantity.ts';
import { findRun } from '../record/find.ts';
import { listRuns } from '../record/folders.ts';
import { RecordReader } from '../record/reader.ts';
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
  const folders = [...new Set(given.operands.flatMap((text) => foldersOf(text)))];
  if (folders.length < 2) throw new Problem('USAGE', { place: 'merge', message: 'two runs at least are merged' });
  if (folders.length > RUNS_MAX)
    throw new Problem('USAGE', { place: 'merge', message: `${folders.length} runs are more than ${RUNS_MAX}` });
  const readers: RecordReader[] = [];
  try {
    for (const folder of folders) readers.push(RecordReader.open(folder));
    checkUnlike(readers);
    const parts = partsOf(readers, offsets);
    const { folder, verdict, replicas, rolls } = mergeParts(parts, { out: given.one('out') ?? MERGED, overrides, clock: io.clock });
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

/** A folder of runs is all of them: what was copied from many pods. */
function foldersOf(text: string): string[] {
  const folder = findRun(text, text);
  return folder === text ? [text] : listRuns(text).map((run) => run.folder);
}

function checkUnlike(readers: readonly RecordReader[]): void {
  const ids = readers.map(({ header }) => header.id);
  const twice = readers.find(({ header }, i) => ids.indexOf(header.id) < i);
  if (twice)
    throw new Problem('USAGE', { place: twice.folder, message: `is the record of run ${twice.header.id}, which is among them already` });
}

/** `NAME=+2.5s`: what is added to the clock of a run or a host. */
function offsetsOf(given: Given, faults: Faults): Map<string, number> {
  const offsets = new Map<string, number>();
  for (const text of given.all('offset')) {
    const [, name, sign, amount] = /^(.{1,200})=([+-]?)([^+-]+)$/s.exec(text) ?? [];
    const seconds = amount === undefined ? null : parseDuration(amount);
    if (name === undefined || seconds === null)
      faults.add('USAGE', '--offset', `${JSON.stringify(text.slice(0, 64))} should be RUN=+2.5s or HOST=-1m`);
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
    return `${part.host}: ${own.join(', ')}, ${begun} for ${formatDuration(part.length)}${clock}${sealed}${part.reader.thinned ? ', thinned' : ''}`;
  });
}
