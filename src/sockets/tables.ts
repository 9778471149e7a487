/**
 * The TCP sockets of network namespaces. The kernel walks its whole hash of connections for every read of `/proc/net/tcp` or `tcp6`,
 * even when they are empty: 1 to 5 ms of CPU for each. So whoever asks within one round is given the same table, processes of one
 * namespace share it, IPv6 is read less often for who does not need it, and a family without sockets is not read at all.
 *
 * A namespace is known by the inode of its `net/tcp`: the kernel makes that file once per namespace, and any user may ask for it, while
 * the link `ns/net` is only for who may trace the process.
 */
import { closeSync, constants, openSync, readSync, statSync } from 'node:fs';
import type { Clock } from '../clock.ts';
import { errno } from '../problem.ts';
import { type Family, hasNone } from './inuse.ts';
import { parseTcp, type TcpRow } from './tcptable.ts';

/** Rows kept of one file: 200 bytes each, 4 MB. */
export const ROWS_MAX = 20_000;

/** Rows in TIME_WAIT kept beside them; a load of 300 new connections a second leaves as many. */
export const TIME_WAITS_MAX = 20_000;

/** Lines read of one file. At 2.6 us each a read takes 260 ms at most. */
const LINES_MAX = 100_000;

/** Seconds for which a table is given again: sources that are read in one round share it. */
const FRESH_S = 0.5;

/**
 * What all tables together may take of a core, by the length of the run: of a trial of 10 min, whose pools are read every second, 30 s.
 * Reading each once more waits for as long as what reading all of them took is that share of. One with a few hundred sockets is always
 * read, in a trial one with 5,000; those of 100 containers (250 ms) are given again for 25 s. `at` says how old one is.
 */
export const SHARE = { trial: 0.05, soak: 0.01 } as const;

/** Who does not need fresh rows of IPv6 gets them fresh every so many reads. */
const IPV6_EVERY = 10;

/** Nobody is given an older one, whatever it costs. */
const FRESH_MAX_S = 60;

/** Seconds after which a table nobody asks for is dropped: twice the longest time between reads of a source. */
const KEPT_S = 120;

/** What is enough for whoever asks. */
export interface Enough {
  /** `kept`: rows of `tcp6` may be from up to ten reads ago, for who had no use for any of them. */
  readonly ipv6?: 'fresh' | 'kept';
  /** Seconds that the table may be old; without it, and at least, `FRESH_S`. */
  readonly age?: number;
}

export interface NamespaceTable {
  /** Equal for processes that share a network namespace. */
  readonly namespace: string;
  /** When it was read, on the monotonic clock. */
  readonly at: number;
  /** A socket that comes or goes while the kernel lists them may be missing; one that belongs to no process may be there twice. */
  readonly rows: readonly TcpRow[];
  /** There are more than `ROWS_MAX`: whatever is counted here is too few. */
  readonly capped: boolean;
  /** There are more in TIME_WAIT than `TIME_WAITS_MAX`: only those are too few. */
  readonly timeWaitsCapped: boolean;
}

export class SocketTables {
  readonly #clock: Clock;
  readonly #proc: string;
  readonly #share: number;
  readonly #kept = new Map<string, Kept>();

  /** @param share of a core that all tables may take */
  constructor({ clock, roots }: { readonly clock: Clock; readonly roots: { readonly proc: string } }, share: number = SHARE.soak) {
    this.#clock = clock;
    this.#proc = roots.proc;
    this.#share = share;
  }

  /** Of the process, or null: it has ended, or this user may not know. */
  namespaceOf(pid: number | 'self'): string | null {
    return namespaceOf(`${this.#proc}/${pid}`);
  }

