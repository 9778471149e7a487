import * as fc from '../property.ts';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { seriesLabel, SeriesTable } from '../../src/series.ts';
import { aclLine } from '../../src/sources/redis-acl.ts';
import { addressOf, loginOf } from '../../src/sources/redis-address.ts';
import { CLIENTS_MAX, isUnixSocket, parseAddress, parseClients, stateOf } from '../../src/sources/redis-clients.ts';
import type { Reply } from '../../src/sources/redis-connection.ts';
import { FIGURES } from '../../src/sources/redis-figures.ts';
import {
  commandsOf,
  databasesOf,
  errorsOf,
  figureOf,
  isAtLeast,
  numberOf,
  parseFields,
  parseInfo,
  productOf,
  replicationOf,
} from '../../src/sources/redis-info.ts';
import { parseGroups, parseHistograms, parseLatest, parsePending, parseSlowlog } from '../../src/sources/redis-replies.ts';
import { HitRatio, MeanTimes, OTHER, Quantiles, Slots, sumBySlot } from '../../src/sources/redis-windows.ts';

const FIXTURES = join(import.meta.dirname, '../fixtures/redis');
const fixture = (name: string): string => readFileSync(join(FIXTURES, name), 'utf8');

/** What the figures of INFO say, by the label of their series. */
function figures(name: string): Record<string, number> {
  const info = parseInfo(fixture(name));
  const table = new SeriesTable();
  const owner = { source: 'redis', target: 'cache', member: null, period: 10 };
  return Object.fromEntries(
    FIGURES.flatMap((figure) => {
      const value = figure.value(info);
      return value === null ? [] : [[seriesLabel(table.get(figure.series(table, owner))).slice('cache '.length), value]];
    }),
  );
}

