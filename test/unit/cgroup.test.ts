import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { cgroupSource, METRICS } from '../../src/sources/cgroup.ts';
import type { MetricDef } from '../../src/catalog.ts';
import { type Target, Targets, type TargetSpec } from '../../src/targets.ts';
import { Readings } from '../readings.ts';

const FIXTURES = join(import.meta.dirname, '../fixtures/cgroup');

const made: string[] = [];
afterEach(() => {
  for (const dir of made.splice(0)) rmSync(dir, { recursive: true, force: true });
});

/** A copy of a recorded machine that a test may change. */
class Machine {
  readonly dir: string;

  constructor(recorded: 'v2' | 'hybrid') {
    this.dir = mkdtempSync(join(tmpdir(), 'soak-cgroup-'));
    made.push(this.dir);
    cpSync(join(FIXTURES, recorded), this.dir, { recursive: true });
  }

  write(path: string, text: string): void {
    mkdirSync(dirname(join(this.dir, path)), { recursive: true });
    writeFileSync(join(this.dir, path), text);
  }

  edit(path: string, change: (text: string) => string): void {
    this.write(path, change(readFileSync(join(this.dir, path), 'utf8')));
  }

  remove(path: string): void {
    rmSync(join(this.dir, path), { recursive: true });
  }

  /** A process that was not recorded, in the cgroup of one that was. */
  addProcess(pid: number, like: number, procs: string): void {
    cpSync(join(this.dir, 'proc', `${like}`), join(this.dir, 'proc', `${pid}`), { recursive: true });
    this.edit(procs, (text) => `${text}${pid}\n`);
  }

  readings(spec: Partial<TargetSpec> = {}): Readings {
    return new Readings({ proc: join(this.dir, 'proc'), sys: join(this.dir, 'sys') }, spec);
  }
}

const kind = (name: string) => ({ 'soak.memory.kind': name });
const event = (name: string) => ({ 'soak.memory.event': name });
const stalled = (resource: string, how: string) => ({ 'soak.pressure.resource': resource, 'soak.pressure.stalled': how });

const APP2 = '/sys/fs/cgroup/kubepods/app';
const ALL2 = [{ pid: 96 }, { pid: 105 }, { pid: 106 }, { pid: 107 }];

