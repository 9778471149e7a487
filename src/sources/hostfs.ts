/**
 * Parsers of the machine's files under /proc. Pure: text in, figures out. A line that is not exactly as documented is left out, so that
 * an unreadable figure is absent and never zero.
 * Formats: proc(5); kernel documentation, admin-guide/iostats.rst and filesystems/proc.rst.
 */
import { CPU_MODES, type CpuMode } from './host-metrics.ts';
import { TICKS_PER_S } from './procfs.ts';

/** 64 bits have 20 digits. Numbers are exact up to 2^53: 9 PB of a byte counter. */
const DECIMAL = /^\d{1,20}$/;

function decimal(text: string | undefined): number | null {
  return text !== undefined && DECIMAL.test(text) ? Number(text) : null;
}

/** A line without its end is the part of one that a truncated read has left. */
function linesOf(text: string): string[] {
  return text.slice(0, text.lastIndexOf('\n') + 1).split('\n');
}

function words(line: string): string[] {
  return line.trim().split(/\s+/);
}

export type CpuTimes = Readonly<Partial<Record<CpuMode, number>>>;

export interface ProcStat {
  /** Seconds of all CPUs since boot. Null when the line is not whole. */
  readonly times: CpuTimes | null;
  /** CPUs online. Null unless the whole list is there. */
  readonly cpus: number | null;
  /** Processes and threads created since boot. */
  readonly created: number | null;
}

/** /proc/stat. `guest` and `guest_nice` (fields 9, 10) are part of user and nice already. */
export function parseStat(text: string): ProcStat {
  const lines = linesOf(text);
  const cpu = lines.find((line) => line.startsWith('cpu '));
  const cpus = lines.findIndex((line) => !/^cpu[ \d]/.test(line)) - 1;
  const created = lines.find((line) => line.startsWith('processes '));
  return {
    times: cpu === undefined ? null : cpuTimes(words(cpu).slice(1)),
    cpus: cpus > 0 && lines[cpus + 1] !== '' ? cpus : null,
    created: created === undefined ? null : decimal(words(created)[1]),
  };
}

/** In the order of the kernel: user nice system idle iowait irq softirq steal. */
function cpuTimes(fields: readonly string[]): CpuTimes | null {
  const ticks = fields.slice(0, 8).map(decimal);
  if (ticks.length < 8 || ticks.includes(null)) return null;
  const [user, nice, system, idle, iowait, irq, softirq, steal] = ticks as number[];
  const seconds = [user, nice, system, idle, iowait, irq! + softirq!, steal].map((t) => t! / TICKS_PER_S);
  return Object.fromEntries(CPU_MODES.map((mode, i) => [mode, seconds[i]!]));
}

/** /proc/meminfo: bytes by name, `MemTotal: 24684096 kB`. Counts of huge pages, which have no unit, are left out. */
export function parseMeminfo(text: string): ReadonlyMap<string, number> {
  const bytes = new Map<string, number>();
  for (const line of linesOf(text)) {
    const [, name, kb] = /^([^\s:]+):\s+(\d{1,17}) kB$/.exec(line) ?? [];
    if (name !== undefined) bytes.set(name, Number(kb) * 1024);
  }
  return bytes;
}

/** /proc/loadavg: the mean over one minute. */
export function parseLoad(text: string): number | null {
  const load = /^(\d{1,9}\.\d\d) \d+\.\d\d \d+\.\d\d /.exec(text)?.[1];
  return load === undefined ? null : Number(load);
}

export interface Direction {
  readonly bytes: number;
  readonly operations: number;
  /** Seconds; the kernel counts milliseconds in 32 bits. */
  readonly time: number;
}

export interface DiskFigures {
  readonly read: Direction;
  readonly write: Direction;
  /** Seconds in which the device was busy. */
  readonly busy: number;
}

/** Sectors of diskstats are 512 bytes whatever the device's own are. */
const SECTOR = 512;

