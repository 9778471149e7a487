/**
 * Metrics that the user's configuration declares: the signal `queue` is the metric `soak.signal.queue`, in rules and tables `signal.queue`.
 * They are in no catalog; the record keeps their declaration.
 */
import { MATTERS, type MetricDef } from '../catalog.ts';
import type { SignalSpec } from './signals-spec.ts';

/** What a signal may be called: the tail of a metric's name. */
export const SIGNAL_NAME = /^[a-z][a-z0-9_]{0,62}$/;

/** Different values of the labels that are kept, of one signal; all others are one more, `other`. */
export const GROUPS_MAX = 20;
export const OTHER = 'other';

/** Those of traffic (sources/traffic.ts): a signal's latencies are read beside them. */
export const QUANTILES = ['0.5', '0.9', '0.95', '0.99'] as const;

const QUANTILE = 'soak.quantile';
const PANEL = 'Signals of your own';

/** Smallest growth worth reporting, by unit: what may be a count of a few or of millions has the floor of either. */
const MATTER: Readonly<Record<string, { readonly share: number; readonly perHour: number }>> = {
  By: MATTERS.memory,
  s: { share: 0.01, perHour: 0.0001 }, // as latency of traffic
  '1': { share: 0.01, perHour: 0.001 }, // a tenth of a percentage point
};
const MATTER_OF_COUNTS = { share: MATTERS.memory.share, perHour: MATTERS.count.perHour };

export type Declared = Pick<SignalSpec, 'name' | 'kind' | 'by' | 'unit' | 'growth'>;

export function signalMetric({ name, kind, by, unit, growth }: Declared): MetricDef {
  return {
    name: `soak.signal.${name}`,
    unit,
    kind: kind === 'counter' ? 'counter' : 'gauge',
    help: `What the signal ${name} (${kind}) comes to.`,
    ...(by.length === 0 ? {} : { labels: groupLabels(by) }),
    growth,
    alias: `signal.${name}`,
    matters: kind === 'counter' ? MATTERS.rate : (MATTER[unit] ?? MATTER_OF_COUNTS),
    ...(growth === 'leak' || growth === 'floor' ? { gate: 'gated', resource: resourceOf(kind, name) } : {}),
    panel: PANEL,
  };
}

/** Of a latency that comes as a histogram, beside its mean. */
export function quantileMetric(signal: Declared): MetricDef {
  const { alias: _alias, gate: _gate, ...mean } = signalMetric(signal);
  return {
    ...mean,
    name: `soak.signal.${signal.name}.quantile`,
    help: `Quantile of the signal ${signal.name} in the time since the sample before, where its buckets resolve it.`,
    labels: { ...groupLabels(signal.by), [QUANTILE]: QUANTILES },
    alias: `signal.${signal.name}.quantile`,
  };
}

/** Finds the metric of a signal by name or alias; of one that nobody has declared here, what its name alone tells. */
export function findSignal(name: string, declared: readonly Declared[]): MetricDef | undefined {
  const called = signalName(name);
  if (called === null) return undefined;
  const signal = declared.find((one) => one.name === called) ?? { name: called, kind: 'level', by: [], unit: '{value}', growth: 'none' };
  return name.endsWith('.quantile') ? quantileMetric(signal) : signalMetric(signal);
}

export type DeclaredLimit = Pick<SignalSpec, 'name' | 'target' | 'limit'>;

/** A signal with a limit is a rule of its own. */
export function signalLimits({ name, target, limit }: DeclaredLimit): string[] {
  return limit === null ? [] : [`${target === null ? '' : `${target}: `}signal.${name} ${limit}`];
}

/** `queue` of `signal.queue`, `soak.signal.queue` and `signal.queue.quantile`; null for the name of anything else. */
export function signalName(metric: string): string | null {
  const name = /^(?:soak\.)?signal\.(.*?)(?:\.quantile)?$/.exec(metric)?.[1];
  return name !== undefined && SIGNAL_NAME.test(name) ? name : null;
}

function groupLabels(by: readonly string[]): Record<string, { readonly max: number }> {
  return Object.fromEntries(by.map((label) => [label, { max: GROUPS_MAX + 1 }]));
}

function resourceOf(kind: SignalSpec['kind'], name: string): string {
  return kind === 'backlog' ? 'backlog' : name;
}
