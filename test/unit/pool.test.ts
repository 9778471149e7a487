/** The pool source on hand-made sockets and sessions: what it reports of roles, members, servers, and of what it cannot see. */
import { describe, expect, test } from 'vitest';
import { SimClock } from '../../src/clock.ts';
import { type Server, type ServerSpec, Servers, type Session } from '../../src/servers.ts';
import type { NamespaceSockets } from '../../src/sockets/sockets.ts';
import type { Enough, NamespaceTable } from '../../src/sockets/tables.ts';
import { METRICS, poolSource } from '../../src/sources/pool.ts';
import type { Source } from '../../src/sources/source.ts';
import type { TargetSpec } from '../../src/targets.ts';
import { Readings } from '../readings.ts';
import { connectionsFrom } from '../sockettable.ts';

const SPEC: ServerSpec = { name: 'db', system: 'postgresql', url: '', passwordFile: null, display: '', gauges: [], keys: [] };
const POOL = { 'soak.server': 'db', 'db.system.name': 'postgresql', 'db.namespace': 'app', 'user.name': 'app' };
const OUTSIDE = { ...POOL, 'db.namespace': '', 'user.name': '' };

function session(port: number, more: Partial<Session> = {}): Session {
  const known = { user: 'app', database: 'app', application: null, state: 'idle' as const, openedAt: 0, changedAt: 0, transactionAt: null };
  return {
    id: `s${port}`,
    pid: port,
    peer: { address: '127.0.0.1', port },
    ...known,
    queryHash: null,
    listens: false,
    ours: false,
    ...more,
  };
}

class Scene {
  readonly readings: Readings;
  readonly server: Server;
  readonly source: Source;
  /** Ports of the sockets of each pid. */
  held = new Map<number, number[]>();
  sessions: Session[] | null = [];
  complete = true;
  space: Partial<NamespaceSockets> = {};
  /** Seconds since the sessions that are given were so, and since the table of sockets was read. */
  late = { sessions: 0, table: 0 };
  /** Times at which the table was read. */
  readonly tables: number[] = [];
  #table: NamespaceTable | null = null;

  /** What the program says that its pools may have. */
  reportedMax: number | null = null;

