/**
 * The record of a run, while it is written. Every tick is one transaction, with the kernel before `append` returns: a kill at any moment
 * loses at most the tick in flight. A loss of power takes the samples of five seconds at most. Ticks are kept as hot rows until a window is full and becomes a chunk, in the transaction of the
 * tick after it.
 */
import { closeSync, openSync, rmSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { assert, errno, messageOf, Problem } from '../problem.ts';
import type { SeriesTable } from '../series.ts';
import type { RunEvent, Tick } from '../tick.ts';
import { compressed } from '../zstd.ts';
import { decodeHot, HotEncoder, indexOfShape, readHot, shapeOf, type Shape } from './hot.ts';
import { hotRows, lastTick, pageOf, readHeader, Rows, windowAt, type RunHeader } from './rows.ts';
import { minuteStart, RollUp } from './rollup.ts';
import { RECORD_MIN, Room } from './room.ts';
import * as schema from './schema.ts';
import { insertChunk, thinOnce } from './thin.ts';

export type { RunHeader } from './rows.ts';

export interface RecordOptions {
  /** Cap on the bytes of the record, its log and index included; at least 1 MB. */
  readonly maxBytes: number;
}

/**
 * Readers go on while it is written. Pages are written once and hardly read again: of the 2 MB that
 * SQLite keeps of them by itself, a quarter is as good (docs/decisions/0038-memory-of-days.md).
 */
const HOW_TO_WRITE = 'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -512';

/**
 * Between ticks that wait for the disk: a loss of power takes the samples of five seconds at most, as ticks are a second apart and not on the
 * dot. To wait at each of them took a sixth of the CPU time of a run of one target, and has the file system write what others have on
 * it (docs/decisions/0047-synced-every-five-seconds.md).
 */
const SYNC_S = 4.5;

/** Two minutes at 1 Hz. */
const WINDOW_TICKS = 120;

/** Bytes of a row of `series`, `event` or `rollup` with its index, rounded up: it only decides when to thin. */
const ROW_BYTES = 128;

/** Writes that are skipped while another program keeps the log from starting over, before it is tried again. */
const RETRY_WRITES = 16;

/** Events of lost ticks that wait for the next tick that is recorded: some 300 bytes each. More are lost with their ticks. */
const WAITING_MAX = 1000;

const FINISHED = 'a finished record is never touched again';

/** The hot rows that are not yet a chunk. */
interface Window {
  readonly shapes: readonly Shape[];
  readonly ticks: number;
  readonly bytes: number;
}

export class RecordWriter {
  readonly #folder: string;
  readonly #db: DatabaseSync;
  readonly #room: Room;
  readonly #rollup: RollUp;
  readonly #rows: Rows;
  readonly #encoder = new HotEncoder();
  #window: Window = { shapes: [], ticks: 0, bytes: 0 };
  /** Series of the table that are in the record. */
  #series = 0;
  #last = -1;
  #thinned = false;
  #sealed = false;
  #pause = 0;
  /** Run time of the last tick that waited for the disk, and whether the next transaction does. */
  #synced = -Infinity;
  #waits = true;
  /** Ticks not recorded because another program held the record. */
  lost = 0;
  #waiting: { readonly event: RunEvent; readonly of: Pick<Tick, 'n' | 'wall'> }[] = [];

  private constructor(folder: string, db: DatabaseSync, maxBytes: number) {
    this.#folder = folder;
    this.#db = db;
    this.#room = new Room(db, folder, maxBytes);
    this.#rollup = new RollUp(db);
    this.#rows = new Rows(db);
  }

  /** Starts the record of a new run in an existing folder. Throws `OUT` when it cannot be written or there is one already. */
  static create(folder: string, header: RunHeader, { maxBytes }: RecordOptions): RecordWriter {
    assert(maxBytes >= RECORD_MIN, `the cap of a record is at least ${RECORD_MIN} bytes`);
    makeFile(schema.recordPath(folder));
    try {
      return opened(folder, schema.openToWrite, (db) => {
        db.exec(HOW_TO_WRITE);
        // In one transaction: a record is never seen without its header.
        schema.create(db, () => new Rows(db).run(header));
        return new RecordWriter(folder, db, maxBytes);
      });
    } catch (error) {
      for (const end of ['', '-wal', '-shm', '-journal']) rmSync(schema.recordPath(folder) + end, { force: true });
      throw error;
    }
  }

  /** Goes on with an unfinished record. Throws `RECORD` when it is damaged or finished, `RECORD_VERSION` when it is of a newer soak-agent. */
  static resume(folder: string, { maxBytes }: RecordOptions): RecordWriter {
    assert(maxBytes >= RECORD_MIN, `the cap of a record is at least ${RECORD_MIN} bytes`);
    return opened(
      folder,
      () => schema.openExisting(folder, 'write'),
      (db) => {
        if (readHeader(db, 'end') !== null) throw schema.recordProblem(folder, 'the run is finished');
        db.exec(HOW_TO_WRITE);
        schema.migrate(db);
        const writer = new RecordWriter(folder, db, maxBytes);
        writer.#recover();
        return writer;
      },
    );
  }

  /**
   * Safe from a kill when it returns, and on the disk unless it is nothing but samples. False when another program holds the record: the tick is lost, and
   * its events are recorded with the next one. Throws `DISK` when it cannot be written; the tick is then not in the record, and what is
   * there stays readable.
   */
  append(tick: Tick, table: SeriesTable): boolean {
    assert(!this.#sealed, FINISHED);
    assert(tick.n > this.#last, `tick ${tick.n} after tick ${this.#last}`);
    const isFull = this.#window.ticks >= WINDOW_TICKS || this.#window.bytes >= this.#room.windowMax;
    const window = isFull ? { shapes: [], ticks: 0, bytes: 0 } : this.#window;
    const index = indexOfShape(window.shapes, tick.samples);
    const known = window.shapes[index];
    const shape = known ?? shapeOf(tick.samples);
    const row = this.#encoder.encode(tick, shape, index, known === undefined);
    const fresh = table.size > this.#series ? table.all().slice(this.#series) : [];
    const minuteIsOver = this.#rollup.isOver(tick.t);
    const rows = 2 * fresh.length + 4 * (this.#waiting.length + tick.events.length) + (minuteIsOver ? this.#rollup.size : 0);
    const isRowAlone = rows === 0 && !isFull;
    const waits = !isRowAlone || tick.t - this.#synced >= SYNC_S;
    const written = this.#write(row.length + rows * ROW_BYTES, { isOne: isRowAlone, waits }, () => {
      if (isFull) this.#pack();
      for (const series of fresh) this.#rows.series(series, tick.n);
      for (const { event, of } of this.#waiting) this.#rows.event(event, of);
      for (const event of tick.events) this.#rows.event(event, tick);
      if (minuteIsOver) this.#rollup.write();
      this.#rows.hot(tick.n, row);
    });
    if (!written) {
      this.lost++;
      const { n, wall } = tick;
      for (const event of tick.events) if (this.#waiting.length < WAITING_MAX) this.#waiting.push({ event, of: { n, wall } });
      return false;
    }
    // Only now: a transaction that failed has left nothing in the record.
    const shapes = known === undefined ? [...window.shapes, shape] : window.shapes;
    this.#window = { shapes, ticks: window.ticks + 1, bytes: window.bytes + row.length };
    this.#series += fresh.length;
    this.#last = tick.n;
    if (waits) this.#synced = tick.t;
    this.#rollup.fold(tick);
    if (this.#waiting.length > 0) this.#waiting = [];
    return true;
  }

  /**
   * The state of the run after tick `n`; the latest two are kept.
   * False when it was not stored: it alone would take more than an eighth of the cap, or another program holds the record.
   */
  checkpoint(n: number, state: Uint8Array): boolean {
    assert(!this.#sealed, FINISHED);
    assert(n <= this.#last || this.lost > 0, `a checkpoint of tick ${n} after tick ${this.#last}`);
    const packed = compressed(state);
    if (packed.length > this.#room.checkpointMax) return false;
    return this.#write(packed.length, {}, () => this.#rows.checkpoint(n, packed));
  }

  /** The latest verdict, as `verdict.json` has it. */
  verdict(json: string): void {
    assert(!this.#sealed, FINISHED);
    this.#write(json.length, {}, () => this.#rows.verdict(json));
  }

  /** The run is finished at this time (seconds since the epoch). The record becomes one file without a log and is never written again. */
  seal(end: number, verdictJson: string): void {
    assert(!this.#sealed, FINISHED);
    this.#pause = 0;
    const bytes = this.#window.bytes + verdictJson.length + this.#rollup.size * ROW_BYTES;
    const written = this.#write(bytes, {}, () => {
      if (this.#window.ticks > 0) this.#pack();
      for (const { event, of } of this.#waiting) this.#rows.event(event, of);
      this.#rollup.write();
      this.#rows.verdict(verdictJson);
      this.#rows.header('end', end);
    });
    if (!written) throw schema.heldProblem(this.#folder);
    this.#sealed = true;
    try {
      this.#db.exec('PRAGMA journal_mode = DELETE');
    } catch {
      // Somebody is reading it: the log stays beside it, and the record is as good.
    }
  }

  /** No tick was ever recorded. */
  get isEmpty(): boolean {
    return this.#last < 0;
  }

  /** Bytes on the disk. */
  size(): number {
    return this.#room.size();
  }

  close(): void {
    this.#db.close();
  }

  /**
   * One transaction. False, and nothing written, when another program holds the record. Throws `DISK`.
   * @param isOne the body is one statement, which is a transaction by itself: to begin and end one around it takes as long as the row of a tick
   * @param waits until it is on the disk, with all that was written before
   */
  #write(bytes: number, { isOne = false, waits = true }: { isOne?: boolean; waits?: boolean }, body: () => void): boolean {
    if (this.#pause > 0) {
      this.#pause--;
      return false;
    }
    try {
      if (!this.#room.logHas(bytes)) {
        this.#pause = RETRY_WRITES;
        return false;
      }
      if (this.lost > 0) this.#markThinned();
      while (!this.#room.has(bytes) && this.#thin());
      this.#wait(waits);
      if (isOne) body();
      else this.#transaction(body);
      return true;
    } catch (error) {
      if (schema.isBusy(error)) return false;
      throw schema.writeProblem(this.#folder, error, 'DISK');
    }
  }

  #wait(waits: boolean): void {
    if (waits === this.#waits) return;
    this.#db.exec(`PRAGMA synchronous = ${waits ? 'FULL' : 'NORMAL'}`);
    this.#waits = waits;
  }

  #transaction<T>(body: () => T): T {
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      const result = body();
      this.#db.exec('COMMIT');
      return result;
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      throw error;
    }
  }

  #thin(): boolean {
    this.#markThinned();
    this.#room.recount();
    return this.#transaction(() => thinOnce(this.#db));
  }

  /** Before the first tick is missing, so that a replay never takes what is left for all there was. */
  #markThinned(): void {
    if (this.#thinned) return;
    this.#transaction(() => this.#rows.header('thinned', 1));
    this.#thinned = true;
  }

  /** The window becomes a chunk, which takes the pages of its rows. */
  #pack(): void {
    this.#room.recount();
    const rows = this.#rows.takeWindow();
    const { shapes } = this.#window;
    const [last_t, last_wall] = readHot(rows.at(-1)!, [...shapes]).doubles as unknown as [number, number];
    insertChunk(this.#db, { first: rows[0]!.n, last: rows.at(-1)!.n, last_t, last_wall, level: 0 }, rows);
  }

  /** What the writer knew when it was stopped, from the record alone. */
  #recover(): void {
    const rows = hotRows(this.#db);
    this.#window = { shapes: decodeHot(rows).shapes, ticks: rows.length, bytes: rows.reduce((sum, { data }) => sum + data.length, 0) };
    this.#series = Number(this.#db.prepare('SELECT count(*) AS count FROM series').get()!['count']);
    this.#thinned = readHeader(this.#db, 'thinned') !== null;
    const last = lastTick(this.#db);
    if (last === null) return;
    this.#last = last.n;
    let page = pageOf(this.#db, windowAt(this.#db, minuteStart(last.t)));
    for (; page !== null; page = pageOf(this.#db, page.next)) for (const tick of page.ticks) this.#rollup.fold(tick);
  }
}

/** An empty file that was not there before: SQLite would open whatever is. */
function makeFile(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o644));
  } catch (error) {
    const message =
      errno(error) === 'EEXIST' ? 'is there already: every run has a folder of its own' : `cannot be made (${messageOf(error)})`;
    throw new Problem('OUT', { place: path, message }, { cause: error });
  }
}

/** Makes a writer of a database, and closes the database when that fails. */
function opened(folder: string, open: (folder: string) => DatabaseSync, make: (db: DatabaseSync) => RecordWriter): RecordWriter {
  let db: DatabaseSync | null = null;
  try {
    db = open(folder);
    return make(db);
  } catch (error) {
    db?.close();
    throw schema.openProblem(folder, error);
  }
}