describe('version 2, as recorded', () => {
  async function app(machine = new Machine('v2')): Promise<Readings> {
    const r = machine.readings();
    r.bind({ pid: 96 });
    await r.read(cgroupSource(r.ctx));
    return r;
  }

  test('memory by kind, without overlap', async () => {
    const r = await app();
    expect(r.value(METRICS.memoryUsage)).toBe(10_076_160);
    expect(r.value(METRICS.memoryByKind, kind('anon'))).toBe(6_631_424);
    expect(r.value(METRICS.memoryByKind, kind('shmem'))).toBe(3_145_728);
    expect(r.value(METRICS.memoryByKind, kind('file'))).toBe(0); // all of it is shmem
    expect(r.value(METRICS.memoryByKind, kind('swap'))).toBe(0);
    expect(r.value(METRICS.memoryByKind, kind('kernel_stack'))).toBe(49_152);
    expect(r.value(METRICS.memoryByKind, kind('page_tables'))).toBe(110_592);
    expect(r.value(METRICS.memoryByKind, kind('kernel'))).toBeUndefined();
    expect(r.events).toEqual([]);
  });

  test('the leak-bearing figure is anonymous memory, swap and unreclaimable slab', async () => {
    const machine = new Machine('v2');
    machine.write(`${APP2}/memory.swap.current`, '1000000\n');
    machine.edit(`${APP2}/memory.stat`, (text) => text.replace(/^slab_unreclaimable \d+$/m, 'slab_unreclaimable 200'));
    const r = await app(machine);
    expect(r.value(METRICS.anonymous)).toBe(6_631_424 + 1_000_000 + 200);
  });

  test('limit, events, CPU, tasks, pressure, I/O', async () => {
    const r = await app();
    expect(r.value(METRICS.memoryLimit)).toBe(64 * 2 ** 20);
    expect(r.value(METRICS.memoryEvents, event('oom_kill'))).toBe(1);
    expect(r.value(METRICS.memoryEvents, event('max'))).toBe(18);
    expect(r.value(METRICS.memoryEvents, event('high'))).toBe(0);
    expect(r.value(METRICS.cpuTime, { 'cpu.mode': 'user' })).toBeCloseTo(3.861421, 9);
    expect(r.value(METRICS.cpuTime, { 'cpu.mode': 'system' })).toBeCloseTo(5.221245, 9);
    expect(r.value(METRICS.throttledPeriods)).toBe(190);
    expect(r.value(METRICS.throttledTime)).toBeCloseTo(15.012604, 9);
    expect(r.value(METRICS.cpuLimit)).toBe(0.2);
    expect(r.value(METRICS.pids)).toBe(4);
    expect(r.value(METRICS.pidsLimit)).toBe(50);
    expect(r.value(METRICS.pressure, stalled('cpu', 'some'))).toBeCloseTo(19.576274, 9);
    expect(r.value(METRICS.pressure, stalled('memory', 'full'))).toBeCloseTo(0.00616, 9);
    expect(r.value(METRICS.io, { 'disk.io.direction': 'read' })).toBe(9_437_184);
    expect(r.value(METRICS.io, { 'disk.io.direction': 'write' })).toBe(2_097_152);
  });

  test('a limit above counts when it is smaller, and no limit at all is absent', async () => {
    const machine = new Machine('v2');
    machine.write('/sys/fs/cgroup/kubepods/memory.max', '33554432\n');
    expect((await app(machine)).value(METRICS.memoryLimit)).toBe(32 * 2 ** 20);
    machine.write(`${APP2}/memory.max`, 'max\n');
    machine.write('/sys/fs/cgroup/kubepods/memory.max', 'max\n');
    machine.write(`${APP2}/pids.max`, 'max\n');
    const unlimited = await app(machine);
    expect(unlimited.value(METRICS.memoryLimit)).toBeUndefined();
    expect(unlimited.value(METRICS.pidsLimit)).toBeUndefined();
    expect(unlimited.value(METRICS.memoryUsage)).toBeDefined();
  });

  test('bytes of a device that lies on others are counted once', async () => {
    const machine = new Machine('v2');
    machine.edit(`${APP2}/io.stat`, (text) => `${text}253:0 rbytes=9437184 wbytes=2097152 rios=9 wios=513 dbytes=0 dios=0\n`);
    machine.write('/sys/dev/block/253:0/slaves/sda/dev', '254:0\n');
    expect((await app(machine)).value(METRICS.io, { 'disk.io.direction': 'read' })).toBe(9_437_184);
  });

  test('a controller that is off is blind and never zero', async () => {
    const machine = new Machine('v2');
    for (const file of ['memory.current', 'memory.stat', 'pids.current', 'pids.max', 'io.stat']) machine.remove(`${APP2}/${file}`);
    const r = await app(machine);
    expect(r.blind()).toEqual([METRICS.memoryUsage.name, METRICS.io.name]); // pids still has the limit of the group above
    expect(r.samples.map((sample) => sample.metric)).not.toContain(METRICS.anonymous.name);
    expect(r.value(METRICS.pids)).toBeUndefined();
    expect(r.events[0]!.data['reason']).toContain('cgroup.subtree_control');
  });

  test('a damaged file gives no figures', async () => {
    const machine = new Machine('v2');
    machine.write(`${APP2}/memory.stat`, 'anon \nfile x\n');
    const r = await app(machine);
    expect(r.value(METRICS.anonymous)).toBeUndefined();
    expect(r.value(METRICS.memoryByKind, kind('anon'))).toBeUndefined();
    expect(r.value(METRICS.memoryByKind, kind('file'))).toBeUndefined();
    expect(r.value(METRICS.memoryUsage)).toBe(10_076_160);
  });
});

