import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as fc from '../property.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SimClock } from '../../src/clock.ts';
import { type Endpoint, Servers } from '../../src/servers.ts';
import { parseNumbers, parseSockstat, portsIn } from '../../src/sources/sockets-kernel.ts';
import { ENDPOINTS_MAX, PORTS_MAX } from '../../src/sources/sockets-metrics.ts';
import { METRICS, socketsSource, type SocketsOptions } from '../../src/sources/sockets.ts';
import type { Source } from '../../src/sources/source.ts';
import { Sockets } from '../../src/sockets/sockets.ts';
import { ROWS_MAX, TIME_WAITS_MAX } from '../../src/sockets/tables.ts';
import { type FakeRow, SocketProc } from '../fixtures/sockets/proc.ts';
import { Readings } from '../readings.ts';

const [ESTABLISHED, SYN_RECEIVED, TIME_WAIT, CLOSE_WAIT, LISTEN] = [1, 3, 6, 8, 10];

let proc: SocketProc;

beforeEach(() => {
  proc = new SocketProc();
  proc.process(7);
  proc.self(7);
});

afterEach(() => proc.dispose());

interface Setup extends Partial<SocketsOptions> {
  readonly servers?: Servers;
  readonly many?: boolean;
}

class Run {
  readonly clock = new SimClock({ monotonic: 0 });
  readonly readings: Readings;
  readonly sockets: Sockets;
  readonly source: Source;

  constructor({ servers, many = false, ...options }: Setup = {}) {
    this.readings = new Readings(proc.roots, { many }, this.clock);
    const ctx = servers ? { ...this.readings.ctx, servers } : this.readings.ctx;
    this.sockets = new Sockets(ctx);
    this.source = socketsSource(ctx, { sockets: this.sockets, planned: null, warmup: null, ...options });
    void this.source.open(this.readings);
  }

  /** The next read is due. */
  async read(): Promise<Readings> {
    this.clock.advance(15);
    await this.readings.read(this.source);
    return this.readings;
  }
}

function write(file: string, text: string): void {
  mkdirSync(dirname(join(proc.path, file)), { recursive: true });
  proc.write(file, text);
}

const listen = (port: number, inode: number, rxQueue = 0): FakeRow => ({ local: ['0.0.0.0', port], state: LISTEN, inode, rxQueue });
const to = (remote: readonly [string, number], inode: number, state = ESTABLISHED, port = 40_000): FakeRow => ({
  local: ['10.0.0.1', port],
  remote,
  state,
  inode,
});
const from = (port: number, inode: number, state = ESTABLISHED): FakeRow => ({
  local: ['10.0.0.1', port],
  remote: ['10.9.9.9', 33_333],
  state,
  inode,
});
const DB = ['10.0.0.5', 5432] as const;
const CACHE = ['10.0.0.6', 6379] as const;

