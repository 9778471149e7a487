/** The agent as a user starts it, beside real programs: for tests of whole runs. A stage ends whatever was started on it. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';
import type { Verdict, VerdictSeries } from '../../src/analysis/verdict.ts';
import { RecordReader } from '../../src/record/reader.ts';
import type { RunEvent } from '../../src/tick.ts';
import { hasMembers } from '../programs.ts';
import { CLI } from '../soakagent.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
export const PROGRAMS = join(ROOT, 'test/fixtures/programs');

/** What is not installed is not run, except where everything must be. */
export function installed(...programs: string[]): boolean {
  const folders = (process.env['PATH'] ?? '').split(':');
  return process.env['CI'] === 'true' || programs.every((program) => folders.some((folder) => existsSync(join(folder, program))));
}

export interface End {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A program and what it has said so far. */
export class Program {
  readonly child: ChildProcess;
  /** What it has said is complete. Programs of its own that go on may hold its output open. */
  readonly ended: Promise<End>;
  readonly exited: Promise<End>;
  out = '';
  err = '';
  #listeners: (() => void)[] = [];

  constructor(file: string, args: readonly string[], options: { readonly cwd: string; readonly env?: NodeJS.ProcessEnv }) {
    // A group of its own, so that what it has started can be ended with it.
    this.child = spawn(file, args, { ...options, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    this.child.stdout!.setEncoding('utf8').on('data', (text: string) => this.#said(() => (this.out += text)));
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => this.#said(() => (this.err += text)));
    this.exited = new Promise((resolve) => this.child.once('exit', (code, signal) => resolve({ code, signal })));
    this.ended = new Promise((resolve) => this.child.once('close', (code, signal) => resolve({ code, signal })));
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** Resolves when what it has said matches; rejects when it ends without. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    let over = false;
    for (;;) {
      const match = pattern.exec(this.err) ?? pattern.exec(this.out);
      if (match) return match;
      if (over) throw new Error(`ended without ${pattern}: ${this.told()}`);
      const more = new Promise<boolean>((resolve) => this.#listeners.push(() => resolve(false)));
      over = await Promise.race([more, this.ended.then(() => true)]);
    }
  }

  /** Sends the signal and waits for the end. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<End> {
    this.child.kill(signal);
    return signal === 'SIGKILL' ? this.exited : this.ended;
  }

  protected told(): string {
    return `exit ${this.child.exitCode ?? this.child.signalCode}\n${this.out}\n${this.err}`;
  }

  #said(keep: () => void): void {
    keep();
    for (const listener of this.#listeners.splice(0)) listener();
  }
}

export class AgentUnderTest extends Program {
  /** Resolves with the folder of the run. */
  async recording(): Promise<string> {
    return (await this.says(/recording to (\S+)\n/))[1]!;
  }

  /** Of the pages, without a slash at the end. */
  async url(): Promise<string> {
    return (await this.says(/metrics, health and verdict at (\S+)\n/))[1]!;
  }

  /** Waits for the first sample. */
  async ready(): Promise<void> {
    await until(
      () => this.page('/readyz'),
      ({ status }) => status === 200,
    );
  }

  /** The processes that are watched, by the one metric that names them. */
  async bound(): Promise<number[]> {
    const { text } = await this.page('/metrics');
    return [...text.matchAll(/^soak_target_info\{.*pid="(\d+)"/gm)].map((match) => Number(match[1])).toSorted((a, b) => a - b);
  }

  async page(path: string): Promise<{ status: number; text: string }> {
    const response = await fetch(`${await this.url()}${path}`, { headers: { connection: 'close' } });
    return { status: response.status, text: await response.text() };
  }

  /** Waits for the end of the run. */
  async result(): Promise<Result> {
    const { code, signal } = await this.ended;
    const folder = /recording to (\S+)\n/.exec(this.err)?.[1];
    if (folder === undefined || !existsSync(join(folder, 'verdict.json'))) throw new Error(`there is no verdict: ${this.told()}`);
    const text = readFileSync(join(folder, 'verdict.json'), 'utf8');
    return new Result(folder, code, signal, JSON.parse(text) as Verdict);
  }
}

/** What a run has left. */
export class Result {
  readonly folder: string;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly verdict: Verdict;

  constructor(folder: string, code: number | null, signal: NodeJS.Signals | null, verdict: Verdict) {
    this.folder = folder;
    this.code = code;
    this.signal = signal;
    this.verdict = verdict;
  }

  get reasons(): string {
    return this.verdict.reasons.join('\n');
  }

  /** By its id, such as `app memory.private`. */
  series(id: string): VerdictSeries | undefined {
    return this.verdict.series.find((series) => series.id === id);
  }

  events(kind: RunEvent['kind']): RunEvent[] {
    return eventsOf(this.folder).filter((event) => event.kind === kind);
  }
}

export function reading<T>(folder: string, read: (reader: RecordReader) => T): T {
  const reader = RecordReader.open(folder);
  try {
    return read(reader);
  } finally {
    reader.close();
  }
}

export function eventsOf(folder: string): RunEvent[] {
  return reading(folder, (reader) => [...reader.events()]);
}

export interface AgentOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Folder of the runs; by default the stage's own. */
  readonly out?: string;
  /** A command that starts it, such as `setpriv --reuid=65534`. */
  readonly through?: readonly string[];
}

const stages = new Set<Stage>();
let service: string | null = null;

afterAll(async () => {
  // A test that takes too long is given up by the runner, and what it has started goes on.
  await Promise.all([...stages].map((stage) => stage[Symbol.asyncDispose]()));
  if (service !== null) rmSync(dirname(service), { recursive: true });
});

export class Stage implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'soak-run-'));
  readonly out = join(this.folder, 'runs');
  readonly #started = new Set<Program>();

  constructor() {
    stages.add(this);
  }

  /** Only what Node needs of our own environment: SOAK_* or OTEL_* of the machine must not decide a test. */
  agent(options: readonly string[], { env = {}, out = this.out, through = [] }: AgentOptions = {}): AgentUnderTest {
    const [file, ...args] = [...through, process.execPath, CLI, 'run', '--listen', '127.0.0.1:0', '--out', out, ...options];
    return this.#start(new AgentUnderTest(file!, args, this.#place(env)));
  }

  /** An agent that has begun to record. */
  async watching(options: readonly string[], more?: AgentOptions): Promise<AgentUnderTest> {
    const agent = this.agent(options, more);
    await agent.recording();
    return agent;
  }

  /** Another command of the program, to its end. */
  async command(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
    const program = this.#start(new Program(process.execPath, [CLI, ...args], this.#place()));
    const { code } = await program.ended;
    return { code, out: program.out, err: program.err };
  }

  /** A program to be watched, once it has said that it is ready. */
  async program(file: string, ...args: string[]): Promise<Program> {
    const program = this.#start(new Program(file, args, { cwd: this.folder }));
    await program.says(/ready/);
    return program;
  }

  /** The service of `run-service.c` under a name of its own, of at most 15 letters. */
  service(...options: string[]): Promise<Program> {
    return this.program(this.serviceCalled('service'), ...options);
  }

  /** Path of that program under this name. */
  serviceCalled(name: string): string {
    const path = join(this.folder, name);
    if (!existsSync(path)) copyFileSync(compiled(), path);
    return path;
  }

  runs(): string[] {
    return existsSync(this.out) ? readdirSync(this.out).toSorted() : [];
  }

  /** Processes of this program. */
  running(program: string): number[] {
    return readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) && executableOf(name) === program ? [Number(name)] : []));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!stages.delete(this)) return;
    for (const program of this.#started) kill(-program.pid);
    for (const pid of this.#left()) kill(pid);
    await Promise.all([...this.#started].map((program) => program.ended));
    rmSync(this.folder, { recursive: true, force: true });
  }

  #place(env: Readonly<Record<string, string>> = {}): { cwd: string; env: NodeJS.ProcessEnv } {
    return { cwd: this.folder, env: { PATH: process.env['PATH'], ...env } };
  }

  #start<T extends Program>(program: T): T {
    this.#started.add(program);
    void program.exited.then(() => hasMembers(program.pid) || this.#started.delete(program));
    return program;
  }

  /** Services that an agent had started. */
  #left(): number[] {
    return readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) && executableOf(name).startsWith(this.folder) ? [Number(name)] : []));
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // has ended
  }
}

function executableOf(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return '';
  }
}

function compiled(): string {
  if (service === null) {
    service = join(mkdtempSync(join(tmpdir(), 'soak-service-')), 'service');
    execFileSync('gcc', ['-O1', '-o', service, join(PROGRAMS, 'run-service.c')]);
  }
  return service;
}

/** Looks every tenth of a second until it is so, and returns what was seen. Tests that run beside others cannot use `expect.poll`. */
export async function until<T>(look: () => T | Promise<T>, isSo: (seen: T) => boolean, seconds = 60): Promise<T> {
  const end = performance.now() + seconds * 1000;
  for (;;) {
    const seen = await look();
    if (isSo(seen)) return seen;
    if (performance.now() > end) throw new Error(`not within ${seconds} s, but ${JSON.stringify(seen)}`);
    await sleep(100);
  }
}

/** Whether the process still runs: not ended, and no zombie. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
