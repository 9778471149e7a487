/**
 * What a run says of itself: its identity and times, the processes behind its targets, and the verdict so far. Everything is computed
 * when it is read; only closed sets and what the run bounds itself become labels.
 */
import { defineMetrics, IDENTITY, type MetricDef, type Unit } from '../catalog.ts';
import { parseRfc3339, rfc3339 } from '../clock.ts';
import type { Verdict, VerdictSeries } from '../analysis/verdict.ts';
import type { RunState } from '../runstate.ts';
import type { Proc, Target } from '../targets.ts';

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

const OUTCOMES = ['pass', 'fail', 'inconclusive'] as const;
const GRADES = ['none', 'suspected', 'confirmed', 'retracted'] as const;

/** Phases exported: the current one is 1, earlier ones are 0, so that a push ends them too and not only a scrape. */
const PHASES_EXPORTED = 32;

/** Kinds of unit that a slope may have. One metric name has one unit, so each kind is a metric of its own. */
const SLOPE_UNITS = { bytes: 'By/h', time: 's/h', ratio: '1/h', count: '{count}/h' } as const satisfies Record<string, Unit>;

type Family = keyof typeof SLOPE_UNITS;

/** Figures of a slope that are exported, and the name and help of each. */
const SLOPE_FIGURES = {
  slope: ['soak.slope', 'Growth per hour at the end of the judged time'],
  lower: ['soak.slope.lower', 'Lower bound of the growth per hour'],
  upper: ['soak.slope.upper', 'Upper bound of the growth per hour'],
  floor: ['soak.slope.floor', 'Smallest growth per hour that counts as a leak'],
  detectable: ['soak.slope.detectable', 'Smallest growth per hour that could have been seen by now'],
} as const;

type Figure = keyof typeof SLOPE_FIGURES;

const SERIES_LABELS = { 'soak.series.metric': { max: 64 } } as const;

function slopeMetric(figure: Figure, family: Family): MetricDef {
  const [name, help] = SLOPE_FIGURES[figure];
  const unit = SLOPE_UNITS[family];
  return { name: `${name}.${family}`, unit, kind: 'gauge', help: `${help} (${family})`, labels: SERIES_LABELS, growth: 'none' };
}

const FIGURES = Object.keys(SLOPE_FIGURES) as Figure[];
const FAMILIES = Object.keys(SLOPE_UNITS) as Family[];

/** `METRICS` keys `slope bytes`, `lower time` ...: every figure in every kind of unit. */
const SLOPES = Object.fromEntries(
  FIGURES.flatMap((figure) => FAMILIES.map((family) => [`${figure} ${family}` as const, slopeMetric(figure, family)])),
) as Record<`${Figure} ${Family}`, MetricDef>;

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
  seriesOutcome: {
    name: 'soak.series.outcome',
    unit: '{outcome}',
    kind: 'gauge',
    help: 'Verdict on a gated series so far: 1 for the outcome that holds, 0 for the others',
    labels: { ...SERIES_LABELS, 'soak.outcome': OUTCOMES },
    growth: 'none',
  },
  grade: {
    name: 'soak.series.grade',
    unit: '{grade}',
    kind: 'gauge',
    help: 'Grade of the suspicion on a gated series: 1 for the grade that holds, 0 for the others',
    labels: { ...SERIES_LABELS, 'soak.grade': GRADES },
    growth: 'none',
  },
  exhaustion: {
    name: 'soak.exhaustion.remaining',
    unit: 's',
    kind: 'gauge',
    help: 'Time until a gated series reaches its limit at the present growth; absent when it would not',
    labels: SERIES_LABELS,
    growth: 'none',
  },
  exhaustionEarliest: {
    name: 'soak.exhaustion.remaining.earliest',
    unit: 's',
    kind: 'gauge',
    help: 'Time until a gated series could reach its limit at the earliest; absent when it could not',
    labels: SERIES_LABELS,
    growth: 'none',
  },
  dropped: {
    name: 'soak.export.dropped',
    unit: '{series}',
    kind: 'gauge',
    help: 'Series that are recorded and judged but beyond the cap on exported ones',
    growth: 'none',
  },
  ...SLOPES,
});

/** One value to export. */
export interface Point {
  readonly def: MetricDef;
  /** By OpenTelemetry attribute name. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly value: number;
  /** When a counter was zero, in seconds since the epoch; null where that is not known. */
  readonly start: number | null;
}

/** Identity, times and verdict of the run as a whole. At most 13 points and one per phase. */
export class RunPoints {
  readonly #run: ExportedRun;
  readonly #phases = new Set<string>();

