/** The vocabulary of rules: what may follow a metric, and the metrics of k6 in terms of ours. */
import type { MetricDef } from '../catalog.ts';
import type { Measure } from './rules.ts';

/** Words that stand for a measure by themselves; `p(95)` and `p95` are quantiles. */
const MEASURES: Readonly<Record<string, Measure>> = {
  value: { kind: 'level' },
  avg: { kind: 'mean' },
  mean: { kind: 'mean' },
  med: { kind: 'quantile', q: 0.5 },
  min: { kind: 'min' },
  max: { kind: 'max' },
  rate: { kind: 'rate' },
  count: { kind: 'count' },
  slope: { kind: 'slope' },
  slope_per_request: { kind: 'slope_per_request' },
  exhaustion: { kind: 'exhaustion' },
  recovery: { kind: 'recovery' },
};

const QUANTILE = /^p(?:\((\d+(?:\.\d+)?)\)|(\d+(?:\.\d+)?))$/;

/** What may follow a metric, for messages. */
export const MEASURE_HINT = `${Object.keys(MEASURES).join(', ')}, p(95), vs_baseline or drop`;

/** The measure that a word names; null for any other word. */
export function measureOf(word: string): Measure | null {
  const [, inside, beside] = QUANTILE.exec(word) ?? [];
  const percent = Number(inside ?? beside ?? Number.NaN);
  if (percent >= 0 && percent <= 100) return { kind: 'quantile', q: Number((percent / 100).toPrecision(12)) };
  return Object.hasOwn(MEASURES, word) ? MEASURES[word]! : null;
}

/** What a k6 metric is here: the alias of ours, and of it when a tag names what was asked for. */
interface K6Metric {
  readonly alias: string;
  readonly ofOperation?: string;
  /** What its `rate` is: k6's Rate is a share, its Counter has one per second. */
  readonly rate: 'share' | 'rate';
  /** Seconds of 1 in a threshold. */
  readonly scale: number;
}

const LATENCY: K6Metric = { alias: 'latency', ofOperation: 'operation.latency', rate: 'rate', scale: 0.001 };

export const K6_METRICS: Readonly<Record<string, K6Metric>> = {
  http_req_duration: LATENCY,
  grpc_req_duration: LATENCY,
  http_req_failed: { alias: 'errors', ofOperation: 'operation.errors', rate: 'share', scale: 1 },
  http_reqs: { alias: 'requests', ofOperation: 'operation.requests', rate: 'rate', scale: 1 },
  checks: { alias: 'checks', rate: 'share', scale: 1 },
  vus: { alias: 'users', rate: 'rate', scale: 1 },
};

/** What follows a metric in a threshold of k6, whichever metric it is of. */
export const K6_EXPRESSION = /(?:p\([\d.]+\)|avg|min|max|med|rate|count|value)\s*(?:<=|>=|<|>|={2,3}|!=)/y;

/** For whoever writes one of another. */
export const K6_HINT = `of k6 ${Object.keys(K6_METRICS).join(', ')} are understood; other metrics that it pushes can be declared under signals:`;

/** Each tag of a rule is an operation of its own, so that two of them at once would be another one. */
export const K6_TAG_HINT = 'expected one tag and its value, as in {name:checkout}, {scenario:browse} or {group:::login}';

/** Whether windows of the metric have quantiles: durations of requests. */
export function hasQuantiles({ name }: Pick<MetricDef, 'name'>): boolean {
  return /^soak\.traffic\.(?:operation\.)?duration\.quantile$/.test(name);
}

/** Metrics whose rate is a share of others: failed requests of all, failed checks of all. */
export const SHARES: Readonly<Record<string, string>> = {
  'soak.traffic.errors': 'soak.traffic.requests',
  'soak.traffic.operation.errors': 'soak.traffic.operation.requests',
  'soak.traffic.checks.passed': 'soak.traffic.checks',
};
