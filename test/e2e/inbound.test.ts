/** The inbound listener as it is met: by the exporters of the SDK, by clients of InfluxDB, and by whoever means it no good. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync, gzipSync } from 'node:zlib';
import { OTLPMetricExporter as JsonExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPMetricExporter as ProtoExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { describe, expect, test } from 'vitest';
import { SimClock } from '../../src/clock.ts';
import { installed, Stage, until } from './agent-under-test.ts';
import { heard, InboundUnderTest, type Sent } from './inboundlistener.ts';

const FIXTURES = join(import.meta.dirname, '../fixtures/inbound');
const fixture = (name: string): Buffer => readFileSync(join(FIXTURES, name));

const PROTOBUF = 'application/x-protobuf';
const TOKEN = 's3cret-enough';

function gauges(count: number): string {
  const dataPoints = Array.from({ length: count }, (_, i) => ({
    asInt: i,
    timeUnixNano: `${Date.now()}000000`,
    attributes: [{ key: 'i', value: { stringValue: String(i) } }],
  }));
  return JSON.stringify({ resourceMetrics: [{ scopeMetrics: [{ metrics: [{ name: 'm', gauge: { dataPoints } }] }] }] });
}

/** google.rpc.Status and the response of OTLP both have their text in field 2. */
function textIn(body: Buffer): string {
  return body.subarray(body.indexOf(0x12) + 2).toString();
}

