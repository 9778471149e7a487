import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, onTestFinished, test } from 'vitest';
import { RecordReader } from '../../../src/record/reader.ts';
import { RECORD_MIN } from '../../../src/record/room.ts';
import { RecordWriter } from '../../../src/record/writer.ts';
import type { RunEvent } from '../../../src/tick.ts';
import { HEADER, Program, temporaryFolder } from '../../fixtures/record/ticks.ts';

const MB = 2 ** 20;

/** Records until the given tick; a checkpoint of random bytes, which do not compress, every minute. Returns the largest size seen on the disk. */
function fill(writer: RecordWriter, program: Program, ticks: number, stateBytes: number): number {
  let most = 0;
  for (let n = 0; n < ticks; n++) {
    writer.append(program.tick(n), program.table);
    if (n % 60 === 59) writer.checkpoint(n, randomBytes(stateBytes));
    most = Math.max(most, writer.size());
  }
  return most;
}

function count(folder: string, what: string): number {
  const db = new DatabaseSync(join(folder, 'record.sqlite'), { readOnly: true });
  const [value] = Object.values(db.prepare(`SELECT ${what}`).get()!);
  db.close();
  return Number(value);
}

describe('the cap of a record', () => {
  test('holds, log included, while raw ticks lose resolution and everything else is kept', () => {
    const folder = temporaryFolder();
    const program = new Program(40);
    const writer = RecordWriter.create(folder, HEADER, { maxBytes: 2 * MB });
    onTestFinished(() => writer.close());
    expect(fill(writer, program, 15_000, 30_000)).toBeLessThan(2 * MB);
    expect(writer.lost).toBe(0);
    const reader = RecordReader.open(folder);
    onTestFinished(() => reader.close());
    expect(reader.thinned).toBe(true);
    expect(() => reader.check()).not.toThrow();
    const ticks = Array.from(reader.ticks(), ({ n }) => n);
    expect(ticks).toEqual([...new Set(ticks)].toSorted((a, b) => a - b));
    expect(ticks[0]).toBe(0); // the whole run is still covered
    expect(ticks.length).toBeGreaterThan(500);
    expect(ticks.slice(-120)).toEqual(Array.from({ length: 120 }, (_, i) => 14_880 + i)); // the latest at full resolution
    expect([...reader.events()]).toHaveLength(300);
    expect(Array.from(reader.ticks()).flatMap(({ events }) => events)).toHaveLength(300);
    expect(reader.checkpoint()?.n).toBe(14_999);
    expect(count(folder, 'count(DISTINCT minute) FROM rollup')).toBe(249);
    expect(count(folder, 'max(minutes) FROM rollup')).toBe(1);
  });

  test('what is left of a thinned record are real ticks of the run', () => {
    const folder = temporaryFolder();
    const writer = RecordWriter.create(folder, HEADER, { maxBytes: MB });
    const program = new Program(40);
    fill(writer, program, 6000, 1000);
    writer.close();
    const twin = new Program(40);
    const values = new Map(Array.from({ length: 6000 }, (_, n) => [n, new Set(twin.tick(n).samples.values)] as const));
    const reader = RecordReader.open(folder);
    onTestFinished(() => reader.close());
    let samples = 0;
    for (const { n, samples: kept } of reader.ticks()) {
      for (const value of kept.values) expect(values.get(n)!.has(value)).toBe(true);
      samples += kept.length;
    }
    expect(samples).toBeGreaterThan(2000);
    const left = Array.from(reader.ticks(), ({ n }) => n);
    const db = new DatabaseSync(join(folder, 'record.sqlite'), { readOnly: true });
    const ends = db.prepare('SELECT last FROM chunk WHERE level > 0').all() as { last: number }[];
    db.close();
    expect(ends.length).toBeGreaterThan(0);
    for (const { last } of ends) {
      expect(Array.from(reader.ticks(last), ({ n }) => n)).toEqual(left.filter((n) => n >= last)); // also from one that was thinned out
    }
  });

  test('thins roll-ups only when no raw chunk is left to thin, and still holds', () => {
    const folder = temporaryFolder();
    const writer = RecordWriter.create(folder, HEADER, { maxBytes: MB });
    onTestFinished(() => writer.close());
    const program = new Program(100);
    let most = 0;
    for (let n = 0; n < 8000; n++) {
      writer.append(program.tick(n, n * 6), program.table); // ten ticks a minute: many roll-ups for few ticks
      most = Math.max(most, writer.size());
    }
    expect(most).toBeLessThan(MB);
    expect(count(folder, 'count(*) FROM chunk')).toBeLessThan(4);
    expect(count(folder, 'max(minutes) FROM rollup')).toBeGreaterThan(1);
    expect(count(folder, 'min(minute) FROM rollup')).toBe(0);
    expect(count(folder, 'sum(count) FROM rollup WHERE series = 0')).toBe(7990); // the minute under way is not in it yet
  });

  test('goes on holding, and thins no more than it must, when the run is resumed', () => {
    const folder = temporaryFolder();
    const program = new Program(40);
    let writer = RecordWriter.create(folder, HEADER, { maxBytes: MB });
    let most = 0;
    for (let n = 0; n < 5000; n++) {
      if (n % 700 === 699) {
        writer.close();
        writer = RecordWriter.resume(folder, { maxBytes: MB });
      }
      writer.append(program.tick(n), program.table);
      most = Math.max(most, writer.size());
    }
    writer.close();
    expect(most).toBeLessThan(MB);
    const reader = RecordReader.open(folder);
    onTestFinished(() => reader.close());
    expect(reader.thinned).toBe(true);
    expect(reader.last()?.n).toBe(4999);
    expect(count(folder, 'sum(length(data)) FROM chunk')).toBeGreaterThan(MB / 4);
  });

  test('refuses a checkpoint that would take more than its share, and keeps the one before', () => {
    const folder = temporaryFolder();
    const program = new Program(1);
    const writer = RecordWriter.create(folder, HEADER, { maxBytes: MB });
    onTestFinished(() => writer.close());
    fill(writer, program, 60, 1000);
    expect(writer.checkpoint(59, randomBytes(MB / 4))).toBe(false);
    const reader = RecordReader.open(folder);
    onTestFinished(() => reader.close());
    expect(reader.checkpoint()?.state).toHaveLength(1000);
  });

  test('is not asked to be smaller than what a record needs', () => {
    expect(() => RecordWriter.create(temporaryFolder(), HEADER, { maxBytes: RECORD_MIN - 1 })).toThrow(/at least/);
  });

  test('holds while another program keeps reading: ticks are lost and counted, and recording goes on when it ends', () => {
    const folder = temporaryFolder();
    const program = new Program(40);
    const writer = RecordWriter.create(folder, HEADER, { maxBytes: MB });
    onTestFinished(() => writer.close());
    fill(writer, program, 10, 1000);
    const other = new DatabaseSync(join(folder, 'record.sqlite'), { readOnly: true });
    other.exec('BEGIN');
    other.prepare('SELECT count(*) FROM hot').get();
    let most = 0;
    for (let n = 10; n < 600; n++) {
      writer.append(program.tick(n), program.table);
      most = Math.max(most, writer.size());
    }
    expect(most).toBeLessThan(MB);
    expect(writer.lost).toBeGreaterThan(400);
    other.exec('COMMIT');
    other.close();
    const lost = writer.lost;
    for (let n = 600; n < 700; n++) writer.append(program.tick(n), program.table);
    expect(writer.lost - lost).toBeLessThan(20);
    const reader = RecordReader.open(folder);
    onTestFinished(() => reader.close());
    expect(reader.thinned).toBe(true);
    expect(Array.from(reader.ticks(690), ({ n }) => n)).toEqual(Array.from({ length: 10 }, (_, i) => 690 + i));
    expect(reader.check.bind(reader)).not.toThrow();
  });

  test('another program that locks the record costs ticks, not the run', () => {
    const folder = temporaryFolder();
    const program = new Program(3);
    const writer = RecordWriter.create(folder, HEADER, { maxBytes: MB });
    onTestFinished(() => writer.close());
    const other = new DatabaseSync(join(folder, 'record.sqlite'));
    onTestFinished(() => other.close());
    const mark = (t: number): RunEvent => ({ t, kind: 'mark', target: null, member: null, message: 'while it was locked', data: {} });
    expect(writer.append(program.tick(0), program.table)).toBe(true);
    other.exec('BEGIN IMMEDIATE');
    expect(writer.append({ ...program.tick(1), events: [mark(1)] }, program.table)).toBe(false);
    expect(writer.checkpoint(0, new Uint8Array(9))).toBe(false);
    other.exec('ROLLBACK');
    expect(writer.append({ ...program.tick(3), events: [mark(3)] }, program.table)).toBe(true);
    expect(writer.append(program.tick(4), program.table)).toBe(true);
    expect(writer.lost).toBe(1);
    const reader = RecordReader.open(folder);
    onTestFinished(() => reader.close());
    // What happened meanwhile comes with the next tick, under the number of its own: a checkpoint of that tick has it already.
    expect(Array.from(reader.ticks(), ({ n, events }) => [n, events.map(({ t }) => t)])).toEqual([
      [0, [0]],
      [3, [1, 3]],
      [4, []],
    ]);
    expect(Array.from(reader.ticks(2), ({ n, events }) => [n, events.map(({ t }) => t)])[0]).toEqual([3, [3]]);
    expect(reader.thinned).toBe(true);
  });
});
