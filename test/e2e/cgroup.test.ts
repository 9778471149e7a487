/** Real control groups of this machine, version 1 or 2, whichever accounts memory here. Needs root and a writable cgroup mount. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { SystemClock } from '../../src/clock.ts';
import { cgroupSource, METRICS } from '../../src/sources/cgroup.ts';
import { unseenCgroups } from '../../src/sources/cgroup-unseen.ts';
import { parseCgroupMounts } from '../../src/sources/cgroupfs.ts';
import { Readings } from '../readings.ts';

const MIB = 2 ** 20;
const SRC = fileURLToPath(new URL('../../src', import.meta.url));
const ROOTS = { proc: '/proc', sys: '/sys' };

interface Group {
  readonly dir: string;
  readonly version: 1 | 2;
}

function makeGroup(limit: number): Group {
  const mounts = parseCgroupMounts(readFileSync('/proc/self/mountinfo', 'utf8'));
  const mount = mounts.find((each) => each.controllers.includes('memory')) ?? mounts.find((each) => each.version === 2);
  if (!mount) throw new Error('no cgroup file system is mounted');
  const group = { dir: join(mount.point, `soak-agent-test-${process.pid}`), version: mount.version };
  mkdirSync(group.dir);
  try {
    if (group.version === 2) writeFileSync(join(group.dir, 'memory.swap.max'), '0');
    writeFileSync(join(group.dir, group.version === 2 ? 'memory.max' : 'memory.limit_in_bytes'), String(limit));
  } catch (error) {
    rmdirSync(group.dir);
    throw error;
  }
  return group;
}

function why(): string | null {
  if (process.getuid?.() !== 0) return 'this user is not root';
  try {
    rmdirSync(makeGroup(64 * MIB).dir);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const reason = why();
const note = reason === null ? '' : ` (not run: ${reason})`;

/** Keeps as many megabytes as each line on standard input says, and answers when it has touched them. */
const HOG = `
  const keep = [];
  require('node:readline').createInterface({ input: process.stdin }).on('line', (mb) => {
    for (let i = 0; i < Number(mb); i++) keep.push(Buffer.alloc(${MIB}, 1));
    console.log('kept');
  });
  console.log('ready');`;

const ended: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).toReversed()) await end();
});

function group(limit: number): Group {
  const made = makeGroup(limit);
  ended.push(() => rmdirSync(made.dir));
  return made;
}

