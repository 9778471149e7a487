/**
 * Containers for tests: podman with storage of its own, and the images of docker/Dockerfile on a base that is made of what is installed
 * here. No image is fetched.
 */
import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** As the examples of docs/containers.md start their containers. */
export const HARDENED = ['--read-only', '--cap-drop', 'all', '--security-opt', 'no-new-privileges'];

/** Node alone, as an image without a shell is. */
const BASE = 'localhost/node-base';
const BUILD_BASE = 'localhost/build-base';

export function hardLimit(name: 'nofile' | 'nproc'): number {
  const row = readFileSync('/proc/self/limits', 'utf8').match(
    name === 'nofile' ? /^Max open files +\S+ +(\S+)/m : /^Max processes +\S+ +(\S+)/m,
  );
  return Math.min(4096, Number(row?.[1]) || 4096); // `unlimited` is no number
}

export interface Run {
  readonly name: string;
  readonly image: 'soak-agent' | 'soak-agent-demo';
  /** Of podman. */
  readonly options?: readonly string[];
  /** Of the program. */
  readonly args?: readonly string[];
}

/** Podman gives a container more than there may be here, which then cannot be started; a pod takes no option for it. */
const SETTINGS = `[containers]
default_ulimits = [${(['nofile', 'nproc'] as const).map((name) => `"${name}=${hardLimit(name)}:${hardLimit(name)}"`).join(', ')}]
`;

export class Engine implements AsyncDisposable {
  readonly folder: string;
  readonly #made: boolean;

  /** @param folder with the images of another engine; without it, one of its own that ends with it */
  constructor(folder?: string) {
    this.folder = folder ?? mkdtempSync(join(tmpdir(), 'soak-containers-'));
    this.#made = folder === undefined;
    writeFileSync(this.#settings, SETTINGS);
  }

  get #settings(): string {
    return join(this.folder, 'containers.conf');
  }

