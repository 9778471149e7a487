import * as fc from '../../property.ts';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { otlpResponse, otlpStatus, parseOtlp } from '../../../src/intake/otlp.ts';
import { decodeRequest } from '../../../src/intake/otlp-protobuf.ts';
import type { HistogramPoint, Point } from '../../../src/intake/point.ts';
import { bucketsOf } from '../../../src/quantiles.ts';
import { listed } from '../../histograms.ts';
import { LABELS_MAX, type Parsed, POINTS_MAX, Refusals, Unreadable } from '../../../src/intake/refusals.ts';

const FIXTURES = join(import.meta.dirname, '../../fixtures/inbound');
const fixture = (name: string): Buffer => readFileSync(join(FIXTURES, name));

const LATE = 1.763e9;

/** One metric of these data as a request in JSON. */
function parse(metric: Readonly<Record<string, unknown>>, resource?: unknown): Promise<Parsed> {
  const request = { resourceMetrics: [{ resource, scopeMetrics: [{ metrics: [{ name: 'm', ...metric }] }] }] };
  return parseOtlp(Buffer.from(JSON.stringify(request)), 'json');
}

async function pointOf(metric: Readonly<Record<string, unknown>>): Promise<object> {
  const { points, refused } = await parse(metric);
  expect(refused.message).toBeNull();
  expect(points.length).toBe(1);
  return listed(points[0]!)!;
}

async function refusalOf(metric: Readonly<Record<string, unknown>>): Promise<[string | undefined, string | null]> {
  const { points, refused } = await parse(metric);
  expect(points).toEqual([]);
  return [[...refused.counts().keys()][0], refused.message];
}

const WHOSE = { 'service.name': 'shop', 'service.instance.id': 'shop-1', 'service.version': '1.2.3' };

describe('what the SDK sends', () => {
  test.each(['cumulative', 'delta'] as const)('%s: every kind of data, the same in both encodings', async (temporality) => {
    const [proto, json] = await Promise.all([
      parseOtlp(fixture(`sdk-${temporality}-2.bin`), 'protobuf'),
      parseOtlp(fixture(`sdk-${temporality}-2.json`), 'json'),
    ]);
    const timeless = ({ points }: Parsed): unknown[] => points.map((point) => ({ ...point, wall: 0, since: 0 }));
    expect(timeless(proto)).toEqual(timeless(json));
    expect(proto.points.every(({ wall, since }) => wall! > LATE && since! > LATE && wall! >= since!)).toBe(true);
    const times = temporality === 'cumulative' ? 2 : 1;
    const find = (name: string): Point[] => proto.points.filter((point) => point.name === name);
    expect(find('orders')).toMatchObject([
      {
        kind: 'counter',
        unit: '{order}',
        temporality,
        value: 3 * times,
        labels: { ...WHOSE, method: 'GET', paid: 'true', tries: '2', tags: '["a","b"]' },
      },
      { kind: 'counter', temporality, value: 1.5 * times, labels: { ...WHOSE, method: 'POST' } },
    ]);
    expect(find('nodejs.eventloop.utilization')).toMatchObject([{ kind: 'gauge', value: 0.25, unit: '1', labels: WHOSE }]);
    expect(find('http.server.request.duration')).toMatchObject([{ kind: 'histogram', temporality, count: 4 * times, sum: 12.083 * times }]);
    expect(listed(find('http.server.request.duration')[0]!)!.buckets!.slice(0, 4)).toEqual([
      { over: -Infinity, to: 0, count: 0 },
      { over: 0, to: 5, count: 3 * times },
      { over: 5, to: 10, count: 0 },
      { over: 10, to: 25, count: times },
    ]);
    const size = bucketsOf((find('payload.size')[0] as HistogramPoint).buckets);
    expect(size.map(({ count }) => count)).toEqual([times, 2 * times, times]);
    expect(size[0]).toMatchObject({ over: -Infinity, to: 0 });
    expect(size[1]!.over).toBeLessThan(100);
    expect(size[1]!.to).toBeGreaterThanOrEqual(100);
    expect(size[2]!.to).toBeGreaterThanOrEqual(5e6);
    expect(size[2]!.to / size[2]!.over).toBeCloseTo(2 ** (1 / 8), 10);
  });

  test('a sum that may fall is a gauge when it is cumulative, and refused as deltas, which have no level', async () => {
    const { points } = await parseOtlp(fixture('sdk-cumulative-1.bin'), 'protobuf');
    expect(points.find(({ name }) => name === 'db.client.connection.count')).toMatchObject({ kind: 'gauge', value: 2 });
    // The SDK keeps these cumulative when deltas are asked for; others do not.
    const point = { asInt: '2', timeUnixNano: '1763730000000000000' };
    expect(await refusalOf({ sum: { aggregationTemporality: 1, dataPoints: [point] } })).toEqual([
      'temporality',
      'm: a sum that may fall should be cumulative, because deltas of it have no level',
    ]);
  });
});

