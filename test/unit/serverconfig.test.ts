import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from '../property.ts';
import { describe, expect, test } from 'vitest';
import { Judge } from '../../src/analysis/judge.ts';
import { configHash, redactedConfig } from '../../src/config/config.ts';
import { parseServerUrl, UrlFault } from '../../src/config/serverurl.ts';
import { judgeOptions, storedJudging } from '../../src/judging.ts';
import type { ServerSpec } from '../../src/servers.ts';
import { CATALOG, DIR, layer, load, problemOf, type Values } from '../loading.ts';

const SECRET = 'hunter2hunter2';

async function servers(values: Values, env: Record<string, string> = {}, yaml: string | null = null): Promise<readonly ServerSpec[]> {
  return (await load(layer(values, ['api=port:8080']), env, yaml)).servers;
}

async function faultOf(values: Values, env: Record<string, string> = {}, yaml: string | null = null): Promise<string> {
  const problem = await problemOf(servers(values, env, yaml));
  expect(problem.exitCode).toBe(64);
  return problem.message.replaceAll(`${DIR}/`, '');
}

describe('servers', () => {
  test('are named after what they are, and share their names with the roles of targets', async () => {
    const urls = ['postgresql://a', 'x=postgresql://b', 'postgresql://c'];
    expect((await servers({ postgres: urls, redis: '/run/a.sock' })).map(({ name, system }) => [name, system])).toEqual([
      ['postgres', 'postgresql'],
      ['x', 'postgresql'],
      ['postgres-2', 'postgresql'],
      ['redis', 'redis'],
    ]);
    const config = await load(layer({ redis: 'redis://a' }, ['redis=port:6379']));
    expect(config.servers[0]?.name).toBe('redis-2');
    expect(await faultOf({ redis: 'api=redis://a' })).toBe(
      '--redis: the name api is taken at a target; each server and target needs one of its own',
    );
    expect(await faultOf({ redis: 'a=redis://a', postgres: 'a=postgresql://b' })).toContain('the name a is taken at --postgres');
    expect(await faultOf({ postgres: 'Big Name=postgresql://a' })).toContain('cannot be the name of a server');
  });

  test('are at most 64', async () => {
    expect(await faultOf({ postgres: Array.from({ length: 65 }, () => 'postgresql://a') })).toContain('65 servers are more than the 64');
  });

  test('are maps in a file, with passwords from wherever they are kept', async () => {
    writeFileSync(join(DIR, 'pw'), `${SECRET}\n`);
    const yaml = `postgres:
  - url: postgresql://soak@db/orders?sslmode=no-verify
    password: \${PW}
  - name: files
    url: postgresql:///orders?host=/run/pg&user=u
    password_file: pw
    gauges:
      - {name: outbox, query: "SELECT 1", limit: 100}
      - {name: jobs, query: "-- by queue\\nSELECT queue, count(*) FROM jobs GROUP BY 1", growth: leak}
redis:
  - /run/r.sock
  - {url: redis://soak@c:7000/3, password: 12345, keys: ["queue:a", b]}`;
    const list = await servers({}, { PW: 'a@:/?#%' }, yaml);
    expect(list.map(({ name, url, display, passwordFile }) => [name, url, display, passwordFile])).toEqual([
      ['postgres', 'postgresql://soak:a%40%3A%2F%3F%23%25@db/orders?sslmode=no-verify', 'db:5432/orders', null],
      ['files', 'postgresql:///orders?host=%2Frun%2Fpg&user=u'.replaceAll('%2F', '/'), '/run/pg:5432/orders', join(DIR, 'pw')],
      ['redis', '/run/r.sock', '/run/r.sock', null],
      ['redis-2', 'redis://soak:12345@c:7000/3', 'c:7000/3', null],
    ]);
    expect(list[1]?.gauges).toEqual([
      { name: 'outbox', query: 'SELECT 1', growth: 'capacity', limit: 100 },
      { name: 'jobs', query: '-- by queue\nSELECT queue, count(*) FROM jobs GROUP BY 1', growth: 'leak', limit: null },
    ]);
    expect(list[3]?.keys).toEqual(['queue:a', 'b']);
  });

  test('take a password where the client looks for it', async () => {
    const urls = ['postgresql://u:p%40@/db?host=/run/pg', 'postgresql:///db?host=/run/pg&user=u&password=p%40'];
    for (const url of urls) {
      const [server] = await servers({}, { SOAK_POSTGRES: url });
      expect([...new URL(server!.url).searchParams].toSorted()).toEqual([['host', '/run/pg'], ['password', 'p@'], ['user', 'u']]); // prettier-ignore
    }
    const [redis] = await servers({}, { SOAK_REDIS: '/run/r.sock?password=p%26' });
    expect(redis?.url).toBe('/run/r.sock?password=p%26');
  });
});

