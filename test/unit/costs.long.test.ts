/** What work costs is in the record: a run that is replayed says the same, and one that is merged has it of all its agents. */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Verdict, VerdictSeries } from '../../src/analysis/verdict.ts';
import { finalVerdict, openStored } from '../../src/stored.ts';
import { commandLine } from '../commandline.ts';
import { temporaryFolder } from '../fixtures/record/ticks.ts';
import { recordRun, type Recorded } from '../recorded.ts';
import { M } from '../sim/metrics.ts';
import { HOUR, MB, type Simulated, START } from '../sim/run.ts';
import { constant, line, sum, white } from '../sim/series.ts';
import { METRICS as RUNTIME } from '../../src/sources/runtime-metrics.ts';

const FOUND = { t: 0, kind: 'target_found' as const, target: 'api', data: {} };

/** A quarter of a core, and 4 % of the time in collections, more and more of both. */
const pod = (seed: number): Simulated[] => [
  { def: M.memory, signal: sum(constant(200 * MB), white(seed, 0.1 * MB)) },
  { def: M.fds, signal: constant(20) },
  { def: M.cpu, signal: (t) => 0.25 * t * (1 + t / (8 * HOUR)) },
  {
    def: RUNTIME.collectionTime,
    source: 'runtime',
    labels: { 'soak.collection.kind': 'major' },
    signal: (t) => 0.04 * t * (1 + t / HOUR),
    period: 10,
  },
];
const load = (perSecond: number, target: string | null = 'api'): Simulated => ({
  def: M.requests,
  source: 'traffic',
  target,
  signal: line(perSecond * HOUR),
  period: 10,
});

function record(
  out: string,
  name: string,
  series: readonly Simulated[],
  config: Record<string, unknown> = {},
  cutOffAt?: number,
): Recorded {
  const cut = cutOffAt === undefined ? {} : { cutOffAt };
  return recordRun(
    { hours: 4, interval: 10, series, events: [FOUND], costs: true },
    { out: join(out, name), start: START, config, ...cut },
  );
}

function of(verdict: Verdict, id: string): VerdictSeries | undefined {
  return verdict.series.find((one) => one.id === id);
}

async function merged(folder: string): Promise<{ at: string; verdict: Verdict }> {
  const { out } = await commandLine(['merge', join(folder, 'pods'), '--out', join(folder, 'merged')]);
  const at = /record in (\S+)/.exec(out)![1]!;
  return { at, verdict: finalVerdict(at)! };
}

/** What is judged and said, without what a test harness calls its runs. */
const judged = ({ outcome, series, findings }: Verdict): unknown => JSON.parse(JSON.stringify({ outcome, series, findings }));

describe('a recorded run', () => {
  test('says the same of what work costs when it is replayed', async () => {
    const { folder, verdict } = record(temporaryFolder(), 'pod', [...pod(1), load(50)]);
    expect(of(verdict, 'api cpu.per_request')).toMatchObject({ gated: false, outcome: 'fail', level: expect.closeTo(0.0098, 3) as number });
    expect(of(verdict, 'api collections')!.level).toBeGreaterThan(0.2);
    expect(verdict.outcome).toBe('inconclusive');
    const { out } = await commandLine(['replay', folder, '--json']);
    expect(judged(JSON.parse(out) as Verdict)).toEqual(judged(verdict));
  });

  test('and when it goes on from a checkpoint', () => {
    const { folder, verdict } = record(temporaryFolder(), 'pod', [...pod(1), load(50)], {}, 3.3 * HOUR);
    expect(judged(openStored(folder).verdict)).toEqual(judged(verdict));
  });
});

describe('a merged run', () => {
  test('has what all replicas spend on what they are asked together, and the collections of each', async () => {
    const folder = temporaryFolder();
    const pods = join(folder, 'pods');
    const alone = record(pods, 'pod-a', [...pod(1), load(50)]);
    record(pods, 'pod-b', [...pod(2), load(150)]);
    const { at, verdict } = await merged(folder);
    const ids = verdict.series.map(({ id }) => id).filter((id) => /collections|per_request/.test(id));
    expect(ids).toEqual(expect.arrayContaining(['api cpu.per_request', 'api/1 collections', 'api/2 collections']));
    expect(ids).toHaveLength(3);
    const own = of(alone.verdict, 'api cpu.per_request')!.level!;
    expect(of(verdict, 'api cpu.per_request')!.level! / own).toBeCloseTo(0.5, 2);
    const { out } = await commandLine(['replay', at, '--json']);
    expect(JSON.parse(out)).toEqual(verdict);
  });

  test('has it where the load was told to another agent', async () => {
    const folder = temporaryFolder();
    const pods = join(folder, 'pods');
    const alone = record(pods, 'pod', pod(1));
    expect(of(alone.verdict, 'api cpu.per_request')).toBeUndefined();
    record(pods, 'generator', [load(50, null)], { targets: [] });
    const { verdict } = await merged(folder);
    expect(of(verdict, 'api cpu.per_request')!.level).toBeCloseTo(0.0098, 3);
  });
});
