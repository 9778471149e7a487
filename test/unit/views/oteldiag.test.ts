import { describe, expect, test } from 'vitest';
import { SILENT } from '../../../src/log.ts';
import { diagLogger, redactor } from '../../../src/views/oteldiag.ts';
import { secretsOf } from '../../../src/views/otelpush.ts';

describe('redaction', () => {
  const env = {
    OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=team-a,authorization=Basic%20dXNlcjpwYXNz',
    OTEL_EXPORTER_OTLP_METRICS_HEADERS: 'x-api-key=k-123456',
  };
  const endpoint = 'https://us%65r:hunter2@collector.example/v1/metrics?token=q-secret';
  const redact = redactor(secretsOf({ endpoint, headers: { authorization: 'Bearer abc.def.ghi' } }, env));

  test.each([
    'Bearer abc.def.ghi',
    'abc.def.ghi',
    'Basic%20dXNlcjpwYXNz',
    'Basic dXNlcjpwYXNz',
    'dXNlcjpwYXNz',
    'k-123456',
    'hunter2',
    'q-secret',
    'https://us%65r:hunter2@collector.example/',
    'http://other:secret@host/',
  ])('%s', (secret) => {
    const text = redact(`error with ${secret} in it`);
    expect(text).not.toContain(secret);
    for (const part of ['hunter2', 'dXNlcjpwYXNz', 'other', 'abc.def']) expect(text).not.toContain(part);
    expect(text).toContain('[redacted]');
  });

  test('the rest stays readable', () => {
    expect(redact('connect ECONNREFUSED 127.0.0.1:4318 https://collector.example/v1/metrics')).toBe(
      'connect ECONNREFUSED 127.0.0.1:4318 https://collector.example/v1/metrics',
    );
    expect(redactor(['1', 'yes', ''])('1 of 11, yes')).toBe('1 of 11, yes');
  });
});

test('an error of the SDK becomes one warning that reads the same every time', () => {
  const said: string[] = [];
  const logger = diagLogger({ ...SILENT, warn: (message) => void said.push(message) }, redactor(['sesame']));
  logger.error(JSON.stringify({ stack: 'Error: x\n at y (z.js:1:2)', message: 'metrics export failed (sesame)', name: 'Error' }));
  logger.error('collection errors', new Error('a\nb'), { code: 5 });
  logger.warn('{ not json');
  logger.debug('not seen');
  expect(said).toEqual([
    'OpenTelemetry: metrics export failed ([redacted])',
    'OpenTelemetry: collection errors a b {"code":5}',
    'OpenTelemetry: { not json',
  ]);
});
