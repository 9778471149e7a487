import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseSelector } from '../../src/intake/match.ts';
import type { Point } from '../../src/intake/point.ts';
import { PRESET_SIGNALS, recognised, signalsOf } from '../../src/intake/presets.ts';
import { type Meanings, Signals } from '../../src/intake/signals.ts';
import { AGGREGATE_OF, GROWTH_OF, type SignalSpec } from '../../src/intake/signals-spec.ts';
import { type Series, seriesLabel, SeriesTable } from '../../src/series.ts';
import { METRICS as POOL } from '../../src/sources/pool-metrics.ts';
import { METRICS as PROCESS } from '../../src/sources/process.ts';
import { METRICS as RUNTIME } from '../../src/sources/runtime.ts';
import { METRICS as TRAFFIC } from '../../src/sources/traffic.ts';
import type { RunEvent } from '../../src/tick.ts';
import { countsOf } from '../histograms.ts';
import { parsePage } from '../pages.ts';
import * as fc from '../property.ts';

const FIXTURES = join(import.meta.dirname, '../fixtures/exposition');
const BEGAN = 1_767_225_600;

const MEANINGS: Meanings = {
  heap: { source: 'runtime', def: RUNTIME.heap },
  'heap.limit': { source: 'runtime', def: RUNTIME.heapLimit },
  threads: { source: 'scrape', def: PROCESS.threads },
  requests: { source: 'traffic', def: TRAFFIC.requests },
  errors: { source: 'traffic', def: TRAFFIC.errors },
  'pool.reported': { source: 'scrape', def: POOL.reported },
  'pool.reported_max': { source: 'scrape', def: POOL.reportedMax },
};

interface Short extends Partial<Omit<SignalSpec, 'match' | 'over'>> {
  readonly match: string | readonly string[];
  readonly over?: string;
}

function spec({ match, over, kind = 'level', ...rest }: Short): SignalSpec {
  return {
    name: 's',
    match: [match].flat().map(parseSelector),
    over: over === undefined ? null : [parseSelector(over)],
    kind,
    aggregate: AGGREGATE_OF[kind],
    by: [],
    unit: '{value}',
    scale: 1,
    growth: GROWTH_OF[kind],
    limit: null,
    from: 'app',
    target: null,
    as: null,
    within: [-Infinity, Infinity],
    preset: null,
    ...rest,
  };
}

/** Signals at work on pages, with what they set and say. */
class Bench {
  readonly table: SeriesTable;
  readonly signals: Signals;
  readonly events: { kind: string; message: string; about: Partial<RunEvent> | undefined }[] = [];
  #at = 0;

  constructor(specs: readonly SignalSpec[], table = new SeriesTable()) {
    this.table = table;
    this.signals = new Signals(specs, { series: table, meanings: MEANINGS, began: BEGAN });
  }

  /** What a page gives, by series. */
  page(text: string, origin = 'app', target: string | null = 'api'): Record<string, number> {
    const parsed = parsePage(text);
    return this.points('none' in parsed ? [] : parsed.points, origin, target);
  }

