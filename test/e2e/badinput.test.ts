/** What cannot be run, and why: each ends with 64, says what would be right, and leaves everything as it was. A full disk ends with 70. */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join, relative } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import { CLI } from '../soakagent.ts';
import { installed, reading, Stage, until } from './agent-under-test.ts';

/** Every file below, with its content, and every folder. */
function everything(folder: string): Record<string, string> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const hash = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');
  return Object.fromEntries(
    entries.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return [relative(folder, path), entry.isFile() ? hash(path) : 'other'];
    }),
  );
}

/** Ends with 64 and these messages, and leaves the folder of the stage as it was. */
async function expectRefused(stage: Stage, options: readonly string[], message: RegExp, out?: string): Promise<void> {
  const before = everything(stage.folder);
  const agent = stage.agent(options, out === undefined ? {} : { out });
  expect(await agent.ended, agent.err).toEqual({ code: 64, signal: null });
  expect(agent.err).toMatch(message);
  expect(agent.err).toMatch(/\nsoak-agent: 1 problem \[[A-Z_]+\]\n$/);
  expect(agent.out).toBe('');
  expect(everything(stage.folder)).toEqual(before);
}

const isRoot = process.getuid?.() === 0;

/** A thread of the kernel, if any can be seen here: containers usually show none. */
function kernelThread(): string | null {
  const isThread = (pid: string): boolean => {
    try {
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\)/s, '').trim().split(' ');
      return (Number(fields[6]) & 0x200000) !== 0; // PF_KTHREAD
    } catch {
      return false;
    }
  };
  return readdirSync('/proc').find((name) => /^\d+$/.test(name) && isThread(name)) ?? null;
}

describe.runIf(installed('gcc')).concurrent('a target', () => {
  test('that does not exist', async () => {
    await using stage = new Stage();
    await expectRefused(
      stage,
      ['--target', 'app=4194304'],
      /^target app: there is no process 4194304; name:, port: or pidfile: follow a program through restarts(;|$)/m,
    );
    await expectRefused(
      stage,
      ['--target', 'name:no-such-thing'],
      /^target no-such-thing: no process is called no-such-thing; start it first, or --wait 2m waits for it(;|$)/m,
    );
    await expectRefused(
      stage,
      ['--target', 'app=port:1'],
      /^target app: nothing listens on TCP port 1; start it first, or --wait 2m waits for it(;|$)/m,
    );
    await expectRefused(stage, ['--target', 'app=exec:no-such-program x'], /^target app: there is no program no-such-program to start$/m);
  });

  test.skipIf(kernelThread() === null)('that is a thread of the kernel', async () => {
    await using stage = new Stage();
    const pid = kernelThread()!;
    await expectRefused(
      stage,
      ['--target', `app=${pid}`],
      new RegExp(`^target app: process ${pid} \\(.*\\) is a thread of the kernel: `, 'm'),
    );
  });

  test('that has ended but is not yet gone', async () => {
    await using stage = new Stage();
    const parent = await stage.program('sh', '-c', 'sleep 0.2 & echo $! ready; exec sleep 60');
    const pid = /\d+/.exec(parent.out)![0];
    await until(
      () => readFileSync(`/proc/${pid}/status`, 'utf8'),
      (status) => /^State:\s+Z/m.test(status),
    );
    await expectRefused(stage, ['--target', `app=${pid}`], new RegExp(`^target app: process ${pid} \\(sleep\\) has ended .*zombie`, 'm'));
  });

  test('that is several', async () => {
    await using stage = new Stage();
    const name = `two${process.pid}`;
    const [one, two] = [await stage.program(stage.serviceCalled(name)), await stage.program(stage.serviceCalled(name))];
    const pids = [one.pid, two.pid].toSorted((a, b) => a - b).map((pid) => `${pid} \\(${name}\\)`);
    const message = `^target app: 2 processes match: ${pids.join(', ')}; --many watches all of them, .* or name one by its pid$`;
    await expectRefused(stage, ['--target', `app=name:${name}`], new RegExp(message, 'm'));
  });

  test('and another: all that is wrong is said at once', async () => {
    await using stage = new Stage();
    const agent = stage.agent(['--target', 'a=4194304', '--target', 'b=port:1']);
    expect(await agent.ended).toEqual({ code: 64, signal: null });
    expect(agent.err).toMatch(
      /^target a: there is no process 4194304;.*\ntarget b: nothing listens on TCP port 1;.*\nsoak-agent: 2 problems \[NO_TARGET\]\n$/,
    );
  });
});

