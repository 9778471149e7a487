/** The process source on real processes. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { processSharesSource } from '../../src/sources/process-shares.ts';
import { processSource } from '../../src/sources/process.ts';
import { DescriptorBudget, kernelCountsDescriptors, pageSize, ProcReader } from '../../src/sources/proc-reader.ts';
import { selectionSource } from '../../src/sources/selection.ts';
import { withOwnPids } from '../ownpids.ts';
import { withPrograms } from '../programs.ts';
import { target, Watch, watching } from '../watch.ts';

const isRoot = process.getuid?.() === 0;

describe('one process', () => {
  test('CPU time is what was used, in cores since the last read', () =>
    withPrograms(async (programs) => {
      const busy = await programs.start('perl', ['-e', '$| = 1; print "ready\n"; 1 while 1']);
      await watching(new Watch([target(`app=${busy.pid}`)]), async (w) => {
        // When exactly it is read is within these times.
        const times = [w.sink.now()];
        await w.tick();
        times.push(w.sink.now());
        const before = w.value('app process.cpu.time{cpu.mode="user"}')!;
        await w.clock.sleepUntil(w.clock.monotonic() + 1);
        times.push(w.sink.now());
        await w.tick();
        const [most, least] = [w.sink.now() - times[0]!, times[2]! - times[1]!];
        const used = w.value('app process.cpu.time{cpu.mode="user"}')! - before;
        const system = w.value('app process.cpu.time{cpu.mode="system"}')!;
        expect(used).toBeGreaterThan(0);
        expect(used).toBeLessThan(most + 0.05);
        expect(w.value('app cpu')! * most).toBeGreaterThan(used - 0.05);
        expect(w.value('app cpu')! * least).toBeLessThan(used + system + 0.05);
      });
    }));

  test('10,000 descriptors are counted at every tick, and so is that they were closed', () =>
    withPrograms(async (programs) => {
      const app = await programs.start('descriptors.mjs', [10_000]);
      await watching(new Watch([target(`app=${app.pid}`)]), async (w) => {
        await w.tick();
        const open = w.value('app fds')!;
        expect(open).toBe(readdirSync(`/proc/${app.pid}/fd`).length);
        expect(open).toBeGreaterThan(10_000);
        expect(w.value('app fds.utilization')).toBeCloseTo(open / w.value('app soak.process.file_descriptor.limit')!, 9);
        app.child.stdin!.write('\n');
        await w.until('closed', () => w.value('app fds') === open - 9990);
      });
    }));

  test('memory is the same by statm as by status', () =>
    withPrograms(async (programs) => {
      const app = await programs.start('idle.pl');
      const stat = readFileSync(`/proc/${app.pid}/stat`, 'latin1');
      const startTime = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
      app.kill('SIGSTOP');
      const reader = new ProcReader('/proc', { pid: app.pid, startTime }, new DescriptorBudget(), true);
      try {
        expect(reader.read(NaN)).toBe('ok');
        const whole = { ...reader.status };
        reader.status.rss = reader.status.anonymous = 0;
        reader.status.swap = 0; // also where the machine has swapped some of it out
        expect(reader.read(pageSize())).toBe('ok');
        expect({ ...reader.status, swap: whole.swap }).toEqual(whole);
      } finally {
        reader.close();
      }
    }));

  test('a stopped process is sampled like any other', () =>
    withPrograms(async (programs) => {
      const app = await programs.start('idle.pl');
      await watching(new Watch([target(`app=${app.pid}`)]), async (w) => {
        app.kill('SIGSTOP');
        await w.until('stopped', () => w.value('app soak.process.state{soak.process.state="stopped"}') === 1);
        expect(w.value('app memory.private')).toBeGreaterThan(100_000);
        expect(w.value('app fds')).toBeGreaterThan(2);
        expect(w.kinds('target_gone')).toEqual([]);
        app.kill('SIGCONT');
        await w.until('going on', () => w.value('app soak.process.state{soak.process.state="sleeping"}') === 1);
      });
    }));

  test('a killed process leaves no zero behind, though nobody has waited for it', () =>
    withPrograms(async (programs) => {
      // The parent sleeps: its killed child stays a zombie.
      const parent = await programs.start('idle.pl', ['parent', 'child']);
      const [child] = readFileSync(`/proc/${parent.pid}/task/${parent.pid}/children`, 'utf8').split(' ').map(Number);
      await watching(new Watch([target(`app=${child}`), target(`parent=${parent.pid}`)]), async (w) => {
        await w.tick();
        expect(w.value('app memory.private')).toBeGreaterThan(0);
        process.kill(child!, 'SIGKILL');
        const zeros: string[] = [];
        await w.until('gone', () => {
          zeros.push(
            ...Object.keys(w.values).filter(
              (label) => /^app (memory|fds|threads)/.test(label) && !(w.value(label)! > 0) && !label.includes('swap'),
            ),
          );
          return w.kinds('target_gone').length > 0;
        });
        expect(readFileSync(`/proc/${child}/stat`, 'utf8')).toContain(') Z ');
        expect(zeros).toEqual([]);
        expect(w.value('app memory.private')).toBeUndefined();
        for (let i = 0; i < 10; i++) await w.tick();
        await w.until('counted', () => w.value('parent zombies') === 1);
      });
    }));

  test('zombies are counted, not watched', () =>
    withPrograms(async (programs) => {
      const app = await programs.start('zombies.pl', [50]);
      await watching(new Watch([target(`app=${app.pid}`, { children: true })]), async (w) => {
        await w.tick();
        expect(w.value('app zombies')).toBe(50);
        expect(w.value('app/1 zombies')).toBe(50);
        expect(w.targets.all()[0]?.procs.length).toBe(1);
      });
    }));
});

describe('many processes', () => {
  test('200 of them, in 33 members, with descriptors kept and given back', () =>
    withPrograms(async (programs) => {
      const mark = `soak-test-${process.pid}`;
      await Promise.all(Array.from({ length: 200 }, () => programs.orphan('idle.pl', [mark])));
      const before = readdirSync('/proc/self/fd').length;
      const w = new Watch([target(`app=cmd:^${mark}$`, { many: true })]);
      await watching(w, async () => {
        await w.tick();
        expect(w.targets.all()[0]?.procs.length).toBe(200);
        expect(w.value('app threads')).toBe(200);
        expect(w.value('app/other threads')).toBe(168);
        expect(w.value('app fds')).toBe(32 * w.value('app/1 fds')! + w.value('app/other fds')!);
        expect(readdirSync('/proc/self/fd').length).toBeGreaterThanOrEqual(before + 4 * 200);
      });
      expect(readdirSync('/proc/self/fd').length).toBe(before);
    }));

  test('the same figures when descriptors may not be kept', () =>
    withPrograms(async (programs) => {
      const app = await programs.start('idle.pl');
      const spec = target(`app=${app.pid}`);
      const values: unknown[] = [];
      const ofMachine = 2; // uptime and swaps
      for (const descriptorsKept of [1000, 0]) {
        const before = readdirSync('/proc/self/fd').length;
        await watching(new Watch([spec], { descriptorsKept }), async (w) => {
          await w.tick();
          expect(readdirSync('/proc/self/fd').length - before).toBe(ofMachine + (descriptorsKept === 0 ? 0 : 4));
          const { 'app process.uptime': _, ...rest } = w.values;
          values.push(rest);
        });
      }
      expect(values[1]).toEqual(values[0]);
    }));

  test('a parent with four forks that share 600 MB takes 600 MB, not 3 GB', () =>
    withPrograms(async (programs) => {
      const MB = 1024 ** 2;
      const app = await programs.start('sharing.pl', [600, 4]);
      const w = new Watch([target(`app=${app.pid}`, { children: true })], {
        sources: (ctx) => [selectionSource(ctx), processSource(ctx, { period: 1 }), processSharesSource(ctx, { when: 'ends' })],
      });
      await watching(w, async () => {
        await w.tick();
        expect(w.value('app memory.proportional')).toBeUndefined(); // not before the tree has settled
        const resident = [1, 2, 3, 4, 5].map((slot) => w.value(`app/${slot} memory.rss`)!);
        expect(resident.reduce((a, b) => a + b)).toBeGreaterThan(3000 * MB);
        expect(Object.keys(w.values).filter((label) => label.startsWith('app memory'))).toEqual([]); // a plain sum is never told
        w.skip(10);
        await w.tick();
        const total = w.value('app memory.proportional')!;
        expect(total).toBeGreaterThan(640 * MB); // 600 shared, 4 x 10 of their own
        expect(total).toBeLessThan(680 * MB);
        const shares = [1, 2, 3, 4, 5].map((slot) => w.value(`app/${slot} memory.proportional`)!);
        expect(shares.reduce((a, b) => a + b)).toBe(total);
        for (const share of shares.slice(1)) expect(share).toBeGreaterThan(125 * MB);
        w.skip(600);
        await w.tick();
        expect(w.value('app memory.proportional')).toBeUndefined(); // once, and then only at the end
      });
    }));

  test('at the end of the run shares are read again; large processes are left alone', () =>
    withPrograms(async (programs) => {
      const small = await programs.start('sharing.pl', [20, 1]);
      const large = await programs.start('sharing.pl', [1100, 0]);
      const specs = [target(`small=${small.pid}`, { children: true }), target(`large=${large.pid}`, { children: true })];
      const w = new Watch(specs, { sources: (ctx) => [selectionSource(ctx), processSharesSource(ctx, { when: 'ends' })] });
      await watching(w, async () => {
        await w.tick();
        expect(w.value('small memory.proportional')).toBeUndefined();
        await w.finish();
        expect(w.value('small memory.proportional')).toBeGreaterThan(30 * 1024 ** 2);
        expect(w.value('large memory.proportional')).toBeUndefined();
        expect(w.kinds('blind').map(({ target: role, data }) => [role, data['reason']])).toEqual([
          ['large', 'reading it would stall a process of more than 1 GB'],
        ]);
      });
    }));
});

/** As uid 65534 without any capability, which is what most agents will be. */
function unprivileged<T>(run: () => T): T {
  process.seteuid!(65_534);
  try {
    return run();
  } finally {
    process.seteuid!(0);
  }
}

