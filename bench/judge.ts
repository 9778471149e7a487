/**
 * What remembering and judging costs: series of noise at 1 Hz through the real state and judge, a third of them growing slowly, thirty gated.
 * The share of a core is that of the folds alone, the judge's looks included; making the noise is not counted.
 *
 *   node bench/judge.ts [hours] [series ...]        default 2 1000 10000
 */
import { readFileSync } from 'node:fs';
import { Judge } from '../src/analysis/judge.ts';
import type { MetricDef } from '../src/catalog.ts';
import { CATALOG } from '../src/metrics.ts';
import { RunState } from '../src/runstate.ts';
import type { Owner } from '../src/series.ts';
import { Batch } from '../src/tick.ts';

const [hours = 2, ...counts] = process.argv.slice(2).map(Number);
const GATED = 30;
const TARGETS = 100;
const LEVEL = 300e6;
const NOISE = 3e6;
const GROWTH_PER_S = 10e6 / 3600;

/** Noise that costs next to nothing: a long list, read from another place by every series. */
const noise = Float64Array.from({ length: 65_537 }, () => NOISE * (Math.random() + Math.random() + Math.random() - 1.5));

function privateMegabytes(): number {
  const status = readFileSync('/proc/self/status', 'utf8');
  return Number(/RssAnon:\s+(\d+)/.exec(status)?.[1] ?? Number.NaN) / 1000;
}

interface Cost {
  /** Milliseconds of the folds of one hour each. */
  readonly hourly: readonly number[];
  /** Milliseconds of the longest fold, start-up left out. */
  readonly longest: number;
  readonly megabytes: number;
}

function cost(count: number): Cost {
  const before = privateMegabytes();
  const memory = CATALOG.get('soak.process.memory.private');
  const { gate: _gate, alias: _alias, ...advisory }: MetricDef = memory;
  const state = new RunState(
    new Judge({ requiredLifetime: 14 * 86_400, plannedEnd: null, warmup: null, rules: [], required: [], interval: 1 }),
  );
  const owner = (i: number): Owner => ({ source: 'process', target: `t${i % TARGETS}`, member: null, period: 1 });
  const ids = Array.from({ length: count }, (_, i) =>
    state.series.open(owner(i), i < GATED ? memory : { ...advisory, name: `bench.s${Math.floor(i / TARGETS)}` }),
  );
  const batch = new Batch();
  const hourly: number[] = [];
  let longest = 0;
  for (let t = 0, sum = 0; t <= hours * 3600; t++) {
    for (let i = 0; i < count; i++) {
      batch.set(ids[i]!, LEVEL + noise[(t * 7919 + i * 104_729) % noise.length]! + (i % 3 === 0 ? GROWTH_PER_S * t : 0), t);
    }
    const tick = batch.close(t, t, t);
    const from = performance.now();
    state.fold(tick);
    const took = performance.now() - from;
    sum += took;
    if (t > 600) longest = Math.max(longest, took);
    if (t > 0 && t % 3600 === 0) {
      hourly.push(sum);
      sum = 0;
    }
  }
  return { hourly, longest, megabytes: privateMegabytes() - before };
}

console.log(`## Remembering and judging (${hours} h at 1 Hz)\n`);
console.log('| series | CPU of one core, by the hour | longest tick ms | private MB added |\n|---:|---|---:|---:|');
for (const count of counts.length > 0 ? counts : [1000, 10_000]) {
  const { hourly, longest, megabytes } = cost(count);
  const shares = hourly.map((ms) => `${(ms / 36_000).toFixed(2)} %`).join(', ');
  console.log(`| ${count} | ${shares} | ${longest.toFixed(1)} | ${megabytes.toFixed(0)} |`);
}
