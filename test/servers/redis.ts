/** A real Redis server of a test's own: on a free port, in a folder of its own, gone when it is stopped. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface RedisServer {
  readonly port: number;
  readonly url: string;
  readonly pid: number;
  /** Ends the server and removes its folder. */
  stop(): Promise<void>;
}

export interface RedisOptions {
  /** As on the command line: `['--maxclients', '20']`. Its log must stay on standard output. */
  readonly args?: readonly string[];
  /** To start it again where it was. */
  readonly port?: number;
}

const START_MS = 10_000;

export async function startRedis({ args = [], port: wanted }: RedisOptions = {}): Promise<RedisServer> {
  const port = wanted ?? (await freePort());
  const folder = mkdtempSync(join(tmpdir(), 'soak-redis-'));
  const child = spawn('redis-server', ['--port', String(port), '--dir', folder, '--save', '', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => resolve());
    child.once('error', () => resolve());
  });
  const stop = async (): Promise<void> => {
    child.kill('SIGCONT');
    child.kill('SIGKILL');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await accepting(child);
  } catch (error) {
    await stop();
    throw error;
  }
  return { port, url: `redis://127.0.0.1:${port}`, pid: child.pid!, stop };
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** By what it says: a connection to find out would be one of its clients for a moment. */
async function accepting(child: ChildProcess): Promise<void> {
  let said = '';
  let failure: Error | null = null;
  child.once('error', (error) => (failure = error));
  for (const stream of [child.stdout!, child.stderr!]) stream.setEncoding('utf8').on('data', (text: string) => (said += text));
  for (const end = performance.now() + START_MS; performance.now() < end; await sleep(10)) {
    if (said.includes('Ready to accept connections')) return;
    if (failure !== null || child.exitCode !== null) break;
  }
  throw failure ?? new Error(`redis-server did not start: ${said}`);
}
