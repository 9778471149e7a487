/**
 * Families of runs, clean and leaky, each drawn anew with a seed. Parameters are drawn log-uniformly around those of the research page;
 * the outcomes allowed are what the contracts say, not what the detector happens to do.
 */
import type { Outcome } from '../../../src/analysis/judgement.ts';
import { M } from '../metrics.ts';
import { HOUR, MB, type Scenario, type Simulated } from '../run.ts';
import {
  ar1,
  constant,
  filling,
  line,
  ou,
  poisson,
  rounded,
  sawtooth,
  settling,
  type Signal,
  step,
  sum,
  uniform,
  white,
} from '../series.ts';

export interface Family {
  readonly name: string;
  readonly leaky: boolean;
  /** Outcomes that are right at the end of the run. */
  readonly allowed: readonly Outcome[];
  readonly make: (seed: number) => Scenario;
}

/** CPU time of a target that is busy with 5 % of a core. */
export const BUSY: Simulated = { def: M.cpu, signal: line(0.05 * HOUR) };

type Draw = (typical: number, factor?: number) => number;

/** Log-uniform draws between typical / factor and typical x factor. */
function drawing(seed: number): Draw {
  const next = uniform(seed * 7919 + 17);
  return (typical, factor = 1.6) => typical * factor ** (2 * next() - 1);
}

function memory(hours: number, make: (seed: number, draw: Draw) => Signal, more: Partial<Scenario> = {}): (seed: number) => Scenario {
  return (seed) => {
    const draw = drawing(seed);
    const signal = rounded(sum(constant(draw(300 * MB)), make(seed, draw)), 4096);
    return { hours, interval: 10, ...more, series: [{ def: M.memory, signal }, BUSY, ...(more.series ?? [])] };
  };
}

function clean(name: string, make: (seed: number) => Scenario, allowed: readonly Outcome[] = ['pass', 'inconclusive']): Family {
  return { name, leaky: false, allowed, make };
}

function leaky(name: string, make: (seed: number) => Scenario, allowed: readonly Outcome[] = ['fail']): Family {
  return { name, leaky: true, allowed, make };
}

export const CLEAN: readonly Family[] = [
  clean(
    'white',
    memory(24, (seed, draw) => white(seed, draw(2 * MB))),
    ['pass'],
  ),
  clean(
    'ar1',
    memory(24, (seed, draw) => ar1(seed, 0.95, draw(3 * MB))),
  ),
  clean(
    'ou-10min',
    memory(24, (seed, draw) => ou(seed, draw(600), draw(3 * MB))),
  ),
  clean(
    'ou-2h',
    memory(24, (seed, draw) => ou(seed, draw(2 * HOUR), draw(5 * MB))),
  ),
  clean(
    'ou-6h',
    memory(24, (seed, draw) => ou(seed, draw(6 * HOUR), draw(8 * MB))),
  ),
  clean(
    'sawtooth-4min',
    memory(24, (seed, draw) => sum(sawtooth(seed, draw(60 * MB), draw(240)), white(seed, MB))),
  ),
  clean(
    'sawtooth-25min',
    memory(24, (seed, draw) => sum(sawtooth(seed, draw(100 * MB), draw(1500), 0.2), white(seed, MB))),
  ),
  clean(
    'sawtooth-3h',
    memory(24, (seed, draw) => sum(sawtooth(seed, draw(80 * MB), draw(3 * HOUR), 0.1), white(seed, MB))),
  ),
  clean(
    'warm-up',
    memory(24, (seed, draw) => sum(settling(draw(150 * MB), draw(1200)), white(seed, draw(2 * MB)))),
    ['pass'],
  ),
  clean(
    'warm-up-in-steps',
    memory(24, (seed, draw) => sum(...Array.from({ length: 6 }, () => step(draw(20 * MB), draw(HOUR, 2.5))), white(seed, draw(0.5 * MB)))),
  ),
  clean(
    'warm-up-of-two-kinds',
    memory(24, (seed, draw) => sum(settling(draw(200 * MB), 300), settling(draw(80 * MB), draw(HOUR)), white(seed, draw(0.3 * MB)))),
  ),
  clean(
    'cache-2h',
    memory(24, (seed, draw) => sum(settling(draw(100 * MB), draw(2 * HOUR, 1.3)), white(seed, draw(2 * MB)))),
  ),
  clean(
    'cache-5h',
    memory(24, (seed, draw) => sum(settling(draw(100 * MB), draw(5 * HOUR, 1.2)), white(seed, draw(2 * MB)))),
  ),
  clean(
    'cache-linear',
    memory(24, (seed, draw) => sum(filling(draw(60 * MB), draw(6 * HOUR, 1.3)), white(seed, draw(2 * MB)))),
  ),
  clean(
    'step',
    memory(24, (seed, draw) => sum(step(draw(40 * MB), draw(6 * HOUR, 2)), white(seed, draw(2 * MB)))),
  ),
  clean('restart', (seed) => {
    const draw = drawing(seed);
    const at = Math.round(draw(10 * HOUR, 1.3) / 10) * 10;
    const [height, tau] = [draw(150 * MB), draw(1200)];
    const life = settling(height, tau);
    const noise = white(seed, 2 * MB);
    const signal: Signal = (t) => 100 * MB + life(t < at ? t : t - at) + noise(t);
    return {
      hours: 24,
      interval: 10,
      series: [{ def: M.memory, signal }, BUSY],
      events: [{ t: at, kind: 'restart', target: 'api', data: {} }],
    };
  }),
  clean(
    'gaps',
    memory(24, (seed, draw) => ou(seed, 600, draw(3 * MB)), { down: lost(0.2) }),
  ),
  clean(
    'falling',
    memory(24, (seed, draw) => sum(line(draw(-2 * MB)), white(seed, 2 * MB))),
    ['pass'],
  ),
  clean('fds-poisson', (seed) => {
    const draw = drawing(seed);
    const traffic = ou(seed, 120, 4);
    return {
      hours: 24,
      interval: 10,
      series: [{ def: M.fds, signal: rounded(sum(constant(draw(60)), traffic)) }, { def: M.fdLimit, signal: constant(1024) }, BUSY],
    };
  }),
];

