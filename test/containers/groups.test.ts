/** A pod whose containers do not share their processes: what their control groups tell, where the host's tree is mounted and where not. */
import { describe, expect, test } from 'vitest';
import { until } from '../e2e/agent-under-test.ts';
import { haveContainers, Stage } from './stage.ts';

/** Works, keeps 1 MB a second, and has a page, without which no run begins that sees no process. */
const LEAKS = `
  const kept = [];
  setInterval(() => { for (let i = 0; i < 1e6; i++); kept.push(Buffer.alloc(1e5, 1)); }, 100);
  require('node:http').createServer((q, r) => r.end('up_seconds 1\\n')).listen(18095, '127.0.0.1');`;

const MEMORY = 256 * 2 ** 20;

const HOST = ['--volume', '/sys/fs/cgroup:/host/cgroup:ro'];

const ARGS = ['--scrape', 'app=http://127.0.0.1:18095/metrics', '--cgroup-of', 'app', '--require', 'memory.cgroup'];

async function pod(stage: Stage, agent: readonly string[], args: readonly string[] = []): Promise<void> {
  await stage.podman('pod', 'create', '--name', 'pod', '--share', 'uts', '--infra-image', 'localhost/pause');
  await stage.app(LEAKS, '--pod', 'pod', '--memory', String(MEMORY));
  await stage.agent([...ARGS, ...args], { more: ['--pod', 'pod', ...agent] });
}

describe.runIf(haveContainers)('in a pod without a shared pid namespace', () => {
  test('the memory of another container fails the run', async () => {
    await using stage = new Stage();
    await pod(stage, HOST, ['--rule', 'memory.cgroup < 40MB', '--duration', '45s']);
    await stage.says(/serving the final state/, 'agent', 120);
    const verdict = stage.verdict()!;
    expect(verdict.outcome).toBe('fail');
    const broken = verdict.findings.flatMap(({ outcome, series }) => (outcome === 'fail' ? series : []));
    expect(broken).toEqual([expect.stringMatching(/^app\/\d memory\.cgroup$/)]);
    expect(verdict.series.filter(({ metric }) => /^(process\.|soak\.process\.)/.test(metric))).toEqual([]);
    expect(stage.events('member_start').map(({ data }) => data['group'])).toContain(
      `libpod-${await stage.podman('inspect', '--format', '{{.Id}}', 'app')}`,
    );
    expect(stage.events('member_start').map(({ data }) => data['group'])).not.toContain(
      `libpod-${await stage.podman('inspect', '--format', '{{.Id}}', 'agent')}`,
    );
  });

  test('a control group namespace of the agent’s own hides the names above it, and not the groups', async () => {
    await using stage = new Stage();
    await pod(stage, [...HOST, '--cgroupns', 'private']);
    await until(
      () => stage.page('/metrics'),
      (page) => new RegExp(`^soak_container_memory_limit_bytes\\{[^}]*soak_target="app"[^}]*\\} ${MEMORY}$`, 'm').test(page),
      30,
    );
  });

  test('without the host’s tree nothing is read, and what would mend it is said', async () => {
    await using stage = new Stage();
    await pod(stage, [], ['--duration', '5s']);
    await stage.says(/serving the final state/);
    const verdict = stage.verdict()!;
    expect(verdict.outcome).toBe('inconclusive');
    expect(verdict.blind.filter(({ target }) => target === 'app').map(({ metric }) => metric)).toEqual(['soak.container.*']);
    expect(verdict.reasons.join('\n')).toMatch(/soak\.container\.\* of app must be seen and cannot be read: .*hostPath/);
    const doctor = ['exec', 'agent', 'node', '/opt/soak-agent/soak-agent.js', 'doctor', '--listen', 'off', ...ARGS];
    const said = await stage.podman(...doctor).catch((error: { stdout: string; code: number }) => `${error.code} ${error.stdout}`);
    expect(said).toMatch(/^11 [^]*^app = control groups of the pod$[^]*shareProcessNamespace/m);
  });
});
