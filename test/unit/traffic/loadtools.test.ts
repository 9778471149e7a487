/** What each load tool sends, through the parsers that read it, as windows. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { parseInflux } from '../../../src/intake/influx.ts';
import { parseOtlp } from '../../../src/intake/otlp.ts';
import type { CounterPoint, GaugePoint, HistogramPoint, Point } from '../../../src/intake/point.ts';
import { failureOfStatus, failureOfText } from '../../../src/traffic/failure.ts';
import { LoadTools } from '../../../src/traffic/loadtools.ts';
import { countOf } from '../../../src/quantiles.ts';
import { FAILURES, type TrafficWindow } from '../../../src/traffic/window.ts';
import * as fc from '../../property.ts';
import { countsOf } from '../../histograms.ts';

const FIXTURES = join(import.meta.dirname, '../../fixtures/load');
const INBOUND = { name: 'inbound', target: null };

/** The time at which the fixtures begin. */
const T0 = 1_763_735_400;

let windows: TrafficWindow[] = [];
let notes: string[] = [];
let followed: Set<string>;
let now = 0;
let wall = 0;
let tools: LoadTools;
beforeEach(() => begin());

function begin(roles: readonly string[] = [], tagged: readonly string[] = []): void {
  windows = [];
  notes = [];
  followed = new Set();
  now = 0;
  wall = T0 - 1;
  const outlet = {
    window: (window: TrafficWindow) => windows.push(window),
    note: (_: string, { what }: { what: string }) => notes.push(what),
    now: () => now,
    isFollowed: (tool: string, target: string | null) => followed.has(`${tool} of ${target}`),
    operationCalled: (_: string | null, operation: string) => (/^\/items\/[^0]/.test(operation) ? 'other' : operation),
    roleCalled: (name: string | undefined) => roles.find((role) => role === name) ?? null,
  };
  tools = new LoadTools(outlet, () => wall, tagged);
  tools.open();
}

async function body(name: string): Promise<readonly Point[]> {
  const text = readFileSync(join(FIXTURES, name));
  return name.endsWith('.json') ? (await parseOtlp(text, 'json')).points : parseInflux(text.toString(), 1e-9).points;
}

/** What a body makes of everything together, and by operation. */
async function take(name: string, at: number): Promise<{ taken: number; all: TrafficWindow; by: Record<string, TrafficWindow> }> {
  windows = [];
  now = at;
  const taken = tools.take(await body(name), INBOUND);
  const [all, ...more] = windows.filter(({ operation }) => operation === null);
  expect(more).toEqual([]);
  return { taken, all: all!, by: Object.fromEntries(windows.flatMap((one) => (one.operation === null ? [] : [[one.operation, one]]))) };
}

function histogram(
  name: string,
  labels: Record<string, string>,
  counts: Record<string, number>,
  more: Partial<HistogramPoint> = {},
): HistogramPoint {
  const buckets = Object.entries(counts).map(([to, count], i, all) => ({
    over: i === 0 ? 0 : Number(all[i - 1]![0]),
    to: Number(to),
    count,
  }));
  const count = countOf(buckets);
  return {
    kind: 'histogram',
    temporality: 'delta',
    name,
    unit: 's',
    labels,
    wall: T0 + 60,
    since: T0,
    count,
    sum: count,
    buckets: countsOf(buckets),
    ...more,
  };
}

function gauge(name: string, value: number, labels: Record<string, string> = {}): GaugePoint {
  return { kind: 'gauge', name, unit: '', labels, wall: T0, since: null, value };
}

function counter(name: string, value: number, labels: Record<string, string> = {}): CounterPoint {
  return { kind: 'counter', temporality: 'delta', name, unit: '', labels, wall: T0 + 10, since: T0, value };
}

