/** Mechanisms written without knowledge of the detector, after it was finished: nothing was tuned to them. These leak to the end. */
import type { Random } from '../random.ts';
import {
  cycle,
  events,
  integral,
  lagged,
  line,
  MINUTE,
  ou,
  population,
  SECOND,
  shared,
  type Signal,
  stairs,
  sum,
  times,
} from '../signals.ts';
import {
  coarse,
  comeAndGo,
  excursions,
  expiryWaves,
  faint,
  fleet,
  jittery,
  level,
  longLived,
  reaped,
  retained,
  scaled,
  scavenged,
  snapshots,
  wavy,
} from './clean-fresh.ts';
import { type Family, hoursOf, type Sketch, unclear } from './family.ts';

/** From 0.3 to 20 % of the level in an hour. */
const rate = (r: Random, size: number): number => size * r.log(0.003, 0.2);

const FEW = 'fewer than six things leaked';

/** One by one, by chance. */
function counted(r: Random, hours: number): { readonly leak: NonNullable<Sketch['leak']>; readonly ambiguous: string | null } {
  const perHour = r.log(0.5, 50);
  const at = events(hours, () => r.wait() / perHour);
  return { leak: { part: stairs(at, () => 1), straight: true }, ambiguous: unclear(at.length < 6, FEW) };
}

