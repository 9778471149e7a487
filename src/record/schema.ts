/** The SQL of a record, its versions, and what errors of SQLite mean. Times are seconds since the start of the run unless they say `wall`. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { DatabaseSync } from 'node:sqlite';
import { messageOf, Problem, type ProblemCode } from '../problem.ts';
import { Damaged } from './hot.ts';

/** `soak` in ASCII, in the header of the file: this is a record and no other database. */
export const APPLICATION_ID = 0x736f616b;

const SCHEMA = `
CREATE TABLE header (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE metric (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, unit TEXT NOT NULL, kind TEXT NOT NULL, definition TEXT NOT NULL);
CREATE TABLE series (
  id INTEGER PRIMARY KEY, tick INTEGER NOT NULL, source TEXT NOT NULL, target TEXT, member TEXT,
  metric INTEGER NOT NULL REFERENCES metric, labels TEXT NOT NULL, period REAL NOT NULL);
CREATE TABLE event (
  id INTEGER PRIMARY KEY, tick INTEGER NOT NULL, t REAL NOT NULL, wall REAL NOT NULL, kind TEXT NOT NULL,
  target TEXT, member TEXT, message TEXT NOT NULL, data TEXT NOT NULL);
CREATE TABLE rollup (
  minute INTEGER NOT NULL, series INTEGER NOT NULL, minutes INTEGER NOT NULL, count INTEGER NOT NULL,
  min REAL NOT NULL, max REAL NOT NULL, mean REAL NOT NULL, last REAL NOT NULL, PRIMARY KEY (minute, series)) WITHOUT ROWID;
CREATE TABLE hot (n INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE chunk (
  first INTEGER PRIMARY KEY, last INTEGER NOT NULL, last_t REAL NOT NULL, last_wall REAL NOT NULL,
  level INTEGER NOT NULL, ticks INTEGER NOT NULL, data BLOB NOT NULL);
CREATE TABLE checkpoint (n INTEGER PRIMARY KEY, state BLOB NOT NULL);
CREATE TABLE verdict (id INTEGER PRIMARY KEY CHECK (id = 1), json TEXT NOT NULL);

CREATE VIEW readable_series AS
  SELECT s.id AS series, s.source, s.target, s.member, m.name AS metric, m.unit, m.kind, s.labels, s.period
  FROM series s JOIN metric m ON m.id = s.metric;
CREATE VIEW readable_rollup AS
  SELECT strftime('%Y-%m-%dT%H:%M:%SZ', (SELECT value FROM header WHERE key = 'start') + r.minute * 60, 'unixepoch') AS time, r.minutes,
    s.source, s.target, s.member, s.metric, s.labels, s.unit, r.count, r.min, r.max, r.mean, r.last, r.series
  FROM rollup r JOIN readable_series s ON s.series = r.series;
CREATE VIEW readable_event AS
  SELECT strftime('%Y-%m-%dT%H:%M:%fZ', wall, 'unixepoch') AS time, t, kind, target, member, message, data FROM event;
CREATE VIEW readable_finding AS
  SELECT f.value ->> 'id' AS id, f.value ->> 'kind' AS kind, f.value ->> 'outcome' AS outcome, f.value ->> 'target' AS target,
    f.value ->> 'from' AS "from", f.value ->> 'to' AS "to", f.value ->> 'why' AS why
  FROM verdict, json_each(verdict.json, '$.findings') f;
`;

/**
 * SQL that takes a record of version i + 1 to i + 2; a resumed record is migrated, a sealed one never. So a reader reads every version
 * from 1 on as it is, and what a migration adds must be optional to it.
 */
const MIGRATIONS: readonly string[] = [];

/** `PRAGMA user_version` of the records that we write. */
export const SCHEMA_VERSION = 1 + MIGRATIONS.length;

/** A reader waits this long for another process that recovers or finishes the record. */
const READ_WAIT_MS = 5000;

/** The writer is in the agent's loop: it would rather miss a tick than keep every other read waiting. */
export const WRITE_WAIT_MS = 50;

export function recordPath(folder: string): string {
  return join(folder, 'record.sqlite');
}

/** The tables of a new record, in an empty database, and what `fill` inserts, at once. */
export function create(db: DatabaseSync, fill: () => void = () => {}): void {
  db.exec(`BEGIN EXCLUSIVE; ${SCHEMA} PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${SCHEMA_VERSION}`);
  fill();
  db.exec('COMMIT');
}

/** The database of a record that is not there yet, or not yet known to be one. */
export function openToWrite(folder: string): DatabaseSync {
  return new DatabaseSync(recordPath(folder), { timeout: WRITE_WAIT_MS });
}

