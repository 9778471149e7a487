import * as fc from '../../property.ts';
import { describe, expect, test } from 'vitest';
import { accepts, prefersOpenMetrics } from '../../../src/views/negotiation.ts';

describe('Accept', () => {
  test.each([
    [
      'Prometheus 2.42',
      'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
      true,
    ],
    [
      'Prometheus 3 before protobuf',
      'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
      true,
    ],
    ['a quoted version', 'application/openmetrics-text; version="1.0.0"', true],
    ['no version', 'Application/OpenMetrics-Text', true],
    ['only the draft version', 'application/openmetrics-text;version=0.0.1', false],
    ['text preferred', 'application/openmetrics-text;q=0.2,text/plain;q=0.9', false],
    ['OpenMetrics refused', 'application/openmetrics-text;q=0', false],
    ['a browser', 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', false],
    ['curl', '*/*', false],
    ['nothing', '', false],
  ])('%s', (_, header, expected) => expect(prefersOpenMetrics(header)).toBe(expected));
});

describe('Accept-Encoding', () => {
  test.each([
    ['gzip', true],
    ['deflate, gzip;q=0.5', true],
    ['*', true],
    ['gzip;q=0', false],
    ['gzip;q=0, *', false],
    ['identity', false],
    ['br', false],
    ['', false],
  ])('%s', (header, expected) => expect(accepts(header, 'gzip')).toBe(expected));
});

test('any header is read without an error', () => {
  const header = fc.oneof(fc.string(), fc.stringMatching(/^[a-z/*;=q0-9., "]*$/));
  fc.assert(
    fc.property(header, (text) => {
      expect(typeof prefersOpenMetrics(text)).toBe('boolean');
      expect(typeof accepts(text, 'gzip')).toBe('boolean');
    }),
  );
});
