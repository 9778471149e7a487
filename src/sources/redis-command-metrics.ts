/** Metrics of the commands a Redis server runs: how many, how long, how many fail, which are slow. */
import { defineMetrics, MATTERS } from '../catalog.ts';

const PANEL = 'Redis commands';

/** Commands told apart, and `other`: an application uses a dozen. */
export const COMMANDS_MAX = 20;

const BY_COMMAND = { cmd: { max: COMMANDS_MAX + 1 } } as const;

export const PERCENTILES = ['p50', 'p99'] as const;

/** Codes of error replies: applications make few of their own. */
export const ERRORS_MAX = 15;

/** The server's latency monitor has some fifteen kinds of events. */
const EVENTS_MAX = 20;

export const COMMAND_METRICS = defineMetrics({
  calls: {
    name: 'redis.cmd.calls',
    unit: '{call}',
    kind: 'counter',
    help: 'Calls of a command; other holds the rest, and the agent’s own.',
    labels: BY_COMMAND,
    growth: 'load',
    panel: PANEL,
  },
  cmdTime: {
    name: 'redis.cmd.time',
    unit: 's',
    kind: 'counter',
    help: 'Time the server spent in a command.',
    labels: BY_COMMAND,
    growth: 'load',
    panel: PANEL,
  },
  cmdMean: {
    name: 'redis.cmd.time.mean',
    unit: 's',
    kind: 'gauge',
    help: 'Time a call of the command took on average since the reading before.',
    labels: BY_COMMAND,
    growth: 'drift',
    resource: 'latency',
    alias: 'redis.cmd.mean',
    matters: { share: 0.01, perHour: 0.000_001 },
    panel: PANEL,
  },
  cmdLatency: {
    name: 'redis.cmd.latency',
    unit: 's',
    kind: 'gauge',
    help: 'Quantile of the calls of the last minute, as the upper bound of a power of two of microseconds.',
    labels: { ...BY_COMMAND, percentile: PERCENTILES },
    growth: 'drift',
    panel: PANEL,
  },
  cmdFailed: {
    name: 'redis.cmd.failed',
    unit: '{call}',
    kind: 'counter',
    help: 'Calls that were refused or failed.',
    labels: BY_COMMAND,
    growth: 'none',
    panel: PANEL,
  },
  errors: {
    name: 'redis.errors',
    unit: '{error}',
    kind: 'counter',
    help: 'Error replies of all kinds.',
    growth: 'drift',
    resource: 'errors',
    alias: 'redis.errors',
    matters: MATTERS.rate,
    panel: PANEL,
  },
  errorsByCode: {
    name: 'redis.errors.by_code',
    unit: '{error}',
    kind: 'counter',
    help: 'Error replies by the word they begin with.',
    labels: { code: { max: ERRORS_MAX + 1 } },
    growth: 'none',
    panel: PANEL,
  },
  slowEntries: {
    name: 'redis.slowlog.entries',
    unit: '{entry}',
    kind: 'gauge',
    help: 'Entries the slow log holds; it is bounded by slowlog-max-len.',
    growth: 'none',
    panel: PANEL,
  },
  slowLogged: {
    name: 'redis.slowlog.logged',
    unit: '{entry}',
    kind: 'counter',
    help: 'Commands that were slow enough for the slow log, since the agent was started.',
    growth: 'drift',
    resource: 'latency',
    alias: 'redis.slowlog',
    matters: MATTERS.rate,
    panel: PANEL,
  },
  slowByCommand: {
    name: 'redis.slowlog.commands',
    unit: '{entry}',
    kind: 'counter',
    help: 'New entries of the slow log by command, since the agent was started.',
    labels: BY_COMMAND,
    growth: 'none',
    panel: PANEL,
  },
  slowLongest: {
    name: 'redis.slowlog.duration.max',
    unit: 's',
    kind: 'gauge',
    help: 'The longest of the entries that are new since the reading before; absent when there is none.',
    growth: 'none',
    panel: PANEL,
  },
  latencyEvent: {
    name: 'redis.latency.event.duration',
    unit: 's',
    kind: 'gauge',
    help: 'An event of the latency monitor that is new since the reading before, such as a fork or a slow disk.',
    labels: { event: { max: EVENTS_MAX } },
    growth: 'none',
    panel: PANEL,
  },
});