async function start(within: Group, command: readonly string[]): Promise<ChildProcess> {
  const script = `echo $$ > ${join(within.dir, 'cgroup.procs')} && exec "$@"`;
  const child = spawn('sh', ['-c', script, 'sh', ...command], { stdio: ['pipe', 'pipe', 'inherit'] });
  ended.push(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  await once(child.stdout!, 'data');
  return child;
}

const hog = (within: Group): Promise<ChildProcess> => start(within, [process.execPath, '-e', HOG]);

async function keep(child: ChildProcess, megabytes: number): Promise<void> {
  const kept = once(child.stdout!, 'data');
  child.stdin!.write(`${megabytes}\n`);
  await kept;
}

describe(`a real control group${note}`, () => {
  test.skipIf(reason !== null)('its limit, its growth, and the kill by the OOM killer', async () => {
    const within = group(160 * MIB);
    const child = await hog(within);
    const r = new Readings(ROOTS, {}, new SystemClock());
    const source = cgroupSource(r.ctx);
    r.bind({ pid: child.pid! });
    await r.read(source);
    expect(r.value(METRICS.memoryLimit)).toBe(160 * MIB);
    expect(r.value(METRICS.foreign)).toBe(0);
    expect(r.value(METRICS.memoryUsage)).toBeGreaterThan(r.value(METRICS.anonymous)!);
    expect(r.value(METRICS.memoryEvents, { 'soak.memory.event': 'oom_kill' })).toBe(0);
    const before = r.value(METRICS.anonymous)!;

    await keep(child, 32);
    await r.read(source);
    expect(r.value(METRICS.anonymous)! - before).toBeGreaterThan(28 * MIB);
    expect(r.events.filter(({ kind }) => kind === 'oom_kill')).toEqual([]);

    const exit = once(child, 'exit');
    child.stdin!.write('400\n');
    expect(await exit).toEqual([null, 'SIGKILL']);
    r.bind();
    await r.read(source);
    expect(r.events).toMatchObject([{ kind: 'oom_kill', target: 'api', data: { kills: 1, above: false } }]);
    expect(r.samples).toEqual([]);
  });

  test.skipIf(reason !== null)('the total of a tree, until a stranger joins', async () => {
    const within = group(400 * MIB);
    const [a, b] = [await hog(within), await hog(within)];
    await keep(a, 24);
    const r = new Readings(ROOTS, { many: true }, new SystemClock());
    const source = cgroupSource(r.ctx);
    r.bind({ pid: a.pid!, member: '1' }, { pid: b.pid!, member: '2' });
    await r.read(source);
    expect(r.value(METRICS.treePrivate)).toBeGreaterThan(24 * MIB);
    await hog(within);
    await r.read(source);
    expect(r.value(METRICS.foreign)).toBe(1);
    expect(r.value(METRICS.treePrivate)).toBeUndefined();
  });

  test.skipIf(reason !== null)('through the target’s own root when no mount of ours shows it', async () => {
    const within = group(200 * MIB);
    // What a container runtime does: a cgroup namespace of its own, and the hierarchy mounted anew within it.
    const point = within.dir.slice(0, within.dir.lastIndexOf('/'));
    const type = within.version === 2 ? 'cgroup2' : 'cgroup -o memory';
    const child = await start(within, [
      'unshare',
      '-m',
      '-C',
      'sh',
      '-c',
      `umount -l ${point} && mount -t ${type} none ${point} && exec "$@"`,
      'sh',
      process.execPath,
      '-e',
      HOG,
    ]);
    const empty = mkdtempSync(join(tmpdir(), 'soak-cgroup-'));
    ended.push(() => rmSync(empty, { recursive: true }));
    const r = new Readings({ proc: '/proc', sys: empty }, {}, new SystemClock());
    r.bind({ pid: child.pid! });
    await r.read(cgroupSource(r.ctx));
    expect(r.value(METRICS.memoryLimit)).toBe(200 * MIB);
    expect(r.value(METRICS.anonymous)).toBeGreaterThan(MIB);
  });

  test.skipIf(reason !== null)('by its path, without a look at the processes in it', async () => {
    const within = group(160 * MIB);
    const child = await hog(within);
    const r = new Readings(ROOTS, {}, new SystemClock());
    const source = unseenCgroups(r.ctx, { role: 'db', path: `/${basename(within.dir)}` });
    await r.read(source);
    expect(r.value(METRICS.memoryLimit)).toBe(160 * MIB);
    const before = r.value(METRICS.anonymous)!;
    await keep(child, 32);
    await r.read(source);
    expect(r.value(METRICS.anonymous)! - before).toBeGreaterThan(28 * MIB);

    const exit = once(child, 'exit');
    child.stdin!.write('400\n');
    expect(await exit).toEqual([null, 'SIGKILL']);
    await r.read(source);
    expect(r.events).toMatchObject([{ kind: 'oom_kill', target: 'db', data: { kills: 1, above: false } }]);
  });
});

/** What is read of a pod by a process in one of its groups: what it says of itself on standard output. */
const WITHIN_A_POD = `
  import { SystemClock } from '${SRC}/clock.ts';
  import { unseenCgroups } from '${SRC}/sources/cgroup-unseen.ts';
  import { Readings } from '${SRC}/../test/readings.ts';
  const r = new Readings({ proc: '/proc', sys: '/sys' }, {}, new SystemClock());
  await r.read(unseenCgroups(r.ctx, { role: 'api', path: null }));
  console.log(JSON.stringify({ samples: r.samples, events: r.events }));`;

const unified = parseCgroupMounts(readFileSync('/proc/self/mountinfo', 'utf8')).find(({ version, root }) => version === 2 && root === '/');

describe('a pod in version 2', () => {
  test.skipIf(unified === undefined || reason !== null)('is found from a namespace that hides its name', async () => {
    const pod = join(unified!.point, `kubepods-pod${randomUUID().replaceAll('-', '_')}.slice`);
    const [agent, api] = ['agent.scope', 'api.scope'].map((name) => ({ dir: join(pod, name), version: 2 as const }));
    for (const dir of [pod, agent!.dir, api!.dir]) {
      mkdirSync(dir);
      ended.push(() => rmdirSync(dir));
    }
    await hog(api!);
    const folder = mkdtempSync(join(tmpdir(), 'soak-cgroup-'));
    ended.push(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, 'within.mts'), WITHIN_A_POD);
    const within = ['unshare', '-C', '-m', process.execPath, join(folder, 'within.mts')];
    const child = spawn('sh', ['-c', `echo $$ > ${join(agent!.dir, 'cgroup.procs')} && exec "$@"`, 'sh', ...within]);
    const said = await text(child.stdout);
    const { samples, events } = JSON.parse(said) as Pick<Readings, 'samples' | 'events'>;
    expect(events.flatMap(({ kind, data }) => (kind === 'member_start' ? [data['group']] : []))).toEqual(['api.scope']);
    // Pressure is accounted to every group, whichever controllers are of version 1 here.
    expect(samples.filter(({ metric, member }) => metric === METRICS.pressure.name && member === '1')).toHaveLength(6);
  });
});