describe('INFO', () => {
  test.each([
    ['redis-6.2.info', { name: 'Redis', version: '6.2.14' }],
    ['redis-7.0.15.info', { name: 'Redis', version: '7.0.15' }],
    ['redis-7.2.info', { name: 'Redis', version: '7.2.7' }],
    ['redis-8.2.info', { name: 'Redis', version: '8.2.1' }],
    ['valkey-8.1.info', { name: 'Valkey', version: '8.1.3' }],
    ['valkey-9.0.info', { name: 'Valkey', version: '9.0.0' }],
  ])('%s is of its product, and tells what all versions tell', (name, product) => {
    expect(productOf(parseInfo(fixture(name)))).toEqual(product);
    const told = figures(name);
    for (const label of ['redis.memory', 'redis.memory.rss', 'redis.clients', 'redis.clients.max', 'redis.commands', 'redis.uptime']) {
      expect(told[label], label).toBeGreaterThan(0);
    }
    expect(told['redis.cpu.time{state="user"}']).toBeGreaterThan(0);
    expect(told['redis.memory.lua']).toBe(name.startsWith('valkey-9') ? undefined : 32_768);
  });

  test('versions tell what they have, and nothing is invented for what they have not', () => {
    const old = figures('redis-6.2.info');
    expect(old['redis.clients.pubsub']).toBeUndefined();
    expect(old['redis.clients.evicted']).toBeUndefined();
    expect(old['redis.memory.usage_by_kind{soak.memory.kind="functions"}']).toBeUndefined();
    expect(old['redis.memory.allocator{soak.allocator.state="muzzy"}']).toBeUndefined();
    expect(old['redis.replication.lag']).toBe(3);
    expect(old['redis.replication.lag.size']).toBe(900);
    const latest = figures('redis-8.2.info');
    expect(latest['redis.clients.pubsub']).toBe(2);
    expect(latest['redis.clients.disconnected{buffer="output"}']).toBe(2);
    expect(latest['redis.memory.allocator{soak.allocator.state="muzzy"}']).toBe(8192);
    expect(figures('redis-7.0.15-replica.info')['redis.replication.primary']).toBe(0);
    expect(figures('redis-7.0.15-replica.info')['redis.replication.linked']).toBeDefined();
    expect(figures('redis-7.0.15.info')['redis.replication.linked']).toBeUndefined();
  });

  test('the limit of memory is where writes fail: no cache has one, and without maxmemory it is the machine', () => {
    expect(figures('redis-6.2.info')).toMatchObject({ 'redis.maxmemory': 268_435_456 });
    expect(figures('redis-6.2.info')['redis.memory.limit']).toBeUndefined(); // it evicts
    expect(figures('redis-7.2.info')['redis.memory.limit']).toBe(268_435_456);
    expect(figures('redis-7.0.15.info')['redis.maxmemory']).toBeUndefined();
    expect(figures('redis-7.0.15.info')['redis.memory.limit']).toBe(25_276_514_304);
  });

  test('what is no number, unknown or absurd is no figure', () => {
    const told = figures('redis-8.2.info');
    expect(told['redis.memory.fragmentation_ratio']).toBeUndefined(); // nan
    expect(told['redis.memory.usage_by_kind{soak.memory.kind="dataset"}']).toBeUndefined(); // wrapped around
    expect(numberOf('-1')).toBeNull();
    expect(numberOf('-1', true)).toBe(-1);
    for (const text of ['', 'nan', 'inf', '-nan', '1.2.3', '0x10', ' 1', '12M', '18446744073709551615']) expect(numberOf(text)).toBeNull();
  });

  test('commands, errors, databases', () => {
    const info = parseInfo(fixture('redis-7.0.15.info'));
    expect(commandsOf(info).get('get')).toEqual({ calls: 2, time: expect.any(Number) as number, failed: 0 });
    expect(commandsOf(info).get('lpush')).toMatchObject({ calls: 2, failed: 1 });
    expect(commandsOf(info).has('xgroup|create')).toBe(true);
    expect(errorsOf(info)).toEqual(new Map([['ERR', 2], ['WRONGTYPE', 1]])); // prettier-ignore
    expect(databasesOf(info)).toEqual([
      { name: '0', keys: 9, expires: 5, meanTtl: 998.521 },
      { name: '3', keys: 1, expires: 0, meanTtl: null },
    ]);
    expect(databasesOf(parseInfo(fixture('redis-8.2.info')))[0]).toMatchObject({ keys: 9, expires: 5 });
  });

  test('versions are compared by their numbers', () => {
    expect(isAtLeast({ name: 'Redis', version: '6.2.14' }, 7)).toBe(false);
    expect(isAtLeast({ name: 'Redis', version: '10.0.0' }, 7)).toBe(true);
    expect(isAtLeast({ name: 'Valkey', version: '8.1.3' }, 7)).toBe(true);
  });

  test('any text is taken, and no figure comes from nothing', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 400 }), (text) => {
        const info = parseInfo(text);
        for (const { value } of FIGURES) {
          const told = value(info);
          expect(told === null || Number.isFinite(told)).toBe(true);
        }
        expect([commandsOf(info).size, errorsOf(info).size, databasesOf(info).length].every((n) => n <= text.length)).toBe(true);
        replicationOf(info);
        productOf(info);
        parseFields(text);
      }),
    );
    for (const { value } of FIGURES) expect(value(parseInfo(''))).toBeNull();
  });

  test('a reply cut anywhere tells only what whole lines say, but for the last one', () => {
    const text = fixture('redis-7.0.15.info');
    const whole = parseInfo(text);
    fc.assert(
      fc.property(fc.nat(text.length), (length) => {
        const cut = parseInfo(text.slice(0, length));
        const wrong = [...cut].filter(([key, value]) => whole.get(key) !== value);
        expect(wrong.length).toBeLessThanOrEqual(1);
      }),
    );
  });

  test('a figure is of its own key', () => {
    expect(figureOf(parseInfo('used_memory_human:1.05M\r\nused_memory:1097320\r\n'), 'used_memory')).toBe(1_097_320);
    expect(figureOf(parseInfo('# used_memory:5\r\n'), 'used_memory')).toBeNull();
  });
});

