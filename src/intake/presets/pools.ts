/**
 * What programs say of their own pools of database connections, whatever they are written in; the JVM's HikariCP is with the JVM, too.
 * Sources: client_golang (collectors.NewDBStatsCollector), github.com/dlmiddlecote/sqlstats, github.com/IBM/pgxpoolprometheus, HikariCP's
 * and Micrometer's binders, the semantic conventions (db.client.connection.*, and db.client.connections.* of before 1.26).
 */
import { preset } from './preset.ts';

/** 0 is how Go says that there is no limit, 2^31-1 how Java does. */
const REAL: readonly [number, number] = [1, 1_000_000];

export const POOLS = preset(
  { name: 'pools', of: 'pools of database connections: HikariCP, database/sql and pgxpool of Go, OpenTelemetry', tells: 'program' },
  {
    pool_connections: {
      match: [
        'hikaricp_connections',
        'go_sql_open_connections',
        'go_sql_stats_connections_open',
        'pgxpool_total_conns',
        'pgxpool_total_connections',
        'db_client_connection_count',
        'db.client.connection.count',
        'db_client_connections_usage',
        'db.client.connections.usage',
      ],
      unit: '{connection}',
      as: 'pool.reported',
    },
    pool_max: {
      match: [
        'hikaricp_connections_max',
        'go_sql_max_open_connections',
        'go_sql_stats_connections_max_open',
        'pgxpool_max_conns',
        'pgxpool_max_connections',
        'db_client_connection_max',
        'db.client.connection.max',
        'db_client_connections_max',
        'db.client.connections.max',
      ],
      unit: '{connection}',
      as: 'pool.reported_max',
      within: REAL,
    },
    pool_used: {
      match: [
        'go_sql_in_use_connections',
        'go_sql_stats_connections_in_use',
        'pgxpool_acquired_conns',
        'pgxpool_acquired_connections',
        'db_client_connection_count{db_client_connection_state="used"}',
        'db.client.connection.count{db.client.connection.state="used"}',
        'db_client_connections_usage{state="used"}',
        'db.client.connections.usage{state="used"}',
      ],
      unit: '{connection}',
      growth: 'leak',
    },
    pool_pending: {
      match: [
        'db_client_connection_pending_requests',
        'db.client.connection.pending_requests',
        'db_client_connections_pending_requests',
        'db.client.connections.pending_requests',
      ],
      kind: 'backlog',
      unit: '{request}',
    },
    pool_timeouts: {
      match: [
        'db_client_connection_timeouts_total',
        'db.client.connection.timeouts',
        'db_client_connections_timeouts_total',
        'db.client.connections.timeouts',
      ],
      kind: 'counter',
      unit: '{timeout}',
      growth: 'drift',
    },
  },
);
