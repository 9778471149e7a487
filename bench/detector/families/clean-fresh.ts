/** Mechanisms written without knowledge of the detector, after it was finished: nothing was tuned to them. These leak nothing. */
import type { Random } from '../random.ts';
import {
  cycle,
  events,
  lagged,
  MB,
  MINUTE,
  ou,
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
} from '../signals.ts';
import { type Family, hoursOf } from './family.ts';

export const level = (r: Random): number => r.log(40, 6000) * MB;

/** Adds up what comes and goes at known times. */
function changes(list: readonly (readonly [at: number, by: number])[]): Signal {
  const sorted = list.toSorted((a, b) => a[0] - b[0]);
  return stairs(
    sorted.map(([at]) => at),
    (i) => sorted[i]![1],
  );
}

/** The signal as it is when it has gone on for some hours already. */
function aged(signal: Signal, hours: number): Signal {
  for (let i = 0; i < 500; i++) signal((hours * i) / 500);
  return (t) => signal(hours + t);
}

/** Small noise that everything has. */
export const faint = (r: Random, size: number): Signal => ou(r, size * r.log(0.0003, 0.003), r.log(0.2, 5) * MINUTE);

interface Parts {
  readonly fill: Signal;
  readonly rest: Signal;
}

/** Entries with the same time to live, read at about the same time: they go together and come back one by one, in waves that spread. */
export function expiryWaves(r: Random, hours: number, total: number, ttl: number): Parts {
  const [jitter, away, warm] = [r.log(0.005, 0.1), ttl * r.log(0.02, 0.4), ttl * r.log(0.01, 0.3)];
  const each = total / 150;
  const first: number[] = [];
  const later: [number, number][] = [];
  for (let key = 0; key < 150; key++) {
    let t = warm * r.uniform();
    first.push(t);
    for (;;) {
      t += ttl * Math.max(0.1, 1 + jitter * r.normal());
      if (t > hours) break;
      later.push([t, -each]);
      later.push([(t += away * r.wait()), each]);
    }
  }
  return { fill: changes(first.map((at) => [at, each] as const)), rest: changes(later) };
}

/** What is resident: as much as is needed at once, given back slowly. */
export function scavenged(need: Signal, gives: number): Signal {
  let [value, last] = [-Infinity, 0];
  const resident: Signal = (t) => {
    const now = need(t);
    value = value === -Infinity ? now : Math.max(now, now + (value - now) * Math.exp((last - t) / gives));
    last = t;
    return value;
  };
  return aged(resident, 5 * gives);
}

/** Workers started together, each growing until it has served its share of requests; there is nothing to see but their sum. */
export function fleet(r: Random, hours: number, total: number, life: number): Parts {
  const [workers, scatter] = [r.whole(4, 40), r.log(0.03, 0.25)];
  const each = total / workers;
  const sizes = Array.from({ length: workers }, () => {
    const own = r.fork();
    const ends = events(hours, () => life * Math.max(0.2, 1 + scatter * own.normal()));
    return since([0, ...ends], (t) => (each * t) / life);
  });
  const all = sum(...sizes);
  const fill = ramp(total / 2, 0, life);
  return { fill, rest: (t) => all(t) - ramp(total / 2, 0, life)(t) };
}

/** Replicas that follow the load at once upwards, and downwards only when it has been lower for a while. */
export function scaled(load: Signal, perUnit: number, window: number): Signal {
  let asked: { readonly at: number; readonly n: number }[] = [];
  return (t) => {
    const n = Math.max(1, Math.ceil(perUnit * load(t)));
    asked = asked.filter((past) => past.at > t - window && past.n > n);
    asked.push({ at: t, n });
    return asked[0]!.n;
  };
}

