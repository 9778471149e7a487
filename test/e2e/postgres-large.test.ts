/** A server with thousands of tables, and one with hundreds of sessions: rounds stay within their limits, and names that were chosen stay. */
import { expect, test, describe } from 'vitest';
import { havePostgres, type Postgres, startPostgres } from '../servers/postgres.ts';
import type { Watch } from '../watch.ts';
import { blindOf, connect, ROLES, spec, sql, watch, watching } from './watching-postgres.ts';

const TABLES = 5000;
/** Made by one message: each takes locks of its own. */
const BATCH = 500;

const CONNECTIONS = 500;

async function withTables(server: Postgres): Promise<void> {
  const table = (i: number): string => `CREATE TABLE t${i} (id int PRIMARY KEY)`;
  for (let from = 0; from < TABLES; from += BATCH) {
    await sql(server, Array.from({ length: BATCH }, (_, i) => table(from + i)).join(';'));
  }
}

/** A round in which everything is due. */
async function round(made: Watch): Promise<void> {
  made.skip(610);
  await made.tick();
}

const namesOf = (made: Watch, metric: string): string[] => Object.keys(made.values).filter((name) => name.startsWith(`db ${metric}{`));

describe.runIf(havePostgres())('a server', () => {
  test('with 5,000 tables is read within the limits, also while one of them is locked; the chosen 20 stay', async () => {
    await using server = await startPostgres({ settings: { max_locks_per_transaction: 1000, autovacuum: 'off' } });
    await sql(server, ...ROLES);
    await withTables(server);
    const fill = (from: number, to: number): string =>
      Array.from({ length: to - from }, (_, i) => `INSERT INTO t${from + i} SELECT generate_series(1, 2000); VACUUM t${from + i}`).join(
        ';',
      );
    for (const statement of fill(0, 30).split(';')) await sql(server, statement);
    await watching(watch([spec(server.urlOf('soak'))]), async (made) => {
      await round(made); // chooses them
      await round(made);
      const [dead, size] = [namesOf(made, 'postgresql.table.dead_rows'), namesOf(made, 'postgresql.table.size')];
      expect([dead.length, size.length]).toEqual([21, 21]);
      expect(size).toContain('db postgresql.table.size{db.collection.name="other"}');
      for (const statement of fill(4000, 4030).split(';')) await sql(server, statement);
      const totals = namesOf(made, 'postgresql.table.total_size');
      expect(totals).toHaveLength(20);
      const locked = /public\.(t\d+)/.exec(totals[0]!)![1]!;
      const holder = await connect(server.url);
      await holder.query(`BEGIN; LOCK TABLE ${locked}, t4001 IN ACCESS EXCLUSIVE MODE`);
      const from = server.log.length;
      await round(made);
      expect([namesOf(made, 'postgresql.table.dead_rows'), namesOf(made, 'postgresql.table.size')]).toEqual([dead, size]);
      expect(namesOf(made, 'postgresql.table.total_size')).toEqual(totals.slice(1)); // absent while it is locked
      expect(made.value('db postgresql.rows{state="live"}')).toBeGreaterThan(100_000);
      expect(made.value('db postgres.size{db.namespace="postgres"}')).toBeGreaterThan(1e7);
      expect(server.log.slice(from)).not.toMatch(/canceling statement|still waiting/);
      await holder.end();
      expect(made.value('db postgresql.agent_backend.memory') ?? 0).toBeLessThan(32_000_000);
      expect(blindOf(made).filter((message) => !message.includes('pg_stat_statements'))).toEqual([]);
      expect(made.kinds('server_down')).toEqual([]);
    });
  });

  test('with 500 sessions is read in full; the first 20 applications have names, and keep them', async () => {
    await using server = await startPostgres({ settings: { max_connections: CONNECTIONS + 20 } });
    await sql(server, ...ROLES);
    const clients = await Promise.all(Array.from({ length: CONNECTIONS }, (_, i) => connect(server.url, `app${i % 40}`)));
    for (const client of clients) await client.query('SELECT 1');
    await watching(watch([spec(server.urlOf('soak'))]), async (made) => {
      await round(made);
      const sessions = await made.ctx.servers.all()[0]!.sessions(new AbortController().signal);
      expect(sessions).toMatchObject({ complete: true, sessions: { length: CONNECTIONS + 1 } });
      const before = namesOf(made, 'postgresql.connections');
      const applications = (names: readonly string[]): number => new Set(names.map((name) => /application="(.*?)"/.exec(name)?.[1])).size;
      expect(applications(before)).toBe(21);
      const sum = (): number => namesOf(made, 'postgresql.connections').reduce((all, name) => all + made.value(name)!, 0);
      expect([sum(), made.value('db postgres.connections')]).toEqual([CONNECTIONS + 1, CONNECTIONS + 1]);
      for (const client of clients.slice(0, 50)) await client.end();
      const late = await Promise.all(Array.from({ length: 50 }, (_, i) => connect(server.url, `late${i}`)));
      await expect.poll(async () => (await round(made), sum()), { interval: 200 }).toBe(CONNECTIONS + 1);
      expect(applications(namesOf(made, 'postgresql.connections'))).toBe(21);
      expect(namesOf(made, 'postgresql.connections').filter((name) => name.includes('late'))).toEqual([]);
      expect(made.kinds('server_down')).toEqual([]);
      await Promise.all([...clients.slice(50), ...late].map((client) => client.end()));
    });
  });
});
