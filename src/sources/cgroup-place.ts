/**
 * Finds the directory of a process's control group, per controller: on a hybrid machine some are version 1 and some version 2. First in
 * the mounts of the agent itself, which show limits above the group and outlive the process; then in the target's own view of
 * /sys/fs/cgroup through /proc/PID/root, which is the way out of a sidecar.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { errno } from '../problem.ts';
import { below, type CgroupMount, type Membership, parseCgroupMounts, parseProcs } from './cgroupfs.ts';
import type { Roots } from './source.ts';

/** What is accounted together: the names of version 1's controllers. Pressure exists in version 2 only. */
export const AREAS = ['memory', 'cpuacct', 'cpu', 'pids', 'blkio', 'pressure'] as const;

export type Area = (typeof AREAS)[number];

/** A cgroup of the target, readable here. */
export interface Place {
  readonly version: 1 | 2;
  readonly dir: string;
  /** The highest directory of the same hierarchy that can be seen: limits apply all the way up. */
  readonly top: string;
}

/** Why there is no place. */
export type Reason = 'gone' | 'root' | 'denied' | 'unseen' | 'off';

/** Why a figure is blind, and what would mend it; that a process is gone is told by others. */
export const REASONS: Readonly<Record<Exclude<Reason, 'gone'>, string>> = {
  root: 'the process is in the root control group, whose figures are those of the machine: start it in a container, a systemd unit, or with systemd-run --scope',
  denied:
    'the control group is visible only through the target and this user may not look: run the agent as the target’s user or with CAP_SYS_PTRACE',
  unseen: 'the control group is in no mount that can be seen here: mount the host’s /sys/fs/cgroup into the agent’s container',
  off: 'the kernel does not account this here: enable the controller for the control group (cgroup.subtree_control of the group above it, or the unit’s MemoryAccounting= and the like); pressure needs a kernel started with psi=1',
};

/** The text of a file of /proc or /sys, or null when it cannot be read. */
export function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

/** Which hierarchy accounts for an area of this process, and where in it the process is. */
export function pathOf(membership: Membership, area: Area): { version: 1 | 2; path: string } | null {
  const path = membership.controllers.get(area);
  if (path !== undefined) return { version: 1, path };
  return membership.unified === null ? null : { version: 2, path: membership.unified };
}

export interface View {
  /** Prefix of every path of the view. */
  readonly prefix: string;
  readonly mounts: readonly CgroupMount[];
  readonly denied: boolean;
}

export class Finder {
  readonly #roots: Roots;
  /** The agent's own mounts, read once: they do not change under a running process but by an administrator's hand. */
  #own: View | null = null;

  constructor(roots: Roots) {
    this.#roots = roots;
  }

  /** Which control groups a process is in, as `parseMembership` reads it, or null when it is gone or hidden. */
  membership(pid: number | 'self'): string | null {
    return readText(`${this.#roots.proc}/${pid}/cgroup`);
  }

  /** The directory of the cgroup at `path`, which lists the process `pid`, or the reason why there is none. */
  find(pid: number, area: Area, at: { version: 1 | 2; path: string }): Place | Reason {
    const views = [this.own(), this.#targetView(pid)];
    const seen = views.flatMap((view) => candidates(view, area, at));
    const places = seen.filter((place) => existsSync(join(place.dir, 'cgroup.procs')));
    const right = places.find((place) => lists(place.dir, pid));
    if (right) return isRoot(right) ? 'root' : right;
    if (readText(join(this.#roots.proc, String(pid), 'stat')) === null) return 'gone';
    return views.some((view) => view.denied) ? 'denied' : 'unseen';
  }

  #targetView(pid: number): View {
    const process = join(this.#roots.proc, String(pid));
    const prefix = join(process, 'root');
    return { prefix, mounts: mountsOf(process), denied: refuses(prefix) };
  }

  /** What the agent's own mounts show. */
  own(): View {
    this.#own ??= { prefix: '', mounts: mountsOf(join(this.#roots.proc, 'self')).map((mount) => this.#fromHere(mount)), denied: false };
    return this.#own;
  }

  /** Mount points are written from the root of the mount namespace; `roots.sys` says where /sys is for us. */
  #fromHere(mount: CgroupMount): CgroupMount {
    const { sys } = this.#roots;
    if (sys === '/sys' || !mount.point.startsWith('/sys/')) return mount;
    return { ...mount, point: join(sys, mount.point.slice('/sys'.length)) };
  }
}

function mountsOf(process: string): CgroupMount[] {
  return parseCgroupMounts(readText(join(process, 'mountinfo')) ?? '');
}

function refuses(link: string): boolean {
  try {
    statSync(link);
    return false;
  } catch (error) {
    return ['EACCES', 'EPERM'].includes(errno(error) ?? '');
  }
}

/** Where the mounts of a view show a path. */
export function candidates(view: View, area: Area, at: { version: 1 | 2; path: string }): Place[] {
  return view.mounts.flatMap((mount) => {
    const rest = below(at.path, mount.root);
    if (mount.version !== at.version || rest === null) return [];
    if (mount.version === 1 && !mount.controllers.includes(area)) return [];
    const top = join(view.prefix, mount.point);
    return [{ version: mount.version, dir: join(top, rest), top }];
  });
}

/** A path that exists may still be another namespace's: the cgroup must list the process. Ids it cannot name (0) cannot contradict. */
function lists(dir: string, pid: number): boolean {
  const text = readText(join(dir, 'cgroup.procs'));
  if (text === null) return false;
  const pids = parseProcs(text);
  return pids.includes(pid) || pids.includes(0);
}

/** Files that the kernel shows in the root cgroup only (`release_agent`, version 1) or nowhere but there (`cgroup.events`, version 2). */
export function isRoot(place: Place): boolean {
  return place.version === 1 ? existsSync(join(place.dir, 'release_agent')) : !existsSync(join(place.dir, 'cgroup.events'));
}

/** Directories walked and processes listed to tell who is in a cgroup; more than a role can have (1,000) is nobody's own cgroup. */
const WALK_DIRS_MAX = 256;
const WALK_PIDS_MAX = 2000;

/** All processes of a cgroup and those below it; null when one cannot be named, or there are too many to be one role's. */
export function processesIn(dir: string): Set<number> | null {
  const pids = new Set<number>();
  const dirs = [dir];
  for (let i = 0; i < dirs.length; i++) {
    const text = readText(join(dirs[i]!, 'cgroup.procs'));
    if (text === null) return null;
    for (const pid of parseProcs(text)) pids.add(pid);
    dirs.push(...subdirectories(dirs[i]!));
    if (dirs.length > WALK_DIRS_MAX || pids.size > WALK_PIDS_MAX || pids.has(0)) return null;
  }
  return pids;
}

export function subdirectories(dir: string): string[] {
  try {
    return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [join(dir, entry.name)] : []));
  } catch {
    return [];
  }
}