  async podman(...args: string[]): Promise<string> {
    const where = ['--root', join(this.folder, 'images'), '--runroot', join(this.folder, 'run'), '--cgroup-manager', 'cgroupfs'];
    // What watches a container for podman leaves a file called `oom` where it is started.
    const options = { cwd: this.folder, maxBuffer: 2 ** 24, env: { ...process.env, CONTAINERS_CONF: this.#settings } };
    const { stdout, stderr } = await promisify(execFile)('podman', [...where, '--runtime', 'runc', ...args], options);
    return `${stdout}${args[0] === 'logs' ? stderr : ''}`.trim();
  }

  /** Starts a container in the background, hardened unless `options` say whose capabilities it has. */
  async start({ name, image, options = [], args = [] }: Run): Promise<void> {
    await this.podman('run', '--detach', '--name', name, ...options, image, ...args);
  }

  /** Builds the last stage alone on what `npm run build` has made: a second, where all stages are half a minute. */
  async buildLast(): Promise<void> {
    if (!existsSync(join(ROOT, 'dist/main.js'))) execFileSync(process.execPath, [join(ROOT, 'tools/build.ts')]);
    await this.#importBase(BASE, [process.execPath]);
    const made = join(this.folder, 'made');
    execFileSync(process.execPath, [join(ROOT, 'docker/image.mjs'), join(made, 'image')]);
    // The stage is named `build`, and where there is none an image of that name is taken.
    await this.#import(made, 'localhost/build');
    const [head = '', ...stages] = readFileSync(join(ROOT, 'docker/Dockerfile'), 'utf8').split(/^(?=FROM )/m);
    const file = join(this.folder, 'Dockerfile');
    writeFileSync(file, head + stages.at(-1)!);
    await this.#build(file, 'soak-agent', made);
  }

  /** Builds the Dockerfile as it is, from `npm ci` on, the demo with it, and `pause`, the first process of a pod. */
  async buildAll(): Promise<void> {
    await this.#importBase(BASE, [process.execPath]);
    await this.#importBase(BUILD_BASE, [process.execPath, '/bin/sh', '/usr/bin/env'], npm());
    const file = join(ROOT, 'docker/Dockerfile');
    await this.#build(file, 'soak-agent', ROOT);
    await this.#build(file, 'soak-agent-demo', ROOT, '--target', 'demo');
    const pause = join(this.folder, 'Pause');
    writeFileSync(
      pause,
      `FROM ${BASE}\nCOPY --from=${BASE} /usr/local/bin/node /pause\nENTRYPOINT ["/pause", "-e", "setInterval(() => {}, 1e9)"]\n`,
    );
    await this.#build(pause, 'pause', this.folder);
  }

  /** Why containers cannot be started here (no right to mount or to make control groups, as inside another container), or null. */
  async obstacle(): Promise<string | null> {
    try {
      await this.podman('run', '--rm', ...HARDENED, '--network', 'none', '--entrypoint', 'node', 'soak-agent', '--version');
      return null;
    } catch (error) {
      return String(error);
    }
  }

  /** Ends every container, those before the ones that they depend on, and pods. */
  async clear(): Promise<void> {
    const containers = await this.podman('ps', '--all', '--quiet', '--sort', 'created');
    for (const id of containers.split('\n').filter(Boolean).toReversed()) {
      await this.podman('rm', '--force', '--depend', '--time', '0', '--volumes', id).catch(() => {}); // went with one before it
    }
    await this.podman('pod', 'rm', '--force', '--all').catch(() => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.clear();
    if (!this.#made) return;
    // Podman mounts its storage on itself and leaves that behind.
    const mounts = readFileSync('/proc/self/mounts', 'utf8').matchAll(/^\S+ (\S+) /gm);
    for (const [, point] of [...mounts].toReversed()) if (point!.startsWith(`${this.folder}/`)) execFileSync('umount', ['--lazy', point!]);
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #build(file: string, tag: string, context: string, ...more: string[]): Promise<void> {
    const bases = ['--build-arg', `BUILD_IMAGE=${BUILD_BASE}`, '--build-arg', `NODE_IMAGE=${BASE}`];
    const options = ['--isolation', 'chroot', '--format', 'docker', ...bases, ...more];
    await this.podman('build', ...options, '--file', file, '--tag', tag, context);
  }

  async #import(folder: string, name: string, ...options: string[]): Promise<void> {
    const archive = `${folder}.tar`;
    execFileSync('tar', ['-C', folder, '-cf', archive, '.']);
    await this.podman('import', ...options, archive, name);
    rmSync(archive);
  }

  /** These programs, with the libraries of all. */
  async #importBase(name: string, files: readonly string[], more: (folder: string) => string[] = () => []): Promise<void> {
    const folder = join(this.folder, basename(name));
    const add = (from: string, to = from): void => {
      mkdirSync(join(folder, dirname(to)), { recursive: true });
      cpSync(realpathSync(from), join(folder, to));
    };
    for (const file of files) add(file, file === process.execPath ? '/usr/local/bin/node' : file);
    for (const library of new Set(files.flatMap(librariesOf))) add(library);
    for (const empty of ['proc', 'sys', 'dev', 'tmp', 'etc']) mkdirSync(join(folder, empty), { recursive: true });
    chmodSync(join(folder, 'tmp'), 0o1777);
    const environment = ['PATH=/usr/local/bin:/usr/bin:/bin', ...more(folder)];
    await this.#import(folder, name, ...environment.flatMap((one) => ['--change', `ENV ${one}`]));
  }
}

/** Where everything must be run it is tried in any case, and says what is missing. */
export function canRunContainers(): boolean {
  const folders = (process.env['PATH'] ?? '').split(':');
  const isThere = (program: string): boolean => folders.some((folder) => existsSync(join(folder, program)));
  return process.getuid?.() === 0 && (process.env['CI'] === 'true' || ['podman', 'runc'].every(isThere));
}

function librariesOf(program: string): string[] {
  return execFileSync('ldd', [realpathSync(program)], { encoding: 'utf8' }).match(/\/\S+/g) ?? [];
}

/** npm, and what it needs to reach its registry from a container; returns variables of the environment. */
function npm(): (folder: string) => string[] {
  return (folder) => {
    const script = realpathSync(execFileSync('sh', ['-c', 'command -v npm'], { encoding: 'utf8' }).trim());
    const modules = join(folder, 'usr/local/lib/node_modules');
    cpSync(dirname(dirname(script)), join(modules, 'npm'), { recursive: true });
    const run = '#!/bin/sh\nexec node /usr/local/lib/node_modules/npm/bin/npm-cli.js "$@"\n';
    writeFileSync(join(folder, 'usr/local/bin/npm'), run, { mode: 0o755 });
    for (const name of ['resolv.conf', 'hosts', 'nsswitch.conf']) {
      if (existsSync(`/etc/${name}`)) cpSync(realpathSync(`/etc/${name}`), join(folder, 'etc', name));
    }
    // A machine behind a proxy that speaks TLS itself says so here.
    const { NODE_EXTRA_CA_CERTS: certificates, npm_config_registry: registry } = process.env;
    if (certificates) cpSync(realpathSync(certificates), join(folder, 'etc/certificates.crt'));
    return [
      ...(certificates ? ['NODE_EXTRA_CA_CERTS=/etc/certificates.crt'] : []),
      ...(registry ? [`npm_config_registry=${registry}`] : []),
    ];
  };
}