describe.runIf(isRoot)('a process of another user', () => {
  test('is read without what only its user may read, and that is told', () =>
    withPrograms(async (programs) => {
      const app = await programs.start('idle.pl');
      const open = readdirSync(`/proc/${app.pid}/fd`).length;
      const w = new Watch([target(`app=${app.pid}`)]);
      const [selection, processes] = unprivileged(() => [selectionSource(w.ctx), processSource(w.ctx, { period: 1 })]);
      await processes.open(w.sink);
      try {
        for (let i = 0; i < 3; i++) {
          w.forget();
          unprivileged(() => void selection.read(w.sink, new AbortController().signal));
          unprivileged(() => void processes.read(w.sink, new AbortController().signal));
        }
        expect(w.value('app memory.private')).toBeGreaterThan(0);
        expect(w.value('app process.disk.io{disk.io.direction="read"}')).toBeUndefined();
        if (kernelCountsDescriptors('/proc')) expect(w.value('app fds')).toBe(open);
        const blind = w.kinds('blind').map(({ data }) => data['metric']);
        expect(blind).toEqual(
          kernelCountsDescriptors('/proc') ? ['process.disk.io'] : ['process.disk.io', 'process.unix.file_descriptor.count'],
        );
        expect(w.kinds('blind')[0]?.message).toContain(
          'only uid 0 may read it; run soak-agent as that user or with CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH',
        );
      } finally {
        await processes.close();
      }
    }));
});

