/** What is left of a run when the agent is killed, and how the next start goes on: with kill -9 at random moments. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { Judge } from '../../src/analysis/judge.ts';
import { judgeOptions, storedJudging } from '../../src/judging.ts';
import { CATALOG } from '../../src/metrics.ts';
import { EXIT } from '../../src/problem.ts';
import { replay } from '../../src/record/replay.ts';
import { RunState } from '../../src/runstate.ts';
import { seriesLabel } from '../../src/series.ts';
import { eventsOf, installed, isAlive, reading, Stage, until } from './agent-under-test.ts';

const KILLS = 12;
/** Seconds between the samples of a run that is killed. */
const INTERVAL = 0.2;

/** One look at a record: what a kill must not change, in a form that is easily compared. */
interface Recorded {
  readonly ticks: readonly string[];
  readonly times: readonly number[];
  readonly series: readonly string[];
}

function recorded(folder: string | null): Recorded {
  if (folder === null) return { ticks: [], times: [], series: [] };
  expect(integrity(folder)).toBe('ok');
  return reading(folder, (reader) => {
    const ticks = [...reader.ticks()].map(({ n, t, wall, samples: { length, series, values, at }, events }) => ({
      t,
      text: JSON.stringify([n, t, wall, ...[series, values, at].map((column) => [...column.subarray(0, length)]), events]),
    }));
    return { ticks: ticks.map(({ text }) => text), times: ticks.map(({ t }) => t), series: reader.series().map(seriesLabel) };
  });
}

function integrity(folder: string): unknown {
  const db = new DatabaseSync(join(folder, 'record.sqlite'), { readOnly: true });
  try {
    return Object.values(db.prepare('PRAGMA integrity_check').get()!)[0];
  } finally {
    db.close();
  }
}

/** The run that is being recorded, once anything of it is; a kill while the record was made has left nothing worth keeping. */
function begun(stage: Stage): string | null {
  const folder = stage
    .runs()
    .map((name) => join(stage.out, name))
    .find((path) => existsSync(join(path, 'record.sqlite-wal')));
  return folder !== undefined && lastTick(folder) >= 0 ? folder : null;
}

/** The number of the last tick that anybody can see; -1 before the first. */
function lastTick(folder: string | null): number {
  if (folder === null) return -1;
  try {
    return reading(folder, (reader) => reader.last()?.n ?? -1);
  } catch {
    return -1;
  }
}

function kindsOf(folder: string | null): string[] {
  return folder === null ? [] : eventsOf(folder).map(({ kind }) => kind);
}

/** Everything that was recorded before is there, and nothing is missing in between. */
function expectWhole(now: Recorded, before: Recorded): void {
  expect(now.ticks.slice(0, before.ticks.length)).toEqual(before.ticks);
  expect(now.series.slice(0, before.series.length)).toEqual(before.series);
  expect(now.ticks.map((tick) => (JSON.parse(tick) as [number])[0])).toEqual(now.ticks.map((_, i) => i));
}

function hasCheckpoint(folder: string): boolean {
  return reading(folder, (reader) => reader.checkpoint() !== null);
}

function hashes(folder: string): Record<string, string> {
  const hash = (name: string): string =>
    createHash('sha256')
      .update(readFileSync(join(folder, name)))
      .digest('hex');
  return Object.fromEntries(readdirSync(folder).map((name) => [name, hash(name)]));
}

/** The verdict of a stored run, judged again from its first tick on. */
function judgedAgain(folder: string): string {
  return reading(folder, (reader) => {
    const { id, start, planned, agent, configHash, config } = reader.header;
    const state = new RunState(new Judge(judgeOptions(storedJudging(config, CATALOG))));
    expect(replay(reader, state, { from: 'start', find: (name) => CATALOG.find(name) }).exact).toBe(true);
    return JSON.stringify(state.judge.verdict({ id, start, planned, agent, configHash, end: reader.sealed!.end }, state));
  });
}

