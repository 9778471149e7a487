/** The listener as clients meet it, well-meaning and otherwise. */
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { Agent, type IncomingMessage, request, type RequestOptions } from 'node:http';
import { connect, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { gunzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { type Clock, SimClock, SystemClock } from '../../src/clock.ts';
import { type Logger, SILENT } from '../../src/log.ts';
import { type Listener, listen, type Page, type Routes, textOf } from '../../src/views/http.ts';
import { MetricsPage } from '../../src/views/metricspage.ts';
import { startOtel } from '../../src/views/otel.ts';
import { runRoutes } from '../../src/views/routes.ts';
import { type Fake, fullRun } from '../unit/views/run.ts';

const clock = new SystemClock();
const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function up(routes: Routes, host = '127.0.0.1', log: Logger = SILENT): Promise<Listener> {
  const listener = await listen({ host, port: 0 }, routes, log);
  let closed = false;
  cleanups.push(() => closed || listener.close());
  return {
    ...listener,
    close: () => {
      closed = true;
      return listener.close();
    },
  };
}

interface Exported {
  readonly listener: Listener;
  readonly collections: () => number;
}

/** A whole run: SDK, pages and listener. */
async function exported(fake: Fake = fullRun(), time: Clock = clock): Promise<Exported> {
  const otel = await startOtel({ run: fake.run, readers: { prometheus: true, otlp: null }, clock, log: SILENT });
  cleanups.push(() => otel.shutdown());
  let collections = 0;
  const collect = (): ReturnType<typeof otel.collect> => {
    collections++;
    return otel.collect();
  };
  const listener = await up(runRoutes({ run: fake.run, clock: time, metrics: new MetricsPage(collect, fake.run.state, time) }));
  return { listener, collections: () => collections };
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
  readonly text: string;
}

async function ask(listener: Listener, path: string, options: RequestOptions = {}): Promise<Answer> {
  const sent = request(`${listener.url}${path}`, { agent: new Agent({ keepAlive: false }), ...options }).end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  return { status: response.statusCode ?? 0, headers: response.headers, body, text: body.toString() };
}

/** A client below HTTP. */
async function dial(listener: Listener, say = ''): Promise<Socket> {
  const socket = connect({ port: listener.port, host: '127.0.0.1' });
  cleanups.push(() => socket.destroy());
  socket.on('error', () => {});
  await once(socket, 'connect');
  if (say !== '') socket.write(say);
  return socket;
}

/** Everything the server says until it hangs up. */
async function heard(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
  if (!socket.closed) await once(socket, 'close');
  return text;
}

function wait(seconds: number): Promise<void> {
  return clock.sleepUntil(clock.monotonic() + seconds);
}

const FAST: Routes = { '/x': { about: 'x', answer: () => textOf(200, 'hello') } };

describe('pages', () => {
  test('text, OpenMetrics, JSON and the status page', async () => {
    const { listener } = await exported();
    const text = await ask(listener, '/metrics');
    expect(text).toMatchObject({ status: 200, headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' } });
    expect(text.text).toContain('soak_process_memory_private_bytes{soak_run="k3x9",soak_target="api"} 123456789\n');
    const open = await ask(listener, '/metrics?x=y', { headers: { accept: 'application/openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.1' } });
    expect(open.headers['content-type']).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
    expect(open.text).toMatch(/\n# EOF\n$/);
    expect(JSON.parse((await ask(listener, '/api/verdict')).text)).toMatchObject({ schema: 1, outcome: 'inconclusive' });
    expect((await ask(listener, '/')).text).toContain('api: 1 process (node)');
    expect((await ask(listener, '/healthz')).text).toBe('ok\n');
    expect((await ask(listener, '/readyz')).status).toBe(200);
  });

  test('gzip when it is taken', async () => {
    const { listener } = await exported();
    const plain = await ask(listener, '/metrics');
    const zipped = await ask(listener, '/metrics', { headers: { 'accept-encoding': 'gzip' } });
    expect(zipped.headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'accept, accept-encoding' });
    expect(zipped.body.length).toBeLessThan(plain.body.length / 3);
    expect(gunzipSync(zipped.body).toString()).toBe(plain.text);
    expect(plain.headers['content-encoding']).toBeUndefined();
  });

  test('headers that keep pages out of caches, frames and other sites', async () => {
    const { headers } = await ask((await exported()).listener, '/');
    expect(headers).toMatchObject({
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'content-security-policy': expect.stringContaining("default-src 'none'") as string,
    });
    expect(headers['access-control-allow-origin']).toBeUndefined();
  });

  test('100 scrapers at once are answered from one collection', async () => {
    // Time stands still: on a busy machine the last of them comes a second after the first.
    const { listener, collections } = await exported(fullRun(), new SimClock());
    const agent = new Agent({ maxSockets: 100 });
    cleanups.push(() => agent.destroy());
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, i) => ask(listener, '/metrics', { agent, headers: i % 2 ? { 'accept-encoding': 'gzip' } : {} })),
    );
    expect(answers.map((answer) => answer.status)).toEqual(Array.from({ length: 100 }, () => 200));
    expect(collections()).toBe(1);
  });
});

describe('what is refused', () => {
  test.each(['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE'])('%s', async (method) => {
    const answer = await ask(await up(FAST), '/x', { method });
    expect(answer).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } });
  });

  test('HEAD is GET without the page', async () => {
    const listener = await up(FAST);
    const head = await ask(listener, '/x', { method: 'HEAD' });
    expect(head).toMatchObject({ status: 200, text: '', headers: { 'content-length': '6' } });
  });

  test('an unknown path lists those that there are', async () => {
    const listener = await up(FAST);
    expect(await ask(listener, '/y')).toMatchObject({ status: 404, text: 'There is no such page. There are:\n/x\n' });
    for (const path of ['/constructor', '/__proto__', '//x', '/x/..%2fx']) expect((await ask(listener, path)).status).toBe(404);
  });

  test('a page that fails is a 500 with the reason, and the next one works', async () => {
    const said: string[] = [];
    const routes: Routes = {
      ...FAST,
      '/sync': {
        about: '',
        answer: () => {
          throw new Error('no\nluck');
        },
      },
      '/async': { about: '', answer: () => Promise.reject(new Error('none either')) },
    };
    const listener = await up(routes, '127.0.0.1', { ...SILENT, warn: (message) => void said.push(message) });
    expect(await ask(listener, '/sync')).toMatchObject({ status: 500, text: '/sync failed: no luck\n' });
    expect(await ask(listener, '/async')).toMatchObject({ status: 500, text: '/async failed: none either\n' });
    expect((await ask(listener, '/x')).status).toBe(200);
    expect(said).toEqual(['/sync failed: no luck', '/async failed: none either']);
  });

  test('a collection that fails is a 500, not half a page', async () => {
    const { run } = fullRun();
    const otel = await startOtel({ run, readers: { prometheus: true, otlp: null }, clock, log: SILENT });
    await otel.shutdown();
    const answer = await ask(
      await up(runRoutes({ run, clock, metrics: new MetricsPage(() => otel.collect(), run.state, clock) })),
      '/metrics',
    );
    expect(answer).toMatchObject({ status: 500, text: '/metrics failed: MetricReader is shutdown\n' });
  });

  test('headers without end', async () => {
    const listener = await up(FAST);
    const socket = await dial(listener, `GET /x HTTP/1.1\r\nhost: x\r\nx: ${'a'.repeat(9000)}`);
    expect(await heard(socket)).toMatch(/^HTTP\/1.1 431 /);
  });

  test('what is not HTTP', async () => {
    const listener = await up(FAST);
    expect(await heard(await dial(listener, '\u0016\u0003\u0001 hello\r\n\r\n'))).toMatch(/^HTTP\/1.1 400 /);
    expect((await ask(listener, '/x')).status).toBe(200);
  });

  test('a request that does not end', async () => {
    const listener = await up(FAST);
    expect(await heard(await dial(listener, 'GET /x HTTP/1.1\r\nhost: '))).toMatch(/^HTTP\/1.1 408 /);
  });

  test('more connections than there may be', async () => {
    const said: string[] = [];
    const listener = await up(FAST, '127.0.0.1', { ...SILENT, warn: (message) => void said.push(message) });
    const sockets: Socket[] = [];
    for (let i = 0; i < 300; i++) sockets.push(await dial(listener));
    await once(sockets[107]!, 'close');
    expect(said).toContainEqual(expect.stringContaining('too many connections to the listener (256'));
    // Those who have asked nothing yet do not keep out who does.
    expect((await ask(listener, '/x')).status).toBe(200);
    expect(sockets.filter((socket) => !socket.closed).length).toBeLessThanOrEqual(192);
    for (const socket of sockets) socket.destroy();
  });
});

