/**
 * Ready rules: the limits that performance testers write down. Each is a line that a user could write; what a run has no such series for is
 * left out of its verdict. `npm run generate` writes them to config/presets/ with their reasons, to be copied and changed.
 */

export interface PresetRule {
  readonly rule: string;
  readonly why: string;
}

export interface Preset {
  readonly about: string;
  readonly rules: readonly PresetRule[];
}

export const PRESETS: Readonly<Record<string, Preset>> = {
  seed: {
    about: 'Limits of services under load: memory, CPU, pools, latency, errors, throughput, caches and recovery.',
    rules: [
      { rule: 'memory.private < 512MB in idle warn', why: 'a process without load is small' },
      { rule: 'memory.private < 2GB', why: 'a process under load stays below its usual container' },
      { rule: 'memory.private vs_baseline < +20% warn', why: 'growth over the level after the warm-up' },
      { rule: 'memory.private vs_baseline < +50%', why: 'growth over the level after the warm-up; the detector says whether it ends' },
      { rule: 'cpu avg < 60% warn', why: 'half of a core is the target' },
      { rule: 'cpu avg < 80%', why: 'what is busier has no room for a peak' },
      {
        rule: 'pool.size < 20 warn',
        why: 'connections of one instance to a database; guides fail at the configured maximum, which no pool exceeds: one that is exhausted fails by itself',
      },
      { rule: 'pool.utilization avg < 80% warn', why: 'a pool that is nearly full makes requests wait' },
      {
        rule: 'pool.utilization < 95% for 5m warn',
        why: 'guides fail here, but a full pool alone is healthy: an exhausted one and stuck connections fail by themselves; leave out warn to fail as well',
      },
      { rule: 'latency p(95) < 500ms for 5m', why: 'the slowest twentieth' },
      { rule: 'latency p(99) < 1000ms', why: 'the slowest hundredth' },
      { rule: 'latency avg vs_baseline < +10% warn', why: 'slower than after the warm-up' },
      { rule: 'latency avg vs_baseline < +20%', why: 'slower than after the warm-up' },
      { rule: 'latency p(95) vs_baseline < +15% warn', why: 'slower than after the warm-up' },
      { rule: 'latency p(95) vs_baseline < +25%', why: 'slower than after the warm-up' },
      { rule: 'errors rate < 0.1% over run warn', why: 'availability of 99.9 % over the whole run' },
      { rule: 'errors rate < 1% for 2m', why: 'a burst of errors that lasts' },
      { rule: 'requests rate drop < 50%', why: 'the load or the service has collapsed' },
      { rule: 'redis.hit_ratio >= 92% for 5m', why: 'a cache that does not serve' },
      { rule: 'recovery < 30s warn', why: 'after an outage or a fault' },
      { rule: 'recovery < 120s', why: 'after an outage or a fault' },
    ],
  },
  gateway: {
    about: 'Tighter latencies, of what stands before everything else.',
    rules: [
      { rule: 'latency p(95) < 300ms for 5m', why: 'the slowest twentieth' },
      { rule: 'latency p(99) < 800ms', why: 'the slowest hundredth' },
    ],
  },
  operations: {
    about: 'Latencies of each operation (k6 name, JMeter label).',
    rules: [{ rule: 'operation.latency p(95) < 600ms for 5m', why: 'no operation hides behind the fast ones' }],
  },
  slo: {
    about: 'Promises to users, over the whole run.',
    rules: [
      { rule: 'errors rate < 0.1% over run', why: 'availability of 99.9 %' },
      { rule: 'checks rate > 90% over run', why: 'business transactions that completed' },
    ],
  },
  scaling: {
    about: 'When to add a machine; shown, and no failure.',
    rules: [
      { rule: 'host.cpu avg < 70% over 5m warn', why: 'CPU of the machine' },
      { rule: 'host.memory.utilization < 80% for 5m warn', why: 'memory of the machine' },
      { rule: 'latency p(95) < 400ms for 5m warn', why: 'latency before it hurts' },
      { rule: 'errors rate < 0.5% for 5m warn', why: 'errors before they hurt' },
    ],
  },
  websocket: {
    about: 'WebSocket probes.',
    rules: [
      { rule: 'probe.latency{soak.probe.phase="connect"} < 50ms for 1m warn', why: 'time to connect' },
      { rule: 'probe.latency{soak.probe.phase="connect"} < 100ms for 1m', why: 'time to connect' },
      { rule: 'probe.latency{soak.probe.phase="total"} < 50ms for 1m warn', why: 'a message and its echo' },
      { rule: 'probe.latency{soak.probe.phase="total"} < 200ms for 1m', why: 'a message to everybody' },
    ],
  },
  queues: {
    about: 'Backlogs of queues and of Kafka consumers, as their exporters tell them (--scrape) and as Redis streams have them.',
    rules: [
      { rule: 'signal.rabbitmq_messages < 1000', why: 'events that wait' },
      { rule: 'signal.celery_queue < 1000', why: 'tasks that wait' },
      { rule: 'signal.sidekiq_queue < 1000', why: 'jobs that wait' },
      { rule: 'redis.stream.lag < 1000', why: 'entries that wait' },
      { rule: 'signal.kafka_lag slope < 60/h', why: 'consumers keep up in steady state' },
      { rule: 'signal.kafka_lag recovery < 120s', why: 'and catch up after the failure of a broker' },
    ],
  },
};

/** The rules of a preset as lines; null when there is none of this name. */
export function presetRules(name: string): readonly string[] | null {
  return Object.hasOwn(PRESETS, name) ? PRESETS[name]!.rules.map(({ rule }) => `${rule} optional`) : null;
}
