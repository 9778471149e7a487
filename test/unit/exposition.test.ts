import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { LINES_MAX, PAGE_MAX } from '../../src/intake/exposition.ts';
import { LABELS_MAX } from '../../src/intake/exposition-line.ts';
import type { HistogramPoint, Point } from '../../src/intake/point.ts';
import { bucketsOf } from '../../src/quantiles.ts';
import { listed } from '../histograms.ts';
import { parsePage, type WholePage } from '../pages.ts';
import * as fc from '../property.ts';

const FIXTURES = join(import.meta.dirname, '../fixtures/exposition');
const FILES = readdirSync(FIXTURES).filter((name) => /\.(txt|om)$/.test(name));
const fixture = (name: string): string => readFileSync(join(FIXTURES, name), 'utf8');

function pageOf(text: string, openMetrics: boolean | null = null): WholePage {
  const page = parsePage(text, openMetrics);
  if ('none' in page) throw new Error(`no page: ${page.why}`);
  return page;
}

function find(points: readonly Point[], name: string, labels: Record<string, string> = {}): Point | undefined {
  return points.find((point) => point.name === name && Object.entries(labels).every(([label, value]) => point.labels[label] === value));
}

describe('real pages', () => {
  test.each(FILES)('%s has no bad line', (name) => {
    const page = pageOf(fixture(name));
    expect(page.bad).toEqual({ lines: 0, first: null });
    expect(page.samples).toBe(fixture(name).match(/^[a-z].*\S/gm)?.length);
    expect(page.points.length).toBeGreaterThan(3);
  });

  test('a Go program says what it says', () => {
    const { points } = pageOf(fixture('go-node_exporter-1.5.txt'));
    expect(find(points, 'go_goroutines')).toEqual({
      name: 'go_goroutines',
      kind: 'gauge',
      value: 7,
      unit: '',
      labels: {},
      wall: null,
      since: null,
    });
    expect(find(points, 'go_memstats_frees_total')).toMatchObject({ kind: 'counter', temporality: 'cumulative', value: 358 });
    expect(find(points, 'go_gc_duration_seconds')).toMatchObject({ kind: 'summary', count: 0, sum: 0 });
  });

  test('a histogram of Prometheus adds up', () => {
    const { points } = pageOf(fixture('go-prometheus-2.42.txt'));
    const histograms = points.filter((point): point is HistogramPoint => point.kind === 'histogram');
    expect(histograms.length).toBeGreaterThan(3);
    for (const { buckets, count, labels } of histograms) {
      expect(labels['le']).toBeUndefined();
      expect(buckets.bounds.at(-1)).toBe(Infinity);
      expect(buckets.counts.reduce((sum, one) => sum + one, 0)).toBe(count);
    }
  });

  test.each(['txt', 'om'])('Node and Python say the same in both formats: %s', (ending) => {
    const node = pageOf(fixture(`node-prom-client-15.1.${ending}`)).points;
    expect(find(node, 'nodejs_heap_space_size_used_bytes', { space: 'old' })).toMatchObject({ kind: 'gauge' });
    expect(find(node, 'nodejs_active_handles_total')?.kind).toBe('gauge'); // its type counts, not its name
    expect(find(node, 'app_jobs_total')).toMatchObject({ kind: 'counter', value: 42 });
    const duration = find(node, 'http_request_duration_seconds', { route: '/a"b\\c' });
    expect(duration).toMatchObject({ kind: 'histogram', count: 100, labels: { method: 'GET', route: '/a"b\\c' } });
    const python = pageOf(fixture(`python-client-0.16.${ending}`)).points;
    expect(find(python, 'app_errors_total')).toMatchObject({ kind: 'counter', value: 3, labels: { kind: 'a "b" \\ c' } });
    expect(find(python, 'app_wait_seconds')).toMatchObject({ kind: 'histogram', count: 100, sum: 99 });
    expect(find(python, 'app_nan')).toBeUndefined(); // is not a number, so it is no value
    expect(find(python, 'app_state', { app_state: 'up' })).toMatchObject({ kind: 'gauge', value: 1 });
  });

  test('when something began to count is known in OpenMetrics', () => {
    const { points } = pageOf(fixture('python-client-0.16.om'));
    expect(find(points, 'app_errors_total')?.since).toBeGreaterThan(1.7e9);
    expect(find(points, 'app_wait_seconds')?.since).toBeGreaterThan(1.7e9);
  });
});

