/** Further ways in which programs leak: at night, by batches, by restarts, below collectors, pools and pages, in bursts, with the load. */
import type { Random } from '../random.ts';
import {
  cycle,
  events,
  highWater,
  integral,
  lagged,
  line,
  MB,
  MINUTE,
  ou,
  pink,
  population,
  ramp,
  sawtooth,
  SECOND,
  shared,
  type Signal,
  since,
  stairs,
  step,
  sum,
  times,
  white,
} from '../signals.ts';
import { distinct, workingHours } from './clean-mechanisms.ts';
import { type Family, hoursOf, type Sketch, unclear } from './family.ts';

const level = (r: Random): number => r.log(80, 2000) * MB;

/** Leaks between 0.4 and 4 % of the level in an hour unless a family says otherwise. */
const rate = (r: Random, size: number): number => size * r.log(0.004, 0.04);

type Drawn = Omit<Sketch, 'level' | 'leak'> & { readonly leak: (perHour: number) => Sketch['leak'] };

function memory(r: Random, make: (size: number, perHour: number) => Drawn): Sketch {
  const size = level(r);
  const perHour = rate(r, size);
  const { leak, ...rest } = make(size, perHour);
  return { level: size, ...rest, leak: leak(perHour)! };
}

const straight = (perHour: number): Sketch['leak'] => ({ part: line(perHour), straight: true });

const FEW = 'fewer than four things leaked';