describe('k6', () => {
  test('tells requests, errors, users and durations in milliseconds, each export the window since the one before', async () => {
    const first = await take('k6-1.json', 10);
    expect(first.all).toMatchObject({ requests: 100, errors: 0, users: 10, sender: 'k6', from: 0, to: 10, failures: {} });
    const { all, by, taken } = await take('k6-2.json', 20);
    expect(all).toMatchObject({ requests: 132, errors: 32, users: 12, from: 10, to: 20 });
    expect(all.failures).toEqual({ http_401: 30, timeout: 2, check: 32 });
    expect(all.sum).toBeCloseTo(7.5 + 0.24 + 120, 6);
    expect(all.buckets!.find(({ over }) => over === 0.075)).toEqual({ over: 0.075, to: 0.1, count: 50 });
    expect(by['/orders']).toMatchObject({ requests: 130, errors: 30 });
    expect(by['/slow']).toMatchObject({ requests: 2, errors: 2 });
    expect(JSON.stringify(windows)).not.toContain('secret');
    expect(notes).toEqual(['dropped']);
    expect(taken).toBe((await body('k6-2.json')).length);
  });

  test('operations that are not told apart are one window of an export', () => {
    now = 10;
    tools.take(
      Array.from({ length: 100 }, (_, i) => histogram('http_req_duration', { name: `http://x/items/${i}` }, { 1: 2, 5: 1 }, { unit: 's' })),
      INBOUND,
    );
    expect(windows.map(({ operation, requests, sum }) => [operation, requests, sum])).toEqual([
      [null, 300, 300],
      ['/items/0', 3, 3],
      ['other', 297, 297],
    ]);
    expect(windows.at(-1)!.buckets).toEqual([
      { over: 0, to: 1, count: 198 },
      { over: 1, to: 5, count: 99 },
    ]);
  });

  test('tells of a tag that a rule asks for as of an operation', () => {
    begin([], ['{scenario:browse}', '{group:::login}', '{scenario:browse}']);
    now = 10;
    const asked = (labels: Record<string, string>, count: number): Point =>
      histogram('http_req_duration', { name: 'a', ...labels }, { 1: count }, { unit: 's' });
    tools.take(
      [asked({ scenario: 'browse', status: '500' }, 2), asked({ scenario: 'browse', group: '::login' }, 3), asked({}, 5)],
      INBOUND,
    );
    expect(windows.map(({ operation, requests, errors }) => [operation, requests, errors])).toEqual([
      [null, 10, 2],
      ['{scenario:browse}', 5, 2],
      ['a', 10, 2],
      ['{group:::login}', 3, 0],
    ]);
    windows = [];
    tools.take([histogram('http.server.request.duration', { scenario: 'browse' }, { 1: 4 })], INBOUND);
    expect(windows.map(({ operation }) => operation)).toEqual([null]);
  });

  test('of 1.3 has two counters for a rate, and a prefix where it is told so', async () => {
    await take('k6-old-1.json', 10);
    const { all, by } = await take('k6-old-2.json', 20);
    expect(all).toMatchObject({ requests: 100, errors: 20, failures: { check: 20 } });
    expect(by['orders']).toMatchObject({ requests: 100 });
  });

  test('goes on being counted when its clock is set forward by a minute and back again', () => {
    const at = (second: number, ahead: number, count: number): Point =>
      histogram('http_req_duration', {}, { 100: count }, { unit: 'ms', temporality: 'cumulative', wall: T0 + second + ahead });
    for (const [second, ahead, count] of [
      [10, 0, 100],
      [20, 60, 200],
      [30, 60, 300],
      [40, 0, 400],
      [50, 0, 500],
    ] as const) {
      now = second;
      wall = T0 + second;
      tools.take([at(second, ahead, count)], INBOUND);
    }
    expect(windows.map(({ requests, from, to }) => [requests, from, to]).slice(1)).toEqual([
      [100, 10, 20],
      [100, 20, 30],
      [100, 30, 40],
      [100, 40, 50],
    ]);
    expect(tools.uncounted()).toEqual({ late: 0, buckets: 0, room: 0 });
    tools.take([at(50, 0, 500)], INBOUND);
    expect([tools.uncounted().late, notes]).toEqual([1, ['uncounted_late']]);
  });

  test('says that its SDK folded what was too much', () => {
    tools.take([histogram('http_req_duration', { 'otel.metric.overflow': 'true' }, { 100: 5 }, { unit: 'ms' })], INBOUND);
    expect(notes).toEqual(['overflow']);
    expect(windows.map(({ operation, requests }) => [operation, requests])).toEqual([
      [null, 5],
      ['other', 5],
    ]);
  });

  test('names the role by a tag where one input tells of several', () => {
    begin(['api', 'web']);
    const of = (role: string): Point => histogram('http_req_duration', { soak_target: role, name: role }, { 100: 5 }, { unit: 'ms' });
    tools.take([of('api'), of('web'), of('nobody')], INBOUND);
    expect(windows.filter(({ operation }) => operation === null).map(({ target }) => target)).toEqual(['api', 'web', null]);
  });
});

