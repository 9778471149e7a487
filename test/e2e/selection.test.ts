/** Selection of real processes: found, lost, replaced, started. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { resolveAll } from '../../src/sources/selection.ts';
import type { TargetSpec } from '../../src/targets.ts';
import { withPrograms } from '../programs.ts';
import { target, Watch, watching } from '../watch.ts';

const isRoot = process.getuid?.() === 0;
const mark = (what: string): string => `soak-${what}-${process.pid}`;

function resolved(spec: TargetSpec, proc = '/proc'): number[] | string {
  const [resolution] = resolveAll([spec], { proc });
  const { found, problem } = resolution!;
  return problem ? `${problem.code} ${problem.detail.message}` : found.map(({ pid }) => pid);
}

const bound = (w: Watch): string[] => w.targets.all().flatMap(({ procs }) => procs.map(({ member, pid }) => `${member ?? '-'}:${pid}`));

function isAlive(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

describe('finding', () => {
  test('by command line, by name and by port; never what the agent itself has started', () =>
    withPrograms(async (programs) => {
      const name = mark('find').slice(0, 15);
      const app = await programs.orphan('idle.pl', [name]);
      expect(resolved(target(`name:${name}`))).toEqual([app.pid]);
      expect(resolved(target(`cmd:^${name}$`))).toEqual([app.pid]);
      const own = await programs.start('idle.pl', [mark('own')]);
      expect(resolved(target(`cmd:${mark('own')}`))).toContain('except soak-agent itself and what it has started');
      expect(resolved(target(String(own.pid)))).toEqual([own.pid]);
      const server = await programs.start('listen.mjs');
      expect(resolved(target(`port:${server.said}`))).toMatch(/^NO_TARGET only soak-agent itself/);
    }));

  test('several are listed, and the tree of one is offered when it is one', () =>
    withPrograms(async (programs) => {
      const name = mark('many');
      const parent = await programs.orphan('idle.pl', [name, name]);
      expect(resolved(target(`cmd:^${name}$`))).toMatch(
        new RegExp(`^MANY_TARGETS 2 processes match: ${parent.pid} \\(.*--children watches the tree of ${parent.pid} `),
      );
      expect(resolved(target(`cmd:^${name}$`, { children: true }))).toHaveLength(2);
    }));

  test.runIf(isRoot)('a process that /proc hides is said to be hidden, not missing', () =>
    withPrograms(async (programs) => {
      const app = await programs.start('idle.pl');
      const proc = mkdtempSync(join(tmpdir(), 'soak-hidepid-'));
      execFileSync('mount', ['-t', 'proc', '-o', 'hidepid=2', 'proc', proc]);
      const groups = process.getgroups!();
      try {
        process.setgroups!([]); // members of the group 0 see everything
        process.setegid!(65_534);
        process.seteuid!(65_534);
        expect(resolved(target(String(app.pid)), proc)).toMatch(/^HIDDEN_TARGET .*hidepid.*CAP_SYS_PTRACE/);
        expect(resolved(target('4194303'), proc)).toBe('NO_TARGET there is no process 4194303');
      } finally {
        process.seteuid!(0);
        process.setegid!(0);
        process.setgroups!(groups);
        execFileSync('umount', [proc]);
        rmSync(proc, { recursive: true });
      }
    }),
  );
});

describe('following', () => {
  test('a pidfile through a restart: the series goes on, and nothing is set while nobody is there', () =>
    withPrograms(async (programs) => {
      const folder = mkdtempSync(join(tmpdir(), 'soak-pidfile-'));
      const path = join(folder, 'app.pid');
      try {
        const first = await programs.start('idle.pl');
        writeFileSync(path, `${first.pid}\n`);
        await watching(new Watch([target(`app=pidfile:${path}`)]), async (w) => {
          await w.tick();
          const series = w.series.size;
          first.kill();
          await w.until('gone', () => w.kinds('target_gone').length > 0);
          expect(w.values).toEqual({});
          expect(w.targets.all()[0]?.goneSince).not.toBeNull();
          const second = await programs.start('idle.pl');
          writeFileSync(path, `${second.pid}\n`);
          await w.until('restarted', () => w.kinds('restart').length > 0);
          expect(w.kinds('restart')[0]?.data).toMatchObject({ pid: second.pid, previousPid: first.pid, reason: 'replaced' });
          expect(w.value('app memory.private')).toBeGreaterThan(0);
          expect(w.value('app cpu')).toBeDefined(); // a process that has just started has a first value at once
          expect(w.series.size).toBeLessThanOrEqual(series + 1);
          expect(w.targets.all()[0]?.goneSince).toBeNull();
        });
      } finally {
        rmSync(folder, { recursive: true });
      }
    }));

  test('exec in place is a restart of the same process', () =>
    withPrograms(async (programs) => {
      const app = await programs.start('idle.pl', ['first-program']);
      await watching(new Watch([target(`app=${app.pid}`)]), async (w) => {
        await w.until('old enough to tell it from a start script', () => w.value('app process.uptime')! > 2.1);
        app.kill('SIGUSR1');
        await w.until('restarted', () => w.kinds('restart').length > 0);
        expect(w.kinds('restart')[0]?.data).toMatchObject({ pid: app.pid, previousPid: app.pid, reason: 'exec', comm: 'sleep' });
        expect(w.kinds('restart')[0]?.message).toContain('was first-program before');
        await w.until('sampled again', () => w.value('app threads') === 1);
        expect(w.kinds('target_gone')).toEqual([]);
      });
    }));

  test('a process that only renames itself has not restarted', () =>
    withPrograms(async (programs) => {
      const app = await programs.start('perl', ['-e', '$| = 1; print "ready\n"; <STDIN>; $0 = "renamed"; sleep 60']);
      await watching(new Watch([target(`app=${app.pid}`)]), async (w) => {
        await w.tick();
        app.child.stdin!.write('\n');
        await w.until('renamed', () => readFileSync(`/proc/${app.pid}/comm`, 'utf8') === 'renamed\n');
        w.skip(10);
        await w.tick();
        expect(w.value('app threads')).toBe(1);
        expect(w.events.map(({ kind }) => kind)).toEqual(['target_found']);
      });
    }));

  test('prefork workers that are replaced every few seconds keep their slots', () =>
    withPrograms(async (programs) => {
      const app = await programs.start('prefork.pl', [4, 2]);
      await watching(new Watch([target(`app=${app.pid}`, { children: true })]), async (w) => {
        const members = new Set<string>();
        let seriesAtOnce = 0;
        let cpu = 0;
        let ticks = 0;
        await w.until(
          'eight restarts',
          () => {
            ticks++;
            for (const one of bound(w)) members.add(one.split(':')[0]!);
            const total = w.value('app process.cpu.time{cpu.mode="user"}') ?? cpu;
            expect(total).toBeGreaterThanOrEqual(cpu); // a sum of counters never falls
            cpu = total;
            if (ticks === 5) seriesAtOnce = w.series.size;
            return w.kinds('restart').length >= 8;
          },
          40,
          0.5,
        );
        expect([...members].toSorted()).toEqual(['1', '2', '3', '4', '5']);
        expect(bound(w)[0]).toBe(`1:${app.pid}`);
        expect(w.series.size).toBeLessThan(seriesAtOnce * 1.2); // recycled workers make no new series
        const restarts = w.kinds('restart');
        expect(restarts.every(({ data }) => data['pid'] !== data['previousPid'] && data['reason'] === 'replaced')).toBe(true);
        expect(new Set(restarts.map(({ member }) => member))).toEqual(new Set(['2', '3', '4', '5']));
        expect(w.kinds('target_gone')).toEqual([]);
      });
    }));

  test('a child is found at the next wake-up, when it is a second old', () =>
    withPrograms(async (programs) => {
      const script = '$| = 1; print "ready\n"; <STDIN>; unless (fork) { sleep 60 } sleep 60';
      const app = await programs.start('perl', ['-e', script]);
      await watching(new Watch([target(`app=${app.pid}`, { children: true })]), async (w) => {
        await w.tick();
        expect(bound(w)).toEqual([`1:${app.pid}`]);
        app.child.stdin!.write('\n');
        await w.until('child', () => bound(w).length === 2);
        expect(w.kinds('member_start').at(-1)?.member).toBe('2');
      });
    }));
});

describe('starting', () => {
  test('exec: is started, watched, and its end and exit code are told', async () => {
    await watching(new Watch([target(`app=exec:perl -e 'sleep 1; exit 3'`)]), async (w) => {
      await w.tick();
      expect(w.targets.all()[0]?.procs[0]?.comm).toMatch(/^(perl|sh)$/);
      await w.until('gone', () => w.kinds('target_gone').length > 0);
      await w.tick();
      expect(w.kinds('target_gone')[0]).toMatchObject({
        data: { exitCode: 3, signal: null },
        message: expect.stringMatching(/ended with exit code 3$/) as string,
      });
      expect(w.kinds('restart')).toEqual([]); // that the shell became perl is no restart
    });
  });

  test.each([
    ['neither wants to', '$SIG{TERM} = "IGNORE"; fork; sleep 60 while 1'],
    ['the child does not want to', 'if (fork == 0) { $SIG{TERM} = "IGNORE" } sleep 60 while 1'],
  ])('what it has started ends with the run, with its children, though %s', async (_, script) => {
    const w = new Watch([target(`app=exec:perl -e '${script}'`, { children: true })]);
    let pids: number[] = [];
    await watching(w, async () => {
      await w.until('both', () => w.targets.all()[0]!.procs.length === 2);
      pids = w.targets.all()[0]!.procs.map(({ pid }) => pid);
      expect(pids.every(isAlive)).toBe(true);
    });
    for (let i = 0; i < 50 && pids.some(isAlive); i++) await w.clock.sleepUntil(w.clock.monotonic() + 0.1);
    expect(pids.some(isAlive)).toBe(false);
  });

  test('it is told to end before it is killed, and has time for it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'soak-exec-'));
    try {
      const script = `$SIG{TERM} = sub { sleep 1; open my $f, ">", "${folder}/ended"; exit }; $0 = "ready"; sleep 60`;
      await watching(new Watch([target(`app=exec:perl -e '${script}'`)]), async (w) => {
        await w.tick();
        const pid = w.targets.all()[0]!.procs[0]!.pid;
        await w.until('ready', () => readFileSync(`/proc/${pid}/comm`, 'utf8') === 'ready\n');
      });
      expect(existsSync(join(folder, 'ended'))).toBe(true);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('a program that cannot be started is a problem with the target', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'soak-exec-'));
    try {
      const w = new Watch([target(`app=exec:${folder}`)]);
      await expect(w.open()).rejects.toThrow(/^target app: the program cannot be started/);
      await w.close();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
