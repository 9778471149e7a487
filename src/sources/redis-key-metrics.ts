/** Metrics of what a Redis server keeps: its keys, whether they are found, and the length of those that are watched. */
import { defineMetrics, MATTERS } from '../catalog.ts';

const PANEL = 'Redis keys';

/** A server has 16 databases unless its settings say more. */
export const DATABASES_MAX = 16;

const BY_DATABASE = { db: { max: DATABASES_MAX } } as const;

/** As many as a configuration takes (config/servers.ts). */
export const KEYS_MAX = 100;

/** Consumer groups of one stream that are watched; each is a command a minute. */
export const GROUPS_MAX = 8;

/** A database fills up by design, more slowly than this would hardly be seen in a day. */
const KEYS_MATTER = { share: 0.01, perHour: 10 } as const;

const BY_KEY = { 'soak.key': { max: KEYS_MAX } } as const;

const BY_GROUP = { 'soak.key': { max: KEYS_MAX }, 'soak.group': { max: GROUPS_MAX * 8 } } as const;

export const KEY_METRICS = defineMetrics({
  keys: {
    name: 'redis.db.keys',
    unit: '{key}',
    kind: 'gauge',
    help: 'Keys of a database.',
    labels: BY_DATABASE,
    growth: 'none',
    panel: PANEL,
  },
  expires: {
    name: 'redis.db.expires',
    unit: '{key}',
    kind: 'gauge',
    help: 'Keys of a database that will expire.',
    labels: BY_DATABASE,
    growth: 'none',
    panel: PANEL,
  },
  persistent: {
    name: 'redis.db.keys.persistent',
    unit: '{key}',
    kind: 'gauge',
    help: 'Keys of a database that never expire: they stay until somebody deletes them.',
    labels: BY_DATABASE,
    growth: 'leak',
    resource: 'keys',
    alias: 'redis.keys.persistent',
    matters: KEYS_MATTER,
    panel: PANEL,
  },
  expiringShare: {
    name: 'redis.db.expiring',
    unit: '1',
    kind: 'gauge',
    help: 'Share of the keys of a database that will expire.',
    labels: BY_DATABASE,
    growth: 'drift',
    panel: PANEL,
  },
  meanTtl: {
    name: 'redis.db.ttl.mean',
    unit: 's',
    kind: 'gauge',
    help: 'Mean time to live of the keys that expire, as the server estimates it.',
    labels: BY_DATABASE,
    growth: 'none',
    panel: PANEL,
  },
  hits: {
    name: 'redis.keyspace.hits',
    unit: '{hit}',
    kind: 'counter',
    help: 'Look-ups that found their key.',
    growth: 'load',
    panel: PANEL,
  },
  misses: {
    name: 'redis.keyspace.misses',
    unit: '{miss}',
    kind: 'counter',
    help: 'Look-ups that did not find their key.',
    growth: 'load',
    panel: PANEL,
  },
  hitRatio: {
    name: 'redis.keyspace.hit_ratio',
    unit: '1',
    kind: 'gauge',
    help: 'Share of the look-ups of the last five minutes that found their key. Absent below 1,000 look-ups.',
    growth: 'drift',
    resource: 'cache',
    alias: 'redis.hit_ratio',
    // A cache that is worth having; a server that is no cache may be below it for good, so that only a rule fails.
    expect: [{ op: '>', value: 0.92, for: 300, otherwise: 'warn' }],
    panel: PANEL,
  },
  expired: {
    name: 'redis.keys.expired',
    unit: '{event}',
    kind: 'counter',
    help: 'Keys that have expired.',
    growth: 'none',
    panel: PANEL,
  },
  evicted: {
    name: 'redis.keys.evicted',
    unit: '{key}',
    kind: 'counter',
    help: 'Keys that were thrown out because of maxmemory.',
    growth: 'none',
    panel: PANEL,
  },
  length: {
    name: 'redis.key.length',
    unit: '{item}',
    kind: 'gauge',
    help: 'Items of a watched key: of a list, a set, a hash or a stream. A key that does not exist has none.',
    labels: BY_KEY,
    growth: 'leak',
    resource: 'backlog',
    alias: 'redis.key.length',
    matters: MATTERS.count,
    panel: PANEL,
  },
  pending: {
    name: 'redis.stream.pending',
    unit: '{entry}',
    kind: 'gauge',
    help: 'Entries of a watched stream that a consumer group was given and has not acknowledged.',
    labels: BY_GROUP,
    growth: 'leak',
    resource: 'backlog',
    alias: 'redis.stream.pending',
    matters: MATTERS.count,
    panel: PANEL,
  },
  pendingAge: {
    name: 'redis.stream.pending.age',
    unit: 's',
    kind: 'gauge',
    help: 'Age of the oldest of these entries, by its id; absent when there is none, or ids are no times.',
    labels: BY_GROUP,
    growth: 'drift',
    panel: PANEL,
  },
  groupLag: {
    name: 'redis.stream.lag',
    unit: '{entry}',
    kind: 'gauge',
    help: 'Entries of a watched stream that a consumer group was not yet given.',
    labels: BY_GROUP,
    growth: 'leak',
    resource: 'backlog',
    alias: 'redis.stream.lag',
    matters: MATTERS.count,
    panel: PANEL,
  },
});