describe('values', () => {
  const at = { timeUnixNano: '1763730000000000000' };

  test.each([
    ['a number', { asDouble: 1.5 }, 1.5],
    ['zero', { asDouble: 0 }, 0],
    ['a whole number as text', { asInt: '-3' }, -3],
    ['a whole number', { asInt: 7 }, 7],
    ['a double as text', { asDouble: '2.5e3' }, 2500],
  ])('%s', async (_, value, expected) => {
    expect(await pointOf({ gauge: { dataPoints: [{ ...at, ...value }] } })).toMatchObject({
      kind: 'gauge',
      value: expected,
      wall: 1763730000,
      since: null,
    });
  });

  test.each([
    ['nothing', {}],
    ['no number', { asDouble: 'NaN' }],
    ['infinity', { asDouble: 'Infinity' }],
    ['null', { asInt: null }],
    ['a text', { asDouble: '12abc' }],
    ['an empty text', { asInt: '' }],
    ['a list', { asInt: [1] }],
    ['an object', { asDouble: {} }],
  ])('%s is no zero', async (_, value) => {
    expect(await refusalOf({ gauge: { dataPoints: [{ ...at, ...value }] } })).toEqual(['value', 'm: a point has no finite value']);
  });

  test('a point that says that nothing was recorded is left out, and is no fault', async () => {
    const { points, refused } = await parse({
      gauge: {
        dataPoints: [
          { ...at, flags: 1, asDouble: 0 },
          { ...at, flags: 2, asDouble: 4 },
        ],
      },
    });
    expect(points).toMatchObject([{ value: 4 }]);
    expect(refused.total).toBe(0);
  });

  test('times that are not told are null, and absurd ones too', async () => {
    for (const time of [undefined, '0', 0, 'soon', -5, 1e30]) {
      expect(await pointOf({ gauge: { dataPoints: [{ asInt: 1, timeUnixNano: time }] } })).toMatchObject({ wall: null, since: null });
    }
  });

  test('negative numbers of 64 bits keep their value in protobuf', async () => {
    const { points } = await parseOtlp(Buffer.from(request(gauge(...key(6, 1), ...bytes64(-1n)))), 'protobuf');
    expect(points).toMatchObject([{ value: -1 }]);
    const attributed = await parseOtlp(
      Buffer.from(request(gauge(...key(4, 1), ...bytes64(0n), ...attribute('n', [...key(3, 0), ...varint(-1n)])))),
      'protobuf',
    );
    expect(attributed.points).toMatchObject([{ value: 0, labels: { n: '-1' } }]);
    const large = await parseOtlp(
      Buffer.from(request(gauge(...key(4, 1), ...bytes64(0n), ...attribute('n', [...key(3, 0), ...varint(-(2n ** 40n))])))),
      'protobuf',
    );
    expect(large.points[0]!.labels['n']).toBe(String(-(2 ** 40)));
  });

  test('counters below zero, and sums without a temporality, are refused', async () => {
    const counter = (more: object): object => ({
      sum: { isMonotonic: true, aggregationTemporality: 2, dataPoints: [{ ...at, asInt: '5' }], ...more },
    });
    expect(await pointOf({ ...counter({}) })).toMatchObject({ kind: 'counter', temporality: 'cumulative', value: 5 });
    expect(await pointOf({ ...counter({ aggregationTemporality: 'AGGREGATION_TEMPORALITY_DELTA' }) })).toMatchObject({
      temporality: 'delta',
    });
    expect((await refusalOf({ ...counter({ aggregationTemporality: 0 }) }))[0]).toBe('temporality');
    expect((await refusalOf({ ...counter({ dataPoints: [{ asInt: -5 }] }) }))[0]).toBe('value');
  });
});