export const LEAKY_FRESH: readonly Family[] = [
  {
    id: 'immortal-entries',
    name: 'a cache expires in waves, some of its entries never',
    draw: (r) => {
      const [hours, size] = [hoursOf(r, 3), level(r)];
      const [total, ttl] = [size * r.log(0.02, 0.2), r.log(10 * MINUTE, hours / 6)];
      const { fill, rest } = expiryWaves(r, hours, total, ttl);
      return {
        hours,
        level: size,
        rest: sum(rest, faint(r, size)),
        bounded: fill,
        leak: { part: line(rate(r, size)), straight: true },
        roughly: { sd: 0.15 * total, tau: ttl / 3 },
      };
    },
  },
  {
    id: 'below-scavenger',
    name: 'line below peaks that are given back slowly',
    draw: (r) => {
      const size = level(r);
      const [sd, gives] = [size * r.log(0.003, 0.05), r.log(5 * MINUTE, 1.5)];
      const rest = sum(scavenged(ou(r, sd, r.log(1, 20) * MINUTE), gives), faint(r, size));
      return { hours: hoursOf(r), level: size, rest, leak: { part: line(rate(r, size)), straight: true }, roughly: { sd, tau: gives } };
    },
  },
  {
    id: 'master-of-a-fleet',
    name: 'workers are recycled, their master leaks, only the sum seen',
    draw: (r) => {
      const [hours, size] = [hoursOf(r, 3), level(r)];
      const [total, life] = [size * r.log(0.02, 0.3), r.log(10 * MINUTE, hours / 6)];
      const { fill, rest } = fleet(r, hours, total, life);
      return {
        hours,
        level: size,
        rest: sum(rest, faint(r, size)),
        bounded: fill,
        leak: { part: line(rate(r, size)), straight: true },
        roughly: { sd: 0.25 * total, tau: life / 3 },
      };
    },
  },
  {
    id: 'in-noise-of-the-load',
    name: 'line in noise that is large by day and small by night',
    draw: (r) => {
      const size = level(r);
      const [sd, tau] = [size * r.log(0.002, 0.04), r.log(0.5, 20) * MINUTE];
      const [noise, busy] = [ou(r, sd, tau), cycle(1.8, r.log(4, 30), r.uniform())];
      return {
        hours: hoursOf(r),
        level: size,
        rest: (t) => noise(t) * (1 + busy(t)),
        leak: { part: line(rate(r, size)), straight: true },
        roughly: { sd: 1.3 * sd, tau },
      };
    },
  },
  {
    id: 'lost-on-scale-down',
    name: 'each worker that is taken away leaves connections behind',
    draw: (r) => {
      const hours = hoursOf(r, 8);
      const busy = wavy(r, hours);
      const workers = shared(scaled(busy, r.log(6, 60), r.log(3, 20) * MINUTE));
      const each = r.whole(1, 3);
      let [before, lost] = [0, 0];
      const part: Signal = (t) => {
        const now = workers(t);
        lost += each * Math.max(0, before - now);
        before = now;
        return lost;
      };
      const rest = sum(times(r.whole(1, 4), workers), population(r, r.log(0.2, 5), 20 * SECOND));
      return { hours, unit: 'count', level: r.whole(5, 60), rest, load: times(r.log(5, 500), busy), leak: { part } };
    },
  },
  {
    id: 'under-excursions',
    name: 'handles lost while rarely many times as many are in use',
    draw: (r) => {
      const [hours, mean, life] = [hoursOf(r, 3), r.log(3, 60), r.log(5 * SECOND, 5 * MINUTE)];
      return {
        hours,
        unit: 'count',
        level: r.whole(0, 40),
        rest: sum(population(r, mean, life), excursions(r, hours, mean)),
        ...counted(r, hours),
        roughly: { sd: Math.sqrt(mean), tau: life },
      };
    },
  },
  {
    id: 'reaper-misses-some',
    name: 'the reaper leaves some of what was abandoned',
    draw: (r) => {
      const hours = hoursOf(r, 4);
      const [perHour, period, missed] = [r.log(3, 60), r.log(10 * MINUTE, hours / 8), r.log(0.1, 0.5)];
      const { pending, rounds, found } = reaped(r, hours, perHour, period);
      const left = found.map((n) => Array.from({ length: n }, () => r.chance(missed)).filter(Boolean).length);
      return {
        hours,
        unit: 'count',
        level: r.whole(2, 40),
        rest: sum(pending, population(r, r.log(0.5, 20), r.log(0.2, 3) * MINUTE)),
        leak: { part: stairs(rounds, (i) => left[i]!), straight: true },
        roughly: { sd: 0.3 * perHour * period + 3, tau: period / 2 },
        ambiguous: unclear(left.reduce((a, b) => a + b, 0) < 6, FEW),
      };
    },
  },
  {
    id: 'half-dropped-tenants',
    name: 'a part of every tenant stays when its data is dropped',
    draw: (r) => {
      const [hours, size] = [hoursOf(r, 4), level(r)];
      const span = (): number => r.log(4 * MINUTE, hours / 15);
      const total = size * r.log(0.02, 0.3);
      const { loaded, gone, sd, tau } = comeAndGo(r, hours, total, span(), span());
      const dropped = gone.reduce((all, each) => all + each.size, 0);
      const left = Math.min(0.5, (rate(r, size) * hours) / dropped);
      const part = stairs(
        gone.map(({ at }) => at),
        (i) => left * gone[i]!.size,
      );
      return {
        hours,
        level: size,
        rest: sum(loaded, faint(r, size)),
        leak: { part, straight: true },
        roughly: { sd, tau },
        ambiguous: unclear(gone.length < 8, FEW),
      };
    },
  },
  {
    id: 'index-of-the-dropped',
    name: 'segments are dropped when there are enough, what points to them is not',
    draw: (r) => {
      const [hours, size, count] = [hoursOf(r, 4), level(r), r.whole(4, 40)];
      const [total, period] = [size * r.log(0.05, 1), (hours * r.between(0.08, 0.4)) / count];
      const { fill, rest } = retained(total, count, period);
      const sd = (0.3 * total) / count + size * 0.002;
      return {
        hours,
        level: size,
        rest: sum(rest, faint(r, size)),
        bounded: fill,
        leak: { part: line(rate(r, size)), straight: true },
        // What is left of the run when the segments are full has to be enough.
        roughly: { sd: 2 * sd, tau: period / 3 },
      };
    },
  },
  {
    id: 'race-at-peaks',
    name: 'a race that is lost at the peaks of the load only',
    draw: (r) => {
      const [hours, size] = [hoursOf(r, 6), level(r)];
      const busy = wavy(r, hours / 1.7);
      const power = r.between(2, 5);
      const rest = sum(times(size * r.log(0.02, 0.2), lagged(busy, r.log(0.5, 8) * MINUTE)), faint(r, size));
      return {
        hours,
        level: size,
        rest,
        load: times(r.log(5, 500), busy),
        leak: {
          part: times(
            0.5 * rate(r, size),
            integral((t) => busy(t) ** power),
          ),
        },
      };
    },
  },
  {
    id: 'table-scans',
    name: 'a latency grows with a table, its noise with it, jobs beside it',
    draw: (r) => {
      const [hours, base] = [hoursOf(r, 4), r.log(0.002, 0.5)];
      const grows = line(base * r.log(0.005, 0.2));
      const { swings, mean } = jittery(r, hours);
      return {
        hours,
        unit: 'seconds',
        level: base,
        rest: (t) => base * swings(t) + grows(t) * (1 + swings(t) - mean),
        // The jobs and the noise grow with it.
        leak: { part: times(mean, grows), straight: true },
        roughly: { sd: 0.12 * base, tau: 8 * MINUTE },
      };
    },
  },
  {
    id: 'on-a-coarse-gauge',
    name: 'line seen in coarse units, refreshed now and then',
    draw: (r) => {
      const [hours, size] = [hoursOf(r, 3), level(r)];
      const [sd, tau, perHour] = [size * r.log(0.001, 0.02), r.log(1, 20) * MINUTE, rate(r, size)];
      const [grows, noise, quantum] = [line(perHour), ou(r, sd, tau), sd * r.log(0.5, 5)];
      const seen = coarse((t) => noise(t) + grows(t), quantum, r.log(10 * SECOND, 5 * MINUTE));
      return {
        hours,
        level: size,
        rest: (t) => seen(t) - grows(t),
        leak: { part: grows, straight: true },
        roughly: { sd: sd + 0.3 * quantum, tau },
        ambiguous: unclear(perHour * hours < 4 * quantum, FEW),
      };
    },
  },
  {
    id: 'below-snapshots',
    name: 'line below the pages that snapshots copy',
    draw: (r) => {
      const [hours, size] = [hoursOf(r, 4), level(r)];
      const [height, every] = [size * r.log(0.01, 0.3), r.log(10 * MINUTE, hours / 6)];
      return {
        hours,
        level: size,
        rest: sum(snapshots(r, hours, height, every), faint(r, size)),
        leak: { part: line(rate(r, size)), straight: true },
        roughly: { sd: 0.2 * height, tau: every / 4 },
      };
    },
  },
  {
    id: 'half-open',
    name: 'connections that live from seconds to hours, some for ever, after a deploy',
    draw: (r) => {
      const [hours, mean] = [hoursOf(r, 6), r.log(10, 300)];
      const longest = hours * r.between(0.03, 0.2);
      const { fill, rest } = longLived(r, hours, mean, longest);
      const sd = Math.sqrt(mean);
      return { hours, unit: 'count', level: r.whole(0, 30), rest, bounded: fill, ...counted(r, hours), roughly: { sd, tau: longest / 3 } };
    },
  },
];
