/**
 * How the series of leakbench end with the product's floors, by a last look alone: how many clean ones stay inconclusive, of 8 h and more and
 * of shorter ones, and what becomes of leaks of at least the floor. Beside it what nobody can do better: how many would stay open to somebody who
 * knows how each was made, its noise, its shape, what the load does to it and when it settled, and has only to find whether there is a line, too;
 * and how many stay open to the judge itself when it gets nothing but their noise, at their level and from when they settled on.
 *
 *   node tools/run.mjs bench/leakbench-open.ts [seed] [clean a family] [seconds between samples] [leaky a family]        default v1 15 10 20
 *
 * LEAKBENCH names the folder of leakbench.
 */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Outcome } from '../src/analysis/judgement.ts';
import { normalCdf } from '../src/analysis/stats.ts';
import { given, refuse } from './detector/usage.ts';
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

/** What a series is made with: the noise is AR(1), `phi` from sample to sample. */
interface Made {
  readonly stochastic?: Float64Array;
  readonly keep?: (i: number) => boolean;
  readonly noise?: { readonly sigma: number; readonly phi?: number };
  readonly settledS?: number;
}

type Make = (context: unknown) => Made;
type Families = Readonly<Record<'leaky' | 'clean', Readonly<Record<string, Make>>>>;
type Corpus = (families: Families, options: object) => Iterable<Labelled>;

const [seed = 'v1', cleanPer = '15', seconds = '10', leakyPer = '20'] = given(import.meta.url, {}, true).positionals;
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const folder = resolve(ROOT, process.env['LEAKBENCH'] ?? '../shared/leakbench');
if (!existsSync(join(folder, 'lib/build.js'))) refuse(`there is no leakbench in ${folder}: set LEAKBENCH to its folder`);
const part = async (path: string): Promise<object> => (await import(pathToFileURL(join(folder, path)).href)) as object;
const { corpus } = (await part('lib/build.js')) as { corpus: Corpus };
const { default: families } = (await part('families/index.js')) as { default: Families };

const LONG_S = 8 * 3600;
const COUNTS_S = 12 * 3600;
/** Of the time, for what settles late. */
const SETTLED_MOST = 0.9;
/** Of clean series: open ones, all, those that would be open to somebody who knows how they were made, and those whose noise alone is open. */
const open = { long: [0, 0, 0, 0], short: [0, 0, 0, 0] };
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

/** What becomes of nothing but the noise of a series, from when it settled on. */
function outcomeOfNoise(series: Labelled, { stochastic, keep, settledS = 0 }: Made): Outcome | undefined {
  if (stochastic === undefined) return outcomeOf(series);
  const { dt, unit } = series;
  const judge = create({ dt, unit, hasLoad: false }, 'product');
  const level = meanOf(series.y);
  const first = Math.ceil(Math.min(settledS, SETTLED_MOST * series.durationS) / dt);
  for (let i = first; i < stochastic.length; i++) {
    const value = level + stochastic[i]!;
    if (keep?.(i) ?? true) judge.push((i - first) * dt, unit === 'count' ? Math.max(0, Math.round(value)) : value);
  }
  return judge.verdict({ final: true }).outcome;
}

let made: Made = {};
const clean = Object.fromEntries(
  Object.entries(families.clean).map(([name, make]) => [name, (context: unknown) => (made = make(context))]),
);

/** Growth per hour that matters, at the mean level. */
function floorOf({ unit, y }: Labelled): number {
  const { share, perHour } = metricOf(unit, 'product').matters!;
  return Math.max(share * meanOf(y), perHour);
}

function meanOf(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Standard error of the slope of a line in AR(1) noise that is known: generalised least squares, after Prais and Winsten. */
function errorOf(n: number, dtHours: number, { sigma, phi = 0 }: NonNullable<Made['noise']>): number {
  const kept = Math.sqrt(1 - phi * phi);
  let [ones, times, squares] = [kept * kept, 0, 0];
  for (let i = 1; i < n; i++) {
    const time = (i - phi * (i - 1)) * dtHours;
    ones += (1 - phi) ** 2;
    times += (1 - phi) * time;
    squares += time * time;
  }
  return (sigma * kept) / Math.sqrt(squares - times ** 2 / ones);
}

/** How likely the upper bound of 95 % is above the floor. Counts know no noise: a leak of the floor shows nothing in one run of 40 of 12 h. */
function openAtBest(series: Labelled, { noise, settledS = 0 }: Made): number {
  if (series.unit === 'count') return series.durationS < COUNTS_S ? 1 : 0;
  if (noise === undefined) return 0;
  const n = Math.floor((series.durationS - Math.min(settledS, SETTLED_MOST * series.durationS)) / series.dt);
  return 1 - normalCdf(floorOf(series) / errorOf(n, series.dt / 3600, noise) - 1.96);
}

/** Whether growth of the product's floor at the mean level would be no more than that of this leak. */
function matters(series: Labelled): boolean {
  return series.truth.slope_per_hour >= floorOf(series);
}

const options = { seed, dt: Number(seconds), leakyPer: Number(leakyPer), cleanPer: Number(cleanPer) };
for (const series of corpus({ leaky: families.leaky, clean }, options)) {
  const { truth, durationS } = series;
  if (truth.ambiguous || (truth.leak && !matters(series))) continue;
  const outcome = outcomeOf(series) ?? 'inconclusive';
  if (truth.leak) {
    leaks[outcome]++;
    continue;
  }
  const tally = open[durationS >= LONG_S ? 'long' : 'short'];
  tally[1]!++;
  tally[2]! += openAtBest(series, made);
  if (outcome === 'inconclusive') tally[0]!++;
  if (outcomeOfNoise(series, made) !== 'pass') tally[3]!++;
}
const share = (part: number, all: number): string => `${Math.round((100 * part) / all)} %`;
for (const [length, [found, all, best, noise]] of Object.entries(open)) {
  const of = length === 'long' ? '8 h and more' : 'shorter';
  console.log(
    `${of}: ${found} of ${all} clean series end inconclusive (${share(found!, all!)}), at best ${share(best!, all!)}, of noise alone ${share(noise!, all!)}`,
  );
}
console.log(`leaks of at least the floor: ${leaks.fail} fail, ${leaks.pass} pass, ${leaks.inconclusive} end inconclusive`);