describe('histograms', () => {
  const explicit = (point: object): object => ({ histogram: { aggregationTemporality: 2, dataPoints: [point] } });
  const exponential = (point: object): object => ({ exponentialHistogram: { aggregationTemporality: 1, dataPoints: [point] } });

  test('without buckets there is one', async () => {
    expect(await pointOf({ ...explicit({ count: '3', sum: 6 }) })).toMatchObject({
      buckets: [{ over: -Infinity, to: Infinity, count: 3 }],
      sum: 6,
    });
  });

  test('a sum that is not told is null', async () => {
    expect(await pointOf({ ...explicit({ count: 3 }) })).toMatchObject({ sum: null, count: 3 });
  });

  test.each([
    ['too few bounds', explicit({ count: 3, bucketCounts: ['1', '2', '0'], explicitBounds: [1] }), '3 buckets should have 2 bounds, not 1'],
    ['bounds that fall', explicit({ count: 3, bucketCounts: [1, 1, 1], explicitBounds: [5, 1] }), 'its bounds do not ascend'],
    ['a bound that is no number', explicit({ count: 3, bucketCounts: [1, 1, 1], explicitBounds: [5, 'x'] }), 'its bounds do not ascend'],
    ['half a value', explicit({ count: 2, bucketCounts: [0.5, 1.5], explicitBounds: [1] }), 'a bucket holds no whole number of values'],
    [
      'counts that are not those of its buckets',
      explicit({ count: 9, bucketCounts: [1, 1], explicitBounds: [1] }),
      'its buckets hold 2 values, but it says that it has 9',
    ],
    ['a scale beyond all', exponential({ count: 1, scale: 99, positive: { bucketCounts: [1] } }), 'its scale should be from -10 to 20'],
    ['values below zero', exponential({ count: 1, scale: 0, negative: { bucketCounts: ['1'] } }), 'it has values below zero'],
    [
      'a zero bucket that overlaps another',
      exponential({ count: 2, scale: 0, zeroCount: 1, zeroThreshold: 1.5, positive: { bucketCounts: ['1'] } }),
      'its bounds do not ascend',
    ],
    [
      'bounds beyond all numbers',
      exponential({ count: 1, scale: -10, positive: { offset: 9e9, bucketCounts: ['1'] } }),
      'its bounds do not ascend',
    ],
  ])('%s: refused', async (_, metric, message) => {
    const [reason, text] = await refusalOf({ ...metric });
    expect(reason).toBe('buckets');
    expect(text).toContain(`m: ${message}`);
  });

  test('exponential buckets lie between powers of their base, and zero is below them', async () => {
    const point = {
      count: 6,
      scale: 0,
      zeroCount: 1,
      zeroThreshold: 0.5,
      positive: { offset: -1, bucketCounts: [2, 0, '3'] },
      negative: { bucketCounts: ['0'] },
    };
    expect(await pointOf({ ...exponential(point) })).toMatchObject({
      temporality: 'delta',
      sum: null,
      buckets: [
        { over: -Infinity, to: 0.5, count: 1 },
        { over: 0.5, to: 1, count: 2 },
        { over: 2, to: 4, count: 3 },
      ],
    });
  });
});

test('summaries keep the quantiles that are numbers', async () => {
  const quantileValues = [{ quantile: 0.5, value: 2 }, { quantile: 2, value: 1 }, { quantile: 0.9, value: 'NaN' }, { value: 1 }];
  expect(await pointOf({ summary: { dataPoints: [{ count: '4', sum: 9, quantileValues }] } })).toMatchObject({
    kind: 'summary',
    count: 4,
    sum: 9,
    quantiles: [
      { quantile: 0.5, value: 2 },
      { quantile: 0, value: 1 },
    ],
  });
});

