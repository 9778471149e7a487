/** The load beside a run: what it tells, what it is itself, and what its end means. */
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { type AgentUnderTest, installed, PROGRAMS, type Program, Stage, until } from './agent-under-test.ts';

const FAST = ['--interval', '0.25'];

/** A service that answers until it has answered `good` requests, and its address. */
async function asked(stage: Stage, good: number): Promise<{ service: Program; url: string }> {
  const service = await stage.program(process.execPath, join(PROGRAMS, 'asked.mjs'), String(good));
  const [, port] = await service.says(/^ready (\d+)\n/);
  return { service, url: `http://127.0.0.1:${port}` };
}

/** The value of a metric of the page, once it is what it should be. */
async function value(agent: AgentUnderTest, metric: RegExp): Promise<number | undefined> {
  const { text } = await agent.page('/metrics');
  const line = text.split('\n').find((one) => metric.test(one));
  return line === undefined ? undefined : Number(line.split(' ').at(-1));
}

describe.runIf(installed('gcc'))('the load', () => {
  test('of a file of results becomes traffic of the role, each sample once, also when JMeter pushes them; probes beside it are none', async () => {
    await using stage = new Stage();
    const { service, url } = await asked(stage, 10);
    const jtl = join(stage.folder, 'run.jtl');
    const load = [process.execPath, join(PROGRAMS, 'asks.mjs'), url, jtl, '60', '0.2'];
    const options = [
      '--target',
      `app=${service.pid}`,
      ...FAST,
      '--jtl',
      jtl,
      '--probe',
      `${url}/health`,
      '--hold',
      '--inbound',
      '127.0.0.1:0',
    ];
    const agent = await stage.watching([...options, '--', ...load]);
    const [, inbound] = await agent.says(/taken at (http:\/\/\S+)/);
    await until(
      () => (existsSync(jtl) ? readFileSync(jtl, 'utf8').split('\n').length : 0),
      (rows) => rows > 20,
    );
    const pushed = readFileSync(join(import.meta.dirname, '../fixtures/load/jmeter.influx'));
    expect((await fetch(`${inbound}/write`, { method: 'POST', body: pushed, headers: { connection: 'close' } })).status).toBe(204);
    await agent.says(/record in/);
    expect(await value(agent, /^soak_traffic_requests_total\{.*soak_target="app"/)).toBe(60);
    expect(await value(agent, /^soak_traffic_errors_by_class_total\{.*http_401/)).toBe(50);
    expect(await value(agent, /^soak_traffic_operation_requests_total\{.*orders/)).toBe(60);
    expect(await value(agent, /^soak_probe_up\{.*soak_target="app"/)).toBe(1);
    await agent.end('SIGTERM');
    const result = await agent.result();
    expect(result.events('load_end')).toMatchObject([{ data: { code: 0, class: 'ok', tool: null } }]);
    expect(result.events('load_note').map(({ message, target }) => [target, message])).toContainEqual([
      'app',
      'app: more than half of the answers are 401 (not authorised)',
    ]);
    expect(result.events('load_note').map(({ data }) => data['what'])).toContain('told_twice');
    expect(result.verdict.series.map(({ target }) => target)).toContain('load');
    expect(result.series('app latency.mean')).toBeDefined();
    expect(result.verdict.outcome).not.toBe('pass');
    expect(result.verdict.findings.find(({ kind }) => kind === 'work')?.why).toMatch(
      /^app: (?:its answers became|most of its answers were) errors \(401\)/,
    );
    expect(result.verdict.series.filter(({ target }) => target === 'load').some(({ gated }) => gated)).toBe(false);
  });

  test('of k6: how to make it tell is said, and what it ended with is a class', async () => {
    await using stage = new Stage();
    const service = await stage.service('busy=2');
    const k6 = join(stage.folder, 'k6');
    writeFileSync(k6, '#!/bin/sh\nsleep 2\nexit 99\n');
    chmodSync(k6, 0o755);
    const agent = await stage.watching(['--target', `app=${service.pid}`, ...FAST, '--', k6, 'run', 'soak.js']);
    const result = await agent.result();
    expect(agent.err).toMatch(/k6 tells of its load with --out opentelemetry/);
    expect(agent.out).toMatch(/k6 ended with exit code 99: thresholds were broken/);
    expect(result.events('load_end')).toMatchObject([{ data: { code: 99, class: 'thresholds', tool: 'k6' } }]);
    expect(result.events('target_found').map(({ target }) => target)).toEqual(expect.arrayContaining(['app', 'load']));
  });
});

test.runIf(installed('gcc'))('what Artillery pushes becomes traffic of the only role', async () => {
  await using stage = new Stage();
  const service = await stage.service('busy=2');
  const agent = await stage.watching(['--target', `app=${service.pid}`, ...FAST, '--inbound', '127.0.0.1:0']);
  const [, inbound] = await agent.says(/taken at (http:\/\/\S+)/);
  await agent.ready();
  for (const body of ['artillery-1.json', 'artillery-2.json']) {
    const text = readFileSync(join(import.meta.dirname, '../fixtures/load', body));
    const told = await fetch(`${inbound}/v1/metrics`, {
      method: 'POST',
      body: text,
      headers: { 'content-type': 'application/json', connection: 'close' },
    });
    expect([told.status, await told.text()]).toEqual([200, '{}']);
  }
  await until(
    () => value(agent, /^soak_traffic_requests_total\{.*soak_target="app"/),
    (requests) => requests === 78,
  );
  expect(await value(agent, /^soak_traffic_errors_total\{/)).toBe(17);
  await agent.end('SIGTERM');
});

test.runIf(installed('gcc'))('what k6 pushes of a tag that a rule asks for is told as of an operation', async () => {
  await using stage = new Stage();
  const service = await stage.service('busy=2');
  const rule = 'http_req_failed{scenario:default}: rate<0.1 over run';
  const agent = await stage.watching(['--target', `app=${service.pid}`, ...FAST, '--inbound', '127.0.0.1:0', '--rule', rule]);
  const [, inbound] = await agent.says(/taken at (http:\/\/\S+)/);
  await agent.ready();
  for (const body of ['k6-1.json', 'k6-2.json']) {
    const text = readFileSync(join(import.meta.dirname, '../fixtures/load', body));
    const headers = { 'content-type': 'application/json', connection: 'close' };
    expect((await fetch(`${inbound}/v1/metrics`, { method: 'POST', body: text, headers })).status).toBe(200);
  }
  await until(
    () => value(agent, /^soak_traffic_operation_requests_total\{.*soak_operation="\{scenario:default\}"/),
    (requests) => (requests ?? 0) > 0,
  );
  const all = await value(agent, /^soak_traffic_requests_total\{/);
  expect(await value(agent, /^soak_traffic_operation_requests_total\{.*soak_operation="\{scenario:default\}"/)).toBe(all);
  await agent.end('SIGTERM');
});

/** Debian has JMeter in parts. */
const HTTP_JAR = '/usr/share/jmeter/lib/ext/ApacheJMeter_http.jar';

test.runIf(installed('java') && existsSync(HTTP_JAR))('JMeter is counted to the last request, without its transactions', async () => {
  await using stage = new Stage();
  const { service, url } = await asked(stage, Infinity);
  const jtl = join(stage.folder, 'results.jtl');
  const engine = join(import.meta.dirname, '../fixtures/load/JtlRecording.java');
  const jars = '/usr/share/jmeter/lib/*:/usr/share/jmeter/lib/ext/*:/usr/share/java/*';
  const load = ['sh', '-c', 'java -cp "$0" "$@" >jmeter.log 2>&1', jars, engine, jtl, '10', new URL(url).port];
  const agent = await stage.watching(['--target', `app=${service.pid}`, ...FAST, '--jtl', jtl, '--hold', '--', ...load]);
  await agent.says(/record in/);
  const told = (metric: string): Promise<number | undefined> =>
    value(agent, new RegExp(`^soak_traffic_${metric.replace('{', String.raw`_total\{.*`)}`));
  expect([await told('requests{soak_target="app"'), await told('errors{soak_target="app"')]).toEqual([60, 20]);
  expect([await told('errors_by_class{refused'), await told('operation_requests{Browse')]).toEqual([20, 20]);
  await agent.end('SIGTERM');
  const result = await agent.result();
  expect(result.events('load_end')).toMatchObject([{ data: { code: 0, class: 'ok' } }]);
  expect(result.verdict.series.map(({ target }) => target)).toContain('load');
});

test.runIf(installed('wrk'))('wrk is watched while it asks, and a probe sees the service beside it', async () => {
  await using stage = new Stage();
  const { service, url } = await asked(stage, Infinity);
  const options = ['--target', `app=${service.pid}`, ...FAST, '--probe', `${url}/health`];
  const agent = await stage.watching([...options, '--', 'wrk', '-t1', '-c2', '-d3s', url]);
  const result = await agent.result();
  expect(result.events('load_end')).toMatchObject([{ data: { code: 0, class: 'ok', tool: 'wrk' } }]);
  expect(result.events('target_found').map(({ data }) => data['comm'])).toContain('wrk');
  expect(result.verdict.series.map(({ target }) => target)).toContain('load');
});

test('autocannon is watched while it asks; that every answer is 401 only a probe tells, since it ends with 0', async () => {
  await using stage = new Stage();
  const { service, url } = await asked(stage, 0);
  const config = join(stage.folder, 'probe.yaml');
  writeFileSync(config, JSON.stringify({ probes: [{ url: `${url}/orders`, target: 'app', every: '1s', deadline: '1s' }] }));
  const load = [process.execPath, fileURLToPath(import.meta.resolve('autocannon')), '-c', '2', '-d', '4', '--no-progress', url];
  const agent = await stage.watching(['--target', `app=${service.pid}`, ...FAST, '--config', config, '--hold', '--', ...load]);
  await agent.says(/record in/);
  expect(await value(agent, /^soak_probe_failures_total\{.*soak_probe_fault="status"/)).toBeGreaterThan(1);
  expect(await value(agent, /^soak_probe_up\{.*soak_target="app"/)).toBe(0);
  await agent.end('SIGTERM');
  const result = await agent.result();
  expect(result.events('load_end')).toMatchObject([{ data: { code: 0, class: 'ok', tool: 'autocannon' } }]);
  expect(result.verdict.series.map(({ target }) => target)).toContain('load');
  expect(result.verdict.outcome).not.toBe('pass');
});

test.runIf(installed('gcc'))('a fault is declared from outside, and the recovery of the service is measured against a rule', async () => {
  await using stage = new Stage();
  const { service, url } = await asked(stage, Infinity);
  const config = join(stage.folder, 'drill.yaml');
  writeFileSync(
    config,
    JSON.stringify({ probes: [{ url: `${url}/health`, target: 'app', every: '1s', deadline: '1s' }], rules: ['recovery < 1s'] }),
  );
  const agent = await stage.watching(['--target', `app=${service.pid}`, ...FAST, '--config', config, '--inbound', '127.0.0.1:0']);
  const [, inbound] = await agent.says(/taken at (http:\/\/\S+)/);
  const phase = async (name: string): Promise<number> => {
    const headers = { 'content-type': 'application/json', connection: 'close' };
    return (await fetch(`${inbound}/api/phase`, { method: 'POST', headers, body: JSON.stringify({ phase: name }) })).status;
  };
  await until(
    () => value(agent, /^soak_probe_attempts_total/),
    (attempts) => (attempts ?? 0) >= 8,
  );
  expect(await phase('fault')).toBe(204);
  process.kill(service.pid, 'SIGSTOP');
  await until(
    () => value(agent, /^soak_probe_failures_total/),
    (failures) => (failures ?? 0) >= 3,
  );
  expect(await phase('steady')).toBe(204);
  // Two more from here on, each of which takes a second, however many there are by now.
  const failed = (await value(agent, /^soak_probe_failures_total/)) ?? 0;
  await until(
    () => value(agent, /^soak_probe_failures_total/),
    (failures) => (failures ?? 0) >= failed + 2,
  );
  process.kill(service.pid, 'SIGCONT');
  const attempts = (await value(agent, /^soak_probe_attempts_total/)) ?? 0;
  await until(
    () => value(agent, /^soak_probe_attempts_total/),
    (now) => (now ?? 0) >= attempts + 14,
    60, // one a second on a machine that is not busy
  );
  await agent.end('SIGTERM');
  const { verdict } = await agent.result();
  const [measured, broken] = verdict.findings.filter(({ kind }) => kind === 'recovery');
  expect(measured).toMatchObject({ outcome: 'pass', evidence: { what: 'fault' } });
  expect(measured!.why).toMatch(/^the fault from .*: app probe\.latency\{.*\} was back after \d/);
  expect(broken).toMatchObject({ outcome: 'fail', evidence: { rule: 'recovery < 1s' } });
  expect(verdict.phases.map(({ name, judged }) => [name, judged])).toEqual([
    ['fault', false],
    ['steady', true],
  ]);
});
