/** Probes against real servers: what they say, and that nothing of a failed one stays open. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { createServer, type Server as HttpServer } from 'node:http';
import { type AddressInfo, createServer as createTcp, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { SystemClock } from '../../src/clock.ts';
import { METRICS, probeSource } from '../../src/sources/probe.ts';
import { faultOf } from '../../src/sources/probe-fault.ts';
import type { ProbeSpec } from '../../src/sources/probe-spec.ts';
import type { Source } from '../../src/sources/source.ts';
import * as fc from '../property.ts';
import { Readings } from '../readings.ts';

const open: (Server | HttpServer | Socket)[] = [];
afterEach(() => {
  for (const one of open.splice(0)) {
    if ('closeAllConnections' in one) one.closeAllConnections();
    if ('close' in one) one.close();
    else one.destroy();
  }
});

async function listening(server: Server | HttpServer): Promise<number> {
  open.push(server);
  server.on('connection', (socket: Socket) => {
    socket.on('error', () => {});
    open.push(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

class Probing {
  readonly readings = new Readings({ proc: '/proc', sys: '/sys' }, {}, new SystemClock());
  readonly source: Source;

  constructor(spec: Partial<ProbeSpec> & { url: string }) {
    const full = { name: 'front', target: 'api', display: 'there', every: 5, deadline: 5, status: null, send: null, ...spec };
    this.source = probeSource(this.readings.ctx, full);
    void this.source.open(this.readings);
    this.readings.samples = [];
  }

  /** Begins one, and waits until it is over. */
  async once(): Promise<void> {
    this.readings.samples = [];
    this.readings.events = [];
    void this.source.read(this.readings, new AbortController().signal);
    while (this.attempts() === 0) await sleep(1);
  }

  attempts(): number {
    return this.readings.value(METRICS.attempts, { 'soak.probe': 'front' }) ?? 0;
  }

  up(): number | undefined {
    return this.readings.value(METRICS.up, { 'soak.probe': 'front' });
  }

  phase(phase: string): number | undefined {
    return this.readings.value(METRICS.duration, { 'soak.probe': 'front', 'soak.probe.phase': phase });
  }

  faults(): string[] {
    const failed = this.readings.samples.filter(({ metric, value }) => metric === METRICS.failures.name && value > 0);
    return failed.map(({ labels }) => labels['soak.probe.fault']!);
  }
}

describe('by HTTP', () => {
  test('a probe tells how long connecting and the whole answer took', async () => {
    const port = await listening(createServer((_, response) => setTimeout(() => response.end('fine'), 50)));
    const probing = new Probing({ url: `http://127.0.0.1:${port}/health` });
    await probing.once();
    expect(probing.up()).toBe(1);
    expect(probing.phase('connect')!).toBeLessThanOrEqual(probing.phase('total')!);
    expect(probing.phase('total')!).toBeGreaterThan(0.04);
    expect(probing.faults()).toEqual([]);
    await probing.source.close();
  });

  test('another status than the right one is a failure', async () => {
    const port = await listening(createServer((request, response) => response.writeHead(Number(request.url!.slice(1))).end()));
    const of = async (url: string, status: number | null): Promise<[number | undefined, string[]]> => {
      const probing = new Probing({ url: `http://127.0.0.1:${port}${url}`, status });
      await probing.once();
      return [probing.up(), probing.faults()];
    };
    expect(await of('/204', null)).toEqual([1, []]);
    expect(await of('/302', null)).toEqual([1, []]);
    expect(await of('/404', null)).toEqual([0, ['status']]);
    expect(await of('/404', 404)).toEqual([1, []]);
    expect(await of('/200', 404)).toEqual([0, ['status']]);
  });

  test('one that is not over at its deadline has failed, and an answer without an end is none', async () => {
    const port = await listening(createServer((_, response) => void response.write('never ')));
    const probing = new Probing({ url: `http://127.0.0.1:${port}/`, deadline: 0.1 });
    await probing.once();
    expect([probing.up(), probing.faults(), probing.phase('total')]).toEqual([0, ['timeout'], undefined]);
  });

  test('one that is still under way when the next is due has failed, too', async () => {
    const port = await listening(createServer(() => {}));
    const probing = new Probing({ url: `http://127.0.0.1:${port}/` });
    void probing.source.read(probing.readings, new AbortController().signal);
    await probing.once();
    expect(probing.faults()).toEqual(['timeout']);
    await probing.source.close();
  });

  test('refused, closed and garbled answers are told apart', async () => {
    const port = await listening(createTcp((socket) => void socket.end('SSH-2.0-OpenSSH\r\n')));
    const garbled = new Probing({ url: `http://127.0.0.1:${port}/` });
    await garbled.once();
    expect(garbled.faults()).toEqual(['protocol']);
    const closing = await listening(createTcp((socket) => void socket.resetAndDestroy()));
    const reset = new Probing({ url: `http://127.0.0.1:${closing}/` });
    await reset.once();
    expect(reset.faults()).toEqual(['reset']);
    const refused = new Probing({ url: `http://127.0.0.1:1/` });
    await refused.once();
    expect(refused.faults()).toEqual(['refused']);
    const plain = new Probing({ url: `https://127.0.0.1:${port}/` });
    await plain.once();
    expect(plain.faults()).toEqual(['tls']);
  });
});