  /** The sockets of the network namespace of a process; null when it has ended or /proc hides it from this user. */
  read(pid: number | 'self', { ipv6: wanted = 'fresh', age = 0 }: Enough = {}): NamespaceTable | null {
    const now = this.#clock.monotonic();
    const namespace = this.namespaceOf(pid);
    if (namespace === null) return null;
    const fresh = Math.min(FRESH_MAX_S, Math.max(age, this.#freshFor(now)));
    const before = this.#kept.get(namespace);
    const isFresh = (part: Part | undefined): part is Part => part !== undefined && now - part.at < fresh;
    const folder = `${this.#proc}/${pid}`;
    const ipv4 = isFresh(before?.ipv4) ? before.ipv4 : this.#part(folder, 'tcp', now, before?.ipv4);
    if (ipv4 === null) return null;
    const stale = (before?.stale ?? 0) + (ipv4 === before?.ipv4 ? 0 : 1);
    const enough = before !== undefined && (isFresh(before.ipv6) || (wanted === 'kept' && stale < IPV6_EVERY));
    const ipv6 = enough ? before.ipv6 : (this.#part(folder, 'tcp6', now, before?.ipv6) ?? none(now));
    if (ipv4 === before?.ipv4 && ipv6 === before.ipv6) return before.table;
    const table = {
      namespace,
      at: ipv4.at,
      rows: [...ipv4.rows, ...ipv6.rows],
      capped: ipv4.capped || ipv6.capped,
      timeWaitsCapped: ipv4.timeWaitsCapped || ipv6.timeWaitsCapped,
    };
    this.#kept.set(namespace, { ipv4, ipv6, stale: enough ? stale : 0, table });
    return table;
  }

  /** Forgets what nobody has asked for, and says for how long, in seconds, the rest need not be read again. */
  #freshFor(now: number): number {
    let cost = 0;
    for (const [namespace, { table, ipv4, ipv6 }] of this.#kept) {
      if (now - table.at > KEPT_S) this.#kept.delete(namespace);
      else cost += ipv4.cost + ipv6.cost;
    }
    return Math.max(FRESH_S, cost / this.#share);
  }

  #part(folder: string, family: Family, now: number, last: Part | undefined): Part | null {
    if (hasNone(folder, family)) return none(now);
    const before = this.#clock.cpu();
    const read = readTcp(`${folder}/net/${family}`);
    const measured = this.#clock.cpu() - before;
    return read === null ? null : { ...read, at: now, measured, cost: Math.min(measured, last?.measured ?? 0) };
  }
}

/** What one file says. */
type Read = Pick<NamespaceTable, 'rows' | 'capped' | 'timeWaitsCapped'>;

/** When it was read, and how many seconds of CPU that took: of two times the smaller, because other threads are in them too. */
interface Part extends Read {
  readonly at: number;
  readonly measured: number;
  readonly cost: number;
}

/** Of a namespace without sockets of a family, or a kernel without IPv6. */
function none(at: number): Part {
  return { rows: [], capped: false, timeWaitsCapped: false, at, measured: 0, cost: 0 };
}

interface Kept {
  readonly ipv4: Part;
  /** Empty on a kernel without IPv6, which has no such file. */
  readonly ipv6: Part;
  /** Reads of `tcp` since the last one of `tcp6`. */
  readonly stale: number;
  readonly table: NamespaceTable;
}

/** @param folder of a process in /proc */
export function namespaceOf(folder: string): string | null {
  try {
    return String(statSync(`${folder}/net/tcp`).ino);
  } catch {
    return null;
  }
}

/** The kernel gives whole rows, a page of 4 KB at most with each call. */
const CHUNK_BYTES = 65_536;

const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);

/** Null when there is no such file, or it is not for this user. Other errors are ours, and thrown. */
export function readTcp(path: string): Read | null {
  const taken = new Taken();
  return readRows(path, taken) ? taken.read() : null;
}

/** Sockets that listen, of nobody when there is no such file. A table of 15,000 connections takes 60 ms, those that listen in it 0.2 ms. */
export function readListening(path: string): readonly TcpRow[] {
  const taken = new Listening();
  readRows(path, taken);
  return taken.rows;
}

interface Taker {
  /** Nothing more is wanted. */
  readonly full: boolean;
  take(row: TcpRow | null): void;
}

/** False when there is no such file, or it is not for this user. */
function readRows(path: string, taker: Taker): boolean {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY);
  } catch (error) {
    if (isOurs(error)) throw error;
    return false;
  }
  try {
    for (let left = 0; !taker.full;) {
      const length = readSync(fd, chunk, left, CHUNK_BYTES - left, null);
      if (length === 0) break;
      const used = parseTcp(chunk, left + length, (row) => taker.take(row));
      left = left + length - used;
      if (left === CHUNK_BYTES) left = 0; // not a table: no line is as long
      else chunk.copyWithin(0, used, used + left);
    }
    return true;
  } finally {
    closeSync(fd);
  }
}

/** The kernel lists sockets that listen before all others (Documentation/networking/proc_net_tcp.rst), and walks no further than is read. */
class Listening implements Taker {
  readonly rows: TcpRow[] = [];
  full = false;

  take(row: TcpRow | null): void {
    if (row?.state === 'listen') this.rows.push(row);
    else if (row !== null) this.full = true;
  }
}

/**
 * Rows up to the caps, and by one more that there are more; each socket once. What comes or goes between two pages lets the kernel begin
 * at the wrong one: under load a process with 20 sockets was seen to have 23.
 */
class Taken implements Taker {
  readonly #rows: TcpRow[] = [];
  readonly #inodes = new Set<number>();
  readonly #timeWaits: TcpRow[] = [];
  #lines = 0;

  get full(): boolean {
    return this.#rows.length > ROWS_MAX || this.#lines >= LINES_MAX;
  }

  take(row: TcpRow | null): void {
    this.#lines++;
    if (row?.state === 'time_wait') {
      if (this.#timeWaits.length <= TIME_WAITS_MAX) this.#timeWaits.push(row);
    } else if (row !== null && this.#rows.length <= ROWS_MAX && this.#isNew(row)) this.#rows.push(row);
  }

  #isNew({ inode }: TcpRow): boolean {
    if (inode === 0) return true; // of no process: they cannot be told apart by it
    const { size } = this.#inodes;
    return this.#inodes.add(inode).size > size;
  }

  read(): Read {
    const rows = [...this.#rows.slice(0, ROWS_MAX), ...this.#timeWaits.slice(0, TIME_WAITS_MAX)];
    return { rows, capped: this.full, timeWaitsCapped: this.full || this.#timeWaits.length > TIME_WAITS_MAX };
  }
}

function isOurs(error: unknown): boolean {
  const code = errno(error);
  return code === 'EMFILE' || code === 'ENFILE' || code === null;
}
