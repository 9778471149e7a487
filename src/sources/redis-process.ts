/** The server's own process, when it runs on this machine: a leak may sit there and not in any client. */
import { join } from 'node:path';
import { readProcFile } from './proc-reader.ts';
import { KeyedFile, parseStat, parseUptime, Stat, TICKS_PER_S } from './procfs.ts';

const NAMES = new Set(['redis-server', 'valkey-server']);

/** The server counts whole seconds from when its clock was first read, some moments after the kernel started the process. */
const TOLERANCE_S = 5;

const status = new KeyedFile('RssAnon', 'VmSwap');
const stat = new Stat();

/** What a server tells of its process. */
export interface Claim {
  readonly pid: number;
  /** Seconds. */
  readonly uptime: number;
  /** Changes with every start. */
  readonly runId: string;
}

/** Finds the process of one server, and follows it until the server was started anew. */
export class LocalProcess {
  readonly #proc: string;
  #runId: string | null = null;
  /** Null: no process here is that server. */
  #startTime: number | null = null;

  /** @param proc where /proc is */
  constructor(proc: string) {
    this.#proc = proc;
  }

  /** Anonymous memory and swap in bytes; null when the process is not on this machine, or of a pid namespace that is not seen. */
  privateMemory(claim: Claim): number | null {
    try {
      const startTime = this.#startTimeOf(claim.pid);
      if (claim.runId !== this.#runId) this.#startTime = startTime !== null && this.#began(startTime, claim.uptime) ? startTime : null;
      this.#runId = claim.runId;
      return this.#startTime === null || startTime !== this.#startTime ? null : this.#memory(claim.pid);
    } catch {
      return null; // there is no such process here
    }
  }

  /** In ticks; null when the process has another name. */
  #startTimeOf(pid: number): number | null {
    const { bytes, length } = readProcFile(join(this.#proc, String(pid), 'stat'));
    if (!parseStat(bytes, length, stat)) return null;
    const name = Buffer.from(bytes.subarray(stat.commFrom, stat.commTo)).toString('latin1');
    return NAMES.has(name) ? stat.startTime : null;
  }

  /** A pid alone may be of another pid namespace, or another machine. */
  #began(startTime: number, uptime: number): boolean {
    const { bytes, length } = readProcFile(join(this.#proc, 'uptime'));
    return Math.abs(parseUptime(bytes, length) - startTime / TICKS_PER_S - uptime) <= TOLERANCE_S;
  }

  #memory(pid: number): number | null {
    const { bytes, length } = readProcFile(join(this.#proc, String(pid), 'status'));
    status.parse(bytes, length);
    const [anonymous = NaN, swap = NaN] = status.values;
    return Number.isNaN(anonymous) ? null : (anonymous + (Number.isNaN(swap) ? 0 : swap)) * 1024;
  }
}