describe('the formats', () => {
  const one = (line: string, openMetrics: boolean | null = null): Point | undefined => pageOf(line, openMetrics).points[0];

  test.each<[string, Partial<Point>]>([
    ['a 1', { name: 'a', kind: 'gauge', value: 1, labels: {} }],
    ['  a\t{ x = "1" , } \t 2.5e3  ', { labels: { x: '1' }, value: 2500 } as Partial<Point>],
    ['a{} -.5\r', { value: -0.5 } as Partial<Point>],
    [String.raw`a{x="\\n\n\"\t"} 1`, { labels: { x: '\\n\n"\\t' } }],
    ['{"http.server.duration",path="/"} 7', { name: 'http.server.duration', labels: { path: '/' } }],
    ['{"a b"} 1', { name: 'a b' }],
    ['a{"x.y"="ä"} 1', { labels: { 'x.y': 'ä' } }],
    ['a 1 # {trace_id="x"} 0.5 123', { value: 1, wall: null } as Partial<Point>],
    ['# TYPE "b.c" counter\n{"b.c"} 1', { name: 'b.c', kind: 'counter' }],
  ])('%s', (line, expected) => {
    expect(one(line)).toMatchObject(expected);
  });

  test('times are milliseconds in one format and seconds in the other', () => {
    expect(one('a 1 1500000000500', false)?.wall).toBe(1_500_000_000.5);
    expect(one('a 1 1500000000.5\n# EOF\n')?.wall).toBe(1_500_000_000.5);
  });

  test('units are told, and what follows the end is not read', () => {
    expect(one('# TYPE a gauge\n# UNIT a seconds\na 1\n# EOF\nb 2')).toMatchObject({ unit: 'seconds' });
    expect(pageOf('a 1\n# EOF\nb 2').points).toHaveLength(1);
  });

  test.each(['a NaN', 'a nan', 'a +Inf', 'a -Inf', 'a Infinity'])('%s is no value', (line) => {
    expect(pageOf(`${line}\nb 1`)).toMatchObject({ samples: 2, points: [{ name: 'b' }] });
  });

  test('buckets need no order, and a histogram that does not say how many there were is none', () => {
    const head = '# TYPE h histogram\n';
    expect(listed(one(`${head}h_bucket{le="+Inf"} 5\nh_bucket{le="1"} 2\nh_sum 9`))).toMatchObject({
      count: 5,
      sum: 9,
      buckets: [
        { over: -Infinity, to: 1, count: 2 },
        { over: 1, to: Infinity, count: 3 },
      ],
    });
    expect(listed(one(`${head}h_bucket{le="1"} 5\nh_bucket{le="2"} 4\nh_count 5`))).toMatchObject({ count: 5, sum: null, buckets: [] });
    expect(pageOf(`${head}h_bucket{le="1"} 5\nh_sum 9`).points).toEqual([]);
    expect(pageOf(`${head}h_count NaN`).points).toEqual([]);
  });
});

describe('what is wrong', () => {
  test.each([
    ['1a 2', /name of a metric/],
    ['a', /no value/],
    ['a x', /not a number/],
    ['a 0x10', /not a number/],
    ['a{x} 1', /comes =/],
    ['a{x=1} 1', /in quotes/],
    ['a{x="1} 1', /not closed/],
    ['a{x="1" y="2"} 1', /commas/],
    ['a 1 2 3', /follows/],
    ['{x="1"} 1', /no name/],
    ['# TYPE a colour', /no such type/],
    ['# TYPE h histogram\nh 1', /_bucket/],
    ['# TYPE h histogram\nh_bucket 1', /label le/],
    ['# TYPE h histogram\nh_bucket{le="x"} 1', /not a number/],
    [`a{${Array.from({ length: LABELS_MAX + 1 }, (_, i) => `l${i}="x"`).join(',')}} 1`, /labels/],
    [`a{x="${'x'.repeat(5000)}"} 1`, /longer/],
    [`${'a'.repeat(2000)} 1`, /longer/],
  ])('a line such as %s is counted, and the others are read', (line, why) => {
    const page = pageOf(`b 1\n${line}\nc{x="y"} 2\n`);
    expect(page.points.map(({ name }) => name)).toEqual(['b', 'c']);
    expect(page.bad.lines).toBe(1);
    expect(page.bad.first?.line).toBe(1 + line.split('\n').length);
    expect(page.bad.first?.why).toMatch(why);
  });

  test.each([
    ['', 'empty'],
    ['\n \n', 'empty'],
    ['<!DOCTYPE html><html>', 'html'],
    ['\n<html lang="en">', 'html'],
    ['{"status": "ok"}', 'json'],
    ['[1]', 'json'],
    ['{}', 'json'],
    ['\n\u0003app\u0000', 'binary'],
    ['Not found', 'not_metrics'],
    ['a 1\n'.repeat(LINES_MAX + 1), 'too_large'],
    ['#'.repeat(PAGE_MAX + 1), 'too_large'],
  ])('%# is no page: %s', (text, none) => {
    expect(parsePage(text)).toMatchObject({ none });
  });

  test('a page of comments is one without samples', () => {
    expect(pageOf('# HELP a b\n# EOF\n')).toMatchObject({ points: [], samples: 0 });
  });
});

