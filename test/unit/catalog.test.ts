import { describe, expect, test } from 'vitest';
import { Catalog, defineMetrics, type MetricDef, prometheusLabel, prometheusName } from '../../src/catalog.ts';

const GAUGE: MetricDef = { name: 'a.b', unit: 'By', kind: 'gauge', help: 'x', growth: 'none' };

describe('Prometheus spelling', () => {
  test.each([
    ['process.cpu.time', 's', 'counter', 'process_cpu_time_seconds_total'],
    ['process.memory.usage', 'By', 'updowncounter', 'process_memory_usage_bytes'],
    ['process.thread.count', '{thread}', 'updowncounter', 'process_thread_count'],
    ['soak.process.file_descriptor.utilization', '1', 'gauge', 'soak_process_file_descriptor_utilization_ratio'],
    ['x.ratio', '1', 'gauge', 'x_ratio'],
    ['x.share', '1', 'updowncounter', 'x_share'],
    ['x.bytes', 'By', 'gauge', 'x_bytes'],
    ['soak.slope', 'By/h', 'gauge', 'soak_slope_bytes_per_hour'],
    ['x.y-z..w', '{thing}', 'counter', 'x_y_z_w_total'],
    ['x.total', '{thing}', 'counter', 'x_total'],
  ] as const)('%s (%s, %s) is %s', (name, unit, kind, expected) => {
    expect(prometheusName(name, unit, kind)).toBe(expected);
  });

  test('labels', () => expect(prometheusLabel('disk.io.direction')).toBe('disk_io_direction'));
});

describe('Catalog', () => {
  test('finds by name and alias', () => {
    const catalog = new Catalog([defineMetrics({ a: { ...GAUGE, alias: 'short' } })]);
    expect(catalog.find('a.b')).toBe(catalog.find('short'));
    expect(catalog.find('nothing')).toBeUndefined();
  });

  test.each([
    ['a name twice', [GAUGE, GAUGE], 'declared twice'],
    ['two names with one spelling', [GAUGE, { ...GAUGE, name: 'a_b' }], 'same Prometheus name'],
    [
      'an alias twice',
      [
        { ...GAUGE, alias: 'x' },
        { ...GAUGE, name: 'c', alias: 'x' },
      ],
      'alias x',
    ],
    ['a limit that does not exist', [{ ...GAUGE, limit: 'nowhere' }], 'nowhere'],
    ['a part of a histogram that does not exist', [{ ...GAUGE, exportedAs: 'a.b' }], 'which is no histogram'],
    ['a gate without a name for rules', [{ ...GAUGE, gate: 'gated' as const }], 'no alias'],
  ])('refuses %s', (_, defs, message) => {
    expect(() => new Catalog([Object.fromEntries(defs.map((def, i) => [i, def]))])).toThrow(message);
  });
});
