/** A run that was killed and is gone on with: applications, tables and statements keep the names that they had, whatever happened meanwhile. */
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { havePostgres, type Postgres, startPostgres } from '../servers/postgres.ts';
import type { Watch } from '../watch.ts';
import { installed, reading, Stage, until } from './agent-under-test.ts';
import { connect, ROLES, spec, sql, watch, watching } from './watching-postgres.ts';

/** One more than names have labels. */
const MANY = 21;

describe.runIf(havePostgres())('after a resume', () => {
  let server: Postgres;

  beforeAll(async () => {
    server = await startPostgres({ settings: { shared_preload_libraries: 'pg_stat_statements', autovacuum: 'off' } });
    await sql(server, ...ROLES, 'CREATE EXTENSION pg_stat_statements');
    for (let i = 0; i < 2 * MANY; i++) await sql(server, `CREATE TABLE t${i} AS SELECT generate_series(1, 3000) AS id`, `ANALYZE t${i}`);
    await sql(server, 'SELECT pg_stat_statements_reset()');
  });

  afterAll(() => server.stop());

  /** Updates that leave dead rows, and statements that take time, on these tables only. */
  async function work(from: number, rows: number): Promise<void> {
    for (let i = from; i < from + MANY; i++)
      await sql(server, `UPDATE t${i} SET id = id WHERE id <= ${rows}`, `SELECT count(*), ${'1 + '.repeat(i)}1 FROM t${i}`);
  }

  test('tables and statements are those that were chosen before it', async () => {
    const named = (made: Watch, metric: string): string[] =>
      Object.keys(made.values).filter((name) => name.startsWith(`db ${metric}{`)).toSorted(); // prettier-ignore
    const watched = async (from: number, rows: number, before?: Watch): Promise<[tables: string[], statements: string[], made: Watch]> =>
      watching(watch([spec(server.urlOf('soak'))], 0, before), async (made) => {
        for (let round = 0; round < 4; round++) {
          await work(from, rows + round);
          await sleep(1100); // a backend tells the statistics what it did some second later
          made.skip(610);
          await made.tick();
        }
        return [named(made, 'postgresql.table.dead_rows'), named(made, 'postgres.statement_time'), made];
      });
    const [tables, statements, first] = await watched(0, 100);
    expect([tables.length, statements.length]).toEqual([MANY, 10]);
    await sql(server, 'SELECT pg_stat_reset()');
    await work(MANY, 3000); // these would be chosen now
    const [again, called] = await watched(0, 100, first);
    expect(again).toEqual(tables);
    expect(called).toEqual(statements);
  });

  test.runIf(installed('gcc'))('applications are those that were met before it', async () => {
    await using stage = new Stage();
    const service = await stage.service();
    const open = (name: string): Promise<pg.Client[]> =>
      Promise.all(Array.from({ length: MANY }, (_, i) => connect(server.url, `${name}${i}`)));
    const applications = async (folder: string): Promise<string[]> =>
      reading(folder, (reader) => reader.series()).flatMap(({ def, labels }) =>
        def.name === 'postgresql.connections' ? [labels['application'] ?? ''] : [],
      );
    const options = ['--target', `app=${service.pid}`, '--postgres', `db=${server.urlOf('soak')}`, '--duration', '1h'];
    const early = await open('early');
    const agent = await stage.watching(options);
    const folder = /recording to (\S+)\n/.exec(agent.err)![1]!;
    const many = await until(() => applications(folder), (names) => names.includes('other')); // prettier-ignore
    await agent.end('SIGKILL');
    for (const client of early) await client.end();
    const late = await open('late');
    const second = await stage.watching(options);
    const told = async (): Promise<string> => (await second.page('/metrics')).text;
    await until(told, (text) => /postgresql_connections\{(?=.*application="other")(?=.*state="idle").*\} 21$/m.test(text));
    await second.end('SIGINT');
    expect((await second.result()).folder).toBe(folder);
    const names = new Set(await applications(folder));
    expect([...names].filter((name) => name.startsWith('late'))).toEqual([]);
    expect([...names].toSorted()).toEqual([...new Set(many)].toSorted());
    expect(names.size).toBe(MANY);
    for (const client of late) await client.end();
  });
});