describe('a rule', () => {
  const yaml = 'postgres: [{name: db, url: "postgresql://a", gauges: [{name: outbox, query: select 1, growth: leak, limit: 100}]}]';

  test('may name a server and its gauges; the limit of a gauge is one', async () => {
    const config = await load(layer({ rule: 'db: gauge.outbox < 50 for 5m', require: 'gauge.outbox' }, ['api=port:1']), {}, yaml);
    expect(config.rules.map(({ role, metric, value }) => [role, metric, value])).toEqual([
      ['db', 'soak.gauge.outbox', 50],
      ['db', 'soak.gauge.outbox', 100],
    ]);
    expect(config.required).toEqual(['gauge.outbox']);
    const stored = storedJudging(JSON.parse(JSON.stringify(redactedConfig(config))), CATALOG as Parameters<typeof storedJudging>[1]);
    expect(stored.rules).toEqual(config.rules);
    expect(new Judge(judgeOptions(stored))).toBeDefined();
  });

  test('about a gauge or a server that is not there is refused', async () => {
    expect(await faultOf({ rule: 'db: gauge.outbix < 50' }, {}, yaml)).toContain('no server has a gauge outbix; did you mean outbox?');
    expect(await faultOf({ rule: 'orders: gauge.outbox < 50' }, {}, yaml)).toContain(
      'no target has the role orders; the roles are api, db',
    );
  });
});

test('a URL that cannot be used is explained', async () => {
  const cases: [option: 'postgres' | 'redis', url: string, why: string][] = [
    ['postgres', `mysql://u:${SECRET}@h/d`, 'mysql: is no scheme of it; it should be a URL such as postgresql://'],
    ['postgres', `u:${SECRET}@h/d`, 'it should be a URL such as postgresql://'],
    ['postgres', `postgresql://u:${SECRET}#@h/d`, 'it is not a valid URL; it should be a URL such as'],
    ['postgres', `postgresql://u:%zz${SECRET}@h/d`, 'it has a % that is no escape'],
    ['postgres', `postgresql://u:${SECRET}@h:99999/d`, 'it is not a valid URL'],
    ['postgres', `postgresql:///d?port=x&password=${SECRET}`, 'its port should be a number from 1 to 65535'],
    ['postgres', `postgresql://a,b/d?password=${SECRET}`, 'it names several hosts'],
    ['postgres', `postgresql://a/d?sslmode=perhaps&password=${SECRET}`, 'sslmode should be one of'],
    ['postgres', 'postgresql://a/d?sslrootcert=/nowhere.pem', '/nowhere.pem: no such file; the URL names it for TLS'],
    ['redis', `redis://:${SECRET}@h/one`, 'should be the number of a database'],
    ['redis', `redis:///tmp/x?password=${SECRET}`, 'it names no host; a socket is given by its path alone'],
    ['redis', `http://:${SECRET}@h`, 'http: is no scheme of it'],
  ];
  for (const [option, url, why] of cases) {
    const variable = await faultOf({}, { [`SOAK_${option.toUpperCase()}`]: url });
    const flag = await faultOf({ [option]: url });
    const key = await faultOf({}, { U: url }, `${option}: [{url: "\${U}"}]`);
    for (const message of [variable, flag, key]) {
      expect(message).toContain(why);
      expect(message).not.toContain(SECRET);
    }
  }
});

test('a password in a flag is refused, and says what to do instead', async () => {
  for (const url of [`postgresql://u:${SECRET}@h/d`, `postgresql://h/d?password=${SECRET}`, `postgresql://u:${SECRET}@/d?host=/run`]) {
    const message = await faultOf({ postgres: url });
    expect(message).toMatch(
      /^--postgres: has a password in it, and everybody on this machine can read a flag; set SOAK_POSTGRES .*PGPASSWORD/,
    );
    expect(message).not.toContain(SECRET);
  }
  expect(await faultOf({ redis: `redis://:${SECRET}@h` })).toMatch(/^--redis: has a password in it.*SOAK_REDIS/);
});