/** Load around 1 that goes up and down at least once and a half. */
export function wavy(r: Random, hours: number, wander = 0.05): Signal {
  const swing = cycle(r.between(0.5, 1.3), Math.min(hours / 1.5, r.log(2, 24)), r.uniform());
  const noise = ou(r, wander, r.log(2, 20) * MINUTE);
  return shared((t) => Math.max(0.05, 1 + swing(t) + noise(t)));
}

/** Rare moments in which far more is in flight than ever otherwise. */
export function excursions(r: Random, hours: number, mean: number): Signal {
  const [every, back] = [r.log(0.5, 5), r.log(1, 20) * MINUTE];
  const own = r.fork();
  const at = events(hours, () => every * own.wait());
  const heights = at.map(() => mean * own.log(2, 40));
  return since(at, (t, i) => Math.round(heights[i]! * Math.exp(-t / back)));
}

/** What was abandoned until the reaper comes round, at each of its rounds; `left`: of so many found at each, how many stay. */
export function reaped(r: Random, hours: number, perHour: number, period: number): { pending: Signal; rounds: number[]; found: number[] } {
  const own = r.fork();
  const at = events(hours, () => own.wait() / perHour);
  const rounds = events(hours, () => period, -period * own.uniform());
  const found = rounds.map((round, i) => at.filter((t) => t <= round && t > (rounds[i - 1] ?? -1)).length);
  return { pending: changes([...at.map((t) => [t, 1] as const), ...rounds.map((t, i) => [t, -found[i]!] as const)]), rounds, found };
}

/** Things that are there for a time and away for a time, independently; `gone`: when each of them went, and its size. */
export function comeAndGo(r: Random, hours: number, total: number, stay: number, away: number) {
  const sizes = Array.from({ length: r.whole(5, 25) }, () => r.log(1, 20));
  const unit = total / sizes.reduce((a, b) => a + b);
  const list: [number, number][] = [];
  const gone: { readonly at: number; readonly size: number }[] = [];
  let variance = 0;
  const there = stay / (stay + away);
  for (const share of sizes) {
    const size = unit * share;
    variance += size ** 2 * there * (1 - there);
    let here = r.chance(there);
    if (here) list.push([0, size]);
    for (let t = (here ? stay : away) * r.wait(); t < hours; t += (here ? stay : away) * r.wait()) {
      list.push([t, here ? -size : size]);
      if (here) gone.push({ at: t, size });
      here = !here;
    }
  }
  return { loaded: changes(list), gone: gone.toSorted((a, b) => a.at - b.at), sd: Math.sqrt(variance), tau: (stay * away) / (stay + away) };
}

/** Segments are written one after the other, and the oldest goes when there are enough of them. */
export function retained(total: number, count: number, period: number): Parts {
  const full = count * period;
  return { fill: ramp(total, 0, full), rest: (t) => (t < full ? 0 : (total / count) * ((t / period) % 1)) };
}

/** Pages written to while a snapshot is taken are copied, more of them the busier it is. */
export function snapshots(r: Random, hours: number, height: number, every: number): Signal {
  const own = r.fork();
  const lasts = every * own.between(0.08, 0.4);
  const starts = events(hours, () => every * own.between(0.95, 1.05), -every * own.uniform());
  const busy = wavy(r, hours);
  const copied = since(starts, (t) => (t < lasts ? -Math.expm1((-2 * t) / lasts) : 0));
  return (t) => height * busy(t) * copied(t);
}

/** Connections that live from seconds to hours, counted since all of them were lost in a deploy. */
export function longLived(r: Random, hours: number, mean: number, longest: number): Parts {
  const [own, shortest] = [r.fork(), MINUTE];
  const spread = Math.log(longest / shortest);
  const perHour = (mean * spread) / (longest - shortest);
  const at = events(hours, () => own.wait() / perHour);
  const open = changes(at.flatMap((t) => [[t, 1] as const, [t + own.log(shortest, longest), -1] as const]));
  const fill: Signal = (t) => {
    const upTo = Math.min(t, longest);
    const beyond = (s: number): number => s * Math.log(longest / s) + s;
    return perHour * (upTo < shortest ? upTo : shortest + (beyond(upTo) - beyond(shortest)) / spread);
  };
  return { fill, rest: (t) => open(t) - fill(t) };
}