  constructor(spec: Partial<TargetSpec> = {}, planned: number | null = null) {
    this.readings = new Readings({ proc: '/none', sys: '/none' }, spec, new SimClock({ monotonic: 0 }));
    const servers = new Servers([SPEC]);
    this.server = servers.all()[0]!;
    this.server.endpoints = [{ address: '127.0.0.1', port: 5432 }];
    this.server.sessions = () =>
      Promise.resolve(this.sessions && { at: this.readings.now() - this.late.sessions, sessions: this.sessions, complete: this.complete });
    this.source = poolSource(
      { ...this.readings.ctx, servers },
      { planned, sockets: { read: (_, enough) => [this.#space(enough)] }, reportedMaxOf: () => this.reportedMax },
    );
  }

  async read(seconds = 5): Promise<Readings> {
    (this.readings.clock as SimClock).advance(seconds);
    await this.readings.read(this.source);
    return this.readings;
  }

  /** Connections by state, of the pool that everybody uses here. */
  counts(member: string | null = null, labels: Readonly<Record<string, string>> = POOL): Record<string, number> {
    const own = this.readings.samples.filter(
      (sample) =>
        sample.metric === METRICS.connections.name &&
        sample.member === member &&
        Object.entries(labels).every(([name, value]) => sample.labels[name] === value),
    );
    return Object.fromEntries(own.map((sample) => [sample.labels['soak.pool.state']!, sample.value]));
  }

  #space({ age = 0 }: Enough = {}): NamespaceSockets {
    const { procs } = this.readings.targets.all()[0]!;
    const sockets = [...this.held].flatMap(([pid, ports]) => ports.map((port) => ({ pid, port })));
    const rows = connectionsFrom(sockets.map(({ port }) => port));
    const now = this.readings.now();
    const isEnough = this.#table !== null && now - this.#table.at < age;
    if (!isEnough) this.tables.push(now);
    const table = isEnough ? this.#table! : { namespace: '1', at: now - this.late.table, rows, capped: false, timeWaitsCapped: false };
    this.#table = table;
    const owners = new Map(sockets.map(({ port, pid }) => [port, pid]));
    return { table, procs, owners, settled: true, blind: new Map(), alone: null, ...this.space };
  }
}

describe('what is reported', () => {
  test('connections by state, and sockets that the server does not know', async () => {
    const scene = new Scene();
    scene.readings.bind({ pid: 1 });
    scene.held.set(1, [1, 2, 3, 4]);
    scene.sessions = [session(1), session(2, { state: 'active', changedAt: 3 }), session(3, { state: 'waiting_lock' }), session(99)];
    const readings = await scene.read();
    expect(scene.counts()).toEqual({ active: 1, idle: 1, stuck: 0, waiting_lock: 1 });
    expect(readings.value(METRICS.connections, { ...OUTSIDE, 'soak.pool.state': 'unmatched' })).toBe(1);
    expect(readings.value(METRICS.oldest, { ...POOL, 'soak.pool.state': 'active' })).toBe(2);
    expect(readings.value(METRICS.stuck, POOL)).toBe(0);
  });

  test('nothing of a server that does not answer', async () => {
    const scene = new Scene();
    scene.readings.bind({ pid: 1 });
    scene.held.set(1, [1]);
    scene.sessions = null;
    expect((await scene.read()).samples).toEqual([]);
  });

  test('how many there are of when the sockets were read, and for how long by the time of the server', async () => {
    const scene = new Scene();
    scene.readings.bind({ pid: 1 });
    scene.held.set(1, [1, 2]);
    scene.sessions = [session(1, { state: 'active', changedAt: 3 }), session(2)];
    scene.late = { sessions: 1.5, table: 0.25 };
    const readings = await scene.read(10);
    const told = readings.samples.filter(({ metric }) => metric.startsWith('soak.pool.'));
    expect(new Set(told.map(({ at }) => at))).toEqual(new Set([9.75]));
    expect(readings.value(METRICS.oldest, { ...POOL, 'soak.pool.state': 'active' })).toBe(5.5);
  });

  test('a table that is given again shows nothing of the sessions since', async () => {
    const scene = new Scene();
    scene.readings.bind({ pid: 1 });
    scene.held.set(1, [1]);
    scene.sessions = [session(1)];
    await scene.read();
    scene.late.table = 1;
    scene.sessions = [session(2)];
    expect((await scene.read(1)).samples).toEqual([]);
    scene.late.table = 0;
    scene.held.set(1, [2]);
    await scene.read(1);
    expect(scene.counts()).toMatchObject({ idle: 1 });
  });

  test('while the server lists the same sessions, their sockets are read every third time, and their states told every time', async () => {
    const scene = new Scene();
    scene.readings.bind({ pid: 1 });
    scene.held.set(1, [1, 2]);
    scene.sessions = [session(1), session(2)];
    const active: (number | undefined)[] = [];
    for (let t = 5; t <= 35; t += 5) {
      scene.sessions = [session(1, t === 15 ? { state: 'active', changedAt: 12 } : {}), session(2)];
      const readings = await scene.read();
      active.push(scene.counts()['active']);
      expect(new Set(readings.samples.map(({ at }) => at))).toEqual(new Set([t]));
    }
    expect(scene.tables).toEqual([5, 20, 35]);
    expect(active).toEqual([0, 0, 1, 0, 0, 0, 0]);
  });

  test('when a session came or went, and while a socket has none, the sockets are read at once', async () => {
    const scene = new Scene();
    scene.readings.bind({ pid: 1 });
    scene.held.set(1, [1]);
    scene.sessions = [session(1)];
    await scene.read();
    scene.held.set(1, [1, 2]);
    scene.sessions = [session(1), session(2)];
    await scene.read();
    expect(scene.counts()).toMatchObject({ idle: 2 });
    scene.held.set(1, [2, 3]);
    scene.sessions = [session(2), session(99)];
    await scene.read();
    await scene.read();
    expect(scene.counts(null, OUTSIDE)).toMatchObject({ unmatched: 1 });
    expect(scene.tables).toEqual([5, 10, 15, 20]);
  });

  test('a state that was seen once goes on being told, and one that never was is not', async () => {
    const scene = new Scene();
    scene.readings.bind({ pid: 1 });
    scene.held.set(1, [1]);
    scene.sessions = [session(1, { state: 'idle_in_transaction', changedAt: 4, transactionAt: 4 })];
    await scene.read();
    scene.sessions = [session(1, { changedAt: 9 })];
    await scene.read();
    expect(scene.counts()).toEqual({ active: 0, idle: 1, idle_in_transaction: 0, stuck: 0 });
  });

  test('of members each, and of the role all of it; who is gone has given back', async () => {
    const scene = new Scene({ many: true });
    scene.readings.bind({ pid: 1, member: '1' }, { pid: 2, member: '2' });
    scene.held.set(1, [1]).set(2, [2, 3]);
    scene.sessions = [session(1), session(2), session(3, { state: 'active' })];
    await scene.read();
    expect(scene.counts('1')).toMatchObject({ idle: 1, active: 0 });
    expect(scene.counts('2')).toMatchObject({ idle: 1, active: 1 });
    expect(scene.counts()).toMatchObject({ idle: 2, active: 1 });
    scene.readings.bind({ pid: 1, member: '1' });
    scene.held.delete(2);
    scene.sessions = [session(1)];
    await scene.read();
    expect(scene.counts()).toMatchObject({ idle: 1, active: 0 });
  });

  test('evidence of one process says nothing of another', async () => {
    const scene = new Scene({ many: true });
    scene.readings.bind({ pid: 1, member: '1' }, { pid: 2, member: '2' });
    scene.held.set(1, [1]).set(2, [2]);
    scene.sessions = [session(1), session(2, { openedAt: 50, changedAt: 50 })];
    await scene.read(200);
    expect(scene.counts()).toMatchObject({ stuck: 0, idle: 2 });
  });

  test('at most twenty pools, and the rest is one', async () => {
    const scene = new Scene();
    scene.readings.bind({ pid: 1 });
    const ports = Array.from({ length: 25 }, (_, i) => i + 1);
    scene.held.set(1, ports);
    scene.sessions = ports.map((port) => session(port, { database: `tenant${port}` }));
    const readings = await scene.read();
    const databases = new Set(
      readings.samples.filter(({ metric }) => metric === METRICS.stuck.name).map(({ labels }) => labels['db.namespace']),
    );
    expect(databases.size).toBe(21);
    expect(scene.counts(null, { 'db.namespace': 'other', 'user.name': 'other' })).toMatchObject({ idle: 5 });
  });

  test('a maximum that was learned, how full it is, and that it stands still', async () => {
    const scene = new Scene({}, 60); // windows of 20 s
    scene.readings.bind({ pid: 1 });
    scene.held.set(1, [1, 2]);
    const busy = (): Session[] => [1, 2].map((port) => session(port, { state: 'active', changedAt: scene.readings.now() }));
    for (let i = 0; i < 90; i++) {
      scene.sessions = busy();
      await scene.read(1);
    }
    const { readings } = scene;
    expect(readings.value(METRICS.max, { ...POOL, 'soak.pool.max.source': 'learned' })).toBe(2);
    expect(readings.value(METRICS.utilization, POOL)).toBe(1);
    expect(readings.value(METRICS.standstill, POOL)).toBe(0);
    scene.sessions = [1, 2].map((port) => session(port, { changedAt: 90 }));
    await scene.read(4);
    await scene.read(4);
    expect(readings.value(METRICS.standstill, POOL)).toBe(8 + 90 - 90);
    expect(readings.value(METRICS.utilization, POOL)).toBe(0);
  });
});

describe('events', () => {
  test('a maximum that the program reports is that of its only pool, when it fits', async () => {
    const scene = new Scene();
    scene.readings.bind({ pid: 1 });
    const maximum = async (reported: number | null, sessions: readonly Session[]): Promise<number | undefined> => {
      scene.reportedMax = reported;
      scene.sessions = [...sessions];
      scene.held.set(
        1,
        sessions.map(({ pid }) => pid!),
      );
      return (await scene.read()).value(METRICS.max, { ...POOL, 'soak.pool.max.source': 'reported' });
    };
    const two = [session(1), session(2, { state: 'active' })];
    expect(await maximum(null, two)).toBeUndefined();
    expect(await maximum(4, two)).toBe(4);
    expect(scene.readings.value(METRICS.utilization, POOL)).toBe(0.25);
    expect(await maximum(1, two)).toBeUndefined();
    expect(await maximum(4, [...two, session(3, { database: 'audit' })])).toBeUndefined();
  });

  test('how long clients of a pooler have waited for one of its connections', async () => {
    const scene = new Scene();
    scene.server.system = 'pgbouncer';
    scene.readings.bind({ pid: 1 });
    scene.held.set(1, [1, 2, 3]);
    const waits = { state: 'waiting_lock', pid: null } as const;
    const lock = session(3, { state: 'waiting_lock', changedAt: 1 }); // it has one, and waits for somebody else's lock
    scene.sessions = [session(1, { ...waits, changedAt: 3 }), session(2, { ...waits, changedAt: 2 }), lock];
    expect((await scene.read(10)).value(METRICS.wait, POOL)).toBe(8);
    scene.sessions = [session(1), session(2), lock];
    expect((await scene.read()).value(METRICS.wait, POOL)).toBe(0);
    const direct = new Scene();
    direct.readings.bind({ pid: 1 });
    direct.held.set(1, [3]);
    direct.sessions = [lock];
    expect((await direct.read(10)).value(METRICS.wait, POOL)).toBeUndefined();
  });

  test('who is stuck, and that it came back', async () => {
    const scene = new Scene();
    scene.readings.bind({ pid: 1 });
    scene.held.set(1, [1, 2]);
    scene.sessions = [session(1, { application: 'orders', queryHash: 'ab' }), session(2, { openedAt: 3, changedAt: 60 })];
    const { events } = await scene.read(61);
    expect(events).toEqual([
      {
        kind: 'connection_stuck',
        message:
          'a connection of api to db (port 1) is left alone for 1m1s: another one was opened since, which a pool with an idle one does not do',
        target: 'api',
        member: null,
        data: {
          server: 'db',
          database: 'app',
          user: 'app',
          session: 's1',
          pid: 1,
          port: 1,
          application: 'orders',
          query: 'ab',
          age: 61,
          evidence: 'newer',
        },
      },
    ]);
    scene.sessions = [session(1, { changedAt: 65 }), session(2, { openedAt: 3, changedAt: 66 })];
    const again = await scene.read();
    expect(again.events.map(({ kind, message }) => [kind, message])).toEqual([
      ['connection_returned', 'a connection of api to db (port 1), left alone for 1m5s, was used again'],
    ]);
  });

  test('an answer of Redis that comes late moves all its ages, and nothing was used by that', async () => {
    const scene = new Scene({}, 300);
    scene.server.system = 'redis';
    scene.readings.bind({ pid: 1 });
    scene.held.set(1, [1, 2]);
    const told = (late: number): Session[] => [session(1, { changedAt: late }), session(2, { openedAt: 10 + late, changedAt: 10 + late })];
    scene.sessions = told(0);
    await scene.read(20);
    expect(scene.counts()).toMatchObject({ stuck: 1 });
    scene.sessions = told(2.9); // 2 s late, and as ages are told in whole seconds
    const { events } = await scene.read(1);
    expect(scene.counts()).toMatchObject({ stuck: 1 });
    expect(events).toEqual([]);
  });

  test('a hundred are told, and that there are more; who was not told of does not come back either', async () => {
    const scene = new Scene();
    scene.readings.bind({ pid: 1 });
    const ports = Array.from({ length: 150 }, (_, i) => i + 1);
    scene.held.set(1, ports);
    scene.sessions = ports.map((port) => session(port, { state: 'idle_in_transaction' }));
    const { events } = await scene.read(100);
    expect(events.filter(({ kind }) => kind === 'connection_stuck')).toHaveLength(100);
    expect(events.filter(({ kind }) => kind === 'cap')).toHaveLength(1);
    scene.sessions = [];
    scene.held.clear();
    expect((await scene.read()).events.map(({ kind }) => kind)).toEqual(Array.from({ length: 100 }, () => 'connection_returned'));
  });

  test('after one of them it looks closer for half a minute, and not again for five', async () => {
    const scene = new Scene();
    scene.readings.bind({ pid: 1 });
    scene.held.set(1, [1]);
    scene.sessions = [session(1)];
    await scene.read(200);
    (scene.readings.clock as SimClock).advance(2);
    expect(scene.source.wants!()).toBe(false);
    const flip = async (): Promise<void> => {
      scene.sessions = [session(1, { state: 'idle_in_transaction', changedAt: scene.readings.now() - 100 })];
      await scene.read(5);
      scene.sessions = [session(1, { changedAt: scene.readings.now() })];
      await scene.read(5);
    };
    await flip();
    (scene.readings.clock as SimClock).advance(1);
    expect(scene.source.wants!()).toBe(true);
    (scene.readings.clock as SimClock).advance(40);
    expect(scene.source.wants!()).toBe(false);
    await flip();
    (scene.readings.clock as SimClock).advance(1);
    expect(scene.source.wants!()).toBe(false);
  });
});

describe('what it cannot see', () => {
  test('who may not be looked into is blind, and who has not been looked into yet is left out', async () => {
    const scene = new Scene();
    scene.readings.bind({ pid: 1 });
    scene.sessions = [session(1)];
    scene.space = { settled: false };
    expect((await scene.read()).samples).toEqual([]);
    scene.space = { blind: new Map([[1, 'another user']]) };
    expect((await scene.read()).blind()).toContain(METRICS.connections.name);
  });

  test('ports that are rewritten: nothing is said of stuck ones, and the application’s name counts the rest', async () => {
    const scene = new Scene();
    scene.readings.bind({ pid: 1 });
    scene.held.set(1, [1, 2, 3]);
    scene.sessions = [session(71, { application: 'API' }), session(72, { application: 'API', state: 'active' }), session(73)];
    await scene.read();
    const readings = await scene.read();
    expect(readings.value(METRICS.joinRatio, { 'soak.server': 'db' })).toBe(0);
    expect(scene.counts()).toEqual({ idle: 1, active: 1, stuck: 0 });
    expect(readings.value(METRICS.connections, { ...OUTSIDE, 'soak.pool.state': 'unmatched' })).toBe(1);
    expect(readings.value(METRICS.stuck, POOL)).toBeUndefined();
    expect(readings.blind()).toEqual([METRICS.stuck.name]);
  });

  test('while most sockets are unknown to the server, of those that it knows only the state is told', async () => {
    const scene = new Scene();
    scene.readings.bind({ pid: 1 });
    scene.held.set(1, [1, 2, 3]);
    scene.sessions = [session(1, { state: 'idle_in_transaction' })];
    await scene.read();
    const readings = await scene.read(100);
    expect(readings.value(METRICS.joinRatio, { 'soak.server': 'db' })).toBeCloseTo(1 / 3);
    expect(readings.value(METRICS.stuck, POOL)).toBeUndefined();
    expect(readings.events.map(({ kind }) => kind)).not.toContain('connection_stuck');
  });

  test('sessions of that name that are more than the sockets are others’ as well', async () => {
    const scene = new Scene();
    scene.readings.bind({ pid: 1 });
    scene.held.set(1, [1]);
    scene.sessions = [session(71, { application: 'api' }), session(72, { application: 'api' })];
    await scene.read();
    await scene.read();
    expect(scene.counts()).toEqual({});
    expect(scene.readings.value(METRICS.connections, { ...OUTSIDE, 'soak.pool.state': 'unmatched' })).toBe(1);
  });

  test('a list that is not complete says what is there, and not what is stuck or gone', async () => {
    const scene = new Scene();
    scene.readings.bind({ pid: 1 });
    scene.held.set(1, [1, 2]);
    scene.sessions = [session(1), session(2)];
    await scene.read();
    scene.complete = false;
    scene.sessions = [session(1, { state: 'unknown' }), session(2)];
    const readings = await scene.read();
    expect(scene.counts()).toEqual({ idle: 1, active: 0, stuck: 0 });
    expect(readings.value(METRICS.stuck, POOL)).toBeUndefined();
    expect(readings.value(METRICS.closed, POOL)).toBeUndefined();
    expect(readings.blind()).toEqual([METRICS.stuck.name]);
  });
});
