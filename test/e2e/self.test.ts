/** The agent's figures of itself, in this very process. */
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SystemClock } from '../../src/clock.ts';
import { METRICS, selfSource } from '../../src/sources/self.ts';
import type { Source } from '../../src/sources/source.ts';
import { Readings } from '../readings.ts';

const MB = 2 ** 20;

let readings: Readings;
let source: Source;

beforeEach(async () => {
  readings = new Readings({ proc: '/proc', sys: '/sys' }, {}, new SystemClock());
  source = selfSource(readings.ctx, {
    period: 1,
    figures: {
      schedule: () => ({ lateness: 0, sources: [] }),
      recordSize: () => null,
      losses: () => null,
      series: () => readings.series.size,
      look: () => null,
    },
  });
  await source.open(readings);
});

afterEach(() => source.close());

describe('the agent', () => {
  test('memory it takes shows as private memory', async () => {
    await readings.read(source);
    const before = readings.value(METRICS.memoryPrivate)!;
    const taken = Buffer.alloc(64 * MB, 1);
    await readings.read(source);
    const grown = readings.value(METRICS.memoryPrivate)! - before;
    expect(taken.at(-1)).toBe(1);
    expect(grown).toBeGreaterThan(60 * MB);
    expect(grown).toBeLessThan(100 * MB);
  });

  test('descriptors and threads are those that /proc lists', async () => {
    const fds = Array.from({ length: 20 }, () => openSync('/dev/null', 'r'));
    await readings.read(source);
    const listed = readdirSync('/proc/self/fd').length - 1;
    for (const fd of fds) closeSync(fd);
    expect(readings.value(METRICS.descriptors)).toBe(listed);
    expect(readings.value(METRICS.threads)).toBe(readdirSync('/proc/self/task').length);
    expect(readings.blind()).toEqual([]);
  });

  test('CPU time grows by what is used', async () => {
    await readings.read(source);
    const [before, from] = [readings.value(METRICS.cpuTime)!, process.cpuUsage()];
    let n = 0;
    while (process.cpuUsage(from).user < 300_000) n++;
    await readings.read(source);
    expect(n).toBeGreaterThan(0);
    expect(readings.value(METRICS.cpuTime)! - before).toBeGreaterThan(0.3);
  });

  test('what is declared as private memory is RssAnon and VmSwap of status', async () => {
    await readings.read(source);
    const status = readFileSync('/proc/self/status', 'latin1');
    const kb = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)![1]);
    expect(Math.abs(readings.value(METRICS.memoryPrivate)! - (kb('RssAnon') + kb('VmSwap')) * 1024)).toBeLessThan(5 * MB);
  });

  test('after the end nothing is open and nothing observed', async () => {
    await source.close();
    const before = readdirSync('/proc/self/fd').length;
    for (let i = 0; i < 5; i++) {
      await source.open(readings);
      await readings.read(source);
      await source.close();
    }
    expect(readdirSync('/proc/self/fd')).toHaveLength(before);
    expect(process.getActiveResourcesInfo().filter((name) => name.includes('ELDHistogram') || name === 'IntervalHistogram')).toEqual([]);
  });
});
