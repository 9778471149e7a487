/** Each limit of the presets on a run that keeps it and on one that does not, through the judge. */
import { expect, test } from 'vitest';
import { parseRule } from '../../../src/analysis/ruleparser.ts';
import { PRESETS } from '../../../src/config/presets.ts';
import { findMetric } from '../../../src/gauges.ts';
import { CATALOG } from '../../../src/metrics.ts';
import { HOUR, MB, type Simulated, Simulation } from '../../sim/run.ts';
import type { Signal } from '../../sim/series.ts';

const find = findMetric(CATALOG);

/** Of every label the metric has a value, of a closed set the first unless another is given. */
function series(name: string, signal: Signal, labels: Readonly<Record<string, string>> = {}): Simulated {
  const def = find(name)!;
  const own = Object.entries(def.labels ?? {}).map(([label, values]) => [label, Array.isArray(values) ? String(values[0]) : 'x']);
  return { def, signal, period: 10, labels: { ...Object.fromEntries(own), ...labels } as Record<string, string> };
}

/** One value for the first half of the run, another for the rest. */
const then =
  (before: number, after: number): Signal =>
  (t) =>
    t < 2 * HOUR ? before : after;

function total(perSecond: Signal): Signal {
  let [sum, last] = [0, 0];
  return (t) => {
    sum += perSecond(t) * (t - last);
    last = t;
    return sum;
  };
}

type Make = (value: number) => readonly Simulated[];

const level =
  (name: string, labels?: Readonly<Record<string, string>>): Make =>
  (value) => [series(name, () => value, labels)];
const change =
  (name: string, labels?: Readonly<Record<string, string>>): Make =>
  (value) => [series(name, then(100, value), labels)];
const quantile = (q: string, name = 'latency'): Make => level(name, { 'soak.quantile': q });
const probe = (phase: string): Make => level('probe.latency', { 'soak.probe.phase': phase });
const errors: Make = (share) => [
  series(
    'requests',
    total(() => 100),
  ),
  series('errors', total(then(0, 200 * share))),
];
const checks: Make = (share) => [
  series(
    'soak.traffic.checks',
    total(() => 100),
  ),
  series(
    'soak.traffic.checks.passed',
    total(() => 100 * share),
  ),
];
const mean: Make = (seconds) => [
  series('soak.traffic.duration.mean', then(0.1, seconds)),
  series('soak.traffic.duration.sum', total(then(10, 100 * seconds))),
  series(
    'soak.traffic.duration.count',
    total(() => 100),
  ),
];
const requests: Make = (perSecond) => [series('requests', total(then(100, perSecond)))];
const climbing =
  (name: string): Make =>
  (perHour) => [series(name, (t) => 100 + (perHour * t) / HOUR)];
const back =
  (name: string): Make =>
  (seconds) => [series(name, (t) => (t > 3600 && t < 3900 + seconds ? 900 : 1))];

