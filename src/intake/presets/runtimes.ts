/**
 * What language runtimes say of themselves.
 * Sources: prom-client 15 (lib/metrics), @opentelemetry/instrumentation-runtime-node and the semantic conventions (nodejs.*, v8js.*,
 * jvm.*, cpython.*) as their Prometheus exporters spell them, client_golang's Go collector and the names it makes of runtime/metrics,
 * Micrometer's JVM and Hikari binders, Prometheus client_java, client_python.
 */
import { preset } from './preset.ts';

/** No more than a figure that no machine has: 2^63-1 is how Go and the JVM say that there is no limit, 0 that nothing was measured yet. */
const REAL: readonly [number, number] = [1, 2 ** 50];

export const NODE = preset(
  { name: 'node', of: 'Node.js: prom-client, OpenTelemetry', tells: 'program' },
  {
    // With its garbage: of V8 nobody exports what a collection has left. Its lows are what grows.
    node_heap_old: {
      match: [
        'nodejs_heap_space_size_used_bytes{space="old"}',
        'v8js_memory_heap_used_bytes{v8js_heap_space_name="old_space"}',
        'v8js.memory.heap.used{v8js.heap.space.name="old_space"}',
      ],
      unit: 'By',
      growth: 'leak',
    },
    node_external: { match: ['nodejs_external_memory_bytes'], unit: 'By' },
    node_handles: { match: ['nodejs_active_handles_total', 'nodejs_active_handles'], unit: '{handle}', growth: 'leak' },
    node_requests: { match: ['nodejs_active_requests_total', 'nodejs_active_requests'], unit: '{request}', growth: 'drift' },
    node_loop_p99: {
      match: ['nodejs_eventloop_lag_p99_seconds', 'nodejs_eventloop_delay_p99_seconds', 'nodejs.eventloop.delay.p99'],
      kind: 'latency',
      unit: 's',
    },
    node_loop_mean: {
      match: ['nodejs_eventloop_lag_mean_seconds', 'nodejs_eventloop_delay_mean_seconds', 'nodejs.eventloop.delay.mean'],
      kind: 'latency',
      unit: 's',
    },
    node_gc_time: {
      match: ['nodejs_gc_duration_seconds_sum', 'v8js_gc_duration_seconds_sum', 'v8js.gc.duration_sum'],
      kind: 'counter',
      unit: 's',
    },
  },
);

export const GO = preset(
  { name: 'go', of: 'Go: client_golang', tells: 'program' },
  {
    go_heap: { match: ['go_gc_heap_live_bytes'], unit: 'By', as: 'heap', within: REAL },
    go_heap_limit: { match: ['go_gc_gomemlimit_bytes'], unit: 'By', as: 'heap.limit', within: REAL },
    // With its garbage, for pages without the figure above: the collector of client_golang leaves that out unless it is asked.
    go_heap_alloc: { match: ['go_memstats_heap_alloc_bytes'], unit: 'By', growth: 'none' },
    go_goroutines: { match: ['go_goroutines', 'go.goroutine.count'], unit: '{goroutine}', growth: 'leak' },
    go_gc_cpu: { match: ['go_cpu_classes_gc_total_cpu_seconds_total'], kind: 'counter', unit: 's' },
    go_gc_pause: { match: ['go_gc_duration_seconds'], kind: 'latency', unit: 's', growth: 'none' },
  },
);

const OLD = '.*(Old Gen|Tenured Gen|ZHeap|Shenandoah)';

export const JVM = preset(
  { name: 'jvm', of: 'JVM: Micrometer, OpenTelemetry, JMX exporter; Hikari pools', tells: 'program' },
  {
    jvm_heap: {
      match: [
        `jvm_memory_used_after_last_gc_bytes{jvm_memory_pool_name=~"${OLD}"}`,
        `jvm.memory.used_after_last_gc{jvm.memory.pool.name=~"${OLD}"}`,
        `jvm_memory_pool_collection_used_bytes{pool=~"${OLD}"}`,
        'jvm_gc_live_data_size_bytes',
      ],
      unit: 'By',
      as: 'heap',
      within: REAL,
    },
    jvm_heap_limit: {
      match: [
        `jvm_memory_limit_bytes{jvm_memory_pool_name=~"${OLD}"}`,
        `jvm.memory.limit{jvm.memory.pool.name=~"${OLD}"}`,
        `jvm_memory_pool_max_bytes{pool=~"${OLD}"}`,
        `jvm_memory_pool_bytes_max{pool=~"${OLD}"}`,
        'jvm_gc_max_data_size_bytes',
      ],
      unit: 'By',
      as: 'heap.limit',
      within: REAL,
    },
    jvm_heap_share: {
      match: ['jvm_memory_usage_after_gc', 'jvm_memory_usage_after_gc_percent'],
      unit: '1',
      aggregate: 'max',
      growth: 'none',
    },
    jvm_threads: {
      match: ['jvm_threads_live_threads', 'jvm_thread_count', 'jvm.thread.count', 'jvm_threads_current'],
      unit: '{thread}',
      growth: 'leak',
    },
    jvm_classes: {
      match: ['jvm_classes_loaded_classes', 'jvm_class_count', 'jvm.class.count', 'jvm_classes_currently_loaded', 'jvm_classes_loaded'],
      unit: '{class}',
      growth: 'leak',
    },
    jvm_gc_time: {
      match: ['jvm_gc_pause_seconds_sum', 'jvm_gc_duration_seconds_sum', 'jvm.gc.duration_sum', 'jvm_gc_collection_seconds_sum'],
      kind: 'counter',
      unit: 's',
    },
    hikari_active: { match: ['hikaricp_connections_active'], by: ['pool'], unit: '{connection}', growth: 'leak' },
    hikari_idle: { match: ['hikaricp_connections_idle'], by: ['pool'], unit: '{connection}' },
    hikari_max: { match: ['hikaricp_connections_max'], by: ['pool'], unit: '{connection}' },
    hikari_pending: { match: ['hikaricp_connections_pending'], by: ['pool'], kind: 'backlog', unit: '{request}' },
    hikari_timeouts: { match: ['hikaricp_connections_timeout_total'], by: ['pool'], kind: 'counter', unit: '{timeout}', growth: 'drift' },
  },
);

export const PYTHON = preset(
  { name: 'python', of: 'Python: client_python, OpenTelemetry', tells: 'program' },
  {
    python_uncollectable: {
      match: ['python_gc_objects_uncollectable_total', 'cpython_gc_uncollectable_objects_total', 'cpython.gc.uncollectable_objects'],
      kind: 'counter',
      unit: '{object}',
      growth: 'drift',
    },
    python_collected: {
      match: ['python_gc_objects_collected_total', 'cpython_gc_collected_objects_total', 'cpython.gc.collected_objects'],
      kind: 'counter',
      unit: '{object}',
    },
    python_collections: {
      match: ['python_gc_collections_total', 'cpython_gc_collections_total', 'cpython.gc.collections'],
      kind: 'counter',
      unit: '{collection}',
    },
  },
);

/** Of a process on another machine, as all official clients spell it. */
export const PROCESS = preset(
  { name: 'process', of: 'any process that is not watched here: memory, descriptors, CPU time', tells: 'remote program' },
  {
    process_memory: { match: ['process_resident_memory_bytes'], unit: 'By', growth: 'leak' },
    process_fds: { match: ['process_open_fds', 'process_files_open_files'], unit: '{descriptor}', growth: 'leak' },
    process_cpu: { match: ['process_cpu_seconds_total'], kind: 'counter', unit: 's', growth: 'load' },
  },
);
