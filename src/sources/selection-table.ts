/** One look at the processes in /proc, as selection needs them: one by its pid, all of them, and the children of one. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { errno } from '../problem.ts';
import { processName } from '../selector.ts';
import type { Found } from './members.ts';
import { childrenOf, isGone, readProcFile } from './proc-reader.ts';
import { imageOf, isEnded, isKernelThread, isPid, parseStat, parseUptime, Stat, TICKS_PER_S } from './procfs.ts';

export interface ProcessInfo extends Found {
  readonly ppid: number;
  readonly threads: number;
  /** A thread of the kernel: it has no memory and no descriptors of its own. */
  readonly kernel: boolean;
  /** A zombie: it has ended, but nobody has waited for it. */
  readonly ended: boolean;
}

/** Between two full looks, a process with more threads is only asked for the children of its main thread: each thread costs some 5 us. */
const THREADS_WALKED = 16;

const stat = new Stat();

/** Everything is read when it is first asked for and then stays as it was: one look is one moment. */
export class ProcessTable {
  readonly proc: string;
  /** This process's own number as this /proc has it, or null when it cannot be seen there. */
  readonly self: number | null;
  /** Pids of the programs that this process has started as targets. */
  readonly started: ReadonlySet<number>;
  /** Process groups that are about to be ended: nobody in them is there. */
  readonly #leaving: ReadonlySet<number>;
  readonly #uptime: number;
  readonly #known = new Map<number, ProcessInfo | null>();
  #all: ProcessInfo[] | null = null;

  /** @param leaving in this process's own namespace */
  constructor(proc: string, started: ReadonlySet<number> = new Set(), leaving: ReadonlySet<number> = new Set()) {
    this.proc = proc;
    this.started = started;
    this.self = selfOf(proc);
    this.#leaving = this.ownNamespace ? leaving : new Set();
    this.#uptime = uptimeOf(proc);
  }

  /** Whether pids here are pids to the system calls of this process. */
  get ownNamespace(): boolean {
    return this.self === process.pid;
  }

  /** Null when there is no such process, or none that this user may see. */
  get(pid: number): ProcessInfo | null {
    const known = this.#known.get(pid);
    if (known !== undefined) return known;
    const info = this.#read(pid);
    this.#known.set(pid, info);
    return info;
  }

  /** Every process that can be seen; some 6 us each. */
  all(): readonly ProcessInfo[] {
    this.#all ??= readdirSync(this.proc)
      .filter(isPid)
      .flatMap((name) => this.get(Number(name)) ?? []);
    return this.#all;
  }

  /** Living children. Null when the kernel does not list them (CONFIG_PROC_CHILDREN). */
  children(of: ProcessInfo, thorough: boolean): ProcessInfo[] | null {
    const folder = `${this.proc}/${of.pid}`;
    try {
      const main = of.threads <= 1 || (of.threads > THREADS_WALKED && !thorough);
      const tasks = main ? [String(of.pid)] : readdirSync(`${folder}/task`).filter(isPid);
      return childrenOf(folder, tasks).flatMap((pid) => {
        const child = this.get(pid);
        return child && !child.ended ? child : [];
      });
    } catch (error) {
      if (!isGone(error)) throw error;
      return this.#read(of.pid) === null ? [] : null;
    }
  }

  /** From the process itself up to the first that cannot be seen. */
  ancestry(of: ProcessInfo): ProcessInfo[] {
    const chain: ProcessInfo[] = [];
    // A pid may be reused while we look: a loop must not be endless.
    for (let at: ProcessInfo | null = of; at && !chain.includes(at); at = at.ppid > 0 ? this.get(at.ppid) : null) chain.push(at);
    return chain;
  }

  /** The text of a file of a process, or null when it cannot be read or the process has ended. */
  text(pid: number, name: string): string | null {
    try {
      return readFileSync(`${this.proc}/${pid}/${name}`, 'utf8');
    } catch {
      return null;
    }
  }

  #read(pid: number): ProcessInfo | null {
    try {
      const { bytes, length } = readProcFile(`${this.proc}/${pid}/stat`);
      if (!parseStat(bytes, length, stat)) return null;
      const { ppid, group, startTime, threads } = stat;
      if (this.#leaving.has(group)) return null;
      const comm = processName(Buffer.from(bytes.subarray(stat.commFrom, stat.commTo)).toString());
      const age = this.#uptime - startTime / TICKS_PER_S;
      const kernel = isKernelThread(stat);
      return { pid, ppid, startTime, comm, image: imageOf(bytes, stat), age, threads, kernel, ended: isEnded(stat.state) };
    } catch (error) {
      const code = errno(error);
      if (isGone(error) || code === 'EACCES' || code === 'EPERM') return null;
      throw error;
    }
  }
}

function selfOf(proc: string): number | null {
  try {
    const name = readlinkSync(`${proc}/self`);
    return isPid(name) ? Number(name) : null;
  } catch {
    return null;
  }
}

function uptimeOf(proc: string): number {
  try {
    const { bytes, length } = readProcFile(`${proc}/uptime`);
    return parseUptime(bytes, length);
  } catch {
    return NaN;
  }
}

/**
 * The last pid given in this pid namespace, the end of `loadavg`: while it stays, no process and no thread was started, and nobody has new
 * children. Null when it cannot be known.
 */
export function lastPid(proc: string): number | null {
  try {
    const word = readFileSync(`${proc}/loadavg`, 'latin1').trimEnd().split(' ').at(-1) ?? '';
    return isPid(word) ? Number(word) : null;
  } catch {
    return null;
  }
}

/** A name from outside as it may be printed: a process may call itself anything, line breaks and escape codes included. */
export function printable(comm: string): string {
  return comm.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '?');
}
