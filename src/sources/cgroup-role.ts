/** Which control groups stand for a role: one for all of its processes where there is one, else one per member. */
import { dirname } from 'node:path';
import type { Proc } from '../targets.ts';
import { oomKills } from './cgroup-figures.ts';
import { type Area, type Finder, isRoot, type Place, pathOf, processesIn, type Reason } from './cgroup-place.ts';
import type { Sink } from './source.ts';
import { below, commonPath, type Membership } from './cgroupfs.ts';

export interface Member {
  readonly proc: Proc;
  readonly membership: Membership;
}

/** A cgroup that is read, and the member that its figures belong to; null is the role. */
export interface Watched extends Place {
  readonly member: string | null;
}

/** The members that are in one and the same cgroup. */
interface Group {
  readonly version: 1 | 2;
  readonly path: string;
  readonly members: Member[];
}

export function watchedOf(finder: Finder, area: Area, members: readonly Member[]): { watched: Watched[]; reasons: Reason[] } {
  const groups = grouped(area, members);
  const places = groups.map((group) => ({ group, place: find(finder, area, group) }));
  const reasons = new Set(places.flatMap(({ place }) => (typeof place === 'string' ? [place] : [])));
  const own = places.flatMap(({ group, place }) => (typeof place === 'string' ? [] : [{ group, place }]));
  const [first] = own;
  if (!first) return { watched: [], reasons: [...reasons] };
  const shared = holdsAll(own, groups) ?? common(first, groups, members);
  if (shared) return { watched: [{ ...shared, member: null }], reasons: [] };
  return { watched: own.flatMap(({ group, place }) => perMember(group, place)), reasons: [...reasons] };
}

function grouped(area: Area, members: readonly Member[]): Group[] {
  const groups = new Map<string, Group>();
  for (const member of members) {
    const at = pathOf(member.membership, area);
    if (at === null) continue;
    const group = groups.get(at.path) ?? { ...at, members: [] };
    groups.set(at.path, group);
    group.members.push(member);
  }
  return [...groups.values()];
}

/** Processes come and go: a group is looked for through this many of its members before it counts as not to be found. */
const TRIES = 3;

function find(finder: Finder, area: Area, group: Group): Place | Reason {
  let found: Place | Reason = 'gone';
  for (const { proc } of group.members.slice(0, TRIES)) {
    found = finder.find(proc.pid, area, group);
    if (found !== 'gone') return found;
  }
  return found;
}

/** The group that all others are, or are below, if there is one. */
function holdsAll(own: readonly { group: Group; place: Place }[], groups: readonly Group[]): Place | null {
  return own.find(({ group }) => groups.every((other) => below(other.path, group.path) !== null))?.place ?? null;
}

/** The deepest cgroup above all members, if nobody else is in it: a pod, a service with groups of its own. */
function common(first: { group: Group; place: Place }, groups: readonly Group[], members: readonly Member[]): Place | null {
  const path = commonPath(groups.map((group) => group.path));
  const rest = below(first.group.path, path);
  if (!rest) return null;
  let { dir } = first.place;
  for (const _ of rest.split('/').slice(1)) {
    if (dir === first.place.top) return null; // above what can be seen
    dir = dirname(dir);
  }
  const place = { ...first.place, dir };
  const pids = new Set(members.map(({ proc }) => proc.pid));
  const inside = processesIn(dir);
  return inside !== null && [...inside].every((pid) => pids.has(pid)) && !isRoot(place) ? place : null;
}

/** A group belongs to the first of its members in slot order; what is beyond the slots is not told group by group. */
function perMember(group: Group, place: Place): Watched[] {
  const slots = group.members.flatMap(({ proc }) => (proc.member === null || proc.member === 'other' ? [] : [Number(proc.member)]));
  return slots.length === 0 ? [] : [{ ...place, member: String(Math.min(...slots)) }];
}

/**
 * Which role tells the figures of a group that several are in: the first that was found there, as long as it is. Bounded by the groups
 * of two rounds.
 */
export class Tellers {
  #last = new Map<string, string>();

  /** Asked by each role at each round, always in one order. */
  round(): (dir: string, role: string) => string {
    const [before, now] = [this.#last, new Map<string, string>()];
    this.#last = now;
    return (dir, role) => {
      const teller = before.get(dir) ?? now.get(dir) ?? role;
      if (teller === role) now.set(dir, role); // one that does not ask any more has left the group
      return teller;
    };
  }
}

/**
 * Sees kills by the OOM killer in one cgroup. A container's group is removed with its last process, often before the next read. What
 * the kernel has added to the group above, which counts for those below it in version 2, then tells why it went.
 */
export class OomWatch {
  readonly member: string | null;
  readonly #version: 1 | 2;
  readonly #dir: string;
  readonly #above: string | null;
  #own: number | null;
  #total: number | null;

  constructor(place: Watched) {
    this.member = place.member;
    this.#version = place.version;
    this.#dir = place.dir;
    this.#above = place.version === 2 && place.dir !== place.top ? dirname(place.dir) : null;
    this.#own = oomKills(this.#version, this.#dir);
    this.#total = this.#killsAbove(oomKills);
  }

  /** Kills since the last call, as `count` tells them now. `above`: counted in the group above, while this one went away. */
  check(count: typeof oomKills): { readonly kills: number; readonly above: boolean } {
    const [own, total] = [count(this.#version, this.#dir), this.#killsAbove(count)];
    const above = own === null && this.#own !== null;
    const kills = above ? increase(this.#total, total) : increase(this.#own, own);
    this.#own = own;
    this.#total = total;
    return { kills, above };
  }

  #killsAbove(count: typeof oomKills): number | null {
    return this.#above === null ? null : count(this.#version, this.#above);
  }
}

export function tellKills(sink: Sink, role: string, watch: OomWatch, count: typeof oomKills): void {
  const { kills, above } = watch.check(count);
  if (kills === 0) return;
  const group = `the control group of ${role}`;
  const where = above ? `the group above ${group}, which went away` : group;
  const message = `the kernel killed ${kills} ${kills === 1 ? 'process' : 'processes'} in ${where} for want of memory`;
  sink.event('oom_kill', message, { target: role, member: watch.member, data: { kills, above } });
}

function increase(before: number | null, now: number | null): number {
  return before === null || now === null ? 0 : Math.max(0, now - before);
}
