/**
 * Control groups whose processes cannot be seen here: those of the containers of the agent's own pod, or one that is named. A figure of a
 * group needs a mount that shows it; in a container of its own cgroup namespace there is none unless the host's tree is mounted into it.
 */
import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type Area, candidates, type Finder, isRoot, type Place, pathOf, readText, subdirectories, type View } from './cgroup-place.ts';
import { type CgroupMount, parseMembership, parseProcs } from './cgroupfs.ts';

/** Why groups cannot be found, and what would mend it. */
export const UNFOUND = {
  alone:
    'only the control group of the agent itself can be seen here: mount the host’s /sys/fs/cgroup read-only into its container (hostPath), or let the pod share its processes (shareProcessNamespace)',
  podless: 'no control group above the agent’s own is that of a pod: name one, as in ROLE=/system.slice/docker-ID.scope',
  absent: 'there is no such control group in any mount that can be seen here',
} as const;

export type Unfound = keyof typeof UNFOUND;

/** Where the groups of all containers of the agent's pod are, and the name of its own among them. */
export interface Pod extends Place {
  readonly own: string;
}

/** The group at this path, as `/proc/PID/cgroup` of the host writes it. */
export function namedGroup(finder: Finder, area: Area, path: string): Place | Unfound {
  const places = mountsOf(finder.own(), area).map((mount): Place => ({
    version: mount.version,
    dir: join(mount.point, path),
    top: mount.point,
  }));
  return places.find((place) => existsSync(join(place.dir, 'cgroup.procs')) && !isRoot(place)) ?? 'absent';
}

export function podOf(finder: Finder, area: Area): Pod | Unfound {
  const at = pathOf(parseMembership(finder.membership('self') ?? ''), area);
  const own = at === null ? [] : candidates(finder.own(), area, at).filter(({ dir }) => isOurs(dir));
  const place = [...own, ...mountsOf(finder.own(), area).flatMap(below)].find(({ dir, top }) => dir !== top);
  if (place === undefined) return 'alone';
  // A runtime may put the processes one level below the group of their container (crun: `crio-ID.scope/container`).
  for (let group = place.dir; group !== place.top; group = dirname(group)) {
    const dir = dirname(group);
    if (POD.test(`${basename(dir)}/${basename(group)}`)) return { ...place, dir, own: basename(group) };
  }
  return 'podless';
}

/**
 * `kubepods-burstable-pod<uid>.slice` with systemd, else `pod<uid>`, where a uid has 32 hexadecimal digits, and between them `-`, `_` or
 * nothing; `machine-libpod_pod_<id>.slice` of podman, or the 64 digits of the id alone above `libpod-<id>`.
 */
const POD = /pod[_-]?(?:[0-9a-f][_-]?){32}[^/]*\/|^[0-9a-f]{64}\/libpod-/;

function mountsOf({ mounts }: View, area: Area): readonly CgroupMount[] {
  const ofVersion1 = mounts.filter(({ controllers }) => controllers.includes(area));
  return ofVersion1.length > 0 ? ofVersion1 : mounts.filter(({ version }) => version === 2);
}

/** Groups of one depth that are looked into: 250 pods of a node (twice the usual limit) with 16 containers each. */
const SEARCH_MAX = 4000;

/**
 * What lies above the root of our cgroup namespace has no name for us: the kernel writes `/../..` for a mount that begins two levels above.
 * The group at that depth that lists us is our own.
 */
function below({ version, root, point }: CgroupMount): Place[] {
  if (!/^(?:\/\.\.)+$/.test(root)) return [];
  let level = [point];
  for (const _ of root.matchAll(/\.\./g)) level = level.flatMap(subdirectories).slice(0, SEARCH_MAX);
  const dir = level.find(isOurs);
  return dir === undefined ? [] : [{ version, dir, top: point }];
}

/** The kernel writes process ids as our pid namespace knows them, so that ours is nobody else's. */
function isOurs(dir: string): boolean {
  return parseProcs(readText(join(dir, 'cgroup.procs')) ?? '').includes(process.pid);
}
