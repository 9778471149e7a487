/** A run to export: real state, filled by hand, with a metric of every kind and unit. */
import type { Verdict, VerdictSeries } from '../../../src/analysis/verdict.ts';
import { defineMetrics, type MetricDef } from '../../../src/catalog.ts';
import { rfc3339 } from '../../../src/clock.ts';
import { RunState } from '../../../src/runstate.ts';
import type { Owner } from '../../../src/series.ts';
import { METRICS as TRAFFIC } from '../../../src/sources/traffic-metrics.ts';
import type { Proc, Target } from '../../../src/targets.ts';
import { Batch } from '../../../src/tick.ts';
import type { ExportedRun } from '../../../src/views/runmetrics.ts';

/** 2026-01-01T00:00:00Z, where SimClock starts. */
export const START = 1_767_225_600;

/** An hour before. */
export const BOOT = START - 3600;

export const DEFS = defineMetrics({
  cpu: {
    name: 'process.cpu.time',
    unit: 's',
    kind: 'counter',
    help: 'CPU time',
    labels: { 'cpu.mode': ['user', 'system'] },
    growth: 'load',
  },
  private: {
    name: 'soak.process.memory.private',
    unit: 'By',
    kind: 'updowncounter',
    help: 'Anonymous memory and swap',
    growth: 'leak',
    alias: 'memory.private',
    gate: 'required',
  },
  threads: { name: 'process.thread.count', unit: '{thread}', kind: 'updowncounter', help: 'Threads', growth: 'leak' },
  fds: {
    name: 'process.unix.file_descriptor.count',
    unit: '{file_descriptor}',
    kind: 'updowncounter',
    help: 'Open file descriptors',
    growth: 'leak',
    alias: 'fds',
    gate: 'required',
  },
  utilization: { name: 'process.cpu.utilization', unit: '1', kind: 'gauge', help: 'CPUs in use', growth: 'load' },
  throttled: { name: 'soak.cgroup.cpu.throttled.time', unit: 's', kind: 'counter', help: 'Time throttled', growth: 'none' },
  disk: {
    name: 'system.filesystem.usage',
    unit: 'By',
    kind: 'updowncounter',
    help: 'Space in use; a path may hold anything: \\ " and\nline ends',
    labels: { 'system.filesystem.mountpoint': { max: 64 } },
    growth: 'capacity',
  },
});

export interface Fake {
  readonly run: ExportedRun;
  readonly state: RunState;
  readonly targets: Target[];
  verdict: Verdict | null;
  end: number | null;
  phase: string;
  /** Folds one tick at run time `t`. */
  tick(t: number, values?: readonly (readonly [id: number, value: number])[]): void;
}

export function fakeRun(options: Partial<Pick<ExportedRun, 'id' | 'planned' | 'start'>> = {}): Fake {
  const judge = { watch() {}, work: () => false, look() {}, snapshot: () => ({}), restore() {} };
  const state = new RunState(judge as never);
  const batch = new Batch();
  const targets: Target[] = [];
  const fake: Fake = {
    state,
    targets,
    verdict: null,
    end: null,
    phase: '',
    tick(t, values = []) {
      for (const [id, value] of values) batch.set(id, value, t);
      state.fold(batch.close(state.n + 1, t, START + t));
    },
    run: {
      id: options.id ?? 'k3x9',
      start: options.start ?? START,
      planned: options.planned ?? null,
      version: '0.1.0',
      state,
      end: () => fake.end,
      verdict: () => fake.verdict,
      targets: () => targets,
      phase: () => fake.phase,
    },
  };
  return fake;
}

export function owner(target: string | null, member: string | null = null, period = 1): Owner {
  return { source: target === null ? 'host' : 'process', target, member, period };
}

export function target(role: string, procs: readonly Proc[], goneSince: number | null = null): Target {
  const spec = { role, selector: { kind: 'name', name: role }, many: procs.length > 1, children: false } as const;
  return { spec, role, procs, started: null, goneSince };
}

