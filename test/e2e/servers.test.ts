/** The servers that tests start: each version serves, can be frozen and restarted, and nothing of them is left when their owner is killed. */
import { existsSync } from 'node:fs';
import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { childrenOf } from '../servers/owned.ts';
import { havePgBouncer, startPgBouncer } from '../servers/pgbouncer.ts';
import { havePostgres, POSTGRES_MAJORS, startPostgres } from '../servers/postgres.ts';
import { haveRedis } from '../servers/redis.ts';
import { isAlive, Stage, until } from './agent-under-test.ts';

/** One answer, or the error. @param patience milliseconds */
async function ask(url: string, query: string, patience = 20_000): Promise<unknown> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: patience, query_timeout: patience });
  client.on('error', () => {});
  try {
    await client.connect();
    return (await client.query<Record<string, unknown>>(query)).rows[0];
  } catch (error) {
    return (error as Error).message;
  } finally {
    client.end().catch(() => {});
  }
}

const MAJOR = `SELECT current_setting('server_version_num')::int / 10000 AS major`;

describe.concurrent('servers of one’s own', () => {
  test.each(POSTGRES_MAJORS)('Postgres %i', async (major) => {
    await using server = await startPostgres({ major });
    expect(await ask(server.url, MAJOR)).toEqual({ major });
    server.freeze();
    expect(await ask(server.url, MAJOR, 1000)).toMatch(/timeout/);
    server.thaw();
    expect(await ask(server.url, MAJOR)).toEqual({ major });
    await ask(server.url, 'CREATE TABLE kept ()');
    await server.down();
    expect(await ask(server.url, MAJOR)).toMatch(/ECONNREFUSED/);
    await server.up();
    expect(await ask(server.url, `SELECT to_regclass('kept')::text AS name`)).toEqual({ name: 'kept' });
  });

  test.runIf(havePostgres())('a password is asked for when there is one, and settings are kept', async () => {
    await using server = await startPostgres({ password: 's3:c/ret', settings: { max_connections: 7 } });
    expect(await ask(server.url, `SHOW max_connections`)).toEqual({ max_connections: '7' });
    expect(await ask(server.urlOf('postgres', { password: 'wrong' }), MAJOR)).toMatch(/password authentication failed/);
  });

  test.runIf(havePostgres() && havePgBouncer())('PgBouncer', async () => {
    await using server = await startPostgres();
    await using bouncer = await startPgBouncer(server);
    expect(await ask(bouncer.url, 'SELECT 1 AS one')).toEqual({ one: 1 });
    expect(await ask(bouncer.console, 'SHOW VERSION')).toMatchObject({ version: expect.stringMatching(/^PgBouncer/) as string });
  });
});

const OWNER = `
const { startPostgres } = await import('${new URL('../servers/postgres.ts', import.meta.url).href}');
const { startRedis } = await import('${new URL('../servers/redis.ts', import.meta.url).href}');
const [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
postgres.freeze();
console.log(JSON.stringify({ ready: [postgres, redis].map(({ pid, folder }) => ({ pid, folder })) }));
setInterval(() => {}, 1000);`;

test.runIf(havePostgres() && haveRedis())('are gone when their owner was killed, even a frozen one', async () => {
  await using stage = new Stage();
  const owner = await stage.program(process.execPath, '--input-type=module', '-e', OWNER);
  const { ready: servers } = JSON.parse(owner.out) as { ready: { pid: number; folder: string }[] };
  const pids = servers.flatMap(({ pid }) => [pid, ...childrenOf(pid)]);
  expect(pids.length).toBeGreaterThan(4);
  await owner.end('SIGKILL');
  await until(
    () => [...pids.filter(isAlive), ...servers.map(({ folder }) => folder).filter(existsSync)],
    (left) => left.length === 0,
  );
});
