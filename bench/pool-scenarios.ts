/**
 * `npm run bench:pools`: applications that use their pools well and badly, side by side on a real Postgres and Redis, watched by the agent
 * as its users run it: one run for the healthy ones, one for those that leak. Prints what was found of each, when, and what was expected;
 * ends with 1 if anything is otherwise.
 *
 *   npm run bench:pools -- [--duration 5m] [--scale 1] [--seed 1] [scenario ...]
 *
 * `--scale` multiplies the times of the scenarios: from 1 h on, the agent waits four times as long before it asks about a connection.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import pg from 'pg';
import type { Verdict } from '../src/analysis/verdict.ts';
import { RecordReader } from '../src/record/reader.ts';
import type { RunEvent } from '../src/tick.ts';
import { scenarios, startApp, type WatchedApp } from '../test/apps/launch.ts';
import { agreement, connectionsSeen, MOMENT_MS } from '../test/apps/outside.ts';
import { Owned, temporaryFolder } from '../test/servers/owned.ts';
import { type Postgres, startPostgres } from '../test/servers/postgres.ts';
import { type RedisServer, startRedis } from '../test/servers/redis.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    duration: { type: 'string', default: '5m' },
    scale: { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
  },
});

/** Told by a finding that fails the run. */
const POOL_FINDINGS = new Set(['pool_leak', 'pool_exhausted']);

/** A pool that has all its connections from the start gives no sign of a leak before it is exhausted. */
const SEEN_WHEN_EXHAUSTED = new Set(['K']);

class AgentAtWork extends Owned {
  readonly apps: readonly WatchedApp[];
  /** When a finding about the pools of an application was first seen, in milliseconds since the epoch. */
  readonly foundAt = new Map<string, number>();

  constructor(apps: readonly WatchedApp[], postgres: Postgres, redis: RedisServer) {
    const folder = temporaryFolder('bench');
    const targets = apps.flatMap((app) => ['--target', `${roleOf(app)}=${app.pid}`]);
    const servers = ['--postgres', `db=${postgres.url}`, '--redis', `cache=${redis.url}`];
    const fixed = ['--listen', '127.0.0.1:0', '--out', join(folder, 'runs'), '--no-live', '--duration', values.duration];
    const command = [process.execPath, join(ROOT, 'dist/soak-agent.js'), 'run', ...targets, ...servers, ...fixed] as const;
    super({ folder, command, ready: /recording to/, stop: 'SIGTERM' });
    this.apps = apps;
  }

  get run(): string {
    const runs = join(this.folder, 'runs');
    return join(runs, readdirSync(runs)[0] ?? '');
  }

  get verdict(): Verdict {
    return JSON.parse(readFileSync(join(this.run, 'verdict.json'), 'utf8')) as Verdict;
  }

  /** Looks at its verdict, which a finding may enter and leave. */
  async look(): Promise<void> {
    const url = /metrics, health and verdict at (\S+)\n/.exec(this.log)?.[1];
    if (url === undefined) return;
    try {
      const verdict = (await (await fetch(`${url}/api/verdict`, { headers: { connection: 'close' } })).json()) as Verdict;
      for (const target of found(verdict)) if (!this.foundAt.has(target)) this.foundAt.set(target, Date.now());
    } catch {
      // It has ended, or has no verdict yet.
    }
  }
}

function roleOf(app: WatchedApp): string {
  return app.scenario.toLowerCase();
}

/** Targets with a finding about their pools that fails the run. */
function found(verdict: Verdict): string[] {
  return verdict.findings.flatMap(({ kind, outcome, target }) => {
    return POOL_FINDINGS.has(kind) && outcome === 'fail' && target !== null ? [target] : [];
  });
}

/** After a while, or at the end. */
function goesOn(ended: Promise<unknown>, ms: number): Promise<boolean> {
  return Promise.race([ended.then(() => false), delay(ms, true)]);
}

