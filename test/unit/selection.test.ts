/** Selection on a recorded /proc: what each selector means, what is refused and how, and what is bound as processes come and go. */
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SimClock } from '../../src/clock.ts';
import type { Env } from '../../src/config/environment.ts';
import { Problem } from '../../src/problem.ts';
import { argumentsOf, whyNoProgram } from '../../src/sources/selection-exec.ts';
import { PortHolders } from '../../src/sources/selection-port.ts';
import { ProcessTable } from '../../src/sources/selection-table.ts';
import { findTargets, resolveAll, selectionSource } from '../../src/sources/selection.ts';
import { Targets, type TargetSpec } from '../../src/targets.ts';
import { Tree } from '../fixtures/proc/tree.ts';
import { tableText } from '../fixtures/sockets/proc.ts';
import { target, Watch, watching } from '../watch.ts';

let tree: Tree;
beforeEach(() => {
  tree = new Tree();
  tree.edit('uptime', () => '9000.00 1.00\n'); // so that nobody has just started
});
afterEach(() => tree.dispose());

/** Pids that the selector means, or the code and message of what is wrong. */
function resolved(spec: TargetSpec): number[] | string {
  const [resolution] = resolveAll([spec], { proc: tree.path });
  const { found, problem } = resolution!;
  return problem ? `${problem.code} ${problem.detail.place}: ${problem.detail.message}` : found.map(({ pid }) => pid);
}

function watch(specs: readonly TargetSpec[]): Watch {
  return new Watch(specs, { proc: tree.path });
}

const bound = (w: Watch): string[] => w.targets.all().flatMap(({ procs }) => procs.map(({ member, pid }) => `${member ?? '-'}:${pid}`));
const told = (w: Watch): string[] => w.events.map(({ kind, member, data }) => `${kind} ${member ?? '-'} ${data['pid']}`);
const many = { many: true };
const children = { children: true };

describe('what a selector means', () => {
  test.each<[string, Parameters<typeof target>[1], number[]]>([
    ['1001', {}, [1001]],
    ['1006', {}, [1006]], // stopped, but alive
    ['name:a) S 1 (b', {}, [1002]],
    ['name:x\ny z', {}, [1003]],
    ['name:perl', many, [1001, 1004, 1006]], // not 1005, a zombie
    ['name:node', many, [1000, 1007]], // which the kernel calls MainThread
    ['name:MainThread', many, [1000, 1007]],
    ['cmd:^perl -e .*kill "STOP"', {}, [1006]],
    ['cmd:setInterval', {}, [1007]],
    ['port:18080', {}, [1000]],
    ['cgroup:/system.slice/api.service', many, [1000, 1001, 1002, 1003, 1004, 1006, 1007]],
    ['cgroup:/system.slice', children, [1000, 1001, 1002, 1003, 1004, 1006, 1007]],
    ['cgroup:api.service', many, [1000, 1001, 1002, 1003, 1004, 1006, 1007]],
    ['exec:sleep 1', {}, []],
  ])('%s', (text, flags, pids) => {
    expect(resolved(target(text, flags))).toEqual(pids);
  });

  test('a container by its id or part of it', () => {
    const id = '0123456789abcdef'.repeat(4);
    tree.edit('1001/cgroup', () => `0::/../docker-${id}.scope\n`);
    tree.edit('1002/cgroup', () => `4:memory:/docker/${id}/init\n0::/\n`);
    expect(resolved(target(`cgroup:${id}`, many))).toEqual([1001, 1002]);
    expect(resolved(target(`cgroup:${id.slice(0, 12)}`, many))).toEqual([1001, 1002]);
    expect(resolved(target('cgroup:/docker'))).toEqual([1002]);
    expect(resolved(target('cgroup:/system.slic'))).toContain('NO_TARGET');
  });

  test('a pidfile', () => {
    const path = join(tree.path, 'app.pid');
    expect(resolved(target(`pidfile:${path}`))).toBe(`NO_TARGET target app: there is no file ${path}`);
    const reading = (text: string): number[] | string => {
      writeFileSync(path, text);
      return resolved(target(`pidfile:${path}`));
    };
    expect(reading(' 1001\n')).toEqual([1001]);
    expect(reading('1001')).toEqual([1001]);
    expect(reading('1001 started by hand\n')).toEqual([1001]);
    expect(reading('')).toContain('does not begin with a pid');
    expect(reading('10x')).toContain('does not begin with a pid');
    expect(reading('4711\n')).toContain('names 4711: there is no process 4711');
    expect(resolved(target(`pidfile:${tree.path}`))).toContain('cannot be read (EISDIR)');
  });
});

