/**
 * The one connection to a server: made, named, asked whether it is alive, and given up at the first sign that it is not. In quiet times
 * that is a PING every 10 s; in an outage one new connection a second at most.
 */
import { lookup } from 'node:dns/promises';
import { errno } from '../problem.ts';
import type { Clock } from '../clock.ts';
import type { Endpoint, Server } from '../servers.ts';
import type { Outages } from './outages.ts';
import { addressOf, type RedisAddress } from './redis-address.ts';
import { failureOf, RedisConnection, RedisFailure } from './redis-connection.ts';
import type { Sink } from './source.ts';

const BEAT_S = 10;
const RETRY_S = 1;

/** Rounds of reads come a little early or late: half a second before its time is in time. */
const SLACK_S = 0.5;

/** How the agent's sessions are called on the server. */
export const SESSION_NAME = 'soak-agent';

/** A name has a few addresses; more are taken as they come up to this. */
const ENDPOINTS_MAX = 16;

/** What is known of the session that is ours. */
export interface OwnSession {
  /** Its client id; null when the ACL refuses to tell. */
  readonly id: string | null;
  /** `address:port` of our end. */
  readonly local: string | null;
}

export class RedisLink {
  readonly #server: Server;
  readonly #clock: Clock;
  readonly #outages: Outages;
  #connection: RedisConnection | null = null;
  #own: OwnSession = { id: null, local: null };
  #protocol: 2 | 3 = 3;
  /** Of the last try to connect, and of the last PING; monotonic. */
  #tried = -Infinity;
  #beaten = -Infinity;
  /** Run time at which the connection ended by itself. */
  #ended: number | null = null;
  #isClosing = false;
  /** Why there is no connection: whoever wants to go on asking has lost it for the same reason. */
  failure = new RedisFailure('reset', '');
  /** Counts connections: what was learnt on one is learnt anew on the next. */
  connections = 0;
  /** Whether the database of the URL could be chosen. */
  hasDatabase = true;

  constructor(server: Server, clock: Clock, outages: Outages) {
    this.#server = server;
    this.#clock = clock;
    this.#outages = outages;
  }

  /** Null while the server does not answer. */
  get connection(): RedisConnection | null {
    return this.#connection;
  }

  get own(): OwnSession {
    return this.#own;
  }

  /** Whether it is time to try again. */
  get wants(): boolean {
    return this.#connection === null && this.#clock.monotonic() - this.#tried >= RETRY_S - SLACK_S / 2;
  }

  /** The connection, once it has shown within the last 10 s that somebody answers; null while nobody does. */
  async beat(sink: Sink): Promise<RedisConnection | null> {
    if (this.#connection === null && !this.wants) return null;
    const isDue = this.#clock.monotonic() - this.#beaten >= BEAT_S - SLACK_S;
    if (this.#connection !== null && !isDue) {
      this.#outages.answered(sink, null);
      return this.#connection;
    }
    const from = sink.now();
    try {
      return await this.#ping(sink, (this.#connection ??= await this.#open(sink)));
    } catch (error) {
      this.lost(sink, failureOf(error), from);
      return null;
    }
  }

  /** @param since run time at which what was not answered was asked */
  lost(sink: Sink, failure: RedisFailure, since: number): void {
    this.failure = failure;
    this.#connection?.close(failure);
    this.#connection = null;
    if (this.#isClosing) return;
    this.#outages.silent(sink, { why: failure.outage ?? 'protocol', detail: failure.message, since: this.#ended ?? since });
    this.#ended = null;
  }

  close(): void {
    this.#isClosing = true;
    this.#connection?.close();
    this.#connection = null;
  }

  async #ping(sink: Sink, connection: RedisConnection): Promise<RedisConnection> {
    const from = this.#clock.monotonic();
    this.#beaten = from;
    try {
      const reply = await connection.call('PING');
      if (reply !== 'PONG') throw new RedisFailure('protocol', 'PING was not answered by PONG');
    } catch (error) {
      // A refusal, and that of a replica without its primary, are answers of a Redis; every other one knows PING.
      const failure = failureOf(error);
      const isRedis = failure.kind === 'denied' || failure.message === 'MASTERDOWN';
      if (!isRedis) throw failure.outage === null ? new RedisFailure('protocol', 'it does not know PING') : failure;
    }
    this.#ended = null;
    this.#outages.answered(sink, this.#clock.monotonic() - from);
    return connection;
  }

  async #open(sink: Sink): Promise<RedisConnection> {
    this.#tried = this.#clock.monotonic();
    const address = this.#address();
    const connection = await this.#connect(address, sink);
    try {
      if (this.#isClosing) throw new RedisFailure('reset', '');
      await this.#introduce(connection, address.database);
    } catch (error) {
      connection.close();
      throw error;
    }
    this.connections++;
    this.#locate(connection, address.place);
    return connection;
  }

  #address(): RedisAddress {
    try {
      return addressOf(this.#server.spec);
    } catch (error) {
      throw new RedisFailure('auth', `the file of its password cannot be read (${errno(error) ?? 'it is damaged'})`);
    }
  }

  /** Some proxies refuse HELLO in words of their own: then the next try is in the older protocol. */
  async #connect(address: RedisAddress, sink: Sink): Promise<RedisConnection> {
    const ended = (): void => {
      if (this.#connection?.isClosed !== true) return; // it was never in use, or was given up
      this.#connection = null;
      this.failure = new RedisFailure('reset', '');
      this.#ended = sink.now();
    };
    try {
      return await RedisConnection.open(address, this.#protocol, ended);
    } catch (error) {
      if (error instanceof RedisFailure && error.outage === null) this.#protocol = 2;
      throw error;
    }
  }

  /** What is refused here is not needed. */
  async #introduce(connection: RedisConnection, database: number): Promise<void> {
    const [, id] = await Promise.all([
      optional(connection.call('CLIENT', 'SETNAME', SESSION_NAME)),
      optional(connection.call('CLIENT', 'ID')),
    ]);
    this.#own = { id: typeof id === 'number' ? String(id) : null, local: connection.local };
    const isOther = database !== 0 && this.#server.spec.keys.length > 0;
    this.hasDatabase = !isOther || (await optional(connection.call('SELECT', String(database)))) !== null;
  }

  /** All addresses of the name: the programs that are watched may have taken another one than we did. Nobody waits for a slow resolver. */
  #locate({ peer }: RedisConnection, place: Endpoint): void {
    if ('path' in place) {
      this.#server.endpoints = [place];
      return;
    }
    const set = (found: readonly string[]): void => {
      const addresses = [...new Set([...(peer === null ? [] : [peer.address]), ...found])].slice(0, ENDPOINTS_MAX);
      this.#server.endpoints = addresses.map((address) => ({ address, port: place.port }));
    };
    set([]);
    lookup(place.address, { all: true }).then(
      (found) => set(found.map(({ address }) => address)),
      () => {}, // we are connected: one address is known
    );
  }
}

/** Null when the server refuses; still fails when it is gone. */
async function optional<T>(asked: Promise<T>): Promise<T | null> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof RedisFailure && error.outage === null) return null;
    throw error;
  }
}