test
  .runIf(installed('gcc'))
  .concurrent('targets, an address and a folder that will not do are told at once, whichever is met first', async () => {
    await using stage = new Stage();
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const at = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const file = join(stage.folder, 'file');
    writeFileSync(file, 'precious');
    const before = everything(stage.folder);
    const missing = ['--target', 'a=4194304', '--target', 'b=port:1'];
    const lines = {
      listen: `--listen: ${at} is in use, `,
      a: 'target a: there is no process 4194304; name:, port: ',
      b: 'target b: nothing listens on TCP port 1; start it first',
      out: `--out: ${file} is not a folder`,
    };
    for (const [listen, told] of [
      [at, [lines.listen, lines.out, lines.a, lines.b]],
      ['off', [lines.a, lines.b, lines.out]],
    ] as const) {
      const agent = stage.agent([...missing, '--listen', listen], { out: file });
      expect(await agent.ended, agent.err).toEqual({ code: 64, signal: null });
      expect(agent.err.split('\n').map((line, i) => line.slice(0, told[i]?.length))).toEqual([
        ...told,
        `soak-agent: ${told.length} problems [CONFIG]`,
        '',
      ]);
    }
    expect(everything(stage.folder)).toEqual(before);
    server.close();
  });

test.runIf(installed('gcc')).concurrent('an address that is in use, or not of this machine', async () => {
  await using stage = new Stage();
  const target = ['--target', `app=${(await stage.service()).pid}`];
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const at = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const message = new RegExp(`^--listen: ${at} is in use, .*: give another port, port 0 for any free one, or "off"$`, 'm');
  await expectRefused(stage, [...target, '--listen', at], message);
  server.close();
  await expectRefused(stage, [...target, '--listen', '192.0.2.1:9000'], /^--listen: 192\.0\.2\.1 is not an address of this machine: /m);
});

