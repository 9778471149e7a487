/** How much is asked of each server, or of each database of it, and how much was usual: of counters, over the time between two readings. */
import type { SeriesTable } from '../series.ts';
import type { Tick } from '../tick.ts';
import { median } from './stats.ts';

/** Counters of what is asked: of Postgres by database, of Redis as a whole. */
const COUNTERS: ReadonlySet<string> = new Set(['postgresql.transactions', 'redis.commands.processed']);
const DATABASE = 'db.namespace';

/** Readings that say what is usual. 64 servers with 21 databases: 40,000 numbers; two servers with one each: 60. */
const BEFORE = 30;
const BEFORE_MIN = 3;

/** A second. Below this it is mostly the agent that asks. */
const LEAST = 2;

/** Of one counter. */
interface Rate {
  last: number;
  at: number;
  /** Run time at which the latest interval began. */
  from: number;
  before: number[];
}

export type QueryRatesSnapshot = readonly (readonly [number, Rate])[];

export class QueryRates {
  readonly #rates = new Map<number, Rate>();
  /** Ids of series by server and database; '' is all of the server. */
  readonly #series = new Map<string, Map<string, number>>();
  #met = 0;

  /** Finds the counters among the series of a run. */
  meet(table: SeriesTable): void {
    for (; this.#met < table.size; this.#met++) {
      const { id, def, target, member, labels } = table.get(this.#met);
      if (!COUNTERS.has(def.name) || target === null || member !== null) continue;
      const own = this.#series.get(target) ?? new Map<string, number>();
      this.#series.set(target, own.set(labels[DATABASE] ?? '', id));
      if (!this.#rates.has(id)) this.#rates.set(id, { last: NaN, at: NaN, from: NaN, before: [] });
    }
  }

  /** @returns whether anything was read */
  watch(samples: Tick['samples']): boolean {
    let isRead = false;
    for (let i = 0; i < samples.length && this.#series.size > 0; i++) {
      const rate = this.#rates.get(samples.series[i]!);
      if (rate === undefined) continue;
      isRead = true;
      add(rate, samples.values[i]!, samples.at[i]!);
    }
    return isRead;
  }

  /** What is usual, a second, of these databases of a server; null where it is not told, or too little to be told from our own. */
  usual(server: string, databases: Iterable<string>): number | null {
    const all = this.#of(server, databases);
    if (all.length === 0 || all.some(({ before }) => before.length < BEFORE_MIN)) return null;
    const sum = all.reduce((total, { before }) => total + median(Float64Array.from(before)), 0);
    return sum < LEAST ? null : sum;
  }

  /** The rate of the latest interval, where that began after `since`; null where it did not. */
  now(server: string, databases: Iterable<string>, since: number): { readonly rate: number; readonly at: number } | null {
    const all = this.#of(server, databases);
    if (all.length === 0 || all.some(({ from }) => !(from >= since))) return null;
    return { rate: all.reduce((total, { before }) => total + (before.at(-1) ?? 0), 0), at: Math.max(...all.map(({ at }) => at)) };
  }

  snapshot(): QueryRatesSnapshot {
    return structuredClone([...this.#rates]);
  }

  restore(snapshot: QueryRatesSnapshot): void {
    for (const [id, rate] of structuredClone(snapshot)) this.#rates.set(id, rate);
  }

  #of(server: string, databases: Iterable<string>): Rate[] {
    const known = this.#series.get(server);
    const ids = new Set([...databases].map((database) => known?.get(database) ?? known?.get('')));
    return [...ids].flatMap((id) => (id === undefined ? [] : [this.#rates.get(id)!]));
  }
}

/** A counter that went back was begun anew. */
function add(rate: Rate, value: number, at: number): void {
  const { last, at: from } = rate;
  rate.last = value;
  rate.at = at;
  if (!(at > from) || value < last) return;
  rate.from = from;
  rate.before = [...rate.before.slice(1 - BEFORE), (value - last) / (at - from)];
}
