/** What a server tells of itself as a whole, every round: counters, horizons, checkpoints and locks. */
import type { MetricDef } from '../catalog.ts';
import type { Facts } from './postgres-facts.ts';
import { age, amount, type Figures, Names, type Question, type Stamp, sums, text } from './postgres-figures.ts';
import { COUNTERS, METRICS, NAMES_MAX } from './postgres-metrics.ts';
import type { Row } from './postgres-session.ts';

/** With more of them than these they are not told one by one. */
const DATABASES_MAX = 200;

export class ServerFigures {
  readonly #figures: Figures;
  #facts: Facts;
  readonly #period: number;
  readonly #ratio = new HitRatio();
  /** Of databases. */
  readonly #names: Names;

  /** Age of the oldest horizon that a session holds, as of this round. */
  sessionHorizon: number | null = null;

  constructor(figures: Figures, facts: Facts, period: number) {
    this.#figures = figures;
    this.#facts = facts;
    this.#period = period;
    this.#names = new Names(NAMES_MAX, figures.known(COUNTERS.ofDatabase, 'db.namespace'));
  }

  /** What is known of the server changes with its sessions: it may be another version after a restart, or no standby any more. */
  use(facts: Facts): void {
    this.#facts = facts;
  }

  questions(): Question[] {
    const all = [this.#databases(), this.#ages(), this.#checkpoints(), this.#prepared()];
    return this.#facts.has('pg_locks', 'waitstart') ? [...all, this.#locks()] : all;
  }

  #stamp(sink: Stamp['sink'], at: number): Stamp {
    return { sink, at, period: this.#period };
  }

  #databases(): Question {
    const sum = (column: string): string => `sum(${column})::float8 AS ${column}`;
    const columns = ['xact_commit', 'xact_rollback', 'blks_hit', 'blks_read', 'temp_files', 'temp_bytes', 'deadlocks'];
    const later = ['sessions', 'sessions_abandoned', 'sessions_fatal', 'sessions_killed'];
    const asked = [...columns, ...later.filter((column) => this.#facts.has('pg_stat_database', column))];
    return {
      metric: COUNTERS.commits,
      sql: `SELECT ${asked.map(sum).join(', ')}, CASE WHEN count(*) <= ${DATABASES_MAX} THEN json_object_agg(datname, xact_commit + xact_rollback)
        FILTER (WHERE datname NOT IN ('template0', 'template1')) END::text AS by_name FROM pg_stat_database WHERE datname IS NOT NULL`,
      take: ([row], at, sink) => {
        const stamp = this.#stamp(sink, at);
        const set = (def: CounterDef, column: string): void => this.#figures.set(stamp, def, amount(row, column));
        this.#transactions(row, stamp);
        set(COUNTERS.commits, 'xact_commit');
        set(COUNTERS.rollbacks, 'xact_rollback');
        set(COUNTERS.blocksHit, 'blks_hit');
        set(COUNTERS.blocksRead, 'blks_read');
        set(COUNTERS.tempFiles, 'temp_files');
        set(COUNTERS.tempBytes, 'temp_bytes');
        set(COUNTERS.deadlocks, 'deadlocks');
        set(COUNTERS.sessions, 'sessions');
        for (const reason of ['abandoned', 'fatal', 'killed'] as const) {
          this.#figures.set(stamp, COUNTERS.sessionsLost, amount(row, `sessions_${reason}`), { reason });
        }
        this.#figures.set(stamp, COUNTERS.hitRatio, this.#ratio.add(at, amount(row, 'blks_hit'), amount(row, 'blks_read')));
      },
    };
  }

  /** By database, as a server may have those of many applications. The busiest come first, and so get names. */
  #transactions(row: Row | undefined, stamp: Stamp): void {
    const rows = countsIn(text(row, 'by_name')).toSorted((a, b) => b.done - a.done);
    for (const [name, done] of sums(rows, 'name', 'done', this.#names)) {
      this.#figures.set(stamp, COUNTERS.ofDatabase, done, { 'db.namespace': name });
    }
  }

  #ages(): Question {
    return {
      metric: METRICS.xidAge,
      sql: 'SELECT max(age(datfrozenxid))::float8 AS xid, max(mxid_age(datminmxid))::float8 AS mxid FROM pg_database',
      take: ([row], at, sink) => {
        const stamp = this.#stamp(sink, at);
        this.#figures.set(stamp, METRICS.xidAge, amount(row, 'xid'));
        this.#figures.set(stamp, METRICS.xidAgeMax, this.#facts.xidAgeMax);
        this.#figures.set(stamp, METRICS.mxidAge, amount(row, 'mxid'));
        this.#figures.set(stamp, METRICS.mxidAgeMax, this.#facts.mxidAgeMax);
      },
    };
  }

  /** From version 17 on in a view of its own. */
  #checkpoints(): Question {
    const isSplit = this.#facts.has('pg_stat_checkpointer', 'num_timed');
    const sql = isSplit
      ? 'SELECT num_timed::float8 AS scheduled, num_requested::float8 AS requested FROM pg_stat_checkpointer'
      : 'SELECT checkpoints_timed::float8 AS scheduled, checkpoints_req::float8 AS requested FROM pg_stat_bgwriter';
    return {
      metric: METRICS.checkpoints,
      sql,
      take: ([row], at, sink) => {
        for (const type of ['scheduled', 'requested'] as const) {
          this.#figures.set(this.#stamp(sink, at), METRICS.checkpoints, amount(row, type), { type });
        }
      },
    };
  }

