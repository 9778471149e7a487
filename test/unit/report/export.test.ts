import { describe, expect, test } from 'vitest';
import type { MetricDef } from '../../../src/catalog.ts';
import { csvRows } from '../../../src/report/csv.ts';
import { ndjsonLines } from '../../../src/report/ndjson.ts';
import { openMetricsText } from '../../../src/report/openmetrics.ts';
import type { Recorded } from '../../../src/report/recorded.ts';
import { SeriesTable } from '../../../src/series.ts';
import { Batch, type Tick } from '../../../src/tick.ts';
import { HOSTILE } from '../../fixtures/report/night.ts';

const CPU: MetricDef = { name: 'test.cpu.time', unit: 's', kind: 'counter', help: 'CPU "time"\nof all', growth: 'load' };
const DISK: MetricDef = {
  name: 'test.disk',
  unit: 'By',
  kind: 'gauge',
  help: 'Disk',
  growth: 'none',
  labels: { path: { max: 9 }, 'a.b': { max: 9 }, a_b: { max: 9 } },
};

/** Three series, the second of them with a hostile label; ten ticks; the samples of two families take turns. */
function recorded(): Recorded {
  const table = new SeriesTable();
  const owner = { source: 'process', target: 'api', member: null, period: 1 };
  const labelled = DISK as MetricDef & { labels: Record<'path' | 'a.b' | 'a_b', { max: number }> };
  const ids = [
    table.open(owner, labelled, { path: '/', 'a.b': '1', a_b: '2' }),
    table.open(owner, CPU),
    table.open({ ...owner, member: '1' }, labelled, { path: HOSTILE, 'a.b': '', a_b: '' }),
  ];
  const batch = new Batch();
  const ticks = function* (): Iterable<Tick> {
    for (let n = 0; n < 10; n++) {
      for (const id of ids) batch.set(id, n + id / 10, n + id / 1000);
      if (n === 4) batch.event({ t: 4, kind: 'mark', target: null, member: null, message: HOSTILE, data: { n } });
      yield batch.close(n, n, 1_767_225_600 + n);
    }
  };
  return { run: 'k3x9', start: 1_767_225_600, series: table.all(), size: table.size, ticks };
}

function text(parts: Iterable<string>): string {
  return [...parts].join('');
}

/** RFC 4180. */
function cells(csv: string): string[][] {
  return csv
    .trimEnd()
    .split('\r\n')
    .map((row) =>
      [...row.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^",]*))/g)].map(([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? ''),
    );
}

describe('CSV', () => {
  test('has a row for each sample, as it was', () => {
    const [titles, ...rows] = cells(text(csvRows(recorded())));
    expect(titles).toEqual(['time', 't', 'source', 'target', 'member', 'metric', 'labels', 'unit', 'value']);
    expect(rows.length).toBe(30);
    expect(rows[1]).toEqual(['2026-01-01T00:00:00.001Z', '0.001', 'process', 'api', '', 'test.cpu.time', '', 's', '0.1']);
    expect(JSON.parse(rows[2]![6]!)).toEqual({ path: HOSTILE, 'a.b': '', a_b: '' });
  });

  test('no cell is a formula to a spreadsheet', () => {
    expect(
      cells(text(csvRows(recorded())))
        .flat()
        .filter((cell) => /^[=+@\t]|^-\D/.test(cell)),
    ).toEqual([]);
  });

  test('of some series has those alone', () => {
    const whole = recorded();
    const rows = cells(text(csvRows({ ...whole, series: whole.series.slice(1, 2) })));
    expect(new Set(rows.slice(1).map((row) => row[5]))).toEqual(new Set(['test.cpu.time']));
  });
});

test('NDJSON has an object a line, events where they happened, and no control character', () => {
  const lines = text(ndjsonLines(recorded())).trimEnd().split('\n');
  const objects = lines.map((line) => JSON.parse(line) as { t: number; event?: string; message?: string; value?: number });
  expect(objects.filter(({ event }) => event === undefined).length).toBe(30);
  expect(objects.find(({ event }) => event === 'mark')).toMatchObject({ t: 4, message: HOSTILE });
  expect(lines.join('')).not.toMatch(/\p{Cc}/u);
});

describe('OpenMetrics', () => {
  const whole = text(openMetricsText(recorded()));

  test('has families together, each with its head, points in order of time, and an end', () => {
    expect(
      whole
        .split('\n')
        .map((line) => line.replace(/[{ ].*/, ''))
        .filter((word, i, all) => word !== all[i - 1]),
    ).toEqual(['#', 'test_cpu_time_seconds_total', '#', 'test_disk_bytes', '#', '']);
    expect(whole).toContain(
      '# TYPE test_cpu_time_seconds counter\n# UNIT test_cpu_time_seconds seconds\n# HELP test_cpu_time_seconds CPU \\"time\\"\\nof all\n',
    );
    expect(whole).toContain('test_cpu_time_seconds_total{soak_run="k3x9",soak_target="api"} 3.1 1767225603.001\n');
    expect(whole.endsWith('\n# EOF\n')).toBe(true);
  });

  test('labels that become one are joined, and no label breaks its line', () => {
    expect(whole).toContain('test_disk_bytes{a_b="1;2",path="/",soak_run="k3x9",soak_target="api"} 0 1767225600.000\n');
    const hostile = whole.split('\n').filter((line) => line.includes('soak_member="1"'));
    expect(hostile.length).toBe(10);
  });

  test('has no two points of a series at one time', () => {
    const whole = recorded();
    const twice = function* (): Iterable<Tick> {
      for (const tick of whole.ticks()) yield* [tick, tick];
    };
    const lines = text(openMetricsText({ ...whole, ticks: twice }));
    expect(lines).toBe(text(openMetricsText(whole)));
  });

  test('is the same however little of it is held at once', () => {
    for (const most of [1, 10, 15, 20]) expect(text(openMetricsText(recorded(), most))).toBe(whole);
  });
});