describe.runIf(installed('gcc')).concurrent('a run that is cut off', () => {
  test('by kill -9 at any moment is gone on with, and ends as if it had never been', async () => {
    await using stage = new Stage();
    const service = await stage.service('fds=0.2', 'busy=3');
    // All the kills must fall into it: a busy machine takes some seconds for each start.
    const options = ['--target', `app=${service.pid}`, '--interval', `${INTERVAL}`, '--duration', '110s', '--rule', 'fds < 10000'];
    let before = recorded(null);
    let starts = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      const agent = stage.agent(options);
      // A third of the kills fall into the start, the others after a tick; the last one comes when the state has been stored as a whole.
      if (kill % 3 !== 0)
        await until(
          () => lastTick(begun(stage)),
          (n) => n >= before.ticks.length,
          80,
        );
      await sleep(Math.random() * (kill % 3 === 0 ? 2000 : 1000));
      if (kill === KILLS - 1) await until(() => hasCheckpoint(begun(stage)!), Boolean, 80);
      const last = lastTick(begun(stage));
      await agent.end('SIGKILL');
      const now = recorded(begun(stage));
      expect(now.ticks.length).toBeGreaterThan(last);
      expectWhole(now, before);
      if (now.ticks.length > before.ticks.length) starts++;
      before = now;
    }
    const folder = begun(stage)!;
    const agent = await stage.watching(options);
    expect(await agent.recording()).toBe(folder);
    expect(agent.err).toMatch(/ended without a verdict at \S+: it was killed, or the machine went down\n/);
    const result = await agent.result();
    expect(result.code).toBe(EXIT[result.verdict.outcome]);
    const after = recorded(result.folder);
    expectWhole(after, before);
    expectGaps(result.folder, after, starts + 1);
    // No sample of the time in which no agent lived; how long that is depends on how fast the machine starts one.
    const expected = after.times.at(-1)! / INTERVAL;
    expect(missed(result.folder)).toBeGreaterThan(0);
    expect(result.verdict.coverage).toBeLessThanOrEqual((expected - missed(result.folder)) / expected);
    // It was judged live over all those starts, and from a stored state: from the first tick on it comes to the same, bit for bit.
    expect(judgedAgain(result.folder)).toBe(JSON.stringify(result.verdict));
    const again = await stage.command('replay', result.folder);
    expect(again.code).toBe(result.code);
    expect(agent.out).toContain(again.out.trimEnd());
    const stricter = await stage.command('replay', result.folder, '--rule', 'fds < 3');
    expect(stricter.code).toBe(10);
    expect(stricter.out).toContain('which breaks the rule fds < 3');
  });

  test('while it ends is either unfinished or finished, and never half', async () => {
    await using stage = new Stage();
    const service = await stage.service('busy=3');
    const folders = await Promise.all(
      Array.from({ length: 8 }, async (_, i) => {
        const options = ['--target', `app=${service.pid}`, '--interval', '0.2', '--duration', '2s', '--log-level', 'debug'];
        const agent = await stage.watching(options, { out: join(stage.folder, `out${i}`) });
        await agent.says(/stop: reads/);
        await sleep(Math.random() * 60);
        await agent.end('SIGKILL');
        return agent.recording();
      }),
    );
    for (const folder of folders) {
      const { isSealed, stored } = reading(folder, (reader) => ({ isSealed: reader.sealed !== null, stored: reader.verdict() }));
      expect(integrity(folder)).toBe('ok');
      expect(stored !== null).toBe(isSealed);
      const file = join(folder, 'verdict.json');
      if (existsSync(file)) expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(JSON.parse(stored!));
      if (isSealed) expect(judgedAgain(folder)).toBe(stored);
    }
  });

  test('before its first tick begins with the next start', async () => {
    await using stage = new Stage();
    const service = await stage.service('busy=3');
    const options = ['--target', `app=${service.pid}`, '--interval', '0.2'];
    // Killed when the record has been made and no source has been read.
    const frozen = join(stage.folder, 'frozen.mjs');
    writeFileSync(
      frozen,
      `import { existsSync, readdirSync } from 'node:fs';
      const begun = () => existsSync('runs') && readdirSync('runs').some((run) => existsSync('runs/' + run + '/record.sqlite'));
      const { write } = process.stderr;
      process.stderr.write = function (text, ...rest) {
        if (String(text).includes('recording to') && begun()) process.kill(process.pid, 'SIGKILL');
        return write.call(process.stderr, text, ...rest);
      };`,
    );
    const first = stage.agent(options, { env: { NODE_OPTIONS: `--import ${frozen}` } });
    expect((await first.ended).signal).toBe('SIGKILL');
    const [name] = stage.runs();
    const folder = join(stage.out, name!);
    expect(reading(folder, (reader) => reader.last())).toBeNull();
    const next = await stage.watching(options);
    expect(await next.recording()).toBe(folder);
    await next.ready();
    await next.end('SIGTERM');
    const kinds = (await next.result(), eventsOf(folder)).map(({ kind }) => kind);
    expect(kinds.filter((kind) => ['run_start', 'run_resume', 'gap'].includes(kind))).toEqual(['run_start']);
    expect(kinds[0]).toBe('run_start');
  });

  test('by a defect says so at the next start', async () => {
    await using stage = new Stage();
    const service = await stage.service('busy=3');
    const defect = join(stage.folder, 'defect.mjs');
    writeFileSync(defect, `process.on('SIGUSR2', () => { throw new TypeError('of the test'); });`);
    const options = ['--target', `app=${service.pid}`, '--interval', '0.2'];
    const agent = await stage.watching(options, { env: { NODE_OPTIONS: `--import ${defect}` } });
    expect(await agent.end('SIGUSR2')).toEqual({ code: 70, signal: null });
    expect(agent.err).toMatch(/soak-agent: failed by a defect: TypeError: of the test/);
    const next = await stage.watching(options);
    expect(next.err).toMatch(/ended without a verdict at \S+: of the test\n/);
    expect(await next.recording()).toBe(await agent.recording());
  });

  test('leaves what the agent had started, which the next start ends before it starts its own', async () => {
    await using stage = new Stage();
    const [app, load] = [stage.serviceCalled('app'), stage.serviceCalled('load')];
    const options = ['--target', `app=exec:${app} busy=3`, '--interval', '0.2', '--', load, 'busy=3'];
    const first = await stage.watching(options);
    await until(
      () => kindsOf(begun(stage)),
      (kinds) => kinds.includes('target_found') && kinds.includes('load_start'),
    );
    await first.end('SIGKILL');
    const before = [...stage.running(app), ...stage.running(load)];
    expect(before.filter(isAlive)).toHaveLength(2);
    const next = await stage.watching(options);
    await next.ready();
    const now = await until(
      () => [...stage.running(app), ...stage.running(load)],
      (pids) => pids.length === 2,
    );
    expect(before.filter(isAlive)).toEqual([]);
    expect(now).not.toEqual(before);
    for (const [i, who] of ['app', 'the command after --'].entries())
      expect(next.err).toContain(`process ${before[i]} (${who}), which the start before had left running, was ended`);
    await next.end('SIGTERM');
    await next.result();
    const [resumed] = eventsOf(await next.recording()).filter(({ kind }) => kind === 'run_resume');
    for (const pid of before) expect(resumed!.message).toContain(`process ${pid} (`);
    expect([...stage.running(app), ...stage.running(load)]).toEqual([]);
  });

  test('leaves programs among which the next start looks for no target', async () => {
    await using stage = new Stage();
    const twin = stage.serviceCalled('twin');
    const service = await stage.program(twin, 'busy=3');
    const options = ['--target', 'svc=name:twin', '--interval', '0.2', '--', twin, 'busy=3'];
    const first = await stage.watching(options);
    await until(
      () => kindsOf(begun(stage)),
      (kinds) => kinds.includes('target_found') && kinds.includes('load_start'),
    );
    await first.end('SIGKILL');
    const [left] = stage.running(twin).filter((pid) => pid !== service.pid);
    expect(isAlive(left!)).toBe(true);
    const next = await stage.watching(options);
    await next.ready();
    await next.end('SIGTERM');
    await next.result();
    expect(next.err).toContain(`process ${left} (the command after --), which the start before had left running, was ended`);
    const bound = eventsOf(await next.recording()).filter(({ kind, target }) => target === 'svc' && kind !== 'gap');
    expect(new Set(bound.flatMap(({ data }) => data['pid'] ?? []))).toEqual(new Set([service.pid]));
    expect(bound.map(({ kind }) => kind)).not.toContain('target_gone');
  });

  test('is not gone on with when the settings have changed, and is left as it is', async () => {
    await using stage = new Stage();
    const service = await stage.service('busy=3');
    const options = ['--target', `app=${service.pid}`, '--interval', '0.2', '--duration', '60s'];
    const first = await stage.watching(options);
    await sleep(1000);
    await first.end('SIGKILL');
    const folder = await first.recording();
    const before = hashes(folder);
    const second = await stage.watching([...options, '--rule', 'fds < 10000']);
    const [name] = stage.runs();
    expect(second.err).toContain(`${name} is not finished but has other settings: this is a new run\n`);
    expect(await second.recording()).not.toBe(folder);
    await second.end('SIGTERM');
    await second.result();
    const after = hashes(folder);
    expect(after['record.sqlite']).toBe(before['record.sqlite']);
    expect(after['record.sqlite-wal']).toBe(before['record.sqlite-wal']);
  });
});

