/** Which signals are followed after a disturbance, beside those of the load (traffic.long.test.ts). */
import { expect, test } from 'vitest';
import { parseRule } from '../../../src/analysis/ruleparser.ts';
import type { Finding } from '../../../src/analysis/verdict.ts';
import type { MetricDef } from '../../../src/catalog.ts';
import { findMetric } from '../../../src/gauges.ts';
import { type Declared, signalMetric } from '../../../src/intake/signals-metric.ts';
import { CATALOG } from '../../../src/metrics.ts';
import { METRICS as POOL } from '../../../src/sources/pool-metrics.ts';
import { M } from '../../sim/metrics.ts';
import { MB, type Scenario, type Simulated, Simulation } from '../../sim/run.ts';
import { constant, type Signal } from '../../sim/series.ts';

const phase = (t: number, name: string, judged: boolean) => ({ t, kind: 'phase' as const, target: null, data: { phase: name, judged } });
const events = [phase(3600, 'fault', false), phase(3900, 'steady', true)];
const memory: Simulated = { def: M.memory, signal: constant(100 * MB) };
const POOL_LABELS = { 'soak.server': 'db', 'db.system.name': 'postgresql', 'db.namespace': 'd', 'user.name': 'u' };

function recoveries(series: readonly Simulated[], options: Scenario['options'] = {}): Finding[] {
  const { findings } = new Simulation({ hours: 1.5, interval: 10, series: [memory, ...series], events, options }).run().verdict();
  return findings.filter(({ kind }) => kind === 'recovery');
}

const disturbed = (t: number, usual: number, bad: number): number => (t > 3600 && t < 3960 ? bad : usual);

test('a recovery is measured of backlogs, pools, servers, and signals with a limit', () => {
  const declared = (name: string, more: Partial<Declared>) =>
    signalMetric({ name, kind: 'level', by: [], unit: '{message}', growth: 'none', ...more });
  const of = (def: MetricDef, signal: Signal, more: Partial<Simulated> = {}): Simulated => ({ def, signal, period: 10, ...more });
  const series = [
    of(declared('kafka_lag', { kind: 'backlog', growth: 'leak', by: ['group'] }), (t) => disturbed(t, 0, 900), {
      labels: { group: 'billing' },
    }),
    of(declared('workers', {}), (t) => disturbed(t, 8, 2)),
    of(declared('answer', { kind: 'latency', unit: 's', growth: 'drift' }), (t) => disturbed(t, 0.1, 2)),
    of(declared('ignored', {}), (t) => disturbed(t, 8, 2)),
    of(POOL.utilization, (t) => disturbed(t, 0.3, 1), { source: 'pool', labels: POOL_LABELS }),
    of(CATALOG.find('redis.stream.lag')!, (t) => disturbed(t, 1, 500), {
      source: 'redis',
      target: 'cache',
      labels: { 'soak.key': 'jobs', 'soak.group': 'g' },
    }),
    of(CATALOG.find('postgres.connections')!, (t) => disturbed(t, 20, 90), { source: 'postgres', target: 'db' }),
  ];
  const limits = ['signal.workers > 4'].map((text) => parseRule(text, (name) => findMetric(CATALOG)(name)));
  const [one] = recoveries(series, { rules: limits });
  expect(one!.series).toEqual([
    'api signal.kafka_lag{group="billing"}',
    'api signal.workers',
    'api signal.answer',
    expect.stringMatching(/^api pool\.utilization\{/),
    'cache redis.stream.lag{soak.key="jobs",soak.group="g"}',
    'db postgres.connections',
  ]);
  expect(one!.why.match(/was back after 1m/g)).toHaveLength(6);
});

test('a recovery of what is counted in ones is over although it moves by one', () => {
  const lag = signalMetric({ name: 'lag', kind: 'backlog', by: [], unit: '{message}', growth: 'leak' });
  const series = { def: lag, signal: (t: number) => (t < 3600 ? 0 : disturbed(t, t % 20 === 0 ? 1 : 0, 900)), period: 10 };
  const [one] = recoveries([series]);
  expect(one!.why).toMatch(/signal\.lag was back after 1m/);
});

test('a recovery is measured of 64 signals, and the others are counted', () => {
  const lag = signalMetric({ name: 'lag', kind: 'backlog', by: ['group'], unit: '{message}', growth: 'leak' });
  const many = Array.from({ length: 20 }, (_, i) =>
    ['a', 'b', 'c', 'd'].map((target): Simulated => ({
      def: lag,
      target,
      labels: { group: `g${i}` },
      signal: (t) => disturbed(t, 0, 900),
      period: 10,
    })),
  ).flat();
  const [one] = recoveries(many);
  expect(one!.series).toHaveLength(64);
  expect(one!.why).toMatch(/; 16 more signals are not followed$/);
});

test('what is asked of a server is back when nine tenths of it are; what little the agent asks is not followed', () => {
  const total = (rate: (t: number) => number): Signal => {
    let [sum, last] = [0, 0];
    return (t) => ((sum += rate(t) * (t - last)), (last = t), sum);
  };
  const of = (target: string, usual: number): Simulated => ({
    def: CATALOG.find('postgresql.transactions')!,
    signal: total((t) => (t < 3600 ? usual : t < 3960 ? 0 : t < 4020 ? usual * 0.85 : usual * 0.95)),
    period: 10,
    source: 'postgres',
    target,
    labels: { 'db.namespace': 'shop' },
  });
  const [one] = recoveries([of('db', 100), of('idle', 0.3)]);
  expect(one!.series).toEqual(['db postgres.transactions{db.namespace="shop"}']);
  expect(one!.why).toMatch(/was back after 2m/);
});
