/** The figures of one control group, version 1 or 2, in one shape. A figure that the kernel does not give here is null. */
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Place, readText } from './cgroup-place.ts';
import {
  type Fields,
  parseCpuMax,
  parseFields,
  parseIoStat,
  parseLimit,
  parseNumber,
  parsePressure,
  parseServiceBytes,
  quotaInCpus,
} from './cgroupfs.ts';

type Figure = number | null;

/**
 * Kinds do not overlap: file is without shmem. Version 1 does not break its kernel memory down, so `kernel` is all of it there,
 * and the kinds from slab_reclaimable on exist in version 2 only.
 */
export const MEMORY_KINDS = [
  'anon',
  'file',
  'shmem',
  'swap',
  'sock',
  'kernel',
  'slab_reclaimable',
  'slab_unreclaimable',
  'kernel_stack',
  'page_tables',
] as const;

type MemoryKind = (typeof MEMORY_KINDS)[number];

export const MEMORY_EVENTS = ['high', 'max', 'oom', 'oom_kill'] as const;

export interface MemoryFigures {
  /** What the limit is compared with; holds page cache that the kernel would give back. */
  readonly usage: Figure;
  /** Usage without inactive file pages, as kubelet and `kubectl top` count it. */
  readonly workingSet: Figure;
  readonly kinds: Readonly<Partial<Record<MemoryKind, Figure>>>;
  /** The smallest limit on the way up; Infinity for none. */
  readonly limit: Figure;
  readonly events: Readonly<Record<(typeof MEMORY_EVENTS)[number], Figure>>;
}

export function memoryFigures(place: Place): MemoryFigures {
  return place.version === 2 ? memory2(place) : memory1(place);
}

function memory2(place: Place): MemoryFigures {
  const stat = fields(place, 'memory.stat');
  const usage = number(place, 'memory.current');
  const kinds = {
    anon: get(stat, 'anon'),
    file: minus(get(stat, 'file'), get(stat, 'shmem')),
    shmem: get(stat, 'shmem'),
    swap: number(place, 'memory.swap.current'),
    sock: get(stat, 'sock'),
    slab_reclaimable: get(stat, 'slab_reclaimable'),
    slab_unreclaimable: get(stat, 'slab_unreclaimable'),
    kernel_stack: get(stat, 'kernel_stack'),
    page_tables: get(stat, 'pagetables'),
  };
  const events = fields(place, 'memory.events');
  return {
    usage,
    workingSet: minus(usage, get(stat, 'inactive_file')),
    kinds,
    limit: smallest(place, (dir) => limit(dir, 'memory.max')),
    events: { high: get(events, 'high'), max: get(events, 'max'), oom: get(events, 'oom'), oom_kill: get(events, 'oom_kill') },
  };
}

/** The `total_` fields include the groups below; the plain ones are what is charged to the group itself. */
function memory1(place: Place): MemoryFigures {
  const stat = fields(place, 'memory.stat');
  const usage = number(place, 'memory.usage_in_bytes');
  const kinds = {
    anon: get(stat, 'total_rss'),
    file: minus(get(stat, 'total_cache'), get(stat, 'total_shmem')),
    shmem: get(stat, 'total_shmem'),
    swap: get(stat, 'total_swap'),
    sock: number(place, 'memory.kmem.tcp.usage_in_bytes'),
    kernel: number(place, 'memory.kmem.usage_in_bytes'),
  };
  // The kernel knows the limits above what is mounted here.
  const above = parseLimit(String(stat.get('hierarchical_memory_limit') ?? ''));
  const events = fields(place, 'memory.oom_control');
  return {
    usage,
    workingSet: minus(usage, get(stat, 'total_inactive_file')),
    kinds,
    limit: least([smallest(place, (dir) => limit(dir, 'memory.limit_in_bytes')), above]),
    events: { high: null, max: number(place, 'memory.failcnt'), oom: null, oom_kill: get(events, 'oom_kill') },
  };
}

/** Processes killed in this group by the kernel for want of memory, or null. */
export function oomKills(version: 1 | 2, dir: string): Figure {
  const text = readText(join(dir, version === 2 ? 'memory.events' : 'memory.oom_control'));
  return text === null ? null : get(parseFields(text), 'oom_kill');
}

