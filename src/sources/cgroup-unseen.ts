/**
 * What the kernel accounts to control groups whose processes cannot be seen, as those of one role: of each other container of the agent's
 * pod, which are its members, or of one group that is named. Memory of a group and its limit need no look at a process; whose heap it is,
 * and what is shared, they do not tell.
 *
 * Cost: 0.4 to 0.8 ms of CPU a group, 13 ms for 31 of them: 0.05 % of a core for a pod of four containers, 0.3 % for the most there can be.
 */
import { existsSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { memoryFigures, oomKills } from './cgroup-figures.ts';
import { areaRows, METRIC_OF, METRICS, setRows } from './cgroup-metrics.ts';
import { namedGroup, type Pod, podOf, UNFOUND } from './cgroup-beside.ts';
import { type Area, AREAS, Finder, type Place, REASONS, subdirectories } from './cgroup-place.ts';
import { OomWatch, tellKills } from './cgroup-role.ts';
import { type Change, type Found, Members } from './members.ts';
import { blindSpots, type Sink, type Source, type SourceContext } from './source.ts';
import type { Owner } from '../series.ts';
import type { EventKind, RunEvent } from '../tick.ts';
import { SLOTS_MAX } from '../targets.ts';

/** Seconds, as in `cgroup.ts`. */
const PERIOD_S = 5;

/** A group that is not there is looked for again this often. */
const RETRY_READS = 12;

export interface CgroupOf {
  readonly role: string;
  /** Null: the other containers of the agent's pod. */
  readonly path: string | null;
}

export function unseenCgroups(ctx: SourceContext, of: CgroupOf): Source {
  return new UnseenCgroups(ctx, of);
}

type Where = Place | Pod;

/** One group in all hierarchies, as long as it is there. */
interface Group {
  readonly member: string | null;
  readonly places: readonly { readonly area: Area; readonly place: Place; readonly ids: number[] }[];
  readonly oom: OomWatch | null;
}

class UnseenCgroups implements Source {
  readonly name = 'cgroups';
  readonly period = PERIOD_S;
  readonly #ctx: SourceContext;
  readonly #of: CgroupOf;
  readonly #finder: Finder;
  readonly #members: Members;
  readonly #blind = blindSpots();
  #reads = 0;
  #where: ReadonlyMap<Area, Where> = new Map();
  /** By inode. */
  readonly #groups = new Map<number, Group>();
  #capped = false;

  constructor(ctx: SourceContext, of: CgroupOf) {
    this.#ctx = ctx;
    this.#of = of;
    this.#finder = new Finder(ctx.roots);
    this.#members = new Members(of.path === null);
  }

  open(): void {}

  read(sink: Sink): void {
    for (const { oom } of this.#groups.values()) if (oom) tellKills(sink, this.#of.role, oom, oomKills);
    if (this.#where.size === 0 && this.#reads++ % RETRY_READS === 0) this.#find(sink);
    if (this.#where.size === 0) return;
    this.#follow(sink);
    for (const group of this.#groups.values()) this.#report(sink, group);
  }

  close(): void {}

  #find(sink: Sink): void {
    const { role, path } = this.#of;
    const found = AREAS.map((area) => [area, path === null ? podOf(this.#finder, area) : namedGroup(this.#finder, area, path)] as const);
    this.#where = new Map(found.flatMap(([area, where]) => (typeof where === 'string' ? [] : [[area, where]])));
    for (const [area, where] of found) {
      if (typeof where !== 'string') continue;
      const metric = this.#where.size === 0 ? ANY : METRIC_OF[area].name;
      this.#blind(sink, metric, UNFOUND[where], { target: role });
    }
    // Whoever requires it by its short name is told why there is none.
    if (this.#where.size === 0) this.#ctx.series.open(this.#owner(null), METRICS.anonymous);
  }

  /** Binds the groups that are there to slots, as selection does processes: the successor of a container takes over its slot. */
  #follow(sink: Sink): void {
    const found = this.#present();
    if (found.length > SLOTS_MAX && !this.#capped) {
      this.#capped = true;
      const message = `${this.#of.role} has more than ${SLOTS_MAX} control groups: those beyond are not read`;
      sink.event('cap', message, { target: this.#of.role });
    }
    const taken = found.toSorted((a, b) => a.pid - b.pid).slice(0, SLOTS_MAX);
    for (const change of this.#members.update(taken)) sink.event(...eventOf(this.#of.role, change));
    const procs = new Map(this.#members.procs.map((proc) => [proc.pid, proc]));
    for (const inode of this.#groups.keys()) if (!procs.has(inode)) this.#groups.delete(inode);
    for (const [inode, { comm, member }] of procs) if (!this.#groups.has(inode)) this.#groups.set(inode, this.#group(comm, member));
  }

  #present(): Found[] {
    const [where] = this.#where.values();
    if (where === undefined) return [];
    const dirs = 'own' in where ? subdirectories(where.dir).filter((dir) => basename(dir) !== where.own) : [where.dir];
    return dirs.flatMap((dir) => {
      const inode = statSync(dir, { throwIfNoEntry: false })?.ino;
      return inode === undefined ? [] : [{ pid: inode, startTime: inode, comm: basename(dir), image: IMAGE, age: Infinity }];
    });
  }

  #group(name: string, member: string | null): Group {
    const places = [...this.#where].map(([area, where]) => {
      const dir = 'own' in where ? join(where.dir, name) : where.dir;
      return { area, place: { version: where.version, dir, top: where.top }, ids: [] };
    });
    const memory = places.find(({ area }) => area === 'memory');
    return { member, places, oom: memory ? new OomWatch({ ...memory.place, member }) : null };
  }

  #owner(member: string | null): Owner {
    return { source: 'cgroup', target: this.#of.role, member, period: PERIOD_S };
  }

  #report(sink: Sink, { member, places }: Group): void {
    const { series, roots } = this.#ctx;
    const { role } = this.#of;
    const owner = this.#owner(member);
    for (const { area, place, ids } of places) {
      const at = sink.now();
      const rows = areaRows(area, place, roots.sys, () => memoryFigures(place));
      const known = setRows(sink, at, { table: series, owner, ids }, rows);
      // A group that is gone accounts nothing either, but that is no blindness.
      if (!known && existsSync(place.dir)) this.#blind(sink, METRIC_OF[area].name, REASONS.off, { target: role });
    }
  }
}

/** Every metric that is judged or limits one. */
const ANY = 'soak.container.*';

/** A control group calls no exec. */
const IMAGE = { startStack: 0, comm: 0 };

const KINDS = { found: 'target_found', gone: 'target_gone', start: 'member_start', end: 'member_end', restart: 'restart' } as const;

/**
 * A group at the path of another that went is a restart. In a pod the kernel does not tell whether a container is one again that was there
 * before, or the one after an init container: a new life begins, and no restart is counted.
 */
function eventOf(role: string, change: Change): [EventKind, string, Pick<RunEvent, 'target' | 'member' | 'data'>] {
  const { comm: group, member } = change.kind === 'gone' ? change.last : change.proc;
  const isWhole = change.kind === 'found' || change.kind === 'gone';
  const kind = change.kind === 'restart' && member !== null ? 'start' : change.kind;
  const who = member === null || isWhole ? role : `${role}/${member}`;
  const about = { target: role, member: isWhole ? null : member, data: { group } };
  return [KINDS[kind], `${who} ${SAYS[kind]} control group ${group}`, about];
}

const SAYS = { found: 'is', start: 'is', restart: 'has restarted: it is', end: 'has ended:', gone: 'is gone: it was' } as const;
