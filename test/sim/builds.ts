/** Runs of two services with a dozen signals each, measured as `soak-agent compare` does: noise like that of real ones, and builds that differ. */
import type { Verdict } from '../../src/analysis/verdict.ts';
import type { MetricDef } from '../../src/catalog.ts';
import { rfc3339 } from '../../src/clock.ts';
import { measure, type MeasuredRun } from '../../src/comparison/measured.ts';
import { CATALOG } from '../../src/metrics.ts';
import { SeriesTable } from '../../src/series.ts';
import { Store } from '../../src/store.ts';
import { Timeline } from '../../src/timeline.ts';
import { normal, ou, rounded, settling, type Signal, sum, uniform, white } from './series.ts';

/** Seconds between samples: a short run has windows of load tools, a long one bins of minutes. */
const periodOf = (hours: number): number => (hours < 2 ? 15 : 60);
const HOUR = 3600;
const MB = 1e6;
/** What a build is changed by: factors of a level, MB an hour that it leaks. */
export interface Build {
  readonly latency?: number;
  readonly memory?: number;
  readonly cpu?: number;
  readonly leak?: number;
  readonly errors?: number;
}

interface Signalled {
  readonly metric: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** Standard deviation between runs of one build, as a share. */
  readonly between: number;
  readonly make: (seed: number, level: number, build: Build) => Signal;
}

/** Noise as a share of a level: what follows itself for minutes, and what is new at every sample. */
function noisy(level: number, slow: number, tau: number, fast: number): (seed: number) => Signal {
  return (seed) => {
    const both = sum(ou(seed, tau, slow), white(seed + 1, fast));
    return (t) => level * Math.exp(both(t));
  };
}

function times(signal: Signal, factor: (t: number) => number): Signal {
  return (t) => signal(t) * factor(t);
}

/** Arrivals so far, many in each period: what is added scatters like its root. */
function arrivals(seed: number, perSecond: number): Signal {
  const next = normal(seed);
  let [total, last] = [0, 0];
  return (t) => {
    const mean = perSecond * (t - last);
    last = t;
    total += Math.max(0, Math.round(mean + Math.sqrt(mean) * next()));
    return total;
  };
}

/** A load that swings by an hour, in both runs alike. */
const swing = (share: number) => (t: number) => 1 + share * Math.sin((2 * Math.PI * t) / HOUR);

const quantile = (at: string, slow: number, fast: number): Signalled => ({
  metric: 'latency',
  labels: { 'soak.quantile': at },
  between: 0.02,
  make: (seed, level, { latency = 1 }) => times(noisy(0.2 * level * latency, slow, 120, fast)(seed), swing(0.05)),
});

const SIGNALS: readonly Signalled[] = [
  {
    metric: 'memory.private',
    between: 0.02,
    make: (seed, level, { memory = 1, leak = 0 }) => {
      const own = sum(noisy(200 * MB * level * memory, 0.01, 1200, 0.003)(seed), settling(40 * MB, 2400));
      return (t) => own(t) + (leak * MB * t) / HOUR;
    },
  },
  // Slower than any run of some hours can average out.
  { metric: 'heap', between: 0.02, make: (seed, level, { memory = 1 }) => noisy(80 * MB * level * memory, 0.015, 6 * HOUR, 0.01)(seed) },
  { metric: 'fds', between: 0.01, make: (seed, level) => rounded(noisy(40 * level, 0.04, 600, 0.02)(seed)) },
  { metric: 'threads', between: 0, make: (seed) => rounded(() => 12 + (uniform(seed)() < 0.2 ? 1 : 0)) },
  { metric: 'zombies', between: 0, make: () => () => 0 },
  { metric: 'sockets.outbound', between: 0.02, make: (seed, level) => rounded(times(noisy(20 * level, 0.1, 300, 0.1)(seed), swing(0.1))) },
  { metric: 'cpu', between: 0.02, make: (seed, level, { cpu = 1 }) => times(noisy(0.4 * level * cpu, 0.03, 300, 0.05)(seed), swing(0.1)) },
  {
    metric: 'latency.mean',
    between: 0.02,
    make: (seed, level, { latency = 1 }) => times(noisy(0.08 * level * latency, 0.05, 120, 0.08)(seed), swing(0.05)),
  },
  quantile('0.5', 0.04, 0.06),
  quantile('0.95', 0.08, 0.12),
  quantile('0.99', 0.12, 0.25),
  { metric: 'requests', between: 0, make: (seed) => arrivals(seed, 50) },
  { metric: 'errors', between: 0, make: (seed, _, { errors = 1 }) => arrivals(seed, 50 * 0.0002 * errors) },
];

const ROLES = ['api', 'worker'] as const;

const DEFS = new Map<string, MetricDef>(SIGNALS.map(({ metric }) => [metric, CATALOG.find(metric)!]));

export function runOf(hours: number, seed: number, build: Build = {}): MeasuredRun {
  const period = periodOf(hours);
  const [series, store] = [new SeriesTable(), new Store()];
  const signals: Signal[] = [];
  const gauss = normal(seed * 7919 + 13);
  for (const target of ROLES)
    for (const { metric, labels = {}, between, make } of SIGNALS) {
      const id = series.size;
      series.restore({ id, source: 'process', target, member: null, def: DEFS.get(metric)!, labels, period });
      store.add(series.get(id));
      // Only one of the two services is changed.
      signals.push(make(seed * 1000 + id * 3, Math.exp(between * gauss()), target === 'api' ? build : {}));
    }
  const ids = Uint32Array.from(signals, (_, id) => id);
  const [values, at] = [new Float64Array(signals.length), new Float64Array(signals.length)];
  for (let t = 0; t <= hours * HOUR; t += period) {
    for (let i = 0; i < signals.length; i++) values[i] = signals[i]!(t);
    store.fold({ length: signals.length, series: ids, values, at: at.fill(t) });
  }
  const start = rfc3339(1_767_225_600)!;
  const run = { id: String(seed), start, end: start, planned: null, agent: '0', configHash: '' };
  const verdict = { run, outcome: 'pass', work: { steady: true, stoppedAt: null }, phases: [] } as unknown as Verdict;
  return measure({ series, store, timeline: new Timeline(), t: hours * HOUR, verdict, warmup: null, generators: [] });
}

/** As many runs of a side as each count says. */
export function runsOf(count: number, hours: number, seed: number, build: Build = {}): MeasuredRun[] {
  return Array.from({ length: count }, (_, i) => runOf(hours, seed * 100 + i + 1, build));
}
