/**
 * Memory that is flat while its costs are noisy or climb (decision 30): how often it is held back. Healthy runs of which many are held back make
 * the rule useless; dear ones that pass make it blind.
 *
 *   node tools/run.mjs bench/detector/burden.ts [--runs 60] [--seed TEXT] [--constant]
 *
 * Noise is a share of what the cost is at the moment; with --constant, of what it was at the beginning.
 */
import { METRICS as RUNTIME } from '../../src/sources/runtime-metrics.ts';
import { M } from '../../test/sim/metrics.ts';
import { HOUR, type Simulated, Simulation } from '../../test/sim/run.ts';
import { Random } from './random.ts';
import { integral, MB, MINUTE, ou, type Signal, white } from './signals.ts';
import { percent, table } from './table.ts';
import { given } from './usage.ts';

const { values: options } = given(import.meta.url, {
  runs: { type: 'string', default: '60' },
  seed: { type: 'string', default: '1' },
  constant: { type: 'boolean', default: false },
});
const runs = Number(options.runs);

const HOURS = 8;
const INTERVAL_S = 10;
/** Costs are made of windows of half a minute: a counter that is read as often gives each of them noise of its own. */
const READ_S = 30;

const REQUESTS_PER_S = 50;
/** What load a role has wanders by so much, within a quarter of an hour. */
const WANDERS = 0.2;

/** As a share of a cost. */
const NOISE = {
  'white, 30 %': (r) => white(r, 0.3),
  'slow, 10 min, 15 %': (r) => ou(r, 0.15, 10 * MINUTE),
  'slow, 2 h, 15 %': (r) => ou(r, 0.15, 2),
} as const satisfies Record<string, (r: Random) => Signal>;

/** A cost at the beginning and at the end of the run; in between it goes up in a line. */
type Course = readonly [from: number, to: number];

/** What tells of the cost, and what it does. */
interface Told {
  readonly name: string;
  readonly courses: readonly Course[];
  /** The series that tell, of a cost over hours and of the load. */
  readonly series: (cost: Signal, load: Signal) => Simulated[];
}

/** CPU time of a request where it is something else that climbs. */
const CPU_S = 0.004;
const KIND = { 'soak.collection.kind': 'major' };

const TOLD: readonly Told[] = [
  {
    name: 'share in collections',
    courses: [
      [0.08, 0.08],
      [0.08, 0.16],
      [0.08, 0.4],
    ],
    series: (cost, load) => [
      { def: RUNTIME.collectionTime, source: 'runtime', labels: KIND, signal: adding(cost), period: READ_S },
      { def: M.cpu, signal: adding((t) => load(t) * CPU_S) },
    ],
  },
  {
    name: 'CPU time per request (ms), memory at its limit',
    courses: [
      [4, 4],
      [4, 6],
      [4, 8],
    ],
    series: (cost, load) => [
      { def: M.cpu, signal: adding((t) => (load(t) * cost(t)) / 1000) },
      { def: M.memoryLimit, signal: () => 520 * MB, period: 60 },
    ],
  },
];

/** A counter of what is spent per second. */
function adding(perSecond: Signal): Simulated['signal'] {
  const total = integral((t) => Math.max(0, perSecond(t)));
  return (t) => HOUR * total(t / HOUR);
}

/** The same value for the same time, and for the rest of a window: noise is of windows. */
function held(signal: Signal): Signal {
  let [window, value] = [NaN, NaN];
  return (t) => {
    const now = Math.floor((t * HOUR) / READ_S);
    if (now !== window) [window, value] = [now, signal(t)];
    return value;
  };
}

interface Ended {
  /** Why memory does not pass; null when it does. */
  readonly open: 'costs' | 'itself' | null;
  readonly climbed: boolean;
}

function runOf(r: Random, told: Told, [from, to]: Course, noise: (r: Random) => Signal): Ended {
  const scatter = noise(r.fork());
  const wander = held(ou(r.fork(), WANDERS, 10 * MINUTE));
  const load: Signal = (t) => REQUESTS_PER_S * Math.max(0.1, 1 + wander(t));
  const cost = held((t) => {
    const is = from + ((to - from) * t) / HOURS;
    return Math.max(0, is + (options.constant ? from : is) * scatter(t));
  });
  const memory = white(r.fork(), 0.1 * MB);
  const series: Simulated[] = [
    { def: M.memory, signal: (t) => 500 * MB + memory(t) },
    { def: M.fds, signal: () => 20 },
    { def: M.requests, source: 'traffic', signal: adding(load), period: INTERVAL_S },
    ...told.series(cost, load),
  ];
  // Memory near its limit leaves next to no floor for a life of two weeks; what is asked here is not about that.
  const judgedBy = { requiredLifetime: 0 };
  const verdict = new Simulation({ hours: HOURS, interval: INTERVAL_S, series, costs: true, options: judgedBy }).run().verdict();
  const judged = verdict.series.find(({ id }) => id === 'api memory.private')!;
  const open = judged.outcome === 'pass' ? null : judged.why.endsWith('this proves nothing') ? 'costs' : 'itself';
  return { open, climbed: verdict.findings.some(({ id }) => id === 'diagnosis:cost api') };
}

const rows = TOLD.flatMap((told) =>
  told.courses.flatMap((course) =>
    Object.entries(NOISE).map(([noise, make]) => {
      const ended = Array.from({ length: runs }, (_, i) =>
        runOf(new Random(`${options.seed}/${told.name}/${course.join()}/${noise}/${i}`), told, course, make),
      );
      const share = (is: (one: Ended) => boolean): string => percent(ended.filter(is).length / runs, 1);
      return [
        told.name,
        course.join(' to '),
        noise,
        share(({ open }) => open === 'costs'),
        share(({ climbed }) => climbed),
        share(({ open }) => open === 'itself'),
      ];
    }),
  ),
);
console.log(`Flat memory for ${HOURS} h, ${runs} runs a row, seed ${options.seed}\n`);
console.log(table(['what tells', 'from, to', 'noise', 'held back', 'told as climbed', 'open anyway'], rows));