describe('hybrid, as recorded', () => {
  async function app(machine = new Machine('hybrid')): Promise<Readings> {
    const r = machine.readings();
    r.bind({ pid: 16674 });
    await r.read(cgroupSource(r.ctx));
    return r;
  }

  test('memory is version 1 and hierarchical: the group below counts', async () => {
    const machine = new Machine('hybrid');
    const stat = readFileSync(join(machine.dir, 'sys/fs/cgroup/memory/soakfix/app/memory.stat'), 'utf8');
    const total = Number(/^total_rss (\d+)$/m.exec(stat)![1]);
    const own = Number(/^rss (\d+)$/m.exec(stat)![1]);
    expect(total).toBeGreaterThan(own + 4 * 2 ** 20);
    const r = await app(machine);
    expect(r.value(METRICS.memoryByKind, kind('anon'))).toBe(total);
    expect(r.value(METRICS.anonymous)).toBe(total);
    expect(r.value(METRICS.memoryByKind, kind('shmem'))).toBe(2 * 2 ** 20);
    expect(r.value(METRICS.memoryByKind, kind('kernel'))).toBeGreaterThan(0);
    expect(r.value(METRICS.memoryByKind, kind('slab_unreclaimable'))).toBeUndefined();
  });

  test('limits, throttling and CPU are version 1, pressure is version 2', async () => {
    const r = await app();
    expect(r.value(METRICS.memoryLimit)).toBe(64 * 2 ** 20);
    expect(r.value(METRICS.memoryEvents, event('oom_kill'))).toBe(1);
    expect(r.value(METRICS.memoryEvents, event('max'))).toBeGreaterThan(0);
    expect(r.value(METRICS.memoryEvents, event('oom'))).toBeUndefined(); // version 1 does not count them
    expect(r.value(METRICS.cpuLimit)).toBe(0.5);
    const recorded = (path: string, key: string): number =>
      Number(new RegExp(`^${key} (\\d+)$`, 'm').exec(readFileSync(join(FIXTURES, 'hybrid/sys/fs/cgroup', path), 'utf8'))![1]);
    expect(r.value(METRICS.throttledPeriods)).toBe(recorded('cpu/soakfix/app/cpu.stat', 'nr_throttled'));
    expect(r.value(METRICS.throttledTime)).toBeCloseTo(recorded('cpu/soakfix/app/cpu.stat', 'throttled_time') / 1e9, 9);
    expect(r.value(METRICS.cpuTime, { 'cpu.mode': 'user' })).toBeCloseTo(recorded('cpuacct/soakfix/app/cpuacct.stat', 'user') / 100, 9);
    expect(r.value(METRICS.pidsLimit)).toBe(40);
    expect(r.value(METRICS.io, { 'disk.io.direction': 'read' })).toBe(4_263_936);
    expect(r.value(METRICS.pressure, stalled('cpu', 'some'))).toBeGreaterThan(0.1);
    expect(r.blind()).toEqual([]);
  });

  test('no limit in version 1 is a very large number, and absent here', async () => {
    const machine = new Machine('hybrid');
    for (const path of ['soakfix/app', 'soakfix', ''])
      machine.write(`/sys/fs/cgroup/memory/${path}/memory.limit_in_bytes`, '9223372036854771712\n');
    machine.edit('/sys/fs/cgroup/memory/soakfix/app/memory.stat', (text) =>
      text.replace(/hierarchical_memory_limit \d+/, 'hierarchical_memory_limit 9223372036854771712'),
    );
    expect((await app(machine)).value(METRICS.memoryLimit)).toBeUndefined();
  });

  test('version 1 alone: the same without pressure, which is blind', async () => {
    const machine = new Machine('hybrid');
    machine.edit('/proc/16674/cgroup', (text) => text.replace(/^0::.*\n/m, ''));
    for (const who of ['self', '16674']) machine.edit(`/proc/${who}/mountinfo`, (text) => text.replace(/^.* cgroup2 .*\n/m, ''));
    const r = await app(machine);
    expect(r.value(METRICS.memoryLimit)).toBe(64 * 2 ** 20);
    expect(r.samples.map((sample) => sample.metric)).not.toContain(METRICS.pressure.name);
  });

  test('in the root group of a controller its figures would be those of the machine', async () => {
    const machine = new Machine('hybrid');
    machine.edit('/proc/16674/cgroup', (text) => text.replace(':cpu:/soakfix/app', ':cpu:/').replace('0::/soakfix/app', '0::/'));
    for (const hierarchy of ['cpu', 'unified']) machine.edit(`/sys/fs/cgroup/${hierarchy}/cgroup.procs`, (text) => `${text}16674\n`);
    const r = await app(machine);
    expect(r.blind()).toEqual([METRICS.throttledTime.name, METRICS.pressure.name]);
    expect(r.events[0]!.data['reason']).toContain('root control group');
    expect(r.value(METRICS.throttledTime)).toBeUndefined();
    expect(r.value(METRICS.memoryUsage)).toBeGreaterThan(0);
  });
});

