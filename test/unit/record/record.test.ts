import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { MetricDef } from '../../../src/catalog.ts';
import { RecordReader } from '../../../src/record/reader.ts';
import { RecordWriter } from '../../../src/record/writer.ts';
import { Batch, type Tick } from '../../../src/tick.ts';
import { HEADER, mark, MEMORY, openSeries, plain, problemOf, Program, temporaryFolder } from '../../fixtures/record/ticks.ts';

const MAX = { maxBytes: 512 * 2 ** 20 };

function open(folder: string): RecordReader {
  const reader = RecordReader.open(folder);
  onTestFinished(() => reader.close());
  return reader;
}

/** Records ticks `from` to `to`, and returns them as plain data. */
function record(writer: RecordWriter, program: Program, from: number, to: number): unknown[] {
  return Array.from({ length: to - from }, (_, i) => {
    const tick = program.tick(from + i);
    writer.append(tick, program.table);
    return plain(tick);
  });
}

function readAll(reader: RecordReader, from?: number): unknown[] {
  return Array.from(reader.ticks(from), plain);
}

/** A finished record of the given ticks. */
function finished(ticks: number): { folder: string; program: Program; recorded: unknown[] } {
  const folder = temporaryFolder();
  const program = new Program(8);
  const writer = RecordWriter.create(folder, HEADER, MAX);
  const recorded = record(writer, program, 0, ticks);
  writer.checkpoint(ticks - 1, Buffer.from('state'));
  writer.seal(HEADER.start + ticks, '{"outcome":"pass","findings":[]}');
  writer.close();
  return { folder, program, recorded };
}

/** The answer as the `sqlite3` program would print it. */
function sql(folder: string, statement: string): string {
  const db = new DatabaseSync(join(folder, 'record.sqlite'), { readOnly: true });
  const rows = db.prepare(statement).all();
  db.close();
  return rows.map((row) => Object.values(row).join('|')).join('\n');
}

/** Changes a record behind its back. */
function tamper(folder: string, statement: string, ...values: (string | number | Uint8Array)[]): void {
  const db = new DatabaseSync(join(folder, 'record.sqlite'));
  db.prepare(statement).run(...values);
  db.close();
}

