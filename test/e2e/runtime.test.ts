/** Real JVMs whose heap is committed and touched at start, so that the kernel sees the same memory whether they leak or not. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isMainThread } from 'node:worker_threads';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { SystemClock } from '../../src/clock.ts';
import { lookAt } from '../../src/sources/runtime-kind.ts';
import { METRICS, runtimeSource } from '../../src/sources/runtime.ts';
import type { Source } from '../../src/sources/source.ts';
import { Readings, type Sample } from '../readings.ts';

const MB = 1_000_000;
const PROGRAM = join(import.meta.dirname, '../fixtures/programs/java/HeapService.java');
const PRETOUCHED = ['-Xms64m', '-Xmx64m', '-Xmn8m', '-XX:+AlwaysPreTouch'];

const has = (command: string): boolean => spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0;
const isRoot = process.getuid?.() === 0;
const java = has('java') && has('javac') ? null : 'there is no JDK';
const other = java ?? (isRoot && isMainThread ? null : 'this user is not root');
const GO_PROGRAM = 'kubectl';
const noGo = spawnSync(GO_PROGRAM, ['version', '--client'], { stdio: 'ignore' }).status === 0 ? null : `there is no ${GO_PROGRAM}`;
const note = (reason: string | null): string => (reason === null ? '' : ` (not run: ${reason})`);

let classes = '';
beforeAll(() => {
  if (java !== null) return;
  classes = mkdtempSync(join(tmpdir(), 'soak-java-'));
  execFileSync('javac', ['-d', classes, PROGRAM]);
});
afterAll(() => {
  if (classes !== '') rmSync(classes, { recursive: true });
});

const ended: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).toReversed()) await end();
});

async function start(command: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<ChildProcess> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'], env });
  ended.push(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  await once(child.stdout!, 'data');
  return child;
}

const service = (flags: readonly string[], ...options: string[]): Promise<ChildProcess> =>
  start('java', [...PRETOUCHED, ...flags, '-cp', classes, 'HeapService', 'seconds=110', ...options]);

/** RssAnon + VmSwap, as the process source reads it. */
function privateMemory(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kb = (key: string): number => Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0);
  return (kb('RssAnon') + kb('VmSwap')) * 1024;
}

function startTime(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
}

interface Watch {
  readonly r: Readings;
  readonly source: Source;
  /** Every sample and event so far. */
  readonly samples: Sample[];
  readonly events: Readings['events'];
}

function watch(pid: number): Watch {
  const r = new Readings({ proc: '/proc', sys: '/sys' }, {}, new SystemClock());
  r.bind({ pid, startTime: startTime(pid), comm: readFileSync(`/proc/${pid}/comm`, 'utf8').trim() });
  const source = runtimeSource(r.ctx);
  ended.push(() => source.close());
  return { r, source, samples: [], events: [] };
}

/** Wakes up once a second, as the agent does, until all of the watches are done. */
async function run(watches: readonly Watch[], done: (watch: Watch) => boolean): Promise<void> {
  for (let second = 0; second < 100 && !watches.every(done); second++) {
    for (const { r, source, samples, events } of watches) {
      if (second % 5 !== 0 && !source.wants!()) continue;
      await r.read(source);
      samples.push(...r.samples);
      events.push(...r.events);
    }
    await delay(1000);
  }
  expect(watches.every(done)).toBe(true);
}

const values = (watch: Watch, metric: string): number[] => watch.samples.filter((each) => each.metric === metric).map(({ value }) => value);
const visible = (watch: Watch): number[] => values(watch, METRICS.visible.name);
const heap = (watch: Watch): number[] => values(watch, METRICS.heap.name);

