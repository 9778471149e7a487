/** The ways from an application to its server: unix sockets, a pooler in between, and a network namespace of its own. */
import { execFileSync } from 'node:child_process';
import { afterEach, describe, expect, test } from 'vitest';
import pg from 'pg';
import { startApp, type WatchedApp } from '../apps/launch.ts';
import { havePgBouncer, startPgBouncer } from '../servers/pgbouncer.ts';
import { havePostgres, startPostgres } from '../servers/postgres.ts';
import { haveRedis, startRedis } from '../servers/redis.ts';
import { type Listed, listedBouncer, listedPostgres, PoolWatch } from './poolwatch.ts';

const ending: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).toReversed()) await end();
});

async function started<T extends { stop(): Promise<unknown> }>(starting: Promise<T>): Promise<T> {
  const one = await starting;
  ending.push(() => one.stop());
  return one;
}

async function watched(pid: number, servers: readonly Listed[]): Promise<PoolWatch> {
  const watch = new PoolWatch([{ role: 'app', pid }], servers, 300);
  ending.push(() => watch.close());
  await watch.watch(4);
  return watch;
}

const held = ({ said }: WatchedApp): number => said.at(-1)!.held;

describe.skipIf(!havePostgres() || !haveRedis())('from an application to its server', () => {
  test('over unix sockets, by the other end of each', async () => {
    const [postgres, redis] = await Promise.all([started(startPostgres()), started(startRedis())]);
    const app = await started(startApp('I', { postgres, redis, host: postgres.folder }));
    const watch = await watched(app.pid, [await listedPostgres('db', postgres.url)]);
    expect(watch.connections('app', 'db').total).toBe(held(app));
    expect(held(app)).toBe(10);
  });

  test.skipIf(process.getuid?.() !== 0)('from another network namespace', async () => {
    const name = `soak-pool-${process.pid}`;
    const ip = (...args: string[]): void => void execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });
    try {
      ip('netns', 'add', name);
    } catch (error) {
      if (process.env['CI'] === 'true') throw error;
      return; // not to be had here
    }
    ending.push(() => ip('netns', 'delete', name));
    const [own, its] = [`sp${process.pid % 100_000}a`, `sp${process.pid % 100_000}b`];
    ip('link', 'add', own, 'type', 'veth', 'peer', 'name', its, 'netns', name);
    ip('addr', 'add', '10.213.77.1/30', 'dev', own);
    ip('link', 'set', own, 'up');
    ip('-n', name, 'addr', 'add', '10.213.77.2/30', 'dev', its);
    ip('-n', name, 'link', 'set', its, 'up');
    const postgres = await started(startPostgres({ settings: { listen_addresses: '*' } }));
    const redis = await started(startRedis({ args: ['--bind', '*', '--protected-mode', 'no'] }));
    execFileSync('sh', ['-c', `echo 'host all all 10.213.77.0/30 trust' >> ${postgres.folder}/data/pg_hba.conf`]);
    const db = new pg.Client(postgres.url);
    await db.connect();
    await db.query('SELECT pg_reload_conf()');
    await db.end();
    const app = await started(startApp('I', { postgres, redis, host: '10.213.77.1', through: ['ip', 'netns', 'exec', name] }));
    const watch = await watched(app.pid, [await listedPostgres('db', postgres.url)]);
    expect(watch.connections('app', 'db').total).toBe(held(app));
  });

  test.skipIf(!havePgBouncer())('through a pooler, to the backend that a client has now', async () => {
    const postgres = await started(startPostgres());
    const bouncer = await started(startPgBouncer(postgres, { size: 2 }));
    const clients = await Promise.all(
      Array.from({ length: 5 }, async () => {
        const client = new pg.Client(bouncer.url);
        client.on('error', () => {});
        await client.connect();
        return client;
      }),
    );
    ending.push(async () => Promise.all(clients.map(async (client) => client.end().catch(() => {}))));
    await clients[0]!.query('BEGIN; SELECT 1');
    void clients[1]!.query('SELECT pg_sleep(30)').catch(() => {});
    const servers = [await listedBouncer('pooler', bouncer.console, bouncer.port), await listedPostgres('db', postgres.url)];
    const watch = await watched(process.pid, servers);
    // The console's own session is of this process as well, and has no database.
    expect(watch.connections('app', 'pooler').counts).toMatchObject({ idle: 3, idle_in_transaction: 1, active: 1 });
  });
});
