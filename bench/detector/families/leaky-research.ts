/** Leaks as they are described where people report them: slow, noisy, in steps, late, hidden by collectors, by load and by restarts. */
import type { Random } from '../random.ts';
import {
  cycle,
  events,
  integral,
  line,
  MB,
  MINUTE,
  ou,
  population,
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

const level = (r: Random): number => r.log(200, 400) * MB;

/** A steady leak under noise that is exactly known. */
function straight(r: Random, perHour: number, sd: number, tau: number, more: Partial<Sketch> = {}): Sketch {
  const rest = tau > 0 ? ou(r, sd, tau) : white(r, sd);
  return { hours: hoursOf(r), level: level(r), rest, leak: { part: line(perHour), straight: true }, noise: { sd, tau }, ...more };
}

const FEW = 'fewer than four things leaked';

export const LEAKY_RESEARCH: readonly Family[] = [
  { id: 'L01', name: 'line in white noise', draw: (r) => straight(r, r.around(2 * MB), r.around(2 * MB), 0) },
  { id: 'L02', name: 'line in noise of 10 min', draw: (r) => straight(r, r.around(2 * MB), r.around(3 * MB), r.around(10 * MINUTE)) },
  {
    id: 'L03',
    name: 'line under a 4 min sawtooth',
    draw: (r) => {
      const [height, period] = [r.around(60 * MB), r.around(4 * MINUTE)];
      const rest = sum(sawtooth(r, height, period), white(r, MB));
      return {
        hours: hoursOf(r),
        level: level(r),
        rest,
        leak: { part: line(r.around(2 * MB)), straight: true },
        roughly: { sd: 0.06 * height, tau: period / 2 },
      };
    },
  },
  {
    id: 'L04',
    name: 'line under a 25 min sawtooth',
    draw: (r) => {
      const [height, period] = [r.around(100 * MB), r.around(25 * MINUTE)];
      const rest = sum(sawtooth(r, height, period, 0.2), white(r, MB));
      return {
        hours: hoursOf(r, 8),
        level: level(r),
        rest,
        leak: { part: line(r.around(3 * MB)), straight: true },
        roughly: { sd: 0.06 * height, tau: period / 2 },
      };
    },
  },
  { id: 'L05', name: 'line in noise of 2 h', draw: (r) => straight(r, r.around(2 * MB), r.around(5 * MB), r.around(2), { hours: 24 }) },
  {
    id: 'L06',
    name: 'per request, size follows load',
    draw: (r) => {
      const busy = shared(sum(() => 1, cycle(1.2, r.around(8, 1.6), r.uniform()), white(r, 0.02)));
      const rest = sum(times(r.around(20 * MB), busy), white(r, MB));
      const perHour = r.around(2.5 * MB);
      const rate = r.log(5, 500);
      return {
        hours: hoursOf(r, 6),
        level: level(r),
        rest,
        leak: { part: times(perHour, integral(busy)) },
        load: times(rate, busy),
        roughly: { sd: MB, tau: 0 },
      };
    },
  },
  {
    id: 'L07',
    name: 'stairs of a scheduled job',
    draw: (r) => {
      const [height, every, hours] = [r.around(4 * MB), r.around(2, 2), hoursOf(r, 8)];
      const at = events(hours, () => every, -every * r.uniform());
      return {
        hours,
        level: level(r),
        rest: white(r, r.around(MB)),
        leak: { part: stairs(at, () => height), straight: true },
        ambiguous: unclear(at.length < 4, FEW),
      };
    },
  },
  {
    id: 'L08',
    name: 'jumps by chance',
    draw: (r) => {
      const hours = hoursOf(r, 4);
      const every = r.around(20 * MINUTE);
      const at = events(hours, () => every * r.wait());
      const mean = r.around(MB);
      const part = stairs(at, () => mean * r.wait());
      return {
        hours,
        level: level(r),
        rest: white(r, r.around(MB)),
        leak: { part, straight: true },
        ambiguous: unclear(at.length < 8, 'too few jumps to speak of a trend'),
      };
    },
  },
  {
    id: 'L09',
    name: 'begins after a third of the run',
    draw: (r) => {
      const onset = r.around(8, 1.4);
      return straight(r, 0, r.around(2 * MB), 0, { hours: 24, leak: { part: line(r.around(4 * MB), onset), onset, straight: true } });
    },
  },
  {
    id: 'L10',
    name: 'line after a warm-up',
    draw: (r) => {
      const [sd, tau] = [r.around(2 * MB), r.around(20 * MINUTE)];
      const rest = sum(settling(r.around(150 * MB), tau), white(r, sd));
      return {
        hours: hoursOf(r, Math.max(6, 12 * tau)),
        level: level(r),
        rest,
        leak: { part: line(r.around(2 * MB)), straight: true },
        roughly: { sd: 3 * sd, tau: 0 },
      };
    },
  },
  {
    id: 'L11',
    name: 'accelerating',
    draw: (r) => {
      const [hours, total, sd] = [hoursOf(r, 6), r.around(60 * MB), r.around(2 * MB)];
      return { hours, level: level(r), rest: white(r, sd), leak: { part: (t) => total * (t / hours) ** 2 }, roughly: { sd, tau: 0 } };
    },
  },
  {
    id: 'L12',
    name: 'slowing down, without a bound',
    draw: (r) => {
      const sd = r.around(MB);
      const size = r.around(20 * MB);
      return {
        hours: hoursOf(r, 6),
        level: level(r),
        rest: white(r, sd),
        leak: { part: (t) => size * Math.sqrt(t) },
        roughly: { sd, tau: 0 },
      };
    },
  },
  {
    id: 'L13',
    name: 'line under a daily cycle',
    draw: (r) => {
      const hours = r.log(24, 60);
      const [size, perHour] = [r.around(40 * MB), r.around(3 * MB)];
      const rest = sum(cycle(size, 24, r.uniform()), white(r, 2 * MB));
      const few = 'less than a period and a half of a cycle larger than the growth, and no load to explain it';
      return {
        hours,
        level: level(r),
        rest,
        leak: { part: line(perHour), straight: true },
        ambiguous: unclear(hours < 36 && perHour * hours < 3 * size, few),
      };
    },
  },
  {
    id: 'L14',
    name: 'goes on after a restart',
    draw: (r) => {
      const at = r.between(8, 14);
      const sd = r.around(2 * MB);
      const perHour = r.around(4 * MB);
      return {
        hours: 24,
        level: level(r),
        rest: white(r, sd),
        leak: { part: (t) => perHour * (t < at ? t : t - at), straight: true },
        restarts: [at],
        roughly: { sd: 2 * sd, tau: 0 },
      };
    },
  },
  {
    id: 'L15',
    name: 'descriptors under traffic',
    draw: (r) => {
      const [hours, mean, life, perHour] = [hoursOf(r, 6), r.around(50, 2), r.around(MINUTE), r.around(2)];
      const at = events(hours, () => r.wait() / perHour);
      const rest = population(r, mean, life);
      return {
        hours,
        unit: 'count',
        level: 20,
        rest,
        leak: { part: stairs(at, () => 1), straight: true },
        limit: 1024,
        roughly: { sd: Math.sqrt(mean), tau: life },
        ambiguous: unclear(at.length < 6, FEW),
      };
    },
  },
  {
    id: 'L16',
    name: 'a thread now and then, no noise',
    draw: (r) => {
      const [hours, every] = [hoursOf(r, 12), r.around(2, 1.6)];
      const at = events(hours, () => every * r.between(0.9, 1.1));
      return {
        hours,
        unit: 'count',
        level: r.whole(8, 60),
        rest: () => 0,
        leak: { part: stairs(at, () => 1), straight: true },
        ambiguous: unclear(at.length < 5, FEW),
      };
    },
  },
  {
    id: 'L17',
    name: 'fast line in noise of 10 min',
    draw: (r) => straight(r, r.around(60 * MB), r.around(5 * MB), r.around(10 * MINUTE), { limit: r.log(2, 4) * 1e9 }),
  },
  {
    id: 'L18',
    name: 'line with a fifth of the samples lost',
    draw: (r) => {
      const [sd, own] = [r.around(2 * MB), r.fork()];
      const leak = { part: line(r.around(2 * MB)), straight: true };
      return {
        hours: hoursOf(r),
        level: level(r),
        rest: white(r, sd),
        leak,
        lost: () => own.chance(0.2),
        roughly: { sd: 1.12 * sd, tau: 0 },
      };
    },
  },
  {
    id: 'L19',
    name: 'line under rare large spikes',
    draw: (r) => {
      const [own, height] = [r.fork(), r.around(200 * MB)];
      const rest = sum(white(r, r.around(MB)), () => (own.chance(0.002) ? height * own.wait() : 0));
      return {
        hours: hoursOf(r, 4),
        level: level(r),
        rest,
        leak: { part: line(r.around(3 * MB)), straight: true },
        roughly: { sd: 3 * MB, tau: 0 },
      };
    },
  },
  {
    id: 'L20',
    name: 'latency that drifts',
    draw: (r) => {
      const [base, share, sd, tau] = [r.log(0.005, 0.2), r.around(0.015, 2), r.around(0.08, 2), r.around(10 * MINUTE)];
      const wander = ou(r, sd, tau);
      const growth = line(base * share);
      const rest: Signal = (t) => base * (Math.exp(wander(t)) - 1);
      return {
        hours: hoursOf(r, 12),
        unit: 'seconds',
        level: base,
        rest,
        leak: { part: growth, straight: true },
        roughly: { sd: base * sd * 1.2, tau },
      };
    },
  },
  { id: 'L21', name: 'slow line in little noise', draw: (r) => straight(r, r.around(1.2 * MB), r.around(MB), 0) },
  {
    id: 'L22',
    name: 'a small program, 45 % in a day',
    draw: (r) => straight(r, r.around(0.48 * MB, 1.5), r.around(0.2 * MB), r.around(2 * MINUTE), { hours: hoursOf(r, 6), level: 26 * MB }),
  },
  {
    id: 'L23',
    name: 'a connection not returned after one error in fifty',
    draw: (r) => {
      const [hours, mean, errors] = [hoursOf(r, 8), r.log(5, 30), r.around(60)];
      const at = events(hours, () => (50 * r.wait()) / errors);
      return {
        hours,
        unit: 'count',
        level: 2,
        rest: population(r, mean, r.around(30 * SECOND)),
        leak: { part: stairs(at, () => 1), straight: true },
        limit: 200,
        roughly: { sd: Math.sqrt(mean), tau: MINUTE },
        ambiguous: unclear(at.length < 6, FEW),
      };
    },
  },
  {
    id: 'L24',
    name: 'native memory beside a collected heap',
    draw: (r) => {
      const height = r.around(50 * MB, 2);
      const rest = sum(sawtooth(r, height, r.around(30 * SECOND)), sawtooth(r, height, r.around(8 * MINUTE), 0.3), ou(r, MB, MINUTE));
      return {
        hours: hoursOf(r, 4),
        level: level(r),
        rest,
        leak: { part: line(r.around(3 * MB)), straight: true },
        roughly: { sd: 0.1 * height, tau: 4 * MINUTE },
      };
    },
  },
  {
    id: 'L26',
    name: 'leaks by day, still by night',
    draw: (r) => {
      const phase = r.between(0, 24);
      const busy = shared((t: number): number => ((t + phase) % 24 < 18 ? 1 : 0));
      const rest = sum(times(r.around(5 * MB), busy), white(r, MB));
      return {
        hours: 24,
        level: level(r),
        rest,
        leak: { part: times(r.around(3 * MB), integral(busy)) },
        load: times(r.log(5, 200), busy),
        roughly: { sd: 2 * MB, tau: 0 },
      };
    },
  },
  {
    id: 'L27',
    name: 'a shrinking cache hides it for hours',
    draw: (r) => {
      const [perHour, onset] = [r.around(3 * MB, 2), r.between(6, 10)];
      const chunk = r.log(1, 4) * MB;
      const given = (t: number): number => perHour * Math.min(t, onset);
      const rest = sum((t) => given(t) - chunk * Math.floor(given(t) / chunk), white(r, r.around(MB)));
      return {
        hours: 24,
        level: level(r),
        rest,
        leak: { part: line(perHour, onset), onset, straight: true },
        roughly: { sd: 3 * MB, tau: 0 },
      };
    },
  },
  {
    id: 'L28',
    name: 'pages go out to swap, the sum grows',
    draw: (r) => {
      const hours = hoursOf(r, 6);
      // What is being moved at the moment of the read is counted in neither: seconds of a dip.
      const moving = since(
        events(hours, () => r.wait() * 0.5),
        (t) => (t < 0.01 ? -20 * MB : 0),
      );
      return {
        hours,
        level: level(r),
        rest: sum(moving, ou(r, r.around(MB), 5 * MINUTE)),
        leak: { part: line(r.around(3 * MB)), straight: true },
        roughly: { sd: 3 * MB, tau: 5 * MINUTE },
      };
    },
  },
  {
    id: 'L29',
    name: 'sessions left idle in a transaction',
    draw: (r) => {
      const [hours, mean] = [hoursOf(r, 8), r.log(5, 40)];
      const every = 1 / r.around(1, 2);
      const at = events(hours, () => every * r.wait());
      return {
        hours,
        unit: 'count',
        level: 5,
        rest: population(r, mean, r.around(2 * MINUTE)),
        leak: { part: stairs(at, () => 1), straight: true },
        limit: 300,
        roughly: { sd: Math.sqrt(mean), tau: 2 * MINUTE },
        ambiguous: unclear(at.length < 6, FEW),
      };
    },
  },
  {
    id: 'L30',
    name: 'output buffers of slow readers',
    draw: (r) => {
      const hours = hoursOf(r, 6);
      const every = r.around(1.5, 1.5);
      const readers = events(hours, () => every * r.wait());
      const rates = readers.map(() => r.around(MB));
      const part: Signal = (t) => readers.reduce((total, at, i) => total + rates[i]! * Math.max(0, t - at), 0);
      return {
        hours,
        level: level(r),
        rest: ou(r, r.around(MB), MINUTE),
        leak: { part },
        ambiguous: unclear(readers.filter((at) => at < hours / 2).length < 2, FEW),
      };
    },
  },
  {
    id: 'L31',
    name: 'the floor of a pool in use rises',
    draw: (r) => {
      const [hours, mean, every] = [hoursOf(r, 12), r.log(4, 15), r.around(2, 1.6)];
      const at = events(hours, () => every * r.between(0.7, 1.3));
      return {
        hours,
        unit: 'count',
        level: 0,
        rest: population(r, mean, r.around(5 * SECOND)),
        leak: { part: stairs(at, () => 1), straight: true },
        limit: 50,
        roughly: { sd: Math.sqrt(mean), tau: MINUTE },
        ambiguous: unclear(at.length < 5, FEW),
      };
    },
  },
  {
    id: 'L32',
    name: 'children that never end: memory of the tree',
    draw: (r) => {
      const [hours, size] = [hoursOf(r, 6), r.around(8 * MB)];
      const every = r.around(40 * MINUTE, 2);
      const at = events(hours, () => every * r.wait());
      return {
        hours,
        level: level(r),
        rest: ou(r, 2 * MB, 10 * MINUTE),
        leak: { part: stairs(at, () => size), straight: true },
        ambiguous: unclear(at.length < 5, FEW),
      };
    },
  },
];