test.each([
  ['postgres: [{url: "postgresql://u:hunter2hunter2@h/d", password: b}]', 'should have one of a password in the URL and password'],
  ['postgres: [{url: "postgresql://u@h/d", password: b, password_file: x}]', 'x: no such file'],
  ['postgres: [{name: a}]', 'url is missing; it should be a URL such as postgresql://'],
  ['postgres: [{url: "postgresql://h", usr: x}]', 'unknown key usr; an entry of postgres has name, url, password, password_file, gauges'],
  ['redis: [{url: "redis://h", gauges: []}]', 'unknown key gauges; an entry of redis has name, url, password, password_file, keys'],
  ['redis: redis://h', 'redis: this should be a list, each entry a URL such as redis://'],
  ['postgres: [{url: "postgresql://h", gauges: [{name: A, query: select 1}]}]', 'gauges.name should be a lower-case letter'],
  ['postgres: [{url: "postgresql://h", gauges: [{name: a}]}]', 'query is missing; it should be one SELECT'],
  ['postgres: [{url: "postgresql://h", gauges: [{name: a, query: delete from x}]}]', 'gauges.query should be one SELECT'],
  ['postgres: [{url: "postgresql://h", gauges: [{name: a, query: select 1, limit: lots}]}]', 'gauges.limit should be a plain number'],
  ['postgres: [{url: "postgresql://h", gauges: [{name: a, query: select 1, growth: up}]}]', 'should be one of leak, capacity, drift, none'],
  [
    'postgres: [{url: "postgresql://h", gauges: [{name: a, query: select 1, every: 5s}]}]',
    'an entry of gauges has name, query, growth, limit',
  ],
])('%s is explained', async (yaml, why) => {
  const message = await faultOf({}, {}, yaml);
  expect(message).toContain(why);
  expect(message).not.toContain('hunter2');
});

test('gauges of one name mean one thing', async () => {
  const gauge = (growth: string): string => `{url: "postgresql://h", gauges: [{name: a, query: select 1, growth: ${growth}}]}`;
  expect(await faultOf({}, {}, `postgres: [${gauge('leak')}, ${gauge('none')}]`)).toContain('gauges of the same name are one metric');
});

test('nothing stored or compared has a password in it, and a changed one is no other run', async () => {
  const yaml = (
    password: string,
  ): string => `postgres: [{url: "postgresql://u@h/d", password: ${password}, gauges: [{name: a, query: select 'q'}]}]
redis: [{url: "/run/r.sock", password: ${password}, keys: [k]}, "redis://u:${password}@h"]`;
  const config = await load(layer({}, ['1']), {}, yaml(SECRET));
  expect(JSON.stringify(redactedConfig(config))).not.toMatch(/hunter2|select 'q'/);
  expect(redactedConfig(config).servers[0]).toEqual({
    name: 'postgres',
    system: 'postgresql',
    display: 'h:5432/d',
    gauges: [{ name: 'a', growth: 'none', limit: null }],
    keys: [],
  });
  expect(configHash(await load(layer({}, ['1']), {}, yaml('other')))).toBe(configHash(config));
  expect(configHash(await load(layer({}, ['1']), {}, yaml(SECRET).replace('@h/d', '@h/e')))).not.toBe(configHash(config));
  expect(configHash(await load(layer({}, ['1']), {}, yaml(SECRET).replace("'q'", "'r'")))).not.toBe(configHash(config));
});

test('whatever a URL is, it is understood or refused without a word of it', () => {
  const part = fc.oneof(fc.string(), fc.constantFrom('@', ':', '/', '?password=', '#', '%', '[::1]', 'host', ',', '5432'));
  const url = fc
    .tuple(fc.constantFrom('postgresql://', 'postgres://', 'redis://', 'rediss://', 'unix:', '/', ''), fc.array(part, { maxLength: 8 }))
    .map(([scheme, parts]) => scheme + parts.join(''));
  fc.assert(
    fc.property(fc.constantFrom('postgresql' as const, 'redis' as const), url, (system, text) => {
      try {
        const { url: made } = parseServerUrl(system, text);
        expect(new URL(made.startsWith('/') ? `unix://${made}` : made).searchParams.get('password')).toBeNull();
      } catch (error) {
        if (!(error instanceof UrlFault)) throw error;
      }
    }),
    { numRuns: 2000 },
  );
});
