/**
 * How often a whole run without any trend is ever suspected, ever confirmed, or ends as a failure: 24 hours at one sample a minute
 * through the real state and judge, which looks every minute. The stated rate is 1 % for `confirmed`, for a run, on stationary noise.
 *
 *   node tools/run.mjs bench/detector/false-alarms.ts --runs 1000 --noise white,ar1,ou --at-most 10
 *
 *   --runs N         of each noise (default 200)
 *   --noise a,b      white, ar1, ou (stationary); ou-6h, walk, cache, fill (reported, nothing is promised) (default: all)
 *   --floors NAME    product (default) or small: growth above 0.02 %/h of the level matters, fifty times smaller than the noise
 *   --at-most K      exit 1 when more runs of a stationary noise are ever confirmed
 *   --seed TEXT, --jobs N (default 2), --hours N (default 24)
 */
import { create, type Floors } from '../leakbench-adapter.ts';
import { answerOr, spread } from './jobs.ts';
import { upperBound } from './proportion.ts';
import { Random } from './random.ts';
import { MB, MINUTE, ou, ramp, settling, type Signal, sum, walk, white } from './signals.ts';
import { percent, table } from './table.ts';
import { given, refuse } from './usage.ts';

const LEVEL = 300 * MB;

/** A hundredth of the level. */
const SD = 3 * MB;

const STEP_S = 60;

const NOISES = {
  white: { stationary: true, make: (r) => white(r, SD) },
  /** AR(1) with 0.9 from minute to minute. */
  ar1: { stationary: true, make: (r) => ou(r, SD, -MINUTE / Math.log(0.9)) },
  /** A correlation time of 2 hours, a twelfth of the run. */
  ou: { stationary: true, make: (r) => ou(r, SD, 2) },
  'ou-6h': { stationary: false, make: (r) => ou(r, SD, 6) },
  walk: { stationary: false, make: (r) => walk(r, 10 * MB) },
  cache: { stationary: false, make: (r) => sum(settling(100 * MB, 5), white(r, 2 * MB)) },
  fill: { stationary: false, make: (r) => sum(ramp(60 * MB, 0, 18), white(r, 2 * MB)) },
} as const satisfies Record<string, { stationary: boolean; make: (r: Random) => Signal }>;

type Name = keyof typeof NOISES;

interface Task {
  readonly noise: Name;
  readonly seed: string;
  readonly from: number;
  readonly to: number;
  readonly hours: number;
  readonly floors: Floors;
}

/** Runs that ever had a grade, or ended so. */
interface Count {
  readonly runs: number;
  readonly suspected: number;
  readonly confirmed: number;
  readonly failed: number;
  readonly passed: number;
}

const SUMMED = ['runs', 'suspected', 'confirmed', 'failed', 'passed'] as const satisfies readonly (keyof Count)[];

function added(counts: readonly Count[]): Count {
  const of = (key: keyof Count): number => counts.reduce((sum, count) => sum + count[key], 0);
  return Object.fromEntries(SUMMED.map((key) => [key, of(key)])) as unknown as Count;
}

function oneRun({ noise, seed, hours, floors }: Task, index: number): Count {
  const signal = NOISES[noise].make(new Random(`${noise}/${seed}/${index}`));
  const running = create({ dt: STEP_S, unit: 'bytes', hasLoad: false }, floors);
  for (let t = 0; t <= hours * 3600; t += STEP_S) running.push(t, LEVEL + signal(t / 3600));
  const { grades = [], outcome } = running.verdict({ final: true });
  return {
    runs: 1,
    suspected: Number(grades.includes('suspected') || grades.includes('confirmed')),
    confirmed: Number(grades.includes('confirmed')),
    failed: Number(outcome === 'fail'),
    passed: Number(outcome === 'pass'),
  };
}

function counted(task: Task): Count {
  return added(Array.from({ length: task.to - task.from }, (_, i) => oneRun(task, task.from + i)));
}

/** Runs of a task: small enough that all processes end at about the same time. */
const CHUNK = 10;

function tasksOf(noises: readonly Name[], runs: number, rest: Pick<Task, 'seed' | 'hours' | 'floors'>): Task[] {
  return noises.flatMap((noise) => {
    const starts = Array.from({ length: Math.ceil(runs / CHUNK) }, (_, i) => i * CHUNK);
    return starts.map((from) => ({ noise, from, to: Math.min(runs, from + CHUNK), ...rest }));
  });
}

async function main(): Promise<void> {
  const { values } = given(import.meta.url, {
    runs: { type: 'string', default: '200' },
    noise: { type: 'string', default: Object.keys(NOISES).join(',') },
    floors: { type: 'string', default: 'product' },
    'at-most': { type: 'string' },
    seed: { type: 'string', default: '1' },
    jobs: { type: 'string', default: '2' },
    hours: { type: 'string', default: '24' },
  });
  const noises = values.noise.split(',').map((name) => {
    if (!(name in NOISES)) refuse(`there is no noise ${name}; there are ${Object.keys(NOISES).join(' ')}`);
    return name as Name;
  });
  const tasks = tasksOf(noises, Number(values.runs), {
    seed: values.seed,
    hours: Number(values.hours),
    floors: values.floors === 'small' ? 'small' : 'product',
  });
  const began = performance.now();
  const counts = await spread<Count>(import.meta.url, tasks, Number(values.jobs));
  const results = noises.map((noise) => ({ noise, count: added(counts.filter((_, i) => tasks[i]!.noise === noise)) }));
  console.log(
    table(
      ['noise', 'runs', 'ever suspected', 'ever confirmed', 'upper bound', 'end as fail', 'pass'],
      results.map(({ noise, count: { runs, suspected, confirmed, failed, passed } }) => [
        noise,
        runs,
        `${suspected} (${percent(suspected / runs, 2)})`,
        `${confirmed} (${percent(confirmed / runs, 2)})`,
        percent(upperBound(confirmed, runs), 2),
        `${failed} (${percent(failed / runs, 2)})`,
        percent(passed / runs),
      ]),
    ),
  );
  console.log(`\nfloors ${values.floors}, seed ${values.seed}, ${((performance.now() - began) / 1000).toFixed(0)} s`);
  const allowed = Number(values['at-most'] ?? Infinity);
  const broken = results.filter(({ noise, count }) => NOISES[noise].stationary && count.confirmed > allowed);
  if (broken.length > 0) console.error(`more than ${allowed} runs were confirmed: ${broken.map(({ noise }) => noise).join(', ')}`);
  process.exitCode = broken.length > 0 ? 1 : 0;
}

await answerOr(counted, main);
