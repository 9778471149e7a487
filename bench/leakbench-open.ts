/**
 * How the series of leakbench end with the product's floors, by a last look alone: how many clean ones stay inconclusive, of 8 h and more and
 * of shorter ones, and what becomes of leaks of at least the floor.
 *
 *   node tools/run.mjs bench/leakbench-open.ts [seed] [clean a family] [seconds between samples] [leaky a family]        default v1 15 10 20
 */
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Outcome } from '../src/analysis/judgement.ts';
import { create, metricOf } from './leakbench-adapter.ts';

interface Labelled {
  readonly dt: number;
  readonly unit: 'bytes' | 'count' | 'seconds';
  readonly durationS: number;
  readonly t: Float64Array;
  readonly y: Float64Array;
  readonly load: Float64Array | null;
  readonly restarts: readonly number[];
  readonly truth: { readonly ambiguous: boolean; readonly leak: boolean; readonly slope_per_hour: number };
}

type Corpus = (families: unknown, options: object) => Iterable<Labelled>;

const [seed = 'v1', clean = '15', seconds = '10', leaky = '20'] = process.argv.slice(2);
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const folder = resolve(ROOT, process.env['LEAKBENCH'] ?? '../shared/leakbench');
const part = async (path: string): Promise<object> => (await import(pathToFileURL(join(folder, path)).href)) as object;
const { corpus } = (await part('lib/build.js')) as { corpus: Corpus };
const { default: families } = (await part('families/index.js')) as { default: unknown };

const LONG_S = 8 * 3600;
const open = { long: [0, 0], short: [0, 0] };
const leaks = { fail: 0, pass: 0, inconclusive: 0 };

function outcomeOf({ dt, unit, t, y, load, restarts }: Labelled): Outcome | undefined {
  const judge = create({ dt, unit, hasLoad: load !== null }, 'product');
  let next = 0;
  for (let i = 0; i < t.length; i++) {
    for (; next < restarts.length && restarts[next]! <= t[i]!; next++) judge.restart(restarts[next]!);
    judge.push(t[i]!, y[i]!, load?.[i]);
  }
  return judge.verdict({ final: true }).outcome;
}

/** Whether growth of the product's floor at the mean level would be no more than that of this leak. */
function matters({ unit, y, truth }: Labelled): boolean {
  const { share, perHour } = metricOf(unit, 'product').matters!;
  const mean = y.reduce((sum, value) => sum + value, 0) / y.length;
  return truth.slope_per_hour >= Math.max(share * mean, perHour);
}

const options = { seed, dt: Number(seconds), leakyPer: Number(leaky), cleanPer: Number(clean) };
for (const series of corpus(families, options)) {
  const { truth, durationS } = series;
  if (truth.ambiguous || (truth.leak && !matters(series))) continue;
  const outcome = outcomeOf(series) ?? 'inconclusive';
  if (truth.leak) {
    leaks[outcome]++;
    continue;
  }
  const tally = open[durationS >= LONG_S ? 'long' : 'short'];
  tally[1]!++;
  if (outcome === 'inconclusive') tally[0]!++;
}
for (const [length, [found, all]] of Object.entries(open)) {
  console.log(
    `${length === 'long' ? '8 h and more' : 'shorter'}: ${found} of ${all} clean series end inconclusive (${Math.round((100 * found!) / all!)} %)`,
  );
}
console.log(`leaks of at least the floor: ${leaks.fail} fail, ${leaks.pass} pass, ${leaks.inconclusive} end inconclusive`);
