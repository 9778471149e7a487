/** Families of which it is known what their level follows, and others that look like them. The load goes up and down in all but two. */
import { parseRule } from '../../../src/analysis/ruleparser.ts';
import type { Verdict } from '../../../src/analysis/verdict.ts';
import { CATALOG } from '../../../src/metrics.ts';
import { METRICS as CGROUP } from '../../../src/sources/cgroup-metrics.ts';
import { M } from '../metrics.ts';
import { HOUR, MB, type Scenario, type Simulated, Simulation } from '../run.ts';
import { constant, line, ou, type Signal, sum, uniform, white } from '../series.ts';

export interface Classed {
  readonly name: string;
  /** The series that it is about. */
  readonly of: string;
  /** Null: none of those that are told from data. */
  readonly class: string | null;
  readonly make: (seed: number) => Scenario;
}

/** Those that are told from data: what the level follows, or of what it consists. */
export const TOLD = ['per-request', 'load-driven', 'arena ratchet', 'page cache'];

const HOURS = 12;

const drawn = (seed: number, typical: number, factor = 1.4): number => typical * factor ** (2 * uniform(seed * 7919 + 31)() - 1);

/** Waves of some hours, with steps between levels, and some scatter. */
export function waves(seed: number): Signal {
  const period = drawn(seed, 2.5 * HOUR);
  const noise = ou(seed + 2, 300, 0.05);
  return (t) => 50 * Math.max(0.1, 1 + 0.6 * Math.sin((2 * Math.PI * t) / period + seed) + noise(t));
}

/** Bursts of a quarter of an hour of chance heights, more than one an hour, over a quiet load: now and then one is the highest so far. */
export function bursts(seed: number): Signal {
  const height = uniform(seed + 5);
  let [from, to, rate] = [0, 0, 0];
  return (t) => {
    if (t >= to) {
      from = t + 1200 * (0.5 + height());
      to = from + 900;
      rate = 150 * height() * (0.3 + (0.7 * t) / (HOURS * HOUR));
    }
    return 20 + (t >= from ? rate : 0);
  };
}

function ramp(): Signal {
  return (t) => 20 + (60 * t) / (HOURS * HOUR);
}

/** What a load makes of itself: requests so far, the highest rate, and a size that follows it with a lag. */
class Loaded {
  total = 0;
  highest = 0;
  lagged = NaN;
  readonly #rate: Signal;
  #last = 0;
  #now = NaN;

  constructor(rate: Signal) {
    this.#rate = rate;
  }

