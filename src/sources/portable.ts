/**
 * Processes where there is no /proc: their figures by pidusage. It gives CPU time as one figure, resident memory and age; everything
 * else of a process is blind here.
 *
 * Of pidusage only the raw figures are used. Its `cpu` is a difference to its own earlier read, which is 0 for the first one and for any
 * that comes later than its `maxage`, and on macOS has steps of a second; here the difference is taken of CPU time over our own clock.
 * So its history may be as short as it likes: it forgets a process, and closes the descriptor it keeps, a second after each read.
 */
import type pidusage from 'pidusage';
import type { MetricDef } from '../catalog.ts';
import { type Clock, within } from '../clock.ts';
import { errno } from '../problem.ts';
import type { Target } from '../targets.ts';
import { blindSpots, type Sink, type Source, type SourceContext } from './source.ts';

/** `ps` is started at every read on most systems. */
const PERIOD_MIN_S = 5;

/** Aliases of what stays dark. */
const BLIND = ['soak.process.memory.private', 'process.unix.file_descriptor.count', 'process.thread.count'];

const MAXAGE_MS = 1000;

/** pidusage looks every half `maxage` for what is older than it. `clear()` would forget the descriptors without closing them. */
const FORGOTTEN_S = (1.5 * MAXAGE_MS) / 1000 + 0.1;

/** Starting `ps` takes milliseconds, a PowerShell some seconds. */
const ANSWER_S = 20;

export interface Usage {
  /** Seconds, user and system. */
  readonly cpu: number;
  /** Bytes. */
  readonly memory: number;
  /** Monotonic times between which the process began. */
  readonly began: Span;
}

interface Span {
  readonly from: number;
  readonly to: number;
}

/** Ages are cut to whole seconds by `ps`. */
const AGE_STEP_S = 1;

/** Whether this is another process than the one of the same pid that began then: its own beginning is later for certain. */
export function isSuccessor(usage: Usage, began: Span): boolean {
  return usage.began.from > began.to;
}

/** One call at a time: two that read the same new process at once make pidusage lose one of two descriptors. */
let queue: Promise<unknown> = Promise.resolve();

let lastUse = -Infinity;

/** What is known of each process; one that has ended or is a zombie is not in it. Throws when nothing can be told of any. */
export async function usageOf(clock: Clock, pids: readonly number[]): Promise<ReadonlyMap<number, Usage>> {
  if (pids.length === 0) return new Map();
  const asked = queue.then(() => ask(clock, [...new Set(pids)]));
  const answered = asked.catch(() => {});
  queue = answered;
  if (!(await within(answered, ANSWER_S))) throw new Error(`pidusage did not answer within ${ANSWER_S} s`);
  return asked;
}

async function ask(clock: Clock, pids: number[]): Promise<ReadonlyMap<number, Usage>> {
  // Without this it writes on standard error, into our log, when `getconf` is missing.
  process.env['PIDUSAGE_SILENT'] ??= '1';
  const { default: usage } = await import('pidusage');
  const asked = clock.monotonic();
  const found: Partial<Record<string, pidusage.Status>> = await usage(pids, { maxage: MAXAGE_MS }).catch(noneLeft);
  lastUse = clock.monotonic();
  const usages = new Map<number, Usage>();
  for (const pid of pids) {
    const { ctime = NaN, memory = NaN, elapsed = NaN } = found[pid] ?? {};
    // Without memory it is a zombie (or a thread of the kernel): what is left of a process is not a process of zero bytes.
    if (!(memory > 0 && elapsed >= 0 && ctime >= 0)) continue;
    const began = { from: asked - elapsed / 1000 - AGE_STEP_S, to: lastUse - elapsed / 1000 };
    usages.set(pid, { cpu: ctime / 1000, memory, began });
  }
  return usages;
}

/** Of several pids it leaves out those that are gone; when none is left it fails. */
function noneLeft(error: unknown): Record<string, never> {
  if (errno(error) === 'ENOENT' || errno(error) === 'ESRCH') return {};
  throw error;
}

/** Until pidusage has closed what it keeps open. */
export async function released(clock: Clock): Promise<void> {
  await clock.sleepUntil(lastUse + FORGOTTEN_S);
}

/** Declared by the Linux process source and given by whoever composes both: sources do not import each other. */
export interface PortableMetrics {
  /** Cores in use. */
  readonly cpu: MetricDef;
  /** Bytes. */
  readonly rss: MetricDef;
  /** Seconds. */
  readonly uptime: MetricDef;
}

/** The series are those of the Linux process source, as far as they go. */
export function portableProcessSource(ctx: SourceContext, options: { readonly period: number; readonly metrics: PortableMetrics }): Source {
  return new PortableProcesses(ctx, Math.max(PERIOD_MIN_S, options.period), options.metrics);
}

interface Baseline {
  readonly cpu: number;
  readonly at: number;
  readonly began: Span;
}

class PortableProcesses implements Source {
  readonly name = 'process';
  readonly period: number;
  readonly #ctx: SourceContext;
  readonly #metrics: PortableMetrics;
  readonly #blind = blindSpots();
  /** By pid and start time of the binding; only bound processes have one. */
  #baselines = new Map<string, Baseline>();

  constructor(ctx: SourceContext, period: number, metrics: PortableMetrics) {
    this.#ctx = ctx;
    this.period = period;
    this.#metrics = metrics;
  }

  open(sink: Sink): void {
    const reason = 'pidusage tells CPU time and resident memory only; the rest needs /proc';
    for (const target of this.#ctx.targets.all()) for (const metric of BLIND) this.#blind(sink, metric, reason, { target: target.role });
  }

  async read(sink: Sink): Promise<void> {
    const { targets, clock } = this.#ctx;
    const bound = targets.all().flatMap((target) => target.procs.map((proc) => ({ target, proc })));
    const usages = await usageOf(
      clock,
      bound.map(({ proc }) => proc.pid),
    );
    const at = sink.now();
    const baselines = new Map<string, Baseline>();
    for (const { target, proc } of bound) {
      const key = `${proc.pid} ${proc.startTime}`;
      const usage = usages.get(proc.pid);
      const before = this.#baselines.get(key);
      if (usage === undefined || (before && isSuccessor(usage, before.began))) {
        targets.stale = true; // it has ended, or its pid is another process by now: selection finds out which
        continue;
      }
      baselines.set(key, { cpu: usage.cpu, at, began: before?.began ?? usage.began });
      this.#report(sink, target, proc.member, usage, before, at);
    }
    this.#baselines = baselines;
  }

  async close(): Promise<void> {
    await released(this.#ctx.clock);
  }

  #report(sink: Sink, target: Target, member: string | null, usage: Usage, before: Baseline | undefined, at: number): void {
    const { series, clock } = this.#ctx;
    const owner = { source: this.name, target: target.role, member, period: this.period };
    sink.set(series.open(owner, this.#metrics.rss), usage.memory, at);
    sink.set(series.open(owner, this.#metrics.uptime), clock.monotonic() - usage.began.to, at);
    if (before && at > before.at && usage.cpu >= before.cpu) {
      sink.set(series.open(owner, this.#metrics.cpu), (usage.cpu - before.cpu) / (at - before.at), at);
    }
  }
}
