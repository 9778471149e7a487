/** Sockets that real programs hold, as the kernel lists them, against what the programs themselves say. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SystemClock } from '../../src/clock.ts';
import { METRICS, socketsSource } from '../../src/sources/sockets.ts';
import type { Source } from '../../src/sources/source.ts';
import { hasNone } from '../../src/sockets/inuse.ts';
import { Sockets } from '../../src/sockets/sockets.ts';
import { readTcp } from '../../src/sockets/tables.ts';
import { Readings } from '../readings.ts';
import { CLI } from '../soakagent.ts';
import { installed, PROGRAMS, Stage, until } from './agent-under-test.ts';

const isRoot = process.getuid?.() === 0;
const HOLDER = join(PROGRAMS, 'sockets.mjs');

interface Told {
  readonly port: number;
  readonly outbound: number;
  readonly inbound: number;
}

/** The program of the fixture: what it is told it does, and says what it holds then. */
class Holder {
  readonly child: ChildProcess;
  readonly #answers: AsyncIterator<string>;

  constructor(before: readonly string[] = []) {
    const [file, ...args] = [...before, process.execPath, HOLDER];
    this.child = spawn(file!, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    ended.push(async () => {
      this.child.kill('SIGKILL');
      if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, 'exit');
    });
    this.#answers = createInterface(this.child.stdout!)[Symbol.asyncIterator]();
  }

  get pid(): number {
    return this.child.pid!;
  }

  async told(): Promise<Told> {
    const { value, done } = (await this.#answers.next()) as IteratorResult<string, undefined>;
    if (done) throw new Error('the program has ended');
    return JSON.parse(value) as Told;
  }

  does(command: string): Promise<Told> {
    this.child.stdin!.write(`${command}\n`);
    return this.told();
  }
}

const ended: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).toReversed()) await end();
});

async function listening(
  host: string,
  options: net.ServerOpts = {},
): Promise<{ port: number; accepted: net.Socket[]; server: net.Server }> {
  const accepted: net.Socket[] = [];
  const server = net.createServer(options, (socket) => accepted.push(socket.on('error', () => {}).resume()));
  ended.push(() => {
    for (const socket of accepted) socket.destroy();
    server.close();
  });
  await once(server.listen({ host, port: 0, backlog: 4096 }), 'listening');
  return { port: (server.address() as AddressInfo).port, accepted, server };
}

let r: Readings;
let source: Source;

/** Run time: the warm-up, in which endpoints get their names, begins with each test. */
class SinceStart extends SystemClock {
  readonly #start = super.monotonic();

  override monotonic(): number {
    return super.monotonic() - this.#start;
  }
}

beforeEach(() => {
  r = new Readings({ proc: '/proc', sys: '/sys' }, {}, new SinceStart());
  source = socketsSource(r.ctx, { sockets: new Sockets(r.ctx), planned: null, warmup: null });
  void source.open(r);
});

/** Reads anew: a table is given again for half a second at least, and longer when it was expensive. */
async function read(...pids: number[]): Promise<Readings> {
  return until(
    async () => {
      await sleep(600);
      r.bind(...pids.map((pid) => ({ pid })));
      await r.read(source);
      return r;
    },
    ({ samples, events }) => events.length > 0 || samples.some(({ metric }) => metric === METRICS.outbound.name),
  );
}

const outboundTo = (endpoint: string): number | undefined => r.value(METRICS.byEndpoint, { 'soak.endpoint': endpoint });
const inbound = (port: number, state = 'established'): number | undefined =>
  r.value(METRICS.inbound, { 'server.port': String(port), 'network.connection.state': state });