describe.runIf(installed('gcc')).concurrent('a folder for runs', () => {
  test('that is a file, or leads through one', async () => {
    await using stage = new Stage();
    const service = await stage.service();
    const file = join(stage.folder, 'file');
    writeFileSync(file, 'precious');
    const target = ['--target', `app=${service.pid}`];
    await expectRefused(stage, target, /file: is a file, or leads through one: name a folder$/m, file);
    await expectRefused(stage, target, /is a file, or leads through one: name a folder$/m, join(file, 'runs'));
  });

  test('that this user may not write', async () => {
    await using stage = new Stage();
    const service = await stage.service();
    const out = join(stage.folder, 'locked');
    mkdirSync(out);
    chmodSync(out, 0o555);
    const before = everything(stage.folder);
    const agent = [CLI, 'run', '--listen', 'off', '--target', `app=${service.pid}`, '--out', join(out, 'a', 'b')];
    const user = isRoot ? ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'] : [];
    chmodSync(stage.folder, 0o755); // the folder of the stage is only ours
    const { status, stdout, stderr } = spawnSync('/usr/bin/env', [...user, process.execPath, ...agent], {
      encoding: 'utf8',
      timeout: 60_000,
    });
    expect([status, stdout], stderr).toEqual([64, '']);
    expect(stderr).toMatch(
      /b: may not be written by this user: give it the right, or name another folder\nsoak-agent: 1 problem \[OUT\]\n$/,
    );
    expect(everything(stage.folder)).toEqual(before);
    chmodSync(out, 0o755);
  });

  test.skipIf(!isRoot)('that is mounted read-only', async () => {
    await using stage = new Stage();
    const service = await stage.service();
    const out = mounted(stage, 'size=1m,ro');
    try {
      await expectRefused(
        stage,
        ['--target', `app=${service.pid}`],
        /is on a read-only file system: name a folder elsewhere, or mount a/m,
        out,
      );
    } finally {
      execFileSync('umount', [out]);
    }
  });

  test('that has a path too long for a record, for the file system, or for the kernel', async () => {
    await using stage = new Stage();
    const target = ['--target', `app=${(await stage.service()).pid}`];
    const deep = (folders: number): string => join(stage.folder, ...Array.from({ length: folders }, () => 'x'.repeat(100)));
    await expectRefused(stage, target, /is too long: a record there has a path of \d+ bytes, and \d+ are possible$/m, deep(5));
    await expectRefused(stage, target, /is too long: a record there has a path of \d+ bytes, and \d+ are possible$/m, deep(50));
    const wide = join(stage.folder, 'a', 'x'.repeat(300), 'b');
    await expectRefused(stage, target, /: is too long for the file system: name a shorter path$/m, wide);
  });

  test.skipIf(!isRoot)('that is full from the start', async () => {
    await using stage = new Stage();
    const service = await stage.service();
    const out = mounted(stage, 'size=64k');
    try {
      writeFileSync(join(out, 'ballast'), Buffer.alloc(64 * 1024 - 4096));
      const agent = stage.agent(['--target', `app=${service.pid}`], { out });
      expect(await agent.ended, agent.err).toEqual({ code: 64, signal: null });
      expect(agent.err).toMatch(/full|space/);
      expect(readdirSync(out)).toEqual(['ballast']);
    } finally {
      execFileSync('umount', [out]);
    }
  });

  test.skipIf(!isRoot)('that becomes full ends the run with 70, and what was recorded can be read and judged', async () => {
    await using stage = new Stage();
    const service = await stage.service('busy=3');
    const out = mounted(stage, 'size=1m');
    try {
      const options = ['--target', `app=${service.pid}`, '--interval', '0.1', '--record-max', '1MB', '--duration', '60s'];
      const agent = await stage.watching(options, { out });
      await agent.ready();
      const filled = Array.from({ length: 256 }, (_, i) => i).find((i) => !written(join(out, `ballast${i}`)));
      expect(filled).toBeGreaterThan(0);
      expect(await agent.ended, agent.err).toEqual({ code: 70, signal: null });
      expect(agent.err).toMatch(
        /record\.sqlite: cannot be written \(.*full.*\): what is recorded so far stays readable\. Free some space\n/,
      );
      expect(agent.err.match(/^[^{\n].*Free some space$/gm), 'beside the log, once').toHaveLength(1);
      expect(agent.out).toMatch(/^(INCONCLUSIVE|FAIL|PASS) after /m);
      const folder = await agent.recording();
      const { ticks, isSealed } = reading(folder, (reader) => ({ ticks: [...reader.ticks()], isSealed: reader.sealed !== null }));
      expect(ticks.length).toBeGreaterThan(0);
      expect(ticks.map(({ n }) => n)).toEqual(ticks.map((_, i) => i));
      const again = await stage.command('replay', folder);
      expect([0, 10, 11]).toContain(again.code);
      // The end may fit into what the log had taken of the disk before.
      expect(again.err.includes('the run is not finished: judged on what was recorded up to ')).toBe(!isSealed);
    } finally {
      execFileSync('umount', [out]);
    }
  });
});

function mounted(stage: Stage, options: string): string {
  const folder = join(stage.folder, 'mounted');
  mkdirSync(folder);
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'soak-test', folder]);
  return folder;
}

