/** The record under what happens to real programs: killed at any moment, two of them at once, disks that are full or read-only. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { writeVerdict } from '../../src/record/files.ts';
import { RecordReader } from '../../src/record/reader.ts';
import { RecordWriter } from '../../src/record/writer.ts';
import { installed } from './agent-under-test.ts';
import { HEADER, plain, problemOf, Program, temporaryFolder } from '../fixtures/record/ticks.ts';

const MB = 2 ** 20;
const KILLS = 24;

/** Of the variants. */
const FEW_KILLS = 10;

function program(name: string): string {
  return fileURLToPath(new URL(`../fixtures/record/${name}`, import.meta.url));
}

interface Started {
  readonly child: ChildProcess;
  /** The whole lines that it has printed. */
  readonly lines: string[];
  readonly first: Promise<string>;
  readonly ended: Promise<unknown>;
}

/** A child that is gone when the test is over. */
function start(file: string, ...args: (string | number)[]): Started {
  const child = spawn(process.execPath, [program(file), ...args.map(String)], { stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines: string[] = [];
  const output = createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  const ended = once(child, 'close');
  const first = Promise.race([once(output, 'line'), ended.then(() => ['ended without a word'])]).then(([line]) => String(line));
  return { child, lines, first, ended };
}

function open(folder: string): RecordReader {
  const reader = RecordReader.open(folder);
  onTestFinished(() => reader.close());
  return reader;
}

interface Moment {
  /** It has recorded at least so many: how many more it does in a time is the machine's. */
  readonly ticks: number;
  /** Milliseconds after that, at most. */
  readonly longest: number;
}

/** Kills a recorder at a random moment. Returns the number of the last tick that it said was recorded. */
async function recordAndKill(
  folder: string,
  cap: number,
  series: number,
  sealAfter: number | string,
  { ticks, longest }: Moment,
): Promise<{ last: number; sealed: boolean }> {
  const started = start('recorder.ts', folder, cap, series, sealAfter);
  while (started.lines.length < ticks && started.child.exitCode === null) await delay(1);
  await delay(Math.random() * longest);
  started.child.kill('SIGKILL');
  await started.ended;
  const numbers = started.lines.filter((line) => /^\d+$/.test(line)).map(Number);
  return { last: Math.max(-1, ...numbers), sealed: started.lines.includes('sealed') };
}

function integrity(folder: string): string {
  const check =
    "import { DatabaseSync } from 'node:sqlite'; console.log(new DatabaseSync(process.argv[1]).prepare('PRAGMA integrity_check').get().integrity_check)";
  return execFileSync(process.execPath, ['--input-type=module', '-e', check, join(folder, 'record.sqlite')], { encoding: 'utf8' }).trim();
}

describe('kill -9', () => {
  test(`at ${KILLS} random moments loses at most the tick in flight`, async () => {
    const folder = temporaryFolder();
    const twin = new Program(20);
    const expected: unknown[] = [];
    for (let kill = 0; kill < KILLS; kill++) {
      const { last } = await recordAndKill(folder, 512 * MB, 20, 'never', { ticks: 21, longest: 100 });
      const reader = RecordReader.open(folder);
      const from = Math.max(0, expected.length - 10);
      const ticks = Array.from(reader.ticks(from), plain);
      reader.check();
      reader.close();
      // What it said is there, and at most the tick that it had no time to say.
      expect([last + 1, last + 2]).toContain(from + ticks.length);
      while (expected.length < from + ticks.length) expected.push(plain(twin.tick(expected.length)));
      expect(ticks).toStrictEqual(expected.slice(from));
      expect(integrity(folder)).toBe('ok');
    }
    expect(Array.from(open(folder).ticks(), plain)).toStrictEqual(expected);
    expect(expected.length).toBeGreaterThan(20 * KILLS);
  });

  test('while old ticks are thinned out keeps the file whole, under its cap, and its end complete', async () => {
    const folder = temporaryFolder();
    let before = -1;
    let most = 0;
    // Some 3,300 ticks have room: from the sixth kill on, old ones are thinned out.
    for (let kill = 0; kill < FEW_KILLS; kill++) {
      const { last } = await recordAndKill(folder, MB, 60, 'never', { ticks: 600, longest: 100 });
      most = Math.max(most, ...['', '-wal', '-shm'].map((end) => statSync(join(folder, `record.sqlite${end}`)).size));
      const reader = RecordReader.open(folder);
      reader.check();
      const newest = reader.last()!.n;
      expect([last, last + 1]).toContain(newest);
      const recent = Array.from(reader.ticks(Math.max(0, newest - 50)), ({ n }) => n);
      expect(recent).toEqual(Array.from({ length: recent.length }, (_, i) => newest - recent.length + 1 + i));
      expect(reader.checkpoint()?.n ?? -1).toBeGreaterThan(newest - 121); // there is none before tick 59
      reader.close();
      expect(newest).toBeGreaterThan(before);
      before = newest;
      expect(integrity(folder)).toBe('ok');
    }
    expect(most).toBeLessThan(MB);
    expect(open(folder).thinned).toBe(true);
  });

  test('while the run is finished leaves it finished or to be resumed, never in between', async () => {
    const outcomes = new Set<boolean>();
    for (let kill = 0; kill < FEW_KILLS; kill++) {
      const folder = temporaryFolder();
      const { last, sealed } = await recordAndKill(folder, 512 * MB, 20, 130, { ticks: 100, longest: 15 });
      const reader = RecordReader.open(folder);
      reader.check();
      expect(Array.from(reader.ticks()).length).toBeGreaterThanOrEqual(last + 1);
      if (sealed) expect(reader.sealed).not.toBeNull();
      expect(reader.verdict()).toBe(reader.sealed === null ? null : '{}');
      outcomes.add(reader.sealed === null);
      reader.close();
      expect(problemOf(() => RecordWriter.resume(folder, { maxBytes: 512 * MB }).close())).toMatch(
        reader.sealed === null ? /^nothing$/ : /the run is finished/,
      );
    }
    expect(outcomes.size).toBeGreaterThan(0);
  });
});

interface Run {
  readonly kind: 'new' | 'resumed';
  readonly folder: string;
  readonly messages: string[];
  readonly n: number;
}

async function startRun(out: string): Promise<Run & { kill: () => Promise<unknown> }> {
  const started = start('starter.ts', out);
  const run = JSON.parse(await started.first) as Run;
  const kill = (): Promise<unknown> => {
    started.child.kill('SIGKILL');
    return started.ended;
  };
  return { ...run, kill };
}

describe('starts of the agent', () => {
  test('resume the run of one that was killed, again and again', async () => {
    const out = temporaryFolder();
    const first = await startRun(out);
    expect(first).toMatchObject({ kind: 'new', messages: [] });
    await first.kill();
    for (const n of [1, 2, 3]) {
      const next = await startRun(out);
      expect(next).toMatchObject({ kind: 'resumed', folder: first.folder, n });
      expect(next.messages).toEqual([expect.stringMatching(/ended without a verdict.*it was killed/)]);
      await next.kill();
    }
    expect(readdirSync(out)).toEqual([basename(first.folder)]);
  });

  test('that come at the same time never share a run', async () => {
    const out = temporaryFolder();
    const first = await startRun(out);
    await first.kill();
    const runs = await Promise.all(Array.from({ length: 4 }, () => startRun(out)));
    expect(new Set(runs.map(({ folder }) => folder)).size).toBe(4);
    expect(runs.filter(({ kind }) => kind === 'resumed').length).toBeLessThanOrEqual(1);
    for (const run of runs.filter(({ kind }) => kind === 'new')) expect(run.messages.join()).toMatch(/is being recorded by|^$/);
    await Promise.all(runs.map(({ kill }) => kill()));
  });

  test('leave the run of a living one alone, and take it over when that one is dead', async () => {
    const out = temporaryFolder();
    const first = await startRun(out);
    const second = await startRun(out);
    expect(second.kind).toBe('new');
    expect(second.messages).toEqual([expect.stringMatching(`${basename(first.folder)} is being recorded by process \\d+`)]);
    await second.kill();
    expect(await startRun(out)).toMatchObject({ kind: 'resumed', folder: second.folder });
  });
});

/** Reason why this user cannot mount file systems here, or null. */
function whyNoMount(): string | null {
  if (process.getuid?.() !== 0) return 'this user is not root';
  const { status, stderr } = spawnSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'none', '/mnt'], { encoding: 'utf8' });
  return status === 0 ? null : (stderr ?? 'no unshare or mount');
}