describe('labels', () => {
  const labelled = async (attributes: unknown, resource?: unknown): Promise<Parsed> =>
    parse({ gauge: { dataPoints: [{ asInt: 1, attributes }] } }, resource);

  test('are cut, and of any type', async () => {
    const { points } = await labelled([
      { key: 'long', value: { stringValue: 'x'.repeat(1000) } },
      { key: 'yes', value: { boolValue: true } },
      { key: 'map', value: { kvlistValue: { values: [{ key: 'a', value: { doubleValue: 1.5 } }] } } },
      { key: 'bytes', value: { bytesValue: 'AAE=' } },
      { key: 'none', value: {} },
      { key: 'absent' },
      { key: '', value: { stringValue: 'nameless' } },
      { key: '__proto__', value: { stringValue: 'x' } },
      'nothing',
    ]);
    expect(points[0]!.labels).toEqual({
      long: `${'x'.repeat(255)}…`,
      yes: 'true',
      map: '{"a":"1.5"}',
      bytes: 'AAE=',
      none: '',
      absent: '',
    });
  });

  test('of the resource are those that say whose it is; the point may say otherwise', async () => {
    const attributes = [...Object.entries(WHOSE), ['process.pid', '7']].map(([name, stringValue]) => ({
      key: name,
      value: { stringValue },
    }));
    expect((await labelled([], { attributes })).points[0]!.labels).toEqual(WHOSE);
    expect(
      (await labelled([{ key: 'service.name', value: { stringValue: 'other' } }], { attributes })).points[0]!.labels['service.name'],
    ).toBe('other');
  });

  test('too many are refused', async () => {
    const attributes = Array.from({ length: LABELS_MAX + 1 }, (_, i) => ({ key: `k${i}`, value: { stringValue: 'v' } }));
    expect((await labelled(attributes)).refused.message).toBe(`m: a point should have at most ${LABELS_MAX} attributes`);
    expect((await labelled(attributes.slice(1))).points.length).toBe(1);
  });
});

describe('what is no request', () => {
  test.each([
    ['nothing', ''],
    ['HTML', '<!doctype html><html><body>It works!</body></html>'],
    ['a list', '[]'],
    ['a text', '"x"'],
    ['null', 'null'],
    ['half of it', fixture('sdk-delta-1.json').subarray(0, 999).toString()],
    ['millions of objects', `{"resourceMetrics":[${'{},'.repeat(1_300_000)}{}]}`],
    ['a deep hole', '['.repeat(2_000_000)],
  ])('JSON: %s', async (_, body) => {
    await expect(parseOtlp(Buffer.from(body), 'json')).rejects.toThrow(Unreadable);
  });

  test('what it is told repeats nothing of the body', async () => {
    await expect(parseOtlp(Buffer.from('{"token": hunter2}'), 'json')).rejects.toThrow(/^this is no JSON$/);
  });

  test.each([
    ['HTML', Buffer.from('<!doctype html><html><body>It works!</body></html>')],
    ['half of it', fixture('sdk-delta-1.bin').subarray(0, 700)],
    ['a length beyond the end', Buffer.from([0x0a, 0xff, 0xff, 0xff, 0x7f])],
    ['a text that is longer than its message', Buffer.from(request([...key(2, 2), 4, ...key(1, 2), 100, 65, 65]))],
    ['a number without an end', Buffer.from([...Array<number>(20).fill(0xff)])],
    ['two million empty messages', Buffer.concat(Array<Buffer>(2_000_000).fill(Buffer.from([0x0a, 0])))],
    ['four million numbers in a list', Buffer.from(exponentialOf(4_000_000))],
  ])('protobuf: %s', async (_, body) => {
    await expect(parseOtlp(body, 'protobuf')).rejects.toThrow(Unreadable);
  });

  test('protobuf: a value nested a thousand times', () => {
    let value = [...key(1, 2), 0];
    for (let i = 0; i < 1000; i++) value = message(5, message(1, value));
    const body = Buffer.from(request(gauge(...key(4, 1), ...bytes64(0n), ...attribute('deep', value))));
    expect(() => decodeRequest(body)).toThrow(/nesting/);
  });

  test('an empty one is one', async () => {
    expect((await parseOtlp(Buffer.alloc(0), 'protobuf')).points).toEqual([]);
    expect((await parseOtlp(Buffer.from('{}'), 'json')).points).toEqual([]);
  });

  test('unknown fields are passed over', async () => {
    const known = fixture('sdk-delta-1.bin');
    const { points } = await parseOtlp(Buffer.concat([Buffer.from([...key(99, 2), 3, 1, 2, 3, ...key(98, 0), 5]), known]), 'protobuf');
    expect(points).toEqual((await parseOtlp(known, 'protobuf')).points);
  });

  test('a body has at most so many points', async () => {
    const dataPoints = Array.from({ length: POINTS_MAX + 2 }, () => ({ asInt: 1 }));
    const { points, refused } = await parse({ gauge: { dataPoints } });
    expect([points.length, [...refused.counts()]]).toEqual([POINTS_MAX, [['bound', 2]]]);
  });

  test('a metric without a name or data costs no other one', async () => {
    const metrics = [
      { gauge: { dataPoints: [{ asInt: 1 }] } },
      { name: 'empty' },
      null,
      5,
      { name: 'good', gauge: { dataPoints: [{ asInt: 1 }, 'x'] } },
    ];
    const body = JSON.stringify({ resourceMetrics: [null, { scopeMetrics: [{ metrics }, 7] }] });
    const { points, refused } = await parseOtlp(Buffer.from(body), 'json');
    expect(points.map(({ name }) => name)).toEqual(['good']);
    expect([...refused.counts()]).toEqual([['malformed', 2]]);
  });

  test('any JSON is read or refused, and every value is one that was sent', async () => {
    const names = [
      'resourceMetrics',
      'scopeMetrics',
      'metrics',
      'name',
      'gauge',
      'sum',
      'histogram',
      'summary',
      'dataPoints',
      'asDouble',
      'asInt',
      'count',
      'bucketCounts',
      'attributes',
      'key',
      'value',
    ];
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 9 },
        fc.oneof(fc.integer({ min: 1 }), fc.string(), fc.constant(null)),
        fc.array(tie('tree'), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom(...names), tie('tree'), { maxKeys: 4 }),
      ),
    }));
    await fc.assert(
      fc.asyncProperty(tree, async (value) => {
        const parsed = await parseOtlp(
          Buffer.from(JSON.stringify({ resourceMetrics: [{ scopeMetrics: [{ metrics: [value] }] }] })),
          'json',
        );
        for (const point of parsed.points) if (point.kind === 'gauge') expect(point.value).toBeGreaterThan(0);
      }),
    );
  });
});

