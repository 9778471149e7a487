/**
 * What one sample of a pool costs the agent, by connections: `node bench/pools.ts` prints a Markdown table. The floor is a C program that
 * reads the same table of sockets and looks at none of its bytes: what the kernel takes to list them. The table of IPv6, which no
 * connection here is in, is read every tenth time, and while no session comes or goes, as here, a sample of the pool has the tables read
 * every third time: it is given with them, and on average. Server and client share a
 * namespace here, so that a connection is two sockets; where they do not, it is one.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SystemClock } from '../src/clock.ts';
import type { ServerSpec } from '../src/servers.ts';
import { Sockets } from '../src/sockets/sockets.ts';
import { poolSource } from '../src/sources/pool.ts';
import { postgresSource } from '../src/sources/postgres.ts';
import { selectionSource } from '../src/sources/selection.ts';
import type { Source } from '../src/sources/source.ts';
import { startApp } from '../test/apps/launch.ts';
import { havePostgres, startPostgres } from '../test/servers/postgres.ts';
import { target, Watch } from '../test/watch.ts';

const CONNECTIONS = [10, 100, 500];
const WARM = 50;
const ROUNDS = 150;

/** The processor does other things in between, as it does in a run. */
const REST_S = 0.02;

/** No answer and no table is given again. */
class HurriedClock extends SystemClock {
  #ahead = 0;

  override monotonic(): number {
    return super.monotonic() + this.#ahead;
  }

  hurry(seconds: number): void {
    this.#ahead += seconds;
  }
}

/** Milliseconds of CPU of each round. */
async function measure(watch: Watch, clock: HurriedClock, ask: () => unknown): Promise<number[]> {
  const spent: number[] = [];
  for (let round = -WARM; round < ROUNDS; round++) {
    await clock.sleepUntil(clock.monotonic() + REST_S);
    clock.hurry(5);
    watch.skip(5);
    const from = clock.cpu();
    await ask();
    if (round >= 0) spent.push((clock.cpu() - from) * 1000);
  }
  return spent;
}

/** The lower quartile, because what else runs on the machine only adds. */
function least(spent: readonly number[]): number {
  return spent.toSorted((one, other) => one - other)[Math.floor(spent.length / 4)]!;
}

/** Rounds of which one has the tables read. */
const TABLES_EVERY = 3;

/** Every third round, beginning with each of the first three: with the tables, and twice without. */
function apart(spent: readonly number[]): { readonly withTables: number; readonly average: number } {
  const kinds = Array.from({ length: TABLES_EVERY }, (_, k) => least(spent.filter((_, i) => i % TABLES_EVERY === k)));
  return { withTables: Math.max(...kinds), average: kinds.reduce((sum, ms) => sum + ms, 0) / TABLES_EVERY };
}

async function row(connections: number, floor: string): Promise<string> {
  await using postgres = await startPostgres({ settings: { max_connections: connections + 20 } });
  await using app = await startApp('I', { postgres, max: connections });
  const server: ServerSpec = {
    name: 'db',
    system: 'postgresql',
    url: postgres.url,
    passwordFile: null,
    display: 'db',
    gauges: [],
    keys: [],
  };
  let pool: Source | null = null;
  let sockets: Sockets | null = null;
  const clock = new HurriedClock();
  const watch = new Watch([target(`app=${app.pid}`)], {
    servers: [server],
    sources: (ctx) => {
      sockets = new Sockets({ ...ctx, clock });
      pool = poolSource({ ...ctx, clock }, { planned: null, sockets });
      return [selectionSource(ctx), ...ctx.servers.all().map((one) => postgresSource(ctx, one, { warmup: 0 })), pool];
    },
  });
  await watch.open();
  await watch.tick();
  const { signal } = new AbortController();
  const kernel = (): number => Number(execFileSync(floor, [String(ROUNDS), '/proc/net/tcp'], { encoding: 'utf8' }));
  const bare = [kernel()];
  const tables = await measure(watch, clock, () => sockets!.read(({ remote }) => remote.port === postgres.port, { ipv6: 'kept' }));
  const sessions = await measure(watch, clock, () => watch.ctx.servers.all()[0]!.sessions(signal));
  const { withTables, average } = apart(await measure(watch, clock, () => pool!.read(watch.sink, signal)));
  bare.push(kernel());
  const rows = sockets!.read(() => true, { ipv6: 'kept' })[0]!.table.rows.length;
  await watch.close();
  return `| ${[String(connections), String(rows), ...[Math.min(...bare), least(tables), least(sessions), withTables, average].map((ms) => ms.toFixed(1))].join(' | ')} |`;
}

async function table(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'soak-bench-'));
  try {
    const floor = join(folder, 'sockets-floor');
    execFileSync('gcc', ['-O2', '-o', floor, fileURLToPath(new URL('sockets-floor.c', import.meta.url))]);
    const rows: string[] = [];
    for (const connections of CONNECTIONS) rows.push(await row(connections, floor));
    return [
      '## Pools: CPU milliseconds of a sample of the sockets and the sessions of one Postgres',
      '',
      '| connections | sockets in the table | kernel alone (C) | table and owners | sessions | sample with tables | sample on average |',
      '|---:|---:|---:|---:|---:|---:|---:|',
      ...rows,
    ].join('\n');
  } finally {
    rmSync(folder, { recursive: true });
  }
}

console.log(havePostgres() ? await table() : 'Postgres is not installed.');
