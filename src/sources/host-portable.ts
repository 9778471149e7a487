/**
 * The machine where there is no /proc: Node's own figures, and systeminformation for the rest. It starts a dozen child processes per
 * read on some systems, so it reads rarely. What a library fills with zeros when it does not know is left out here.
 */
import { statSync } from 'node:fs';
import { cpus, loadavg, networkInterfaces } from 'node:os';
import { resolve } from 'node:path';
import type { default as SystemInformation } from 'systeminformation';
import { messageOf } from '../problem.ts';
import { HostCpu } from './host-cpu.ts';
import { reportInterface } from './host-devices.ts';
import { DEVICES_MAX, type HostSet, hostSet, METRICS } from './host-metrics.ts';
import { existing, type FileSystem } from './host-mounts.ts';
import { Space } from './host-space.ts';
import type { CpuTimes } from './hostfs.ts';
import { blindSpots, type Sink, type Source, type SourceContext } from './source.ts';

const PERIOD_S = 30;

/** The label of figures that are told for all disks together. */
const ALL = 'all';

export function portableHostSource(ctx: SourceContext, out: string): Source {
  return new PortableHost(ctx, resolve(out));
}

class PortableHost implements Source {
  readonly name = 'host';
  readonly period = PERIOD_S;
  readonly #ctx: SourceContext;
  readonly #out: string;
  readonly #cpu = new HostCpu();
  readonly #blind = blindSpots();
  readonly #space = new Space(this.#blind);
  #si: typeof SystemInformation | null = null;
  #fileSystem: FileSystem | null = null;

  constructor(ctx: SourceContext, out: string) {
    this.#ctx = ctx;
    this.#out = out;
  }

