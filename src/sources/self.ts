/**
 * The agent as one of its own targets: a watcher that leaks fails its run, as soon as its caches are full (analysis/gates.ts). Memory and
 * descriptors are read as those of a target are; what only the agent's other parts know, they tell through getters.
 */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { constants, type NodeGCPerformanceDetail, type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import type { LabelsOf, MetricDef } from '../catalog.ts';
import { errno, messageOf } from '../problem.ts';
import type { Owner } from '../series.ts';
import { kernelCountsDescriptors, KeptProcFile } from './proc-reader.ts';
import { KeyedFile } from './procfs.ts';
import { METRICS } from './self-metrics.ts';
import { blindSpots, type Sink, type Source, type SourceContext } from './source.ts';

export { METRICS };

/** What other parts know of the agent. Each is asked at every read; null is not known (yet, or without a record). */
export interface AgentFigures {
  schedule(): ScheduleFigures;
  /** Bytes on disk. */
  recordSize(): number | null;
  /** What could not be recorded since the agent was started. */
  losses(): { readonly ticks: number; readonly checkpoints: number } | null;
  series(): number;
  /** Seconds of the last look of the judge. */
  look(): number | null;
}

interface ScheduleFigures {
  /** Seconds. */
  readonly lateness: number;
  readonly sources: readonly {
    readonly source: string;
    readonly reads: number;
    readonly failures: number;
    readonly missed: number;
    /** Seconds of the last read. */
    readonly duration: number;
  }[];
}

/** The size of the record changes slowly, and to ask for it takes as long as everything else the agent asks of itself. */
const SIZE_READS = 10;

export function selfSource(ctx: SourceContext, options: { readonly period: number; readonly figures: AgentFigures }): Source {
  return new SelfSource(ctx, options.period, options.figures);
}

class SelfSource implements Source {
  readonly name = 'self';
  readonly period: number;
  readonly #ctx: SourceContext;
  readonly #figures: AgentFigures;
  readonly #blind = blindSpots();
  readonly #status = new KeyedFile('RssAnon', 'VmSwap', 'Threads');
  readonly #statusFile: KeptProcFile;
  readonly #fdPath: string;
  /** Ids of series, by metric and then by source (or none): to look them up in the table at every read takes ten times as long. */
  readonly #ids = new Map<MetricDef, Map<string, number>>();
  readonly #owner: Owner;
  readonly #slowOwner: Owner;
  /** When the loop was read last: run time, and seconds in which it had waited for something to do. */
  #loop: { readonly at: number; readonly idle: number } | null = null;
  #collections: PerformanceObserver | null = null;
  /** Heap after the last major collection that was not told yet. */
  #heap: number | null = null;
  #reads = 0;
  /** Run time of the read under way. */
  #at = 0;
  #countsDescriptors = false;

  constructor(ctx: SourceContext, period: number, figures: AgentFigures) {
    this.#ctx = ctx;
    this.period = period;
    this.#figures = figures;
    const dir = join(ctx.roots.proc, 'self');
    this.#statusFile = new KeptProcFile(join(dir, 'status'));
    // macOS and the BSDs have /dev/fd.
    this.#fdPath = process.platform === 'linux' ? join(dir, 'fd') : '/dev/fd';
    this.#owner = { source: this.name, target: null, member: null, period };
    this.#slowOwner = { ...this.#owner, period: period * SIZE_READS };
  }

  open(): void {
    this.#countsDescriptors = kernelCountsDescriptors(this.#ctx.roots.proc);
    this.#collections = new PerformanceObserver((list) => {
      if (!list.getEntries().some(isMajor)) return;
      const heap = getHeapStatistics();
      this.#heap = heap.used_heap_size + heap.external_memory;
    });
    this.#collections.observe({ entryTypes: ['gc'] });
  }

  read(sink: Sink): void {
    this.#at = sink.now();
    this.#process(sink);
    this.#set(sink, METRICS.cpuTime, this.#ctx.clock.cpu());
    this.#set(sink, METRICS.heap, this.#heap);
    this.#heap = null;
    this.#eventLoop(sink);
    this.#parts(sink);
  }

  close(): void {
    this.#statusFile.close();
    this.#collections?.disconnect();
    this.#collections = null;
  }

  #process(sink: Sink): void {
    const { memory, threads } = this.#readStatus(sink);
    this.#set(sink, METRICS.memoryPrivate, memory ?? process.memoryUsage.rss());
    this.#set(sink, METRICS.threads, threads);
    try {
      this.#set(sink, METRICS.descriptors, this.#countDescriptors());
    } catch (error) {
      this.#blind(sink, METRICS.descriptors.name, `the system does not list them (${errno(error) ?? messageOf(error)})`);
    }
  }

  /** Null where the system does not tell. A kernel without swap has no VmSwap: that is none. */
  #readStatus(sink: Sink): { memory: number | null; threads: number | null } {
    try {
      const { bytes, length } = this.#statusFile.read();
      this.#status.parse(bytes, length);
      const [anonymous = NaN, swap = NaN, threads = NaN] = this.#status.values;
      return { memory: known((anonymous + (Number.isNaN(swap) ? 0 : swap)) * 1024), threads: known(threads) };
    } catch (error) {
      const reason = `${this.#statusFile.path} cannot be read (${errno(error) ?? messageOf(error)}), the resident set stands for it`;
      this.#blind(sink, METRICS.memoryPrivate.name, reason);
      this.#blind(sink, METRICS.threads.name, reason);
      return { memory: null, threads: null };
    }
  }

  /** Listing opens one more. */
  #countDescriptors(): number {
    return this.#countsDescriptors ? statSync(this.#fdPath).size : readdirSync(this.#fdPath).length - 1;
  }

  /** A timer that is late sees what holds the loop while it is due, and wakes the agent once more a second; this sees all of it. */
  #eventLoop(sink: Sink): void {
    const before = this.#loop;
    this.#loop = { at: this.#at, idle: this.#ctx.clock.idle() };
    if (before === null || this.#at <= before.at) return;
    const waited = (this.#loop.idle - before.idle) / (this.#at - before.at);
    this.#set(sink, METRICS.eventLoopUtilization, Math.min(1, Math.max(0, 1 - waited)));
  }

  #parts(sink: Sink): void {
    const { lateness, sources } = this.#figures.schedule();
    this.#set(sink, METRICS.lateness, lateness);
    let missed = 0;
    for (const figures of sources) {
      const label = { 'soak.source': figures.source };
      missed += figures.missed;
      this.#set(sink, METRICS.readFailures, figures.failures, label);
      if (figures.reads > 0) this.#set(sink, METRICS.readDuration, figures.duration, label);
    }
    this.#set(sink, METRICS.missed, missed);
    if (this.#reads++ % SIZE_READS === 0) this.#set(sink, METRICS.recordSize, this.#figures.recordSize());
    const losses = this.#figures.losses();
    this.#set(sink, METRICS.ticksLost, losses?.ticks);
    this.#set(sink, METRICS.checkpointsLost, losses?.checkpoints);
    this.#set(sink, METRICS.series, this.#figures.series());
    this.#set(sink, METRICS.lookDuration, this.#figures.look());
  }

  #set<D extends MetricDef>(
    sink: Sink,
    def: D,
    value: number | null | undefined,
    ...labels: LabelsOf<D> extends undefined ? [] : [LabelsOf<D>]
  ): void {
    if (value === null || value === undefined) return;
    sink.set(this.#id(def, ...labels), value, this.#at);
  }

  #id<D extends MetricDef>(def: D, ...labels: LabelsOf<D> extends undefined ? [] : [LabelsOf<D>]): number {
    let ids = this.#ids.get(def);
    if (ids === undefined) this.#ids.set(def, (ids = new Map<string, number>()));
    const source = (labels[0] as { readonly 'soak.source'?: string } | undefined)?.['soak.source'] ?? '';
    let id = ids.get(source);
    if (id === undefined) {
      const owner = def === METRICS.recordSize ? this.#slowOwner : this.#owner;
      ids.set(source, (id = this.#ctx.series.open(owner, def, ...labels)));
    }
    return id;
  }
}

function known(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}

function isMajor(entry: PerformanceEntry & { readonly detail?: NodeGCPerformanceDetail }): boolean {
  return entry.detail?.kind === constants.NODE_PERFORMANCE_GC_MAJOR;
}
