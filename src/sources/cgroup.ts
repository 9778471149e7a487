/**
 * What the kernel accounts to the control groups of the targets: memory and its limit, throttling, tasks, pressure, block I/O, and what
 * the OOM killer did. One cgroup for a role where there is one; a role whose members live in different ones is told per member.
 */
import { join } from 'node:path';
import type { MetricDef } from '../catalog.ts';
import type { Proc, Target } from '../targets.ts';
import { memoryFigures } from './cgroup-figures.ts';
import { memoryRows, METRICS, type Ownership, type Row, ROWS } from './cgroup-metrics.ts';
import { type Area, AREAS, Finder, type Place, processesIn, readText, type Reason, REASONS } from './cgroup-place.ts';
import { OomWatch, type Watched, watchedOf } from './cgroup-role.ts';
import { parseMembership } from './cgroupfs.ts';
import type { Sink, Source, SourceContext } from './source.ts';

export { METRICS };

const PERIOD_S = 5;

/** A group that could not be found is looked for again this often: a container's mounts may come after its first process. */
const RETRY_READS = 12;

/** The metric that stands for an area in a `blind` event. */
const METRIC_OF: Readonly<Record<Area, MetricDef>> = {
  memory: METRICS.memoryUsage,
  cpuacct: METRICS.cpuTime,
  cpu: METRICS.throttledTime,
  pids: METRICS.pids,
  blkio: METRICS.io,
  pressure: METRICS.pressure,
};

export function cgroupSource(ctx: SourceContext): Source {
  const finder = new Finder(ctx.roots);
  const roles = ctx.targets.all().map((target) => new RoleCgroups(ctx, finder, target));
  return {
    name: 'cgroup',
    period: PERIOD_S,
    open() {},
    read(sink) {
      const round = new Round();
      for (const role of roles) role.read(sink, round);
    },
    close() {},
  };
}

/** One reading of everything: roles in the same cgroup share what is read of it. */
class Round {
  readonly #read = new Map<string, unknown>();

  once<T>(what: string, place: Place, read: () => T): T {
    const key = `${what} ${place.dir}`;
    if (!this.#read.has(key)) this.#read.set(key, read());
    return this.#read.get(key) as T;
  }
}

/** The control groups of one role. They are looked up again whenever its processes, or the cgroups of these, change. */
class RoleCgroups {
  readonly #ctx: SourceContext;
  readonly #finder: Finder;
  readonly #target: Target;
  /** Blind areas that have been reported, with the reason: each is told once. */
  readonly #told = new Set<string>();
  #found = '';
  #unfound = false;
  #reads = 0;
  #watched: readonly (Watched & { readonly area: Area })[] = [];
  #oom: readonly OomWatch[] = [];

  constructor(ctx: SourceContext, finder: Finder, target: Target) {
    this.#ctx = ctx;
    this.#finder = finder;
    this.#target = target;
  }

  read(sink: Sink, round: Round): void {
    // First the cgroups of the last read: an OOM kill may be why the processes in them are gone.
    for (const watch of this.#oom) this.#tellKills(sink, watch);
    const members = this.#members();
    if (members.length === 0) return;
    this.#follow(sink, members);
    for (const watched of this.#watched) this.#report(sink, round, watched);
  }

  #members(): { proc: Proc; text: string }[] {
    return this.#target.procs.flatMap((proc) => {
      const text = this.#finder.membership(proc.pid);
      return text === null ? [] : [{ proc, text }];
    });
  }

  #follow(sink: Sink, members: readonly { proc: Proc; text: string }[]): void {
    const found = members.map(({ proc, text }) => `${proc.pid} ${proc.startTime} ${proc.member}\n${text}`).join('');
    const retry = this.#unfound && ++this.#reads % RETRY_READS === 0;
    if (found === this.#found && !retry) return;
    this.#found = found;
    this.#unfound = false;
    const parsed = members.map(({ proc, text }) => ({ proc, membership: parseMembership(text) }));
    this.#watched = AREAS.flatMap((area) => {
      const { watched, reasons } = watchedOf(this.#finder, area, parsed);
      for (const reason of reasons) this.#tellBlind(sink, area, reason);
      this.#unfound ||= reasons.some((reason) => reason !== 'root');
      return watched.map((place) => ({ ...place, area }));
    });
    this.#oom = this.#watched.filter(({ area }) => area === 'memory').map((place) => new OomWatch(place));
  }

  #report(sink: Sink, round: Round, watched: Watched & { readonly area: Area }): void {
    const at = sink.now();
    const { area, member } = watched;
    const rows = this.#rows(round, watched);
    const owner = { source: 'cgroup', target: this.#target.role, member, period: PERIOD_S };
    for (const { value, series } of rows) {
      if (value !== null && Number.isFinite(value)) sink.set(series(this.#ctx.series, owner), value, at);
    }
    if (rows.some(({ value }) => value !== null)) return;
    // A group that is gone accounts nothing either, but that is no blindness.
    if (readText(join(watched.dir, 'cgroup.procs')) !== null) this.#tellBlind(sink, area, 'off');
  }

  #rows(round: Round, watched: Watched & { readonly area: Area }): Row[] {
    const { area } = watched;
    if (area !== 'memory') return round.once(area, watched, () => ROWS[area](watched, this.#ctx.roots.sys));
    const figures = round.once('memory', watched, () => memoryFigures(watched));
    return memoryRows(figures, this.#ownership(round, watched));
  }

  /** A role of one process has its private memory from the process itself; only a tree needs the kernel to count shared pages once. */
  #ownership(round: Round, watched: Watched): Ownership {
    const { spec, procs } = this.#target;
    const inside = round.once('processes', watched, () => processesIn(watched.dir));
    const own = new Set(procs.map((proc) => proc.pid));
    const others = inside === null ? null : [...inside].filter((pid) => !own.has(pid)).length;
    return { others, tree: watched.member === null && (spec.many || spec.children || procs.length > 1) };
  }

  #tellBlind(sink: Sink, area: Area, reason: Reason): void {
    const key = `${area} ${reason}`;
    if (reason === 'gone' || this.#told.has(key)) return;
    this.#told.add(key);
    const metric = METRIC_OF[area].name;
    const message = `${metric} of ${this.#target.role} cannot be read: ${REASONS[reason]}`;
    sink.event('blind', message, { target: this.#target.role, data: { metric, reason: REASONS[reason] } });
  }

  #tellKills(sink: Sink, watch: OomWatch): void {
    const { kills, above } = watch.check();
    if (kills === 0) return;
    const group = `the control group of ${this.#target.role}`;
    const where = above ? `the group above ${group}, which went away` : group;
    const message = `the kernel killed ${kills} ${kills === 1 ? 'process' : 'processes'} in ${where} for want of memory`;
    sink.event('oom_kill', message, { target: this.#target.role, member: watch.member, data: { kills, above } });
  }
}
