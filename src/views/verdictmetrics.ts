/** What the verdict says of each series, as metrics: grade, growth with its interval, time to the limit, and what could have been seen. */
import { defineMetrics, type MetricDef, type Unit } from '../catalog.ts';
import { parseRfc3339 } from '../clock.ts';
import type { Verdict, VerdictSeries } from '../analysis/verdict.ts';
import { identity, type Point, point, states } from './points.ts';

export const OUTCOMES = ['pass', 'fail', 'inconclusive'] as const;
const GRADES = ['none', 'suspected', 'confirmed', 'retracted'] as const;

/** Kinds of unit that a judged series may have. One metric name has one unit, so each kind is a metric of its own. */
const FAMILIES = { bytes: 'By', time: 's', ratio: '1', count: '{count}' } as const;

type Family = keyof typeof FAMILIES;

/** Figures of a series in its own unit: the name and the help of each, and what the unit is divided by. */
const FIGURES = {
  slope: ['soak.slope', 'Growth per hour at the end of the judged time', '/h'],
  lower: ['soak.slope.lower', 'Lower bound of the growth per hour', '/h'],
  upper: ['soak.slope.upper', 'Upper bound of the growth per hour', '/h'],
  floor: ['soak.slope.floor', 'Smallest growth per hour that counts as a leak', '/h'],
  detectable: ['soak.slope.detectable', 'Smallest growth per hour that could have been seen by now', '/h'],
  perRequest: ['soak.slope.per_request', 'Growth per request; absent while the load is not known', '/{request}'],
  level: ['soak.series.level', 'Level at the end of the judged time', ''],
  limit: ['soak.series.limit', 'What it may reach; absent when nothing limits it', ''],
} as const;

type Figure = keyof typeof FIGURES;

/** Advisory series decide nothing; those that grow are exported, because somebody will ask what else does. */
const GATES = ['gated', 'advisory'] as const;

const SERIES_LABELS = { 'soak.series.metric': { max: 64 }, 'soak.series.gate': GATES } as const;

/** Growing advisory series that are exported, in the order of the verdict: as many as may be gated, which are some 30. */
const ADVISORY_MAX = 32;

function figureMetric(figure: Figure, family: Family): MetricDef {
  const [name, help, per] = FIGURES[figure];
  const unit: Unit = per === '' ? FAMILIES[family] : `${FAMILIES[family]}${per}`;
  // Without a unit after it, `_count` would be the suffix of a histogram.
  const word = family === 'count' && per !== '/h' ? 'counts' : family;
  return { name: `${name}.${word}`, unit, kind: 'gauge', help: `${help} (${family})`, labels: SERIES_LABELS, growth: 'none' };
}

/** `METRICS` keys `slope bytes`, `lower time` ...: every figure in every kind of unit. */
const FIGURE_METRICS = Object.fromEntries(
  (Object.keys(FIGURES) as Figure[]).flatMap((figure) =>
    (Object.keys(FAMILIES) as Family[]).map((family) => [`${figure} ${family}` as const, figureMetric(figure, family)]),
  ),
) as Record<`${Figure} ${Family}`, MetricDef>;

export const METRICS = defineMetrics({
  outcome: {
    name: 'soak.series.outcome',
    unit: '{outcome}',
    kind: 'gauge',
    help: 'Verdict on a judged series so far: 1 for the outcome that holds, 0 for the others',
    labels: { ...SERIES_LABELS, 'soak.outcome': OUTCOMES },
    growth: 'none',
  },
  grade: {
    name: 'soak.series.grade',
    unit: '{grade}',
    kind: 'gauge',
    help: 'Grade of the suspicion on a judged series: 1 for the grade that holds, 0 for the others',
    labels: { ...SERIES_LABELS, 'soak.grade': GRADES },
    growth: 'none',
  },
  confidence: {
    name: 'soak.slope.confidence',
    unit: '1',
    kind: 'gauge',
    help: 'Confidence with which the growth per hour lies between its lower and its upper bound',
    labels: SERIES_LABELS,
    growth: 'none',
  },
  exhaustion: {
    name: 'soak.exhaustion.remaining',
    unit: 's',
    kind: 'gauge',
    help: 'Time until a series reaches its limit at the present growth; absent when it would not',
    labels: SERIES_LABELS,
    growth: 'none',
  },
  exhaustionEarliest: {
    name: 'soak.exhaustion.remaining.earliest',
    unit: 's',
    kind: 'gauge',
    help: 'Time until a series could reach its limit at the earliest; absent when it could not',
    labels: SERIES_LABELS,
    growth: 'none',
  },
  onset: {
    name: 'soak.series.onset_time',
    unit: 's',
    kind: 'gauge',
    help: 'When the growth began, since the epoch; absent while that is not known',
    labels: SERIES_LABELS,
    growth: 'none',
  },
  onsetEarliest: {
    name: 'soak.series.onset_time.earliest',
    unit: 's',
    kind: 'gauge',
    help: 'When the growth may have begun at the earliest, since the epoch',
    labels: SERIES_LABELS,
    growth: 'none',
  },
  onsetLatest: {
    name: 'soak.series.onset_time.latest',
    unit: 's',
    kind: 'gauge',
    help: 'When the growth may have begun at the latest, since the epoch',
    labels: SERIES_LABELS,
    growth: 'none',
  },
  settle: {
    name: 'soak.series.settle_time',
    unit: 's',
    kind: 'gauge',
    help: 'Length of run at which the series could be certified; absent while that is not known',
    labels: SERIES_LABELS,
    growth: 'none',
  },
  ...FIGURE_METRICS,
});