describe('what is refused', () => {
  test.each<[string, string]>([
    ['4711', 'NO_TARGET target app: there is no process 4711'],
    ['2', 'KERNEL_THREAD target app: process 2 (kthreadd) is a thread of the kernel'],
    ['name:kthreadd', 'KERNEL_THREAD target app: only threads of the kernel match'],
    ['1005', 'NO_TARGET target app: process 1005 (perl) has ended and waits for its parent'],
    ['name:nobody', 'NO_TARGET target app: no process is called nobody'],
    ['cmd:nobody', 'NO_TARGET target app: no command line matches'],
    ['port:18081', 'NO_TARGET target app: nothing listens on TCP port 18081'],
    ['cgroup:/nobody', 'NO_TARGET target app: no process is in the cgroup /nobody'],
    ['exec:/no/such/program --x', 'NO_TARGET target app: there is no program /no/such/program to start'],
    [
      'api=name:node',
      'MANY_TARGETS target api: 2 processes match: 1000 (node), 1007 (node); --many watches all of them, --children watches the tree of 1000 (node)',
    ],
  ])('%s: %s', (text, message) => {
    expect(resolved(target(text))).toContain(message);
  });

  test('a program that is there and may not be executed', () => {
    const path = join(tree.path, 'nox');
    writeFileSync(path, '', { mode: 0o644 });
    expect(resolved(target(`exec:${path} --x`))).toBe(`NO_TARGET target app: ${path} is not executable: chmod +x, or name its interpreter`);
    expect(resolved(target(`exec:${tree.path}`))).toContain(`there is no program ${tree.path} to start`);
  });

  test('the thread of a process, which has a folder of its own', () => {
    tree.copy(1002, 1010);
    tree.edit('1010/status', (text) => text.replace(/^Tgid:\t1010$/m, 'Tgid:\t1002'));
    expect(resolved(target('1010'))).toContain('1010 is a thread of process 1002');
  });

  test('a name that holds escape codes is printed without them', () => {
    tree.edit('1002/stat', (text) => text.replace('a) S 1 (b', '\u001b[31mred'));
    tree.edit('1003/stat', (text) => text.replace('x\ny z', '\u001b[31mred'));
    expect(resolved(target('name:\u001b[31mred'))).toContain('1002 (?[31mred), 1003 (?[31mred)');
  });

  test('a socket whose owner may not be seen', () => {
    tree.remove('1000/fd');
    writeFileSync(join(tree.path, '1000/fd'), ''); // cannot be listed
    expect(resolved(target('port:18080'))).toMatch(/^HIDDEN_TARGET .*CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH/);
  });

  test('a /proc that is none', () => {
    expect(() => resolveAll([target('1001')], { proc: '/no/such/folder' })).toThrow('--proc: there are no processes in /no/such/folder');
  });

  test('everything that is wrong is said at once', async () => {
    const targets = new Targets([target('a=4711'), target('b=1001'), target('c=name:node'), target('d=2')]);
    const failed = await findTargets(targets, { wait: 0, roots: { proc: tree.path } }, new SimClock()).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(Problem);
    expect((failed as Problem).exitCode).toBe(64);
    expect((failed as Problem).details.map(({ place }) => place)).toEqual(['target a', 'target c', 'target d']);
  });

  test('what is not there comes with what would be right, each advice once', async () => {
    const said = async (texts: readonly string[], wait: number, env: Env = {}): Promise<string[]> => {
      const targets = new Targets(texts.map((text) => target(text)));
      const found = findTargets(targets, { wait, roots: { proc: tree.path }, env }, new SimClock());
      const problem = (await found.catch((error: unknown) => error)) as Problem;
      const told = problem.details.map(({ message }) => message.replace(/^[^;]*/, ''));
      // The machine of the tests may be a container itself.
      return Object.keys(env).length > 0 ? told : told.map((message) => message.replace(/; processes of other containers .*/, ''));
    };
    const start = '; start it first, or --wait 2m waits for it';
    const restarts = '; name:, port: or pidfile: follow a program through restarts';
    for (const one of ['name:nobody', 'cmd:nobody', 'port:1', 'pidfile:/nonesuch', 'cgroup:/nobody'])
      expect(await said([one], 0)).toEqual([start]);
    expect(await said(['4711'], 0)).toEqual([restarts]);
    expect(await said(['a=port:1', 'b=4711', 'c=port:2', 'd=name:node'], 0)).toEqual([
      start,
      restarts,
      '',
      expect.stringContaining('--many'),
    ]);
    expect(await said(['port:1'], 90)).toEqual(['; waited 1m30s for it']);
    expect(await said(['4711'], 90)).toEqual([`; waited 1m30s for it${restarts}`]);
    expect(await said(['exec:/no/such/program'], 0, { KUBERNETES_SERVICE_HOST: 'x' })).toEqual(['']);
    expect(await said(['port:1'], 0, { KUBERNETES_SERVICE_HOST: 'x' })).toEqual([
      expect.stringMatching(/^; start it .*; processes of .* shareProcessNamespace: true/),
    ]);
    expect(await said(['port:1'], 0, { container: 'podman' })).toEqual([expect.stringContaining('--pid=container:NAME')]);
  });

  test('what may still come is waited for, what is ambiguous is not', async () => {
    const clock = new SimClock();
    const from = clock.monotonic();
    const find = (spec: TargetSpec): Promise<readonly string[]> =>
      findTargets(new Targets([spec]), { wait: 30, roots: { proc: tree.path } }, clock);
    await expect(find(target('name:nobody'))).rejects.toThrow('no process is called nobody');
    expect(clock.monotonic() - from).toBe(30);
    await expect(find(target('name:node'))).rejects.toThrow('2 processes match');
    await find(target('1001'));
    expect(clock.monotonic() - from).toBe(30);
  });
});