/** A run after 90 s: a target with one process, one with two members, host figures, and a verdict. */
export function fullRun(): Fake {
  const fake = fakeRun({ planned: START + 8 * 3600 });
  const { series } = fake.state;
  fake.targets.push(target('api', [{ pid: 4242, startTime: 120_050, comm: 'node', member: null }]));
  const workers = [1, 2].map((slot) => ({ pid: 5000 + slot, startTime: 200_000 + slot, comm: 'wor"k\\er\n', member: String(slot) }));
  fake.targets.push(target('pool', workers));
  const values: [number, number][] = [
    [series.open(owner('api'), DEFS.cpu, { 'cpu.mode': 'user' }), 12.25],
    [series.open(owner('api'), DEFS.cpu, { 'cpu.mode': 'system' }), 0.5],
    [series.open(owner('api'), DEFS.private), 123_456_789],
    [series.open(owner('api'), DEFS.fds), 42],
    [series.open(owner('api'), DEFS.utilization), 0.125],
    [series.open(owner('api'), DEFS.throttled), 1e-7],
    [series.open(owner('pool', '1'), DEFS.threads), 4],
    [series.open(owner('pool', '2'), DEFS.threads), 4],
    [series.open(owner('pool'), DEFS.private), 1e21],
    [series.open(owner('api'), TRAFFIC.bucket, { 'soak.bucket.over': '0.02', 'soak.bucket.to': '0.025' }), 90],
    [series.open(owner('api'), TRAFFIC.bucket, { 'soak.bucket.over': '0.35', 'soak.bucket.to': '0.42' }), 9],
    [series.open(owner('api'), TRAFFIC.bucket, { 'soak.bucket.over': '300', 'soak.bucket.to': '+Inf' }), 1],
    [series.open(owner('api'), TRAFFIC.sum), 312.5],
    [series.open(owner('api'), TRAFFIC.timed), 100],
    [series.open(owner(null, null, 5), DEFS.disk, { 'system.filesystem.mountpoint': 'C:\\a "b"\nc' }), 0],
  ];
  fake.tick(90, values);
  fake.state.timeline.restarts = 2;
  fake.state.timeline.gapSeconds = 3.5;
  fake.phase = 'steady';
  fake.verdict = verdictOf(fake.run);
  return fake;
}

function judged(metric: MetricDef, unit: string, more: Partial<VerdictSeries>): VerdictSeries {
  return {
    id: `api ${metric.name}`,
    target: 'api',
    member: null,
    metric: metric.name,
    unit,
    labels: {},
    gated: true,
    outcome: 'inconclusive',
    grade: 'none',
    gradeHistory: [],
    class: null,
    shape: null,
    level: null,
    limit: null,
    floorPerHour: null,
    slope: null,
    perRequest: null,
    onset: null,
    exhaustion: null,
    smallestDetectablePerHour: null,
    hoursToSettle: null,
    why: 'too early',
    ...more,
  };
}

export function verdictOf(run: ExportedRun): Verdict {
  const time = (seconds: number): string => rfc3339(run.start + seconds) ?? '';
  return {
    schema: 1,
    run: { id: run.id, start: time(0), end: null, planned: rfc3339(run.planned), agent: run.version, configHash: 'abc' },
    outcome: 'inconclusive',
    reasons: ['api memory.private: too early'],
    coverage: 0.9875,
    work: { steady: true, stoppedAt: null },
    blind: [],
    series: [
      judged(DEFS.private, 'By', {
        outcome: 'fail',
        grade: 'confirmed',
        level: 120e6,
        floorPerHour: 240_000,
        slope: { perHour: 2.5e6, lo: 1.5e6, hi: 3.5e6, confidence: 0.95 },
        exhaustion: { at: time(7290), lo: time(3690), hi: null },
        smallestDetectablePerHour: 1e6,
      }),
      judged(DEFS.fds, '{file_descriptor}', { slope: { perHour: -0.5, lo: -2, hi: 1, confidence: 0.95 } }),
      judged(DEFS.utilization, '1', { slope: { perHour: 0.01, lo: 0, hi: 0.02, confidence: 0.95 } }),
      judged(DEFS.throttled, 's', { slope: { perHour: 0.001, lo: 0, hi: 0.002, confidence: 0.95 } }),
      judged(DEFS.threads, '{thread}', { target: 'pool', member: '1', gated: false, grade: 'suspected' }),
    ],
    capacity: [],
    findings: [],
    phases: [],
    events: [],
  };
}
