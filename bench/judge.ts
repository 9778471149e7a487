/**
 * What remembering and judging costs: series of noise at 1 Hz through the real state and judge, a third of them growing slowly, thirty gated.
 * The share of a core is that of the folds alone, the judge's looks included; making the noise is not counted. CPU time of the thread, because
 * a virtual machine that has no CPU for us holds nothing.
 *
 *   node bench/judge.ts [hours] [series ...]        default 2 1000 10000
 */
import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
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
/** Of a second of an agent that watches, V8 has this much to collect in beside us; without it a collection stops everything for 50 to 150 ms. */
const IDLE_MS = 20;
/** Bins are made longer, and code is compiled, in the first minutes. */
const STARTED_S = 600;
const SHARES = [0.5, 0.99, 0.999, 1];
const GROWTH_PER_S = 10e6 / 3600;

/** Noise that costs next to nothing: a long list, read from another place by every series. */
const noise = Float64Array.from({ length: 65_537 }, () => NOISE * (Math.random() + Math.random() + Math.random() - 1.5));

function privateMegabytes(): number {
  const status = readFileSync('/proc/self/status', 'utf8');
  return Number(/RssAnon:\s+(\d+)/.exec(status)?.[1] ?? Number.NaN) / 1000;
}

/** Hundredths of a second for which the host of a virtual machine had no CPU for it, of all its CPUs; the kernel counts them as our CPU time, too. */
function stolen(): number {
  return Number(readFileSync('/proc/stat', 'utf8').split(/\s+/, 9)[8]);
}

interface Cost {
  /** Milliseconds of the folds of one hour each. */
  readonly hourly: readonly number[];
  /** Milliseconds for which the event loop is held, start-up left out: in how many of a hundred turns no longer, and the longest. */
  readonly held: readonly number[];
  /** Turns left out of `held`, because CPU was stolen in them. */
  readonly robbed: number;
  readonly megabytes: number;
}

async function cost(count: number): Promise<Cost> {
  const before = privateMegabytes();
  const memory = CATALOG.get('soak.process.memory.private');
  const { gate: _gate, alias: _alias, ...advisory }: MetricDef = memory;
  const state = new RunState(
    new Judge({ requiredLifetime: 14 * 86_400, plannedEnd: null, warmup: null, rules: [], required: [], interval: 1 }),
  );
  const owner = (i: number): Owner => ({ source: 'process', target: `t${i % TARGETS}`, member: null, period: 1 });
  const names = Array.from({ length: Math.ceil(count / TARGETS) }, (_, i) => ({ ...advisory, name: `bench.s${i}` }));
  const ids = Array.from({ length: count }, (_, i) => state.series.open(owner(i), i < GATED ? memory : names[Math.floor(i / TARGETS)]!));
  const batch = new Batch();
  const hourly: number[] = [];
  const held: number[] = [];
  let [sum, robbed] = [0, 0];
  const hold = <T>(work: () => T): T => {
    const ticks = stolen();
    const [from, before] = [performance.now(), process.threadCpuUsage()];
    const result = work();
    const { user, system } = process.threadCpuUsage(before);
    // The kernel counts CPU in steps of up to 4 ms.
    const ms = Math.min(performance.now() - from, (user + system) / 1000);
    sum += ms;
    if (stolen() === ticks) held.push(ms);
    else robbed++;
    return result;
  };
  for (let t = 0; t <= hours * 3600; t++) {
    for (let i = 0; i < count; i++) {
      batch.set(ids[i]!, LEVEL + noise[(t * 7919 + i * 104_729) % noise.length]! + (i % 3 === 0 ? GROWTH_PER_S * t : 0), t);
    }
    const tick = batch.close(t, t, t);
    hold(() => state.take(tick));
    while (hold(() => state.goOn())) await setTimeout(1);
    await setTimeout(IDLE_MS);
    if (t === STARTED_S) held.length = robbed = 0;
    if (t > 0 && t % 3600 === 0) {
      hourly.push(sum);
      sum = 0;
    }
  }
  const ordered = held.toSorted((a, b) => a - b);
  return {
    hourly,
    held: SHARES.map((share) => ordered[Math.ceil(share * ordered.length) - 1]!),
    robbed,
    megabytes: privateMegabytes() - before,
  };
}

console.log(`## Remembering and judging (${hours} h at 1 Hz)\n`);
console.log(
  `| series | CPU of one core, by the hour | event loop held, ms (${SHARES.map(percent).join(', ')}) | turns left out | private MB added |`,
);
console.log('|---:|---|---:|---:|---:|');
for (const count of counts.length > 0 ? counts : [1000, 10_000]) {
  const { hourly, held, robbed, megabytes } = await cost(count);
  const shares = hourly.map((ms) => `${(ms / 36_000).toFixed(2)} %`).join(', ');
  console.log(`| ${count} | ${shares} | ${held.map((ms) => ms.toFixed(1)).join(', ')} | ${robbed} | ${megabytes.toFixed(0)} |`);
}

function percent(share: number): string {
  return share === 1 ? 'longest' : `${100 * share} %`;
}
