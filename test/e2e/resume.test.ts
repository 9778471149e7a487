/** Targets that restart, are replaced, or stand still while they are watched: series go on and do not multiply. */
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { formatDuration } from '../../src/quantity.ts';
import type { RecordedSeries } from '../../src/record/reader.ts';
import {
  type AgentUnderTest,
  eventsOf,
  installed,
  type Program,
  PROGRAMS,
  reading,
  type Result,
  Stage,
  until,
} from './agent-under-test.ts';

const INTERVAL_S = 0.25;
const FAST = ['--interval', String(INTERVAL_S)];

/** What a busy machine keeps from the agent for less than two and a half seconds is no gap. */
const PATIENT = ['--interval', '1'];

function seriesOf(folder: string, target: string): RecordedSeries[] {
  return reading(folder, (reader) => reader.series()).filter((series) => series.target === target);
}

const isStopped = ({ def, labels }: RecordedSeries): boolean =>
  def.name === 'soak.process.state' && labels['soak.process.state'] === 'stopped';

/** Values of a series with the times at which they were read. */
function samplesOf(folder: string, wanted: (series: RecordedSeries) => boolean): { at: number; value: number }[] {
  return reading(folder, (reader) => {
    const ids = new Set(
      reader
        .series()
        .filter(wanted)
        .map(({ id }) => id),
    );
    return [...reader.ticks()].flatMap(({ samples: { length, series, values, at } }) =>
      Array.from({ length }, (_, i) => i)
        .filter((i) => ids.has(series[i]!))
        .map((i) => ({ at: at[i]!, value: values[i]! })),
    );
  });
}

async function bound(agent: AgentUnderTest, { pid }: Program): Promise<void> {
  await until(
    () => agent.bound(),
    (pids) => pids.includes(pid),
  );
}

/** Waits until the record has so many more ticks: a time in which a busy machine may sample less than it should. */
async function ticks(agent: AgentUnderTest, count: number): Promise<void> {
  const folder = await agent.recording();
  const last = (): number => reading(folder, (reader) => reader.last()?.n ?? -1);
  const to = last() + count;
  await until(last, (n) => n >= to);
}

/** No series that is sampled at the interval has come in since then. */
function expectNotMultiplied({ folder }: Result, target: string, since: number): void {
  const series = seriesOf(folder, target).filter(({ period }) => period === INTERVAL_S);
  const first = reading(folder, (reader) => [...reader.ticks()].find(({ t }) => t >= since)!.n);
  expect(series.length).toBeGreaterThanOrEqual(7);
  expect(series.filter((one) => one.since > first).map(({ def, member }) => `${member} ${def.name}`)).toEqual([]);
}

