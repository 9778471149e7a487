/** Reads a record, finished or not, of any version up to the present one; also while an agent writes it. Changes nothing. */
import type { DatabaseSync } from 'node:sqlite';
import { zstdDecompressSync } from 'node:zlib';
import type { MetricDef } from '../catalog.ts';
import type { Series } from '../series.ts';
import type { EventKind, RunEvent, Tick } from '../tick.ts';
import { Damaged, intact } from './hot.ts';
import { lastTick, pageOf, readHeader, type RunHeader } from './rows.ts';
import * as schema from './schema.ts';

export type { RunHeader } from './rows.ts';

/** A series with the number of the tick that it first appeared with. */
export interface RecordedSeries extends Series {
  readonly since: number;
}

/** An event with the number of the tick it came with, and wall time of that tick. */
export interface RecordedEvent extends RunEvent {
  readonly tick: number;
  readonly wall: number;
}

/** State of 10,000 series: 72 MB of bins, and as much again for everything else. */
const STATE_MAX = 160 * 2 ** 20;

const EVENT_PAGE = 1000;

export class RecordReader {
  readonly header: RunHeader;
  /** Null while the run is not finished; `end` in seconds since the epoch. */
  readonly sealed: { readonly end: number } | null;
  /** Ticks are missing, by the cap or because another program held the record: only the latest checkpoint knows the whole run. */
  readonly thinned: boolean;
  readonly folder: string;
  readonly #db: DatabaseSync;
  /** What there was at the first look at series or ticks: the number of the last tick (-1: none), and how many series. */
  #known: { readonly last: number; readonly series: number } | null = null;

  private constructor(folder: string, db: DatabaseSync) {
    this.folder = folder;
    this.#db = db;
    this.header = headerOf(db);
    const end = readHeader(db, 'end');
    this.sealed = typeof end === 'number' ? { end } : null;
    this.thinned = readHeader(db, 'thinned') !== null;
  }

  /** @param folder of the run. Throws `RECORD` for what is missing, damaged or no record, `RECORD_VERSION` for one of a newer soak-agent. */
  static open(folder: string): RecordReader {
    let db: DatabaseSync | null = null;
    try {
      db = schema.openExisting(folder, 'read');
      return new RecordReader(folder, db);
    } catch (error) {
      db?.close();
      throw schema.readProblem(folder, error);
    }
  }

