import * as fc from '../../property.ts';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseInflux, unitOf } from '../../../src/intake/influx.ts';
import { parseLine } from '../../../src/intake/influx-line.ts';
import { LABELS_MAX, POINTS_MAX } from '../../../src/intake/refusals.ts';

const fixture = (name: string): string => readFileSync(join(import.meta.dirname, '../../fixtures/inbound', name), 'utf8');

/** Name and value of every point. */
function values(body: string): [string, number][] {
  const { points, refused } = parseInflux(body, 1e-9);
  expect(refused.message).toBeNull();
  return points.map((point) => [point.name, point.kind === 'gauge' ? point.value : Number.NaN]);
}

describe('lines', () => {
  test('of JMeter: every figure of every transaction', () => {
    const { points, refused } = parseInflux(fixture('jmeter.influx'), 1e-9);
    expect(refused.total).toBe(0);
    const all = points.filter(({ labels }) => labels['transaction'] === 'all');
    expect(all.map(({ name }) => name)).toContain('jmeter.pct99.0');
    expect(all).toContainEqual({
      kind: 'gauge',
      name: 'jmeter.count',
      unit: '',
      labels: { application: 'shop', transaction: 'all', statut: 'all' },
      wall: 1763730005,
      since: null,
      value: 120,
    });
    expect(points.find(({ labels }) => labels['responseCode'] === '503')!.labels).toMatchObject({
      transaction: 'Search items',
      responseMessage: 'Service Unavailable',
    });
    expect(points.some(({ name }) => name.startsWith('events'))).toBe(false); // texts only
  });

  test('of k6', () => {
    expect(values(fixture('k6.influx')).map(([name, value]) => `${name} ${value}`)).toEqual([
      'http_req_duration.value 12.483',
      'http_req_failed.value 0',
      'http_reqs.value 1',
      'vus.value 20',
    ]);
  });

  test('of every kind of field: those that are numbers', () => {
    expect(values('m a=1,b=-2.5e3,c=3i,d=4u,e=t,f=FALSE,g="text, with = and \\" in it",h=.5 1763730005000000000')).toEqual([
      ['m.a', 1],
      ['m.b', -2500],
      ['m.c', 3],
      ['m.d', 4],
      ['m.h', 0.5],
    ]);
  });

  test('with escapes', () => {
    expect(parseLine(String.raw`my\ m\,x,ta\=g\ 1=a\,b\ c\=d,path=C:\dir fi\ eld=1 5`)).toEqual({
      measurement: 'my m,x',
      tags: { 'ta=g 1': 'a,b c=d', path: String.raw`C:\dir` },
      fields: [['fi eld', 1]],
      timestamp: 5,
    });
  });

  test('without a timestamp, comments, empty ones and line ends of other systems', () => {
    const { points } = parseInflux('# comment\r\n\r\nm a=1\r\n  \n', 1e-9);
    expect(points).toMatchObject([{ name: 'm.a', wall: null }]);
  });

  test.each([
    ['ns', '1763730005000000000'],
    [null, '1763730005000000000'],
    ['n', '1763730005000000000'],
    ['u', '1763730005000000'],
    ['us', '1763730005000000'],
    ['ms', '1763730005000'],
    ['s', '1763730005'],
  ])('in the precision %s', (precision, time) => {
    expect(parseInflux(`m a=1 ${time}`, unitOf(precision)!).points[0]!.wall).toBeCloseTo(1763730005, 3);
  });

  test('precisions are those of both versions, and no other', () => {
    expect(['m', 'h', 'µ'].map(unitOf)).toEqual([60, 3600, 1e-6]);
    expect(['', 'x', 'constructor', 'NS'].map(unitOf)).toEqual([undefined, undefined, undefined, undefined]);
  });
});