/** /proc/diskstats, by device name; partitions and virtual devices are listed like disks. Old kernels give 11 figures, new ones 17. */
export function parseDiskstats(text: string): ReadonlyMap<string, DiskFigures> {
  const disks = new Map<string, DiskFigures>();
  for (const line of linesOf(text)) {
    const [major, minor, name, ...rest] = words(line);
    const figures = rest.map(decimal);
    if (decimal(major) === null || decimal(minor) === null || name === undefined || figures.length < 11 || figures.includes(null)) continue;
    const at = (field: number): number => figures[field]!;
    const direction = (from: number): Direction => ({
      operations: at(from),
      bytes: at(from + 2) * SECTOR,
      time: at(from + 3) / 1000,
    });
    disks.set(name, { read: direction(0), write: direction(4), busy: at(9) / 1000 });
  }
  return disks;
}

export interface InterfaceFigures {
  readonly receive: PacketFigures;
  readonly transmit: PacketFigures;
}

interface PacketFigures {
  readonly bytes: number;
  readonly errors: number;
  readonly dropped: number;
}

/** /proc/net/dev, by interface: 8 figures received, 8 transmitted. Old kernels leave no space after the colon. */
export function parseNetDev(text: string): ReadonlyMap<string, InterfaceFigures> {
  const interfaces = new Map<string, InterfaceFigures>();
  for (const line of linesOf(text)) {
    const colon = line.lastIndexOf(':');
    const figures = words(line.slice(colon + 1)).map(decimal);
    const name = line.slice(0, Math.max(0, colon)).trim();
    if (name === '' || figures.length < 16 || figures.includes(null)) continue;
    const direction = (from: number): PacketFigures => ({
      bytes: figures[from]!,
      errors: figures[from + 2]!,
      dropped: figures[from + 3]!,
    });
    interfaces.set(name, { receive: direction(0), transmit: direction(8) });
  }
  return interfaces;
}

export interface Mount {
  readonly id: number;
  /** `major:minor`: the same file system has the same, in every mount namespace. */
  readonly device: string;
  readonly point: string;
  readonly type: string;
  readonly writable: boolean;
}

/** /proc/PID/mountinfo, in the order of the mount table: a later mount hides an earlier one at the same point. */
export function parseMountinfo(text: string): Mount[] {
  const mounts: Mount[] = [];
  for (const line of linesOf(text)) {
    const fields = line.split(' ');
    const dash = fields.indexOf('-', 6);
    const [id, , device, , point, options] = fields;
    const [type, , superOptions] = dash < 0 ? [] : fields.slice(dash + 1);
    const number = decimal(id);
    if (number === null || !device || !/^\d+:\d+$/.test(device) || !point?.startsWith('/') || !type) continue;
    const writable = isWritable(options) && isWritable(superOptions);
    mounts.push({ id: number, device, point: unescaped(point), type, writable });
  }
  return mounts;
}

function isWritable(options: string | undefined): boolean {
  return options?.split(',').includes('ro') !== true;
}

/** Space, tab, newline, backslash and `#` are written as three octal digits. */
function unescaped(text: string): string {
  return text.replaceAll(/\\([0-3][0-7]{2})/g, (_, octal: string) => String.fromCodePoint(Number.parseInt(octal, 8)));
}

/** The mount that an absolute path lies on: the longest point above it, the latest of equals. */
export function mountOf(mounts: readonly Mount[], path: string): Mount | null {
  let found: Mount | null = null;
  for (const mount of mounts) {
    const above = mount.point === '/' || path === mount.point || path.startsWith(`${mount.point}/`);
    if (above && mount.point.length >= (found?.point.length ?? 0)) found = mount;
  }
  return found;
}

/** /proc/PID/fdinfo/FD: whether the descriptor is open for writing, and the mount it is on. `flags` are open(2)'s, in octal. */
export function parseFdinfo(text: string): { readonly writes: boolean; readonly mount: number | null } | null {
  const flags = /^flags:\s+([0-7]{1,12})\n/m.exec(text)?.[1];
  if (flags === undefined) return null;
  const mode = Number.parseInt(flags.slice(-1), 8) & 0b11; // O_RDONLY 0, O_WRONLY 1, O_RDWR 2
  return { writes: mode === 1 || mode === 2, mount: decimal(/^mnt_id:\s+(\d+)\n/m.exec(text)?.[1]) };
}
