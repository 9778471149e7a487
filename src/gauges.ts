/**
 * Metrics of the user's own queries: the gauge `outbox_depth` of a server is the metric `soak.gauge.outbox_depth`, in rules and tables
 * `gauge.outbox_depth`. They are in no catalog, because the configuration declares them; the record keeps their declaration.
 */
import { type Catalog, MATTERS, type MetricDef } from './catalog.ts';
import { PRESET_SIGNALS } from './intake/presets.ts';
import { type Declared, findSignal } from './intake/signals-metric.ts';
import type { GaugeSpec } from './servers.ts';

/** Rows of one gauge that are taken; those after them are left out, and an event says so. */
export const GAUGE_KEYS_MAX = 20;

/** What a gauge may be called: the tail of a metric's name. */
export const GAUGE_NAME = /^[a-z][a-z0-9_]{0,62}$/;

/** Its series are keyed by the first column of the query where that has two; a single number has no label. */
export function gaugeMetric({ name, growth }: Pick<GaugeSpec, 'name' | 'growth'>) {
  return {
    name: `soak.gauge.${name}`,
    unit: '{value}',
    kind: 'gauge',
    help: `What the query of the gauge ${name} returns`,
    labels: { key: { max: GAUGE_KEYS_MAX + 1 } },
    growth,
    alias: `gauge.${name}`,
    // Contracts: what may be a count of a few or of millions has the floor of either.
    matters: { share: MATTERS.memory.share, perHour: MATTERS.count.perHour },
    // Who declares that something leaks when it grows wants the run to fail then.
    ...(growth === 'leak' ? { gate: 'gated' } : {}),
    panel: 'Gauges of your own',
  } as const satisfies MetricDef;
}

/** What a server declares of gauges, as the record keeps it. */
export interface DeclaredGauges {
  readonly name: string;
  readonly gauges: readonly Pick<GaugeSpec, 'name' | 'limit'>[];
}

/** A gauge with a limit is a rule of its own. */
export function gaugeLimits({ name, gauges }: DeclaredGauges): string[] {
  return gauges.flatMap((gauge) => (gauge.limit === null ? [] : [`${name}: gauge.${gauge.name} < ${gauge.limit}`]));
}

/**
 * Finds metrics by name or alias: those of the catalog, and whatever a gauge or a signal could be called.
 * @param signals of the configuration, whose units and labels are known; those of presets always are
 */
export function findMetric(catalog: Pick<Catalog, 'find'>, signals: readonly Declared[] = []): (name: string) => MetricDef | undefined {
  const declared = [...signals, ...PRESET_SIGNALS];
  return (name) => {
    const gauge = gaugeName(name);
    return catalog.find(name) ?? (gauge === null ? findSignal(name, declared) : gaugeMetric({ name: gauge, growth: 'none' }));
  };
}

/** `outbox_depth` of `gauge.outbox_depth` and `soak.gauge.outbox_depth`; null for the name of anything else. */
export function gaugeName(metric: string): string | null {
  const name = /^(?:soak\.)?gauge\.(.*)$/.exec(metric)?.[1];
  return name !== undefined && GAUGE_NAME.test(name) ? name : null;
}
