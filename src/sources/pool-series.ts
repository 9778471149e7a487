/** Where the figures of one pool go: the series of a role, or of one of its members. */
import type { ServerSpec } from '../servers.ts';
import type { Owner, SeriesTable } from '../series.ts';
import { emptyTally, HELD_STATES, type Reading, type State, STATES, type Tally } from './pool-evidence.ts';
import { MAX_SOURCES, type MaxSource, METRICS } from './pool-metrics.ts';
import type { Sink } from './source.ts';

export interface Labels {
  readonly 'soak.server': string;
  readonly 'db.system.name': ServerSpec['system'];
  readonly 'db.namespace': string;
  readonly 'user.name': string;
}

/** Of the processes that share a place: added up, with what only holds when it is known of all. */
export interface Figures extends Tally {
  opened: number;
  closed: number;
  max: { readonly value: number; readonly source: MaxSource } | null;
  /** Seconds for which it has stood still; null when that cannot be known. */
  standstill: number | null;
  /** Seconds that a client has waited for a connection of the pooler; null where there is none. */
  wait: number | null;
}

/** What one process has in a pool. */
export type ProcessFigures = Pick<Reading, 'counts' | 'oldest' | 'opened' | 'closed'> & Pick<Figures, 'max' | 'standstill' | 'wait'>;

export function sumOf(parts: readonly ProcessFigures[]): Figures {
  const sum: Figures = { ...emptyTally(), opened: 0, closed: 0, max: maximumOf(parts), standstill: stillOf(parts), wait: null };
  for (const { counts, oldest, opened, closed, wait } of parts) {
    for (const state of STATES) sum.counts[state] += counts[state];
    for (const state of HELD_STATES) {
      const age = oldest[state];
      if (age !== undefined) sum.oldest[state] = Math.max(sum.oldest[state] ?? 0, age);
    }
    if (wait !== null) sum.wait = Math.max(sum.wait ?? 0, wait);
    sum.opened += opened;
    sum.closed += closed;
  }
  return sum;
}

/** Processes share nothing of their pools: their maxima add up, when all are known. */
function maximumOf(parts: readonly ProcessFigures[]): Figures['max'] {
  let value = 0;
  let weakest = 0;
  for (const { max } of parts) {
    if (max === null) return null;
    value += max.value;
    weakest = Math.max(weakest, MAX_SOURCES.indexOf(max.source));
  }
  return parts.length === 0 ? null : { value, source: MAX_SOURCES[weakest]! };
}

/** As long as the one that moved last. */
function stillOf(parts: readonly ProcessFigures[]): number | null {
  const known = parts.flatMap(({ standstill }) => (standstill === null ? [] : [standstill]));
  return known.length === 0 || known.length < parts.length ? null : Math.min(...known);
}

/** States that are told from the beginning, with their zeros; the others from when they are first seen. */
const ALWAYS: ReadonlySet<State> = new Set(['active', 'idle', 'stuck']);

/** Not taken from the pool. */
const FREE: ReadonlySet<State> = new Set(['idle', 'subscribed', 'unmatched']);

export function usedOf(counts: Figures['counts']): number {
  return STATES.reduce((sum, state) => sum + (FREE.has(state) ? 0 : counts[state]), 0);
}

export function totalOf(counts: Figures['counts']): number {
  return STATES.reduce((sum, state) => sum + counts[state], 0);
}

export class PoolSeries {
  readonly #table: SeriesTable;
  readonly #owner: Owner;
  readonly #labels: Labels;
  readonly #plain = new Map<PlainMetric, number>();
  readonly #counts = new Map<State, number>();
  readonly #oldest = new Map<State, number>();
  readonly #max = new Map<string, number>();
  #opened = 0;
  #closed = 0;

  constructor(table: SeriesTable, owner: Owner, labels: Labels) {
    this.#table = table;
    this.#owner = owner;
    this.#labels = labels;
  }

  /** @param certain whether enough is known of the sessions to say which are stuck */
  set(sink: Sink, figures: Figures, certain: boolean, at: number): void {
    const { counts, oldest, max, standstill, wait } = figures;
    this.#setCounts(sink, counts, at);
    sink.set(this.#id(METRICS.size), totalOf(counts), at);
    if (certain) sink.set(this.#id(METRICS.stuck), counts.stuck, at);
    for (const state of HELD_STATES) if (state !== 'stuck' || certain) this.#setOldest(sink, state, oldest[state], at);
    if (standstill !== null) sink.set(this.#id(METRICS.standstill), standstill, at);
    if (wait !== null) sink.set(this.#id(METRICS.wait), wait, at);
    if (max !== null) {
      sink.set(this.#maxOf(max.source), max.value, at);
      sink.set(this.#id(METRICS.utilization), usedOf(counts) / max.value, at);
    }
    this.#opened += figures.opened;
    this.#closed += figures.closed;
    sink.set(this.#id(METRICS.opened), this.#opened, at);
    sink.set(this.#id(METRICS.closed), this.#closed, at);
  }

  /** Where nothing is known but the states. */
  setCounts(sink: Sink, { counts, oldest }: Tally, at: number): void {
    this.#setCounts(sink, counts, at);
    this.#setOldest(sink, 'idle_in_transaction', oldest.idle_in_transaction, at);
  }

  #setCounts(sink: Sink, counts: Figures['counts'], at: number): void {
    for (const state of STATES) {
      let id = this.#counts.get(state);
      if (id === undefined && counts[state] === 0 && !ALWAYS.has(state)) continue;
      id ??= this.#table.open(this.#owner, METRICS.connections, { ...this.#labels, 'soak.pool.state': state });
      this.#counts.set(state, id);
      sink.set(id, counts[state], at);
    }
  }

  #setOldest(sink: Sink, state: (typeof HELD_STATES)[number], age: number | undefined, at: number): void {
    if (age === undefined) return;
    const id = this.#oldest.get(state) ?? this.#table.open(this.#owner, METRICS.oldest, { ...this.#labels, 'soak.pool.state': state });
    this.#oldest.set(state, id);
    sink.set(id, age, at);
  }

  #maxOf(source: MaxSource): number {
    const id = this.#max.get(source) ?? this.#table.open(this.#owner, METRICS.max, { ...this.#labels, 'soak.pool.max.source': source });
    this.#max.set(source, id);
    return id;
  }

  #id(def: PlainMetric): number {
    const id = this.#plain.get(def) ?? this.#table.open(this.#owner, def, this.#labels);
    this.#plain.set(def, id);
    return id;
  }
}

/** Metrics with no label beyond those of the pool. */
type PlainMetric = (typeof METRICS)['size' | 'stuck' | 'utilization' | 'standstill' | 'wait' | 'opened' | 'closed'];
