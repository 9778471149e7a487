/** Records of one role that do not touch, and of agents on one machine: when nobody watched, who tells of what all of them see. */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { finalVerdict } from '../../src/stored.ts';
import { RecordReader } from '../../src/record/reader.ts';
import { seriesLabel } from '../../src/series.ts';
import { commandLine } from '../commandline.ts';
import { temporaryFolder } from '../fixtures/record/ticks.ts';
import { recordRun } from '../recorded.ts';
import { M } from '../sim/metrics.ts';
import { HOUR, MB, type Simulated, START } from '../sim/run.ts';
import { constant, line, poisson, rounded, sum, white } from '../sim/series.ts';

interface Life {
  readonly from: number;
  readonly hours: number;
  readonly target?: string;
  readonly cores?: number;
  /** An hour; null: not counted. */
  readonly requests?: number | null;
  /** CPU seconds that the program had used before. */
  readonly used?: number;
  readonly bootId?: string | null;
  /** CPU seconds of the machine when the agent began. */
  readonly machine?: number;
}

let seed = 0;

function recordLife(out: string, life: Life): string {
  const { from, hours, target = 'api', cores = 0.2, requests = 7200, used = 0, bootId = 'boot-1', machine } = life;
  seed = seed + 10;
  const series: Simulated[] = [
    { def: M.memory, target, signal: sum(constant(200 * MB), white(seed, 0.3 * MB)) },
    { def: M.fds, target, signal: constant(20) },
    { def: M.fdLimit, target, signal: constant(1024) },
    { def: M.cpu, target, signal: sum(constant(used), line(HOUR * cores)) },
    ...(requests === null ? [] : [{ def: M.requests, target, signal: rounded(poisson(seed + 9, requests)) }]),
    ...(machine === undefined ? [] : [{ def: M.threads, source: 'host', target: null, signal: sum(constant(machine), line(60)) }]),
  ];
  const events = [{ t: 0, kind: 'target_found' as const, target, data: {} }];
  const scenario = { hours, interval: 10, series, events, options: { requiredLifetime: 14 * 86_400 } };
  return recordRun(scenario, { out, start: START + from, header: { bootId } }).folder;
}

async function merged(lives: readonly Life[], folder = temporaryFolder()) {
  for (const [i, life] of lives.entries()) recordLife(join(folder, 'runs', `agent-${i + 1}`), life);
  const { err, out } = await commandLine(['merge', join(folder, 'runs'), '--out', join(folder, 'merged')]);
  const at = /record in (\S+)/.exec(out)?.[1] ?? '';
  const reader = RecordReader.open(at);
  try {
    const labels = reader.series().map((one) => seriesLabel(one));
    const hosts = reader.series().filter(({ source }) => source === 'host');
    const values = [...reader.ticks()].flatMap(({ samples }) =>
      [...samples.series.subarray(0, samples.length)].flatMap((id, i) => (id === hosts[0]?.id ? [samples.values[i]!] : [])),
    );
    const gaps = [...reader.events()].filter(({ kind }) => kind === 'gap');
    const { header } = reader;
    return { at, err, labels, gaps, header, verdict: finalVerdict(at)!, hosts: hosts.map(({ member }) => member), values };
  } finally {
    reader.close();
  }
}

