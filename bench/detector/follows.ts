/**
 * Memory that follows the load in one way or another, healthy or with a leak (decision 48): how such runs end. A healthy one that fails is a false
 * alarm, a leak of what matters that passes is a miss; that most of what only rises with its load stays open is right.
 *
 *   node tools/run.mjs bench/detector/follows.ts [--runs 100] [--seed TEXT]
 */
import type { Outcome } from '../../src/analysis/judgement.ts';
import { MATTERS } from '../../src/catalog.ts';
import { M } from '../../test/sim/metrics.ts';
import { HOUR, Simulation, type Simulated } from '../../test/sim/run.ts';
import { Random } from './random.ts';
import { cycle, integral, lagged, MB, MINUTE, ou, SECOND, shared, type Signal, sum, times, white } from './signals.ts';
import { percent, table } from './table.ts';
import { given } from './usage.ts';

const { values: options } = given(import.meta.url, { runs: { type: 'string', default: '100' }, seed: { type: 'string', default: '1' } });
const runs = Number(options.runs);

const HOURS = 8;
const INTERVAL_S = 10;
const BASE = 300 * MB;
const REQUESTS_PER_S = 100;
/** Of the load, from sample to sample. */
const FLICKER = 0.04;

/** Load over its usual. */
const LOADS: Readonly<Record<string, (r: Random) => Signal>> = {
  'a ramp': (r) => rising(r.between(2, 6), (share) => share),
  stages: (r) => {
    const count = 2 * r.whole(2, 4);
    return rising(r.between(2, 6), (share) => Math.floor(share * count) / (count - 1));
  },
  'a wave': (r) => sum(() => 1, cycle(2 * r.between(0.2, 0.8), r.between(6, 24), r.uniform())),
};

/** What is held over what is held at the usual load. */
const WAYS: Readonly<Record<string, (r: Random, load: Signal) => Signal>> = {
  'one lag': (r, load) => lagged(load, r.between(10, 300) * SECOND),
  'half of it hours later': (r, load) => mixed(0.5, lagged(load, r.between(10, 100) * SECOND), lagged(load, r.between(0.5, 2))),
  'less and less': (r, load) => {
    const late = lagged(load, r.between(10, 300) * SECOND);
    return (t) => Math.sqrt(Math.max(0, late(t)));
  },
  'more at first': (r, load) => mixed(1.5, lagged(load, r.between(10, 100) * SECOND), lagged(load, r.between(0.25, 1))),
};

/** Times the growth that matters. */
const LEAKS = [0, 1, 8];

function rising(top: number, share: (of: number) => number): Signal {
  return (t) => 1 + (top - 1) * share(Math.min(t / HOURS, 1 - 1e-9));
}

function mixed(share: number, one: Signal, other: Signal): Signal {
  return sum(times(share, one), times(1 - share, other));
}

function outcomeOf(r: Random, loadOf: (r: Random) => Signal, way: (r: Random, load: Signal) => Signal, leak: number): Outcome {
  const [course, flicker] = [loadOf(r.fork()), white(r.fork(), FLICKER)];
  const load = shared((t) => Math.max(0.05, course(t) * (1 + flicker(t))));
  const held = r.between(0.1, 0.5) * BASE;
  const noise = ou(r.fork(), r.log(0.001, 0.01) * BASE, r.log(0.25, 3) * MINUTE);
  // Of the level at the end, which is what the floor is of.
  const level = BASE + held * course(HOURS);
  const perHour = (leak * MATTERS.memory.share * level) / (1 - leak * MATTERS.memory.share * HOURS);
  const follows = way(r.fork(), load);
  const work = integral(load);
  const series: Simulated[] = [
    { def: M.memory, signal: inHours((t) => BASE + held * follows(t) + noise(t) + perHour * t) },
    { def: M.requests, source: 'traffic', signal: inHours((t) => REQUESTS_PER_S * HOUR * work(t)), period: INTERVAL_S },
  ];
  const judged = new Simulation({ hours: HOURS, interval: INTERVAL_S, series, options: { requiredLifetime: 0 } }).run().verdict();
  return judged.series.find(({ id }) => id === 'api memory.private')!.outcome;
}

function inHours(signal: Signal): Simulated['signal'] {
  return (t) => signal(t / HOUR);
}

const rows = Object.entries(LOADS).flatMap(([load, loadOf]) =>
  Object.entries(WAYS).flatMap(([how, way]) =>
    LEAKS.map((leak) => {
      const ended = Array.from({ length: runs }, (_, i) => outcomeOf(new Random(`${options.seed}/${load}/${how}/${i}`), loadOf, way, leak));
      const share = (outcome: Outcome): string => percent(ended.filter((one) => one === outcome).length / runs);
      return [load, how, leak, share('pass'), share('inconclusive'), share('fail')];
    }),
  ),
);
console.log(`${HOURS} h, a sample each ${INTERVAL_S} s, ${runs} runs a row, seed ${options.seed}\n`);
console.log(table(['load', 'memory follows', 'leak, of what matters', 'pass', 'open', 'fail'], rows));