function written(path: string): boolean {
  try {
    writeFileSync(path, Buffer.alloc(4096));
    return true;
  } catch {
    return false;
  }
}

describe.runIf(installed('gcc')).concurrent('a record', () => {
  /** An unfinished run, as the next start finds it, after something was done to it. */
  async function unfinished(stage: Stage, harm: (record: string) => void): Promise<{ options: string[]; name: string }> {
    const service = await stage.service('busy=3');
    const options = ['--target', `app=${service.pid}`, '--interval', '0.2', '--duration', '60s'];
    const agent = await stage.watching(options);
    await agent.ready();
    await agent.end('SIGKILL');
    const [name] = stage.runs();
    const record = join(stage.out, name!, 'record.sqlite');
    const db = new DatabaseSync(record);
    db.exec('PRAGMA journal_mode = DELETE'); // all of it in one file
    db.close();
    harm(record);
    return { options, name: name! };
  }

  test('of a newer version is left as it is, and the next run is a new one', async () => {
    await using stage = new Stage();
    const { options, name } = await unfinished(stage, (record) => {
      const db = new DatabaseSync(record);
      db.exec('PRAGMA user_version = 99');
      db.close();
    });
    const folder = join(stage.out, name);
    const before = everything(folder);
    const agent = await stage.watching(options);
    expect(agent.err).toMatch(
      new RegExp(
        `^${name} cannot be resumed and is left as it is; this is a new run\\. .* was written by a newer soak-agent \\(record version 99,`,
        'm',
      ),
    );
    expect(await agent.recording()).not.toBe(folder);
    await agent.end('SIGTERM');
    expect(everything(folder)).toEqual(before);
    const replayed = await stage.command('replay', folder);
    expect(replayed.code).toBe(64);
    expect(replayed.err).toMatch(/was written by a newer soak-agent \(record version 99, this one reads up to \d+\): use that one\n/);
    expect(everything(folder)).toEqual(before);
  });

  test.each<[string, (record: string) => void]>([
    ['is cut short', (record) => truncateSync(record, Math.floor(statSync(record).size / 2))],
    ['is empty', (record) => truncateSync(record, 0)],
    ['is no database', (record) => writeFileSync(record, 'x'.repeat(10_000))],
    ['is damaged in the middle', (record) => overwrite(record)],
  ])('that %s is left as it is, and the next run is a new one', async (_name, harm) => {
    await using stage = new Stage();
    const { options, name } = await unfinished(stage, harm);
    const folder = join(stage.out, name);
    const before = everything(folder);
    const agent = await stage.watching(options);
    expect(agent.err).toMatch(new RegExp(`^${name} cannot be resumed and is left as it is; this is a new run\\. `, 'm'));
    expect(await agent.recording()).not.toBe(folder);
    await agent.end('SIGTERM');
    expect(everything(folder)).toEqual(before);
    const replayed = await stage.command('replay', folder);
    expect(replayed.code).toBe(64);
    expect(replayed.err).toMatch(/record\.sqlite: is not a readable record: .*soak-agent: 1 problem \[RECORD\]\n$/s);
    expect(everything(folder)).toEqual(before);
  });

  test('under the name of another run is left as it is', async () => {
    await using stage = new Stage();
    const { options, name } = await unfinished(stage, () => {});
    const copy = join(stage.out, '20991231T000000Z-00000000');
    cpSync(join(stage.out, name), copy, { recursive: true });
    const before = everything(copy);
    const agent = await stage.watching(options);
    expect(agent.err).toMatch(/holds the record of run [0-9a-f]{8}: folders of runs must keep their names\n/);
    await agent.end('SIGTERM');
    expect(everything(copy)).toEqual(before);
  });
});

/** All pages from the second on but the last. */
function overwrite(record: string): void {
  const bytes = readFileSync(record);
  bytes.fill(0x5a, 4096, bytes.length - 4096);
  writeFileSync(record, bytes);
}