  #locks(): Question {
    return {
      metric: METRICS.lockWaiting,
      sql: 'SELECT count(*)::float8 AS waiting, coalesce(extract(epoch FROM max(now() - waitstart)), 0)::float8 AS longest FROM pg_locks WHERE NOT granted',
      take: ([row], at, sink) => {
        this.#figures.set(this.#stamp(sink, at), METRICS.lockWaiting, amount(row, 'waiting'));
        this.#figures.set(this.#stamp(sink, at), METRICS.lockWait, age(row, 'longest'));
      },
    };
  }

  /** The horizon is the oldest of everything that holds one: sessions, slots and prepared transactions. */
  #prepared(): Question {
    return {
      metric: METRICS.prepared,
      sql: `SELECT (SELECT count(*) FROM pg_prepared_xacts)::float8 AS prepared,
        coalesce((SELECT extract(epoch FROM max(now() - prepared)) FROM pg_prepared_xacts), 0)::float8 AS oldest,
        greatest((SELECT max(age(transaction)) FROM pg_prepared_xacts),
          (SELECT max(greatest(age(xmin), age(catalog_xmin))) FROM pg_replication_slots))::float8 AS horizon`,
      take: ([row], at, sink) => {
        const stamp = this.#stamp(sink, at);
        this.#figures.set(stamp, METRICS.prepared, amount(row, 'prepared'));
        this.#figures.set(stamp, METRICS.preparedAge, age(row, 'oldest'));
        // Where nobody holds a horizon, vacuum may remove everything up to now.
        if (this.#facts.readsAll)
          this.#figures.set(stamp, METRICS.xminAge, Math.max(this.sessionHorizon ?? 0, amount(row, 'horizon') ?? 0));
      },
    };
  }
}

/** What an object of JSON counts by name; nothing when it is none. */
function countsIn(json: string | null): { name: string; done: number }[] {
  try {
    const entries = Object.entries((JSON.parse(json ?? '{}') ?? {}) as Readonly<Record<string, unknown>>);
    return entries.flatMap(([name, done]) => (typeof done === 'number' && done >= 0 ? [{ name, done }] : []));
  } catch {
    return [];
  }
}

type CounterDef = MetricDef & { readonly labels?: undefined };

/** Below this a ratio is chance. */
const BLOCKS_MIN = 1000;

const WINDOW_S = 60;

/** Of the last minute: what was counted since the start of the server hides a late collapse. */
class HitRatio {
  #from: { at: number; hit: number; read: number } | null = null;

  /** Null until there is enough to tell; counters that went back begin a new window. */
  add(at: number, hit: number | null, read: number | null): number | null {
    if (hit === null || read === null) return null;
    const from = this.#from;
    if (from === null || hit < from.hit || read < from.read) {
      this.#from = { at, hit, read };
      return null;
    }
    if (at - from.at < WINDOW_S) return null;
    this.#from = { at, hit, read };
    const blocks = hit - from.hit + read - from.read;
    return blocks < BLOCKS_MIN ? null : (hit - from.hit) / blocks;
  }
}
