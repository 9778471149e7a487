import * as fc from '../property.ts';
import { describe, expect, test } from 'vitest';
import { OPTION_NAMES, optionOf } from '../../src/config/options.ts';
import { address, count, headers, headersText, onOff, orNone, otlpUrl } from '../../src/config/optionvalue.ts';

describe('addresses', () => {
  test.each([
    ['127.0.0.1:10464', { host: '127.0.0.1', port: 10_464 }],
    ['0.0.0.0:0', { host: '0.0.0.0', port: 0 }],
    ['localhost:65535', { host: 'localhost', port: 65_535 }],
    ['[::1]:80', { host: '::1', port: 80 }],
    [' 8080 ', { host: '127.0.0.1', port: 8080 }],
  ])('%s', (text, value) => {
    expect(address().parse(text)).toEqual(value);
  });

  test.each(['', ':80', '*:80', '::1:80', 'a:65536', 'a:', 'a:b', 'http://a:80', 'a b:80', '[a]:80x', '-1', '1e3'])('not %j', (text) => {
    expect(address().parse(text)).toBeUndefined();
  });
});

describe('URLs of receivers', () => {
  test.each([
    ['http://localhost:4318', 'http://localhost:4318/v1/metrics'],
    ['http://localhost:4318/', 'http://localhost:4318/v1/metrics'],
    ['https://h/otlp/v1/metrics?x=1', 'https://h/otlp/v1/metrics?x=1'],
    ['http://u:p@h', 'http://u:p@h/v1/metrics'],
  ])('%s', (text, url) => {
    expect(otlpUrl().parse(text)).toBe(url);
  });

  test.each(['', 'localhost:4318', 'h', '/v1/metrics', 'grpc://h:4317', 'file:///etc/passwd', 'http://', 'http://h:99999'])(
    'not %j',
    (text) => {
      expect(otlpUrl().parse(text)).toBeUndefined();
    },
  );
});

describe('headers', () => {
  test.each([
    ['a=b', { a: 'b' }],
    [' a = b , c = d ', { a: 'b', c: 'd' }],
    ['a=b\nc=d\n', { a: 'b', c: 'd' }],
    ['Authorization=Basic%20dTpw%3D%3D', { Authorization: 'Basic dTpw==' }],
    ['a=b=c', { a: 'b=c' }],
    ['a=', { a: '' }],
    ['', {}],
  ])('%j', (text, value) => {
    expect(headers().parse(text)).toEqual(value);
  });

  test.each(['a', 'a b=c', '=c', 'a=%zz', 'a=%0Aevil: 1', 'a=%00', 'a=\u2603', 'a=b,c'])('not %j', (text) => {
    expect(headers().parse(text)).toBeUndefined();
  });

  test('a map survives its text', () => {
    const map = fc.dictionary(fc.stringMatching(/^[a-zA-Z-]{1,8}$/), fc.stringMatching(/^[\x20-\x7e]{0,12}$/));
    fc.assert(
      fc.property(map, (value) => {
        expect(headers().parse(headersText(value))).toEqual({ ...value });
      }),
    );
  });
});

describe('switches, counts and words', () => {
  test.each([
    ['true', true],
    ['YES', true],
    ['on', true],
    ['1', true],
    ['false', false],
    ['No', false],
    ['off', false],
    ['0', false],
    ['constructor', undefined],
    ['2', undefined],
  ])('%s', (text, value) => {
    expect(onOff().parse(text)).toBe(value);
  });

  test('counts are whole and in their range', () => {
    const parse = (text: string): unknown => count({ min: 1, max: 10 }).parse(text);
    expect(['1', ' 10 ', '0', '11', '1.5', '-1', '', '1e1', '0x5'].map(parse)).toEqual([
      1,
      10,
      ...Array.from({ length: 7 }, () => undefined),
    ]);
  });

  test('the word for none is none', () => {
    const type = orNone(count(), 'all');
    expect(['all', '3', 'none', ''].map((text) => type.parse(text))).toEqual([null, 3, undefined, undefined]);
    expect([type.arg, type.hint]).toEqual(['<number|all>', 'a whole number; or all']);
  });
});

test('no value makes any option throw', () => {
  fc.assert(
    fc.property(fc.constantFrom(...OPTION_NAMES), fc.oneof(fc.string(), fc.string({ unit: 'binary' })), (name, text) => {
      expect(() => optionOf(name).value.parse(text)).not.toThrow();
    }),
  );
});
