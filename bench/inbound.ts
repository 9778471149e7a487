/**
 * What it costs to take 10,000 points a second: the decoders alone, and the CPU of an agent while a generator in a process of its own
 * sends them. Bound: a fifth of a core. Then its memory under 100,000 different label sets a minute.
 *
 * `node bench/inbound.ts [seconds]`
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Verdict } from '../src/analysis/verdict.ts';
import { newestRun } from '../src/record/folders.ts';
import { SystemClock } from '../src/clock.ts';
import { Deltas } from '../src/intake/deltas.ts';
import { parseInflux } from '../src/intake/influx.ts';
import { parseOtlp } from '../src/intake/otlp.ts';
import { influxLines, jsonRequest, protobufRequest } from './inbound-bodies.ts';

const SECONDS = Number(process.argv[2] ?? 30);
const POINTS = 10_000;
const ROUNDS = 20;

const clock = new SystemClock();

async function cpuMs(work: () => unknown): Promise<number> {
  for (let i = 0; i < 5; i++) await work();
  const from = clock.cpu();
  for (let i = 0; i < ROUNDS; i++) await work();
  return ((clock.cpu() - from) / ROUNDS) * 1000;
}

const deltas = new Deltas({ from: 0 });

async function increments(body: Buffer): Promise<void> {
  const { points } = await parseOtlp(body, 'protobuf');
  for (const point of points) if (point.kind === 'counter' || point.kind === 'histogram') deltas.take(point, clock.monotonic());
}

console.log(`## ${POINTS} points, the decoder alone\n\n| body | kB | CPU, ms |\n|---|---:|---:|`);
const bodies = [
  ['OTLP protobuf, counters and gauges', protobufRequest(POINTS, 0), (body: Buffer) => parseOtlp(body, 'protobuf')],
  ['OTLP protobuf, 40 % histograms of 16 buckets', protobufRequest(POINTS, 0.4), (body: Buffer) => parseOtlp(body, 'protobuf')],
  ['OTLP JSON, counters and gauges', jsonRequest(POINTS, 0), (body: Buffer) => parseOtlp(body, 'json')],
  ['Influx lines of 10 fields', influxLines(POINTS / 10), (body: Buffer) => parseInflux(body.toString(), 1e-9)],
  ['the same histograms, and their increments', protobufRequest(POINTS, 0.4), increments],
] as const;
for (const [name, body, parse] of bodies) {
  console.log(`| ${name} | ${Math.round(body.length / 1000)} | ${(await cpuMs(() => parse(body))).toFixed(0)} |`);
}

interface Usage {
  readonly cpu: number;
  readonly rss: number;
}

function usageOf(pid: number): Usage {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\)/s, '').trim().split(' ');
  const rss = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return { cpu: (Number(fields[11]) + Number(fields[12])) / 100, rss: Number(rss) / 1000 };
}

/** An agent that watches this process, and takes points: of k6's requests, and of a signal that is declared. */
async function agent(): Promise<{ readonly pid: number; readonly url: string; end(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'soak-inbound-'));
  const cli = join(import.meta.dirname, '../src/cli.ts');
  const config = join(folder, 'soak.yaml');
  writeFileSync(config, 'signals:\n  - {name: depth, match: queue_depth, aggregate: sum, kind: backlog}\n');
  const args = [
    cli,
    'run',
    '--config',
    config,
    '--target',
    `bench=${process.pid}`,
    '--listen',
    'off',
    '--inbound',
    '0',
    '--out',
    folder,
    '--no-live',
  ];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  let url: string | undefined;
  while (url === undefined) {
    said += String((await once(child.stderr, 'data'))[0]);
    url = /taken at (\S+)\n/.exec(said)?.[1];
  }
  child.stderr.resume();
  return {
    pid: child.pid!,
    url,
    async end() {
      child.kill('SIGTERM');
      await once(child, 'exit');
      const verdict = JSON.parse(readFileSync(join(newestRun(folder)!.folder, 'verdict.json'), 'utf8')) as Verdict;
      console.error(verdict.series.flatMap(({ id, level }) => (/requests|depth/.test(id) ? [`${id} ${level}`] : [])).join(', '));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Sends what `inbound-bodies.ts` makes, a body every `every` seconds, and ends with the number of points that were taken. */
async function generate(url: string, what: string, seconds: number, watch: (second: number) => void): Promise<string> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'inbound-bodies.ts'), url, what, String(seconds)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let out = '';
  child.stdout.on('data', (text: Buffer) => (out += text.toString()));
  const ended = once(child, 'exit');
  for (let second = 1; second <= seconds; second++) {
    await clock.sleepUntil(clock.monotonic() + 1);
    watch(second);
  }
  await ended;
  return out.trim();
}

console.log(
  `\n## An agent under ${POINTS} points a second, ${SECONDS} s each\n\n| what is sent | CPU of a core | RSS at the end, MB | taken |\n|---|---:|---:|---|`,
);
for (const what of ['nothing', 'protobuf', 'histograms', 'json', 'influx']) {
  const under = await agent();
  await generate(under.url, what, 5, () => {}); // until everything is loaded and compiled
  const from = usageOf(under.pid);
  const at = clock.monotonic();
  const taken = await generate(under.url, what, SECONDS, () => {});
  const to = usageOf(under.pid);
  const share = ((to.cpu - from.cpu) / (clock.monotonic() - at)) * 100;
  console.log(`| ${what} | ${share.toFixed(1)} % | ${to.rss.toFixed(0)} | ${taken} |`);
  await under.end();
}

console.log(`\n## Memory under 100,000 different label sets a minute\n\n| seconds | RSS, MB |\n|---:|---:|`);
const under = await agent();
await generate(under.url, 'labels', 4 * SECONDS, (second) => {
  if (second === 1 || second % SECONDS === 0) console.log(`| ${second} | ${usageOf(under.pid).rss.toFixed(0)} |`);
});
await under.end();
