/** Draws the series of a family and derives its truth: what leaked, since when, how fast, and whether anyone could know. */
import type { Family, Sketch, Unit } from './families/family.ts';
import { hoursToSee, type Noise, trendZ } from './limit.ts';
import { Random } from './random.ts';

export interface Truth {
  readonly leak: boolean;
  /** Seconds. */
  readonly onset: number;
  /** Mean growth of what leaked from onset to the end; null when nothing did. */
  readonly slopePerHour: number | null;
  /** Growth was steady, so that estimates of it count. */
  readonly straight: boolean;
  /** When the limit is reached if nothing changes, seconds; null without a limit or beyond 60 days. */
  readonly exhaustsAt: number | null;
  /** Clean: seconds until what is bounded has settled; 0 when nothing grew. */
  readonly settledAt: number;
  /** Clean: what is left of its growth per hour in the last tenth of the run; it counts as clean only for who asks about more. */
  readonly creeps: number;
  /** Smallest possible seconds from onset to seeing it, where that is defined. */
  readonly soonest: number | null;
  readonly ambiguous: string | null;
}

export interface Labelled {
  readonly id: string;
  readonly family: string;
  readonly unit: Unit;
  readonly dt: number;
  readonly seconds: number;
  /** Times and values of the samples that were not lost. */
  readonly t: Float64Array;
  readonly y: Float64Array;
  readonly load: Float64Array | null;
  readonly restarts: readonly number[];
  readonly limit: number | null;
  readonly truth: Truth;
}

const HOUR = 3600;
const PAGE = 4096;
const ETA_DAYS_MAX = 60;

/** Share of the run after which a bounded fill that has not settled is nobody's to tell from a leak. */
const FILLING = 0.75;

/** Trendless noise that rises by accident as if it leaked: one in a hundred does, at its true size and correlation. */
const ACCIDENT_Z = 2.326;

/** Longer runs are sampled once a minute. */
const LONG_HOURS = 36;

/** The name of one draw: what its chance depends on. */
export function seedOf({ id }: Family, seed: string, index: number): string {
  return `${id}/${seed}/${index}`;
}

export function draw(family: Family, seed: string, index: number, step: number): Labelled {
  const id = seedOf(family, seed, index);
  const sketch = family.draw(new Random(id));
  const dt = sketch.hours > LONG_HOURS ? Math.max(60, step) : step;
  const samples = Math.floor((sketch.hours * HOUR) / dt) + 1;
  const drawn = sampled(sketch, samples, dt);
  const kept = Uint32Array.from(drawn.kept);
  const pick = (values: Float64Array): Float64Array => Float64Array.from(kept, (i) => values[i]!);
  return {
    id,
    family: family.id,
    unit: sketch.unit ?? 'bytes',
    dt,
    seconds: (samples - 1) * dt,
    t: Float64Array.from(kept, (i) => i * dt),
    y: pick(drawn.y),
    load: sketch.load ? pick(drawn.load) : null,
    restarts: (sketch.restarts ?? []).filter((at) => at < sketch.hours).map((at) => at * HOUR),
    limit: sketch.limit ?? null,
    truth: truthOf(sketch, drawn, dt),
  };
}

interface Drawn {
  readonly y: Float64Array;
  readonly load: Float64Array;
  readonly leaked: Float64Array;
  readonly filled: Float64Array;
  readonly kept: readonly number[];
}

function sampled(sketch: Sketch, samples: number, dt: number): Drawn {
  const make = (): Float64Array => new Float64Array(samples);
  const [y, load, leaked, filled] = [make(), make(), make(), make()];
  const kept: number[] = [];
  const grain = { bytes: PAGE, count: 1, seconds: 1e-6 }[sketch.unit ?? 'bytes'];
  for (let i = 0; i < samples; i++) {
    const t = (i * dt) / HOUR;
    load[i] = sketch.load?.(t) ?? 0;
    leaked[i] = sketch.leak?.part(t) ?? 0;
    filled[i] = sketch.bounded?.(t) ?? 0;
    const value = sketch.level + sketch.rest(t) + leaked[i]! + filled[i]!;
    y[i] = Math.max(0, Math.round(value / grain) * grain);
    if (!sketch.lost?.(t)) kept.push(i);
  }
  return { y, load, leaked, filled, kept };
}

function truthOf(sketch: Sketch, drawn: Drawn, dt: number): Truth {
  return sketch.leak ? leakyTruth(sketch, sketch.leak, drawn, dt) : cleanTruth(sketch, drawn, dt);
}

function leakyTruth(sketch: Sketch, leak: NonNullable<Sketch['leak']>, { leaked, y }: Drawn, dt: number): Truth {
  const { noise, limit } = sketch;
  const onset = leak.onset ?? 0;
  const slope = growth(leaked) / (sketch.hours - onset);
  const soonest = (known: Noise | undefined): number | null => (known ? hoursToSee(slope, known, dt / HOUR, leaked.length, onset) : null);
  const hours = soonest(noise);
  const unseen = (noise !== undefined && hours === null) || (sketch.roughly !== undefined && soonest(sketch.roughly) === null);
  const end = y.length * dt - dt;
  const eta = limit === undefined ? Infinity : end + ((limit - y.at(-1)!) / slope) * HOUR;
  return {
    leak: true,
    onset: onset * HOUR,
    slopePerHour: slope,
    straight: leak.straight ?? false,
    exhaustsAt: eta > end && eta < ETA_DAYS_MAX * 24 * HOUR ? eta : null,
    settledAt: 0,
    creeps: 0,
    soonest: hours === null ? null : hours * HOUR,
    ambiguous: sketch.ambiguous ?? (unseen ? 'the ideal test with the noise known would not see it in this time' : null),
  };
}

/** All that was ever leaked: a restart or a clean-up gives memory back, the leak goes on. */
function growth(leaked: Float64Array): number {
  let total = 0;
  for (let i = 1; i < leaked.length; i++) total += Math.max(0, leaked[i]! - leaked[i - 1]!);
  return total;
}

function cleanTruth(sketch: Sketch, { filled, y }: Drawn, dt: number): Truth {
  const settledAt = settled(filled) * dt;
  const filling = settledAt > FILLING * sketch.hours * HOUR;
  const accident = sketch.noise !== undefined && trendZ(y, sketch.noise, dt / HOUR) > ACCIDENT_Z;
  const why = filling ? 'it is still filling after three quarters of the run' : accident ? 'its noise rises by accident' : null;
  return {
    leak: false,
    onset: 0,
    slopePerHour: null,
    straight: false,
    exhaustsAt: null,
    settledAt,
    creeps: Math.max(sketch.creeps ?? 0, lastTenth(filled) / (0.1 * sketch.hours)),
    soonest: null,
    ambiguous: sketch.ambiguous ?? why,
  };
}

/** The last sample before 95 % of the rise is done. */
function settled(filled: Float64Array): number {
  const [from, to] = [filled[0]!, filled.at(-1)!];
  let last = filled.length - 1;
  while (last >= 0 && filled[last]! >= from + 0.95 * (to - from)) last--;
  return to > from ? last + 1 : 0;
}

function lastTenth(filled: Float64Array): number {
  return filled.at(-1)! - filled[Math.floor(0.9 * (filled.length - 1))]!;
}