  points(points: readonly Point[], origin = 'app', target: string | null = 'api'): Record<string, number> {
    const set: Record<string, number> = {};
    this.signals.take(points, { name: origin, target });
    const sink = {
      set: (id: number, value: number) => {
        if (id >= 0) set[this.labelOf(this.table.get(id))] = value;
      },
      event: (kind: string, message: string, about?: Partial<RunEvent>) => void this.events.push({ kind, message, about }),
    };
    this.signals.flush(origin, sink, { at: (this.#at += 10), period: 10 });
    return set;
  }

  labelOf(series: Series): string {
    return seriesLabel(series).replace('signal.', '');
  }
}

const QUEUES = '# TYPE q gauge\nq{queue="a",node="1"} 3\nq{queue="a",node="2"} 4\nq{queue="b",node="1"} 5\nq{queue="dead"} 100\n';

describe('levels', () => {
  test.each([
    ['sum', 12],
    ['max', 5],
    ['min', 3],
    ['mean', 4],
  ] as const)('%s of the series that match', (aggregate, value) => {
    expect(new Bench([spec({ match: 'q{queue!="dead"}', aggregate })]).page(QUEUES)).toEqual({ 'api s': value });
  });

  test('labels are kept as asked', () => {
    expect(new Bench([spec({ match: 'q', by: ['queue'], scale: 2 })]).page(QUEUES)).toEqual({
      'api s{queue="a"}': 14,
      'api s{queue="b"}': 10,
      'api s{queue="dead"}': 200,
    });
    expect(new Bench([spec({ match: 'q{queue="dead"}', by: ['node'] })]).page(QUEUES)).toEqual({ 'api s{node=""}': 100 });
  });

  test('twenty values of a label are told apart, the others are one', () => {
    const bench = new Bench([spec({ match: 'q', by: ['id'] })]);
    const text = Array.from({ length: 30 }, (_, i) => `q{id="${i}"} 1`).join('\n');
    const set = bench.page(text);
    expect(Object.keys(set)).toHaveLength(21);
    expect(set['api s{id="other"}']).toBe(10);
    bench.page(text);
    expect(bench.events.map(({ kind }) => kind)).toEqual(['cap']);
    expect(bench.page('q{id="29"} 7\nq{id="3"} 1')).toEqual({ 'api s{id="other"}': 7, 'api s{id="3"}': 1 });
  });

  test('a resumed run goes on with the values it had', () => {
    const first = new Bench([spec({ match: 'q', by: ['id'] })]);
    first.page(Array.from({ length: 20 }, (_, i) => `q{id="old${i}"} 1`).join('\n'));
    const resumed = new Bench([spec({ match: 'q', by: ['id'] })], first.table);
    expect(resumed.page('q{id="new"} 1\nq{id="old3"} 2')).toEqual({ 'api s{id="other"}': 1, 'api s{id="old3"}': 2 });
  });

  test('of several names the first that is there counts', () => {
    const bench = new Bench([spec({ match: ['best', 'second'] })]);
    expect(bench.page('second 2\nbest 1')).toEqual({ 'api s': 1 });
    expect(bench.page('second 2')).toEqual({ 'api s': 2 });
  });

  test('what an exporter says for "not known" is no value', () => {
    const bench = new Bench([spec({ match: 'q', within: [0, 1000] })]);
    expect(bench.page('q{p="0"} 5\nq{p="1"} -1')).toEqual({ 'api s': 5 });
    expect(bench.page('q{p="0"} -1')).toEqual({});
  });

  test('a series that vanishes has no value: absent is not zero', () => {
    const bench = new Bench([spec({ match: 'q' })]);
    expect(bench.page('q 5')).toEqual({ 'api s': 5 });
    for (let i = 0; i < 5; i++) expect(bench.page('other 1')).toEqual({});
    expect(bench.events).toHaveLength(1);
    expect(bench.page('q 0')).toEqual({ 'api s': 0 });
  });
});

describe('what counts', () => {
  const counter = (value: number, labels = ''): string => `# TYPE c_total counter\nc_total${labels} ${value}\n`;

  test('is counted since the agent looks, over restarts', () => {
    const bench = new Bench([spec({ match: 'c_total', kind: 'counter' })]);
    expect([1000, 1010, 1010, 4, 9].map((value) => bench.page(counter(value))['api s'])).toEqual([0, 10, 10, 14, 19]);
  });

  test('a series that appears later began in between; one that comes back goes on', () => {
    const bench = new Bench([spec({ match: 'c_total', kind: 'counter' })]);
    bench.page(counter(100, '{code="200"}'));
    expect(bench.page(`${counter(110, '{code="200"}')}c_total{code="500"} 3\n`)).toEqual({ 'api s': 13 });
    expect(bench.page(counter(110, '{code="200"}'))).toEqual({ 'api s': 13 });
    expect(bench.page(`${counter(110, '{code="200"}')}c_total{code="500"} 5\n`)).toEqual({ 'api s': 15 });
  });

  test('a start that is told decides what is new', () => {
    const bench = new Bench([spec({ match: 'c_total', kind: 'counter' })]);
    const page = (value: number, since: number, label = 'a'): string =>
      `# TYPE c counter\nc_total{l="${label}"} ${value}\nc_created{l="${label}"} ${since}\n# EOF\n`;
    expect(bench.page(page(50, BEGAN - 100))).toEqual({ 'api s': 0 });
    expect(bench.page(page(60, BEGAN + 50))).toEqual({ 'api s': 60 }); // restarted, and has come further than before
    expect(bench.page(page(7, BEGAN - 100, 'b'))).toEqual({ 'api s': 60 }); // older than the run
  });

  test('deltas are added, those of one span as well', () => {
    const bench = new Bench([spec({ match: 'c', kind: 'counter', from: 'inbound' })]);
    const delta = (value: number): Point => ({
      kind: 'counter',
      temporality: 'delta',
      name: 'c',
      unit: '',
      labels: {},
      wall: null,
      since: null,
      value,
    });
    expect(bench.points([delta(3), delta(4)], 'inbound')).toEqual({ 'api s': 7 });
    expect(bench.points([delta(1)], 'inbound')).toEqual({ 'api s': 8 });
  });

  test('an untyped series counts when the user says so, and lines of histograms do', () => {
    const bench = new Bench([
      spec({ match: 'x', kind: 'counter' }),
      spec({ name: 'n', match: 'h_count', kind: 'counter' }),
      spec({ name: 't', match: 'h_sum', kind: 'counter' }),
    ]);
    const page = (n: number): string => `x ${n}\n# TYPE h histogram\nh_bucket{le="+Inf"} ${n}\nh_sum ${n * 2}\nh_count ${n}\n`;
    bench.page(page(1));
    expect(bench.page(page(4))).toEqual({ 'api s': 3, 'api n': 3, 'api t': 6 });
  });
});

describe('ratios', () => {
  test('of what was counted in the span; a share of nothing is not known', () => {
    const bench = new Bench([spec({ match: 'c_total{r="hit"}', over: 'c_total', kind: 'ratio' })]);
    const page = (hit: number, miss: number): string => `# TYPE c_total counter\nc_total{r="hit"} ${hit}\nc_total{r="miss"} ${miss}\n`;
    expect(bench.page(page(900, 100))).toEqual({});
    expect(bench.page(page(903, 101))).toEqual({ 'api s': 0.75 });
    expect(bench.page(page(903, 101))).toEqual({});
    expect(bench.page(page(903, 105))).toEqual({ 'api s': 0 });
  });

  test('of levels as they are, by label', () => {
    const bench = new Bench([spec({ match: 'used', over: 'max', kind: 'ratio', by: ['pool'] })]);
    expect(bench.page('used{pool="a"} 3\nmax{pool="a"} 10\nused{pool="b"} 1\nmax{pool="b"} 0\nused{pool="c"} 1')).toEqual({
      'api s{pool="a"}': 0.3,
    });
  });
});

describe('latencies', () => {
  const BOUNDS = [0.1, 0.14, 0.2, 1];
  const page = (counts: readonly number[], sum: number): string => {
    let below = 0;
    const lines = counts.map((count, i) => `h_bucket{le="${BOUNDS[i] ?? '+Inf'}"} ${(below += count)}`);
    return `# TYPE h histogram\n${lines.join('\n')}\nh_sum ${sum}\nh_count ${below}\n`;
  };

  test('mean and quantiles are of the span, and only where buckets resolve them', () => {
    const bench = new Bench([spec({ match: 'h', kind: 'latency', unit: 's' })]);
    expect(bench.page(page([1000, 0, 0, 0, 0], 50))).toEqual({});
    const set = bench.page(page([1000, 90, 9, 1, 0], 63));
    expect(set['api s']).toBeCloseTo(0.13);
    expect(set['api s.quantile{soak.quantile="0.5"}']).toBeCloseTo(0.1 + 0.04 * (50 / 90));
    expect(set['api s.quantile{soak.quantile="0.95"}']).toBeCloseTo(0.14 + 0.06 * (5 / 9));
    expect(set['api s.quantile{soak.quantile="0.99"}']).toBeCloseTo(0.2);
    const wide = bench.page(page([1010, 90, 9, 91, 0], 120));
    expect(Object.keys(wide)).toEqual(['api s']); // half below 0.1 s, the other half anywhere up to a second
    expect(bench.page(page([1010, 90, 9, 91, 0], 120))).toEqual({});
  });

  test('other buckets than before have a mean only, and a summary has one', () => {
    const bench = new Bench([spec({ match: 'h', kind: 'latency' }), spec({ name: 'm', match: 'y', kind: 'latency' })]);
    const summary = (sum: number, count: number): string => `# TYPE y summary\ny{quantile="0.5"} 3\ny_sum ${sum}\ny_count ${count}\n`;
    bench.page(page([5, 5, 5, 5, 5], 10) + summary(1, 1));
    expect(
      bench.page(`# TYPE h histogram\nh_bucket{le="0.11"} 30\nh_bucket{le="+Inf"} 30\nh_sum 11\nh_count 30\n${summary(7, 3)}`),
    ).toEqual({
      'api s': 0.2,
      'api m': 3,
    });
  });

  test('of plain numbers the worst counts', () => {
    expect(new Bench([spec({ match: 'lag', kind: 'latency' })]).page('lag{i="1"} 0.2\nlag{i="2"} 0.5')).toEqual({ 'api s': 0.5 });
  });
});

describe('what stands for a metric of the agent', () => {
  test('is recorded as that metric, where the judge looks for it', () => {
    const bench = new Bench([spec({ match: 'live', as: 'heap' }), spec({ name: 'l', match: 'max', as: 'heap.limit' })]);
    expect(bench.page('live 1e6\nmax 4e6')).toEqual({ 'api heap': 1e6, 'api soak.runtime.heap.limit': 4e6 });
    expect(bench.table.all().map(({ source, def }) => [source, def])).toEqual([
      ['runtime', RUNTIME.heap],
      ['runtime', RUNTIME.heapLimit],
    ]);
  });

  test('is left to the counters of a JVM that is read here', () => {
    const bench = new Bench([spec({ match: 'live', as: 'heap' })]);
    bench.table.open({ source: 'runtime', target: 'api', member: null, period: 5 }, RUNTIME.used, { 'jvm.memory.pool.name': 'old' });
    expect(bench.page('live 1e6')).toEqual({});
    expect(bench.page('live 1e6', 'app', 'other')).toEqual({ 'other heap': 1e6 });
  });

  test('is taken from one page only', () => {
    const bench = new Bench([spec({ match: 'live', as: 'heap' }), spec({ match: 'live', as: 'heap', from: 'b' })]);
    expect(bench.page('live 1')).toEqual({ 'api heap': 1 });
    expect(bench.page('live 2', 'b')).toEqual({});
    expect(bench.page('live 2', 'b')).toEqual({});
    expect(bench.events).toMatchObject([{ kind: 'cap' }]);
    expect(bench.events[0]?.message).toContain('is taken from app');
  });
});

describe('what the user is told', () => {
  test.each([
    ['app_queue_dept', /matches nothing of app; did you mean app_queue_depth\?/],
    ['app_queue_depth{queue="x"}', /there is such a metric, but with other labels/],
    ['nothing_like_it', /matches nothing of app$/],
  ])('%s matches nothing: once, after three pages, with what is near', (match, why) => {
    const bench = new Bench([spec({ match })]);
    for (let i = 0; i < 2; i++) bench.page('app_queue_depth{queue="mail"} 1');
    expect(bench.events).toEqual([]);
    for (let i = 0; i < 3; i++) bench.page('app_queue_depth{queue="mail"} 1');
    expect(bench.events).toMatchObject([{ kind: 'blind', about: { target: 'api', data: { metric: 'soak.signal.s' } } }]);
    expect(bench.events[0]?.message).toMatch(why);
  });

  test('presets are silent about what is not there', () => {
    const bench = new Bench(PRESET_SIGNALS.map((signal) => ({ ...signal, from: 'app', target: null })));
    for (let i = 0; i < 5; i++) bench.page('x 1');
    expect(bench.events).toEqual([]);
  });

  test('a histogram is no level', () => {
    const bench = new Bench([spec({ match: 'h' })]);
    bench.page('# TYPE h histogram\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1');
    expect(bench.events[0]?.message).toContain('h is a histogram, of which there is no level');
  });
});

describe('bounds', () => {
  test('a sum over more series than are taken is not given', () => {
    const bench = new Bench([spec({ match: 'q' })]);
    const many = Array.from({ length: 10_001 }, (_, i) => `q{i="${i}"} 1`).join('\n');
    expect(bench.page(many)).toEqual({});
    expect(bench.events).toMatchObject([{ kind: 'cap' }]);
    expect(bench.page('q 1')).toEqual({ 'api s': 1 });
  });

  test('all signals together take no more than there is room for, and none of them half of its series', () => {
    const bench = new Bench(['a', 'b', 'c'].map((name) => spec({ name, match: 'q' })));
    const many = Array.from({ length: 8000 }, (_, i) => `q{i="${i}"} 1`).join('\n');
    expect(bench.page(many)).toEqual({});
    expect(bench.events.map(({ kind }) => kind)).toEqual(['cap', 'cap', 'cap']);
    expect(bench.page('q 1')).toEqual({ 'api a': 1, 'api b': 1, 'api c': 1 });
  });

  test('ever new series are forgotten, not kept', () => {
    const bench = new Bench([spec({ match: 'c_total', kind: 'counter' })]);
    let last = 0;
    for (let round = 0; round < 8; round++) {
      const page = Array.from({ length: 5000 }, (_, i) => `c_total{id="${round}-${i}"} 1`).join('\n');
      last = bench.page(`# TYPE c_total counter\n${page}`)['api s'] ?? NaN;
    }
    expect(last).toBe(7 * 5000);
    expect(bench.events).toEqual([]);
  });

  test('whatever arrives, nothing is thrown, and there are never more series than groups', () => {
    const labels = fc.dictionary(fc.constantFrom('a', 'b', '__proto__', 'constructor'), fc.string({ maxLength: 3 }));
    const figures = {
      unit: fc.constant(''),
      labels,
      wall: fc.constant(null),
      since: fc.option(fc.double()),
      name: fc.constantFrom('m', 'm_count'),
    };
    const number = fc.double({ noNaN: true, noDefaultInfinity: true });
    const point = fc.oneof(
      fc.record({ ...figures, kind: fc.constant('gauge' as const), value: number }),
      fc.record({
        ...figures,
        kind: fc.constant('counter' as const),
        temporality: fc.constantFrom('delta' as const, 'cumulative' as const),
        value: number,
      }),
      fc.record({
        ...figures,
        kind: fc.constant('histogram' as const),
        temporality: fc.constantFrom('delta' as const, 'cumulative' as const),
        count: number,
        sum: fc.option(number),
        buckets: fc.array(fc.record({ over: number, to: number, count: number }), { maxLength: 3 }).map(countsOf),
      }),
      fc.record({
        ...figures,
        kind: fc.constant('summary' as const),
        count: fc.option(number),
        sum: fc.option(number),
        quantiles: fc.constant([]),
      }),
    );
    const kinds = fc.constantFrom('level' as const, 'backlog' as const, 'counter' as const, 'ratio' as const, 'latency' as const);
    fc.assert(
      fc.property(fc.array(fc.array(point)), kinds, (pages, kind) => {
        const bench = new Bench([spec({ match: 'm{a!="x"}', over: 'm', kind, by: ['a', 'b'] })]);
        for (const points of pages) {
          const set = bench.points(points);
          if (points.length === 0) expect(set).toEqual({});
        }
        expect(bench.table.size).toBeLessThanOrEqual(21 * 5);
      }),
    );
  });
});

describe('presets', () => {
  const apply = (name: string, target: string | null = 'api', roles: readonly string[] = []): Record<string, number> => {
    const specs = signalsOf({ scrapes: [{ name: 'app', presets: null, target }], signals: [], roles, inbound: false });
    const bench = new Bench(specs);
    const text = readFileSync(join(FIXTURES, name), 'utf8');
    bench.page(text, 'app', target);
    return bench.page(text, 'app', target);
  };

  test.each([
    ['go-node_exporter-1.5.txt', ['go', 'process']],
    ['go-prometheus-2.42.txt', ['go', 'process']],
    ['node-prom-client-15.1.txt', ['node', 'process']],
    ['node-prom-client-15.1.om', ['node', 'process']],
    ['python-client-0.16.om', ['python', 'process']],
    ['documented-jvm-micrometer.txt', ['jvm', 'pools']],
    ['documented-jvm-otel.txt', ['jvm']],
    ['documented-go-runtime.txt', ['go']],
    ['documented-go-sql.txt', ['pools']],
    ['documented-otel-db.txt', ['pools']],
    ['documented-kafka_exporter.txt', ['kafka']],
    ['documented-queues.txt', ['kafka', 'queues']],
  ])('%s is recognised', (name, presets) => {
    const page = parsePage(readFileSync(join(FIXTURES, name), 'utf8'));
    expect('none' in page ? [] : recognised(new Set(page.points.map(({ name: called }) => called)))).toEqual(presets);
  });

  test('Node: old space, handles, and how late the loop is', () => {
    const set = apply('node-prom-client-15.1.txt');
    expect(set['api node_heap_old']).toBeGreaterThan(1e6);
    expect(set['api node_loop_p99']).toBeGreaterThan(0);
    expect(set['api node_gc_time']).toBe(0);
    expect(set['api node_handles']).toBe(0);
    expect(set['api process_memory']).toBeGreaterThan(1e7);
  });

  test('a process that is watched here needs no page for its memory, and that of an exporter is nobody’s concern', () => {
    expect(apply('node-prom-client-15.1.txt', 'api', ['api'])['api process_memory']).toBeUndefined();
    expect(apply('go-node_exporter-1.5.txt', null)).toEqual({});
  });

  test('Go: the live heap is the heap, and no limit is none', () => {
    expect(apply('documented-go-runtime.txt')).toEqual({ 'api heap': 36_086_472, 'api go_goroutines': 24, 'api go_gc_cpu': 0 });
    expect(apply('go-node_exporter-1.5.txt')['api heap']).toBeUndefined();
    expect(apply('go-node_exporter-1.5.txt')['api go_goroutines']).toBe(7);
  });

  test('JVM: what a collection left is the heap, whoever tells it', () => {
    expect(apply('documented-jvm-micrometer.txt')).toMatchObject({
      'api heap': 33_554_432,
      'api soak.runtime.heap.limit': 536_870_912,
      'api jvm_threads': 31,
      'api hikari_active{pool="HikariPool-1"}': 2,
    });
    expect(apply('documented-jvm-otel.txt')).toEqual({
      'api heap': 20_971_520,
      'api soak.runtime.heap.limit': 536_870_912,
      'api jvm_threads': 15,
    });
  });

  test('pools: how many connections all of them have, take and may have; no limit is none', () => {
    expect(apply('documented-go-sql.txt')).toEqual({ 'api pool.reported': 8, 'api pool.reported_max': 20, 'api pool_used': 3 });
    expect(apply('documented-otel-db.txt')).toEqual({
      'api pool.reported': 7,
      'api pool.reported_max': 10,
      'api pool_used': 2,
      'api pool_pending': 0,
    });
    expect(apply('documented-jvm-micrometer.txt')).toMatchObject({ 'api pool.reported_max': 10 });
  });

  test('before its first full collection a JVM tells 0, which is not known', () => {
    const bench = new Bench(
      signalsOf({ scrapes: [{ name: 'app', presets: ['jvm'], target: 'api' }], signals: [], roles: [], inbound: false }),
    );
    expect(bench.page('# TYPE jvm_gc_live_data_size_bytes gauge\njvm_gc_live_data_size_bytes 0\njvm_gc_max_data_size_bytes -1')).toEqual(
      {},
    );
  });

  test('Kafka: lag by group, and a partition without a committed offset has none', () => {
    const set = apply('documented-kafka_exporter.txt', null);
    expect(set).toEqual({
      'app kafka_lag{consumergroup="billing"}': 12,
      'app kafka_lag{consumergroup="mail"}': 3,
      'app kafka_members{consumergroup="billing"}': 2,
      'app kafka_members{consumergroup="mail"}': 1,
    });
  });

  test('queues of each kind', () => {
    expect(apply('documented-queues.txt', null)).toEqual({
      'app kafka_group_lag{group="billing"}': 4,
      'app kafka_lag_time{group="billing"}': 2.5,
      'app rabbitmq_messages{queue="orders"}': 7,
      'app rabbitmq_unacked{queue="orders"}': 2,
      'app bullmq_waiting{queue="mail"}': 6,
      'app bullmq_delayed{queue="mail"}': 4,
      'app celery_queue{queue_name="celery"}': 9,
      'app sidekiq_queue{queue="default"}': 3,
    });
  });

  test('a declaration of the user takes the place of one of the same name', () => {
    const own = spec({ name: 'go_goroutines', match: 'x' });
    const specs = signalsOf({ scrapes: [{ name: 'app', presets: null, target: 'api' }], signals: [own], roles: [], inbound: true });
    expect(specs.filter(({ name, from }) => name === 'go_goroutines' && from === 'app')).toEqual([own]);
  });

  test('names are each one metric', () => {
    const names = PRESET_SIGNALS.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });
});
