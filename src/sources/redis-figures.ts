/** Which figure of INFO is which metric. A figure that this version or product does not tell is absent. */
import type { LabelsOf, MetricDef } from '../catalog.ts';
import type { Owner, SeriesTable } from '../series.ts';
import { figureOf, type Info, replicationOf } from './redis-info.ts';
import { KEY_METRICS } from './redis-key-metrics.ts';
import { ALLOCATOR_STATES, MEMORY_KINDS, MEMORY_METRICS } from './redis-memory-metrics.ts';
import { CPU_STATES, SERVER_METRICS } from './redis-metrics.ts';
import { COMMAND_METRICS } from './redis-command-metrics.ts';

export interface Figure {
  readonly value: (info: Info) => number | null;
  readonly series: (table: SeriesTable, owner: Owner) => number;
}

type Reads = string | readonly string[] | ((info: Info) => number | null);

/** @param reads the key, or keys of which the first that is told counts: names have changed with versions */
function figure<D extends MetricDef>(def: D, reads: Reads, ...labels: LabelsOf<D> extends undefined ? [] : [LabelsOf<D>]): Figure {
  const value = typeof reads === 'function' ? reads : (info: Info) => firstOf(info, [reads].flat());
  return { value, series: (table, owner) => table.open(owner, def, ...labels) };
}

function firstOf(info: Info, keys: readonly string[]): number | null {
  for (const key of keys) {
    const value = figureOf(info, key);
    if (value !== null) return value;
  }
  return null;
}

function scaled(key: string, factor: number): (info: Info) => number | null {
  return (info) => {
    const value = figureOf(info, key);
    return value === null ? null : value * factor;
  };
}

/** 0 or 1 where any of the keys is told; 1 when one of them is not `ok`. */
function failed(...keys: readonly string[]): (info: Info) => number | null {
  return (info) => {
    const told = keys.flatMap((key) => info.get(key) ?? []);
    return told.length === 0 ? null : Number(told.some((status) => status !== 'ok'));
  };
}

/** Null when there is none: 0 is how the server says that. */
function maxMemory(info: Info): number | null {
  return figureOf(info, 'maxmemory') || null;
}

function memoryLimit(info: Info): number | null {
  const isCache = (info.get('maxmemory_policy') ?? 'noeviction') !== 'noeviction';
  const max = maxMemory(info);
  if (max !== null) return isCache ? null : max;
  return figureOf(info, 'total_system_memory') || null;
}

function role(info: Info): number | null {
  const told = info.get('role');
  return told === 'master' ? 1 : told === 'slave' ? 0 : null;
}

const KIND_KEYS: Readonly<Record<(typeof MEMORY_KINDS)[number], string | readonly string[]>> = {
  dataset: 'used_memory_dataset',
  overhead: 'used_memory_overhead',
  startup: 'used_memory_startup',
  clients: 'mem_clients_normal',
  replicas: ['mem_total_replication_buffers', 'mem_clients_slaves'],
  replication_backlog: 'mem_replication_backlog',
  aof_buffer: 'mem_aof_buffer',
  scripts: ['used_memory_scripts_eval', 'used_memory_scripts'],
  functions: 'used_memory_functions',
  lua_machines: ['used_memory_vm_total', 'used_memory_lua'],
  cluster_links: 'mem_cluster_links',
};

const MEMORY: readonly Figure[] = [
  figure(MEMORY_METRICS.memoryUsed, 'used_memory'),
  figure(MEMORY_METRICS.memoryLimit, memoryLimit),
  figure(MEMORY_METRICS.maxMemory, maxMemory),
  figure(MEMORY_METRICS.memoryPeak, 'used_memory_peak'),
  figure(MEMORY_METRICS.memoryRss, 'used_memory_rss'),
  figure(MEMORY_METRICS.memoryClients, 'mem_clients_normal'),
  figure(MEMORY_METRICS.memoryLua, ['used_memory_vm_eval', 'used_memory_lua']),
  figure(MEMORY_METRICS.memoryScripts, 'used_memory_scripts'),
  figure(MEMORY_METRICS.scripts, 'number_of_cached_scripts'),
  figure(MEMORY_METRICS.fragmentation, 'mem_fragmentation_ratio'),
  figure(MEMORY_METRICS.fragmentationBytes, (info) => figureOf(info, 'mem_fragmentation_bytes', true)),
  ...MEMORY_KINDS.map((kind) => figure(MEMORY_METRICS.memoryByKind, KIND_KEYS[kind], { 'soak.memory.kind': kind })),
  ...ALLOCATOR_STATES.map((state) => figure(MEMORY_METRICS.allocator, `allocator_${state}`, { 'soak.allocator.state': state })),
];