describe('a process', () => {
  beforeEach(() => proc.process(1, 7));

  async function read(rows: readonly FakeRow[], set: Setup = {}): Promise<Readings> {
    proc.table(1, rows);
    proc.open(1, ...new Set(rows.map(({ inode }) => inode).filter((inode) => inode > 0 && inode < 900)));
    const run = new Run(set);
    run.readings.bind({ pid: 1 });
    return run.read();
  }

  test('its outbound sockets by endpoint, those of others left out', async () => {
    const r = await read([to(DB, 11), to(DB, 12, CLOSE_WAIT), to(CACHE, 13, 2), to(DB, 900), to(DB, 0, TIME_WAIT, 41_000)]);
    expect(r.value(METRICS.outbound)).toBe(3);
    expect(r.value(METRICS.closeWait)).toBe(1);
    expect(r.value(METRICS.byEndpoint, { 'soak.endpoint': '10.0.0.5:5432' })).toBe(2);
    expect(r.value(METRICS.byEndpoint, { 'soak.endpoint': '10.0.0.6:6379' })).toBe(1);
    expect(r.value(METRICS.byEndpoint, { 'soak.endpoint': 'other' })).toBe(0);
    expect(r.value(METRICS.timeWait, { 'soak.endpoint': '10.0.0.5:5432' })).toBe(1);
    expect(r.value(METRICS.timeWait, { 'soak.endpoint': '10.0.0.6:6379' })).toBe(0);
  });

  test('what came in by port and state, accepted, waiting or closed, is not outbound', async () => {
    const states = [from(8080, 11), from(8080, 12, CLOSE_WAIT), from(8080, 0), from(8080, 0, TIME_WAIT), from(8080, 0, SYN_RECEIVED)];
    const r = await read([listen(8080, 10, 1), ...states, listen(9090, 901)]);
    expect(r.value(METRICS.outbound)).toBe(0);
    expect(r.value(METRICS.closeWait)).toBe(1);
    const inbound = (state: string, port = '8080') => r.value(METRICS.inbound, { 'server.port': port, 'network.connection.state': state });
    expect(['established', 'close_wait', 'time_wait', 'syn_received'].map((state) => inbound(state))).toEqual([2, 1, 1, 1]);
    expect(inbound('last_ack')).toBeUndefined();
    expect(inbound('established', '9090')).toBeUndefined();
    expect(r.value(METRICS.acceptQueue, { 'server.port': '8080' })).toBe(1);
  });

  test('what waits in several sockets that listen on one port is added up', async () => {
    const r = await read([listen(8080, 10, 2), listen(8080, 11, 3)]);
    expect(r.value(METRICS.acceptQueue, { 'server.port': '8080' })).toBe(5);
  });

  test('what came in stays inbound when nobody listens there any more, until it is gone', async () => {
    proc.open(1, 10, 11);
    const run = new Run();
    run.readings.bind({ pid: 1 });
    const read = async (rows: readonly FakeRow[]): Promise<(number | undefined)[]> => {
      proc.table(1, rows);
      const r = await run.read();
      return [r.value(METRICS.outbound), r.value(METRICS.inbound, { 'server.port': '8080', 'network.connection.state': 'established' })];
    };
    expect(await read([listen(8080, 10), from(8080, 11)])).toEqual([0, 1]);
    expect(await read([from(8080, 11)])).toEqual([0, 1]);
    expect(await read([from(8080, 11)])).toEqual([0, 1]);
    expect(await read([])).toEqual([0, 0]);
    expect(await read([{ ...to(DB, 11), local: ['10.0.0.1', 8080] }])).toEqual([1, 0]);
  });

  test('while its sockets have not been looked for there are no figures, and it is not blind', async () => {
    proc.open(1, ...Array.from({ length: 10_700 }, (_, i) => `file${i}`));
    const run = new Run();
    run.readings.bind({ pid: 1 });
    await run.read();
    proc.table(1, [to(DB, 11)]);
    proc.open(1, 11);
    run.clock.advance(-14.4); // at 667 looks a second the debt of the first walk is not paid
    run.readings.bind({ pid: 1 });
    const r = await run.read();
    expect([r.samples, r.events]).toEqual([[], []]);
  });

  test('without sockets has measured zeros', async () => {
    const r = await read([to(DB, 900)]);
    expect(r.samples.map(({ metric, value }) => [metric, value])).toEqual([
      [METRICS.outbound.name, 0],
      [METRICS.closeWait.name, 0],
      [METRICS.byEndpoint.name, 0],
      [METRICS.ephemeralPorts.name, 0],
    ]);
    expect(r.events).toEqual([]);
  });

  test('local ports in use to one endpoint, of all in its namespace, with their limit', async () => {
    write('sys/net/ipv4/ip_local_port_range', '32768\t60999\n');
    const rows = [to(DB, 11, ESTABLISHED, 1), to(DB, 0, TIME_WAIT, 2), to(DB, 900, ESTABLISHED, 3), to(CACHE, 12, ESTABLISHED, 4)];
    const elsewhere = Array.from({ length: 9 }, (_, i) => to(['10.0.0.9', 80], 901 + i, ESTABLISHED, i));
    const r = await read([...rows, ...elsewhere, { ...to(DB, 0, TIME_WAIT, 5), local: ['10.0.0.2', 5] }]);
    expect(r.value(METRICS.ephemeralPorts)).toBe(3);
    expect(r.value(METRICS.ephemeralPortLimit)).toBe(28_232);
  });

  test('an endpoint of a configured server has its name, in its own namespace also by a loopback address', async () => {
    const servers = new Servers([server('db'), server('cache')]);
    servers.all()[0]!.endpoints = [end('10.0.0.5', 5432), end('127.0.0.1', 5432), { path: '/run/x' }];
    servers.all()[1]!.endpoints = [end('10.0.0.6', 6379)];
    const r = await read([to(DB, 11), to(['127.0.0.1', 5432], 12), to(['127.0.0.1', 99], 13)], { servers });
    expect(r.value(METRICS.byEndpoint, { 'soak.endpoint': 'db' })).toBe(2);
    expect(r.value(METRICS.byEndpoint, { 'soak.endpoint': '127.0.0.1:99' })).toBe(1);
    expect(r.value(METRICS.byEndpoint, { 'soak.endpoint': 'cache' })).toBeUndefined();
    expect(r.series.all().find(({ def }) => def === METRICS.outbound)?.period).toBe(15);
  });

  test('in another namespace a loopback address is another machine’s', async () => {
    proc.remove('1');
    proc.process(1);
    write('sys/net/ipv4/ip_local_port_range', '32768\t60999\n');
    const servers = new Servers([server('db')]);
    servers.all()[0]!.endpoints = [end('127.0.0.1', 5432), end('10.0.0.5', 5432)];
    const r = await read([to(['127.0.0.1', 5432], 11), to(DB, 12)], { servers });
    expect(r.value(METRICS.byEndpoint, { 'soak.endpoint': '127.0.0.1:5432' })).toBe(1);
    expect(r.value(METRICS.byEndpoint, { 'soak.endpoint': 'db' })).toBe(1);
    expect(r.value(METRICS.ephemeralPorts)).toBe(1);
    expect(r.value(METRICS.ephemeralPortLimit)).toBeUndefined();
  });

  test('with more sockets than are taken, nothing is counted, and that is told once', async () => {
    proc.table(1, [...Array.from({ length: ROWS_MAX }, (_, i) => to(DB, 900 + i)), to(DB, 11)]);
    const run = new Run();
    run.readings.bind({ pid: 1 });
    const r = await run.read();
    expect(r.samples).toEqual([]);
    expect(r.events.map(({ kind, target }) => [kind, target])).toEqual([['cap', 'api']]);
    expect((await run.read()).events).toEqual([]);
  });

  test('with more connections in TIME_WAIT than are taken, all but those are counted', async () => {
    const waiting = Array.from({ length: TIME_WAITS_MAX + 1 }, () => to(DB, 0, TIME_WAIT));
    const r = await read([listen(8080, 12), from(8080, 0, TIME_WAIT), ...waiting, to(DB, 11)]);
    expect(r.value(METRICS.outbound)).toBe(1);
    expect(r.value(METRICS.byEndpoint, { 'soak.endpoint': '10.0.0.5:5432' })).toBe(1);
    expect(r.value(METRICS.inbound, { 'server.port': '8080', 'network.connection.state': 'established' })).toBe(0);
    const metrics = r.samples.map(({ metric, labels }) => [metric, labels['network.connection.state']]);
    expect(metrics).not.toContainEqual([METRICS.timeWait.name, undefined]);
    expect(metrics).not.toContainEqual([METRICS.ephemeralPorts.name, undefined]);
    expect(metrics).not.toContainEqual([METRICS.inbound.name, 'time_wait']);
    expect(r.events.map(({ kind, message }) => [kind, message])).toEqual([
      ['cap', `the network namespace of api has more than ${TIME_WAITS_MAX} connections in TIME_WAIT: they are not counted`],
    ]);
  });

  test('that may not be looked into has no figures, which is told once', async () => {
    proc.closeOff(1);
    proc.process(2, 1);
    proc.table(1, [to(DB, 11)]);
    const run = new Run();
    run.readings.bind({ pid: 1 });
    const r = await run.read();
    expect(r.samples).toEqual([]);
    expect(r.events).toMatchObject([{ kind: 'blind', target: 'api', data: { metric: 'soak.socket.*' } }]);
    expect(r.events[0]!.message).toMatch(/cannot be read: only .* may read it; run soak-agent as that user or with CAP_SYS_PTRACE/);
    expect((await run.read()).events).toEqual([]);
  });

  test('that has ended has no figures and is not blind', async () => {
    const run = new Run();
    run.readings.bind({ pid: 99 });
    const r = await run.read();
    expect([r.samples, r.events]).toEqual([[], []]);
  });
});