/** Ticks that had waited for the disk when they were said to be recorded. */
function syncedTicks(ticks: number): number[] {
  const trace = join(temporaryFolder(), 'trace');
  const args = ['-y', '-e', 'trace=write,fsync,fdatasync', '-o', trace, process.execPath, program('recorder.ts')];
  execFileSync('strace', [...args, temporaryFolder(), String(64 * MB), '8', String(ticks - 1)]);
  const synced: number[] = [];
  let waited = false;
  for (const line of readFileSync(trace, 'utf8').split('\n')) {
    if (/^f(data)?sync\(.*\.sqlite-wal>/.test(line)) waited = true;
    const [, n] = /^write\(1<.*"(\d+)\\n"/.exec(line) ?? [];
    if (n === undefined) continue;
    if (waited) synced.push(Number(n));
    waited = false;
  }
  return synced;
}

describe.runIf(installed('strace'))('of a record', () => {
  test('five seconds of samples at most are not on the disk yet, and nothing else', () => {
    const all = new Program(8);
    const ticks = Array.from({ length: 200 }, (_, n) => all.tick(n));
    const synced = syncedTicks(ticks.length);
    const gaps = synced.map((n, i) => ticks[n]!.t - ticks[synced[i - 1] ?? 0]!.t);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(5.5);
    expect(synced.length).toBeLessThan(ticks.length / 2);
    const told = ticks.filter(({ events }) => events.length > 0).map(({ n }) => n);
    expect(told.length).toBeGreaterThan(1);
    expect(synced).toEqual(expect.arrayContaining(told));
  });
});

const reason = whyNoMount();
const note = reason === null ? '' : ` (not run: ${reason})`;

/** An own small file system, unmounted when the test is over. */
function mounted(size: string): string {
  const folder = temporaryFolder();
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'soak-agent-test', folder]);
  onTestFinished(() => void execFileSync('umount', ['-l', folder]));
  return folder;
}

