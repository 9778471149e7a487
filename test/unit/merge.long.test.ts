/** Records of several agents as one run: replicas of two roles, a rolling restart, scaling, clocks that differ, an agent that was killed. */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Verdict } from '../../src/analysis/verdict.ts';
import { finalVerdict } from '../../src/stored.ts';
import { RecordReader } from '../../src/record/reader.ts';
import type { RunEvent } from '../../src/tick.ts';
import { seriesLabel } from '../../src/series.ts';
import { commandLine, type Printed } from '../commandline.ts';
import { temporaryFolder } from '../fixtures/record/ticks.ts';
import { recordRun, type Recorded } from '../recorded.ts';
import { M } from '../sim/metrics.ts';
import { HOUR, MB, START } from '../sim/run.ts';
import { constant, line, poisson, rounded, sum, white } from '../sim/series.ts';

interface Pod {
  readonly name: string;
  /** Hours of the whole time. */
  readonly from: number;
  readonly to: number;
  /** Seconds by which its clock is wrong. */
  readonly skew?: number;
  readonly cutOff?: boolean;
}

/** MB an hour that a worker leaks. */
function recordPod(out: string, { name, from, to, skew = 0, cutOff = false }: Pod, leak: number, seed: number): Recorded {
  const roles = ['api', 'worker'];
  const of = (target: string, i: number) => [
    {
      def: M.memory,
      target,
      signal: sum(constant((target === 'api' ? 200 : 90) * MB), line(target === 'worker' ? leak * MB : 0), white(seed + i, 0.3 * MB)),
    },
    { def: M.fds, target, signal: constant(20 + i) },
    { def: M.fdLimit, target, signal: constant(1024) },
    { def: M.requests, target, signal: rounded(poisson(seed + 9 + i, 7200)) },
  ];
  const found = roles.map((target) => ({ t: 0, kind: 'target_found' as const, target, data: {} }));
  // The plan of each is of its own time.
  const planned = [
    { t: 0, kind: 'phase' as const, target: null, data: { phase: 'warmup', judged: false } },
    { t: 600, kind: 'phase' as const, target: null, data: { phase: 'steady', judged: true } },
  ];
  // Everybody is told at two hours.
  const told = { t: 2 * HOUR - from * HOUR, kind: 'mark' as const, target: null, data: {}, message: 'load doubled' };
  const events = [...found, ...planned, ...(told.t > 0 && told.t < (to - from) * HOUR ? [told] : [])];
  return recordRun(
    { hours: to - from, interval: 60, series: roles.flatMap(of), events, options: { requiredLifetime: 14 * 86_400 } },
    {
      out: join(out, name),
      start: START + from * HOUR + skew,
      config: { phases: [{ name: 'warmup' }, { name: 'steady' }] },
      ...(cutOff ? { cutOffAt: (to - from) * HOUR } : {}),
    },
  );
}

/** Three replicas of both roles, replaced one after the other in the third hour, and a fourth from the fourth hour on. */
const PODS: readonly Pod[] = [
  { name: 'pod-a', from: 0, to: 2.2 },
  { name: 'pod-b', from: 0, to: 2.3, skew: 30 },
  { name: 'pod-c', from: 0, to: 2.4, cutOff: true },
  { name: 'pod-d', from: 2.21, to: 6 },
  { name: 'pod-e', from: 2.31, to: 6 },
  { name: 'pod-f', from: 2.41, to: 6 },
  { name: 'pod-g', from: 4, to: 6 },
];

const soakAgent = (...argv: string[]): Promise<Printed> => commandLine(argv);

function recordedIn(folder: string): { events: RunEvent[]; labels: string[] } {
  const reader = RecordReader.open(folder);
  try {
    return { events: [...reader.events()], labels: reader.series().map((series) => seriesLabel(series)) };
  } finally {
    reader.close();
  }
}

async function merged(leak: number, ...options: string[]) {
  const folder = temporaryFolder();
  const pods = join(folder, 'pods');
  const runs = PODS.map((pod, i) => recordPod(pods, pod, leak, 100 * i + 1));
  const out = join(folder, 'merged');
  const result = await soakAgent('merge', pods, '--out', out, ...options);
  const at = /record in (\S+)/.exec(result.out)?.[1] ?? '';
  return { ...result, runs, at };
}

