/** Databases, caches and the pools of connections to them. */
import type { Dashboard, Row } from '../grafana.ts';
import { rowsOf } from '../panels.ts';
import { metric, of } from '../query.ts';
import { AGENT_LINKS, ANNOTATIONS, DATASOURCE, INSTANCE, ONE_RUN, RUN, TARGET, TARGETS } from '../selected.ts';
import { THRESHOLDS } from '../thresholds.ts';

const SELECTOR = `${RUN},${TARGET}`;
const POOLS = 'no target has connections to a server that is watched';

const FIRST: Row = {
  title: 'Pools and servers',
  panels: [
    {
      title: 'Servers',
      about: 'Whether each server answers the agent. The events `server_down` of the run say why it does not.',
      type: 'state-timeline',
      unit: 'short',
      queries: [{ expr: of('soak.server.up', RUN), legend: '{{soak_target}}' }],
      mappings: [{ type: 'value', options: { '0': { text: 'out', color: 'red' }, '1': { text: 'up', color: 'green' } } }],
      thresholds: [
        { color: 'red', from: null },
        { color: 'green', from: 1 },
      ],
      emptyWhen: 'no server is watched',
    },
    {
      title: 'Pool utilization',
      about: 'Share of the maximum of each pool that is taken. A fixed pool under more users than it has connections is full and healthy.',
      type: 'timeseries',
      unit: 'percentunit',
      queries: [{ expr: of('soak.pool.utilization', SELECTOR), legend: '{{soak_target}} {{soak_member}} {{soak_server}}' }],
      thresholds: [
        { color: 'green', from: null },
        { color: 'yellow', from: THRESHOLDS.poolWarn },
        { color: 'red', from: THRESHOLDS.poolFull },
      ],
      emptyWhen: `${POOLS}, or how large its pool may be is not known`,
    },
    {
      title: 'Connections by state',
      about:
        'Connections of the targets, seen from outside: sockets joined with sessions. The dashed line is the most that the pools may have.',
      type: 'timeseries',
      unit: 'short',
      stacked: true,
      dashed: '/^maximum/',
      queries: [
        {
          expr: `sum by (soak_target, soak_server, soak_pool_state) (${of('soak.pool.connections', SELECTOR)})`,
          legend: '{{soak_target}} {{soak_server}} {{soak_pool_state}}',
        },
        {
          expr: `sum by (soak_target, soak_server) (${of('soak.pool.connections.max', SELECTOR)})`,
          legend: 'maximum {{soak_target}} {{soak_server}}',
        },
      ],
      emptyWhen: POOLS,
    },
    {
      title: 'Oldest checkout',
      about: `Longest time for which a connection of a pool has been taken, by what it is doing (${metric('soak.pool.oldest_checkout')}).`,
      type: 'timeseries',
      unit: 's',
      queries: [{ expr: of('soak.pool.oldest_checkout', SELECTOR), legend: '{{soak_target}} {{soak_server}} {{soak_pool_state}}' }],
      thresholds: [
        { color: 'green', from: null },
        { color: 'yellow', from: 60 },
        { color: 'red', from: 300 },
      ],
      emptyWhen: POOLS,
    },
    {
      title: 'Redis hit rate',
      about: 'Share of the look-ups that found their key.',
      type: 'timeseries',
      unit: 'percentunit',
      min: 0,
      max: 1,
      queries: [{ expr: of('redis.keyspace.hit_ratio', RUN), legend: '{{soak_target}}' }],
      thresholds: [
        { color: 'red', from: null },
        { color: 'green', from: THRESHOLDS.hitRatio },
      ],
      emptyWhen: 'there is no `--redis`, or nobody looks anything up',
    },
    {
      title: 'Heartbeats',
      about: 'Round trip of the smallest question to each server.',
      type: 'timeseries',
      unit: 's',
      queries: [{ expr: of('soak.server.heartbeat.duration', RUN), legend: '{{soak_target}}' }],
      emptyWhen: 'no server is watched',
    },
  ],
};

export const SERVERS: Dashboard = {
  uid: 'soak-servers',
  title: 'Soak run: servers and pools',
  description: 'Databases, caches, and the pools of connections to them. Generated from the catalog of metrics.',
  variables: [DATASOURCE, ONE_RUN, { ...TARGETS, label: 'Target of pools' }, INSTANCE],
  annotations: ANNOTATIONS,
  links: AGENT_LINKS,
  rows: [FIRST, ...rowsOf('servers', RUN)],
};
