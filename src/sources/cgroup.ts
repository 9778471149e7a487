/**
 * What the kernel accounts to the control groups of the targets: memory and its limit, throttling, tasks, pressure, block I/O, and what
 * the OOM killer did. One cgroup for a role where there is one; a role whose members live in different ones is told per member. What
 * roles share is told once, by the first of them: a sum over roles then counts it once.
 */
import { join } from 'node:path';
import type { Proc, Target } from '../targets.ts';
import { type MemoryFigures, memoryFigures, oomKills } from './cgroup-figures.ts';
import { areaRows, METRIC_OF, METRICS, type Ownership, ownershipRows, type Row, setRows } from './cgroup-metrics.ts';
import { type Area, AREAS, Finder, processesIn, readText, type Reason, REASONS } from './cgroup-place.ts';
import { OomWatch, Tellers, tellKills, type Watched, watchedOf } from './cgroup-role.ts';
import { parseMembership } from './cgroupfs.ts';
import type { Sink, Source, SourceContext } from './source.ts';

export { METRICS };

const PERIOD_S = 5;

/** Reads between two looks at which groups the same processes are in: who moves them does so when they start, before the second read. */
const LOOK_READS = 6;

/** A group that could not be found is looked for again at every so many looks: a container's mounts may come after its first process. */
const RETRY_LOOKS = 2;

export function cgroupSource(ctx: SourceContext): Source {
  const finder = new Finder(ctx.roots);
  const tellers = new Tellers();
  const roles = ctx.targets.all().map((target) => new RoleCgroups(ctx, finder, target));
  return {
    name: 'cgroup',
    period: PERIOD_S,
    open() {},
    read(sink) {
      const round = new Round(tellers.round());
      for (const role of roles) role.read(sink, round);
    },
    close() {},
  };
}

/** One reading of everything: roles in the same cgroup share what is read of it. */
class Round {
  /** The role that tells the figures of a group, which this one is in too. */
  readonly teller: (dir: string, role: string) => string;
  /** By what is read, then by directory. */
  readonly #read = new Map<string, Map<string, unknown>>();

  constructor(teller: Round['teller']) {
    this.teller = teller;
  }

  once<T>(what: string, dir: string, read: () => T): T {
    let byDir = this.#read.get(what);
    if (!byDir) this.#read.set(what, (byDir = new Map()));
    if (!byDir.has(dir)) byDir.set(dir, read());
    return byDir.get(dir) as T;
  }

  readonly oomKills = (version: 1 | 2, dir: string): number | null => this.once('oom', dir, () => oomKills(version, dir));
}

interface WatchedArea extends Watched {
  readonly area: Area;
  /** Ids of the series of the rows that all roles of the group share, of the ceilings among them, and of this role's own. */
  readonly shared: number[];
  readonly ceilings: number[];
  readonly own: number[];
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
  #version = -1;
  #reads = 0;
  #looks = 0;
  /** Any of its processes was there at the last look. */
  #present = false;
  #watched: readonly WatchedArea[] = [];
  #oom: readonly OomWatch[] = [];

  constructor(ctx: SourceContext, finder: Finder, target: Target) {
    this.#ctx = ctx;
    this.#finder = finder;
    this.#target = target;
  }

