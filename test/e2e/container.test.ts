/**
 * The image as a sidecar, once: its last stage, in the pid namespace of another container, as its user and without a capability.
 * Everything else about containers is in test/containers (`npm run test:containers`).
 */
import { chmodSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Verdict } from '../../src/analysis/verdict.ts';
import { EXIT } from '../../src/problem.ts';
import { canRunContainers, Engine, HARDENED } from '../containers/engine.ts';
import { until } from './agent-under-test.ts';

/** Works and leaks, and is called `node` like the agent beside it. */
const APP = 'const kept = []; setInterval(() => { for (let i = 0; i < 3e5; i++); kept.push(Buffer.alloc(2e4, 1)); }, 20)';

describe.runIf(canRunContainers())('the image', () => {
  test('beside a container, as its user and without a capability, reads all of it and ends with its verdict when it is told to', async ({
    skip,
  }) => {
    await using engine = new Engine();
    await engine.buildLast();
    const why = await engine.obstacle();
    if (why !== null && process.env['CI'] !== 'true') skip(`containers cannot be started here: ${why}`);
    expect(why).toBeNull();

    const runs = join(engine.folder, 'runs');
    mkdirSync(runs);
    chmodSync(runs, 0o777);
    const alone = [...HARDENED, '--network', 'none'];
    await engine.start({ name: 'app', image: 'soak-agent', options: [...alone, '--entrypoint', 'node'], args: ['-e', APP] });
    const beside = [...HARDENED, '--pid', 'container:app', '--network', 'host', '--volume', `${runs}:/runs`];
    const args = ['--target', 'app=name:node', '--interval', '0.5', '--listen', '127.0.0.1:0'];
    await engine.start({ name: 'agent', image: 'soak-agent', options: beside, args });
    const logs = (): Promise<string> => engine.podman('logs', 'agent');
    const told = await until(logs, (text) => text.includes('metrics, health and verdict at'), 30);
    expect(told).toMatch(/^watching app, recording to \/runs\/\S+$/m);
    const url = /metrics, health and verdict at (\S+)/.exec(told)![1]!;
    const get = async (path: string): Promise<string> => (await fetch(`${url}${path}`, { headers: { connection: 'close' } })).text();
    const page = await until(
      () => get('/metrics'),
      (text) => text.includes('soak_process_memory_private_bytes{'),
    );
    expect(page.match(/^soak_target_info\{.*\} 1$/gm)).toHaveLength(1); // the application, and not the agent, which is a node, too

    await engine.podman('stop', '--time', '20', 'agent');
    const [run] = readdirSync(runs);
    const verdict = JSON.parse(readFileSync(join(runs, run!, 'verdict.json'), 'utf8')) as Verdict;
    expect(verdict.run.end).not.toBeNull();
    const ids = verdict.series.map(({ id }) => id);
    for (const id of ['app memory.private', 'app fds', 'app threads']) expect(ids).toContain(id);
    expect(verdict.blind.filter(({ metric }) => metric.startsWith('process.') || metric.startsWith('soak.process.'))).toEqual([]);
    expect(await engine.podman('inspect', '--format', '{{.State.ExitCode}}', 'agent')).toBe(String(EXIT[verdict.outcome]));
  });
});
