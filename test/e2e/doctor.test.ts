import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { kernelCountsDescriptors } from '../../src/sources/proc-reader.ts';
import { CLI } from '../soakagent.ts';

interface Result {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
  /** `out` with every white space as one blank: what is said, however it was wrapped. */
  readonly said: string;
}

/** A folder and the processes of one test. */
class Stage {
  readonly dir = mkdtempSync(join(tmpdir(), 'soak-doctor-'));
  readonly #started: ChildProcess[] = [];

  /** Of our own environment only what programs need: SOAK_* or OTEL_* of the machine must not decide a test. */
  start(command: string, ...args: string[]): ChildProcess {
    const env = { PATH: process.env['PATH'] ?? '', HOME: this.dir };
    const child = spawn(command, args, { cwd: this.dir, env, stdio: ['ignore', 'pipe', 'pipe'] });
    child.on('error', () => {}); // seen as an early end
    this.#started.push(child);
    return child;
  }

  /** The pid of a target that has printed its first line. */
  async running(command: string, ...args: string[]): Promise<number> {
    const child = this.start(command, ...args);
    const ended = once(child, 'close').then(() => Promise.reject(new Error(`${command} ended early`)));
    await Promise.race([once(child.stdout!, 'data'), ended]);
    ended.catch(() => {}); // at the end of the test
    return child.pid!;
  }

  async doctor(args: readonly string[], as: readonly string[] = []): Promise<Result> {
    const [command, ...rest] = [...as, process.execPath, CLI, 'doctor', '--listen', '0', ...args];
    return result(this.start(command!, ...rest));
  }

  async end(): Promise<void> {
    for (const child of this.#started) {
      if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    rmSync(this.dir, { recursive: true });
  }
}

async function result(child: ChildProcess): Promise<Result> {
  const texts = { out: '', err: '' };
  child.stdout!.setEncoding('utf8').on('data', (text: string) => (texts.out += text));
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (texts.err += text));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, ...texts, said: texts.out.replaceAll(/\s+/g, ' ') };
}

const it = test.extend<{ stage: Stage }>({
  // oxlint-disable-next-line no-empty-pattern -- how a fixture says that it needs no other
  stage: async ({}, use) => {
    const stage = new Stage();
    try {
      await use(stage);
    } finally {
      await stage.end();
    }
  },
});

const NODE = [process.execPath, '-e', 'process.stdout.write("up\\n"); setInterval(() => {}, 1000)'] as const;
const SLEEP = ['sh', '-c', 'echo up; exec sleep 600'] as const;
const AS_NOBODY = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'] as const;

/** A uid 0 that may do no more than any other user: it can read a checkout in /root, but nobody else's processes. */
const POWERLESS = ['setpriv', '--bounding-set', '-all', '--inh-caps', '-all'] as const;

/** Another user that can read a checkout in /root, and the lists of descriptors, but trace nobody. */
const READER = ['--inh-caps', '+dac_read_search', '--ambient-caps', '+dac_read_search'] as const;

