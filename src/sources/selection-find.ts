/** Finds the processes that a selector means, and says in the user's terms why there are none. */
import { readFileSync } from 'node:fs';
import { errno, type ProblemCode } from '../problem.ts';
import type { Selector } from '../selector.ts';
import { parseMembership } from './cgroupfs.ts';
import { type Holders, PortHolders } from './selection-port.ts';
import { printable, type ProcessInfo, type ProcessTable } from './selection-table.ts';
import { sameImage } from './procfs.ts';

export interface Finding {
  /** Living processes, never kernel threads, by pid. */
  readonly found: readonly ProcessInfo[];
  /** Why nothing was found. */
  readonly why: { readonly code: ProblemCode; readonly message: string } | null;
}

/** What a process was once found to be, so that its command line is not read again. */
interface Seen {
  readonly process: ProcessInfo;
  readonly matches: boolean;
  /** Between fork and exec a process has its parent's command line: it is read once more at the next look. */
  readonly certain: boolean;
}

/** A selector and what it remembers from look to look: per process that exists, one line of verdict. */
export class Finder {
  readonly #selector: Selector;
  readonly #holders: PortHolders | null;
  #seen = new Map<number, Seen>();

  constructor(selector: Selector) {
    this.#selector = selector;
    this.#holders = selector.kind === 'port' ? new PortHolders(selector.port) : null;
  }

  /** @param started pid of the program started for an `exec:` selector, null when it has ended */
  find(table: ProcessTable, started: number | null = null): Finding {
    const selector = this.#selector;
    switch (selector.kind) {
      case 'pid':
        return byPid(table, selector.pid);
      case 'pidfile':
        return byPidfile(table, selector.path);
      case 'exec':
        return started === null ? none('NO_TARGET', 'the program has ended') : byPid(table, started);
      case 'port':
        return byPort(this.#holders!.find(table), selector.port, (process) => !isOurs(table, process));
      case 'name':
        return this.#scan(table, ({ comm }) => comm === selector.name, `no process is called ${selector.name}`);
      case 'cmd':
        return this.#scan(table, (process) => matchesCommand(table, process, selector.pattern), 'no command line matches');
      case 'cgroup':
        return this.#scan(
          table,
          (process) => isInCgroup(table, process.pid, selector.path),
          `no process is in the cgroup ${selector.path}`,
        );
      default:
        return selector satisfies never;
    }
  }

  #scan(table: ProcessTable, matches: (process: ProcessInfo) => boolean, nothing: string): Finding {
    const before = this.#seen;
    this.#seen = new Map();
    const matching = table.all().filter((process) => !process.ended && this.#matches(process, before, matches));
    const found = matching.filter((process) => !process.kernel && !isOurs(table, process));
    if (found.length > 0) return { found, why: null };
    if (matching.some(({ kernel }) => !kernel)) return none('NO_TARGET', `${nothing}, except soak-agent itself and what it has started`);
    if (matching.length > 0) return none('KERNEL_THREAD', 'only threads of the kernel match, and they cannot be watched');
    return none('NO_TARGET', nothing);
  }

  #matches(process: ProcessInfo, before: ReadonlyMap<number, Seen>, matches: (process: ProcessInfo) => boolean): boolean {
    const last = before.get(process.pid);
    const same = last !== undefined && isUnchanged(last.process, process);
    const seen = same && last.certain ? last : { process, matches: matches(process), certain: same };
    this.#seen.set(process.pid, seen);
    return seen.matches;
  }
}

/** Whatever a selector goes by has stayed as it was. */
function isUnchanged(a: ProcessInfo, b: ProcessInfo): boolean {
  return a.startTime === b.startTime && a.comm === b.comm && sameImage(a.image, b.image);
}

function none(code: ProblemCode, message: string): Finding {
  return { found: [], why: { code, message } };
}

function byPid(table: ProcessTable, pid: number): Finding {
  const process = table.get(pid);
  if (process === null) return exists(table, pid) ? none('HIDDEN_TARGET', hidden(pid)) : none('NO_TARGET', `there is no process ${pid}`);
  const who = `process ${describe(process)}`;
  if (process.kernel) return none('KERNEL_THREAD', `${who} is a thread of the kernel: it has no memory and no descriptors to watch`);
  if (process.ended) return none('NO_TARGET', `${who} has ended and waits for its parent to notice (a zombie)`);
  const leader = threadGroup(table, pid);
  if (leader !== null && leader !== pid) return none('SELECTOR', `${pid} is a thread of process ${leader}; watch that`);
  return { found: [process], why: null };
}

