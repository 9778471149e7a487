/** The source of Postgres at work on real servers, without an agent. */
import pg from 'pg';
import type { ServerSpec } from '../../src/servers.ts';
import { postgresSource } from '../../src/sources/postgres.ts';
import type { Postgres } from '../servers/postgres.ts';
import { Watch, watching } from '../watch.ts';

export { watching };

export function spec(url: string, more: Partial<ServerSpec> = {}): ServerSpec {
  return { name: 'db', system: 'postgresql', url, passwordFile: null, display: 'db', gauges: [], keys: [], ...more };
}

/** @param before the run that is gone on with */
export function watch(servers: readonly ServerSpec[], warmup = 0, before?: Watch): Watch {
  const series = before === undefined ? {} : { series: before.series };
  return new Watch([], {
    ...series,
    servers,
    sources: (ctx) => ctx.servers.all().map((server) => postgresSource(ctx, server, { warmup })),
  });
}

export async function connect(url: string, application = ''): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, application_name: application });
  client.on('error', () => {}); // drills end it
  await client.connect();
  return client;
}

export async function sql(server: Postgres, ...statements: string[]): Promise<void> {
  const client = await connect(server.url);
  for (const statement of statements) await client.query(statement);
  await client.end();
}

export const ROLES = ['CREATE ROLE soak LOGIN CONNECTION LIMIT 3', 'GRANT pg_monitor TO soak', 'CREATE ROLE bare LOGIN'];

export const blindOf = (made: Watch): string[] => made.kinds('blind').map(({ message }) => message);