describe('outbound sockets', () => {
  test('are as many as the program says it holds, by IPv4, IPv6 and mapped addresses', async () => {
    const v4 = await listening('127.0.0.1');
    const v6 = await listening('::1');
    const holder = new Holder();
    await holder.told();
    expect((await read(holder.pid)).value(METRICS.outbound)).toBe(0);
    await holder.does(`open 25 127.0.0.1 ${v4.port}`);
    await holder.does(`open 7 ::ffff:127.0.0.1 ${v4.port}`);
    const { outbound } = await holder.does(`open 10 ::1 ${v6.port}`);
    expect(outbound).toBe(42);
    expect((await read(holder.pid)).value(METRICS.outbound)).toBe(outbound);
    expect([outboundTo(`127.0.0.1:${v4.port}`), outboundTo(`[::1]:${v6.port}`), outboundTo('other')]).toEqual([32, 10, 0]);
    expect(r.value(METRICS.ephemeralPorts)).toBe(32);
    const less = await holder.does('close 30');
    expect((await read(holder.pid)).value(METRICS.outbound)).toBe(less.outbound);
    expect([outboundTo(`127.0.0.1:${v4.port}`), outboundTo(`[::1]:${v6.port}`)]).toEqual([2, 10]);
    // Who closes first waits: the program, for its own 30, once the other side has closed as well.
    await until(
      async () => (await read(holder.pid)).value(METRICS.timeWait, { 'soak.endpoint': `127.0.0.1:${v4.port}` }),
      (waiting) => waiting === 30,
    );
    expect(r.value(METRICS.ephemeralPorts)).toBe(32);
  });

  test('that the other side has closed and the program has not are CLOSE_WAIT', async () => {
    const { port, accepted } = await listening('127.0.0.1', { allowHalfOpen: true });
    const holder = new Holder();
    await holder.told();
    await holder.does(`open 9 127.0.0.1 ${port}`);
    expect((await read(holder.pid)).value(METRICS.closeWait)).toBe(0);
    await until(
      () => accepted.length,
      (n) => n === 9,
    );
    for (const socket of accepted.slice(0, 5)) socket.end();
    expect((await read(holder.pid)).value(METRICS.closeWait)).toBe(5);
    expect(r.value(METRICS.outbound)).toBe(9);
    await holder.does('close 9');
    expect((await read(holder.pid)).value(METRICS.closeWait)).toBe(0);
  });

  test('of another process are not counted, and those of a new process are found', async () => {
    const { port } = await listening('127.0.0.1');
    const [one, two] = [new Holder(), new Holder()];
    await Promise.all([one.told(), two.told()]);
    await Promise.all([one.does(`open 3 127.0.0.1 ${port}`), two.does(`open 4 127.0.0.1 ${port}`)]);
    expect((await read(one.pid)).value(METRICS.outbound)).toBe(3);
    expect((await read(two.pid)).value(METRICS.outbound)).toBe(4);
    expect((await read(one.pid, two.pid)).value(METRICS.outbound)).toBe(7);
  });
});