/** With hidepid, /proc denies a process that a signal would reach or be refused by. */
function exists(table: ProcessTable, pid: number): boolean {
  if (!table.ownNamespace) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errno(error) === 'EPERM';
  }
}

function hidden(pid: number): string {
  return `process ${pid} exists, but /proc hides it from this user (hidepid); run soak-agent as the user of the process or with CAP_SYS_PTRACE`;
}

/** A thread has a folder in /proc as well, which is not listed. */
function threadGroup(table: ProcessTable, pid: number): number | null {
  const leader = /^Tgid:\s(\d+)$/m.exec(table.text(pid, 'status') ?? '')?.[1];
  return leader === undefined ? null : Number(leader);
}

function byPidfile(table: ProcessTable, path: string): Finding {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const code = errno(error);
    return none('NO_TARGET', code === 'ENOENT' ? `there is no file ${path}` : `${path} cannot be read (${code ?? 'unknown error'})`);
  }
  const pid = Number(/^\s*(\d{1,10})\s/.exec(`${text.slice(0, 64)}\n`)?.[1] ?? NaN);
  if (!(pid > 0)) return none('NO_TARGET', `${path} does not begin with a pid`);
  const { found, why } = byPid(table, pid);
  return { found, why: why && { code: why.code, message: `${path} names ${pid}: ${why.message}` } };
}

function byPort({ listening, holders, unreadable }: Holders, port: number, allowed: (process: ProcessInfo) => boolean): Finding {
  if (!listening) return none('NO_TARGET', `nothing listens on TCP port ${port}`);
  const found = holders.filter((process) => !process.ended && allowed(process));
  if (found.length > 0) return { found, why: null };
  if (holders.length > 0) return none('NO_TARGET', `only soak-agent itself and what it has started listen on TCP port ${port}`);
  if (!unreadable) return none('NO_TARGET', `somebody listens on TCP port ${port}, but no process that can be seen here`);
  const mend = 'run soak-agent as the user of that process or with CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH, or name the process by its pid';
  return none('HIDDEN_TARGET', `somebody listens on TCP port ${port}, but this user may not see whose socket it is; ${mend}`);
}

/** `1234 (nginx)`. */
export function describe({ pid, comm }: ProcessInfo): string {
  return `${pid} (${printable(comm)})`;
}

function matchesCommand(table: ProcessTable, process: ProcessInfo, pattern: RegExp): boolean {
  if (process.kernel) return false;
  const command = (table.text(process.pid, 'cmdline') ?? '').replaceAll('\0', ' ').trimEnd();
  if (command === '' || !pattern.test(command)) return false;
  // sudo, npx, a shell: whoever started us has our arguments, and with them the pattern, in its own command line.
  const written = pattern.source.replaceAll('\\/', '/'); // a slash comes back with a backslash that nobody wrote
  return !(isAncestorOfOurs(table, process) && [pattern.source, written].some((text) => command.includes(text)));
}

function isAncestorOfOurs(table: ProcessTable, process: ProcessInfo): boolean {
  const self = table.self === null ? null : table.get(table.self);
  return self !== null && table.ancestry(self).some(({ pid }) => pid === process.pid);
}

/** This process and its descendants, but not what it has started as a target. */
function isOurs(table: ProcessTable, process: ProcessInfo): boolean {
  const first = table.ancestry(process).find(({ pid }) => pid === table.self || table.started.has(pid));
  return first !== undefined && first.pid === table.self;
}

/** The group itself or one below it; without a slash, a unit's name or (part of) a container id at any place of the path. */
function isInCgroup(table: ProcessTable, pid: number, wanted: string): boolean {
  const { unified, controllers } = parseMembership(table.text(pid, 'cgroup') ?? '');
  const paths = [...(unified === null ? [] : [unified]), ...controllers.values()];
  return paths.some((path) => isBelow(path, wanted));
}

function isBelow(path: string, wanted: string): boolean {
  if (wanted.includes('/')) return `${path}/`.startsWith(wanted.endsWith('/') ? wanted : `${wanted}/`);
  const isId = /^[0-9a-f]{12,64}$/.test(wanted);
  return path.split('/').some((part) => part === wanted || (isId && part.includes(wanted)));
}
