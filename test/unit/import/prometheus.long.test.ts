/** A server that refuses, stalls or answers something else: what the user is told, and that secrets are never part of it. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { SimClock } from '../../../src/clock.ts';
import { basicAuth, Prometheus, serverOf } from '../../../src/import/prometheus.ts';
import { analyze, Folder } from './data.ts';

interface Asked {
  readonly form: URLSearchParams;
  readonly authorization: string | undefined;
}

type Answer = (asked: Asked, response: ServerResponse, n: number) => void;

/** A real HTTP server that says what it is told to. */
class Server implements AsyncDisposable {
  readonly asked: Asked[] = [];
  readonly #server = createServer((request, response) => void this.#serve(request, response));
  readonly #answer: Answer;

  constructor(answer: Answer) {
    this.#answer = answer;
  }

  async open(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const asked = { form: new URLSearchParams(body), authorization: request.headers.authorization };
    this.asked.push(asked);
    this.#answer(asked, response, this.asked.length);
  }
}

/** Series of memory at the times that were asked for, as many as named. */
function answerOf({ form }: Asked, series: number): string {
  const [start, end, step] = ['start', 'end', 'step'].map((name) => Number(form.get(name)));
  const values = Array.from({ length: Math.floor((end! - start!) / step!) + 1 }, (_, i) => [
    start! + i * step!,
    i % 50 === 7 ? 'NaN' : String(4e8 + (i % 5)),
  ]);
  const result = Array.from({ length: series }, (_, s) => ({ metric: { __name__: 'mem_bytes', job: 'api', pod: `p${s}` }, values }));
  return JSON.stringify({ status: 'success', data: { resultType: 'matrix', result }, warnings: ['half of the blocks are missing'] });
}

const RANGE = ['--query', 'mem_bytes', '--from', '2025-01-01', '--to', '2025-01-02', '--step', '5m'];

