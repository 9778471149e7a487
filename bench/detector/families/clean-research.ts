/** What people report as a leak and is none: noise that wanders, collectors, caches that fill, load, restarts, the kernel's own ways. */
import type { Random } from '../random.ts';
import {
  cycle,
  events,
  highWater,
  line,
  MB,
  MINUTE,
  ou,
  population,
  ramp,
  sawtooth,
  settling,
  shared,
  type Signal,
  since,
  stairs,
  step,
  sum,
  times,
  walk,
  white,
} from '../signals.ts';
import { type Family, hoursOf, type Sketch, unclear } from './family.ts';

const level = (r: Random): number => r.log(200, 400) * MB;

function memory(r: Random, rest: Signal, more: Partial<Sketch> = {}): Sketch {
  return { hours: hoursOf(r), level: level(r), rest, ...more };
}

function noisy(r: Random, sd: number, tau: number, more: Partial<Sketch> = {}): Sketch {
  return memory(r, tau > 0 ? ou(r, sd, tau) : white(r, sd), { noise: { sd, tau }, ...more });
}

const UNSEEN = 'it never came down while it was watched';

export const CLEAN_RESEARCH: readonly Family[] = [
  { id: 'C01', name: 'white noise', draw: (r) => noisy(r, r.around(2 * MB), 0) },
  { id: 'C02', name: 'noise of 10 min', draw: (r) => noisy(r, r.around(3 * MB), r.around(10 * MINUTE)) },
  { id: 'C03', name: 'noise of 2 h', draw: (r) => noisy(r, r.around(5 * MB), r.around(2), { hours: 24 }) },
  { id: 'C04', name: 'noise of 6 h', draw: (r) => noisy(r, r.around(8 * MB), r.around(6, 2), { hours: 24 }) },
  { id: 'C05', name: 'sawtooth of 4 min', draw: (r) => memory(r, sum(sawtooth(r, r.around(60 * MB), r.around(4 * MINUTE)), white(r, MB))) },
  {
    id: 'C06',
    name: 'sawtooth of 25 min',
    draw: (r) => memory(r, sum(sawtooth(r, r.around(100 * MB), r.around(25 * MINUTE, 2), 0.2), white(r, MB)), { hours: hoursOf(r, 4) }),
  },
  {
    id: 'C07',
    name: 'sawtooth of 5 h',
    draw: (r) => memory(r, sum(sawtooth(r, r.around(80 * MB), r.around(5, 1.5), 0.1), white(r, MB)), { hours: 24 }),
  },
  {
    id: 'C08',
    name: 'warm-up of 20 min',
    draw: (r) => memory(r, white(r, r.around(2 * MB)), { bounded: settling(r.around(150 * MB), r.around(20 * MINUTE)) }),
  },
  {
    id: 'C09',
    name: 'cache fills in 2 h',
    draw: (r) => memory(r, white(r, r.around(2 * MB)), { hours: hoursOf(r, 8), bounded: settling(r.around(100 * MB), r.around(2)) }),
  },
  {
    id: 'C10',
    name: 'cache fills in 5 h',
    draw: (r) => memory(r, white(r, r.around(2 * MB)), { hours: 24, bounded: settling(r.around(100 * MB), r.around(5)) }),
  },
  {
    id: 'C11',
    name: 'fills in a straight line, then stops',
    draw: (r) => memory(r, white(r, r.around(2 * MB)), { hours: 24, bounded: ramp(r.around(60 * MB), 0, r.around(6)) }),
  },
  {
    id: 'C12',
    name: 'one step',
    draw: (r) => memory(r, white(r, r.around(2 * MB)), { hours: 24, bounded: step(r.around(40 * MB), r.around(5)) }),
  },
  {
    id: 'C13',
    name: 'high-water mark of noise of 20 min',
    draw: (r) => memory(r, white(r, 0.1 * MB), { bounded: highWater(ou(r, r.around(15 * MB), r.around(20 * MINUTE))) }),
  },
  {
    id: 'C14',
    name: 'daily cycle',
    draw: (r) => memory(r, sum(cycle(r.around(40 * MB), 24, r.uniform()), white(r, r.around(2 * MB))), { hours: r.log(24, 60) }),
  },
  {
    id: 'C15',
    name: 'cycle of 8 h',
    draw: (r) => memory(r, sum(cycle(r.around(40 * MB), r.around(8, 1.5), r.uniform()), white(r, r.around(2 * MB))), { hours: 24 }),
  },
  {
    id: 'C15b',
    name: 'cycle of 8 h, stopped at its peak',
    draw: (r) => {
      const [hours, period] = [24, r.around(7, 1.3)];
      return memory(r, sum(cycle(r.around(40 * MB), period, 0.25 - hours / period), white(r, r.around(2 * MB))), { hours });
    },
  },
  {
    id: 'C16',
    name: 'load doubles for six hours, size follows',
    draw: (r) => {
      const from = r.between(4, 8);
      const busy = shared(sum(() => 1, ramp(1, from, from + 0.2), ramp(-1, from + 6, from + 6.2), white(r, 0.03)));
      return memory(r, sum(times(r.around(40 * MB), busy), white(r, r.around(MB))), { hours: 24, load: times(r.log(5, 500), busy) });
    },
  },
  {
    id: 'C17',
    name: 'heavy spikes',
    draw: (r) => {
      const [own, share, height] = [r.fork(), r.around(0.005), r.around(60 * MB)];
      return memory(
        r,
        sum(white(r, r.around(MB)), () => (own.chance(share) ? height * Math.min(20, own.uniform() ** -0.6) : 0)),
      );
    },
  },
  {
    id: 'C18',
    name: 'page cache, reclaimed at 200 MB',
    draw: (r) => {
      const [rate, top] = [r.around(30 * MB, 2), r.around(200 * MB, 1.5)];
      const offset = r.uniform() * top;
      const ambiguous = unclear(rate * 24 + offset < 1.2 * top, UNSEEN);
      return memory(
        r,
        sum((t) => (offset + rate * t) % top, white(r, r.around(MB))),
        { hours: 24, ambiguous },
      );
    },
  },
  {
    id: 'C19',
    name: 'descriptors under traffic',
    draw: (r) => ({ hours: hoursOf(r), unit: 'count', level: 20, rest: population(r, r.around(50), r.around(MINUTE)), limit: 1024 }),
  },
  {
    id: 'C20',
    name: 'a pool ramps from 20 to 50',
    draw: (r) => {
      const [hours, rise, over] = [hoursOf(r, 6), r.around(30, 2), r.around(2, 2)];
      return {
        hours,
        unit: 'count',
        level: 20,
        rest: population(r, r.log(1, 5), MINUTE),
        bounded: (t) => Math.round(rise * Math.min(1, t / over)),
      };
    },
  },
  {
    id: 'C21',
    name: 'a restart and its warm-up',
    draw: (r) => {
      const [at, height, tau] = [r.between(8, 14), r.around(150 * MB), r.around(20 * MINUTE)];
      return memory(
        r,
        sum((t) => height * (1 - Math.exp((t < at ? -t : at - t) / tau)), white(r, 2 * MB)),
        { hours: 24, restarts: [at] },
      );
    },
  },
  { id: 'C22', name: 'shrinks', draw: (r) => memory(r, sum(line(-r.around(2 * MB)), white(r, r.around(2 * MB)))) },
  {
    id: 'C23',
    name: 'a fifth of the samples lost, in runs',
    draw: (r) => {
      const own = r.fork();
      let down = false;
      const lost = (): boolean => (down = own.chance(down ? 0.9 : 0.025));
      return memory(r, ou(r, r.around(3 * MB), r.around(10 * MINUTE)), { lost });
    },
  },
  {
    id: 'C24',
    name: 'arenas keep their maxima',
    draw: (r) => {
      const arenas = r.whole(4, 16);
      const each = r.around(8 * MB);
      const bounded = sum(...Array.from({ length: arenas }, () => highWater(ou(r, each, r.around(5 * MINUTE)))));
      return memory(r, white(r, 0.3 * MB), { bounded });
    },
  },
  {
    id: 'C25',
    name: 'random walk',
    draw: (r) => {
      const perDay = r.around(10 * MB);
      return memory(r, walk(r, perDay), { hours: 24, noise: { sd: perDay / Math.sqrt(24), tau: Infinity } });
    },
  },
  {
    id: 'C26',
    name: 'two levels, hours each',
    draw: (r) => {
      const [height, dwell] = [r.around(30 * MB), r.around(3, 2)];
      const changes = events(24, () => dwell * r.wait());
      const first = r.whole(0, 1);
      return memory(
        r,
        sum(
          since([0, ...changes], (_, i) => ((i + first) % 2) * height),
          white(r, 2 * MB),
        ),
        { hours: 24, ambiguous: unclear(changes.length < 3, UNSEEN) },
      );
    },
  },
  {
    id: 'C27',
    name: 'grows less than anyone asks about',
    draw: (r) => {
      const creeps = r.around(0.1 * MB);
      return memory(r, sum(line(creeps), white(r, r.around(MB))), { hours: hoursOf(r, 8), creeps });
    },
  },
  {
    id: 'C28',
    name: 'grows with the logarithm of time',
    draw: (r) => {
      const [size, tau] = [r.around(8 * MB), r.around(10 * MINUTE)];
      return memory(
        r,
        sum((t) => size * Math.log1p(t / tau), white(r, r.around(MB))),
        { hours: 24, creeps: size / (tau + 24) },
      );
    },
  },
  {
    id: 'C29',
    name: 'allocator gives back slowly after bursts',
    draw: (r) => {
      const [height, every, decay] = [r.around(50 * MB), r.around(1.5, 2), r.around(10 * MINUTE)];
      const bursts = events(24, () => every * r.wait());
      return memory(
        r,
        sum(
          since(bursts, (t) => height * Math.exp(-t / decay)),
          ou(r, MB, MINUTE),
        ),
      );
    },
  },
  {
    id: 'C30',
    name: 'shared buffers are touched one by one',
    draw: (r) =>
      memory(r, ou(r, r.around(0.3 * MB), MINUTE), {
        hours: hoursOf(r, 8),
        level: 20 * MB,
        bounded: settling(r.around(128 * MB), r.around(1.5)),
      }),
  },
  {
    id: 'C31',
    name: 'soft references fill the heap, then go',
    draw: (r) => {
      const [height, period] = [r.around(200 * MB, 2), r.around(5, 1.5)];
      const rest = sum(sawtooth(r, height, period, 0.25), sawtooth(r, 20 * MB, MINUTE), white(r, MB));
      return memory(r, rest, { hours: 24, limit: 1e9 });
    },
  },
  {
    id: 'C32',
    name: 'a log in tmpfs until it is rotated',
    draw: (r) => {
      const [height, period, phase] = [r.around(60 * MB), r.around(8, 1.4), r.uniform()];
      return memory(
        r,
        sum((t) => height * ((t / period + phase) % 1), white(r, r.around(0.5 * MB))),
        { hours: 24 },
      );
    },
  },
  {
    id: 'C33',
    name: 'an hour jumps by',
    draw: (r) => {
      const at = r.between(2, 20);
      const height = r.around(5 * MB);
      return memory(r, ou(r, r.around(2 * MB), 5 * MINUTE), { hours: 24, bounded: step(height, at), lost: (t) => t > at && t < at + 1 });
    },
  },
  {
    id: 'C35',
    name: 'stopped for an hour',
    draw: (r) => {
      const [from, noise] = [r.between(3, 18), ou(r, r.around(4 * MB), r.around(10 * MINUTE))];
      let frozen = 0;
      const rest: Signal = (t) => (t > from && t < from + 1 ? frozen : (frozen = noise(t)));
      return memory(r, rest, { hours: 24 });
    },
  },
  {
    id: 'C36',
    name: 'huge pages by khugepaged',
    draw: (r) => {
      const [pages, tau] = [r.whole(20, 80), r.around(3, 2)];
      const at = Array.from({ length: pages }, () => tau * r.wait()).toSorted((a, b) => a - b);
      return memory(r, ou(r, r.around(MB), MINUTE), { hours: 24, bounded: stairs(at, () => 2 * MB) });
    },
  },
];