test('an outage is told once, with its end and how long it took', async () => {
  let isDown = true;
  const port = await listening(createServer((_, response) => response.writeHead(isDown ? 503 : 200).end()));
  const probing = new Probing({ url: `http://127.0.0.1:${port}/?token=secret` });
  await probing.once();
  expect(probing.readings.events).toEqual([]);
  await probing.once();
  expect(probing.readings.events).toMatchObject([{ kind: 'probe_down', target: 'api', data: { probe: 'front', class: 'status' } }]);
  expect(probing.readings.events[0]!.message).toBe('the probe front (there) fails: the answer has the status 503');
  await probing.once();
  expect(probing.readings.events).toEqual([]);
  isDown = false;
  await probing.once();
  expect(probing.readings.events).toMatchObject([{ kind: 'probe_up', data: { class: 'status' } }]);
  const recovery = probing.readings.value(METRICS.recovery, { 'soak.probe': 'front' });
  expect(recovery).toBe(probing.readings.events[0]!.data['seconds']);
  await probing.once();
  expect(probing.readings.value(METRICS.recovery, { 'soak.probe': 'front' })).toBeUndefined();
});

test('by TCP: whether somebody takes connections', async () => {
  const server = createTcp();
  const port = await listening(server);
  const probing = new Probing({ url: `tcp://127.0.0.1:${port}` });
  await probing.once();
  expect([probing.up(), probing.faults()]).toEqual([1, []]);
  server.close();
  for (const socket of open.splice(0)) if ('destroy' in socket) socket.destroy();
  await probing.once();
  expect([probing.up(), probing.faults()]).toEqual([0, ['refused']]);
});

/** As RFC 6455 has it: the handshake, then frames of a server, which are not masked. */
function echoServer(sockets: Set<Socket>, answers: () => boolean): HttpServer {
  const server = createServer();
  server.on('upgrade', (request, socket: Socket) => {
    const accept = createHash('sha1')
      .update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest('base64');
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('end', () => socket.end());
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (frame) => {
      if ((frame[0]! & 0xf) === 1 && answers()) socket.write(Buffer.from([0x81, 2, 0x68, 0x69]));
    });
  });
  return server;
}

describe('by WebSocket', () => {
  test('the connection is kept, the echo is timed, and a lost connection is made anew', async () => {
    const sockets = new Set<Socket>();
    let answers = true;
    const port = await listening(echoServer(sockets, () => answers));
    const probing = new Probing({ url: `ws://127.0.0.1:${port}/feed`, send: 'hi', deadline: 0.5 });
    await probing.once();
    await probing.once();
    expect([probing.up(), sockets.size]).toEqual([1, 1]);
    expect(probing.readings.value(METRICS.reconnects, { 'soak.probe': 'front' })).toBeUndefined();
    for (const socket of sockets) socket.destroy();
    while (sockets.size > 0) await sleep(1);
    await sleep(20);
    await probing.once();
    expect([probing.up(), probing.readings.value(METRICS.reconnects, { 'soak.probe': 'front' })]).toEqual([1, 1]);
    answers = false;
    await probing.once();
    expect([probing.up(), probing.faults()]).toEqual([0, ['timeout']]);
    await probing.source.close();
    while (sockets.size > 0) await sleep(1);
  });

  test('without a message, that the connection stands is enough; a server that is none is a failure', async () => {
    const sockets = new Set<Socket>();
    const port = await listening(echoServer(sockets, () => false));
    const probing = new Probing({ url: `ws://127.0.0.1:${port}/feed` });
    await probing.once();
    expect(probing.up()).toBe(1);
    await probing.source.close();
    const plain = await listening(createServer((_, response) => response.end('no')));
    const other = new Probing({ url: `ws://127.0.0.1:${plain}/` });
    await other.once();
    expect(other.up()).toBe(0);
    const refused = new Probing({ url: 'ws://127.0.0.1:1/' });
    await refused.once();
    expect(refused.up()).toBe(0);
  });
});

test('a thousand probes that fail in every way leave no descriptor open', async () => {
  const silent = await listening(createServer(() => {}));
  const mute = await listening(createTcp((socket) => void socket.resume()));
  const specs = [
    { url: `http://127.0.0.1:${silent}/` },
    { url: `https://127.0.0.1:${mute}/` },
    { url: `ws://127.0.0.1:${mute}/` },
    { url: 'tcp://127.0.0.1:1' },
    { url: 'http://127.0.0.1:1/' },
  ].map((spec) => new Probing({ ...spec, deadline: 0.02 }));
  const descriptors = (): number => readdirSync('/proc/self/fd').length;
  for (const probing of specs) await probing.once();
  await sleep(200);
  const before = descriptors();
  for (let round = 0; round < 200; round++) await Promise.all(specs.map((probing) => probing.once()));
  for (const probing of specs) {
    expect(probing.up()).toBe(0);
    await probing.source.close();
  }
  for (let i = 0; i < 200 && descriptors() > before; i++) await sleep(20);
  expect(descriptors()).toBeLessThanOrEqual(before);
});

test('whatever is thrown is a fault of the closed set', () => {
  fc.assert(fc.property(fc.anything(), (thrown) => METRICS.failures.labels['soak.probe.fault'].includes(faultOf(thrown))));
  const wrapped = new TypeError('fetch failed', { cause: Object.assign(new Error('no'), { code: 'ECONNREFUSED' }) });
  expect(faultOf(wrapped)).toBe('refused');
  expect(faultOf(new AggregateError([Object.assign(new Error('x'), { code: 'EHOSTUNREACH' })]))).toBe('unreachable');
  expect(faultOf(Object.assign(new Error('x'), { code: 'CERT_HAS_EXPIRED' }))).toBe('tls');
});
