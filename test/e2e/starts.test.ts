/** What starts of containers need: a finished run is not repeated (`--once`), and who waits for a target can be asked already. */
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Verdict } from '../../src/analysis/verdict.ts';
import { EXIT } from '../../src/problem.ts';
import { Stage, until } from './agent-under-test.ts';

const OPTIONS = ['--once', '--duration', '2s', '--interval', '0.5'];

async function finished(stage: Stage): Promise<{ options: string[]; folder: string; code: number | null; verdict: Verdict }> {
  const app = await stage.program(process.execPath, '-e', 'console.log("ready"); setInterval(() => {}, 1000)');
  const options = ['--target', `app=${app.pid}`, ...OPTIONS];
  const { folder, code, verdict } = await stage.agent(options).result();
  return { options, folder, code, verdict };
}

describe.concurrent('--once', () => {
  test('a start finds the run finished, and serves what it ended with, the target gone or not', async () => {
    await using stage = new Stage();
    const { options, folder, code, verdict } = await finished(stage);
    const message = join(stage.folder, 'message');
    const again = stage.agent([...options, '--hold', '--termination-log', message]);
    await again.says(/is finished, and a finished run is not repeated here/);
    const url = (await again.says(/serving the final state at (\S+) until told to stop\n/))[1]!;
    const get = async (path: string): Promise<string> => (await fetch(`${url}${path}`, { headers: { connection: 'close' } })).text();
    expect(JSON.parse(await get('/api/verdict'))).toEqual(verdict);
    const page = await get('/metrics');
    expect(page).toMatch(new RegExp(`^soak_run_outcome\\{(?=.*soak_run="${verdict.run.id}")(?=.*"${verdict.outcome}").*\\} 1$`, 'm'));
    expect(page).toMatch(/^soak_process_memory_private_bytes\{.*soak_target="app".*\} \d/m);
    expect(JSON.parse(readFileSync(message, 'utf8'))).toMatchObject({ outcome: verdict.outcome, final: true, run: verdict.run.id });
    expect(await again.end()).toEqual({ code, signal: null });
    expect(stage.runs()).toHaveLength(1);
    expect(JSON.parse(readFileSync(join(folder, 'verdict.json'), 'utf8'))).toEqual(verdict);
  });

  test('begins a run where the settings or the place are others', async () => {
    await using stage = new Stage();
    const { options, folder, code } = await finished(stage);
    const other = await stage.agent([...options, '--rule', 'threads < 1000']).result();
    expect([stage.runs().length, other.code]).toEqual([2, EXIT.inconclusive]);
    // In a volume of several containers the newest run is another's.
    writeFileSync(join(other.folder, 'place'), 'of another container\n');
    expect((await stage.agent(options).ended).code).toBe(code);
    expect(stage.runs()).toHaveLength(2);
    rmSync(other.folder, { recursive: true });
    writeFileSync(join(folder, 'place'), 'of another container\n');
    const elsewhere = await stage.watching(options);
    await elsewhere.end();
    expect(stage.runs()).toHaveLength(2);
  });
});

test.concurrent('an agent that waits for its target answers already, because the target may be waiting for it', async () => {
  await using stage = new Stage();
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  const status = async (path: string): Promise<number | null> =>
    fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: 'close' } }).then(
      (response) => response.status,
      () => null,
    );
  const listen = ['--listen', `127.0.0.1:${port}`];
  const agent = stage.agent(['--target', 'app=cmd:comes-later-than-the-agent', '--wait', '1m', '--duration', '2s', ...listen]);
  await until(
    () => status('/healthz'),
    (code) => code === 200,
  );
  expect([await status('/readyz'), await status('/api/verdict'), stage.runs()]).toEqual([503, 503, []]);
  await stage.program(process.execPath, '-e', 'console.log("ready"); setInterval(() => {}, 1000) // comes-later-than-the-agent');
  await agent.result();
});