describe('inbound sockets', () => {
  async function connected(port: number, count: number, host = '127.0.0.1'): Promise<net.Socket[]> {
    const sockets = Array.from({ length: count }, () => net.connect({ port, host, allowHalfOpen: true }).on('error', () => {}));
    ended.push(() => sockets.forEach((socket) => socket.destroy()));
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    return sockets;
  }

  test('are told by port and state', async () => {
    const holder = new Holder();
    const { port } = await holder.told();
    const sockets = [...(await connected(port, 6)), ...(await connected(port, 2, '::1'))];
    expect((await read(holder.pid)).value(METRICS.outbound)).toBe(0);
    expect([inbound(port), inbound(port, 'close_wait'), r.value(METRICS.acceptQueue, { 'server.port': String(port) })]).toEqual([8, 0, 0]);
    for (const socket of sockets.slice(0, 3)) socket.end();
    await read(holder.pid);
    expect([inbound(port), inbound(port, 'close_wait'), r.value(METRICS.closeWait)]).toEqual([5, 3, 3]);
  });

  test('that nobody accepts wait in the queue', async () => {
    const script =
      'import socket, time; s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(16); print(s.getsockname()[1], flush=True); time.sleep(60)';
    const child = spawn('python3', ['-c', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    ended.push(() => void child.kill('SIGKILL'));
    const port = Number((await createInterface(child.stdout)[Symbol.asyncIterator]().next()).value);
    await connected(port, 5);
    await read(child.pid!);
    expect(r.value(METRICS.acceptQueue, { 'server.port': String(port) })).toBe(5);
    expect([inbound(port), r.value(METRICS.outbound)]).toEqual([5, 0]);
  });
});

const IN_OWN_NETWORK = ['unshare', '-n', 'sh', '-c', 'ip link set lo up && exec "$0" "$@"'];

describe('cost', () => {
  test.skipIf(!isRoot || !installed('unshare', 'ip', 'nsenter'))('ten thousand sockets are counted exactly', async () => {
    const server = new Holder(IN_OWN_NETWORK); // with which 10,000 connections in TIME_WAIT go away
    const { port } = await server.told();
    const client = new Holder(['nsenter', `--net=/proc/${server.pid}/ns/net`]);
    await client.told();
    const { outbound } = await client.does(`open 10000 127.0.0.1 ${port}`);
    await read(client.pid, server.pid);
    expect([r.value(METRICS.outbound), r.value(METRICS.ephemeralPorts), inbound(port)]).toEqual([outbound, outbound, outbound]);
    expect(r.events).toEqual([]);
  });

  test('reading leaves no descriptor open', async () => {
    const { port } = await listening('127.0.0.1');
    const holder = new Holder();
    await holder.told();
    await holder.does(`open 5 127.0.0.1 ${port}`);
    await read(holder.pid);
    const before = readdirSync('/proc/self/fd').length;
    for (let i = 0; i < 3; i++) await read(holder.pid);
    expect(readdirSync('/proc/self/fd')).toHaveLength(before);
  });
});

describe.skipIf(!isRoot || !installed('unshare', 'ip'))('another network namespace', () => {
  test('is read from ours', async () => {
    const holder = new Holder(IN_OWN_NETWORK);
    const { port } = await holder.told();
    await holder.does(`open 6 127.0.0.1 ${port}`);
    await holder.does(`open 2 ::1 ${port}`);
    expect((await read(holder.pid)).value(METRICS.outbound)).toBe(8);
    expect([outboundTo(`127.0.0.1:${port}`), outboundTo(`[::1]:${port}`), inbound(port)]).toEqual([6, 2, 8]);
    expect(r.value(METRICS.ephemeralPortLimit)).toBeUndefined();
    expect(r.events).toEqual([]);
  });

  test('has no sockets of a family if and only if the kernel lists none', async () => {
    const holder = new Holder(IN_OWN_NETWORK);
    const { port } = await holder.told();
    const folder = `/proc/${holder.pid}`;
    const seen = (): boolean[] => {
      const told = (['tcp', 'tcp6'] as const).map((family) => hasNone(folder, family));
      expect((['tcp', 'tcp6'] as const).map((family) => readTcp(`${folder}/net/${family}`)?.rows.length === 0)).toEqual(told);
      return told;
    };
    expect(seen()).toEqual([true, false]); // it listens on ::
    await holder.does(`open 2 127.0.0.1 ${port}`);
    expect(seen()).toEqual([false, false]);
  });

  test('beside ours: each process by its own table', async () => {
    const [here, there] = [new Holder(), new Holder(IN_OWN_NETWORK)];
    const [own, other] = await Promise.all([here.told(), there.told()]);
    await Promise.all([here.does(`open 3 127.0.0.1 ${own.port}`), there.does(`open 4 127.0.0.1 ${other.port}`)]);
    expect((await read(here.pid, there.pid)).value(METRICS.outbound)).toBe(7);
    expect([outboundTo(`127.0.0.1:${own.port}`), outboundTo(`127.0.0.1:${other.port}`)]).toEqual([3, 4]);
  });
});

/** A uid 0 that may do no more than any other user. */
const POWERLESS = ['setpriv', '--bounding-set', '-all', '--inh-caps', '-all'];
const AS_NOBODY = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'];

describe.skipIf(!isRoot || !installed('setpriv', 'unshare', 'ip'))('a target of another user, without capabilities', () => {
  /** What doctor says, every white space as one blank. */
  function doctor(pid: number): string {
    const [file, ...args] = [...POWERLESS, process.execPath, CLI, 'doctor', '--listen', '0', '--target', `app=pid:${pid}`];
    try {
      return execFileSync(file!, args, { encoding: 'utf8' }).replaceAll(/\s+/g, ' ');
    } catch (error) {
      return String((error as { stdout?: string }).stdout).replaceAll(/\s+/g, ' ');
    }
  }

  test('has no figures, and what would mend it is told', async () => {
    const holder = new Holder(AS_NOBODY);
    const { port } = await holder.told();
    await holder.does(`open 3 127.0.0.1 ${port}`);
    expect(doctor(holder.pid)).toMatch(/Sockets no only uid 65534.*? may read it; run soak-agent as that user or with CAP_SYS_PTRACE/);
  });

  test('alone in its network namespace has all of its sockets', async () => {
    const holder = new Holder([...IN_OWN_NETWORK, ...AS_NOBODY]);
    const { port } = await holder.told();
    await holder.does(`open 3 127.0.0.1 ${port}`);
    expect(doctor(holder.pid)).toMatch(/Sockets yes sockets\.outbound 3, sockets\.close_wait 0/);
  });
});

describe('a run', () => {
  test('shows the sockets of its target', async () => {
    await using stage = new Stage();
    const { port, accepted } = await listening('127.0.0.1', { allowHalfOpen: true });
    const holder = new Holder();
    await holder.told();
    const agent = await stage.watching(['--target', `app=pid:${holder.pid}`, '--interval', '0.25', '--duration', '5m']);
    await holder.does(`open 3 127.0.0.1 ${port}`);
    // The connections of the program are established before this process has accepted them.
    await until(
      () => accepted.length,
      (n) => n === 3,
    );
    for (const socket of accepted) socket.end();
    // Tables that are dear to read, because tests beside this one have many sockets, are read every 20 s, and what is new twice.
    const { text } = await until(
      () => agent.page('/metrics'),
      (page) => /^soak_socket_close_wait\{.*\} 3$/m.test(page.text),
      60,
    );
    expect(text).toMatch(new RegExp(`^soak_socket_outbound_by_endpoint\\{.*soak_endpoint="127.0.0.1:${port}".*\\} 3$`, 'm'));
    await agent.end('SIGTERM');
  });
});
