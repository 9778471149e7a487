/**
 * What the whole agent costs, as its users run it: the published bundle, recording, on real targets at 1 Hz, no scrape, no live view, in a
 * run that is planned for a day: in a short one sockets are read up to three times as often, so that there are enough samples. Target counts are measured side by side, so that one table takes as long as one run.
 *
 *   node bench/agent.ts [seconds] [target counts ...]        default 600 1 100
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { RecordReader } from '../src/record/reader.ts';
import { type Usage, usage } from './usage.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const [seconds = 600, ...counts] = process.argv.slice(2).map(Number);

/** Start-up is not steady state, and neither are the minutes in which code is compiled and every look is new: shares are of these windows. */
const SETTLE_S = 30;
const EDGES_S = [SETTLE_S, 180, 300, 600, 1800, 3600].filter((edge) => edge < seconds);
const WINDOWS = EDGES_S.map((from, i) => [from, EDGES_S[i + 1] ?? seconds] as const);

/** Milliseconds, from what the record has of the run itself. */
interface Punctuality {
  /** The latest wake-up after its deadline, start-up left out. */
  readonly worst: number;
  /** How far the wake-ups of the last minute are from the one-second grid of the second minute: lateness that has added up. */
  readonly drift: number;
  /** Reads left out. */
  readonly missed: number;
}

function punctuality(out: string): Punctuality {
  const reader = RecordReader.open(join(out, readdirSync(out)[0] ?? ''));
  const ids = new Map(reader.series().map(({ id, def }) => [def.name, id]));
  const ticks: { t: number; late: number }[] = [];
  let missed = 0;
  for (const { t, samples } of reader.ticks()) {
    const value = (name: string): number => samples.values[samples.series.subarray(0, samples.length).indexOf(ids.get(name) ?? -1)] ?? NaN;
    const late = value('soak.agent.schedule.lateness');
    if (Number.isNaN(late)) continue; // the tick that ends the run
    ticks.push({ t, late });
    missed = value('soak.agent.schedule.missed');
  }
  reader.close();
  // Of all the ticks of a minute the most punctual one: what is left is not the work of a tick but the grid.
  const phase = (from: number): number =>
    Math.min(...ticks.filter(({ t }) => t >= from && t < from + 60).map(({ t }) => t - Math.round(t)));
  const last = ticks.at(-1)?.t ?? NaN;
  const settled = ticks.filter(({ t }) => t >= SETTLE_S);
  return { worst: Math.max(...settled.map(({ late }) => late)) * 1000, drift: (phase(last - 60) - phase(60)) * 1000, missed };
}

async function measure(targets: number): Promise<string[]> {
  const out = mkdtempSync(join(tmpdir(), 'soak-bench-'));
  const sleepers: ChildProcess[] = [];
  for (let i = 0; i < targets; i++) sleepers.push(spawn('sleep', [String(seconds + 120)], { stdio: 'ignore' }));
  const options = sleepers.flatMap((child, i) => ['--target', `t${i}=${child.pid}`]);
  const fixed = ['--out', out, '--listen', 'off', '--no-live', '--duration', '24h'];
  const agent = spawn(process.execPath, [join(ROOT, 'dist/soak-agent.js'), 'run', ...options, ...fixed], { stdio: 'ignore' });
  const ended = once(agent, 'close') as Promise<[number]>;
  const from = performance.now();
  const after = async (edge: number): Promise<Usage> => {
    await delay(from + edge * 1000 - performance.now());
    return usage(agent.pid ?? 0);
  };
  try {
    const points: Usage[] = [];
    for (const edge of [...EDGES_S, seconds]) points.push(await after(edge));
    agent.kill('SIGTERM');
    const [code] = await ended;
    const share = (a: Usage, b: Usage): string => `${(((b.cpu - a.cpu) / (b.at - a.at)) * 100).toFixed(2)} %`;
    const { worst, drift, missed } = punctuality(out);
    return [
      String(targets),
      ...WINDOWS.map((_, i) => share(points[i]!, points[i + 1]!)),
      points.at(-1)!.rss.toFixed(1),
      points.map((point) => point.private.toFixed(1)).join(', '),
      worst.toFixed(2),
      drift.toFixed(2),
      String(missed),
      String(code),
    ];
  } finally {
    agent.kill('SIGKILL');
    for (const child of sleepers) child.kill('SIGKILL');
    rmSync(out, { recursive: true, force: true });
  }
}

const windows = WINDOWS.map(([from, to]) => `CPU of one core, ${from} to ${to} s`);
const moments = [...EDGES_S, seconds].join(', ');
const columns = ['targets', ...windows, 'RSS MB', `private MB at ${moments} s`, 'worst lateness ms', 'drift ms', 'missed reads', 'exit'];
const rows = await Promise.all((counts.length > 0 ? counts : [1, 100]).map(measure));
console.log(`## The whole agent (${seconds} s, 1 Hz, recording, no scrape)\n`);
console.log(`| ${columns.join(' | ')} |\n|${'---|'.repeat(columns.length)}`);
for (const row of rows) console.log(`| ${row.join(' | ')} |`);
