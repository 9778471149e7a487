/** Runs that go on when whoever began them is gone: started, looked at, waited for, stopped, killed. Real programs, the real agent. */
import { execFile } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import type { Verdict } from '../../src/analysis/verdict.ts';
import { RunLock } from '../../src/record/lock.ts';
import { recordRun } from '../recorded.ts';
import { M } from '../sim/metrics.ts';
import { constant } from '../sim/series.ts';
import { CLI } from '../soakagent.ts';
import { installed, isAlive, Stage, until } from './agent-under-test.ts';

const containing = (text: string): string => expect.stringContaining(text) as string;
const matching = (pattern: RegExp): string => expect.stringMatching(pattern) as string;

/** A rule that every process breaks with its first sample. */
const BROKEN = ['--rule', 'fds < 1'];

interface Begun {
  readonly folder: string;
  readonly pid: number;
  readonly err: string;
}

/** Begins a run in the background; the agent ends with the program that it watches, at the latest. */
async function begun(stage: Stage, ...options: string[]): Promise<Begun> {
  const service = await stage.service('busy=20');
  const args = ['--detach', '--target', `app=${service.pid}`, '--listen', '127.0.0.1:0', '--out', stage.out, ...options];
  const { code, out, err } = await stage.command('start', ...args);
  expect([code, out]).toEqual([0, matching(/^\S+\n$/)]);
  return { folder: out.trim(), pid: Number(/background as process (\d+);/.exec(err)?.[1]), err };
}

