/** A receiver of OTLP/HTTP on loopback that decodes the protobuf it is sent, and the translation to Prometheus by the published rules. */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';

export interface OtlpPoint {
  readonly attributes: Readonly<Record<string, string | number>>;
  /** Of a histogram its count. */
  readonly value: number;
  /** Of a histogram. */
  readonly buckets?: { readonly bounds: readonly number[]; readonly counts: readonly number[]; readonly sum: number | null };
  /** Nanoseconds since the epoch; 0n is unknown. */
  readonly start: bigint;
  readonly time: bigint;
}

export interface OtlpMetric {
  readonly name: string;
  readonly unit: string;
  readonly kind: 'gauge' | 'counter' | 'updowncounter' | 'histogram';
  readonly points: readonly OtlpPoint[];
}

export interface OtlpPush {
  readonly headers: IncomingHttpHeaders;
  readonly path: string;
  /** Before decoding, after decompression. */
  readonly body: Buffer;
  readonly resource: Readonly<Record<string, string | number>>;
  readonly scopes: readonly string[];
  readonly metrics: readonly OtlpMetric[];
}

export interface Receiver {
  readonly url: string;
  readonly pushes: OtlpPush[];
  readonly server: Server;
  /** Resolves with the first push from the given number on. */
  readonly push: (number?: number) => Promise<OtlpPush>;
  close(): Promise<void>;
}

