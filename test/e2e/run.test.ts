/** How a run ends: by time, by a signal, with its command, with its target; and what is left when it has. */
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { constants } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { EXIT } from '../../src/problem.ts';
import { freePort } from '../servers/owned.ts';
import { receiver } from './otlp.ts';
import { type AgentUnderTest, installed, isAlive, reading, type Result, Stage, until } from './agent-under-test.ts';

const { signals } = constants;

const FAST = ['--interval', '0.25'];

/** The end of a run in the record, and what it says of itself. */
async function ended(agent: AgentUnderTest, message: RegExp): Promise<Result> {
  const result = await agent.result();
  expect(result).toMatchObject({ code: EXIT[result.verdict.outcome], signal: null });
  expect(result.events('run_end').map((event) => event.message)).toEqual([expect.stringMatching(message)]);
  expect(agent.out).toMatch(message);
  const { sealed, stored } = reading(result.folder, (reader) => ({ sealed: reader.sealed, stored: reader.verdict() }));
  expect(sealed!.end).toBeCloseTo(Date.parse(result.verdict.run.end!) / 1000, 2);
  expect(JSON.parse(stored!)).toEqual(result.verdict);
  return result;
}

/** Whoever may still report is ended before the last tick, and whoever is asked for the verdict after it. */
function expectStopInOrder(agent: AgentUnderTest): void {
  const steps = [...agent.err.matchAll(/"msg":"stop: ([^"]+)"/g)].map((match) => match[1]!);
  const order = ['reads', 'producers', 'last tick', 'verdict', 'export', 'listener'];
  expect(steps.filter((step) => order.includes(step))).toEqual(order);
}

/** The pid that a program has written there. */
async function pidIn(path: string): Promise<number> {
  const look = (): string => (existsSync(path) ? readFileSync(path, 'utf8') : '');
  return Number(await until(look, (text) => text.endsWith('\n')));
}

/** An agent that waits for its target: it says nothing then, but its pages are there. */
async function waiting(stage: Stage, ...options: string[]): Promise<AgentUnderTest> {
  const listen = `127.0.0.1:${await freePort()}`;
  const agent = stage.agent([...options, '--listen', listen]);
  await until(
    () => fetch(`http://${listen}/healthz`, { headers: { connection: 'close' } }).then(({ status }) => status, String),
    (answer) => answer === 200,
  );
  return agent;
}

