/**
 * Parser of `/proc/net/tcp` and `tcp6`: bytes in, rows out. A row that is cut or says something unexpected is refused, never guessed.
 * Format: the kernel's Documentation/networking/proc_net_tcp.rst and `get_tcp4_sock` of net/ipv4/tcp_ipv4.c.
 */
import type { Endpoint } from '../servers.ts';

/** In the spelling of OpenTelemetry's `network.connection.state`, by the kernel's number (include/net/tcp_states.h); 12 is a request. */
const STATES = [
  null,
  'established',
  'syn_sent',
  'syn_received',
  'fin_wait_1',
  'fin_wait_2',
  'time_wait',
  'closed',
  'close_wait',
  'last_ack',
  'listen',
  'closing',
  'syn_received',
] as const;

export type TcpState = NonNullable<(typeof STATES)[number]>;

export const TCP_STATES: readonly TcpState[] = [...new Set(STATES)].filter((state) => state !== null);

/** An IPv4 address that a socket of IPv6 uses (`::ffff:1.2.3.4`) is the IPv4 address; others are written as RFC 5952 says. */
export type TcpEndpoint = Extract<Endpoint, { readonly address: string }>;

export interface TcpRow {
  readonly local: TcpEndpoint;
  /** Port 0 for a socket that listens. */
  readonly remote: TcpEndpoint;
  readonly state: TcpState;
  /** 0: no process has it (TIME_WAIT, or closed by its process, or not accepted yet). */
  readonly inode: number;
  /** Bytes not yet read by the program; of a socket that listens: connections that wait to be accepted. */
  readonly rxQueue: number;
  /** Bytes not yet acknowledged by the other side; of a socket that listens: how many may wait to be accepted is not said. */
  readonly txQueue: number;
  /** Listed by `tcp6`, whatever its address. */
  readonly ipv6: boolean;
}

const BLANK = 0x20;
const NEWLINE = 0x0a;
const COLON = 0x3a;
const ZERO = 0x30;

/** Value of a hexadecimal digit by its byte; 255 for anything else. */
const HEX = new Uint8Array(256).fill(255);
for (const [value, digit] of Array.from('0123456789abcdef').entries()) {
  HEX[digit.charCodeAt(0)] = value;
  HEX[digit.toUpperCase().charCodeAt(0)] = value;
}

/** Gives the row of each complete line, null for a line that is none; returns how many bytes those lines have. */
export function parseTcp(bytes: Uint8Array, length: number, take: (row: TcpRow | null) => void): number {
  let at = 0;
  for (;;) {
    const end = bytes.indexOf(NEWLINE, at);
    if (end < 0 || end >= length) return at;
    take(new Line(bytes, at, end).row());
    at = end + 1;
  }
}

/** Columns: slot, local address:port, remote, state, tx:rx queues, timer, retransmits, uid, timeout, inode. */
class Line {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #at: number;
  #sound = true;
  #ipv6 = false;

  constructor(bytes: Uint8Array, from: number, end: number) {
    this.#bytes = bytes;
    this.#at = from;
    this.#end = end;
  }

