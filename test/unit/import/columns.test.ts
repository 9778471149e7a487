import { describe, expect, test } from 'vitest';
import { type ColumnOptions, Columns, matches } from '../../../src/import/columns.ts';
import { type Field, meaningOf } from '../../../src/import/meaning.ts';
import { scaleOf, splitUnit } from '../../../src/import/units.ts';

const NOTHING: ColumnOptions = { kinds: new Map(), scales: new Map(), load: null, loadIs: null, restarts: null, only: [] };

function field(name: string, rest: Partial<Field> = {}): Field {
  return { name, metric: name, labels: {}, isText: false, unit: null, ...rest };
}

function decided(names: readonly string[], options: Partial<ColumnOptions> = {}): Record<string, string> {
  const fields = names.map((name) => field(name));
  const columns = new Columns(fields, { ...NOTHING, ...options });
  return Object.fromEntries(fields.map((one) => [one.name, columns.of(one).use]));
}

describe('units in names', () => {
  test.each([
    ['rss_kb', 'rss', 1024],
    ['heap [MB]', 'heap', 1e6],
    ['heap (MiB)', 'heap', 1024 ** 2],
    ['heapUsedMB', 'heapUsed', 1e6],
    ['latency_ms', 'latency', 0.001],
    ['process_resident_memory_bytes', 'process_resident_memory', 1],
    ['bytes_sent_bytes_total', 'bytes_sent', 1],
    ['cpu_percent', 'cpu', 0.01],
    ['cpu %', 'cpu', 0.01],
    ['%MEM', 'MEM', 0.01],
  ])('%s', (name, stem, factor) => {
    expect(splitUnit(name)).toMatchObject({ stem, scale: { factor } });
  });

  test.each([['fds'], ['b'], ['load_m'], ['latency_min'], ['goroutines'], ['tasks_k']])('%s has none', (name) => {
    expect(splitUnit(name).scale).toBeNull();
  });

  test('words that are no unit are none', () => {
    expect(['parsec', '', 'constructor', '__proto__'].map(scaleOf)).toEqual([null, null, null, null]);
  });
});

test('requests so far are the load, and what may be requests says how it becomes it', () => {
  const fields = ['rss_kb', 'http_requests_total', 'requests'].map((name) => field(name));
  const as = (options: Partial<ColumnOptions>): string[] => {
    const columns = new Columns(fields, { ...NOTHING, ...options });
    return fields.map((one) => columns.of(one).as);
  };
  const [, total, requests] = as({});
  expect(total).toBe('load, requests so far, by its name');
  expect(requests).toMatch(/of unknown meaning; if it is what was asked of the program, --load NAME, with --load-is total for all so far$/);
  expect(as({ load: 'requests' })[2]).toBe('load, requests a second, as you said');
  expect(as({ load: 'http_requests_total' })[1]).toBe('load, requests so far, as you said');
  expect(as({ loadIs: 'rate' })[1]).toBe('load, requests a second, by its name');
});

describe('what names mean', () => {
  test.each([
    ['rss_kb', 'memory'],
    ['anon_kb', 'memory'],
    ['heapUsed', 'memory'],
    ['container_memory_working_set_bytes', 'memory'],
    ['fds', 'count'],
    ['process_open_fds', 'count'],
    ['go_goroutines', 'count'],
    ['nodejs_active_handles_total', 'count'],
    ['tcp_est', 'count'],
    ['http_requests_total', 'load'],
    ['http_server_requests_seconds_count', 'load'],
    ['requests_served_total', 'load'],
    ['http_client_requests_total', 'counter'],
    ['dropped_requests_total', 'counter'],
    ['http_server_requests_seconds_sum', 'counter'],
    ['requests_in_flight', 'count'],
    ['requests', 'gauge'],
    ['minflt', 'counter'],
    ['utime', 'work'],
    ['process_cpu_seconds_total', 'work'],
    ['cpu', 'work'],
    ['Process(api)\\\\Handle Count', 'count'],
    ['Process(api)\\\\% Processor Time', 'work'],
    ['vcsw', 'work'],
    ['rchar', 'work'],
    ['CPUPerc', 'work'],
    ['PIDs', 'count'],
    ['Open files', 'count'],
    ['File Descriptors [count]', 'count'],
    ['threads (none)', 'count'],
    ['In-Flight', 'count'],
    ['Working Set', 'memory'],
    ['Requests per second', 'load'],
    ['Start Time', 'restarts'],
    ['NetIO_bytes', 'counter'],
    ['BlockIO_bytes', 'counter'],
    ['rx_buffer_bytes', 'memory'],
    ['recv_q_bytes', 'memory'],
    ['tx_queue_length_bytes', 'memory'],
    ['sent_pending_bytes', 'memory'],
    ['disk_io_time_ms', 'gauge'],
    ['rx_bytes', 'counter'],
    ['net_sent_mb', 'counter'],
    ['rps', 'load'],
    ['latency_ms', 'latency'],
    ['p99', 'latency'],
    ['pid', 'restarts'],
    ['process_start_time_seconds', 'restarts'],
    ['temperature', 'gauge'],
  ])('%s', (name, kind) => {
    expect(meaningOf(field(name)).kind).toBe(kind);
  });
});

