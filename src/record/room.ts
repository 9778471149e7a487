/**
 * The space a record may take: its file, and the write-ahead log beside it.
 *
 * The file never shrinks while the run goes on (`auto_vacuum` is off): pages freed by thinning are used again, which costs nothing,
 * while giving them back to the file system would move pages about and need them again a minute later.
 */
import { statSync } from 'node:fs';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { pragma, recordPath } from './schema.ts';

const PAGE = 4096;

/** Index pages, page splits and half-filled last pages of one transaction. */
const SLACK_PAGES = 32;

/** One sixth for the log: 85 MB of 512. It holds the largest transaction, a checkpoint, beside what is not yet moved to the file. */
const LOG_SHARE = 1 / 6;

/** One eighth for each of the two checkpoints: 64 MB of 512, for the state of 10,000 series (72 MB of bins, which halve when compressed). */
const CHECKPOINT_SHARE = 1 / 8;

/** Rows of a window before it becomes a chunk: 4 MB (52 ticks of 10,000 series), a 64th of small caps. */
const WINDOW_BYTES = 4 * 2 ** 20;
const WINDOW_SHARE = 1 / 64;

/**
 * The log is moved to the file when it has 1 MB; the commit that does it takes some milliseconds longer. It grows that far but once, within
 * three minutes: the judge of a short run saw 4 MB in ten minutes come to the disk that holds the record, and failed the run for it.
 */
const LOG_PAGES = 250;

/** The smallest cap that leaves room for the tables, a window and a checkpoint. */
export const RECORD_MIN = 1_000_000;

export class Room {
  readonly #db: DatabaseSync;
  readonly #path: string;
  readonly #pagesMax: number;
  readonly #logMax: number;
  readonly #pages: StatementSync;
  readonly #free: StatementSync;
  /** Lower bounds of what is left, counted down from one look at the disk to the next: a look takes as long as writing a tick. */
  #pagesLeft = 0;
  #logLeft = 0;
  readonly checkpointMax: number;
  readonly windowMax: number;

  constructor(db: DatabaseSync, folder: string, maxBytes: number) {
    this.#db = db;
    this.#path = recordPath(folder);
    this.#logMax = maxBytes * LOG_SHARE;
    this.#pagesMax = Math.floor((maxBytes - this.#logMax) / PAGE);
    this.checkpointMax = maxBytes * CHECKPOINT_SHARE;
    this.windowMax = Math.min(WINDOW_BYTES, maxBytes * WINDOW_SHARE);
    const logPages = Math.min(LOG_PAGES, Math.floor(this.#logMax / PAGE / 4));
    db.exec(`PRAGMA wal_autocheckpoint = ${logPages}; PRAGMA journal_size_limit = ${logPages * PAGE}`);
    pragma(db, `max_page_count = ${this.#pagesMax}`); // thinning keeps below it; this holds if thinning ever should not
    this.#pages = db.prepare('PRAGMA page_count');
    this.#free = db.prepare('PRAGMA freelist_count');
  }

  /** Whether the file can take a transaction of this many bytes, which is then counted as taken. */
  has(bytes: number): boolean {
    const pages = Math.ceil(bytes / PAGE) + SLACK_PAGES;
    if (this.#pagesLeft < pages) this.#pagesLeft = this.#pagesMax - this.#used();
    if (this.#pagesLeft < pages) return false;
    this.#pagesLeft -= pages;
    return true;
  }

  /**
   * Whether the log can take it. It starts over whenever it has been moved to the file, but it cannot while another program
   * reads an old state of the record, and would then grow with every tick.
   */
  logHas(bytes: number): boolean {
    this.#logLeft -= bytes + SLACK_PAGES * PAGE;
    if (this.#logLeft >= 0) return true;
    if (this.#logSize() + bytes > this.#logMax) this.#db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get();
    this.#logLeft = this.#logMax - this.#logSize() - bytes;
    return this.#logLeft >= 0;
  }

  /** What has been written is not what was said beforehand: next time, the disk is asked. */
  recount(): void {
    this.#pagesLeft = this.#logLeft = 0;
  }

  /** Bytes on the disk. */
  size(): number {
    return sizeOf(this.#path) + this.#logSize() + sizeOf(`${this.#path}-shm`);
  }

  #used(): number {
    return Number(this.#pages.get()!['page_count']) - Number(this.#free.get()!['freelist_count']);
  }

  #logSize(): number {
    return sizeOf(`${this.#path}-wal`);
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
