/** Servers and applications that are started for a test, a measurement or the demo: each in a folder of its own, and gone with whoever started it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, chownSync, closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * Waits on descriptor 3. It is told when the program `$1` has ended; when the descriptor closes without a word, the owner was killed, and
 * the watcher ends the program, frozen or not, and removes its folder. What the program has started is found by parentage: the processes
 * of Postgres are each a group of their own.
 */
const WATCHER = `
read -r _ <&3 && exit
all="$1 $(cat /proc/$1/task/$1/children)"
kill -CONT $all
kill -$SOAK_STOP $1
for _ in 1 2 3 4 5 6 7 8 9 10; do kill -0 $1 || break; sleep 0.2; done
kill -KILL $all
rm -rf "$SOAK_FOLDER"`;

/** Leaves a watcher behind, which is nobody's child and has no word of the program in its command line, and becomes the program. */
const GUARD = `
( sh -c "$SOAK_WATCHER" soak-watcher $$ 2>/dev/null & )
exec 3<&-
unset SOAK_WATCHER SOAK_STOP SOAK_FOLDER
exec "$@"`;

const READY_S = 60;
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

/** Whether every user may read what is there: a clone may lie in root's home. */
export function isOpenToAll(folder: string): boolean {
  for (let path = folder; path !== '/'; path = dirname(path)) if ((statSync(path).mode & 0o001) === 0) return false;
  return true;
}

export function temporaryFolder(name: string, user: User | null = null): string {
  const folder = mkdtempSync(join(tmpdir(), `soak-${name}-`));
  chmodSync(folder, 0o755); // its unix socket is for every user
  if (user) chownSync(folder, user.uid, user.gid);
  return folder;
}

/** How a program is started. */
export interface Launch {
  readonly folder: string;
  readonly command: readonly [string, ...string[]];
  /** Beside the PATH. */
  readonly env?: Readonly<Record<string, string>>;
  /** It logs this when it serves. */
  readonly ready: RegExp;
  /** Ends it quickly and in order. */
  readonly stop: NodeJS.Signals;
}

export class Owned implements AsyncDisposable {
  readonly #launch: Launch;
  #child: ChildProcess | null = null;
  #frozen: readonly number[] = [];

  protected constructor(launch: Launch) {
    this.#launch = launch;
  }

  /** Where its data, its log and its unix socket are. */
  get folder(): string {
    return this.#launch.folder;
  }

  /** Throws while it is down. */
  get pid(): number {
    if (this.#child?.pid === undefined) throw new Error('it is down');
    return this.#child.pid;
  }

  /** What it has said. */
  get log(): string {
    return readFileSync(this.#logFile, 'utf8');
  }

  /** Starts it, with the data and on the port that it had before. Throws with the end of its log when it cannot serve. */
  async up(): Promise<void> {
    const { folder, command, env, stop } = this.#launch;
    const log = openSync(this.#logFile, 'a');
    const from = this.log.length;
    const guard = { SOAK_WATCHER: WATCHER, SOAK_STOP: stop.slice('SIG'.length), SOAK_FOLDER: folder };
    const child = spawn('sh', ['-c', GUARD, 'sh', ...command], {
      cwd: folder,
      detached: true,
      env: { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC', ...env, ...guard },
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

  /** Resolves with its exit code when it has ended; null after a signal. */
  async ended(): Promise<number | null> {
    const child = this.#child;
    if (child !== null) await end(child);
    return child?.exitCode ?? null;
  }

  /** Ends it. Its data stays. */
  async down(signal: NodeJS.Signals = this.#launch.stop): Promise<void> {
    const child = this.#child;
    if (child === null) return;
    this.thaw();
    const late = setTimeout(() => child.kill('SIGKILL'), STOP_S * 1000);
    child.kill(signal);
    await end(child);
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
export async function onFreePort<T extends Owned>(make: (port: number) => Promise<T> | T): Promise<T> {
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

async function end(child: ChildProcess): Promise<void> {
  if (!hasEnded(child)) await new Promise((resolve) => child.once('exit', resolve));
}

export function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
}

function signalTo(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // has ended
  }
}
