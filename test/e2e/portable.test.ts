/** The portable sources, on a system that has /proc to check them against. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SystemClock } from '../../src/clock.ts';
import { EXIT } from '../../src/problem.ts';
import type { Selector } from '../../src/selector.ts';
import { findTargetsPortably } from '../../src/sources/portable-selection.ts';
import { withOwnPids } from '../ownpids.ts';
import { NO_PROC, type PortableWatch, PROCESS, watchPortably } from '../portably.ts';
import { Readings } from '../readings.ts';

const BUSY = 'for (;;);';
const IDLE = 'setInterval(() => {}, 1e6)';

type Program = ChildProcess & { readonly pid: number };

let folder: string;
const ended: (() => Promise<void> | void)[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'soak-portable-'));
});

afterEach(async () => {
  for (const end of ended.splice(0).toReversed()) await end();
  rmSync(folder, { recursive: true });
});

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

async function start(script: string): Promise<Program> {
  const child = spawn(process.execPath, ['-e', `console.log('ready'); ${script}`], { stdio: ['ignore', 'pipe', 'inherit'] });
  ended.push(() => stop(child));
  await once(child.stdout, 'data');
  return child as Program;
}

/** Closed when the test is over. */
async function watch(selector: Selector): Promise<PortableWatch> {
  const watched = await watchPortably(selector);
  ended.push(async () => {
    await watched.selection.close();
    await watched.processes.close();
  });
  return watched;
}

/** Seconds of CPU, from /proc. */
function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function rssOf(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))![1]) * 1024;
}

const kinds = (readings: Readings): string[] => readings.events.map(({ kind }) => kind);

describe('figures', () => {
  test.each([
    ['busy', BUSY],
    ['idle', IDLE],
  ])('of a %s process are those of /proc', async (_, script) => {
    const { pid } = await start(script);
    const { readings, selection, processes } = await watch({ kind: 'pid', pid });
    await readings.read(selection);
    expect(readings.events).toMatchObject([{ kind: 'target_found', target: 'api', data: { pid } }]);

    /** Around each of the two reads: when it was, and what had been used by then. */
    const looks: { readonly at: number; readonly used: number }[] = [];
    const look = (): void => void looks.push({ at: readings.now(), used: cpuOf(pid) });
    look();
    await readings.read(processes);
    look();
    expect(readings.value(PROCESS.cpu)).toBeUndefined(); // there is nothing yet to compare with
    await sleep(2000);
    look();
    await readings.read(processes);
    look();
    const [a, b, c, d] = looks as [(typeof looks)[0], (typeof looks)[0], (typeof looks)[0], (typeof looks)[0]];
    expect(readings.value(PROCESS.cpu)).toBeGreaterThan((c.used - b.used) / (d.at - a.at) - 0.1);
    expect(readings.value(PROCESS.cpu)).toBeLessThan((d.used - a.used) / (c.at - b.at) + 0.1);
    expect(Math.abs(readings.value(PROCESS.rss)! / rssOf(pid) - 1)).toBeLessThan(0.1);
    expect(readings.value(PROCESS.uptime)).toBeGreaterThan(2);
    expect(readings.value(PROCESS.uptime)).toBeLessThan(60);
    expect(readings.samples.every(({ value }) => Number.isFinite(value))).toBe(true);
  });

  test('of a process that has ended there are none, and selection is called', async () => {
    const program = await start(IDLE);
    const { readings, selection, processes } = await watch({ kind: 'pid', pid: program.pid });
    await readings.read(selection);
    await readings.read(processes);
    expect(selection.wants?.()).toBe(false);
    await stop(program);
    await readings.read(processes);
    expect(readings.samples).toEqual([]);
    expect(selection.wants?.()).toBe(true);
    await readings.read(selection);
    expect(readings.events).toMatchObject([{ kind: 'target_gone', target: 'api', data: { pid: program.pid } }]);
    expect(readings.targets.all()[0]!.procs).toEqual([]);
    expect(readings.targets.all()[0]!.goneSince).not.toBeNull();
    await readings.read(selection);
    expect(readings.events).toEqual([]);
  });
});

/** What `fixtures/pids/portably.ts` prints, by pidfile and by pid. */
interface Reused {
  readonly pids: readonly number[];
  /** Events while it was the same. */
  readonly same: readonly unknown[][];
  readonly seen: readonly { readonly samples: unknown[]; readonly wants: boolean; readonly events: unknown[]; readonly bound: number }[];
}