const DISK: readonly Figure[] = [
  figure(MEMORY_METRICS.rdbChanges, 'rdb_changes_since_last_save'),
  figure(MEMORY_METRICS.rdbFailed, failed('rdb_last_bgsave_status')),
  figure(MEMORY_METRICS.rdbDuration, 'rdb_last_bgsave_time_sec'),
  figure(MEMORY_METRICS.rdbCopied, 'rdb_last_cow_size'),
  figure(MEMORY_METRICS.forkDuration, (info) => (figureOf(info, 'total_forks') === 0 ? null : scaled('latest_fork_usec', 1e-6)(info))),
  figure(MEMORY_METRICS.aofSize, 'aof_current_size'),
  figure(MEMORY_METRICS.aofBaseSize, 'aof_base_size'),
  figure(MEMORY_METRICS.aofFailed, (info) =>
    info.get('aof_enabled') === '1' ? failed('aof_last_write_status', 'aof_last_bgrewrite_status')(info) : null,
  ),
  figure(MEMORY_METRICS.aofDelayed, 'aof_delayed_fsync'),
];

const CLIENTS: readonly Figure[] = [
  figure(SERVER_METRICS.connected, 'connected_clients'),
  figure(SERVER_METRICS.clientsMax, 'maxclients'),
  figure(SERVER_METRICS.blocked, 'blocked_clients'),
  figure(SERVER_METRICS.inputBuffer, 'client_recent_max_input_buffer'),
  figure(SERVER_METRICS.outputBuffer, 'client_recent_max_output_buffer'),
  figure(SERVER_METRICS.pubsubClients, 'pubsub_clients'),
  figure(SERVER_METRICS.received, 'total_connections_received'),
  figure(SERVER_METRICS.rejected, 'rejected_connections'),
  figure(SERVER_METRICS.disconnected, 'client_query_buffer_limit_disconnections', { buffer: 'query' }),
  figure(SERVER_METRICS.disconnected, 'client_output_buffer_limit_disconnections', { buffer: 'output' }),
  figure(SERVER_METRICS.clientsEvicted, 'evicted_clients'),
];

const TRAFFIC: readonly Figure[] = [
  figure(SERVER_METRICS.uptime, 'uptime_in_seconds'),
  figure(SERVER_METRICS.commands, 'total_commands_processed'),
  figure(SERVER_METRICS.netInput, 'total_net_input_bytes'),
  figure(SERVER_METRICS.netOutput, 'total_net_output_bytes'),
  ...CPU_STATES.map((state) => figure(SERVER_METRICS.cpuTime, `used_cpu_${state}`, { state })),
  figure(SERVER_METRICS.channels, 'pubsub_channels'),
  figure(SERVER_METRICS.patterns, 'pubsub_patterns'),
  figure(COMMAND_METRICS.errors, 'total_error_replies'),
  figure(KEY_METRICS.hits, 'keyspace_hits'),
  figure(KEY_METRICS.misses, 'keyspace_misses'),
  figure(KEY_METRICS.expired, 'expired_keys'),
  figure(KEY_METRICS.evicted, 'evicted_keys'),
];

const REPLICAS: readonly Figure[] = [
  figure(SERVER_METRICS.replicas, 'connected_slaves'),
  figure(SERVER_METRICS.isPrimary, role),
  figure(SERVER_METRICS.offset, (info) => firstOf(info, role(info) === 0 ? ['slave_repl_offset'] : ['master_repl_offset'])),
  figure(SERVER_METRICS.backlogFirst, 'repl_backlog_first_byte_offset'),
  figure(SERVER_METRICS.backlogSize, 'repl_backlog_histlen'),
  figure(SERVER_METRICS.lag, (info) => replicationOf(info).lag),
  figure(SERVER_METRICS.lagBytes, (info) => replicationOf(info).lagBytes),
  figure(SERVER_METRICS.linked, (info) => {
    const { isLinked } = replicationOf(info);
    return isLinked === null ? null : Number(isLinked);
  }),
  figure(SERVER_METRICS.fullSyncs, 'sync_full'),
];

export const FIGURES: readonly Figure[] = [...MEMORY, ...DISK, ...CLIENTS, ...TRAFFIC, ...REPLICAS];