describe.skipIf(reason !== null)(`a disk${note}`, () => {
  test('that fills up ends recording with a problem; what is recorded stays readable, and recording goes on when there is space', () => {
    const folder = mounted('1m');
    const ballast = join(folder, 'ballast');
    writeFileSync(ballast, Buffer.alloc(200_000));
    const small = new Program(100);
    const writer = RecordWriter.create(folder, HEADER, { maxBytes: 512 * MB });
    onTestFinished(() => writer.close());
    const recorded: unknown[] = [];
    let problem = 'nothing';
    for (let n = 0; n < 5000 && problem === 'nothing'; n++) {
      const tick = small.tick(n);
      problem = problemOf(() => writer.append(tick, small.table));
      if (problem === 'nothing') recorded.push(plain(tick));
    }
    expect(problem).toMatch(/^DISK: .*record\.sqlite: cannot be written \(.*(full|disk).*what is recorded so far stays readable/);
    expect(recorded.length).toBeGreaterThan(20);
    expect(problemOf(() => writer.seal(0, '{}'))).toMatch(/^DISK: /);
    expect(problemOf(() => writeVerdict(folder, 'x'.repeat(500_000)))).toMatch(/^DISK: .*verdict\.json/);
    expect(existsSync(join(folder, 'verdict.json'))).toBe(false);
    const reader = open(folder);
    reader.check();
    expect(reader.thinned).toBe(false);
    expect(Array.from(reader.ticks(), plain)).toStrictEqual(recorded);

    rmSync(ballast);
    rmSync(join(folder, 'verdict.json.tmp'), { force: true });
    const tick = small.tick(5000);
    writer.append(tick, small.table);
    expect(plain(Array.from(open(folder).ticks()).at(-1)!)).toStrictEqual(plain(tick));
  });

  test('that is full when the run starts is a problem of the folder, and nothing is left behind', () => {
    for (const left of [0, 4096, 20_000, 60_000]) {
      const folder = mounted('1m');
      writeFileSync(join(folder, 'ballast'), Buffer.alloc(MB - 4096 - left));
      const out = join(folder, 'runs');
      const { stdout } = spawnSync(process.execPath, [program('starter.ts'), out], { encoding: 'utf8' });
      expect((JSON.parse(stdout) as { problem: string }).problem).toMatch(/^OUT: .*(full|space)/);
      expect(existsSync(out) ? readdirSync(out) : []).toEqual([]);
    }
  });

  test('that is read-only is a problem for a new run, and none for reading a finished one', () => {
    const folder = mounted('4m');
    mkdirSync(join(folder, 'finished'));
    const small = new Program(3);
    const writer = RecordWriter.create(join(folder, 'finished'), HEADER, { maxBytes: MB });
    for (let n = 0; n < 200; n++) writer.append(small.tick(n), small.table);
    writer.seal(1, '{}');
    writer.close();
    execFileSync('mount', ['-o', 'remount,ro', folder]);
    const { stdout } = spawnSync(process.execPath, [program('starter.ts'), join(folder, 'runs')], { encoding: 'utf8' });
    expect((JSON.parse(stdout) as { problem: string }).problem).toMatch(/^OUT: .*read-only file system: name a folder elsewhere/);
    const reader = open(join(folder, 'finished'));
    reader.check();
    expect(Array.from(reader.ticks())).toHaveLength(200);
  });
});

test.skipIf(process.getuid?.() !== 0)('a folder of another user is a problem that says so (needs root to become another user)', () => {
  const out = temporaryFolder();
  chmodSync(out, 0o755);
  const { stdout } = spawnSync(process.execPath, [program('starter.ts'), out], { encoding: 'utf8', uid: 65_534, gid: 65_534 });
  expect((JSON.parse(stdout) as { problem: string }).problem).toMatch(/^OUT: .*may not be written by this user/);
});

const hasPython = spawnSync('python3', ['-c', 'import sqlite3']).status === 0;

test.skipIf(!hasPython)(
  'a program that opens the record with SQLite of its own (needs python3) sees plain rows while the run goes on',
  async () => {
    const folder = temporaryFolder();
    const { child, lines } = start('recorder.ts', folder, 512 * MB, 5, 'never');
    while (lines.length < 200) await delay(5);
    const query =
      "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute('select metric, unit, count from readable_rollup limit 1').fetchone())";
    const { stdout } = spawnSync('python3', ['-c', query, join(folder, 'record.sqlite')], { encoding: 'utf8' });
    child.kill('SIGKILL');
    expect(stdout.trim()).toBe("('test.memory', 'By', 60)");
    expect(readFileSync(join(folder, 'record.sqlite')).subarray(0, 15).toString()).toBe('SQLite format 3');
  },
);
