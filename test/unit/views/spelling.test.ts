import { expect, test } from 'vitest';
import { prometheusName } from '../../../src/catalog.ts';

/** Cases in which the translator that Prometheus and the collector share is known to answer so (its own test cases and its source). */
test.each([
  ['requests', '', 'counter', 'requests_total'],
  ['cpu_usage', '1', 'gauge', 'cpu_usage_ratio'],
  ['cpu_usage_ratio', '1', 'gauge', 'cpu_usage_ratio'],
  ['items', '1', 'counter', 'items_total'],
  ['memory_usage', 'By', 'gauge', 'memory_usage_bytes'],
  ['requests', '1/s', 'gauge', 'requests_per_second'],
  ['throughput', 'By/s', 'gauge', 'throughput_bytes_per_second'],
  ['custom_metric', 'custom_unit', 'gauge', 'custom_metric_custom_unit'],
  ['custom_metric', '{custom}', 'gauge', 'custom_metric'],
  ['custom_metric', 'By/{custom}', 'gauge', 'custom_metric_bytes'],
  ['requests_total', '', 'counter', 'requests_total'],
  ['response_time_seconds', 's', 'gauge', 'response_time_seconds'],
  ['cpu_seconds_total', 's', 'counter', 'cpu_seconds_total'],
  ['metric__with__multiple__underscores', '', 'gauge', 'metric_with_multiple_underscores'],
  ['request_duration', 's', 'histogram', 'request_duration_seconds'],
  ['active_connections', '', 'updowncounter', 'active_connections'],
  ['bytes.read', 'By', 'counter', 'bytes_read_total'], // a unit that is anywhere in the name is not added again
  ['total.work', '{request}', 'counter', 'work_total'], // and `total` moves to the end
  ['growth.bytes', 'By/h', 'gauge', 'growth_bytes_per_hour'],
  ['growth', '{connection}/h', 'gauge', 'growth_per_hour'],
] as const)('%s (%s, %s) is %s', (name, unit, kind, expected) => {
  expect(prometheusName(name, unit, kind)).toBe(expected);
});