  async open(sink: Sink): Promise<void> {
    const { default: si } = await import('systeminformation'); // of CommonJS: its names are not there in the bundle
    this.#si = si;
    this.#blind(sink, METRICS.pressure.name, 'only Linux tells it, in /proc');
    const reason = 'what they write to is only told by /proc';
    for (const { role } of this.#ctx.targets.all()) this.#blind(sink, METRICS.fileSystemUsage.name, reason, { target: role });
  }

  async read(sink: Sink, signal: AbortSignal): Promise<void> {
    const si = this.#si!;
    const set = hostSet(this.#ctx.series, sink, PERIOD_S);
    this.#reportCpu(set);
    this.#fileSystem ??= await fileSystemOf(si, existing(this.#out));
    await this.#space.report(set, [this.#fileSystem], sink, signal);
    const parts: [metric: string, report: () => Promise<void>][] = [
      [METRICS.memoryUsage.name, async () => reportMemory(set, await si.mem())],
      [METRICS.diskIo.name, async () => reportDiskBytes(set, await si.fsStats())],
      [METRICS.diskOperations.name, async () => reportDiskOperations(set, await si.disksIO())],
      [METRICS.networkIo.name, () => reportInterfaces(set, si)],
    ];
    for (const [metric, report] of parts) {
      if (signal.aborted) return;
      await report().catch((error: unknown) => this.#blind(sink, metric, messageOf(error)));
    }
  }

  close(): void {
    this.#si = null;
  }

  #reportCpu(set: HostSet): void {
    const all = cpus();
    if (all.length > 0) this.#cpu.report(set, sumOf(all.map((cpu) => cpu.times)));
    set(METRICS.cpuCount, all.length || null);
    // Windows has no load average; Node gives zeros there.
    if (process.platform !== 'win32') set(METRICS.load, loadavg()[0]);
  }
}

type NodeTimes = ReturnType<typeof cpus>[number]['times'];

/** Node gives milliseconds, and 0 for nice and irq on systems that do not count them. */
function sumOf(all: readonly NodeTimes[]): CpuTimes {
  const seconds = (mode: keyof NodeTimes): number => all.reduce((sum, times) => sum + times[mode], 0) / 1000;
  const [nice, irq] = [seconds('nice'), seconds('irq')];
  return {
    user: seconds('user'),
    system: seconds('sys'),
    idle: seconds('idle'),
    ...(nice > 0 ? { nice } : {}),
    ...(irq > 0 ? { interrupt: irq } : {}),
  };
}

function reportMemory(
  set: HostSet,
  { total, free, available, buffcache, swaptotal, swapused, swapfree }: SystemInformation.Systeminformation.MemData,
): void {
  if (!(total > 0)) throw new Error('systeminformation tells no memory');
  set(METRICS.memoryLimit, total);
  set(METRICS.memoryAvailable, available);
  set(METRICS.memoryTaken, 1 - available / total);
  set(METRICS.memoryUsage, free, { 'system.memory.state': 'free' });
  set(METRICS.memoryUsage, total - free - buffcache, { 'system.memory.state': 'used' });
  if (buffcache > 0) set(METRICS.memoryUsage, buffcache, { 'system.memory.state': 'cached' });
  if (!(swaptotal > 0)) return; // none, or not known: both are 0
  set(METRICS.swapUsage, swapused, { 'system.paging.state': 'used' });
  set(METRICS.swapUsage, swapfree, { 'system.paging.state': 'free' });
}

const READ = { 'system.device.name': ALL, 'disk.io.direction': 'read' } as const;
const WRITE = { 'system.device.name': ALL, 'disk.io.direction': 'write' } as const;

function reportDiskBytes(set: HostSet, stats: SystemInformation.Systeminformation.FsStatsData | null): void {
  if (stats === null || !(stats.rx + stats.wx > 0)) throw new Error('systeminformation tells no bytes here');
  set(METRICS.diskIo, stats.rx, READ);
  set(METRICS.diskIo, stats.wx, WRITE);
}

function reportDiskOperations(set: HostSet, stats: SystemInformation.Systeminformation.DisksIoData | null): void {
  if (stats === null || !(stats.rIO + stats.wIO > 0)) throw new Error('systeminformation tells no operations here');
  set(METRICS.diskOperations, stats.rIO, READ);
  set(METRICS.diskOperations, stats.wIO, WRITE);
  if (!(stats.rWaitTime + stats.wWaitTime > 0)) return;
  set(METRICS.diskOperationTime, stats.rWaitTime / 1000, READ);
  set(METRICS.diskOperationTime, stats.wWaitTime / 1000, WRITE);
}

/** Interfaces with an address that leads out of the machine. */
async function reportInterfaces(set: HostSet, si: typeof SystemInformation): Promise<void> {
  const names = Object.entries(networkInterfaces()).flatMap(([name, list]) => (list?.some((a) => !a.internal) ? [name] : []));
  const all = names.length === 0 ? [] : await si.networkStats(names.slice(0, DEVICES_MAX).join(','));
  const known = all.filter((one) => one.rx_bytes + one.tx_bytes > 0);
  if (known.length === 0) throw new Error('systeminformation tells no interface with traffic');
  for (const { iface, rx_bytes, rx_errors, rx_dropped, tx_bytes, tx_errors, tx_dropped } of known) {
    reportInterface(set, iface, 'receive', { bytes: rx_bytes, errors: rx_errors, dropped: rx_dropped });
    reportInterface(set, iface, 'transmit', { bytes: tx_bytes, errors: tx_errors, dropped: tx_dropped });
  }
}

/** The library leaves out some kinds of file system (tmpfs), so a mount must be on the same device as the folder to name it. */
async function fileSystemOf(si: typeof SystemInformation, out: string): Promise<FileSystem> {
  const device = deviceOf(out);
  const mounts = await si.fsSize().catch(() => []);
  const mount = mounts.find(
    (one) => device !== null && out.toLowerCase().startsWith(one.mount.toLowerCase()) && deviceOf(one.mount) === device,
  );
  return { label: mount?.mount ?? out, device: null, path: out, remote: false };
}

function deviceOf(path: string): number | null {
  return statSync(path, { throwIfNoEntry: false })?.dev ?? null;
}
