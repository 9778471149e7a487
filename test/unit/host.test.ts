import { appendFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Catalog } from '../../src/catalog.ts';
import { SystemClock } from '../../src/clock.ts';
import { HostCpu } from '../../src/sources/host-cpu.ts';
import { meanLatency } from '../../src/sources/host-devices.ts';
import { KeptFile } from '../../src/sources/host-file.ts';
import type { HostSet } from '../../src/sources/host-metrics.ts';
import { WrittenFileSystems } from '../../src/sources/host-mounts.ts';
import type { Direction } from '../../src/sources/hostfs.ts';
import { reportSpace } from '../../src/sources/host-space.ts';
import { hostSource, METRICS } from '../../src/sources/host.ts';
import type { Source } from '../../src/sources/source.ts';
import { Readings } from '../readings.ts';

const FIXTURES = new URL('../fixtures/host', import.meta.url).pathname;

let root: string;
let readings: Readings;
let source: Source | null = null;

/** A machine of files: what the agent sees as /proc and /sys. */
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'soak-host-'));
  cpSync(join(FIXTURES, 'first/proc'), join(root, 'proc'), { recursive: true });
  cpSync(join(FIXTURES, 'sys'), join(root, 'sys'), { recursive: true });
  readings = new Readings({ proc: join(root, 'proc'), sys: join(root, 'sys') }, {}, new SystemClock());
});

afterEach(async () => {
  await source?.close();
  source = null;
  rmSync(root, { recursive: true });
});

async function open(): Promise<Source> {
  source = hostSource(readings.ctx, root);
  await source.open(readings);
  return source;
}

/** The kept descriptors stay those of the same files. */
function becomeSecond(): void {
  for (const name of ['stat', 'meminfo', 'vmstat', 'loadavg', 'diskstats', 'net/dev', 'pressure/cpu', 'pressure/memory', 'pressure/io']) {
    writeFileSync(join(root, 'proc', name), readFileSync(join(FIXTURES, 'second/proc', name)));
  }
}

const vda = (way: string): Record<string, string> => ({ 'system.device.name': 'vda', 'disk.io.direction': way });
const eth0 = (way: string): Record<string, string> => ({ 'network.interface.name': 'eth0', 'network.io.direction': way });