const end = (address: string, port: number): Endpoint => ({ address, port });

function server(name: string) {
  return { name, system: 'postgresql', url: '', passwordFile: null, display: '', gauges: [], keys: [] } as const;
}

describe('names of endpoints', () => {
  const many = Array.from({ length: ENDPOINTS_MAX + 5 }, (_, i) => i + 1);
  const endpoint = (i: number): string => `10.0.1.${i}:80`;
  const rows = (of: readonly number[]): FakeRow[] =>
    of.flatMap((i) => Array.from({ length: i }, (_, n) => to([`10.0.1.${i}`, 80], i * 100 + n)));

  beforeEach(() => proc.process(1, 7));

  function connect(of: readonly number[]): void {
    proc.table(1, rows(of));
    proc.remove('1/fd');
    mkdirSync(join(proc.path, '1/fd'));
    proc.open(1, ...rows(of).map(({ inode }) => inode));
  }

  test('go to those with most connections, the rest is other; a name without connections is zero', async () => {
    connect(many);
    const run = new Run();
    run.readings.bind({ pid: 1 });
    const r = await run.read();
    const count = (i: number) => r.value(METRICS.byEndpoint, { 'soak.endpoint': endpoint(i) });
    expect([count(25), count(6), count(5)]).toEqual([25, 6, undefined]);
    expect(r.value(METRICS.byEndpoint, { 'soak.endpoint': 'other' })).toBe(1 + 2 + 3 + 4 + 5);
    connect([5, 25]);
    await run.read();
    expect([count(25), count(6), count(5)]).toEqual([25, 0, undefined]);
    expect(r.value(METRICS.byEndpoint, { 'soak.endpoint': 'other' })).toBe(5);
  });

  test.each([
    [{ planned: 200 }, 1],
    [{ planned: 24 * 3600 }, 2],
    [{ planned: null }, 2],
    [{ planned: 24 * 3600, warmup: 20 }, 1],
  ])('are no longer given after the warm-up: %j', async (set, names) => {
    const run = new Run(set);
    run.readings.bind({ pid: 1 });
    connect([1]);
    await run.read();
    run.clock.advance(15);
    connect([1, 2]);
    const r = await run.read();
    expect(
      r.samples.filter(({ metric, labels }) => metric === METRICS.byEndpoint.name && labels['soak.endpoint'] !== 'other'),
    ).toHaveLength(names);
    run.clock.advance(600);
    connect([1, 2, 3]);
    await run.read();
    expect(r.value(METRICS.byEndpoint, { 'soak.endpoint': 'other' })).toBe(names === 2 ? 3 : 5);
  });

  test('are given once to a role that is first seen after the warm-up', async () => {
    const run = new Run({ warmup: 0 });
    run.readings.bind({ pid: 1 });
    connect([1, 2]);
    const r = await run.read();
    const other = (): number | undefined => r.value(METRICS.byEndpoint, { 'soak.endpoint': 'other' });
    expect(other()).toBe(0);
    connect([1, 2, 3]);
    await run.read();
    expect(other()).toBe(3);
  });

  test('and ports are those of the run that is gone on with', async () => {
    proc.table(1, [to(DB, 11), listen(8080, 12)]);
    proc.open(1, 11, 12);
    const run = new Run();
    run.readings.bind({ pid: 1 });
    await run.read();
    proc.table(1, [to(CACHE, 11)]);
    const again = socketsSource(run.readings.ctx, { sockets: new Sockets(run.readings.ctx), planned: 10, warmup: null });
    void again.open(run.readings);
    run.clock.advance(1000);
    await run.readings.read(again);
    const r = run.readings;
    expect(r.value(METRICS.byEndpoint, { 'soak.endpoint': '10.0.0.5:5432' })).toBe(0);
    expect(r.value(METRICS.byEndpoint, { 'soak.endpoint': 'other' })).toBe(1);
    expect(r.value(METRICS.acceptQueue, { 'server.port': '8080' })).toBe(0);
  });

  test('ports beyond the cap are added up', async () => {
    const ports = Array.from({ length: PORTS_MAX + 2 }, (_, i) => 8000 + i);
    proc.table(1, [...ports.map((port, i) => listen(port, 10 + i, 1)), from(8017, 0), from(8000, 0)]);
    proc.open(1, ...ports.map((_, i) => 10 + i));
    const run = new Run();
    run.readings.bind({ pid: 1 });
    const r = await run.read();
    expect(r.value(METRICS.acceptQueue, { 'server.port': 'other' })).toBe(2);
    expect(r.value(METRICS.inbound, { 'server.port': 'other', 'network.connection.state': 'established' })).toBe(1);
    expect(r.value(METRICS.inbound, { 'server.port': '8000', 'network.connection.state': 'established' })).toBe(1);
  });
});

