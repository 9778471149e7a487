import { describe, expect, test } from 'vitest';
import { Catalog, type MetricDef, prometheusName } from '../../../src/catalog.ts';
import { SeriesTable } from '../../../src/series.ts';
import { METRICS as HOST } from '../../../src/sources/host.ts';
import { METRICS as SELF } from '../../../src/sources/self.ts';
import { METRICS, QUANTILES } from '../../../src/sources/traffic.ts';
import { METRICS as RUN } from '../../../src/views/runmetrics.ts';

const OWNER = { source: 'traffic', target: 'api', member: null, period: 10 };

describe('traffic', () => {
  test('is declared beside host and agent without a clash', () => {
    const catalog = new Catalog([HOST, SELF, METRICS, RUN]);
    expect(catalog.find('requests')).toBe(METRICS.requests);
    expect(catalog.find('errors')).toBe(METRICS.errors);
    expect(catalog.find('latency')).toBe(METRICS.quantile);
    expect(catalog.find('latency.mean')).toBe(METRICS.mean);
  });

  test('explains by requests, judges errors and latency', () => {
    expect(Object.values<MetricDef>(METRICS).map(({ alias, growth }) => [alias, growth])).toEqual([
      ['requests', 'load'],
      ['errors', 'drift'],
      ['in_flight', 'load'],
      ['latency.mean', 'drift'],
      ['latency', 'drift'],
      ['users', 'load'],
      [undefined, 'none'],
      [undefined, 'none'],
      [undefined, 'none'],
      [undefined, 'none'],
      ['checks', 'none'],
      ['errors.by_class', 'none'],
      ['operation.requests', 'load'],
      ['operation.errors', 'drift'],
      ['operation.latency.mean', 'drift'],
      ['operation.latency', 'drift'],
    ]);
    expect(
      Object.values<MetricDef>(METRICS)
        .filter(({ gate }) => gate)
        .map(({ alias }) => alias),
    ).toEqual(['errors', 'latency']);
  });

  test('only the four quantiles are series', () => {
    const series = new SeriesTable();
    for (const quantile of QUANTILES) expect(series.open(OWNER, METRICS.quantile, { 'soak.quantile': quantile })).toBeGreaterThanOrEqual(0);
    expect(series.open(OWNER, METRICS.quantile, { 'soak.quantile': '0.42' as '0.5' })).toBe(-1);
  });

  test('is spelled as a scrape expects it', () => {
    const spelled = Object.values(METRICS).map(({ name, unit, kind }) => prometheusName(name, unit, kind));
    expect(spelled).toEqual([
      'soak_traffic_requests_total',
      'soak_traffic_errors_total',
      'soak_traffic_in_flight',
      'soak_traffic_duration_mean_seconds',
      'soak_traffic_duration_quantile_seconds',
      'soak_traffic_users',
      'soak_traffic_duration_bucket_total',
      'soak_traffic_duration_sum_seconds_total',
      'soak_traffic_duration_count_total',
      'soak_traffic_checks_total',
      'soak_traffic_checks_passed_total',
      'soak_traffic_errors_by_class_total',
      'soak_traffic_operation_requests_total',
      'soak_traffic_operation_errors_total',
      'soak_traffic_operation_duration_mean_seconds',
      'soak_traffic_operation_duration_quantile_seconds',
    ]);
  });
});
