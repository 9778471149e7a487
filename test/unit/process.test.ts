/** The process source on a recorded /proc: every figure against what the files say, and everything that can be missing. */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { STATES } from '../../src/sources/process-metrics.ts';
import { processSource } from '../../src/sources/process.ts';
import type { TargetSpec } from '../../src/targets.ts';
import { Tree } from '../fixtures/proc/tree.ts';
import { target, Watch, type WatchOptions, watching } from '../watch.ts';

let tree: Tree;
beforeEach(() => {
  tree = new Tree();
  tree.edit('uptime', () => '9000.00 1.00\n'); // so that nobody has just started
});
afterEach(() => tree.dispose());

function watch(specs: readonly TargetSpec[], options: WatchOptions = {}): Watch {
  return new Watch(specs, { proc: tree.path, ...options });
}

const keyed = (file: string, key: string): number => Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(tree.read(file))?.[1]);
const tasks = (pid: number): string[] => readdirSync(`${tree.path}/${pid}/task`);
const field = (pid: number, n: number): number =>
  Number(
    tree
      .read(`${pid}/stat`)
      .replace(/^.*\) /s, '')
      .split(' ')[n - 3],
  );

/** Open descriptors: recorded ones, or our own. */
function descriptors(pid: number | 'self'): number {
  return readdirSync(pid === 'self' ? '/proc/self/fd' : `${tree.path}/${pid}/fd`).length;
}

function states(role: string, state: string): Record<string, number> {
  return Object.fromEntries(STATES.map((name) => [`${role} soak.process.state{soak.process.state="${name}"}`, name === state ? 1 : 0]));
}

