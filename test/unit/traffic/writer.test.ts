/** Windows as series, with a real table and a sink that keeps what it is told. */
import { beforeEach, describe, expect, test } from 'vitest';
import { SeriesTable } from '../../../src/series.ts';
import { METRICS, OPERATIONS_MAX } from '../../../src/sources/traffic-metrics.ts';
import { trafficSource } from '../../../src/sources/traffic.ts';
import { Durations } from '../../../src/traffic/buckets.ts';
import { operationName } from '../../../src/series.ts';
import { Store } from '../../../src/store.ts';
import type { TrafficWindow } from '../../../src/traffic/window.ts';
import { Traffic } from '../../../src/traffic/writer.ts';
import { Readings } from '../../readings.ts';

const EMPTY: TrafficWindow = {
  target: null,
  operation: null,
  sender: 'k6',
  witness: 'generator',
  from: 0,
  to: 10,
  requests: 0,
  errors: null,
  failures: null,
  checks: null,
  inFlight: null,
  users: null,
  sum: null,
  buckets: null,
  quantiles: null,
  kind: 'tool',
};

function timed(seconds: readonly number[], more: Partial<TrafficWindow> = {}): TrafficWindow {
  const durations = new Durations();
  for (const one of seconds) durations.add(one);
  const { count, sum } = durations;
  return { ...EMPTY, requests: count, errors: 0, sum, buckets: durations.buckets(), kind: 'exact', ...more };
}

let readings: Readings;
let traffic: Traffic;
beforeEach(() => begin(['api']));

function begin(roles: readonly string[]): void {
  readings = new Readings({ proc: '/proc', sys: '/sys' });
  traffic = new Traffic(readings.series, roles);
  traffic.open(readings);
}

function told(): Record<string, number> {
  return Object.fromEntries(
    readings.samples.map(({ metric, labels, value }) => [[metric.replace('soak.traffic.', ''), ...Object.values(labels)].join(' '), value]),
  );
}

test('a file that is followed tells of its role; one of the run tells of every role', () => {
  begin(['api', 'db']);
  expect(traffic.isFollowed('JMeter', 'api')).toBe(false);
  traffic.followed('JMeter', 'api');
  expect(['api', 'db', null].map((role) => traffic.isFollowed('JMeter', role))).toEqual([true, false, false]);
  expect(traffic.isFollowed('Locust', 'api')).toBe(false);
  traffic.followed('JMeter', null);
  expect(['api', 'db', null].map((role) => traffic.isFollowed('JMeter', role))).toEqual([true, true, true]);
  begin(['api']);
  traffic.followed('JMeter', null);
  expect(traffic.isFollowed('JMeter', 'api')).toBe(true);
});

test('operations that rules ask for are told, however many came before them', () => {
  traffic = new Traffic(readings.series, ['api'], ['{scenario:browse}']);
  const told = Array.from({ length: 100 }, (_, i) => traffic.operationCalled('api', `/${i}`));
  expect(new Set(told).size).toBe(32);
  expect(traffic.operationCalled('api', '{scenario:browse}')).toBe('{scenario:browse}');
  expect(traffic.operationCalled('api', '{scenario:other}')).toBe('other');
});