/** What makes the run, a value that is within the limit, and one that is not. */
const LIMITS: Readonly<Record<string, readonly [Make, number, number]>> = {
  'memory.private < 512MB in idle warn': [level('memory.private'), 500 * MB, 600 * MB],
  'memory.private < 2GB': [level('memory.private'), 1900 * MB, 2100 * MB],
  'memory.private vs_baseline < +20% warn': [change('memory.private'), 115, 125],
  'memory.private vs_baseline < +50%': [change('memory.private'), 145, 155],
  'cpu avg < 60% warn': [level('cpu'), 0.55, 0.65],
  'cpu avg < 80%': [level('cpu'), 0.75, 0.85],
  'pool.size < 20 warn': [level('pool.size'), 19, 20],
  'pool.utilization avg < 80% warn': [level('pool.utilization'), 0.75, 0.85],
  'pool.utilization < 95% for 5m warn': [level('pool.utilization'), 0.94, 0.96],
  'latency p(95) < 500ms for 5m': [quantile('0.95'), 0.49, 0.51],
  'latency p(99) < 1000ms': [quantile('0.99'), 0.99, 1.01],
  'latency avg vs_baseline < +10% warn': [mean, 0.108, 0.112],
  'latency avg vs_baseline < +20%': [mean, 0.118, 0.122],
  'latency p(95) vs_baseline < +15% warn': [change('latency', { 'soak.quantile': '0.95' }), 113, 117],
  'latency p(95) vs_baseline < +25%': [change('latency', { 'soak.quantile': '0.95' }), 123, 127],
  'errors rate < 0.1% over run warn': [errors, 0.0009, 0.0011],
  'errors rate < 0.1% over run': [errors, 0.0009, 0.0011],
  'errors rate < 1% for 2m': [errors, 0.0045, 0.0055],
  'errors rate < 0.5% for 5m warn': [errors, 0.002, 0.003],
  'requests rate drop < 50%': [requests, 55, 45],
  'redis.hit_ratio >= 92% for 5m': [level('redis.hit_ratio'), 0.92, 0.91],
  'recovery < 30s warn': [back('redis.stream.lag'), 10, 40],
  'recovery < 120s': [back('redis.stream.lag'), 100, 140],
  'signal.kafka_lag recovery < 120s': [back('signal.kafka_lag'), 100, 140],
  'latency p(95) < 300ms for 5m': [quantile('0.95'), 0.29, 0.31],
  'latency p(99) < 800ms': [quantile('0.99'), 0.79, 0.81],
  'latency p(95) < 400ms for 5m warn': [quantile('0.95'), 0.39, 0.41],
  'operation.latency p(95) < 600ms for 5m': [quantile('0.95', 'operation.latency'), 0.59, 0.61],
  'checks rate > 90% over run': [checks, 0.91, 0.89],
  'host.cpu avg < 70% over 5m warn': [level('host.cpu'), 0.69, 0.71],
  'host.memory.utilization < 80% for 5m warn': [level('host.memory.utilization'), 0.79, 0.81],
  'probe.latency{soak.probe.phase="connect"} < 50ms for 1m warn': [probe('connect'), 0.049, 0.051],
  'probe.latency{soak.probe.phase="connect"} < 100ms for 1m': [probe('connect'), 0.099, 0.101],
  'probe.latency{soak.probe.phase="total"} < 50ms for 1m warn': [probe('total'), 0.049, 0.051],
  'probe.latency{soak.probe.phase="total"} < 200ms for 1m': [probe('total'), 0.199, 0.201],
  'signal.rabbitmq_messages < 1000': [level('signal.rabbitmq_messages'), 999, 1000],
  'signal.celery_queue < 1000': [level('signal.celery_queue'), 999, 1000],
  'signal.sidekiq_queue < 1000': [level('signal.sidekiq_queue'), 999, 1000],
  'redis.stream.lag < 1000': [level('redis.stream.lag'), 999, 1000],
  'signal.kafka_lag slope < 60/h': [climbing('signal.kafka_lag'), 50, 70],
};

const phase = (t: number, name: string, judged: boolean) => ({ t, kind: 'phase' as const, target: null, data: { phase: name, judged } });

/** What is said of the rule, as outcomes. */
function said(text: string, run: readonly Simulated[]): string[] {
  const events = text.includes('recovery') ? [phase(3600, 'fault', false), phase(3900, 'steady', true)] : [];
  const idle = text.includes('in idle') ? [phase(0, 'idle', false), phase(HOUR, 'steady', true)] : [];
  const options = { rules: [parseRule(`${text} optional`, find)], warmup: 600 };
  const { findings } = new Simulation({ hours: 4, interval: 10, series: run, events: [...events, ...idle], options }).run().verdict();
  return findings.filter(({ evidence }) => evidence['rule'] === `${text} optional`).map(({ outcome }) => outcome);
}

test('every rule of a preset is here', () => {
  const rules = Object.values(PRESETS).flatMap((preset) => preset.rules.map(({ rule }) => rule));
  expect(new Set(Object.keys(LIMITS))).toEqual(new Set(rules));
});

test.each(Object.entries(LIMITS))('%s', (text, [make, good, bad]) => {
  expect(said(text, make(good))).toEqual([]);
  expect(said(text, make(bad))).toEqual([text.endsWith(' warn') ? 'pass' : 'fail']);
});
