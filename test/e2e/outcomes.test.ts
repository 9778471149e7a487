/** What a run says of programs that leak, do not, stop working, or never work: the whole agent on real processes. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Verdict, VerdictSeries } from '../../src/analysis/verdict.ts';
import { parseRfc3339 } from '../../src/clock.ts';
import { EXIT } from '../../src/problem.ts';
import { type AgentUnderTest, installed, PROGRAMS, reading, type Result, Stage, until } from './agent-under-test.ts';

const HOUR = 3600;
const MB = 1e6;

/** Wide enough for half a minute: a flat series shows in that time that it grows by less than half of 1 GB in an hour. */
const ROOMY = ['--rule', 'memory.private < 1GB', '--must-live', '1h'];

/** The exit code, the file and what is printed must say the same in every test. */
async function resultOf(agent: AgentUnderTest): Promise<Result> {
  const result = await agent.result();
  const { outcome, run, reasons } = result.verdict;
  expect(result.code).toBe(EXIT[outcome]);
  expect(agent.out).toMatch(new RegExp(`^${outcome.toUpperCase()} after \\d`, 'm'));
  for (const reason of reasons) expect(agent.out).toContain(reason);
  expect(agent.out).toContain(`record in ${result.folder}\n`);
  expect(result.folder.endsWith(run.id)).toBe(true);
  return result;
}

/** It fails because even the lower bound of its growth reaches the limit in the hour that it must live. */
function expectLeak(series: VerdictSeries | undefined, limit: { value: number; from: RegExp }, result: Result): void {
  expect(series).toMatchObject({ gated: true, outcome: 'fail', grade: 'confirmed', limit: { value: limit.value } });
  expect(series!.limit!.from).toMatch(limit.from);
  expect(series!.slope!.lo).toBeGreaterThan(0);
  const latest = parseRfc3339(series!.exhaustion!.hi!)! - parseRfc3339(result.verdict.run.end!)!;
  expect(latest).toBeGreaterThan(0);
  expect(latest).toBeLessThan(HOUR);
}

describe.runIf(installed('javac', 'java')).concurrent('a JVM that has all of its heap from the start', () => {
  /** Every collection packs everything, so that what is left is what lives. */
  const SERIAL = ['-XX:+UseSerialGC', '-XX:MarkSweepAlwaysCompactCount=1'];
  const HEAP = ['-Xms64m', '-Xmx64m', '-Xmn8m', '-XX:+AlwaysPreTouch'];
  const LOAD = ['leak=256', 'churn=4096', 'collect=1000', 'seconds=150'];

  async function watched(stage: Stage, duration: string, ...options: string[]): Promise<Result> {
    execFileSync('javac', ['-d', stage.folder, join(PROGRAMS, 'java/HeapService.java')]);
    const service = await stage.program('java', ...SERIAL, ...HEAP, ...options, '-cp', stage.folder, 'HeapService', ...LOAD);
    return resultOf(await stage.watching(['--target', `jvm=${service.pid}`, '--interval', '0.5', '--duration', duration, ...ROOMY]));
  }

  test('fails when it leaks there, though the kernel sees no growth', async () => {
    await using stage = new Stage();
    const result = await watched(stage, '110s');
    expect(result.verdict.outcome, result.reasons).toBe('fail');
    const failed = result.verdict.series.filter(({ gated, outcome }) => gated && outcome === 'fail');
    expect(failed.map(({ id }) => id)).toEqual(['jvm heap']);
    expectLeak(failed[0], { value: 56 * 2 ** 20, from: /^soak\.runtime\.heap\.limit$/ }, result);
    expect(Math.abs(failed[0]!.slope!.perHour / (256 * 1024 * HOUR) - 1)).toBeLessThan(0.2);
    expect(Math.abs(result.series('jvm memory.private')!.slope!.perHour)).toBeLessThan(failed[0]!.slope!.perHour / 10);
  });

  test('does not pass when its heap cannot be seen', async () => {
    await using stage = new Stage();
    const result = await watched(stage, '35s', '-XX:-UsePerfData');
    expect(result.verdict.outcome).toBe('inconclusive');
    // Nothing else keeps it from passing: it works, its descriptors and the memory that the kernel sees are steady.
    const kinds = result.verdict.findings.map(({ kind }) => kind);
    expect(kinds).toContain('heap');
    expect(kinds.filter((kind) => kind !== 'heap' && kind !== 'target')).toEqual([]);
    expect(result.reasons).toMatch(/heap is not visible: .*start HotSpot without -XX:-UsePerfData/);
    expect(result.verdict.blind).toContainEqual({
      target: 'jvm',
      metric: 'soak.runtime.heap.used_after_collection',
      reason: expect.stringContaining('-XX:-UsePerfData') as string,
    });
  });
});