describe('a window', () => {
  test('becomes counters, and the mean and the quantiles of its own requests', () => {
    traffic.window(timed([0.1, 0.2, 0.3, 0.4], { errors: 1, users: 5, inFlight: 2, failures: { http_5xx: 1 } }));
    traffic.flush();
    const all = told();
    expect(all).toMatchObject({ requests: 4, errors: 1, users: 5, in_flight: 2, 'errors.by_class http_5xx': 1, 'duration.mean': 0.25 });
    expect(all['duration.quantile 0.5']).toBeCloseTo(0.2, 2);
    expect(all['duration.quantile 0.99']).toBeCloseTo(0.4, 2);
    expect(Object.keys(all).filter((name) => name.startsWith('duration.bucket'))).toHaveLength(4);
  });

  test('belongs to the only role, to the one it names, or to the run', () => {
    traffic.window(timed([1]));
    traffic.flush();
    expect(readings.series.all().map(({ target }) => target)).toContain('api');
    begin(['api', 'db']);
    traffic.window(timed([1]));
    traffic.window(timed([1], { target: 'db' }));
    traffic.flush();
    expect(new Set(readings.series.all().map(({ target }) => target))).toEqual(new Set([null, 'db']));
  });

  test('without requests has no mean and no quantile, and what is not told is not set', () => {
    traffic.window({ ...EMPTY, users: 3 });
    traffic.flush();
    expect(told()).toEqual({ requests: 0, users: 3 });
  });

  test('counts from a zero at its start, so that the first increment is one, and goes on so after a restart of the agent', () => {
    const bins = (agentStarts: number): number => {
      const table = new SeriesTable();
      const store = new Store();
      let total = 0;
      for (let start = 0; start < agentStarts; start++) {
        const again = new Readings({ proc: '/proc', sys: '/sys' });
        const writer = new Traffic(table, ['api']);
        writer.open(again);
        store.countFrom(start * 100);
        for (const to of [110, 120]) writer.window(timed([1, 1, 1], { from: start * 100 + to - 10, to: start * 100 + to }));
        Object.defineProperty(again, 'series', { value: table });
        writer.flush();
        while (store.size < table.size) store.add(table.get(store.size));
        const series = Uint32Array.from(again.ids);
        const values = Float64Array.from(again.samples, ({ value }) => value);
        const at = Float64Array.from(again.samples, (sample) => sample.at);
        store.fold({ length: series.length, series, values, at });
      }
      const requests = table.all().find(({ def }) => def.name === METRICS.requests.name)!;
      const { sum, length } = store.bins(requests.id);
      for (let i = 0; i < length; i++) total += sum[i]!;
      return total;
    };
    expect(bins(1)).toBe(6);
    expect(bins(3)).toBe(18);
  });
});

describe('several senders', () => {
  test('add up, and their quantiles are those of all requests', () => {
    traffic.window(timed([0.1, 0.1, 0.1], { sender: 'a', users: 3 }));
    traffic.window(timed([0.4], { sender: 'b', users: 4 }));
    traffic.window(timed([0.1], { sender: 'a', users: 2, from: 10, to: 20 }));
    traffic.flush();
    const all = told();
    expect(all).toMatchObject({ requests: 5, users: 6 });
    expect(all['duration.mean']).toBeCloseTo(0.16, 9);
    expect(all['duration.quantile 0.5']).toBeCloseTo(0.1, 2);
    expect(all['duration.quantile 0.95']).toBeCloseTo(0.4, 1);
  });

  test('have no quantiles together when one of them works out its own', () => {
    traffic.window(timed([0.1], { sender: 'a' }));
    traffic.window({ ...EMPTY, sender: 'b', requests: 2, quantiles: { '0.95': 3 }, sum: 1 });
    traffic.flush();
    expect(Object.keys(told()).filter((name) => name.includes('quantile'))).toEqual([]);
    expect(told()).toMatchObject({ requests: 3 });
  });

  test('of one, a tool’s own quantiles are taken as they are', () => {
    traffic.window({ ...EMPTY, requests: 2, quantiles: { '0.95': 3, '0.42': 1 } });
    traffic.flush();
    expect(told()).toEqual({ requests: 2, 'duration.quantile 0.95': 3 });
  });

  test('a server does not count again what its load generator has counted, and says so once', () => {
    traffic.window(timed([0.1], { sender: 'the server', witness: 'server' }));
    traffic.window(timed([0.1]));
    traffic.window(timed([0.1, 0.1], { sender: 'the server', witness: 'server' }));
    traffic.window(timed([0.1, 0.1], { sender: 'the server', witness: 'server' }));
    traffic.flush();
    expect(told()).toMatchObject({ requests: 2 });
    expect(readings.events.map(({ data }) => data['what'])).toEqual(['seen_twice']);
  });
});