export const LEAKY_MECHANISMS: readonly Family[] = [
  {
    id: 'night-batch',
    name: 'only the batch of the night leaks',
    draw: (r) =>
      memory(r, (size, perHour) => {
        const [hours, start, lasts] = [r.log(60, 96), r.between(0, 24), r.between(1, 3)];
        const busy = (t: number): number => ((t + start) % 24 < lasts ? 24 / lasts : 0);
        return {
          hours,
          rest: ou(r, size * 0.002, 10 * MINUTE),
          leak: () => ({ part: times(perHour, integral(busy)) }),
          ambiguous: unclear(hours < 60, FEW),
        };
      }),
  },
  {
    id: 'restart-3h',
    name: 'restarted every three hours before it hurts',
    draw: (r) =>
      memory(r, (size, perHour) => {
        const [hours, every] = [hoursOf(r, 8), r.log(2, 4)];
        const restarts = events(hours, () => every * r.between(0.95, 1.05));
        const part = since([0, ...restarts], (t) => 2 * perHour * t);
        const sd = size * r.log(0.001, 0.008);
        return {
          hours,
          rest: ou(r, sd, r.log(1, 8) * MINUTE),
          restarts,
          leak: () => ({ part, straight: true }),
          roughly: { sd: 2 * sd, tau: 8 * MINUTE },
        };
      }),
  },
  {
    id: 'below-wild-sawtooth',
    name: 'slower than the noise of a sawtooth whose height varies threefold',
    draw: (r) =>
      memory(r, (size) => {
        const [height, period] = [size * r.log(0.1, 0.4), r.log(3, 20) * MINUTE];
        const wild = sum(sawtooth(r, height, period, 0.5), times(0.4, sawtooth(r, height, period * 3.3, 0.4)), white(r, size * 0.002));
        return { hours: hoursOf(r, 8), rest: wild, leak: straight, roughly: { sd: 0.25 * height, tau: period } };
      }),
  },
  {
    id: 'errors-in-bursts',
    name: 'descriptors lost to errors that come in bursts',
    draw: (r) => {
      const [hours, every, mean] = [hoursOf(r, 8), r.log(0.4, 2), r.whole(1, 8)];
      const bursts = events(hours, () => every * r.wait());
      const part = stairs(bursts, () => 1 + Math.floor(mean * r.wait()));
      const rest = population(r, r.log(5, 60), r.log(10, 90) * SECOND);
      return {
        hours,
        unit: 'count',
        level: r.whole(10, 60),
        rest,
        leak: { part, straight: true },
        limit: 4096,
        ambiguous: unclear(bursts.length < 6, 'too few bursts to speak of a trend'),
      };
    },
  },
  {
    id: 'thread-per-deploy',
    name: 'one thread for every reload of the configuration',
    draw: (r) => {
      const [hours, every] = [hoursOf(r, 16), r.log(1.5, 4)];
      const at = events(hours, () => every * r.between(0.5, 1.5));
      const rest = population(r, r.log(0.2, 3), r.log(10, 120) * SECOND);
      return {
        hours,
        unit: 'count',
        level: r.whole(10, 80),
        rest,
        leak: { part: stairs(at, () => 1), straight: true },
        ambiguous: unclear(at.length < 5, FEW),
      };
    },
  },
  {
    id: 'after-load-step',
    name: 'begins to leak when the load steps up',
    draw: (r) =>
      memory(r, (size, perHour) => {
        const hours = hoursOf(r, 8);
        const onset = hours * r.between(0.2, 0.5);
        const busy = shared(sum(() => 1, ramp(r.between(0.5, 2), onset, onset + 0.1), ou(r, 0.04, 5 * MINUTE)));
        const rest = sum(times(size * 0.05, lagged(busy, 3 * MINUTE)), white(r, size * 0.002));
        const leak = (): Sketch['leak'] => ({ part: line(perHour, onset), onset, straight: true });
        return { hours, rest, load: times(r.log(5, 300), busy), leak, roughly: { sd: size * 0.006, tau: 5 * MINUTE } };
      }),
  },
  {
    id: 'stops',
    name: 'leaks until the middle of the run, then no more',
    draw: (r) =>
      memory(r, (size, perHour) => {
        const hours = hoursOf(r, 8);
        const stop = hours * r.between(0.3, 0.8);
        const part: Signal = (t) => perHour * Math.min(t, stop);
        return {
          hours,
          rest: ou(r, size * 0.002, 5 * MINUTE),
          leak: () => ({ part }),
          ambiguous: 'it leaked, and leaks no more at the end: either answer can be defended',
        };
      }),
  },
  {
    id: 'in-long-memory',
    name: 'line in noise that is slower the longer one looks',
    draw: (r) =>
      memory(r, (size) => {
        const [sd, longest] = [size * r.log(0.003, 0.02), r.log(0.5, 3)];
        return { hours: hoursOf(r, 8), rest: pink(r, sd, longest), leak: straight, roughly: { sd: 0.7 * sd, tau: longest } };
      }),
  },
  {
    id: 'work-by-day',
    name: 'per request, during working hours',
    draw: (r) =>
      memory(r, (size, perHour) => {
        const busy = workingHours(r, r.between(0, 24));
        const rest = sum(times(size * r.log(0.02, 0.15), lagged(busy, r.log(2, 20) * MINUTE)), white(r, size * 0.002));
        return {
          hours: hoursOf(r, 12),
          rest,
          load: times(r.log(5, 300), busy),
          leak: () => ({ part: times(3 * perHour, integral(busy)) }),
          roughly: { sd: size * 0.008, tau: 10 * MINUTE },
        };
      }),
  },
  {
    id: 'new-keys-for-ever',
    name: 'a map that is never cleared, keys by a Zipf law',
    draw: (r) =>
      memory(r, (size) => {
        const hours = hoursOf(r, 8);
        const seen = distinct(1e9, r.between(0.9, 1.1));
        const perHour = r.log(2e4, 2e6);
        const each = (size * r.log(0.05, 0.4)) / seen(perHour * hours);
        const sd = size * r.log(0.001, 0.005);
        return {
          hours,
          rest: ou(r, sd, 3 * MINUTE),
          leak: () => ({ part: (t) => each * seen(perHour * t) }),
          roughly: { sd, tau: 3 * MINUTE },
        };
      }),
  },
  {
    id: 'huge-page-quanta',
    name: 'the leak shows in huge pages only',
    draw: (r) =>
      memory(r, (size) => {
        const quantum = 2.097_152 * MB;
        const perHour = r.log(1, 8) * quantum;
        const late = ou(r, 0.4 * quantum, 20 * MINUTE);
        const part = highWater((t) => quantum * Math.floor((perHour * t + late(t)) / quantum));
        return {
          hours: hoursOf(r, 6),
          rest: ou(r, size * r.log(0.0005, 0.003), MINUTE),
          leak: () => ({ part, straight: true }),
          roughly: { sd: quantum + size * 0.002, tau: 20 * MINUTE },
        };
      }),
  },
  {
    id: 'below-plateaus',
    name: 'the heap top moves in plateaus above the leak',
    draw: (r) =>
      memory(r, (size) => {
        const [need, threshold] = [ou(r, size * r.log(0.01, 0.05), r.log(5, 30) * MINUTE), size * r.log(0.02, 0.06)];
        let top = -Infinity;
        const rest: Signal = (t) => {
          const now = need(t);
          return (top = now > top || top - now > threshold ? now : top);
        };
        return { hours: hoursOf(r, 8), rest, leak: straight, roughly: { sd: threshold, tau: 20 * MINUTE } };
      }),
  },
  {
    id: 'below-rare-collections',
    name: 'what stays after collections hours apart grows',
    draw: (r) =>
      memory(r, (size, perHour) => {
        const [height, period, hours] = [size * r.log(0.1, 0.5), r.log(0.7, 2.5), hoursOf(r, 12)];
        const step = height / r.whole(10, 60);
        const saw = sawtooth(r, height, period, 0.2);
        const rest: Signal = (t) => step * Math.floor(saw(t) / step);
        return {
          hours,
          rest: sum(rest, white(r, size * 0.002)),
          leak: straight,
          ambiguous: unclear(
            hours / period < 4 || perHour * hours < 0.3 * height,
            'fewer than four collections, or a growth small beside the scatter of one',
          ),
        };
      }),
  },
  {
    id: 'heap-expands-for-ever',
    name: 'the managed heap grows by a share of itself when it must',
    draw: (r) =>
      memory(r, (size, perHour) => {
        const [share, hours] = [r.log(0.02, 0.06), hoursOf(r, 12)];
        const part: Signal = (t) => size * ((1 + share) ** Math.floor(Math.log1p((perHour * t) / size) / Math.log1p(share)) - 1);
        const steps = Math.log1p((perHour * hours) / size) / Math.log1p(share);
        return {
          hours,
          rest: ou(r, size * 0.001, 2 * MINUTE),
          limit: size * 4,
          leak: () => ({ part }),
          ambiguous: unclear(steps < 4, FEW),
        };
      }),
  },
  {
    id: 'below-idle-timeout',
    name: 'connections lost from a pool that jumps and shrinks',
    draw: (r) => {
      const [hours, every, keep, lost] = [hoursOf(r, 8), r.log(0.15, 0.6), r.log(5, 20) * MINUTE, r.log(0.5, 4)];
      const bursts = events(hours, () => every * r.wait());
      const sizes = bursts.map(() => r.whole(2, 20));
      const rest = since(bursts, (t, i) => Math.round(sizes[i]! * Math.max(0, 1 - t / (2 * keep))));
      const at = events(hours, () => r.wait() / lost);
      return {
        hours,
        unit: 'count',
        level: r.whole(3, 20),
        rest,
        leak: { part: stairs(at, () => 1), straight: true },
        limit: 500,
        roughly: { sd: 6, tau: keep },
        ambiguous: unclear(at.length < 6, FEW),
      };
    },
  },
  {
    id: 'retry-queue',
    name: 'grows by a share of itself',
    draw: (r) =>
      memory(r, (size) => {
        const [hours, sd] = [hoursOf(r, 6), size * r.log(0.0005, 0.004)];
        const [total, doublings] = [size * r.log(0.1, 0.8), r.between(1, 4)];
        const part: Signal = (t) => (total * (2 ** ((doublings * t) / hours) - 1)) / (2 ** doublings - 1);
        return { hours, rest: ou(r, sd, 3 * MINUTE), leak: () => ({ part }) };
      }),
  },
  {
    id: 'recycled-workers',
    name: 'workers leak and are replaced within the hour',
    draw: (r) =>
      memory(r, (size, perHour) => {
        const [hours, life] = [hoursOf(r, 4), r.log(20, 90) * MINUTE];
        const restarts = events(hours, () => life * r.between(0.8, 1.25));
        const warm = since([0, ...restarts], (t) => size * 0.05 * -Math.expm1(-t / (0.05 * life)));
        const part = since([0, ...restarts], (t) => 5 * perHour * t);
        return { hours, rest: sum(warm, white(r, size * r.log(0.0005, 0.003))), restarts, leak: () => ({ part, straight: true }) };
      }),
  },
  {
    id: 'during-outages',
    name: 'leaks while a server it needs is away',
    draw: (r) =>
      memory(r, (size, perHour) => {
        const [hours, every, lasts] = [hoursOf(r, 10), r.log(0.7, 2), r.log(3, 12) * MINUTE];
        const outages = events(hours, () => every * r.between(0.6, 1.4));
        const away = since(outages, (t) => (t < lasts ? every / lasts : 0));
        const dip = since(outages, (t) => (t < lasts ? -size * 0.01 : 0));
        return {
          hours,
          rest: sum(dip, ou(r, size * 0.001, 3 * MINUTE)),
          leak: () => ({ part: times(perHour, integral(away)), straight: true }),
          ambiguous: unclear(outages.length < 5, FEW),
        };
      }),
  },
  {
    id: 'half-cleaned',
    name: 'a clean-up every few hours leaves a third of it',
    draw: (r) =>
      memory(r, (size, perHour) => {
        const [hours, every] = [hoursOf(r, 16), r.log(1.5, 3)];
        const rest = sum(
          since(
            events(hours, () => every, -every * r.uniform()),
            (t) => 2 * perHour * t,
          ),
          ou(r, size * 0.002, 3 * MINUTE),
        );
        return { hours, rest, leak: straight };
      }),
  },
  {
    id: 'quiet',
    name: 'very slow in almost no noise',
    draw: (r) => {
      const size = level(r);
      return {
        hours: hoursOf(r, 6),
        level: size,
        rest: white(r, 30_000),
        leak: { part: line(size * r.log(0.0006, 0.004)), straight: true },
        noise: { sd: 30_000, tau: 0 },
      };
    },
  },
  {
    id: 'high-water-of-leak',
    name: 'resident set keeps the peaks above a leak',
    draw: (r) =>
      memory(r, (size, perHour) => {
        const [sd, tau] = [size * r.log(0.005, 0.03), r.log(3, 20) * MINUTE];
        const peaks = ou(r, sd, tau);
        return {
          hours: hoursOf(r, 8),
          rest: ou(r, size * 0.0005, MINUTE),
          leak: () => ({ part: highWater((t) => peaks(t) + perHour * t), straight: true }),
          roughly: { sd, tau },
        };
      }),
  },
  {
    id: 'in-heavy-noise',
    name: 'line in noise with heavy tails',
    draw: (r) =>
      memory(r, (size) => {
        const [sd, tau] = [size * r.log(0.003, 0.02), r.log(2, 20) * MINUTE];
        return { hours: hoursOf(r), rest: ou(r, sd, tau, (own) => own.heavy()), leak: straight, roughly: { sd, tau } };
      }),
  },
  {
    id: 'churn',
    name: 'per connection, connections come in bursts of hours',
    draw: (r) =>
      memory(r, (size, perHour) => {
        const [hours, dwell] = [hoursOf(r, 10), r.log(0.3, 1.2)];
        const changes = events(hours, () => dwell * r.wait());
        const busy = shared(since([0, ...changes], (_, i) => (i % 2 === 0 ? 1.8 : 0.1)));
        const rest = sum(times(size * 0.05, lagged(busy, 4 * MINUTE)), white(r, size * 0.002));
        return {
          hours,
          rest,
          load: times(r.log(5, 200), busy),
          leak: () => ({ part: times(perHour, integral(busy)) }),
          ambiguous: unclear(changes.length < 6, 'too few changes of load'),
        };
      }),
  },
  {
    id: 'arenas',
    name: 'one more arena now and then',
    draw: (r) =>
      memory(r, (size) => {
        const [hours, every, height] = [hoursOf(r, 12), r.log(0.7, 2.5), size * r.log(0.02, 0.08)];
        const at = events(hours, () => every * r.between(0.5, 1.5));
        return {
          hours,
          rest: ou(r, size * 0.002, 5 * MINUTE),
          leak: () => ({ part: stairs(at, () => height), straight: true }),
          ambiguous: unclear(at.length < 5, FEW),
        };
      }),
  },
  {
    id: 'behind-a-step',
    name: 'a large step in the middle hides a slow line',
    draw: (r) =>
      memory(r, (size, perHour) => {
        const hours = hoursOf(r, 10);
        const jump = step(perHour * hours * r.log(0.7, 3), hours * r.between(0.3, 0.6));
        const sd = size * r.log(0.001, 0.006);
        return { hours, rest: sum(jump, ou(r, sd, 5 * MINUTE)), leak: straight, roughly: { sd: 2 * sd, tau: 5 * MINUTE } };
      }),
  },
  {
    id: 'suspended',
    name: 'the machine sleeps for hours in between',
    draw: (r) =>
      memory(r, (size, perHour) => {
        const hours = hoursOf(r, 10);
        const [from, sleeps] = [hours * r.between(0.2, 0.6), hours * r.between(0.1, 0.25)];
        const awake = (t: number): number => Math.min(t, from) + Math.max(0, t - from - sleeps);
        const sd = size * r.log(0.001, 0.008);
        const lost = (t: number): boolean => t > from && t < from + sleeps;
        return {
          hours,
          rest: ou(r, sd, 5 * MINUTE),
          lost,
          leak: () => ({ part: (t) => perHour * awake(t) }),
          roughly: { sd: 1.5 * sd, tau: 5 * MINUTE },
        };
      }),
  },
  {
    id: 'beside-a-weekly-cycle',
    name: 'line under a cycle whose height changes from day to day, load known',
    draw: (r) =>
      memory(r, (size) => {
        const height = shared(ou(r, 0.3, 30));
        const busy = shared(
          sum(
            () => 1,
            (t) => (0.5 + height(t) * 0.3) * cycle(1, 24, 0.1)(t),
            ou(r, 0.03, 5 * MINUTE),
          ),
        );
        const rest = sum(
          times(
            size * 0.2,
            lagged((t) => Math.max(0.05, busy(t)), 5 * MINUTE),
          ),
          white(r, size * 0.002),
        );
        const load = times(r.log(5, 200), (t) => Math.max(0.05, busy(t)));
        return { hours: r.log(24, 60), rest, load, leak: straight, roughly: { sd: size * 0.01, tau: 5 * MINUTE } };
      }),
  },
];