/** The database of a record. Throws `RECORD` or `RECORD_VERSION`, and errors of SQLite as they are. */
export function openExisting(folder: string, mode: 'read' | 'write'): DatabaseSync {
  if (!existsSync(recordPath(folder))) throw recordProblem(folder, 'there is no such file');
  const db = mode === 'read' ? openToRead(folder) : openToWrite(folder);
  try {
    checkVersion(db, folder);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/**
 * A kill in mid-commit leaves a journal that only a writer may roll back: SQLite does it at the first read, and the content is as it was.
 * Where nothing may be written and there is no journal, the file is all there is.
 */
function openToRead(folder: string): DatabaseSync {
  const open = (): DatabaseSync => new DatabaseSync(recordPath(folder), { readOnly: true, timeout: READ_WAIT_MS });
  const db = open();
  try {
    pragma(db, 'user_version');
    return db;
  } catch (error) {
    db.close();
    if (sqliteCode(error) !== READONLY) throw error;
    const writer = openToWrite(folder);
    try {
      pragma(writer, 'user_version');
    } catch (failure) {
      if (sqliteCode(failure) !== READONLY || JOURNALS.some((end) => existsSync(recordPath(folder) + end))) throw failure;
      return openUnchanging(folder);
    } finally {
      writer.close();
    }
    return open();
  }
}

const JOURNALS = ['-wal', '-journal'];

/** Without locks and without a file beside it (sqlite.org/uri.html, `immutable`). */
function openUnchanging(folder: string): DatabaseSync {
  const url = pathToFileURL(recordPath(folder));
  url.searchParams.set('immutable', '1');
  return new DatabaseSync(url, { readOnly: true });
}

function checkVersion(db: DatabaseSync, folder: string): void {
  const version = pragma(db, 'user_version');
  if (pragma(db, 'application_id') !== APPLICATION_ID || version < 1) throw recordProblem(folder, 'it is not the record of a run');
  if (version <= SCHEMA_VERSION) return;
  const message = `was written by a newer soak-agent (record version ${version}, this one reads up to ${SCHEMA_VERSION}): use that one`;
  throw new Problem('RECORD_VERSION', { place: recordPath(folder), message });
}

/** Brings an unfinished record to the present version. */
export function migrate(db: DatabaseSync): void {
  const steps = MIGRATIONS.slice(pragma(db, 'user_version') - 1).join('\n');
  if (steps !== '') db.exec(`BEGIN IMMEDIATE; ${steps} PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT`);
}

export function pragma(db: DatabaseSync, name: string): number {
  return Number(Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0]);
}

/** Primary result codes of SQLite (sqlite.org/rescode.html). */
const BUSY = 5;
const LOCKED = 6;
const READONLY = 8;
const CORRUPT = 11;
const NOTADB = 26;

/** The primary result code of an error of SQLite, or null. */
function sqliteCode(error: unknown): number | null {
  const { code, errcode } = (error ?? {}) as { code?: unknown; errcode?: unknown };
  return code === 'ERR_SQLITE_ERROR' && typeof errcode === 'number' ? errcode & 0xff : null;
}

export function isBusy(error: unknown): boolean {
  const code = sqliteCode(error);
  return code === BUSY || code === LOCKED;
}

/** What an error while reading means: damage is RECORD; what is neither damage nor SQLite's passes as it is. */
export function readProblem(folder: string, error: unknown): unknown {
  const known = error instanceof Damaged || sqliteCode(error) !== null;
  return known ? recordProblem(folder, messageOf(error), error) : error;
}

/** What an error means while a record is made or opened again: damage is RECORD, and the rest of SQLite's is the folder's. */
export function openProblem(folder: string, error: unknown): unknown {
  const code = sqliteCode(error);
  return code === null || code === CORRUPT || code === NOTADB ? readProblem(folder, error) : writeProblem(folder, error, 'OUT');
}

/** What an error while writing means: `OUT` before the run, `DISK` in it. Errors that are not SQLite's pass as they are. */
export function writeProblem(folder: string, error: unknown, code: Extract<ProblemCode, 'DISK' | 'OUT'>): unknown {
  if (sqliteCode(error) === null) return error;
  const advice =
    code === 'OUT' ? 'name a folder with space and the right to write' : 'what is recorded so far stays readable. Free some space';
  return new Problem(code, { place: recordPath(folder), message: `cannot be written (${messageOf(error)}): ${advice}` }, { cause: error });
}

export function recordProblem(folder: string, what: string, cause?: unknown): Problem {
  const message = `is not a readable record: ${what}. Name the folder of a run, as soak-agent made it; nothing was changed`;
  return new Problem('RECORD', { place: recordPath(folder), message }, { cause });
}

/** Another program kept the record locked for as long as we could wait. */
export function heldProblem(folder: string): Problem {
  return new Problem('DISK', {
    place: recordPath(folder),
    message: 'cannot be written: another program holds it locked; end that program',
  });
}