describe('operations', () => {
  test('have series of their own, the first 32 of them, the rest is other', () => {
    for (let i = 0; i < OPERATIONS_MAX + 8; i++) traffic.window(timed([0.1, 0.2], { operation: `/op/${i}` }));
    traffic.flush();
    const all = told();
    expect(all['operation.requests /op/0']).toBe(2);
    expect(all['operation.requests other']).toBe(16);
    expect(all['operation.duration.mean other']).toBeCloseTo(0.15, 9);
    expect(all['requests']).toBeUndefined();
    expect(Object.keys(all).filter((name) => name.startsWith('operation.requests'))).toHaveLength(OPERATIONS_MAX + 1);
  });

  test('keep their names when the agent is started again', () => {
    for (let i = 0; i < OPERATIONS_MAX; i++) traffic.window(timed([0.1], { operation: `/op/${i}` }));
    traffic.flush();
    const next = new Traffic(readings.series, ['api']);
    next.open(readings);
    readings.samples = [];
    next.window(timed([0.1], { operation: '/new' }));
    next.window(timed([0.1], { operation: '/op/31' }));
    next.flush();
    expect(Object.keys(told()).filter((name) => name.startsWith('operation.requests'))).toEqual([
      'operation.requests other',
      'operation.requests /op/31',
    ]);
  });

  test('are named without host, query and user, which may be secrets', () => {
    expect(operationName('https://bob:pw@example.org/a/b?token=1#x')).toBe('/a/b');
    expect(operationName('GET http://h/a?b=1')).toBe('GET /a');
    expect(operationName('http://h')).toBe('/');
    expect(operationName('Log in')).toBe('Log in');
    expect(operationName('/a?token=1')).toBe('/a');
    expect(operationName('')).toBeNull();
    expect(operationName('x'.repeat(500))).toHaveLength(100);
  });
});

describe('what the user is told', () => {
  test('once that quantiles cannot be told, and what would mend it', () => {
    const wide = { ...EMPTY, requests: 10, sum: 1, buckets: [{ over: 0.1, to: 0.25, count: 10 }], kind: 'buckets' as const };
    traffic.window(wide);
    traffic.window({ ...wide, from: 10, to: 20 });
    traffic.flush();
    expect(Object.keys(told()).filter((name) => name.includes('quantile'))).toEqual([]);
    expect(told()['duration.mean']).toBe(0.1);
    expect(readings.events).toHaveLength(1);
    expect(readings.events[0]!.message).toMatch(/^quantiles of api cannot all be told: k6 .* 100 to 250 ms.*base2_exponential/);
  });

  test('once that most answers are 401, and once that they are no longer', () => {
    const answers = (unauthorised: number, to: number): void =>
      traffic.window(timed(Array(10).fill(0.1), { errors: unauthorised, failures: { http_401: unauthorised }, from: to - 10, to }));
    [0, 0, 10, 10, 9, 9, 0, 0, 6, 4].forEach((count, i) => answers(count, (i + 1) * 10));
    traffic.flush();
    expect(readings.events.map(({ data }) => [data['what'], data['failure'], data['since']])).toEqual([
      ['failing', 'http_401', 20],
      ['recovered', null, 60],
    ]);
    expect(readings.events[0]!.message).toBe('api: more than half of the answers are 401 (not authorised)');
  });
});

test('the source flushes at its reads, at the end, and what comes after the end at once', async () => {
  const source = trafficSource(traffic);
  await source.open(readings);
  traffic.window(timed([1]));
  expect(readings.samples).toEqual([]);
  await readings.read(source);
  expect(told()).toMatchObject({ requests: 1 });
  await source.finish!(readings);
  traffic.window(timed([1]));
  expect(told()).toMatchObject({ requests: 2 });
  await source.close();
  traffic.window(timed([1]));
  expect(told()).toMatchObject({ requests: 2 });
});