  at(t: number): this {
    if (t === this.#last && !Number.isNaN(this.#now)) return this;
    this.#now = this.#rate(t);
    this.total += this.#now * (t - this.#last);
    this.highest = Math.max(this.highest, this.#now);
    this.lagged = Number.isNaN(this.lagged) ? this.#now : this.lagged + (this.#now - this.lagged) * (1 - Math.exp(-(t - this.#last) / 120));
    this.#last = t;
    return this;
  }
}

export function scenario(rate: (seed: number) => Signal, memoryOf: (load: Loaded, seed: number) => Signal): (seed: number) => Scenario {
  return (seed) => {
    const load = new Loaded(rate(seed));
    const memory: Simulated = { def: M.memory, signal: sum(constant(300 * MB), memoryOf(load, seed), white(seed + 9, MB)) };
    const requests: Simulated = { def: M.requests, source: 'traffic', signal: (t) => Math.round(load.at(t).total), period: 10 };
    return { hours: HOURS, interval: 10, series: [requests, memory] };
  };
}

const memory = (name: string, of: string | null, make: (seed: number) => Scenario): Classed => ({
  name,
  of: 'api memory.private',
  class: of,
  make,
});

const perRequest = (load: Loaded, seed: number): Signal => {
  const bytes = drawn(seed, 60);
  return (t) => bytes * load.at(t).total;
};

/** Usage that a rule bounds, by its kinds. */
function pages(fileMb: number, anonMb: number, slabMb = 0): (seed: number) => Scenario {
  const kind = (name: 'file' | 'anon', signal: Signal): Simulated => ({
    def: CGROUP.memoryByKind,
    source: 'cgroup',
    labels: { 'soak.memory.kind': name },
    signal,
    period: 10,
  });
  return (seed) => {
    const file = sum(constant(50 * MB), line(fileMb * MB), white(seed, MB));
    const anon = sum(constant(200 * MB), line(anonMb * MB), white(seed + 1, MB));
    const [files, anons] = [remembered(file), remembered(anon)];
    const usage = { def: CGROUP.memoryUsage, source: 'cgroup', signal: sum(files, anons, line(slabMb * MB)), period: 10 };
    return { hours: 4, interval: 10, series: [usage, kind('file', files), kind('anon', anons)] };
  };
}

/** The same value for the same time: two series of one thing. */
function remembered(signal: Signal): Signal {
  let [at, value] = [NaN, NaN];
  return (t) => {
    if (t !== at) [at, value] = [t, signal(t)];
    return value;
  };
}

const usage = 'api container.memory.usage';

export const CLASSED: readonly Classed[] = [
  memory('a leak per request', 'per-request', scenario(waves, perRequest)),
  memory(
    'size that follows the load',
    'load-driven',
    scenario(waves, (load, seed) => {
      const bytes = drawn(seed, 0.4 * MB);
      return (t) => bytes * load.at(t).lagged;
    }),
  ),
  memory(
    'an allocator that keeps its peaks',
    'arena ratchet',
    scenario(bursts, (load, seed) => {
      const bytes = drawn(seed, 0.8 * MB);
      return (t) => bytes * load.at(t).highest;
    }),
  ),
  { name: 'pages of files', of: usage, class: 'page cache', make: pages(60, 0) },
  { name: 'usage that grows by anonymous memory', of: usage, class: null, make: pages(5, 60) },
  { name: 'usage that grows by neither', of: usage, class: null, make: pages(0, 0, 60) },
  { name: 'usage that grows by next to nothing', of: usage, class: null, make: pages(2, 0) },
  { name: 'usage that does not grow', of: usage, class: null, make: pages(0, 0) },
  memory(
    'a leak by time, under a load that waves',
    null,
    scenario(waves, () => line(4 * MB)),
  ),
  memory('a leak per request under a ramp, which is acceleration as well', null, scenario(ramp, perRequest)),
  memory(
    'a size that came and went once, as the load did',
    null,
    scenario(
      () => (t) => (t > 5 * HOUR && t < 8 * HOUR ? 80 : 30),
      (load, seed) => {
        const bytes = drawn(seed, 0.4 * MB);
        return (t) => bytes * load.at(t).lagged;
      },
    ),
  ),
  memory(
    'slow noise beside a load that waves',
    null,
    scenario(waves, (_, seed) => ou(seed + 3, HOUR, 15 * MB)),
  ),
  memory(
    'a cache that fills beside bursts',
    null,
    scenario(bursts, (_, seed) => {
      const tau = drawn(seed, 3 * HOUR);
      return (t) => 120 * MB * (1 - Math.exp(-t / tau));
    }),
  ),
  memory(
    'steps by time beside bursts',
    null,
    scenario(bursts, (_, seed) => (t) => 20 * MB * Math.floor(t / drawn(seed, 2 * HOUR))),
  ),
];

/** Bounds without which usage would not be in the verdict. */
const rules = [parseRule('container.memory.usage < 100GB', (name) => CATALOG.find(name))];

export function verdictOf({ make }: Classed, seed: number): Verdict {
  return new Simulation({ ...make(seed), options: { rules } }).run().verdict();
}

export function classOf(one: Classed, seed: number): string | null {
  return verdictOf(one, seed).series.find(({ id }) => id === one.of)!.class;
}
