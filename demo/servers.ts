/** The database servers of the demo: started for it where they are installed, and left out where they are not. */
import { Client } from 'pg';
import { type Postgres, startPostgres } from '../test/servers/postgres.ts';
import { type RedisServer, startRedis } from '../test/servers/redis.ts';

export interface Servers extends AsyncDisposable {
  readonly postgres: Postgres | null;
  readonly redis: RedisServer | null;
  /** Of the agents. */
  readonly options: readonly string[];
  /** Of the services. */
  readonly env: Readonly<Record<string, string>>;
  /** What there is and what is not, for the user. */
  readonly said: readonly string[];
}

export async function startServers(): Promise<Servers> {
  const said: string[] = [];
  const [postgres, redis] = await Promise.all([
    orNull(startPostgres({ settings: { shared_preload_libraries: 'pg_stat_statements' } }), 'Postgres', said),
    orNull(startRedis(), 'Redis', said),
  ]);
  if (postgres) await prepare(postgres);
  return {
    postgres,
    redis,
    options: [...(postgres ? ['--postgres', `orders=${postgres.url}`] : []), ...(redis ? ['--redis', `cache=${redis.url}`] : [])],
    env: { ...(postgres && { DATABASE_URL: postgres.url }), ...(redis && { REDIS_URL: redis.url }) },
    said,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([postgres?.stop(), redis?.stop()]);
    },
  };
}

async function orNull<T extends { readonly port: number }>(starting: Promise<T>, name: string, said: string[]): Promise<T | null> {
  try {
    const server = await starting;
    said.push(`A ${name} of the demo's own on port ${server.port}.`);
    return server;
  } catch (error) {
    said.push(`Without ${name}, and so without its pools: ${(error as Error).message.trim()}`);
    return null;
  }
}

async function prepare(postgres: Postgres): Promise<void> {
  const client = new Client(postgres.url);
  await client.connect();
  await client.query('CREATE EXTENSION pg_stat_statements');
  await client.query('CREATE TABLE orders (number int NOT NULL, at timestamptz NOT NULL DEFAULT now())');
  await client.end();
}