describe('addresses', () => {
  test('port 0 tells which one it got', async () => {
    const listener = await up(FAST);
    expect(listener.url).toBe(`http://127.0.0.1:${listener.port}`);
    expect(listener.port).toBeGreaterThan(0);
  });

  test('IPv6', async ({ skip }) => {
    const hasIPv6 = Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ address }) => address === '::1'));
    skip(!hasIPv6, 'this machine has no ::1');
    const listener = await up(FAST, '::1');
    expect(listener.url).toBe(`http://[::1]:${listener.port}`);
    expect((await ask(listener, '/x')).text).toBe('hello\n');
  });

  test('in use', async () => {
    const { port } = await up(FAST);
    await expect(listen({ host: '127.0.0.1', port }, FAST, SILENT)).rejects.toMatchObject({
      code: 'LISTEN',
      exitCode: 64,
      message: expect.stringContaining(`127.0.0.1:${port} is in use`) as string,
    });
  });

  test.each([
    ['203.0.113.1', 'is not an address of this machine'],
    ['no-such-host.invalid', 'has no address'],
  ])('%s', async (host, message) => {
    await expect(listen({ host, port: 0 }, FAST, SILENT)).rejects.toMatchObject({
      code: 'LISTEN',
      message: expect.stringContaining(message) as string,
    });
  });
});