describe('host from recorded files', () => {
  test('the first read has totals and no rates', async () => {
    await readings.read(await open());
    expect(readings.value(METRICS.cpuTime, { 'cpu.mode': 'user' })).toBe(274.55);
    expect(readings.value(METRICS.cpuCount)).toBe(2);
    expect(readings.value(METRICS.memoryLimit)).toBe(24684096 * 1024);
    expect(readings.value(METRICS.swapUsage, { 'system.paging.state': 'used' })).toBe(0);
    expect(readings.value(METRICS.oomKills)).toBe(8);
    expect(readings.value(METRICS.swapOperations, { 'system.paging.direction': 'out' })).toBe(0);
    expect(readings.value(METRICS.diskIo, vda('read'))).toBe(7898618 * 512);
    expect(readings.value(METRICS.diskIoTime, { 'system.device.name': 'vda' })).toBe(16.204);
    expect(readings.value(METRICS.cpuUtilization)).toBeUndefined();
    expect(readings.value(METRICS.diskLatency, vda('read'))).toBeUndefined();
    expect(readings.blind()).toEqual([]);
  });

  test('states of memory add up to the limit', async () => {
    await readings.read(await open());
    const states = ['used', 'free', 'buffers', 'cached'].map((state) =>
      readings.value(METRICS.memoryUsage, { 'system.memory.state': state })!,
    );
    expect(states.reduce((a, b) => a + b)).toBe(readings.value(METRICS.memoryLimit));
    expect(states[0]).toBeGreaterThan(0);
  });

  test('the second read has the share of CPU time and the latency in between', async () => {
    await readings.read(await open());
    becomeSecond();
    await readings.read(source!);
    // cpu 27455 0 10049 704769 1196 0 331 14 -> 27554 0 10074 705280 1201 0 332 14: 125 ticks busy, 511 idle, 5 waiting
    expect(readings.value(METRICS.cpuUtilization)).toBeCloseTo(125 / 641, 10);
    expect(readings.value(METRICS.diskLatency, vda('read'))).toBeCloseTo((121.41 - 120.81) / (148691 - 148211), 10);
    expect(readings.value(METRICS.diskLatency, vda('write'))).toBeCloseTo((13.958 - 13.576) / (104434 - 104415), 10);
  });

  test('no operations, no latency: absent and not zero', async () => {
    await readings.read(await open());
    await readings.read(source!);
    expect(readings.value(METRICS.diskOperations, vda('read'))).toBe(148211);
    expect(readings.value(METRICS.diskLatency, vda('read'))).toBeUndefined();
  });

  test('only hardware: no partitions, loop, ram or mapped devices, no loopback or virtual interfaces', async () => {
    appendFileSync(
      join(root, 'proc/diskstats'),
      ' 254 1 vda1 1 1 1 1 1 1 1 1 1 1 1\n 253 0 dm-0 1 1 1 1 1 1 1 1 1 1 1\n 11 0 sr0 1 1 1 1 1 1 1 1 1 1 1\n',
    );
    mkdirSync(join(root, 'sys/block/dm-0'));
    mkdirSync(join(root, 'sys/block/sr0/device'), { recursive: true });
    await readings.read(await open());
    const of = (metric: string, label: string): unknown[] => [
      ...new Set(readings.samples.filter((s) => s.metric === metric).map((s) => s.labels[label])),
    ];
    expect(of('system.disk.io', 'system.device.name')).toEqual(['vda']);
    expect(of('system.network.io', 'network.interface.name')).toEqual(['eth0']);
  });

  test('in a container no interface is hardware, and all but the loopback are told', async () => {
    rmSync(join(root, 'sys/class/net/eth0/device'));
    await readings.read(await open());
    expect(readings.value(METRICS.networkIo, eth0('receive'))).toBeGreaterThan(0);
    expect(readings.value(METRICS.networkIo, { ...eth0('receive'), 'network.interface.name': 'ifb0' })).toBe(0);
    expect(readings.value(METRICS.networkIo, { ...eth0('receive'), 'network.interface.name': 'lo' })).toBeUndefined();
  });

  test('pressure: the zero that the kernel writes for all CPUs in full is no measurement', async () => {
    await readings.read(await open());
    const pressure = (resource: string, kind: string): number | undefined =>
      readings.value(METRICS.pressure, { 'soak.resource': resource, 'soak.pressure': kind });
    expect(pressure('cpu', 'some')).toBeGreaterThan(0);
    expect(pressure('cpu', 'full')).toBeUndefined();
    expect(pressure('io', 'full')).toBeGreaterThan(0);
  });

  test('the file system of the records is told by its mount point', async () => {
    await readings.read(await open());
    const at = { 'system.filesystem.mountpoint': '/' };
    const [used, available, limit] = [METRICS.fileSystemUsage, METRICS.fileSystemAvailable, METRICS.fileSystemLimit].map((def) =>
      readings.value(def, at),
    );
    expect(used).toBeGreaterThan(0);
    expect(used! + available!).toBe(limit);
  });
});