describe('three replicas in two roles', () => {
  test('are one run with one verdict, by slots, with a rolling restart and scaling', async () => {
    const { code, err, at, runs } = await merged(0);
    const verdict = finalVerdict(at)!;
    expect([code, verdict.outcome, verdict.reasons]).toEqual([0, 'pass', expect.anything()]);
    expect(verdict.coverage).toBeGreaterThan(0.99);
    expect((Date.parse(verdict.run.end!) - Date.parse(verdict.run.start)) / 1000).toBeCloseTo(6 * HOUR, -2);
    const ids = verdict.series.map(({ id }) => id);
    for (const role of ['api', 'worker']) {
      for (const slot of [1, 2, 3, 4]) expect(ids).toContain(`${role}/${slot} memory.private`);
      expect(ids).not.toContain(`${role}/5 memory.private`);
      expect(ids).toContain(`${role} memory.tree`);
    }
    const { events, labels } = recordedIn(at);
    const rolls = events.filter(({ kind }) => kind === 'rolling_restart');
    expect(rolls.map(({ target, data }) => [target, data['members']])).toEqual([
      ['api', 3],
      ['worker', 3],
    ]);
    expect(rolls[0]!.t / HOUR).toBeCloseTo(2.2, 1);
    // Of who is gone everything is kept, under the slot that the successor goes on with.
    const began = events.filter(
      ({ kind, target, member }) => target === 'api' && member === '1' && (kind === 'member_start' || kind === 'restart'),
    );
    expect(began.map(({ kind, message }) => [kind, /on (\S+?),?( |$)/.exec(message)?.[1]])).toEqual([
      ['member_start', 'pod-a'],
      ['restart', 'pod-d'],
    ]);
    // Who came later warmed up by itself.
    expect(events.filter(({ kind }) => kind === 'phase').map(({ t, data }) => [Math.round(t), data['phase']])).toEqual([
      [0, 'warmup'],
      [600, 'steady'],
    ]);
    const counts = events.filter(({ data, target }) => 'replicas' in data && target === 'api').map(({ data }) => data['replicas']);
    expect([Math.min(...counts.map(Number)), counts.at(-1)]).toEqual([2, 4]);
    expect(events.filter(({ kind, message }) => kind === 'mark' && message === 'load doubled')).toHaveLength(1);
    expect(labels.filter((label) => label.endsWith('requests'))).toHaveLength(8);
    expect(err).toContain('pod-b: api/2, worker/2, 2026-01-01T00:00:00.000Z for 2h18m, its clock set by -30 s');
    expect(err).toMatch(/pod-c: .* ended without a verdict/);
    expect(runs).toHaveLength(7);
  });

  test('fail together for a leak of one role, whose slope is pooled over the lives of its slots', async () => {
    const { code, at } = await merged(6);
    const verdict = finalVerdict(at)!;
    expect([code, verdict.outcome]).toEqual([10, 'fail']);
    const failed = verdict.series.filter(({ outcome, gated }) => gated && outcome === 'fail').map(({ id }) => id);
    expect(failed.length).toBeGreaterThan(0);
    expect(failed.every((id) => id.startsWith('worker'))).toBe(true);
    const first = verdict.series.find(({ id }) => id === 'worker/1 memory.private')!;
    expect(Math.abs(first.slope!.perHour / (6 * MB) - 1)).toBeLessThan(0.3);
    // What is merged is a run like any other.
    const again = await soakAgent('verdict', at, '--json');
    expect([again.code, JSON.parse(again.out) as Verdict]).toEqual([10, verdict]);
    expect((await soakAgent('status', at)).out).toMatch(/^FAIL +run /);
    expect((await soakAgent('replay', at, '--json')).out).toBe(again.out);
  });
});

/** The latest value of a series of a merged run before a moment, and when that was. */
function latestOf(folder: string, label: string, before = Infinity): { t: number; value: number } | null {
  const reader = RecordReader.open(folder);
  try {
    const id = reader.series().findIndex((series) => seriesLabel(series) === label);
    let latest: { t: number; value: number } | null = null;
    for (const { t, samples } of reader.ticks())
      for (let i = 0; i < samples.length; i++) if (samples.series[i] === id && t < before) latest = { t, value: samples.values[i]! };
    return latest;
  } finally {
    reader.close();
  }
}

