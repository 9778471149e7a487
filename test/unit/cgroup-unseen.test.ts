/** Control groups whose processes cannot be seen, on a fake /proc and /sys as a container has them. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { METRICS } from '../../src/sources/cgroup-metrics.ts';
import { unseenCgroups } from '../../src/sources/cgroup-unseen.ts';
import type { Source } from '../../src/sources/source.ts';
import { SLOTS_MAX } from '../../src/targets.ts';
import { Readings } from '../readings.ts';

const RECORDED = join(import.meta.dirname, '../fixtures/cgroup/v2/sys/fs/cgroup/kubepods/app');

const SLICE = 'kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0f6c1a2e_4f0b_4d8e_9a37_1d2e3f405162.slice';
const [AGENT, API, LOAD] = ['a', 'b', 'c'].map((digit) => `cri-containerd-${digit.repeat(64)}.scope`) as [string, string, string];

/** Of the recorded group: anon, swap and slab that cannot be reclaimed. */
const ANONYMOUS = 6_631_424 + 50_104;

/** Where the container has the host's tree. */
const HOST = '/host/cgroup';

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'soak-unseen-'));
  mkdirSync(join(dir, 'proc/self'), { recursive: true });
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

function write(path: string, text: string): void {
  mkdirSync(dirname(join(dir, path)), { recursive: true });
  writeFileSync(join(dir, path), text);
}

/** A group as the kernel shows one to a container without the others' processes: of them it writes 0. */
function group(path: string, procs = '0\n'): void {
  cpSync(RECORDED, join(dir, path), { recursive: true });
  write(`${path}/cgroup.procs`, procs);
}

/** Mount points are absolute and cannot be in a folder of the test, so that the folder is in the mount point. */
function mounts(...lines: readonly (readonly [root: string, point: string, options?: string])[]): void {
  const text = lines.map(
    ([root, point, v1]) => `25 22 0:22 ${root} ${join(dir, point)} rw - ${v1 ? `cgroup cgroup rw,${v1}` : 'cgroup2 cgroup2 rw'}\n`,
  );
  write('proc/self/mountinfo', text.join(''));
}

/** As in a pod: a cgroup namespace of its own, and the host's tree mounted beside what every container has. */
function pod(): void {
  write('proc/self/cgroup', '0::/\n');
  mounts(['/../../../..', HOST], ['/', '/sys/fs/cgroup']);
  group(join(HOST, SLICE, AGENT), `${process.pid}\n`);
  group(join(HOST, SLICE, API));
  for (const other of ['kubepods.slice', dirname(SLICE)]) group(join(HOST, other), '');
  group(join(HOST, SLICE), '');
  for (const uid of ['00000000', 'ffffffff'])
    group(join(HOST, dirname(SLICE), `kubepods-burstable-pod${uid}_4f0b_4d8e_9a37_1d2e3f405162.slice`, LOAD));
  group('/sys/fs/cgroup', `${process.pid}\n`);
}

function readings(): Readings {
  return new Readings({ proc: join(dir, 'proc'), sys: join(dir, 'sys') });
}

async function read(r = readings(), path: string | null = null): Promise<{ r: Readings; source: Source }> {
  const source = unseenCgroups(r.ctx, { role: 'api', path });
  await r.read(source);
  return { r, source };
}