describe(`a JVM with a heap committed up front${note(java)}`, () => {
  test.skipIf(java !== null)('the leak shows after collections and nowhere else, and its twin is flat', async () => {
    const [leaking, healthy] = [await service(['-XX:+UseSerialGC'], 'leak=512'), await service(['-XX:+UseSerialGC'])];
    await delay(3000); // until the classes and the code of the start-up are loaded and compiled
    const before = [privateMemory(leaking.pid!), privateMemory(healthy.pid!)];
    const [leak, twin] = [watch(leaking.pid!), watch(healthy.pid!)];
    await run([leak, twin], (each) => heap(each).length >= 6);
    const after = [privateMemory(leaking.pid!), privateMemory(healthy.pid!)];

    for (const each of [leak, twin]) {
      expect(new Set(visible(each))).toEqual(new Set([1]));
      expect(each.events).toEqual([]);
      expect(values(each, METRICS.heapLimit.name).at(-1)).toBeGreaterThan(50 * MB);
    }
    expect(Math.abs(after[0]! - before[0]!)).toBeLessThan(4 * MB);
    expect(Math.abs(after[1]! - before[1]!)).toBeLessThan(4 * MB);
    expect(heap(leak).at(-1)! - heap(leak)[0]!).toBeGreaterThan(6 * MB);
    // The floor: a reading comes up to a second after the collection, with what was promoted meanwhile.
    const half = heap(twin).length / 2;
    const floors = [Math.min(...heap(twin).slice(0, half)), Math.min(...heap(twin).slice(half))];
    expect(Math.abs(floors[1]! - floors[0]!)).toBeLessThan(3 * MB);
  });

  test.skipIf(java !== null)('that publishes no counters is not visible', async () => {
    const child = await service(['-XX:+PerfDisableSharedMem']);
    const blind = watch(child.pid!);
    await run([blind], (each) => visible(each).length > 0);
    expect(visible(blind)).toEqual([0]);
    expect(blind.events).toMatchObject([{ kind: 'blind', data: { metric: METRICS.heap.name } }]);
    expect(blind.events[0]!.data['reason']).toContain('PerfDisableSharedMem');
  });

  test.skipIf(java !== null)('reading it keeps no descriptor', async () => {
    const child = await service([]);
    const each = watch(child.pid!);
    await run([each], () => visible(each).length > 0);
    const before = readdirSync('/proc/self/fd').length;
    for (let i = 0; i < 200; i++) await each.r.read(each.source);
    expect(readdirSync('/proc/self/fd').length).toBe(before);
  });
});

describe(`across users and namespaces${note(other)}`, () => {
  test.skipIf(other !== null)('another user’s JVM is known, and not visible', async () => {
    const child = await service([]);
    await delay(1500); // until the VM has named its threads
    const stranger = watch(child.pid!);
    process.setegid!(65_534);
    process.seteuid!(65_534);
    try {
      await run([stranger], (each) => visible(each).length > 0);
    } finally {
      process.seteuid!(0);
      process.setegid!(0);
    }
    expect(visible(stranger)).toEqual([0]);
    expect(stranger.samples[0]!.labels).toEqual({ 'soak.runtime': 'jvm' });
    expect(stranger.events[0]!.data['reason']).toContain('user');
  });

  test.skipIf(other !== null)('a JVM that is process 1 of its own namespace, with its own /tmp, is read through its root', async () => {
    const script = `mount --bind ${classes} /mnt && mount -t tmpfs tmpfs /tmp && mount -t proc proc /proc &&
      exec java ${PRETOUCHED.join(' ')} -cp /mnt HeapService seconds=110`;
    const outer = await start('unshare', ['-m', '-p', '-f', '--kill-child', 'sh', '-c', script]);
    const pid = Number(readFileSync(`/proc/${outer.pid}/task/${outer.pid}/children`, 'utf8').trim());
    expect(readdirSync(`/proc/${pid}/root/tmp/hsperfdata_root`)).toEqual(['1']);
    const inner = watch(pid);
    await run([inner], (each) => visible(each).length > 0);
    expect(visible(inner)).toEqual([1]);
    expect(values(inner, METRICS.threads.name)[0]).toBeGreaterThan(3);
  });
});

test.skipIf(noGo !== null)(`a real Go program and its memory limit${note(noGo)}`, async () => {
  const env = { ...process.env, GOMEMLIMIT: '64MiB' };
  const child = await start(GO_PROGRAM, ['proxy', '--port=0', '--server=http://127.0.0.1:1'], env);
  expect(await lookAt(`/proc/${child.pid}`, GO_PROGRAM)).toMatchObject({ runtime: 'go', memoryLimit: 64 * 2 ** 20, denied: false });
});