describe.runIf(installed('gcc', 'python3')).concurrent('a target', () => {
  test.each(['pidfile', 'name'] as const)('of a %s that restarts is followed, and its series go on', async (kind) => {
    await using stage = new Stage();
    const name = `${kind.slice(0, 4)}${process.pid}`;
    const pidfile = join(stage.folder, 'app.pid');
    const start = async (): Promise<Program> => {
      const program = await stage.program(stage.serviceCalled(name), 'busy=3');
      writeFileSync(`${pidfile}.new`, `${program.pid}\n`);
      renameSync(`${pidfile}.new`, pidfile);
      return program;
    };
    const first = await start();
    const selector = kind === 'name' ? `name:${name}` : `pidfile:${pidfile}`;
    const agent = await stage.watching(['--target', `app=${selector}`, ...FAST]);
    await bound(agent, first);
    await ticks(agent, 12);
    await first.end('SIGKILL');
    await sleep(1500);
    const second = await start();
    await bound(agent, second);
    expect(await agent.bound()).toEqual([second.pid]);
    await ticks(agent, 12);
    await agent.end('SIGTERM');
    const result = await agent.result();
    const [restart] = result.events('restart');
    expect(result.events('restart')).toEqual([restart]);
    expect(restart).toMatchObject({ target: 'app', member: null, data: { pid: second.pid, previousPid: first.pid, reason: 'replaced' } });
    expect(restart!.message).toBe(`app has restarted: process ${second.pid} (${name}) follows process ${first.pid} (${name})`);
    expectNotMultiplied(result, 'app', restart!.t - 1.5);
    // The same series has samples of both, and none from while there was no process.
    const memory = samplesOf(result.folder, ({ target, def }) => target === 'app' && def.alias === 'memory.private');
    expect(memory.filter(({ at }) => at < restart!.t - 1.5).length).toBeGreaterThan(8);
    expect(memory.filter(({ at }) => at > restart!.t).length).toBeGreaterThan(8);
    expect(memory.filter(({ value }) => value === 0)).toEqual([]);
  });

  test('of several replicas keeps their slots when one is replaced', async () => {
    await using stage = new Stage();
    const name = `rep${process.pid}`;
    const start = (): Promise<Program> => stage.program(stage.serviceCalled(name), 'busy=2');
    const [one, two, three] = [await start(), await start(), await start()];
    const agent = await stage.watching(['--target', `app=name:${name}`, '--many', ...FAST]);
    await bound(agent, three);
    await two.end('SIGKILL');
    await sleep(1500);
    const four = await start();
    await bound(agent, four);
    await ticks(agent, 8);
    await agent.end('SIGTERM');
    const result = await agent.result();
    const slots = result.events('member_start').map(({ member, data }) => [member, data['pid']]);
    expect(slots).toEqual([
      ['1', one.pid],
      ['2', two.pid],
      ['3', three.pid],
    ]);
    expect(result.events('restart')).toMatchObject([{ member: '2', data: { pid: four.pid, previousPid: two.pid } }]);
    expect(new Set(seriesOf(result.folder, 'app').map(({ member }) => member))).toEqual(new Set([null, '1', '2', '3']));
  });

  test('whose workers are replaced every two seconds has as many series at the end as at the beginning', async () => {
    await using stage = new Stage();
    const server = await stage.program('python3', join(PROGRAMS, 'run-prefork.py'), 'workers=4', 'life=2');
    const agent = await stage.watching(['--target', `app=${server.pid}`, '--children', ...FAST, '--duration', '25s']);
    const result = await agent.result();
    const replaced = result.events('restart').filter(({ data }) => data['reason'] === 'replaced');
    expect(replaced.length).toBeGreaterThan(20);
    const members = new Set(seriesOf(result.folder, 'app').map(({ member }) => member));
    // The parent and its four workers; a fifth slot when one is seen before the end of the one before it is.
    for (const member of members) expect([null, '1', '2', '3', '4', '5', '6']).toContain(member);
    expect(result.events('member_start').filter(({ member }) => member === '1')).toMatchObject([{ data: { pid: server.pid } }]);
    expect(replaced.filter(({ member }) => member === '1')).toEqual([]);
    expectNotMultiplied(result, 'app', 10);
    expect(result.verdict.outcome).not.toBe('fail');
  });

  test('that stands still is sampled all the same', async () => {
    await using stage = new Stage();
    const service = await stage.service('busy=5');
    const other = await stage.service('busy=5');
    const agent = await stage.watching(['--target', `app=${service.pid}`, '--target', `other=${other.pid}`, ...PATIENT]);
    const folder = await agent.recording();
    /** Whether it stood still, as of each look at that. */
    const stopped = (): string =>
      samplesOf(folder, (series) => series.target === 'app' && isStopped(series))
        .map(({ value }) => value)
        .join('');
    const memory = (role: string): { value: number }[] =>
      samplesOf(folder, ({ target, def }) => target === role && def.alias === 'memory.private');
    await until(stopped, (all) => all.endsWith('0'));
    service.child.kill('SIGSTOP');
    await until(stopped, (all) => all.endsWith('1'));
    const before = memory('app').length;
    await until(
      () => memory('app'),
      ({ length }) => length >= before + 6,
    );
    service.child.kill('SIGCONT');
    await until(stopped, (all) => all.endsWith('0'));
    await agent.end('SIGTERM');
    const result = await agent.result();
    expect(eventsOf(result.folder).filter(({ kind }) => ['gap', 'target_gone', 'restart', 'source_failed'].includes(kind))).toEqual([]);
    expect(memory('app').length).toBe(memory('other').length);
    expect(stopped()).toMatch(/^0+1+0+$/);
    expect(memory('app').filter(({ value }) => value === 0)).toEqual([]);
  });
});

describe.runIf(installed('gcc')).concurrent('an agent', () => {
  test('that stood still itself marks the time as a gap', async () => {
    await using stage = new Stage();
    const service = await stage.service('busy=5');
    const agent = await stage.watching(['--target', `app=${service.pid}`, ...PATIENT]);
    await bound(agent, service);
    const from = performance.now();
    await ticks(agent, 1);
    agent.child.kill('SIGSTOP');
    await sleep(8000);
    agent.child.kill('SIGCONT');
    await ticks(agent, 1);
    const longest = (performance.now() - from) / 1000;
    await agent.end('SIGTERM');
    const result = await agent.result();
    const [gap] = result.events('gap');
    expect(result.events('gap')).toEqual([gap]);
    const missed = gap!.t - Number(gap!.data['from']);
    expect(missed).toBeGreaterThan(7.5);
    expect(missed).toBeLessThan(longest);
    expect(gap!.message).toBe(`the agent did not sample for ${formatDuration(missed)}`);
    expect(result.verdict.coverage).toBeLessThan(0.9);
    expect(result.reasons).toMatch(/only \d+ % of the samples were taken/);
  });
});