test('Locust tells durations in seconds, by name and exception', async () => {
  await take('locust-1.json', 60);
  const { all, by } = await take('locust-2.json', 120);
  expect(all).toMatchObject({ requests: 609, errors: 9, users: 5, from: 60, to: 120, failures: { refused: 9 } });
  expect(all.sum! / all.requests).toBeCloseTo(0.118, 3);
  expect(by['/orders']).toMatchObject({ requests: 609, errors: 9 });
});

describe('Artillery', () => {
  test('itself, from its first export to the one it sends when it ends, which repeats figures', async () => {
    const told: TrafficWindow[] = [];
    for (const [i, at] of [6, 16, 26, 32, 33].entries()) {
      windows = [];
      now = at;
      const points = await body(`artillery-${i + 1}.json`);
      expect(tools.take(points, INBOUND)).toBe(points.length);
      told.push(...windows);
    }
    expect(told.map(({ requests, errors }) => [requests, errors])).toEqual([
      [28, 0],
      [50, 17],
      [50, 50],
      [12, 12],
    ]);
    expect(told[1]).toMatchObject({ failures: { http_401: 17 }, quantiles: { '0.5': 0.0121, '0.95': 0.015, '0.99': 0.015 } });
    expect(told[1]!.sum).toBeCloseTo(50 * 0.0112, 6);
    expect(told[1]!.to - told[1]!.from).toBeGreaterThan(5);
  });

  test('tells counts of its period, its own quantiles, and what was not answered', () => {
    const period = { startTime: String(T0 * 1000), endTime: String((T0 + 9) * 1000) };
    const points = [
      counter('http.requests', 12, period),
      counter('http.responses', 10, period),
      counter('http.codes.200', 7, period),
      counter('http.codes.401', 3, period),
      counter('errors.ECONNREFUSED', 2, period),
      counter('errors.Failed capture or match', 1, period),
      gauge('http.response_time.median', 12, period),
      gauge('http.response_time.p95', 40, period),
      gauge('http.response_time.p999', 50, period),
      gauge('vusers.created', 3, period),
    ];
    expect(tools.take(points, INBOUND)).toBe(10);
    expect(windows).toHaveLength(1);
    expect(windows[0]).toMatchObject({ requests: 12, errors: 5, quantiles: { '0.5': 0.012, '0.95': 0.04 }, sum: null });
    expect(windows[0]!.failures).toEqual({ refused: 2, http_401: 3, check: 1 });
  });

  test('an export that comes twice counts once, a gauge that repeats itself without answers says nothing', () => {
    const at = (end: number): Record<string, string> => ({ startTime: String(end - 9000), endTime: String(end) });
    const first = [counter('http.responses', 10, at(10_000)), gauge('http.response_time.p95', 40, at(10_000))];
    tools.take(first, INBOUND);
    now = 10;
    tools.take(
      first.map((point) => ({ ...point, wall: T0 + 11 })),
      INBOUND,
    );
    expect(windows).toHaveLength(1);
    now = 20;
    const lost = { ...counter('errors.ETIMEDOUT', 3, at(20_000)), wall: T0 + 20 };
    tools.take([lost, gauge('http.response_time.p95', 40, at(20_000))], INBOUND);
    expect(windows).toHaveLength(2);
    expect(windows[1]).toMatchObject({ requests: 3, errors: 3, quantiles: null, failures: { timeout: 3 }, from: 10, to: 20 });
  });
});

