/** What is said of rules: those that are broken, those that cannot be decided, and those that were never compared with anything. */
import { type Series, seriesLabel } from '../series.ts';
import { type At, finding, type Matters } from './finding.ts';
import { type JudgedRule, judgedRules } from './judgedrules.ts';
import type { JudgeOptions, Outcome, SeriesJudgement } from './judgement.ts';
import type { JudgedState } from './round.ts';
import { type Measure, type Rule, unitOf } from './rules.ts';
import { clockTime, inWords } from './sentence.ts';
import type { Finding } from './verdict.ts';

/** Told only where its buckets are narrow enough, so that an operation may be known and this not. */
const OPERATION_QUANTILE = 'soak.traffic.operation.duration.quantile';

export function ruleFindings(matters: Matters, state: JudgedState, { rules }: JudgeOptions, at: At): Finding[] {
  return [
    ...broken(matters, state, rules, at),
    ...judgedRules(rules, matters.series, matters.work).map((one) => judgedFinding(one)),
    ...unexpected(matters, state, at),
    ...unresolved(matters, state, rules, at),
    ...unseen(matters),
  ];
}

function outcomeOf(rule: Rule, outcome: Outcome): Outcome {
  return rule.otherwise === 'warn' ? 'pass' : outcome;
}

function broken({ breaches, series: judged }: Matters, state: JudgedState, rules: readonly Rule[], at: At): Finding[] {
  return breaches.map((breach) => {
    const rule = rules[breach.rule]!;
    const series = state.series.get(breach.series);
    const unit = unitOf(rule, series.def);
    const was = `${subjectOf(rule, series)} was ${changeInWords(rule, breach.first, unit)} ${whenOf(rule, breach)}`;
    const why = `${was}, which breaks the rule ${rule.text} (worst: ${changeInWords(rule, breach.worst, unit)})${disagreement(rule, series, judged)}`;
    return finding('rule', `${rule.text} on ${nameOf(rule, series)}`, outcomeOf(rule, 'fail'), why, {
      target: series.target,
      series: [nameOf(rule, series)],
      from: at(breach.from),
      to: at(breach.at),
      evidence: { rule: rule.text, first: breach.first, worst: breach.worst },
    });
  });
}

/** A rule on a change sees a cache fill and a heap settle as well as a leak; the detector knows the difference, and the reader should. */
function disagreement({ againstBaseline }: Rule, { id }: Series, all: readonly SeriesJudgement[]): string {
  const judged = againstBaseline ? all.find((one) => one.series.id === id) : undefined;
  if (judged?.outcome !== 'pass' || judged.slope === null) return '';
  return `; the detector disagrees: ${judged.why}`;
}

function whenOf({ measure, againstBaseline }: Rule, { from, at }: { readonly from: number; readonly at: number }): string {
  if (!againstBaseline && (measure.kind === 'level' || measure.kind === 'utilization')) return `at ${clockTime(from)}`;
  return measure.kind === 'count' ? `by ${clockTime(at)}` : `between ${clockTime(from)} and ${clockTime(at)}`;
}

const WORDS: Readonly<Partial<Record<Measure['kind'], string>>> = {
  mean: 'the mean of',
  min: 'the lowest of',
  max: 'the highest of',
  rate: 'the rate of',
  share: 'the share of',
  count: 'the count of',
};

/** A quantile may be worked out from many series, and is named by what they are of. */
function nameOf({ measure }: Rule, series: Series): string {
  if (measure.kind !== 'quantile') return seriesLabel(series);
  const operation = series.labels['soak.operation'];
  return `${series.target ?? 'run'} latency${operation === undefined ? '' : `{soak.operation=${JSON.stringify(operation)}}`}`;
}

/** `p(95) of api latency`, `the mean of api cpu`, or the series as it is. */
function subjectOf(rule: Rule, series: Series): string {
  const { measure } = rule;
  const word = measure.kind === 'quantile' ? `p(${Number((measure.q * 100).toPrecision(6))}) of` : WORDS[measure.kind];
  return [word, nameOf(rule, series)].filter(Boolean).join(' ');
}

function changeInWords({ againstBaseline }: Rule, value: number, unit: string): string {
  return againstBaseline ? `${value < 0 ? '' : '+'}${inWords(value, '1')} against its baseline` : inWords(value, unit);
}

function judgedFinding({ rule, judged, outcome, range, unknown }: JudgedRule): Finding {
  const { series } = judged;
  const unit = unitOf(rule, series.def);
  const name = seriesLabel(series);
  const is = range === null ? unknown : `it is between ${inWords(range.lo, unit)} and ${inWords(range.hi, unit)}`;
  const what = `${rule.measure.kind} of ${name}`;
  const why =
    outcome === 'fail' ? `${what} breaks the rule ${rule.text}: ${is}` : `the rule ${rule.text} cannot be decided for ${name}: ${is}`;
  return finding('rule', `${rule.text} on ${name}`, outcomeOf(rule, outcome), why, {
    target: series.target,
    series: [name],
    evidence: { rule: rule.text, lo: range?.lo ?? null, hi: range === null || range.hi === Infinity ? null : range.hi },
  });
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

function unresolved({ unresolved: all }: Matters, state: JudgedState, rules: readonly Rule[], at: At): Finding[] {
  return all.map(({ rule: index, series: id, at: t, lo, hi }) => {
    const rule = rules[index]!;
    const series = state.series.get(id);
    const unit = unitOf(rule, series.def);
    const between = `between ${inWords(lo, unit)} and ${inWords(hi, unit)}`;
    const why =
      `the rule ${rule.text} cannot be decided: at ${clockTime(t)} ${subjectOf(rule, series)} was ${between}, ` +
      'and the buckets of the load tool do not tell where; buckets with a bound at the value of the rule, or exponential ones, would';
    return finding('rule', `${rule.text} on ${nameOf(rule, series)}`, outcomeOf(rule, 'inconclusive'), why, {
      target: series.target,
      series: [nameOf(rule, series)],
      from: at(t),
      evidence: { rule: rule.text, lo, hi },
    });
  });
}

function unseen({ unseen: rules }: Matters): Finding[] {
  return rules.map(({ rule, because }) => {
    const why = `the rule ${rule.text} was never compared with anything: ${because ?? absentIn(rule)}`;
    return finding('rule', rule.text, outcomeOf(rule, 'inconclusive'), why, { evidence: { rule: rule.text } });
  });
}

function absentIn({ metric }: Rule): string {
  const needs =
    metric === OPERATION_QUANTILE ? '; percentiles of an operation need narrow buckets of the load tool, such as exponential ones' : '';
  return `no such series was sampled${needs}`;
}
