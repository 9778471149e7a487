/** The service of the demo: it leaks as fast as it is told to, and ends in order when no descriptor is left. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';

const SERVICE = fileURLToPath(new URL('../../demo/service.mjs', import.meta.url));

let running: ChildProcess | undefined;
afterEach(() => void running?.kill());

async function started(descriptors: number, env: Record<string, string> = {}): Promise<{ service: ChildProcess; url: string }> {
  const script = `ulimit -n ${descriptors}; exec "$0" "$1" leaky`;
  const service = spawn('sh', ['-c', script, process.execPath, SERVICE], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running = service;
  const [port] = (await once(service.stdout, 'data')) as [Buffer];
  return { service, url: `http://127.0.0.1:${String(port).trim()}` };
}

/** Journals that were not closed. */
function journals(pid: number): number {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).filter((fd) => readlinkSync(join(folder, fd)).endsWith('/journal')).length;
}

test.each([
  [{}, 12],
  [{ LEAK_ONE_IN: '6' }, 2],
])('with %o it loses %i journals in 240 requests', async (env, lost) => {
  const { service, url } = await started(512, env);
  for (let i = 0; i < 240; i++) await (await fetch(`${url}/checkout`)).arrayBuffer();
  expect(journals(service.pid!)).toBe(lost);
  service.kill();
  expect(await once(service, 'exit')).toEqual([0, null]);
});

test('without a descriptor it answers 503, says so once, and ends with a code by which it is started again', async () => {
  const { service, url } = await started(40);
  const said = text(service.stderr!);
  const ended = once(service, 'exit');
  const statuses = new Set<number>();
  for (let i = 0; i < 1000 && !statuses.has(503); i++) {
    const response = await fetch(`${url}/checkout`);
    statuses.add(response.status);
    await response.arrayBuffer();
  }
  expect(statuses).toEqual(new Set([200, 503]));
  expect(await ended).toEqual([1, null]);
  expect(await said).toMatch(/^no descriptor is left, the service ends: EMFILE: [^\n]+\n$/);
});

test('a rate that is none is refused', async () => {
  const service = spawn(process.execPath, [SERVICE, 'leaky'], { env: { PATH: process.env['PATH'], LEAK_ONE_IN: 'few' } });
  const said = text(service.stderr);
  expect(await once(service, 'exit')).toEqual([64, null]);
  expect(await said).toBe('LEAK_ONE_IN should be a whole number from 1 on, and is few\n');
});