describe('a bad line', () => {
  test.each([
    ['m', 'after the tags there should be a space and the fields'],
    ['m ', 'after the tags there should be a space and the fields'],
    ['m,tag a=1', 'a tag should be name=value'],
    ['m,tag= a=1', 'a tag should have a value'],
    [',t=1 a=1', 'it should begin with a measurement'],
    ['m a', 'a field should be name=value'],
    ['m a=', 'a field should be a number such as 1.5, 2i or 2u, true, false, or a text in quotes'],
    ['m a=NaN', 'a field should be a number'],
    ['m a=0x10', 'a field should be a number'],
    ['m a=1.5i', 'a field should be a number'],
    ['m a=1e999', 'a field is larger than any number'],
    ['m a="open', 'a text is not closed by a quote'],
    ['m a="x"y', 'after a field there should be a comma, a space, or the end of the line'],
    ['m a=1,', 'a field should be name=value'],
    ['m a=1 now', 'after the fields there should be a timestamp in whole numbers, or nothing'],
    ['m a=1 1.5', 'after the fields there should be a timestamp'],
    ['m a=1 1763730005', 'its timestamp is not of this century'],
    ['<!doctype html>', 'a field should be name=value'],
    [`m${Array.from({ length: LABELS_MAX + 1 }, (_, i) => `,t${i}=1`).join('')} a=1`, `it should have at most ${LABELS_MAX} tags`],
    [`m ${Array.from({ length: 300 }, (_, i) => `f${i}=1`).join(',')}`, 'it should have at most 256 fields'],
  ])('%s', (line, message) => {
    const { points, refused } = parseInflux(`m a=1\n${line}\nm b=2`, 1e-9);
    expect(refused.message).toContain(`line 2: ${message}`);
    expect(points.map(({ name }) => name)).toEqual(['m.a', 'm.b']);
    expect([...refused.counts()]).toEqual([['malformed', 1]]);
  });

  test('is named without repeating it', () => {
    expect(parseInflux('m,token=hunter2 a=hunter2', 1e-9).refused.message).not.toContain('hunter2');
  });
});

test('a body has at most so many points and lines', () => {
  const { points, refused } = parseInflux('m a=1\n'.repeat(POINTS_MAX + 3), 1e-9);
  expect([points.length, [...refused.counts()]]).toEqual([POINTS_MAX, [['bound', 3]]]);
  expect([...parseInflux('\n'.repeat(4_000_000), 1e-9).refused.counts()]).toEqual([['bound', 1]]);
});

describe('properties', () => {
  const word = fc
    .string({ minLength: 1, maxLength: 20 })
    .filter((text) => !/^[#\s]|[\n\r\\]|\s$|^__proto__$/.test(text) && text.trim() === text);
  const escaped = (text: string): string => text.replaceAll(/[,= ]/g, String.raw`\$&`);

  test('what was written comes back', () => {
    fc.assert(
      fc.property(
        word,
        fc.dictionary(word, word, { maxKeys: 5 }),
        fc.dictionary(word, fc.double({ noNaN: true, noDefaultInfinity: true }), { minKeys: 1, maxKeys: 5 }),
        (name, tags, fields) => {
          const tagText = Object.entries(tags).map(([key, value]) => `,${escaped(key)}=${escaped(value)}`);
          const fieldText = Object.entries(fields).map(([key, value]) => `${escaped(key)}=${value}`);
          const line = parseLine(`${escaped(name)}${tagText.join('')} ${fieldText.join(',')} 17`);
          expect(line).toEqual({
            measurement: name,
            tags,
            fields: Object.entries(fields).map(([key, value]) => [key, value + 0]),
            timestamp: 17,
          });
        },
      ),
    );
  });

  test('anything is read or refused, and no zero is made up', () => {
    const sign = fc.constantFrom('m', ',', '=', ' ', '"', '\\', '\n', '1', '.', 'i', 'e', '-', '#', 't');
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(sign).map((signs) => signs.join('')),
        ),
        (body) => {
          const { points } = parseInflux(body, 1e-9);
          for (const point of points) if (point.kind === 'gauge' && point.value === 0) expect(body).toContain('0');
        },
      ),
    );
  });
});