describe('which view shows the cgroup', () => {
  /** As seen from a sidecar: the target's cgroup namespace shows its own group as the root of its mount, ours shows only ours. */
  function sidecar(): Machine {
    const machine = new Machine('v2');
    const mount = (root: string): string => `25 22 0:22 ${root} /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n`;
    machine.write('/proc/self/mountinfo', mount('/'));
    machine.write('/proc/96/mountinfo', mount('/../app'));
    machine.write('/proc/96/cgroup', '0::/../app\n');
    cpSync(join(machine.dir, APP2), join(machine.dir, 'proc/96/root/sys/fs/cgroup'), { recursive: true });
    machine.remove('/sys/fs/cgroup/kubepods');
    return machine;
  }

  test('from a sidecar, the target’s own view', async () => {
    const r = sidecar().readings();
    r.bind({ pid: 96 });
    await r.read(cgroupSource(r.ctx));
    expect(r.value(METRICS.memoryUsage)).toBe(10_076_160);
    expect(r.value(METRICS.memoryLimit)).toBe(64 * 2 ** 20);
    expect(r.blind()).toEqual([]);
  });

  test('a group in no view is blind, told once, and found when it comes', async () => {
    const machine = sidecar();
    machine.remove('/proc/96/root');
    const r = machine.readings();
    r.bind({ pid: 96 });
    const source = cgroupSource(r.ctx);
    await r.read(source);
    expect(r.samples).toEqual([]);
    expect(r.blind()).toHaveLength(6);
    expect(r.events[0]!.data['reason']).toContain('/sys/fs/cgroup');
    for (let i = 0; i < 12; i++) {
      await r.read(source);
      expect(r.events).toEqual([]);
    }
    cpSync(join(FIXTURES, 'v2', APP2), join(machine.dir, 'proc/96/root/sys/fs/cgroup'), { recursive: true });
    for (let i = 0; i < 12; i++) await r.read(source);
    expect(r.value(METRICS.memoryUsage)).toBe(10_076_160);
  });

  test('a path that exists but does not hold the process is another namespace’s', async () => {
    const machine = new Machine('v2');
    machine.edit(`${APP2}/cgroup.procs`, () => '1\n2\n');
    const r = machine.readings();
    r.bind({ pid: 96 });
    await r.read(cgroupSource(r.ctx));
    expect(r.samples).toEqual([]);
    expect(r.blind()).toContain(METRICS.memoryUsage.name);
  });

  test('a process that is gone is neither blind nor a figure', async () => {
    const r = new Machine('v2').readings();
    r.bind({ pid: 4242 });
    await r.read(cgroupSource(r.ctx));
    expect(r.samples).toEqual([]);
    expect(r.events).toEqual([]);
  });
});