describe('a page of many pieces', () => {
  test('is read as one of a single piece, lines and their numbers too', () => {
    const filler = `# ${'x'.repeat(97)}\n`.repeat(300);
    const page = pageOf(
      `# TYPE h histogram\nh_bucket{le="1"} 2\n${filler}h_bucket{le="+Inf"} 3\n${filler}${filler}bad line\n${filler}h_count 3\nh_sum 4\nä 1\na{x="${'ä'.repeat(2000)}"} 5`,
    );
    expect(page.bad).toEqual({ lines: 2, first: { line: 904, why: expect.stringContaining('not a number') as string } });
    expect(page.points.map(listed)).toMatchObject([
      { name: 'a', value: 5, labels: { x: 'ä'.repeat(2000) } },
      { name: 'h', count: 3, sum: 4, buckets: [{ count: 2 }, { count: 1 }] },
    ]);
  });

  test('has all of its series, however many', () => {
    const series = Array.from({ length: 3000 }, (_, i) => `c_total{id="${i}"} ${i}\nc_created{id="${i}"} ${1000 + i}\n`);
    const { points } = pageOf(
      `# TYPE c counter\n${series.join('')}# TYPE h histogram\n${series.map((_, i) => `h_bucket{id="${i}",le="+Inf"} 1\nh_count{id="${i}"} 1\nh_sum{id="${i}"} 2\n`).join('')}# EOF\n`,
    );
    expect(points).toHaveLength(6000);
    expect(new Set(points.map(({ kind, labels }) => kind + labels['id'])).size).toBe(6000);
    expect(points.every((point) => point.kind !== 'counter' || point.since === 1000 + point.value)).toBe(true);
    expect(
      points.every((point) => point.kind !== 'histogram' || (point.count === 1 && point.sum === 2 && point.buckets.counts.length === 1)),
    ).toBe(true);
  });

  test('may have a line that is too long for one', () => {
    const page = pageOf(`a 1\nb{x="${'x'.repeat(400_000)}"} 1\nc 1\nd{`);
    expect(page.points.map(({ name }) => name)).toEqual(['a', 'c']);
    expect(page.bad).toMatchObject({ lines: 2, first: { line: 2 } });
  });
});

/** Pieces of pages, put together and damaged. */
const damaged = fc
  .tuple(
    fc.constantFrom(...FILES),
    fc.array(
      fc.tuple(
        fc.nat(20_000),
        fc.nat(8),
        fc.oneof(fc.string({ maxLength: 6 }), fc.constantFrom('"', '{', '}', '\\', '\n', 'NaN', ' 0', '# EOF\n', 'le=""')),
      ),
    ),
  )
  .map(([name, edits]) => {
    let text = fixture(name);
    for (const [at, length, put] of edits) {
      const from = at % (text.length + 1);
      text = text.slice(0, from) + put + text.slice(from + length);
    }
    return text;
  });

test('whatever is sent, it is a page or a reason, and no value is made up', () => {
  fc.assert(
    fc.property(fc.oneof(damaged, fc.string(), fc.string({ unit: 'binary' })), fc.constantFrom(true, false, null), (text, openMetrics) => {
      const page = parsePage(text, openMetrics);
      if ('none' in page) {
        expect(page.why).not.toBe('');
        return;
      }
      expect(page.points.length).toBeLessThanOrEqual(page.samples);
      for (const point of page.points) {
        // A zero is on the page as one.
        if (point.kind === 'gauge' || point.kind === 'counter') {
          expect(Number.isFinite(point.value)).toBe(true);
          if (point.value === 0) expect(text).toMatch(/[\s}][+-]?(?:0+\.?0*|\.0+)(?:e[+-]?\d+)?(?:\s|$)|e-\d{3}/i);
        }
        if (point.kind === 'histogram') {
          expect(point.count).toBeGreaterThanOrEqual(0);
          for (const { over, to, count } of bucketsOf(point.buckets)) expect(over < to && count >= 0).toBe(true);
        }
      }
    }),
    { numRuns: fc.tries(2000) },
  );
});

test('what is written is what is read', () => {
  const name = fc.stringMatching(/^[a-zA-Z_:][a-zA-Z0-9_:]{0,20}$/);
  const label = fc.stringMatching(/^[a-zA-Z][a-zA-Z0-9_]{0,10}$/);
  const labels = fc.dictionary(label, fc.string({ unit: 'grapheme', maxLength: 20 }), { maxKeys: 5, noNullPrototype: true });
  const escaped = (value: string): string => value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
  fc.assert(
    fc.property(name, labels, fc.double({ noNaN: true, noDefaultInfinity: true }), (called, given, value) => {
      const inner = Object.entries(given).map(([key, text]) => `${key}="${escaped(text)}"`);
      const written = Object.is(value, -0) ? '-0' : String(value);
      const [point] = pageOf(`${called}{${inner.join(',')}} ${written}\n`).points;
      expect(point).toMatchObject({ name: called, value });
      expect(point?.labels).toEqual(given);
    }),
  );
});
