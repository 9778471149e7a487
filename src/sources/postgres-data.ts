/**
 * What grows on a server, every ten minutes: databases, tables, sequences, and settings that change. Nothing here opens all tables: the
 * functions that measure a table keep what they learn of it in our backend for good (54 MB at 5,000 tables), and wait for its locks.
 */
import { age, amount, type Figures, Names, num, OTHER, type Question, type Stamp, text } from './postgres-figures.ts';
import type { Facts } from './postgres-facts.ts';
import { NAMES_MAX } from './postgres-metrics.ts';
import { METRICS } from './postgres-object-metrics.ts';
import type { Row } from './postgres-session.ts';
import type { ReportBlind, Sink } from './source.ts';

/** Reading a sequence opens it: some 2 kB of our backend each. */
const SEQUENCES_MAX = 500;

/** Settings that are not at their defaults; a server has some 30. */
const SETTINGS_MAX = 1000;

const TABLES = "relkind IN ('r', 'm') AND c.relpersistence <> 't'";

interface Table {
  readonly oid: number;
  readonly label: string;
}

export class DataFigures {
  readonly #figures: Figures;
  #facts: Facts;
  readonly #blind: ReportBlind;
  readonly #period: number;
  readonly #databases: Names;
  /** Frozen when the run has warmed up: which tables are told must not depend on how they grow. */
  #top: readonly Table[] | null = null;

  constructor(figures: Figures, facts: Facts, period: number, blind: ReportBlind) {
    this.#figures = figures;
    this.#blind = blind;
    this.#facts = facts;
    this.#period = period;
    this.#databases = new Names(NAMES_MAX, figures.known(METRICS.databaseSize, 'db.namespace'));
  }

  /** What is known of the server changes with its sessions: it may be another version after a restart, or no standby any more. */
  use(facts: Facts): void {
    this.#facts = facts;
  }

