/**
 * Judges recordings of real programs, as recorded and stretched: with `--stretch 60` a recorded second stands for a minute.
 *
 *   node tools/run.mjs bench/detector/traces.ts FOLDER [--stretch 60] [--all] [--json FILE]
 *
 * FOLDER holds `truth.json`, a list of {file, leak, signals}, and the files that it names: gzip, a line of `#` and JSON about the
 * recording, a line of column names (`t` in seconds, `*_kb` in KiB, else counts), then rows. `--all` shows every signal.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { Judge } from '../../src/analysis/judge.ts';
import type { Verdict } from '../../src/analysis/verdict.ts';
import { CATALOG } from '../../src/metrics.ts';
import { RunState } from '../../src/runstate.ts';
import type { Owner } from '../../src/series.ts';
import { METRICS as PROCESS } from '../../src/sources/process.ts';
import { Batch } from '../../src/tick.ts';
import { decimal, table } from './table.ts';
import { given, readOr, refuse } from './usage.ts';

interface Truth {
  readonly file: string;
  readonly leak: boolean;
  /** Columns that grow because of the leak. */
  readonly signals: readonly string[];
}

interface Recording {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly number[])[];
}

/** Columns that the agent would judge, and as what. */
const SIGNALS: Readonly<Record<string, string>> = {
  anon_kb: 'soak.process.memory.private',
  fds: 'process.unix.file_descriptor.count',
  threads: 'process.thread.count',
  children: 'soak.process.child.count',
  zombies: 'soak.process.zombie.count',
};

const DAY_S = 86_400;
const KIB = 1024;
const CLOCK_TICKS = 100;

function read(file: string): Recording {
  const [, header = '', ...lines] = gunzipSync(readFileSync(file)).toString('utf8').trimEnd().split('\n');
  const rows = lines.map((line) => line.split(',').map((cell) => (cell === '' ? NaN : Number(cell))));
  return { columns: header.split(','), rows };
}

const column = ({ columns }: Recording, name: string): number => columns.indexOf(name);

/** KiB become bytes; counts stay. */
const scaled = (name: string, value: number): number => (name.endsWith('_kb') ? value * KIB : value);

/** The run of a recording through the real state and judge. A run time is a recorded time multiplied by `stretch`. */
function judged(recording: Recording, stretch: number): Verdict {
  const seconds = recording.rows.at(-1)![0]! * stretch;
  const interval = Math.max(1, stretch);
  const options = { requiredLifetime: 14 * DAY_S, plannedEnd: seconds, warmup: null, rules: [], required: [], interval };
  const state = new RunState(new Judge(options));
  const owner: Owner = { source: 'process', target: 'app', member: null, period: interval };
  const signals = Object.entries(SIGNALS).filter(([name]) => column(recording, name) >= 0);
  const ids = signals.map(([, metric]) => state.series.open(owner, CATALOG.get(metric)));
  const cpu = state.series.open(owner, PROCESS.cpuTime, { 'cpu.mode': 'user' });
  const batch = new Batch();
  batch.event({ t: 0, kind: 'target_found', target: 'app', member: null, message: '', data: {} });
  recording.rows.forEach((row, n) => {
    const t = row[0]! * stretch;
    signals.forEach(([name], i) => batch.set(ids[i]!, scaled(name, row[column(recording, name)]!), t));
    batch.set(cpu, (row[column(recording, 'utime')]! / CLOCK_TICKS) * stretch, t);
    state.fold(batch.close(n, t, t));
  });
  return state.judge.verdict({ id: 'trace', start: 0, end: state.t, planned: seconds, agent: '', configHash: '' }, state);
}

/** Growth per recorded minute, from the third tenth to the last: medians, so that a collection in either does not matter much. */
function ratePerMinute(recording: Recording, name: string): number {
  const { rows } = recording;
  const at = column(recording, name);
  const part = (from: number, to: number): { t: number; y: number } => {
    const piece = rows.slice(Math.floor(from * rows.length), Math.floor(to * rows.length));
    const sorted = piece.map((row) => scaled(name, row[at]!)).toSorted((a, b) => a - b);
    return { t: piece[piece.length >> 1]![0]!, y: sorted[sorted.length >> 1]! };
  };
  const [early, late] = [part(0.2, 0.3), part(0.9, 1)];
  return ((late.y - early.y) / (late.t - early.t)) * 60;
}

/** What a leak must reach as recorded to be asked for: 1 MB or five things a minute. */
const strong = (name: string, rate: number): boolean => rate >= (name.endsWith('_kb') ? 1e6 : 5);

interface Line {
  readonly file: string;
  readonly leak: boolean;
  readonly signal: string;
  /** The leak shows in this signal. */
  readonly bears: boolean;
  readonly rate: number;
  readonly outcome: string;
  readonly grade: string;
  readonly slope: Verdict['series'][number]['slope'];
  readonly onset: number | null;
  /** Run times of the first suspicion and confirmation. */
  readonly suspectedAt: number | null;
  readonly confirmedAt: number | null;
  readonly why: string;
}

