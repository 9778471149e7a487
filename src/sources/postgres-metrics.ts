/** The metrics of a Postgres server as a whole. Names are those of the OpenTelemetry collector's receiver where it has one. */
import { defineMetrics, MATTERS } from '../catalog.ts';

const PANEL = 'Postgres';

/** Applications, slots, replicas: those met first keep a label, all others are one. 20 of them are what a person reads (research 4.3). */
export const NAMES_MAX = 20;

const NAMES = { max: NAMES_MAX + 1 } as const;

export const SESSION_STATES = ['active', 'idle', 'idle_in_transaction', 'waiting_lock', 'unknown'] as const;

/** Some 2,000 transactions a second for an hour, over a horizon that does not move. */
const HORIZON = { share: 0, perHour: 7_000_000 } as const;

export const METRICS = defineMetrics({
  backends: {
    name: 'postgresql.backends',
    unit: '{connection}',
    kind: 'gauge',
    help: 'Sessions of clients, on all databases of the server.',
    growth: 'capacity',
    resource: 'connections',
    alias: 'postgres.connections',
    limit: 'postgresql.connection.max',
    matters: MATTERS.count,
    panel: PANEL,
  },
  connectionMax: {
    name: 'postgresql.connection.max',
    unit: '{connection}',
    kind: 'gauge',
    help: 'Sessions that the server admits for clients: max_connections less what is reserved.',
    growth: 'none',
    panel: PANEL,
  },
  connections: {
    name: 'postgresql.connections',
    unit: '{connection}',
    kind: 'gauge',
    help: 'Sessions of clients by state and application_name; applications beyond the first 20 are other.',
    labels: { state: SESSION_STATES, application: NAMES },
    growth: 'none',
    panel: PANEL,
  },
  transactionAge: {
    name: 'postgresql.transaction.max_age',
    unit: 's',
    kind: 'gauge',
    help: 'Age of the oldest open transaction of a client; 0 when none is open.',
    growth: 'none',
    alias: 'postgres.transaction_age',
    panel: PANEL,
  },
  idleInTransactionAge: {
    name: 'postgresql.idle_in_transaction.max_age',
    unit: 's',
    kind: 'gauge',
    help: 'How long the longest idle session has kept its transaction open without using it; 0 when there is none.',
    growth: 'none',
    alias: 'postgres.idle_in_transaction',
    // Of anybody's sessions; those of a target fail by its pool.
    expect: [{ op: '<', value: 60, for: 0, otherwise: 'warn' }],
    panel: PANEL,
  },
  lockWaiting: {
    name: 'postgresql.lock.waiting',
    unit: '{session}',
    kind: 'gauge',
    help: 'Requests for locks that wait.',
    growth: 'none',
    alias: 'postgres.lock_waiters',
    panel: PANEL,
  },
  lockWait: {
    name: 'postgresql.lock.max_wait',
    unit: 's',
    kind: 'gauge',
    help: 'How long the longest request for a lock has waited, on version 13 as an upper bound; 0 when none waits.',
    growth: 'none',
    alias: 'postgres.lock_wait',
    expect: [{ op: '<', value: 5, for: 0, otherwise: 'warn' }],
    panel: PANEL,
  },
  xminAge: {
    name: 'postgresql.xmin.age',
    unit: '{transaction}',
    kind: 'gauge',
    help: 'Transactions since the oldest that somebody may still see: sessions, slots and prepared transactions keep vacuum from what is younger.',
    growth: 'capacity',
    alias: 'postgres.xmin_age',
    matters: HORIZON,
    panel: PANEL,
  },
  xidAge: {
    name: 'postgresql.wraparound.xid_age',
    unit: '{transaction}',
    kind: 'gauge',
    help: 'Age of the oldest transaction id that is not frozen; at the limit a vacuum of whole tables is forced.',
    growth: 'capacity',
    alias: 'postgres.xid_age',
    limit: 'postgresql.wraparound.xid_age.max',
    panel: PANEL,
  },
  xidAgeMax: {
    name: 'postgresql.wraparound.xid_age.max',
    unit: '{transaction}',
    kind: 'gauge',
    help: 'autovacuum_freeze_max_age.',
    growth: 'none',
  },
  mxidAge: {
    name: 'postgresql.wraparound.mxid_age',
    unit: '{transaction}',
    kind: 'gauge',
    help: 'Age of the oldest multixact id that is not frozen.',
    growth: 'capacity',
    limit: 'postgresql.wraparound.mxid_age.max',
    panel: PANEL,
  },
  mxidAgeMax: {
    name: 'postgresql.wraparound.mxid_age.max',
    unit: '{transaction}',
    kind: 'gauge',
    help: 'autovacuum_multixact_freeze_max_age.',
    growth: 'none',
  },
  checkpoints: {
    name: 'postgresql.bgwriter.checkpoint.count',
    unit: '{checkpoint}',
    kind: 'counter',
    help: 'Checkpoints, scheduled ones and those that the amount of log or a command asked for.',
    labels: { type: ['scheduled', 'requested'] },
    growth: 'none',
    panel: PANEL,
  },
  prepared: {
    name: 'postgresql.prepared_transactions',
    unit: '{transaction}',
    kind: 'gauge',
    help: 'Transactions that were prepared for a second phase which has not come.',
    growth: 'capacity',
    matters: MATTERS.count,
    panel: PANEL,
  },
  preparedAge: {
    name: 'postgresql.prepared_transaction.max_age',
    unit: 's',
    kind: 'gauge',
    help: 'Age of the oldest prepared transaction; 0 when there is none.',
    growth: 'none',
    panel: PANEL,
  },
});