/** A gauge in coarse units that is not read anew at every sample. */
export function coarse(signal: Signal, quantum: number, refresh: number): Signal {
  let [value, next] = [0, 0];
  return (t) => {
    const now = signal(t);
    if (t >= next) {
      value = quantum * Math.floor(now / quantum);
      next = refresh * (Math.floor(t / refresh) + 1);
    }
    return value;
  };
}

/** Relative swings of a latency: noise, and jobs beside it; `mean` of one plus them. */
export function jittery(r: Random, hours: number): { readonly swings: Signal; readonly mean: number } {
  const sd = r.log(0.01, 0.15);
  const noise = ou(r, sd, r.log(1, 20) * MINUTE);
  const [every, lasts, height] = [r.log(0.5, 2), r.log(3, 15) * MINUTE, r.log(0.1, 1)];
  const job = since(
    events(hours, () => every, -every * r.uniform()),
    (t) => (t < lasts ? height : 0),
  );
  const mean = Math.exp(sd ** 2 / 2) * (1 + (height * lasts) / every);
  return { swings: (t) => Math.exp(noise(t)) * (1 + job(t)) - 1, mean };
}

/** A queue that is served a little faster than it is filled: a walk that cannot go below zero; what it was forgets itself in `forgets`. */
function queue(r: Random, mean: number, forgets: number): Signal {
  const own = r.fork();
  const drift = (4 * mean) / forgets;
  let [value, last] = [mean * own.wait(), 0];
  return (t) => {
    value = Math.max(0, value - drift * (t - last) + Math.sqrt(2 * drift * mean * (t - last)) * own.normal());
    last = t;
    return Math.round(value);
  };
}