describe('what cannot be read', () => {
  test('is blind once, with the reason, and the rest goes on', async () => {
    for (const name of ['vmstat', 'pressure/io', 'diskstats']) rmSync(join(root, 'proc', name));
    rmSync(join(root, 'sys/block'), { recursive: true });
    await readings.read(await open());
    expect(readings.blind().toSorted()).toEqual(['soak.host.pressure.time', 'system.disk.io', 'system.paging.operations']);
    expect(readings.events[0]!.message).toContain(`this system has no ${join(root, 'proc/vmstat')}`);
    expect(readings.value(METRICS.cpuCount)).toBe(2);
    expect(readings.value(METRICS.oomKills)).toBeUndefined();
    await readings.read(source!);
    expect(readings.events).toEqual([]);
  });

  test('without a list of block devices disks are blind, because partitions would count twice', async () => {
    rmSync(join(root, 'sys/block'), { recursive: true });
    await readings.read(await open());
    expect(readings.blind()).toEqual(['system.disk.io']);
    expect(readings.events[0]!.data['reason']).toContain(join(root, 'sys/block'));
    expect(readings.samples.some((sample) => sample.metric.startsWith('system.disk'))).toBe(false);
  });

  test('empty files give no figure at all, never zero', async () => {
    for (const name of ['stat', 'meminfo', 'vmstat', 'loadavg', 'diskstats', 'net/dev', 'pressure/cpu', 'pressure/memory', 'pressure/io']) {
      writeFileSync(join(root, 'proc', name), '');
    }
    await readings.read(await open());
    expect(readings.samples.filter(({ metric }) => !metric.includes('filesystem'))).toEqual([]);
    expect(new Set(readings.blind()).size).toBe(7); // the three pressures are one metric
  });

  test('a file that comes back is read again', async () => {
    const path = join(root, 'proc/loadavg');
    const text = readFileSync(path);
    rmSync(path);
    await readings.read(await open());
    expect(readings.value(METRICS.load)).toBeUndefined();
    writeFileSync(path, text);
    await readings.read(source!);
    expect(readings.value(METRICS.load)).toBeDefined();
  });

  test('files longer than the buffer are read to their end', async () => {
    const path = join(root, 'proc/stat');
    const [cpu, ...rest] = readFileSync(path, 'utf8').split('\n');
    writeFileSync(path, [cpu, ...rest.map((line) => (line.startsWith('intr ') ? line + ' 0'.repeat(60_000) : line))].join('\n'));
    await readings.read(await open());
    expect(readings.value(METRICS.processes)).toBeGreaterThan(0);
  });

  test.runIf(existsSync('/proc/crypto'))('a file that the kernel gives page by page is read to its end', () => {
    const path = '/proc/crypto';
    const all = readFileSync(path, 'latin1');
    const file = new KeptFile(path);
    expect(file.read()).toBe(all);
    file.close();
  });

  test.each([0, 1, 2047, 2048, 8191, 8192, 8193, 8192 + 2047, 16_384, 16_385])('a file of %i bytes is read to its end', (size) => {
    const path = join(root, 'some');
    const text = 'x'.repeat(size);
    writeFileSync(path, text);
    const file = new KeptFile(path);
    expect(file.read()).toBe(text);
    expect(file.read()).toBe(text);
    file.close();
  });

  test('space is told at every third read, by series that say so', async () => {
    const host = await open();
    const told: boolean[] = [];
    for (let i = 0; i < 7; i++) {
      await readings.read(host);
      expect(readings.value(METRICS.load)).toBeDefined();
      told.push(readings.ids.some((id) => readings.series.get(id).def === METRICS.fileSystemUsage));
    }
    expect(told).toEqual([true, false, false, true, false, false, true]);
    const periods = readings.series.all().map(({ def, period }) => [def.name.includes('filesystem'), period]);
    expect(new Set(periods.map(String))).toEqual(new Set(['true,15', 'false,5']));
  });

  test('what a target writes to is looked up every minute, and when it was restarted', async () => {
    const host = await open();
    const looks: number[] = [];
    const look = vi.spyOn(WrittenFileSystems.prototype, 'look');
    for (let i = 0; i < 25; i++) {
      if (i === 14) readings.bind({ pid: 4711 });
      await readings.read(host);
      if (look.mock.calls.length > looks.length) looks.push(i);
    }
    look.mockRestore();
    expect(looks).toEqual([0, 12, 15, 24]);
  });

  test('without /proc, or when asked to, the portable source stands in', () => {
    expect(hostSource(readings.ctx, root).period).toBe(5);
    expect(hostSource(readings.ctx, root, { portable: true }).period).toBe(30);
    const elsewhere = new Readings({ proc: join(root, 'none'), sys: join(root, 'none') });
    expect(hostSource(elsewhere.ctx, root).period).toBe(30);
  });
});