describe('the containers of a pod', () => {
  test('are members of the role, without the agent’s own and those of other pods', async () => {
    pod();
    write(`${HOST}/${SLICE}/${API}/memory.max`, '67108864\n');
    write(`${HOST}/${SLICE}/memory.max`, 'max\n');
    const { r } = await read();
    expect(new Set(r.samples.map(({ member }) => member))).toEqual(new Set(['1']));
    expect(r.value(METRICS.anonymous, {}, '1')).toBe(ANONYMOUS);
    expect(r.value(METRICS.workingSet, {}, '1')).toBeGreaterThan(0);
    expect(r.value(METRICS.memoryLimit, {}, '1')).toBe(64 * 2 ** 20);
    expect(r.value(METRICS.pids, {}, '1')).toBe(4);
    expect(r.value(METRICS.cpuTime, { 'cpu.mode': 'user' }, '1')).toBeCloseTo(3.861421, 9);
    // Whose the processes are nobody can say.
    expect(r.value(METRICS.foreign, {}, '1')).toBeUndefined();
    expect(r.events).toMatchObject([
      { kind: 'target_found', target: 'api', member: null },
      { kind: 'member_start', target: 'api', member: '1', message: `api/1 is control group ${API}`, data: { group: API } },
    ]);
  });

  test('may have their processes in a group below their own', async () => {
    pod();
    mounts(['/../../../../..', HOST], ['/', '/sys/fs/cgroup']);
    for (const [name, procs] of [
      [AGENT, `${process.pid}\n`],
      [API, '0\n'],
    ] as const) {
      write(`${HOST}/${SLICE}/${name}/cgroup.procs`, '');
      group(join(HOST, SLICE, name, 'container'), procs);
    }
    const { r } = await read();
    expect(r.events[1]).toMatchObject({ kind: 'member_start', member: '1', data: { group: API } });
    expect(r.value(METRICS.anonymous, {}, '1')).toBe(ANONYMOUS);
    expect(r.events).toHaveLength(2);
  });

  test('a limit of the pod holds for each of them', async () => {
    pod();
    write(`${HOST}/${SLICE}/memory.max`, '33554432\n');
    expect((await read()).r.value(METRICS.memoryLimit, {}, '1')).toBe(32 * 2 ** 20);
  });

  test('one that follows another begins a life in its slot, and is no restart', async () => {
    pod();
    const { r, source } = await read();
    rmSync(join(dir, HOST, SLICE, API), { recursive: true });
    await r.read(source);
    expect(r.samples).toEqual([]);
    expect(r.events.map(({ kind }) => kind)).toEqual(['member_end', 'target_gone']);
    group(join(HOST, SLICE, LOAD));
    await r.read(source);
    expect(r.events.map(({ kind }) => kind)).toEqual(['target_found', 'member_start']);
    expect(r.value(METRICS.anonymous, {}, '1')).toBe(ANONYMOUS);
  });

  test('of a kill for want of memory the group above tells, when its own went with it', async () => {
    pod();
    const { r, source } = await read();
    rmSync(join(dir, HOST, SLICE, API), { recursive: true });
    write(`${HOST}/${SLICE}/memory.events`, 'low 0\nhigh 0\nmax 18\noom 2\noom_kill 2\n');
    await r.read(source);
    expect(r.events[0]).toMatchObject({ kind: 'oom_kill', target: 'api', member: '1', data: { kills: 1, above: true } });
  });

  test('more than there are slots are not read, and that is told once', async () => {
    pod();
    for (let i = 0; i < SLOTS_MAX; i++) group(join(HOST, SLICE, `cri-containerd-${String(i).padStart(64, '0')}.scope`));
    const { r, source } = await read();
    expect(r.events.filter(({ kind }) => kind === 'cap')).toHaveLength(1);
    expect(new Set(r.samples.map(({ member }) => member)).size).toBe(SLOTS_MAX);
    await r.read(source);
    expect(r.events).toEqual([]);
  });

  test('are found without a namespace by the path of the agent’s own, in version 1 in each hierarchy', async () => {
    const [parent, id] = [`/kubepods/burstable/pod0f6c1a2e-4f0b-4d8e-9a37-1d2e3f405162`, 'd'.repeat(64)];
    const other = 'e'.repeat(64);
    write('proc/self/cgroup', `3:memory:${parent}/${id}\n2:pids:${parent}/${id}\n0::/\n`);
    mounts(['/', `${HOST}/memory`, 'memory'], ['/', `${HOST}/pids`, 'pids'], ['/', `${HOST}/unified`]);
    for (const name of ['memory', 'pids']) {
      write(`${HOST}/${name}${parent}/${id}/cgroup.procs`, `${process.pid}\n`);
      write(`${HOST}/${name}${parent}/${other}/cgroup.procs`, '');
    }
    write(`${HOST}/memory${parent}/${other}/memory.usage_in_bytes`, '5000\n');
    write(`${HOST}/memory${parent}/${other}/memory.stat`, 'total_rss 4000\ntotal_inactive_file 500\nhierarchical_memory_limit 9000\n');
    write(`${HOST}/pids${parent}/${other}/pids.current`, '7\n');
    const { r } = await read();
    expect(r.value(METRICS.anonymous, {}, '1')).toBe(4000);
    expect(r.value(METRICS.memoryLimit, {}, '1')).toBe(9000);
    expect(r.value(METRICS.pids, {}, '1')).toBe(7);
    expect(r.blind()).toEqual([METRICS.cpuTime.name, METRICS.throttledTime.name, METRICS.io.name, METRICS.pressure.name]);
  });

  test('cannot be seen from a container that has no other group than its own: said once, with what mends it', async () => {
    pod();
    mounts(['/', '/sys/fs/cgroup']);
    const { r, source } = await read();
    expect(r.samples).toEqual([]);
    expect(r.events).toMatchObject([{ kind: 'blind', target: 'api', data: { metric: 'soak.container.*' } }]);
    expect(r.events[0]!.data['reason']).toMatch(/hostPath.*shareProcessNamespace/);
    for (let i = 0; i < 13; i++) await r.read(source);
    expect(r.events).toEqual([]);
  });

  test('are none where the group above is not that of a pod', async () => {
    pod();
    mounts(['/../..', HOST], ['/', '/sys/fs/cgroup']);
    group(`${HOST}/system.slice/docker-${'a'.repeat(64)}.scope`, `${process.pid}\n`);
    group(`${HOST}/system.slice/ssh.service`);
    const { r } = await read();
    expect(r.samples).toEqual([]);
    expect(r.events[0]!.data['reason']).toContain('no control group above the agent’s own is that of a pod');
  });
});

