/** Memory of the backends behind sessions, when the server runs on this machine: a leak of a long session sits there, and not in its client. */
import { join } from 'node:path';
import type { Session as ClientSession } from '../servers.ts';
import { type Figures } from './postgres-figures.ts';
import { METRICS } from './postgres-object-metrics.ts';
import { readProcFile } from './proc-reader.ts';
import { KeyedFile } from './procfs.ts';
import type { Sink } from './source.ts';

/** Sessions that are followed one by one; a named statement or a table more is in all of a pool's alike. */
const FOLLOWED_MAX = 10;

/** Younger sessions come and go; what they leak goes with them. */
const LONG_S = 600;

/** 500 files of /proc at 20 us. */
const READ_MAX = 500;

const status = new KeyedFile('RssAnon', 'VmSwap');

export class BackendMemory {
  readonly #proc: string;
  readonly #figures: Figures;
  readonly #period: number;
  /** Ids of the sessions by slot. */
  readonly #slots: (string | null)[] = Array.from({ length: FOLLOWED_MAX }, () => null);

  constructor(proc: string, figures: Figures, period: number) {
    this.#proc = proc;
    this.#figures = figures;
    this.#period = period;
  }

  read(sink: Sink, sessions: readonly ClientSession[]): void {
    const at = sink.now();
    const byAge = sessions.filter(({ ours }) => !ours).toSorted((a, b) => (a.openedAt ?? at) - (b.openedAt ?? at));
    const read = byAge.slice(0, READ_MAX).flatMap((session) => {
      const memory = session.pid === null ? null : privateMemoryOf(this.#proc, session.pid);
      return memory === null ? [] : [{ session, memory }];
    });
    if (read.length === 0 && byAge.length > 0) return; // its processes are not ours to see
    if (byAge.length <= READ_MAX) {
      const sum = read.reduce((all, { memory }) => all + memory, 0);
      this.#figures.set({ sink, at, period: this.#period }, METRICS.backendsMemory, sum);
    }
    this.#follow(
      sink,
      new Map(read.filter(({ session }) => at - (session.openedAt ?? at) >= LONG_S).map(({ session, memory }) => [session.id, memory])),
      at,
    );
  }

  /** A slot is kept until its session ends, and then taken by the longest one that has none. */
  #follow(sink: Sink, memory: ReadonlyMap<string, number>, at: number): void {
    const waiting = [...memory.keys()].filter((id) => !this.#slots.includes(id));
    this.#slots.forEach((id, slot) => {
      const kept = id !== null && memory.has(id);
      const now = kept ? id : (waiting.shift() ?? null);
      const member = String(slot + 1);
      if (now !== null && !kept) {
        this.#slots[slot] = now;
        const message = `slot ${member} of ${this.#figures.target} follows the backend ${now.split('.')[0]}`;
        sink.event('member_start', message, { target: this.#figures.target, member, data: {} });
      } else this.#slots[slot] = now;
      if (now !== null) this.#figures.set({ sink, at, period: this.#period, member }, METRICS.backendMemory, memory.get(now) ?? null);
    });
  }
}

/** Anonymous memory and swap in bytes; null when that process is no Postgres here: its pid may be of another pid namespace. */
export function privateMemoryOf(proc: string, pid: number): number | null {
  try {
    const comm = readProcFile(join(proc, String(pid), 'comm'));
    if (Buffer.from(comm.bytes.subarray(0, comm.length)).toString('latin1').trim() !== 'postgres') return null;
    const { bytes, length } = readProcFile(join(proc, String(pid), 'status'));
    status.parse(bytes, length);
    const [anonymous = Number.NaN, swap = Number.NaN] = status.values;
    return Number.isNaN(anonymous) ? null : (anonymous + (Number.isNaN(swap) ? 0 : swap)) * 1024;
  } catch {
    return null; // it has ended, or is not here
  }
}