describe('CLIENT LIST', () => {
  test('as 7.0.15 has it', () => {
    const clients = parseClients(fixture('redis-7.0.15.clients'));
    expect(clients.map((client) => stateOf(client))).toEqual([
      'subscribed',
      'subscribed',
      'blocked',
      'idle',
      'subscribed',
      'idle',
      'active',
    ]);
    expect(clients.map(({ addr }) => parseAddress(addr)?.address ?? null)).toEqual([
      '::1',
      '127.0.0.1',
      '127.0.0.1',
      null, // a unix socket
      '127.0.0.1',
      '127.0.0.1',
      '127.0.0.1',
    ]);
    expect(clients.map((client) => isUnixSocket(client))).toEqual([false, false, false, true, false, false, false]);
    expect(clients[5]).toMatchObject({
      name: 'worker-7',
      age: 2,
      idle: 2,
      outputBuffer: 0,
      memory: 22_272,
      user: 'default',
      database: '0',
    });
  });

  test('fields come and go with versions', () => {
    expect(parseClients(fixture('redis-6.0.clients'))[0]).toMatchObject({ laddr: null, memory: null, idle: 61, user: 'default' });
    expect(parseClients(fixture('redis-6.2.clients'))[0]).toMatchObject({ laddr: '10.0.0.9:6379', memory: 20_512 });
    const [web, push] = parseClients(fixture('redis-8.2.clients'));
    expect(web).toMatchObject({ id: '7', outputBuffer: 4096, idle: 3700 });
    expect(stateOf(push!)).toBe('subscribed');
    expect(parseClients(fixture('valkey-9.0.clients'))[0]).toMatchObject({ id: '7', name: 'web', age: 4000 });
  });

  test('what has no id is no client, and an age that is not told is not zero', () => {
    expect(parseClients('addr=1.2.3.4:5 age=3\nid=x age=1\n\n')).toEqual([]);
    const [client] = parseClients('id=5\n');
    expect(client).toMatchObject({ age: null, idle: null, outputBuffer: null, memory: null, name: '' });
    expect(stateOf(client!)).toBeNull();
    fc.assert(fc.property(fc.string(), (text) => parseClients(text).every(({ id }) => /^\d+$/.test(id))));
  });

  test('a list is taken up to a bound', () => {
    expect(parseClients('id=1\n'.repeat(CLIENTS_MAX + 10))).toHaveLength(CLIENTS_MAX);
  });

  test.each([
    ['10.0.0.5:51234', { address: '10.0.0.5', port: 51_234 }],
    ['[fe80::1]:80', { address: 'fe80::1', port: 80 }],
    ['/run/redis.sock:0', null],
    ['?:0', null],
    ['', null],
    [null, null],
  ])('address %s', (text, expected) => {
    expect(parseAddress(text)).toEqual(expected);
  });
});

const anyReply: fc.Arbitrary<Reply> = fc.letrec<{ reply: Reply }>((tie) => ({
  reply: fc.oneof({ depthSize: 'small' }, fc.string(), fc.integer(), fc.constant(null), fc.array(tie('reply'), { maxLength: 6 })),
})).reply;

describe('other replies', () => {
  test('of any shape', () => {
    fc.assert(
      fc.property(anyReply, (reply) => {
        for (const { duration, command } of parseSlowlog(reply)) expect(duration >= 0 && /^[a-z0-9._|-]+$/.test(command)).toBe(true);
        for (const histogram of parseHistograms(reply).values()) expect(histogram.size).toBeGreaterThan(0);
        parseLatest(reply);
        parseGroups(reply);
        parsePending(reply);
      }),
    );
  });

  test('the slow log keeps a name and no argument', () => {
    const reply = [[3, 1_790_000_000, 1500, ['SET', 'user:secret', 'hunter2'], '10.0.0.5:5', 'web']];
    expect(parseSlowlog(reply)).toEqual([{ id: 3, duration: 0.0015, command: 'set' }]);
    expect(parseSlowlog([[4, 1, 2, ['my secret as a command']]])).toEqual([{ id: 4, duration: 0.000_002, command: 'other' }]);
  });

  test('the summary of a group', () => {
    expect(parsePending([2, '1790000000500-0', '1790000000900-3', [['one', '2']]])).toEqual({ count: 2, oldest: 1_790_000_000.5 });
    expect(parsePending([0, null, null, null])).toEqual({ count: 0, oldest: null });
    expect(parsePending(null)).toBeNull();
  });
});