describe('what is read of a process', () => {
  test('every figure, in base units', async () => {
    await watching(watch([target('app=1007')]), async (w) => {
      await w.tick();
      const kb = (key: string): number => keyed('1007/status', key) * 1024;
      const sum = (key: string): number => tasks(1007).reduce((all, task) => all + keyed(`1007/task/${task}/status`, key), 0);
      const resident = (kind: string): string => `app soak.process.memory.resident{soak.memory.kind="${kind}"}`;
      expect(w.values).toEqual({
        'app process.cpu.time{cpu.mode="user"}': field(1007, 14) / 100,
        'app process.cpu.time{cpu.mode="system"}': field(1007, 15) / 100,
        'app soak.process.children.cpu.time{cpu.mode="user"}': 0,
        'app soak.process.children.cpu.time{cpu.mode="system"}': 0,
        'app memory.rss': kb('VmRSS'),
        'app process.memory.virtual': field(1007, 23),
        'app memory.private': kb('RssAnon') + kb('VmSwap'),
        [resident('anonymous')]: kb('RssAnon'),
        [resident('file')]: kb('RssFile'),
        [resident('shmem')]: kb('RssShmem'),
        'app memory.swap': kb('VmSwap'),
        'app soak.process.memory.peak': kb('VmHWM'),
        'app threads': 7,
        'app process.paging.faults{process.paging.fault_type="minor"}': field(1007, 10),
        'app process.paging.faults{process.paging.fault_type="major"}': field(1007, 12),
        'app process.disk.io{disk.io.direction="read"}': keyed('1007/io', 'read_bytes'),
        'app process.disk.io{disk.io.direction="write"}': keyed('1007/io', 'write_bytes'),
        'app process.uptime': Number(tree.read('uptime').split(' ')[0]) - field(1007, 22) / 100,
        'app fds': expect.any(Number) as number,
        'app soak.process.file_descriptor.limit': 20_000,
        'app fds.utilization': w.value('app fds')! / 20_000,
        'app children': 0,
        'app zombies': 0,
        'app process.context_switches{process.context_switch.type="voluntary"}': sum('voluntary_ctxt_switches'),
        'app process.context_switches{process.context_switch.type="involuntary"}': sum('nonvoluntary_ctxt_switches'),
        ...states('app', 'sleeping'),
      });
      expect(w.value('app fds')).toBe(descriptors(1007));
      expect(w.kinds('blind')).toEqual([]);
    });
  });

  test.each([
    [1002, 'a) S 1 (b'],
    [1003, 'x\ny z'],
  ])('process %s, which calls itself %j, is read like any other', async (pid, comm) => {
    await watching(watch([target(`app=${pid}`)]), async (w) => {
      await w.tick();
      expect(w.targets.all()[0]?.procs).toEqual([{ pid, startTime: field(pid, 22), comm, member: null }]);
      expect(w.value('app threads')).toBe(1);
      expect(w.value('app memory.rss')).toBe(keyed(`${pid}/status`, 'VmRSS') * 1024);
      expect(w.events[0]?.message).not.toContain('\n');
    });
  });

  test('cores used are those since the read before: the first read of an old process has none', async () => {
    await watching(watch([target('app=1001')]), async (w) => {
      await w.tick();
      expect(w.value('app cpu')).toBeUndefined();
      const from = w.sink.now();
      tree.setStat(1001, 14, field(1001, 14) + 150);
      tree.setStat(1001, 15, field(1001, 15) + 50);
      w.skip(1);
      await w.tick();
      const seconds = w.sink.now() - from;
      expect(w.value('app cpu')).toBeGreaterThan(2 / seconds - 0.1);
      expect(w.value('app cpu')).toBeLessThan(2.02);
    });
  });

  test('a process that has just started has used what it has since then', async () => {
    tree.edit('uptime', () => `${field(1001, 22) / 100 + 4}.00 1.00\n`.replace(/(\.\d\d)\d*\.00/, '$1'));
    tree.setStat(1001, 14, 200);
    await watching(watch([target('app=1001')]), async (w) => {
      await w.tick();
      expect(w.value('app cpu')).toBeCloseTo((2 + field(1001, 15) / 100) / 4, 2);
    });
  });

  test('zombies and children are counted, deleted files only on request', async () => {
    tree.edit('1001/task/1001/children', () => '1002 ');
    await watching(watch([target('app=1004'), target('other=1001')], { deletedDescriptors: true }), async (w) => {
      await w.tick();
      expect(w.value('app children')).toBe(1);
      expect(w.value('app zombies')).toBe(1);
      expect(w.value('other children')).toBe(1); // which is alive
      expect(w.value('other zombies')).toBe(0);
      expect(w.value('other fds.deleted')).toBe(1); // the memfd, which never had a name, is not one
    });
    await watching(watch([target('other=1001')]), async (w) => {
      await w.tick();
      expect(w.value('other fds.deleted')).toBeUndefined();
    });
  });

  test('a stopped process is sampled, and its state is told', async () => {
    await watching(watch([target('app=1006')]), async (w) => {
      await w.tick();
      expect(w.values).toMatchObject(states('app', 'stopped'));
      expect(w.value('app memory.rss')).toBeGreaterThan(0);
    });
  });

  test('slow figures come every tenth tick, spread over the processes', async () => {
    await watching(watch([target('app=1001')]), async (w) => {
      const ticks: number[] = [];
      for (let i = 0; i < 25; i++) {
        tree.edit('uptime', () => `${9000 + i}.00 1.00\n`);
        await w.tick();
        if (w.value('app zombies') === undefined) continue;
        ticks.push(i);
        expect(w.value('app process.uptime')).toBeCloseTo(9000 + i - field(1001, 22) / 100, 6);
      }
      expect(ticks).toEqual([0, 1, 11, 21]); // the first, and then where pid 1001 has its turn
    });
  });
});

