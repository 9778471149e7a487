/** The SDK with both readers against real receivers on loopback: working, refusing, silent, and gone. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { context, diag, metrics } from '@opentelemetry/api';
import { afterEach, describe, expect, test } from 'vitest';
import { SystemClock } from '../../src/clock.ts';
import { type Logger, SILENT } from '../../src/log.ts';
import { openMetricsPage, textPage } from '../../src/views/exposition.ts';
import { type Otel, startOtel } from '../../src/views/otel.ts';
import type { PushTarget } from '../../src/views/otelpush.ts';
import { DEFS, type Fake, fakeRun, fullRun, owner, target } from '../unit/views/run.ts';
import { type Receiver, receiver, translated, translatedSamples } from './otlp.ts';

const clock = new SystemClock();
const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function startReceiver(...args: Parameters<typeof receiver>): Promise<Receiver> {
  const started = await receiver(...args);
  cleanups.push(() => started.close());
  return started;
}

/** The SDK reads most variables from `process.env`, so they are set there while a test runs. */
function setEnv(env: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(env)) {
    const before = process.env[name];
    process.env[name] = value;
    cleanups.push(() => (before === undefined ? delete process.env[name] : (process.env[name] = before)));
  }
}

async function start(fake: Fake, otlp: PushTarget | null, log: Logger = SILENT): Promise<Otel> {
  const otel = await startOtel({ run: fake.run, readers: { prometheus: true, otlp }, clock, log });
  cleanups.push(() => otel.shutdown());
  return otel;
}

function warnings(): { log: Logger; said: string[] } {
  const said: string[] = [];
  return { said, log: { ...SILENT, warn: (message, fields) => void said.push(`${message} ${JSON.stringify(fields ?? {})}`) } };
}

