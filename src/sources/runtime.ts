/**
 * Which runtime a target is, and whether its heap can be seen. A runtime that commits its memory up front hides leaks from the kernel:
 * then only its own figures tell, and without them memory must not pass.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LabelsOf, MetricDef } from '../catalog.ts';
import { messageOf } from '../problem.ts';
import type { Owner } from '../series.ts';
import type { Proc } from '../targets.ts';
import type { Hsperfdata } from './hsperfdata.ts';
import { classCount, collectionsOf, heapLimit, Jvm, NO_COUNTERS, poolsOf } from './runtime-jvm.ts';
import { type Look, lookAt, type Runtime } from './runtime-kind.ts';
import { METRICS } from './runtime-metrics.ts';
import type { Sink, Source, SourceContext } from './source.ts';

export { METRICS };

const PERIOD_S = 5;

/** How often a JVM's counters are read, if the agent wakes up as often. */
const JVM_PERIOD_S = 1;

/** A wake-up comes a little early or late. */
const SLACK_S = 0.1;

/** USER_HZ: Linux reports start times to programs in hundredths of a second. */
const TICKS_PER_S = 100;

/** A younger process may still be on its way to what it will be (a shell that calls exec, a launcher that loads a VM): look again. */
const SETTLED_AGE_S = 10;

/** From this share of GOMEMLIMIT on, Go collects ever harder to stay below it, and growth of the live heap no longer shows. */
const NEAR_LIMIT = 0.9;

const GO_AT_LIMIT =
  'its private memory has come to GOMEMLIMIT, where the collector holds it: raise the limit for the run, or scrape its live heap';

export function runtimeSource(ctx: SourceContext): Source {
  return new RuntimeSource(ctx);
}

class RuntimeSource implements Source {
  readonly name = 'runtime';
  readonly period = PERIOD_S;
  readonly #ctx: SourceContext;
  #version = -1;
  #watched = new Map<string, Watched>();
  #lastRead = -Infinity;
  #lastReport = -Infinity;
  #looking: Promise<void> | null = null;

  constructor(ctx: SourceContext) {
    this.#ctx = ctx;
  }

  open(): void {}