describe('points', () => {
  test.each([
    ['protobuf', ProtoExporter, 'none'],
    ['protobuf, gzip', ProtoExporter, 'gzip'],
    ['JSON', JsonExporter, 'none'],
    ['JSON, gzip', JsonExporter, 'gzip'],
  ] as const)('of the SDK by %s', async (_, Exporter, compression) => {
    await using inbound = await InboundUnderTest.open(TOKEN);
    const exporter = new Exporter({
      url: `${inbound.url}/v1/metrics`,
      compression: compression as never,
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
    const provider = new MeterProvider({ resource: resourceFromAttributes({ 'service.name': 'shop' }), readers: [reader] });
    provider.getMeter('m').createCounter('orders').add(3, { method: 'GET' });
    await provider.shutdown();
    expect(inbound.points).toMatchObject([
      { name: 'orders', kind: 'counter', value: 3, labels: { 'service.name': 'shop', method: 'GET' } },
    ]);
    expect(inbound.figures()).toMatchObject({
      'inbound soak.inbound.requests{soak.inbound.result="accepted"}': 1,
      'inbound soak.inbound.points{soak.inbound.format="otlp"}': 1,
      'inbound soak.inbound.unclaimed': 0,
    });
    expect(inbound.events).toEqual([
      {
        kind: 'sender_seen',
        message: 'shop sends points (otlp)',
        data: { sender: 'shop', format: 'otlp', behind: expect.any(Number) as number },
      },
    ]);
  });

  test('of Influx clients of both versions, once they have pinged', async () => {
    await using inbound = await InboundUnderTest.open(TOKEN);
    expect((await inbound.send({ path: '/ping', method: 'GET' })).status).toBe(204);
    expect((await inbound.send({ path: '/health', method: 'HEAD' })).status).toBe(204);
    const lines = fixture('jmeter.influx');
    const basic = Buffer.from(`jmeter:${TOKEN}`).toString('base64');
    const one = await inbound.send({
      path: '/write?db=jmeter&precision=ns',
      type: '',
      body: lines,
      headers: { authorization: `Basic ${basic}` },
    });
    const two = await inbound.send({
      path: '/api/v2/write?org=o&bucket=b&precision=s',
      type: 'text/plain; charset=utf-8',
      body: gzipSync('m a=1 1763730005'),
      headers: { authorization: `Token ${TOKEN}`, 'content-encoding': 'gzip' },
    });
    expect([one.status, two.status]).toEqual([204, 204]);
    expect(inbound.points.at(-1)).toMatchObject({ name: 'm.a', wall: 1763730005 });
    expect(inbound.events.map(({ message }) => message)).toEqual([
      expect.stringMatching(
        /^the sender of jmeter sends points \(influx\); its clock is \d+ s behind ours, or its points are old$/,
      ) as string,
      expect.stringContaining('the sender of b') as string,
    ]);
  });

  test('of which some are refused: the others are taken, and the sender is told', async () => {
    await using inbound = await InboundUnderTest.open();
    const body = gauges(3).replace('"asInt":1', '"asDouble":"NaN"');
    const json = await inbound.send({ body });
    expect([json.status, json.headers['content-type'], JSON.parse(json.body.toString())]).toEqual([
      200,
      'application/json',
      { partialSuccess: { rejectedDataPoints: '1', errorMessage: 'm: a point has no finite value' } },
    ]);
    const lines = await inbound.send({ path: '/write', type: 'text/plain', body: 'm a=1\nm b\nm c=2' });
    expect([lines.status, lines.body.toString()]).toEqual([
      400,
      '{"error":"partial write: line 2: a field should be name=value; dropped=1"}',
    ]);
    expect(inbound.points.map(({ name }) => name)).toEqual(['m', 'm', 'm.a', 'm.c']);
    expect(inbound.figures()).toMatchObject({
      'inbound soak.inbound.requests{soak.inbound.result="partial"}': 2,
      'inbound soak.inbound.refused{soak.inbound.reason="value"}': 1,
      'inbound soak.inbound.refused{soak.inbound.reason="malformed"}': 1,
    });
    await inbound.send({ body });
    expect(inbound.events.filter(({ kind }) => kind === 'sender_refused').map(({ data }) => data['why'])).toEqual([
      'value',
      'partial',
      'malformed',
    ]);
  });
});

describe('who may write', () => {
  test.each<[string, string | null, Sent['headers'], number]>([
    ['anybody here without a token', null, {}, 200],
    ['a web page', null, { origin: 'http://evil.example' }, 403],
    ['a web page without a name', null, { origin: 'null' }, 403],
    ['a page of another site', null, { 'sec-fetch-site': 'cross-site' }, 403],
    ['a name that was pointed here', null, { host: 'evil.example' }, 403],
    ['by the name of this machine', null, { host: 'localhost:4318' }, 200],
    ['by its number', null, { host: '[::1]:4318' }, 200],
    ['nobody without the token', TOKEN, {}, 401],
    ['nobody with another', TOKEN, { authorization: 'Bearer s3cret-enougH' }, 401],
    ['nobody with the half of it', TOKEN, { authorization: 'Bearer s3cret' }, 401],
    ['nobody with it in another scheme', TOKEN, { authorization: `Digest ${TOKEN}` }, 401],
    ['who has it, by any name', TOKEN, { authorization: `Bearer ${TOKEN}`, host: 'soak.internal' }, 200],
    ['no web page that has it', TOKEN, { authorization: `Bearer ${TOKEN}`, origin: 'http://evil.example' }, 403],
  ])('%s', async (_, token, headers, status) => {
    await using inbound = await InboundUnderTest.open(token);
    const answer = await inbound.send({ body: gauges(1), headers: headers ?? {} });
    expect(answer.status).toBe(status);
    expect(inbound.points.length).toBe(status === 200 ? 1 : 0);
    expect(JSON.stringify([inbound.events, answer.body.toString()])).not.toContain('s3cret');
  });

  test.each<[string, string | null, Sent['headers'], number, boolean]>([
    ['the page of this run', null, { origin: 'http://127.0.0.1:10464' }, 204, true],
    ['the page of this run, which has the token', TOKEN, { origin: 'http://127.0.0.1:10464', authorization: `Bearer ${TOKEN}` }, 204, true],
    ['not the page without the token', TOKEN, { origin: 'http://127.0.0.1:10464' }, 401, true],
    ['no page of another port', null, { origin: 'http://127.0.0.1:8080' }, 403, false],
    ['no page of another host', null, { origin: 'http://evil.example:10464' }, 403, false],
    ['no page of a name that was pointed here', null, { origin: 'http://evil.example:10464', host: 'evil.example:4318' }, 403, true],
    ['no page by another scheme', null, { origin: 'https://127.0.0.1:10464' }, 403, false],
  ])('phases and marks: %s', async (_, token, headers, status, isOwn) => {
    await using inbound = await InboundUnderTest.open(token);
    inbound.pagePort = 10_464;
    const host = headers!['host'] ?? '127.0.0.1:4318';
    const answer = await inbound.send({
      path: '/api/mark',
      body: '{"text":"x"}',
      headers: { ...headers, host, 'sec-fetch-site': 'same-site' },
    });
    expect([answer.status, answer.headers['access-control-allow-origin'] === headers!['origin']]).toEqual([status, isOwn]);
    expect(inbound.notes.length).toBe(status === 204 ? 1 : 0);
    const asked = await inbound.send({ path: '/api/mark', method: 'OPTIONS', type: '', headers: { ...headers, host } });
    expect(asked.status === 204).toBe(isOwn);
    // What load tools push to is no business of a page.
    expect((await inbound.send({ body: gauges(1), headers: { ...headers, host } })).status).toBe(403);
  });

  test('is told in the encoding of the request', async () => {
    await using inbound = await InboundUnderTest.open(TOKEN);
    const answer = await inbound.send({ body: fixture('sdk-delta-1.bin'), type: PROTOBUF });
    expect([answer.status, answer.headers['content-type'], answer.headers['www-authenticate']]).toEqual([
      401,
      PROTOBUF,
      'Bearer, Basic realm="soak-agent"',
    ]);
    expect([...answer.body.subarray(0, 2)]).toEqual([0x08, 16]); // UNAUTHENTICATED
    expect(textIn(answer.body)).toBe('a token is needed: Authorization: Bearer <token>');
  });
});

describe('what is no good', () => {
  const HTML = '<!doctype html><html><body>It works!</body></html>';

  test.each<[string, Sent, number, string]>([
    ['another method', { method: 'GET', path: '/v1/metrics' }, 405, 'this address takes POST'],
    ['another method of a probe', { method: 'POST', path: '/ping' }, 405, 'this address takes GET and HEAD'],
    ['another address', { path: '/x' }, 404, 'there is no such address; there are /v1/metrics, /write'],
    ['an address that objects have', { path: '/constructor' }, 404, 'there is no such address'],
    ['traces', { path: '/v1/traces' }, 404, 'only metrics are taken: set OTEL_TRACES_EXPORTER and OTEL_LOGS_EXPORTER to none'],
    ['HTML by its type', { body: HTML, type: 'text/html' }, 415, 'content-type should be application/x-protobuf or application/json'],
    ['no type', { body: '{}', type: '' }, 415, 'content-type should be'],
    ['HTML as JSON', { body: HTML }, 400, 'this is no JSON'],
    ['HTML as protobuf', { body: HTML, type: PROTOBUF }, 400, 'this is no ExportMetricsServiceRequest in protobuf'],
    [
      'half of a request',
      { body: fixture('sdk-delta-1.bin').subarray(0, 500), type: PROTOBUF },
      400,
      'this is no ExportMetricsServiceRequest',
    ],
    ['HTML as lines', { path: '/write', body: HTML, type: 'text/plain' }, 400, 'partial write: line 1: '],
    ['lines as JSON', { path: '/write', body: '{}' }, 415, 'content-type should be text/plain'],
    [
      'a precision that there is not',
      { path: '/write?precision=fortnight', body: 'm a=1', type: 'text/plain' },
      400,
      'precision should be one of n, ns, u',
    ],
    [
      'an encoding that there is not',
      { body: '{}', headers: { 'content-encoding': 'br' } },
      415,
      'content-encoding should be gzip, deflate or none',
    ],
    ['what is not gzip', { body: '{}', headers: { 'content-encoding': 'gzip' } }, 400, 'it cannot be unpacked as gzip'],
    [
      'half of gzip',
      { body: gzipSync(gauges(100)).subarray(0, 100), headers: { 'content-encoding': 'gzip' } },
      400,
      'it cannot be unpacked as gzip',
    ],
    [
      'a bomb',
      { body: gzipSync(Buffer.alloc(100_000_000)), headers: { 'content-encoding': 'gzip' } },
      413,
      'a body may have 4 MB, also unpacked',
    ],
    [
      'another bomb',
      { path: '/write', body: deflateSync(Buffer.alloc(5_000_000)), type: '', headers: { 'content-encoding': 'deflate' } },
      413,
      'a body may have 4 MB',
    ],
    ['what says that it is large', { body: Buffer.alloc(4_000_001, 32) }, 413, 'a body may have 4 MB'],
  ])('%s', async (_, sent, status, message) => {
    await using inbound = await InboundUnderTest.open();
    const answer = await inbound.send(sent);
    expect(answer.status).toBe(status);
    expect(answer.body.toString()).toContain(message);
    expect(inbound.points).toEqual([]);
    expect((await inbound.send({ body: gauges(1) })).status).toBe(200);
  });

  test('deflate that is whole is taken', async () => {
    await using inbound = await InboundUnderTest.open();
    expect((await inbound.send({ body: deflateSync(gauges(2)), headers: { 'content-encoding': 'deflate' } })).status).toBe(200);
  });

  test('more points than a second has: come again later', async () => {
    // Time stands still: a busy machine reads no 20,000 points a second.
    await using inbound = await InboundUnderTest.open(null, new SimClock({ wall: Date.now() / 1000 }));
    const body = gzipSync(gauges(25_000));
    const statuses: number[] = [];
    for (let i = 0; i < 40 && statuses.at(-1) !== 429; i++) {
      const answer = await inbound.send({ body, headers: { 'content-encoding': 'gzip' } });
      statuses.push(answer.status);
      if (answer.status !== 429) continue;
      expect(Number(answer.headers['retry-after'])).toBeGreaterThanOrEqual(1);
      expect(JSON.parse(answer.body.toString())).toEqual({
        code: 8,
        message: 'more than 20000 points a second: send it again later, or less often',
      });
    }
    expect(statuses.at(-1)).toBe(429);
    expect(statuses.length).toBeGreaterThan(10);
    expect(inbound.events.filter(({ kind }) => kind === 'cap').map(({ data }) => data['why'])).toEqual(['too_fast']);
  });

  const HEAD = 'POST /v1/metrics HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n';

  test('a body without an end is cut off', async () => {
    await using inbound = await InboundUnderTest.open();
    const socket = await inbound.dial(`${HEAD}transfer-encoding: chunked\r\n\r\n`);
    const answer = heard(socket);
    const chunk = `10000\r\n${' '.repeat(65_536)}\r\n`;
    for (let i = 0; i < 500 && socket.bytesRead === 0 && !socket.destroyed; i++) {
      socket.write(chunk);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    expect(await answer).toMatch(/^HTTP\/1.1 413 /);
    expect(inbound.figures()).toMatchObject({ 'inbound soak.inbound.requests{soak.inbound.result="too_large"}': 1 });
  });

  test('a sender that is still writing is let end, or it would not read what it is told', async () => {
    await using inbound = await InboundUnderTest.open();
    const body = Buffer.alloc(20_000_000, 32);
    const socket = await inbound.dial(`${HEAD}content-length: ${body.length}\r\n\r\n`);
    const errors: Error[] = [];
    socket.on('error', (error) => errors.push(error));
    const answer = heard(socket);
    socket.write(body);
    expect(await answer).toMatch(/^HTTP\/1.1 413 /);
    expect(errors).toEqual([]);
  });

  test('a sender that falls silent is dropped, and keeps nobody waiting', async () => {
    await using inbound = await InboundUnderTest.open();
    const sockets = await Promise.all(
      Array.from({ length: 30 }, (_, i) => inbound.dial(i % 2 === 0 ? `${HEAD}content-length: 1000\r\n\r\n{` : HEAD)),
    );
    const ends = Promise.all(sockets.map(heard));
    expect((await inbound.send({ body: gauges(1) })).status).toBe(200);
    expect((await ends).every((text) => text === '' || text.startsWith('HTTP/1.1 408'))).toBe(true);
    await until(
      () => inbound.figures()['inbound soak.inbound.requests{soak.inbound.result="cut_off"}'],
      (count) => count === 15,
    );
  });

  test('a sender that leaves in the middle', async () => {
    await using inbound = await InboundUnderTest.open();
    const socket = await inbound.dial(`${HEAD}content-length: 1000\r\n\r\n{`);
    await until(
      () => inbound.figures(),
      () => true,
    );
    socket.destroy();
    await until(
      () => inbound.figures()['inbound soak.inbound.requests{soak.inbound.result="cut_off"}'],
      (count) => count === 1,
    );
  });

  test('what is no HTTP, and headers without an end', async () => {
    await using inbound = await InboundUnderTest.open();
    expect(await heard(await inbound.dial('EHLO box\r\n\r\n'))).toMatch(/^HTTP\/1.1 400 /);
    expect(await heard(await inbound.dial(`${HEAD}x: ${'x'.repeat(20_000)}\r\n\r\n`))).toMatch(/^HTTP\/1.1 431 /);
    expect((await inbound.send({ body: gauges(1) })).status).toBe(200);
  });

  test('more connections than there may be', async () => {
    await using inbound = await InboundUnderTest.open();
    const sockets = await Promise.all(Array.from({ length: 80 }, () => inbound.dial('')));
    await until(
      () => sockets.filter((socket) => !socket.closed).length,
      (open) => open <= 64,
    );
    expect(inbound.events.some(({ data }) => data['why'] === 'busy')).toBe(true);
  });

  test('bodies that are held at the same time, beyond what memory has for them', async () => {
    await using inbound = await InboundUnderTest.open();
    const held = await Promise.all(
      Array.from({ length: 8 }, () => inbound.dial(`${HEAD}content-length: 4000000\r\n\r\n${' '.repeat(3_000_000)}`)),
    );
    const answers = held.map(heard);
    await until(
      () => inbound.figures()['inbound soak.inbound.requests{soak.inbound.result="busy"}'] ?? 0,
      (busy) => busy >= 2,
    );
    await Promise.any(answers.map(async (answer) => expect(await answer).toMatch(/^HTTP\/1.1 503 /)));
    for (const socket of held) socket.destroy();
    await until(
      () => inbound.send({ body: gauges(1) }),
      ({ status }) => status === 200,
    );
  });
});

describe('notes', () => {
  const note = (path: string, body: unknown, type = 'application/json'): Sent => ({
    path,
    body: typeof body === 'string' ? body : JSON.stringify(body),
    type,
  });

  test('of phases and marks', async () => {
    await using inbound = await InboundUnderTest.open();
    expect((await inbound.send(note('/api/phase', { phase: 'fault', judged: false }))).status).toBe(204);
    expect((await inbound.send(note('/api/phase', { phase: 'recovery' }))).status).toBe(204);
    expect((await inbound.send(note('/api/mark', { text: ' deployed 1.2 ' }))).status).toBe(204);
    expect(inbound.notes).toEqual(['phase fault false', 'phase recovery null', 'mark deployed 1.2']);
  });

  test.each<[string, Sent, number, string]>([
    ['a phase without a name', note('/api/phase', {}), 400, 'phase should be a lower-case letter'],
    ['a phase of another kind', note('/api/phase', { phase: 'Fault 1' }), 400, 'phase should be a lower-case letter'],
    ['half judged', note('/api/phase', { phase: 'fault', judged: 'no' }), 400, 'judged should be true or false'],
    ['a slip', note('/api/phase', { phase: 'fault', juged: false }), 400, 'there should be nothing else in it'],
    ['an empty mark', note('/api/mark', { text: ' ' }), 400, 'text should have 1 to 256 characters'],
    ['a long mark', note('/api/mark', { text: 'x'.repeat(257) }), 400, 'text should have 1 to 256 characters'],
    ['a list', note('/api/mark', '[]'), 400, 'the body should be a JSON object'],
    ['no JSON', note('/api/mark', 'deployed'), 400, 'the body should be a JSON object'],
    [
      'a form, as a web page could send it',
      note('/api/mark', 'text=x', 'application/x-www-form-urlencoded'),
      415,
      'content-type should be application/json',
    ],
    ['a book', note('/api/mark', { text: 'x'.repeat(9000) }), 413, 'a note may have 8192 bytes'],
  ])('%s', async (_, sent, status, message) => {
    await using inbound = await InboundUnderTest.open();
    const answer = await inbound.send(sent);
    expect([answer.status, answer.body.toString()]).toEqual([status, expect.stringContaining(message)]);
    expect(inbound.notes).toEqual([]);
  });
});

describe.runIf(installed('gcc'))('a run', () => {
  test('has the phases, marks and senders in its record, and says where it listens', async () => {
    await using stage = new Stage();
    const service = await stage.service();
    const agent = await stage.watching(['--target', `app=${service.pid}`, '--inbound', '0']);
    const [, url] = await agent.says(/points, phases and marks taken at (\S+)\n/);
    const post = (path: string, body: string, type = 'application/json'): Promise<Response> =>
      fetch(`${url}${path}`, { method: 'POST', body, headers: { 'content-type': type, connection: 'close' } });
    expect((await post('/api/phase', '{"phase": "fault", "judged": false}')).status).toBe(204);
    expect((await post('/api/mark', '{"text": "pulled the plug"}')).status).toBe(204);
    expect((await post('/write?db=jmeter', fixture('jmeter.influx').toString(), 'text/plain')).status).toBe(204);
    // No intake has a use for this one.
    expect((await post('/write?db=jmeter', 'nobody,knows=it x=1', 'text/plain')).status).toBe(204);
    await until(
      () => agent.page('/metrics'),
      ({ text }) => /^soak_inbound_unclaimed_total\{.*\} (\d+)$/m.exec(text)?.[1] === '1',
    );
    await agent.end();
    const result = await agent.result();
    expect(result.events('phase')).toMatchObject([{ data: { phase: 'fault', judged: false } }]);
    expect(result.events('mark')).toMatchObject([{ message: 'pulled the plug' }]);
    expect(result.events('sender_seen')).toMatchObject([{ data: { sender: 'the sender of jmeter' } }]);
  });

  test('that cannot listen, or would let everybody write, does not begin', async () => {
    await using stage = new Stage();
    const service = await stage.service();
    const open = stage.agent(['--target', `app=${service.pid}`, '--inbound', '0.0.0.0:0']);
    expect(await open.ended).toEqual({ code: 64, signal: null });
    expect(open.err).toMatch(
      /^--inbound: 0.0.0.0 can be reached from other machines: set inbound_token, SOAK_INBOUND_TOKEN or --inbound-token-file/m,
    );
    await using inbound = await InboundUnderTest.open();
    const port = new URL(inbound.url).port;
    const taken = stage.agent(['--target', `app=${service.pid}`, '--inbound', port]);
    expect(await taken.ended).toEqual({ code: 64, signal: null });
    expect(taken.err).toMatch(new RegExp(`^--inbound: 127.0.0.1:${port} is in use`, 'm'));
    expect(stage.runs()).toEqual([]);
  });

  test('with a token listens for all, and lets only those write that have it', async () => {
    await using stage = new Stage();
    const service = await stage.service();
    const agent = await stage.watching(['--target', `app=${service.pid}`, '--inbound', '0.0.0.0:0'], {
      env: { SOAK_INBOUND_TOKEN: TOKEN },
    });
    const [, url] = await agent.says(/points, phases and marks taken at (\S+)\n/);
    const mark = (authorization: string): Promise<Response> =>
      fetch(`${url!.replace('0.0.0.0', '127.0.0.1')}/api/mark`, {
        method: 'POST',
        body: '{"text": "x"}',
        headers: { 'content-type': 'application/json', authorization },
      });
    expect((await mark('Bearer wrong-wrong')).status).toBe(401);
    expect((await mark(`Bearer ${TOKEN}`)).status).toBe(204);
    await agent.end();
    expect(agent.out + agent.err).not.toContain(TOKEN);
  });
});
