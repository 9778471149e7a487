/**
 * Lives that are too short for the bins (workers that are recycled): what a day of them shows of growth within one, by mechanism.
 *
 *   node tools/run.mjs bench/detector/lives.ts [--runs 100] [--seed TEXT]
 */
import { FAIL_SCORE, floorPerHour } from '../../src/analysis/analyse.ts';
import { NEW_BOOK, nextBook } from '../../src/analysis/grades.ts';
import { LifeSums } from '../../src/analysis/lifesums.ts';
import { type Within, withinLives } from '../../src/analysis/within.ts';
import { type Series, SeriesTable } from '../../src/series.ts';
import { METRICS } from '../../src/sources/process-metrics.ts';
import type { RunEvent } from '../../src/tick.ts';
import { Random } from './random.ts';
import { MB, ou, sawtooth, type Signal, SECOND, sum, white } from './signals.ts';
import { decimal, percent, table } from './table.ts';
import { given } from './usage.ts';

const HOURS = 24;
const STEP_S = 10;
const HOUR_S = 3600;
const LEVEL = 100 * MB;

/** Lives scatter by so much of their length, as workers that are recycled after some thousand requests do. */
const SCATTER = 0.2;

/** Looks are as far apart as in a run; before three hours bins are narrow enough for the ordinary judgement. */
const GROWN = 1.05;
const FROM_S = 3 * HOUR_S;

/** Above the level, by the age in hours and in lives. */
type Shape = (age: number, share: number) => number;

const fill =
  (lives: number): Shape =>
  (_, share) =>
    80 * MB * (1 - Math.exp(-share / lives));
const leak =
  (perHour: number): Shape =>
  (age) =>
    perHour * MB * age;

/** Growth per hour that is true, or null where it has no one rate. */
const SHAPES: readonly (readonly [name: string, perHour: number | null, shape: Shape])[] = [
  ['nothing', 0, () => 0],
  ...[0.1, 0.2, 0.35, 0.5, 0.8, 1.2, 2].map((lives) => [`a fill, time constant ${lives} lives`, null, fill(lives)] as const),
  ['logarithm of the age', null, (_, share) => 15 * MB * Math.log1p(100 * share)],
  ['root of the age', null, (_, share) => 40 * MB * Math.sqrt(share)],
  ...[2, 10, 50, 200].map((perHour) => [`a leak of ${perHour} MB/h`, perHour, leak(perHour)] as const),
  ['a leak of 200 MB/h after a warm-up', 200, (age, share) => 60 * MB * (1 - Math.exp(-share / 0.05)) + 200 * MB * age],
];

const NOISE = {
  white: (r) => white(r, 1 * MB),
  'two minutes': (r) => sum(white(r, 0.3 * MB), ou(r, 2 * MB, 120 * SECOND)),
  sawtooth: (r) => sawtooth(r, 8 * MB, 40 * SECOND),
} as const satisfies Record<string, (r: Random) => Signal>;

interface Ended {
  readonly outcome: 'fail' | 'open' | 'pass';
  readonly confirmed: boolean;
  readonly suspected: boolean;
  readonly doubt: Within['doubt'];
  readonly covers: boolean | null;
  readonly half: number;
}

function dayOf(r: Random, life: number, perHour: number | null, shape: Shape, noise: Signal): Ended {
  const series = new SeriesTable();
  const one = series.get(series.open({ source: 'process', target: 'api', member: null, period: STEP_S }, METRICS.memoryPrivate));
  const sums = new LifeSums(0);
  const judged = (value: number): Within | null =>
    withinLives({ series: one, limits: [] }, sums.of(one, series), 1, life, floorPerHour(one.def, value, null, 0));
  const floor = floorPerHour(one.def, LEVEL, null, 0);
  let book = NEW_BOOK;
  let [start, next] = [0, life];
  let look = FROM_S;
  for (let t = 0; t < HOURS * HOUR_S; t += STEP_S) {
    const begins = t === 0 || t >= next;
    if (begins) [start, next] = [t, t + life * r.between(1 - SCATTER, 1 + SCATTER)];
    const age = t - start;
    const value = LEVEL + shape(age / HOUR_S, age / life) + noise(t / HOUR_S);
    sums.watch(tickOf(one, t, value, begins), series, { lives: () => [start] }, null);
    if (t < look) continue;
    look = t * GROWN;
    const seen = judged(value);
    if (seen !== null) book = nextBook(book, seen.evidence, { now: t, plannedEnd: HOURS * HOUR_S, final: false }, floor);
  }
  return endedOf(judged(LEVEL)!, book, perHour, floor);
}

function endedOf(last: Within, before: typeof NEW_BOOK, perHour: number | null, floor: number): Ended {
  const { grade, history } = nextBook(before, last.evidence, { now: HOURS * HOUR_S, plannedEnd: HOURS * HOUR_S, final: true }, floor);
  const { lo, hi } = last.interval;
  const fails = grade === 'confirmed' && last.evidence.score >= FAIL_SCORE;
  return {
    outcome: fails ? 'fail' : hi < floor && grade !== 'suspected' && grade !== 'confirmed' ? 'pass' : 'open',
    confirmed: history.some((change) => change.grade === 'confirmed'),
    suspected: history.some((change) => change.grade === 'suspected'),
    doubt: last.doubt,
    covers: perHour === null ? null : lo <= perHour * MB && hi >= perHour * MB,
    half: (hi - lo) / 2 / MB,
  };
}

function tickOf({ id }: Series, t: number, value: number, begins: boolean): Parameters<LifeSums['watch']>[0] {
  const event: RunEvent = { t, kind: t === 0 ? 'target_found' : 'restart', target: 'api', member: null, message: '', data: {} };
  const samples = { length: 1, series: Uint32Array.of(id), values: Float64Array.of(value), at: Float64Array.of(t) };
  return { n: t / STEP_S, t, wall: t, samples, events: begins ? [event] : [] };
}

const { values: options } = given(import.meta.url, { runs: { type: 'string', default: '100' }, seed: { type: 'string', default: '1' } });
const runs = Number(options.runs);

for (const life of [720, 1800]) {
  console.log(`\nLives of ${life / 60} minutes for ${HOURS} h, ${runs} runs each\n`);
  const rows = SHAPES.flatMap(([name, perHour, shape]) =>
    Object.entries(NOISE).map(([noise, make]) => {
      const days = Array.from({ length: runs }, (_, i) => {
        const r = new Random(`${options.seed}/${life}/${name}/${noise}/${i}`);
        return dayOf(r, life, perHour, shape, make(r.fork()));
      });
      const share = (is: (day: Ended) => boolean | null): string => percent(days.filter(is).length / runs);
      const half = days.map((day) => day.half).toSorted((a, b) => a - b)[Math.floor(runs / 2)]!;
      return [
        name,
        noise,
        share(({ outcome }) => outcome === 'fail'),
        share(({ outcome }) => outcome === 'pass'),
        share(({ confirmed }) => confirmed),
        share(({ suspected }) => suspected),
        share(({ doubt }) => doubt === 'fills'),
        share(({ doubt }) => doubt === 'slack'),
        perHour === null ? '-' : share(({ covers }) => covers),
        decimal(half),
      ];
    }),
  );
  console.log(table(['within a life', 'noise', 'fail', 'pass', 'confirmed', 'suspected', 'fills', 'slack', 'covered', '+- MB/h'], rows));
}