describe('JMeter', () => {
  test('tells its interval by rows; the mean of all is made of that of the good and the failed', async () => {
    const { all, by } = await take('jmeter.influx', 5);
    expect(all).toMatchObject({ requests: 20, errors: 2, users: 5, quantiles: { '0.9': 0.41, '0.95': 0.9, '0.99': 0.95 }, from: 0, to: 5 });
    expect(all.sum).toBeCloseTo((18 * 100 + 2 * 580) / 1000, 9);
    expect(all.failures).toEqual({ http_5xx: 1, timeout: 1 });
    expect(by['Log in']).toMatchObject({ requests: 12, errors: 2 });
    expect(by['Browse']).toMatchObject({ requests: 8, errors: 0 });
    expect(by['Browse']!.sum).toBeCloseTo(0.8, 9);
  });

  test('has no mean of all where rows of the failed ones are not sent', () => {
    const labels = { transaction: 'all', statut: 'all' };
    const row = (fields: Record<string, number>): Point[] =>
      Object.entries(fields).map(([name, value]) => gauge(`jmeter.${name}`, value, labels));
    tools.take(row({ count: 10, countError: 1, avg: 100 }), INBOUND);
    tools.take(row({ count: 10, countError: 0, avg: 100 }), INBOUND);
    expect(windows.map(({ sum }) => sum)).toEqual([null, 1]);
  });

  test('counts once where its file is followed: what it pushes of other roles, and what others push, is counted', async () => {
    begin(['api', 'db']);
    followed.add('JMeter of null');
    expect((await take('k6-2.json', 5)).all.requests).toBeGreaterThan(0);
    windows = [];
    const points = await body('jmeter.influx');
    tools.take(points, INBOUND);
    expect(windows).toEqual([]);
    expect(notes).toContain('told_twice');
    tools.take(
      points.map((point) => ({ ...point, labels: { ...point.labels, soak_target: 'db' } })),
      INBOUND,
    );
    expect(windows.find(({ operation }) => operation === null)).toMatchObject({ target: 'db', requests: 20 });
  });
});

test('vegeta fails by status, because its own counter of failures never moves', () => {
  const of = (status: string, count: number): Point =>
    histogram('request_seconds', { method: 'GET', url: 'http://h/a?b=c', status }, { 0.01: count });
  const failures = counter('request_fail_count', 0, { method: 'GET', url: 'http://h/a', status: '500' });
  expect(tools.take([of('200', 90), of('302', 1), of('503', 6), of('0', 3), failures], { name: 'vegeta', target: 'api' })).toBe(5);
  expect(windows[0]).toMatchObject({
    target: 'api',
    sender: 'vegeta vegeta',
    requests: 100,
    errors: 9,
    failures: { http_5xx: 6, other: 3 },
  });
  expect(windows[1]).toMatchObject({ operation: 'GET /a', requests: 100 });
});

