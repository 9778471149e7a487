/**
 * What a class says: of the simulated families, how often it is the one that is true; of what only looks like one, how often it is named. The
 * controls are noise, walks, chance steps and square roots beside a load that they have nothing to do with.
 *
 *   node tools/run.mjs bench/detector/classes.ts [--runs 25] [--first 1000]
 */
import { bursts, CLASSED, type Classed, classOf, scenario, TOLD, waves } from '../../test/sim/families/classes.ts';
import { HOUR, MB } from '../../test/sim/run.ts';
import type { Signal } from '../../test/sim/series.ts';
import { Random } from './random.ts';
import { events, MINUTE, ou, stairs, walk } from './signals.ts';
import { table } from './table.ts';
import { given } from './usage.ts';

const HOURS = 12;

/** Over the time of the run in hours, by chance alone. */
const CONTROLS = {
  'slow noise, 10 min to 4 h': (r) => ou(r, r.log(5, 40) * MB, r.log(10 * MINUTE, 4)),
  'a walk, 10 to 80 MB a day': (r) => walk(r, r.log(10, 80) * MB),
  'chance steps up and down': (r) => stepsOf(r, () => r.between(-20, 20)),
  'chance steps up': (r) => stepsOf(r, () => r.between(1, 20)),
  'the square root of time': (r) => {
    const height = r.log(10, 120) * MB;
    return (t) => height * Math.sqrt(t / HOURS);
  },
} as const satisfies Record<string, (r: Random) => Signal>;

/** One in 10 minutes to one in 2 hours. */
function stepsOf(r: Random, height: () => number): Signal {
  const every = r.log(10 * MINUTE, 2);
  return stairs(
    events(HOURS, () => every * r.wait()),
    () => height() * MB,
  );
}

const controls: Classed[] = Object.entries({ waves, bursts }).flatMap(([load, rate]) =>
  Object.entries(CONTROLS).map(([name, make]) => ({
    name: `${name}, beside ${load}`,
    of: 'api memory.private',
    class: null,
    make: scenario(rate, (_, seed) => {
      const signal = make(new Random(`${name}/${load}/${seed}`));
      return (t) => signal(t / HOUR);
    }),
  })),
);

const { values: options } = given(import.meta.url, { runs: { type: 'string', default: '25' }, first: { type: 'string', default: '1000' } });
const [runs, first] = [Number(options.runs), Number(options.first)];

console.log(`${runs} runs a row, seeds ${first} to ${first + runs - 1}\n`);
const rows = [...CLASSED, ...controls].map((one) => {
  const classes = Array.from({ length: runs }, (_, i) => classOf(one, first + i));
  const count = (name: string | null): number => classes.filter((found) => found === name).length;
  const wrong = TOLD.filter((name) => name !== one.class && count(name) > 0);
  return [
    one.name,
    one.class ?? 'none',
    one.class === null ? '-' : count(one.class),
    wrong.map((name) => `${count(name)} ${name}`).join(', '),
  ];
});
console.log(table(['what the level follows', 'class', 'named', 'named another'], rows));
