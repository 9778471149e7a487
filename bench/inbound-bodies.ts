/**
 * Bodies as load tools send them, and as a program the generator of bench/inbound.ts: `node inbound-bodies.ts URL WHAT SECONDS` sends 10,000
 * points a second in four bodies, or 100,000 label sets a minute.
 */
import { Agent, request } from 'node:http';
import protobuf from 'protobufjs/light.js';
import { SystemClock } from '../src/clock.ts';
import { DEFINITIONS } from '../src/intake/otlp-definitions.ts';

const BOUNDS = [0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10_000];

const clock = new SystemClock();

let made = 0;

/** Sums and histograms grow with every body, as those of a tool do. */
let bodies = 0;
const BEGAN = String(Math.round(clock.wall() * 1e6) * 1000);

/** Attributes as k6 has them; `fresh` ones were never there before. */
function attributes(i: number, fresh: boolean): object[] {
  const name = fresh ? `http://shop:8080/items/${made++}` : `http://shop:8080/items/${i % 500}`;
  const labels = { scenario: 'default', name, method: 'GET', status: '200', expected_response: 'true' };
  return Object.entries(labels).map(([key, stringValue]) => ({ key, value: { stringValue } }));
}

function requestOf(points: number, histograms: number, fresh: boolean): object {
  const times = { startTimeUnixNano: BEGAN, timeUnixNano: String(Math.round(clock.wall() * 1e6) * 1000) };
  const grown = ++bodies;
  const number = (i: number): object => ({ ...times, asDouble: i + grown, attributes: attributes(i, fresh) });
  const histogram = (i: number): object => ({
    ...times,
    count: 160 * grown,
    sum: i * 100 * grown,
    bucketCounts: Array<number>(16).fill(10 * grown),
    explicitBounds: BOUNDS,
    attributes: attributes(i, fresh),
  });
  const list = <T>(count: number, one: (i: number) => T): T[] => Array.from({ length: Math.round(count) }, (_, i) => one(i));
  const metrics = [
    { name: 'http_reqs', sum: { isMonotonic: true, aggregationTemporality: 2, dataPoints: list((points * (1 - histograms)) / 2, number) } },
    { name: 'queue_depth', gauge: { dataPoints: list((points * (1 - histograms)) / 2, number) } },
    { name: 'http_req_duration', unit: 'ms', histogram: { aggregationTemporality: 2, dataPoints: list(points * histograms, histogram) } },
  ];
  const resource = { attributes: [{ key: 'service.name', value: { stringValue: 'k6' } }] };
  return { resourceMetrics: [{ resource, scopeMetrics: [{ metrics }] }] };
}

const REQUEST = protobuf.Root.fromJSON(DEFINITIONS).lookupType('Request');

export function protobufRequest(points: number, histograms: number, fresh = false): Buffer {
  return Buffer.from(REQUEST.encode(REQUEST.fromObject(requestOf(points, histograms, fresh))).finish());
}

export function jsonRequest(points: number, histograms: number): Buffer {
  return Buffer.from(JSON.stringify(requestOf(points, histograms, false)));
}

/** Lines of ten fields each. */
export function influxLines(count: number): Buffer {
  const fields = [
    'count=120i',
    'countError=3i',
    'avg=41.5',
    'min=3.0',
    'max=812.0',
    'hit=120i',
    'sb=24000i',
    'rb=480000i',
    'pct95.0=95.5',
    'pct99.0=640.0',
  ];
  const now = `${Math.round(clock.wall() * 1000)}000000`;
  const line = (i: number): string => `jmeter,application=shop,transaction=t${i % 500},statut=ok ${fields.join(',')} ${now}`;
  return Buffer.from(Array.from({ length: count }, (_, i) => line(i)).join('\n'));
}

/** Four bodies a second each. */
const KINDS: Readonly<Record<string, { readonly path: string; readonly type: string; readonly body: () => Buffer }>> = {
  protobuf: { path: '/v1/metrics', type: 'application/x-protobuf', body: () => protobufRequest(2500, 0) },
  histograms: { path: '/v1/metrics', type: 'application/x-protobuf', body: () => protobufRequest(2500, 0.4) },
  json: { path: '/v1/metrics', type: 'application/json', body: () => jsonRequest(2500, 0) },
  influx: { path: '/write?db=jmeter', type: 'text/plain', body: () => influxLines(250) },
  labels: { path: '/v1/metrics', type: 'application/x-protobuf', body: () => protobufRequest(Math.round(100_000 / 60 / 4), 0.4, true) },
};

const agent = new Agent({ keepAlive: true, maxSockets: 1 });

function post(url: string, type: string, body: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: 'POST', agent, headers: { 'content-type': type } }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode ?? 0));
    });
    sent.on('error', reject).end(body);
  });
}

if (import.meta.main) {
  const [, , url = '', what = '', seconds = '1'] = process.argv;
  const kind = KINDS[what];
  const statuses = new Map<number, number>();
  const from = clock.monotonic();
  for (let i = 0; i < Number(seconds) * 4; i++) {
    await clock.sleepUntil(from + i / 4);
    if (!kind) continue;
    const status = await post(`${url}${kind.path}`, kind.type, kind.body());
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
  }
  console.log([...statuses].map(([status, count]) => `${count} x ${status}`).join(', '));
  agent.destroy();
}
