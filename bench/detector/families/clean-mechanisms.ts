/** Further mechanisms of programs, runtimes and kernels that grow for a while, or seem to, and leak nothing. */
import type { Random } from '../random.ts';
import {
  cycle,
  events,
  highWater,
  lagged,
  MB,
  MINUTE,
  ou,
  pink,
  population,
  ramp,
  sawtooth,
  SECOND,
  settling,
  shared,
  type Signal,
  since,
  stairs,
  sum,
  times,
  white,
} from '../signals.ts';
import { type Family, hoursOf, type Sketch, unclear } from './family.ts';

const level = (r: Random): number => r.log(80, 2000) * MB;

function memory(r: Random, rest: Signal, more: Partial<Sketch> = {}): Sketch {
  return { hours: hoursOf(r), level: level(r), rest, ...more };
}

const UNSEEN = 'it never came down while it was watched';

/** Load between 0 and 1 by day, little by night, with the ramps of people coming and going. */
export function workingHours(r: Random, start: number): Signal {
  const own = r.fork();
  const [opens, closes, night] = [own.between(7, 9), own.between(16, 19), own.between(0.05, 0.2)];
  const noise = ou(own, 0.05, 10 * MINUTE);
  return shared((t) => {
    const clock = (start + t) % 24;
    const open = Math.min(1, Math.max(0, clock - opens)) * Math.min(1, Math.max(0, closes - clock));
    return Math.max(0.01, (night + (1 - night) * open) * (1 + noise(t)));
  });
}

/** Distinct keys among n drawn from a Zipf law over `keys` keys; 200 groups of ranks stand for them. */
export function distinct(keys: number, exponent: number): (n: number) => number {
  const edges = Array.from({ length: 201 }, (_, i) => Math.round(keys ** (i / 200)));
  const groups = edges.slice(1).map((to, i) => ({ size: to - edges[i]! + (i === 0 ? 1 : 0), rank: Math.sqrt(to * edges[i]!) }));
  const total = groups.reduce((all, { size, rank }) => all + size * rank ** -exponent, 0);
  return (n) => groups.reduce((all, { size, rank }) => all + size * -Math.expm1((-n * rank ** -exponent) / total), 0);
}

