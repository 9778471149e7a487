/** Why a figure of a process cannot be had here, and who could have it: for `blind` events, which `soak-agent doctor` shows too. */
import { statSync } from 'node:fs';
import { METRICS } from './process-metrics.ts';
import type { Figures } from './process-signals.ts';

export interface Blind {
  /** The metric's name; `process.*` when nothing at all can be read. */
  readonly metric: string;
  /** A clause that goes after "because" and says what would mend it. */
  readonly reason: string;
}

const BOTH = 'CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH';

/** What is missing of a process that was just read, details included. */
export function blindOf(figures: Figures, proc: string): Blind[] {
  const { reader, details } = figures;
  const blind: Blind[] = [];
  const add = (metric: string, reason: string): number => blind.push({ metric, reason });
  const closed: Closed = (verb, code, capabilities) => `${closedTo(proc, reader.pid, verb, capabilities)}${because(code)}`;
  if (reader.refused.stat !== null) {
    add('process.*', `/proc hides it (hidepid); run soak-agent as ${userOf(proc, reader.pid)} or with CAP_SYS_PTRACE`);
    return blind;
  }
  const { io, fd } = reader.refused;
  if (io === 'ENOENT') add(METRICS.diskIo.name, 'this kernel has no I/O accounting of processes (CONFIG_TASK_IO_ACCOUNTING)');
  else if (io !== null) add(METRICS.diskIo.name, closed('read', io));
  else if (Number.isNaN(reader.io.read)) add(METRICS.diskIo.name, 'this kernel does not say what goes to storage');
  if (fd !== null) add(METRICS.descriptors.name, `before Linux 6.2 ${closed('count', fd, 'CAP_DAC_READ_SEARCH')}`);
  if (Number.isNaN(reader.status.anonymous + reader.status.swap)) {
    add(METRICS.memoryPrivate.name, 'this kernel does not tell anonymous memory from files (Linux 4.5 and later do)');
  }
  blind.push(...blindDetails(details, closed));
  return blind;
}

function blindDetails({ missing }: Figures['details'], closed: Closed): Blind[] {
  const blind: Blind[] = [];
  const check = (metric: string, cause: string | null, many: string, absent: string): void => {
    if (cause === null || cause === 'ESRCH') return;
    if (cause === 'many') blind.push({ metric, reason: many });
    else if (cause === 'ENOENT' || cause === 'ENODATA') blind.push({ metric, reason: absent });
    else blind.push({ metric, reason: closed('read', cause) });
  };
  const threads = 'it has more threads than are looked at';
  const children = 'this kernel does not list children (CONFIG_PROC_CHILDREN)';
  check(METRICS.descriptorLimit.name, missing.limit, '', 'this kernel does not say');
  check(METRICS.children.name, missing.children, threads, children);
  check(METRICS.zombies.name, missing.zombies, 'it has more children or threads than are looked at', children);
  check(METRICS.contextSwitches.name, missing.switches, threads, 'this kernel does not count them');
  check(METRICS.descriptorsDeleted.name, missing.deleted, 'it has more descriptors than are looked at', 'this kernel does not say');
  return blind;
}

function because(code: string): string {
  return code === 'EACCES' || code === 'EPERM' ? '' : ` (${code})`;
}

type Closed = (verb: 'read' | 'count', code: string, capabilities?: string) => string;

/**
 * Who may look into a process, and what would let soak-agent: a clause. The owner of the folder of a process is its user, and so is that of
 * its files, unless it must not be dumped (prctl(2) PR_SET_DUMPABLE, or a set-user-id program): then they are root's (`task_dump_owner` of
 * the kernel), and its own user is a stranger to it as well.
 */
export function closedTo(proc: string, pid: number, verb: 'read' | 'count', capabilities = BOTH): string {
  const [user, owner] = [ownerOf(`${proc}/${pid}`), ownerOf(`${proc}/${pid}/io`)];
  const them = verb === 'read' ? 'read it' : 'count them';
  const name = userOf(proc, pid);
  return user !== null && owner !== null && user !== owner
    ? `not even ${name} may ${them}, because the process is not dumpable (a set-user-id program, or by prctl); run soak-agent with ${capabilities}`
    : `only ${name} may ${them}; run soak-agent as that user or with ${capabilities}`;
}

function userOf(proc: string, pid: number): string {
  const user = ownerOf(`${proc}/${pid}`);
  return user === null ? 'its user' : `uid ${user}`;
}

function ownerOf(path: string): number | null {
  try {
    return statSync(path).uid;
  } catch {
    return null;
  }
}
