/**
 * Parsers of the control group files of Linux, versions 1 and 2, and the arithmetic of their paths. Pure: text in, figures out. What is
 * not exactly as documented is left out, so that an unreadable figure is absent and never zero.
 * Formats: kernel documentation, admin-guide/cgroup-v2.rst, admin-guide/cgroup-v1/{memory,cpuacct}.rst, accounting/psi.rst.
 */

export type Fields = ReadonlyMap<string, number>;

const DECIMAL = /^\d{1,20}$/;

function decimal(text: string | undefined): number | null {
  return text !== undefined && DECIMAL.test(text) ? Number(text) : null;
}

/** Flat keyed files: `memory.stat`, `cpu.stat`, `memory.events`, `memory.oom_control`, `cpuacct.stat`. */
export function parseFields(text: string): Fields {
  const fields = new Map<string, number>();
  for (const line of text.split('\n')) {
    const space = line.indexOf(' ');
    const number = space > 0 ? decimal(line.slice(space + 1)) : null;
    if (number !== null) fields.set(line.slice(0, space), number);
  }
  return fields;
}

/** Files with one number: `memory.current`, `pids.current`. Null when there is none. */
export function parseNumber(text: string): number | null {
  return decimal(text.trim());
}

/**
 * Version 1 has no word for "no limit": it is the largest page-aligned 63-bit number, which depends on the page size
 * (9223372036854771712 with 4 kB pages, 9223372036854710272 with 64 kB). No machine has 2^62 bytes.
 */
const NO_LIMIT_FROM = 2 ** 62;

/** `memory.max`, `memory.limit_in_bytes`, `pids.max`. Infinity is no limit, null is not a limit at all. */
export function parseLimit(text: string): number | null {
  if (text.trim() === 'max') return Infinity;
  const limit = parseNumber(text);
  return limit !== null && limit >= NO_LIMIT_FROM ? Infinity : limit;
}

/** `cpu.max` of version 2, `200000 100000` or `max 100000`: the quota in CPUs, Infinity for none. */
export function parseCpuMax(text: string): number | null {
  const [quota, period] = text.trim().split(' ');
  return quotaInCpus(quota === 'max' ? '-1' : quota, period);
}

/** `cpu.cfs_quota_us` (-1 is none) and `cpu.cfs_period_us` of version 1: the quota in CPUs, Infinity for none. */
export function quotaInCpus(quota: string | undefined, period: string | undefined): number | null {
  const us = decimal(period?.trim());
  if (us === null || us === 0) return null;
  if (quota?.trim() === '-1') return Infinity;
  const allowed = decimal(quota?.trim());
  return allowed === null ? null : allowed / us;
}

/** Pressure stall information: total stall time in seconds. `cpu.pressure` has no `full` line on older kernels. */
export function parsePressure(text: string): { readonly some: number | null; readonly full: number | null } {
  const total = (kind: string): number | null => {
    const us = decimal(new RegExp(`^${kind} .*\\btotal=(\\d+)$`, 'm').exec(text)?.[1]);
    return us === null ? null : us / 1e6;
  };
  return { some: total('some'), full: total('full') };
}

/** Bytes moved per block device, by `major:minor`. */
type DeviceBytes = ReadonlyMap<string, { readonly read: number; readonly written: number }>;

/**
 * `io.stat` of version 2: `8:0 rbytes=1 wbytes=2 rios=...`. Devices without figures are listed bare and are left out; an empty file is
 * a group that has done no I/O. Null when it is not such a file.
 */
export function parseIoStat(text: string): DeviceBytes | null {
  const devices = new Map<string, { read: number; written: number }>();
  for (const line of text.split('\n').filter(Boolean)) {
    if (!/^\d+:\d+( |$)/.test(line)) return null;
    const field = (name: string): number | null => decimal(new RegExp(` ${name}=(\\d+)( |$)`).exec(line)?.[1]);
    const [read, written] = [field('rbytes'), field('wbytes')];
    if (read !== null && written !== null) devices.set(line.split(' ', 1)[0]!, { read, written });
  }
  return devices;
}

