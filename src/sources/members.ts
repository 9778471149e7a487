/**
 * Which process of a role has which slot. Pure: what was found in, bindings and changes out. A slot is kept for life and taken over by
 * the successor of its process, so that series go on over restarts, prefork workers and replicas.
 */
import { type Proc, SLOTS_MAX } from '../targets.ts';
import { type Image, sameImage } from './procfs.ts';

/** A living process that belongs to the role. */
export interface Found {
  readonly pid: number;
  /** Ticks since boot. */
  readonly startTime: number;
  readonly comm: string;
  readonly image: Image;
  /** Seconds since it started. */
  readonly age: number;
}

/** `found` and `gone` are about the role as a whole; the others about the role's only process or about one slot. */
export type Change =
  | { readonly kind: 'found' | 'start' | 'end'; readonly proc: Proc }
  | { readonly kind: 'gone'; readonly last: Proc }
  | { readonly kind: 'restart'; readonly proc: Proc; readonly previous: Proc; readonly reason: 'replaced' | 'exec' };

/** Shells and start scripts become the program they start: exec in the first seconds of a process is its start, not a restart. */
const SETTLED_S = 2;

/** The member of all processes beyond the last slot. */
const OTHER = 'other';

interface Held {
  readonly proc: Proc;
  readonly image: Image;
}

interface Slot {
  readonly member: string | null;
  /** Who has it, or who had it last. */
  held: Held | null;
  alive: boolean;
  /** Which update found it free; Infinity when nobody has ever had it. */
  freed: number;
}

export class Members {
  readonly #many: boolean;
  readonly #slots: Slot[] = [];
  #others: Held[] = [];
  #last: Proc | null = null;
  #present = false;
  #updates = 0;

  /** @param many whether the role may have several processes: then each has a slot, else its only one has none */
  constructor(many: boolean) {
    this.#many = many;
    const names = many ? Array.from({ length: SLOTS_MAX }, (_, i) => String(i + 1)) : [null];
    for (const member of names) this.#slots.push({ member, held: null, alive: false, freed: Infinity });
  }

  get procs(): Proc[] {
    const slots = this.#slots.flatMap(({ held, alive }) => (held && alive ? [held.proc] : []));
    return [...slots, ...this.#others.map(({ proc }) => proc)];
  }

  /** Whether some process has no slot of its own. */
  get overflows(): boolean {
    return this.#others.length > 0;
  }

  /**
   * Takes what lives now. A process that was there before keeps its slot; new ones, in the order they started, take slots in the order
   * they became free, and then those that nobody has had. The Proc of a process is the same object as long as it runs the same program.
   * @param over bound processes that have ended, whoever has their pid by now
   */
  update(found: readonly Found[], over: ReadonlySet<Proc> = new Set()): Change[] {
    this.#updates++;
    const changes: Change[] = [];
    const left = new Map(found.map((process) => [process.pid, process]));
    const ended = this.#slots.filter((slot) => slot.alive && !this.#keep(slot, left, over, changes));
    this.#keepOthers(left, over);
    this.#place(
      [...left.values()].toSorted((a, b) => a.startTime - b.startTime || a.pid - b.pid),
      changes,
    );
    for (const { held, alive } of ended) if (!alive && this.#many) changes.push({ kind: 'end', proc: held!.proc });
    return this.#whole(changes);
  }

  /** False when the slot's process has ended. */
  #keep(slot: Slot, left: Map<number, Found>, over: ReadonlySet<Proc>, changes: Change[]): boolean {
    const { proc, image } = slot.held!;
    const process = left.get(proc.pid);
    slot.alive = process?.startTime === proc.startTime && !over.has(proc);
    if (!process || !slot.alive) {
      slot.freed = this.#updates;
      return false;
    }
    left.delete(proc.pid);
    if (sameImage(image, process.image)) return true;
    slot.held = hold(process, slot.member);
    // An unknown age is no reason to hide a restart.
    if (!(process.age < SETTLED_S)) changes.push({ kind: 'restart', proc: slot.held.proc, previous: proc, reason: 'exec' });
    return true;
  }

  #keepOthers(left: Map<number, Found>, over: ReadonlySet<Proc>): void {
    this.#others = this.#others.flatMap((held) => {
      const process = left.get(held.proc.pid);
      if (process?.startTime !== held.proc.startTime || over.has(held.proc)) return [];
      left.delete(process.pid);
      return sameImage(held.image, process.image) ? [held] : [hold(process, OTHER)];
    });
  }

  /** Who ended first was replaced first: so the successor of a worker gets its slot even when several are on their way. */
  #place(newcomers: readonly Found[], changes: Change[]): void {
    const free = this.#slots.filter(({ alive }) => !alive).toSorted((a, b) => (a.freed === b.freed ? 0 : a.freed - b.freed));
    for (const process of newcomers) {
      const slot = free.shift();
      if (slot) this.#occupy(slot, process, changes);
      else if (this.#many) this.#others.push(hold(process, OTHER));
    }
  }

  #occupy(slot: Slot, process: Found, changes: Change[]): void {
    const previous = slot.held?.proc;
    slot.held = hold(process, slot.member);
    slot.alive = true;
    const { proc } = slot.held;
    if (previous) changes.push({ kind: 'restart', proc, previous, reason: 'replaced' });
    else if (this.#many) changes.push({ kind: 'start', proc });
  }

  /** Puts what happened to the role as a whole before or after what happened to its slots. */
  #whole(changes: Change[]): Change[] {
    const first = this.procs[0];
    const before = this.#last;
    const was = this.#present;
    this.#present = first !== undefined;
    this.#last = first ?? before;
    // A role of one process that is back has restarted, and that is said already.
    if (first && !was && (this.#many || before === null)) return [{ kind: 'found', proc: first }, ...changes];
    if (!first && was && before) return [...changes, { kind: 'gone', last: before }];
    return changes;
  }
}

function hold({ pid, startTime, comm, image }: Found, member: string | null): Held {
  return { proc: { pid, startTime, comm, member }, image };
}
