/**
 * Reads one process at every tick: descriptors are kept open and read from position 0 into one buffer. A kept descriptor is the
 * identity of the process: once it has ended it answers ESRCH for ever, whoever gets its pid. Nothing here takes the target's memory
 * map lock (no smaps, maps, cmdline or environ) and nothing allocates while all is well.
 */
import { closeSync, constants, fstatSync, openSync, readSync, readdirSync, statfsSync, statSync } from 'node:fs';
import { Kept } from '../kept.ts';
import { errno } from '../problem.ts';
import {
  type Image,
  imageOf,
  Io,
  isEnded,
  parseChildren,
  parseDescriptorLimit,
  parseIo,
  parsePageSize,
  parseStat,
  parseStatm,
  parseStatus,
  parseSwaps,
  parseSwitches,
  sameImage,
  Stat,
  Status,
  Switches,
} from './procfs.ts';

/** `status` of a process with 5,000 supplementary groups; what does not fit is a truncated read, which the parsers refuse. */
const BUFFER_BYTES = 65_536;

/** One for all: reads are synchronous and parsed at once. */
const buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);

/** The bytes are valid until the next read of any process. */
interface ProcFile {
  readonly bytes: Uint8Array;
  readonly length: number;
}

/** A whole file of /proc, once. Throws what the system says. */
export function readProcFile(path: string): ProcFile {
  const fd = openSync(path, constants.O_RDONLY);
  try {
    return readAtStart(fd);
  } finally {
    closeSync(fd);
  }
}

function readAtStart(fd: number): ProcFile {
  return { bytes: buffer, length: readSync(fd, buffer, 0, BUFFER_BYTES, 0) };
}

/** One that is read at every tick. */
export class KeptProcFile extends Kept<ProcFile> {
  protected readFrom(fd: number): ProcFile {
    return readAtStart(fd);
  }
}

/** Children of all threads: whichever forked them. Throws ENOENT on kernels without CONFIG_PROC_CHILDREN. */
export function childrenOf(folder: string, tasks: readonly string[]): number[] {
  const children: number[] = [];
  let answered = false;
  let failure: unknown = null;
  for (const task of tasks) {
    try {
      const { bytes, length } = readProcFile(`${folder}/task/${task}/children`);
      for (const pid of parseChildren(bytes, length)) children.push(pid);
      answered = true;
    } catch (error) {
      if (!isGone(error)) throw error;
      failure = error; // this thread has ended since, or no thread has the file
    }
  }
  if (!answered && failure !== null) throw failure as Error;
  return children;
}

/** The process or thread is not there any more, or never was. */
export function isGone(error: unknown): boolean {
  const code = errno(error);
  return code === 'ENOENT' || code === 'ESRCH';
}

/** Linux O_PATH, which node:fs does not name. A folder opened with it may be asked for its figures by who may not list it. */
const O_PATH = 0o10000000;

/** PROC_SUPER_MAGIC of the kernel's magic.h: the type of a real /proc. */
const PROC_SUPER_MAGIC = 0x9fa0;

/** Kept per process: stat, status, statm, io, and the folder of descriptors. */
const KEPT_PER_PROCESS = 5;

/** How many descriptors may be kept in all: half of what this process may open, the rest is for everybody else. */
export class DescriptorBudget {
  #left: number;

  constructor(descriptors: number = ownDescriptorLimit() / 2) {
    this.#left = Math.floor(descriptors / KEPT_PER_PROCESS) * KEPT_PER_PROCESS;
  }

  take(): boolean {
    if (this.#left < KEPT_PER_PROCESS) return false;
    this.#left -= KEPT_PER_PROCESS;
    return true;
  }

  giveBack(): void {
    this.#left += KEPT_PER_PROCESS;
  }
}

/** 1024 is the limit that every system grants. */
function ownDescriptorLimit(): number {
  try {
    const { bytes, length } = readProcFile('/proc/self/limits');
    return parseDescriptorLimit(bytes, length) ?? 1024;
  } catch {
    return 1024;
  }
}

/**
 * Whether the size of `/proc/PID/fd` is the number of open descriptors (Linux 6.2 and later): a real /proc, and not zero for this
 * process, which has some. It costs a microsecond however many there are, and needs no right to list them.
 */
export function kernelCountsDescriptors(proc: string): boolean {
  try {
    return statfsSync(proc).type === PROC_SUPER_MAGIC && statSync('/proc/self/fd').size > 0;
  } catch {
    return false;
  }
}

/** Bytes of a page of memory, in which the kernel counts in `statm`; NaN when it does not say. */
export function pageSize(): number {
  try {
    const { bytes, length } = readProcFile('/proc/self/auxv');
    return parsePageSize(bytes, length);
  } catch {
    return NaN;
  }
}

/** Whether anything may be swapped out on this machine, as `swaps` says; also where it is not known. */
export function mayHaveSwap(swaps: KeptProcFile): boolean {
  try {
    const { bytes, length } = swaps.read();
    return parseSwaps(bytes, length);
  } catch {
    return true;
  }
}

/**
 * `ok`: everything that may be read was. `ended`: the process is gone or a zombie. `exec`: it runs another program than at the first
 * read. `ending`: it has given back its memory and will be gone. `refused`: this user may not see it.
 */
export type Outcome = 'ok' | 'ended' | 'exec' | 'ending' | 'refused';

/** The files of which a read may be refused while the rest can be read; `null` while all is well, else the errno. */
type Refused = { io: string | null; fd: string | null; stat: string | null };

export class ProcReader {
  readonly pid: number;
  readonly stat = new Stat();
  readonly status = new Status();
  /** As `status` said when it was last read. */
  readonly switches = new Switches();
  readonly io = new Io();
  /** Open descriptors; NaN when unknown. */
  descriptors = NaN;
  readonly refused: Refused = { io: null, fd: null, stat: null };
  readonly #folder: string;
  readonly #startTime: number;
  readonly #countFds: boolean;
  /** Null: nothing is kept, every read opens and closes. */
  #budget: DescriptorBudget | null;
  #image: Image | null = null;
  #stat = -1;
  #status = -1;
  #statm = -1;
  #io = -1;
  #fd = -1;

