/** The rows of a record: what is written besides chunks and roll-ups, and what both the writer and the reader read. */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Series } from '../series.ts';
import type { RunEvent, Tick } from '../tick.ts';
import { decodeChunk } from './chunk.ts';
import { decodeHot, type HotRow } from './hot.ts';

export interface RunHeader {
  readonly id: string;
  /** Seconds since the epoch. */
  readonly start: number;
  /** Version of soak-agent. */
  readonly agent: string;
  readonly configHash: string;
  /** Without secrets; anything that JSON can carry. */
  readonly config: unknown;
  /** Of the kernel that the run was started under; null where it is not known. */
  readonly bootId: string | null;
  /** Seconds between samples of the process tier. */
  readonly interval: number;
  /** Planned length in seconds; null: until told. */
  readonly planned: number | null;
  readonly host: Readonly<Record<string, string | number>>;
}

/** Events kept: the first thousand and the latest. At 300 bytes each 30 MB; one a second for a day fits. */
const EVENTS_MAX = 100_000;
const FIRST_EVENTS = 1000;

type HeaderKey = 'end' | 'thinned';

/** Inserts, each within the caller's transaction. */
export class Rows {
  readonly #db: DatabaseSync;
  readonly #header: StatementSync;
  readonly #hot: StatementSync;
  readonly #metric: StatementSync;
  readonly #series: StatementSync;
  readonly #event: StatementSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#header = db.prepare('INSERT OR REPLACE INTO header (key, value) VALUES (?, ?)');
    this.#hot = db.prepare('INSERT INTO hot (n, data) VALUES (?, ?)');
    this.#metric = db.prepare('INSERT OR IGNORE INTO metric (name, unit, kind, definition) VALUES (?, ?, ?, ?)');
    this.#series = db.prepare(`INSERT INTO series (id, tick, source, target, member, metric, labels, period)
      VALUES (?, ?, ?, ?, ?, (SELECT id FROM metric WHERE name = ?), ?, ?)`);
    this.#event = db.prepare('INSERT INTO event (tick, t, wall, kind, target, member, message, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?)');
  }

  run(header: RunHeader): void {
    const { id, start, agent, configHash, config, bootId, interval, planned, host } = header;
    const rows = {
      id,
      start,
      agent,
      config_hash: configHash,
      config: JSON.stringify(config),
      boot_id: bootId,
      interval,
      planned,
      host: JSON.stringify(host),
    };
    for (const [key, value] of Object.entries(rows)) this.#header.run(key, value);
  }

  header(key: HeaderKey, value: number): void {
    this.#header.run(key, value);
  }

  hot(n: number, data: Uint8Array): void {
    this.#hot.run(n, data);
  }

  /** @param tick number of the tick with which the series appeared */
  series({ id, source, target, member, def, labels, period }: Series, tick: number): void {
    this.#metric.run(def.name, def.unit, def.kind, JSON.stringify(def));
    this.#series.run(id, tick, source, target, member, def.name, JSON.stringify(labels), period);
  }

  event({ t, kind, target, member, message, data }: RunEvent, { n, wall }: Pick<Tick, 'n' | 'wall'>): void {
    const { lastInsertRowid } = this.#event.run(n, t, wall, kind, target, member, message, JSON.stringify(data));
    if (Number(lastInsertRowid) <= EVENTS_MAX) return;
    const oldest = Number(lastInsertRowid) - EVENTS_MAX + FIRST_EVENTS;
    this.#db.prepare('DELETE FROM event WHERE id > ? AND id <= ?').run(FIRST_EVENTS, oldest);
    this.header('thinned', 1);
  }

  /** The latest two are kept. */
  checkpoint(n: number, state: Uint8Array): void {
    this.#db.exec('DELETE FROM checkpoint WHERE n < (SELECT max(n) FROM checkpoint)');
    this.#db.prepare('INSERT OR REPLACE INTO checkpoint (n, state) VALUES (?, ?)').run(n, state);
  }

  verdict(json: string): void {
    this.#db.prepare('INSERT OR REPLACE INTO verdict (id, json) VALUES (1, ?)').run(json);
  }

  /** Removes the hot rows and returns them. */
  takeWindow(): HotRow[] {
    const rows = hotRows(this.#db);
    this.#db.exec('DELETE FROM hot');
    return rows;
  }
}

export function hotRows(db: DatabaseSync): HotRow[] {
  return db.prepare('SELECT n, data FROM hot ORDER BY n').all() as unknown as HotRow[];
}

export function readHeader(db: DatabaseSync, key: string): unknown {
  return (db.prepare('SELECT value FROM header WHERE key = ?').get(key) as { value: unknown } | undefined)?.value ?? null;
}

/** The last tick recorded, also when it has been thinned out since. */
export function lastTick(db: DatabaseSync): { n: number; t: number; wall: number } | null {
  const last = decodeHot(hotRows(db)).ticks.at(-1);
  if (last) return { n: last.n, t: last.t, wall: last.wall };
  const chunk = db.prepare('SELECT last AS n, last_t AS t, last_wall AS wall FROM chunk ORDER BY first DESC LIMIT 1').get();
  return chunk === undefined ? null : { ...(chunk as { n: number; t: number; wall: number }) };
}

/** Some ticks of a record in order, without events, and the number to go on with. */
interface Page {
  readonly ticks: Tick[];
  readonly next: number;
}

/** The window that holds tick `n` or the first one after it, from there on; null at the end of the record. Throws `Damaged`. */
export function pageOf(db: DatabaseSync, n: number): Page | null {
  const chunk = db.prepare('SELECT last, data FROM chunk WHERE last >= ? ORDER BY first LIMIT 1').get(n);
  const { last, data } = (chunk ?? {}) as { last?: number; data?: Uint8Array };
  const all = data === undefined ? decodeHot(hotRows(db)).ticks : decodeChunk(data);
  const end = last ?? all.at(-1)?.n ?? -1; // the last tick of a chunk may have been thinned out of it
  return end < n ? null : { ticks: all.filter((tick) => tick.n >= n), next: end + 1 };
}

/** Number of the first tick of the window in which run time `t` falls. */
export function windowAt(db: DatabaseSync, t: number): number {
  const chunk = db.prepare('SELECT first FROM chunk WHERE last_t >= ? ORDER BY first LIMIT 1').get(t);
  const { first } = chunk ?? db.prepare('SELECT min(n) AS first FROM hot').get() ?? {};
  return Number(first ?? 0);
}