const WORK = 'Postgres work';

/** Sums over all databases, as counted since the statistics were last reset. */
export const COUNTERS = defineMetrics({
  commits: {
    name: 'postgresql.commits',
    unit: '{transaction}',
    kind: 'counter',
    help: 'Transactions committed.',
    growth: 'none',
    panel: WORK,
  },
  rollbacks: {
    name: 'postgresql.rollbacks',
    unit: '{transaction}',
    kind: 'counter',
    help: 'Transactions rolled back.',
    growth: 'drift',
    panel: WORK,
  },
  ofDatabase: {
    name: 'postgresql.transactions',
    unit: '{transaction}',
    kind: 'counter',
    help: 'Transactions of a database, committed or rolled back: how much is asked of it.',
    labels: { 'db.namespace': NAMES },
    growth: 'none',
    alias: 'postgres.transactions',
    panel: WORK,
  },
  deadlocks: {
    name: 'postgresql.deadlocks',
    unit: '{deadlock}',
    kind: 'counter',
    help: 'Deadlocks found.',
    growth: 'none',
    panel: WORK,
  },
  blocksHit: {
    name: 'postgresql.blks_hit',
    unit: '{block}',
    kind: 'counter',
    help: 'Blocks found in the buffer cache.',
    growth: 'none',
    panel: WORK,
  },
  blocksRead: {
    name: 'postgresql.blks_read',
    unit: '{block}',
    kind: 'counter',
    help: 'Blocks asked of the system.',
    growth: 'drift',
    panel: WORK,
  },
  tempFiles: {
    name: 'postgresql.temp_files',
    unit: '{file}',
    kind: 'counter',
    help: 'Temporary files of queries that did not fit into work_mem.',
    growth: 'drift',
    panel: WORK,
  },
  tempBytes: {
    name: 'postgresql.temp.io',
    unit: 'By',
    kind: 'counter',
    help: 'Written to temporary files.',
    growth: 'drift',
    panel: WORK,
  },
  sessions: {
    name: 'postgresql.sessions',
    unit: '{session}',
    kind: 'counter',
    help: 'Sessions opened. From version 14 on.',
    growth: 'drift',
    panel: WORK,
  },
  sessionsLost: {
    name: 'postgresql.sessions.lost',
    unit: '{session}',
    kind: 'counter',
    help: 'Sessions that did not end by a goodbye: the client vanished, an error ended them, or somebody killed them. From version 14 on.',
    labels: { reason: ['abandoned', 'fatal', 'killed'] },
    growth: 'none',
    panel: WORK,
  },
  hitRatio: {
    name: 'postgresql.cache.hit_ratio',
    unit: '1',
    kind: 'gauge',
    help: 'Share of blocks found in the buffer cache over the last minute; absent below 1,000 blocks.',
    growth: 'none',
    alias: 'postgres.hit_ratio',
    panel: WORK,
  },
});
