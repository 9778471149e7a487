/** The bins of a series that may be judged, as columns: the finest grain of every stream. */
import type { Kind } from '../catalog.ts';
import { type Bins, BINS_MAX } from '../store.ts';
import { LIVES_MAX, type Phase, type Span } from '../timeline.ts';
import { increments } from './rates.ts';
import { Room } from './room.ts';

export interface Cut {
  /** Run times at which a life began, ascending. */
  readonly lives: readonly number[];
  /** Seconds left out at the beginning of each life. */
  readonly warmup: number;
  readonly phases: readonly Phase[];
  /** Judging ends here: now, or earlier when the work stopped. */
  readonly until: number;
  readonly now: number;
}

/**
 * Bins that lie wholly within one life, after its warm-up, and outside phases that are not to be judged. Times are run time in seconds.
 * Valid until the next cells are made.
 */
export interface Cells {
  readonly n: number;
  /** Number of the bin: neighbours differ by 1. */
  readonly index: Int32Array;
  /** How many lives had begun by the end of the bin. */
  readonly life: Int32Array;
  readonly from: Float64Array;
  readonly to: Float64Array;
  /** Of a counter its rate per second. */
  readonly mean: Float64Array;
  readonly min: Float64Array;
  readonly count: Float64Array;
}

const ROOMS = { from: new Room(), to: new Room(), mean: new Room(), min: new Room(), count: new Room() };
let index = new Int32Array(BINS_MAX);
let life = new Int32Array(BINS_MAX);

export function cellsOf(bins: Bins, kind: Kind, cut: Cut): Cells {
  const size = bins.count.length;
  const [froms, tos] = [ROOMS.from.of(size), ROOMS.to.of(size)];
  const [mean, min, count] = [ROOMS.mean.of(size), ROOMS.min.of(size), ROOMS.count.of(size)];
  if (index.length < size) [index, life] = [new Int32Array(size), new Int32Array(size)];
  const starts = cut.lives;
  // The newest bin is not used until it closes, so that points are at equal distances.
  const until = Math.min(cut.until, cut.now);
  const unjudged = spansNotJudged(cut.phases);
  const gained = kind === 'counter' ? increments(bins) : null;
  let [n, lives] = [0, 0];
  for (let i = 0; i < bins.length; i++) {
    const from = (bins.first + i) * bins.width;
    const to = from + bins.width;
    if (bins.count[i] === 0 || to > until) continue;
    while (lives < starts.length && starts[lives]! < to) lives++;
    if (isUntold(starts, lives)) continue;
    // A life that began inside the bin makes it a mixture of two; it warms up from then on, so the bin is left out.
    const start = lives === 0 ? bins.first * bins.width : starts[lives - 1]!;
    if (from < start + cut.warmup) continue;
    if (touches(unjudged, from, to)) continue;
    index[n] = i;
    life[n] = lives;
    froms[n] = from;
    tos[n] = to;
    mean[n] = gained === null ? bins.sum[i]! / bins.count[i]! : gained[i]! / bins.width;
    min[n] = bins.min[i]!;
    count[n++] = bins.count[i]!;
  }
  return { n, index, life, from: froms, to: tos, mean, min, count };
}

/** Of a full list nobody knows which lives were between the first and the second start: the oldest but one are dropped. */
export function isUntold(starts: readonly number[], life: number): boolean {
  return starts.length >= LIVES_MAX && life === 1;
}

function touches(spans: readonly Span[], from: number, to: number): boolean {
  for (const span of spans) if (span.from < to && span.to > from) return true;
  return false;
}

function spansNotJudged(phases: readonly Phase[]): Span[] {
  return phases.flatMap((phase, i) => (phase.judged ? [] : [{ from: phase.from, to: phases[i + 1]?.from ?? Infinity }]));
}

/** A series with fewer cells above zero is not one whose logarithm says anything. */
const POSITIVE_SHARE = 0.5;

/**
 * The cells in natural logarithms: those whose mean is above zero. A latency of zero is the absence of one, so a lowest value of zero says
 * nothing of the others. Null when too many are not above zero.
 */
export function logarithms(cells: Cells): Cells | null {
  const { mean, min } = cells;
  const kept = Array.from({ length: cells.n }, (_, i) => i).filter((i) => mean[i]! > 0);
  if (kept.length < POSITIVE_SHARE * cells.n || kept.length === 0) return null;
  const of = (column: Float64Array): Float64Array => Float64Array.from(kept, (i) => column[i]!);
  const whole = (column: Int32Array): Int32Array => Int32Array.from(kept, (i) => column[i]!);
  return {
    n: kept.length,
    index: whole(cells.index),
    life: whole(cells.life),
    from: of(cells.from),
    to: of(cells.to),
    mean: Float64Array.from(kept, (i) => Math.log(mean[i]!)),
    min: Float64Array.from(kept, (i) => Math.log(min[i]! > 0 ? min[i]! : mean[i]!)),
    count: of(cells.count),
  };
}
