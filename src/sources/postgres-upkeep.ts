/** Every minute: who reads and writes how much, and the vacuums that run. Views of some hundred rows and of a few, which open no table. */
import type { Facts } from './postgres-facts.ts';
import type { Row } from './postgres-session.ts';
import { age, amount, type Figures, type Question, type Stamp, text } from './postgres-figures.ts';
import { IO_BACKENDS, METRICS } from './postgres-object-metrics.ts';
import type { Sink } from './source.ts';

type Backend = (typeof IO_BACKENDS)[number];

/** Of `backend_type`; whatever a later version adds is other. */
const BACKENDS: ReadonlyMap<string, Backend> = new Map([
  ['client backend', 'client'],
  ['background worker', 'client'], // of a parallel query
  ['autovacuum worker', 'vacuum'],
  ['checkpointer', 'checkpointer'],
  ['background writer', 'writer'],
]);

export class UpkeepFigures {
  readonly #figures: Figures;
  readonly #period: number;

  constructor(figures: Figures, period: number) {
    this.#figures = figures;
    this.#period = period;
  }

  questions(facts: Facts): Question[] {
    const io = this.#io(facts);
    return [...(io === null ? [] : [io]), ...(facts.standby || !facts.readsAll ? [] : [this.#vacuums()])];
  }

  #stamp(sink: Sink, at: number): Stamp {
    return { sink, at, period: this.#period };
  }

  /** From version 16 on; from 18 on in bytes, and with rows of the write-ahead log, which is counted on its own. */
  #io(facts: Facts): Question | null {
    const isInBytes = facts.has('pg_stat_io', 'read_bytes');
    if (!isInBytes && !facts.has('pg_stat_io', 'op_bytes')) return null;
    const bytes = (operation: 'read' | 'write' | 'extend'): string =>
      `coalesce(${isInBytes ? `${operation}_bytes` : `${operation}s * op_bytes`}, 0)`;
    return {
      metric: METRICS.io,
      sql: `SELECT backend_type AS backend, sum(${bytes('read')})::float8 AS read, sum(${bytes('write')} + ${bytes('extend')})::float8 AS written,
        coalesce(sum(evictions), 0)::float8 AS evicted FROM pg_stat_io WHERE object <> 'wal' GROUP BY 1`,
      take: (rows, at, sink) => {
        const stamp = this.#stamp(sink, at);
        const groups = Map.groupBy(rows, (row) => BACKENDS.get(text(row, 'backend') ?? '') ?? 'other');
        const sum = (backend: Backend, column: string): number | null => total(groups.get(backend) ?? [], column);
        for (const backend of IO_BACKENDS) {
          this.#figures.set(stamp, METRICS.io, sum(backend, 'read'), { backend, direction: 'read' });
          this.#figures.set(stamp, METRICS.io, sum(backend, 'written'), { backend, direction: 'write' });
        }
        this.#figures.set(stamp, METRICS.evictions, total(rows, 'evicted'));
      },
    };
  }

  #vacuums(): Question {
    return {
      metric: METRICS.vacuums,
      sql: `SELECT count(*)::float8 AS running, coalesce(extract(epoch FROM max(now() - a.xact_start)), 0)::float8 AS longest,
        coalesce(max(index_vacuum_count), 0)::float8 AS passes FROM pg_stat_progress_vacuum p LEFT JOIN pg_stat_activity a ON a.pid = p.pid`,
      take: ([row], at, sink) => {
        const stamp = this.#stamp(sink, at);
        this.#figures.set(stamp, METRICS.vacuums, amount(row, 'running'));
        this.#figures.set(stamp, METRICS.vacuumAge, age(row, 'longest'));
        this.#figures.set(stamp, METRICS.vacuumPasses, amount(row, 'passes'));
      },
    };
  }
}

/** Null of no rows, and when one of them says nothing that can be true: that is no zero. */
function total(rows: readonly Row[], column: string): number | null {
  return rows.reduce<number | null>(
    (sum, row) => {
      const own = amount(row, column);
      return sum === null || own === null ? null : sum + own;
    },
    rows.length === 0 ? null : 0,
  );
}