describe.runIf(installed('gcc')).concurrent('a program', () => {
  test('whose work stops is judged up to there and does not pass', async () => {
    await using stage = new Stage();
    // Nine agents start at once here, which takes some ten seconds.
    const service = await stage.service('busy=5', 'work=24');
    const agent = await stage.watching(['--target', `app=${service.pid}`, '--interval', '0.5', '--duration', '78s', ...ROOMY]);
    const live = await until(
      () => agent.page('/api/verdict'),
      ({ status }) => status === 200,
      80,
    );
    const result = await resultOf(agent);
    const soFar = JSON.parse(live.text) as Verdict;
    expect(soFar).toMatchObject({ schema: 1, run: { ...result.verdict.run, end: null } });
    expect(soFar.series.map(({ id }) => id)).toContain('app memory.private');
    expect(result.verdict.outcome).toBe('inconclusive');
    const { run, work } = result.verdict;
    expect(work.steady).toBe(false);
    const stopped = parseRfc3339(work.stoppedAt!)! - parseRfc3339(run.start)!;
    // It began to work a little before the run did; the end of work is placed by windows of three seconds.
    expect(stopped).toBeGreaterThan(0);
    expect(stopped).toBeLessThan(24 + 6);
    expect(result.reasons).toMatch(/app: work stopped at 00:00:\d\d, [\d.]+s judged \(by process\.cpu\.time\)/);
    const memory = result.series('app memory.private')!;
    expect(memory.outcome).not.toBe('fail');
  });

  test('whose work stops in the first third of a short run does not pass either', async () => {
    await using stage = new Stage();
    const service = await stage.service('busy=5', 'work=12');
    const agent = await stage.watching(['--target', `app=${service.pid}`, '--interval', '0.5', '--duration', '35s', ...ROOMY]);
    const result = await resultOf(agent);
    expect(result.verdict).toMatchObject({ outcome: 'inconclusive', work: { steady: false } });
    expect(result.verdict.findings.map(({ kind }) => kind)).toContain('work');
  });

  test('that takes memory towards the limit of a rule fails', async () => {
    await using stage = new Stage();
    const service = await stage.service('leak=1024', 'busy=5');
    const options = ['--target', `app=${service.pid}`, '--interval', '0.25', '--duration', '25s'];
    const agent = await stage.watching([...options, '--rule', 'memory.private < 200MB', '--must-live', '1h', '--hold']);
    await expectPagesWhileRunning(agent, service.pid);
    await agent.says(/serving the final state/);
    const last = await agent.page('/api/verdict');
    const scraped = await agent.page('/metrics');
    await agent.end('SIGTERM');
    const result = await resultOf(agent);
    expect(JSON.parse(last.text)).toEqual(result.verdict);
    expect(result.verdict.outcome).toBe('fail');
    const memory = result.series('app memory.private')!;
    expectLeak(memory, { value: 200 * MB, from: /^rule memory\.private < 200MB$/ }, result);
    const truth = 1024 * 1024 * HOUR;
    expect(Math.abs(memory.slope!.perHour / truth - 1)).toBeLessThan(0.1);
    expect(scraped.text).toMatch(/^soak_run_end_time_seconds\{[^}]*\} \d/m);
    expect(scraped.text).toMatch(/^soak_run_outcome\{[^}]*soak_outcome="fail"[^}]*\} 1$/m);
  });

  test('that opens files towards its own limit fails', async () => {
    await using stage = new Stage();
    const shell = ['-c', 'ulimit -n 512; exec "$0" fds=5 busy=5', stage.serviceCalled('opens')];
    const service = await stage.program('sh', ...shell);
    const options = ['--target', `app=${service.pid}`, '--interval', '0.25', '--duration', '25s', '--must-live', '1h'];
    const result = await resultOf(await stage.watching(options));
    expect(result.verdict.outcome).toBe('fail');
    const files = result.series('app fds')!;
    expectLeak(files, { value: 512, from: /limit/ }, result);
    expect(Math.abs(files.slope!.perHour / (5 * HOUR) - 1)).toBeLessThan(0.1);
    expect(result.series('app memory.private')!.outcome).not.toBe('fail');
  });

  test('that breaks a rule fails at once and for ever', async () => {
    await using stage = new Stage();
    const service = await stage.service('fds=10', 'busy=5');
    const options = ['--target', `app=${service.pid}`, '--interval', '0.25', '--duration', '12s', '--rule', 'app: fds < 100'];
    const result = await resultOf(await stage.watching(options));
    expect(result.verdict.outcome).toBe('fail');
    const broken = result.verdict.findings.find(({ kind }) => kind === 'rule')!;
    expect(broken).toMatchObject({ outcome: 'fail', target: 'app', series: ['app fds'], evidence: { rule: 'app: fds < 100' } });
    expect(broken.evidence['first']).toBeGreaterThanOrEqual(100);
    expect(broken.evidence['worst']).toBeGreaterThan(Number(broken.evidence['first']));
    expect(result.reasons).toContain('which breaks the rule app: fds < 100');
  });

  test('that is busy and keeps what it needs passes', async () => {
    await using stage = new Stage();
    const service = await stage.service('busy=5');
    const agent = await stage.watching(['--target', `app=${service.pid}`, '--interval', '0.5', '--duration', '30s', ...ROOMY]);
    const result = await resultOf(agent);
    expect(result.verdict).toMatchObject({ outcome: 'pass', work: { steady: true, stoppedAt: null } });
    for (const id of ['app memory.private', 'app fds']) expect(result.series(id)).toMatchObject({ gated: true, outcome: 'pass' });
  });

  test('that does nothing does not pass', async () => {
    await using stage = new Stage();
    const service = await stage.service();
    const agent = await stage.watching(['--target', `app=${service.pid}`, '--interval', '0.5', '--duration', '25s', ...ROOMY]);
    const result = await resultOf(agent);
    expect(result.verdict).toMatchObject({ outcome: 'inconclusive', work: { steady: false, stoppedAt: null } });
    expect(result.reasons).toMatch(/app: no steady work was seen/);
  });
});