describe('the agent itself and what it has started', () => {
  beforeEach(() => tree.setSelf(1000)); // all others are its children

  test.each(['name:perl', 'name:node', 'cmd:.', 'port:18080', 'cgroup:api.service'])('are not found by %s', (text) => {
    expect(resolved(target(text, many))).toMatch(/^NO_TARGET .*soak-agent itself/);
  });

  test('are found when named by pid', () => {
    expect(resolved(target('1001'))).toEqual([1001]);
  });

  test('whoever started the agent has its arguments, which is no match; another of the same program is', () => {
    tree.setSelf(1001);
    tree.copy(1000, 1020);
    for (const pid of [1000, 1020]) tree.edit(`${pid}/cmdline`, () => 'npx\0soak-agent\0--target\0cmd:srv/api\0');
    expect(resolved(target('cmd:srv/api'))).toEqual([1020]);
    tree.edit('1020/cmdline', () => 'node\0srv/api\0');
    tree.edit('1000/cmdline', () => 'sh\0-c\0soak-agent --target cmd:srv/api\0');
    expect(resolved(target('cmd:srv/api'))).toEqual([1020]);
  });
});

test('one process as two targets is told, and a process in the tree of another is not', async () => {
  const find = (...specs: TargetSpec[]): Promise<readonly string[]> =>
    findTargets(new Targets(specs), { wait: 0, roots: { proc: tree.path } }, new SimClock());
  expect(await find(target('a=1001'), target('b=name:perl', many), target('c=1000'), target('d=1001', children))).toEqual([
    'a and b are the same process 1001: it is watched and judged twice',
  ]);
  expect(await find(target('a=1001'), target('c=1000'))).toEqual([]);
});

