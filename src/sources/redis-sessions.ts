/** The clients of a server, for everybody who asks: one list at a time, and the answer of the last moments is given again. */
import type { Clock } from '../clock.ts';
import type { Endpoint, Server, Session, SessionList } from '../servers.ts';
import { type Client, CLIENTS_MAX, isUnixSocket, parseAddress, parseClients, stateOf } from './redis-clients.ts';
import { failureOf } from './redis-connection.ts';
import { type OwnSession, type RedisLink, SESSION_NAME } from './redis-link.ts';
import { SERVER_METRICS } from './redis-metrics.ts';
import type { Questions } from './redis-questions.ts';
import type { Sink } from './source.ts';

const FRESH_S = 0.5;

/**
 * To list 2,000 clients holds up the server for some 5 ms and is 700 kB (measured: 2.4 us and 340 bytes a client on 7.0). With more of
 * them a list is a minute old at worst.
 */
const MANY = 2000;
const MANY_FRESH_S = 60;

export interface Listing {
  /** Run time. */
  readonly at: number;
  readonly clients: readonly Client[];
  readonly own: OwnSession;
}

export class RedisClients {
  readonly #server: Server;
  readonly #link: RedisLink;
  readonly #questions: Questions;
  readonly #clock: Clock;
  #last: Listing | null = null;
  #lastAt = -Infinity;
  #asked: Promise<Listing | null> | null = null;
  #sessions: { readonly of: Listing; readonly list: SessionList } | null = null;

  constructor(server: Server, link: RedisLink, questions: Questions, clock: Clock) {
    this.#server = server;
    this.#link = link;
    this.#questions = questions;
    this.#clock = clock;
  }

  /** Null while the server does not answer, or refuses. */
  async list(sink: Sink): Promise<Listing | null> {
    const age = this.#clock.monotonic() - this.#lastAt;
    const fresh = (this.#last?.clients.length ?? 0) > MANY ? MANY_FRESH_S : FRESH_S;
    if (this.#link.connection === null) return null;
    if (this.#last !== null && age < fresh) return this.#last;
    this.#asked ??= this.#ask(sink).finally(() => (this.#asked = null));
    return this.#asked;
  }

  async sessions(sink: Sink): Promise<SessionList | null> {
    const listing = await this.list(sink);
    if (listing === null) return null;
    if (this.#sessions?.of !== listing) this.#sessions = { of: listing, list: sessionsOf(listing) };
    return this.#sessions.list;
  }

  async #ask(sink: Sink): Promise<Listing | null> {
    const { connection, own } = this.#link;
    if (connection === null) return null;
    const from = sink.now();
    try {
      const reply = await this.#questions.ask(sink, ['CLIENT', 'LIST'], { metric: SERVER_METRICS.clientStates });
      if (typeof reply !== 'string') return null;
      this.#last = { at: sink.now(), clients: parseClients(reply), own };
      this.#lastAt = this.#clock.monotonic();
      this.#server.endpoints = withListed(this.#server.endpoints, this.#last, connection.peer);
      return this.#last;
    } catch (error) {
      this.#link.lost(sink, failureOf(error), from);
      return null;
    }
  }
}

/** Addresses at which clients have reached the server, beyond those that its name has. */
const ENDPOINTS_MAX = 32;

/**
 * Clients on the server's own machine may use another of its addresses than its name has. Where something between us and the server
 * rewrites addresses, its own mean nothing here, and its loopback is ours only when we came through it.
 */
function withListed(
  known: readonly Endpoint[],
  { clients, own }: Listing,
  peer: { readonly address: string; readonly port: number } | null,
): readonly Endpoint[] {
  const ours = parseAddress(clients.find((client) => isOwn(client, own))?.laddr ?? null);
  if (peer === null || ours?.address !== peer.address || ours.port !== peer.port) return known;
  const addresses = new Set(known.flatMap((endpoint) => ('address' in endpoint ? [endpoint.address] : [])));
  const isLocal = isLoopback(peer.address);
  for (const { laddr } of clients) {
    if (addresses.size >= ENDPOINTS_MAX) break;
    const end = parseAddress(laddr);
    if (end?.port === peer.port && (isLocal || !isLoopback(end.address))) addresses.add(end.address);
  }
  return addresses.size === known.length ? known : [...addresses].map((address) => ({ address, port: peer.port }));
}

function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1' || address.startsWith('::ffff:127.');
}

/** By id; where that is not told, by the address, or by the name where there is no address either. */
export function isOwn(client: Client, own: OwnSession): boolean {
  if (own.id !== null) return client.id === own.id;
  return own.local === null ? client.name === SESSION_NAME : client.addr === own.local;
}

function sessionsOf({ at, clients, own }: Listing): SessionList {
  return {
    at,
    sessions: clients.map((client) => sessionOf(client, at, isOwn(client, own))),
    complete: clients.length < CLIENTS_MAX,
  };
}

/** Ages are whole seconds, so that `openedAt` and `changedAt` may be up to one too early, and move by one from list to list. */
function sessionOf(client: Client, at: number, ours: boolean): Session {
  const state = stateOf(client);
  return {
    id: client.id,
    pid: null,
    peer: isUnixSocket(client) ? 'unix' : parseAddress(client.addr),
    user: client.user,
    database: client.database,
    application: client.name || null,
    state: state ?? 'unknown',
    openedAt: client.age === null ? null : at - client.age,
    changedAt: client.idle === null ? null : at - client.idle,
    transactionAt: null,
    queryHash: null,
    listens: state === 'blocked' || state === 'subscribed',
    ours,
  };
}