/** What a process does with a signal, by its `status`: nothing at all, or something of its own. */
function handles(pid: number, how: 'SigIgn' | 'SigCgt', signal: keyof typeof signals): boolean {
  const mask = new RegExp(`^${how}:\\s*([0-9a-f]+)$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]!;
  return ((BigInt(`0x${mask}`) >> BigInt(signals[signal] - 1)) & 1n) === 1n;
}

describe.runIf(installed('gcc')).concurrent('a run ends', () => {
  test('when its time is over, everything stopped in order', async () => {
    await using stage = new Stage();
    const service = await stage.service('busy=2');
    const agent = await stage.watching(['--target', `app=${service.pid}`, ...FAST, '--duration', '3s', '--log-level', 'debug']);
    const result = await ended(agent, /the planned 3s are over/);
    expect(result.verdict.run.planned).not.toBeNull();
    expectStopInOrder(agent);
    expect(isAlive(service.pid)).toBe(true);
  });

  test.each(['SIGINT', 'SIGTERM'] as const)('by %s with the code of the verdict', async (signal) => {
    await using stage = new Stage();
    const service = await stage.service('fds=40', 'busy=2');
    const agent = await stage.watching(['--target', `app=${service.pid}`, ...FAST, '--rule', 'fds < 60']);
    await until(
      () => agent.page('/metrics'),
      ({ text }) => /^process_unix_file_descriptor_count\{.*\} ([7-9]\d|\d{3,})$/m.test(text),
    );
    agent.child.kill(signal);
    const result = await ended(agent, new RegExp(`told to stop by ${signal}`));
    expect(result.code).toBe(10);
    expect(result.verdict.run.planned).toBeNull();
  });

  test('by a signal before the first sample, too', async () => {
    await using stage = new Stage();
    const service = await stage.service();
    const agent = await stage.watching(['--target', `app=${service.pid}`, '--interval', '60']);
    agent.child.kill('SIGTERM');
    expect((await ended(agent, /told to stop by SIGTERM/)).code).toBe(11);
  });

  test('at once by a second signal, and is gone on with by the next start', async () => {
    await using stage = new Stage();
    const service = await stage.service('busy=2');
    const pidfile = join(stage.folder, 'deaf.pid');
    const deaf = ['sh', '-c', `echo $$ > ${pidfile}; exec ${stage.serviceCalled('deaf')} deaf=1 seconds=30`];
    const options = ['--target', `app=${service.pid}`, ...FAST, '--', ...deaf];
    const agent = await stage.watching(options);
    const pid = await pidIn(pidfile);
    await until(() => handles(pid, 'SigIgn', 'SIGTERM'), Boolean);
    agent.child.kill('SIGINT');
    // It waits for the command, which has three seconds to listen, and has left the next signal to the system.
    await until(
      () => handles(agent.child.pid!, 'SigCgt', 'SIGINT'),
      (caught) => !caught,
    );
    agent.child.kill('SIGINT');
    expect(await agent.exited).toEqual({ code: null, signal: 'SIGINT' });
    const [run] = stage.runs();
    expect(existsSync(join(stage.out, run!, 'verdict.json'))).toBe(false);
    process.kill(pid, 'SIGKILL');
    const next = await stage.watching(options);
    expect(await next.recording()).toBe(join(stage.out, run!));
    await next.end('SIGINT');
    // The deaf command is told, waited for, and killed.
    expect(await next.result()).toMatchObject({ code: 11, signal: null });
  });

  test('with its command, whose exit code is told', async () => {
    await using stage = new Stage();
    const service = await stage.service('busy=2');
    const command = [stage.serviceCalled('load'), 'seconds=2', 'exit=3'];
    const agent = await stage.watching(['--target', `app=${service.pid}`, ...FAST, '--duration', '60s', '--', ...command]);
    const result = await ended(agent, /load ended with exit code 3/);
    expect(result.events('load_start')).toHaveLength(1);
    expect(result.events('load_end')).toMatchObject([{ data: { code: 3, signal: null } }]);
    expect(agent.out).toContain('ready'); // the command's own output
  });

  test('and its command with it, and all that the command has started', async () => {
    await using stage = new Stage();
    const service = await stage.service('busy=2');
    const pids = join(stage.folder, 'pids');
    const load = stage.serviceCalled('load');
    const script = `${load} & echo $! > ${pids}.1; ${load} & echo $! > ${pids}.2; wait`;
    const agent = await stage.watching(['--target', `app=${service.pid}`, ...FAST, '--', 'sh', '-c', script]);
    const started = await Promise.all([pidIn(`${pids}.1`), pidIn(`${pids}.2`)]);
    await agent.end('SIGTERM');
    const result = await ended(agent, /told to stop by SIGTERM/);
    expect(result.events('load_end')).toMatchObject([{ data: { code: null, signal: 'SIGTERM' } }]);
    await until(
      () => started.filter(isAlive),
      (alive) => alive.length === 0,
    );
  });

  test('before it begins when there is no such command', async () => {
    await using stage = new Stage();
    const service = await stage.service();
    const agent = stage.agent(['--target', `app=${service.pid}`, '--', 'no-such-program', 'of ours']);
    expect(await agent.ended).toEqual({ code: 64, signal: null });
    expect(agent.err).toMatch(/^-- no-such-program: there is no such program; what follows -- is a command to run while watching$/m);
    expect(stage.runs()).toEqual([]);
  });

  test('with the program that it has started to watch', async () => {
    await using stage = new Stage();
    const agent = await stage.watching(['--target', `app=exec:${stage.serviceCalled('app')} seconds=4 exit=7 busy=2`, ...FAST]);
    const result = await ended(agent, /target app is gone/);
    expect(result.events('target_gone')).toMatchObject([{ target: 'app', data: { exitCode: 7, signal: null } }]);
    expect(result.code).toBe(10);
    expect(result.verdict.reasons[0]).toMatch(/^app crashed: it ended with exit code 7 at /);
    expect(result.series('app memory.private')!.level).toBeGreaterThan(0);
  });

  test('and ends the program that it has started to watch', async () => {
    await using stage = new Stage();
    const agent = await stage.watching(['--target', `app=exec:${stage.serviceCalled('app')} busy=2`, ...FAST]);
    const [pid] = await until(
      () => agent.bound(),
      (pids) => pids.length === 1,
    );
    expect(isAlive(pid!)).toBe(true);
    agent.child.kill('SIGTERM');
    await ended(agent, /told to stop by SIGTERM/);
    expect(isAlive(pid!)).toBe(false);
  });

  test.each(['command', 'target'] as const)('and kills its %s when that does not listen', async (kind) => {
    await using stage = new Stage();
    const service = await stage.service('busy=2');
    const pidfile = join(stage.folder, 'deaf.pid');
    const deaf = `echo $$ > ${pidfile}; exec ${stage.serviceCalled('deaf')} deaf=1 seconds=60`;
    const options = kind === 'command' ? ['--target', `app=${service.pid}`] : ['--target', `app=exec:${deaf}`];
    const agent = await stage.watching([...options, ...FAST, ...(kind === 'command' ? ['--', 'sh', '-c', deaf] : [])]);
    const pid = await pidIn(pidfile);
    await until(() => handles(pid, 'SigIgn', 'SIGTERM'), Boolean);
    agent.child.kill('SIGTERM');
    await agent.exited;
    expect(isAlive(pid)).toBe(false);
    await ended(agent, /told to stop by SIGTERM/);
    expect(agent.err).not.toContain('left behind');
  });

  test('when its target is killed', async () => {
    await using stage = new Stage();
    const service = await stage.service('busy=2');
    const agent = await stage.watching(['--target', `app=${service.pid}`, ...FAST]);
    await agent.ready();
    await service.end('SIGKILL');
    const result = await ended(agent, /target app is gone/);
    expect(result.events('target_gone')).toMatchObject([{ data: { pid: service.pid } }]);
    expect(result.verdict.findings).toContainEqual(
      expect.objectContaining({
        id: 'target:app ended',
        outcome: 'inconclusive',
        why: expect.stringContaining('app has ended at ') as string,
      }),
    );
  });

  test('when a target that may come back stays away for --gone-after', async () => {
    await using stage = new Stage();
    const name = `gone${process.pid}`;
    const service = await stage.program(stage.serviceCalled(name), 'busy=2');
    const agent = await stage.watching(['--target', `name:${name}`, ...FAST, '--gone-after', '2s']);
    await agent.ready();
    await service.end('SIGKILL');
    const result = await ended(agent, new RegExp(`target ${name} is gone`));
    const [gone] = result.events('target_gone');
    const [over] = result.events('run_end');
    expect(over!.t - gone!.t).toBeGreaterThanOrEqual(2);
  });

  test('and holds its final state until it is told to stop', async () => {
    await using stage = new Stage();
    const service = await stage.service('busy=2');
    const agent = await stage.watching(['--target', `app=${service.pid}`, ...FAST, '--duration', '3s', '--hold', '--linger', '1s']);
    await agent.says(/serving the final state at \S+ until told to stop\n/);
    await sleep(2000);
    expect((await agent.page('/healthz')).status).toBe(200);
    const page = JSON.parse((await agent.page('/api/verdict')).text) as unknown;
    await agent.end('SIGTERM');
    const result = await ended(agent, /the planned 3s are over/);
    expect(page).toEqual(result.verdict);
  });

  test('and lingers', async () => {
    await using stage = new Stage();
    const service = await stage.service('busy=2');
    const agent = await stage.watching(['--target', `app=${service.pid}`, ...FAST, '--duration', '2s', '--linger', '15s']);
    await agent.says(/serving the final state at \S+\n/);
    expect(JSON.parse((await agent.page('/api/verdict')).text)).toMatchObject({ run: { end: expect.any(String) as string } });
    await ended(agent, /the planned 2s are over/);
  });

  test('and says so in its last push, however early it is told to', async () => {
    await using stage = new Stage();
    const service = await stage.service('busy=2');
    const collector = await receiver();
    const agent = await stage.watching(['--target', `app=${service.pid}`, ...FAST, '--duration', '8h', '--otlp', collector.url]);
    await agent.ready();
    await agent.end('SIGTERM');
    await collector.close();
    const names = collector.pushes.at(-1)!.metrics.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['soak.run.planned_end_time', 'soak.run.end_time', 'soak.run.outcome']));
  });

  test('in order although a client has sent half a request', async () => {
    await using stage = new Stage();
    const service = await stage.service('busy=2');
    const agent = await stage.watching(['--target', `app=${service.pid}`, ...FAST, '--log-level', 'debug']);
    const { hostname, port } = new URL(await agent.url());
    const client = connect(Number(port), hostname);
    try {
      await once(client, 'connect');
      client.on('error', () => {}).write('GET /metrics HTTP/1.1\r\nhost: x\r\nx-half: ');
      await sleep(500);
      agent.child.kill('SIGTERM');
      await ended(agent, /told to stop by SIGTERM/);
      expect(agent.err).not.toContain('left behind');
      expectStopInOrder(agent);
      expect(client.closed || (await once(client, 'close'))).toBeTruthy();
    } finally {
      client.destroy();
    }
  });

  test('and may wait for its target before it begins', async () => {
    await using stage = new Stage();
    const pidfile = join(stage.folder, 'app.pid');
    const agent = await waiting(stage, '--target', `app=pidfile:${pidfile}`, ...FAST, '--wait', '2m', '--duration', '2s');
    await sleep(1500);
    expect(stage.runs()).toEqual([]);
    const service = await stage.service('busy=2');
    writeFileSync(pidfile, `${service.pid}\n`);
    await ended(agent, /the planned 2s are over/);
  });

  test('before it begins when it is told to while it waits for its target', async () => {
    await using stage = new Stage();
    const agent = await waiting(stage, '--target', `app=pidfile:${join(stage.folder, 'app.pid')}`, '--wait', '2m');
    expect(await agent.end('SIGTERM')).toEqual({ code: 11, signal: null });
    expect(agent.err).toBe('told to stop before the run began: nothing was recorded\n');
    expect(stage.runs()).toEqual([]);
  });
});