function collect(): { set: HostSet; values: Map<string, number> } {
  const values = new Map<string, number>();
  const set: HostSet = (def, value, ...labels) => {
    if (value !== null && value !== undefined) values.set([def.name, ...Object.values(labels[0] ?? {})].join(' '), value);
  };
  return { set, values };
}

function direction(operations: number, time: number): Direction {
  return { operations, time, bytes: 0 };
}

describe('arithmetic', () => {
  test('a counter that the kernel corrects downwards is held, so that it is not taken for a new one', () => {
    const cpu = new HostCpu();
    const { set, values } = collect();
    cpu.report(set, { user: 10, idle: 100, iowait: 50 });
    cpu.report(set, { user: 11, idle: 101, iowait: 49.5 });
    expect(values.get('system.cpu.time iowait')).toBe(50);
    expect(values.get('system.cpu.utilization')).toBe(0.5);
    cpu.report(set, { user: 11, idle: 60, iowait: 50 }); // a CPU went offline
    expect(values.get('system.cpu.time idle')).toBe(60);
  });

  test('a share of CPU time is between 0 and 1 and absent when no time has passed', () => {
    const cpu = new HostCpu();
    cpu.report(collect().set, { user: 10, idle: 100 });
    const { set, values } = collect();
    cpu.report(set, { user: 10, idle: 100 });
    expect(values.has('system.cpu.utilization')).toBe(false);
    cpu.report(set, { user: 15, idle: 100 });
    expect(values.get('system.cpu.utilization')).toBe(1);
  });

  test('latency survives the wrap of its 32 bits of milliseconds and the exchange of a device', () => {
    const wrap = 2 ** 32 / 1000;
    expect(meanLatency(direction(100, wrap - 1), direction(110, 1))).toBeCloseTo(0.2, 6);
    expect(meanLatency(direction(100, 5), direction(10, 1))).toBeNull();
    expect(meanLatency(undefined, direction(10, 1))).toBeNull();
  });

  const stats = { type: 0, bsize: 131072, frsize: 4096, blocks: 1000, bfree: 400, bavail: 300, files: 0, ffree: 0 };

  test('space: in fragments, reserved blocks are neither used nor available', () => {
    const { set, values } = collect();
    expect(reportSpace(set, '/', stats)).toBe(true);
    expect(Object.fromEntries(values)).toEqual({
      'system.filesystem.usage /': 600 * 4096,
      'soak.filesystem.available /': 300 * 4096,
      'system.filesystem.limit /': 900 * 4096,
    });
  });

  test('space: no size is absent, an overdrawn quota has nothing available', () => {
    const { set, values } = collect();
    expect(reportSpace(set, '/', { ...stats, blocks: 0, bfree: 0, bavail: 0, files: 10, ffree: 4 })).toBe(false);
    expect(Object.fromEntries(values)).toEqual({ 'system.filesystem.inodes.usage /': 6, 'soak.filesystem.inodes.limit /': 10 });
    expect(reportSpace(set, '/', { ...stats, bavail: 2 ** 53 })).toBe(true);
    expect(values.get('soak.filesystem.available /')).toBe(0);
  });
});

test('the declarations fit together', () => {
  expect(() => new Catalog([METRICS])).not.toThrow();
  expect(METRICS.fileSystemUsage).toMatchObject({
    alias: 'disk.used',
    gate: 'gated',
    growth: 'capacity',
    limit: 'system.filesystem.limit',
  });
  expect(existsSync(FIXTURES)).toBe(true);
});
