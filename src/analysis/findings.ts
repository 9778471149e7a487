/** What decides the outcome of a run, one finding each: growth, broken rules, work, coverage, hidden heaps, blind signals, absent targets. */
import { formatDuration } from '../quantity.ts';
import { seriesLabel, type Series } from '../series.ts';
import type { BlindSpot } from './blind.ts';
import { HEAP_HIDDEN } from './gates.ts';
import type { JudgeOptions, Outcome, SeriesJudgement } from './judgement.ts';
import { aboutLeak, leaksOf } from './leaks.ts';
import type { JudgedState } from './round.ts';
import type { Unexpected } from './expectations.ts';
import { type Outage, outageFindings } from './outages.ts';
import { poolFindings } from './pools.ts';
import type { Rule } from './rules.ts';
import type { StuckConnection } from './stuck.ts';
import { clockTime, inWords } from './sentence.ts';
import { isOfServer } from './servers.ts';
import type { Breach } from './thresholds.ts';
import type { Finding } from './verdict.ts';
import type { Work } from './work.ts';

/** Everything that matters for the outcome, beside the options. */
export interface Matters {
  readonly series: readonly SeriesJudgement[];
  readonly work: ReadonlyMap<string, Work>;
  /** Series that should be gated, beyond the cap. */
  readonly left: number;
  readonly breaches: readonly Breach[];
  /** Levels that the metrics themselves expect. */
  readonly unexpected: readonly Unexpected[];
  readonly stuck: readonly StuckConnection[];
  readonly outages: readonly Outage[];
  /** Rules that were never compared with a sample. */
  readonly unseen: readonly Rule[];
  readonly coverage: number | null;
  readonly blind: readonly BlindSpot[];
}

/** Contracts: below this the run is inconclusive. */
const COVERAGE_MIN = 0.9;

type At = (t: number) => string;

export function breachesOf(series: Series, { breaches }: Pick<Matters, 'breaches'>): Breach[] {
  return breaches.filter((breach) => breach.series === series.id);
}

/** In order of weight: what fails, then what is open. `matters.blind` holds only signals that must be seen. */
export function findingsOf(matters: Matters, state: JudgedState, options: JudgeOptions, at: At): Finding[] {
  return [
    ...growing(matters, at),
    ...pools(matters, state, options, at),
    ...outages(matters, at),
    ...broken(matters, state, options, at),
    ...unexpected(matters, state, at),
    ...unworked(matters, at),
    ...uncovered(matters),
    ...matters.blind.map((spot) => blindFinding(spot, at)),
    ...missing(matters, options),
    ...unseen(matters),
    ...open(matters, at),
  ];
}

function finding(kind: Finding['kind'], name: string, outcome: Outcome, why: string, rest: Partial<Finding> = {}): Finding {
  return { id: `${kind}:${name}`, kind, outcome, target: null, series: [], from: null, to: null, why, evidence: {}, ...rest };
}

function growing({ series }: Matters, at: At): Finding[] {
  return leaksOf(series.filter(({ series: { def } }) => def.growth !== 'floor')).map((leak) => {
    const judged = leak.lead;
    const { slope, level, limit, floorPerHour, onset } = judged;
    const from = onset?.at ?? judged.judged?.from ?? null;
    return finding('leak', seriesLabel(judged.series), 'fail', judged.why + aboutLeak(leak, series), {
      target: judged.series.target,
      series: [judged, ...leak.others].map((one) => seriesLabel(one.series)),
      from: from === null ? null : at(from),
      to: judged.judged && at(judged.judged.to),
      evidence: {
        perHour: slope?.perHour ?? null,
        lo: slope?.lo ?? null,
        hi: slope?.hi ?? null,
        level,
        limit: limit?.value ?? null,
        limitFrom: limit?.from ?? null,
        floorPerHour,
        perRequest: judged.perRequest,
      },
    });
  });
}

function pools(matters: Matters, { series, store, t }: JudgedState, { plannedEnd }: JudgeOptions, at: At): Finding[] {
  const all = series.all().slice(0, store.size);
  return poolFindings(matters, { all, store, t }, plannedEnd).map(({ kind, fails, series: pool, why, from, to, evidence }) =>
    finding(kind, seriesLabel(pool), fails ? 'fail' : 'pass', why, {
      target: pool.target,
      series: [seriesLabel(pool)],
      from: from === null ? null : at(from),
      to: to === null ? null : at(to),
      evidence,
    }),
  );
}

function outages(matters: Matters, at: At): Finding[] {
  return outageFindings(matters.outages).map(({ target, server, fails, why, from, to, evidence }) =>
    finding('outage', `${target} ${server} ${clockTime(from)}`, fails ? 'fail' : 'pass', why, {
      target,
      from: at(from),
      to: to === null ? null : at(to),
      evidence,
    }),
  );
}

