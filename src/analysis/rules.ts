/** What a user demands of a metric: the value of one-line rules (`ruleparser.ts` reads them) and what it means for a series and a value. */
import type { MetricDef } from '../catalog.ts';
import type { Series } from '../series.ts';

export type Operator = '<' | '<=' | '>' | '>=' | '==' | '!=';

/**
 * What is compared.
 * - of each sample: `level`, `utilization` (its share of its limit);
 * - of a window: `mean`, `min`, `max`, `quantile` (of durations), `rate` (of a counter, per second), `share` (of failures among requests);
 * - of the run so far: `count`;
 * - of the judgement: `slope` (per hour), `slope_per_request`, `exhaustion` (seconds from now);
 * - of faults and outages: `recovery` (seconds).
 */
export type Measure =
  | { readonly kind: 'level' | 'utilization' }
  | { readonly kind: WindowKind }
  | { readonly kind: 'quantile'; readonly q: number }
  | { readonly kind: 'count' }
  | { readonly kind: JudgedKind }
  | { readonly kind: 'recovery' };

export type WindowKind = 'mean' | 'min' | 'max' | 'rate' | 'share';
export type JudgedKind = 'slope' | 'slope_per_request' | 'exhaustion';

export interface Rule {
  /** As the user wrote it. */
  readonly text: string;
  /** Null: every role that has the metric, and the host and the agent. */
  readonly role: string | null;
  /** Roles that it is not about although it names none. */
  readonly spared?: readonly string[];
  /** OpenTelemetry name; null: of `recovery`, every signal. */
  readonly metric: string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly measure: Measure;
  /** The value is the relative change against the first window after the warm-up (0.1 is +10 %). */
  readonly againstBaseline: boolean;
  readonly op: Operator;
  /** In the unit of the measure; a share for a utilization or a change. */
  readonly value: number;
  /** Seconds for which it must be violated without a break before it is broken; 0: once breaks it. */
  readonly for: number;
  /** Seconds of each window, or all of the run; null: what the length of the run suggests. */
  readonly over: number | 'run' | null;
  /** Holds in the phase of this name only; null: wherever the run is judged. */
  readonly phase: string | null;
  readonly otherwise: 'fail' | 'warn';
  /** Ends the run when it is broken this many seconds after the start or later; null: the run goes on. */
  readonly abort: number | null;
  /** Says nothing when there is no such series. */
  readonly optional: boolean;
}

/** What a rule is unless it says otherwise: the level of every series of its metric, always, or the run fails. */
export const PLAIN = {
  role: null,
  labels: {},
  measure: { kind: 'level' },
  againstBaseline: false,
  for: 0,
  over: null,
  phase: null,
  otherwise: 'fail',
  abort: null,
  optional: false,
} as const satisfies Partial<Rule>;

/** Who makes the load decides nothing: only a rule that names it is about it. */
export function sparing(rules: readonly Rule[], generators: readonly string[] = []): Rule[] {
  return rules.map((rule) => (rule.role === null && generators.length > 0 ? { ...rule, spared: generators } : rule));
}

/** Whether the rule is about this series. Without a filter it holds for the total of a role and for each of its members. */
export function ruleApplies(rule: Rule, series: Series): boolean {
  if (series.def.name !== rule.metric) return false;
  if (rule.role !== null && rule.role !== (series.target ?? series.source)) return false;
  if (series.target !== null && rule.spared?.includes(series.target)) return false;
  return Object.entries(rule.labels).every(([name, value]) => (name === 'member' ? (series.member ?? '') : series.labels[name]) === value);
}

export function violates({ op, value: bound }: Pick<Rule, 'op' | 'value'>, value: number): boolean {
  if (op === '<') return !(value < bound);
  if (op === '<=') return !(value <= bound);
  if (op === '>') return !(value > bound);
  if (op === '>=') return !(value >= bound);
  return (op === '==') !== (value === bound);
}

/** Whether small values are the good ones: the bound is a ceiling. */
export function isCeiling({ op }: Pick<Rule, 'op'>): boolean {
  return op === '<' || op === '<=';
}

/** Compared sample by sample. */
export function isOfSamples({ measure, againstBaseline }: Rule): boolean {
  return !againstBaseline && (measure.kind === 'level' || measure.kind === 'utilization');
}

/** Compared with samples or windows of them, so that a run in which there was none leaves it open. */
export function isWatched({ measure: { kind } }: Rule): boolean {
  return kind !== 'slope' && kind !== 'slope_per_request' && kind !== 'exhaustion' && kind !== 'recovery';
}

/** Bounds the level of its series everywhere, so that the series is judged by it: a wish, or a bound of one phase, does not. */
export function isLimit(rule: Rule): boolean {
  return isOfSamples(rule) && rule.otherwise === 'fail' && rule.phase === null && !['==', '!='].includes(rule.op);
}

/** The unit of what the rule compares. */
export function unitOf({ measure, againstBaseline }: Pick<Rule, 'measure' | 'againstBaseline'>, def: Pick<MetricDef, 'unit'>): string {
  const own = UNITS[measure.kind];
  return againstBaseline ? '1' : own === undefined ? def.unit : own.replace('%', def.unit);
}

/** Of the measures that have another unit than their metric, which is `%` here. */
const UNITS: Readonly<Partial<Record<Measure['kind'], string>>> = {
  utilization: '1',
  share: '1',
  slope: '%/h',
  rate: '%/s',
  quantile: 's',
  exhaustion: 's',
  recovery: 's',
};