function openFds(): number {
  return readdirSync('/proc/self/fd').length;
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function heapAfterCollection(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

/** A page of the scrape, as `name{labels}` in the order of the labels' names. */
function scraped(page: string): string[] {
  return page
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#') && !line.startsWith('target_info'))
    .map((line) => line.replace(/\} \S+$/, '}'));
}

describe('push and scrape', () => {
  test('give every series the same name and the same labels', async () => {
    const { url, push } = await startReceiver();
    const fake = fullRun();
    // A mount point whose escapes are the same in JSON and in the text format, so that texts can be compared.
    const otel = await start(fake, { endpoint: url });
    await otel.flush();
    const pushed = translated((await push()).metrics);
    const page = scraped(textPage((await otel.collect()).resourceMetrics));
    expect(pushed.length).toBeGreaterThan(60);
    expect(pushed.toSorted()).toEqual(page.toSorted());
    expect(page.some((series) => series.startsWith('soak_traffic_duration_seconds_bucket{') && series.endsWith('le="+Inf"}'))).toBe(true);
    const names = new Set(pushed.map((series) => series.replace(/\{.*/, '')));
    for (const name of [
      'process_cpu_time_seconds_total',
      'soak_slope_bytes_per_hour',
      'soak_run_coverage_ratio',
      'soak_target_info',
      'soak_traffic_duration_seconds_bucket',
    ]) {
      expect(names).toContain(name);
    }
  });

  test('give every series the same value', async () => {
    const { url, push } = await startReceiver();
    const fake = fullRun();
    fake.end = fake.run.start + 90; // so that times to a limit do not move between push and scrape
    const otel = await start(fake, { endpoint: url });
    await otel.flush();
    const isCounted = (series: string): boolean => series.startsWith('soak_export_pushes'); // which the push itself counts up
    const values = translatedSamples((await push()).metrics).flatMap(({ series, value }) => (isCounted(series) ? [] : [value]));
    const page = textPage((await otel.collect()).resourceMetrics);
    const lines = page.split('\n').filter((line) => line !== '' && !/^(#|target_info)/.test(line) && !isCounted(line));
    expect(lines.map((line) => Number(line.split(' ').at(-1)))).toEqual(values);
  });

  test('say who exports, and nothing of how the agent was started', async () => {
    setEnv({ OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=staging,service.name=the-service', OTEL_SERVICE_NAME: 'the-service' });
    const { url, push } = await startReceiver();
    const otel = await start(fullRun(), { endpoint: url });
    await otel.flush();
    const { resource, scopes, body } = await push();
    expect(resource).toMatchObject({
      'service.name': 'soak-agent',
      'service.version': '0.1.0',
      'service.instance.id': 'k3x9',
      'deployment.environment.name': 'staging',
    });
    expect(Object.keys(resource).filter((key) => key.startsWith('process.'))).toEqual([]);
    expect(scopes).toEqual(['soak-agent']);
    const { resourceMetrics } = await otel.collect();
    for (const page of [textPage(resourceMetrics), openMetricsPage(resourceMetrics), body.toString('latin1')]) {
      expect(page).not.toMatch(/otel_scope|process_command|process\.command|the-service/);
      expect(page).not.toContain(process.execPath);
    }
  });

  test("the agent's own arguments are nowhere", async () => {
    const program = fileURLToPath(new URL('exporting.ts', import.meta.url));
    const { url, push } = await startReceiver();
    const child = spawn(process.execPath, [program, url, '--password=argv-secret'], { stdio: ['ignore', 'pipe', 'inherit'] });
    cleanups.push(() => child.kill('SIGKILL'));
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const { body } = await push();
    await once(child, 'exit');
    expect(output).toContain('soak_run_info');
    for (const text of [output, body.toString('latin1')]) {
      expect(text).not.toContain('argv-secret');
      expect(text).not.toContain('exporting.ts');
    }
  });

  test('a target that is gone is gone from both', async () => {
    const { url, push } = await startReceiver();
    const fake = fullRun();
    const otel = await start(fake, { endpoint: url });
    await otel.flush();
    fake.tick(100);
    fake.targets[0]!.procs = [];
    await otel.flush();
    expect(translated((await push(0)).metrics).some((series) => series.startsWith('process_cpu_time'))).toBe(true);
    const later = translated((await push(1)).metrics);
    expect(later.some((series) => series.startsWith('process_cpu_time'))).toBe(false);
    expect(later.some((series) => series.startsWith('soak_target_info') && series.includes('"api"'))).toBe(false);
    expect(textPage((await otel.collect()).resourceMetrics)).not.toContain('process_cpu_time');
  });
});

describe('the standard variables', () => {
  test('headers, compression and interval', async () => {
    setEnv({
      OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=a%20b,x-both=env',
      OTEL_EXPORTER_OTLP_METRICS_COMPRESSION: 'gzip',
      OTEL_METRIC_EXPORT_INTERVAL: '200',
    });
    const { url, push } = await startReceiver();
    await start(fullRun(), { endpoint: url, headers: { 'x-both': 'given', authorization: 'Bearer t0ken' } });
    const { headers, path } = await push(2); // on its own, without a flush
    expect(headers).toMatchObject({
      'x-tenant': 'a b',
      'x-both': 'given',
      authorization: 'Bearer t0ken',
      'content-encoding': 'gzip',
      'content-type': 'application/x-protobuf',
    });
    expect(path).toBe('/v1/metrics');
  });

  test('what makes no sense is reported and the default taken', async () => {
    setEnv({ OTEL_METRIC_EXPORT_INTERVAL: 'often', OTEL_EXPORTER_OTLP_TIMEOUT: '-1' });
    const { log, said } = warnings();
    await start(fullRun(), { endpoint: 'http://127.0.0.1:9/v1/metrics' }, log);
    expect(said).toEqual([
      expect.stringContaining('OTEL_EXPORTER_OTLP_TIMEOUT'),
      expect.stringContaining('OTEL_METRIC_EXPORT_INTERVAL is not a number of milliseconds above 0: taking 60000'),
    ]);
  });

  test('a certificate that cannot be read stops the start', async () => {
    setEnv({ OTEL_EXPORTER_OTLP_CERTIFICATE: '/nowhere/ca.pem' });
    await expect(start(fullRun(), { endpoint: 'https://127.0.0.1:9/v1/metrics' })).rejects.toMatchObject({
      code: 'CONFIG',
      exitCode: 64,
      message: expect.stringContaining('OTEL_EXPORTER_OTLP_CERTIFICATE: cannot be read') as string,
    });
  });

  test('a disabled SDK pushes nothing and says so; the pages stay', async () => {
    setEnv({ OTEL_SDK_DISABLED: 'true' });
    const { url, pushes } = await startReceiver();
    const { log, said } = warnings();
    const otel = await start(fullRun(), { endpoint: url }, log);
    await otel.flush();
    expect(textPage((await otel.collect()).resourceMetrics)).toContain('service_name="soak-agent"');
    await otel.shutdown();
    expect(pushes).toEqual([]);
    expect(said).toEqual([expect.stringContaining('OTEL_SDK_DISABLED')]);
  });
});

/** Growth of heap and descriptors over hundreds of pushes that fail. */
async function rounds(endpoint: string, log: Logger): Promise<{ heap: number; fds: number }> {
  setEnv({ OTEL_METRIC_EXPORT_INTERVAL: '20', OTEL_EXPORTER_OTLP_TIMEOUT: '20' });
  const fake = fakeRun();
  const threads = { ...DEFS.threads, labels: { n: { max: 500 } } } as const;
  const ids = Array.from({ length: 500 }, (_, i) => fake.state.series.open(owner('api'), threads, { n: String(i) }));
  fake.tick(
    1,
    ids.map((id) => [id, 1]),
  );
  await start(fake, { endpoint }, log);
  await clock.sleepUntil(clock.monotonic() + 2);
  const before = { heap: heapAfterCollection(), fds: openFds() };
  await clock.sleepUntil(clock.monotonic() + 6);
  return { heap: heapAfterCollection() - before.heap, fds: openFds() - before.fds };
}

describe('a receiver that fails', () => {
  test('refusal with an error is a warning without secrets', async () => {
    setEnv({ OTEL_EXPORTER_OTLP_HEADERS: 'x-api-key=k-123456' });
    const { url } = await startReceiver({ status: 401, reason: 'Unauthorized: bad key k-123456' });
    const { log, said } = warnings();
    const otel = await start(
      fullRun(),
      { endpoint: url.replace('//', '//user:hunter2@'), headers: { authorization: 'Bearer t0ken' } },
      log,
    );
    await otel.flush();
    expect(said.join('\n')).toMatch(/OpenTelemetry: .*export failed.*Unauthorized/);
    expect(said.join('\n')).not.toMatch(/k-123456|hunter2|t0ken/);
  });

  /** What a program that is no receiver of OTLP may answer. */
  const ANSWERS: readonly (readonly [string, string | null])[] = [
    ['400', 'HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n'],
    ['404', 'HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n'],
    ['413', 'HTTP/1.1 413 Content Too Large\r\ncontent-length: 0\r\n\r\n'],
    ['429 with a date far ahead', 'HTTP/1.1 429 Slow Down\r\nretry-after: 86400\r\ncontent-length: 0\r\n\r\n'],
    ['500', 'HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n'],
    ['503', 'HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n'],
    ['a redirect', 'HTTP/1.1 302 Found\r\nlocation: http://203.0.113.1/\r\ncontent-length: 0\r\n\r\n'],
    ['another protocol', 'SSH-2.0-OpenSSH_9.2\r\n'],
    ['HTTP/2 alone', '\u0000\u0000\u0006\u0004\u0000\u0000\u0000\u0000\u0000\u0000\u0005\u0000\u0000\u0040\u0000'],
    ['half an answer', 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc'],
    ['the end of the connection', null],
  ];

  test.each(ANSWERS)('%s: the push is counted as failed, and said in a line', async (_, answer) => {
    setEnv({ OTEL_EXPORTER_OTLP_TIMEOUT: '300' });
    const server = createServer((socket) => {
      socket.on('error', () => {}).once('data', () => (answer === null ? socket.destroy() : socket.write(answer, 'latin1')));
    }).listen(0, '127.0.0.1');
    cleanups.push(() => server.close());
    await once(server, 'listening');
    trackSockets(server);
    const { log, said } = warnings();
    const otel = await start(fullRun(), { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/metrics` }, log);
    await otel.flush();
    const page = textPage((await otel.collect()).resourceMetrics);
    expect(page).toContain('soak_export_pushes_total{soak_export_result="failed",soak_run="k3x9"} 1\n');
    expect(page).toContain('soak_export_pushes_total{soak_export_result="ok",soak_run="k3x9"} 0\n');
    expect(said, said.join('\n')).toHaveLength(1);
    expect(said[0]!.length).toBeLessThan(400);
  });

  test('a slow one that answers in time is no failure', async () => {
    const slow = createServer((socket) => {
      socket
        .on('error', () => {})
        .once('data', () => {
          const answer = [...'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'];
          const dribble = setInterval(() => (answer.length > 0 ? socket.write(answer.splice(0, 4).join('')) : clearInterval(dribble)), 20);
        });
    }).listen(0, '127.0.0.1');
    cleanups.push(() => slow.close());
    await once(slow, 'listening');
    trackSockets(slow);
    const otel = await start(fullRun(), { endpoint: `http://127.0.0.1:${(slow.address() as AddressInfo).port}/v1/metrics` });
    await otel.flush();
    expect(textPage((await otel.collect()).resourceMetrics)).toContain('soak_export_result="ok",soak_run="k3x9"} 1\n');
  });

  test('nobody there: memory and descriptors stay flat', async () => {
    const closed = createServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const { port } = closed.address() as AddressInfo;
    closed.close();
    const { log, said } = warnings();
    const { heap, fds } = await rounds(`http://127.0.0.1:${port}/v1/metrics`, log);
    expect(heap).toBeLessThan(1e6);
    expect(fds).toBeLessThanOrEqual(2);
    expect(new Set(said).size).toBeLessThan(5); // the same words every time, so that the log can hold repeats back
    expect(said[0]).toContain('ECONNREFUSED');
  });

  test('a receiver that never answers: memory and descriptors stay flat', async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1');
    cleanups.push(() => silent.close());
    await once(silent, 'listening');
    trackSockets(silent);
    const { heap, fds } = await rounds(`http://127.0.0.1:${(silent.address() as AddressInfo).port}/v1/metrics`, SILENT);
    expect(heap).toBeLessThan(1e6);
    expect(fds).toBeLessThanOrEqual(6); // both ends are in this process
  });

  test('a stop in the middle of a push that hangs does not wait for it and leaves no socket', async () => {
    setEnv({ OTEL_EXPORTER_OTLP_TIMEOUT: '600000', OTEL_METRIC_EXPORT_INTERVAL: '600000', OTEL_METRIC_EXPORT_TIMEOUT: '600000' });
    const silent = createServer(() => {}).listen(0, '127.0.0.1');
    cleanups.push(() => silent.close());
    await once(silent, 'listening');
    const sockets = trackSockets(silent);
    const { log, said } = warnings();
    const endpoint = `http://user:hunter2@127.0.0.1:${(silent.address() as AddressInfo).port}/v1/metrics`;
    const otel = await start(fullRun(), { endpoint }, log);
    await otel.flush();
    expect(sockets.size).toBe(1);
    await otel.shutdown();
    expect(said).toContainEqual(expect.stringMatching(/^nothing was pushed to http:.*@127\.0\.0\.1:\d+\/v1\/metrics: no push succeeded/));
    expect(said.join('\n')).not.toContain('hunter2');
    for (const socket of sockets) await once(socket, 'close');
  });

  test('a receiver whose machine does not even take connections times out like any other', async () => {
    setEnv({ OTEL_EXPORTER_OTLP_TIMEOUT: '500' });
    const port = await deafPort();
    const { log, said } = warnings();
    const otel = await start(fullRun(), { endpoint: `http://127.0.0.1:${port}/v1/metrics` }, log);
    await otel.flush();
    expect(said).toContainEqual(expect.stringContaining('Request timed out'));
  });
});

/** A port where nothing is accepted: its program is stopped and its backlog full, so that further SYNs stay unanswered. */
async function deafPort(): Promise<number> {
  const program = `const s = require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
    require('node:fs').writeSync(1, String(s.address().port)); process.kill(process.pid, 'SIGSTOP'); });`;
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  cleanups.push(() => child.kill('SIGKILL'));
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  const port = Number(said.toString());
  for (let i = 0; i < 4; i++) {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.on('error', () => {});
    cleanups.push(() => socket.destroy());
  }
  await clock.sleepUntil(clock.monotonic() + 0.5);
  return port;
}

/** Sockets that a server has open; they are destroyed after the test. */
function trackSockets(server: Server): Set<Socket> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket
      .on('error', () => {})
      .on('close', () => sockets.delete(socket))
      .resume();
  });
  cleanups.push(() => sockets.forEach((socket) => socket.destroy()));
  return sockets;
}

describe('life of the SDK', () => {
  test('two readers, many collections: heap, descriptors and series stay flat', async () => {
    setEnv({ OTEL_METRIC_EXPORT_INTERVAL: '25' });
    const { url, pushes, server } = await startReceiver();
    server.on('push', () => (pushes.length = 0));
    const fake = fakeRun();
    fake.targets.push(target('api', []));
    const otel = await start(fake, { endpoint: url });
    const sizes = new Set<number>();
    const round = async (t: number): Promise<void> => {
      fake.targets[0]!.procs = [{ pid: t, startTime: t, comm: 'node', member: null }];
      fake.tick(t, [[fake.state.series.open(owner('api'), DEFS.private), t]]);
      sizes.add(textPage((await otel.collect()).resourceMetrics).split('\n').length);
    };
    for (let t = 0; t < 2000; t++) await round(t);
    const before = heapAfterCollection();
    for (let t = 2000; t < 8000; t++) await round(t);
    expect(heapAfterCollection() - before).toBeLessThan(1e6);
    expect(sizes.size).toBe(1);
  });

  test('start and stop leave no descriptor and no global, however often', async () => {
    const { url } = await startReceiver();
    const cycle = async (): Promise<void> => {
      const otel = await start(fullRun(), { endpoint: url });
      await otel.flush();
      await otel.shutdown();
    };
    await cycle();
    await clock.sleepUntil(clock.monotonic() + 0.2);
    const before = openFds();
    for (let i = 0; i < 5; i++) await cycle();
    await expect.poll(openFds).toBeLessThanOrEqual(before);
    expect(metrics.getMeterProvider().constructor.name).toContain('Noop');
    expect(context.active().constructor.name).toContain('Context');
    expect(diag.setLogger({ error() {}, warn() {}, info() {}, debug() {}, verbose() {} }, { suppressOverrideMessage: true })).toBe(true);
    diag.disable();
  });

  test('after the stop a scrape is refused, not answered with old figures', async () => {
    const otel = await start(fullRun(), null);
    await otel.shutdown();
    await expect(otel.collect()).rejects.toThrow('shutdown');
  });

  test('nothing is loaded before it starts', () => {
    const program = `
      import { registerHooks } from 'node:module';
      const loaded = [];
      registerHooks({ load(url, context, next) { if (url.includes('@opentelemetry')) loaded.push(url); return next(url, context); } });
      await import(${JSON.stringify(new URL('../../src/views/otel.ts', import.meta.url).href)});
      await import(${JSON.stringify(new URL('../../src/views/routes.ts', import.meta.url).href)});
      await import(${JSON.stringify(new URL('../../src/views/runmetrics.ts', import.meta.url).href)});
      console.log(loaded.length);`;
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
    expect([stdout.trim(), stderr]).toEqual(['0', '']);
  });
});
