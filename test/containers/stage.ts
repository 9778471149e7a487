/** Containers beside each other, as a test sets them: an application, the agent beside it, and what the agent leaves. */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inject } from 'vitest';
import type { Verdict } from '../../src/analysis/verdict.ts';
import { eventsOf, until } from '../e2e/agent-under-test.ts';
import type { RunEvent } from '../../src/tick.ts';
import { Engine, HARDENED } from './engine.ts';

/** Whether there are any here. */
export const haveContainers = inject('engine') !== null;

export interface AgentOptions {
  /** Of podman, instead of those of the examples. */
  readonly as?: readonly string[];
  readonly name?: string;
  /** Of podman, beyond that. */
  readonly more?: readonly string[];
}

export class Stage implements AsyncDisposable {
  readonly engine = new Engine(inject('engine')!);
  /** Of the host. */
  readonly folder = mkdtempSync(join(this.engine.folder, 'stage-'));
  readonly runs = join(this.folder, 'runs');
  readonly message = join(this.folder, 'termination-log');

  constructor() {
    mkdirSync(this.runs);
    chmodSync(this.runs, 0o777);
    this.forgetMessage();
  }

  /** As the kubelet does for every start of a container. */
  forgetMessage(): void {
    writeFileSync(this.message, '');
    chmodSync(this.message, 0o666);
  }

  podman(...args: string[]): Promise<string> {
    return this.engine.podman(...args);
  }

  /** A container called `app` that runs a script of Node. */
  async app(script: string, ...options: string[]): Promise<void> {
    const all = ['--network', 'host', ...HARDENED, '--tmpfs', '/tmp', '--entrypoint', 'node', ...options];
    await this.engine.start({ name: 'app', image: 'soak-agent-demo', options: all, args: ['-e', script] });
  }

  /** The agent in the pid namespace of `app`, with a termination message as in a pod; resolves when it samples. */
  async agent(
    args: readonly string[],
    { as = HARDENED, name = 'agent', more = ['--pid', 'container:app'] }: AgentOptions = {},
  ): Promise<void> {
    const files = ['--volume', `${this.runs}:/runs`, '--volume', `${this.message}:/dev/termination-log`];
    const options = ['--network', 'host', '--env', 'SOAK_LISTEN=127.0.0.1:0', ...files, ...more, ...as];
    await this.engine.start({ name, image: 'soak-agent', options, args: ['--interval', '0.5', ...args] });
    await this.sampling(name);
  }

  async sampling(name = 'agent', starts = 1): Promise<void> {
    await until(
      () => this.podman('logs', name),
      (text) => (text.match(/^metrics, health and verdict at \S+$/gm) ?? []).length >= starts || /^soak-agent: \d problem/m.test(text),
      40,
    ).catch(async (error: Error) => {
      throw new Error(`${error.message}\n${await this.podman('ps', '--all')}\n${await this.podman('logs', 'app')}`);
    });
    const page = await this.page('/metrics', name);
    if (page === '') throw new Error(await this.podman('logs', name));
  }

  /** A page of its latest start; waits for the first sample. */
  async page(path: string, name = 'agent'): Promise<string> {
    const urls = [
      ...(await this.podman('logs', name)).matchAll(/^(?:metrics, health and verdict|serving the final state) at (http:\S+)/gm),
    ];
    const url = urls.at(-1)?.[1];
    if (url === undefined) return '';
    await until(
      async () => (await fetch(`${url}/readyz`, { headers: { connection: 'close' } })).status,
      (status) => status === 200,
    );
    return (await fetch(`${url}${path}`, { headers: { connection: 'close' } })).text();
  }

  async says(pattern: RegExp, name = 'agent', seconds = 60): Promise<string> {
    return until(
      () => this.podman('logs', name),
      (text) => pattern.test(text),
      seconds,
    );
  }

  async state(name: string): Promise<{ status: string; code: number }> {
    const [status = '', code] = (await this.podman('inspect', '--format', '{{.State.Status}} {{.State.ExitCode}}', name)).split(' ');
    return { status, code: Number(code) };
  }

  async ended(name: string): Promise<number> {
    const { code } = await until(
      () => this.state(name),
      ({ status }) => status === 'exited',
    );
    return code;
  }

  folders(): string[] {
    return readdirSync(this.runs)
      .filter((file) => file.includes('Z-'))
      .toSorted();
  }

  /** A file of the latest run; null when there is none. */
  verdict(file: 'verdict.json' | 'verdict-so-far.json' = 'verdict.json'): Verdict | null {
    const path = join(this.runs, this.folders().at(-1)!, file);
    return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Verdict) : null;
  }

  said(): { outcome: string; final: boolean; run: string; reasons: string[] } {
    return JSON.parse(readFileSync(this.message, 'utf8')) as ReturnType<Stage['said']>;
  }

  events(kind: RunEvent['kind']): RunEvent[] {
    return eventsOf(join(this.runs, this.folders().at(-1)!)).filter((event) => event.kind === kind);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.engine.clear();
  }
}
