/** The metrics of the pools of connections. A pool is what one role (or one process of it) has open to one server, database and user. */
import { defineMetrics } from '../catalog.ts';
import { HELD_STATES, STATES } from './pool-evidence.ts';

const PANEL = 'Connection pools';

/** Pools of one target that are told apart; the rest is one pool, `other`. 20 of them with all states of 32 members are 5,000 series. */
export const POOLS_MAX = 20;

const OTHER = 1;

/** Servers are some 64 at most (contracts, roles with servers). */
const SERVERS_MAX = 64;

const SERVER = { max: SERVERS_MAX } as const;
const NAME = { max: POOLS_MAX + OTHER } as const;

const POOL = { 'soak.server': SERVER, 'db.system.name': ['postgresql', 'redis'], 'db.namespace': NAME, 'user.name': NAME } as const;

/** How a maximum is known; the first counts. */
export const MAX_SOURCES = ['configured', 'reported', 'learned'] as const;

export type MaxSource = (typeof MAX_SOURCES)[number];

export const METRICS = defineMetrics({
  connections: {
    name: 'soak.pool.connections',
    unit: '{connection}',
    kind: 'gauge',
    help: 'Connections of the target by what the server says of them, seen from outside: its sockets joined with the sessions of the server. Stuck: taken and not given back; unmatched: a socket without a session.',
    labels: { ...POOL, 'soak.pool.state': STATES },
    growth: 'none',
    alias: 'pool.connections',
    panel: PANEL,
  },
  size: {
    name: 'soak.pool.size',
    unit: '{connection}',
    kind: 'gauge',
    help: 'Connections of the target that are open, in whatever state.',
    labels: POOL,
    growth: 'none',
    alias: 'pool.size',
    panel: PANEL,
  },
  stuck: {
    name: 'soak.pool.stuck',
    unit: '{connection}',
    kind: 'gauge',
    help: 'Connections that were taken from the pool and not given back: those in state stuck, judged by their floor. Absent while too few sockets could be joined with sessions.',
    labels: POOL,
    growth: 'floor',
    resource: 'connections',
    alias: 'pool.stuck',
    limit: 'soak.pool.connections.max',
    gate: 'gated',
    panel: PANEL,
  },
  max: {
    name: 'soak.pool.connections.max',
    unit: '{connection}',
    kind: 'gauge',
    help: 'Connections that the pool may have: as configured, as the program reports of its only pool, or learned from three windows in which it was as large without an idle one.',
    labels: { ...POOL, 'soak.pool.max.source': MAX_SOURCES },
    growth: 'none',
    panel: PANEL,
  },
  utilization: {
    name: 'soak.pool.utilization',
    unit: '1',
    kind: 'gauge',
    help: 'Share of the maximum that is taken: everything but idle and subscribed. A fixed pool under more users than it has connections is full and healthy.',
    labels: POOL,
    growth: 'none',
    alias: 'pool.utilization',
    expect: [{ op: '<', value: 0.8, for: 60, otherwise: 'warn' }],
    panel: PANEL,
  },
  oldest: {
    name: 'soak.pool.oldest_checkout',
    unit: 's',
    kind: 'gauge',
    help: 'Time since the longest taken connection was taken: its statement began (active), its transaction began (idle in transaction), or it was last used (stuck). One that is held and often used is not seen.',
    labels: { ...POOL, 'soak.pool.state': HELD_STATES },
    growth: 'none',
    alias: 'pool.oldest_checkout',
    expect: [
      { op: '<', value: 60, for: 0, otherwise: 'warn', labels: { 'soak.pool.state': 'idle_in_transaction' } },
      { op: '<', value: 300, for: 0, otherwise: 'fail', labels: { 'soak.pool.state': 'idle_in_transaction' } },
    ],
    panel: PANEL,
  },
  standstill: {
    name: 'soak.pool.standstill',
    unit: 's',
    kind: 'gauge',
    help: 'Time for which a pool with all its connections open has had none at work and none that changed; 0 while it moves. Absent while it is not known how large it gets.',
    labels: POOL,
    growth: 'none',
    alias: 'pool.standstill',
    panel: PANEL,
  },
  wait: {
    name: 'soak.pool.wait',
    unit: 's',
    kind: 'gauge',
    help: 'Time for which the client that has waited longest has waited for a connection of the pooler (PgBouncer); 0 while none waits. Who waits within a program is not seen from outside.',
    labels: POOL,
    growth: 'none',
    alias: 'pool.wait',
    panel: PANEL,
  },
  reported: {
    name: 'soak.pool.reported.connections',
    unit: '{connection}',
    kind: 'gauge',
    help: 'Connections that the program itself says its pools have, all pools together: from its own metrics, on a page or pushed.',
    growth: 'none',
    alias: 'pool.reported',
    panel: PANEL,
  },
  reportedMax: {
    name: 'soak.pool.reported.max',
    unit: '{connection}',
    kind: 'gauge',
    help: 'Connections that the program itself says its pools may have, all pools together.',
    growth: 'none',
    alias: 'pool.reported_max',
    panel: PANEL,
  },
  opened: {
    name: 'soak.pool.opened',
    unit: '{connection}',
    kind: 'counter',
    help: 'Connections opened since the agent began, of those that some reading saw.',
    labels: POOL,
    growth: 'none',
    panel: PANEL,
  },
  closed: {
    name: 'soak.pool.closed',
    unit: '{connection}',
    kind: 'counter',
    help: 'Connections closed since the agent began, of those that some reading saw.',
    labels: POOL,
    growth: 'none',
    panel: PANEL,
  },
  joinRatio: {
    name: 'soak.pool.join_ratio',
    unit: '1',
    kind: 'gauge',
    help: 'Share of the established sockets of the target to the server for which the server lists a session. Below 0.9 nothing is said of stuck connections: something in between rewrites ports.',
    labels: { 'soak.server': SERVER },
    growth: 'none',
    alias: 'pool.join_ratio',
    panel: PANEL,
  },
});