  constructor(run: ExportedRun) {
    this.#run = run;
  }

  all(verdict: Verdict | null): Point[] {
    const run = this.#run;
    const own = { [IDENTITY.run]: run.id };
    const at = (def: MetricDef, value: number | null | undefined): Point[] =>
      value === null || value === undefined ? [] : [point(def, own, value, def.kind === 'counter' ? run.start : null)];
    return [
      point(METRICS.info, { ...own, 'soak.version': run.version }, 1),
      ...this.#phase(own),
      ...at(METRICS.start, run.start),
      ...at(METRICS.end, run.end()),
      ...at(METRICS.planned, run.planned),
      ...at(METRICS.coverage, verdict?.coverage),
      ...at(METRICS.gap, run.state.timeline.gapSeconds),
      ...at(METRICS.restarts, run.state.timeline.restarts),
      ...(verdict ? states(METRICS.outcome, own, 'soak.outcome', OUTCOMES, verdict.outcome) : []),
    ];
  }

  #phase(own: Readonly<Record<string, string>>): Point[] {
    const current = this.#run.phase();
    if (current !== '') {
      this.#phases.delete(current);
      this.#phases.add(current);
    }
    const oldest = this.#phases.values().next().value;
    if (this.#phases.size > PHASES_EXPORTED && oldest !== undefined) this.#phases.delete(oldest);
    return [...this.#phases].toSorted().map((phase) => point(METRICS.phase, { ...own, 'soak.phase': phase }, phase === current ? 1 : 0));
  }
}

/** What the verdict says of each gated series: at most 14 points a series. `run` is its id, `now` in seconds since the epoch. */
export function verdictPoints(run: string, verdict: Verdict | null, now: number): Point[] {
  return (verdict?.series ?? []).filter((series) => series.gated).flatMap((series) => seriesPoints(run, series, now));
}

function seriesPoints(run: string, series: VerdictSeries, now: number): Point[] {
  const own = { ...series.labels, ...identity(run, series.target, series.member), 'soak.series.metric': series.metric };
  const at = (def: MetricDef, value: number | null): Point[] => (value === null ? [] : [point(def, own, value)]);
  const until = (time: string | undefined): number | null => remaining(time, now);
  return [
    ...states(METRICS.seriesOutcome, own, 'soak.outcome', OUTCOMES, series.outcome),
    ...states(METRICS.grade, own, 'soak.grade', GRADES, series.grade),
    ...at(METRICS.exhaustion, until(series.exhaustion?.at)),
    ...at(METRICS.exhaustionEarliest, until(series.exhaustion?.lo)),
    ...slopePoints(series, at),
  ];
}

function slopePoints(series: VerdictSeries, at: (def: MetricDef, value: number | null) => Point[]): Point[] {
  const family = familyOf(series.unit);
  if (family === null) return [];
  return [
    ...at(METRICS[`slope ${family}`], series.slope?.perHour ?? null),
    ...at(METRICS[`lower ${family}`], series.slope?.lo ?? null),
    ...at(METRICS[`upper ${family}`], series.slope?.hi ?? null),
    ...at(METRICS[`floor ${family}`], series.floorPerHour),
    ...at(METRICS[`detectable ${family}`], series.smallestDetectablePerHour),
  ];
}

/** The kind of slope of a metric's unit, or null for a unit that has none. */
function familyOf(unit: string): Family | null {
  if (unit.startsWith('{') && unit.endsWith('}')) return 'count';
  return FAMILIES.find((family) => SLOPE_UNITS[family] === `${unit}/h`) ?? null;
}

/** A limit that should have been reached already is 0 s away, not a negative time. */
function remaining(time: string | undefined, now: number): number | null {
  const at = time === undefined ? null : parseRfc3339(time);
  return at === null ? null : Math.max(0, at - now);
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

export function identity(run: string, target: string | null, member: string | null): Record<string, string> {
  const attributes: Record<string, string> = { [IDENTITY.run]: run };
  if (target !== null) attributes[IDENTITY.target] = target;
  if (member !== null) attributes[IDENTITY.member] = member;
  return attributes;
}

function states(def: MetricDef, own: Readonly<Record<string, string>>, label: string, all: readonly string[], current: string): Point[] {
  return all.map((state) => point(def, { ...own, [label]: state }, state === current ? 1 : 0));
}

export function point(def: MetricDef, attributes: Readonly<Record<string, string>>, value: number, start: number | null = null): Point {
  return { def, attributes, value, start };
}
