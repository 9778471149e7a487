/** Bodies are read point by point, and sets of attributes are found again by their bytes: what comes of it is what the libraries read at once. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import protobuf from 'protobufjs/light.js';
import { describe, expect, test } from 'vitest';
import { jsonRequest, protobufRequest } from '../../../bench/inbound-bodies.ts';
import { DEFINITIONS } from '../../../src/intake/otlp-definitions.ts';
import { pointsOf } from '../../../src/intake/otlp-points.ts';
import { parseOtlp } from '../../../src/intake/otlp.ts';
import { type Parsed, Unreadable } from '../../../src/intake/refusals.ts';
import { mutated, numbers } from '../../mutation.ts';
import * as fc from '../../property.ts';

const FIXTURES = join(import.meta.dirname, '../../fixtures/inbound');
const fixtures = (ending: string): Buffer[] =>
  readdirSync(FIXTURES)
    .filter((name) => name.endsWith(ending))
    .map((name) => readFileSync(join(FIXTURES, name)));

const REQUEST = protobuf.Root.fromJSON(DEFINITIONS).lookupType('Request');

const READERS = {
  json: (body: Buffer): unknown => JSON.parse(body.toString('utf8')),
  protobuf: (body: Buffer): unknown => REQUEST.toObject(REQUEST.decode(body), { longs: Number }),
} as const;

type Encoding = keyof typeof READERS;

/** Null: it is refused. */
function reference(body: Buffer, encoding: Encoding): object | null {
  try {
    return told(pointsOf(READERS[encoding](body)));
  } catch {
    return null;
  }
}

async function read(body: Buffer, encoding: Encoding): Promise<object | null> {
  try {
    return told(await parseOtlp(body, encoding));
  } catch (error) {
    if (error instanceof Unreadable) return null;
    throw error;
  }
}

function told({ points, refused }: Parsed): object {
  return { points, refused: [...refused.counts()], message: refused.message };
}

test.each([
  ['json', [...fixtures('.json'), jsonRequest(200, 0.4)]],
  ['protobuf', [...fixtures('.bin'), protobufRequest(200, 0.4)]],
] as const)('%s: what is sent, and sent again', async (encoding, bodies) => {
  for (const body of [...bodies, ...bodies]) {
    const expected = reference(body, encoding);
    expect(expected).not.toBeNull();
    expect(await read(body, encoding)).toEqual(expected);
  }
});

test('json: what was spoilt is read as the parser reads it, and refused where it refuses it', async () => {
  const bodies = [...fixtures('.json'), jsonRequest(4, 0.5)];
  const below = numbers(20_261_122);
  let refused = 0;
  for (let i = 0; i < fc.tries(4000); i++) {
    const body = mutated(bodies[i % bodies.length]!, bodies, below);
    const expected = reference(body, 'json');
    if (expected === null) refused++;
    expect(await read(body, 'json'), body.toString()).toEqual(expected);
  }
  expect(refused).toBeGreaterThan(fc.tries(400));
});

test('protobuf: what was spoilt is no other than what the library reads, when both read it', async () => {
  const bodies = [...fixtures('.bin'), protobufRequest(4, 0.5)];
  const below = numbers(20_261_123);
  let both = 0;
  for (let i = 0; i < fc.tries(4000); i++) {
    const body = mutated(bodies[i % bodies.length]!, bodies, below);
    const [expected, got] = [reference(body, 'protobuf'), await read(body, 'protobuf')];
    if (expected === null || got === null) continue;
    both++;
    expect(got, body.toString('hex')).toEqual(expected);
  }
  expect(both).toBeGreaterThan(fc.tries(400));
});

