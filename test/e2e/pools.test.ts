/**
 * Pools of real applications on real servers, seen by the agent as its users run it: what leaks is found and what does not is left alone,
 * what is seen outside is what is so inside, and outages of the servers disturb neither the agent nor what it says.
 */
import { appendFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AppOptions, scenarios, startApp, WatchedApp } from '../apps/launch.ts';
import { Wire } from '../apps/namespace.ts';
import { agreement, connectionsSeen } from '../apps/outside.ts';
import { temporaryFolder } from '../servers/owned.ts';
import { havePgBouncer, startPgBouncer } from '../servers/pgbouncer.ts';
import { havePostgres, type Postgres, POSTGRES_MAJORS, startPostgres } from '../servers/postgres.ts';
import { haveRedis, type RedisServer, startRedis } from '../servers/redis.ts';
import { type AgentOptions, type AgentUnderTest, eventsOf, installed, type Result, Stage, until } from './agent-under-test.ts';
import { Page } from './page.ts';

const isRoot = process.getuid?.() === 0;
const possible = havePostgres() && haveRedis();

/** Half of their times, so that a leak is told within the least patience of the agent and six of its windows. */
const SCALE = 0.5;

const roleOf = ({ scenario }: WatchedApp): string => scenario.toLowerCase();

/** Findings about pools, with the target of each. */
function findings({ verdict }: Result, outcome: string): string[] {
  return verdict.findings
    .filter((finding) => finding.kind.startsWith('pool_') && finding.outcome === outcome)
    .map(({ kind, target }) => `${target} ${kind}`)
    .toSorted();
}

/** What was seen of pools, for who asks why something was not found. */
function toldOfPools(result: Result): string {
  const judged = result.verdict.series.filter(({ metric }) => metric === 'soak.pool.stuck').map(({ why }) => why);
  const kinds = ['connection_stuck', 'connection_returned', 'gap'] as const;
  const told = kinds.flatMap((kind) => result.events(kind)).toSorted((a, b) => a.t - b.t);
  return [...judged, ...told.map(({ t, message }) => `${t.toFixed(1)}: ${message}`)].join('\n');
}

/** A page of what an application knows of its pool, as OpenTelemetry spells it. */
function pageOf(app: WatchedApp): Promise<Page> {
  return Page.text(() => {
    const { total, idle, max } = app.said.at(-1)!;
    const counts = [`{db_client_connection_state="used"} ${total - idle}`, `{db_client_connection_state="idle"} ${idle}`];
    const lines = counts.map((count) => `db_client_connection_count${count}\n`);
    return `# TYPE db_client_connection_count gauge\n${lines.join('')}# TYPE db_client_connection_max gauge\ndb_client_connection_max ${max}\n`;
  });
}

/** Stops what was started for a test, in reverse order, whatever happens. */
async function onStage<T>(run: (stage: Stage, stack: AsyncDisposableStack) => Promise<T>): Promise<T> {
  await using stack = new AsyncDisposableStack();
  return await run(stack.use(new Stage()), stack);
}

/** Counts the sessions of agents on a server, over and over until it is ended or the server goes away. */
class SessionCount {
  readonly #client: pg.Client;
  readonly #looking: Promise<void>;
  #most = 0;
  #over = false;

