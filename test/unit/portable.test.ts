import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from '../property.ts';
import { describe, expect, test } from 'vitest';
import { EXIT, Problem } from '../../src/problem.ts';
import type { Selector } from '../../src/selector.ts';
import { parsePidfile, portableSelection } from '../../src/sources/portable-selection.ts';
import { isSuccessor, portableProcessSource } from '../../src/sources/portable.ts';
import { METRICS } from '../../src/sources/process-metrics.ts';
import type { TargetSpec } from '../../src/targets.ts';
import { Readings } from '../readings.ts';

const PROCESS = { cpu: METRICS.cpuUtilization, rss: METRICS.memoryUsage, uptime: METRICS.uptime };

function reading(spec: Partial<TargetSpec>): Readings {
  return new Readings({ proc: '/nonexistent', sys: '/nonexistent' }, spec);
}

describe('pid files', () => {
  test.each([
    ['4242', 4242],
    ['4242\n', 4242],
    ['  4242  \n', 4242],
    ['4242\n/var/lib/postgresql\n1700000000\n', 4242],
    ['', null],
    ['0', null],
    ['-5', null],
    ['42 43', null],
    ['42x', null],
    ['pid=42', null],
    ['99999999999', null],
  ])('%j is %s', (text, pid) => {
    expect(parsePidfile(text)).toBe(pid);
  });

  test('whatever is in one, the result is a pid that stands in it, or nothing', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[ \n0-9a-f]*$/)), (text) => {
        const pid = parsePidfile(text);
        if (pid === null) return;
        expect(pid).toBeGreaterThan(0);
        expect(text.trim()).toMatch(new RegExp(`^0*${pid}(\\s|$)`));
      }),
    );
  });
});

function usage(from: number, to: number): Parameters<typeof isSuccessor>[0] {
  return { cpu: 0, memory: 1, began: { from, to } };
}

describe('another process of the same pid', () => {
  test('is one that certainly began later', () => {
    expect(isSuccessor(usage(99, 100), { from: 99, to: 100 })).toBe(false);
    expect(isSuccessor(usage(100.5, 101.5), { from: 99, to: 100 })).toBe(true);
  });

  test('is not one whose figures only took long to arrive', () => {
    expect(isSuccessor(usage(99, 130), { from: 99, to: 100 })).toBe(false);
    expect(isSuccessor(usage(99, 100), { from: 99, to: 130 })).toBe(false);
  });
});

describe('selectors without /proc', () => {
  const selectors: [Selector, boolean][] = [
    [{ kind: 'pid', pid: 1 }, true],
    [{ kind: 'pidfile', path: '/run/x.pid' }, true],
    [{ kind: 'name', name: 'api' }, false],
    [{ kind: 'cmd', pattern: /x/ }, false],
    [{ kind: 'port', port: 80 }, false],
    [{ kind: 'cgroup', path: 'x' }, false],
    [{ kind: 'exec', command: 'x' }, false],
  ];

  test.each(selectors)('%j can be followed: %s', async (selector, fits) => {
    const source = portableSelection(reading({ selector }).ctx);
    const opening = async (): Promise<void> => source.open(reading({}));
    const problem: unknown = await opening().catch((error: unknown) => error);
    expect(problem instanceof Problem).toBe(!fits);
  });

  test('everything that is wrong is said at once, as a usage error', () => {
    const source = portableSelection(reading({ selector: { kind: 'port', port: 80 }, children: true }).ctx);
    expect(() => source.open(reading({}))).toThrow(
      expect.objectContaining({
        code: 'SELECTOR',
        exitCode: EXIT.usage,
        details: [expect.objectContaining({ place: 'target api' }), expect.objectContaining({ place: 'target api' })],
      }),
    );
  });

  test('a pid file that is missing, or names nothing, binds nothing and is no error', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'soak-pidfile-'));
    const path = join(folder, 'app.pid');
    const readings = reading({ selector: { kind: 'pidfile', path } });
    const source = portableSelection(readings.ctx);
    try {
      await readings.read(source);
      writeFileSync(path, 'starting\n');
      await readings.read(source);
      expect(readings.events).toEqual([]);
      expect(readings.targets.all()[0]!.procs).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('figures', () => {
  test('are read every 5 s at most, because ps is started for each', () => {
    const { ctx } = reading({});
    expect(portableProcessSource(ctx, { period: 1, metrics: PROCESS }).period).toBe(5);
    expect(portableProcessSource(ctx, { period: 30, metrics: PROCESS }).period).toBe(30);
  });

  test('what stays dark is said at the start', async () => {
    const readings = reading({});
    await portableProcessSource(readings.ctx, { period: 5, metrics: PROCESS }).open(readings);
    expect(readings.blind()).toEqual(['soak.process.memory.private', 'process.unix.file_descriptor.count', 'process.thread.count']);
    expect(readings.events.every(({ target }) => target === 'api')).toBe(true);
  });

  test('without a bound process nothing is read', async () => {
    const readings = reading({});
    const source = portableProcessSource(readings.ctx, { period: 5, metrics: PROCESS });
    await readings.read(source);
    expect(readings.samples).toEqual([]);
    await source.close();
  });
});