describe('a role of several processes', () => {
  beforeEach(() => {
    proc.process(1, 7);
    proc.process(2, 7);
    proc.process(3);
    proc.table(7, [to(DB, 11), to(DB, 21), to(CACHE, 22), listen(8080, 23), from(8080, 24, CLOSE_WAIT)]);
    proc.table(3, [to(DB, 31), listen(8080, 32, 2)]);
    proc.open(1, 11, 23);
    proc.open(2, 21, 22, 23, 24);
    proc.open(3, 31, 32);
  });

  async function read(): Promise<Readings> {
    const run = new Run({ many: true });
    run.readings.bind({ pid: 1, member: '1' }, { pid: 2, member: '2' }, { pid: 3, member: 'other' }, { pid: 99, member: 'other' });
    return run.read();
  }

  test('has totals over its namespaces, and slots', async () => {
    const r = await read();
    const outbound = [null, '1', '2', 'other'].map((member) => r.value(METRICS.outbound, {}, member));
    expect(outbound).toEqual([4, 1, 2, 1]);
    expect([null, '1', '2'].map((member) => r.value(METRICS.closeWait, {}, member))).toEqual([1, 0, 1]);
    expect(r.value(METRICS.byEndpoint, { 'soak.endpoint': '10.0.0.5:5432' })).toBe(3);
    expect(r.value(METRICS.acceptQueue, { 'server.port': '8080' })).toBe(2);
    expect(r.value(METRICS.inbound, { 'server.port': '8080', 'network.connection.state': 'close_wait' })).toBe(1);
  });

  test('has no totals while one may not be looked into; the slots of the others have theirs', async () => {
    proc.closeOff(2);
    const r = await read();
    expect([null, '1', '2', 'other'].map((member) => r.value(METRICS.outbound, {}, member))).toEqual([undefined, 1, undefined, 1]);
    expect(r.samples.every(({ member }) => member !== null)).toBe(true);
    expect(r.blind()).toEqual(['soak.socket.*']);
  });
});