/** Sessions of agents on the server, the most at any time. */
async function countSessions(postgres: Postgres, until: Promise<unknown>): Promise<number> {
  const client = new pg.Client(postgres.url);
  await client.connect();
  let most = 0;
  while (await goesOn(until, 500)) {
    const { rows } = await client.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = 'soak-agent'`,
    );
    most = Math.max(most, rows[0]?.n ?? 0);
  }
  await client.end();
  return most;
}

interface Row {
  readonly cells: readonly string[];
  readonly expected: boolean;
}

function seconds(from: number | undefined, to: number | undefined): string {
  return from === undefined || to === undefined ? '-' : `${to >= from ? '+' : ''}${((to - from) / 1000).toFixed(0)} s`;
}

/** Times are from the first leak on. */
function rowOf(app: WatchedApp, agent: AgentAtWork, verdict: Verdict, events: readonly (RunEvent & { wall: number })[]): Row {
  const role = roleOf(app);
  const { said } = app;
  const leakedAt = said.find(({ leaked }) => leaked > 0)?.t;
  const exhaustedAt = said.find(({ leaked, total, max }) => leaked >= max && total >= max)?.t;
  const own = events.filter(({ kind, target }) => kind === 'connection_stuck' && target === role);
  const returned = events.filter(({ kind, target }) => kind === 'connection_returned' && target === role).length;
  const isFound = found(verdict).includes(role);
  const unseen = verdict.findings.some(({ kind, target }) => kind === 'pool_unseen' && target === role);
  const late = SEEN_WHEN_EXHAUSTED.has(app.scenario);
  const agreed = (server: string, held: (one: WatchedApp['said'][number]) => number): string => {
    const seen = connectionsSeen(agent.run, role, server);
    const [moment, second] = [agreement(seen, said, held, MOMENT_MS), agreement(seen, said, held)];
    return `${share(moment.equal, moment.samples)} (${share(moment.near, moment.samples)}, ${share(second.near, second.samples)})`;
  };
  const share = (part: number, of: number): string => (of === 0 ? '-' : `${((part / of) * 100).toFixed(1)} %`);
  // The verdict is judged anew every minute, and at the end.
  const foundAt = agent.foundAt.get(role) ?? (isFound && verdict.run.end !== null ? Date.parse(verdict.run.end) : undefined);
  const what = verdict.findings.filter(({ target, kind }) => target === role && kind.startsWith('pool_')).map(({ kind }) => kind);
  const way =
    leakedAt === undefined || exhaustedAt === undefined || foundAt === undefined ? null : (foundAt - leakedAt) / (exhaustedAt - leakedAt);
  return {
    expected: late ? isFound || unseen : isFound === app.leaks && (app.leaks || foundAt === undefined),
    cells: [
      app.scenario,
      app.leaks ? (late ? 'leak, when exhausted' : 'leak') : 'none',
      [...new Set(what)].join(', ') || 'none',
      leakedAt === undefined ? String(own.length) : seconds(leakedAt, own[0] && own[0].wall * 1000),
      `${own.length}, ${returned}`,
      seconds(leakedAt, foundAt),
      seconds(leakedAt, exhaustedAt),
      way === null ? '-' : share(way, 1),
      `${said.at(-1)?.leaked ?? 0} of ${said.at(-1)?.max ?? 0}`,
      agreed('db', ({ held }) => held),
      agreed('cache', ({ redis }) => redis),
    ],
  };
}

const COLUMNS = [
  'scenario',
  'expected',
  'findings at the end',
  'first flag',
  'flagged, returned',
  'verdict',
  'exhausted',
  'way to it',
  'leaked',
  'Postgres: equal (within 0.1 s, 1 s)',
  'Redis: equal (within 0.1 s, 1 s)',
];

/** Watches these applications to the end of the run. */
async function watch(
  apps: readonly WatchedApp[],
  postgres: Postgres,
  redis: RedisServer,
): Promise<{ agent: AgentAtWork; code: number | null }> {
  const agent = new AgentAtWork(apps, postgres, redis);
  await agent.up();
  const ended = agent.ended();
  while (await goesOn(ended, 1000)) await agent.look();
  return { agent, code: await ended };
}

spawnSync(process.execPath, [join(ROOT, 'tools/build.ts')], { stdio: ['ignore', 2, 2] });
const wanted = positionals.length > 0 ? positionals : scenarios();
await using stack = new AsyncDisposableStack();
const [postgres, redis] = await Promise.all([startPostgres({ settings: { max_connections: 400 } }), startRedis()]);
stack.use(postgres);
stack.use(redis);
const options = { postgres, redis, scale: Number(values.scale), seed: Number(values.seed) };
const apps = await Promise.all(wanted.map((scenario) => startApp(scenario, options)));
for (const app of apps) stack.use(app);
const groups = [apps.filter(({ leaks }) => !leaks), apps.filter(({ leaks }) => leaks)].filter((group) => group.length > 0);
console.error(`${apps.length} applications for ${values.duration}, watched by ${groups.length} agents ...`);
const runs = Promise.all(groups.map((group) => watch(group, postgres, redis)));
const sessions = await countSessions(postgres, runs);
const rows: Row[] = [];
console.log(`| ${COLUMNS.join(' | ')} |\n|${'---|'.repeat(COLUMNS.length)}`);
for (const { agent, code } of await runs) {
  stack.use(agent);
  if (!existsSync(join(agent.run, 'verdict.json'))) throw new Error(`there is no verdict, exit ${code}: ${agent.log}`);
  const { verdict } = agent;
  const reader = RecordReader.open(agent.run);
  const events = [...reader.events()];
  reader.close();
  for (const app of agent.apps) {
    const row = rowOf(app, agent, verdict, events);
    rows.push(row);
    console.log(`| ${row.cells.join(' | ')} | ${row.expected ? '' : 'NOT AS EXPECTED'}`);
  }
  console.log(`\nexit ${code}: ${verdict.reasons.join('; ')}\n`);
}
console.log(`At most ${sessions} sessions of ${groups.length} agents on Postgres.`);
process.exitCode = rows.every(({ expected }) => expected) ? 0 : 1;