const descriptors = (): number => readdirSync('/proc/self/fd').length;

/** After the listener has closed there are as many descriptors as before it was opened. */
async function expectNothingLeft(meanwhile: (listener: Listener, slow: Promise<void>) => Promise<unknown>): Promise<void> {
  const before = descriptors();
  const slow = Promise.withResolvers<void>();
  const listener = await up({
    ...FAST,
    '/slow': {
      about: '',
      answer: async () => {
        slow.resolve();
        await wait(0.3);
        return textOf(200, 'late');
      },
    },
    '/big': { about: '', answer: () => ({ status: 200, type: 'text/plain', body: 'x'.repeat(50e6) }) },
  });
  await meanwhile(listener, slow.promise);
  await listener.close();
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
  await expect.poll(descriptors).toBe(before); // those of clients, too, which hear of it a moment later
}

describe('closing', () => {
  test('with nobody there', async () => {
    await expectNothingLeft(async () => {});
  });

  test('with a client that keeps its connection', async () => {
    const agent = new Agent({ keepAlive: true });
    await expectNothingLeft((listener) => ask(listener, '/x', { agent }));
    agent.destroy();
  });

  test('with a client in the middle of its request, and one that says nothing', async () => {
    await expectNothingLeft(async (listener) => {
      await dial(listener, 'GET /x HTTP/1.1\r\nhost: x\r\n');
      await dial(listener);
      await wait(0.1);
    });
  });

  test('with a client that does not take its answer', async () => {
    await expectNothingLeft(async (listener) => {
      (await dial(listener, 'GET /big HTTP/1.1\r\nhost: x\r\n\r\n')).pause();
      await wait(0.2);
    });
  });

  test('what has begun is answered, and the connection then ends', async () => {
    let late: Promise<Answer> | undefined;
    const agent = new Agent({ keepAlive: true });
    await expectNothingLeft(async (listener, slow) => {
      late = ask(listener, '/slow', { agent });
      await slow;
    });
    expect(await late).toMatchObject({ status: 200, text: 'late\n', headers: { connection: 'close' } });
  });

  test('a client that leaves before its answer harms nobody', async () => {
    const failures: unknown[] = [];
    const note = (error: unknown): void => void failures.push(error);
    process.on('uncaughtException', note);
    cleanups.push(() => process.off('uncaughtException', note));
    const answer = async (): Promise<Page> => {
      await wait(0.2);
      return textOf(200, 'too late');
    };
    const listener = await up({ ...FAST, '/slow': { about: '', answer } });
    (await dial(listener, 'GET /slow HTTP/1.1\r\nhost: x\r\n\r\n')).destroy();
    (await dial(listener, 'GET /slow HTTP/1.1\r\nhost: x\r\n\r\n')).resetAndDestroy();
    await wait(0.4);
    expect((await ask(listener, '/x')).status).toBe(200);
    expect(failures).toEqual([]);
  });
});