/**
 * `blkio.throttle.io_service_bytes_recursive` of version 1: `8:0 Read 1`, `8:0 Write 2`, other operations, and `Total 3` at the end.
 * Null without any device: recent kernels count only where a throttling rule is set, and say `Total 0` of the others.
 */
export function parseServiceBytes(text: string): DeviceBytes | null {
  const devices = new Map<string, { read: number; written: number }>();
  for (const line of text.split('\n')) {
    const [, device, operation, bytes] = /^(\d+:\d+) (Read|Write) (\d{1,20})$/.exec(line) ?? [];
    if (!device) continue;
    const known = devices.get(device) ?? { read: 0, written: 0 };
    devices.set(device, operation === 'Read' ? { ...known, read: Number(bytes) } : { ...known, written: Number(bytes) });
  }
  return devices.size > 0 ? devices : null;
}

/** Which control groups a process is in: one path in the unified hierarchy, one per controller of version 1. */
export interface Membership {
  readonly unified: string | null;
  readonly controllers: ReadonlyMap<string, string>;
}

/** `/proc/PID/cgroup`: `0::/path` for version 2, `4:cpu,cpuacct:/path` for version 1. Paths may contain colons. */
export function parseMembership(text: string): Membership {
  let unified: string | null = null;
  const controllers = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, id, names, path] = /^(\d+):([^:]*):(\/.*)$/.exec(line) ?? [];
    if (id === undefined || names === undefined || path === undefined) continue;
    const living = path.replace(/ \(deleted\)$/, '');
    if (names === '') unified = id === '0' ? living : unified;
    else for (const name of names.split(',')) controllers.set(name, living);
  }
  return { unified, controllers };
}

/** One mounted hierarchy: what is mounted (`root`, a cgroup path) and where. */
export interface CgroupMount {
  readonly version: 1 | 2;
  /** Controllers of a version 1 hierarchy. */
  readonly controllers: readonly string[];
  readonly root: string;
  readonly point: string;
}

/** The cgroup mounts of `/proc/PID/mountinfo`, the widest view first. */
export function parseCgroupMounts(text: string): CgroupMount[] {
  const mounts: CgroupMount[] = [];
  for (const line of text.split('\n')) {
    const [left, right] = line.split(' - ', 2);
    const [, , , root, point] = left?.split(' ') ?? [];
    const [type, , options] = right?.split(' ') ?? [];
    if (!root?.startsWith('/') || !point?.startsWith('/') || (type !== 'cgroup' && type !== 'cgroup2')) continue;
    const version = type === 'cgroup2' ? 2 : 1;
    mounts.push({ version, controllers: version === 1 ? (options ?? '').split(',') : [], root: unescaped(root), point: unescaped(point) });
  }
  return mounts.toSorted((a, b) => a.root.length - b.root.length);
}

/** The kernel writes space, tab, newline and backslash in mount paths as three octal digits. */
function unescaped(path: string): string {
  return path.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

/**
 * The path of a cgroup below the root of a mount: `''` for the root itself, `/a/b` below it, null outside. Both come from the kernel
 * relative to the reader's own cgroup namespace, so that what lies outside begins with `/..` and compares as text.
 */
export function below(path: string, root: string): string | null {
  const base = root === '/' ? '' : root;
  if (path === root) return '';
  if (!path.startsWith(`${base}/`)) return null;
  const rest = path.slice(base.length);
  return rest === '/' ? '' : rest.split('/').includes('..') ? null : rest;
}

/** The deepest path that holds all of them; `/` when they share nothing. */
export function commonPath(paths: readonly string[]): string {
  const split = paths.map((path) => path.split('/').filter(Boolean));
  const [first = []] = split;
  let length = 0;
  while (length < first.length && split.every((parts) => parts[length] === first[length])) length++;
  return `/${first.slice(0, length).join('/')}`;
}

/** `cgroup.procs`: process ids as the reader's pid namespace knows them; 0 stands for one that it does not know. */
export function parseProcs(text: string): number[] {
  return text.split('\n').flatMap((line) => decimal(line) ?? []);
}