describe('memory between two reads of everything', () => {
  const PAGE = 4096;
  const AREA = '/dev/sda2 partition 1048572 0 -2\n';
  const write = (file: string, text: string): void => writeFileSync(`${tree.path}/${file}`, text);
  const memory = (w: Watch): unknown => ['rss', 'private'].map((name) => w.value(`app memory.${name}`));

  beforeEach(() => {
    write('swaps', 'Filename Type Size Used Priority\n');
    write('1001/statm', '5000 300 100 1 0 500 0\n');
  });

  test('is that of statm where nothing can be swapped out', async () => {
    await watching(watch([target('app=1001')]), async (w) => {
      const status = ['VmRSS', 'RssAnon'].map((key) => keyed('1001/status', key) * 1024);
      const seen: unknown[] = [];
      for (let i = 0; i < 12; i++) {
        await w.tick();
        seen.push(memory(w));
      }
      // Everything is read at the first tick, and then where pid 1001 has its turn.
      expect(seen).toEqual(Array.from(seen, (_, i) => (i % 10 === 1 || i === 0 ? status : [300 * PAGE, 200 * PAGE])));
    });
  });

  test.each<[string, () => void]>([
    ['there is swap', () => tree.edit('swaps', (text) => text + AREA)],
    ['it is not known whether there is swap', () => tree.remove('swaps')],
    ['the process is swapped out in part', () => tree.edit('1001/status', (text) => text.replace(/^VmSwap:.*$/m, 'VmSwap:\t      12 kB'))],
    ['status does not tell all kinds', () => tree.edit('1001/status', (text) => text.replace(/^RssShmem.*\n/m, ''))],
  ])('is that of status where %s', async (_, change) => {
    change();
    await watching(watch([target('app=1001')]), async (w) => {
      for (let i = 0; i < 6; i++) {
        await w.tick();
        const [rss, anonymous, swap] = ['VmRSS', 'RssAnon', 'VmSwap'].map((key) => keyed('1001/status', key) * 1024);
        expect(memory(w)).toEqual([rss, anonymous! + swap!]);
      }
    });
  });

  test('swap that is turned on is seen at once', async () => {
    await watching(watch([target('app=1001')]), async (w) => {
      for (let i = 0; i < 4; i++) await w.tick();
      expect(memory(w)).toEqual([300 * PAGE, 200 * PAGE]);
      tree.edit('swaps', (text) => text + AREA);
      tree.edit('1001/status', (text) => text.replace(/^VmSwap:.*$/m, 'VmSwap:\t      12 kB'));
      await w.tick();
      expect(w.value('app memory.private')).toBe((keyed('1001/status', 'RssAnon') + 12) * 1024);
    });
  });

  test('a process that has given it back is ending', async () => {
    await watching(watch([target('app=1001')]), async (w) => {
      for (let i = 0; i < 3; i++) await w.tick();
      write('1001/statm', '0 0 0 0 0 0 0\n');
      await w.tick();
      expect(w.values).toEqual({});
      expect(w.targets.stale).toBe(false);
    });
  });
});

describe('what cannot be read is absent, never zero, and told once with what would mend it', () => {
  const blind = (w: Watch): [unknown, string][] => w.kinds('blind').map(({ data, message }) => [data['metric'], message]);

  test.each<[string, (tree: Tree) => void, string[], string, RegExp]>([
    [
      'no I/O accounting',
      (t) => t.remove('1001/io'),
      ['app process.disk.io{disk.io.direction="read"}', 'app process.disk.io{disk.io.direction="write"}'],
      'process.disk.io',
      /TASK_IO_ACCOUNTING/,
    ],
    [
      'an io file cut in the middle of a number',
      (t) => t.edit('1001/io', (text) => text.slice(0, text.indexOf('read_bytes:') + 13)),
      ['app process.disk.io{disk.io.direction="read"}', 'app process.disk.io{disk.io.direction="write"}'],
      'process.disk.io',
      /storage/,
    ],
    [
      'a kernel that does not split resident memory',
      (t) => t.edit('1001/status', (text) => text.replaceAll(/^Rss.*\n/gm, '')),
      ['app memory.private', 'app soak.process.memory.resident{soak.memory.kind="anonymous"}'],
      'soak.process.memory.private',
      /Linux 4\.5/,
    ],
    [
      'no list of children',
      (t) => t.remove('1001/task/1001/children'),
      ['app children', 'app zombies'],
      'soak.process.zombie.count',
      /CONFIG_PROC_CHILDREN/,
    ],
    [
      'no limits',
      (t) => t.remove('1001/limits'),
      ['app soak.process.file_descriptor.limit', 'app fds.utilization'],
      'soak.process.file_descriptor.limit',
      /does not say/,
    ],
    [
      'no context switches',
      (t) => ['1001/status', '1001/task/1001/status'].forEach((file) => t.edit(file, (text) => text.replaceAll(/^.*ctxt.*\n/gm, ''))),
      ['app process.context_switches{process.context_switch.type="voluntary"}'],
      'process.context_switches',
      /does not count/,
    ],
    [
      'no list of descriptors',
      (t) => t.remove('1001/fd'),
      ['app fds', 'app fds.utilization'],
      'process.unix.file_descriptor.count',
      /Linux 6\.2/,
    ],
  ])('%s', async (_, change, absent, metric, reason) => {
    change(tree);
    await watching(watch([target('app=1001')]), async (w) => {
      const ever = new Set<string>();
      for (let i = 0; i < 12; i++) {
        await w.tick();
        for (const label of Object.keys(w.values)) ever.add(label);
      }
      expect(blind(w).filter(([name]) => name === metric)).toEqual([[metric, expect.stringMatching(reason) as string]]);
      for (const label of absent) expect(ever).not.toContain(label);
      expect(w.value('app threads')).toBe(1); // the rest goes on
    });
  });

  test('no limit is no share of it', async () => {
    tree.edit('1001/limits', (text) => text.replace(/^(Max open files +)\d+ {5}/m, '$1unlimited '));
    await watching(watch([target('app=1001')]), async (w) => {
      await w.tick();
      expect(w.value('app soak.process.file_descriptor.limit')).toBeUndefined();
      expect(w.value('app fds.utilization')).toBeUndefined();
      expect(w.value('app fds')).toBe(descriptors(1001));
    });
  });
});