  /** Looks at every page, and reads what a resumption needs; some seconds for a record of 512 MB. Throws `RECORD`. */
  check(): void {
    this.#read(() => {
      const [found] = Object.values(this.#db.prepare('PRAGMA quick_check(1)').get() ?? {});
      intact(found === 'ok', String(found));
    });
    this.series();
    this.last();
    const unread = this.ticks((this.checkpoint()?.n ?? -1) + 1)[Symbol.iterator]();
    while (!unread.next().done);
  }

  /** The latest verdict, as `verdict.json` has it; null before the first. */
  verdict(): string | null {
    return this.#read(() => (this.#db.prepare('SELECT json FROM verdict').get() as { json: string } | undefined)?.json ?? null);
  }

  /**
   * All series in order of their ids. A metric is what `find` knows under its name if that still is the same (unit, kind, labels), else
   * what it was when the record was written, so that a record of an older catalog opens.
   */
  series(find: (name: string) => MetricDef | undefined = () => undefined): RecordedSeries[] {
    this.#look();
    return this.#read(() => {
      const rows = this.#db.prepare('SELECT s.*, m.definition FROM series s JOIN metric m ON m.id = s.metric ORDER BY s.id').all();
      const defs = new Map<string, MetricDef>();
      return (rows as unknown as SeriesRow[]).map(({ id, source, target, member, labels, period, tick, definition }, i) => {
        intact(id === i, 'series are missing');
        const def = defs.get(definition) ?? present(parse(definition) as MetricDef, find);
        defs.set(definition, def);
        return { id, source, target, member, def, labels: parse(labels) as Series['labels'], period, since: tick };
      });
    });
  }

  /** State of the run after tick `n`, from the latest checkpoint that is whole; null when there is none. */
  checkpoint(): { n: number; state: Uint8Array } | null {
    return this.#read(() => {
      const rows = this.#db.prepare('SELECT n, state FROM checkpoint ORDER BY n DESC').all() as unknown as {
        n: number;
        state: Uint8Array;
      }[];
      for (const { n, state } of rows) {
        try {
          return { n, state: zstdDecompressSync(state, { maxOutputLength: STATE_MAX }) };
        } catch {
          // The one before it will do: the ticks in between are folded again.
        }
      }
      intact(rows.length === 0, 'both checkpoints are damaged');
      return null;
    });
  }

  /**
   * Ticks in order, from number `from` on, each with its events; those of a tick that was thinned out come with the next one. Reads a
   * window at a time and holds no lock between windows. Those that an agent writes meanwhile come as well, up to the first with a series
   * that was not there at the first look at series or ticks: who looked does not know it.
   */
  *ticks(from = 0): Iterable<Tick> {
    const known = this.#look();
    let events: RecordedEvent[] = [];
    for (let page = this.#page(from); page !== null; page = this.#page(page.next)) {
      events = [...events, ...page.events];
      for (const tick of page.ticks) {
        if (tick.samples.series.some((id) => id >= known.series)) {
          if (tick.n > known.last) return;
          this.#read(() => intact(false, 'a tick has a series that is not there'));
        }
        const later = events.findIndex((event) => event.tick > tick.n);
        const own = later < 0 ? events : events.slice(0, later);
        events = later < 0 ? [] : events.slice(later);
        yield { ...tick, events: own.map(({ t, kind, target, member, message, data }) => ({ t, kind, target, member, message, data })) };
      }
    }
  }

  *events(): Iterable<RecordedEvent> {
    const read = this.#db.prepare('SELECT * FROM event WHERE id > ? ORDER BY id LIMIT ?');
    for (let id = 0; ;) {
      const rows = this.#read(() => read.all(id, EVENT_PAGE) as unknown as EventRow[]);
      if (rows.length === 0) return;
      for (const row of rows) yield this.#read(() => eventOf(row));
      id = rows.at(-1)!.id;
    }
  }

  /** The last tick recorded; null when there is none yet. */
  last(): { n: number; t: number; wall: number } | null {
    return this.#read(() => lastTick(this.#db));
  }

  close(): void {
    this.#db.close();
  }

  /** The tick first: a series is there no later than its ticks. */
  #look(): { readonly last: number; readonly series: number } {
    this.#known ??= this.#read(() => {
      const last = lastTick(this.#db)?.n ?? -1;
      return { last, series: Number(this.#db.prepare('SELECT count(*) AS count FROM series').get()!['count']) };
    });
    return this.#known;
  }

  /** Ticks and events of one moment: the writer may pack the window between two statements. */
  #page(n: number): { ticks: Tick[]; events: RecordedEvent[]; next: number } | null {
    return this.#read(() => {
      this.#db.exec('BEGIN');
      try {
        const page = pageOf(this.#db, n);
        if (page === null) return null;
        const rows = this.#db.prepare('SELECT * FROM event WHERE tick >= ? AND tick < ? ORDER BY id').all(n, page.next);
        return { ...page, events: (rows as unknown as EventRow[]).map(eventOf) };
      } finally {
        this.#db.exec('COMMIT');
      }
    });
  }

  #read<T>(body: () => T): T {
    try {
      return body();
    } catch (error) {
      throw schema.readProblem(this.folder, error);
    }
  }
}

interface SeriesRow extends Omit<Series, 'def' | 'labels'> {
  readonly tick: number;
  readonly labels: string;
  readonly definition: string;
}

interface EventRow extends Omit<RecordedEvent, 'kind' | 'data'> {
  readonly id: number;
  readonly kind: string;
  readonly data: string;
}

function eventOf({ tick, t, wall, kind, target, member, message, data }: EventRow): RecordedEvent {
  return { tick, wall, t, kind: kind as EventKind, target, member, message, data: parse(data) as RunEvent['data'] };
}

function headerOf(db: DatabaseSync): RunHeader {
  const get = (key: string): unknown => readHeader(db, key);
  const text = (key: string): string => {
    const value = get(key);
    intact(typeof value === 'string', `its header has no ${key}`);
    return value;
  };
  const number = (key: string): number => {
    const value = get(key);
    intact(typeof value === 'number', `its header has no ${key}`);
    return value;
  };
  return {
    id: text('id'),
    start: number('start'),
    agent: text('agent'),
    configHash: text('config_hash'),
    config: parse(text('config')),
    bootId: get('boot_id') === null ? null : text('boot_id'),
    interval: number('interval'),
    planned: get('planned') === null ? null : number('planned'),
    host: parse(text('host')) as RunHeader['host'],
  };
}

function present(recorded: MetricDef, find: (name: string) => MetricDef | undefined): MetricDef {
  const now = find(recorded.name);
  return now !== undefined && meaning(now) === meaning(recorded) ? now : recorded;
}

function meaning({ unit, kind, labels }: MetricDef): string {
  return JSON.stringify([unit, kind, labels]);
}

/** JSON that we wrote ourselves. */
function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    throw new Damaged('a row is no JSON', { cause: error });
  }
}