describe.runIf(installed('gcc')).concurrent('a folder of runs', () => {
  test('keeps a finished run as it is', async () => {
    await using stage = new Stage();
    const service = await stage.service('busy=3');
    const options = ['--target', `app=${service.pid}`, '--interval', '0.2', '--duration', '2s'];
    const { folder } = await (await stage.watching(options)).result();
    const before = hashes(folder);
    expect(Object.keys(before).toSorted()).toEqual(['lock', 'record.sqlite', 'verdict.json']);
    const next = await stage.watching(options);
    await next.end('SIGKILL');
    const last = await (await stage.watching(options)).result();
    expect(last.folder).toBe(await next.recording());
    expect(last.folder).not.toBe(folder);
    expect(hashes(folder)).toEqual(before);
  });

  test('gives each agent a run of its own', async () => {
    await using stage = new Stage();
    const service = await stage.service('busy=3');
    const options = ['--target', `app=${service.pid}`, '--interval', '0.2', '--duration', '60s'];
    const first = await stage.watching(options);
    const more = await Promise.all(Array.from({ length: 3 }, () => stage.watching(options)));
    const agents = [first, ...more];
    const folders = await Promise.all(agents.map((agent) => agent.recording()));
    expect(new Set(folders).size).toBe(4);
    const owners = agents.map((agent) => /being recorded by process (\d+): this is a new run beside it/.exec(agent.err)?.[1]);
    expect(owners[0]).toBeUndefined();
    // Of agents that start at one moment, one may find the folder of another before there is a record in it: that is no run to tell of.
    const told = owners.filter((owner) => owner !== undefined);
    expect(told.length).toBeGreaterThan(0);
    for (const owner of told) expect(agents.map(({ pid }) => String(pid))).toContain(owner);
    await sleep(1000);
    for (const agent of agents) agent.child.kill('SIGTERM');
    for (const agent of agents) {
      const result = await agent.result();
      expect(eventsOf(result.folder).filter(({ kind }) => kind === 'run_start')).toHaveLength(1);
      expect(judgedAgain(result.folder)).toBe(JSON.stringify(result.verdict));
    }
  });
});

