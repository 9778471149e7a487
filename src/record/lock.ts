/**
 * Who is recording a run. The lock is one that the kernel gives back when its holder dies, however it dies, and that counts between
 * containers that share the folder but not their process ids: an open write transaction on a small SQLite file. The owner's pid, start
 * time and boot id are stored in it, to name the owner and for file systems whose locks do nothing.
 *
 * POSIX drops all locks of a process on a file when it closes any descriptor of it: nothing in this process may open `lock` or
 * `record.sqlite` but through SQLite.
 */
import { accessSync, constants, existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { bootId, startTime } from '../identity.ts';
import { isBusy } from './schema.ts';

interface Owner {
  readonly pid: number;
  /** Clock ticks since boot, as text, and the boot they count from; null where there is no /proc. */
  readonly start: string | null;
  readonly boot: string | null;
}

/** A run is locked once and read from then on: whoever comes second waits this long for the first to have written its name. */
const WAIT_MS = 1000;

const TABLE = 'CREATE TABLE IF NOT EXISTS owner (id INTEGER PRIMARY KEY CHECK (id = 1), pid INTEGER NOT NULL, start TEXT, boot TEXT)';

export class RunLock {
  readonly #db: DatabaseSync;
  /** Changes with every boot of the kernel; null where there is no /proc. */
  readonly bootId = bootId();

  private constructor(db: DatabaseSync) {
    this.#db = db;
  }

  /** Makes this process the owner of the run; the pid of the living owner if there is one. Throws errors of SQLite for a folder that cannot be written. */
  static take(folder: string): RunLock | { readonly pid: number | null } {
    const db = new DatabaseSync(lockPath(folder), { timeout: WAIT_MS });
    try {
      const held = hold(db);
      if (held === null) return new RunLock(db);
      db.close();
      return held;
    } catch (error) {
      db.close();
      throw error;
    }
  }

  /**
   * The living owner, false when nobody owns the run, or null when that cannot be known: who may only read the lock cannot try it. `pid`
   * null: not known; `here`: the pid is that process on this machine and in this pid namespace, so that a signal would reach it and nobody
   * else.
   */
  static owner(folder: string): { readonly pid: number | null; readonly here: boolean } | false | null {
    if (!existsSync(lockPath(folder))) return false;
    const db = new DatabaseSync(lockPath(folder));
    try {
      db.exec('BEGIN IMMEDIATE');
      const owner = ownerIn(db);
      db.exec('ROLLBACK');
      if (owner === null) return false;
      if (isOther(owner)) return { pid: owner.pid, here: true };
      return mayWrite(lockPath(folder)) ? false : null; // a transaction on a file that may only be read locks nothing, and meets no lock
    } catch (error) {
      if (!isBusy(error)) return false; // a lock that cannot be read locks nothing
      const owner = ownerIn(db);
      return { pid: owner?.pid ?? null, here: owner !== null && isOther(owner) };
    } finally {
      db.close();
    }
  }

  release(): void {
    this.#db.exec('ROLLBACK; DELETE FROM owner');
    this.#db.close();
  }
}

/** Null when the lock is ours, and stays so until the transaction ends. */
function hold(db: DatabaseSync): { pid: number | null } | null {
  try {
    db.exec(`BEGIN IMMEDIATE; ${TABLE}`);
    const owner = ownerIn(db);
    if (owner !== null && isOther(owner)) {
      db.exec('ROLLBACK');
      return owner;
    }
    const { pid, start, boot } = self();
    db.prepare('INSERT OR REPLACE INTO owner (id, pid, start, boot) VALUES (1, ?, ?, ?)').run(pid, start, boot);
    // What is not committed cannot be read by others. Between the two, others see our name and that we are alive.
    db.exec('COMMIT; BEGIN IMMEDIATE');
    return null;
  } catch (error) {
    if (!isBusy(error)) throw error;
    if (db.isTransaction) db.exec('ROLLBACK');
    return { pid: ownerIn(db)?.pid ?? null };
  }
}

function ownerIn(db: DatabaseSync): Owner | null {
  try {
    return (db.prepare('SELECT pid, start, boot FROM owner').get() as Owner | undefined) ?? null;
  } catch {
    return null; // no table yet
  }
}

/** Another process that still runs. Where its start time is not known only the kernel's lock counts. */
function isOther({ pid, start, boot }: Owner): boolean {
  return pid !== process.pid && start !== null && boot !== null && boot === bootId() && start === startTime(pid);
}

function self(): Owner {
  return { pid: process.pid, start: startTime(process.pid), boot: bootId() };
}

function mayWrite(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function lockPath(folder: string): string {
  return join(folder, 'lock');
}