  read(sink: Sink, round: Round): void {
    // First the cgroups of the last read: an OOM kill may be why the processes in them are gone.
    for (const watch of this.#oom) tellKills(sink, this.#target.role, watch, round.oomKills);
    const { version } = this.#ctx.targets;
    if (version !== this.#version) this.#reads = 0;
    this.#version = version;
    if (this.#reads === 1 || this.#reads % LOOK_READS === 0) this.#look(sink);
    this.#reads++;
    if (this.#present) for (const watched of this.#watched) this.#report(sink, round, watched);
  }

  #look(sink: Sink): void {
    const members = this.#members();
    this.#present = members.length > 0;
    if (this.#present) this.#follow(sink, members);
  }

  #members(): { proc: Proc; text: string }[] {
    return this.#target.procs.flatMap((proc) => {
      const text = this.#finder.membership(proc.pid);
      return text === null ? [] : [{ proc, text }];
    });
  }

  #follow(sink: Sink, members: readonly { proc: Proc; text: string }[]): void {
    const found = members.map(({ proc, text }) => `${proc.pid} ${proc.startTime} ${proc.member}\n${text}`).join('');
    const retry = this.#unfound && ++this.#looks % RETRY_LOOKS === 0;
    if (found === this.#found && !retry) return;
    this.#found = found;
    this.#unfound = false;
    const parsed = members.map(({ proc, text }) => ({ proc, membership: parseMembership(text) }));
    this.#watched = AREAS.flatMap((area) => {
      const { watched, reasons } = watchedOf(this.#finder, area, parsed);
      for (const reason of reasons) this.#tellBlind(sink, area, reason);
      this.#unfound ||= reasons.some((reason) => reason !== 'root');
      return watched.map((place) => ({ ...place, area, shared: [], ceilings: [], own: [] }));
    });
    this.#oom = this.#watched.filter(({ area }) => area === 'memory').map((place) => new OomWatch(place));
  }

  #report(sink: Sink, round: Round, watched: WatchedArea): void {
    const at = sink.now();
    const { area } = watched;
    const shared = round.once(area, watched.dir, () => this.#sharedRows(round, watched));
    const teller = round.teller(watched.dir, this.#target.role);
    const tells = teller === this.#target.role;
    if (!tells) this.#tellShared(sink, teller);
    let known = this.#set(
      sink,
      at,
      watched,
      tells ? shared : shared.filter(({ ceiling }) => ceiling),
      tells ? watched.shared : watched.ceilings,
    );
    if (area === 'memory') known = this.#set(sink, at, watched, this.#ownRows(round, watched), watched.own) || known;
    // A group that is gone accounts nothing either, but that is no blindness.
    if (!known && shared.every(({ value }) => value === null) && readText(join(watched.dir, 'cgroup.procs')) !== null)
      this.#tellBlind(sink, area, 'off');
  }

  #set(sink: Sink, at: number, { member }: WatchedArea, rows: readonly Row[], ids: number[]): boolean {
    const owner = { source: 'cgroup', target: this.#target.role, member, period: PERIOD_S };
    return setRows(sink, at, { table: this.#ctx.series, owner, ids }, rows);
  }

  #sharedRows(round: Round, watched: WatchedArea): Row[] {
    return areaRows(watched.area, watched, this.#ctx.roots.sys, () => this.#memory(round, watched));
  }

  #ownRows(round: Round, watched: WatchedArea): Row[] {
    return ownershipRows(this.#memory(round, watched), this.#ownership(round, watched));
  }

  #memory(round: Round, watched: WatchedArea): MemoryFigures {
    return round.once('figures', watched.dir, () => memoryFigures(watched));
  }

  /** A role of one process has its private memory from the process itself; only a tree needs the kernel to count shared pages once. */
  #ownership(round: Round, watched: Watched): Ownership {
    const { spec, procs } = this.#target;
    const inside = round.once('processes', watched.dir, () => processesIn(watched.dir));
    let others = inside?.size ?? null;
    if (inside !== null && others !== null) for (const { pid } of procs) if (inside.has(pid)) others--;
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

  /** Also after another role has taken over the telling: who looks for the figures is to find them. */
  #tellShared(sink: Sink, teller: string): void {
    const key = `shared ${teller}`;
    if (this.#told.has(key)) return;
    this.#told.add(key);
    const { role } = this.#target;
    const reason = `${teller} is in the same control group, and has its figures`;
    sink.event('blind', `container.* of ${role} is not told: ${reason}`, { target: role, data: { metric: 'container.*', reason } });
  }
}