describe.concurrent('of a process of one’s own', () => {
  it('everything can be read, and a pass is possible', async ({ stage }) => {
    const pid = await stage.running(...NODE);
    const { code, out, err, said } = await stage.doctor(['--target', `api=${pid}`]);
    expect(err).toBe('');
    expect(code).toBe(0);
    expect(out).toMatch(new RegExp(`^api = pid:${pid}\n {2}${pid} `, 'm'));
    for (const group of ['Memory', 'Descriptors', 'Threads', 'CPU', 'Disk I/O'])
      expect(out).toMatch(new RegExp(`^ {2}${group} +yes `, 'm'));
    const limit = /^Max open files +(\d+)/m.exec(readFileSync(`/proc/${pid}/limits`, 'utf8'))![1];
    expect(out).toMatch(new RegExp(`^ {2}fds +required +\\d+ +${limit} +\\+`, 'm'));
    expect(out).toMatch(/^ {2}memory\.private +required +[\d.]+MB /m);
    expect(said).toContain('Best outcome here: pass');
    expect(said).not.toContain('run soak-agent as');
    expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  it('it is left alone, nothing is written and nothing is started', async ({ stage }) => {
    const pid = await stage.running(...NODE);
    const [mark, runs] = [join(stage.dir, 'mark'), join(stage.dir, 'runs', 'here')];
    const { code, said } = await stage.doctor(['--target', String(pid), '--target', `job=exec:touch ${mark}`, '--out', runs]);
    expect(code).toBe(0);
    expect(said).toContain('job = exec:touch ... is started by a run');
    expect(said).toContain(`${runs} can be made in ${stage.dir}`);
    expect(readdirSync(stage.dir)).toEqual([]);
    expect(existsSync(`/proc/${pid}`)).toBe(true);
  });

  it('of a program that is not started nothing is said that is not known', async ({ stage }) => {
    const { code, said } = await stage.doctor(['--target', 'job=exec:sleep 600', '--rule', 'job: fds < 100']);
    expect(code).toBe(0);
    expect(said).toContain('Doctor starts nothing');
    expect(said).not.toMatch(/For the whole run|Best outcome/);
  });

  it('limits are found and set the growth that must be ruled out', async ({ stage }) => {
    const pid = await stage.running('prlimit', '--nofile=100:100', ...NODE);
    const { out } = await stage.doctor(['--target', String(pid), '--must-live', '10h', '--duration', '2h']);
    const [, now, floor, inTwo] = /^ {2}fds +required +(\d+) +100 +\+([\d.]+)\/h +([\d.]+)$/m.exec(out) ?? [];
    expect(Number(floor)).toBeCloseTo((100 - Number(now)) / 2 / 10, 2);
    expect(Number(inTwo)).toBeCloseTo(Number(floor) * 2, 1);
    expect(out).toMatch(/ in 2h$/m);
  });
});

describe.concurrent('of somebody else’s process', () => {
  const user = /^([^:]+):[^:]*:65534:/m.exec(readFileSync('/etc/passwd', 'utf8'))?.[1];
  const nobody = `uid 65534${user === undefined ? '' : ` (${user})`}`;

  it('what only its user may read is named, with the user and the capabilities that would mend it', async ({ stage }) => {
    const pid = await stage.running(...AS_NOBODY, ...SLEEP);
    const { code, out, said } = await stage.doctor(['--target', `api=${pid}`], POWERLESS);
    expect(said).toContain('agent uid 0 (root), gid 0; capabilities: none;');
    expect(said).toContain(`${pid} sleep ${nobody}, gid 65534`);
    expect(out).toMatch(/^ {2}Disk I\/O +no +only uid 65534 may read it/m);
    expect(out).toMatch(/^ {2}Memory +yes /m);
    expect(said).toContain(`run soak-agent as ${nobody} and gid 65534, without any capability`);
    expect(said).toContain('or run soak-agent with CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH');
    // Whether everything that must be seen can be seen is up to the kernel: before Linux 6.2 it does not tell others of descriptors.
    const counts = kernelCountsDescriptors('/proc');
    expect(out).toMatch(counts ? /^ {2}Descriptors +yes /m : /^ {2}Descriptors +no /m);
    expect(code).toBe(counts ? 0 : 11);
  });

  it('its user in another group is told to change the group', async ({ stage }) => {
    const pid = await stage.running(...AS_NOBODY, ...SLEEP);
    const agent = ['setpriv', '--reuid', '65534', '--regid', '7', '--clear-groups', ...READER];
    const { out, said } = await stage.doctor(['--target', String(pid), '--out', tmpdir()], agent);
    expect(out).toMatch(/^ {2}Disk I\/O +no /m);
    expect(said).toContain(`run soak-agent as ${nobody} and gid 65534`);
    expect(said).toContain('or run soak-agent with CAP_SYS_PTRACE ');
  });

  it('with both capabilities everything can be read', async ({ stage }) => {
    const pid = await stage.running(...AS_NOBODY, ...SLEEP);
    const agent = ['setpriv', '--bounding-set', '-all,+sys_ptrace,+dac_read_search', '--inh-caps', '-all'];
    const { out, said } = await stage.doctor(['--target', String(pid)], agent);
    expect(said).toContain('capabilities: DAC_READ_SEARCH, SYS_PTRACE;');
    expect(out).toMatch(/^ {2}Disk I\/O +yes /m);
    expect(said).not.toContain('run soak-agent as');
  });

  it('a process that is not dumpable is a stranger to its own user', async ({ stage }) => {
    // prctl is system call 157 on x86-64 and 167 on arm64; 4 is PR_SET_DUMPABLE.
    const prctl = `syscall(${process.arch === 'arm64' ? 167 : 157}, 4, 0, 0, 0, 0)`;
    const pid = await stage.running(...AS_NOBODY, 'perl', '-e', `${prctl}; $| = 1; print "up\\n"; sleep 600`);
    const { out, said } = await stage.doctor(['--target', String(pid), '--out', tmpdir()], [...AS_NOBODY, ...READER]);
    expect(out).toMatch(/^ {2}Disk I\/O +no /m);
    expect(said).toContain('- run soak-agent with CAP_SYS_PTRACE: it is not dumpable');
    expect(said).not.toContain('without any capability');
  });
});

describe.concurrent('of a JVM', () => {
  const SOURCE =
    'public class Idle { public static void main(String[] a) throws Exception { System.out.println("up"); Thread.sleep(600_000); } }';

  async function java(stage: Stage, ...options: string[]): Promise<number> {
    const file = join(stage.dir, 'Idle.java');
    writeFileSync(file, SOURCE);
    const pid = await stage.running('java', '-Xmx64m', '-XX:+UseSerialGC', ...options, file);
    await delay(10_500); // younger processes may still become something else, so that nobody says what they are
    return pid;
  }

  it('with its counters the heap is visible, and awaited', async ({ stage }) => {
    const { code, out, said } = await stage.doctor(['--target', `app=${await java(stage)}`]);
    expect(out).toMatch(/^ {2}Runtime +yes +jvm: heap visible/m);
    expect(out).toMatch(/^ {2}heap +required +awaited +[\d.]+MB /m);
    expect(said).not.toContain('heap is not visible');
    expect(code).toBe(0);
  });

  it('without them memory cannot pass, and the option that hides it is named', async ({ stage }) => {
    const { code, said } = await stage.doctor(['--target', `app=${await java(stage, '-XX:-UsePerfData')}`]);
    expect(said).toContain('- app heap: its heap is not visible');
    expect(said).toContain('jvm: heap not visible');
    expect(said).toContain('-XX:-UsePerfData');
    expect(code).toBe(11);
  });
});

describe.concurrent('what would keep a run from starting', () => {
  it('is told all at once after what could be seen, and ends with 64', async ({ stage }) => {
    const pid = await stage.running(...NODE);
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as { port: number };
    const args = ['--target', String(pid), '--target', 'gone=4194304', '--listen', String(port), '--out', '/etc/passwd/runs'];
    const { code, out, err } = await stage.doctor(args);
    taken.close();
    expect(code).toBe(64);
    expect(err).toContain('target gone: there is no process 4194304; name:, port: or pidfile: follow a program through restarts');
    expect(err).toContain(`--listen: 127.0.0.1:${port} is in use`);
    expect(err).toContain('--out: /etc/passwd is not a folder');
    expect(err).toContain('3 problems');
    expect(out).toMatch(/^ {2}Memory +yes /m);
  });

  it.runIf(process.getuid?.() === 0)('a folder in which nothing can be made, though root may write there', async ({ stage }) => {
    const pid = await stage.running(...NODE);
    const { code, err } = await stage.doctor(['--target', String(pid), '--listen', 'off', '--out', '/proc/runs']);
    expect([code, err.split('\n')[0]]).toEqual([64, '--out: /proc is no disk: no file can be made in it']);
  });

  it('a pid that does not exist', async ({ stage }) => {
    const { code, err } = await stage.doctor(['--target', '4194304']);
    expect(code).toBe(64);
    expect(err).toContain('there is no process 4194304');
    expect(err).toContain('[NO_TARGET]');
  });

  it('a process that /proc hides is not taken for one that does not exist', async ({ stage }) => {
    const target = `${AS_NOBODY.join(' ')} sleep 600 & pid=$!`;
    const agent = ['setpriv', '--regid', '7', '--clear-groups', ...POWERLESS, `'${process.execPath}'`, `'${CLI}'`].join(' ');
    const script = `mount -o remount,hidepid=2 /proc && ${target} && exec ${agent} doctor --listen 0 --target $pid`;
    // In a pid and a mount namespace of its own, so that the machine's /proc stays as it is; all of it ends with its first process.
    const { code, err, said } = await result(stage.start('unshare', '-m', '-p', '-f', '--mount-proc', '--kill-child', 'sh', '-c', script));
    expect(err).toContain('/proc hides it from this user (hidepid)');
    expect(code).toBe(64);
    expect(said).toMatch(/are hidden \(hidepid=(2|invisible)\)/);
  });
});

describe.concurrent('beside that', () => {
  it('without /proc the required signals are blind: at best inconclusive', async ({ stage }) => {
    const pid = await stage.running(...NODE);
    const { code, said } = await stage.doctor(['--target', String(pid), '--source', 'pidusage']);
    expect(said).toContain('At best inconclusive: - soak.process.memory.private');
    expect(said).toContain('pidusage tells CPU time and resident memory only');
    expect(code).toBe(11);
  });

  it('a rule about nothing leaves a run inconclusive, one that is broken already fails it', async ({ stage }) => {
    const pid = await stage.running(...NODE);
    const { code, said } = await stage.doctor(['--target', `api=${pid}`, '--rule', 'memory.private < 1MB', '--rule', 'latency < 1s']);
    expect(said).toContain('A run would fail: - api memory.private');
    expect(said).toContain('For the whole run: the rule latency < 1s was never compared with anything');
    expect(code).toBe(11);
  });

  it('a receiver is connected to, and told without its secrets', async ({ stage }) => {
    const receiver = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
    await once(receiver, 'listening');
    const { port } = receiver.address() as { port: number };
    const pid = await stage.running(...NODE);
    const there = await stage.doctor(['--target', String(pid), '--otlp', `http://user@127.0.0.1:${port}/v1/metrics?token=secret`]);
    expect(there.said).toContain(`otlp http://127.0.0.1:${port}/v1/metrics takes connections`);
    expect(there.out + there.err).not.toContain('secret');
    receiver.close();
    await once(receiver, 'close');
    const away = await stage.doctor(['--target', String(pid), '--otlp', `http://127.0.0.1:${port}`]);
    expect(away.said).toContain(`http://127.0.0.1:${port}/v1/metrics cannot be reached now (ECONNREFUSED)`);
    expect(away.code).toBe(0);
  });

  it('a role without processes is told by its sockets and its control group', async ({ stage }) => {
    const roles = ['--network-of', 'api', '--cgroup-of', 'db=/no/such/group', '--require', 'memory.cgroup'];
    const { code, out, said } = await stage.doctor([...roles, '--scrape', 'api=http://127.0.0.1:1/metrics']);
    expect(code).toBe(11);
    expect(out).toMatch(/^api = sockets of this network namespace$[^]*^ {2}Sockets +yes +sockets\.outbound \d/m);
    expect(out).toMatch(/^db = control group \/no\/such\/group$[^]*^ {2}Container +no +there is no such control group/m);
    expect(said).toContain('soak.container.* of db must be seen and cannot be read: there is no such control group');
  });

  it('members of a tree are told together', async ({ stage }) => {
    const script = 'sleep 600 & sleep 600 & sleep 1; echo up; wait';
    const pid = await stage.running('setsid', 'sh', '-c', script);
    try {
      const { code, out, said } = await stage.doctor(['--target', `tree=${pid}`, '--children']);
      expect(code).toBe(0);
      expect(out.match(/^ {2}\d+ +sleep +uid 0/gm)).toHaveLength(2);
      expect(said).toMatch(/memory\.private [\d.]+kB( to [\d.]+kB)?/);
      expect(said).toMatch(/threads 3,/);
    } finally {
      process.kill(-pid, 'SIGKILL');
    }
  });
});
