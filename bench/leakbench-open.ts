/**
 * How many clean series of leakbench end inconclusive with the product's floors, of 8 h and more and of shorter ones.
 *
 *   node tools/run.mjs bench/leakbench-open.ts [seed] [series a family] [seconds between samples]        default v1 15 10
 */
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { create } from './leakbench-adapter.ts';

interface Labelled {
  readonly dt: number;
  readonly unit: 'bytes' | 'count' | 'seconds';
  readonly durationS: number;
  readonly t: Float64Array;
  readonly y: Float64Array;
  readonly load: Float64Array | null;
  readonly restarts: readonly number[];
  readonly truth: { readonly ambiguous: boolean };
}

type Corpus = (families: unknown, options: object) => Iterable<Labelled>;

const [seed = 'v1', count = '15', seconds = '10'] = process.argv.slice(2);
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const folder = resolve(ROOT, process.env['LEAKBENCH'] ?? '../shared/leakbench');
const part = async (path: string): Promise<object> => (await import(pathToFileURL(join(folder, path)).href)) as object;
const { corpus } = (await part('lib/build.js')) as { corpus: Corpus };
const { default: families } = (await part('families/index.js')) as { default: unknown };

const LONG_S = 8 * 3600;
const open = { long: [0, 0], short: [0, 0] };
for (const { dt, unit, durationS, t, y, load, restarts, truth } of corpus(families, {
  seed,
  dt: Number(seconds),
  leakyPer: 0,
  cleanPer: Number(count),
})) {
  if (truth.ambiguous) continue;
  const judge = create({ dt, unit, hasLoad: load !== null }, 'product');
  let next = 0;
  for (let i = 0; i < t.length; i++) {
    for (; next < restarts.length && restarts[next]! <= t[i]!; next++) judge.restart(restarts[next]!);
    judge.push(t[i]!, y[i]!, load?.[i]);
  }
  const tally = open[durationS >= LONG_S ? 'long' : 'short'];
  tally[1]!++;
  if (judge.verdict({ final: true }).outcome === 'inconclusive') tally[0]!++;
}
for (const [length, [found, all]] of Object.entries(open)) {
  console.log(
    `${length === 'long' ? '8 h and more' : 'shorter'}: ${found} of ${all} clean series end inconclusive (${Math.round((100 * found!) / all!)} %)`,
  );
}
