/** What a server is and what we may see of it: asked once per session, so that no table of versions is needed. */
import { amount, num, text } from './postgres-figures.ts';
import type { Row, Session } from './postgres-session.ts';

export interface Facts {
  /** As `server_version` has it, for people. */
  readonly version: string;
  readonly user: string;
  readonly database: string;
  /** Since the epoch, on the server's clock: tells one life of the server from the next. */
  readonly started: number;
  readonly backendPid: number;
  readonly standby: boolean;
  /** Sessions and settings of everybody are shown to us. */
  readonly readsAll: boolean;
  readonly sessionLimit: number | null;
  readonly xidAgeMax: number | null;
  readonly mxidAgeMax: number | null;
  /** Bytes; null: slots keep whatever they need. */
  readonly slotMax: number | null;
  readonly blockSize: number;
  /** Schema of pg_stat_statements, quoted; null when it is not installed in this database. */
  readonly statements: string | null;
  /** It tells how often it forgot statements. From version 14 on. */
  readonly hasStatementsInfo: boolean;
  /** We may see what the memory of our own backend is used for. From version 15 on without being superuser. */
  readonly seesOwnMemory: boolean;
  /** The view or table of the catalog has this column here. */
  has(view: string, column: string): boolean;
}

/** Every view whose columns differ between versions, and that is asked for one. */
const VIEWS = ['pg_stat_database', 'pg_stat_checkpointer', 'pg_locks', 'pg_replication_slots', 'pg_stat_io'];

const setting = (name: string): string => `nullif(current_setting('${name}', true), '')`;

const SERVER = `SELECT version() AS product, current_setting('server_version') AS version, current_user::text AS "user", current_database()::text AS database,
  extract(epoch FROM pg_postmaster_start_time())::float8 AS started, pg_backend_pid()::float8 AS pid, pg_is_in_recovery() AS standby,
  (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) OR pg_has_role('pg_read_all_stats', 'USAGE') AS reads_all,
  ${setting('max_connections')}::float8 - ${setting('superuser_reserved_connections')}::float8 - coalesce(${setting('reserved_connections')}::float8, 0) AS sessions,
  ${setting('autovacuum_freeze_max_age')}::float8 AS xid_max, ${setting('autovacuum_multixact_freeze_max_age')}::float8 AS mxid_max,
  (SELECT setting::float8 * 1048576 FROM pg_settings WHERE name = 'max_slot_wal_keep_size' AND setting::float8 >= 0) AS slot_max,
  ${setting('block_size')}::float8 AS block_size,
  has_table_privilege(to_regclass('pg_catalog.pg_backend_memory_contexts'), 'SELECT')
    AND has_function_privilege(to_regprocedure('pg_get_backend_memory_contexts()'), 'EXECUTE') AS own_memory`;

const COLUMNS = `SELECT c.relname::text AS view, a.attname::text AS "column" FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
  WHERE c.relnamespace = 'pg_catalog'::regnamespace AND a.attnum > 0 AND c.relname IN (${VIEWS.map((view) => `'${view}'`).join(', ')})`;

const EXTENSION = `SELECT quote_ident(n.nspname) AS schema, to_regclass(quote_ident(n.nspname) || '.pg_stat_statements_info') IS NOT NULL AS info FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
  WHERE e.extname = 'pg_stat_statements'`;

/** Null when what answers is no Postgres, though it speaks like one. @throws {Unreachable | Refused} */
export async function factsOf(session: Session): Promise<Facts | null> {
  const [server = [], columns = [], extension = []] = await session.query([SERVER, COLUMNS, EXTENSION]);
  const [row] = server;
  if (row === undefined || !(text(row, 'product') ?? '').startsWith('PostgreSQL ')) return null;
  return factsFrom(row, columns, extension);
}

function factsFrom(row: Row, columns: readonly Row[], extension: readonly Row[]): Facts {
  const known = new Set(columns.map((one) => `${text(one, 'view')} ${text(one, 'column')}`));
  return {
    version: text(row, 'version') ?? '',
    user: text(row, 'user') ?? '',
    database: text(row, 'database') ?? '',
    started: num(row, 'started') ?? 0,
    backendPid: num(row, 'pid') ?? 0,
    standby: row['standby'] === true,
    readsAll: row['reads_all'] === true,
    sessionLimit: amount(row, 'sessions'),
    xidAgeMax: amount(row, 'xid_max'),
    mxidAgeMax: amount(row, 'mxid_max'),
    slotMax: amount(row, 'slot_max'),
    blockSize: amount(row, 'block_size') ?? 8192,
    statements: text(extension[0], 'schema'),
    hasStatementsInfo: extension[0]?.['info'] === true,
    seesOwnMemory: row['own_memory'] === true,
    has: (view, column) => known.has(`${view} ${column}`),
  };
}