describe('asking a Prometheus', () => {
  test('a long range comes in pieces that leave nothing out and repeat nothing', async () => {
    await using server = new Server((asked, response) => response.end(answerOf(asked, 3)));
    const url = await server.open();
    const { code, out } = await analyze([
      '--prometheus',
      url,
      '--query',
      'mem_bytes',
      '--from',
      '2025-01-01',
      '--to',
      '2025-02-10',
      '--step',
      '45s',
      '--assume-work',
      '--json',
    ]);
    const { analysed } = JSON.parse(out) as { analysed: { rows: number; columns: { name: string }[]; notes: string[] } };
    expect(code).toBe(0);
    expect(analysed.rows).toBe((40 * 86_400) / 45 + 1);
    expect(analysed.columns.map(({ name }) => name)).toEqual(['mem_bytes{pod="p0"}', 'mem_bytes{pod="p1"}', 'mem_bytes{pod="p2"}']);
    expect(analysed.notes).toContain('Prometheus warned: half of the blocks are missing');
    expect(server.asked.length).toBeGreaterThan(2);
    const spans = server.asked.map(({ form }) => [Number(form.get('start')), Number(form.get('end'))] as const);
    for (const [i, [start, end]] of spans.entries()) {
      expect((end - start) / 45).toBeLessThan(11_000);
      if (i > 0) expect(start).toBe(spans[i - 1]![1] + 45);
    }
  });

  test('who watches sees how far it is, and nothing of it is left', async () => {
    await using server = new Server((asked, response) => response.end(answerOf(asked, 3)));
    const args = ['--prometheus', await server.open(), ...RANGE];
    const { err } = await analyze(args, {}, true);
    expect(err.split('\r\u001B[K')).toEqual(['', 'fetched 20 %', 'fetched 100 %', '']);
    expect((await analyze(args)).err).toBe('');
  });

  test('too many series are counted and refused', async () => {
    await using server = new Server((asked, response) => response.end(answerOf(asked, 250)));
    const { code, err } = await analyze(['--prometheus', await server.open(), ...RANGE]);
    expect([code, err]).toEqual([64, expect.stringContaining('the queries found 250 series, and at most 200 are taken') as string]);
  });

  test.each<[string, Answer, RegExp, number]>([
    [
      'its own error',
      (_, r) => r.writeHead(422).end('{"status":"error","errorType":"execution","error":"query timed out"}'),
      /HTTP 422 Unprocessable Entity: query timed out/,
      1,
    ],
    [
      'a login page',
      (_, r) => r.writeHead(401).end('<html>log in</html>'),
      /HTTP 401 Unauthorized: it wants to know who asks; give --bearer-file or --basic-auth-file/,
      1,
    ],
    [
      'another program',
      (_, r) => r.end('<html>hello</html>'),
      /HTTP 200 OK, and the answer is not that of a Prometheus: <html>hello<\/html>/,
      1,
    ],
    [
      'a port of HTTPS (Go)',
      (_, r) => r.writeHead(400).end('Client sent an HTTP request to an HTTPS server.\n'),
      /HTTP 400 Bad Request: it speaks HTTPS; give https:\/\/ instead of http:\/\//,
      1,
    ],
    [
      'a port of HTTPS (nginx)',
      (_, r) => r.writeHead(400).end('<html>\r\n<head><title>400 The plain HTTP request was sent to HTTPS port</title></head>'),
      /it speaks HTTPS; give https:\/\/ instead of http:\/\//,
      1,
    ],
    [
      'half an answer',
      (_, r) => r.end('{"status":"success","data":{"resultType":"matrix","result":[{"metric"'),
      /the answer is not that of a Prometheus/,
      1,
    ],
    [
      'a proxy without a server',
      (_, r) => r.writeHead(503).end('no healthy upstream'),
      /HTTP 503 Service Unavailable.*no healthy upstream/,
      3,
    ],
    ['a cut connection', (_, r) => r.destroy(), /it cannot be reached: the connection was cut/, 3],
    [
      'nothing found',
      (asked, r) => r.end(answerOf(asked, 0)),
      /in this time \(Prometheus warned: half of the blocks are missing\): is mem_bytes a metric of this server\?/,
      2,
    ],
  ])('%s is told', async (_, answer, message, tries) => {
    await using server = new Server(answer);
    const { code, out, err } = await analyze(['--prometheus', await server.open(), ...RANGE]);
    expect([code, out]).toEqual([64, '']);
    expect(err).toMatch(message);
    expect(err).toMatch(/\nsoak-agent: 1 problem \[PROMETHEUS\]\n$/);
    expect(server.asked).toHaveLength(tries);
  });

  test('what is over when asked again is no error', async () => {
    await using server = new Server((asked, response, n) => (n < 3 ? response.writeHead(503).end() : response.end(answerOf(asked, 1))));
    expect((await analyze(['--prometheus', await server.open(), ...RANGE, '--assume-work'])).code).toBe(0);
  });

  test.each([
    ['nothing', () => {}],
    ['half of it', (_: Asked, response: ServerResponse) => void response.write('{"status":"success","data":{')],
  ])('a server that takes the question and answers %s is not waited for', async (_, answer) => {
    await using server = new Server(answer);
    const prometheus = new Prometheus({ url: await server.open(), credentials: null }, new SimClock(), 0.2);
    const message = 'it did not answer within 0.2 s';
    await expect(prometheus.range('up', { from: 0, to: 60, step: 15 }, 1)).rejects.toThrow(message);
    expect(server.asked).toHaveLength(1);
  });

  test('a port of plain HTTP that is asked by TLS', async () => {
    await using server = new Server((asked, response) => response.end(answerOf(asked, 1)));
    const url = (await server.open()).replace('http:', 'https:');
    const { code, err } = await analyze(['--prometheus', url, ...RANGE]);
    expect(code).toBe(64);
    expect(err).toContain(`${url}: it cannot be reached: what answers there speaks no TLS; for a server of plain HTTP give http://`);
    expect(err).not.toContain('error:0A');
  });

  test('nobody listens', async () => {
    const closed = new Server(() => {});
    const url = await closed.open();
    await closed[Symbol.asyncDispose]();
    const { code, err } = await analyze(['--prometheus', url, ...RANGE]);
    expect([code, err]).toEqual([
      64,
      `${url}: it cannot be reached: nothing listens there (ECONNREFUSED)\nsoak-agent: 1 problem [PROMETHEUS]\n`,
    ]);
  });
});