describe('a record', () => {
  test('gives header, series, ticks, events and verdict back as they were', () => {
    const { folder, program, recorded } = finished(301);
    const reader = open(folder);
    expect(reader.header).toEqual(HEADER);
    expect(reader.sealed).toEqual({ end: HEADER.start + 301 });
    expect(reader.thinned).toBe(false);
    expect(reader.verdict()).toBe('{"outcome":"pass","findings":[]}');
    expect(readAll(reader)).toStrictEqual(recorded);
    expect(readAll(reader, 130)).toStrictEqual(recorded.slice(130));
    expect(readAll(reader, 301)).toEqual([]);
    expect(reader.series()).toEqual(program.table.all().map((series) => ({ ...series, since: 0 })));
    expect(Array.from(reader.events(), ({ tick, message }) => [tick, message])).toEqual(
      [0, 50, 100, 150, 200, 250, 300].map((n) => [n, `mark ${n}`]),
    );
    expect(reader.last()).toMatchObject({ n: 300, wall: HEADER.start + 300 });
    expect(reader.checkpoint()).toEqual({ n: 300, state: Buffer.from('state') });
    expect(() => reader.check()).not.toThrow();
  });

  test('that goes on while it is read is read up to where it was, without the series that have come since', () => {
    const folder = temporaryFolder();
    const program = new Program(8);
    const writer = RecordWriter.create(folder, HEADER, MAX);
    onTestFinished(() => writer.close());
    const recorded = record(writer, program, 0, 200);
    const reader = open(folder);
    const series = reader.series();
    const ticks = reader.ticks()[Symbol.iterator]();
    const first = plain(ticks.next().value as Tick);
    const batch = new Batch();
    batch.set(openSeries(program.table, 'late'), 1, 200);
    writer.append(batch.close(200, 200, HEADER.start + 200), program.table); // into the window that is read next
    expect([first, ...Array.from({ [Symbol.iterator]: () => ticks }, plain)]).toStrictEqual(recorded);
    expect(series).toHaveLength(program.table.size - 1);
    expect(open(folder).series()).toHaveLength(program.table.size);
    expect(readAll(open(folder))).toHaveLength(201);
  });

  test('of a run that has only begun has a header and nothing else', () => {
    const folder = temporaryFolder();
    RecordWriter.create(folder, { ...HEADER, bootId: null, planned: null }, MAX).close();
    const reader = open(folder);
    expect(reader.header).toEqual({ ...HEADER, bootId: null, planned: null });
    expect([reader.sealed, reader.verdict(), reader.checkpoint(), reader.last()]).toEqual([null, null, null, null]);
    expect([readAll(reader), reader.series(), [...reader.events()]]).toEqual([[], [], []]);
  });

  test('can be read while it is written, also across the end of a window', () => {
    const folder = temporaryFolder();
    const program = new Program(8);
    const writer = RecordWriter.create(folder, HEADER, MAX);
    onTestFinished(() => writer.close());
    const recorded = record(writer, program, 0, 110);
    const seen: unknown[] = [];
    let n = 110;
    for (const tick of open(folder).ticks()) {
      seen.push(plain(tick));
      // The window becomes a chunk while its hot rows are being read.
      if (n < 130) recorded.push(...record(writer, program, n, ++n));
    }
    expect(seen).toStrictEqual(recorded);
  });

  test('knows with which tick a series appeared', () => {
    const folder = temporaryFolder();
    const program = new Program(2);
    const writer = RecordWriter.create(folder, HEADER, MAX);
    record(writer, program, 0, 3);
    const late = openSeries(program.table, 'late');
    record(writer, program, 3, 5);
    writer.close();
    expect(open(folder).series()[late]!.since).toBe(3);
  });

  test('keeps the latest two checkpoints and reads the older one when the newer is damaged', () => {
    const folder = temporaryFolder();
    const program = new Program(1);
    const writer = RecordWriter.create(folder, HEADER, MAX);
    for (let n = 0; n < 5; n++) {
      record(writer, program, n, n + 1);
      expect(writer.checkpoint(n, Buffer.from(`state ${n}`))).toBe(true);
    }
    writer.close();
    expect(sql(folder, 'SELECT group_concat(n) FROM checkpoint')).toBe('3,4');
    expect(open(folder).checkpoint()?.n).toBe(4);
    tamper(folder, 'UPDATE checkpoint SET state = ? WHERE n = 4', new Uint8Array(9));
    expect(open(folder).checkpoint()).toEqual({ n: 3, state: Buffer.from('state 3') });
    tamper(folder, 'UPDATE checkpoint SET state = ?', new Uint8Array(9));
    expect(problemOf(() => open(folder).checkpoint())).toMatch(/^RECORD: .*both checkpoints/);
  });

  test('takes the present definition of a metric while it means the same, and its own otherwise', () => {
    const { folder } = finished(1);
    const defOf = (find: (name: string) => MetricDef | undefined): MetricDef => open(folder).series(find)[0]!.def;
    const better: MetricDef = { ...MEMORY, help: 'Better words', growth: 'drift' };
    expect(defOf(() => better)).toBe(better);
    expect(defOf(() => ({ ...MEMORY, unit: 's' }))).toEqual(MEMORY);
    expect(defOf(() => ({ ...MEMORY, labels: { kind: ['other'] } }))).toEqual(MEMORY);
    expect(defOf(() => undefined)).toEqual(MEMORY);
  });

  test('when finished is one file, and nobody writes to it again', () => {
    const { folder } = finished(5);
    expect(readdirSync(folder)).toEqual(['record.sqlite']);
    const before = readFileSync(join(folder, 'record.sqlite'));
    expect(problemOf(() => RecordWriter.resume(folder, MAX))).toMatch(/^RECORD: .*the run is finished/);
    readAll(open(folder));
    expect(readFileSync(join(folder, 'record.sqlite')).equals(before)).toBe(true);
    expect(readdirSync(folder)).toEqual(['record.sqlite']);
  });

  test('refuses ticks that go back, and writes after the end', () => {
    const folder = temporaryFolder();
    const program = new Program(1);
    const writer = RecordWriter.create(folder, HEADER, MAX);
    onTestFinished(() => writer.close());
    record(writer, program, 7, 8);
    expect(() => record(writer, program, 7, 8)).toThrow(/tick 7 after tick 7/);
    writer.seal(HEADER.start, '{}');
    for (const write of [
      () => record(writer, program, 8, 9),
      () => writer.checkpoint(7, new Uint8Array(1)),
      () => writer.verdict('{}'),
      () => writer.seal(1, '{}'),
    ]) {
      expect(problemOf(write)).toMatch(/^INTERNAL: /);
    }
  });

  test('is never written over another', () => {
    const { folder, recorded } = finished(3);
    expect(problemOf(() => RecordWriter.create(folder, HEADER, MAX))).toMatch(/^OUT: .*is there already/);
    expect(readAll(open(folder))).toStrictEqual(recorded);
  });
});

