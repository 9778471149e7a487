/** How containers end, and what is left of the run: told to, killed, out of memory, with the namespace, and started again. */
import { describe, expect, test } from 'vitest';
import { EXIT } from '../../src/problem.ts';
import { HARDENED, hardLimit } from './engine.ts';
import { haveContainers, Stage } from './stage.ts';
import { until } from '../e2e/agent-under-test.ts';

/** Works, and keeps 1 MB a second. */
const LEAKS = 'const kept = []; setInterval(() => { for (let i = 0; i < 1e6; i++); kept.push(Buffer.alloc(1e5, 1)); }, 100);';

/** Is killed by the kernel in a container of 64 MB, half a minute from now. */
const BURSTS = `${LEAKS} setTimeout(() => setInterval(() => kept.push(Buffer.alloc(2e7, 1)), 50), 30_000);`;

/** Not by its name: the first process of a pod is a program of Node here as well. */
const TARGET = ['--target', String.raw`app=cmd:kept\.push`, '--gone-after', '5m'];

describe.runIf(haveContainers)('the agent', () => {
  test('told to stop has its verdict in the file, in the termination message and in its exit code, within the grace period', async () => {
    await using stage = new Stage();
    await stage.app(LEAKS);
    await stage.agent(TARGET);
    await until(
      () => stage.verdict('verdict-so-far.json'),
      (verdict) => verdict !== null,
      30,
    );
    await stage.podman('stop', '--time', '10', 'agent'); // the default of Docker; Kubernetes waits 30 s
    const verdict = stage.verdict()!;
    expect(await stage.state('agent')).toEqual({ status: 'exited', code: EXIT[verdict.outcome] }); // 137, had it been killed
    expect(stage.said()).toMatchObject({ outcome: verdict.outcome, final: true, run: verdict.run.id });
    expect(stage.verdict('verdict-so-far.json')).toBeNull();
  });

  test('killed without grace a second before the end leaves the verdict so far; started again it ends that run, and only that', async () => {
    await using stage = new Stage();
    await stage.app(LEAKS);
    await stage.agent([...TARGET, '--duration', '25s']);
    await until(
      () => stage.verdict('verdict-so-far.json'),
      (verdict) => verdict !== null && verdict.coverage !== null,
      30,
    );
    const { start } = stage.verdict('verdict-so-far.json')!.run;
    await until(
      () => Date.now() - Date.parse(start),
      (age) => age >= 24_000,
      30,
    );
    await stage.podman('kill', '--signal', 'KILL', 'agent');
    expect(await stage.ended('agent')).toBe(137);
    expect(stage.verdict()).toBeNull();
    const soFar = stage.verdict('verdict-so-far.json')!;
    expect(soFar.run.end).toBeNull();
    expect(soFar.series.map(({ id }) => id)).toContain('app memory.private');
    expect(stage.said()).toMatchObject({ outcome: soFar.outcome, final: false, run: soFar.run.id });

    const judged = await stage
      .podman('run', '--rm', '--volume', `${stage.runs}:/runs`, ...HARDENED, 'soak-agent', 'replay', `/runs/${stage.folders()[0]!}`)
      .catch((error: { stdout: string; code: number }) => `${error.stdout}${error.code}`);
    expect(judged).toMatch(new RegExp(`^(PASS|FAIL|INCONCLUSIVE) after 2[45]`, 'm'));

    stage.forgetMessage();
    await stage.podman('start', 'agent');
    await stage.says(/serving the final state/);
    expect(stage.folders()).toHaveLength(1);
    const verdict = stage.verdict()!;
    expect(verdict.run.id).toBe(soFar.run.id);
    expect(stage.said()).toMatchObject({ outcome: verdict.outcome, final: true });
    expect(stage.verdict('verdict-so-far.json')).toBeNull();
    expect(stage.events('run_resume')).toHaveLength(1);
  });

  test('that has finished does not run again when its container does, and does in another container', async () => {
    await using stage = new Stage();
    await stage.app(LEAKS);
    await stage.agent([...TARGET, '--duration', '4s']);
    await stage.says(/serving the final state/);
    const verdict = stage.verdict()!;
    stage.forgetMessage();
    await stage.podman('restart', '--time', '10', 'agent');
    await stage.says(/is finished, and a finished run is not repeated here[^]*serving the final state/);
    expect(JSON.parse(await stage.page('/api/verdict'))).toEqual(verdict);
    expect(await stage.page('/metrics')).toMatch(/^soak_run_end_time_seconds\{/m);
    expect(stage.said()).toMatchObject({ final: true, run: verdict.run.id });
    expect(stage.folders()).toHaveLength(1);
    await stage.podman('stop', '--time', '10', 'agent');
    expect(await stage.ended('agent')).toBe(EXIT[verdict.outcome]);

    await stage.agent([...TARGET, '--duration', '4s'], { name: 'other' });
    expect(stage.folders()).toHaveLength(2);
  });

  test('is healthy, also when it has finished, and is not when nothing answers', async () => {
    await using stage = new Stage();
    await stage.app(LEAKS);
    const at = ['--env', 'SOAK_LISTEN=127.0.0.1:14641'];
    await stage.agent([...TARGET, '--duration', '3s'], { more: ['--pid', 'container:app', ...at] });
    expect(await stage.podman('healthcheck', 'run', 'agent')).toBe('');
    await stage.says(/serving the final state/);
    expect(await stage.podman('healthcheck', 'run', 'agent')).toBe('');
    const other = ['exec', '--env', 'SOAK_LISTEN=127.0.0.1:14642', 'agent', 'node', '/opt/soak-agent/health.mjs'];
    await expect(stage.podman(...other)).rejects.toMatchObject({ code: 1 });
  });
});

describe.runIf(haveContainers)('a target whose container is restarted', () => {
  test('takes the namespace and the agent with it; both started again, the agent goes on with the run and the new process', async () => {
    await using stage = new Stage();
    await stage.app(LEAKS);
    await stage.agent(TARGET);
    await until(
      () => stage.verdict('verdict-so-far.json'),
      (verdict) => verdict !== null,
      30,
    );
    await stage.podman('restart', '--time', '1', 'app');
    expect(await stage.ended('agent')).toBe(137); // the kernel ends everybody in a pid namespace with its first process
    await stage.podman('start', 'agent');
    await stage.sampling('agent', 2);
    expect(await stage.page('/metrics')).toMatch(/^soak_run_restarts_total\{[^}]*\} 1$/m);
    await stage.podman('stop', '--time', '10', 'agent');
    expect(stage.folders()).toHaveLength(1);
    expect(stage.events('run_resume')).toHaveLength(1);
    expect(stage.events('gap').length).toBeGreaterThan(0);
    expect(stage.events('target_found')).toHaveLength(2);
  });

  test('beside a container that holds the namespace leaves the agent where it is, as in compose.yaml', async () => {
    await using stage = new Stage();
    const hardened = ['--network', 'host', ...HARDENED];
    const node = [...hardened, '--entrypoint', 'node'];
    await stage.engine.start({ name: 'namespace', image: 'soak-agent-demo', options: node, args: ['-e', 'setInterval(() => {}, 1e9)'] });
    // Whoever gives podman one limit gives it all of them.
    const limits = ['--ulimit', 'nofile=80:80', '--ulimit', `nproc=${hardLimit('nproc')}:${hardLimit('nproc')}`];
    const settings = ['--env', 'PORT=18090', '--env', 'HOST=127.0.0.1', '--tmpfs', '/tmp'];
    const inside = [...hardened, '--pid', 'container:namespace', ...limits, ...settings];
    await stage.engine.start({ name: 'app', image: 'soak-agent-demo', options: inside, args: ['leaky'] });
    const load = ['/opt/demo/load.mjs', 'http://127.0.0.1:18090/checkout', '40'];
    await stage.engine.start({ name: 'load', image: 'soak-agent-demo', options: node, args: load });
    await stage.agent(['--target', 'app=port:18090', '--gone-after', '5m'], { more: ['--pid', 'container:namespace'] });
    // Without a descriptor, of which it loses two a second.
    const { code } = await until(
      () => stage.state('app'),
      ({ status }) => status === 'exited',
      60,
    );
    expect(code).toBe(1);
    await stage.podman('start', 'app'); // in the stack the restart policy does
    await until(
      () => stage.page('/metrics'),
      (page) => /^soak_target_restarts_total\{[^}]*\} 1$/m.test(page),
      30,
    );
    await stage.podman('stop', '--time', '10', 'agent');
    expect(stage.events('restart')).toHaveLength(1);
    expect(stage.events('run_resume')).toEqual([]);
  });

  test('in a pod leaves the agent where it is, which follows the successor', async () => {
    await using stage = new Stage();
    await inPod(stage);
    await stage.podman('restart', '--time', '1', 'app');
    await until(
      () => stage.events('restart').length,
      (restarts) => restarts === 1,
      30,
    );
    await stage.podman('stop', '--time', '10', 'agent');
    expect(stage.events('run_resume')).toHaveLength(0);
    expect(stage.verdict()!.coverage).toBeGreaterThan(0.8);
  });
});