describe('port', () => {
  test('only sockets that listen count, on any address, in both families', () => {
    tree.edit('net/tcp', (text) => text.replaceAll(' 0A ', ' 01 '));
    tree.edit('net/tcp6', () => tableText([]));
    expect(resolved(target('port:18080'))).toMatch(/^NO_TARGET .*nothing listens on TCP port 18080/);
    tree.edit('net/tcp6', () => tableText([{ local: ['127.0.0.1', 18080], state: 10, inode: 555 }], true));
    symlinkSync('socket:[555]', join(tree.path, '1007/fd/99'));
    expect(resolved(target('port:18080'))).toEqual([1007]);
  });

  test('holders are remembered, and others are found when they come', () => {
    const holders = new PortHolders(18080);
    const pids = (): number[] => holders.find(new ProcessTable(tree.path)).holders.map(({ pid }) => pid);
    const listening = (...inodes: number[]): void =>
      tree.edit('net/tcp', () => tableText(inodes.map((inode) => ({ local: ['127.0.0.1', 18080], state: 10, inode }))));
    const pass = (pid: number, inode: number): void => symlinkSync(`socket:[${inode}]`, join(tree.path, `${pid}/fd/99`));
    const [before] = [pids(), pids()];
    expect(before).toEqual([1000]);
    // A child with the socket of its parent.
    tree.copy(1000, 1030);
    for (let i = 0; i < 2; i++) expect(pids()).toEqual([1000, 1030]);
    // Another process with the pid, which has none.
    rmSync(join(tree.path, '1030/fd'), { recursive: true });
    mkdirSync(join(tree.path, '1030/fd'));
    tree.setStat(1030, 22, 890_000);
    expect(pids()).toEqual([1000]);
    // A socket of its own of one that is known to have none.
    listening(555, 556);
    pass(1007, 555);
    expect(pids()).toEqual([1007]);
    // One that is passed on to a process that is known.
    pids();
    pass(1001, 556);
    const looks = Array.from({ length: 30 }, pids);
    expect(looks.at(-1)).toEqual([1001, 1007]);
    listening(556);
    expect(pids()).toEqual([1001]);
  });

  test('in the network namespace of another process', () => {
    tree.edit('net/tcp', () => tableText([]));
    for (const pid of [1001, 1007]) mkdirSync(join(tree.path, `${pid}/net`));
    writeFileSync(join(tree.path, '1001/net/tcp'), tableText([]));
    writeFileSync(join(tree.path, '1007/net/tcp'), tableText([{ local: ['127.0.0.1', 18080], state: 10, inode: 555 }]));
    symlinkSync('socket:[555]', join(tree.path, '1007/fd/99'));
    expect(resolved(target('port:18080'))).toEqual([1007]);
  });
});

