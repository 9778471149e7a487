import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { redactedConfig } from '../../src/config/config.ts';
import { fileTwinOf, flagOf } from '../../src/config/options.ts';
import { DIR, layer, load, problemOf, type Values } from '../loading.ts';

const token = join(DIR, 'token');
const receiver = { otlp: 'http://a:1' };

async function read(env: Record<string, string>, yaml: string | null): Promise<unknown> {
  return (await load(layer(receiver, ['1']), env, yaml)).otlp?.headers;
}

type Attempt = [flags: Values, env: Record<string, string>, yaml: string | null];

describe('secrets', () => {
  test('come from a variable, a file, a map, and files that these name', async () => {
    writeFileSync(token, '  authorization=Bearer%20s3cret\nx-tenant = 7 \n');
    const headers = { authorization: 'Bearer s3cret', 'x-tenant': '7' };
    expect(await read({ SOAK_OTLP_HEADERS: 'authorization=Bearer%20s3cret,x-tenant=7' }, null)).toEqual(headers);
    expect(await read({ SOAK_OTLP_HEADERS_FILE: token }, null)).toEqual(headers);
    expect(await read({}, 'otlp_headers_file: token')).toEqual(headers); // beside the configuration
    expect(await read({ T: 's3cret' }, 'otlp_headers:\n  authorization: Bearer ${T}\n  x-tenant: 7')).toEqual(headers);
  });

  test('a twin has the name of its secret', () => {
    expect(fileTwinOf('otlpHeaders')).toEqual({ flag: '--otlp-headers-file', env: 'SOAK_OTLP_HEADERS_FILE', key: 'otlp_headers_file' });
    expect(fileTwinOf('otlp')).toBeNull();
  });

  test('a file that is not there, is empty or a folder is a problem at its place', async () => {
    writeFileSync(join(DIR, 'empty'), ' \n');
    for (const [path, why] of [
      ['nowhere', 'no such file'],
      ['empty', 'it is empty'],
      ['.', 'this is a folder'],
      ['/dev/zero', 'this is not a file'],
    ]) {
      const problem = await problemOf(load(layer(receiver, ['1']), {}, `otlp_headers_file: ${path}`));
      expect(problem.details).toEqual([{ place: `${DIR}/soak.yaml:1:20`, message: expect.stringContaining(why!) as string }]);
    }
  });

  test('both of a pair are refused', async () => {
    writeFileSync(token, 'a=b');
    const env = { SOAK_OTLP_HEADERS: 'a=b', SOAK_OTLP_HEADERS_FILE: token };
    expect((await problemOf(load(layer(receiver, ['1']), env))).message).toBe(
      'SOAK_OTLP_HEADERS_FILE: should not be given together with SOAK_OTLP_HEADERS',
    );
    const problem = await problemOf(load(layer(receiver, ['1']), {}, 'otlp_headers: a=b\notlp_headers_file: token'));
    expect(problem.message).toContain('soak.yaml:2:20: otlp_headers_file should not be given together with otlp_headers');
  });

  const secret = 'hunter2hunter2';

  test.each<Attempt>([
    [{ otlp: `ftp://u:${secret}@h` }, {}, null],
    [receiver, { SOAK_OTLP_HEADERS: `Bearer ${secret}` }, null],
    [{}, { SOAK_INBOUND_TOKEN: `with space ${secret}` }, null],
    [{}, { SOAK_INBOUND_TOKEN: secret }, null],
    [{}, {}, `inbound: 4318\ninbound_token: [${secret}]`],
    [receiver, { SOAK_OTLP_HEADERS: `authorization=a\u0007${secret}` }, null],
    [receiver, {}, `otlp_headers: {"bad name": ${secret}}`],
    [receiver, {}, `otlp_headers: [${secret}]`],
    [receiver, {}, `otlp_headers: 12345${secret}`],
    [{ postgres: `postgresql://u:${secret}@h` }, {}, null],
    [{ redis: `redis://:${secret}@h x` }, {}, null],
    [receiver, { SOAK_POSTGRES: `postgresql://u:${secret}/@h` }, null],
    [receiver, {}, `postgres: ["http://u:${secret}@h"]`],
    [receiver, {}, `redis: {url: "redis://:${secret}@h"}`],
    [receiver, {}, `redis: [{url: "redis://h", password: [${secret}]}]`],
    [receiver, {}, `postgres: [{url: [${secret}], password: ${secret}}]`],
    [receiver, { S: secret }, 'interval: ${S}'],
    [receiver, { S: secret }, 'rules: ["memory.private < ${S}"]'],
    [receiver, { S: secret }, 'targets: ["cmd:${S}["]'],
    [receiver, { S: secret }, 'rules: ${S}'],
    [receiver, {}, `otlp_headers:\n  authorization: "${secret}\n}`],
    [receiver, {}, `otlp_headers: {a: b}} ${secret}`],
    ...['!', '*', '|', '>', '%', '@', '`', '"a" '].map((sign): Attempt => [
      receiver,
      {},
      `otlp_headers:\n  authorization: ${sign}${secret}`,
    ]),
  ])('are in no message: %j %j %j', async (flags, env, yaml) => {
    const problem = await problemOf(load(layer(flags, yaml?.startsWith('targets') ? [] : ['1']), env, yaml));
    expect(problem.message).not.toContain(secret);
  });
});