describe.concurrent('a run in the background', () => {
  test('goes on, says how it stands, and ends when it is told to with the code of its verdict', async () => {
    await using stage = new Stage();
    const { folder, pid, err } = await begun(stage, ...BROKEN);
    expect(err).toContain('metrics, health and verdict at http://127.0.0.1:');
    expect(isAlive(pid)).toBe(true);
    expect(RunLock.owner(folder)).toEqual({ pid, here: true });
    const so = await until(
      () => stage.command('verdict', folder, '--json'),
      ({ code }) => code === 10,
    );
    expect(so.err).toContain('is still being recorded: this is the verdict so far');
    expect((JSON.parse(so.out) as Verdict).run.end).toBeNull();
    const waited = await stage.command('wait', '--timeout', '1s', '--out', stage.out);
    expect(waited).toMatchObject({ code: 11, err: containing('has not ended within 1s: it goes on') });
    expect(waited.out).toMatch(/^\S+ {2}fail so far/);
    const stopped = await stage.command('stop', folder.slice(-8), '--out', stage.out);
    expect(stopped).toMatchObject({ code: 10, out: matching(/^FAIL after /) });
    // The run has ended with its verdict; its process leaves a moment later.
    await until(
      () => isAlive(pid),
      (alive) => !alive,
    );
    const final = JSON.parse(readFileSync(join(folder, 'verdict.json'), 'utf8')) as Verdict;
    expect(final.outcome).toBe('fail');
    const log = readFileSync(join(folder, 'agent.log'), 'utf8');
    expect(log).toContain('told to stop by SIGTERM');
    expect(log).toContain(`recording to ${folder}`);
    expect(await stage.command('stop', folder)).toMatchObject({ code: 10, err: containing('has ended already') });
    expect(readdirSync(stage.out).filter((name) => name.startsWith('.start'))).toEqual([]);
  });

  test('is waited for to its end, and not blocking ends with 0', async () => {
    await using stage = new Stage();
    const { folder } = await begun(stage, ...BROKEN, '--duration', '3s', '--non-blocking');
    expect(await stage.command('wait', folder)).toMatchObject({ code: 10, out: matching(/^FAIL after \d/m) });
    await until(
      () => readFileSync(join(folder, 'agent.log'), 'utf8'),
      (log) => log.includes('not blocking: the exit code is 0 instead of 10'),
    );
  });

  test('is compared with a baseline, so far and at its end', async () => {
    await using stage = new Stage();
    const baselines = join(stage.folder, 'baselines');
    const first = await begun(stage, '--duration', '2s');
    await stage.command('wait', first.folder);
    expect(await stage.command('compare', '--save', 'main', first.folder, '--baselines', baselines)).toMatchObject({ code: 0, err: '' });
    const second = await begun(stage, '--duration', '2s', '--baseline', 'main', '--baselines', baselines);
    await stage.command('wait', second.folder);
    const log = await until(
      () => readFileSync(join(second.folder, 'agent.log'), 'utf8'),
      (text) => text.includes(' against run '),
    );
    expect(log).toMatch(/^INCONCLUSIVE +run /m);
    const comparison = JSON.parse(readFileSync(join(second.folder, 'comparison.json'), 'utf8')) as {
      outcome: string;
      base: { id: string }[];
    };
    expect([comparison.outcome, first.folder.endsWith(comparison.base[0]!.id)]).toEqual(['inconclusive', true]);
    expect(readFileSync(join(second.folder, 'comparison.html'), 'utf8')).toContain('soak comparison: inconclusive');
    const missing = await stage.command('start', '--detach', '--target', 'app=name:x', '--baseline', 'other', '--baselines', baselines);
    expect(missing).toMatchObject({ code: 64, err: containing('other: there is no such folder') });
  });

  test('is found whatever its target prints, and however much', async () => {
    await using stage = new Stage();
    const script = 'head -c 100000 /dev/zero | tr "\\\\0" x; printf "watching x, recording to /tmp/x"; exec sleep 60';
    const target = `app=exec:sh -c '${script}'`;
    const { code, out } = await stage.command('start', '--detach', '--target', target, '--listen', 'off', '--out', stage.out);
    expect([code, readdirSync(stage.out)]).toEqual([0, [basename(out.trim())]]);
    expect(await stage.command('stop', out.trim())).toMatchObject({ code: 11 });
  });

  test.skipIf(process.getuid?.() !== 0 || !installed('setpriv', 'unshare'))('goes on for who may only read it, elsewhere', async () => {
    await using stage = new Stage();
    const { folder, pid } = await begun(stage, ...BROKEN);
    chmodSync(stage.folder, 0o755);
    const reader = ['--reuid', '65534', '--regid', '65534', '--clear-groups', 'unshare', '-Urpf', '--mount-proc', process.execPath, CLI];
    const standing = async (of = folder): Promise<string> => {
      const { stdout } = await promisify(execFile)('setpriv', [...reader, 'status', '--json', of]);
      return (JSON.parse(stdout) as { standing: { kind: string } }).standing.kind;
    };
    expect(await standing()).toBe('running');
    process.kill(pid, 'SIGKILL');
    await until(
      () => isAlive(pid),
      (alive) => !alive,
    );
    expect(await stage.command('verdict', folder)).toMatchObject({ err: containing('ended without a verdict') });
    expect(await standing()).toBe('running'); // for a minute
    const old = recordRun(
      { hours: 1, interval: 60, series: [{ def: M.fds, signal: constant(9) }] },
      { out: stage.out, cutOffAt: 600 },
    ).folder;
    const lock = new DatabaseSync(join(old, 'lock'));
    lock.exec("INSERT INTO owner (id, pid, start, boot) VALUES (1, 1, '1', 'of another machine')");
    lock.close();
    expect(await standing(old)).toBe('cut off');
  });

  test('that was killed is never waited for in vain, and its verdict so far is told', async () => {
    await using stage = new Stage();
    const { folder, pid } = await begun(stage, ...BROKEN);
    await until(
      () => stage.command('verdict', folder),
      ({ code }) => code === 10,
    );
    process.kill(pid, 'SIGKILL');
    await until(
      () => isAlive(pid),
      (alive) => !alive,
    );
    for (const command of ['wait', 'stop']) {
      const { code, err } = await stage.command(command, folder);
      expect([command, code, err]).toEqual([command, 70, matching(/ended without a verdict: .*\[GONE\]/s)]);
    }
    expect(await stage.command('verdict', folder)).toMatchObject({ code: 10, err: containing('ended without a verdict') });
  });

  test('that cannot begin says why, with its code, and leaves nothing', async () => {
    await using stage = new Stage();
    const service = await stage.service();
    writeFileSync(join(stage.folder, 'file'), '');
    const start = (...options: string[]) => stage.command('start', '--detach', '--target', `app=${service.pid}`, ...options);
    expect(await start('--out', join(stage.folder, 'file'))).toMatchObject({ code: 64, out: '', err: containing('[OUT]') });
    const missing = await stage.command('start', '--detach', '--target', 'app=name:not-there', '--listen', 'off', '--out', stage.out);
    expect(missing).toMatchObject({ code: 64, out: '', err: containing('[NO_TARGET]') });
    expect(existsSync(stage.out)).toBe(false);
  });
});