describe('more replicas than slots', () => {
  test('are summed in one', async () => {
    const folder = temporaryFolder();
    const pods = join(folder, 'pods');
    // Two are beyond the last slot, of which one is over after an hour.
    for (let i = 1; i <= 34; i++) {
      recordRun(
        {
          hours: i === 34 ? 1 : 2,
          interval: 60,
          series: [
            { def: M.fds, target: 'api', signal: constant(i) },
            { def: M.heapVisible, target: 'api', signal: constant(1) },
            { def: M.cpu, target: 'api', signal: sum(constant(1000 * i), line(HOUR)) },
          ],
          events: [{ t: 0, kind: 'target_found' as const, target: 'api', data: {} }],
        },
        { out: join(pods, `pod-${i}`), start: START + i },
      );
    }
    const { err, out } = await soakAgent('merge', pods, '--out', join(folder, 'merged'), '--offset', 'pod-1=0s');
    const at = /record in (\S+)/.exec(out)![1]!;
    const { events, labels } = recordedIn(at);
    expect(err).toMatch(/pod-33: api\/other, /);
    expect(labels.filter((label) => label.startsWith('api/other')).toSorted()).toEqual(['api/other fds', 'api/other process.cpu.time']);
    expect(latestOf(at, 'api/32 fds')!.value).toBe(32);
    expect(latestOf(at, 'api/other fds')!.value).toBe(33);
    expect(latestOf(at, 'api fds', 2 * HOUR - 60)!.value).toBe((33 * 34) / 2);
    // One of them counted for two hours, the other for one.
    expect(latestOf(at, 'api/other process.cpu.time')!.value / 3600).toBeCloseTo(3, 1);
    const begun = events.filter(({ member, kind }) => member === 'other' && kind === 'member_start').map(({ t }) => Math.round(t / HOUR));
    expect(begun).toEqual([0, 0, 1]);
  });

  test('that overlap are told apart: a counter does not fall because two feed it for a moment', async () => {
    const folder = temporaryFolder();
    const pods = join(folder, 'pods');
    const times = [
      [0, 1800],
      [1797, 3600],
    ] as const;
    const counted = [1000, 0];
    for (const [i, [from, to]] of times.entries()) {
      recordRun(
        {
          hours: (to - from) / HOUR,
          interval: 1,
          series: [{ def: M.cpu, target: 'api', signal: sum(constant(counted[i]!), line(HOUR)) }],
          events: [{ t: 0, kind: 'target_found' as const, target: 'api', data: {} }],
        },
        { out: join(pods, `pod-${i}`), start: START + from },
      );
    }
    const { out } = await soakAgent('merge', pods, '--out', join(folder, 'merged'));
    const at = /record in (\S+)/.exec(out)![1]!;
    const reader = RecordReader.open(at);
    const id = reader.series().findIndex((series) => seriesLabel(series) === 'api/1 process.cpu.time');
    const values = [...reader.ticks()].flatMap(({ samples }) =>
      [...samples.series.subarray(0, samples.length)].flatMap((series, i) => (series === id ? [samples.values[i]!] : [])),
    );
    reader.close();
    expect(values.filter((value, i) => value < (values[i - 1] ?? 0))).toHaveLength(1);
    expect(Math.max(...values)).toBeLessThan(2800.5);
  });
});

describe('what cannot be merged', () => {
  test('is refused with its place', async () => {
    const folder = temporaryFolder();
    const [a, b] = PODS.slice(0, 2).map((pod, i) => recordPod(folder, { ...pod, to: 0.1 }, 0, i).folder);
    const refused = async (...argv: string[]): Promise<string> => {
      const { code, err } = await soakAgent('merge', '--out', join(folder, 'merged'), ...argv);
      expect(code).toBe(64);
      return err;
    };
    expect(await refused(a!)).toContain('two runs at least are merged\n');
    expect(await refused(a!, a!)).toContain(`${a!}: two runs at least are merged, and it is the same one that is named 2 times`);
    expect(await refused(a!, join(folder, 'nothing'))).toContain(`${join(folder, 'nothing')}: there is no such folder\n`);
    expect(await refused(a!, b!, '--offset', 'pod-b')).toContain('--offset: "pod-b" should be RUN=+2.5s');
    expect(await refused(a!, b!, '--offset', 'pod-z=5s')).toContain(
      'there is no run pod-z among those that are merged: they are called pod-a, pod-b',
    );
    expect(await refused(a!, b!, '--colour')).toContain('--colour: unknown flag');
    expect(await refused(a!, b!, '--rule', 'memory.private <')).toContain('--rule');
    const set = await soakAgent('merge', a!, b!, '--out', join(folder, 'merged'), '--offset', 'pod-b=-29s', '--non-blocking');
    expect([set.code, set.err]).toEqual([0, expect.stringContaining('its clock set by -29 s')]);
  });
});
