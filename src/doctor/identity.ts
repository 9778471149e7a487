/** Whose a process is and which rights it has: by these the kernel decides who may read what of it. */

/** Capabilities by their bit, from the kernel's linux/capability.h (41 of them since Linux 5.9). */
const CAPABILITIES = (
  'CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN ' +
  'NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME ' +
  'SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ ' +
  'PERFMON BPF CHECKPOINT_RESTORE'
).split(' ');

/** Names without `CAP_`; a bit that is newer than this table is `capability 41`. */
export function capabilityNames(mask: bigint): string[] {
  const names: string[] = [];
  for (let bit = 0; mask >> BigInt(bit) > 0n; bit++) {
    if ((mask >> BigInt(bit)) & 1n) names.push(CAPABILITIES[bit] ?? `capability ${bit}`);
  }
  return names;
}

function mask(...names: readonly string[]): bigint {
  return names.reduce((bits, name) => bits | (1n << BigInt(CAPABILITIES.indexOf(name))), 0n);
}

const PTRACE = mask('SYS_PTRACE');

/** Either lets one read what only its owner may. */
const SEARCH = mask('DAC_READ_SEARCH', 'DAC_OVERRIDE');

export interface Identity {
  /** Real, effective, saved, and that for files, as `status` lists them. */
  readonly uids: readonly number[];
  readonly gids: readonly number[];
  readonly permitted: bigint;
  readonly effective: bigint;
  /** The pid in each pid namespace, from the reader's to the process's own; more than one is a container seen from outside. */
  readonly pids: readonly number[];
}

/** `/proc/PID/status`; null when it is not one. */
export function parseIdentity(status: string): Identity | null {
  const numbers = (key: string): number[] =>
    new RegExp(`^${key}:((?:\\s+\\d+)+)$`, 'm').exec(status)?.[1]?.trim().split(/\s+/).map(Number) ?? [];
  const bits = (key: string): bigint | null => {
    const hex = new RegExp(`^${key}:\\s+([0-9a-f]{1,16})$`, 'm').exec(status)?.[1];
    return hex === undefined ? null : BigInt(`0x${hex}`);
  };
  const [uids, gids, permitted, effective] = [numbers('Uid'), numbers('Gid'), bits('CapPrm'), bits('CapEff')];
  if (uids.length !== 4 || gids.length !== 4 || permitted === null || effective === null) return null;
  return { uids, gids, permitted, effective, pids: numbers('NSpid') };
}

/** A watched process: its identity, and who owns its files under /proc. */
export interface Watched extends Identity {
  /**
   * Owner of `/proc/PID/io`, or null when it could not be asked. It is root instead of the process's user when the process has
   * forbidden to be dumped (prctl(2) PR_SET_DUMPABLE, or a set-user-id program): then its own user is a stranger to it as well.
   */
  readonly owner: number | null;
}

/** Why this process may not be looked into as one's own. */
export type Obstacle = 'user' | 'group' | 'undumpable' | 'capabilities';

const FS = 3;
const EFFECTIVE = 1;

/**
 * What stands between an agent and the files of a process that only its own user may read; nothing: it may read all of them.
 * The conditions are those of `ptrace_may_access` in mode PTRACE_MODE_READ_FSCREDS (ptrace(2), "Ptrace access mode checking"), and the
 * owner's read permission of `io` and `fd`. Measured on Linux 6.18: SYS_PTRACE alone opens `root` and `cwd`, DAC_READ_SEARCH alone the
 * list of descriptors, and only both together everything.
 */
export function access(
  agent: Identity,
  target: Watched,
): { readonly traces: boolean; readonly searches: boolean; readonly obstacles: Obstacle[] } {
  const obstacles: Obstacle[] = [];
  const uid = agent.uids[FS];
  if (target.uids.slice(0, FS).some((id) => id !== uid)) obstacles.push('user');
  if (target.gids.slice(0, FS).some((id) => id !== agent.gids[FS])) obstacles.push('group');
  if (target.owner !== null && target.owner !== target.uids[EFFECTIVE]) obstacles.push('undumpable');
  if ((target.permitted & ~agent.effective) !== 0n) obstacles.push('capabilities');
  const traces = (agent.effective & PTRACE) !== 0n || obstacles.length === 0;
  const searches = (agent.effective & SEARCH) !== 0n || (target.owner ?? target.uids[EFFECTIVE]) === uid;
  return { traces, searches, obstacles };
}

/** Names of users by uid, from passwd(5). */
export function parseUsers(passwd: string): Map<number, string> {
  const users = new Map<number, string>();
  for (const line of passwd.split('\n')) {
    const [, name, uid] = /^([^:#]+):[^:]*:(\d+):/.exec(line) ?? [];
    if (name !== undefined && !users.has(Number(uid))) users.set(Number(uid), name);
  }
  return users;
}
