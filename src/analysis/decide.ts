/** From judgements to the verdict of the run, by the rules of the contracts ("Outcome of a run"). */
import { seriesLabel, type Series } from '../series.ts';
import type { RunEvent } from '../tick.ts';
import { covers } from './blind.ts';
import { burdensOf, withoutFull } from './burden.ts';
import { Classes } from './classes.ts';
import { type Capacity, capacityOf } from './capacity.ts';
import type { Matters } from './finding.ts';
import { isExhausted } from './exhausted.ts';
import { breachesOf, findingsOf } from './findings.ts';
import { isRequired } from './gates.ts';
import { rfc3339 } from './instant.ts';
import type { JudgeOptions, Outcome, SeriesJudgement } from './judgement.ts';
import { phasesOf } from './phases.ts';
import type { JudgedState } from './round.ts';
import type { Verdict, VerdictSeries } from './verdict.ts';

const HOUR = 3600;

/** What the judge cannot know of a run. Times are seconds since the Unix epoch. */
export interface RunInfo {
  readonly id: string;
  readonly start: number;
  /** Null while it goes on. */
  readonly end: number | null;
  /** Planned length in seconds; null when it runs until told. */
  readonly planned: number | null;
  readonly agent: string;
  readonly configHash: string;
}

export interface Evented {
  readonly events: readonly RunEvent[];
}

export function decide(run: RunInfo, state: JudgedState & Evented, options: JudgeOptions, given: Matters): Verdict {
  const matters = { ...given, series: withoutFull(given.series, burdensOf(given.series, state.store)) };
  const at = (t: number): string => rfc3339(run.start + t);
  const required = [...requiredMetrics(state.series.all(), options)];
  const blindRequired = matters.blind.filter((spot) => required.some((name) => covers(spot, name)));
  const classes = new Classes(matters.series, state);
  const findings = findingsOf({ ...matters, blind: blindRequired }, classes, state, options, at);
  const outcome = findings.some((f) => f.outcome === 'fail')
    ? 'fail'
    : findings.some((f) => f.outcome === 'inconclusive')
      ? 'inconclusive'
      : 'pass';
  return {
    schema: 1,
    run: {
      id: run.id,
      start: rfc3339(run.start),
      end: run.end === null ? null : rfc3339(run.end),
      planned: run.planned === null ? null : at(run.planned),
      agent: run.agent,
      configHash: run.configHash,
    },
    outcome,
    reasons: reasonsOf(outcome, findings, matters),
    coverage: matters.coverage,
    work: workOf(matters, at),
    blind: matters.blind.map(({ target, metric, reason }) => ({ target, metric, reason })),
    series: matters.series.map((judged) =>
      verdictSeries(asOf(state.t, judged, matters), outcomeOf(judged, matters), classes.of(judged), at),
    ),
    findings,
    capacity: capacities(state, matters),
    phases: phasesOf(state.timeline.phases, matters.work).map(({ name, from, judged }) => ({ name, from: at(from), judged })),
    events: state.events.map(({ t, kind, target, member, message }) => ({ at: at(t), kind, target, member, message })),
  };
}

/** Of each target with a load of its own, and of the run as a whole. */
function capacities({ series, store, t }: JudgedState, { work }: Matters): Capacity[] {
  const sampled = Map.groupBy(series.all().slice(0, store.size), ({ target }) => target);
  return [null, ...work.keys()].flatMap((target) => capacityOf(target, sampled.get(target) ?? [], store, t) ?? []);
}

/** A series on which a rule is broken, or that is used up, fails whatever its slope. */
function outcomeOf(judged: SeriesJudgement, matters: Matters): Outcome {
  return breachesOf(judged.series, matters).length > 0 || isExhausted(judged) ? 'fail' : judged.outcome;
}

/** Names of the metrics that must be conclusive: those of the contracts, and those that this run's options require. */
function requiredMetrics(all: readonly Series[], options: JudgeOptions): Set<string> {
  return new Set([...REQUIRED_METRICS, ...all.filter((series) => isRequired(series, options.required)).map(({ def }) => def.name)]);
}

/** Required even before any of their series exists (contracts): the catalog's own `required` metrics. */
const REQUIRED_METRICS = [
  'soak.process.memory.private',
  'process.unix.file_descriptor.count',
  'soak.runtime.heap.used_after_collection',
] as const;

function workOf({ work }: Matters, at: (t: number) => string): Verdict['work'] {
  const all = [...work.values()];
  const stops = all.flatMap(({ stoppedAt }) => (stoppedAt === null ? [] : [stoppedAt]));
  return {
    steady: all.length > 0 && all.every(({ steady, stoppedAt }) => steady && stoppedAt === null),
    stoppedAt: stops.length === 0 ? null : at(Math.min(...stops)),
  };
}

function reasonsOf(outcome: Outcome, findings: Verdict['findings'], matters: Matters): string[] {
  const reasons = outcome === 'pass' ? [] : findings.filter((finding) => finding.outcome === outcome).map((finding) => finding.why);
  if (outcome === 'pass') {
    const gated = matters.series.filter((judged) => judged.gate !== 'advisory' && judged.outcome === 'pass').length;
    reasons.push(`${gated} gated series ${gated === 1 ? 'was judged and does' : 'were judged and do'} not grow, and the work went on`);
  }
  if (matters.left.size > 0) reasons.push(`${matters.left.size} more series would be gated than a run may have; they are advisory`);
  return reasons;
}

/** What leaks is looked at again when the run has grown by a tenth (decision 33): until then its level goes on as it grew. */
function asOf(now: number, judged: SeriesJudgement, { work }: Matters): SeriesJudgement {
  const { series, grade, level, slope, book } = judged;
  const goesOn = grade === 'confirmed' && (series.target === null || (work.get(series.target)?.stoppedAt ?? null) === null);
  return goesOn && level !== null && slope !== null ? { ...judged, level: level + (slope.perHour * (now - book.at)) / HOUR } : judged;
}

function verdictSeries(judged: SeriesJudgement, outcome: Outcome, leaking: string | null, at: (t: number) => string): VerdictSeries {
  const { series, gate, grade, shape, level, limit, floorPerHour, slope, perRequest, onset, exhaustion } = judged;
  return {
    id: seriesLabel(series),
    target: series.target,
    member: series.member,
    metric: series.def.name,
    unit: series.def.unit,
    labels: series.labels,
    gated: gate !== 'advisory',
    outcome,
    grade,
    gradeHistory: judged.book.history.map((change) => ({ grade: change.grade, at: at(change.at) })),
    class: leaking,
    shape,
    level,
    limit,
    floorPerHour,
    slope,
    perRequest,
    onset: onset && { at: at(onset.at), lo: at(onset.lo), hi: at(onset.hi) },
    exhaustion: exhaustion && { at: at(exhaustion.at), lo: at(exhaustion.lo), hi: exhaustion.hi === null ? null : at(exhaustion.hi) },
    smallestDetectablePerHour: judged.smallestDetectablePerHour,
    hoursToSettle: judged.hoursToSettle,
    why: judged.why,
  };
}
