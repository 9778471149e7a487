/**
 * What watching a Postgres costs the agent and the server, by connections and tables: `node bench/postgres.ts` prints a Markdown table.
 * CPU of the server is that of the backend behind our session; figures move with the machine, what more connections cost hardly.
 */
import { readFileSync } from 'node:fs';
import pg from 'pg';
import type { ServerSpec } from '../src/servers.ts';
import { postgresSource } from '../src/sources/postgres.ts';
import { havePostgres, startPostgres } from '../test/servers/postgres.ts';
import { Watch } from '../test/watch.ts';

const CASES = [
  { connections: 10, tables: 0 },
  { connections: 100, tables: 0 },
  { connections: 500, tables: 0 },
  { connections: 10, tables: 5000 },
] as const;

/** Tables made by one message. */
const BATCH = 500;

interface Cost {
  readonly agent: number;
  readonly server: number;
}

async function measure(rounds: number, pid: number, ask: () => Promise<unknown>): Promise<Cost> {
  for (let i = 0; i < 5; i++) await ask();
  const from = { agent: process.cpuUsage(), server: serverCpu(pid) };
  for (let i = 0; i < rounds; i++) await ask();
  const { user, system } = process.cpuUsage(from.agent);
  return { agent: (user + system) / 1000 / rounds, server: (serverCpu(pid) - from.server) / rounds };
}

/** Milliseconds on a CPU. */
function serverCpu(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
}

async function row({ connections, tables }: (typeof CASES)[number]): Promise<string> {
  const settings = { max_connections: connections + 20, shared_preload_libraries: 'pg_stat_statements', max_locks_per_transaction: 1000 };
  await using server = await startPostgres({ settings });
  const open = async (application: string): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: server.url, application_name: application });
    await client.connect();
    return client;
  };
  const own = await open('bench');
  await own.query('CREATE EXTENSION pg_stat_statements; CREATE ROLE soak LOGIN; GRANT pg_monitor TO soak');
  for (let from = 0; from < tables; from += BATCH) {
    await own.query(Array.from({ length: BATCH }, (_, i) => `CREATE TABLE t${from + i} (id serial PRIMARY KEY, x text)`).join(';'));
  }
  const clients = await Promise.all(Array.from({ length: connections }, (_, i) => open(`app${i % 30}`)));
  for (const client of clients) await client.query('SELECT 1');
  const spec: ServerSpec = {
    name: 'db',
    system: 'postgresql',
    url: server.urlOf('soak'),
    passwordFile: null,
    display: 'db',
    gauges: [],
    keys: [],
  };
  const watch = new Watch([], {
    servers: [spec],
    sources: (ctx) => ctx.servers.all().map((one) => postgresSource(ctx, one, { warmup: 0 })),
  });
  await watch.open();
  await watch.tick();
  const { rows } = await own.query<{ pid: number }>("SELECT pid FROM pg_stat_activity WHERE usename = 'soak'");
  const { pid } = rows[0]!;
  const [watched] = watch.ctx.servers.all();
  const { signal } = new AbortController();
  const later = (seconds: number, ask: () => Promise<unknown>) => () => (watch.skip(seconds), ask());
  const costs = [
    await measure(60, pid, () => watch.tick()),
    await measure(
      60,
      pid,
      later(1, () => watched!.sessions(signal)),
    ),
    await measure(
      9,
      pid,
      later(60, () => watch.tick()),
    ),
    await measure(
      15,
      pid,
      later(600, () => watch.tick()),
    ),
  ];
  const memory = Number(/RssAnon:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1000;
  await watch.close();
  for (const client of [own, ...clients]) await client.end();
  return `| ${connections} | ${tables} | ${costs.map(({ agent, server: of }) => `${agent.toFixed(1)} / ${of.toFixed(1)}`).join(' | ')} | ${memory.toFixed(1)} |`;
}

if (havePostgres()) {
  const lines = [
    '## Postgres: CPU milliseconds of the agent / of the server, per round',
    '',
    'The rounds of 60 s and of 10 min contain that of 10 s. The last column is the private memory of the backend behind our session.',
    '',
    '| connections | tables | round of 10 s | sessions alone | round of 60 s | round of 10 min | backend MB |',
    '|---:|---:|---:|---:|---:|---:|---:|',
  ];
  for (const one of CASES) lines.push(await row(one));
  console.log(lines.join('\n'));
} else console.log('Postgres is not installed.');