describe('which process it is', () => {
  test('a zombie is none', async () => {
    const parent = spawn('sh', ['-c', 'sleep 0.5 & echo $!; exec sleep 600'], { stdio: ['ignore', 'pipe', 'inherit'] });
    ended.push(() => stop(parent));
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(line.toString());
    await expect.poll(() => readFileSync(`/proc/${pid}/stat`, 'latin1')).toContain(') Z ');
    const { readings, selection } = await watch({ kind: 'pid', pid });
    await readings.read(selection);
    expect(readings.targets.all()[0]!.procs).toEqual([]);
    expect(readings.events).toEqual([]);
  });

  test('what is not there at the start is a usage error, unless it comes in time', async () => {
    const path = join(folder, 'app.pid');
    const { targets, clock } = new Readings(NO_PROC, { selector: { kind: 'pidfile', path } }, new SystemClock());
    await expect(findTargetsPortably(targets, { wait: 0 }, clock)).rejects.toMatchObject({ code: 'NO_TARGET', exitCode: EXIT.usage });
    await expect(findTargetsPortably(targets, { wait: 0 }, clock)).rejects.toThrow('; start it first, or --wait 2m waits for it');
    await expect(findTargetsPortably(targets, { wait: 0.1 }, clock)).rejects.toThrow('; waited 100ms for it');
    const waiting = findTargetsPortably(targets, { wait: 60 }, clock);
    const program = await start(IDLE);
    writeFileSync(path, String(program.pid));
    await waiting;
    await stop(program);
    await expect(findTargetsPortably(targets, { wait: 0 }, clock)).rejects.toMatchObject({ code: 'NO_TARGET' });
    const gone = new Readings(NO_PROC, { selector: { kind: 'pid', pid: program.pid } }, new SystemClock());
    await expect(findTargetsPortably(gone.targets, { wait: 0 }, clock)).rejects.toThrow(
      `no process has the pid ${program.pid}; pidfile: follows a program through restarts`,
    );
  });

  test('a pid file is followed from one process to the next', async () => {
    const path = join(folder, 'app.pid');
    const { readings, selection, processes } = await watch({ kind: 'pidfile', path });
    await readings.read(selection);
    expect(kinds(readings)).toEqual([]);

    const first = await start(IDLE);
    writeFileSync(path, `${first.pid}\n`);
    await readings.read(selection);
    expect(kinds(readings)).toEqual(['target_found']);
    await readings.read(processes);

    const second = await start(BUSY);
    writeFileSync(path, `${second.pid}\n`);
    await stop(first);
    await readings.read(selection);
    expect(readings.events).toMatchObject([{ kind: 'restart', data: { pid: second.pid, previousPid: first.pid, reason: 'replaced' } }]);
    await readings.read(processes);
    expect(readings.value(PROCESS.rss)).toBeGreaterThan(0);
    expect(readings.value(PROCESS.cpu)).toBeUndefined(); // the first process is no base for the second

    await stop(second);
    await readings.read(selection);
    expect(kinds(readings)).toEqual(['target_gone']);
    const third = await start(IDLE);
    writeFileSync(path, String(third.pid));
    await readings.read(selection);
    expect(kinds(readings)).toEqual(['restart']);
  });

  test.skipIf(process.getuid?.() !== 0)('another process that got the same pid is another process', () => {
    const { pids, same, seen } = withOwnPids('portably.ts') as Reused;
    const [pid, previousPid] = pids;
    expect(previousPid).toBe(pid);
    expect(same).toEqual([[], []]);
    // Neither is sampled under the name of the first. A pid file is followed; a pid does not come back.
    expect(seen).toMatchObject([
      { samples: [], wants: true, events: [{ kind: 'restart', data: { pid, previousPid } }], bound: 1 },
      { samples: [], wants: true, events: [{ kind: 'target_gone' }], bound: 0 },
    ]);
  });
});

test('descriptors are given back', async () => {
  await import('pidusage');
  const before = readdirSync('/proc/self/fd').length;
  const programs = await Promise.all([start(IDLE), start(IDLE), start(IDLE)]);
  const watches = await Promise.all(programs.map(({ pid }) => watch({ kind: 'pid', pid })));
  for (const { readings, selection } of watches) await readings.read(selection);
  for (let i = 0; i < 2; i++) {
    await sleep(2000); // until pidusage has forgotten them
    // All at once, as the schedule may do it: two reads of a new process would open it twice.
    await Promise.all(watches.flatMap(({ readings, selection, processes }) => [readings.read(selection), readings.read(processes)]));
  }
  for (const { selection, processes } of watches) {
    await selection.close();
    await processes.close();
  }
  await Promise.all(programs.map(stop));
  await expect.poll(() => readdirSync('/proc/self/fd').length).toBe(before);
});
