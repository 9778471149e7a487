/**
 * What the whole agent costs, as its users run it: the published bundle, recording, on real targets at 1 Hz, no scrape, no live view.
 *
 *   node bench/agent.ts [seconds] [target counts ...]        default 120 1 100
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const [seconds = 120, ...counts] = process.argv.slice(2).map(Number);

/** Start-up is not steady state: the first part of the run is not counted. */
const SETTLE_S = 30;

interface Usage {
  readonly cpu: number;
  readonly at: number;
  readonly rss: number;
  readonly private: number;
}

function usage(pid: number): Usage {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kb = (key: string): number => Number(new RegExp(`${key}:\\s+(\\d+)`).exec(status)?.[1] ?? Number.NaN) / 1000;
  return {
    cpu: (Number(fields[11]) + Number(fields[12])) / 100,
    at: performance.now() / 1000,
    rss: kb('VmRSS') * 1.024,
    private: (kb('RssAnon') + kb('VmSwap')) * 1.024,
  };
}

/** Seconds by which ticks came after their deadline: the largest, and how far the last tick is from the grid of the first. */
function lateness(out: string): { worst: number; drift: number } {
  const run = readdirSync(out)[0] ?? '';
  const db = new DatabaseSync(join(out, run, 'record.sqlite'), { readOnly: true });
  const rows = db
    .prepare("select max as worst, last from readable_rollup where metric = 'soak.agent.schedule.lateness' order by time")
    .all() as { worst: number; last: number }[];
  db.close();
  return { worst: Math.max(...rows.map((row) => row.worst)), drift: rows.at(-1)?.last ?? Number.NaN };
}

async function measure(targets: number): Promise<string[]> {
  const out = mkdtempSync(join(tmpdir(), 'soak-bench-'));
  const sleepers: ChildProcess[] = [];
  for (let i = 0; i < targets; i++) sleepers.push(spawn('sleep', [String(seconds + SETTLE_S + 120)], { stdio: 'ignore' }));
  const options = sleepers.flatMap((child, i) => ['--target', `t${i}=${child.pid}`]);
  const agent = spawn(
    process.execPath,
    [
      join(ROOT, 'dist/soak-agent.js'),
      'run',
      ...options,
      '--out',
      out,
      '--listen',
      'off',
      '--no-live',
      '--duration',
      `${seconds + SETTLE_S}s`,
    ],
    {
      stdio: 'ignore',
    },
  );
  try {
    await delay(SETTLE_S * 1000);
    const from = usage(agent.pid ?? 0);
    await delay((seconds - 3) * 1000);
    const to = usage(agent.pid ?? 0);
    const [code] = (await once(agent, 'close')) as [number];
    const share = ((to.cpu - from.cpu) / (to.at - from.at)) * 100;
    const { worst, drift } = lateness(out);
    return [
      String(targets),
      `${share.toFixed(3)} %`,
      to.rss.toFixed(1),
      to.private.toFixed(1),
      (to.private - from.private).toFixed(2),
      (worst * 1000).toFixed(2),
      (drift * 1000).toFixed(2),
      String(code),
    ];
  } finally {
    agent.kill('SIGKILL');
    for (const child of sleepers) child.kill('SIGKILL');
    rmSync(out, { recursive: true, force: true });
  }
}

console.log(`## The whole agent (${seconds} s after ${SETTLE_S} s of settling, 1 Hz, recording, no scrape)\n`);
console.log('| targets | CPU of one core | RSS MB | private MB | private growth MB | worst lateness ms | lateness at the end ms | exit |');
console.log('|---|---|---|---|---|---|---|---|');
for (const targets of counts.length > 0 ? counts : [1, 100]) console.log(`| ${(await measure(targets)).join(' | ')} |`);