describe('errors', () => {
  test.each([
    ['error_rate', 'level', 'judged', 'gauge'],
    ['failed_requests_per_s', 'level', 'judged', 'gauge'],
    ['errors %', 'level', 'judged', 'gauge'],
    ['errors_total', 'total', 'judged', 'counter'],
    ['connection_errors_total', 'total', 'judged', 'counter'],
    ['http_5xx', 'unsaid', 'advisory', 'gauge'],
    ['allocFailures', 'unsaid', 'advisory', 'gauge'],
  ] as const)('%s: %s', (name, errors, use, kind) => {
    const one = field(name);
    expect(meaningOf(one).errors).toBe(errors);
    const column = new Columns([field('rss_kb'), one], NOTHING).of(one);
    expect(column).toMatchObject({
      use,
      def: { kind, resource: 'errors', growth: 'drift', ...(use === 'judged' ? { gate: 'gated' } : {}) },
    });
  });

  test.each([['terrors'], ['error_log_bytes'], ['error_latency_ms'], ['failed_queue_length'], ['mem_failsafe']])('%s are none', (name) => {
    expect(meaningOf(field(name)).errors).toBeUndefined();
  });

  test('what the user said of a count of errors holds', () => {
    const one = field('http_5xx');
    const column = new Columns([one], { ...NOTHING, kinds: new Map([['http_5xx', 'counter']]) }).of(one);
    expect(column).toMatchObject({ use: 'judged', def: { kind: 'counter', resource: 'errors' } });
  });
});

describe('what is done with columns', () => {
  test('resident memory decides alone, and stands beside private memory', () => {
    expect(decided(['rss_kb', 'vsz_kb'])).toEqual({ rss_kb: 'judged', vsz_kb: 'advisory' });
    expect(decided(['rss_kb', 'anon_kb', 'heap_kb'])).toEqual({ rss_kb: 'advisory', anon_kb: 'judged', heap_kb: 'judged' });
    expect(decided(['vsz_kb'])).toEqual({ vsz_kb: 'judged' });
  });

  test('figures of unknown meaning decide when nothing else does', () => {
    expect(decided(['fds', 'temperature'])).toEqual({ fds: 'judged', temperature: 'advisory' });
    expect(decided(['temperature', 'value'])).toEqual({ temperature: 'judged', value: 'judged' });
  });

  test('the user decides over names', () => {
    const kinds = new Map([['requests_total', 'count']] as const);
    expect(decided(['rss_kb', 'requests_total'], { kinds })['requests_total']).toBe('judged');
    expect(decided(['rss_kb', 'vsz_kb', 'rps'], { only: ['vsz*'] })).toEqual({ rss_kb: 'skipped', vsz_kb: 'judged', rps: 'skipped' });
    expect(decided(['rps', 'hits'], { load: 'hits' })).toEqual({ rps: 'shown', hits: 'load' });
    expect(decided(['pid', 'gen'], { restarts: 'gen' })).toEqual({ pid: 'shown', gen: 'restarts' });
  });

  test('only one metric is the load, and one tells of restarts', () => {
    expect(decided(['rps', 'qps', 'pid', 'start_time'])).toEqual({ rps: 'load', qps: 'shown', pid: 'restarts', start_time: 'shown' });
  });

  test('CPU columns show work even beside --only', () => {
    expect(decided(['utime', 'rss_kb'], { only: ['rss_kb'] })).toEqual({ utime: 'work', rss_kb: 'judged' });
  });

  test('memory and descriptors must be conclusive, other counts may fail', () => {
    const fields = ['rss_kb', 'fds', 'threads'].map((name) => field(name));
    const columns = new Columns(fields, NOTHING);
    expect(fields.map((one) => columns.of(one).def?.gate)).toEqual(['required', 'required', 'gated']);
  });

  test('a unit that is given is the one', () => {
    const scales = new Map([['rss', scaleOf('kB')!]]);
    const columns = new Columns([field('rss')], { ...NOTHING, scales });
    expect(columns.of(field('rss'))).toMatchObject({ factor: 1024, def: { unit: 'By' } });
  });

  test('patterns mean what they say', () => {
    expect([matches('a.*', 'a.b'), matches('a.*', 'axb'), matches('*kb', 'rss_kb'), matches('rss', 'rss_kb')]).toEqual([
      true,
      false,
      true,
      false,
    ]);
  });
});