  /** A JVM's counters are read more often than reported: what is promoted between a collection and the reading blurs the point. */
  wants(): boolean {
    const due = this.#ctx.clock.monotonic() - this.#lastRead >= JVM_PERIOD_S - SLACK_S;
    return due && [...this.#watched.values()].some((watched) => watched.jvm !== null);
  }

  read(sink: Sink): void {
    const now = this.#ctx.clock.monotonic();
    const report = now - this.#lastReport >= PERIOD_S - SLACK_S;
    this.#lastRead = now;
    if (report) this.#lastReport = now;
    this.#follow();
    for (const watched of this.#watched.values()) watched.read(sink, report);
    // Looks wait for locks of the target, so nobody waits for them: what they find is used from the next reading on.
    if (report) this.#looking ??= this.#look();
  }

  async close(): Promise<void> {
    const looking = this.#looking;
    this.#watched = new Map();
    await looking;
  }

  #follow(): void {
    const { targets } = this.#ctx;
    if (targets.version === this.#version) return;
    this.#version = targets.version;
    const before = this.#watched;
    this.#watched = new Map();
    for (const { role, procs } of targets.all()) {
      for (const proc of procs) {
        const key = JSON.stringify([role, proc.member, proc.pid, proc.startTime, proc.comm]);
        this.#watched.set(key, before.get(key) ?? new Watched(this.#ctx, role, proc));
      }
    }
  }

  /** One process after the other, so that a thousand of them do not occupy all threads of the pool. */
  async #look(): Promise<void> {
    for (const watched of this.#watched.values()) {
      await watched.look().catch((error) => this.#ctx.log.warn('cannot tell the runtime of a process', { error: messageOf(error) }));
    }
    this.#looking = null;
  }
}

/** One process that is watched. */
class Watched {
  readonly #ctx: SourceContext;
  readonly #role: string;
  readonly #proc: Proc;
  readonly #dir: string;
  /** Reasons for blindness that have been reported: each is told once. */
  readonly #told = new Set<string>();
  #look: Look | null = null;
  #settled = false;
  #atLimit = false;
  jvm: Jvm | null = null;

  constructor(ctx: SourceContext, role: string, proc: Proc) {
    this.#ctx = ctx;
    this.#role = role;
    this.#proc = proc;
    this.#dir = join(ctx.roots.proc, String(proc.pid));
  }

  async look(): Promise<void> {
    const age = this.#settled ? null : this.#age();
    if (age === null) return;
    const look = await lookAt(this.#dir, this.#proc.comm);
    const { counters } = look;
    this.#look = look;
    if (counters && !counters.deleted && this.#proc.member !== 'other') this.jvm = new Jvm(join(this.#dir, 'root'), counters.path);
    this.#settled = age >= SETTLED_AGE_S || this.jvm !== null;
  }

  read(sink: Sink, report: boolean): void {
    const at = sink.now();
    const point = this.jvm?.read(at);
    if (point) this.#set(sink, point.at, METRICS.heap, point.used);
    if (!report || this.#look === null || !this.#settled) return;
    this.#reportVisible(sink, at, this.#look);
    if (this.jvm?.data) this.#reportJvm(sink, at, this.jvm, this.jvm.data);
  }

  #reportVisible(sink: Sink, at: number, look: Look): void {
    // The series exists from now on, empty until there is a collection: a judge must know that it is waited for.
    if (look.runtime === 'jvm') this.#ctx.series.open(this.#owner(), METRICS.heap);
    const undecided = this.jvm !== null && this.jvm.data === null && this.jvm.blind === null;
    if (undecided) return;
    const why = this.#whyBlind(look);
    this.#set(sink, at, METRICS.visible, why === null ? 1 : 0, { 'soak.runtime': look.runtime });
    if (why !== null) this.#tellBlind(sink, look.runtime, why);
  }

  #whyBlind(look: Look): string | null {
    if (look.runtime === 'go') return this.#comesToLimit(look.memoryLimit) ? GO_AT_LIMIT : null;
    if (look.runtime !== 'jvm') return null;
    if (this.jvm) return this.jvm.blind;
    if (look.counters) return look.counters.deleted ? NO_COUNTERS.deleted : NO_COUNTERS.beyond;
    return look.denied ? NO_COUNTERS.denied : NO_COUNTERS.none;
  }

  /** Once it has been there it stays so: what was not seen to grow meanwhile is not seen afterwards either. */
  #comesToLimit(limit: number | null): boolean {
    if (limit === null || this.#atLimit) return this.#atLimit;
    const status = this.#text('status') ?? '';
    const [anon, swap] = ['RssAnon', 'VmSwap'].map((key) => new RegExp(`^${key}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]);
    this.#atLimit = anon !== undefined && (Number(anon) + Number(swap ?? 0)) * 1024 >= NEAR_LIMIT * limit;
    return this.#atLimit;
  }

  #reportJvm(sink: Sink, at: number, jvm: Jvm, data: Hsperfdata): void {
    this.#set(sink, at, METRICS.heapLimit, heapLimit(data));
    this.#set(sink, at, METRICS.usedAfterGc, jvm.lastPoint?.used ?? null, { 'jvm.memory.pool.name': 'old' });
    this.#set(sink, at, METRICS.threads, data.numbers.get('java.threads.live') ?? null);
    this.#set(sink, at, METRICS.classes, classCount(data));
    for (const { pool, used, committed } of poolsOf(data)) {
      this.#set(sink, at, METRICS.used, used, { 'jvm.memory.pool.name': pool });
      this.#set(sink, at, METRICS.committed, committed, { 'jvm.memory.pool.name': pool });
    }
    for (const { kind, count, seconds } of collectionsOf(data)) {
      this.#set(sink, at, METRICS.collections, count, { 'soak.collection.kind': kind });
      this.#set(sink, at, METRICS.collectionTime, seconds, { 'soak.collection.kind': kind });
    }
  }

  #owner(): Owner {
    return { source: 'runtime', target: this.#role, member: this.#proc.member, period: PERIOD_S };
  }

  #set<D extends MetricDef>(
    sink: Sink,
    at: number,
    def: D,
    value: number | null,
    ...labels: LabelsOf<D> extends undefined ? [] : [LabelsOf<D>]
  ): void {
    if (value !== null) sink.set(this.#ctx.series.open(this.#owner(), def, ...labels), value, at);
  }

  #tellBlind(sink: Sink, runtime: Runtime, reason: string): void {
    if (this.#told.has(reason)) return;
    this.#told.add(reason);
    const metric = METRICS.heap.name;
    const message = `growth of the heap of ${this.#role} (${runtime}) would not be seen: ${reason}`;
    sink.event('blind', message, { target: this.#role, member: this.#proc.member, data: { metric, reason } });
  }

  /** Seconds since the process started, or null when it is gone. */
  #age(): number | null {
    const uptime = Number.parseFloat(readText(join(this.#ctx.roots.proc, 'uptime')) ?? '');
    if (Number.isNaN(uptime) || this.#text('stat') === null) return null;
    return uptime - this.#proc.startTime / TICKS_PER_S;
  }

  #text(name: string): string | null {
    return readText(join(this.#dir, name));
  }
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