describe('roles of several processes', () => {
  async function read(machine: Machine, procs: { pid: number; member?: string | null }[], spec: Partial<TargetSpec> = { many: true }) {
    const r = machine.readings(spec);
    r.bind(...procs.map((proc, i) => ({ member: `${i + 1}`, ...proc })));
    await r.read(cgroupSource(r.ctx));
    return r;
  }

  test('one cgroup with exactly the members gives the total of the tree, shared pages once', async () => {
    const r = await read(new Machine('v2'), ALL2);
    expect(r.value(METRICS.treePrivate)).toBe(6_631_424);
    expect(r.value(METRICS.foreign)).toBe(0);
    expect(new Set(r.samples.map((sample) => sample.member))).toEqual(new Set([null]));
  });

  test('with a stranger in the group there is no total', async () => {
    const machine = new Machine('v2');
    machine.addProcess(500, 96, `${APP2}/cgroup.procs`);
    const r = await read(machine, ALL2);
    expect(r.value(METRICS.treePrivate)).toBeUndefined();
    expect(r.value(METRICS.foreign)).toBe(1);
    expect(r.value(METRICS.anonymous)).toBeDefined();
  });

  test('a stranger in a group below counts too', async () => {
    const machine = new Machine('v2');
    machine.write(`${APP2}/inner/cgroup.procs`, '501\n');
    expect((await read(machine, ALL2)).value(METRICS.treePrivate)).toBeUndefined();
  });

  test('a process that cannot be named may be a stranger', async () => {
    const machine = new Machine('v2');
    machine.edit(`${APP2}/cgroup.procs`, (text) => `${text}0\n`);
    const r = await read(machine, ALL2);
    expect(r.value(METRICS.treePrivate)).toBeUndefined();
    expect(r.value(METRICS.foreign)).toBeUndefined();
  });

  test('a role of one process has no tree', async () => {
    const machine = new Machine('v2');
    machine.write(`${APP2}/cgroup.procs`, '96\n');
    const r = await read(machine, [{ pid: 96, member: null }], {});
    expect(r.value(METRICS.foreign)).toBe(0);
    expect(r.value(METRICS.treePrivate)).toBeUndefined();
  });

  test('the group that holds the groups of all members stands for the role', async () => {
    const r = await read(new Machine('hybrid'), [{ pid: 16674 }, { pid: 16675 }]);
    expect(r.value(METRICS.memoryLimit)).toBe(64 * 2 ** 20);
    expect(r.value(METRICS.treePrivate)).toBe(r.value(METRICS.anonymous));
    expect(r.samples.every((sample) => sample.member === null)).toBe(true);
  });

  test('a group above that holds only members stands for the role', async () => {
    const r = await read(new Machine('v2'), [...ALL2, { pid: 97 }]);
    expect(r.value(METRICS.memoryLimit)).toBe(96 * 2 ** 20);
    expect(r.value(METRICS.treePrivate)).toBeGreaterThan(6_631_424);
    expect(r.samples.every((sample) => sample.member === null)).toBe(true);
  });

  test('members in groups that share nothing of their own are told apart', async () => {
    const machine = new Machine('v2');
    machine.write('/sys/fs/cgroup/kubepods/stranger/cgroup.procs', '77\n');
    const r = await read(machine, [...ALL2, { pid: 97 }]);
    expect(r.value(METRICS.memoryUsage)).toBeUndefined();
    expect(r.value(METRICS.memoryUsage, {}, '1')).toBe(10_076_160);
    expect(r.value(METRICS.memoryUsage, {}, '5')).toBeGreaterThan(0);
    expect(new Set(r.samples.map((sample) => sample.member))).toEqual(new Set(['1', '5']));
    expect(r.value(METRICS.treePrivate, {}, '1')).toBeUndefined();
  });

  test('a new binding is followed to its cgroup', async () => {
    const r = new Machine('v2').readings();
    const source = cgroupSource(r.ctx);
    r.bind({ pid: 96 });
    await r.read(source);
    expect(r.value(METRICS.pids)).toBe(4);
    r.bind({ pid: 97 });
    await r.read(source);
    expect(r.value(METRICS.pids)).toBe(1);
  });
});

describe('a process that is moved', () => {
  test.each([
    ['while it is started', 1, 1],
    ['later', 3, 6],
  ])('%s is followed', async (_, before, after) => {
    const machine = new Machine('v2');
    const r = machine.readings();
    const source = cgroupSource(r.ctx);
    r.bind({ pid: 96 });
    for (let i = 0; i < before; i++) await r.read(source);
    expect(r.value(METRICS.pids)).toBe(4);
    const group = readFileSync(join(machine.dir, 'proc/97/cgroup'), 'utf8');
    machine.write('/proc/96/cgroup', group);
    machine.edit(`/sys/fs/cgroup${group.trim().slice('0::'.length)}/cgroup.procs`, (text) => `${text}96\n`);
    for (let i = 0; i < after; i++) await r.read(source);
    expect(r.value(METRICS.pids)).toBe(1);
  });
});

