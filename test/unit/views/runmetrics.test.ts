import { describe, expect, test } from 'vitest';
import { Catalog, prometheusName } from '../../../src/catalog.ts';
import type { Point } from '../../../src/views/points.ts';
import { METRICS, RunPoints, targetPoints, targetStates } from '../../../src/views/runmetrics.ts';
import { METRICS as VERDICT, verdictPoints } from '../../../src/views/verdictmetrics.ts';
import { BOOT, fakeRun, fullRun, START, target, verdictOf } from './run.ts';

/** `soak_run_outcome{soak.outcome=fail}` without the run: value. */
function shown(points: readonly Point[]): Record<string, number> {
  return Object.fromEntries(
    points.map(({ def, attributes, value }) => {
      const labels = Object.entries(attributes).filter(([name, text]) => name !== 'soak.run' && text !== 'gated');
      return [`${prometheusName(def.name, def.unit, def.kind)} ${labels.map(([name, text]) => `${name}=${text}`).join(' ')}`.trim(), value];
    }),
  );
}

describe('the run', () => {
  test('before anything is known, nothing is said that is not known', () => {
    const points = shown(new RunPoints(fakeRun().run).all(null));
    expect(points).toEqual({
      'soak_run_info soak.version=0.1.0': 1,
      soak_run_start_time_seconds: START,
      soak_run_gap_time_seconds_total: 0,
      soak_run_gaps_total: 0,
      soak_run_restarts_total: 0,
      soak_run_steady: 1,
    });
  });

  test('outcome and phases are states: one is 1, the others 0', () => {
    const fake = fullRun();
    const points = new RunPoints(fake.run);
    points.all(null);
    fake.phase = 'fault';
    fake.end = START + 100;
    expect(shown(points.all(fake.verdict))).toMatchObject({
      'soak_run_outcome soak.outcome=pass': 0,
      'soak_run_outcome soak.outcome=fail': 0,
      'soak_run_outcome soak.outcome=inconclusive': 1,
      'soak_run_phase soak.phase=steady': 0,
      'soak_run_phase soak.phase=fault': 1,
      soak_run_coverage_ratio: 0.9875,
      soak_run_end_time_seconds: START + 100,
      soak_run_planned_end_time_seconds: START + 8 * 3600,
      soak_run_restarts_total: 2,
      soak_run_gap_time_seconds_total: 3.5,
    });
  });

  test('phases without end are bounded; the current one is always there', () => {
    const fake = fakeRun();
    const points = new RunPoints(fake.run);
    for (let i = 0; i < 1000; i++) {
      fake.phase = `phase-${i}`;
      points.all(null);
    }
    const phases = points.all(null).filter(({ def }) => def === METRICS.phase);
    expect(phases).toHaveLength(32);
    expect(phases.filter(({ value }) => value === 1).map(({ attributes }) => attributes['soak.phase'])).toEqual(['phase-999']);
  });
});

describe('the verdict', () => {
  test('each kind of unit has its own slope, with the unit in its name', () => {
    const points = shown(verdictPoints('k3x9', fullRun().verdict, START + 90));
    expect(points).toMatchObject({
      'soak_slope_bytes_per_hour soak.target=api soak.series.metric=soak.process.memory.private': 2.5e6,
      'soak_slope_lower_bytes_per_hour soak.target=api soak.series.metric=soak.process.memory.private': 1.5e6,
      'soak_slope_upper_bytes_per_hour soak.target=api soak.series.metric=soak.process.memory.private': 3.5e6,
      'soak_slope_floor_bytes_per_hour soak.target=api soak.series.metric=soak.process.memory.private': 240_000,
      'soak_slope_detectable_bytes_per_hour soak.target=api soak.series.metric=soak.process.memory.private': 1e6,
      'soak_slope_count_per_hour soak.target=api soak.series.metric=process.unix.file_descriptor.count': -0.5,
      'soak_slope_ratio_per_hour soak.target=api soak.series.metric=process.cpu.utilization': 0.01,
      'soak_slope_time_seconds_per_hour soak.target=api soak.series.metric=soak.cgroup.cpu.throttled.time': 0.001,
    });
    expect(Object.keys(points).filter((name) => name.startsWith('soak_slope_floor'))).toHaveLength(1);
  });

  test('time to the limit counts down and stops at zero', () => {
    const { verdict } = fullRun();
    const left = (now: number): unknown => {
      const points = shown(verdictPoints('k3x9', verdict, now));
      return ['', '_earliest'].map(
        (end) => points[`soak_exhaustion_remaining${end}_seconds soak.target=api soak.series.metric=soak.process.memory.private`],
      );
    };
    expect(left(START + 90)).toEqual([7200, 3600]);
    expect(left(START + 5000)).toEqual([2290, 0]);
  });

  test('advisory series are exported when they grow, and nothing is before the first look', () => {
    const { verdict } = fullRun();
    const gates = (grade: 'none' | 'suspected'): Set<string | undefined> => {
      const series = verdict!.series.map((one) => (one.gated ? one : { ...one, grade }));
      const points = verdictPoints('k3x9', { ...verdict!, series }, START);
      return new Set(points.filter(({ attributes }) => attributes['soak.target'] === 'pool').map((p) => p.attributes['soak.series.gate']));
    };
    expect([...gates('none')]).toEqual([]);
    expect([...gates('suspected')]).toEqual(['advisory']);
    const many = Array.from({ length: 100 }, (_, i) => ({ ...verdict!.series.at(-1)!, member: String(i) }));
    const members = verdictPoints('k3x9', { ...verdict!, series: many }, START).map(({ attributes }) => attributes['soak.member']);
    expect(new Set(members).size).toBe(32);
    expect(verdictPoints('k3x9', null, START)).toEqual([]);
  });

  test('grades and outcomes come from the closed sets that are declared', () => {
    const grades = verdictPoints('k3x9', fullRun().verdict, START).filter(({ def }) => def === VERDICT.grade);
    expect(grades).toHaveLength(5 * 4);
    expect(grades.filter(({ value }) => value === 1).map(({ attributes }) => attributes['soak.grade'])).toEqual([
      'confirmed',
      'none',
      'none',
      'none',
      'suspected',
    ]);
  });

  test('a unit that no slope is declared for gives no slope rather than a wrong one', () => {
    const verdict = verdictOf(fakeRun().run);
    const odd = { ...verdict, series: [{ ...verdict.series[0]!, unit: 'By/s' }] };
    expect(verdictPoints('k3x9', odd, START).some(({ def }) => def.name.startsWith('soak.slope'))).toBe(false);
  });
});