const runTime = (at: string | undefined): number | null => (at === undefined ? null : Date.parse(at) / 1000);

function linesOf(truth: Truth, folder: string, stretch: number): Line[] {
  const recording = readOr(join(folder, truth.file), read);
  const verdict = judged(recording, stretch);
  return Object.entries(SIGNALS).flatMap(([signal, metric]): Line[] => {
    const series = verdict.series.find((s) => s.metric === metric);
    if (!series) return [];
    const { outcome, grade, slope, onset, why, gradeHistory } = series;
    const first = (wanted: string): number | null => runTime(gradeHistory.find((entry) => entry.grade === wanted)?.at);
    return [
      {
        file: truth.file.replace(/\.csv\.gz$/, ''),
        leak: truth.leak,
        signal,
        bears: truth.signals.includes(signal),
        rate: ratePerMinute(recording, signal),
        outcome: series.gated ? outcome : `(${outcome})`,
        grade,
        slope,
        onset: runTime(onset?.at),
        suspectedAt: first('suspected'),
        confirmedAt: first('confirmed'),
        why,
      },
    ];
  });
}

function shown(lines: readonly Line[]): string {
  const minutes = (at: number | null): string => (at === null ? '-' : decimal(at / 60, 1));
  const size = (signal: string, value: number): string => decimal(signal.endsWith('_kb') ? value / 1e6 : value, 2);
  return table(
    ['recording', 'signal', 'truth', '/min', 'verdict', 'grade', 'slope/h', 'from', 'to', 'onset min', 'suspected', 'confirmed'],
    lines.map((l) => [
      l.file,
      l.signal,
      l.bears ? 'leaks' : l.leak ? '(leaks elsewhere)' : 'clean',
      size(l.signal, l.rate),
      l.outcome,
      l.grade,
      ...(l.slope ? [l.slope.perHour, l.slope.lo, l.slope.hi].map((value) => size(l.signal, value)) : ['-', '-', '-']),
      minutes(l.onset),
      minutes(l.suspectedAt),
      minutes(l.confirmedAt),
    ]),
  );
}

/** What the table comes to, recording by recording. */
function concluded(lines: readonly Line[], stretch: number): string {
  const by = Map.groupBy(lines, (l) => l.file);
  const files = [...by.values()];
  const fails = (list: readonly Line[]): boolean => list.some((l) => l.outcome === 'fail');
  const clean = files.filter((list) => !list[0]!.leak);
  const leaky = files.filter((list) => list[0]!.leak);
  const bearing = (list: readonly Line[]): Line[] => list.filter((l) => l.bears);
  const caught = (list: readonly Line[]): boolean =>
    bearing(list).some((l) => l.outcome === 'fail' || l.suspectedAt !== null || l.confirmedAt !== null);
  const named = (lists: readonly (readonly Line[])[]): string => lists.map((list) => `  ${list[0]!.file}`).join('\n');
  const part = (what: string, of: readonly (readonly Line[])[], bad: readonly (readonly Line[])[]): string =>
    `${what}: ${of.length - bad.length} of ${of.length}${bad.length > 0 ? `, not:\n${named(bad)}` : ''}`;
  const asked = leaky.filter((list) => bearing(list).some((l) => strong(l.signal, l.rate)));
  const text = [`stretched ${stretch} times`, part('clean recordings that do not fail', clean, clean.filter(fails))];
  // As recorded a leak must be noticed when it is a fast one; an hour for each minute is time enough to be sure of any.
  if (stretch === 1) {
    const missed = asked.filter((list) => !caught(list));
    text.push(part('leaks of 1 MB/min or 5 counts/min that fail or were suspected on the right signal', asked, missed));
  }
  const open = leaky.filter((list) => !fails(bearing(list)));
  text.push(part('leaks that fail on the right signal', leaky, open));
  return text.join('\n');
}

const { values, positionals } = given(
  import.meta.url,
  { stretch: { type: 'string', default: '1' }, all: { type: 'boolean', default: false }, json: { type: 'string' } },
  true,
);
const folder = positionals[0] ?? refuse('which folder? It holds truth.json and the recordings that it names');
const truths = readOr(join(folder, 'truth.json'), (file) => JSON.parse(readFileSync(file, 'utf8')) as Truth[]);
const stretch = Number(values.stretch);
const lines = truths.flatMap((truth) => linesOf(truth, folder, stretch));
console.log(shown(lines.filter((l) => values.all || l.bears || l.signal === 'anon_kb' || l.grade !== 'none')));
console.log(`\n${concluded(lines, stretch)}`);
if (values.json !== undefined) writeFileSync(values.json, JSON.stringify(lines));