describe('several roles in one cgroup', () => {
  const spec = (role: string): TargetSpec => ({ role, selector: { kind: 'name', name: role }, many: false, children: false });

  function roles() {
    const r = new Machine('v2').readings();
    const targets = new Targets([spec('api'), spec('worker')]);
    const [api, worker] = targets.all() as [Target, Target];
    const bind = (target: Target, ...pids: number[]): void =>
      targets.bind(
        target,
        pids.map((pid) => ({ pid, startTime: 1, comm: 'app', member: null })),
        0,
      );
    bind(api, 96);
    bind(worker, 105);
    const source = cgroupSource({ ...r.ctx, targets });
    const tellers = (def: MetricDef): (string | null)[] =>
      r.ids.map((id) => r.series.get(id)).flatMap(({ def: { name }, target }) => (name === def.name ? [target] : []));
    return { r, source, api, worker, bind, tellers };
  }

  test('the first tells the figures, each has its ceiling', async () => {
    const { r, source, tellers } = roles();
    await r.read(source);
    expect(tellers(METRICS.memoryUsage)).toEqual(['api']);
    expect(tellers(METRICS.pids)).toEqual(['api']);
    expect(tellers(METRICS.memoryLimit)).toEqual(['api', 'worker']);
    expect(tellers(METRICS.foreign)).toEqual(['api', 'worker']);
    expect(r.events.map(({ target, message }) => [target, message])).toEqual([
      ['worker', 'container.* of worker is not told: api is in the same control group, and has its figures'],
    ]);
    await r.read(source);
    expect(r.events).toEqual([]);
  });

  test('when it has left, the next goes on, and keeps it when the first comes back', async () => {
    const { r, source, api, bind, tellers } = roles();
    await r.read(source);
    bind(api);
    await r.read(source);
    expect(tellers(METRICS.memoryUsage)).toEqual([]);
    await r.read(source);
    expect(tellers(METRICS.memoryUsage)).toEqual(['worker']);
    bind(api, 96);
    await r.read(source);
    await r.read(source);
    expect(tellers(METRICS.memoryUsage)).toEqual(['worker']);
  });
});

describe('OOM kills', () => {
  const kills = (text: string): string => text.replace(/^oom_kill \d+$/m, 'oom_kill 3');

  test('an increase is an event; what was before the run is not', async () => {
    const machine = new Machine('v2');
    const r = machine.readings();
    r.bind({ pid: 96 });
    const source = cgroupSource(r.ctx);
    await r.read(source);
    expect(r.events).toEqual([]);
    machine.edit(`${APP2}/memory.events`, kills);
    await r.read(source);
    expect(r.events).toMatchObject([{ kind: 'oom_kill', target: 'api', data: { kills: 2, above: false } }]);
    await r.read(source);
    expect(r.events).toEqual([]);
  });

  test('is seen when it took the last process', async () => {
    const machine = new Machine('hybrid');
    const r = machine.readings();
    r.bind({ pid: 16674 });
    const source = cgroupSource(r.ctx);
    await r.read(source);
    r.bind();
    await r.read(source);
    expect(r.events).toEqual([]);
    machine.edit('/sys/fs/cgroup/memory/soakfix/app/memory.oom_control', kills);
    await r.read(source);
    expect(r.events.map(({ kind }) => kind)).toEqual(['oom_kill']);
    expect(r.samples).toEqual([]);
  });

  test('is seen in the group above when the group went away with the process', async () => {
    const machine = new Machine('v2');
    const r = machine.readings();
    r.bind({ pid: 96 });
    const source = cgroupSource(r.ctx);
    await r.read(source);
    r.bind();
    machine.remove(APP2);
    machine.edit('/sys/fs/cgroup/kubepods/memory.events', (text) => text.replace(/^oom_kill \d+$/m, 'oom_kill 2'));
    await r.read(source);
    expect(r.events).toMatchObject([{ kind: 'oom_kill', data: { kills: 1, above: true } }]);
    await r.read(source);
    expect(r.events).toEqual([]);
  });

  test('a group that went away without one says nothing', async () => {
    const machine = new Machine('v2');
    const r = machine.readings();
    r.bind({ pid: 96 });
    const source = cgroupSource(r.ctx);
    await r.read(source);
    machine.remove(APP2);
    machine.remove('/proc/96');
    await r.read(source);
    expect(r.events).toEqual([]);
    expect(r.samples).toEqual([]);
  });
});
