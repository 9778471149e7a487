/**
 * The machine that the targets run on, and every file system that they or the agent write to. On Linux from /proc, without any child
 * process; elsewhere, or when asked for, by `host-portable.ts`.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { errno, messageOf } from '../problem.ts';
import { parseFields, parsePressure } from './cgroupfs.ts';
import { HostCpu } from './host-cpu.ts';
import { Disks, Interfaces } from './host-devices.ts';
import { KeptFile } from './host-file.ts';
import { type HostSet, hostSet, isKnown, METRICS, RESOURCES } from './host-metrics.ts';
import { WrittenFileSystems } from './host-mounts.ts';
import { portableHostSource } from './host-portable.ts';
import { Space } from './host-space.ts';
import { parseDiskstats, parseLoad, parseMeminfo, parseNetDev, parseStat } from './hostfs.ts';
import { blindSpots, type Sink, type Source, type SourceContext } from './source.ts';

export { METRICS };

const PERIOD_S = 5;

/** Space is told at every third read: the mount table and another thread that asks for it take as much as all the rest. */
const SPACE_READS = 3;

/** Reads between two looks at what the targets write to: a minute. After a restart of one it is the next time that space is told. */
const LOOK_READS = 12;

/** @param out the folder that the agent writes its records to */
export function hostSource(ctx: SourceContext, out: string, options: { readonly portable?: boolean } = {}): Source {
  return options.portable || !existsSync(join(ctx.roots.proc, 'stat')) ? portableHostSource(ctx, out) : new ProcHost(ctx, out);
}

/** One file of /proc and what is made of it. */
interface Part {
  readonly file: KeptFile;
  /** What is blind without it. */
  readonly metric: string;
  readonly report: (set: HostSet, text: string) => void;
}

class ProcHost implements Source {
  readonly name = 'host';
  readonly period = PERIOD_S;
  readonly #ctx: SourceContext;
  readonly #parts: readonly Part[];
  readonly #blind = blindSpots();
  readonly #space = new Space(this.#blind);
  readonly #written: WrittenFileSystems;
  #reads = 0;
  #version = -1;

  constructor(ctx: SourceContext, out: string) {
    this.#ctx = ctx;
    this.#parts = parts(ctx.roots);
    this.#written = new WrittenFileSystems(ctx, out, this.#blind);
  }

  open(): void {}

