/** The figures of this machine, against what is known of it otherwise. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  accessSync,
  constants,
  fsyncSync,
  mkdtempSync,
  openSync,
  closeSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statfsSync,
  writeSync,
} from 'node:fs';
import { cpus, totalmem, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { MetricDef } from '../../src/catalog.ts';
import { SystemClock } from '../../src/clock.ts';
import { hostFacts } from '../../src/sources/facts.ts';
import { CPU_MODES, hostSet } from '../../src/sources/host-metrics.ts';
import { Space } from '../../src/sources/host-space.ts';
import { hostSource, METRICS } from '../../src/sources/host.ts';
import { blindSpots, type Source } from '../../src/sources/source.ts';
import { Readings, type Sample } from '../readings.ts';

const ROOTS = { proc: '/proc', sys: '/sys' };
const MB = 2 ** 20;
const TMPFS_MAGIC = 0x01021994;
const READS = new URL('../fixtures/host/reads.ts', import.meta.url).pathname;
const DEAD_MOUNT = new URL('../fixtures/host/dead-mount.ts', import.meta.url).pathname;

interface Seen {
  readonly events: { kind: string; target: string | null; data: Record<string, string> }[];
  readonly samples: Sample[];
  readonly descriptors: { before: number; open: number; after: number };
  readonly heap: { early: number; late: number };
}

const isRoot = process.getuid?.() === 0;
const hasStrace = spawnSync('strace', ['-V']).status === 0;

function hasFuse(): boolean {
  try {
    accessSync('/dev/fuse', constants.R_OK | constants.W_OK);
    return isRoot;
  } catch {
    return false;
  }
}

let folder: string;
let readings: Readings;
let source: Source;
const ended: (() => unknown)[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'soak-host-e2e-'));
  readings = new Readings(ROOTS, {}, new SystemClock());
  source = hostSource(readings.ctx, folder);
});

afterEach(async () => {
  await source.close();
  for (const end of ended.splice(0).toReversed()) await end();
  rmSync(folder, { recursive: true });
});

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

/** Starts a program and waits for its first line. */
async function start(command: string, ...args: string[]): Promise<ChildProcess & { pid: number }> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  ended.push(() => stop(child));
  await Promise.race([once(child.stdout, 'data'), once(child, 'exit').then(() => Promise.reject(new Error(`${command} ended at once`)))]);
  return child as ChildProcess & { pid: number };
}

