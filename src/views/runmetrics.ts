/**
 * What a run says of itself: its identity and times, the processes behind its targets, and the verdict so far. Everything is computed
 * when it is read; only closed sets and what the run bounds itself become labels.
 */
import { defineMetrics, type MetricDef } from '../catalog.ts';
import { rfc3339 } from '../clock.ts';
import { FINDING_KINDS, type Verdict } from '../analysis/verdict.ts';
import { isJudgedPhase } from '../phases.ts';
import type { RunState } from '../runstate.ts';
import type { Proc, Target } from '../targets.ts';
import { identity, type Point, point, states } from './points.ts';
import { OUTCOMES } from './verdictmetrics.ts';

/** A run as the exporters see it. They read and never write. */
export interface ExportedRun {
  readonly id: string;
  /** Seconds since the epoch. */
  readonly start: number;
  /** When it ended, in seconds since the epoch; null while it goes on. */
  end(): number | null;
  /** When it is planned to end, in seconds since the epoch; null when it runs until told. */
  readonly planned: number | null;
  /** Of the agent. */
  readonly version: string;
  readonly state: Pick<RunState, 'series' | 'store' | 'timeline' | 'fresh' | 't' | 'n'>;
  /** Null before there is one. Asked once per collection and page: it must not judge anew. */
  verdict(): Verdict | null;
  targets(): readonly Target[];
  /** Name of the current phase; empty when the run has none. */
  phase(): string;
  /** `jvm`, `nodejs`, `go` ... of a bound process; null where it is not known. */
  runtime?(proc: Proc): string | null;
}

/** Phases exported: the current one is 1, earlier ones are 0, so that a push ends them too and not only a scrape. */
const PHASES_EXPORTED = 32;

export const METRICS = defineMetrics({
  info: {
    name: 'soak.run.info',
    unit: '{run}',
    kind: 'gauge',
    help: 'The run and the agent that does it; always 1',
    labels: { 'soak.version': { max: 1 } },
    growth: 'none',
  },
  target: {
    name: 'soak.target.info',
    unit: '{process}',
    kind: 'gauge',
    help: 'A process that is bound to a target right now; always 1. The only metric that knows a pid',
    labels: {
      'process.pid': { max: 1000 },
      'process.creation.time': { max: 1000 },
      'soak.comm': { max: 1000 },
      'process.runtime.name': { max: 16 },
    },
    growth: 'none',
  },
  phase: {
    name: 'soak.run.phase',
    unit: '{phase}',
    kind: 'gauge',
    help: 'Phases of the run: 1 for the current one, 0 for earlier ones',
    labels: { 'soak.phase': { max: PHASES_EXPORTED } },
    growth: 'none',
  },
  start: { name: 'soak.run.start_time', unit: 's', kind: 'gauge', help: 'When the run began, since the epoch', growth: 'none' },
  end: { name: 'soak.run.end_time', unit: 's', kind: 'gauge', help: 'When the run ended, since the epoch; absent before', growth: 'none' },
  planned: {
    name: 'soak.run.planned_end_time',
    unit: 's',
    kind: 'gauge',
    help: 'When the run is planned to end, since the epoch; absent when it runs until told',
    growth: 'none',
  },
  coverage: { name: 'soak.run.coverage', unit: '1', kind: 'gauge', help: 'Share of the planned samples that were taken', growth: 'none' },
  gaps: {
    name: 'soak.run.gaps',
    unit: '{gap}',
    kind: 'counter',
    help: 'Times at which the agent itself stopped sampling for a while',
    growth: 'none',
  },
  gap: { name: 'soak.run.gap.time', unit: 's', kind: 'counter', help: 'Time in which the agent itself did not sample', growth: 'none' },
  restarts: {
    name: 'soak.run.restarts',
    unit: '{restart}',
    kind: 'counter',
    help: 'Restarts of targets and their members seen in the run',
    growth: 'none',
  },
  outcome: {
    name: 'soak.run.outcome',
    unit: '{outcome}',
    kind: 'gauge',
    help: 'Verdict on the run so far: 1 for the outcome that holds, 0 for the others',
    labels: { 'soak.outcome': OUTCOMES },
    growth: 'none',
  },
  steady: {
    name: 'soak.run.steady',
    unit: '{run}',
    kind: 'gauge',
    help: '1 while what is seen counts: the run goes on and its phase is judged. 0 in warm-ups, ramps, faults and cool-downs, and after the end',
    growth: 'none',
  },
  sampled: {
    name: 'soak.run.sample_time',
    unit: 's',
    kind: 'gauge',
    help: 'When the last samples were taken, since the epoch; absent before the first',
    growth: 'none',
  },
  processes: {
    name: 'soak.target.processes',
    unit: '{process}',
    kind: 'gauge',
    help: 'Processes that are bound to a target; 0 while it is gone or not found yet',
    growth: 'none',
  },
  targetRestarts: {
    name: 'soak.target.restarts',
    unit: '{restart}',
    kind: 'counter',
    help: 'Restarts of a target and its members seen in the run',
    growth: 'none',
  },
  findings: {
    name: 'soak.findings',
    unit: '{finding}',
    kind: 'gauge',
    help: 'Findings of the verdict so far by their kind and what they decide; those that decide nothing are pass',
    labels: { 'soak.finding.kind': FINDING_KINDS, 'soak.outcome': OUTCOMES },
    growth: 'none',
  },
  pushes: {
    name: 'soak.export.pushes',
    unit: '{push}',
    kind: 'counter',
    help: 'OTLP pushes since the agent was started by how they ended, with their retries; absent when nothing is pushed',
    labels: { 'soak.export.result': ['ok', 'failed'] },
    growth: 'none',
  },
  duration: {
    name: 'soak.traffic.duration',
    unit: 's',
    kind: 'histogram',
    help: 'Durations of the requests completed since the agent was started. A bucket of the sender that reaches over a bound counts at its upper end',
    growth: 'none',
  },
  dropped: {
    name: 'soak.export.dropped',
    unit: '{series}',
    kind: 'gauge',
    help: 'Series that are recorded and judged but beyond the cap on exported ones',
    growth: 'none',
  },
});

