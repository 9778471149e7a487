/**
 * Parsers of the /proc files that are read at every tick: bytes in, numbers out, no strings and no garbage. What a file does not
 * say, says in an unexpected way or says only in part (a truncated read) is NaN or a refusal, never zero.
 * Formats: proc(5), and the kernel's Documentation/filesystems/proc.rst.
 */

/** USER_HZ: times in `stat` are in 1/100 s on every architecture that Node runs on (only alpha and ia64 had another value). */
export const TICKS_PER_S = 100;

const SPACE = 0x20;
const TAB = 0x09;
const NEWLINE = 0x0a;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const OPEN = 0x28;
const CLOSE = 0x29;

/** PF_KTHREAD of the kernel's sched.h. */
const KERNEL_THREAD_FLAG = 0x0020_0000;

/**
 * What is used of `/proc/PID/stat`, named as in proc(5); times in ticks, memory in bytes. `comm` is the range of the name's bytes.
 * `startStack` is 0 where the reader may not know addresses; otherwise it changes when, and only when, the process calls exec (never
 * where addresses are not randomised).
 */
export class Stat {
  pid = NaN;
  commFrom = 0;
  commTo = 0;
  /** The byte of the state letter. */
  state = 0;
  ppid = NaN;
  /** Its process group, named by the pid of whoever founded it. */
  group = NaN;
  flags = 0;
  minflt = NaN;
  majflt = NaN;
  utime = NaN;
  stime = NaN;
  cutime = NaN;
  cstime = NaN;
  threads = NaN;
  startTime = NaN;
  vsize = NaN;
  startStack = NaN;
}

/** Field numbers of proc(5); `fields` below is indexed by them. */
const LAST_FIELD = 28;

const fields = new Float64Array(LAST_FIELD + 1);

/** A command name has 15 bytes, a kernel worker's up to 63; it ends at the last `)` of the file, and no field after it has one. */
const COMM_END_MAX = 96;

/** False when it is not a whole stat line up to the fields that are used; `out` is then unchanged. */
export function parseStat(bytes: Uint8Array, length: number, out: Stat): boolean {
  let close = Math.min(length, COMM_END_MAX) - 1;
  while (close > 0 && bytes[close] !== CLOSE) close--;
  let open = 0;
  while (open < close && bytes[open] !== OPEN) open++;
  if (open === 0 || open >= close) return false;
  const pid = digits(bytes, 0, open - 1);
  const state = bytes[close + 2];
  if (!(pid > 0) || close + 3 >= length || bytes[close + 1] !== SPACE || state === undefined || state <= SPACE) return false;
  if (!numbers(bytes, close + 4, length)) return false;
  out.pid = pid;
  out.commFrom = open + 1;
  out.commTo = close;
  out.state = state;
  take(out);
  return true;
}

/** Fields 4 to 28 into `fields`. Each must be a number followed by a blank. */
function numbers(bytes: Uint8Array, from: number, length: number): boolean {
  let at = from;
  for (let field = 4; field <= LAST_FIELD; field++) {
    const negative = bytes[at] === MINUS;
    if (negative) at++;
    const first = at;
    let value = 0;
    let byte = bytes[at]!;
    while (at < length && byte >= ZERO && byte <= NINE) {
      value = value * 10 + (byte - ZERO);
      byte = bytes[++at]!;
    }
    if (at === first || at >= length || (byte !== SPACE && byte !== NEWLINE)) return false;
    fields[field] = negative ? -value : value;
    at++;
  }
  return true;
}

function take(out: Stat): void {
  out.ppid = fields[4]!;
  out.group = fields[5]!;
  out.flags = fields[9]!;
  out.minflt = fields[10]!;
  out.majflt = fields[12]!;
  out.utime = fields[14]!;
  out.stime = fields[15]!;
  out.cutime = fields[16]!;
  out.cstime = fields[17]!;
  out.threads = fields[20]!;
  out.startTime = fields[22]!;
  out.vsize = fields[23]!;
  out.startStack = fields[28]!;
}

/** The number that fills the range exactly, or NaN. */
function digits(bytes: Uint8Array, from: number, to: number): number {
  if (to <= from) return NaN;
  let value = 0;
  for (let i = from; i < to; i++) {
    const byte = bytes[i]!;
    if (byte < ZERO || byte > NINE) return NaN;
    value = value * 10 + (byte - ZERO);
  }
  return value;
}

/** What tells one program image of a process from the next: two stats of one process differ in it when it called exec in between. */
export interface Image {
  readonly startStack: number;
  readonly comm: number;
}

export function imageOf(bytes: Uint8Array, stat: Stat): Image {
  return { startStack: stat.startStack, comm: hash(bytes, stat.commFrom, stat.commTo) };
}

