/**
 * The processes of the targets on Linux: CPU, memory, descriptors, threads, children, faults and I/O, read from /proc in the agent's
 * own thread. What a figure means is in `process-metrics.ts`, which series it goes to in `process-signals.ts`.
 */
import { METRICS } from './process-metrics.ts';
import { Role } from './process-role.ts';
import type { Setting } from './process-sampled.ts';
import { signals } from './process-signals.ts';
import { DescriptorBudget, kernelCountsDescriptors, KeptProcFile, mayHaveSwap, pageSize } from './proc-reader.ts';
import { parseUptime } from './procfs.ts';
import type { Sink, Source, SourceContext } from './source.ts';

export { METRICS };

/** Seconds between two reads of what changes slowly. */
const DETAILS_S = 10;

export interface ProcessOptions {
  /** Seconds between two reads. */
  readonly period: number;
  /** Count open descriptors of deleted files: it lists them all, some 2 us each. */
  readonly deletedDescriptors?: boolean;
  /** Descriptors that may be kept open; half of what this process may open unless given. */
  readonly descriptorsKept?: number;
}

export function processSource(ctx: SourceContext, options: ProcessOptions): Source {
  return new ProcessSource(ctx, options);
}

class ProcessSource implements Source {
  readonly name = 'process';
  readonly period: number;
  readonly #ctx: SourceContext;
  readonly #setting: Setting;
  readonly #uptime: KeptProcFile;
  readonly #swaps: KeptProcFile;
  #roles: Role[] = [];
  #version = -1;
  #tick = 0;

  constructor(ctx: SourceContext, options: ProcessOptions) {
    this.#ctx = ctx;
    this.period = options.period;
    this.#setting = settingOf(ctx, options);
    this.#uptime = new KeptProcFile(`${ctx.roots.proc}/uptime`);
    this.#swaps = new KeptProcFile(`${ctx.roots.proc}/swaps`);
  }

  open(): void {
    this.#roles = this.#ctx.targets.all().map((target) => new Role(this.#setting, target, this.#ctx.targets));
  }

  read(sink: Sink): void {
    const { targets } = this.#ctx;
    if (targets.version !== this.#version) for (const role of this.#roles) role.sync();
    this.#version = targets.version;
    const page = mayHaveSwap(this.#swaps) ? NaN : this.#setting.page;
    let uptime: number | null = null;
    const round = { tick: this.#tick, uptime: () => (uptime ??= uptimeOf(this.#uptime)), page };
    let failure: unknown = null;
    for (const role of this.#roles) {
      try {
        role.read(sink, round);
      } catch (error) {
        failure ??= error;
      }
    }
    this.#tick++;
    if (failure !== null) throw failure as Error;
  }

  close(): void {
    for (const role of this.#roles) role.close();
    this.#uptime.close();
    this.#swaps.close();
  }
}

function settingOf(ctx: Pick<SourceContext, 'series' | 'roots'>, options: ProcessOptions): Setting {
  const { proc } = ctx.roots;
  const countsDescriptors = kernelCountsDescriptors(proc);
  return {
    series: ctx.series,
    proc,
    period: options.period,
    detailsEvery: Math.max(1, Math.round(DETAILS_S / options.period)),
    budget: new DescriptorBudget(options.descriptorsKept),
    countsDescriptors,
    page: pageSize(),
    countDeleted: options.deletedDescriptors ?? false,
    ...signals(countsDescriptors),
  };
}

/** Seconds since boot, or NaN. */
function uptimeOf(file: KeptProcFile): number {
  try {
    const { bytes, length } = file.read();
    return parseUptime(bytes, length);
  } catch {
    return NaN;
  }
}