describe.runIf(haveContainers)('a target that runs out of memory', () => {
  test('is gone with the agent beside it; what was seen is left', async () => {
    await using stage = new Stage();
    await stage.app(BURSTS, '--memory', '64m', '--memory-swap', '64m');
    await stage.agent(TARGET);
    expect(
      await until(
        () => stage.state('app'),
        ({ status }) => status === 'exited',
        60,
      ),
    ).toEqual({ status: 'exited', code: 137 });
    expect(await stage.ended('agent')).toBe(137);
    expect(stage.verdict('verdict-so-far.json')).toMatchObject({ run: { end: null } });
    expect(stage.said()).toMatchObject({ final: false });
    await stage.podman('start', 'app');
    await stage.podman('start', 'agent');
    await stage.sampling('agent', 2);
    expect(await stage.page('/metrics')).toMatch(/^soak_run_restarts_total\{[^}]*\} 1$/m);
    await stage.podman('stop', '--time', '10', 'agent');
    expect(stage.folders()).toHaveLength(1);
  });

  test('in a pod fails the run', async () => {
    await using stage = new Stage();
    await inPod(stage, BURSTS, ['--memory', '64m', '--memory-swap', '64m']);
    await until(
      () => stage.state('app'),
      ({ status }) => status === 'exited',
      60,
    );
    await until(
      () => stage.events('target_gone').length,
      (gone) => gone > 0,
      30,
    );
    await stage.podman('stop', '--time', '10', 'agent');
    // The control group is gone with its last process, before anybody can read who was killed; that it was near its limit was seen before.
    const verdict = stage.verdict()!;
    expect(verdict.outcome).toBe('fail');
    expect(verdict.reasons.join()).toMatch(/app memory\.private grows .* reaches its limit of 67\.1 MB \(soak\.container\.memory\.limit\)/);
  });
});

/** As a pod of Kubernetes: its first process is neither's. */
async function inPod(stage: Stage, script = LEAKS, options: readonly string[] = []): Promise<void> {
  await stage.podman('pod', 'create', '--name', 'pod', '--share', 'pid', '--infra-image', 'localhost/pause');
  await stage.app(script, '--pod', 'pod', ...options);
  await stage.agent(TARGET, { more: ['--pod', 'pod'] });
}
