/** Why a figure of a process cannot be had here, and who could have it: for `blind` events, which `soak-agent doctor` shows too. */
import { closedTo, userOf } from './proc-access.ts';
import { METRICS } from './process-metrics.ts';
import type { Figures } from './process-signals.ts';

export interface Blind {
  /** The metric's name; `process.*` when nothing at all can be read. */
  readonly metric: string;
  /** A clause that goes after "because" and says what would mend it. */
  readonly reason: string;
}

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