describe('binding', () => {
  test('a pid that another process gets is gone for good', async () => {
    await watching(watch([target('app=1001')]), async (w) => {
      await w.tick();
      expect(bound(w)).toEqual(['-:1001']);
      tree.setStat(1001, 22, 999_999);
      w.skip(10);
      await w.tick();
      await w.tick();
      expect(bound(w)).toEqual([]);
      expect(told(w)).toEqual(['target_found - 1001', 'target_gone - 1001']);
      expect(w.targets.all()[0]?.goneSince).not.toBeNull();
      tree.setStat(1001, 3, 'R');
      w.skip(10);
      await w.tick();
      expect(bound(w)).toEqual([]);
    });
  });

  test('one whose end nobody else can see is looked at every minute', async () => {
    await watching(new Watch([target('app=1001')], { proc: tree.path, sources: (ctx) => [selectionSource(ctx)] }), async (w) => {
      await w.tick();
      tree.setStat(1001, 3, 'Z');
      for (let i = 0; i < 6; i++) {
        w.skip(10);
        await w.tick();
      }
      expect(told(w)).toEqual(['target_found - 1001', 'target_gone - 1001']);
    });
  });

  test('a name is followed to the successor, found within a second', async () => {
    tree.remove(1001);
    tree.remove(1004);
    await watching(watch([target('app=name:perl')]), async (w) => {
      await w.tick();
      expect(bound(w)).toEqual(['-:1006']);
      tree.setStat(1006, 3, 'Z');
      await w.tick();
      await w.tick();
      expect(bound(w)).toEqual([]);
      tree.copy(1002, 1030);
      tree.edit('1030/stat', (text) => text.replace('a) S 1 (b', 'perl'));
      w.skip(1);
      await w.tick();
      expect(bound(w)).toEqual(['-:1030']);
      expect(told(w)).toEqual(['target_found - 1006', 'target_gone - 1006', 'restart - 1030']);
      expect(w.events.at(-1)?.data).toEqual({
        pid: 1030,
        startTime: expect.any(Number) as number,
        comm: 'perl',
        previousPid: 1006,
        reason: 'replaced',
      });
      expect(w.targets.all()[0]?.goneSince).toBeNull();
    });
  });

  test('a bound process stays bound, whatever else comes to match', async () => {
    tree.remove(1004);
    tree.remove(1006);
    await watching(watch([target('app=name:perl')]), async (w) => {
      await w.tick();
      tree.copy(1001, 1030);
      tree.edit('1001/stat', (text) => text.replace('(perl)', '(renamed)'));
      w.skip(10);
      await w.tick();
      expect(bound(w)).toEqual(['-:1001']);
      expect(told(w)).toEqual(['target_found - 1001']);
    });
  });

  test('exec in place is a restart of the same process', async () => {
    await watching(watch([target('app=1001')]), async (w) => {
      await w.tick();
      tree.setStat(1001, 28, 140_000_000_000_000);
      tree.edit('1001/stat', (text) => text.replace('(perl)', '(server)'));
      await w.tick(); // the process source notices
      expect(w.values).toEqual({});
      await w.tick();
      expect(told(w)).toEqual(['target_found - 1001', 'restart - 1001']);
      expect(w.events.at(-1)).toMatchObject({
        data: { reason: 'exec', previousPid: 1001, comm: 'server' },
        message: expect.stringContaining('was perl before') as string,
      });
      expect(w.value('app threads')).toBe(1);
    });
  });

  test('command lines are read while selecting, never again for a bound process', async () => {
    await watching(watch([target('app=cmd:setInterval')]), async (w) => {
      await w.tick();
      tree.remove('1007/cmdline');
      mkdirSync(join(tree.path, '1007/cmdline')); // reading it would fail
      w.skip(10);
      await w.tick();
      expect(bound(w)).toEqual(['-:1007']);
    });
  });

  test('what did not match is read twice, for it may have been between fork and exec, and then no more', async () => {
    await watching(watch([target('app=cmd:late', many)]), async (w) => {
      const look = async (): Promise<string[]> => {
        w.skip(10);
        await w.tick();
        return bound(w);
      };
      expect(await look()).toEqual([]);
      tree.edit('1001/cmdline', () => 'late\0');
      expect(await look()).toEqual(['1:1001']);
      tree.edit('1002/cmdline', () => 'late\0');
      expect(await look()).toEqual(['1:1001']);
      tree.edit('1002/stat', (text) => text.replace('a) S 1 (b', 'other')); // another name: worth another look
      expect(await look()).toEqual(['1:1001', '2:1002']);
    });
  });

  test('a newcomer to a role that has others waits until it is a second old', async () => {
    await watching(watch([target('app=name:perl', many)]), async (w) => {
      await w.tick();
      tree.copy(1001, 1030);
      tree.setStat(1030, 22, 899_950); // half a second before the 9000 s of uptime
      w.skip(10);
      await w.tick();
      expect(bound(w)).toEqual(['1:1001', '2:1004', '3:1006']);
      tree.edit('uptime', () => '9000.60 1.00\n');
      w.skip(1);
      await w.tick();
      expect(bound(w)).toContain('4:1030');
    });
  });
});

describe('waking up', () => {
  test('is asked for when something has ended, and always for trees', async () => {
    const wants = async (spec: TargetSpec): Promise<boolean[]> => {
      const w = watch([spec]);
      const source = selectionSource(w.ctx);
      const before = source.wants!();
      await source.read(w.sink, new AbortController().signal);
      await source.read(w.sink, new AbortController().signal);
      w.skip(60); // who was just found is no longer looked for in a hurry
      await source.read(w.sink, new AbortController().signal);
      const calm = source.wants!();
      w.targets.stale = true;
      return [before, calm, source.wants!()];
    };
    expect(await wants(target('app=1001'))).toEqual([true, false, true]);
    expect(await wants(target('app=1001', children))).toEqual([true, true, true]);
  });
});