  /**
   * @param startTime ticks, as selection saw it: a process of another start time is not the one that was meant
   * @param countFds what `kernelCountsDescriptors` says; without it `descriptors` is only set by `listDescriptors`
   */
  constructor(proc: string, of: { readonly pid: number; readonly startTime: number }, budget: DescriptorBudget, countFds: boolean) {
    this.pid = of.pid;
    this.#folder = `${proc}/${of.pid}`;
    this.#startTime = of.startTime;
    this.#countFds = countFds;
    this.#budget = budget.take() ? budget : null;
  }

  /**
   * Errors of this process (no descriptors left, I/O errors) are thrown: they say nothing about the target.
   * @param page bytes of a page where nothing can be swapped out, so that kinds, swap and peak of memory may stay as they were last read;
   *   NaN: everything of memory is read
   * @param detailed I/O is read as well; else it stays as it was
   */
  read(page: number, detailed = true): Outcome {
    try {
      return this.#read(page, detailed);
    } catch (error) {
      const code = errno(error);
      if (code === 'ESRCH' || code === 'ENOENT') return 'ended';
      if (!isRefusal(code)) throw error;
      this.refused.stat = code;
      return 'refused';
    }
  }

  /**
   * In this order, because a process that exits first gives back its memory, then its descriptors: what `status` still shows memory
   * after, was counted while all was there.
   */
  #read(page: number, detailed: boolean): Outcome {
    const { stat } = this;
    this.#stat = this.#load(this.#stat, 'stat');
    if (!parseStat(buffer, loaded, stat)) return 'ending';
    if (stat.startTime !== this.#startTime || isEnded(stat.state)) return 'ended';
    this.refused.stat = null;
    const image = this.#image;
    if (image === null) this.#image = imageOf(buffer, stat);
    else if (image.startStack !== stat.startStack || image.startStack === 0) {
      if (!sameImage(image, imageOf(buffer, stat))) return 'exec';
    }
    if (this.#countFds) this.#countDescriptors();
    if (detailed) this.#readIo();
    return this.#readMemory(page) ? 'ok' : 'ending';
  }

  /** `statm` takes a third of the time of `status`, which is half of what all reads of a process take. */
  #readMemory(page: number): boolean {
    const { status } = this;
    if (page > 0 && status.swap === 0 && status.anonymous + status.file + status.shmem >= 0) {
      this.#statm = this.#load(this.#statm, 'statm');
      return parseStatm(buffer, loaded, page, status);
    }
    this.#status = this.#load(this.#status, 'status');
    parseSwitches(buffer, loaded, this.switches);
    return parseStatus(buffer, loaded, status);
  }

  /** Counts by listing: some 0.5 us a descriptor, and only for who may list them. */
  listDescriptors(): void {
    this.descriptors = NaN;
    try {
      this.descriptors = readdirSync(`${this.#folder}/fd`).length;
      this.refused.fd = null;
    } catch (error) {
      this.refused.fd = refusal(error);
    }
  }

  close(): void {
    for (const fd of [this.#stat, this.#status, this.#statm, this.#io, this.#fd]) if (fd >= 0) closeSync(fd);
    this.#stat = this.#status = this.#statm = this.#io = this.#fd = -1;
    this.#budget?.giveBack();
    this.#budget = null;
  }

  #countDescriptors(): void {
    this.descriptors = NaN;
    if (this.refused.fd !== null) return;
    try {
      if (this.#budget === null) {
        this.descriptors = statSync(`${this.#folder}/fd`).size;
      } else {
        if (this.#fd < 0) this.#fd = openSync(`${this.#folder}/fd`, O_PATH);
        this.descriptors = fstatSync(this.#fd).size;
      }
    } catch (error) {
      this.refused.fd = refusal(error);
    }
  }

  #readIo(): void {
    this.io.read = this.io.written = NaN;
    if (this.refused.io !== null) return;
    try {
      this.#io = this.#load(this.#io, 'io');
      parseIo(buffer, loaded, this.io);
    } catch (error) {
      this.refused.io = refusal(error);
    }
  }

  /** Reads the file into `buffer`; the descriptor to keep for the next time, or -1. */
  #load(kept: number, name: string): number {
    if (kept >= 0) {
      loaded = readSync(kept, buffer, 0, BUFFER_BYTES, 0);
      return kept;
    }
    const fd = openSync(`${this.#folder}/${name}`, constants.O_RDONLY);
    let keep = false;
    try {
      loaded = readSync(fd, buffer, 0, BUFFER_BYTES, 0);
      keep = this.#budget !== null;
    } finally {
      if (!keep) closeSync(fd);
    }
    return keep ? fd : -1;
  }
}

/** Bytes that the last `#load` put into `buffer`. */
let loaded = 0;

function isRefusal(code: string | null): boolean {
  return code === 'EACCES' || code === 'EPERM';
}

/** The errno of a file that cannot be had while the process may well live; what else happened belongs to the whole read. */
function refusal(error: unknown): string {
  const code = errno(error);
  if (code === null || code === 'ESRCH' || code === 'EMFILE' || code === 'ENFILE') throw error;
  return code;
}
