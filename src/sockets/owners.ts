/**
 * Which process holds a socket: by the links `socket:[inode]` of its descriptors. To look at a descriptor takes 3 us, so those of all
 * watched processes of a namespace are walked only when the table has a socket that was not there at the last walk.
 *
 * A socket that several processes hold (after fork, or passed on) belongs to the one that is first in the list.
 */
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import type { Clock } from '../clock.ts';
import { errno } from '../problem.ts';
import { closedTo } from '../sources/proc-access.ts';
import { isGone, kernelCountsDescriptors } from '../sources/proc-reader.ts';
import { isPid } from '../sources/procfs.ts';
import type { Proc } from '../targets.ts';
import type { NamespaceTable, SocketTables } from './tables.ts';
import type { TcpRow } from './tcptable.ts';

/**
 * Descriptors looked at per second on average: at 3 us each, walking takes 0.2 % of a core at most, however many sockets come and go.
 * A process with 200 descriptors can be walked three times a second, one with 5,000 every 7.5 s.
 */
const LOOKS_PER_S = 667;

/** Looks that may be saved up, for the first walk of many processes: 30 ms of CPU. */
const LOOKS_MAX = 10_000;

/** Seconds after which a walk is no longer trusted: a socket may have been passed to another process. */
const TRUSTED_S = 300;

/** Seconds after which the walk of a namespace nobody asks for is dropped. */
const KEPT_S = 600;

/** A process with more descriptors is not looked into: a walk of so many takes 100 ms. */
const DESCRIPTORS_MAX = 32_768;

export interface Ownership {
  /** The pid by the inode; sockets of other kinds than TCP too. Those of nobody that is watched are not in it. */
  readonly owners: ReadonlyMap<number, number>;
  /** False while some socket of the rows has not been looked for yet: `owners` may lack some. */
  readonly settled: boolean;
  /** Pids that may not be looked into, each with what would mend it: nothing is known of their sockets. */
  readonly blind: ReadonlyMap<number, string>;
  /** The pid of one that may not be looked into, but is alone in its network namespace: it has all sockets that are not our own. */
  readonly alone: number | null;
}

interface Walk extends Ownership {
  readonly at: number;
  readonly procs: readonly Proc[];
  /** Sockets of the table that none of the processes has. */
  readonly foreign: ReadonlySet<number>;
}

export class SocketOwners {
  readonly #clock: Clock;
  readonly #place: Place;
  readonly #walks = new Map<string, Walk>();
  /** Below 0 there is no walk until it has come back. */
  #looks = LOOKS_MAX;
  #looksAt = 0;

  constructor({ clock, roots }: { readonly clock: Clock; readonly roots: { readonly proc: string } }, tables: SocketTables) {
    this.#clock = clock;
    this.#place = { proc: roots.proc, counted: kernelCountsDescriptors(roots.proc), tables };
  }

