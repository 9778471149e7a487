/** Real processes that a start before has left running: exactly they are ended, whatever they think of signals, and nobody else. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, onTestFinished, test } from 'vitest';
import { SystemClock } from '../../src/clock.ts';
import { startTime } from '../../src/identity.ts';
import { endLeftBehind, lastProcesses, type StartedProgram } from '../../src/leftbehind.ts';

const clock = new SystemClock();

/** A shell in a group of its own, once it has said that it is ready. */
async function program(script: string): Promise<{ child: ChildProcess; started: StartedProgram }> {
  const child = spawn('sh', ['-c', `${script}; echo ready; while :; do sleep 0.1; done`], {
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const pid = child.pid!;
  onTestFinished(() => void (child.exitCode === null && child.signalCode === null && process.kill(-pid, 'SIGKILL')));
  await once(child.stdout!, 'data');
  return { child, started: { role: 'app', pid, startTime: Number(startTime(pid)) } };
}

describe('a program of the start before', () => {
  test('is told to end', async () => {
    const { child, started } = await program(':');
    const exit = once(child, 'exit');
    expect(await endLeftBehind([started], clock)).toEqual([
      `process ${started.pid} (app), which the start before had left running, was ended`,
    ]);
    expect(await exit).toEqual([null, 'SIGTERM']);
    expect(await endLeftBehind([started], clock)).toEqual([]);
  });

  test('is killed when it does not', async () => {
    const { child, started } = await program('trap "" TERM');
    const exit = once(child, 'exit');
    expect(await endLeftBehind([started], clock)).toHaveLength(1);
    expect(await exit).toEqual([null, 'SIGKILL']);
  });

  test('whose pid is another process by now is left alone', async () => {
    const { child, started } = await program(':');
    const others = [-1, 1, NaN].map((ticks) => ({ ...started, startTime: started.startTime + ticks }));
    expect(await endLeftBehind(others, clock)).toEqual([]);
    const exit = once(child, 'exit');
    process.kill(started.pid, 'SIGINT');
    expect(await exit).toEqual([null, 'SIGINT']); // and by nothing before
  });
});

const at = (kind: 'target_found' | 'load_start' | 'run_resume', target: string | null, data: Record<string, string | number | null>) => ({
  kind,
  target,
  data,
});

describe('of the processes in a record', () => {
  test('the last one of each role and of the command counts', () => {
    const events = [
      at('target_found', 'app', { pid: 1, startTime: 10 }),
      at('target_found', 'app', { pid: 2, startTime: 20 }),
      at('target_found', 'db', { pid: 3, startTime: 30 }),
      at('load_start', null, { pid: 4, startTime: 40 }),
    ];
    expect(lastProcesses(events, 'boot', 'boot')).toEqual([
      { role: 'app', pid: 2, startTime: 20 },
      { role: 'db', pid: 3, startTime: 30 },
      { role: null, pid: 4, startTime: 40 },
    ]);
  });

  test('one whose start time is not known is none, nor is the one before it', () => {
    const events = [at('load_start', null, { pid: 4, startTime: 40 }), at('load_start', null, { pid: 5, startTime: null })];
    expect(lastProcesses(events, 'boot', 'boot')).toEqual([]);
  });

  test('those of another boot are none', () => {
    const found = at('target_found', 'app', { pid: 1, startTime: 10 });
    expect(lastProcesses([found], 'before', 'boot')).toEqual([]);
    expect(lastProcesses([found], null, null)).toEqual([]);
    const resumed = at('run_resume', null, { boot: 'boot' });
    expect(lastProcesses([found, resumed], 'before', 'boot')).toEqual([]);
    expect(lastProcesses([resumed, found], 'before', 'boot')).toHaveLength(1);
  });
});