  row(): TcpRow | null {
    this.#decimal(COLON);
    const local = this.#endpoint();
    const remote = this.#endpoint();
    const state = STATES[this.#hex(2, BLANK)];
    const txQueue = this.#hex(8, COLON);
    const rxQueue = this.#hex(8, BLANK);
    this.#hex(2, COLON);
    this.#hex(8, BLANK);
    this.#hex(8, BLANK);
    this.#decimal(BLANK);
    this.#decimal(BLANK);
    const inode = this.#decimal(BLANK);
    if (!this.#sound || !state || local === null || remote === null) return null;
    return { local, remote, state, inode, rxQueue, txQueue, ipv6: this.#ipv6 };
  }

  #endpoint(): TcpEndpoint | null {
    this.#skipBlanks();
    const from = this.#at;
    const colon = this.#bytes[from + 8] === COLON ? from + 8 : from + 32;
    this.#at = colon + 1;
    if (!this.#sound || colon >= this.#end || this.#bytes[colon] !== COLON) return this.#refuse();
    this.#ipv6 ||= colon === from + 32;
    const address = this.#address(from, colon);
    const port = this.#hex(4, BLANK);
    return address === null ? this.#refuse() : { address, port };
  }

  /** Words of 32 bits as they lie in memory: their bytes are in the order of the network, their digits in that of the machine. */
  #address(from: number, to: number): string | null {
    const count = (to - from) / 8;
    for (let i = 0; i < count; i++) {
      const word = this.#word(from + i * 8, 8);
      if (Number.isNaN(word)) return null;
      words[i] = word;
    }
    if (count === 1) return ipv4(0);
    const mapped = words[0] === 0 && words[1] === 0 && octets[8] === 0 && octets[9] === 0 && octets[10] === 255 && octets[11] === 255;
    return mapped ? ipv4(3) : ipv6(this.#bytes, from, to);
  }

  /** A number of exactly so many digits and what follows it. */
  #hex(digits: number, follows: number): number {
    this.#skipBlanks();
    const value = this.#word(this.#at, digits);
    this.#at += digits + 1;
    if (Number.isNaN(value) || this.#at > this.#end || this.#bytes[this.#at - 1] !== follows) this.#refuse();
    return value;
  }

  #word(from: number, digits: number): number {
    let value = 0;
    for (let i = from; i < from + digits; i++) {
      const digit = HEX[this.#bytes[i] ?? BLANK]!;
      if (digit === 255) return NaN;
      value = value * 16 + digit;
    }
    return value;
  }

  #decimal(follows: number): number {
    this.#skipBlanks();
    const from = this.#at;
    let value = 0;
    for (; this.#at < this.#end; this.#at++) {
      const digit = this.#bytes[this.#at]! - ZERO;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    if (this.#at === from || this.#at >= this.#end || this.#bytes[this.#at++] !== follows) this.#refuse();
    return value;
  }

  #skipBlanks(): void {
    while (this.#at < this.#end && this.#bytes[this.#at] === BLANK) this.#at++;
  }

  #refuse(): null {
    this.#sound = false;
    return null;
  }
}

/** The words of the address that is being read, and the bytes they have in the memory of this machine. */
const words = new Uint32Array(4);
const octets = new Uint8Array(words.buffer);

/** Texts of addresses seen, so that a table of 5,000 rows makes few new ones. 4,096 of each kind take some 0.5 MB. */
const TEXTS_MAX = 4096;

const ipv4Texts = new Map<number, string>();
const ipv6Texts = new Map<string, string>();

function ipv4(word: number): string {
  const first = word * 4;
  return kept(ipv4Texts, words[word]!, () => octets.subarray(first, first + 4).join('.'));
}

function ipv6(bytes: Uint8Array, from: number, to: number): string {
  const digits = Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('latin1');
  return kept(ipv6Texts, digits, () => formatIpv6(octets));
}

function kept<K>(texts: Map<K, string>, key: K, make: () => string): string {
  const known = texts.get(key);
  if (known !== undefined) return known;
  if (texts.size >= TEXTS_MAX) texts.clear();
  const text = make();
  texts.set(key, text);
  return text;
}

/** Of 16 bytes in the order of the network, as RFC 5952 says: the first of the longest runs of zeros is `::`, unless it is one group. */
export function formatIpv6(address: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) => ((address[2 * i]! << 8) | address[2 * i + 1]!).toString(16));
  const runs = groups.map((_, i) => groups.slice(i).findIndex((group) => group !== '0'));
  const lengths = runs.map((run, i) => (run < 0 ? groups.length - i : run));
  const longest = Math.max(...lengths);
  if (longest < 2) return groups.join(':');
  const start = lengths.indexOf(longest);
  return `${groups.slice(0, start).join(':')}::${groups.slice(start + longest).join(':')}`;
}
