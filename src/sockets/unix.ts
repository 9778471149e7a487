/**
 * Which two unix sockets are connected. /proc does not say; the kernel tells it by netlink only, which Node cannot speak, so `ss` is asked,
 * of the agent's own network namespace (where a server's socket file usually is). It is a child process of 3 ms, so at most one a minute,
 * and only while a server is reached by a unix socket. Without `ss` nothing is known of these connections but what the server says of them.
 */
import { execFile } from 'node:child_process';
import type { Clock } from '../clock.ts';

const PERIOD_S = 60;

const ANSWER_MS = 2000;

/** 100 bytes a socket: some 40,000 of them. */
const OUTPUT_MAX = 4 * 1024 * 1024;

export class UnixPeers {
  readonly #clock: Clock;
  readonly #program: string;
  #asked = -Infinity;
  #peers: ReadonlyMap<number, number> | null = null;

  constructor({ clock }: { readonly clock: Clock }, program = 'ss') {
    this.#clock = clock;
    this.#program = program;
  }

  /** The inode of the other end by the inode of a socket, as of the last minute; null when it cannot be known here. Never throws. */
  async peers(signal: AbortSignal): Promise<ReadonlyMap<number, number> | null> {
    const now = this.#clock.monotonic();
    if (now - this.#asked < PERIOD_S) return this.#peers;
    this.#asked = now;
    const text = await outputOf(this.#program, signal);
    this.#peers = text === null ? null : parsePeers(text);
    return this.#peers;
  }
}

function outputOf(program: string, signal: AbortSignal): Promise<string | null> {
  const options = { signal, timeout: ANSWER_MS, maxBuffer: OUTPUT_MAX, encoding: 'latin1' } as const;
  return new Promise((resolve) => {
    execFile(program, ['-xH'], options, (error, stdout) => resolve(error === null ? stdout : null));
  });
}

/** The inode of a socket, the name of its peer, and the inode of that end a line; the name before them may be anything. */
const LINE = /^u_(?:str|dgr|seq) .* (\d+)\s+\S+\s+(\d+)\s*$/;

/** Of the output of `ss -xH`: pairs of which each names the other. */
export function parsePeers(text: string): Map<number, number> {
  const named = new Map<number, number>();
  for (const line of text.split('\n')) {
    const [, inode, peer] = LINE.exec(line) ?? [];
    if (inode !== undefined) named.set(Number(inode), Number(peer));
  }
  return new Map([...named].filter(([inode, peer]) => inode !== peer && named.get(peer) === inode));
}