describe('secrets', () => {
  const SECRET = 'geheim-4711';

  test('reach the server and nothing else', async () => {
    using folder = new Folder();
    await using server = new Server((asked, response) =>
      response.writeHead(asked.authorization === undefined ? 401 : 400).end('{"status":"error","error":"no"}'),
    );
    const url = await server.open();
    const ways: [string[], Record<string, string>, string][] = [
      [['--bearer-file', folder.file('token', `${SECRET}\n`)], {}, `Bearer ${SECRET}`],
      [['--basic-auth-file', folder.file('pair', `me:${SECRET}`)], {}, basicAuth(`me:${SECRET}`, '').header],
      [[], { SOAK_PROMETHEUS_BEARER: SECRET }, `Bearer ${SECRET}`],
      [[], { SOAK_PROMETHEUS_BASIC_AUTH: `me:${SECRET}` }, basicAuth(`me:${SECRET}`, '').header],
    ];
    for (const [args, env, header] of ways) {
      const { code, out, err } = await analyze(['--prometheus', url, ...RANGE, ...args], env);
      expect(code).toBe(64);
      expect(server.asked.at(-1)?.authorization).toBe(header);
      expect(out + err).not.toContain(SECRET);
    }
    const inUrl = await analyze(['--prometheus', url.replace('//', `//me:${SECRET}@`), ...RANGE]);
    expect(server.asked.at(-1)?.authorization).toBe(basicAuth(`me:${SECRET}`, '').header);
    expect(inUrl.out + inUrl.err).not.toContain(SECRET);
  });

  test('that the server refuses are told by where they are from', async () => {
    using folder = new Folder();
    const token = folder.file('token', SECRET);
    const pair = folder.file('pair', `me:${SECRET}`);
    let status = 401;
    await using server = new Server((_, response) => response.writeHead(status).end());
    const url = await server.open();
    const told = async (args: string[], env: Record<string, string> = {}): Promise<string> =>
      (await analyze(['--prometheus', url, ...RANGE, ...args], env)).err.split('\n')[0]!.slice(url.length + 2);
    expect([
      await told(['--bearer-file', token]),
      await told(['--basic-auth-file', pair]),
      await told([], { SOAK_PROMETHEUS_BEARER: SECRET }),
      await told(['--prometheus', url.replace('//', `//me:${SECRET}@`)]),
    ]).toEqual([
      `HTTP 401 Unauthorized: it refuses the token of ${token}`,
      `HTTP 401 Unauthorized: it refuses the user and password of ${pair}`,
      'HTTP 401 Unauthorized: it refuses the token of SOAK_PROMETHEUS_BEARER',
      'HTTP 401 Unauthorized: it refuses the user and password of the URL',
    ]);
    status = 403;
    expect([await told(['--bearer-file', token]), await told([])]).toEqual([
      `HTTP 403 Forbidden: who asks with the token of ${token} may not read`,
      'HTTP 403 Forbidden: who does not say who asks may not read; give --bearer-file or --basic-auth-file',
    ]);
  });

  test('a token that would break the header is refused without being shown', async () => {
    const { code, err } = await analyze(['--prometheus', 'http://127.0.0.1:9', ...RANGE], {
      SOAK_PROMETHEUS_BEARER: `${SECRET}\nX-Evil: 1`,
    });
    expect([code, err]).toEqual([64, 'SOAK_PROMETHEUS_BEARER: should hold one token, without spaces\nsoak-agent: 1 problem [USAGE]\n']);
  });

  test('an address is told without them', () => {
    expect(serverOf('https://me:a%40b@prom.example/base/?x=1#y')).toEqual({
      url: 'https://prom.example/base',
      credentials: basicAuth('me:a@b', 'the URL'),
    });
    expect(serverOf('http://me:50%@prom')?.credentials).toEqual(basicAuth('me:50%', 'the URL'));
    expect([serverOf('prom:9090'), serverOf('ftp://x'), serverOf('')]).toEqual([null, null, null]);
  });
});