  private constructor(client: pg.Client) {
    this.#client = client;
    client.once('end', () => (this.#over = true));
    this.#looking = this.#look().catch(() => {}); // a restart ends it
  }

  static async of(postgres: Postgres): Promise<SessionCount> {
    const client = new pg.Client(postgres.url);
    client.on('error', () => {});
    await client.connect();
    return new SessionCount(client);
  }

  /** An agent has come: what happens to the server happens to it as well. */
  async some(): Promise<void> {
    await until(
      () => this.#most,
      (most) => most > 0,
    );
  }

  /** The most there were at any time. */
  async end(): Promise<number> {
    const gone = this.#over;
    this.#over = true;
    await this.#looking;
    if (!gone) await this.#client.end();
    expect(this.#most).toBeGreaterThan(0);
    return this.#most;
  }

  async #look(): Promise<void> {
    for (; !this.#over; await sleep(100)) {
      const { rows } = await this.#client.query<{ n: number }>(
        `SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name LIKE 'soak-agent%'`,
      );
      this.#most = Math.max(this.#most, rows[0]!.n);
    }
  }
}

/**
 * At least this share of the readings is what the application held then, or what it held on the way while connections were opening or
 * closing.
 */
function expectAgreement(result: Result, app: WatchedApp, server: 'db' | 'cache' = 'db', least = 0.99): void {
  const { near, samples, apart } = agreement(connectionsSeen(result.folder, roleOf(app), server), app.said, (said) =>
    server === 'db' ? said.held : said.redis,
  );
  expect(samples, `${app.scenario} ${server}`).toBeGreaterThan(20);
  expect(near / samples, `${app.scenario} ${server}: ${JSON.stringify(apart)}`).toBeGreaterThanOrEqual(least);
}

interface Watching extends AgentOptions {
  readonly servers: Pick<AppOptions, 'postgres' | 'redis'>;
}

/** An agent at the applications, each by its pid, or at other targets. */
function watching(
  stage: Stage,
  apps: readonly WatchedApp[],
  { servers, ...more }: Watching,
  ...options: string[]
): Promise<AgentUnderTest> {
  const targets = apps.flatMap((app) => ['--target', `${roleOf(app)}=${app.pid}`]);
  const { postgres, redis } = servers;
  return stage.watching(
    [...targets, '--postgres', `db=${postgres.url}`, ...(redis ? ['--redis', `cache=${redis.url}`] : []), ...options],
    more,
  );
}

describe.runIf(possible).concurrent('pools of connections', () => {
  let postgres: Postgres;
  let redis: RedisServer;
  let servers: { postgres: Postgres; redis: RedisServer };

  beforeAll(async () => {
    [postgres, redis] = await Promise.all([startPostgres({ settings: { max_connections: 200 } }), startRedis()]);
    servers = { postgres, redis };
  });

  afterAll(async () => {
    await Promise.all([postgres?.stop(), redis?.stop()]);
  });

  /** Each stands still from when it is ready, until the agent is there as well: the slowest of them may take a minute. */
  async function start(stack: AsyncDisposableStack, names: readonly string[]): Promise<WatchedApp[]> {
    const starting = async (name: string): Promise<WatchedApp> => {
      const app = await startApp(name, { ...servers, scale: SCALE });
      app.freeze();
      return app;
    };
    const apps = await Promise.all(names.map(starting));
    for (const app of apps) stack.use(app);
    return apps;
  }

  function begin(apps: readonly WatchedApp[]): void {
    for (const app of apps) app.thaw();
  }

  test('what is not given back fails the run, in every language', () =>
    onStage(async (stage, stack) => {
      const others = scenarios().filter((name) => name === 'python-leaky' || name === 'java-leaky');
      const apps = await start(stack, ['D', 'H', 'E', 'G', ...others]);
      const page = stack.use(await pageOf(apps[3]!));
      const agent = await watching(stage, apps, { servers }, '--scrape', `g=${page.url}`, '--statement-texts', '--duration', '150s');
      begin(apps);
      const result = await agent.result();
      expect(result.code).toBe(10);
      expect(findings(result, 'fail'), toldOfPools(result)).toEqual(
        ['d pool_leak', 'e pool_leak', 'g pool_leak', 'h pool_leak', ...others.map((name) => `${name} pool_leak`)].toSorted(),
      );
      for (const app of apps) expectAgreement(result, app);
      expectAgreement(result, apps[1]!, 'cache');
      // A pool that is made for each request is in none of its own metrics.
      expect(findings(result, 'pass')).toContain('g pool_divergence');
      const [stuck] = result.events('connection_stuck').filter(({ target }) => target === 'd');
      expect(stuck?.data).toMatchObject({ server: 'db', application: 'app-D', port: expect.any(Number) as number, statement: 'SELECT ?' });
    }));

  test('what is healthy does not', () =>
    onStage(async (stage, stack) => {
      const others = scenarios().filter((name) => name === 'python-healthy' || name === 'java-healthy');
      const apps = await start(stack, ['A', 'B', 'C', 'N', ...others]);
      const agent = await watching(stage, apps, { servers }, '--duration', '115s');
      begin(apps);
      const result = await agent.result();
      expect(findings(result, 'fail')).toEqual([]);
      for (const app of apps) expectAgreement(result, app);
    }));

  test.skipIf(!havePgBouncer())('clients that wait in vain for a connection of a pooler fail it', () =>
    onStage(async (stage, stack) => {
      const bouncer = stack.use(await startPgBouncer(postgres, { size: 2 }));
      const agent = await stage.watching([
        '--target',
        `app=${process.pid}`,
        '--postgres',
        `pooler=${bouncer.console}`,
        '--duration',
        '80s',
      ]);
      for (let i = 0; i < 4; i++) {
        const client = new pg.Client(bouncer.url);
        client.on('error', () => {});
        await client.connect();
        stack.defer(() => client.end().catch(() => {}));
        // Two keep what they have, and two wait for it.
        const asked = client.query('BEGIN; SELECT 1').catch(() => {});
        if (i < 2) await asked;
      }
      const { code, verdict } = await agent.result();
      expect(code).toBe(10);
      expect(verdict.findings.filter(({ outcome }) => outcome === 'fail')).toMatchObject([
        { kind: 'pool_exhausted', target: 'app', why: expect.stringContaining('wait for a connection of the pooler') as string },
      ]);
    }),
  );

  test('500 connections are all joined, by at most two sessions', () =>
    onStage(async (stage, stack) => {
      const postgres = stack.use(await startPostgres({ settings: { max_connections: 600 } }));
      const app = stack.use(await startApp('I', { postgres, max: 500 }));
      const count = await SessionCount.of(postgres);
      const agent = await watching(stage, [app], { servers: { postgres } }, '--duration', '60s');
      const result = await agent.result();
      expect(await count.end()).toBeLessThanOrEqual(2);
      expect(connectionsSeen(result.folder, 'i', 'db').filter(({ connections }) => connections === 500).length).toBeGreaterThan(20);
    }));

  test('restarts and freezes of the servers are told as what they are, and the agent goes on', () =>
    onStage(async (stage, stack) => {
      const [postgres, redis] = await Promise.all([startPostgres({ major: POSTGRES_MAJORS[0]! }), startRedis()]);
      stack.use(postgres);
      stack.use(redis);
      const own = { postgres, redis };
      const [app, fragile] = [await startApp('A', own), await startApp('B', { ...own, fragile: true })];
      stack.use(app);
      stack.use(fragile);
      const pidfile = join(stage.folder, 'pid');
      writeFileSync(pidfile, String(fragile.pid));
      const agent = await watching(stage, [app], { servers: own }, '--target', `b=pidfile:${pidfile}`, '--duration', '5m');
      const sessions = await SessionCount.of(postgres);
      // It dies of the errors of idle connections, and has some to lose after its first burst.
      await until(
        () => fragile.said.at(-1)!,
        ({ idle, served }) => served > 20 && idle > 2,
      );
      await sessions.some();

      const restarts = Promise.all([postgres.restart(5), redis.restart(5)]);
      expect(await fragile.ended()).toBe(1);
      await restarts;
      expect(await sessions.end()).toBeLessThanOrEqual(2);
      const again = await SessionCount.of(postgres);
      await fragile.up();
      writeFileSync(pidfile, String(fragile.pid));
      const folder = await agent.recording();
      const told = (kind: 'server_down' | 'server_up'): string[] =>
        eventsOf(folder).flatMap((event) =>
          event.kind === kind ? [`${String(event.data['server'])} ${String(event.data['class'])}`] : [],
        );
      const times = (kind: 'server_down' | 'server_up', count: number): Promise<unknown> =>
        until(
          () => told(kind),
          (all) => ['db', 'cache'].every((server) => all.filter((one) => one.startsWith(`${server} `)).length >= count),
        );
      await times('server_up', 1);
      await sleep(15_000);

      for (const server of [postgres, redis]) server.freeze();
      await until(
        () => told('server_down'),
        (all) => ['db timeout', 'cache timeout'].every((one) => all.includes(one)),
      );
      for (const server of [postgres, redis]) server.thaw();
      await times('server_up', 2);
      await sleep(20_000);
      expect(await again.end()).toBeLessThanOrEqual(2);
      await agent.end('SIGTERM');
      const result = await agent.result();
      const outages = (server: string): (string | undefined)[] =>
        [...result.events('server_down'), ...result.events('server_up')]
          .filter(({ data }) => data['server'] === server)
          .toSorted((a, b) => a.t - b.t)
          .map(({ kind, data }) => (kind === 'server_up' ? 'up' : data['class'] === 'timeout' ? 'timeout' : 'down'));
      const REFUSED = ['down', 'up'];
      expect(withoutRepeats(outages('db'))).toEqual([...REFUSED, 'timeout', 'up']);
      expect(withoutRepeats(outages('cache'))).toEqual([...REFUSED, 'timeout', 'up']);
      expect(result.events('restart').filter(({ target }) => target === 'b')).toHaveLength(1);
      expect(result.events('gap')).toEqual([]);
      expect(result.events('source_failed')).toEqual([]);
      // B has no listener for the error, and dies of the restart; A lives through both.
      const crashed = result.verdict.findings.filter(({ kind, outcome }) => kind === 'outage' && outcome === 'fail');
      expect(crashed.length).toBeGreaterThan(0);
      expect(new Set(crashed.map(({ target }) => target))).toEqual(new Set(['b']));
      expect(crashed[0]!.why).toContain('b crashed on a database outage');
      const lived = result.verdict.findings.filter(({ kind, target }) => kind === 'outage' && target !== 'b');
      expect(lived.map(({ evidence }) => evidence['server'])).toEqual(expect.arrayContaining(['db']));
      expectAgreement(result, app, 'db', 0.9); // its sockets are opened anew after each outage
    }));

  test.runIf(isRoot)('the agent needs no right but to see the process of its own user, and says what it cannot see', () =>
    onStage(async (stage, stack) => {
      const nobody = { uid: 65_534, gid: 65_534 };
      const [own, others] = [await startApp('A', { ...servers, user: nobody }), await startApp('N', servers)];
      stack.use(own);
      stack.use(others);
      const through = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
      const out = temporaryFolder('runs', nobody);
      stack.defer(() => rmSync(out, { recursive: true }));
      const agent = await watching(stage, [own, others], { servers, out, through }, '--duration', '60s');
      const result = await agent.result();
      expectAgreement(result, own);
      expect(connectionsSeen(result.folder, 'n', 'db')).toEqual([]);
      expect(result.verdict.blind).toContainEqual(expect.objectContaining({ target: 'n', metric: 'soak.pool.connections' }));
    }),
  );

  test.runIf(isRoot && installed('ip', 'unshare'))('a target in another network namespace is seen as well', () =>
    onStage(async (stage, stack) => {
      const wire = new Wire();
      const postgres = stack.use(await startPostgres({ settings: { listen_addresses: '*' } }));
      appendFileSync(join(postgres.folder, 'data/pg_hba.conf'), `host all all ${wire.subnet} trust\n`);
      await postgres.restart();
      const app = stack.use(new WatchedApp('A', { postgres, host: wire.here, through: wire.through }));
      const up = app.up();
      await wire.connect(app.pid);
      await up;
      const agent = await watching(stage, [app], { servers: { postgres } }, '--duration', '60s');
      const result = await agent.result();
      expectAgreement(result, app);
      expect(result.verdict.blind.filter(({ metric }) => metric.startsWith('soak.pool.'))).toEqual([]);
    }),
  );
});

/** An outage may go through several classes. */
function withoutRepeats<T>(all: readonly T[]): T[] {
  return all.filter((one, i) => one !== all[i - 1]);
}
