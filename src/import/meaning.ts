/** What the name of a column means: the words that exporters, /proc, runtimes and load tools use. */
import { PLAIN, type Scale, splitUnit } from './units.ts';

/** One series of the data: a column, a key, or the labels of a Prometheus series. */
export interface Field {
  /** As the user names it in options; unique. */
  readonly name: string;
  /** The metric without labels. */
  readonly metric: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Holds text only. */
  readonly isText: boolean;
  /** Cells carry their own unit (`512MB`): they come in bytes or seconds, or as shares. */
  readonly unit: 'By' | 's' | '1' | null;
}

/** What a user can say that a column is. */
export const KINDS = ['memory', 'count', 'latency', 'gauge', 'counter'] as const;
export type ColumnKind = (typeof KINDS)[number];

export interface Meaning {
  readonly kind: ColumnKind | 'load' | 'work' | 'restarts';
  readonly scale: Scale;
  /** Of what shows work: the name by which the proof of work finds it. */
  readonly alias?: string;
  /** Memory that counts more than the process holds. */
  readonly wide?: 'always' | 'beside private';
  /** Of a load: all so far, and not a rate. */
  readonly isTotal?: true;
  /** Of errors: a share or a rate, all so far, or a count of which the name does not say whether it is of a row or of all. */
  readonly errors?: 'level' | 'total' | 'unsaid';
}

/** Whole words, between anything but letters. */
const words = (text: string): RegExp => new RegExp(`(?:^|[^a-z])(?:${text})(?:$|[^a-z])`);

const COUNT = words(
  'fds?|open_files|file_?descriptors?|descriptors|handles?|threads?|goroutines|conns?|connections?|sockets?|tcp_\\w+|children|zombies|' +
    'processes|procs|pids|sessions|timers|listeners|objects|queued?|queue_?(?:length|depth|size)|pending|backlog|in_?flight|entries|clients|locks',
);
const DESCRIPTORS = words('fds?|open_files|file_?descriptors?|descriptors|handles?');
const CPU_TICKS = words('c?utime|c?stime');
const CPU_TIME = /cpu.*(?:seconds|time)/;
const CPU_SHARE = words('cpu|cpu_?(?:perc|percent|pct|usage|util|utilization)|pcpu|processor_time');
const SWITCHES = words('n?vcsw|context_?switches');
const DISK_IO = words('rchar|wchar|read_bytes|write_bytes|written_bytes');
/** Bytes that came and went; they are counted, not held, unless what holds them is named. */
const TRAFFIC = words('(?:net|network|block)_?io|rx|tx|recv|received?|sent|transmit(?:ted)?');
const HOLDS = words('bufs?|buffered|q|recvq|sendq|queues?|window');
const FAULTS = words('minflt|majflt|page_?faults');
const THREADS = words('threads?|goroutines');
const CONNECTIONS = words('conns?|connections?|sockets?|sessions|tcp_\\w+');
const HEAP = words('heap');
const LATENCY = words('latenc(?:y|ies)|durations?|response(?:_?time)?|rtt|delay|p\\d{2,3}|wait|pause');
const MEMORY = words(
  'rss|pss|uss|anon(?:ymous)?|heap|mem(?:ory)?|vsz|virt(?:ual)?|resident|private|working_?set|swap|arena|malloc|alloc(?:ated)?|metaspace|buffers?',
);
const PRIVATE = words('anon(?:ymous)?|private|uss');
/** Address space, pages of files, what others share, and limits. */
const NOT_HELD = words('vsz|virt(?:ual)?|vms|vmsize|vm_size|file|shmem|shared|max|limit');
const RESIDENT = words('rss|pss|resident|working_?set');
const RESTART = words('pid|restarts?|restart_?count|start_?time|container_?id|pod_?uid|boot_?id');
const RATE = words('rps|qps|tps|req(?:uests)?(?:_?per_?|[ _]?/)s(?:ec|econd)?|throughput|request_?rate');
const CUMULATIVE = /_(?:total|count|sum|bucket)$/;
const REQUESTS = words('requests?|reqs?');
/** All requests so far, as servers count them (`http_requests_total`, `http_server_requests_seconds_count`). */
const SERVED = /(?:^|_)requests?(?:_(?:served|handled|completed|duration|seconds|milliseconds))*_(?:total|count)$/;
/** What is told of requests and is none that the program has served. */
const NOT_SERVED =
  /drop|reject|throttl|limit|cancel|abort|time_?out|retr|shed|denied|queue|pending|client|upstream|outgoing|outbound|egress/;

const ERRORS = words('err(?:or)?s?|failures?|failed|5xx');
/** What is told of errors and is no count of them. */
const NOT_ERRORS = words('queue\\w*|backlog|pending|budget|latenc(?:y|ies)|durations?|page_?faults');
const ERROR_LEVEL = words('rate|ratio|share|percent|pct|per_?(?:s|sec|second|min|minute|h|hour)');
const ERROR_TOTAL = words('total|cumulative|so_?far');

/** What memory without a unit in its name is taken for. */
export const GUESSED: Scale = { unit: 'By', factor: 1, word: 'bytes (no unit is named)' };
const PERCENT: Scale = { unit: '1', factor: 0.01, word: '%' };
/** USER_HZ is 100 on every Linux that a program sees (`man 2 sysconf`, _SC_CLK_TCK). */
const TICKS: Scale = { unit: 's', factor: 0.01, word: 'clock ticks' };