/** What a record holds, but for the bytes of its chunks. */
function contents(folder: string): unknown {
  const reader = open(folder);
  return [
    readAll(reader),
    [...reader.events()],
    reader.series(),
    sql(folder, 'SELECT * FROM rollup ORDER BY minute, series'),
    reader.last(),
  ];
}

describe('a record that is resumed', () => {
  test.each([[[1]], [[119, 120, 121]], [[30, 31, 90, 245, 250]]])('at ticks %j is the same as one that was never interrupted', (stops) => {
    const whole = temporaryFolder();
    const one = RecordWriter.create(whole, HEADER, MAX);
    record(one, new Program(6), 0, 260);
    one.seal(1, '{}');
    one.close();

    const folder = temporaryFolder();
    const program = new Program(6);
    let writer = RecordWriter.create(folder, HEADER, MAX);
    let from = 0;
    for (const stop of [...stops, 260]) {
      record(writer, program, from, stop);
      from = stop;
      if (stop === 260) writer.seal(1, '{}');
      writer.close();
      if (stop < 260) writer = RecordWriter.resume(folder, MAX);
    }
    expect(contents(folder)).toStrictEqual(contents(whole));
  });
});

describe('anyone with sqlite3', () => {
  test('can query the roll-ups, events, series and findings by readable names', () => {
    const folder = temporaryFolder();
    const program = new Program(1);
    const writer = RecordWriter.create(folder, HEADER, MAX);
    record(writer, program, 0, 121);
    writer.append({ ...program.tick(121), events: [mark(121, 'started the nightly job', { load: 3 })] }, program.table);
    const finding = {
      id: 'f1',
      kind: 'leak',
      outcome: 'fail',
      target: 'api',
      series: [],
      from: 'a',
      to: 'b',
      why: 'memory grows',
      evidence: {},
    };
    writer.seal(HEADER.start + 122, JSON.stringify({ findings: [finding] }));
    writer.close();
    const rollups = sql(folder, 'SELECT time, minutes, target, metric, labels, unit, count FROM readable_rollup WHERE series = 0').split(
      '\n',
    );
    expect(rollups).toEqual([
      '2026-11-06T21:20:00Z|1|api|test.memory|{"kind":"fast 0"}|By|60',
      '2026-11-06T21:21:00Z|1|api|test.memory|{"kind":"fast 0"}|By|60',
      '2026-11-06T21:22:00Z|1|api|test.memory|{"kind":"fast 0"}|By|2',
    ]);
    expect(sql(folder, 'SELECT time, kind, message, data FROM readable_event ORDER BY t DESC LIMIT 1')).toBe(
      '2026-11-06T21:22:01.000Z|mark|started the nightly job|{"load":3}',
    );
    expect(sql(folder, 'SELECT metric, labels, period FROM readable_series WHERE series = 3')).toBe('test.memory|{"kind":"slow 2"}|1');
    expect(sql(folder, 'SELECT id, kind, outcome, target, why FROM readable_finding')).toBe('f1|leak|fail|api|memory grows');
    expect(sql(folder, 'PRAGMA integrity_check')).toBe('ok');
  });
});