describe('differences of readings', () => {
  test('the hit ratio is that of five minutes, of a minute at least and of 1,000 look-ups', () => {
    const ratio = new HitRatio();
    expect(ratio.add({ at: 0, hits: 1_000_000, misses: 0 })).toBeNull();
    expect(ratio.add({ at: 50, hits: 1_002_000, misses: 0 })).toBeNull(); // too soon
    expect(ratio.add({ at: 60, hits: 1_002_000, misses: 500 })).toBe(0.8);
    for (let at = 70; at <= 600; at += 10) ratio.add({ at, hits: 1_002_000, misses: 500 + at * 10 });
    // In the last five minutes nothing was found; the lifetime ratio would still be 0.99.
    expect(ratio.add({ at: 610, hits: 1_002_000, misses: 6600 })).toBe(0);
    expect(ratio.add({ at: 620, hits: 0, misses: 0 })).toBeNull(); // counted anew
    expect(ratio.add({ at: 680, hits: 0, misses: 999 })).toBeNull(); // too few
  });

  test('the first names keep their places, the rest is added up', () => {
    const slots = new Slots(2, ['before', OTHER]);
    slots.offer(['get', 'set']);
    expect(['before', 'get', 'set', OTHER].map((name) => slots.of(name))).toEqual(['before', 'get', OTHER, OTHER]);
    expect(sumBySlot([['get', 1], ['set', 2], ['del', 4]], slots)).toEqual(new Map([['get', 1], [OTHER, 6]])); // prettier-ignore
  });

  test('means are of the calls in between', () => {
    const means = new MeanTimes();
    const figures = (calls: number, time: number) => new Map([['get', { calls, time, failed: 0 }]]);
    expect(means.add(figures(1000, 1))).toEqual(new Map());
    expect(means.add(figures(1010, 3))).toEqual(new Map([['get', 0.2]]));
    expect(means.add(figures(1010, 3))).toEqual(new Map()); // no call
    expect(means.add(figures(5, 0.1))).toEqual(new Map()); // counted anew
    expect(means.add(new Map([['set', { calls: 4, time: 2, failed: null }]]))).toEqual(new Map([['set', 0.5]])); // its first calls
  });

  test('quantiles are of the calls in between, also where buckets are left out', () => {
    const quantiles = new Quantiles();
    const of = (...buckets: [number, number][]) => new Map([['get', new Map(buckets)]]);
    expect(quantiles.add(of([1, 900], [4, 1000]), [0.5, 0.99])).toEqual(new Map());
    // 1 of 1 us, 99 of 64 us
    expect(quantiles.add(of([1, 901], [4, 1001], [64, 1100]), [0.5, 0.99])).toEqual(new Map([['get', [0.000_064, 0.000_064]]]));
    expect(quantiles.add(of([1, 901], [4, 1001], [64, 1100]), [0.5])).toEqual(new Map());
    expect(quantiles.add(of([1, 1]), [0.5])).toEqual(new Map());
    expect(quantiles.add(of([1, 91], [512, 101]), [0.5, 0.99])).toEqual(new Map([['get', [0.000_001, 0.000_512]]]));
  });

  test('a quantile is one of the buckets, whatever is read', () => {
    const histogram = fc.uniqueArray(fc.tuple(fc.integer({ min: 0, max: 20 }), fc.nat(1000)), {
      selector: ([bound]) => bound,
      minLength: 1,
    });
    fc.assert(
      fc.property(histogram, histogram, (a, b) => {
        const quantiles = new Quantiles();
        quantiles.add(new Map([['get', new Map(a)]]), [0.5]);
        const values = quantiles.add(new Map([['get', new Map(b)]]), [0.5, 0.99]).get('get') ?? [];
        expect(values.every((value) => b.some(([bound]) => bound / 1e6 === value))).toBe(true);
      }),
    );
  });
});

describe('where a server is', () => {
  test.each([
    ['redis://localhost', { place: { address: 'localhost', port: 6379 }, tls: false, user: null, password: null, database: 0 }],
    [
      'rediss://soak:p%40ss@cache.example:6380/2',
      { place: { address: 'cache.example', port: 6380 }, tls: true, user: 'soak', password: 'p@ss', database: 2 },
    ],
    ['redis://:secret@[::1]:7000', { place: { address: '::1', port: 7000 }, tls: false, user: null, password: 'secret', database: 0 }],
    [
      '/run/redis.sock?db=3&username=soak&password=a%2Fb',
      { place: { path: '/run/redis.sock' }, tls: false, user: 'soak', password: 'a/b', database: 3 },
    ],
  ])('%s', (url, expected) => {
    expect(addressOf({ url, passwordFile: null })).toEqual(expected);
    expect(loginOf({ url })).toBe(expected.user ?? 'default');
  });

  test('an ACL line can be pasted', () => {
    expect(aclLine('soak', ['client|list', 'info'])).toBe('ACL SETUSER soak +client|list +info');
    expect(aclLine('soak', ['type'], ['jobs:{high}', 'a*b', 'with blank'], true)).toBe(
      String.raw`ACL SETUSER soak %R~jobs:{high} "%R~a\\*b" %R~with?blank +type`,
    );
  });
});