/** `heapUsedMB` and `Heap used MB` are `heap_used_mb`. */
function plain(name: string): string {
  return name
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replaceAll(/(?<=[a-z0-9])[ -](?=[a-z0-9])/gi, '_')
    .toLowerCase();
}

const UNITS = { By: 'bytes', s: 's', 1: '%' } as const;

/** What its name says of a column; the first word that fits wins, so counters of bytes come before memory. */
export function meaningOf({ metric, unit }: Pick<Field, 'metric' | 'unit'>): Meaning {
  const scale = unit === null ? splitUnit(metric).scale : { unit, factor: 1, word: UNITS[unit] };
  const text = plain(metric);
  if (RESTART.test(text)) return { kind: 'restarts', scale: PLAIN };
  return errorsOf(text, scale) ?? workOf(text, scale) ?? levelOf(text, metric, scale);
}

/** Before connections and memory, because `connection_errors` and `alloc_failures` are none. */
function errorsOf(text: string, scale: Scale | null): Meaning | null {
  if (!isErrors(text)) return null;
  // `errors_per_s` is no time.
  if (ERROR_LEVEL.test(text) || scale?.unit === '1') return { kind: 'gauge', scale: scale?.unit === '1' ? scale : PLAIN, errors: 'level' };
  if (scale?.unit === 'By' || scale?.unit === 's') return null;
  if (ERROR_TOTAL.test(text)) return { kind: 'counter', scale: PLAIN, errors: 'total' };
  return { kind: 'gauge', scale: PLAIN, errors: 'unsaid' };
}

function isErrors(text: string): boolean {
  return ERRORS.test(text) && !NOT_ERRORS.test(text);
}

function workOf(text: string, scale: Scale | null): Meaning | null {
  if (CPU_TICKS.test(text)) return { kind: 'work', scale: TICKS, alias: 'cpu' };
  if (CPU_TIME.test(text) && scale?.unit === 's') return { kind: 'work', scale, alias: 'cpu' };
  if (CPU_SHARE.test(text) && scale?.unit !== 's') return { kind: 'work', scale: scale ?? PERCENT, alias: 'cpu' };
  if (SWITCHES.test(text)) return { kind: 'work', scale: PLAIN, alias: 'process.context_switches' };
  if (DISK_IO.test(text)) return { kind: 'work', scale: scale ?? GUESSED, alias: 'process.disk.io' };
  if (SERVED.test(text) && !NOT_SERVED.test(text)) return { kind: 'load', scale: PLAIN, isTotal: true };
  return RATE.test(text) ? { kind: 'load', scale: PLAIN } : null;
}

/** May be a load, and its name does not say of what time: of a row, of a second, or all so far. */
export function mayBeLoad({ metric }: Pick<Field, 'metric'>): boolean {
  return REQUESTS.test(plain(metric));
}

function levelOf(text: string, metric: string, scale: Scale | null): Meaning {
  if (FAULTS.test(text)) return { kind: 'counter', scale: PLAIN };
  if (COUNT.test(text) && (scale === null || scale === PLAIN)) return { kind: 'count', scale: PLAIN };
  if (CUMULATIVE.test(metric)) return { kind: 'counter', scale: scale ?? PLAIN };
  if (scale?.unit === 'By' && isTraffic(text)) return { kind: 'counter', scale };
  if (scale?.unit === 'By' || (scale === null && MEMORY.test(text))) return memory(text, scale ?? GUESSED);
  return { kind: LATENCY.test(text) ? 'latency' : 'gauge', scale: scale ?? PLAIN };
}

function isTraffic(text: string): boolean {
  return TRAFFIC.test(text) && ![MEMORY, COUNT, HOLDS].some((words) => words.test(text));
}

function memory(text: string, scale: Scale): Meaning {
  if (NOT_HELD.test(text)) return { kind: 'memory', scale, wide: 'always' };
  return RESIDENT.test(text) && !PRIVATE.test(text) ? { kind: 'memory', scale, wide: 'beside private' } : { kind: 'memory', scale };
}

/** Memory that the kernel counts in pages. */
export function isPaged({ metric }: Field): boolean {
  const text = plain(metric);
  return RESIDENT.test(text) || PRIVATE.test(text) || NOT_HELD.test(text);
}

/** Memory that is the process's own: where it is known, resident figures add only what is shared or of files. */
export function isPrivate({ metric }: Pick<Field, 'metric'>): boolean {
  const text = plain(metric);
  return PRIVATE.test(text) && !NOT_HELD.test(text);
}

/** Descriptors and handles, which every program has. */
export function isDescriptors({ metric }: Pick<Field, 'metric'>): boolean {
  return DESCRIPTORS.test(plain(metric));
}

/** What leaks when it grows, by its name: a heap is told from the memory around it. */
export function resourceOf({ metric }: Pick<Field, 'metric'>, kind: ColumnKind): string | undefined {
  const text = plain(metric);
  if (kind === 'memory') return HEAP.test(text) ? 'heap' : 'memory';
  if (kind === 'latency') return 'latency';
  if (kind !== 'count' && isErrors(text)) return 'errors';
  if (kind !== 'count') return undefined;
  return DESCRIPTORS.test(text) ? 'descriptors' : THREADS.test(text) ? 'threads' : CONNECTIONS.test(text) ? 'connections' : undefined;
}