function unexpected({ unexpected: all }: Matters, state: JudgedState, at: At): Finding[] {
  return all.map(({ series: id, text, otherwise, from, at: to, first, worst }) => {
    const series = state.series.get(id);
    const { unit } = series.def;
    const why = `${seriesLabel(series)} was ${inWords(first, unit)} at ${clockTime(from)}, and ${text} is expected (worst: ${inWords(worst, unit)})`;
    return finding('level', `${text} on ${seriesLabel(series)}`, otherwise === 'fail' ? 'fail' : 'pass', why, {
      target: series.target,
      series: [seriesLabel(series)],
      from: at(from),
      to: at(to),
      evidence: { expected: text, first, worst },
    });
  });
}

function broken({ breaches }: Matters, state: JudgedState, options: JudgeOptions, at: At): Finding[] {
  return breaches.map((breach) => {
    const rule = options.rules[breach.rule]!;
    const series = state.series.get(breach.series);
    const unit = rule.measure.kind === 'utilization' ? '1' : series.def.unit;
    const why = `${seriesLabel(series)} was ${inWords(breach.first, unit)} at ${clockTime(breach.from)}, which breaks the rule ${rule.text} (worst: ${inWords(breach.worst, unit)})`;
    return finding('rule', `${rule.text} on ${seriesLabel(series)}`, 'fail', why, {
      target: series.target,
      series: [seriesLabel(series)],
      from: at(breach.from),
      to: at(breach.at),
      evidence: { rule: rule.text, first: breach.first, worst: breach.worst },
    });
  });
}

/** Required series that say neither. */
function open({ series }: Matters, at: At): Finding[] {
  const undecided = series.filter((judged) => judged.gate === 'required' && judged.outcome === 'inconclusive');
  return undecided.map((judged) => {
    const kind = judged.why.includes(HEAP_HIDDEN) ? 'heap' : 'leak';
    return finding(kind, seriesLabel(judged.series), 'inconclusive', judged.why, {
      target: judged.series.target,
      series: [seriesLabel(judged.series)],
      from: judged.judged && at(judged.judged.from),
      to: judged.judged && at(judged.judged.to),
      evidence: { hi: judged.slope?.hi ?? null, floorPerHour: judged.floorPerHour, hoursToSettle: judged.hoursToSettle },
    });
  });
}

function unworked({ work }: Matters, at: At): Finding[] {
  return [...work].flatMap(([target, { signal, steady, stoppedAt }]) => {
    if (stoppedAt !== null) {
      const why = `${target}: work stopped at ${clockTime(stoppedAt)}, ${formatDuration(stoppedAt)} judged (by ${signal})`;
      return [finding('work', target, 'inconclusive', why, { target, from: at(stoppedAt), evidence: { signal } })];
    }
    if (steady) return [];
    const why =
      signal === null
        ? `${target}: nothing that shows work can be read, and an idle program passes everything`
        : `${target}: no steady work was seen (by ${signal}); an idle program passes everything, so this one cannot`;
    return [finding('work', target, 'inconclusive', why, { target, evidence: { signal } })];
  });
}

function uncovered({ coverage }: Matters): Finding[] {
  if (coverage === null) return [finding('target', 'none', 'inconclusive', 'no sample of any target was taken')];
  if (coverage >= COVERAGE_MIN) return [];
  const percent = (share: number): string => `${Math.floor(share * 100)} %`;
  const why = `only ${percent(coverage)} of the samples were taken, and ${percent(COVERAGE_MIN)} are needed`;
  return [finding('coverage', 'run', 'inconclusive', why, { evidence: { coverage } })];
}

function unseen({ unseen: rules }: Matters): Finding[] {
  return rules.map((rule) =>
    finding('rule', rule.text, 'inconclusive', `the rule ${rule.text} was never compared with anything: no such series was sampled`, {
      evidence: { rule: rule.text },
    }),
  );
}

/** What every target must show, any one of each list (contracts): memory or the heap, and descriptors. */
const MUST_SHOW = [['memory.private', 'heap', 'memory.tree'], ['fds']] as const;

/** A required signal that no source has told of, not even that it is blind: a run without it must not pass for want of a series. */
function missing({ series, work, blind }: Matters, { required }: JudgeOptions): Finding[] {
  // A gauge of a server is nobody else's to show.
  const shown = new Set(series.filter((judged) => isOfServer(judged.series)).flatMap(({ series: { def } }) => [def.alias, def.name]));
  const lists: readonly (readonly string[])[] = [...MUST_SHOW, ...required.filter((name) => !shown.has(name)).map((name) => [name])];
  return [...work.keys()].flatMap((target) => {
    const own = series.filter((judged) => judged.series.target === target).map(({ series: { def } }) => [def.alias, def.name]);
    const absent = lists.filter((names) => !names.some((name) => own.some((known) => known.includes(name))));
    if (blind.some((spot) => spot.target === target)) return [];
    return absent.map(([name]) =>
      finding('target', `${target} ${name}`, 'inconclusive', `${name} of ${target} must be seen and was never sampled`, { target }),
    );
  });
}

function blindFinding({ target, metric, reason, at: since }: BlindSpot, at: At): Finding {
  const why = `${metric} of ${target ?? 'the host'} must be seen and cannot be read: ${reason}`;
  return finding('target', `${target ?? 'host'} ${metric}`, 'inconclusive', why, { target, from: at(since), evidence: { metric, reason } });
}
