/**
 * The families of the benchmark that come from what people report, as runs of a whole day with their restarts and load. Those that
 * `families.ts` has by hand are left out, and so is what no outcome can be expected of: series that the benchmark leaves out, and
 * leaks of less than twice what the product reports.
 */
import { metricOf } from '../../../bench/leakbench-adapter.ts';
import { CLEAN_RESEARCH } from '../../../bench/detector/families/clean-research.ts';
import type { Family as Drawn, Sketch } from '../../../bench/detector/families/family.ts';
import { LEAKY_RESEARCH } from '../../../bench/detector/families/leaky-research.ts';
import { draw, seedOf } from '../../../bench/detector/labelled.ts';
import { Random } from '../../../bench/detector/random.ts';
import { countsWith, floorOf } from '../../../bench/detector/score.ts';
import { integral, sum, times } from '../../../bench/detector/signals.ts';
import { M } from '../metrics.ts';
import { HOUR, type Scenario, type Simulated } from '../run.ts';
import { rounded, type Signal } from '../series.ts';
import { BUSY, type Family } from './families.ts';

/** One sample a minute: what is asked here is not about sampling, and a day has 1,441 ticks. */
const INTERVAL = 60;

const BY_HAND = 'L01 L02 L03 L07 L09 L10 L14 L15 L18 C01 C02 C03 C04 C05 C06 C08 C09 C10 C11 C12 C19 C21 C22 C23'.split(' ');

const DRAWS_MAX = 400;

/** The first draw of this seed whose outcome can be expected. */
function expected(family: Drawn, seed: string): Sketch {
  for (let i = 0; i < DRAWS_MAX; i++) {
    const series = draw(family, seed, i, INTERVAL);
    const { leak, slopePerHour } = series.truth;
    if (countsWith(series, 'product') && (!leak || slopePerHour! > 2 * floorOf(series, 'product')))
      return family.draw(new Random(seedOf(family, seed, i)));
  }
  throw new Error(`no draw of ${family.id} counts`);
}

const inSeconds =
  (signal: Signal): Signal =>
  (t) =>
    signal(t / HOUR);

const GRAIN = { bytes: 4096, count: 1, seconds: 1e-6 } as const;

function scenario({ hours, unit = 'bytes', level, rest, leak, bounded, load, restarts = [], lost }: Sketch): Scenario {
  const signal = rounded(inSeconds(sum(() => level, rest, ...(leak ? [leak.part] : []), ...(bounded ? [bounded] : []))), GRAIN[unit]);
  const judged: Simulated = { def: { bytes: M.memory, count: M.fds, seconds: metricOf('seconds', 'product') }[unit], signal };
  const requests: Simulated[] = load ? [{ def: M.requests, signal: inSeconds(times(HOUR, integral(load))) }] : [];
  return {
    hours,
    interval: INTERVAL,
    series: [judged, ...requests, BUSY],
    events: restarts.filter((at) => at < hours).map((at) => ({ t: at * HOUR, kind: 'restart', target: 'api', data: {} })),
    ...(lost && { down: (t: number) => t > 0 && lost(t / HOUR) }),
  };
}

const familyOf =
  (leaky: boolean) =>
  (family: Drawn): Family => ({
    name: `${family.id}: ${family.name}`,
    leaky,
    allowed: [leaky ? 'fail' : 'pass', 'inconclusive'],
    make: (seed) => scenario(expected(family, `sim-${seed}`)),
  });

const missing = (families: readonly Drawn[]): Drawn[] => families.filter(({ id }) => !BY_HAND.includes(id));

export const RESEARCH: readonly Family[] = [
  ...missing(CLEAN_RESEARCH).map(familyOf(false)),
  ...missing(LEAKY_RESEARCH).map(familyOf(true)),
];