/** By the address of the stack, which exec draws anew. Where the kernel does not show it (another user's process), by the name. */
export function sameImage(a: Image, b: Image): boolean {
  return a.startStack > 0 && b.startStack > 0 ? a.startStack === b.startStack : a.comm === b.comm;
}

/** FNV-1a, 32 bits. */
export function hash(bytes: Uint8Array, from: number, to: number): number {
  let value = 0x811c9dc5;
  for (let i = from; i < to; i++) value = Math.imul(value ^ bytes[i]!, 0x01000193);
  return value >>> 0;
}

export function isKernelThread(stat: Stat): boolean {
  return (stat.flags & KERNEL_THREAD_FLAG) !== 0;
}

/** Zombies and dead processes: what is still listed of a process that has ended. */
export function isEnded(state: number): boolean {
  return state === 0x5a /* Z */ || state === 0x58 /* X */ || state === 0x78; /* x */
}

/** Files of lines `Key:   number unit`: `status`, `io`, `smaps_rollup`. Found by key: kernels add, drop and move lines. */
export class KeyedFile {
  readonly #keys: readonly Uint8Array[];
  /** Where the first key was found last time: the same files have it in the same place. */
  #start = 0;
  /** In the order of the keys; NaN for what the last parsed file does not say. */
  readonly values: Float64Array;

  constructor(...keys: string[]) {
    this.#keys = keys.map((key) => new TextEncoder().encode(key));
    this.values = new Float64Array(keys.length).fill(NaN);
  }

  /** How many of the keys were found, each at the start of a line and with a whole number after it. */
  parse(bytes: Uint8Array, length: number): number {
    const start = this.#start;
    if (start > 0 && start < length && bytes[start - 1] === NEWLINE && this.#scan(bytes, start, length) === this.#keys.length) {
      return this.#keys.length;
    }
    return this.#scan(bytes, 0, length);
  }

  #scan(bytes: Uint8Array, from: number, length: number): number {
    this.values.fill(NaN);
    let found = 0;
    for (let at = from; at < length && found < this.#keys.length; at++) {
      if (this.#line(bytes, at, length)) {
        if (found === 0) this.#start = at;
        found++;
      }
      while (at < length && bytes[at] !== NEWLINE) at++;
    }
    return found;
  }

  #line(bytes: Uint8Array, at: number, length: number): boolean {
    const first = bytes[at];
    for (let k = 0; k < this.#keys.length; k++) {
      const key = this.#keys[k]!;
      if (first !== key[0] || !startsWith(bytes, at, length, key)) continue;
      if (!Number.isNaN(this.values[k])) return false;
      const value = numberAfter(bytes, at + key.length + 1, length);
      if (Number.isNaN(value)) return false;
      this.values[k] = value;
      return true;
    }
    return false;
  }
}

function startsWith(bytes: Uint8Array, at: number, length: number, key: Uint8Array): boolean {
  if (at + key.length >= length || bytes[at + key.length] !== COLON) return false;
  for (let i = 1; i < key.length; i++) if (bytes[at + i] !== key[i]) return false;
  return true;
}

/** The number after blanks; it must be followed by a blank, or it may be the part of one that a truncated read has left. */
function numberAfter(bytes: Uint8Array, from: number, length: number): number {
  let at = from;
  while (at < length && (bytes[at] === SPACE || bytes[at] === TAB)) at++;
  const first = at;
  let value = 0;
  while (at < length && bytes[at]! >= ZERO && bytes[at]! <= NINE) value = value * 10 + (bytes[at++]! - ZERO);
  const end = bytes[at];
  return at > first && at < length && (end === SPACE || end === NEWLINE || end === TAB) ? value : NaN;
}

/** Memory of a process from `status`, in bytes. All are NaN for a process that is just ending and for kernel threads: they have no memory. */
export class Status {
  rss = NaN;
  peak = NaN;
  anonymous = NaN;
  file = NaN;
  shmem = NaN;
  swap = NaN;
}

const statusFile = new KeyedFile('VmHWM', 'VmRSS', 'RssAnon', 'RssFile', 'RssShmem', 'VmSwap');

/** False when the process has no memory (any more). */
export function parseStatus(bytes: Uint8Array, length: number, out: Status): boolean {
  const found = statusFile.parse(bytes, length);
  const { values } = statusFile;
  out.peak = values[0]! * 1024;
  out.rss = values[1]! * 1024;
  out.anonymous = values[2]! * 1024;
  out.file = values[3]! * 1024;
  out.shmem = values[4]! * 1024;
  out.swap = values[5]! * 1024;
  return found > 0;
}

/**
 * What `statm` says of the same: resident and anonymous memory, from the counters that `status` shows too, so that the figures are the
 * same. It knows nothing of swap, of which `out` must say that there is none, and nothing of kinds and peak, which stay as they were.
 * False, and nothing changed, when the process has no memory (any more).
 */