test('another limit of descriptors is seen within a minute', async () => {
  await watching(watch([target('app=1001')]), async (w) => {
    await w.tick();
    tree.edit('1001/limits', (text) => text.replace(/^(Max open files +)\d+ /m, '$17777 '));
    const seen = new Set<number | undefined>();
    for (let i = 0; i < 60; i++) {
      await w.tick();
      seen.add(w.value('app soak.process.file_descriptor.limit'));
    }
    expect(seen).toContain(7777);
  });
});

describe('a process that ends', () => {
  test.each<[string, (tree: Tree) => void]>([
    ['becomes a zombie', (t) => t.setStat(1001, 3, 'Z')],
    ['has its pid given to another', (t) => t.setStat(1001, 22, 999_999)],
    ['vanishes', (t) => t.remove(1001)],
    ['vanishes in the middle of a read', (t) => t.remove('1001/status')],
  ])('%s: nothing is set, and selection is asked to look again', async (_, change) => {
    // Kept descriptors of plain files outlive them; those of a real /proc say ESRCH, which the real-process tests show.
    await watching(watch([target('app=1001')], { descriptorsKept: 0 }), async (w) => {
      await w.tick();
      expect(w.targets.stale).toBe(false);
      change(tree);
      const source = processSource(w.ctx, { period: 1, descriptorsKept: 0 });
      await source.open(w.sink);
      await source.read(w.sink, new AbortController().signal);
      expect(w.targets.stale).toBe(true);
      await source.close();
      await w.tick();
      expect(Object.keys(w.values).filter((label) => label.startsWith('app'))).toEqual([]);
    });
  });

  test('gives back its memory first: what is read then is not set, and it is not taken for ended', async () => {
    await watching(watch([target('app=1001')]), async (w) => {
      await w.tick();
      tree.edit('1001/status', (text) => text.replaceAll(/^(Vm|Rss).*\n/gm, ''));
      tree.setStat(1001, 20, 0);
      await w.tick();
      expect(w.values).toEqual({});
      expect(w.targets.stale).toBe(false);
    });
  });

  test('a file that opens but cannot be read leaves no descriptor behind', async () => {
    tree.remove('1001/io');
    mkdirSync(`${tree.path}/1001/io`);
    const open = descriptors('self');
    const w = watch([target('app=1001')]);
    await w.open();
    for (let i = 0; i < 3; i++) await w.tick();
    await w.close();
    expect(descriptors('self')).toBe(open);
    expect(w.kinds('blind').map(({ message }) => message)).toEqual([expect.stringContaining('(EISDIR)')]);
  });

  test('descriptors are given back', async () => {
    writeFileSync(`${tree.path}/swaps`, 'Filename Type Size Used Priority\n');
    const open = descriptors('self');
    const w = watch([target('app=1001'), target('b=1002'), target('c=1003')]);
    await w.open();
    await w.tick();
    expect(descriptors('self')).toBeGreaterThan(open);
    tree.setStat(1001, 3, 'Z');
    await w.tick();
    await w.close();
    expect(descriptors('self')).toBe(open);
  });
});

