import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Judge } from '../../src/analysis/judge.ts';
import type { Verdict } from '../../src/analysis/verdict.ts';
import { SimClock } from '../../src/clock.ts';
import { RecordReader } from '../../src/record/reader.ts';
import { type OpenedRun, listRuns, newestRun, openRun, type RunRequest, writeCrash } from '../../src/runs.ts';
import { RunState } from '../../src/runstate.ts';
import { HEADER, plain, problemOf, Program, temporaryFolder } from '../fixtures/record/ticks.ts';

const VERDICT = { schema: 1, outcome: 'pass', findings: [] } as unknown as Verdict;

/** 2026-11-21T01:32:57Z */
const START = 1_795_224_777;

/** Starts the agent once more in a folder of runs, ten minutes after the start before. */
class Starts {
  readonly out = temporaryFolder();
  readonly clock = new SimClock({ wall: START });
  state = new RunState(new Judge({ requiredLifetime: 1, plannedEnd: null, warmup: null, rules: [], required: [], interval: 1 }));

  open(changes: Partial<Omit<RunRequest, 'header'>> & { header?: Partial<RunRequest['header']> } = {}): OpenedRun {
    this.state = new RunState(new Judge({ requiredLifetime: 1, plannedEnd: null, warmup: null, rules: [], required: [], interval: 1 }));
    const { id: _id, start: _start, bootId: _bootId, ...header } = HEADER;
    const request = { out: this.out, keep: null, maxBytes: 2 ** 20, clock: this.clock, state: this.state, ...changes };
    const run = openRun({ ...request, header: { ...header, ...changes.header } });
    this.clock.advance(600);
    return run;
  }

  /** A run of two ticks that was killed. */
  killed(): OpenedRun {
    const run = this.open();
    recordTicks(run, 0, 2);
    kill(run);
    return run;
  }

  /** A run of two ticks with a verdict. */
  finished(): OpenedRun {
    const run = this.open();
    recordTicks(run, 0, 2);
    run.seal(this.clock.wall(), VERDICT);
    return run;
  }
}

function recordTicks(run: OpenedRun, from: number, to: number): void {
  const program = new Program(2);
  for (let n = from; n < to; n++) run.record.append(program.tick(n), program.table);
}

/** As a kill leaves it: nothing is closed in order, the kernel gives the lock back, and the owner that it names is dead. */
function kill(run: OpenedRun): void {
  run.abandon();
  lock(run.folder, "INSERT INTO owner (id, pid, start, boot) VALUES (1, 99999, '1', 'another boot')");
}

function lock(folder: string, sql: string): void {
  const db = new DatabaseSync(join(folder, 'lock'));
  db.exec(sql);
  db.close();
}

function ended(run: OpenedRun): OpenedRun {
  onTestFinished(() => run.abandon());
  return run;
}

describe('a new run', () => {
  test('has a folder named by its start and id, with a record that says the same', () => {
    const starts = new Starts();
    const run = ended(starts.open());
    expect(run.kind).toBe('new');
    expect(basename(run.folder)).toBe(`20261121T013257Z-${run.id}`);
    expect(run.id).toMatch(/^[0-9a-f]{8}$/);
    expect([run.start, run.resumed, run.crashed, run.messages]).toEqual([START, null, null, []]);
    const reader = RecordReader.open(run.folder);
    expect(reader.header).toEqual({
      ...HEADER,
      id: run.id,
      start: START,
      bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
    });
    reader.close();
  });

  test('sorts after one that began a little earlier in the same second', () => {
    const starts = new Starts();
    const ids = [0.001, 0.35, 0.3503, 0.9999].map((fraction) => ended(starts.open({ clock: new SimClock({ wall: START + fraction }) })).id);
    expect(listRuns(starts.out).map(({ id }) => id)).toEqual(ids);
  });

  test('that is given up before its first tick leaves nothing behind', () => {
    const starts = new Starts();
    starts.open().abandon();
    expect(readdirSync(starts.out)).toEqual([]);
  });

  test('when sealed has its verdict beside its record, whole and readable', () => {
    const starts = new Starts();
    const run = starts.finished();
    expect(JSON.parse(readFileSync(join(run.folder, 'verdict.json'), 'utf8'))).toEqual(VERDICT);
    expect(readdirSync(run.folder).toSorted()).toEqual(['lock', 'record.sqlite', 'verdict.json']);
    const reader = RecordReader.open(run.folder);
    expect(reader.verdict()).toBe(JSON.stringify(VERDICT));
    expect(reader.sealed).toEqual({ end: START + 600 });
    reader.close();
  });
});

