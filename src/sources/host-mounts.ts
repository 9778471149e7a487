/**
 * Which file systems to watch: those that the agent's records and the targets' working directories and open files are on. Only links and
 * tables of the kernel are read here, none of which asks a file server; asking for space, which does, is `host-space.ts`.
 */
import { existsSync, opendirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { errno, messageOf } from '../problem.ts';
import type { Target } from '../targets.ts';
import { FILE_SYSTEMS_MAX, METRICS } from './host-metrics.ts';
import { type Mount, mountOf, parseFdinfo, parseMountinfo } from './hostfs.ts';
import type { ReportBlind, Sink, SourceContext } from './source.ts';

export interface FileSystem {
  /** The mount point, with the role before it when only the target sees it. */
  readonly label: string;
  /** `major:minor`, or null where there is no mount table. */
  readonly device: string | null;
  /** A path on it that the agent can ask about. */
  readonly path: string;
  /** A server or a program answers for it, and may be dead. */
  readonly remote: boolean;
}

/** Processes looked at per role: members run the same program and write to the same places. */
const MEMBERS_MAX = 4;

/** Descriptors looked at per process: a program opens its logs and data files early. */
const DESCRIPTORS_PER_PROCESS = 256;

/** Descriptors looked at in one go, at some 15 us each: 15 ms in a minute. Whoever is left out comes first the next time. */
const DESCRIPTORS_MAX = 1024;

/** Views of the kernel, without space to fill. tmpfs is not one of them: it fills memory. */
const KERNEL_VIEWS = new Set(
  (
    'autofs binfmt_misc bpf cgroup cgroup2 configfs debugfs devpts devtmpfs efivarfs fusectl hugetlbfs mqueue nsfs proc pstore ' +
    'rpc_pipefs securityfs selinuxfs sysfs tracefs'
  ).split(' '),
);

const REMOTE = /^(9p|afs|beegfs|ceph|cifs|fuse|fuse\..+|fuseblk|glusterfs|gpfs|lustre|ncpfs|nfs|nfs4|smb3|smbfs|virtiofs)$/;

export class WrittenFileSystems {
  readonly #proc: string;
  readonly #targets: SourceContext['targets'];
  readonly #out: string;
  readonly #blind: ReportBlind;
  /** By label. Once written to, a file system stays: a log that is closed between two looks still fills the disk. */
  readonly #found = new Map<string, FileSystem>();
  #table: string | null = null;
  #own: readonly Mount[] = [];
  #turn = 0;
  #capped = false;

  constructor(ctx: SourceContext, out: string, blind: ReportBlind) {
    this.#proc = ctx.roots.proc;
    this.#targets = ctx.targets;
    this.#out = existing(resolve(out));
    this.#blind = blind;
  }

  /** Local ones first, so that a dead server holds up nothing else. */
  all(): readonly FileSystem[] {
    return [...this.#found.values()].toSorted((a, b) => Number(a.remote) - Number(b.remote));
  }

  look(sink: Sink): void {
    this.refresh(sink);
    const own = this.#own;
    const processes = this.#targets.all().flatMap((target) => target.procs.slice(0, MEMBERS_MAX).map(({ pid }) => ({ target, pid })));
    let left = DESCRIPTORS_MAX;
    let done = 0;
    for (; done < processes.length && left >= DESCRIPTORS_PER_PROCESS; done++) {
      const { target, pid } = processes[(this.#turn + done) % processes.length]!;
      left -= this.#process(sink, own, target, pid);
    }
    this.#turn += done;
  }

  /**
   * Forgets what is no longer mounted: asking for its mount point would give the figures of what lies below. Cheap enough for every
   * read, since the table is parsed only when it has changed.
   */
  refresh(sink: Sink): void {
    const table = this.#readTable(sink);
    if (table === this.#table) return;
    this.#table = table;
    this.#own = parseMountinfo(table);
    for (const { label, device, path } of this.#found.values()) {
      if (!this.#isThroughProcess(path) && mountOf(this.#own, path)?.device !== device) this.#found.delete(label);
    }
    const mount = mountOf(this.#own, this.#out);
    if (mount) this.#add(sink, { ...describe(mount), label: mount.point, path: this.#out });
    else this.#add(sink, { label: this.#out, device: null, path: this.#out, remote: false });
  }

  #readTable(sink: Sink): string {
    try {
      return readFileSync(join(this.#proc, 'self/mountinfo'), 'utf8');
    } catch (error) {
      this.#blind(sink, METRICS.fileSystemUsage.name, `the mount table may not be read (${errno(error) ?? messageOf(error)})`);
      return '';
    }
  }

  #isThroughProcess(path: string): boolean {
    return path.startsWith(`${this.#proc}/`);
  }

  /** How many descriptors were looked at. */
  #process(sink: Sink, own: readonly Mount[], target: Target, pid: number): number {
    const dir = join(this.#proc, String(pid));
    let looked = 0;
    try {
      const mounts = sameNamespace(this.#proc, dir) ? own : parseMountinfo(readFileSync(join(dir, 'mountinfo'), 'utf8'));
      const cwd = mountOf(mounts, readlinkSync(join(dir, 'cwd')));
      const written = writtenMounts(dir);
      looked = written.looked;
      for (const mount of mounts) {
        if (mount !== cwd && !written.mounts.has(mount.id)) continue;
        if (KERNEL_VIEWS.has(mount.type) || !mount.writable) continue;
        const place = locate(mount, mounts, own, target.role, dir);
        if (place) this.#add(sink, { ...describe(mount), ...place });
      }
      if (written.denied) throw written.denied;
    } catch (error) {
      if (!hasEnded(error)) this.#tellBlind(sink, target, error);
    }
    return looked;
  }

  #tellBlind(sink: Sink, target: Target, error: unknown): void {
    const reason = `where it writes may not be seen by this user (${errno(error) ?? messageOf(error)})`;
    this.#blind(sink, METRICS.fileSystemUsage.name, reason, { target: target.role });
  }

  #add(sink: Sink, found: FileSystem): void {
    const same = [...this.#found.values()].find((known) => known.device !== null && known.device === found.device);
    if (same) {
      // Its label stays; the way to it through a process changes when that process does.
      if (this.#isThroughProcess(same.path)) this.#found.set(same.label, { ...found, label: same.label });
      return;
    }
    if (!this.#found.has(found.label) && this.#found.size >= FILE_SYSTEMS_MAX) return this.#cap(sink);
    this.#found.set(found.label, found);
  }

  #cap(sink: Sink): void {
    if (this.#capped) return;
    this.#capped = true;
    sink.event('cap', `more than ${FILE_SYSTEMS_MAX} file systems are written to; the rest is not watched`, {
      data: { cap: FILE_SYSTEMS_MAX },
    });
  }
}

function describe(mount: Mount): { device: string; remote: boolean } {
  return { device: mount.device, remote: REMOTE.test(mount.type) };
}

/** The folder itself or, before the first run made it, the nearest one above, without symbolic links. */
export function existing(path: string): string {
  return existsSync(path) || dirname(path) === path ? realpathSync(path) : existing(dirname(path));
}

function hasEnded(error: unknown): boolean {
  return errno(error) === 'ENOENT' || errno(error) === 'ESRCH';
}

function sameNamespace(proc: string, dir: string): boolean {
  return readlinkSync(join(proc, 'self/ns/mnt')) === readlinkSync(join(dir, 'ns/mnt'));
}

/** Mounts that regular files are open for writing on. `denied` says why the rest could not be seen. */
function writtenMounts(dir: string): { mounts: ReadonlySet<number>; looked: number; denied: unknown } {
  const mounts = new Set<number>();
  let looked = 0;
  try {
    const fds = opendirSync(join(dir, 'fd'));
    try {
      for (let entry = fds.readSync(); entry !== null && looked < DESCRIPTORS_PER_PROCESS; entry = fds.readSync(), looked++) {
        const mount = writtenMount(dir, entry.name);
        if (mount !== null) mounts.add(mount);
      }
    } finally {
      fds.closeSync();
    }
    return { mounts, looked, denied: null };
  } catch (error) {
    return { mounts, looked, denied: error };
  }
}

function writtenMount(dir: string, fd: string): number | null {
  try {
    const link = readlinkSync(join(dir, 'fd', fd));
    // Sockets and pipes have no path; terminals and /dev/null have one that says nothing about space.
    if (!link.startsWith('/') || (link.startsWith('/dev/') && !link.startsWith('/dev/shm/'))) return null;
    const info = parseFdinfo(readFileSync(join(dir, 'fdinfo', fd), 'latin1'));
    return info?.writes ? info.mount : null;
  } catch (error) {
    if (hasEnded(error)) return null; // closed meanwhile
    throw error;
  }
}

/**
 * Where the agent can ask about a mount of a process: at its own mount point of the same file system when it has one (the same point
 * if possible, else the shortest), otherwise through the process. Null when something is mounted over it.
 */
function locate(
  mount: Mount,
  mounts: readonly Mount[],
  own: readonly Mount[],
  role: string,
  dir: string,
): { label: string; path: string } | null {
  const here = own.filter((m) => m.device === mount.device && mountOf(own, m.point) === m);
  const best = here.find((m) => m.point === mount.point) ?? here.toSorted((a, b) => a.point.length - b.point.length)[0];
  if (best) return { label: best.point, path: best.point };
  if (mountOf(mounts, mount.point) !== mount) return null;
  return { label: `${role}:${mount.point}`, path: join(dir, 'root', mount.point) };
}