describe('several processes', () => {
  const many = (pids: number[]): TargetSpec => {
    pids.forEach((pid) => tree.edit(`${pid}/cmdline`, () => 'worker\0'));
    return target('app=cmd:^worker$', { many: true });
  };
  const cpu = 'process.cpu.time{cpu.mode="user"}';

  test('each has its slot; only what may be added up has a total', async () => {
    await watching(watch([many([1001, 1002, 1007])]), async (w) => {
      await w.tick();
      expect(w.value('app threads')).toBe(9);
      expect([1, 2, 3].map((slot) => w.value(`app/${slot} threads`))).toEqual([1, 1, 7]);
      expect(w.value('app fds')).toBe(descriptors(1001) + descriptors(1002) + descriptors(1007));
      const totals = Object.keys(w.values).filter((label) => label.startsWith('app '));
      expect(totals.filter((label) => /memory|uptime|limit|utilization/.test(label))).toEqual([]);
      expect(w.value('app/1 memory.private')).toBeGreaterThan(0);
      expect(w.values).toMatchObject({ 'app soak.process.state{soak.process.state="sleeping"}': 3 });
    });
  });

  test('a total of counters keeps what those that ended had used', async () => {
    tree.setStat(1001, 14, 700);
    tree.setStat(1002, 14, 300);
    await watching(watch([many([1001, 1002])]), async (w) => {
      await w.tick();
      expect(w.value(`app ${cpu}`)).toBe(10);
      tree.setStat(1001, 3, 'Z');
      await w.tick();
      expect(w.value(`app ${cpu}`)).toBe(10);
      expect(w.value('app threads')).toBe(1);
      tree.setStat(1002, 14, 350);
      await w.tick(); // selection has let go of it
      expect(w.value(`app ${cpu}`)).toBe(10.5);
      expect(w.value(`app/1 ${cpu}`)).toBeUndefined();
    });
  });

  test('a total does not fall when one ends, by as little as the order of adding makes', async () => {
    tree.copy(1002, 2003);
    for (const [pid, ticks] of [[1001, 20], [1002, 10], [2003, 30]] as const) tree.setStat(pid, 14, ticks); // prettier-ignore
    await watching(watch([many([1001, 1002, 2003])]), async (w) => {
      await w.tick();
      const before = w.value(`app ${cpu}`)!;
      tree.setStat(2003, 3, 'Z');
      await w.tick();
      await w.tick();
      expect(0.3 + 0.2 + 0.1).toBeLessThan(0.2 + 0.1 + 0.3);
      expect(w.value(`app ${cpu}`)).toBe(before);
    });
  });

  test('a process that calls exec goes on counting, and is not counted twice', async () => {
    tree.setStat(1001, 14, 700);
    tree.setStat(1002, 14, 300);
    await watching(watch([many([1001, 1002])]), async (w) => {
      await w.tick();
      tree.setStat(1001, 28, 140_000_000_000_000); // another stack: another program
      await w.tick();
      await w.tick();
      expect(w.kinds('restart')).toHaveLength(1);
      expect(w.value(`app ${cpu}`)).toBe(10);
    });
  });

  test('of a sum of which one part is unknown nothing is said', async () => {
    tree.remove('1002/io');
    await watching(watch([many([1001, 1002])]), async (w) => {
      await w.tick();
      expect(w.value('app process.disk.io{disk.io.direction="read"}')).toBeUndefined();
      expect(w.value('app/1 process.disk.io{disk.io.direction="read"}')).toBeDefined();
      expect(w.value('app threads')).toBe(2);
      tree.edit('1002/status', () => 'Name:\tx\n'); // ending: its figures are not known
      await w.tick();
      expect(w.value('app threads')).toBeUndefined();
    });
  });

  test('those beyond the last slot are added up as other', async () => {
    const pids = Array.from({ length: 34 }, (_, i) => 2001 + i);
    for (const pid of pids) tree.copy(1002, pid);
    await watching(watch([many(pids)]), async (w) => {
      await w.tick();
      expect(w.value('app threads')).toBe(34);
      expect(w.value('app/other threads')).toBe(2);
      expect(w.value('app/other memory.private')).toBe(2 * w.value('app/32 memory.private')!);
      expect(w.value('app/other memory.rss')).toBeUndefined();
      expect(w.kinds('cap').map(({ message }) => message)).toEqual([expect.stringContaining('more than 32 members')]);
      for (const pid of [2033, 2034]) tree.setStat(pid, 3, 'Z');
      await w.tick();
      await w.tick();
      expect(w.value('app/other threads')).toBeUndefined();
    });
  });
});

describe('names in the table', () => {
  test('series have no pid, and none is opened for what is never known', async () => {
    tree.remove('1001/io');
    await watching(watch([target('app=1001')]), async (w) => {
      await w.tick();
      const names = w.series.all().map(({ def, target: role, source }) => `${source} ${role} ${def.name}`);
      expect(names.join('\n')).not.toContain('1001');
      expect(names).not.toContain('process app process.disk.io');
    });
  });
});
