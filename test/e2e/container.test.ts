/**
 * The image as a sidecar: built from docker/Dockerfile and started in the pid namespace of another container, as its user and without a
 * capability. Nothing is fetched: the base image is the Node that runs this test, with what it loads; the first stage is `npm run build`.
 */
import { execFile, execFileSync } from 'node:child_process';
import {
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import type { Verdict } from '../../src/analysis/verdict.ts';
import { EXIT } from '../../src/problem.ts';
import { installed, until } from './agent-under-test.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const USER = ['--user', '65532:65532', '--cap-drop', 'all'];
/** Podman gives a container more than there may be here, which then cannot be started. */
const LIMITS = ['nofile', 'nproc'].flatMap((name) => ['--ulimit', `${name}=${hardLimit(name)}:${hardLimit(name)}`]);

function hardLimit(name: string): number {
  const row = readFileSync('/proc/self/limits', 'utf8').match(
    name === 'nofile' ? /^Max open files +\S+ +(\S+)/m : /^Max processes +\S+ +(\S+)/m,
  );
  return Math.min(4096, Number(row?.[1]) || 4096); // `unlimited` is no number
}

/** Works and leaks, and is called `node` like the agent beside it. */
const APP = 'const kept = []; setInterval(() => { for (let i = 0; i < 3e5; i++); kept.push(Buffer.alloc(2e4, 1)); }, 20)';

/** Images and containers of one test, in storage of their own. */
class Containers implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'soak-containers-'));

  async podman(...args: string[]): Promise<string> {
    const where = ['--root', join(this.folder, 'images'), '--runroot', join(this.folder, 'run'), '--cgroup-manager', 'cgroupfs'];
    const { stdout, stderr } = await promisify(execFile)('podman', [...where, '--runtime', 'runc', ...args], { maxBuffer: 2 ** 24 });
    return `${stdout}${args[0] === 'logs' ? stderr : ''}`.trim();
  }

  /** What the last stage of the Dockerfile says, on a base image by the same name. */
  async build(): Promise<void> {
    const base = join(this.folder, 'base.tar');
    execFileSync('tar', ['-C', this.#base(), '-cf', base, '.']);
    const [, last = ''] = readFileSync(join(ROOT, 'docker/Dockerfile'), 'utf8')
      .split(/(?=^FROM )/m)
      .slice(-2);
    const name = /^FROM (\S+)/.exec(last)![1]!;
    await this.podman('import', '--change', 'ENV PATH=/usr/local/bin:/bin', base, `docker.io/library/${name}`);
    const context = join(this.folder, 'context');
    cpSync(join(ROOT, 'dist'), join(context, 'dist'), { recursive: true });
    writeFileSync(join(context, 'Dockerfile'), last.replace('--from=build /src/dist', 'dist'));
    await this.podman('build', '--isolation', 'chroot', '--tag', 'soak-agent', context);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const name of ['agent', 'app']) await this.podman('rm', '--force', '--time', '0', name).catch(() => {});
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Node, the three programs that the Dockerfile runs, and the libraries of all. */
  #base(): string {
    const folder = join(this.folder, 'base');
    const add = (from: string, to = from): void => {
      mkdirSync(join(folder, dirname(to)), { recursive: true });
      cpSync(realpathSync(from), join(folder, to));
    };
    const programs = [realpathSync(process.execPath), '/bin/sh', '/bin/mkdir', '/bin/chown'];
    const libraries = programs.flatMap((program) => execFileSync('ldd', [program], { encoding: 'utf8' }).match(/\/\S+/g) ?? []);
    for (const [i, program] of programs.entries()) add(program, i === 0 ? '/usr/local/bin/node' : program);
    for (const library of new Set(libraries)) add(library);
    for (const name of ['proc', 'sys', 'dev', 'tmp', 'etc']) mkdirSync(join(folder, name), { recursive: true });
    return folder;
  }
}

/** Why containers cannot be started here (no right to mount or to make control groups, as inside another container), or null. */
async function obstacle(containers: Containers): Promise<string | null> {
  try {
    await containers.podman('run', '--rm', ...USER, ...LIMITS, '--network', 'none', '--entrypoint', 'node', 'soak-agent', '--version');
    return null;
  } catch (error) {
    return String(error);
  }
}

const possible = installed('podman', 'runc') && process.getuid?.() === 0;

describe.runIf(possible)('the image', () => {
  test('beside a container, as its user and without a capability, reads all of it and holds the verdict', async ({ skip }) => {
    if (!existsSync(join(ROOT, 'dist/main.js'))) execFileSync(process.execPath, [join(ROOT, 'tools/build.ts')]);
    await using containers = new Containers();
    await containers.build();
    const why = await obstacle(containers);
    if (why !== null && process.env['CI'] !== 'true') skip(`containers cannot be started here: ${why}`);
    expect(why).toBeNull();
    const podman = (...args: string[]): Promise<string> => containers.podman(...args);

    await podman(
      'run',
      '--detach',
      '--name',
      'app',
      ...USER,
      ...LIMITS,
      '--network',
      'none',
      '--entrypoint',
      'node',
      'soak-agent',
      '-e',
      APP,
    );
    const runs = join(containers.folder, 'runs');
    mkdirSync(runs);
    chownSync(runs, 65_532, 65_532);
    const beside = ['--volume', `${runs}:/runs`, '--pid', 'container:app', '--network', 'host', ...USER, ...LIMITS];
    const options = ['--target', 'app=name:node', '--interval', '0.5', '--duration', '10s', '--listen', '127.0.0.1:0'];
    await podman('run', '--detach', '--name', 'agent', ...beside, 'soak-agent', ...options);

    const told = await until(
      () => podman('logs', 'agent'),
      (text) => text.includes('serving the final state'),
      60,
    );
    expect(told).toMatch(/^watching app, recording to \/runs\/\S+$/m);
    const url = /metrics, health and verdict at (\S+)/.exec(told)![1]!;
    const page = await (await fetch(`${url}/metrics`, { headers: { connection: 'close' } })).text();
    expect(page.match(/^soak_target_info\{.*\} 1$/gm)).toHaveLength(1); // the application, and not the agent, which is a node, too
    const verdict = (await (await fetch(`${url}/api/verdict`, { headers: { connection: 'close' } })).json()) as Verdict;
    expect(verdict.run.end).not.toBeNull();
    const ids = verdict.series.map(({ id }) => id);
    for (const id of ['app memory.private', 'app fds', 'app threads']) expect(ids).toContain(id);
    expect(verdict.blind.filter(({ metric }) => metric.startsWith('process.') || metric.startsWith('soak.process.'))).toEqual([]);

    expect(await podman('inspect', '--format', '{{.State.Status}}', 'agent')).toBe('running');
    await podman('stop', '--time', '20', 'agent');
    expect(await podman('inspect', '--format', '{{.State.ExitCode}}', 'agent')).toBe(String(EXIT[verdict.outcome]));
    const [run] = readdirSync(runs);
    expect(JSON.parse(readFileSync(join(runs, run!, 'verdict.json'), 'utf8'))).toEqual(verdict);
  });
});
