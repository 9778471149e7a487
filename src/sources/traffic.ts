/**
 * What the load on a target is and how it is served. The load sources, replay and simulation fill these; a figure is told once per
 * window, and the time of its sample is the end of the window.
 *
 * Counters (`requests`, `errors`) are totals since the load began, at that time. Everything else is of the window alone: `in_flight` is
 * the number at its end, the mean and the quantiles are those of the requests completed in it. A window without requests has no
 * sample. Quantiles are never told since the start of the run, because those hardly move after hours: a p95 does not see an outage at
 * the end until 5 % of all requests so far were slow, which after 10 h takes half an hour of nothing but slow ones.
 */
import { defineMetrics, MATTERS } from '../catalog.ts';

/** Quantiles as label values, in the spelling of Prometheus summaries. */
export const QUANTILES = ['0.5', '0.9', '0.95', '0.99'] as const;

const PANEL = 'Traffic';

/** A percent an hour doubles a latency in three days; below 0.1 ms an hour nobody notices. */
const LATENCY = { share: 0.01, perHour: 0.0001 } as const;

export const METRICS = defineMetrics({
  requests: {
    name: 'soak.traffic.requests',
    unit: '{request}',
    kind: 'counter',
    help: 'Requests completed, failed ones included, since the load began.',
    growth: 'load',
    alias: 'requests',
    panel: PANEL,
  },
  errors: {
    name: 'soak.traffic.errors',
    unit: '{error}',
    kind: 'counter',
    help: 'Requests that failed: refused, timed out, or answered with a server error.',
    growth: 'drift',
    resource: 'errors',
    alias: 'errors',
    matters: MATTERS.count,
    gate: 'gated',
    panel: PANEL,
  },
  inFlight: {
    name: 'soak.traffic.in_flight',
    unit: '{request}',
    kind: 'gauge',
    help: 'Requests that wait for their answer at the end of the window.',
    growth: 'load',
    alias: 'in_flight',
    panel: PANEL,
  },
  mean: {
    name: 'soak.traffic.duration.mean',
    unit: 's',
    kind: 'gauge',
    help: 'Mean duration of the requests completed in the window. Absent when there were none.',
    growth: 'drift',
    resource: 'latency',
    alias: 'latency.mean',
    matters: LATENCY,
    panel: PANEL,
  },
  quantile: {
    name: 'soak.traffic.duration.quantile',
    unit: 's',
    kind: 'gauge',
    help: 'Quantile of the durations of the requests completed in the window, never since the start of the run. Absent without requests.',
    labels: { 'soak.quantile': QUANTILES },
    growth: 'drift',
    resource: 'latency',
    alias: 'latency',
    matters: LATENCY,
    gate: 'gated',
    panel: PANEL,
  },
});