  /**
   * @param procs all watched processes of the table's namespace, in an order that stays: whoever asks must name the same
   * @param rows whose owner matters: only they can make a walk necessary
   */
  ownersOf(table: NamespaceTable, procs: readonly Proc[], rows: readonly TcpRow[] = table.rows): Ownership {
    const now = this.#clock.monotonic();
    const last = this.#walks.get(table.namespace);
    const isKnown = ({ inode }: TcpRow): boolean => inode === 0 || last!.owners.has(inode) || last!.foreign.has(inode);
    const isValid = last !== undefined && now - last.at < TRUSTED_S && isSame(last.procs, procs);
    if (isValid && rows.every(isKnown)) return last;
    if (!this.#mayLook(now)) return { ...(isValid ? last : NOTHING), settled: false };
    for (const [namespace, { at }] of this.#walks) if (now - at > KEPT_S) this.#walks.delete(namespace);
    const { looked, ...found } = walk(this.#place, table, procs);
    this.#looks -= looked;
    const walked = { ...found, at: now, procs };
    this.#walks.set(table.namespace, walked);
    return walked;
  }

  #mayLook(now: number): boolean {
    this.#looks = Math.min(LOOKS_MAX, this.#looks + (now - this.#looksAt) * LOOKS_PER_S);
    this.#looksAt = now;
    return this.#looks > 0;
  }
}

const NOTHING: Ownership = { owners: new Map(), settled: false, blind: new Map(), alone: null };

function isSame(a: readonly Proc[], b: readonly Proc[]): boolean {
  return a.length === b.length && a.every((proc, i) => proc === b[i]);
}

type Found = Omit<Walk, 'at' | 'procs'> & { readonly looked: number };

interface Place {
  readonly proc: string;
  readonly counted: boolean;
  readonly tables: SocketTables;
}

function walk(place: Place, table: NamespaceTable, procs: readonly Proc[]): Found {
  const { proc, counted } = place;
  const owners = new Map<number, number>();
  const blind = new Map<number, string>();
  let looked = 0;
  for (const { pid } of procs) {
    const sockets = socketsOf(`${proc}/${pid}`, counted, DESCRIPTORS_MAX);
    if (typeof sockets === 'string') blind.set(pid, whyBlind(proc, pid, sockets));
    else {
      looked += sockets.looked;
      for (const inode of sockets.inodes) if (!owners.has(inode)) owners.set(inode, pid);
    }
  }
  const [suspect] = blind.keys();
  const { alone, asked } = blind.size === 1 ? aloneIn(place, table, suspect!) : NOBODY;
  if (alone !== null) giveAll(place, table, alone, owners);
  const foreign = new Set<number>();
  for (const { inode } of table.rows) if (inode !== 0 && !owners.has(inode)) foreign.add(inode);
  return { owners, foreign, blind: alone === null ? blind : new Map(), alone, settled: true, looked: looked + asked };
}

export interface Sockets {
  readonly inodes: readonly number[];
  /** Descriptors, of whatever kind. */
  readonly looked: number;
}

/**
 * What a process has open (none when it has ended), or the errno that keeps us from knowing; `many`: more than `max` descriptors.
 * @param counted what `kernelCountsDescriptors` says: too many need then not be listed to be known as such
 */
export function socketsOf(folder: string, counted = false, max = Infinity): Sockets | string {
  try {
    if (counted && statSync(`${folder}/fd`).size > max) return 'many';
    const names = readdirSync(`${folder}/fd`);
    if (names.length > max) return 'many';
    return { inodes: names.flatMap((name) => socketAt(`${folder}/fd/${name}`)), looked: names.length };
  } catch (error) {
    if (isGone(error)) return { inodes: [], looked: 0 };
    const code = errno(error);
    if (code === null || code === 'EMFILE' || code === 'ENFILE') throw error; // says nothing about the process
    return code;
  }
}

const SOCKET = 'socket:[';

function socketAt(link: string): number[] {
  try {
    const target = readlinkSync(link);
    return target.startsWith(SOCKET) ? [Number(target.slice(SOCKET.length, -1))] : [];
  } catch (error) {
    if (isGone(error)) return []; // closed since
    throw error;
  }
}

function whyBlind(proc: string, pid: number, code: string): string {
  return code === 'many' ? 'it has more descriptors than are looked at' : closedTo(proc, pid, 'read');
}

interface Alone {
  readonly alone: number | null;
  /** Processes that were asked for their namespace. */
  readonly asked: number;
}

const NOBODY: Alone = { alone: null, asked: 0 };

/** The container that holds the namespaces of a pod and has no sockets. */
const PAUSE = 'pause';

function aloneIn({ proc, tables }: Place, table: NamespaceTable, one: number): Alone {
  const self = ownPid(proc);
  const pids = readdirSync(proc).filter((name) => isPid(name) && name !== String(one) && name !== self);
  const others = pids.filter((pid) => tables.namespaceOf(Number(pid)) === table.namespace && commOf(`${proc}/${pid}`) !== PAUSE);
  return { alone: others.length === 0 ? one : null, asked: pids.length };
}

function ownPid(proc: string): string | null {
  try {
    return readlinkSync(`${proc}/self`);
  } catch {
    return null;
  }
}

function commOf(folder: string): string | null {
  try {
    return readFileSync(`${folder}/comm`, 'latin1').trimEnd();
  } catch {
    return null;
  }
}

function giveAll({ proc }: Place, { rows }: NamespaceTable, alone: number, owners: Map<number, number>): void {
  const own = socketsOf(`${proc}/self`);
  const ours = new Set(typeof own === 'string' ? [] : own.inodes);
  for (const { inode } of rows) if (inode !== 0 && !ours.has(inode)) owners.set(inode, alone);
}