describe('an instrumented program', () => {
  const SERVER = 'http.server.request.duration';

  test('tells its own traffic when it is called as its role', () => {
    begin(['api', 'web']);
    const labels = { 'service.name': 'api', 'http.request.method': 'GET', 'http.route': '/users/{id}' };
    const points = [
      histogram(SERVER, { ...labels, 'http.response.status_code': '200' }, { 0.01: 90 }),
      histogram(SERVER, { ...labels, 'http.response.status_code': '404' }, { 0.01: 6 }),
      histogram(SERVER, { ...labels, 'http.response.status_code': '500', 'error.type': '500' }, { 0.01: 4 }),
      gauge('http.server.active_requests', 3, { 'service.name': 'api' }),
    ];
    expect(tools.take(points, INBOUND)).toBe(4);
    expect(windows[0]).toMatchObject({ target: 'api', witness: 'server', requests: 100, errors: 4, inFlight: 3 });
    expect(windows[0]!.failures).toEqual({ http_4xx: 6, http_5xx: 4 });
    expect(windows[1]).toMatchObject({ operation: 'GET /users/{id}', requests: 100 });
  });

  test('in the older conventions, and as Prometheus spells them', () => {
    tools.take([histogram('http.server.duration', { 'http.status_code': '500' }, { 10: 4 }, { unit: 'ms' })], INBOUND);
    tools.take(
      [histogram('http_server_request_duration_seconds', { http_response_status_code: '200' }, { 0.01: 4 }, { unit: '' })],
      INBOUND,
    );
    expect(windows.map(({ requests, errors, buckets }) => [requests, errors, buckets![0]!.to])).toEqual([
      [4, 4, 0.01],
      [4, 0, 0.01],
    ]);
  });

  test('as a client is a load generator, unless it is one that we watch', () => {
    begin(['api']);
    const client = (service: string, status: string): Point =>
      histogram('http.client.request.duration', { 'service.name': service, 'http.response.status_code': status }, { 0.01: 1 });
    expect(tools.take([client('api', '200'), client('loader', '200'), client('loader', '401')], INBOUND)).toBe(2);
    expect(windows).toMatchObject([{ witness: 'generator', requests: 2, errors: 1, failures: { http_401: 1 } }]);
  });
});

describe('strangers', () => {
  test('are left to others', () => {
    expect(tools.take([gauge('nodejs_eventloop_lag_seconds', 1), counter('orders.total', 1), gauge('request_seconds', 1)], INBOUND)).toBe(
      0,
    );
    expect(windows).toEqual([]);
  });

  test('never make it throw, nor invent a failure', () => {
    const name = fc.constantFrom(
      'http_req_duration',
      'locust.client.duration',
      'http.responses',
      'errors.x',
      'jmeter.count',
      'request_seconds',
      'vus',
      'checks.total',
    );
    const label = fc.dictionary(
      fc.constantFrom('status', 'method', 'url', 'transaction', 'statut', 'condition', 'endTime', 'error.type'),
      fc.string(),
    );
    const value = fc.oneof(fc.double(), fc.integer());
    const point: fc.Arbitrary<Point> = fc.oneof(
      fc.record({ name, labels: label, value }).map((one) => ({ ...gauge('', 0), ...one })),
      fc.record({ name, labels: label, value }).map((one) => ({ ...counter('', 0), ...one })),
      fc.record({ name, labels: label }).map((one) => histogram(one.name, one.labels, { 1: 2, 5: 1 })),
    );
    fc.assert(
      fc.property(fc.array(point), (points) => {
        begin();
        tools.take(points, INBOUND);
        for (const { requests, failures } of windows) {
          expect(requests === requests).toBe(true);
          for (const failure of Object.keys(failures ?? {})) expect(FAILURES).toContain(failure);
        }
      }),
    );
  });
});

test('failures are of a closed set', () => {
  expect([200, 302, 400, 401, 403, 404, 429, 500, 599, 0, 700].map(failureOfStatus)).toEqual([
    null,
    null,
    'http_4xx',
    'http_401',
    'http_403',
    'http_4xx',
    'http_429',
    'http_5xx',
    'http_5xx',
    'other',
    null,
  ]);
  expect(['503', 'ETIMEDOUT', 'Read timed out', 'errors.ECONNREFUSED', 'HTTPError', '200'].map(failureOfText)).toEqual([
    'http_5xx',
    'timeout',
    'timeout',
    'refused',
    'other',
    'other',
  ]);
});
