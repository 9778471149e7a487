/** Files of results and probes as they are configured. */
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { configHash, redactedConfig } from '../../src/config/config.ts';
import { splitRole } from '../../src/config/rolevalue.ts';
import { parseProbeUrl } from '../../src/config/probeurl.ts';
import * as fc from '../property.ts';
import { DIR, layer, load, problemOf, type Values } from '../loading.ts';

const TWO = ['api=port:8080', 'web=port:8081'];

async function faultOf(values: Values, yaml: string | null = null, targets = TWO): Promise<string> {
  const problem = await problemOf(load(layer(values, targets), {}, yaml));
  expect(problem.exitCode).toBe(64);
  return problem.message.replaceAll(`${DIR}/`, '');
}

describe('files of results', () => {
  test('belong to the role before them, or to the only one', async () => {
    expect((await load(layer({ jtl: ['web=a.jtl', 'b=c.jtl'.replace('b=', 'api=')] }, TWO))).jtl).toEqual([
      { target: 'web', path: resolve('a.jtl') },
      { target: 'api', path: resolve('c.jtl') },
    ]);
    expect((await load(layer({ jtl: 'a.jtl' }, ['api=port:1']))).jtl[0]!.target).toBe('api');
    expect((await load(layer({ jtl: 'a.jtl' }, TWO))).jtl[0]!.target).toBeNull();
    expect((await load(layer({ jtl: './x=1.jtl' }, TWO))).jtl[0]!.path).toBe(resolve('x=1.jtl'));
  });

  test('say what is wrong with them', async () => {
    expect(await faultOf({ jtl: 'wbe=a.jtl' })).toBe('--jtl: no target has the role wbe; did you mean web?');
    expect(await faultOf({ jtl: 'api=' })).toContain('should be the path of a file');
    expect(await faultOf({ jtl: ['a.jtl', './a.jtl'] })).toContain('given twice: its requests would count twice');
  });
});

describe('probes', () => {
  test('are URLs, or maps of a file', async () => {
    const yaml = `probes:
  - web=https://example.org/health?key=1
  - {url: "tcp://db:5432", name: db, every: 30s}
  - {url: "ws://example.org/feed", target: api, every: 2s, deadline: 1s, send: "\${HELLO}"}
  - {url: "http://example.org/gone", status: 410}
  - tcp://db:5433`;
    const { probes } = await load(layer({}, TWO), { HELLO: 'hi' }, yaml);
    expect(
      probes.map(({ name, target, display, every, deadline, status, send }) => [name, target, display, every, deadline, status, send]),
    ).toEqual([
      ['web', 'web', 'https://example.org/health', 5, 5, null, null],
      ['db', null, 'tcp://db:5432', 30, 5, null, null],
      ['api', 'api', 'ws://example.org/feed', 2, 1, null, 'hi'],
      ['probe', null, 'http://example.org/gone', 5, 5, 410, null],
      ['probe-2', null, 'tcp://db:5433', 5, 5, null, null],
    ]);
    expect(probes[0]!.url).toBe('https://example.org/health?key=1');
  });

  test('say all that is wrong with them, without the URL', async () => {
    const yaml = `probes:
  - ftp://secret.example
  - {url: "tcp://db"}
  - {url: "http://a", every: 2s, deadline: 3s}
  - {url: "http://a", every: 1ms}
  - {url: "tcp://a:1", status: 200, send: hi}
  - {url: "http://a", name: "Big Name", target: wbe}
  - {url: "http://a", name: x}
  - {url: "http://a", name: x}`;
    const fault = await faultOf({}, yaml);
    expect(fault).not.toContain('secret.example');
    for (const [line, what] of [
      [2, 'this should be an address to ask'],
      [3, 'this should be an address to ask'],
      [4, 'deadline should be at most the time between two probes'],
      [5, 'every should be'],
      [6, 'send is a message to a WebSocket'],
      [6, 'status is for http'],
      [7, 'name should be a lower-case letter'],
      [7, 'no target has the role wbe; did you mean web?'],
      [9, 'the name x is taken by the probe at'],
    ] as const) {
      expect(
        fault
          .split('\n')
          .filter((one) => one.startsWith(`soak.yaml:${line}:`))
          .join('\n'),
      ).toContain(what);
    }
    expect(await faultOf({ probe: 'http://u:hunter2@a/' })).toMatch(/^--probe: has a password in it/);
    expect(await faultOf({ probe: 'http://u:hunter2@a/' })).not.toContain('hunter2');
    expect(await faultOf({ probe: Array.from({ length: 65 }, () => 'http://a') })).toContain('65 probes are more than the 64');
    expect(await faultOf({}, 'probes: [{url: "http://a", evry: 5s}]')).toContain('unknown key evry');
  });

  test('keep their secrets to themselves, and another one is another run', async () => {
    const yaml = 'probes: [{url: "http://u:hunter2@a/x?token=hunter3", status: 200}, {url: "ws://a/", send: hunter4}]';
    const config = await load(layer({}, TWO), {}, yaml);
    expect(JSON.stringify(redactedConfig(config))).not.toMatch(/hunter\d/);
    expect(configHash(config)).not.toBe(configHash({ ...config, probes: [] }));
    expect(configHash(config)).not.toBe(configHash({ ...config, jtl: [{ target: null, path: '/a' }] }));
  });
});

test('a role before a value is found only where a role can be', () => {
  expect(splitRole('api=http://a/?b=c')).toEqual({ role: 'api', text: 'http://a/?b=c' });
  expect(splitRole('http://a/?b=c')).toEqual({ role: null, text: 'http://a/?b=c' });
  fc.assert(fc.property(fc.string(), (text) => splitRole(text).text.length <= text.length));
  fc.assert(fc.property(fc.string(), (text) => parseProbeUrl(text) === null || parseProbeUrl(text)!.href.includes(':')));
});