describe('json that senders do not write', () => {
  const point = '{"asInt":1,"attributes":[{"key":"a","value":{"stringValue":"b"}}]}';
  const around = (metric: string): Buffer => Buffer.from(`{"resourceMetrics":[{"scopeMetrics":[{"metrics":[${metric}]}]}]}`);
  const gauge = (points: string): Buffer => around(`{"name":"m","gauge":{"dataPoints":${points}}}`);

  test.each([
    ['a number in the place of points', gauge('0')],
    ['a number, and points elsewhere', around(`{"name":"m","gauge":{"dataPoints":0}},{"name":"n","gauge":{"dataPoints":[${point}]}}`)],
    ['a key with an escape', around(`{"name":"m","gauge":{"data\\u0050oints":[${point}]}},{"name":"n","gauge":{"dataPoints":[${point}]}}`)],
    ['a number under such a key', around(`{"name":"m","gauge":{"d\\u0061taPoints":0}},{"name":"n","gauge":{"dataPoints":[${point}]}}`)],
    ['points told twice', around(`{"name":"m","gauge":{"dataPoints":[${point}],"dataPoints":[{"asInt":2}]}}`)],
    ['a digit behind the list', gauge(`[${point}]1`)],
    ['a digit behind the second list', around(`{"name":"m","gauge":{"dataPoints":[]}},{"name":"n","gauge":{"dataPoints":[${point}]1}}`)],
    ['a fraction behind the attributes', gauge('[{"asInt":1,"attributes":[].5}]')],
    ['no comma between points', gauge(`[${point} ${point}]`)],
    ['a comma too many', gauge(`[${point},]`)],
    ['brackets that do not fit', gauge('[{"asInt":1,"attributes":[}]]')],
    ['space everywhere', gauge(`\n [ \t${point} ,\r\n ${point} ] `)],
    ['a space that is none', gauge(`[${point},\f${point}]`)],
    ['what is no point', gauge(`[null,${point},3,"x",[]]`)],
    ['what is no JSON, of a metric without a name', around('{"gauge":{"dataPoints":[{"asInt":0.}]}}')],
    ['what is no JSON, under a key that means nothing', around('{"name":"m","gouge":{"dataPoints":[{"asInt":0.}]}}')],
    ['attributes that are no JSON, there, too', around('{"name":"m","gouge":{"dataPoints":[{"attributes":[0.]}]}}')],
    ['attributes told twice', gauge('[{"asInt":1,"attributes":[{"key":"a"}],"attributes":[{"key":"b"}]}]')],
    ['attributes that are no list', gauge('[{"asInt":1,"attributes":{"key":"a"}}]')],
    ['attributes under a key with an escape', gauge('[{"asInt":1,"attribut\\u0065s":[{"key":"a"}]}]')],
    ['a value that reads like a key', gauge('[{"asInt":1,"attributes":[{"key":"dataPoints","value":{"stringValue":"attributes"}}]}]')],
    ['attributes within a list', gauge('[{"asInt":1,"exemplars":[{"attributes":[{"key":"a"}]}]}]')],
    ['half a letter', Buffer.concat([gauge('[').subarray(0, -4), Buffer.from('{"asInt":1,"x":"\xe4"}]}}]}]}]}', 'latin1')])],
  ])('%s', async (_, body) => {
    expect(await read(body, 'json')).toEqual(reference(body, 'json'));
  });
});

test('protobuf: sets of attributes that share bytes stay apart', async () => {
  const field = (number: number, bytes: readonly number[]): number[] => [number * 8 + 2, bytes.length, ...bytes];
  const attribute = (key: string): number[] => field(1, [...Buffer.from(key)]);
  const value = [4 * 8 + 1, ...Buffer.alloc(8)];
  const bodyOf = (point: readonly number[]): Buffer =>
    Buffer.from(field(1, field(2, field(2, [...field(1, [109]), ...field(5, field(1, point))]))));
  const [a, b] = [attribute('a'), attribute('b')];
  const bodies = [
    [...value, ...field(7, a), ...field(7, b)],
    // The bytes of both within one, where the second is a field that nobody knows.
    [...value, ...field(7, [...a, ...field(7, b)])],
    // The second one behind something else.
    [...field(7, a), ...value, ...field(7, b)],
    // A length of two bytes that says what one says.
    [...value, 7 * 8 + 2, a.length + 128, 0, ...a, ...field(7, b)],
    [...value],
    [...value, ...field(7, [])],
    [...value, ...field(7, []), ...field(7, a)],
    [...value, 7 * 8 + 2, 128 + 5, 0, ...field(7, [...a])],
  ].map(bodyOf);
  for (const body of [...bodies, ...bodies.toReversed()]) expect(await read(body, 'protobuf')).toEqual(reference(body, 'protobuf'));
});