export function parseStatm(bytes: Uint8Array, length: number, page: number, out: Status): boolean {
  let at = 0;
  for (let field = 0; field < STATM_FIELDS; field++) {
    const from = at;
    while (at < length && bytes[at] !== SPACE) at++;
    if (at === length) return false;
    fields[field] = digits(bytes, from, at++);
  }
  const [size, resident, shared] = fields as unknown as [number, number, number];
  if (!(size > 0 && resident >= shared)) return false;
  out.rss = resident * page;
  out.anonymous = (resident - shared) * page;
  return true;
}

/** Size, resident, and of that shared: with files and with other processes. */
const STATM_FIELDS = 3;

/** Switches of the main thread. */
export class Switches {
  voluntary = NaN;
  involuntary = NaN;
}

const switchesFile = new KeyedFile('voluntary_ctxt_switches', 'nonvoluntary_ctxt_switches');

/** From `status` of a thread; that of a process is its main thread's. */
export function parseSwitches(bytes: Uint8Array, length: number, out: Switches): boolean {
  const found = switchesFile.parse(bytes, length);
  out.voluntary = switchesFile.values[0]!;
  out.involuntary = switchesFile.values[1]!;
  return found === 2;
}

/** Bytes that a process caused to be moved to and from storage: `io`. */
export class Io {
  read = NaN;
  written = NaN;
}

const ioFile = new KeyedFile('read_bytes', 'write_bytes');

export function parseIo(bytes: Uint8Array, length: number, out: Io): boolean {
  const found = ioFile.parse(bytes, length);
  out.read = ioFile.values[0]!;
  out.written = ioFile.values[1]!;
  return found === 2;
}

/** The first number of a text file, `uptime` in seconds; NaN when it has none. */
export function parseUptime(bytes: Uint8Array, length: number): number {
  let dot = 0;
  while (dot < length && bytes[dot] !== 0x2e) dot++;
  const whole = digits(bytes, 0, dot);
  const hundredths = digits(bytes, dot + 1, dot + 3);
  return bytes[dot + 3] === SPACE && dot + 3 < length ? whole + hundredths / 100 : NaN;
}

/** False when `swaps` is the line that names the columns and nothing else: there is no swap. */
export function parseSwaps(bytes: Uint8Array, length: number): boolean {
  let first = 0;
  while (first < length && bytes[first] !== NEWLINE) first++;
  return first + 1 !== length;
}

/** AT_PAGESZ of the kernel's auxvec.h. */
const PAGE_SIZE_KEY = 6n;

/** The smallest of any machine with Linux. */
const PAGE_MIN_BYTES = 4096;

/**
 * Bytes of a page of memory, of `auxv`: pairs of words, here of 64 bits and little-endian. NaN when it does not say, and for what is no
 * size of a page, as words of another size or byte order look.
 */
export function parsePageSize(bytes: Uint8Array, length: number): number {
  const words = new DataView(bytes.buffer, bytes.byteOffset, length);
  for (let at = 0; at + 16 <= length; at += 16) {
    if (words.getBigUint64(at, true) !== PAGE_SIZE_KEY) continue;
    const size = Number(words.getBigUint64(at + 8, true));
    return size >= PAGE_MIN_BYTES && Number.isInteger(Math.log2(size)) ? size : NaN;
  }
  return NaN;
}

const LIMIT = new TextEncoder().encode('Max open files  ');
const UNLIMITED = new TextEncoder().encode('unlimited ');

/** The soft limit of descriptors in `limits`: Infinity for `unlimited`, null when it does not say. */
export function parseDescriptorLimit(bytes: Uint8Array, length: number): number | null {
  let at = 0;
  while (at < length && !stands(LIMIT, bytes, at, length)) {
    while (at < length && bytes[at] !== NEWLINE) at++;
    at++;
  }
  at += LIMIT.length;
  while (at < length && bytes[at] === SPACE) at++;
  if (stands(UNLIMITED, bytes, at, length)) return Infinity;
  const limit = numberAfter(bytes, at, length);
  return Number.isNaN(limit) ? null : limit;
}

function stands(text: Uint8Array, bytes: Uint8Array, at: number, length: number): boolean {
  if (at + text.length > length) return false;
  for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text[i]) return false;
  return true;
}

/** The pids of a `children` file. A blank follows each: what none follows is the part of a number that a truncated read has left. */
export function parseChildren(bytes: Uint8Array, length: number): number[] {
  const pids: number[] = [];
  for (let from = 0, at = 0; at < length; at++) {
    if (bytes[at] !== SPACE) continue;
    const pid = digits(bytes, from, at);
    if (pid > 0) pids.push(pid);
    from = at + 1;
  }
  return pids;
}

/** Whether the name of a folder in /proc is a process or thread id. */
export function isPid(name: string): boolean {
  return /^[1-9]\d{0,9}$/.test(name);
}
