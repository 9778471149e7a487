/** Real commands: what is started beside a run ends with its whole process group, whatever it thinks of signals. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startLoad } from '../../src/load.ts';

let folder = '';
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'soak-load-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

async function pidIn(file: string): Promise<number> {
  for (;;) {
    const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
    if (text.endsWith('\n')) return Number(text);
    await delay(10);
  }
}

test('tells how the command ended', async () => {
  const load = await startLoad(['sh', '-c', 'exit 99']);
  expect(await load.ended).toEqual({ code: 99, signal: null, stopped: false });
  await load.stop(); // of one that has ended: nothing to do
});

test('ends the whole group, also children of the command', async () => {
  const file = join(folder, 'child');
  const load = await startLoad(['sh', '-c', `sleep 600 & echo $! > ${file}; wait`]);
  const child = await pidIn(file);
  await load.stop();
  expect(await load.ended).toMatchObject({ signal: 'SIGTERM', stopped: true });
  for (let i = 0; i < 100 && isAlive(child); i++) await delay(20);
  expect(isAlive(child)).toBe(false);
});

test('kills a command that does not end when told to', async () => {
  const file = join(folder, 'ready');
  const load = await startLoad(['sh', '-c', `trap "" TERM; echo 1 > ${file}; while :; do sleep 0.1; done`]);
  await pidIn(file);
  await load.stop();
  expect((await load.ended).signal).toBe('SIGKILL');
});

test('a command that cannot be started is a usage error that says why', async () => {
  await expect(startLoad(['no-such-program-here', '-x'])).rejects.toMatchObject({ code: 'USAGE', message: /there is no such program/ });
  await expect(startLoad([folder])).rejects.toMatchObject({ code: 'USAGE', message: /cannot be started \(EACCES\)/ });
});
