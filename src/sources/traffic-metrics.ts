/**
 * What the load on a target is and how it is served. Load tools, files of results, replay and simulation fill these; a figure is told
 * once per window, and the time of its sample is the end of the window.
 *
 * Counters (`requests`, `errors`) are totals since the load began, at that time. Everything else is of the window alone: `in_flight` is
 * the number at its end, the mean and the quantiles are those of the requests completed in it. A window without requests has no
 * sample. Quantiles are never told since the start of the run, because those hardly move after hours: a p95 does not see an outage at
 * the end until 5 % of all requests so far were slow, which after 10 h takes half an hour of nothing but slow ones.
 */
import { defineMetrics, MATTERS } from '../catalog.ts';
import { FAILURES } from '../traffic/window.ts';

/** Quantiles as label values, in the spelling of Prometheus summaries. */
export const QUANTILES = ['0.5', '0.9', '0.95', '0.99'] as const;

const PANEL = 'Traffic';

/**
 * Different bounds of buckets: 347 are those of `traffic/buckets.ts` (0.1 ms to 300 s in 345 steps, and the two outer ones); the rest is
 * for three more senders with 16 bounds of their own.
 */
export const BOUNDS_MAX = 400;

/** Operations told apart, and `other`: 33 of them with six series each are 200 series of a role. */
export const OPERATIONS_MAX = 32;

const BY_OPERATION = { 'soak.operation': { max: OPERATIONS_MAX + 1 } } as const;

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
    matters: MATTERS.rate,
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
  users: {
    name: 'soak.traffic.users',
    unit: '{user}',
    kind: 'gauge',
    help: 'Users (threads, virtual users) that the load tool keeps busy at the end of the window.',
    growth: 'load',
    alias: 'users',
    panel: PANEL,
  },
  bucket: {
    name: 'soak.traffic.duration.bucket',
    unit: '{request}',
    kind: 'counter',
    help: 'Requests that took longer than soak.bucket.over and not longer than soak.bucket.to, in seconds. Adds up over time and senders.',
    labels: { 'soak.bucket.over': { max: BOUNDS_MAX }, 'soak.bucket.to': { max: BOUNDS_MAX } },
    growth: 'none',
    exportedAs: 'soak.traffic.duration',
  },
  sum: {
    name: 'soak.traffic.duration.sum',
    unit: 's',
    kind: 'counter',
    help: 'Durations of all requests whose durations are told.',
    growth: 'none',
    exportedAs: 'soak.traffic.duration',
  },
  timed: {
    name: 'soak.traffic.duration.count',
    unit: '{request}',
    kind: 'counter',
    help: 'Requests whose durations are in soak.traffic.duration.sum.',
    growth: 'none',
    exportedAs: 'soak.traffic.duration',
  },
  checks: {
    name: 'soak.traffic.checks',
    unit: '{check}',
    kind: 'counter',
    help: 'Checks that the script of the load tool made.',
    growth: 'none',
    panel: PANEL,
  },
  checksPassed: {
    name: 'soak.traffic.checks.passed',
    unit: '{check}',
    kind: 'counter',
    help: 'Of those, what held.',
    growth: 'none',
    alias: 'checks',
    panel: PANEL,
  },
  failures: {
    name: 'soak.traffic.errors.by_class',
    unit: '{error}',
    kind: 'counter',
    help: 'Answers with a status of 400 or more, requests without an answer, and checks of the tool that failed, by what failed.',
    labels: { 'soak.failure': FAILURES },
    growth: 'none',
    alias: 'errors.by_class',
    panel: PANEL,
  },
  operationRequests: {
    name: 'soak.traffic.operation.requests',
    unit: '{request}',
    kind: 'counter',
    help: 'Requests of one operation completed, failed ones included; other holds those beyond the first 32.',
    labels: BY_OPERATION,
    growth: 'load',
    alias: 'operation.requests',
    panel: PANEL,
  },
  operationErrors: {
    name: 'soak.traffic.operation.errors',
    unit: '{error}',
    kind: 'counter',
    help: 'Requests of one operation that failed.',
    labels: BY_OPERATION,
    growth: 'drift',
    resource: 'errors',
    alias: 'operation.errors',
    matters: MATTERS.rate,
    panel: PANEL,
  },
  operationMean: {
    name: 'soak.traffic.operation.duration.mean',
    unit: 's',
    kind: 'gauge',
    help: 'Mean duration of the requests of one operation completed in the window. Absent when there were none.',
    labels: BY_OPERATION,
    growth: 'drift',
    resource: 'latency',
    alias: 'operation.latency.mean',
    matters: LATENCY,
    panel: PANEL,
  },
  operationQuantile: {
    name: 'soak.traffic.operation.duration.quantile',
    unit: 's',
    kind: 'gauge',
    help: 'Quantile of the durations of the requests of one operation completed in the window. Absent without requests.',
    labels: { ...BY_OPERATION, 'soak.quantile': QUANTILES },
    growth: 'drift',
    resource: 'latency',
    alias: 'operation.latency',
    matters: LATENCY,
    panel: PANEL,
  },
});
