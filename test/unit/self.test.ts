import { closeSync, mkdirSync, mkdtempSync, openSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Catalog } from '../../src/catalog.ts';
import { SystemClock } from '../../src/clock.ts';
import { type AgentFigures, METRICS, selfSource } from '../../src/sources/self.ts';
import type { Source } from '../../src/sources/source.ts';
import { Readings } from '../readings.ts';

/** As the kernel writes it, shortened. */
const STATUS = 'Name:\tnode\nVmRSS:\t   95600 kB\nRssAnon:\t   43000 kB\nRssFile:\t   52600 kB\nVmSwap:\t     100 kB\nThreads:\t11\n';

const SCHEDULE = {
  lateness: 0.002,
  sources: [
    { source: 'process', reads: 60, failures: 0, missed: 1, duration: 0.0004 },
    { source: 'host', reads: 12, failures: 2, missed: 3, duration: 0.001 },
    { source: 'postgres', reads: 0, failures: 0, missed: 0, duration: 0 },
  ],
};

let proc: string;
let source: Source | null = null;

beforeEach(() => {
  proc = mkdtempSync(join(tmpdir(), 'soak-self-'));
  mkdirSync(join(proc, 'self/fd'), { recursive: true });
  writeFileSync(join(proc, 'self/status'), STATUS);
});

afterEach(async () => {
  await source?.close();
  source = null;
  rmSync(proc, { recursive: true });
});

async function open(figures: Partial<AgentFigures> = {}, root = proc): Promise<Readings> {
  const readings = new Readings({ proc: root, sys: '/sys' }, {}, new SystemClock());
  const all: AgentFigures = {
    schedule: () => SCHEDULE,
    recordSize: () => 8192,
    losses: () => ({ ticks: 7, checkpoints: 2 }),
    series: () => 42,
    look: () => 0.003,
    ...figures,
  };
  source = selfSource(readings.ctx, { period: 1, figures: all });
  await source.open(readings);
  return readings;
}

describe('the agent as a target', () => {
  test('private memory is anonymous memory and swap', async () => {
    const readings = await open();
    await readings.read(source!);
    expect(readings.value(METRICS.memoryPrivate)).toBe(43_100 * 1024);
    expect(readings.value(METRICS.threads)).toBe(11);
    expect(readings.value(METRICS.cpuTime)).toBeGreaterThan(0);
    expect(readings.blind()).toEqual([]);
  });

  test('a kernel without swap has none', async () => {
    writeFileSync(join(proc, 'self/status'), STATUS.replace(/VmSwap.*\n/, ''));
    const readings = await open();
    await readings.read(source!);
    expect(readings.value(METRICS.memoryPrivate)).toBe(43_000 * 1024);
  });

  test('without status the resident set stands for it, and that is said once', async () => {
    rmSync(join(proc, 'self'), { recursive: true });
    const readings = await open();
    await readings.read(source!);
    expect(readings.value(METRICS.memoryPrivate)).toBeGreaterThan(10_000_000);
    expect(readings.value(METRICS.threads)).toBeUndefined();
    expect(readings.value(METRICS.descriptors)).toBeUndefined();
    expect(readings.blind()).toEqual([METRICS.memoryPrivate.name, METRICS.threads.name, METRICS.descriptors.name]);
    await readings.read(source!);
    expect(readings.events).toEqual([]);
  });

  test('descriptors are counted, listing or not', async () => {
    for (let fd = 0; fd < 8; fd++) writeFileSync(join(proc, `self/fd/${fd}`), '');
    const listed = await open();
    await listed.read(source!);
    expect(listed.value(METRICS.descriptors)).toBe(7); // one of those listed is the listing itself
    await source!.close();

    const counted = await open({}, '/proc');
    await counted.read(source!);
    const before = counted.value(METRICS.descriptors)!;
    const fds = Array.from({ length: 5 }, () => openSync(proc, 'r'));
    await counted.read(source!);
    fds.forEach((fd) => closeSync(fd));
    expect(counted.value(METRICS.descriptors)).toBe(before + 5);
  });

  test.runIf(process.platform === 'linux')('its own are given back', async () => {
    const before = readdirSync('/proc/self/fd').length;
    const readings = await open();
    await readings.read(source!);
    await source!.close();
    expect(readdirSync('/proc/self/fd').length).toBe(before);
  });

  test('the heap is told once per major collection, and never in between', async () => {
    const readings = await open();
    await readings.read(source!);
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    collect();
    await new Promise((resolve) => setTimeout(resolve, 20));
    await readings.read(source!);
    expect(readings.value(METRICS.heap)).toBeGreaterThan(1_000_000);
    await readings.read(source!);
    expect(readings.value(METRICS.heap)).toBeUndefined();
  });

  test('all that holds the event loop shows in the next sample, and waiting does not', async () => {
    const readings = await open();
    await readings.read(source!);
    const from = readings.now();
    expect(readings.value(METRICS.eventLoopUtilization)).toBeUndefined();
    for (let i = 0; i < 3; i++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
    }
    await readings.read(source!);
    const utilization = readings.value(METRICS.eventLoopUtilization)!;
    expect(utilization * (readings.now() - from)).toBeGreaterThan(0.29);
    expect(utilization).toBeLessThan(1);
  });
});

describe('what other parts tell', () => {
  test('schedule, record, series, judge', async () => {
    const readings = await open();
    await readings.read(source!);
    expect(readings.value(METRICS.lateness)).toBe(0.002);
    expect(readings.value(METRICS.missed)).toBe(4);
    expect(readings.value(METRICS.readFailures, { 'soak.source': 'host' })).toBe(2);
    expect(readings.value(METRICS.readFailures, { 'soak.source': 'postgres' })).toBe(0);
    expect(readings.value(METRICS.readDuration, { 'soak.source': 'host' })).toBe(0.001);
    expect(readings.value(METRICS.recordSize)).toBe(8192);
    expect(readings.value(METRICS.ticksLost)).toBe(7);
    expect(readings.value(METRICS.checkpointsLost)).toBe(2);
    expect(readings.value(METRICS.series)).toBe(42);
    expect(readings.value(METRICS.lookDuration)).toBe(0.003);
  });

  test('what is not known yet is absent: a source never read, no record, no look', async () => {
    const readings = await open({ recordSize: () => null, losses: () => null, look: () => null });
    await readings.read(source!);
    expect(readings.value(METRICS.readDuration, { 'soak.source': 'postgres' })).toBeUndefined();
    expect(readings.value(METRICS.recordSize)).toBeUndefined();
    expect(readings.value(METRICS.ticksLost)).toBeUndefined();
    expect(readings.value(METRICS.lookDuration)).toBeUndefined();
  });
});

test('the agent is judged by the rules of any target', () => {
  expect(() => new Catalog([METRICS])).not.toThrow();
  expect(METRICS.memoryPrivate).toMatchObject({ alias: 'agent.memory', growth: 'leak', gate: 'gated' });
  expect(METRICS.descriptors).toMatchObject({ alias: 'agent.fds', growth: 'leak', gate: 'gated' });
});