describe.runIf(isRoot)('a process that is not dumpable', () => {
  test('is closed to its own user, too: the advice is a capability, not the user', () =>
    withPrograms(async (programs) => {
      // prctl is system call 157 on x86-64 and 167 on arm64; 4 is PR_SET_DUMPABLE. A program of its own, because exec sets it again.
      const prctl = `syscall(${process.arch === 'arm64' ? 167 : 157}, 4, 0, 0, 0, 0)`;
      const script = `$) = '65534 65534'; $( = 65534; $< = $> = 65534; ${prctl}; $| = 1; print "ready\n"; sleep 600`;
      const app = await programs.start('perl', ['-e', script]);
      const w = new Watch([target(`app=${app.pid}`)]);
      const [selection, processes] = unprivileged(() => [selectionSource(w.ctx), processSource(w.ctx, { period: 1 })]);
      await processes.open(w.sink);
      try {
        unprivileged(() => void selection.read(w.sink, new AbortController().signal));
        unprivileged(() => void processes.read(w.sink, new AbortController().signal));
        expect(w.value('app memory.private')).toBeGreaterThan(0);
        const [blind] = w.kinds('blind');
        expect(blind?.data['metric']).toBe('process.disk.io');
        expect(blind?.data['reason']).toBe(
          'not even uid 65534 may read it, because the process is not dumpable (a set-user-id program, or by prctl); run soak-agent with CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH',
        );
      } finally {
        await processes.close();
      }
    }));
});

/** What `fixtures/pids/watched.ts` prints. */
interface Reused {
  readonly pids: readonly number[];
  /** Before and after. */
  readonly values: readonly Readonly<Record<string, number>>[];
  readonly gone: number;
  readonly since: number | null;
}

describe.runIf(isRoot)('a pid that is given to another process', () => {
  test('is another process, and its figures are not taken for those of the first', () => {
    const { pids, values, gone, since } = withOwnPids('watched.ts') as Reused;
    expect(pids[1]).toBe(pids[0]);
    expect(values[0]!['app threads']).toBe(1);
    expect(values.slice(1)).toEqual([{}, {}]);
    expect(gone).toBe(1);
    expect(since).not.toBeNull();
  });
});
