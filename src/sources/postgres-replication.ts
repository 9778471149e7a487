/** The write-ahead log and who reads it, every round: slots and replicas of a server, and what a standby has received and replayed. */
import type { Facts } from './postgres-facts.ts';
import { age, amount, type Figures, Names, type Question, type Stamp, sums, text } from './postgres-figures.ts';
import { NAMES_MAX } from './postgres-metrics.ts';
import { METRICS } from './postgres-replication-metrics.ts';
import type { Sink } from './source.ts';

/** Slots and replicas that are read; a server admits ten of each unless somebody sets more. */
const ROWS_MAX = 100;

/**
 * Where the log ends: on a standby, as far as it was received. A receiver that was started anew begins with the segment that is being
 * replayed, so that what was received lies behind what was replayed.
 */
const LOG_END =
  'CASE WHEN pg_is_in_recovery() THEN greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) ELSE pg_current_wal_lsn() END';

export class ReplicationFigures {
  readonly #figures: Figures;
  #facts: Facts;
  readonly #period: number;
  readonly #slots: Names;
  readonly #replicas: Names;
  #isLinked: boolean | null = null;
  /** It is a primary now and was a standby when the session began. */
  hasChangedRole = false;

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
    this.hasChangedRole = false;
  }

  questions(): Question[] {
    const all = [this.#log(), this.#slotRows(), this.#replicaRows()];
    return this.#facts.standby ? [...all, this.#standby()] : all;
  }

  #stamp(sink: Sink, at: number): Stamp {
    return { sink, at, period: this.#period };
  }

  #log(): Question {
    return {
      metric: METRICS.wal,
      sql: `SELECT pg_is_in_recovery() AS standby, pg_wal_lsn_diff(${LOG_END}, '0/0')::float8 AS written`,
      take: ([row], at, sink) => {
        this.hasChangedRole = (row?.['standby'] === true) !== this.#facts.standby;
        this.#figures.set(this.#stamp(sink, at), METRICS.wal, amount(row, 'written'));
      },
    };
  }

  /** A slot that is kept in step with the primary's is read by nobody until this server is the primary (from version 17 on). */
  #slotRows(): Question {
    const waits = this.#facts.has('pg_replication_slots', 'synced') ? 'NOT active AND NOT synced' : 'NOT active';
    return {
      metric: METRICS.slotRetained,
      grant: `GRANT pg_monitor TO ${this.#facts.user}`,
      sql: `SELECT slot_name::text AS slot, ${waits} AS waits, wal_status IN ('unreserved', 'lost') AS lost, pg_wal_lsn_diff(${LOG_END}, restart_lsn)::float8 AS retained
        FROM pg_replication_slots ORDER BY slot_name LIMIT ${ROWS_MAX}`,
      take: (rows, at, sink) => {
        const stamp = this.#stamp(sink, at);
        this.#figures.set(stamp, METRICS.slotsInactive, rows.filter((row) => row['waits'] === true).length);
        this.#figures.set(stamp, METRICS.slotsLost, rows.filter((row) => row['lost'] === true).length);
        for (const [slot, retained] of sums(rows, 'slot', 'retained', this.#slots)) {
          this.#figures.set(stamp, METRICS.slotRetained, retained, { slot });
          this.#figures.set(stamp, METRICS.slotRetainedMax, this.#facts.slotMax);
        }
      },
    };
  }

  /** A standby may have standbys of its own. */
  #replicaRows(): Question {
    return {
      metric: METRICS.replicaLag,
      sql: `SELECT application_name AS replica, pg_wal_lsn_diff(${LOG_END}, replay_lsn)::float8 AS behind,
        extract(epoch FROM replay_lag)::float8 AS delay FROM pg_stat_replication ORDER BY pid LIMIT ${ROWS_MAX}`,
      take: (rows, at, sink) => {
        const stamp = this.#stamp(sink, at);
        if (rows.length < ROWS_MAX) this.#figures.set(stamp, METRICS.replicas, rows.length);
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

  #link(stamp: Stamp, isLinked: boolean): void {
    const { target } = this.#figures;
    const was = this.#isLinked;
    this.#isLinked = isLinked;
    this.#figures.set(stamp, METRICS.linked, Number(isLinked));
    if (was === null || was === isLinked) return;
    const message = `${target} ${isLinked ? 'receives the log of its primary again' : 'receives no log from its primary any more'}`;
    stamp.sink.event('server_changed', message, { target, data: { server: target, what: 'link', linked: isLinked } });
  }

  /** It was promoted between two rounds where the functions of a recovery return nothing. */
  #standby(): Question {
    return {
      metric: METRICS.pending,
      sql: `SELECT extract(epoch FROM now() - pg_last_xact_replay_timestamp())::float8 AS replayed,
        pg_wal_lsn_diff(${LOG_END}, pg_last_wal_replay_lsn())::float8 AS pending, pg_is_in_recovery() AS standby,
        EXISTS (SELECT FROM pg_stat_wal_receiver WHERE pid IS NOT NULL) AS linked,
        (SELECT sum(conflicts) FROM pg_stat_database)::float8 AS conflicts`,
      take: ([row], at, sink) => {
        if (row?.['standby'] !== true) return;
        const stamp = this.#stamp(sink, at);
        this.#figures.set(stamp, METRICS.replayAge, age(row, 'replayed'));
        this.#figures.set(stamp, METRICS.pending, age(row, 'pending'));
        this.#link(stamp, row['linked'] === true);
        this.#figures.set(stamp, METRICS.conflicts, amount(row, 'conflicts'));
      },
    };
  }
}
