/** What is read of a process every 10 s because it changes slowly or costs more: limits, children, and what must be summed over threads. */
import { readdirSync, readlinkSync } from 'node:fs';
import { errno } from '../problem.ts';
import { childrenOf, isGone, type ProcReader, readProcFile } from './proc-reader.ts';
import { isEnded, isPid, parseDescriptorLimit, parseStat, parseSwitches, Stat, Switches } from './procfs.ts';

/** Threads looked at per process: some 15 us and 100 bytes each. Beyond it what is summed over threads is unknown. */
const THREADS_MAX = 512;

/** Children whose state is looked at: some 5 us each, 20 ms in all. Beyond it the number of zombies is unknown. */
const CHILDREN_LOOKED_AT_MAX = 4096;

/** Descriptors whose target is looked at: some 2 us each. Beyond it the number of deleted files is unknown. */
const LINKS_MAX = 4096;

/** Reads between two of `limits`, of which the kernel writes sixteen for the one that is used: once a minute. */
const LIMIT_READS = 6;

/** Why figures are missing: an errno, or `many` when there is more than is looked at. */
export type Missing = string | null;

export class ProcessDetails {
  /** Infinity when there is none. All figures are NaN when unknown. */
  descriptorLimit = NaN;
  children = NaN;
  zombies = NaN;
  /** Context switches of all threads since the process began, without those of threads that lived and ended between two reads. */
  voluntary = NaN;
  involuntary = NaN;
  /** Open descriptors of files that were deleted. */
  deleted = NaN;
  readonly missing: { limit: Missing; children: Missing; zombies: Missing; switches: Missing; deleted: Missing } = {
    limit: null,
    children: null,
    zombies: null,
    switches: null,
    deleted: null,
  };
  readonly #proc: string;
  readonly #folder: string;
  readonly #pid: string;
  readonly #countDeleted: boolean;
  readonly #switches: ContextSwitches;
  #reads = 0;

  constructor(proc: string, pid: number, options: { readonly countDeleted: boolean }) {
    this.#proc = proc;
    this.#folder = `${proc}/${pid}`;
    this.#pid = String(pid);
    this.#switches = new ContextSwitches(this.#pid);
    this.#countDeleted = options.countDeleted;
  }

  /** @param of the same process, which it has just read as a whole */
  read({ stat, switches }: Pick<ProcReader, 'stat' | 'switches'>): void {
    const { missing } = this;
    if (this.#reads++ % LIMIT_READS === 0) missing.limit = attempt(() => this.#readLimit());
    // Of one thread there is nothing to list.
    const tasks = stat.threads === 1 ? [this.#pid] : this.#tasks();
    missing.switches = this.#readSwitches(tasks, switches);
    const children: number[] = [];
    missing.children = typeof tasks === 'string' ? tasks : attempt(() => children.push(...childrenOf(this.#folder, tasks)));
    this.children = missing.children === null ? children.length : NaN;
    missing.zombies = missing.children ?? (children.length > CHILDREN_LOOKED_AT_MAX ? 'many' : null);
    this.zombies = missing.zombies === null ? children.filter((pid) => isZombie(this.#proc, pid)).length : NaN;
    if (this.#countDeleted) this.#readDeleted();
  }

  #readLimit(): void {
    this.descriptorLimit = NaN;
    const { bytes, length } = readProcFile(`${this.#folder}/limits`);
    const limit = parseDescriptorLimit(bytes, length);
    if (limit === null) throw failure('ENODATA');
    this.descriptorLimit = limit;
  }

  #tasks(): string[] | string {
    try {
      const tasks = readdirSync(`${this.#folder}/task`).filter(isPid);
      if (tasks.length === 0) return 'ESRCH'; // a process without threads has ended
      return tasks.length > THREADS_MAX ? 'many' : tasks;
    } catch (error) {
      return errno(error) ?? 'unknown';
    }
  }

  #readSwitches(tasks: string[] | string, main: Switches): Missing {
    this.voluntary = this.involuntary = NaN;
    if (typeof tasks === 'string') return tasks;
    const missing = attempt(() => this.#switches.read(this.#folder, tasks, main));
    if (missing !== null) return missing;
    this.voluntary = this.#switches.voluntary;
    this.involuntary = this.#switches.involuntary;
    return null;
  }

  #readDeleted(): void {
    this.deleted = NaN;
    this.missing.deleted = attempt(() => {
      const names = readdirSync(`${this.#folder}/fd`);
      if (names.length > LINKS_MAX) throw failure('many');
      this.deleted = names.filter((name) => isDeleted(`${this.#folder}/fd/${name}`)).length;
    });
  }
}

function failure(code: string): Error {
  return Object.assign(new Error(code), { code });
}

/** The errno of what went wrong, or null. Running out of descriptors is our own failure and not a fact about the process. */
function attempt(read: () => unknown): Missing {
  try {
    read();
    return null;
  } catch (error) {
    const code = errno(error);
    if (code === null || code === 'EMFILE' || code === 'ENFILE') throw error;
    return code;
  }
}

const childStat = new Stat();

function isZombie(proc: string, pid: number): boolean {
  try {
    const { bytes, length } = readProcFile(`${proc}/${pid}/stat`);
    return parseStat(bytes, length, childStat) && isEnded(childStat.state);
  } catch (error) {
    if (isGone(error)) return false; // reaped since
    throw error;
  }
}

/** The kernel marks a link to a file without a name; a memfd never had one. */
function isDeleted(link: string): boolean {
  try {
    const target = readlinkSync(link);
    return target.endsWith(' (deleted)') && !target.startsWith('/memfd:');
  } catch (error) {
    if (isGone(error)) return false; // closed since
    throw error;
  }
}

type Counted = readonly [voluntary: number, involuntary: number];

/** Sums over threads that come and go, so that the sum never falls when a thread ends. `status` of the process has the main thread's only. */
class ContextSwitches {
  voluntary = 0;
  involuntary = 0;
  readonly #main: string;
  #threads = new Map<string, Counted>();

  /** @param main the number of the main thread */
  constructor(main: string) {
    this.#main = main;
  }

  /** @param main those of the main thread, NaN where `status` did not say */
  read(folder: string, tasks: readonly string[], main: Switches): void {
    const threads = new Map<string, Counted>();
    for (const task of tasks) {
      const isKnown = task === this.#main && main.voluntary + main.involuntary >= 0;
      const now: Counted | null = isKnown ? [main.voluntary, main.involuntary] : switchesOf(`${folder}/task/${task}/status`);
      if (now === null) continue;
      const before = this.#threads.get(task);
      // A count that went back belongs to a new thread with the number of an old one.
      this.voluntary += before && now[0] >= before[0] ? now[0] - before[0] : now[0];
      this.involuntary += before && now[1] >= before[1] ? now[1] - before[1] : now[1];
      threads.set(task, now);
    }
    if (threads.size === 0) throw failure('ENODATA');
    this.#threads = threads;
  }
}

const threadSwitches = new Switches();

function switchesOf(path: string): Counted | null {
  try {
    const { bytes, length } = readProcFile(path);
    return parseSwitches(bytes, length, threadSwitches) ? [threadSwitches.voluntary, threadSwitches.involuntary] : null;
  } catch (error) {
    if (isGone(error)) return null;
    throw error;
  }
}