describe('a group that is named', () => {
  const DB = '/system.slice/postgresql.service';

  test('is the role, also of the agent’s machine, until it goes; the next one at its path is a restart', async () => {
    write('proc/self/cgroup', '0::/user.slice\n');
    mounts(['/', '/sys/fs/cgroup']);
    group(`/sys/fs/cgroup${DB}`);
    const { r, source } = await read(readings(), DB);
    expect(r.value(METRICS.anonymous)).toBe(ANONYMOUS);
    expect(r.events).toMatchObject([{ kind: 'target_found', member: null, data: { group: 'postgresql.service' } }]);
    rmSync(join(dir, '/sys/fs/cgroup', DB), { recursive: true });
    await r.read(source);
    expect(r.events.map(({ kind }) => kind)).toEqual(['target_gone']);
    expect(r.blind()).toEqual([]);
    mkdirSync(join(dir, 'taken')); // its inode is another one
    group(`/sys/fs/cgroup${DB}`);
    await r.read(source);
    expect(r.events.map(({ kind }) => kind)).toEqual(['restart']);
    expect(r.value(METRICS.anonymous)).toBe(ANONYMOUS);
  });

  test('is waited for, and is not the root group', async () => {
    write('proc/self/cgroup', '0::/\n');
    mounts(['/', '/sys/fs/cgroup']);
    mkdirSync(join(dir, 'sys/fs/cgroup'), { recursive: true });
    const { r, source } = await read(readings(), DB);
    expect(r.events).toMatchObject([{ kind: 'blind', target: 'api' }]);
    write(`/sys/fs/cgroup${DB}/cgroup.procs`, '1\n'); // only the root has no cgroup.events
    for (let i = 0; i < 12; i++) await r.read(source);
    expect(r.samples).toEqual([]);
    group(`/sys/fs/cgroup${DB}`);
    for (let i = 0; i < 12; i++) await r.read(source);
    expect(r.value(METRICS.anonymous)).toBe(ANONYMOUS);
  });

  test('a controller that is off is blind and never zero', async () => {
    write('proc/self/cgroup', '0::/user.slice\n');
    mounts(['/', '/sys/fs/cgroup']);
    group(`/sys/fs/cgroup${DB}`);
    for (const file of ['io.stat', 'pids.current', 'pids.max']) rmSync(join(dir, `/sys/fs/cgroup${DB}`, file));
    const { r } = await read(readings(), DB);
    expect(r.blind()).toEqual([METRICS.pids.name, METRICS.io.name]);
    expect(r.value(METRICS.pids)).toBeUndefined();
  });
});