  async read(sink: Sink, signal: AbortSignal): Promise<void> {
    const set = hostSet(this.#ctx.series, sink, PERIOD_S);
    for (const part of this.#parts) this.#part(part, set, sink);
    const reads = this.#reads++;
    if (reads % SPACE_READS !== 0) return;
    this.#look(sink, reads % LOOK_READS === 0);
    const setSpace = hostSet(this.#ctx.series, sink, PERIOD_S * SPACE_READS);
    await this.#space.report(setSpace, this.#written.all(), sink, signal);
  }

  close(): void {
    for (const { file } of this.#parts) file.close();
  }

  #part({ file, metric, report }: Part, set: HostSet, sink: Sink): void {
    let told = false;
    try {
      report((def, value, ...labels) => {
        told ||= isKnown(value);
        set(def, value, ...labels);
      }, file.read());
      if (!told) this.#blind(sink, metric, `${file.path} says nothing that is understood`);
    } catch (error) {
      this.#blind(sink, metric, reasonOf(error, file.path));
    }
  }

  #look(sink: Sink, isDue: boolean): void {
    const { version } = this.#ctx.targets;
    if (!isDue && version === this.#version) return this.#written.refresh(sink);
    this.#version = version;
    this.#written.look(sink);
  }
}

function parts({ proc, sys }: SourceContext['roots']): Part[] {
  const cpu = new HostCpu();
  const disks = new Disks(sys);
  const interfaces = new Interfaces(sys);
  const part = (path: string, metric: { readonly name: string }, report: Part['report']): Part => ({
    file: new KeptFile(join(proc, path)),
    metric: metric.name,
    report,
  });
  return [
    part('stat', METRICS.cpuTime, (set, text) => reportStat(set, cpu, text)),
    part('loadavg', METRICS.load, (set, text) => set(METRICS.load, parseLoad(text))),
    part('meminfo', METRICS.memoryUsage, (set, text) => reportMemory(set, parseMeminfo(text))),
    part('vmstat', METRICS.swapOperations, (set, text) => reportPaging(set, parseFields(pagingLines(text)))),
    part('diskstats', METRICS.diskIo, (set, text) => disks.report(set, parseDiskstats(text))),
    part('net/dev', METRICS.networkIo, (set, text) => interfaces.report(set, parseNetDev(text))),
    ...RESOURCES.map((resource) => part(`pressure/${resource}`, METRICS.pressure, (set, text) => reportPressure(set, resource, text))),
  ];
}

function reportStat(set: HostSet, cpu: HostCpu, text: string): void {
  const stat = parseStat(text);
  if (stat.times) cpu.report(set, stat.times);
  set(METRICS.cpuCount, stat.cpus);
  set(METRICS.processes, stat.created);
}

/** As free(1) reckons: what can be given back at once counts as cached. Absent unless all parts are there: `used` is what they leave. */
function reportMemory(set: HostSet, memory: ReadonlyMap<string, number>): void {
  const at = (name: string): number => memory.get(name) ?? NaN;
  const cached = at('Cached') + at('SReclaimable');
  set(METRICS.memoryLimit, at('MemTotal'));
  set(METRICS.memoryAvailable, at('MemAvailable'));
  set(METRICS.memoryTaken, 1 - at('MemAvailable') / at('MemTotal'));
  set(METRICS.memoryShared, at('Shmem'));
  set(METRICS.memoryUsage, at('MemFree'), { 'system.memory.state': 'free' });
  set(METRICS.memoryUsage, at('Buffers'), { 'system.memory.state': 'buffers' });
  set(METRICS.memoryUsage, cached, { 'system.memory.state': 'cached' });
  set(METRICS.memoryUsage, at('MemTotal') - at('MemFree') - at('Buffers') - cached, { 'system.memory.state': 'used' });
  set(METRICS.swapUsage, at('SwapTotal') - at('SwapFree'), { 'system.paging.state': 'used' });
  set(METRICS.swapUsage, at('SwapFree'), { 'system.paging.state': 'free' });
}

/** Three of some 190 lines, which take 0.04 ms to take apart. */
function pagingLines(text: string): string {
  return text.match(/^(?:pswpin|pswpout|oom_kill) .*$/gm)?.join('\n') ?? '';
}

function reportPaging(set: HostSet, vmstat: ReadonlyMap<string, number>): void {
  set(METRICS.swapOperations, vmstat.get('pswpin'), { 'system.paging.direction': 'in' });
  set(METRICS.swapOperations, vmstat.get('pswpout'), { 'system.paging.direction': 'out' });
  set(METRICS.oomKills, vmstat.get('oom_kill'));
}

function reportPressure(set: HostSet, resource: (typeof RESOURCES)[number], text: string): void {
  const { some, full } = parsePressure(text);
  set(METRICS.pressure, some, { 'soak.resource': resource, 'soak.pressure': 'some' });
  // For the CPUs of a whole machine `full` has no meaning, and the kernel writes 0 (accounting/psi.rst): that is not a measurement.
  if (resource !== 'cpu') set(METRICS.pressure, full, { 'soak.resource': resource, 'soak.pressure': 'full' });
}

/** The error tells its own path where it has one: disks also need /sys/block. */
function reasonOf(error: unknown, file: string): string {
  const code = errno(error);
  const path = (error as NodeJS.ErrnoException).path ?? file;
  if (code === 'ENOENT') return `this system has no ${path}`;
  if (code === 'EACCES' || code === 'EPERM') return `${path} may not be read by this user`;
  if (code === 'EOPNOTSUPP') return `${path} is switched off in this kernel`;
  return `${path}: ${code ?? messageOf(error)}`;
}