function mountTmpfs(size: string): string {
  const dir = mkdtempSync(join(folder, 'tmpfs-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size},nr_inodes=1000`, 'soak-test', dir]);
  ended.push(() => execFileSync('umount', [dir]));
  return dir;
}

function descriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

const at = (mountpoint: string): Record<string, string> => ({ 'system.filesystem.mountpoint': mountpoint });

/** After a read that told the space of file systems, to the next one that does: every third. */
async function readSpace(into = readings, from: Source = source): Promise<void> {
  for (let read = 0; read < 3; read++) await into.read(from);
}

describe('the machine', () => {
  test('CPU seconds of all modes grow by the time passed on every CPU', async () => {
    const total = (): number => CPU_MODES.reduce((sum, mode) => sum + readings.value(METRICS.cpuTime, { 'cpu.mode': mode })!, 0);
    // When exactly it is read is within these times.
    const times = [readings.now()];
    await readings.read(source);
    times.push(readings.now());
    const before = total();
    await sleep(2000);
    times.push(readings.now());
    await readings.read(source);
    const [most, least] = [readings.now() - times[0]!, times[2]! - times[1]!];
    expect(total() - before).toBeGreaterThan(least * cpus().length * 0.9);
    expect(total() - before).toBeLessThan(most * cpus().length * 1.1);
    expect(readings.value(METRICS.cpuCount)).toBe(cpus().length);
    expect(readings.value(METRICS.cpuUtilization)).toBeGreaterThanOrEqual(0);
    expect(readings.value(METRICS.cpuUtilization)).toBeLessThanOrEqual(1);
  });

  test('memory is that of the machine', async () => {
    await readings.read(source);
    expect(readings.value(METRICS.memoryLimit)).toBe(totalmem());
    expect(readings.value(METRICS.memoryAvailable)).toBeLessThan(totalmem());
    const used = readings.value(METRICS.memoryUsage, { 'system.memory.state': 'used' })!;
    expect(used).toBeGreaterThan(0);
    expect(used).toBeLessThan(totalmem());
  });

  test('what is written to disk is counted as written', async (context) => {
    await readings.read(source);
    const disks = (): Sample[] =>
      readings.samples.filter((s) => s.metric === 'system.disk.io' && s.labels['disk.io.direction'] === 'write');
    context.skip(disks().length === 0 || statfsSync(folder).type === TMPFS_MAGIC, 'no physical disk is written to here');
    const sum = (): number => disks().reduce((total, { value }) => total + value, 0);
    const before = sum();
    const fd = openSync(join(folder, 'data'), 'w');
    writeSync(fd, Buffer.alloc(20 * MB, 1));
    fsyncSync(fd);
    closeSync(fd);
    await readings.read(source);
    expect(sum() - before).toBeGreaterThanOrEqual(20 * MB);
    expect(readings.samples.some((s) => s.metric === METRICS.diskLatency.name && s.value > 0)).toBe(true);
  });

  test('facts say what it is and nothing that identifies it', async () => {
    const facts = await hostFacts();
    expect(facts).toMatchObject({ memory: totalmem(), 'cpu.count': cpus().length, node: process.versions.node });
    expect(String(facts['kernel'])).toContain(readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim());
    const text = JSON.stringify(facts);
    for (const secret of [readFileSync('/proc/sys/kernel/hostname', 'utf8').trim(), readFileSync('/etc/machine-id', 'utf8').trim()]) {
      expect(secret.length < 4 || !text.includes(secret)).toBe(true);
    }
    expect(Object.keys(facts).filter((name) => /serial|uuid|host|user|mac/i.test(name))).toEqual([]);
  });
});

describe.skipIf(!isRoot)('file systems that a target writes to', () => {
  test('a tmpfs with a file that it holds open: space, inodes and limit', async () => {
    const dir = mountTmpfs('16m');
    const script = `const fs = require('node:fs'); const fd = fs.openSync('${dir}/log', 'w');
      process.on('SIGUSR2', () => fs.writeSync(fd, Buffer.alloc(3 * ${MB}))); console.log('ready'); setInterval(() => {}, 1000)`;
    const target = await start(process.execPath, '-e', script);
    readings.bind({ pid: target.pid });
    await readings.read(source);
    const empty = readings.value(METRICS.fileSystemUsage, at(dir))!;
    expect(readings.value(METRICS.fileSystemLimit, at(dir))).toBe(16 * MB);
    expect(readings.value(METRICS.inodesLimit, at(dir))).toBe(1000);
    expect(readings.value(METRICS.inodes, at(dir))).toBe(2); // the folder and the file
    target.kill('SIGUSR2');
    await expect.poll(() => statfsSync(dir).bfree).toBe((13 * MB) / 4096);
    await readSpace();
    expect(readings.value(METRICS.fileSystemUsage, at(dir))! - empty).toBe(3 * MB);
    expect(readings.value(METRICS.fileSystemAvailable, at(dir))).toBe(13 * MB);
  });

  test('its working directory in a mount namespace of its own, through the process', async () => {
    const dir = mkdtempSync(join(folder, 'private-'));
    const script = `mount -t tmpfs -o size=8m none ${dir} && cd ${dir} && head -c ${MB} /dev/zero > file && echo ready && exec sleep 600`;
    const target = await start('unshare', '-m', 'sh', '-c', script);
    await expect.poll(() => readFileSync(`/proc/${target.pid}/comm`, 'utf8')).toBe('sleep\n');
    expect(readlinkSync(`/proc/${target.pid}/cwd`)).toBe(dir);
    readings.bind({ pid: target.pid });
    await readings.read(source);
    expect(readings.value(METRICS.fileSystemUsage, at(`api:${dir}`))).toBe(MB);
    expect(readings.value(METRICS.fileSystemLimit, at(`api:${dir}`))).toBe(8 * MB);
    expect(readings.value(METRICS.fileSystemUsage, at(dir))).toBeUndefined();

    await readSpace();
    expect(readings.value(METRICS.fileSystemUsage, at(`api:${dir}`))).toBe(MB);
    await stop(target);
    await readSpace();
    expect(readings.value(METRICS.fileSystemUsage, at(`api:${dir}`))).toBeUndefined();
  });

  test('a tmpfs without a size has inodes or nothing, and is blind', async () => {
    const dir = mkdtempSync(join(folder, 'unlimited-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=0', 'soak-test', dir]);
    ended.push(() => execFileSync('umount', [dir]));
    const target = await start(process.execPath, '-e', `process.chdir('${dir}'); console.log('ready'); setInterval(() => {}, 1000)`);
    readings.bind({ pid: target.pid });
    await readings.read(source);
    expect(readings.value(METRICS.fileSystemUsage, at(dir))).toBeUndefined();
    expect(readings.events.map(({ data }) => data['of'])).toEqual([dir]);
  });

  test('a process of root is blind to another user, and the rest is not', async () => {
    const target = await start('sh', '-c', 'cd / && echo ready && exec sleep 600');
    const nobody = ['--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, READS, '1', '/tmp', String(target.pid)];
    const seen = JSON.parse(execFileSync('setpriv', nobody, { encoding: 'utf8' })) as Seen;
    expect(seen.events.map(({ kind, target: role, data }) => [kind, role, data['metric']])).toEqual([
      ['blind', 'api', 'system.filesystem.usage'],
    ]);
    expect(seen.samples.some(({ metric }) => metric === 'system.filesystem.usage')).toBe(true);
    expect(seen.samples.some(({ metric }) => metric === 'system.cpu.time')).toBe(true);
  });
});

test.skipIf(!hasFuse())('a file server that does not answer is blind, and holds up nobody but itself', async () => {
  const dir = mkdtempSync(join(folder, 'dead-'));
  const server = await start(process.execPath, DEAD_MOUNT, dir);
  ended.splice(-1, 0, () => execFileSync('umount', [dir])); // after the server has ended
  const space = new Space(blindSpots());
  const set = hostSet(readings.series, readings, 5);
  const all = [
    { label: 'dead', device: '0:1', path: dir, remote: true },
    { label: '/', device: '0:2', path: '/', remote: false },
  ];
  const { signal } = new AbortController();
  await space.report(set, all, readings, signal);
  expect(readings.value(METRICS.fileSystemUsage, at('/'))).toBeGreaterThan(0);
  expect(readings.value(METRICS.fileSystemUsage, at('dead'))).toBeUndefined();
  expect(readings.events.map(({ data }) => data['reason'])).toEqual(['no answer within 2 s']);

  readings.samples = [];
  await space.report(set, all, readings, signal); // it is not asked a second time
  expect(readings.value(METRICS.fileSystemUsage, at('/'))).toBeGreaterThan(0);
  expect(readings.events).toHaveLength(1);

  await stop(server); // it answers now, with an error
  execFileSync('umount', [dir]);
  ended.splice(-2, 1);
  await expect
    .poll(async () => {
      await space.report(set, all, readings, signal);
      return readings.value(METRICS.fileSystemUsage, at('dead'));
    })
    .toBeGreaterThan(0);
});

describe('what it costs', () => {
  test.skipIf(!hasStrace)('20 reads of host and agent start no process and open nothing that stalls a target', () => {
    const trace = join(folder, 'trace');
    execFileSync('strace', [
      '-f',
      '-o',
      trace,
      '-e',
      'trace=execve,fork,vfork,clone,clone3,open,openat',
      process.execPath,
      READS,
      '20',
      folder,
    ]);
    const calls = readFileSync(trace, 'utf8');
    expect(calls.match(/\bexecve\(/g)).toHaveLength(1); // node itself
    expect(calls).toContain('"/proc/diskstats"');
    expect(calls).not.toMatch(/smaps|\/proc\/\d+\/(maps|cmdline|environ)/);
    expect(calls.match(/"\/proc\/diskstats"/g)).toHaveLength(1); // kept open
    const forks = calls.split('\n').filter((line) => /\b(v?fork|clone3?)\(/.test(line) && !line.includes('CLONE_THREAD'));
    expect(forks).toEqual([]);
  });

  test('descriptors are given back, and a thousand reads keep nothing', () => {
    const seen = JSON.parse(execFileSync(process.execPath, [READS, '1000', folder], { encoding: 'utf8' })) as Seen;
    expect(seen.descriptors.open).toBeGreaterThan(seen.descriptors.before);
    expect(seen.descriptors.after).toBe(seen.descriptors.before);
    expect(seen.heap.late - seen.heap.early).toBeLessThan(300_000);
  });
});

describe('where there is no /proc', () => {
  beforeEach(() => {
    source = hostSource(readings.ctx, folder, { portable: true });
  });

  test('the same series, as far as they go, agree with /proc', async () => {
    const truth = new Readings(ROOTS, {}, new SystemClock());
    const linux = hostSource(truth.ctx, folder);
    ended.push(() => linux.close());
    await source.open(readings);
    expect(readings.blind()).toEqual(['soak.host.pressure.time', 'system.filesystem.usage']);
    await truth.read(linux);
    const before = truth.samples;
    await readings.read(source);
    await readSpace(truth, linux);
    /** As it is between the two. */
    const expectAgrees = (def: MetricDef, labels: Sample['labels'], apart: number): void => {
      const told = readings.value(def, labels)!;
      const first = before.find(({ metric, labels: own }) => metric === def.name && isDeepStrictEqual(own, labels))!.value;
      const around = [first, truth.value(def, labels)!];
      expect(told).toBeGreaterThan(Math.min(...around) - apart);
      expect(told).toBeLessThan(Math.max(...around) + apart);
    };
    expect(readings.value(METRICS.memoryLimit)).toBe(totalmem());
    for (const mode of ['user', 'system', 'idle']) expectAgrees(METRICS.cpuTime, { 'cpu.mode': mode }, 4);
    const files = readings.samples.filter(({ metric }) => metric === 'system.filesystem.usage');
    expect(files).toHaveLength(1);
    expectAgrees(METRICS.fileSystemUsage, files[0]!.labels, 50 * MB);
    expect(readings.samples.filter(({ metric }) => metric.includes('pressure'))).toEqual([]);
  });

  test('descriptors are given back', async () => {
    await import('systeminformation');
    const before = descriptors();
    await source.open(readings);
    await readings.read(source);
    await readings.read(source);
    await source.close();
    await expect.poll(descriptors).toBe(before);
  });
});