/** At most 24 points a series. `run` is its id, `now` in seconds since the epoch. */
export function verdictPoints(run: string, verdict: Verdict | null, now: number): Point[] {
  const all = verdict?.series ?? [];
  const growing = all.filter(({ gated, grade }) => !gated && grade !== 'none').slice(0, ADVISORY_MAX);
  return [...all.filter(({ gated }) => gated), ...growing].flatMap((series) => seriesPoints(run, series, now));
}

function seriesPoints(run: string, series: VerdictSeries, now: number): Point[] {
  const gate: (typeof GATES)[number] = series.gated ? 'gated' : 'advisory';
  const own = {
    ...series.labels,
    ...identity(run, series.target, series.member),
    'soak.series.metric': series.metric,
    'soak.series.gate': gate,
  };
  const at = (def: MetricDef, value: number | null | undefined): Point[] =>
    value === null || value === undefined ? [] : [point(def, own, value)];
  const { exhaustion, onset, hoursToSettle } = series;
  return [
    ...states(METRICS.outcome, own, 'soak.outcome', OUTCOMES, series.outcome),
    ...states(METRICS.grade, own, 'soak.grade', GRADES, series.grade),
    ...at(METRICS.exhaustion, remaining(exhaustion?.at, now)),
    ...at(METRICS.exhaustionEarliest, remaining(exhaustion?.lo, now)),
    ...at(METRICS.onset, parsed(onset?.at)),
    ...at(METRICS.onsetEarliest, parsed(onset?.lo)),
    ...at(METRICS.onsetLatest, parsed(onset?.hi)),
    ...at(METRICS.settle, hoursToSettle === null ? null : hoursToSettle * 3600),
    ...figures(series, at),
  ];
}

function figures(series: VerdictSeries, at: (def: MetricDef, value: number | null | undefined) => Point[]): Point[] {
  const family = familyOf(series.unit);
  if (family === null) return [];
  return [
    ...at(METRICS[`slope ${family}`], series.slope?.perHour),
    ...at(METRICS[`lower ${family}`], series.slope?.lo),
    ...at(METRICS[`upper ${family}`], series.slope?.hi),
    ...at(METRICS.confidence, series.slope?.confidence),
    ...at(METRICS[`floor ${family}`], series.floorPerHour),
    ...at(METRICS[`detectable ${family}`], series.smallestDetectablePerHour),
    ...at(METRICS[`perRequest ${family}`], series.perRequest),
    ...at(METRICS[`level ${family}`], series.level),
    ...at(METRICS[`limit ${family}`], series.limit?.value),
  ];
}

/** The kind of figures of a metric's unit, or null for a unit that has none. */
function familyOf(unit: string): Family | null {
  if (unit.startsWith('{') && unit.endsWith('}')) return 'count';
  return (Object.keys(FAMILIES) as Family[]).find((family) => FAMILIES[family] === unit) ?? null;
}

function parsed(time: string | undefined): number | null {
  return time === undefined ? null : parseRfc3339(time);
}

/** A limit that should have been reached already is 0 s away, not a negative time. */
function remaining(time: string | undefined, now: number): number | null {
  const at = parsed(time);
  return at === null ? null : Math.max(0, at - now);
}
