/**
 * Room under the cap. Raw ticks lose resolution first: two neighbouring chunks become one with every second sample of every series, so
 * what is left are real samples, bit for bit. The pair that is oldest for its resolution goes first, so that resolution stays in
 * proportion to age. When no raw chunk is left, roll-ups lose resolution in the same way, minutes becoming pairs of minutes.
 *
 * Bound: levels fall from the oldest chunk to the newest, and equal neighbours can always be merged, so under pressure a run of T
 * chunks shrinks to log2(T) of them.
 */
import type { DatabaseSync } from 'node:sqlite';
import type { Tick } from '../tick.ts';
import { decodeChunk, encodeChunk } from './chunk.ts';
import { type HotRow, hotRowsOf } from './hot.ts';

/** The last hour of roll-ups stays as it is. */
const FINE_MINUTES = 60;

/** Frees something, in the caller's transaction; false when nothing is left to thin. */
export function thinOnce(db: DatabaseSync): boolean {
  return mergePair(db) || dropOldest(db) || mergeMinutes(db);
}

/** Every second sample of every series; a series with one sample keeps it. Ticks without a sample go. */
export function halve(ticks: readonly Tick[]): Tick[] {
  const seen = new Map<number, number>();
  const keeps = (id: number): boolean => {
    const count = seen.get(id) ?? 0;
    seen.set(id, count + 1);
    return count % 2 === 0;
  };
  return ticks.map((tick) => ({ ...tick, samples: filter(tick.samples, keeps) })).filter(({ samples }) => samples.length > 0);
}

function filter(samples: Tick['samples'], keeps: (id: number) => boolean): Tick['samples'] {
  const series = new Uint32Array(samples.length);
  const values = new Float64Array(samples.length);
  const at = new Float64Array(samples.length);
  let length = 0;
  for (let i = 0; i < samples.length; i++) {
    if (!keeps(samples.series[i]!)) continue;
    series[length] = samples.series[i]!;
    values[length] = samples.values[i]!;
    at[length++] = samples.at[i]!;
  }
  return { length, series, values, at };
}

const PAIR = `
  SELECT first, next FROM (
    SELECT first, last, level, lead(first) OVER later AS next, lead(last) OVER later AS next_last, lead(level) OVER later AS next_level
    FROM chunk WINDOW later AS (ORDER BY first))
  WHERE level = next_level
  ORDER BY ((SELECT max(last) FROM chunk) - next_last + 1.0) / (1 << level) DESC, first LIMIT 1`;

interface ChunkRow {
  readonly last: number;
  readonly last_t: number;
  readonly last_wall: number;
  readonly level: number;
  readonly data: Uint8Array;
}

function mergePair(db: DatabaseSync): boolean {
  const pair = db.prepare(PAIR).get() as { first: number; next: number } | undefined;
  if (pair === undefined) return false;
  const read = db.prepare('SELECT last, last_t, last_wall, level, data FROM chunk WHERE first = ?');
  const rows = [pair.first, pair.next].map((first) => read.get(first) as unknown as ChunkRow);
  const kept = halve(rows.flatMap(({ data }) => decodeChunk(data)));
  const { last, last_t, last_wall, level } = rows[1]!;
  db.prepare('DELETE FROM chunk WHERE first IN (?, ?)').run(pair.first, pair.next); // first, so that the new chunk takes their pages
  insertChunk(db, { first: pair.first, last, last_t, last_wall, level: level + 1 }, hotRowsOf(kept));
  return true;
}

/** A chunk covers the ticks `first` to `last`, also those that are thinned out of it. */
export function insertChunk(
  db: DatabaseSync,
  span: { first: number; last: number; last_t: number; last_wall: number; level: number },
  rows: readonly HotRow[],
): void {
  const insert = db.prepare('INSERT INTO chunk (first, last, last_t, last_wall, level, ticks, data) VALUES (?, ?, ?, ?, ?, ?, ?)');
  insert.run(span.first, span.last, span.last_t, span.last_wall, span.level, rows.length, encodeChunk(rows));
}

/** Only when every chunk has another level: the oldest, which is the coarsest, goes. */
function dropOldest(db: DatabaseSync): boolean {
  const { first, count } = db.prepare('SELECT min(first) AS first, count(*) AS count FROM chunk').get() as { first: number; count: number };
  if (count < 2) return false; // the last chunk says where the run is
  db.prepare('DELETE FROM chunk WHERE first = ?').run(first);
  return true;
}

/** What `mergeMinutes` needs to know: per level k, the first minute whose roll-ups are still 2^k minutes wide or finer. Kept in the header. */
type Starts = number[];

function mergeMinutes(db: DatabaseSync): boolean {
  const { newest } = db.prepare('SELECT max(minute) AS newest FROM rollup').get() as { newest: number | null };
  const saved = db.prepare("SELECT value FROM header WHERE key = 'rollup_starts'").get() as { value: string } | undefined;
  const starts: Starts = saved === undefined ? [0] : (JSON.parse(saved.value) as Starts);
  const end = (newest ?? 0) - FINE_MINUTES;
  const level = oldestForItsWidth(starts, end);
  if (level === null) return false;
  const width = 2 ** level;
  const from = starts[level]!;
  db.prepare(MERGE).run(from, 2 * width, from + width);
  db.prepare('UPDATE rollup SET minutes = ? WHERE minute = ?').run(2 * width, from);
  db.prepare('DELETE FROM rollup WHERE minute = ?').run(from + width);
  starts[level] = from + 2 * width;
  starts[level + 1] ??= 0;
  db.prepare("INSERT OR REPLACE INTO header (key, value) VALUES ('rollup_starts', ?)").run(JSON.stringify(starts));
  return true;
}

/** The level whose first pair is oldest in units of its own width, among those that have a whole pair. */
function oldestForItsWidth(starts: Starts, end: number): number | null {
  let best: { level: number; age: number } | null = null;
  for (const [level, from] of starts.entries()) {
    const until = starts[level - 1] ?? end; // where finer ones begin
    const age = (end - from) / 2 ** level;
    if (until - from >= 2 * 2 ** level && (best === null || age > best.age)) best = { level, age };
  }
  return best?.level ?? null;
}

/** Adds the second of two roll-ups to the first, series by series. */
const MERGE = `
  INSERT INTO rollup (minute, series, minutes, count, min, max, mean, last)
  SELECT ?, series, ?, count, min, max, mean, last FROM rollup WHERE minute = ?
  ON CONFLICT (minute, series) DO UPDATE SET
    count = count + excluded.count, min = min(min, excluded.min), max = max(max, excluded.max),
    mean = (mean * count + excluded.mean * excluded.count) / (count + excluded.count), last = excluded.last`;