describe('when what is seen counts', () => {
  const steady = (fake: ReturnType<typeof fullRun>): number | undefined =>
    shown(new RunPoints(fake.run).all(fake.verdict))['soak_run_steady'];

  test('in a judged phase, declared or found in the load', () => {
    const fake = fullRun();
    expect(steady(fake)).toBe(1);
    fake.phase = 'fault';
    expect(steady(fake)).toBe(0);
    fake.phase = '';
    fake.verdict = { ...fake.verdict!, phases: [{ name: 'rampup', from: '', judged: false }] };
    expect(steady(fake)).toBe(0);
    expect(shown(new RunPoints(fake.run).all(fake.verdict))).toMatchObject({ 'soak_run_phase soak.phase=rampup': 1 });
  });

  test('not after the end', () => {
    const ended = fullRun();
    ended.end = START + 90;
    expect(steady(ended)).toBe(0);
  });
});

describe('findings', () => {
  test('are counted by kind, outcome and target', () => {
    const fake = fullRun();
    const finding = {
      id: 'f',
      kind: 'leak',
      outcome: 'fail',
      target: 'api',
      series: [],
      from: null,
      to: null,
      why: '',
      evidence: {},
    } as const;
    fake.verdict = { ...fake.verdict!, findings: [finding, finding, { ...finding, kind: 'outage', outcome: 'pass', target: null }] };
    expect(shown(new RunPoints(fake.run).all(fake.verdict))).toMatchObject({
      'soak_findings soak.target=api soak.finding.kind=leak soak.outcome=fail': 2,
      'soak_findings soak.finding.kind=outage soak.outcome=pass': 1,
    });
  });
});

describe('targets', () => {
  test('each has its processes and its restarts, also when it is gone', () => {
    const fake = fullRun();
    fake.targets.push(target('db', [], 12));
    fake.state.timeline.fold({ t: 5, kind: 'restart', target: 'api', member: null, message: '', data: {} });
    expect(shown(targetStates(fake.run))).toEqual({
      'soak_target_processes soak.target=api': 1,
      'soak_target_processes soak.target=pool': 2,
      'soak_target_processes soak.target=db': 0,
      'soak_target_restarts_total soak.target=api': 1,
      'soak_target_restarts_total soak.target=pool': 0,
      'soak_target_restarts_total soak.target=db': 0,
    });
  });

  test('one point per bound process, with pid, start and name; the runtime where it is known', () => {
    const fake = fullRun();
    const run = { ...fake.run, runtime: ({ pid }: { pid: number }) => (pid === 4242 ? 'nodejs' : null) };
    expect(targetPoints(run, BOOT).map(({ attributes }) => attributes)).toEqual([
      {
        'soak.run': 'k3x9',
        'soak.target': 'api',
        'process.pid': '4242',
        'process.creation.time': '2025-12-31T23:20:01.000Z',
        'soak.comm': 'node',
        'process.runtime.name': 'nodejs',
      },
      expect.objectContaining({ 'soak.member': '1', 'process.pid': '5001' }),
      expect.objectContaining({ 'soak.member': '2', 'process.pid': '5002' }),
    ]);
  });

  test('a target that is gone has none', () => {
    const fake = fakeRun();
    fake.targets.push(target('api', [], 12));
    expect(targetPoints(fake.run, BOOT)).toEqual([]);
  });
});

test('the declarations make a catalog', () => {
  const catalog = new Catalog([METRICS, VERDICT]);
  expect(catalog.all().filter(({ name }) => !name.startsWith('soak.'))).toEqual([]);
});
