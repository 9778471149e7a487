/** What a server tells of itself as a whole, every round: counters, horizons, the write-ahead log, slots and replicas. */
import type { MetricDef } from '../catalog.ts';
import type { Facts } from './postgres-facts.ts';
import { age, amount, type Figures, Names, num, type Question, type Stamp, text } from './postgres-figures.ts';
import { COUNTERS, METRICS, NAMES_MAX } from './postgres-metrics.ts';
import type { Row } from './postgres-session.ts';

/** Slots and replicas that are read; a server admits ten of each unless somebody sets more. */
const ROWS_MAX = 100;

/** Where the log ends: on a standby, as far as it was received. */
const LOG_END =
  'CASE WHEN pg_is_in_recovery() THEN coalesce(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) ELSE pg_current_wal_lsn() END';

const GRANT = (facts: Facts): string => `GRANT pg_monitor TO ${facts.user}`;

export class ServerFigures {
  readonly #figures: Figures;
  #facts: Facts;
  readonly #period: number;
  readonly #ratio = new HitRatio();
  readonly #slots: Names;
  readonly #replicas: Names;

  /** Age of the oldest horizon that a session holds, as of this round. */
  sessionHorizon: number | null = null;

  constructor(figures: Figures, facts: Facts, period: number) {
    this.#figures = figures;
    this.#facts = facts;
    this.#period = period;
    this.#slots = new Names(NAMES_MAX, figures.known(METRICS.slotRetained, 'slot'));
    this.#replicas = new Names(NAMES_MAX, figures.known(METRICS.replicaLag, 'replication_client'));
  }

  /** What is known of the server changes with its sessions: it may be another version after a restart, or no standby any more. */
  use(facts: Facts): void {
    this.#facts = facts;
  }

  questions(): Question[] {
    const all = [this.#databases(), this.#ages(), this.#log(), this.#checkpoints(), this.#slotRows(), this.#prepared()];
    if (this.#facts.has('pg_locks', 'waitstart')) all.push(this.#locks());
    if (!this.#facts.standby) all.push(this.#replicaRows());
    return all;
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
      sql: `SELECT ${asked.map(sum).join(', ')} FROM pg_stat_database WHERE datname IS NOT NULL`,
      take: ([row], at, sink) => {
        const stamp = this.#stamp(sink, at);
        const set = (def: CounterDef, column: string): void => this.#figures.set(stamp, def, amount(row, column));
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

  #log(): Question {
    return {
      metric: METRICS.wal,
      sql: `SELECT pg_wal_lsn_diff(${LOG_END}, '0/0')::float8 AS written, extract(epoch FROM now() - pg_last_xact_replay_timestamp())::float8 AS replayed`,
      take: ([row], at, sink) => {
        this.#figures.set(this.#stamp(sink, at), METRICS.wal, amount(row, 'written'));
        if (this.#facts.standby) this.#figures.set(this.#stamp(sink, at), METRICS.replayAge, age(row, 'replayed'));
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

  #slotRows(): Question {
    return {
      metric: METRICS.slotRetained,
      grant: GRANT(this.#facts),
      sql: `SELECT slot_name::text AS slot, active, pg_wal_lsn_diff(${LOG_END}, restart_lsn)::float8 AS retained
        FROM pg_replication_slots ORDER BY slot_name LIMIT ${ROWS_MAX}`,
      take: (rows, at, sink) => {
        const stamp = this.#stamp(sink, at);
        this.#figures.set(stamp, METRICS.slotsInactive, rows.filter((row) => row['active'] === false).length);
        for (const [slot, retained] of sums(rows, 'slot', 'retained', this.#slots)) {
          this.#figures.set(stamp, METRICS.slotRetained, retained, { slot });
          this.#figures.set(stamp, METRICS.slotRetainedMax, this.#facts.slotMax);
        }
      },
    };
  }

  #replicaRows(): Question {
    return {
      metric: METRICS.replicaLag,
      sql: `SELECT application_name AS replica, pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)::float8 AS behind,
        extract(epoch FROM replay_lag)::float8 AS delay FROM pg_stat_replication ORDER BY pid LIMIT ${ROWS_MAX}`,
      take: (rows, at, sink) => {
        const stamp = this.#stamp(sink, at);
        for (const [replica, behind] of sums(rows, 'replica', 'behind', this.#replicas)) {
          this.#figures.set(stamp, METRICS.replicaLag, behind, { replication_client: replica });
        }
        for (const row of rows) {
          const replica = text(row, 'replica');
          if (replica !== null)
            this.#figures.set(stamp, METRICS.replicaDelay, age(row, 'delay'), { replication_client: this.#replicas.of(replica) });
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

type CounterDef = MetricDef & { readonly labels?: undefined };

/** What is beyond the names that have a label is summed. */
function sums(rows: readonly Row[], name: string, column: string, names: Names): Map<string, number> {
  const all = new Map<string, number>();
  for (const row of rows) {
    const [of, value] = [text(row, name), num(row, column)];
    if (of === null || value === null) continue;
    const label = names.of(of);
    all.set(label, (all.get(label) ?? 0) + Math.max(0, value));
  }
  return all;
}

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