export const CLEAN_MECHANISMS: readonly Family[] = [
  {
    id: 'high-water',
    name: 'resident set keeps every peak of a slow load',
    draw: (r) => {
      const size = level(r);
      const peaks = ou(r, size * r.log(0.01, 0.08), r.around(40 * MINUTE, 4));
      return { hours: hoursOf(r, 4), level: size, rest: ou(r, size * 0.0005, MINUTE), bounded: highWater(peaks) };
    },
  },
  {
    id: 'power-of-load',
    name: 'memory grows with a power of the load',
    draw: (r) => {
      const busy = shared(sum(() => 1, cycle(r.between(0.6, 1.4), r.log(3, 30), r.uniform()), ou(r, 0.06, 10 * MINUTE)));
      const power = r.between(1.6, 3);
      const rest = sum((t) => 40 * MB * Math.max(0.05, busy(t)) ** power, ou(r, MB, MINUTE));
      return memory(r, rest, { hours: hoursOf(r, 6), load: times(r.log(5, 500), busy) });
    },
  },
  {
    id: 'queue-length',
    name: 'a queue near saturation, longer than its load says',
    draw: (r) => {
      const mean = r.between(0.5, 0.6);
      const share = shared(sum(() => mean, cycle(r.between(0.3, 0.6), r.log(4, 24), r.uniform()), ou(r, 0.02, 5 * MINUTE)));
      const bounded = shared((t: number): number => Math.min(0.94, Math.max(0.05, share(t))));
      const each = r.around(4 * MB);
      const rest = sum(
        lagged((t) => (each * bounded(t)) / (1 - bounded(t)), r.around(5 * MINUTE)),
        ou(r, MB, MINUTE),
      );
      return memory(r, rest, { hours: hoursOf(r, 6), load: times(r.log(20, 500), bounded) });
    },
  },
  {
    id: 'huge-pages',
    name: 'sparse pages are promoted to huge ones, most of them soon',
    draw: (r) => {
      const [pages, tau] = [r.whole(15, 200), r.log(0.5, 6)];
      const at = Array.from({ length: pages }, () => tau * (r.chance(0.7) ? 0.3 : 1.5) * r.wait()).toSorted((a, b) => a - b);
      return memory(r, ou(r, r.log(0.1, 2) * MB, MINUTE), { hours: hoursOf(r, 6), bounded: stairs(at, () => 2.097_152 * MB) });
    },
  },
  {
    id: 'late-collector',
    name: 'old space grows in steps until a collection hours later',
    draw: (r) => {
      const [every, period, height] = [r.log(1, 10) * MINUTE, r.log(1.5, 5), r.log(15, 150) * MB];
      const own = r.fork();
      let start = -period * own.uniform();
      let [length, floor] = [period, 0];
      const rest: Signal = (t) => {
        for (; t >= start + length; floor = 0.04 * height * own.normal()) {
          start += length;
          length = period * own.between(0.7, 1.4);
        }
        return floor + (height / period) * every * Math.floor((t - start) / every);
      };
      const hours = hoursOf(r, 8);
      return memory(r, sum(rest, ou(r, height * 0.01, MINUTE)), { hours, ambiguous: unclear(hours < 2.5 * period, UNSEEN) });
    },
  },
  {
    id: 'heap-expands',
    name: 'a managed heap is committed in steps up to its maximum',
    draw: (r) => {
      const [from, most, share] = [r.log(60, 300) * MB, r.log(1.5, 4), r.between(0.06, 0.2)];
      const every = r.log(5, 60) * MINUTE;
      const at = events(24, () => every * r.wait());
      const bounded: Signal = (t) => Math.min(from * (most - 1), from * ((1 + share) ** at.filter((e) => e <= t).length - 1));
      return memory(r, ou(r, from * 0.002, MINUTE), { hours: hoursOf(r, 6), level: from, bounded, limit: from * most * 1.25 });
    },
  },
  {
    id: 'time-to-live',
    name: 'a cache whose entries expire',
    draw: (r) => {
      const [ttl, rate, each] = [r.log(0.25, 8), r.log(500, 20_000), r.log(2000, 20_000)];
      const noise = ou(r, Math.sqrt(rate * ttl) * each, ttl / 2);
      return memory(r, sum(noise, white(r, 0.2 * MB)), { hours: hoursOf(r, 4), bounded: ramp(rate * ttl * each, 0, ttl) });
    },
  },
  {
    id: 'compaction',
    name: 'segments pile up until they are merged, ever more rarely',
    draw: (r) => {
      const [first, factor, longest] = [r.log(15, 40) * MINUTE, r.between(1.15, 1.5), r.log(2, 4)];
      const merges: number[] = [];
      let period = first;
      for (let t = first; t < 24; t += period = Math.min(longest, period * factor)) merges.push(t);
      const rate = r.log(5, 40) * MB;
      const rest = since([0, ...merges], (t) => rate * t);
      const hours = hoursOf(r, 8);
      return memory(r, sum(rest, ou(r, 2 * MB, 3 * MINUTE)), {
        hours,
        ambiguous: unclear(merges.filter((at) => at < hours).length < 3, UNSEEN),
      });
    },
  },
  {
    id: 'doubling',
    name: 'tables double as a bounded set of keys arrives',
    draw: (r) => {
      const [keys, tau, each] = [r.log(2e4, 2e6), r.log(0.3, 5), r.log(60, 300)];
      const bounded: Signal = (t) => each * 2 ** Math.ceil(Math.log2(1000 + keys * -Math.expm1(-t / tau)));
      return memory(r, ou(r, r.log(0.2, 3) * MB, MINUTE), { hours: hoursOf(r, 8), bounded });
    },
  },
  {
    id: 'idle-timeout',
    name: 'a pool that jumps with bursts and shrinks when idle',
    draw: (r) => {
      const [size, keep, every] = [r.whole(5, 60), r.log(5, 40) * MINUTE, r.log(0.2, 2)];
      const hours = hoursOf(r);
      const sizes = events(hours, () => every * r.wait()).map((at) => ({ at, n: Math.ceil(size * r.uniform()) }));
      let [open, next] = [0, 0];
      let until = 0;
      const rest: Signal = (t) => {
        for (; next < sizes.length && sizes[next]!.at <= t; next++) {
          open = Math.max(open, sizes[next]!.n);
          until = sizes[next]!.at + keep;
        }
        for (; t > until && open > 0; until += keep / 4) open--;
        return open;
      };
      return { hours, unit: 'count', level: r.whole(3, 30), rest: sum(rest, population(r, r.log(0.5, 6), 20 * SECOND)), limit: 300 };
    },
  },
  {
    id: 'prefork',
    name: 'workers warm up and are replaced after some requests',
    draw: (r) => {
      const [life, height] = [r.log(20, 120) * MINUTE, r.log(5, 60) * MB];
      const tau = life / r.between(6, 20);
      const hours = hoursOf(r);
      const restarts = events(hours, () => life * r.between(0.8, 1.25));
      const rest = since([0, ...restarts], (t) => height * -Math.expm1(-t / tau));
      return memory(r, sum(rest, white(r, r.log(0.2, 2) * MB)), { hours, restarts });
    },
  },
  {
    id: 'zipf-cache',
    name: 'a table cache meets rare keys ever more rarely',
    draw: (r) => {
      const [keys, exponent] = [r.log(300, 30_000), r.between(0.7, 1.1)];
      const [perHour, each] = [keys * r.log(3, 30), (r.log(20, 150) * MB) / keys];
      const seen = distinct(keys, exponent);
      return memory(r, ou(r, r.log(0.2, 3) * MB, 2 * MINUTE), { hours: hoursOf(r, 8), bounded: (t) => each * seen(perHour * t) });
    },
  },
  {
    id: 'sessions',
    name: 'sessions live half an hour while the load ramps up',
    draw: (r) => {
      const hours = hoursOf(r, 4);
      const [from, to, ttl] = [hours * r.between(0, 0.2), hours * r.between(0.4, 1), r.log(15, 60) * MINUTE];
      const busy = shared(sum(() => 1, ramp(r.log(0.5, 4), from, to), ou(r, 0.04, 5 * MINUTE)));
      return memory(r, sum(times(r.log(10, 60) * MB, lagged(busy, ttl)), white(r, MB)), { hours, load: times(r.log(5, 300), busy) });
    },
  },
  {
    id: 'working-hours',
    name: 'working hours, load known',
    draw: (r) => {
      const busy = workingHours(r, r.between(0, 24));
      return memory(r, sum(times(r.log(15, 120) * MB, lagged(busy, r.log(2, 40) * MINUTE)), ou(r, MB, 2 * MINUTE)), {
        hours: hoursOf(r, 10),
        load: times(r.log(5, 300), busy),
      });
    },
  },
  {
    id: 'working-hours-blind',
    name: 'working hours, load not known',
    draw: (r) => {
      const busy = workingHours(r, r.between(0, 24));
      return memory(r, sum(times(r.log(15, 120) * MB, lagged(busy, r.log(2, 40) * MINUTE)), ou(r, MB, 2 * MINUTE)), {
        hours: r.log(37, 60),
      });
    },
  },
  {
    id: 'noisy-neighbour',
    name: 'a neighbour forces pages out every hour or so',
    draw: (r) => {
      const every = r.log(30, 150) * MINUTE;
      const squeezes = events(24, () => every * r.between(0.85, 1.15));
      const [depth, back] = [r.log(10, 80) * MB, r.log(3, 20) * MINUTE];
      return memory(
        r,
        sum(
          since(squeezes, (t) => -depth * Math.exp(-t / back)),
          ou(r, r.log(0.5, 4) * MB, 5 * MINUTE),
        ),
      );
    },
  },
  {
    id: 'trim-threshold',
    name: 'the heap top stays until enough of it is free',
    draw: (r) => {
      const need = ou(r, r.log(6, 30) * MB, r.log(5, 40) * MINUTE);
      const threshold = r.log(15, 60) * MB;
      let top = -Infinity;
      const rest: Signal = (t) => {
        const now = need(t);
        return (top = now > top || top - now > threshold ? now : top);
      };
      return memory(r, rest);
    },
  },
  {
    id: 'decay',
    name: 'two-stage decay of freed pages under bursts',
    draw: (r) => {
      const hours = hoursOf(r);
      const every = r.log(5, 60) * MINUTE;
      const bursts = events(hours, () => every * r.wait()).map((at) => ({ at, height: r.log(4, 40) * MB }));
      const [fast, slow] = [r.log(5, 20) * SECOND, r.log(5, 40) * MINUTE];
      const rest: Signal = (t) =>
        bursts.reduce(
          (all, { at, height }) =>
            all + (t < at || t > at + 8 * slow ? 0 : height * (0.6 * Math.exp((at - t) / fast) + 0.4 * Math.exp((at - t) / slow))),
          0,
        );
      return memory(r, sum(rest, white(r, 0.5 * MB)), { hours });
    },
  },
  {
    id: 'swapped-out',
    name: 'cold pages leave the resident set and come back',
    draw: (r) => {
      const [height, every, tau] = [r.log(20, 120) * MB, r.log(3, 8), r.log(0.5, 3)];
      const touched = events(24, () => every * r.between(0.6, 1.5));
      return memory(
        r,
        sum(
          since([0, ...touched], (t) => height * Math.exp(-t / tau)),
          ou(r, MB, 3 * MINUTE),
        ),
        { hours: hoursOf(r, 8) },
      );
    },
  },
  {
    id: 'deploys',
    name: 'every version has a size of its own',
    draw: (r) => {
      const hours = hoursOf(r, 8);
      const every = r.log(1, 5);
      const restarts = events(hours, () => every * r.between(0.5, 1.5));
      const sizes = [0, ...restarts].map(() => r.log(5, 40) * MB * r.normal());
      const rest = since([0, ...restarts], (t, i) => sizes[i]! + 30 * MB * -Math.expm1(-t / (5 * MINUTE)));
      return memory(r, sum(rest, ou(r, MB, 2 * MINUTE)), { hours, restarts });
    },
  },
  {
    id: 'pool-maximum',
    name: 'a pool grows to its maximum in the middle of the run',
    draw: (r) => {
      const hours = hoursOf(r, 4);
      const [most, full] = [r.whole(10, 100), hours * r.between(0.15, 0.7)];
      const bounded: Signal = (t) => Math.floor(most * Math.min(1, t / full));
      return { hours, unit: 'count', level: r.whole(2, 20), rest: population(r, r.log(0.3, 3), 10 * SECOND), bounded };
    },
  },
  {
    id: 'tenants',
    name: 'each tenant is loaded when it is first seen',
    draw: (r) => {
      const [tenants, hours] = [r.whole(8, 60), hoursOf(r, 8)];
      const mean = r.log(0.3, 2);
      const at = Array.from({ length: tenants }, () => mean * r.wait() * r.log(0.3, 2.5)).toSorted((a, b) => a - b);
      return memory(r, ou(r, r.log(0.2, 2) * MB, 3 * MINUTE), { hours, bounded: stairs(at, () => r.log(1, 8) * MB) });
    },
  },
  {
    id: 'one-after-another',
    name: 'caches fill one after the other',
    draw: (r) => {
      const hours = hoursOf(r, 8);
      const fills = Array.from({ length: r.whole(2, 4) }, (_, i) =>
        settling(r.log(15, 60) * MB, r.log(0.02, 0.06) * hours, 0.14 * i * hours),
      );
      return memory(r, white(r, r.log(0.5, 4) * MB), { hours, bounded: sum(...fills) });
    },
  },
  {
    id: 'collector-tunes',
    name: 'the collector lets garbage pile up higher with time',
    draw: (r) => {
      const [height, period, tau, factor] = [r.log(15, 60) * MB, r.log(1, 12) * MINUTE, r.log(0.4, 3), r.between(0.5, 2)];
      const saw = sawtooth(r, 1, period);
      const size = (t: number): number => height * (1 + factor * -Math.expm1(-t / tau));
      return memory(
        r,
        sum((t) => size(t) * (saw(t) - 0.5), white(r, MB)),
        { hours: hoursOf(r, 6), bounded: (t) => size(t) / 2 },
      );
    },
  },
  {
    id: 'batch-at-the-end',
    name: 'hourly jobs, the run ends during one',
    draw: (r) => {
      const [every, lasts, hours] = [r.log(0.5, 2), r.log(5, 20) * MINUTE, Math.ceil(hoursOf(r, 6))];
      const end = hours - lasts * r.between(0.1, 0.9);
      const jobs = events(hours, () => every, (end % every) - every);
      const own = r.fork();
      const sizes = jobs.map(() => own.log(10, 60) * MB);
      return memory(
        r,
        sum(
          since(jobs, (t, i) => (t < lasts ? sizes[i]! * Math.min(1, t / (0.3 * lasts)) : 0)),
          white(r, MB),
        ),
        { hours },
      );
    },
  },
  {
    id: 'backlog',
    name: 'a consumer is away for an hour, its backlog drains',
    draw: (r) => {
      const hours = hoursOf(r, 6);
      const [from, away, rate, drain] = [hours * r.between(0.15, 0.6), r.log(0.3, 1.2), r.log(20, 120) * MB, r.between(1.5, 4)];
      const rest: Signal = (t) => Math.max(0, Math.min(rate * (t - from), rate * away - drain * rate * (t - from - away)));
      return memory(r, sum(rest, ou(r, MB, 3 * MINUTE)), { hours });
    },
  },
  {
    id: 'heavy-noise',
    name: 'noise with heavy tails',
    draw: (r) =>
      memory(
        r,
        ou(r, r.log(1, 8) * MB, r.log(2, 30) * MINUTE, (own) => own.heavy()),
      ),
  },
  {
    id: 'long-memory',
    name: 'noise that is slower the longer one looks',
    draw: (r) => memory(r, pink(r, r.log(1, 8) * MB, r.log(1, 5)), { hours: 24 }),
  },
  {
    id: 'drained-by-idle',
    name: 'work in bursts of hours, buffers kept until it is quiet',
    draw: (r) => {
      const hours = hoursOf(r, 8);
      const [on, off] = [r.log(0.3, 1.5), r.log(0.3, 1.5)];
      const starts = events(hours, () => (on + off) * r.between(0.7, 1.4));
      const busy = shared(since(starts, (t) => (t < on ? 1 : 0.02)));
      const [size, wander] = [r.log(10, 80) * MB, ou(r, 0.2, 10 * MINUTE)];
      const rest = lagged((t) => size * busy(t) * (1 + wander(t)), r.log(3, 15) * MINUTE);
      return memory(r, sum(rest, white(r, 0.5 * MB)), { hours, load: times(r.log(10, 200), busy) });
    },
  },
];