/** Some ticks are lost, in short runs, by a fixed pattern of the time. */
function lost(share: number): (t: number) => boolean {
  return (t) => t > 0 && Math.imul(Math.floor(t / 40) + 1, 0x9e3779b1) >>> 0 < share * 4_294_967_296;
}

export const LEAKY: readonly Family[] = [
  leaky(
    'line-white',
    memory(24, (seed, draw) => sum(line(draw(3 * MB)), white(seed, draw(2 * MB)))),
  ),
  leaky(
    'line-ou',
    memory(24, (seed, draw) => sum(line(draw(4 * MB)), ou(seed, 600, draw(3 * MB)))),
    ['fail', 'inconclusive'],
  ),
  leaky(
    'line-sawtooth',
    memory(24, (seed, draw) => sum(line(draw(4 * MB)), sawtooth(seed, draw(60 * MB), 240), white(seed, MB))),
  ),
  leaky(
    'line-after-warm-up',
    memory(24, (seed, draw) => sum(settling(draw(150 * MB), 1200), line(draw(4 * MB)), white(seed, 2 * MB))),
  ),
  leaky(
    'line-after-warm-up-in-steps',
    memory(24, (seed, draw) =>
      sum(...Array.from({ length: 6 }, () => step(draw(20 * MB), draw(HOUR, 2.5))), line(draw(3 * MB)), white(seed, draw(0.5 * MB))),
    ),
  ),
  leaky(
    'starts-at-8h',
    memory(24, (seed, draw) => sum(line(draw(6 * MB), 8 * HOUR), white(seed, 2 * MB))),
  ),
  leaky(
    'stairs',
    memory(24, (seed, draw) => sum(rounded(line(draw(4 * MB)), 4 * MB), white(seed, MB))),
  ),
  leaky(
    'gaps',
    memory(24, (seed, draw) => sum(line(draw(4 * MB)), white(seed, 2 * MB)), { down: lost(0.05) }),
  ),
  leaky('restart', (seed) => {
    const draw = drawing(seed);
    const at = 10 * HOUR;
    const grows = line(draw(5 * MB));
    const noise = white(seed, 2 * MB);
    const signal: Signal = (t) => 200 * MB + grows(t < at ? t : t - at) + noise(t);
    return {
      hours: 24,
      interval: 10,
      series: [{ def: M.memory, signal }, BUSY],
      events: [{ t: at, kind: 'restart', target: 'api', data: {} }],
    };
  }),
  leaky('fds-to-limit', (seed) => {
    const draw = drawing(seed);
    const signal = rounded(sum(constant(60), line(draw(8)), ou(seed, 120, 3)));
    return { hours: 24, interval: 10, series: [{ def: M.fds, signal }, { def: M.fdLimit, signal: constant(1024) }, BUSY] };
  }),
  leaky('fds-one-by-one', (seed) => {
    const draw = drawing(seed);
    const arrivals = poisson(seed, draw(12));
    return {
      hours: 24,
      interval: 10,
      series: [{ def: M.fds, signal: sum(constant(40), arrivals) }, { def: M.fdLimit, signal: constant(1024) }, BUSY],
    };
  }),
];