describe('a gap in which nobody watched is no end of work', () => {
  const first: Life = { from: 0, hours: 1 };
  const second: Life = { from: HOUR + 100, hours: 1 };

  test.each<[string, Life, Life]>([
    ['as busy as before', first, second],
    ['less busy, by CPU time', { ...first, requests: null }, { ...second, requests: null, cores: 0.03 }],
    ['with less than half of the load', first, { ...second, requests: 2400 }],
    ['requests are no longer counted', first, { ...second, requests: null }],
    ['requests are counted now', { ...first, requests: null }, second],
    [
      'short, with a process that was there before',
      { from: 0, hours: 0.025, requests: null },
      { from: 190, hours: 0.025, requests: null, used: 5000 },
    ],
  ])('%s', async (_, before, after) => {
    const { verdict, gaps } = await merged([before, after]);
    expect(verdict.work).toEqual({ steady: true, stoppedAt: null });
    expect(verdict.findings.filter(({ kind }) => kind === 'work')).toEqual([]);
    expect(gaps.map(({ target, t, data }) => [target, Math.round(t), Math.round(Number(data['from']))])).toEqual([
      [null, after.from, before.hours * HOUR],
    ]);
  });

  test('while others watch another role, and after the last of a role', async () => {
    const { verdict, gaps, err } = await merged([first, { ...second, requests: 1200 }, { from: 0, hours: 3, target: 'worker' }]);
    expect(verdict.work).toEqual({ steady: true, stoppedAt: null });
    expect(gaps.map(({ target, message }) => [target, message])).toEqual([
      ['api', 'no agent watched api for 1m40s'],
      ['api', 'no agent watched api for 58m20s'],
    ]);
    expect(err).toContain('agent-1: api/1, ');
  });

  test('and what is idle after it has stopped before it', async () => {
    const { verdict } = await merged([first, { ...second, cores: 0.0001, requests: 0 }]);
    expect(verdict.work.steady).toBe(false);
    expect((Date.parse(verdict.work.stoppedAt!) / 1000 - START) / HOUR).toBeCloseTo(1, 1);
  });
});

describe('agents', () => {
  test('on one machine tell of it once, the next one when the first is over', async () => {
    const { hosts, values, header } = await merged([
      { from: 0, hours: 0.5, machine: 0 },
      { from: 600, hours: 1, target: 'worker', machine: 1000 },
    ]);
    expect(hosts).toEqual([null]);
    expect([values.length, values[0], values.findIndex((value) => value >= 1000)]).toEqual([421, 0, 181]);
    expect([header.bootId, header.host]).toEqual(['boot-1', { memory: 2 ** 34, agents: 'agent-1, agent-2' }]);
  });

  test('on two machines, or on who knows which, tell of two, also when they are merged once more', async () => {
    const { hosts, at, header } = await merged([
      { from: 0, hours: 0.1, machine: 0 },
      { from: 0, hours: 0.1, machine: 9, bootId: 'boot-2' },
    ]);
    expect([hosts, header.bootId]).toEqual([['1', '2'], null]);
    const unknown = { hours: 0.1, machine: 0, bootId: null };
    expect(
      (
        await merged([
          { ...unknown, from: 0 },
          { ...unknown, from: 0 },
        ])
      ).hosts,
    ).toEqual(['1', '2']);
    const folder = temporaryFolder();
    const third = recordLife(folder, { from: 0, hours: 0.1, machine: 5, bootId: 'boot-3' });
    const { out } = await commandLine(['merge', at, third, '--out', join(folder, 'again')]);
    const reader = RecordReader.open(/record in (\S+)/.exec(out)![1]!);
    expect(
      reader
        .series()
        .filter(({ source }) => source === 'host')
        .map(({ member }) => member)
        .toSorted(),
    ).toEqual(['1', '2', '3']);
    reader.close();
  });

  test('whose runs lie in one folder are called by their ids', async () => {
    const folder = temporaryFolder();
    const ids = [0, 60].map((from) => recordLife(folder, { from, hours: 0.1 }).slice(-8));
    const { err } = await commandLine(['merge', folder, '--out', join(folder, 'merged'), '--offset', `${ids[1]}=-3s`]);
    expect(err).toContain(`${ids[0]}: api/1, `);
    expect(err).toMatch(new RegExp(`${ids[1]}: api/2, .*its clock set by -3 s`));
    // What was merged from them is not merged into itself.
    expect((await commandLine(['merge', folder, '--out', join(folder, 'merged')])).err).not.toContain('among them already');
  });
});
