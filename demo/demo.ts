/**
 * `npm run demo`: a leaking service and its healthy twin under a small load, each watched by a run of its own for about two minutes, with
 * a Postgres and a Redis of their own where these are to be had. Ends with 0 only if the leaks fail their run (because growth would reach
 * the limit in time, and because connections are not given back) and the twin does not fail.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Verdict } from '../src/analysis/verdict.ts';
import { EXIT } from '../src/problem.ts';
import { type Servers, startServers } from './servers.ts';
import { type Name, startService } from './services.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const DURATION = process.env['SOAK_DEMO_DURATION'] ?? '2m';
const REQUESTS_PER_SECOND = 40;
const WARM_UP_S = 10;
/** As a shell has it. */
const INTERRUPTED = 130;

/** Real and low: the kernel refuses the 513th descriptor, and the session cache may hold 300 MB. */
const DESCRIPTORS = 512;
const LIMIT = 'memory.private < 300MB';
const MUST_LIVE = '1h';

interface Watched {
  readonly code: number | null;
  readonly folder: string | null;
}

/** Open loop: a request at each slot whether or not the ones before were answered. Returns how to stop it. */
function startLoad(port: number): () => void {
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  const timer = setInterval(() => {
    get({ port, host: '127.0.0.1', agent, path: '/checkout' }, (response) => response.resume()).on('error', () => {});
  }, 1000 / REQUESTS_PER_SECOND);
  return () => {
    clearInterval(timer);
    agent.destroy();
  };
}

/** Runs the agent as a user would, shows its lines under the service's name, and tells how it ended. */
async function watch(name: Name, pid: number, servers: Servers): Promise<Watched> {
  const options = [
    ...servers.options,
    '--duration',
    DURATION,
    '--rule',
    LIMIT,
    '--must-live',
    MUST_LIVE,
    '--listen',
    '127.0.0.1:0',
    '--out',
    join(ROOT, 'soak-runs', name),
    '--no-live',
  ];
  const agent = spawn(process.execPath, [join(ROOT, 'src/cli.ts'), 'run', '--target', `${name}=${pid}`, ...options], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let folder: string | null = null;
  const show = (line: string): void => {
    console.log(`${name.padEnd(8)}| ${line}`);
    folder = /record(?:ing to| in) (\S+)/.exec(line)?.[1] ?? folder;
    const page = /(http:\/\/127\.0\.0\.1:\d+)/.exec(line)?.[1];
    if (page !== undefined && name === 'leaky') void showMetrics(page);
  };
  createInterface(agent.stdout).on('line', show);
  createInterface(agent.stderr).on('line', show);
  const [code] = (await once(agent, 'close')) as [number | null];
  return { code, folder };
}

/** The Prometheus page, once it has something to show. */
async function showMetrics(page: string): Promise<void> {
  await delay(20_000, undefined, { ref: false });
  try {
    const text = await (await fetch(`${page}/metrics`)).text();
    const lines = text
      .split('\n')
      .filter((line) => /^(soak_process_memory_private|process_unix_file_descriptor_count|process_cpu_time)/.test(line));
    console.log(`\n  ${page}/metrics has ${text.split('\n').length} lines, among them:`);
    for (const line of lines) console.log(`    ${line}`);
    console.log('');
  } catch {
    // The run was ended early.
  }
}

function verdictOf(watched: Watched): Verdict | null {
  if (watched.folder === null) return null;
  return JSON.parse(readFileSync(join(watched.folder, 'verdict.json'), 'utf8')) as Verdict;
}

/** Failed because growth reaches the limit within the required life, not because of anything else. */
function failedByGrowth(verdict: Verdict | null): boolean {
  return (
    verdict?.series.some((series) => series.outcome === 'fail' && series.slope !== null && series.slope.lo > 0 && series.limit !== null) ??
    false
  );
}

/** Connections were taken and not given back. */
function failedByPool(verdict: Verdict | null): boolean {
  return verdict?.findings.some(({ kind, outcome }) => kind === 'pool_leak' && outcome === 'fail') ?? false;
}

function report(leaky: Watched, healthy: Watched, servers: Servers): number {
  const verdict = verdictOf(leaky);
  const grown = leaky.code === EXIT.fail && failedByGrowth(verdict);
  const pooled = servers.postgres === null || failedByPool(verdict);
  const quiet = healthy.code === EXIT.pass || healthy.code === EXIT.inconclusive;
  console.log(`\nleaky service:   ${verdict?.outcome ?? 'no verdict'} (exit ${leaky.code}), record in ${leaky.folder}`);
  console.log(`healthy service: ${verdictOf(healthy)?.outcome ?? 'no verdict'} (exit ${healthy.code}), record in ${healthy.folder}`);
  if (!grown) console.log('The leak was not found: the leaky service should have failed its run.');
  if (!pooled) console.log('The connections that are not given back were not found.');
  if (!quiet) console.log('A false alarm: the healthy service should not have failed its run.');
  return grown && pooled && quiet ? 0 : 1;
}

const early = new AbortController();
let isWatching = false;
process.on('SIGINT', () => {
  console.log(`\nstopping: ${isWatching ? 'what is watched is judged on what was seen' : 'nothing was watched yet'}`);
  early.abort();
});

async function main(): Promise<number> {
  await using stack = new AsyncDisposableStack();
  const servers = stack.use(await startServers());
  for (const line of servers.said) console.log(line);
  console.log(
    `Two services at ${REQUESTS_PER_SECOND} requests/s for ${DURATION}. Both may hold ${DESCRIPTORS} descriptors and ${LIMIT.split('< ')[1]}, and must live ${MUST_LIVE}.`,
  );
  const leaky = stack.use(await startService('leaky', DESCRIPTORS, servers));
  const healthy = stack.use(await startService('healthy', DESCRIPTORS, servers));
  for (const service of [leaky, healthy]) stack.defer(startLoad(service.port));
  try {
    await delay(WARM_UP_S * 1000, undefined, { signal: early.signal });
  } catch {
    return INTERRUPTED;
  }
  isWatching = true;
  const watched = await Promise.all([watch('leaky', leaky.pid, servers), watch('healthy', healthy.pid, servers)]);
  return report(...watched, servers);
}

process.exitCode = await main();