describe('a tree', () => {
  /** 1001 has 1002, which has 1003. */
  function grow(): void {
    tree.edit('1001/task/1001/children', () => '1002 ');
    tree.setStat(1002, 4, 1001);
    tree.edit('1002/task/1002/children', () => '1003 ');
    tree.setStat(1003, 4, 1002);
  }

  test('has the process and all that it has started, and no zombies', async () => {
    grow();
    tree.edit('1003/task/1003/children', () => '1005 ');
    await watching(watch([target('app=1001', children)]), async (w) => {
      await w.tick();
      expect(bound(w)).toEqual(['1:1001', '2:1002', '3:1003']);
    });
  });

  test('is walked at every wake-up, and children that lose their parent stay', async () => {
    await watching(watch([target('app=1001', children)]), async (w) => {
      await w.tick();
      expect(bound(w)).toEqual(['1:1001']);
      grow();
      await w.tick();
      expect(bound(w)).toEqual(['1:1001', '2:1002', '3:1003']);
      tree.setStat(1002, 3, 'Z');
      tree.edit('1001/task/1001/children', () => '');
      tree.setStat(1003, 4, 1); // init has adopted it
      await w.tick();
      await w.tick();
      expect(bound(w)).toEqual(['1:1001', '3:1003']);
      expect(told(w).slice(-1)).toEqual(['member_end 2 1002']);
    });
  });

  test('without its root there is none', async () => {
    grow();
    await watching(watch([target('app=1001', children)]), async (w) => {
      await w.tick();
      tree.setStat(1001, 3, 'Z');
      await w.tick();
      await w.tick();
      expect(bound(w)).toEqual([]);
      expect(told(w)).toContain('target_gone - 1001');
    });
  });

  test('where the kernel does not list children, their parents are asked for', async () => {
    grow();
    for (const pid of [1001, 1002, 1003]) tree.remove(`${pid}/task/${pid}/children`);
    await watching(watch([target('app=1001', children)]), async (w) => {
      await w.tick();
      expect(bound(w)).toEqual(['1:1001', '2:1002', '3:1003']);
    });
  });

  test('has at most 256 children, and says so once', async () => {
    const pids = Array.from({ length: 260 }, (_, i) => 2001 + i);
    for (const pid of pids) {
      mkdirSync(join(tree.path, String(pid)));
      for (const file of ['stat', 'status']) writeFileSync(join(tree.path, `${pid}/${file}`), tree.read(`1002/${file}`));
      tree.edit(`${pid}/stat`, (text) => text.replace(/^1002/, String(pid)));
    }
    tree.edit('1001/task/1001/children', () => `${pids.join(' ')} `);
    await watching(watch([target('app=1001', children)]), async (w) => {
      await w.tick();
      await w.tick();
      expect(w.targets.all()[0]?.procs.length).toBe(257);
      expect(w.kinds('cap').map(({ message }) => message)).toEqual([
        expect.stringContaining('more than 256 children of app'),
        expect.stringContaining('more than 32 members'),
      ]);
    });
  });
});

describe('the arguments of exec:', () => {
  test.each<[string, string[]]>([
    ['node app.js --port=80', ['node', 'app.js', '--port=80']],
    ['  ./run   fast ', ['./run', 'fast']],
    ['node "my app.js"', ['sh', '-c', 'exec node "my app.js"']],
    ['A=1 B="x y" node app.js', ['sh', '-c', 'A=1 B="x y" exec node app.js']],
    ['node app.js > out.log 2>&1', ['sh', '-c', 'exec node app.js > out.log 2>&1']],
    ['node app.js | tee log', ['sh', '-c', 'node app.js | tee log']],
    ['node "a;b" $HOME', ['sh', '-c', 'exec node "a;b" $HOME']],
    ['cd /srv && node app.js', ['sh', '-c', 'cd /srv && node app.js']],
    ['node app.js &', ['sh', '-c', 'node app.js &']],
    ['exec "node" x', ['sh', '-c', 'exec "node" x']],
    ['sleep $(cat n)', ['sh', '-c', 'sleep $(cat n)']],
    ['a\nb', ['sh', '-c', 'a\nb']],
  ])('%j', (command, args) => {
    expect(argumentsOf(command)).toEqual(args);
  });

  test('a program that is not there is found out before it is started', () => {
    expect(whyNoProgram('sh -c true')).toBeNull();
    expect(whyNoProgram('/bin/sh -c true')).toBeNull();
    expect(whyNoProgram('no-such-program-at-all x')).toBe('there is no program no-such-program-at-all to start');
    expect(whyNoProgram('/tmp')).toBe('there is no program /tmp to start'); // a folder
  });
});
