/**
 * Ways of using a pool, healthy and leaking, by the letters of the research they come from. Times are those of a run of some five minutes,
 * in which a connection that is idle for 15 s is asked about; a longer run scales them.
 */
import { createPool, type Pool } from 'generic-pool';
import pg from 'pg';
import type { App } from './service.ts';

export interface Scenario {
  readonly about: string;
  readonly leaks: boolean;
  /** Resolves when it serves. */
  readonly start: (app: App) => Promise<void>;
}

const BURST = { every: 12, most: 18, seconds: 0.5 };

/** A few users all the time. */
function steady(app: App, pool: pg.Pool): void {
  app.users(3, 0.05, () => app.request(pool));
}

/** Few requests: no two at the same time, as a rule. */
function quiet(app: App, pool: { query: (text: string, values: unknown[]) => Promise<unknown> }): void {
  app.users(1, 0.5, () => app.request(pool));
}

function bursts(app: App, pool: pg.Pool): void {
  app.users(1, 0.1, () => app.request(pool));
  app.every(BURST.every, async () => {
    const size = Math.round(app.between(1, BURST.most));
    await Promise.all(Array.from({ length: size }, () => app.request(pool, BURST.seconds)));
  });
}

/** Members are used in turn, and at least `min` are kept. */
function fifo(app: App, min: number, max: number): Pool<pg.Client> & { query: (text: string, values: unknown[]) => Promise<unknown> } {
  const make = async (): Promise<pg.Client> => {
    const client = new pg.Client(app.connection);
    client.on('error', () => {});
    await client.connect();
    return client;
  };
  const pool = createPool({ create: make, destroy: (client) => client.end() }, { min, max, fifo: true });
  app.tell({ total: () => pool.size, idle: () => pool.available, waiting: () => pool.pending, max });
  return Object.assign(pool, { query: (text: string, values: unknown[]) => pool.use((client) => client.query(text, values)) });
}

/** All members are opened at the start and kept for ever. */
async function fixed(app: App, size: number): Promise<pg.Pool> {
  const pool = app.pool({ max: size, idle: 0 });
  await app.open(pool, pool.options.max);
  return pool;
}

const HEALTHY: Readonly<Record<string, Omit<Scenario, 'leaks'>>> = {
  A: { about: 'steady load', start: async (app) => steady(app, app.pool()) },
  B: { about: 'bursts of 1 to 18', start: async (app) => bursts(app, app.pool()) },
  C: {
    about: 'a LISTEN client, and a second pool without idle time-out',
    start: async (app) => {
      steady(app, app.pool());
      await (await app.client()).query('LISTEN orders');
      const second = app.pool({ max: 4, idle: 0, told: false });
      await app.open(second, 4);
      app.every(5, () => app.request(second));
    },
  },
  I: { about: 'fixed pool of 10, low load', start: async (app) => quiet(app, await fixed(app, 10)) },
  J: {
    about: 'legitimate checkouts of 5 to 40 s',
    start: async (app) => {
      const pool = app.pool();
      steady(app, pool);
      for (let i = 0; i < 3; i++) app.every(24, () => longCheckout(app, pool), 5 + 8 * i);
    },
  },
  M: { about: 'FIFO pool, low load', start: async (app) => quiet(app, fifo(app, 8, 12)) },
  N: { about: 'longest life 25 s, bursts', start: async (app) => bursts(app, app.pool({ life: 25 })) },
};

const LEAKY: Readonly<Record<string, Omit<Scenario, 'leaks'>>> = {
  D: {
    about: 'connect() without release()',
    start: async (app) => {
      const pool = app.pool();
      steady(app, pool);
      app.leak(10, () => pool.connect().then((client) => client.query('SELECT 1')));
    },
  },
  E: {
    about: 'BEGIN without COMMIT',
    start: async (app) => {
      const pool = app.pool();
      steady(app, pool);
      app.leak(15, () => pool.connect().then((client) => client.query('BEGIN; SELECT 1')));
    },
  },
  F: {
    about: 'a leak at about one request a second',
    start: async (app) => {
      const pool = app.pool();
      app.users(1, 1, () => app.request(pool));
      app.leak(20, () => pool.connect().then((client) => client.query('SELECT 1')));
    },
  },
  G: {
    about: 'new Pool() for a request',
    start: async (app) => {
      steady(app, app.pool());
      app.leak(8, () => app.pool({ max: 1, idle: 0, told: false }).query('SELECT 1'));
    },
  },
  H: {
    about: 'new Redis() for a request',
    start: async (app) => {
      steady(app, app.pool());
      app.leak(8, () => app.redis().get('requests'));
    },
  },
  K: {
    about: 'fixed pool of 10, low load, connect() without release()',
    start: async (app) => {
      const pool = await fixed(app, 10);
      quiet(app, pool);
      app.leak(12, () => pool.connect().then((client) => client.query('SELECT 1')));
    },
  },
  L: {
    about: 'FIFO pool of 8 to 12, acquire() without release()',
    start: async (app) => {
      const pool = fifo(app, 8, 12);
      quiet(app, pool);
      app.leak(15, () => pool.acquire().then((client) => client.query('SELECT 1')));
    },
  },
};

/** Held for a while between two statements, as for a report that is computed, or a call to somebody else. */
async function longCheckout(app: App, pool: pg.Pool): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('SELECT 1');
    await app.sleep(app.between(5, 40));
    await client.query('SELECT 2');
  } finally {
    client.release();
  }
}

const all = (scenarios: typeof HEALTHY, leaks: boolean): [string, Scenario][] =>
  Object.entries(scenarios).map(([name, scenario]) => [name, { ...scenario, leaks }]);

export const SCENARIOS: Readonly<Record<string, Scenario>> = Object.fromEntries([...all(HEALTHY, false), ...all(LEAKY, true)]);
