/** `analyze` against a real Prometheus, whose blocks are made for the purpose, and on the record of a real run. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Printed } from '../commandline.ts';
import { analyze, Folder } from '../unit/import/data.ts';
import { installed, Stage } from './agent-under-test.ts';

const DAY = 86_400;
const END = 1_763_640_000; // 2025-11-20T12:00:00Z
const START = END - 4 * DAY;
const STEP = 120;
const MB = 1_000_000;

/** Two instances of a service: `a` is well, but was not scraped for eight hours; `b` leaks 3 MB/h through a restart on the second day. */
function exposition(): string {
  const times = Array.from({ length: (END - START) / STEP }, (_, i) => START + i * STEP);
  const noise = (i: number, turn: number): number => ((i * turn) % 1) - 0.5;
  const restart = START + 1.5 * DAY;
  const lines = ['# TYPE process_resident_memory_bytes gauge'];
  times.forEach((t, i) => {
    const unseen = t > START + DAY && t < START + DAY + 8 * 3600;
    if (!unseen)
      lines.push(`process_resident_memory_bytes{job="api",instance="a"} ${Math.round(400 * MB + noise(i, 0.618) * 2 * MB)} ${t}`);
  });
  times.forEach((t, i) => {
    const hours = (t - (t < restart ? START : restart)) / 3600;
    lines.push(`process_resident_memory_bytes{job="api",instance="b"} ${Math.round((400 + 3 * hours + noise(i, 0.382)) * MB)} ${t}`);
  });
  lines.push('# TYPE process_start_time_seconds gauge');
  for (const t of times) lines.push(`process_start_time_seconds{job="api",instance="a"} ${START - 60} ${t}`);
  for (const t of times) lines.push(`process_start_time_seconds{job="api",instance="b"} ${t < restart ? START - 60 : restart} ${t}`);
  lines.push('# TYPE http_requests counter');
  times.forEach((t, i) => lines.push(`http_requests_total{job="api"} ${i * 12_000} ${t}`));
  return [...lines, '# EOF', ''].join('\n');
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

const hasPrometheus = installed('prometheus', 'promtool');

describe.runIf(hasPrometheus)('a real Prometheus', () => {
  let folder: Folder;
  let url = '';
  let server: ChildProcess | null = null;

  beforeAll(async () => {
    folder = new Folder();
    const data = join(folder.path, 'data');
    execFileSync('promtool', ['tsdb', 'create-blocks-from', 'openmetrics', folder.file('data.om', exposition()), data], {
      stdio: 'ignore',
    });
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    const args = [
      `--config.file=${folder.file('prometheus.yml', 'global: {}\n')}`,
      `--storage.tsdb.path=${data}`,
      '--storage.tsdb.retention.time=20y',
      `--web.listen-address=127.0.0.1:${port}`,
    ];
    server = spawn('prometheus', args, { stdio: 'ignore' });
    for (let tries = 0; tries < 300; tries++) {
      const ready = await fetch(`${url}/-/ready`).then((response) => response.ok, () => false); // prettier-ignore
      if (ready) return;
      await delay(100);
    }
    throw new Error('Prometheus did not become ready');
  });

  afterAll(async () => {
    if (server !== null && server.exitCode === null) {
      server.kill('SIGKILL');
      await once(server, 'exit');
    }
    folder[Symbol.dispose]();
  });

  const ask = (...args: string[]): Promise<Printed> =>
    analyze(['--prometheus', url, '--from', String(START), '--to', String(END - STEP), ...args]);

  interface Json {
    readonly outcome: string;
    readonly series: readonly { id: string; labels: Record<string, string>; outcome: string; slope: { lo: number; hi: number } }[];
    readonly analysed: { readonly rows: number; readonly notes: readonly string[] };
  }

  const MEMORY = ['--query', 'process_resident_memory_bytes{job="api"}', '--step', '120s'];
  const LOAD = ['--load-query', 'sum(rate(http_requests_total[10m]))'];

  test('the leaking instance fails, over its restart, and the other one does not', async () => {
    const { code, out, err } = await ask(...MEMORY, ...LOAD, '--restarts-query', 'process_start_time_seconds', '--json');
    expect([code, err]).toEqual([10, '']);
    const { series, analysed } = JSON.parse(out) as Json;
    const [a, b] = ['a', 'b'].map((instance) => series.find(({ labels }) => labels['instance'] === instance)!);
    expect(a!.outcome).not.toBe('fail');
    expect(b!.outcome).toBe('fail');
    expect(b!.slope.lo).toBeLessThan(3 * MB);
    expect(b!.slope.hi).toBeGreaterThan(2.8 * MB);
    expect(analysed.rows).toBe((END - START) / STEP);
    expect(analysed.notes.join('\n')).toMatch(/1 restart/);
  });

  test('a load counts the same as a counter and as its rate', async () => {
    const perRequest = async (load: string): Promise<number> => {
      const { out } = await ask(...MEMORY, '--load-query', load, '--restarts-query', 'process_start_time_seconds', '--json');
      const { series } = JSON.parse(out) as { series: { labels: Record<string, string>; perRequest: number }[] };
      return series.find(({ labels }) => labels['instance'] === 'b')!.perRequest;
    };
    const [rate, total] = [await perRequest('sum(rate(http_requests_total[10m]))'), await perRequest('http_requests_total')];
    expect(total).toBeGreaterThan(0);
    expect(total / rate).toBeCloseTo(1, 1);
  });

  test('hours that were not scraped are a gap, never a zero', async () => {
    const { out } = await ask(
      '--query',
      'process_resident_memory_bytes{instance="a"}',
      '--step',
      '120s',
      ...LOAD,
      '--explain',
      'process_resident_memory_bytes',
    );
    expect(out).toMatch(/40\d MB|400 MB/);
    expect(out).not.toMatch(/^ *0 B ┤/m);
  });

  test('a saved answer is judged like the server itself', async () => {
    const asked = new URLSearchParams({
      query: 'process_resident_memory_bytes{job="api"}',
      start: String(START),
      end: String(END - STEP),
      step: '120',
    });
    const saved = folder.file('saved.json', await (await fetch(`${url}/api/v1/query_range?${asked.toString()}`)).text());
    const [file, live] = [await analyze([saved, '--assume-work', '--json']), await ask(...MEMORY, '--assume-work', '--json')];
    expect([file.err, file.code]).toEqual(['', live.code]);
    expect((JSON.parse(file.out) as Json).series).toEqual((JSON.parse(live.out) as Json).series);
  });

  test('its own words are told: a wrong query, and one that finds nothing', async () => {
    expect(await ask('--query', 'sum((')).toMatchObject({
      code: 64,
      err: expect.stringMatching(/HTTP 400 Bad Request: .*parse error/) as string,
    });
    expect(await ask('--query', 'no_such_metric')).toMatchObject({
      code: 64,
      err: expect.stringContaining('the query found nothing') as string,
    });
    expect(await ask(...MEMORY, '--max-series', '1')).toMatchObject({ code: 64, err: expect.stringContaining('found 2 series') as string });
  });
});

describe('the record of a run', () => {
  test('is judged as it was, told as data is, and can be explained', async () => {
    await using stage = new Stage();
    const service = await stage.service();
    const run = await stage.agent(['--target', `api=${service.pid}`, '--duration', '20s', '--interval', '0.2s']).result();
    const { code, folder } = run;
    const told = await analyze([folder, '--json']);
    expect(told.code).toBe(code);
    const { series } = JSON.parse(told.out) as { series: { id: string; slope: unknown }[] };
    expect(series.map(({ id, slope }) => ({ id, slope }))).toEqual(run.verdict.series.map(({ id, slope }) => ({ id, slope })));
    expect((await analyze([folder, '--warmup', '1d'])).err).toMatch(/^--warmup: 1d leave nothing to judge: the data are of \d+s\n/);
    expect((await analyze([folder])).out.replaceAll(/\s+/g, ' ')).toMatch(/: a run of 2\ds, \d{4}-\d\d-\d\d \d\d:\d\d:\d\d to /);
    const { out } = await analyze([folder, '--explain', 'api memory.private']);
    expect(out).toMatch(/api memory\.private/);
    expect(out).toContain('●');
  });
});