describe('when it reads', () => {
  beforeEach(() => {
    proc.process(1, 7);
    proc.table(1, [to(DB, 11)]);
    proc.open(1, 11);
  });

  /** Times of ticks, every 5 s, at which figures were reported. */
  async function times(run: Run, seconds: number, before: (t: number) => void = () => {}): Promise<number[]> {
    run.readings.bind({ pid: 1 });
    const reported: number[] = [];
    for (let t = 0; t < seconds; t += 5) {
      before(t);
      await run.readings.read(run.source);
      if (run.readings.value(METRICS.outbound) !== undefined) reported.push(t);
      run.clock.advance(5);
    }
    return reported;
  }

  test('every 15 s, and more often in a short run', async () => {
    expect(await times(new Run(), 60)).toEqual([0, 15, 30, 45]);
    expect(await times(new Run({ planned: 8 * 3600 }), 60)).toEqual([0, 15, 30, 45]);
    expect(await times(new Run({ planned: 40 * 60 }), 60)).toEqual([0, 10, 20, 30, 40, 50]);
    const short = new Run({ planned: 60 });
    expect(await times(short, 15)).toEqual([0, 5, 10]);
    expect(short.readings.series.all()[0]?.period).toBe(10);
  });

  test('with servers as well, and whenever the pools had the same tables read', async () => {
    const served = (): Run => new Run({ servers: new Servers([server('db')]) });
    expect(await times(served(), 50)).toEqual([0, 15, 30, 45]);
    const run = served();
    expect(await times(run, 50, (t) => t === 20 && run.sockets.read())).toEqual([0, 15, 20, 35]);
    const trial = new Run({ planned: 60, servers: new Servers([server('db')]) });
    expect(await times(trial, 15)).toEqual([0, 5, 10]);
  });

  test('at once when something was bound', async () => {
    const run = new Run();
    await times(run, 5);
    run.readings.bind({ pid: 1 });
    await run.readings.read(run.source);
    expect(run.readings.value(METRICS.outbound)).toBe(1);
  });

  test('a table that another source has had read a moment ago is as old as that', async () => {
    const run = new Run();
    const sockets = new Sockets(run.readings.ctx);
    const source = socketsSource(run.readings.ctx, { sockets, planned: null, warmup: null });
    void source.open(run.readings);
    run.readings.bind({ pid: 1 });
    run.clock.advance(15);
    sockets.read();
    run.clock.advance(0.25);
    await run.readings.read(source);
    expect(run.readings.samples.map(({ at }) => at)).toEqual(run.readings.samples.map(() => 15));
  });

  /** A run whose reads take five of these: one for each of two tables, and what is between. */
  function costly(seconds: number, planned: number | null = null): Run {
    class Costly extends SimClock {
      override cpu(): number {
        return (this.#used += seconds);
      }
      #used = 0;
    }
    const run = new Run();
    const clock = new Costly({ monotonic: 0 });
    Object.assign(run, { clock, readings: new Readings(proc.roots, {}, clock) });
    Object.assign(run, {
      source: socketsSource(run.readings.ctx, { sockets: new Sockets(run.readings.ctx), planned, warmup: null }),
    });
    void run.source.open(run.readings);
    return run;
  }

  test('so that it takes 0.015 % of a core, and 0.1 % in a short run', async () => {
    expect(await times(costly(0.001), 100)).toEqual([0, 15, 50, 85]);
    expect(await times(costly(0.002, 600), 50)).toEqual([0, 5, 15, 25, 35, 45]);
  });

  test('less often when it is expensive, and a table is reported once', async () => {
    const run = costly(0.05);
    expect(await times(run, 136)).toEqual([0, 15, 75, 135]);
    run.readings.bind({ pid: 1 });
    await run.readings.read(run.source);
    expect(run.readings.value(METRICS.outbound)).toBeUndefined();
  });
});

describe('the machine', () => {
  test('its sockets, their memory, and what limits them', async () => {
    write('net/sockstat', 'sockets: used 16\nTCP: inuse 2 orphan 4 tw 5 alloc 6 mem 7\nUDP: inuse 0 mem 0\n');
    write('sys/net/ipv4/tcp_max_orphans', '131072\n');
    write('sys/net/ipv4/tcp_mem', '287901\t383869\t575802\n');
    write('sys/net/netfilter/nf_conntrack_count', '0\n');
    write('sys/net/netfilter/nf_conntrack_max', '262144\n');
    const r = await new Run().read();
    const known = [METRICS.tcpSockets, METRICS.orphans, METRICS.tcpMemory, METRICS.conntrack].map((def) => r.value(def));
    expect(known).toEqual([6, 4, 7, 0]);
    const limits = [METRICS.orphanLimit, METRICS.tcpMemoryLimit, METRICS.conntrackLimit].map((def) => r.value(def));
    expect(limits).toEqual([131_072, 575_802, 262_144]);
  });

  test('what is not said is not set', async () => {
    expect((await new Run().read()).samples).toEqual([]);
  });

  test('a line that is cut or means something else says nothing', () => {
    expect(parseSockstat('TCP: inuse 2 orphan 0 tw 0 alloc')).toEqual({ orphans: null, allocated: null, pages: null });
    expect(parseSockstat('TCP: inuse 2 orphan x tw 0 alloc 3 mem 0\n')).toEqual({ orphans: null, allocated: null, pages: null });
    expect(parseSockstat('TCP6: inuse 1\nUDP: mem 4\nTCP: inuse 2 alloc 3\n')).toEqual({ orphans: null, allocated: 3, pages: null });
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(parseSockstat(text)).toEqual({ orphans: null, allocated: null, pages: null });
      }),
    );
  });

  test.each([
    ['32768\t60999\n', 28_232],
    ['1 1\n', 1],
    ['60999 32768', null],
    ['0 65535', null],
    ['1 99999', null],
    ['1', null],
    ['', null],
    ['a b', null],
    ['-1 5', null],
  ])('ports of %j', (text, count) => {
    expect(portsIn(parseNumbers(text))).toBe(count);
  });
});
