import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Attributes, ValueType } from '@opentelemetry/api';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { AggregationTemporality, DataPointType, type MetricData, type ResourceMetrics } from '@opentelemetry/sdk-metrics';
import * as fc from '../../property.ts';
import { describe, expect, test } from 'vitest';
import { SimClock } from '../../../src/clock.ts';
import { SILENT } from '../../../src/log.ts';
import { openMetricsPage, textPage } from '../../../src/views/exposition.ts';
import { RunProducer } from '../../../src/views/producer.ts';
import { BOOT, fullRun } from './run.ts';

const RESOURCE = resourceFromAttributes({ 'service.name': 'soak-agent', 'service.version': '0.1.0', 'host.name': 'h' });

async function collectedRun(): Promise<ResourceMetrics> {
  const fake = fullRun();
  const producer = new RunProducer({ run: fake.run, clock: new SimClock(), log: SILENT, boot: BOOT, resource: RESOURCE });
  return (await producer.collect()).resourceMetrics;
}

interface Given {
  readonly name?: string;
  readonly unit?: string;
  readonly help?: string;
  readonly points: readonly (readonly [Attributes, number])[];
  readonly type?: DataPointType.GAUGE | DataPointType.SUM;
}

function metric({ name = 'x', unit = '', help = 'h', points, type = DataPointType.GAUGE }: Given): MetricData {
  return {
    descriptor: { name, unit, description: help, valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
    dataPointType: type,
    isMonotonic: true,
    dataPoints: points.map(([attributes, value]) => ({ attributes, value, startTime: [0, 0], endTime: [1, 0] })),
  };
}

function collected(...metrics: MetricData[]): ResourceMetrics {
  return { resource: resourceFromAttributes({}), scopeMetrics: [{ scope: { name: 's' }, metrics }] };
}

/** The lines of a page that are about the metrics given, not about the agent. */
function lines(page: string): string[] {
  return page.split('\n').filter((line) => line !== '' && !/target/.test(line));
}

/** Those that both formats have. */
function samples(page: string): string[] {
  return page.split('\n').filter((line) => line !== '' && !line.startsWith('#') && !/^\w+_created[{ ]/.test(line));
}

describe('pages of a run', () => {
  test('text', async () => {
    await expect(textPage(await collectedRun())).toMatchFileSnapshot('../../golden/metrics/page.prom');
  });

  test('OpenMetrics', async () => {
    await expect(openMetricsPage(await collectedRun())).toMatchFileSnapshot('../../golden/metrics/page.om');
  });

  test('both have the same samples', async () => {
    expect(samples(openMetricsPage(await collectedRun()))).toEqual(samples(textPage(await collectedRun())));
  });
});

const hasPromtool = spawnSync('promtool', ['--version']).status === 0;

/** In CI a missing promtool is a failure, elsewhere these are listed as skipped. */
describe.runIf(hasPromtool || process.env['CI'] === 'true')('promtool', () => {
  /** Names that OpenTelemetry's conventions give and that Prometheus keeps for histograms. Nothing else is tolerated. */
  const TOLERATED = [
    'process_thread_count non-histogram and non-summary metrics should not have "_count" suffix',
    'process_unix_file_descriptor_count non-histogram and non-summary metrics should not have "_count" suffix',
  ];

  test('check metrics says nothing beyond the tolerated remarks', async () => {
    const { stderr, stdout, error } = spawnSync('promtool', ['check', 'metrics'], {
      input: textPage(await collectedRun()),
      encoding: 'utf8',
    });
    expect(error).toBeUndefined();
    expect(`${stdout}${stderr}`.split('\n').filter((line) => line !== '')).toEqual(TOLERATED);
  });

  test('check metrics accepts every value and label', () => {
    const points = [NaN, Infinity, -Infinity, 0, -0, 5e-324, 1.7976931348623157e308, 1e21].map(
      (value, i) => [{ n: `${i}\\"\n\t\u0000é` }, value] as const,
    );
    const { stderr, status } = spawnSync('promtool', ['check', 'metrics'], {
      input: textPage(collected(metric({ points }))),
      encoding: 'utf8',
    });
    expect([stderr, status]).toEqual(['', 0]);
  });

  test("Prometheus' OpenMetrics parser takes the page", async () => {
    const folder = mkdtempSync(join(tmpdir(), 'soak-om-'));
    try {
      // This command wants a time on every sample, which a page to be scraped must not have.
      const timed = openMetricsPage(await collectedRun()).replaceAll(/^([^#].*)$/gm, '$1 1767225600');
      writeFileSync(join(folder, 'page.om'), timed);
      const args = ['tsdb', 'create-blocks-from', 'openmetrics', join(folder, 'page.om'), join(folder, 'data')];
      const { status, stderr } = spawnSync('promtool', args, { encoding: 'utf8' });
      expect([status, stderr]).toEqual([0, '']);
      mkdirSync(join(folder, 'data', 'wal')); // `dump` wants a whole database
      const dump = spawnSync('promtool', ['tsdb', 'dump', join(folder, 'data')], { encoding: 'utf8' }).stdout;
      expect(dump).toContain(
        '{__name__="soak_slope_bytes_per_hour", soak_run="k3x9", soak_series_gate="gated", soak_series_metric="soak.process.memory.private", soak_target="api"} 2.5e+06',
      );
      expect(dump.split('\n').filter((line) => line.startsWith('{'))).toHaveLength(timed.split('\n').filter((l) => /^[^#]/.test(l)).length);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe('text format', () => {
  test('values', () => {
    const points = [NaN, Infinity, -Infinity, 0, 1e21, 1.5e-7, 123456789.25].map((value, i) => [{ n: String(i) }, value] as const);
    expect(lines(textPage(collected(metric({ points })))).map((line) => line.split(' ').at(-1))).toEqual([
      'h',
      'gauge',
      'NaN',
      '+Inf',
      '-Inf',
      '0',
      '1e+21',
      '1.5e-7',
      '123456789.25',
    ]);
  });

  test('escapes', () => {
    const given = metric({ help: 'a \\ b "c"\nd', points: [[{ path: 'C:\\x "y"\nz' }, 1]] });
    expect(lines(textPage(collected(given)))).toEqual([
      String.raw`# HELP x a \\ b "c"\nd`,
      '# TYPE x gauge',
      String.raw`x{path="C:\\x \"y\"\nz"} 1`,
    ]);
    expect(lines(openMetricsPage(collected(given)))).toContain(String.raw`# HELP x a \\ b \"c\"\nd`);
  });

  test('attributes that become one label are joined; values that are no text are JSON', () => {
    const given = metric({ points: [[{ 'a.b': '2', 'a-b': '1', n: 5, list: ['x'] }, 1]] });
    expect(lines(textPage(collected(given))).at(-1)).toBe(String.raw`x{a_b="1;2",list="[\"x\"]",n="5"} 1`);
  });

  test('a metric without points is not there; of two types under one name the first stays', () => {
    const page = textPage(
      collected(
        metric({ name: 'empty', points: [] }),
        metric({ name: 'a.b', points: [[{}, 1]] }),
        metric({ name: 'a_b', points: [[{ x: 'y' }, 2]] }),
      ),
    );
    expect(lines(page)).toEqual(['# HELP a_b h', '# TYPE a_b gauge', 'a_b 1', 'a_b{x="y"} 2']);
    const clash = collected(
      metric({ name: 'a.total', type: DataPointType.SUM, points: [[{}, 1]] }),
      metric({ name: 'a_total', points: [[{}, 2]] }),
    );
    expect(lines(textPage(clash))).toEqual(['# HELP a_total h', '# TYPE a_total counter', 'a_total 1']);
  });

  test('whatever a label holds, a line stays a line and can be read back', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
        const [, , sample = '', ...more] = lines(textPage(collected(metric({ points: [[{ l: value }, 1]] }))));
        expect(more).toEqual([]);
        const inside = /^x\{l="(.*)"\} 1$/s.exec(sample)?.[1] ?? 'no match';
        expect(inside.replaceAll(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c))).toBe(value);
      }),
    );
  });
});

function units(name: string, unit: string): string[] {
  return lines(openMetricsPage(collected(metric({ name, unit, points: [[{}, 1]] })))).filter((line) => line.startsWith('# UNIT'));
}

describe('OpenMetrics', () => {
  test('a counter names its family without _total and says when it began, if that is known', () => {
    const known = metric({ name: 'c', unit: 's', type: DataPointType.SUM, points: [[{ a: 'b' }, 2]] });
    const page = collected({ ...known, dataPoints: [{ ...known.dataPoints[0]!, startTime: [1_767_225_600, 250_000_000] }] } as MetricData);
    expect(lines(openMetricsPage(page))).toEqual([
      '# TYPE c_seconds counter',
      '# UNIT c_seconds seconds',
      '# HELP c_seconds h',
      'c_seconds_total{a="b"} 2',
      'c_seconds_created{a="b"} 1767225600.25',
      '# EOF',
    ]);
    expect(lines(textPage(page))).toEqual(['# HELP c_seconds_total h', '# TYPE c_seconds_total counter', 'c_seconds_total{a="b"} 2']);
    expect(lines(openMetricsPage(collected(known)))).not.toContainEqual(expect.stringContaining('_created'));
  });

  test('a unit is named only where the name ends in it', () => {
    expect(units('x', '1')).toEqual(['# UNIT x_ratio ratio']);
    expect(units('x', 'By/h')).toEqual(['# UNIT x_bytes_per_hour bytes_per_hour']);
    expect(units('bytes.read', 'By')).toEqual([]);
    expect(units('x', '{thing}')).toEqual([]);
  });

  test('a histogram, as the SDK has of itself, is cumulative', () => {
    const histogram: MetricData = {
      descriptor: { name: 'd', unit: 's', description: 'h', valueType: ValueType.DOUBLE },
      aggregationTemporality: AggregationTemporality.CUMULATIVE,
      dataPointType: DataPointType.HISTOGRAM,
      dataPoints: [
        {
          attributes: { a: 'b' },
          startTime: [5, 0],
          endTime: [6, 0],
          value: { buckets: { boundaries: [0.5, 1], counts: [2, 3, 4] }, count: 9, sum: 12 },
        },
      ],
    };
    expect(lines(openMetricsPage(collected(histogram)))).toEqual([
      '# TYPE d_seconds histogram',
      '# UNIT d_seconds seconds',
      '# HELP d_seconds h',
      'd_seconds_bucket{a="b",le="0.5"} 2',
      'd_seconds_bucket{a="b",le="1"} 5',
      'd_seconds_bucket{a="b",le="+Inf"} 9',
      'd_seconds_sum{a="b"} 12',
      'd_seconds_count{a="b"} 9',
      'd_seconds_created{a="b"} 5',
      '# EOF',
    ]);
  });
});