export async function receiver(answer: { status: number; reason?: string } = { status: 200 }): Promise<Receiver> {
  const pushes: OtlpPush[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const sent = Buffer.concat(chunks);
      const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent;
      pushes.push({ headers: request.headers, path: request.url ?? '', body, ...decode(body) });
      response.writeHead(answer.status, answer.reason ?? '', { 'content-type': 'application/x-protobuf' }).end();
      server.emit('push');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/metrics`,
    pushes,
    server,
    push: async (number = 0) => {
      while (pushes.length <= number) await once(server, 'push');
      return pushes[number]!;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

type Field = readonly [number: number, value: Buffer | bigint];

/** The fields of one protobuf message. Source: protobuf.dev, "Encoding". */
function fields(message: Buffer): Field[] {
  const found: Field[] = [];
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[at++]!;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const key = Number(varint());
    const number = key >> 3;
    if ((key & 7) === 0) found.push([number, varint()]);
    else {
      const length = (key & 7) === 2 ? Number(varint()) : (key & 7) === 1 ? 8 : 4;
      found.push([number, message.subarray(at, at + length)]);
      at += length;
    }
  }
  return found;
}

function messages(of: Buffer, number: number): Buffer[] {
  return fields(of).flatMap(([n, value]) => (n === number && Buffer.isBuffer(value) ? [value] : []));
}

function text(of: Buffer, number: number): string {
  return messages(of, number)[0]?.toString('utf8') ?? '';
}

/** Field numbers are those of opentelemetry/proto/metrics/v1/metrics.proto and common/v1/common.proto. */
function decode(body: Buffer): Pick<OtlpPush, 'resource' | 'scopes' | 'metrics'> {
  const [resourceMetrics = Buffer.alloc(0)] = messages(body, 1);
  const scopeMetrics = messages(resourceMetrics, 2);
  return {
    resource: attributes(messages(resourceMetrics, 1)[0] ?? Buffer.alloc(0), 1),
    scopes: scopeMetrics.map((scope) => text(messages(scope, 1)[0] ?? Buffer.alloc(0), 1)),
    metrics: scopeMetrics.flatMap((scope) => messages(scope, 2)).map(metric),
  };
}

function metric(message: Buffer): OtlpMetric {
  const [gauge] = messages(message, 5);
  const [histogram] = messages(message, 9);
  const [sum = Buffer.alloc(0)] = messages(message, 7);
  const monotonic = fields(sum).some(([number, value]) => number === 3 && value === 1n);
  return {
    name: text(message, 1),
    unit: text(message, 3),
    kind: gauge ? 'gauge' : histogram ? 'histogram' : monotonic ? 'counter' : 'updowncounter',
    points: histogram ? messages(histogram, 1).map(histogramPoint) : messages(gauge ?? sum, 1).map(point),
  };
}

function point(message: Buffer): OtlpPoint {
  return { attributes: attributes(message, 7), value: double(message, 4) ?? NaN, start: fixed(message, 2), time: fixed(message, 3) };
}

function histogramPoint(message: Buffer): OtlpPoint {
  return {
    attributes: attributes(message, 9),
    value: Number(fixed(message, 4)),
    start: fixed(message, 2),
    time: fixed(message, 3),
    buckets: {
      counts: words(messages(message, 6)).map((word) => Number(word.readBigUInt64LE())),
      bounds: words(messages(message, 7)).map((word) => word.readDoubleLE()),
      sum: double(message, 5),
    },
  };
}

function fixed(message: Buffer, number: number): bigint {
  return messages(message, number)[0]?.readBigUInt64LE() ?? 0n;
}

function double(message: Buffer, number: number): number | null {
  return messages(message, number)[0]?.readDoubleLE() ?? null;
}

/** Eight bytes each, whether packed into one field or not. */
function words(parts: readonly Buffer[]): Buffer[] {
  const all = Buffer.concat(parts);
  return Array.from({ length: all.length / 8 }, (_, i) => all.subarray(i * 8, i * 8 + 8));
}

function attributes(of: Buffer, number: number): Record<string, string | number> {
  return Object.fromEntries(
    messages(of, number).map((pair) => {
      const [value = Buffer.alloc(0)] = messages(pair, 2);
      const [int] = fields(value).flatMap(([n, v]) => (n === 3 && typeof v === 'bigint' ? [Number(v)] : []));
      return [text(pair, 1), int ?? text(value, 1)];
    }),
  );
}

const UNITS: Readonly<Record<string, string>> = { By: 'bytes', s: 'seconds', '1': '', h: 'hours' };
const PER: Readonly<Record<string, string>> = { s: 'second', h: 'hour' };

/** What Prometheus and the collector make of one series of a push. */
export interface TranslatedSample {
  /** `name{labels}`, the labels in the order of their names. */
  readonly series: string;
  readonly value: number;
  /** Seconds since the epoch. */
  readonly at: number;
}

/**
 * Names from words, unit words that are not there yet, `total` and `ratio` last; labels with what is not allowed replaced; a histogram as
 * its buckets, sum and count. Written apart from the agent's own spelling, to compare with it.
 */
export function translatedSamples(metrics: readonly OtlpMetric[]): TranslatedSample[] {
  return metrics.flatMap(({ name, unit, kind, points }) => {
    const tokens = name.split(/[^A-Za-z0-9:]/).filter((token) => token !== '');
    const [main = '', per = ''] = unit.split('/');
    const mainWord = main.includes('{') ? '' : (UNITS[main] ?? main);
    if (mainWord !== '' && !tokens.includes(mainWord)) tokens.push(mainWord);
    if (per !== '' && !per.includes('{')) tokens.push('per', PER[per] ?? per);
    const last = kind === 'counter' ? 'total' : kind === 'gauge' && unit === '1' ? 'ratio' : null;
    const spelt = (last === null ? tokens : [...tokens.filter((token) => token !== last), last]).join('_');
    return points.flatMap((p) => samplesOf(spelt, p));
  });
}

export function translated(metrics: readonly OtlpMetric[]): string[] {
  return translatedSamples(metrics).map(({ series }) => series);
}

function samplesOf(name: string, { attributes: given, value, buckets, time }: OtlpPoint): TranslatedSample[] {
  const labels = Object.entries(given).map(([key, text]) => `${key.replaceAll(/[^A-Za-z0-9_]/g, '_')}=${JSON.stringify(text)}`);
  const sample = (suffix: string, of: number, more: readonly string[] = []): TranslatedSample => {
    // The bound of a bucket is written last, whatever its name.
    return { series: `${name}${suffix}{${[...labels.toSorted(), ...more].join(',')}}`, value: of, at: Number(time / 1_000_000n) / 1000 };
  };
  if (!buckets) return [sample('', value)];
  let below = 0;
  const bounds = buckets.bounds.map((bound, i) => sample('_bucket', (below += buckets.counts[i] ?? 0), [`le="${bound}"`]));
  const sum = buckets.sum === null ? [] : [sample('_sum', buckets.sum)];
  return [...bounds, sample('_bucket', value, ['le="+Inf"']), ...sum, sample('_count', value)];
}