/** How a reader and a resuming writer refuse the file; both must leave it as it is. */
function refusals(folder: string): string[] {
  const path = join(folder, 'record.sqlite');
  const before = readFileSync(path);
  const said = [problemOf(() => RecordReader.open(folder)), problemOf(() => RecordWriter.resume(folder, MAX))];
  expect(readFileSync(path).equals(before)).toBe(true);
  return said;
}

describe('what is no record, or a damaged one', () => {
  test('a missing file', () => {
    expect(problemOf(() => RecordReader.open(temporaryFolder()))).toMatch(/^RECORD: .*no such file.*folder of a run/);
    expect(problemOf(() => RecordReader.open('/nowhere/at/all'))).toMatch(/^RECORD: .*no such file/);
  });

  test.each([
    ['an empty file', ''],
    ['some text', 'name,value\n'.repeat(500)],
    ['a database header and no database', `SQLite format 3\0${'x'.repeat(5000)}`],
  ])('%s', (_, text) => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'record.sqlite'), text);
    for (const said of refusals(folder)) expect(said).toMatch(/^RECORD: .*nothing was changed/);
  });

  test('a database of another program', () => {
    const folder = temporaryFolder();
    tamper(folder, 'CREATE TABLE users (name)');
    for (const said of refusals(folder)) expect(said).toMatch(/^RECORD: .*not the record of a run/);
  });

  test('a record of a newer soak-agent', () => {
    const folder = temporaryFolder();
    RecordWriter.create(folder, HEADER, MAX).close();
    tamper(folder, 'PRAGMA user_version = 2');
    for (const said of refusals(folder))
      expect(said).toMatch(/^RECORD_VERSION: .*newer soak-agent \(record version 2, this one reads up to 1\)/);
  });

  test('a record without a part of its header', () => {
    const folder = temporaryFolder();
    RecordWriter.create(folder, HEADER, MAX).close();
    tamper(folder, "DELETE FROM header WHERE key = 'config_hash'");
    expect(problemOf(() => RecordReader.open(folder))).toMatch(/^RECORD: .*header has no config_hash/);
  });

  test('a file that was cut off', () => {
    const { folder } = finished(600);
    const path = join(folder, 'record.sqlite');
    writeFileSync(path, readFileSync(path).subarray(0, 30_000));
    expect(problemOf(() => readAll(open(folder)))).toMatch(/^RECORD: .*nothing was changed/);
  });

  test.each([
    ['a chunk of garbage', 'UPDATE chunk SET data = zeroblob(40) WHERE first = 0'],
    ['a hot row of garbage', 'UPDATE hot SET data = zeroblob(41) WHERE n = (SELECT max(n) FROM hot)'],
    ['a series that is missing', 'DELETE FROM series WHERE id = 2'],
    ['the last series missing', 'DELETE FROM series WHERE id = (SELECT max(id) FROM series)'],
    ['an event that is no JSON', "UPDATE event SET data = '{' WHERE tick = 0"],
    ['labels that are no JSON', "UPDATE series SET labels = '{'"],
  ])('%s', (_, statement) => {
    const folder = temporaryFolder();
    const writer = RecordWriter.create(folder, HEADER, MAX);
    record(writer, new Program(3), 0, 150);
    writer.close();
    expect(problemOf(() => open(folder).check())).toBe('nothing');
    tamper(folder, statement);
    expect(problemOf(() => open(folder).check())).toMatch(/^RECORD: /);
  });
});

test('many events are kept by the first and the latest, and the record says that some are missing', () => {
  const folder = temporaryFolder();
  const program = new Program(1);
  const writer = RecordWriter.create(folder, HEADER, MAX);
  const events = Array.from({ length: 30_000 }, (_, i) => mark(i, 'x'));
  const append = (n: number): boolean => writer.append({ ...program.tick(n), events }, program.table);
  for (let n = 0; n < 3; n++) append(n);
  expect(open(folder).thinned).toBe(false);
  append(3);
  writer.close();
  expect(sql(folder, 'SELECT count(*), min(id), max(id), sum(id <= 1000) FROM event')).toBe('100000|1|120000|1000');
  expect(open(folder).thinned).toBe(true);
});
