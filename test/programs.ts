/** Starts small real programs for a test and ends them, with all that they have started, whatever happens. */
import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface Program {
  readonly pid: number;
  readonly child: ChildProcess;
  /** The first line it printed: it is ready then. Empty for programs that print nothing. */
  readonly said: string;
  /** Resolves when it has ended. */
  readonly ended: Promise<unknown>;
  kill(signal?: NodeJS.Signals): void;
}

export class Programs {
  readonly #started = new Set<Program>();

  /** A program that says when it is ready. `.pl` and `.mjs` are those of `test/fixtures/programs`. */
  async start(program: string, args: readonly (string | number)[] = [], options: SpawnOptions = {}): Promise<Program> {
    const [file, ...before] = interpreter(program);
    return this.#ready(spawn(file!, [...before, ...args.map(String)], { ...options, stdio: ['pipe', 'pipe', 'inherit'], detached: true }));
  }

  /** A program that is not a child of this process: selectors that search never find our own children. */
  async orphan(
    program: string,
    args: readonly (string | number)[] = [],
  ): Promise<{ readonly pid: number; kill(signal?: NodeJS.Signals): void }> {
    const script = '"$@" & echo $!';
    const child = spawn('sh', ['-c', script, 'sh', ...interpreter(program), ...args.map(String)], {
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true,
    });
    this.#add(child, '');
    const said: string[] = [];
    for await (const line of createInterface({ input: child.stdout })) if (said.push(line) === 2) break;
    if (child.exitCode === null) await once(child, 'exit'); // until then it is still a grandchild of ours
    const pid = Number(said.find((line) => /^\d+$/.test(line)));
    return { pid, kill: (signal = 'SIGKILL') => void process.kill(pid, signal) };
  }

  /** A program that says nothing. */
  async quiet(file: string, args: readonly (string | number)[] = []): Promise<Program> {
    const child = spawn(file, args.map(String), { stdio: 'ignore', detached: true });
    await once(child, 'spawn');
    return this.#add(child, '');
  }

  async end(): Promise<void> {
    for (const { pid } of this.#started) killGroup(pid, 'SIGKILL');
    await Promise.all([...this.#started].map(({ ended }) => ended));
    this.#started.clear();
  }

  async #ready(child: ChildProcess): Promise<Program> {
    const program = this.#add(child, '');
    for await (const line of createInterface({ input: child.stdout! })) return { ...program, said: line };
    throw new Error(`${child.spawnargs.join(' ')} ended before it was ready`);
  }

  #add(child: ChildProcess, said: string): Program {
    const pid = child.pid!;
    const ended = child.exitCode === null ? once(child, 'exit') : Promise.resolve();
    const program = { pid, child, said, ended, kill: (signal: NodeJS.Signals = 'SIGKILL') => void process.kill(pid, signal) };
    this.#started.add(program);
    void ended.then(() => hasMembers(pid) || this.#started.delete(program));
    return program;
  }
}

function interpreter(program: string): string[] {
  const path = fileURLToPath(new URL(`fixtures/programs/${program}`, import.meta.url));
  if (program.endsWith('.pl')) return ['perl', path];
  return program.endsWith('.mjs') ? [process.execPath, path] : [program];
}

/** Whether anybody is left in the group of a program that has ended. If not, its number will be given to others, who are not ours to end. */
export function hasMembers(group: number): boolean {
  try {
    return process.kill(-group, 0);
  } catch {
    return false;
  }
}

function killGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // it has ended, and so has all that it started
  }
}

/** Runs the test with programs that end with it. */
export async function withPrograms<T>(run: (programs: Programs) => Promise<T>): Promise<T> {
  const programs = new Programs();
  try {
    return await run(programs);
  } finally {
    await programs.end();
  }
}
