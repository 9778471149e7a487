/** Memory that follows a load in one way or another, drawn by a seed, and how a run of it ends (decision 48). */
import type { Outcome } from '../../src/analysis/judgement.ts';
import { MATTERS } from '../../src/catalog.ts';
import { M } from '../../test/sim/metrics.ts';
import { HOUR, Simulation, type Simulated } from '../../test/sim/run.ts';
import { Random } from './random.ts';
import { cycle, integral, lagged, MB, MINUTE, ou, SECOND, shared, type Signal, sum, times, white } from './signals.ts';

export const HOURS = 8;
export const INTERVAL_S = 10;
const BASE = 300 * MB;
const REQUESTS_PER_S = 100;
/** Of the load, from sample to sample. */
const FLICKER = 0.04;

/** Load over its usual. */
export const LOADS: Readonly<Record<string, (r: Random) => Signal>> = {
  'a ramp': (r) => rising(r.between(2, 6), (share) => share),
  stages: (r) => {
    const count = 2 * r.whole(2, 4);
    return rising(r.between(2, 6), (share) => Math.floor(share * count) / (count - 1));
  },
  'a wave': (r) => sum(() => 1, cycle(2 * r.between(0.2, 0.8), r.between(6, 24), r.uniform())),
};

/** What is held over what is held at the usual load. */
export const WAYS: Readonly<Record<string, (r: Random, load: Signal) => Signal>> = {
  'one lag': (r, load) => lagged(load, r.between(10, 300) * SECOND),
  'half of it hours later': (r, load) => mixed(0.5, lagged(load, r.between(10, 100) * SECOND), lagged(load, r.between(0.5, 2))),
  'less and less': (r, load) => {
    const late = lagged(load, r.between(10, 300) * SECOND);
    return (t) => Math.sqrt(Math.max(0, late(t)));
  },
  'more at first': (r, load) => mixed(1.5, lagged(load, r.between(10, 100) * SECOND), lagged(load, r.between(0.25, 1))),
};

function rising(top: number, share: (of: number) => number): Signal {
  return (t) => 1 + (top - 1) * share(Math.min(t / HOURS, 1 - 1e-9));
}

function mixed(share: number, one: Signal, other: Signal): Signal {
  return sum(times(share, one), times(1 - share, other));
}

/** @param leak times the growth that matters */
export function outcomeOf(seed: string, load: string, how: string, run: number, leak: number): Outcome {
  const r = new Random(`${seed}/${load}/${how}/${run}`);
  const [loadOf, way] = [LOADS[load]!, WAYS[how]!];
  const [course, flicker] = [loadOf(r.fork()), white(r.fork(), FLICKER)];
  const asked = shared((t) => Math.max(0.05, course(t) * (1 + flicker(t))));
  const held = r.between(0.1, 0.5) * BASE;
  const noise = ou(r.fork(), r.log(0.001, 0.01) * BASE, r.log(0.25, 3) * MINUTE);
  // Of the level at the end, which is what the floor is of.
  const level = BASE + held * course(HOURS);
  const perHour = (leak * MATTERS.memory.share * level) / (1 - leak * MATTERS.memory.share * HOURS);
  const follows = way(r.fork(), asked);
  const work = integral(asked);
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
