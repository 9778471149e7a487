/**
 * From which change on two runs differ, by kind of signal. The figures are those that testers write down (+10/+20 % of a mean, +15/+25 % of a
 * p95, +20/+50 % of memory); the second makes the comparison fail, the first is said.
 */
import type { Series } from '../series.ts';

export const SIGNAL_KINDS = ['latency', 'tail', 'memory', 'count', 'cpu', 'rate', 'errors', 'requests', 'hits'] as const;
export type SignalKind = (typeof SIGNAL_KINDS)[number];

export interface Limits {
  readonly warn: number;
  readonly fail: number;
  /** `absolute`: of shares, whose own change in percent says nothing where they are nearly none. */
  readonly as: 'share' | 'absolute';
  readonly worse: 'higher' | 'lower';
  /** Fewer than so many (of its unit) are no change whatever share they are. */
  readonly least: number;
  /** What growth per hour matters where the metric does not say. */
  readonly matters: { readonly share: number; readonly perHour: number };
}

const COUNTED = { share: 0, perHour: 0.3 };
const SIZED = { share: 0.002, perHour: 100_000 };

const LIMITS: Readonly<Record<SignalKind, Limits>> = {
  latency: { warn: 0.1, fail: 0.2, as: 'share', worse: 'higher', least: 0.0005, matters: COUNTED },
  tail: { warn: 0.15, fail: 0.25, as: 'share', worse: 'higher', least: 0.001, matters: COUNTED },
  memory: { warn: 0.2, fail: 0.5, as: 'share', worse: 'higher', least: 1_000_000, matters: SIZED },
  count: { warn: 0.2, fail: 0.5, as: 'share', worse: 'higher', least: 2, matters: COUNTED },
  cpu: { warn: 0.1, fail: 0.2, as: 'share', worse: 'higher', least: 0.005, matters: COUNTED },
  rate: { warn: 0.2, fail: 0.5, as: 'share', worse: 'higher', least: 0.1, matters: COUNTED },
  errors: { warn: 0.001, fail: 0.01, as: 'absolute', worse: 'higher', least: 0, matters: COUNTED },
  requests: { warn: 0.1, fail: 0.5, as: 'share', worse: 'lower', least: 0.1, matters: COUNTED },
  hits: { warn: 0.02, fail: 0.05, as: 'absolute', worse: 'lower', least: 0, matters: COUNTED },
};

export function limitsOf(kind: SignalKind): Limits {
  return LIMITS[kind];
}

/**
 * Runs of one build differ more than the noise within each says: another machine, another layout of memory, another order of start. Without
 * several runs of a build that cannot be measured, so a fifth of what matters is assumed, as a standard deviation between runs.
 */
export const BETWEEN_SHARE = 1 / 5;

/** What kind of signal a series is, or null when it is not compared. */
export function signalKindOf({ def, labels }: Pick<Series, 'def' | 'labels'>): SignalKind | null {
  const { alias, growth, unit } = def;
  if (alias === 'requests') return 'requests';
  if (alias === 'errors') return 'errors';
  if (alias?.endsWith('hit_ratio')) return 'hits';
  if (growth === 'none' || growth === 'load' || (alias === undefined && def.gate === undefined)) return null;
  if (def.kind === 'counter') return 'rate';
  if (unit === 's') return isTail(labels) ? 'tail' : 'latency';
  if (unit === 'By') return 'memory';
  if (unit === '1') return alias === 'cpu' ? 'cpu' : null;
  return 'count';
}

/** By whatever label a quantile is told: `0.99`, `p99.9`. A median is judged like a mean. */
function isTail(labels: Series['labels']): boolean {
  return Object.entries(labels).some(([name, value]) => /quantile|percentile/.test(name) && !/^(?:0\.5\d*|p?50)$/.test(value));
}
