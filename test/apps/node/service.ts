/** What the scenarios are made of: pools, load, leaks, and an honest account of what is held. */
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import pg from 'pg';

export interface Settings {
  readonly name: string;
  readonly postgres: string;
  readonly redis: string | null;
  /** Multiplies every time. */
  readonly scale: number;
  readonly seed: number;
  /** Size of the pool, instead of the scenario's own. */
  readonly max: number | null;
  /** Without listeners for errors of idle connections. */
  readonly fragile: boolean;
}

/** A line of what the application knows of itself. */
export interface Said {
  /** Milliseconds since the Unix epoch. */
  readonly t: number;
  readonly ready: string;
  /** What the application's own metric of its pool would say. */
  readonly total: number;
  readonly idle: number;
  readonly waiting: number;
  /** All connections to Postgres that it has opened and not closed, and those to Redis. */
  readonly held: number;
  readonly redis: number;
  /** Connections that it has taken and forgotten. */
  readonly leaked: number;
  readonly max: number;
  /** Requests that were served, and that failed. */
  readonly served: number;
  readonly failed: number;
}

/** What is told of a pool, whoever made it. */
export interface Gauge {
  readonly total: () => number;
  readonly idle: () => number;
  readonly waiting: () => number;
  readonly max: number;
}

/** Changes are looked for this often: what the agent sees is compared with what was so within that time. */
const LOOK_MS = 20;
const SAY_MS = 1000;

export class App {
  readonly settings: Settings;
  readonly #redis: Redis | null;
  readonly #gauges: Gauge[] = [];
  #random: number;
  #others = 0;
  #redisHeld = 0;
  #leaked = 0;
  #served = 0;
  #failed = 0;

  constructor(settings: Settings) {
    this.settings = settings;
    this.#random = settings.seed;
    this.#redis = settings.redis === null ? null : this.redis();
  }

  /** The same numbers for the same seed (mulberry32). */
  between(lo: number, hi: number): number {
    this.#random = (this.#random + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#random ^ (this.#random >>> 15), this.#random | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return lo + (((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * (hi - lo);
  }

  async sleep(seconds: number): Promise<void> {
    await delay(seconds * 1000 * this.settings.scale);
  }

  /** Options of a connection to Postgres. */
  get connection(): pg.ClientConfig {
    return { connectionString: this.settings.postgres, application_name: `app-${this.settings.name}` };
  }

  /** A pool. Times are seconds before scaling; an idle time-out of 0 keeps idle connections for ever, as pg has it. */
  pool({ max = 20, idle = 10, life = 0, told = true } = {}): pg.Pool {
    const size = this.settings.max ?? max;
    const seconds = (value: number): number => value * this.settings.scale;
    const pool = new pg.Pool({ ...this.connection, max: size, idleTimeoutMillis: seconds(idle) * 1000, maxLifetimeSeconds: seconds(life) });
    if (!this.settings.fragile) pool.on('error', () => {});
    const gauge = { total: () => pool.totalCount, idle: () => pool.idleCount, waiting: () => pool.waitingCount, max: size };
    if (told) this.#gauges.push(gauge);
    else this.alsoHolds(pool);
    return pool;
  }

  /** The pool that the application's own metric is about, when it is not one of ours. */
  tell(gauge: Gauge): void {
    this.#gauges.push(gauge);
  }

  /** Connections that the application's own metric does not know of. */
  alsoHolds(pool: pg.Pool): void {
    pool.on('connect', () => this.#others++);
    pool.on('remove', () => this.#others--);
  }

  /** A client of its own, outside of any pool. */
  async client(): Promise<pg.Client> {
    const client = new pg.Client(this.connection);
    client.on('error', () => {});
    client.once('end', () => this.#others--);
    await client.connect();
    this.#others++;
    return client;
  }

  redis(): Redis {
    if (this.settings.redis === null) throw new Error(`scenario ${this.settings.name} needs --redis`);
    const redis = new Redis(this.settings.redis, { connectionName: `app-${this.settings.name}` });
    redis.on('error', () => {});
    redis.on('connect', () => this.#redisHeld++);
    redis.on('close', () => (this.#redisHeld = Math.max(0, this.#redisHeld - 1)));
    return redis;
  }

  /** A request that takes so long in the database. */
  async request(pool: { query: (text: string, values: unknown[]) => Promise<unknown> }, seconds = 0.03): Promise<void> {
    try {
      await pool.query('SELECT pg_sleep($1)', [seconds]);
      await this.#redis?.incr(`requests:${this.settings.name}`);
      this.#served++;
    } catch {
      this.#failed++;
    }
  }

  /** So many users, each of whom sends a request, thinks, and sends the next. */
  users(count: number, think: number, request: () => Promise<void>): void {
    const user = async (): Promise<never> => {
      for (;;) {
        await request();
        // Not scaled: the load is what it is however fast the leak goes.
        await delay(think * 1000 * this.between(0.5, 1.5));
      }
    };
    for (let i = 0; i < count; i++) void user();
  }

  /** Something that happens again and again, first after `from` seconds. It need not be over when the next one begins. */
  every(seconds: number, happens: () => Promise<void>, from = seconds): void {
    const loop = async (): Promise<never> => {
      await this.sleep(from);
      for (;;) {
        happens().catch(() => this.#failed++);
        await this.sleep(seconds * this.between(0.8, 1.2));
      }
    };
    void loop();
  }

  /** Something is taken and forgotten every so often, from the 25th second on. */
  leak(seconds: number, take: () => Promise<unknown>): void {
    const take1 = async (): Promise<void> => {
      await take();
      this.#leaked++;
    };
    this.every(seconds, take1, 25);
  }

  /** Opens so many connections of a pool at once and gives them all back. */
  async open(pool: pg.Pool, count: number): Promise<void> {
    const clients = await Promise.all(Array.from({ length: count }, () => pool.connect()));
    for (const client of clients) client.release();
  }

  report(): void {
    let last = '';
    let saidAt = 0;
    setInterval(() => {
      const { t, ...now } = this.#said();
      const text = `${now.total} ${now.held} ${now.redis} ${now.leaked}`;
      if (text === last && t - saidAt < SAY_MS) return;
      [last, saidAt] = [text, t];
      process.stdout.write(`${JSON.stringify({ t, ...now })}\n`);
    }, LOOK_MS);
  }

  #said(): Said {
    const sum = (of: (gauge: Gauge) => number): number => this.#gauges.reduce((total, gauge) => total + of(gauge), 0);
    const total = sum((gauge) => gauge.total());
    return {
      t: Date.now(),
      ready: this.settings.name,
      total,
      idle: sum((gauge) => gauge.idle()),
      waiting: sum((gauge) => gauge.waiting()),
      held: total + this.#others,
      redis: this.#redisHeld,
      leaked: this.#leaked,
      max: sum((gauge) => gauge.max),
      served: this.#served,
      failed: this.#failed,
    };
  }
}