/** Kinds of findings are 16 of three outcomes, and of as many targets as there are: a verdict has a few. */
const FINDINGS_EXPORTED = 64;

/** Identity, times and verdict of the run as a whole. At most 16 points, and one per phase and per kind of finding. */
export class RunPoints {
  readonly #run: ExportedRun;
  readonly #phases = new Set<string>();

  constructor(run: ExportedRun) {
    this.#run = run;
  }

  all(verdict: Verdict | null): Point[] {
    const run = this.#run;
    const own = identity(run.id, null, null);
    const at = (def: MetricDef, value: number | null | undefined): Point[] =>
      value === null || value === undefined ? [] : [point(def, own, value, def.kind === 'counter' ? run.start : null)];
    return [
      point(METRICS.info, { ...own, 'soak.version': run.version }, 1),
      ...this.#phase(own, verdict),
      point(METRICS.steady, own, isSteady(run, verdict) ? 1 : 0),
      ...at(METRICS.start, run.start),
      ...at(METRICS.end, run.end()),
      ...at(METRICS.planned, run.planned),
      ...at(METRICS.coverage, verdict?.coverage),
      ...at(METRICS.sampled, run.state.n < 0 ? null : run.start + run.state.t),
      ...at(METRICS.gaps, run.state.timeline.gapCount),
      ...at(METRICS.gap, run.state.timeline.gapSeconds),
      ...at(METRICS.restarts, run.state.timeline.restarts),
      ...(verdict ? states(METRICS.outcome, own, 'soak.outcome', OUTCOMES, verdict.outcome) : []),
      ...findingPoints(run.id, verdict),
    ];
  }

  #phase(own: Readonly<Record<string, string>>, verdict: Verdict | null): Point[] {
    const current = this.#run.phase() || (verdict?.phases.at(-1)?.name ?? '');
    if (current !== '') {
      this.#phases.delete(current);
      this.#phases.add(current);
    }
    const oldest = this.#phases.values().next().value;
    if (this.#phases.size > PHASES_EXPORTED && oldest !== undefined) this.#phases.delete(oldest);
    return [...this.#phases].toSorted().map((phase) => point(METRICS.phase, { ...own, 'soak.phase': phase }, phase === current ? 1 : 0));
  }
}

/** Phases that nobody declared are those that the verdict found in the load. */
function isSteady(run: ExportedRun, verdict: Verdict | null): boolean {
  if (run.end() !== null) return false;
  return run.phase() === '' ? (verdict?.phases.at(-1)?.judged ?? true) : isJudgedPhase(run.phase());
}

function findingPoints(run: string, verdict: Verdict | null): Point[] {
  const counts = Map.groupBy(verdict?.findings ?? [], ({ kind, outcome, target }) => JSON.stringify([kind, outcome, target]));
  return [...counts.values()].slice(0, FINDINGS_EXPORTED).map((all) => {
    const { kind, outcome, target } = all[0]!;
    return point(METRICS.findings, { ...identity(run, target, null), 'soak.finding.kind': kind, 'soak.outcome': outcome }, all.length);
  });
}

/** Two points per target. */
export function targetStates(run: ExportedRun): Point[] {
  return run.targets().flatMap(({ role, procs }) => {
    const own = identity(run.id, role, null);
    const restarts = run.state.timeline.restartsOf(role);
    return [point(METRICS.processes, own, procs.length), point(METRICS.targetRestarts, own, restarts, run.start)];
  });
}

/** One point per bound process. `boot` is the time of boot in seconds since the epoch. */
export function targetPoints(run: ExportedRun, boot: number): Point[] {
  return run.targets().flatMap((target) =>
    target.procs.map((proc) => {
      const runtime = run.runtime?.(proc) ?? null;
      const attributes = {
        ...identity(run.id, target.role, proc.member),
        'process.pid': String(proc.pid),
        'process.creation.time': rfc3339(Math.round(createdAt(proc, boot))) ?? '',
        'soak.comm': proc.comm,
        ...(runtime === null ? {} : { 'process.runtime.name': runtime }),
      };
      return point(METRICS.target, attributes, 1);
    }),
  );
}

/** The unit of field 22 of `stat`: USER_HZ, which is 100 on every Linux whatever the kernel's own HZ. */
const TICKS_PER_SECOND = 100;

/** Seconds since the epoch at which the process began, to within the resolution of a tick and of the boot time. */
export function createdAt(proc: Pick<Proc, 'startTime'>, boot: number): number {
  return boot + proc.startTime / TICKS_PER_SECOND;
}
