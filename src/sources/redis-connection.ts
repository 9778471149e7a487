/**
 * One connection to a Redis or Valkey server, and what can go wrong with it. The only file that knows ioredis. It never reconnects by
 * itself: when, and how often, is decided by who holds it. The server's own words are kept out of messages: an old server that does not
 * know HELLO repeats its arguments, and the password is one of them.
 */
import type { Socket } from 'node:net';
import type { Redis, RedisOptions } from 'ioredis';
import { errno } from '../problem.ts';
import type { Endpoint, OutageClass } from '../servers.ts';
import type { RedisAddress } from './redis-address.ts';

/** What a command answers: maps are flat lists of names and values in both protocols. */
export type Reply = string | number | null | readonly Reply[];

/** Beside the classes of an outage: `denied` by the ACL, `unsupported` by this version or product, or another `error` reply. */
export type FailureKind = OutageClass | 'denied' | 'unsupported' | 'error';

export class RedisFailure extends Error {
  readonly kind: FailureKind;

  /** @param detail a code of the server or the system, such as NOPERM or ECONNREFUSED, or a hint of ours */
  constructor(kind: FailureKind, detail: string) {
    super(detail);
    this.name = 'RedisFailure';
    this.kind = kind;
  }

  /** The class of the outage that this is; null when the server answered, even though with an error. */
  get outage(): OutageClass | null {
    return this.kind === 'denied' || this.kind === 'unsupported' || this.kind === 'error' ? null : this.kind;
  }
}

const CONNECT_MS = 2000;
const COMMAND_MS = 2000;
const SOCKET_MS = 5000;

/** A socket that does not end by itself at once is destroyed: a frozen server would hold it for ever. */
const DISCONNECT_MS = 50;

/**
 * Bytes a server may send between two answers. CLIENT LIST of 10,000 clients is 4 MB; what sends more is no Redis, and is not to be
 * collected in memory for two seconds.
 */
const UNANSWERED_MAX = 32_000_000;

export class RedisConnection {
  readonly #client: Redis;
  #firstError: unknown = null;
  #unanswered = 0;
  #isClosed = false;