/** CPU seconds used by all processes that are or were in the group. */
export function cpuTime(place: Place): { readonly user: Figure; readonly system: Figure } {
  const [stat, unit] = place.version === 2 ? [fields(place, 'cpu.stat'), USEC] : [fields(place, 'cpuacct.stat'), TICK];
  const [user, system] = place.version === 2 ? ['user_usec', 'system_usec'] : ['user', 'system'];
  return { user: times(get(stat, user), unit), system: times(get(stat, system), unit) };
}

const USEC = 1e-6;
const NSEC = 1e-9;
/** USER_HZ, in which Linux reports CPU time to programs whatever its own tick is. */
const TICK = 1 / 100;

/** What the CPU quota did to the group itself; quotas of the groups above count there. */
export function throttling(place: Place): { readonly periods: Figure; readonly seconds: Figure; readonly cpus: Figure } {
  const stat = fields(place, 'cpu.stat');
  const seconds = place.version === 2 ? times(get(stat, 'throttled_usec'), USEC) : times(get(stat, 'throttled_time'), NSEC);
  return { periods: get(stat, 'nr_throttled'), seconds, cpus: smallest(place, place.version === 2 ? quota2 : quota1) };
}

function quota2(dir: string): Figure {
  return parseCpuMax(readText(join(dir, 'cpu.max')) ?? '');
}

function quota1(dir: string): Figure {
  return quotaInCpus(readText(join(dir, 'cpu.cfs_quota_us')) ?? '', readText(join(dir, 'cpu.cfs_period_us')) ?? '');
}

/** Tasks in the group: processes and threads alike count against the limit. */
export function tasks(place: Place): { readonly current: Figure; readonly limit: Figure } {
  return { current: number(place, 'pids.current'), limit: smallest(place, (dir) => limit(dir, 'pids.max')) };
}

export const PRESSURES = ['cpu', 'memory', 'io'] as const;

/** Seconds in which some, or all, of the group's tasks waited for the resource. */
export function pressure(place: Place, resource: (typeof PRESSURES)[number]): { readonly some: Figure; readonly full: Figure } {
  return parsePressure(readText(join(place.dir, `${resource}.pressure`)) ?? '');
}

/** Bytes read from and written to block devices. A device on top of others (LVM, RAID, encryption) would count the same bytes twice. */
export function blockIo(place: Place, sys: string): { readonly read: Figure; readonly written: Figure } {
  const text = readText(join(place.dir, place.version === 2 ? 'io.stat' : 'blkio.throttle.io_service_bytes_recursive'));
  const devices = text === null ? null : place.version === 2 ? parseIoStat(text) : parseServiceBytes(text);
  if (devices === null) return { read: null, written: null };
  const total = { read: 0, written: 0 };
  for (const [device, bytes] of devices) {
    if (isStacked(sys, device)) continue;
    total.read += bytes.read;
    total.written += bytes.written;
  }
  return total;
}

function isStacked(sys: string, device: string): boolean {
  const slaves = join(sys, 'dev', 'block', device, 'slaves');
  try {
    return existsSync(slaves) && readdirSync(slaves).length > 0;
  } catch {
    return false;
  }
}

function fields(place: Place, name: string): Fields {
  return parseFields(readText(join(place.dir, name)) ?? '');
}

function number(place: Place, name: string): Figure {
  return parseNumber(readText(join(place.dir, name)) ?? '');
}

function limit(dir: string, name: string): Figure {
  return parseLimit(readText(join(dir, name)) ?? '');
}

/** The least of a figure of the group and of those above it, as far up as can be seen. Root groups have no limit files. */
function smallest(place: Place, of: (dir: string) => Figure): Figure {
  const found: Figure[] = [];
  for (let dir = place.dir; ; dir = dirname(dir)) {
    found.push(of(dir));
    if (dir === place.top || dir === dirname(dir)) return least(found);
  }
}

function least(figures: readonly Figure[]): Figure {
  const known = figures.filter((figure) => figure !== null);
  return known.length > 0 ? Math.min(...known) : null;
}

function get(stat: Fields, name: string): Figure {
  return stat.get(name) ?? null;
}

function times(figure: Figure, unit: number): Figure {
  return figure === null ? null : figure * unit;
}

/** Two counters of the kernel are not read at one instant: a small difference below zero is none. */
function minus(a: Figure, b: Figure): Figure {
  return a === null || b === null ? null : Math.max(0, a - b);
}
