/**
 * What exporting 2,000 series costs: CPU of a scrape in each form and of a push, and memory over 20,000 scrapes with a second reader that
 * pushes all the while. Bound: 10 ms of CPU a scrape, which at one scrape in 10 s is 0.1 % of a core.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { gzip } from 'node:zlib';
import { SystemClock } from '../src/clock.ts';
import { SILENT } from '../src/log.ts';
import { openMetricsPage, textPage } from '../src/views/exposition.ts';
import { METRICS as TRAFFIC } from '../src/sources/traffic-metrics.ts';
import { type Otel, startOtel } from '../src/views/otel.ts';
import { type Fake, fakeRun, owner, target } from '../test/unit/views/run.ts';

const SERIES = 2000;
const METRICS = 20;
const SCRAPES = 20_000;
const ROUNDS = 300;

// As the agent runs (src/cli.ts).
setFlagsFromString('--max-old-space-size=64');
setFlagsFromString('--max-semi-space-size=1');
setFlagsFromString('--optimize-for-size');

const clock = new SystemClock();

/** 20 metrics of 100 members each, three to four labels a series; as many as the cap leaves beside what the run says of itself; and a histogram. */
function bigRun(): { fake: Fake; tick: (t: number) => void } {
  const fake = fakeRun();
  const members = Array.from({ length: SERIES / METRICS }, (_, i) => String(i + 1));
  const kinds = ['gauge', 'counter', 'updowncounter'] as const;
  const base = { unit: 'By', help: 'One of many', labels: { 'soak.bench.mode': ['user'] }, growth: 'none' } as const;
  const defs = Array.from({ length: METRICS }, (_, i) => ({ ...base, name: `soak.bench.metric_${i}`, kind: kinds[i % 3]! }));
  const ids = defs.flatMap((def) =>
    members.map((member) => fake.state.series.open(owner('api', member), def, { 'soak.bench.mode': 'user' })),
  );
  // All buckets of the finest sender: what the latency histogram is put together from at every scrape.
  const buckets = Array.from({ length: 345 }, (_, i) => {
    const [over, to] = [i, i + 1].map((n) => String(0.0001 * 2 ** (n / 16)));
    return fake.state.series.open(owner('api'), TRAFFIC.bucket, { 'soak.bucket.over': over!, 'soak.bucket.to': to! });
  });
  fake.targets.push(target('api', []));
  const tick = (t: number): void => {
    fake.targets[0]!.procs = [{ pid: 1000 + t, startTime: t, comm: 'node', member: '1' }]; // another process every time
    fake.tick(
      t,
      [...ids, ...buckets].map((id, i) => [id, 123_456_789 + i * t]),
    );
  };
  tick(1);
  return { fake, tick };
}

async function cpuOf(work: () => Promise<unknown>): Promise<number> {
  for (let i = 0; i < 50; i++) await work();
  const before = clock.cpu();
  for (let i = 0; i < ROUNDS; i++) await work();
  return ((clock.cpu() - before) / ROUNDS) * 1000;
}

async function page(otel: Otel, write: typeof textPage = textPage): Promise<Buffer> {
  return Buffer.from(write((await otel.collect()).resourceMetrics));
}

const zip = promisify(gzip);

async function costs(otel: Otel): Promise<void> {
  const forms: readonly (readonly [string, () => Promise<unknown>])[] = [
    ['collection alone', () => otel.collect()],
    ['scrape, text', () => page(otel)],
    ['scrape, OpenMetrics', () => page(otel, openMetricsPage)],
    ['scrape, text, gzip', async () => zip(await page(otel), { level: 1 })],
    ['push, protobuf, until it is answered', () => otel.flush()],
  ];
  console.log('| form | CPU ms each |\n|---|---:|');
  for (const [name, work] of forms) console.log(`| ${name} | ${(await cpuOf(work)).toFixed(2)} |`);
  const text = await page(otel);
  console.log(
    `\nA page is ${Math.round(text.length / 1000)} kB, with gzip ${Math.round((await zip(text, { level: 1 })).length / 1000)} kB.`,
  );
}

async function memory(otel: Otel, tick: (t: number) => void): Promise<void> {
  console.log(`\n| scrapes | heap after collection, MB | RSS, MB | samples on the page |\n|---:|---:|---:|---:|`);
  for (let n = 1; n <= SCRAPES; n++) {
    tick(n + 1);
    const text = await page(otel);
    if (n === 1 || n % (SCRAPES / 4) === 0) {
      globalThis.gc?.();
      const { heapUsed, rss } = process.memoryUsage();
      const samples = text
        .toString()
        .split('\n')
        .filter((line) => /^[a-z]/.test(line)).length;
      console.log(`| ${n} | ${(heapUsed / 1e6).toFixed(1)} | ${(rss / 1e6).toFixed(1)} | ${samples} |`);
    }
    if (n % 100 === 0) await clock.sleepUntil(clock.monotonic() + 0.005); // lets the push through
  }
}

/** A receiver in a process of its own, so that its work is not counted as ours. */
const RECEIVER = `require('node:http').createServer((q, s) => q.on('data', () => {}).on('end', () => s.end()))
  .listen(0, '127.0.0.1', function () { console.log(this.address().port); });`;

const receiver = spawn(process.execPath, ['-e', RECEIVER], { stdio: ['ignore', 'pipe', 'inherit'] });
try {
  const [port] = (await once(receiver.stdout, 'data')) as [Buffer];
  process.env['OTEL_METRIC_EXPORT_INTERVAL'] = '1000';
  const { fake, tick } = bigRun();
  const endpoint = `http://127.0.0.1:${Number(port.toString())}/v1/metrics`;
  const otel = await startOtel({ run: fake.run, readers: { prometheus: true, otlp: { endpoint } }, clock, log: SILENT });
  console.log(`## Export of ${SERIES} series\n`);
  await costs(otel);
  await memory(otel, tick);
  await otel.shutdown();
} finally {
  receiver.kill();
}
