/** Pools of connections in simulated time: what a program does with them, and what its server would list of it at any moment. */
import type { Session } from '../../src/servers.ts';
import { uniform } from './series.ts';

export interface PoolOptions {
  readonly max: number;
  /** Opened at the start, one after the other. */
  readonly preopened?: number;
  /** Seconds after which an idle member is closed; never below `min`. */
  readonly idleTimeout?: number;
  readonly min?: number;
  /** Seconds after which a member is closed when it is next idle. */
  readonly maxLifetime?: number;
  /** Which idle member is taken: the one that was used last, or the one that has waited longest. */
  readonly order?: 'lifo' | 'fifo';
}

interface Connection {
  readonly id: string;
  readonly port: number;
  readonly openedAt: number;
  changedAt: number;
  transactionAt: number | null;
  state: Session['state'];
  free: boolean;
  listens: boolean;
}

/** Seconds to open a connection. */
const OPENING_S = 0.005;

/** A program with pools, whose life is a list of things to do at given times. */
export class World {
  readonly random: () => number;
  readonly pools: SimPool[] = [];
  now = 0;
  #agenda: { readonly t: number; readonly run: () => void }[] = [];
  #ports = 40_000;

  constructor(seed: number) {
    this.random = uniform(seed);
  }

  at(t: number, run: () => void): void {
    const i = this.#agenda.findLastIndex((one) => one.t <= t);
    this.#agenda.splice(i + 1, 0, { t, run });
  }

  /** Again and again, with exponential waits of this mean, while the time is within. */
  often(mean: number, from: number, to: number, run: () => void): void {
    const next = from - mean * Math.log(this.random());
    if (next < to) this.at(next, () => (run(), this.often(mean, this.now, to, run)));
  }

  every(period: number, from: number, to: number, run: () => void): void {
    for (let t = from; t < to; t += period) this.at(t, run);
  }

  advance(t: number): void {
    for (let next = this.#agenda[0]; next !== undefined && next.t <= t; next = this.#agenda[0]) {
      this.#agenda.shift();
      this.now = next.t;
      next.run();
    }
    this.now = t;
  }

  pool(options: PoolOptions): SimPool {
    const pool = new SimPool(this, options, () => this.#ports++);
    this.pools.push(pool);
    return pool;
  }

  open(): Connection[] {
    return this.pools.flatMap((pool) => pool.open());
  }
}

export class SimPool {
  readonly #world: World;
  readonly #options: PoolOptions;
  readonly #port: () => number;
  readonly #connections: Connection[] = [];
  /** Ascending by when they were given back. */
  readonly #idle: Connection[] = [];
  readonly #waiting: ((connection: Connection) => void)[] = [];

  constructor(world: World, options: PoolOptions, port: () => number) {
    this.#world = world;
    this.#options = options;
    this.#port = port;
    for (let i = 0; i < (options.preopened ?? 0); i++) world.at(world.now + i * OPENING_S, () => this.give(this.#new()));
  }

  open(): Connection[] {
    return this.#connections.filter(({ openedAt }) => openedAt <= this.#world.now);
  }

  /** A statement of so many seconds, after which the connection is given back, held for a while first, or kept for ever. */
  use(seconds: number, then: { readonly hold?: number; readonly keep?: boolean; readonly transaction?: boolean } = {}): void {
    this.take((connection) => {
      this.#set(connection, 'active');
      this.#world.at(this.#world.now + seconds, () => {
        this.#set(connection, then.transaction ? 'idle_in_transaction' : 'idle');
        if (then.keep) return;
        if (then.hold === undefined) this.give(connection);
        else this.#world.at(this.#world.now + then.hold, () => this.#again(connection));
      });
    });
  }

  /** A client that waits for notifications. */
  listen(): void {
    this.take((connection) => {
      connection.listens = true;
    });
  }

  take(then: (connection: Connection) => void): void {
    const { max, order = 'lifo' } = this.#options;
    const idle = order === 'lifo' ? this.#idle.pop() : this.#idle.shift();
    if (idle) {
      idle.free = false;
      then(idle);
    } else if (this.#connections.length < max) {
      const opened = this.#new();
      this.#world.at(opened.openedAt, () => then(opened));
    } else this.#waiting.push(then);
  }

  give(connection: Connection): void {
    const waiting = this.#waiting.shift();
    if (waiting) {
      waiting(connection);
      return;
    }
    const { maxLifetime = Infinity, idleTimeout } = this.#options;
    if (this.#world.now - connection.openedAt > maxLifetime) {
      this.#close(connection);
      return;
    }
    connection.free = true;
    this.#idle.push(connection);
    if (idleTimeout === undefined) return;
    const since = connection.changedAt;
    this.#world.at(this.#world.now + idleTimeout, () => {
      if (connection.free && connection.changedAt === since && this.#connections.length > (this.#options.min ?? 0)) this.#close(connection);
    });
  }

  /** The last statement of a long checkout. */
  #again(connection: Connection): void {
    this.#set(connection, 'active');
    this.#world.at(this.#world.now + 0.01, () => {
      this.#set(connection, 'idle');
      this.give(connection);
    });
  }

  #new(): Connection {
    const port = this.#port();
    const openedAt = this.#world.now + OPENING_S;
    const connection: Connection = {
      id: `${port}@${openedAt}`,
      port,
      openedAt,
      changedAt: openedAt,
      transactionAt: null,
      state: 'idle',
      free: false,
      listens: false,
    };
    this.#connections.push(connection);
    return connection;
  }

  #close(connection: Connection): void {
    this.#connections.splice(this.#connections.indexOf(connection), 1);
    const i = this.#idle.indexOf(connection);
    if (i >= 0) this.#idle.splice(i, 1);
  }

  #set(connection: Connection, state: Session['state']): void {
    connection.state = state;
    connection.changedAt = this.#world.now;
    connection.transactionAt = state === 'idle_in_transaction' ? this.#world.now : null;
  }
}

/** As Postgres lists it, by exact times; Redis tells ages in whole seconds. */
export function sessionOf(connection: Connection, now: number, system: 'postgresql' | 'redis'): Session {
  const told = (t: number): number => (system === 'redis' ? now - Math.floor(now - t) : t);
  const { id, port, state, listens, transactionAt } = connection;
  return {
    id,
    pid: system === 'redis' ? null : port,
    peer: { address: '127.0.0.1', port },
    user: 'app',
    database: 'app',
    application: 'api',
    state: system === 'redis' && listens ? 'subscribed' : state,
    openedAt: told(connection.openedAt),
    changedAt: told(connection.changedAt),
    transactionAt,
    queryHash: 'f00d',
    listens,
    ours: false,
  };
}