describe('the newest run', () => {
  test('is resumed when it is unfinished, with its state, and the crash is told once', () => {
    const starts = new Starts();
    const first = starts.killed();
    const run = starts.open();
    expect([run.kind, run.folder, run.id, run.start]).toEqual(['resumed', first.folder, first.id, START]);
    expect(run.resumed?.start).toBe(START);
    expect(run.resumed?.last.wall).toBe(HEADER.start + 1);
    expect(run.crashed).toEqual({ folder: first.folder, at: HEADER.start + 1, reason: null });
    expect(run.messages).toEqual([
      `${basename(first.folder)} ended without a verdict at 2026-11-06T21:20:01.000Z: it was killed, or the machine went down`,
    ]);
    expect(starts.state.n).toBe(1);
    recordTicks(run, 2, 4);
    run.seal(1, VERDICT);
    const reader = RecordReader.open(run.folder);
    const program = new Program(2);
    expect(Array.from(reader.ticks(), plain)).toHaveLength(4);
    expect(Array.from(reader.ticks(), ({ n }) => n)).toEqual([0, 1, 2, 3]);
    expect(reader.series()).toHaveLength(program.table.size);
    reader.close();
    expect(ended(starts.open()).crashed).toBeNull();
  });

  test('tells why it crashed when that could be written down, and only to the next start', () => {
    const starts = new Starts();
    const first = starts.killed();
    writeCrash(first.folder, 'broken invariant: 1 is 2', START + 7);
    const run = starts.open();
    expect(run.crashed).toEqual({ folder: first.folder, at: START + 7, reason: 'broken invariant: 1 is 2' });
    expect(run.messages[0]).toMatch(/at 2026-11-21T01:33:04\.000Z: broken invariant: 1 is 2$/);
    kill(run);
    expect(ended(starts.open()).crashed).toEqual({ folder: first.folder, at: HEADER.start + 1, reason: null });
  });

  test('of other settings is left as it is, and a new one says so', () => {
    const starts = new Starts();
    const first = starts.killed();
    const run = ended(starts.open({ header: { configHash: 'other' } }));
    expect(run.kind).toBe('new');
    expect(run.folder).not.toBe(first.folder);
    expect(run.crashed?.folder).toBe(first.folder);
    expect(run.messages.at(-1)).toMatch(/has other settings: this is a new run/);
  });

  test('of another version of soak-agent is left as it is, and a new one says so', () => {
    const starts = new Starts();
    starts.killed();
    const run = ended(starts.open({ header: { agent: '9.9.9' } }));
    expect([run.kind, run.messages.at(-1)]).toEqual(['new', expect.stringMatching(/is of soak-agent 0\.1\.0: this is a new run/)]);
  });

  test('when finished is never touched again', () => {
    const starts = new Starts();
    const first = starts.finished();
    const before = readdirSync(first.folder).map((name) => [name, readFileSync(join(first.folder, name), 'latin1')]);
    const run = ended(starts.open());
    expect([run.kind, run.messages]).toEqual(['new', []]);
    expect(readdirSync(first.folder).map((name) => [name, readFileSync(join(first.folder, name), 'latin1')])).toEqual(before);
  });

  test.each([
    ['by a newer version', 'PRAGMA user_version = 7'],
    ['and has been damaged since', "UPDATE header SET value = 'x' WHERE key = 'id'"],
  ])('when finished %s did not end without a verdict', (_, sql) => {
    const starts = new Starts();
    pragma(join(starts.finished().folder, 'record.sqlite'), sql);
    expect(ended(starts.open())).toMatchObject({ kind: 'new', messages: [], crashed: null });
  });

  test('only counts: an older unfinished one is not resumed', () => {
    const starts = new Starts();
    starts.killed();
    const other = starts.open({ header: { configHash: 'other' } });
    recordTicks(other, 0, 1);
    other.seal(1, VERDICT);
    expect(ended(starts.open()).kind).toBe('new');
  });

  test('that another living agent records is left to it', () => {
    const starts = new Starts();
    const first = ended(starts.open());
    recordTicks(first, 0, 2);
    const run = ended(starts.open());
    expect(run.kind).toBe('new');
    expect(run.crashed).toBeNull();
    expect(run.messages).toEqual([`${basename(first.folder)} is being recorded by process ${process.pid}: this is a new run beside it`]);
  });

  test('whose owner lives is left to it also where locks of files do nothing', () => {
    const starts = new Starts();
    const first = starts.killed();
    const parent = readFileSync(`/proc/${process.ppid}/stat`, 'utf8');
    const start = parent.slice(parent.lastIndexOf(')') + 2).split(' ')[19];
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    lock(first.folder, `UPDATE owner SET pid = ${process.ppid}, start = '${start}', boot = '${boot}'`);
    const run = starts.open();
    expect([run.kind, run.messages]).toEqual(['new', [expect.stringMatching(`recorded by process ${process.ppid}`)]]);
    run.abandon();
    // The same pid with another start time is another process.
    lock(first.folder, "UPDATE owner SET start = '1'");
    expect(ended(starts.open()).kind).toBe('resumed');
  });

  test.each([
    ['text instead of a record', (path: string) => writeFileSync(path, 'no database at all'), /nothing was changed/],
    ['an empty record', (path: string) => writeFileSync(path, ''), /not the record of a run/],
    ['a record of a newer version', (path: string) => pragma(path, 'PRAGMA user_version = 7'), /newer soak-agent/],
    [
      'the record of another run',
      (path: string) => pragma(path, "UPDATE header SET value = 'x' WHERE key = 'id'"),
      /folders of runs must keep their names/,
    ],
    ['a record with a damaged tick', (path: string) => pragma(path, 'UPDATE hot SET data = zeroblob(3)'), /cut off/],
  ])('with %s is left as it is, and a new one says so', (_, damage, says) => {
    const starts = new Starts();
    const first = starts.killed();
    const path = join(first.folder, 'record.sqlite');
    damage(path);
    const before = readFileSync(path);
    const run = ended(starts.open());
    expect(run.kind).toBe('new');
    expect(run.messages.at(-1)).toMatch(/cannot be resumed and is left as it is/);
    expect(run.messages.at(-1)).toMatch(says);
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  test('that never got a record is passed over in silence', () => {
    const starts = new Starts();
    mkdirSync(join(starts.out, '20991231T235959Z-00000000'));
    expect(ended(starts.open())).toMatchObject({ kind: 'new', messages: [], crashed: null });
  });
});

function pragma(path: string, sql: string): void {
  const db = new DatabaseSync(path);
  db.exec(sql);
  db.close();
}

describe('keeping runs', () => {
  test('removes the oldest finished ones, whole, and says so', () => {
    const starts = new Starts();
    const runs = [starts.finished(), starts.finished(), starts.finished()];
    writeFileSync(join(runs[0]!.folder, 'report.html'), 'made later');
    mkdirSync(join(runs[0]!.folder, 'evidence'));
    writeFileSync(join(runs[0]!.folder, 'evidence', 'maps.txt'), 'x');
    const run = ended(starts.open({ keep: 1 }));
    expect(listRuns(starts.out).map(({ id }) => id)).toEqual([runs[2]!.id, run.id]);
    expect(run.messages).toEqual([runs[0]!, runs[1]!].map(({ folder }) => `removed ${basename(folder)}: 1 finished runs are kept`));
  });

  test('never removes the run in use, unfinished ones, or what we did not write', () => {
    const starts = new Starts();
    const killed = starts.killed();
    const inUse = ended(starts.open({ header: { configHash: 'other' } }));
    recordTicks(inUse, 0, 1);
    const elsewhere = temporaryFolder();
    writeFileSync(join(elsewhere, 'precious'), 'x');
    const foreign = ['20200101T000000Z-aaaaaaaa', '20200101T000000Z-bbbbbbbb', 'notes', '20200101T000000Z-xyz'];
    for (const name of foreign) mkdirSync(join(starts.out, name));
    writeFileSync(join(starts.out, foreign[0]!, 'record.sqlite'), 'text');
    pragma(join(starts.out, foreign[1]!, 'record.sqlite'), 'CREATE TABLE users (name)');
    symlinkSync(elsewhere, join(starts.out, '20200101T000000Z-cccccccc'));
    writeFileSync(join(starts.out, '20200101T000000Z-dddddddd'), 'a file');
    const before = readdirSync(starts.out);
    const run = ended(starts.open({ keep: 0, header: { configHash: 'third' } }));
    expect(readdirSync(starts.out).toSorted()).toEqual([...before, basename(run.folder)].toSorted());
    expect(existsSync(join(elsewhere, 'precious'))).toBe(true);
    expect(existsSync(join(killed.folder, 'record.sqlite'))).toBe(true);
  });

  test('does not follow links out of a run that it removes', () => {
    const starts = new Starts();
    const old = starts.finished();
    const elsewhere = temporaryFolder();
    writeFileSync(join(elsewhere, 'precious'), 'x');
    symlinkSync(elsewhere, join(old.folder, 'link'));
    ended(starts.open({ keep: 0 }));
    expect(existsSync(old.folder)).toBe(false);
    expect(existsSync(join(elsewhere, 'precious'))).toBe(true);
  });

  test('does not take a link for a run, also when it leads to one', () => {
    const starts = new Starts();
    const old = starts.finished();
    const elsewhere = join(temporaryFolder(), basename(old.folder));
    cpSync(old.folder, elsewhere, { recursive: true });
    rmSync(old.folder, { recursive: true });
    symlinkSync(elsewhere, old.folder);
    ended(starts.open({ keep: 0 }));
    expect([existsSync(old.folder), existsSync(join(elsewhere, 'record.sqlite'))]).toEqual([true, true]);
  });

  test('does not take a finished run whose record was moved into a folder of another name', () => {
    const starts = new Starts();
    const old = starts.finished();
    const moved = join(starts.out, '20200101T000000Z-12345678');
    mkdirSync(moved);
    writeFileSync(join(moved, 'record.sqlite'), readFileSync(join(old.folder, 'record.sqlite')));
    ended(starts.open({ keep: 0 }));
    expect([existsSync(moved), existsSync(old.folder)]).toEqual([true, false]);
  });
});

describe('a folder that cannot be used', () => {
  test('a file, or a path through one', () => {
    const starts = new Starts();
    const out = join(starts.out, 'runs');
    writeFileSync(out, '');
    expect(problemOf(() => starts.open({ out }))).toMatch(/^OUT: .*is a file, or leads through one: name a folder/);
    expect(problemOf(() => starts.open({ out: join(out, 'below') }))).toMatch(/^OUT: .*is a file, or leads through one: name a folder/);
  });

  test('a path that is too long for a record, or for the file system', () => {
    const starts = new Starts();
    const long = join(starts.out, ...Array.from({ length: 6 }, () => 'x'.repeat(90)));
    expect(problemOf(() => starts.open({ out: long }))).toMatch(/^OUT: .*path of \d+ bytes, and 500 are possible/);
    expect(problemOf(() => starts.open({ out: join(starts.out, 'x'.repeat(300)) }))).toMatch(/^OUT: .*too long for the file system/);
    const beyond = problemOf(() => starts.open({ out: join(starts.out, ...Array.from({ length: 60 }, () => 'x'.repeat(90))) }));
    expect(beyond).toMatch(/^OUT: .*is too long: a record there has a path of \d+ bytes, and 500 are possible/);
    expect(beyond.length).toBeLessThan(500);
  });

  test('folders that were made on the way to one that cannot be used are removed again, and no others', () => {
    const starts = new Starts();
    mkdirSync(join(starts.out, 'mine'));
    for (const below of [['x'.repeat(300)], Array.from({ length: 6 }, () => 'x'.repeat(90))]) {
      expect(problemOf(() => starts.open({ out: join(starts.out, 'mine', 'a', 'b', ...below, 'c') }))).toMatch(/^OUT: .*too long/);
    }
    expect(problemOf(() => starts.open({ out: join(starts.out, 'mine', 'a', 'b'), maxBytes: 5 }))).toMatch(/^INTERNAL/);
    starts.open({ out: join(starts.out, 'mine', 'a', 'b') }).abandon();
    expect(readdirSync(starts.out, { recursive: true })).toEqual(['mine']);
    const other = starts.open({ out: join(starts.out, 'a', 'b') });
    writeFileSync(join(starts.out, 'a', 'precious'), 'x');
    other.abandon();
    expect(readdirSync(join(starts.out, 'a'))).toEqual(['precious']);
  });

  test('none is left half made', () => {
    const starts = new Starts();
    expect(problemOf(() => starts.open({ maxBytes: 5 }))).toMatch(/^INTERNAL/);
    expect(readdirSync(starts.out)).toEqual([]);
  });

  test('a folder is made with its parents', () => {
    const starts = new Starts();
    const run = ended(starts.open({ out: join(starts.out, 'a', 'b') }));
    expect(newestRun(join(starts.out, 'a', 'b'))?.id).toBe(run.id);
  });
});

describe('the mark of a crash', () => {
  test('is cut, and never makes things worse', () => {
    const starts = new Starts();
    const first = starts.killed();
    writeCrash(first.folder, 'x'.repeat(10_000), START);
    expect(readFileSync(join(first.folder, 'crash.json')).length).toBeLessThan(400);
    expect(() => writeCrash('/nowhere/at/all', 'x', NaN)).not.toThrow();
  });

  test('of garbage still tells of a crash', () => {
    const starts = new Starts();
    const first = starts.killed();
    writeFileSync(join(first.folder, 'crash.json'), '{"at": 5, "reason": ');
    expect(ended(starts.open()).crashed).toEqual({ folder: first.folder, at: HEADER.start + 1, reason: null });
  });
});