  private constructor(client: Redis, onClose: () => void) {
    this.#client = client;
    // Without a listener ioredis writes to standard error.
    client.on('error', (error) => (this.#firstError ??= error));
    client.once('close', () => {
      this.#isClosed = true;
      onClose();
    });
  }

  /**
   * @param protocol 3, unless the server is known to speak only 2; a server that does not know HELLO is asked again in 2
   * @param onClose called once, when the connection has ended for whatever reason
   * @throws {RedisFailure} within four seconds: two for the connection, two for the login
   */
  static async open(address: RedisAddress, protocol: 2 | 3, onClose: () => void): Promise<RedisConnection> {
    const make = await library();
    const connection = new RedisConnection(make(optionsOf(address, protocol)), onClose);
    try {
      await connection.#client.connect();
    } catch (error) {
      connection.close();
      const failure = translated(connection.#firstError ?? error);
      throw address.tls && failure.kind === 'timeout' ? new RedisFailure('timeout', NO_HANDSHAKE) : failure;
    }
    connection.#client.stream.on('data', (data: Buffer) => connection.#received(data.length));
    return connection;
  }

  /** @throws {RedisFailure} within two seconds */
  async call(command: string, ...args: string[]): Promise<Reply> {
    try {
      const reply = (await this.#client.call(command, ...args)) as Reply;
      this.#unanswered = 0;
      return reply;
    } catch (error) {
      throw translated(isReply(error) ? error : (this.#firstError ?? error));
    }
  }

  /** Where the server was reached, as this machine sees it; null for a unix socket. */
  get peer(): { readonly address: string; readonly port: number } | null {
    const { remoteAddress: address, remotePort: port } = this.#socket;
    return address === undefined || port === undefined ? null : { address, port };
  }

  /** `address:port` of our end, as the server lists it unless something on the way rewrites it. */
  get local(): string | null {
    const { localAddress: address, localPort: port } = this.#socket;
    return address === undefined || port === undefined ? null : `${address.includes(':') ? `[${address}]` : address}:${port}`;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** What is in the air fails at once. @param why and as this, when the connection is given up: it is not the server that ends it */
  close(why: RedisFailure | null = null): void {
    this.#firstError ??= why;
    this.#client.disconnect();
  }

  get #socket(): Socket {
    return this.#client.stream;
  }

  #received(bytes: number): void {
    this.#unanswered += bytes;
    if (this.#unanswered <= UNANSWERED_MAX) return;
    this.#firstError ??= new RedisFailure('protocol', `an answer is longer than ${UNANSWERED_MAX / 1e6} MB`);
    this.#client.stream.destroy();
  }
}

interface DataHandler {
  dispatch(fn: () => void): void;
  returnFatalError(error: unknown): void;
}

/**
 * What ioredis 6.0.0 does not expect of an answer (a push without a name, an answer to nothing) it throws where nobody can catch it, and
 * one byte of a server that is no Redis would end the agent. Here it ends the connection, as every other answer that is not understood.
 */
async function library(): Promise<(options: RedisOptions) => Redis> {
  // As the default: a bundle of CommonJS has no other name.
  const { default: ioredis } = await import('ioredis');
  const { default: handler } = await import('ioredis/built/DataHandler.js');
  // A loader may have taken the class out of its module already.
  const { prototype } = 'default' in handler ? handler.default : handler;
  Object.assign(prototype, {
    dispatch(this: DataHandler, fn: () => void): void {
      try {
        fn();
      } catch (error) {
        this.returnFatalError(error);
      }
    },
  });
  return (options) => new ioredis.Redis<'legacy'>(options as RedisOptions & { readonly replyMapping: 'legacy' });
}

/** ioredis would name the connection in a second write, which hides the words of a server that has closed: we name it ourselves later. */
function optionsOf({ place, tls, user, password }: RedisAddress, protocol: 2 | 3): RedisOptions {
  return {
    ...endpointOf(place),
    ...(tls ? { tls: {} } : {}), // what it trusts is Node's, with NODE_EXTRA_CA_CERTS
    ...(user === null ? {} : { username: user }),
    ...(password === null ? {} : { password }),
    protocol,
    replyMapping: 'legacy',
    lazyConnect: true,
    retryStrategy: () => null,
    connectTimeout: CONNECT_MS,
    commandTimeout: COMMAND_MS,
    socketTimeout: SOCKET_MS,
    disconnectTimeout: DISCONNECT_MS,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    enableReadyCheck: false, // a server that is loading is told apart by its answer to PING
    disableClientInfo: true, // before 7.2 an ACL that names it cannot be set
  };
}

function endpointOf(place: Endpoint): RedisOptions {
  return 'path' in place ? { path: place.path } : { host: place.address, port: place.port };
}

function isReply(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError';
}

/** What a connection has thrown. Anything else is a defect of ours, and is thrown on. */
export function failureOf(error: unknown): RedisFailure {
  if (error instanceof RedisFailure) return error;
  throw error;
}

/** What ioredis has thrown, as a kind and a code. */
function translated(error: unknown): RedisFailure {
  if (error instanceof RedisFailure) return error;
  const message = error instanceof Error ? error.message : '';
  return isReply(error) ? replyFailure(message) : connectionFailure(errno(error), message);
}

const REPLIES: readonly (readonly [RegExp, FailureKind])[] = [
  [/^NOPERM/, 'denied'],
  [/^(WRONGPASS|NOAUTH|DENIED)|^ERR (invalid password|AUTH )/, 'auth'],
  [/max number of clients/, 'too_many_connections'],
  [/^LOADING/, 'starting_up'],
  [/^BUSY\b/, 'timeout'], // a script runs and nobody is served
  [/^ERR (unknown|wrong number of arguments|syntax error)/i, 'unsupported'],
];

const NO_HANDSHAKE = 'nor the TLS handshake: without TLS it is redis://';

const PROTECTED = 'it is in protected mode, which lets in only programs on its own machine until a password is set';

/** Of a cluster: the slot of the key, and the address of the node that has it. */
const MOVED = /^(?:MOVED|ASK) \d{1,5} [\w.:-]{1,253}:\d{1,5}$/;

function replyFailure(message: string): RedisFailure {
  const code = /^[A-Z]{2,20}(?=\s|$)/.exec(message)?.[0] ?? 'ERR';
  const kind = REPLIES.find(([pattern]) => pattern.test(message))?.[1] ?? 'error';
  const told = code === 'DENIED' ? PROTECTED : kind === 'too_many_connections' ? 'maxclients' : (MOVED.exec(message)?.[0] ?? code);
  return new RedisFailure(kind, told);
}

const SYSTEM: Readonly<Record<string, OutageClass>> = {
  ECONNREFUSED: 'refused',
  ENOENT: 'refused', // no socket at that path
  EACCES: 'auth', // a socket that this user may not open
  ECONNRESET: 'reset',
  EPIPE: 'reset',
  ETIMEDOUT: 'timeout',
  ENOTFOUND: 'unreachable',
  EAI_AGAIN: 'unreachable',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  EHOSTDOWN: 'unreachable',
  EADDRNOTAVAIL: 'unreachable',
};

/** Codes of OpenSSL and of Node for a certificate that is of nobody known, too old, or of another name. */
const CERTIFICATE = /CERT|SIGNATURE|ISSUER/;
const CERTIFICATE_HINT = 'the variable NODE_EXTRA_CA_CERTS names a file with those to trust';

/** A TLS record begins with its type: 21 is an alert. */
const ALERT = /^Unknown RESP type 21 /;

function connectionFailure(code: string | null, message: string): RedisFailure {
  const known = code === null ? undefined : SYSTEM[code];
  if (known !== undefined) return new RedisFailure(known, code!);
  if (/^Command timed out|^Socket timeout/.test(message)) return new RedisFailure('timeout', '');
  if (message.startsWith('Connection is closed') || message.startsWith("Stream isn't writeable")) return new RedisFailure('reset', '');
  if (ALERT.test(message)) return new RedisFailure('protocol', 'it seems to speak TLS only: rediss:// asks for it');
  if (code === null) return new RedisFailure('protocol', 'it is no Redis, or something on the way is not');
  if (code === 'EPROTO' || code.startsWith('ERR_SSL'))
    return new RedisFailure('protocol', `TLS failed (${code}): without TLS it is redis://`);
  if (CERTIFICATE.test(code)) return new RedisFailure('protocol', `its certificate is not accepted (${code}): ${CERTIFICATE_HINT}`);
  return new RedisFailure('protocol', `the connection failed (${code})`);
}