export const CLEAN_FRESH: readonly Family[] = [
  {
    id: 'memtables',
    name: 'tables of a store, each written out when it is full',
    draw: (r) => {
      const [hours, size] = [hoursOf(r), level(r)];
      const total = size * r.log(0.01, 0.3);
      const speed = shared(ou(r, r.between(0.05, 0.25), r.log(5, 40) * MINUTE));
      const tables = Array.from({ length: r.whole(2, 5) }, () => {
        const [full, takes] = [total * r.log(0.1, 0.5), r.log(2 * MINUTE, hours / 5)];
        let [value, last] = [full * r.uniform(), 0];
        return (t: number): number => {
          value += (full / takes) * Math.max(0.1, 1 + speed(t)) * (t - last);
          last = t;
          return (value = value > full ? 0 : value);
        };
      });
      return { hours, level: size, rest: sum(faint(r, size), ...tables) };
    },
  },
  {
    id: 'expiry-waves',
    name: 'a warmed cache expires in waves',
    draw: (r) => {
      const [hours, size] = [hoursOf(r), level(r)];
      const { fill, rest } = expiryWaves(r, hours, size * r.log(0.02, 0.4), r.log(10 * MINUTE, hours / 6));
      return { hours, level: size, rest: sum(rest, faint(r, size)), bounded: fill };
    },
  },
  {
    id: 'scavenger',
    name: 'freed spans go back slowly after every peak',
    draw: (r) => {
      const [hours, size] = [hoursOf(r), level(r)];
      const need = ou(r, size * r.log(0.003, 0.05), r.log(1, 20) * MINUTE);
      return { hours, level: size, rest: sum(scavenged(need, r.log(5 * MINUTE, hours / 8)), faint(r, size)) };
    },
  },
  {
    id: 'recycled-fleet',
    name: 'workers started together are recycled ever less together, only the sum seen',
    draw: (r) => {
      const [hours, size] = [hoursOf(r), level(r)];
      const { fill, rest } = fleet(r, hours, size * r.log(0.02, 0.4), r.log(10 * MINUTE, hours / 6));
      return { hours, level: size, rest: sum(rest, faint(r, size)), bounded: fill };
    },
  },
  {
    id: 'code-cache',
    name: 'methods are compiled when they have run often enough, some again',
    draw: (r) => {
      const [hours, size] = [hoursOf(r, 4), level(r)];
      const [total, until] = [size * r.log(0.01, 0.2), hours * r.between(0.08, 0.45)];
      const methods = Array.from({ length: r.whole(50, 400) }, () => r.log(MINUTE, until)).toSorted((a, b) => a - b);
      const each = total / methods.length;
      const [every, back] = [r.log(0.3, 3), r.log(2, 15) * MINUTE];
      const thrown = events(hours, () => every * r.wait());
      const shares = thrown.map(() => r.between(0.03, 0.2));
      const bounded = shared(stairs(methods, () => 2 * each * r.uniform()));
      const rest = since(thrown, (t, i) => -shares[i]! * total * Math.exp(-t / back));
      return { hours, level: size + total, rest: sum(rest, faint(r, size)), bounded };
    },
  },
  {
    id: 'noise-follows-load',
    name: 'noise that is large by day and small by night',
    draw: (r) => {
      const size = level(r);
      const noise = ou(r, size * r.log(0.002, 0.04), r.log(0.5, 20) * MINUTE);
      const busy = cycle(1.8, r.log(4, 30), r.uniform());
      return { hours: hoursOf(r), level: size, rest: (t) => noise(t) * (1 + busy(t)) };
    },
  },
  {
    id: 'scaled-workers',
    name: 'threads of workers that are added with the load and taken away later',
    draw: (r) => {
      const hours = hoursOf(r, 4);
      const busy = wavy(r, hours);
      const [workers, threads] = [scaled(busy, r.log(3, 60), r.log(3, 20) * MINUTE), r.whole(1, 8)];
      const rest = sum(times(threads, workers), population(r, r.log(0.2, 5), 20 * SECOND));
      return { hours, unit: 'count', level: r.whole(5, 60), rest, load: times(r.log(5, 500), busy) };
    },
  },
  {
    id: 'rare-excursions',
    name: 'requests in flight, rarely many times as many',
    draw: (r) => {
      const [hours, mean] = [hoursOf(r), r.log(3, 100)];
      const rest = sum(population(r, mean, r.log(5 * SECOND, 5 * MINUTE)), excursions(r, hours, mean));
      return { hours, unit: 'count', level: r.whole(0, 40), rest };
    },
  },
  {
    id: 'reaper',
    name: 'abandoned connections until the reaper comes round',
    draw: (r) => {
      const hours = hoursOf(r, 3);
      const { pending } = reaped(r, hours, r.log(2, 60), r.log(10 * MINUTE, hours / 6));
      const rest = sum(pending, population(r, r.log(0.5, 40), r.log(0.2, 3) * MINUTE));
      return { hours, unit: 'count', level: r.whole(2, 40), rest };
    },
  },
  {
    id: 'overlapping-crons',
    name: 'jobs of several periods that overlap now and then',
    draw: (r) => {
      const [hours, size] = [hoursOf(r, 4), level(r)];
      const jobs = Array.from({ length: r.whole(3, 5) }, () => {
        const own = r.fork();
        const periods = [0.25, 0.5, 1, 2, 3, 4, 6].filter((period) => period <= hours / 4);
        const every = periods[own.whole(0, periods.length - 1)]!;
        const [height, usual] = [size * own.log(0.003, 0.08), every * own.log(0.05, 0.6)];
        const starts = events(hours, () => every, -every * own.uniform());
        const lasts = starts.map(() => usual * own.between(0.8, 1.2));
        return since(starts, (t, i) => (t < lasts[i]! ? height * Math.min(1, (3 * t) / lasts[i]!) : 0));
      });
      return { hours, level: size, rest: sum(faint(r, size), ...jobs) };
    },
  },
  {
    id: 'retention',
    name: 'segments are kept until there are enough of them',
    draw: (r) => {
      const [hours, size, count] = [hoursOf(r, 4), level(r), r.whole(4, 40)];
      const { fill, rest } = retained(size * r.log(0.05, 1.5), count, (hours * r.between(0.08, 0.6)) / count);
      return { hours, level: size, rest: sum(rest, faint(r, size)), bounded: fill };
    },
  },
  {
    id: 'three-collections',
    name: 'small collections, partial ones that leave a part, full ones hours apart',
    draw: (r) => {
      const [full, size] = [r.log(1, 4), level(r)];
      const [total, left] = [size * r.log(0.05, 0.6), r.between(0.2, 0.7)];
      const partial = r.log(0.03, 0.15) * full;
      const rest = sum(
        sawtooth(r, total * left, full, 0.1),
        sawtooth(r, (total * (1 - left) * partial) / full, partial, 0.2),
        sawtooth(r, total * r.log(0.02, 0.3), r.log(5, 120) * SECOND),
        faint(r, size),
      );
      return { hours: hoursOf(r, Math.max(4, 4 * full)), level: size, rest };
    },
  },
  {
    id: 'startup-excess',
    name: 'what only the start needed is given back in chunks',
    draw: (r) => {
      const [hours, size] = [hoursOf(r), level(r)];
      const [excess, tau, chunk] = [size * r.log(0.1, 2), r.log(5 * MINUTE, hours / 5), size * r.log(0.002, 0.05)];
      const rest: Signal = (t) => chunk * Math.ceil((excess * Math.exp(-t / tau)) / chunk);
      return { hours, level: size, rest: sum(rest, ou(r, size * r.log(0.001, 0.01), r.log(0.5, 10) * MINUTE)) };
    },
  },
  {
    id: 'walking-queue',
    name: 'depth of a queue near saturation: a walk that cannot go below zero',
    draw: (r) => {
      const hours = hoursOf(r);
      return { hours, unit: 'count', level: r.whole(0, 20), rest: queue(r, r.log(2, 200), r.log(MINUTE, hours / 40)) };
    },
  },
  {
    id: 'tenants-come-and-go',
    name: 'data of tenants is loaded when they work and dropped when they are idle',
    draw: (r) => {
      const [hours, size] = [hoursOf(r, 3), level(r)];
      const span = (): number => r.log(4 * MINUTE, hours / 15);
      const { loaded, sd, tau } = comeAndGo(r, hours, size * r.log(0.02, 0.4), span(), span());
      return { hours, level: size, rest: sum(loaded, ou(r, size * 0.0005, MINUTE)), noise: { sd, tau } };
    },
  },
  {
    id: 'drifting-load',
    name: 'the load wobbles and rises to the end, memory follows it',
    draw: (r) => {
      const [hours, size] = [hoursOf(r, 4), level(r)];
      const wobble = ou(r, r.between(0.08, 0.2), r.log(10, 50) * MINUTE);
      const rises = ramp(r.log(0.1, 1), 0, hours);
      const busy = shared((t: number): number => Math.max(0.1, 1 + wobble(t) + rises(t)));
      const power = r.between(0.5, 1);
      const rest = lagged((t) => size * busy(t) ** power, r.log(0.5, 8) * MINUTE);
      const [used, load] = [r.log(0.05, 0.5), times(r.log(5, 500), busy)];
      return { hours, level: size, rest: sum(times(used, rest), faint(r, size)), load };
    },
  },
  {
    id: 'latency-with-jobs',
    name: 'a latency with noise in proportion to it, and jobs beside it',
    draw: (r) => {
      const [hours, base] = [hoursOf(r), r.log(0.002, 0.5)];
      return { hours, unit: 'seconds', level: base, rest: times(base, jittery(r, hours).swings) };
    },
  },
  {
    id: 'coarse-gauge',
    name: 'a gauge in coarse units that is refreshed now and then',
    draw: (r) => {
      const size = level(r);
      const sd = size * r.log(0.001, 0.02);
      const rest = coarse(ou(r, sd, r.log(1, 20) * MINUTE), sd * r.log(0.5, 5), r.log(10 * SECOND, 5 * MINUTE));
      return { hours: hoursOf(r), level: size, rest };
    },
  },
  {
    id: 'caches-per-core',
    name: 'a cache per core, filled as fast as the core is used',
    draw: (r) => {
      const [hours, size, cores] = [hoursOf(r), level(r), r.whole(4, 64)];
      const each = (size * r.log(0.01, 0.3)) / cores;
      const bounded = sum(...Array.from({ length: cores }, () => settling(each * r.between(0.5, 1.5), r.log(MINUTE, 0.12 * hours))));
      return { hours, level: size, rest: ou(r, size * r.log(0.0005, 0.01), r.log(0.2, 8) * MINUTE), bounded };
    },
  },
  {
    id: 'snapshot-forks',
    name: 'pages copied during snapshots, more of them when it is busy',
    draw: (r) => {
      const [hours, size] = [hoursOf(r, 3), level(r)];
      return { hours, level: size, rest: sum(snapshots(r, hours, size * r.log(0.01, 0.3), r.log(10 * MINUTE, hours / 5)), faint(r, size)) };
    },
  },
  {
    id: 'rarely-collected-processes',
    name: 'garbage of many small processes, each collected in its own time',
    draw: (r) => {
      const [hours, size, count] = [hoursOf(r), level(r), r.whole(15, 60)];
      const each = (size * r.log(0.02, 0.3)) / count;
      const heaps = Array.from({ length: count }, () => sawtooth(r, each * r.log(0.3, 3), r.log(3 * MINUTE, hours / 6), 0.3));
      return { hours, level: size, rest: sum(faint(r, size), ...heaps) };
    },
  },
  {
    id: 'backoff-herds',
    name: 'after an outage clients come back together, at twice the wait each time',
    draw: (r) => {
      const [hours, size, every] = [hoursOf(r), level(r), r.log(0.5, 3)];
      const [unit, height, back] = [r.log(5, 60) * SECOND, size * r.log(0.01, 0.2), r.log(5, 60) * SECOND];
      const herds = since(
        events(hours, () => every * r.wait()),
        (t) => {
          let all = 0;
          for (let k = 0; k < 6 && t > unit * 2 ** k; k++) all += height * 0.8 ** k * Math.exp((unit * 2 ** k - t) / back);
          return all;
        },
      );
      return { hours, level: size, rest: sum(herds, faint(r, size)) };
    },
  },
  {
    id: 'reference-data',
    name: 'data is replaced by its next version, both there for minutes',
    draw: (r) => {
      const [hours, size] = [hoursOf(r, 3), level(r)];
      const [every, both, scatter] = [r.log(5 * MINUTE, hours / 12), r.log(0.3, 3) * MINUTE, r.log(0.002, 0.05)];
      const total = size * r.log(0.05, 0.6);
      const at = events(hours, () => every * r.between(0.9, 1.1));
      const versions = [0, ...at].map(() => total * (1 + scatter * r.normal()));
      const rest = since([0, ...at], (t, i) => versions[i]! + (i > 0 && t < both ? versions[i - 1]! : 0));
      return { hours, level: size, rest: sum(rest, faint(r, size)) };
    },
  },
  {
    id: 'long-lived-connections',
    name: 'connections that live from seconds to hours, after a deploy',
    draw: (r) => {
      const hours = hoursOf(r, 4);
      const { fill, rest } = longLived(r, hours, r.log(10, 400), hours * r.between(0.02, 0.15));
      return { hours, unit: 'count', level: r.whole(0, 30), rest, bounded: fill };
    },
  },
];
