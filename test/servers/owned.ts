/** Servers that are started for a test, a measurement or the demo: on loopback, in a folder of their own, and gone with whoever started them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, chownSync, closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * Becomes the server, and leaves a watcher behind that waits on descriptor 3. The watcher is told when the server has been stopped; when
 * the descriptor closes without a word, its owner was killed, and it ends the server, frozen or not, and removes its folder. The server's
 * processes are found by parentage: those of Postgres are each a process group of their own.
 */
const GUARD = `
( ( read -r _ <&3 && exit
    all="$$ $(cat /proc/$$/task/$$/children)"
    kill -CONT $all
    kill -$SOAK_STOP $$
    for _ in 1 2 3 4 5 6 7 8 9 10; do kill -0 $$ || break; sleep 0.2; done
    kill -KILL $all
    rm -rf "$SOAK_FOLDER"
  ) 2>/dev/null & )
exec 3<&-
unset SOAK_STOP SOAK_FOLDER
exec "$@"`;

const READY_S = 30;
const STOP_S = 10;
const PORTS_TRIED = 3;

/** An account that servers run as which refuse to run as root. */
export interface User {
  readonly uid: number;
  readonly gid: number;
}

/** The first of these accounts that exists; null when we are not root and the server may run as us. */
export function unprivileged(...names: string[]): User | null {
  if (process.getuid?.() !== 0) return null;
  const accounts = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  for (const name of names) {
    const [, , uid, gid] = accounts.find(([account]) => account === name) ?? [];
    if (uid !== undefined) return { uid: Number(uid), gid: Number(gid) };
  }
  throw new Error(`there is no user ${names.join(' or ')} for the server to run as`);
}

export function as(user: User | null, command: readonly [string, ...string[]]): readonly [string, ...string[]] {
  return user === null ? command : ['setpriv', `--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups', '--', ...command];
}

export function temporaryFolder(name: string, user: User | null = null): string {
  const folder = mkdtempSync(join(tmpdir(), `soak-${name}-`));
  chmodSync(folder, 0o755); // its unix socket is for every user
  if (user) chownSync(folder, user.uid, user.gid);
  return folder;
}

/** How a server is started. */
export interface Launch {
  readonly folder: string;
  readonly port: number;
  readonly command: readonly [string, ...string[]];
  /** It logs this when it serves. */
  readonly ready: RegExp;
  /** Ends it quickly and in order. */
  readonly stop: NodeJS.Signals;
}

export class OwnedServer implements AsyncDisposable {
  readonly #launch: Launch;
  #child: ChildProcess | null = null;
  #frozen: readonly number[] = [];

  protected constructor(launch: Launch) {
    this.#launch = launch;
  }

  get port(): number {
    return this.#launch.port;
  }

  /** Where its data, its log and its unix socket are. */
  get folder(): string {
    return this.#launch.folder;
  }

  /** Throws while it is down. */
  get pid(): number {
    if (this.#child?.pid === undefined) throw new Error('the server is down');
    return this.#child.pid;
  }

  get log(): string {
    return readFileSync(this.#logFile, 'utf8');
  }

  /** Starts it, again on the same port with the same data if it was there before. Throws with the end of its log when it cannot serve. */
  async up(): Promise<void> {
    const { folder, command, stop } = this.#launch;
    const log = openSync(this.#logFile, 'a');
    const from = this.log.length;
    const child = spawn('sh', ['-c', GUARD, 'sh', ...command], {
      cwd: folder,
      detached: true,
      env: { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC', SOAK_STOP: stop.slice('SIG'.length), SOAK_FOLDER: folder },
      stdio: ['ignore', log, log, 'pipe'],
    });
    closeSync(log);
    child.on('error', () => {}); // the log and its end say the same
    const watcher = child.stdio[3] as Writable;
    watcher.on('error', () => {}); // it has ended as well
    child.once('exit', () => watcher.end('stopped\n'));
    this.#child = child;
    for (let waited = 0; !this.#launch.ready.test(this.log.slice(from)); waited += 0.02) {
      if (hasEnded(child) || waited > READY_S) {
        const said = this.log.slice(-2000);
        await this.down();
        throw new Error(`${command[0]} does not serve: ${said}`);
      }
      await delay(20);
    }
  }

  /** Ends it. Its data stays. */
  async down(signal: NodeJS.Signals = this.#launch.stop): Promise<void> {
    const child = this.#child;
    if (child === null) return;
    this.thaw();
    const late = setTimeout(() => child.kill('SIGKILL'), STOP_S * 1000);
    child.kill(signal);
    await ended(child);
    clearTimeout(late);
    this.#child = null;
  }

  /** Down for this many seconds. */
  async restart(seconds = 0): Promise<void> {
    await this.down();
    await delay(seconds * 1000);
    await this.up();
  }

  /** Stops its processes where they are: it accepts connections, because the kernel does, and says nothing more. */
  freeze(): void {
    const { pid } = this;
    signalTo(pid, 'SIGSTOP');
    this.#frozen = [pid, ...childrenOf(pid)];
    for (const one of this.#frozen) signalTo(one, 'SIGSTOP');
  }

  thaw(): void {
    for (const pid of this.#frozen) signalTo(pid, 'SIGCONT');
    this.#frozen = [];
  }

  /** Ends it for good, with its data. */
  async stop(): Promise<void> {
    await this.down();
    rmSync(this.folder, { recursive: true, force: true });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  get #logFile(): string {
    return join(this.#launch.folder, 'log');
  }
}

/** Starts a server on a free port; on another one if somebody was faster. */
export async function onFreePort<T extends OwnedServer>(make: (port: number) => Promise<T> | T): Promise<T> {
  for (let tried = 1; ; tried++) {
    const server = await make(await freePort());
    try {
      await server.up();
      return server;
    } catch (error) {
      await server.stop();
      if (tried === PORTS_TRIED || !/in use/i.test(String(error))) throw error;
    }
  }
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
}

async function ended(child: ChildProcess): Promise<void> {
  if (!hasEnded(child)) await new Promise((resolve) => child.once('exit', resolve));
}

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
}

function signalTo(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // has ended
  }
}
