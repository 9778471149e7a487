import * as fc from '../../property.ts';
import { describe, expect, test } from 'vitest';
import { JsonReader, type Scalar } from '../../../src/import/json.ts';

type Leaf = [path: (string | number)[], value: Scalar];

function read(text: string, piece: number): { leaves: Leaf[]; whole: boolean } {
  const leaves: Leaf[] = [];
  const reader = new JsonReader((path, value) => leaves.push([[...path], value]));
  for (let at = 0; at < text.length; at += piece) if (!reader.push(text.slice(at, at + piece))) return { leaves, whole: false };
  return { leaves, whole: reader.ended };
}

function leavesOf(value: unknown, path: (string | number)[] = []): Leaf[] {
  if (Array.isArray(value)) return value.flatMap((one, i) => leavesOf(one, [...path, i]));
  if (typeof value === 'object' && value !== null) return Object.entries(value).flatMap(([key, one]) => leavesOf(one, [...path, key]));
  return [[path, value as Scalar]];
}

describe('JSON in pieces', () => {
  test('has the scalars that JSON.parse has, with their places', () => {
    const containers = fc.oneof(fc.array(fc.jsonValue()), fc.dictionary(fc.string(), fc.jsonValue()));
    fc.assert(
      fc.property(containers, fc.integer({ min: 1, max: 7 }), fc.constantFrom(0, 2), (value, piece, space) => {
        const text = JSON.stringify(value, null, space);
        expect(read(text, piece)).toEqual({ leaves: leavesOf(JSON.parse(text)), whole: true });
      }),
    );
  });

  test('what is cut off is not whole', () => {
    const text = JSON.stringify({ a: [1, 'x', { b: null }] });
    for (let length = 0; length < text.length; length++) expect(read(text.slice(0, length), 3).whole, text.slice(0, length)).toBe(false);
  });

  test.each(['<html>', '{"a":}x', '[1 2', '{"a"]', '[1]]', '"alone"', '{1:2}', '[tru]', `[${'['.repeat(40)}`])('%s is none', (text) => {
    expect(read(text, 4).whole).toBe(false);
  });

  test('anything at all is read or refused', () => {
    const text = fc.string({ unit: fc.constantFrom('{', '}', '[', ']', '"', ':', ',', '1', 'e', '\\', 't', ' ', '-') });
    fc.assert(fc.property(text, fc.integer({ min: 1, max: 5 }), (any, piece) => void read(any, piece)));
  });
});