/** How many samples the gaps of a run took from it, at least: a tick may be late by less than an interval at either end. */
function missed(folder: string): number {
  const gaps = eventsOf(folder).filter(({ kind }) => kind === 'gap');
  return gaps.reduce((sum, { t, data }) => sum + Math.max(0, Math.floor((t - Number(data['from'])) / INTERVAL) - 1), 0);
}

/**
 * Each resumption is told, and the time before it is a gap from the last tick on, in which nothing was sampled. A start that was killed
 * before its first tick has left no event; when it was the very first, the run begins with the next one.
 */
function expectGaps(folder: string, { times }: Recorded, starts: number): void {
  const events = eventsOf(folder);
  const begun = events.filter(({ kind }) => kind === 'run_start');
  const resumed = events.filter(({ kind }) => kind === 'run_resume');
  const gaps = events.filter(({ kind, message }) => kind === 'gap' && message === 'the agent was not running');
  expect(begun).toHaveLength(1);
  expect(resumed).toHaveLength(starts - 1);
  expect(gaps).toHaveLength(resumed.length);
  expect(gaps.length).toBeGreaterThan(KILLS / 3);
  for (const [i, { t, data }] of gaps.entries()) {
    expect(t).toBeGreaterThanOrEqual(resumed[i]!.t);
    const from = Number(data['from']);
    expect([0, ...times]).toContain(from);
    expect(times.filter((time) => time > from && time < t)).toEqual([]);
  }
}