test.runIf(installed('gcc')).concurrent('a program of which only resident memory can be read does not pass', async () => {
  await using stage = new Stage();
  const service = await stage.service('busy=5');
  const agent = await stage.watching(['--target', `app=${service.pid}`, '--source', 'pidusage', '--duration', '25s', '--must-live', '1h']);
  const result = await resultOf(agent);
  expect(result.verdict.outcome).toBe('inconclusive');
  expect(result.reasons).toMatch(/memory\.private of app must be seen and cannot be read: pidusage tells/);
  // What needs systeminformation: where it is bundled, names of CommonJS are not those of a module.
  expect(result.events('source_failed')).toEqual([]);
  expect(result.verdict.series.map(({ metric }) => metric)).toContain('system.filesystem.usage');
  expect(reading(result.folder, ({ header }) => header.host)).toHaveProperty('cpu\\.cores');
});

/** Before the first look at the data there is no verdict; everything else is there from the first sample on. */
async function expectPagesWhileRunning(agent: AgentUnderTest, pid: number): Promise<void> {
  await agent.ready();
  expect(await agent.page('/healthz')).toEqual({ status: 200, text: 'ok\n' });
  expect((await agent.page('/api/verdict')).status).toBe(503);
  const { status, text } = await agent.page('/metrics');
  expect(status).toBe(200);
  const samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const told = samples.filter((line) => /pid/i.test(line.replace(/^\w+/, '')));
  expect(told).toHaveLength(1);
  expect(told[0]).toMatch(new RegExp(`^soak_target_info\\{.*pid="${pid}".*\\} 1$`));
  expect(text).toMatch(/^soak_process_memory_private_bytes\{[^}]*soak_target="app"[^}]*\} \d/m);
}