  /** @param warm the run has warmed up @param changed is told the names of settings that are other than before */
  questions(warm: boolean, settings: Settings): Question[] {
    const tables = this.#top === null ? (warm ? [this.#choose()] : []) : [this.#tables(this.#top), this.#totals(this.#top)];
    // The counts of rows are of the server that writes: a standby has none.
    const rows = this.#facts.standby ? [] : [this.#rows()];
    return [this.#sizes(), ...rows, ...tables, this.#sequences(), settings.question()];
  }

  #stamp(sink: Sink, at: number): Stamp {
    return { sink, at, period: this.#period };
  }

  #sizes(): Question {
    return {
      metric: METRICS.databaseSize,
      grant: `GRANT pg_monitor TO ${this.#facts.user}`,
      sql: `SELECT datname::text AS name, pg_database_size(oid)::float8 AS size FROM pg_database WHERE NOT datistemplate AND datallowconn
        ORDER BY datname = current_database() DESC, oid LIMIT ${NAMES_MAX}`,
      take: (rows, at, sink) => {
        for (const row of rows) {
          const name = text(row, 'name');
          if (name !== null)
            this.#figures.set(this.#stamp(sink, at), METRICS.databaseSize, amount(row, 'size'), {
              'db.namespace': this.#databases.of(name),
            });
        }
      },
    };
  }

  #rows(): Question {
    return {
      metric: METRICS.rows,
      sql: `SELECT sum(pg_stat_get_live_tuples(c.oid))::float8 AS live, sum(pg_stat_get_dead_tuples(c.oid))::float8 AS dead FROM pg_class c WHERE ${TABLES}`,
      take: ([row], at, sink) => {
        for (const state of ['live', 'dead'] as const)
          this.#figures.set(this.#stamp(sink, at), METRICS.rows, amount(row, state), { state });
      },
    };
  }

  /** The tables with most dead rows, then the largest: by pages, which ask for no lock. */
  #choose(): Question {
    return {
      metric: METRICS.tableDead,
      sql: `SELECT c.oid::int8::float8 AS oid, n.nspname || '.' || c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE ${TABLES} AND n.nspname NOT IN ('pg_catalog', 'information_schema')${this.#knownBefore()}
        ORDER BY pg_stat_get_dead_tuples(c.oid) DESC, c.relpages DESC, c.oid LIMIT ${NAMES_MAX}`,
      take: (rows) => {
        const names = new Names(NAMES_MAX);
        this.#top = rows.flatMap((row) => {
          const [oid, name] = [num(row, 'oid'), text(row, 'name')];
          return oid === null || name === null ? [] : [{ oid, label: names.of(name) }];
        });
      },
    };
  }

  /** Of the run before this start of the agent: its tables are followed on. */
  #knownBefore(): string {
    const names = this.#figures.known(METRICS.tableSize, 'db.collection.name').map((name) => `'${name.replaceAll("'", "''")}'`);
    return names.length === 0 ? '' : ` AND n.nspname || '.' || c.relname IN (${names.join(', ')})`;
  }

  #tables(top: readonly Table[]): Question {
    const oids = top.map(({ oid }) => oid).join(', ') || '0';
    return {
      metric: METRICS.tableDead,
      sql: `SELECT CASE WHEN c.oid IN (${oids}) THEN c.oid::int8::float8 END AS oid, sum(pg_stat_get_dead_tuples(c.oid))::float8 AS dead,
        extract(epoch FROM now() - max(greatest(pg_stat_get_last_vacuum_time(c.oid), pg_stat_get_last_autovacuum_time(c.oid))))::float8 AS vacuumed,
        sum(greatest(c.relpages, 0))::float8 * ${this.#facts.blockSize} AS size FROM pg_class c WHERE ${TABLES} GROUP BY 1`,
      take: (rows, at, sink) => {
        const labels = new Map(top.map(({ oid, label }) => [oid, label]));
        for (const row of rows) {
          const oid = num(row, 'oid');
          const label = oid === null ? OTHER : labels.get(oid);
          if (label === undefined) continue;
          const dead = this.#facts.standby ? null : amount(row, 'dead');
          this.#figures.set(this.#stamp(sink, at), METRICS.tableDead, dead, { 'db.collection.name': label });
          this.#figures.set(this.#stamp(sink, at), METRICS.tableSize, amount(row, 'size'), { 'db.collection.name': label });
          if (oid === null || this.#facts.standby) continue;
          this.#figures.set(this.#stamp(sink, at), METRICS.tableVacuum, age(row, 'vacuumed'), { 'db.collection.name': label });
        }
      },
    };
  }

  /** Only of the chosen few, and of none that somebody holds a lock on which we would wait for. */
  #totals(top: readonly Table[]): Question {
    const oids = top.map(({ oid }) => oid).join(', ') || '0';
    return {
      metric: METRICS.tableTotal,
      sql: `SELECT c.oid::int8::float8 AS oid, pg_total_relation_size(c.oid)::float8 AS size FROM pg_class c WHERE c.oid IN (${oids}) AND NOT EXISTS (
        SELECT FROM pg_locks l WHERE l.mode = 'AccessExclusiveLock' AND (l.relation = c.oid OR l.relation IN (SELECT indexrelid FROM pg_index WHERE indrelid = c.oid)))`,
      take: (rows, at, sink) => {
        const sizes = new Map(rows.map((row) => [num(row, 'oid'), amount(row, 'size')]));
        for (const { oid, label } of top) {
          this.#figures.set(this.#stamp(sink, at), METRICS.tableTotal, sizes.get(oid) ?? null, { 'db.collection.name': label });
        }
      },
    };
  }

  /** A sequence that may start anew is never used up. Values of sequences that we may not read are NULL, as are those never used. */
  #sequences(): Question {
    const { user } = this.#facts;
    const few = `(SELECT count(*) FROM pg_sequence) <= ${SEQUENCES_MAX}`;
    return {
      metric: METRICS.sequence,
      sql: `SELECT ${few} AS few, CASE WHEN ${few} THEN (SELECT max(last_value::float8 / max_value) FROM pg_sequences
          WHERE increment_by > 0 AND NOT cycle AND max_value > 0) END AS used,
        CASE WHEN ${few} THEN (SELECT min(c.relnamespace::regnamespace::text) FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid
          WHERE c.relpersistence <> 't' AND NOT has_sequence_privilege(s.seqrelid, 'USAGE, SELECT')) END AS hidden`,
      take: ([row], at, sink) => {
        const blind = (reason: string): void => this.#blind(sink, METRICS.sequence.name, reason, { target: this.#figures.target });
        const hidden = text(row, 'hidden');
        if (row?.['few'] === false) blind(`there are more than ${SEQUENCES_MAX}, and each that is read stays in the memory of our session`);
        if (hidden !== null)
          blind(`the user ${user} may not read all sequences; GRANT SELECT ON ALL SEQUENCES IN SCHEMA ${hidden} TO ${user}`);
        this.#figures.set(this.#stamp(sink, at), METRICS.sequence, amount(row, 'used'));
      },
    };
  }
}

/** Settings of the server that are not its defaults, as hashes: one that changes in the middle of a run explains what follows. */
export class Settings {
  #known: ReadonlyMap<string, string> | null = null;
  readonly #changed: (sink: Sink, names: readonly string[]) => void;

  constructor(changed: (sink: Sink, names: readonly string[]) => void) {
    this.#changed = changed;
  }

  question(): Question {
    return {
      metric: METRICS.rows,
      sql: `SELECT name, md5(coalesce(setting, '')) AS hash FROM pg_settings WHERE source NOT IN ('default', 'client', 'session', 'override')
        ORDER BY name LIMIT ${SETTINGS_MAX}`,
      take: (rows, _at, sink) => this.#compare(rows, sink),
    };
  }

  #compare(rows: readonly Row[], sink: Sink): void {
    const now = new Map(rows.map((row) => [text(row, 'name') ?? '', text(row, 'hash') ?? '']));
    const before = this.#known;
    this.#known = now;
    if (before === null) return;
    const names = [...new Set([...before.keys(), ...now.keys()])].filter((name) => before.get(name) !== now.get(name));
    if (names.length > 0) this.#changed(sink, names);
  }
}
