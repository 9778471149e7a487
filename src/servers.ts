/**
 * The database servers that are watched, and what their sources know of the sessions on them right now. The source of a server fills in
 * `availability` and `sessions`; whoever needs the sessions asks for them here, so that sources need not know each other.
 */

export type ServerSystem = 'postgresql' | 'pgbouncer' | 'redis';

/** One `--postgres` or `--redis`, as configured. */
export interface ServerSpec {
  /** Names the server in series (`soak.target`), rules and findings; shares one space of names with the roles of targets. */
  readonly name: string;
  readonly system: 'postgresql' | 'redis';
  /** Complete, with user and password: never logged, recorded or exported. */
  readonly url: string;
  /** Instead of the password of the URL, read anew with every connection; null: the URL's, or what the client finds by itself. */
  readonly passwordFile: string | null;
  /** For messages and records: `host:port/database`, without user and password. */
  readonly display: string;
  /** Gauges of one's own (Postgres): read-only queries. */
  readonly gauges: readonly GaugeSpec[];
  /** Keys whose length is watched (Redis). */
  readonly keys: readonly string[];
}

/** A read-only query that returns one number, or rows of a label and a number. */
export interface GaugeSpec {
  readonly name: string;
  readonly query: string;
  readonly growth: 'leak' | 'capacity' | 'drift' | 'none';
  readonly limit: number | null;
}

/** Where clients connect to. */
export type Endpoint = { readonly address: string; readonly port: number } | { readonly path: string };

export type SessionState =
  | 'active'
  | 'idle'
  | 'idle_in_transaction'
  | 'waiting_lock'
  | 'blocked' // Redis: a blocking command (BLPOP, XREAD BLOCK)
  | 'subscribed'
  | 'unknown'; // the server hides it from us

/** A session as the server lists it. Times are seconds of the run, as of the server's own ages; null is unknown. */
export interface Session {
  /** Identity over its life: Postgres backend pid and start; Redis client id. Never a port, which is reused. */
  readonly id: string;
  /** Of the backend process; null for Redis. */
  readonly pid: number | null;
  /** Null: not told. */
  readonly peer: { readonly address: string; readonly port: number } | 'unix' | null;
  readonly user: string | null;
  readonly database: string | null;
  readonly application: string | null;
  readonly state: SessionState;
  readonly openedAt: number | null;
  /** When it entered its state; for Redis: of its last command. */
  readonly changedAt: number | null;
  readonly transactionAt: number | null;
  /** Of the last statement's text. */
  readonly queryHash: string | null;
  /** The last statement without its literals; only where the user asked for it. */
  readonly statement?: string | null;
  /** Waits for messages by intent (LISTEN, replication, subscribers, MONITOR): idleness says nothing about it. */
  readonly listens: boolean;
  /** One of the agent's own. */
  readonly ours: boolean;
}

export interface SessionList {
  /** Seconds of the run at which the server answered. */
  readonly at: number;
  readonly sessions: readonly Session[];
  /** False when the server hides sessions or their state from our user, or there were more than we take: nothing is certified by it. */
  readonly complete: boolean;
}

/** Why a server does not answer. */
export type OutageClass =
  | 'refused'
  | 'unreachable'
  | 'reset'
  | 'timeout'
  | 'auth'
  | 'too_many_connections'
  | 'starting_up'
  | 'shutting_down'
  | 'protocol';

export type Availability =
  | { readonly state: 'unknown' }
  | { readonly state: 'up'; readonly since: number }
  | { readonly state: 'down'; readonly since: number; readonly why: OutageClass };

export interface Server {
  readonly spec: ServerSpec;
  /** What answered: a bouncer may stand where Postgres was expected. */
  system: ServerSystem;
  availability: Availability;
  /** Addresses it was reached at, resolved: what sockets of targets are compared with. */
  endpoints: readonly Endpoint[];
  /** Of the product that answered, as it writes it; null while unknown. */
  version: string | null;
  /** Sessions the server admits for clients (max_connections less what is reserved; maxclients); null while unknown. */
  sessionLimit: number | null;
  /** The sessions now. Single-flight, and an answer of the last 0.5 s is given again. Null while the server does not answer. */
  sessions: (signal: AbortSignal) => Promise<SessionList | null>;
}

export class Servers {
  readonly #servers: readonly Server[];

  constructor(specs: readonly ServerSpec[]) {
    this.#servers = specs.map((spec) => ({
      spec,
      system: spec.system,
      availability: { state: 'unknown' },
      endpoints: [],
      version: null,
      sessionLimit: null,
      sessions: () => Promise.resolve(null),
    }));
  }

  all(): readonly Server[] {
    return this.#servers;
  }
}