test('answers are spelled in the encoding of the request', async () => {
  const refused = new Refusals();
  expect(await otlpResponse('json', refused)).toBe('{}');
  expect(Buffer.from(await otlpResponse('protobuf', refused)).length).toBe(0);
  refused.add('value', 'm: no', 3);
  expect(JSON.parse((await otlpResponse('json', refused)) as string)).toEqual({
    partialSuccess: { rejectedDataPoints: '3', errorMessage: 'm: no' },
  });
  expect([...((await otlpResponse('protobuf', refused)) as Uint8Array)]).toEqual(message(1, [...key(1, 0), 3, ...text(2, 'm: no')]));
  expect([...((await otlpStatus('protobuf', 3, 'no')) as Uint8Array)]).toEqual([...key(1, 0), 3, ...text(2, 'no')]);
  expect(await otlpStatus('json', 3, 'no')).toBe('{"code":3,"message":"no"}');
});

/** The wire format by hand. Source: protobuf.dev, "Encoding". */
function key(field: number, type: number): number[] {
  return varint(BigInt(field * 8 + type));
}

function varint(value: bigint): number[] {
  const bytes: number[] = [];
  let left = BigInt.asUintN(64, value);
  for (; left > 127n; left >>= 7n) bytes.push(Number(left & 127n) | 128);
  return [...bytes, Number(left)];
}

function bytes64(value: bigint): number[] {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(value);
  return [...bytes];
}

function message(field: number, body: readonly number[]): number[] {
  return [...key(field, 2), ...varint(BigInt(body.length)), ...body];
}

function text(field: number, value: string): number[] {
  return message(field, [...Buffer.from(value)]);
}

function attribute(name: string, value: readonly number[]): number[] {
  return message(7, [...text(1, name), ...message(2, value)]);
}

function gauge(...point: readonly number[]): number[] {
  return message(2, [...text(1, 'm'), ...message(5, message(1, point))]);
}

/** A request of this ScopeMetrics. */
function request(scope: readonly number[]): number[] {
  return message(1, message(2, scope));
}

function exponentialOf(count: number): Uint8Array {
  const counts = Buffer.concat([Buffer.from([...key(2, 2), ...varint(BigInt(count))]), Buffer.alloc(count, 1)]);
  const wrap = (field: number, body: Buffer): Buffer =>
    Buffer.concat([Buffer.from([...key(field, 2), ...varint(BigInt(body.length))]), body]);
  return wrap(1, wrap(2, wrap(2, wrap(10, wrap(1, wrap(8, counts))))));
}
