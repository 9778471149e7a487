/** Ready rules: each can be read, and each limit that testers wrote down is among them; analysis/presets.long.test.ts judges runs by them. */
import { describe, expect, test } from 'vitest';
import { parseRule } from '../../src/analysis/ruleparser.ts';
import { PRESETS, presetRules } from '../../src/config/presets.ts';
import { findMetric } from '../../src/gauges.ts';
import { CATALOG } from '../../src/metrics.ts';
import { problemOf, layer, load } from '../loading.ts';

const all = Object.keys(PRESETS).flatMap((name) => presetRules(name)!.map((text) => [name, text] as const));

test.each(all)('%s: %s', (_, text) => expect(parseRule(text, findMetric(CATALOG))).toMatchObject({ text, optional: true }));

/** What performance testers wrote down (needs): warning and failure, each in one line. */
describe('limits of the guides', () => {
  test.each([
    ['512 MB idle', 'memory.private < 512MB in idle warn'],
    ['+20 % over baseline', 'memory.private vs_baseline < +20% warn'],
    ['2 GB under load', 'memory.private < 2GB'],
    ['+50 % over baseline', 'memory.private vs_baseline < +50%'],
    ['CPU 60 %', 'cpu avg < 60% warn'],
    ['CPU 80 %', 'cpu avg < 80%'],
    ['20 connections', 'pool.size < 20 warn'],
    ['pool 80 %', 'pool.utilization avg < 80% warn'],
    ['pool 95 %', 'pool.utilization < 95% for 5m warn'],
    ['p95 500 ms for 5 min', 'latency p(95) < 500ms for 5m'],
    ['p99 1000 ms', 'latency p(99) < 1000ms'],
    ['gateway p95', 'latency p(95) < 300ms for 5m'],
    ['gateway p99', 'latency p(99) < 800ms'],
    ['per operation', 'operation.latency p(95) < 600ms for 5m'],
    ['business completion', 'checks rate > 90% over run'],
    ['WebSocket connect', 'probe.latency{soak.probe.phase="connect"} < 50ms for 1m warn'],
    ['WebSocket connect, alert', 'probe.latency{soak.probe.phase="connect"} < 100ms for 1m'],
    ['WebSocket message', 'probe.latency{soak.probe.phase="total"} < 50ms for 1m warn'],
    ['WebSocket broadcast', 'probe.latency{soak.probe.phase="total"} < 200ms for 1m'],
    ['event queue depth', 'signal.rabbitmq_messages < 1000'],
    ['consumer lag', 'signal.kafka_lag slope < 60/h'],
    ['mean +10 %', 'latency avg vs_baseline < +10% warn'],
    ['mean +20 %', 'latency avg vs_baseline < +20%'],
    ['p95 +15 %', 'latency p(95) vs_baseline < +15% warn'],
    ['p95 +25 %', 'latency p(95) vs_baseline < +25%'],
    ['errors 0.1 %, availability 99.9 %', 'errors rate < 0.1% over run'],
    ['errors 1 % for 2 min', 'errors rate < 1% for 2m'],
    ['rate drops by half', 'requests rate drop < 50%'],
    ['hit rate', 'redis.hit_ratio >= 92% for 5m'],
    ['recovery 30 s', 'recovery < 30s warn'],
    ['recovery 120 s', 'recovery < 120s'],
    ['scaling by CPU', 'host.cpu avg < 70% over 5m warn'],
    ['scaling by memory', 'host.memory.utilization < 80% for 5m warn'],
    ['scaling by p95', 'latency p(95) < 400ms for 5m warn'],
    ['scaling by errors', 'errors rate < 0.5% for 5m warn'],
  ])('%s', (_, text) => expect(all.map(([, rule]) => rule)).toContain(`${text} optional`));
});

test('a preset that does not exist is named with those that do', async () => {
  const problem = await problemOf(load(layer({ preset: 'sead' }, ['1'])));
  expect(problem.details[0]!.message).toBe('there is no preset "sead"; did you mean seed?');
});