async function endpoint(env: Record<string, string>, flags = layer({}, ['1']), yaml: string | null = null): Promise<string | undefined> {
  return (await load(flags, env, yaml)).otlp?.endpoint;
}

describe('the standard OpenTelemetry variables', () => {
  test('name the receiver where nothing else does', async () => {
    expect(await endpoint({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318/base/' })).toBe('http://c:4318/base/v1/metrics');
    expect(await endpoint({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c', OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'http://m/x' })).toBe(
      'http://m/x',
    );
    expect(await endpoint({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c' }, layer({ otlp: 'off' }, ['1']))).toBeUndefined();
    expect(await endpoint({ OTEL_EXPORTER_OTLP_ENDPOINT: 'not a url' }, layer({}, ['1']), 'otlp: http://f')).toBe('http://f/v1/metrics');
  });

  test('switch the push off', async () => {
    for (const off of [{ OTEL_SDK_DISABLED: 'true' }, { OTEL_METRICS_EXPORTER: 'none' }]) {
      expect(await endpoint({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c', ...off })).toBeUndefined();
    }
  });

  test('are checked when they count', async () => {
    expect((await problemOf(endpoint({ OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4317' }))).message).toContain(
      'OTEL_EXPORTER_OTLP_ENDPOINT: this should be the URL',
    );
    const grpc = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4317', OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' };
    expect((await problemOf(endpoint(grpc))).message).toContain('OTEL_EXPORTER_OTLP_PROTOCOL: should be http/protobuf');
  });
});

test('the token of the inbound listener comes from a variable or a file, and lets other machines in', async () => {
  writeFileSync(token, ' s3cret-enough \n');
  const flags = layer({ inbound: '0.0.0.0:4318' }, ['1']);
  const inbound = { at: { host: '0.0.0.0', port: 4318 }, token: 's3cret-enough' };
  expect((await load(flags, { SOAK_INBOUND_TOKEN: 's3cret-enough' })).inbound).toEqual(inbound);
  expect((await load(flags, { SOAK_INBOUND_TOKEN_FILE: token })).inbound).toEqual(inbound);
  expect((await load(layer({}, ['1']), {}, 'inbound: 0.0.0.0:4318\ninbound_token_file: token')).inbound).toEqual(inbound);
  expect(flagOf('inboundToken')).toBeNull();
});

test('what is stored has every setting, and no secret', async () => {
  const flags = layer({ otlpHeaders: 'authorization=hunter2' }, [
    'exec:PASS=hunter2 node app.js --key hunter2',
    'b=exec:node x',
    'cmd:^node',
  ]);
  const servers = {
    SOAK_OTLP: 'https://user:hunter2@h/p?token=hunter2',
    SOAK_INBOUND: '4318',
    SOAK_INBOUND_TOKEN: 'hunter2hunter2',
    SOAK_POSTGRES: 'postgresql://u:hunter2@h/d?sslpassword=hunter2',
    SOAK_REDIS: '/r.sock?password=hunter2',
  };
  const config = await load(flags, servers, null, ['k6', 'run', '-e', 'KEY=hunter2']);
  const stored = redactedConfig(config);
  expect(JSON.stringify(stored)).not.toContain('hunter2');
  expect(Object.keys(stored).toSorted()).toEqual(Object.keys(config).toSorted());
  expect(stored.targets.map((t) => t.selector)).toEqual(['exec:... ...', 'exec:node ...', 'cmd:^node', 'exec:k6 ...']);
  expect(stored.servers.map((s) => s.display)).toEqual(['h:5432/d', '/r.sock']);
  expect(stored.otlp).toEqual({ endpoint: 'https://h/p', headers: ['authorization'] });
  expect(stored.inbound).toEqual({ at: { host: '127.0.0.1', port: 4318 }, token: true });
  expect(stored.command).toEqual(['k6', '...']);
  expect(JSON.parse(JSON.stringify(stored))).toEqual(stored);
});
