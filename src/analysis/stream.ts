/**
 * From the bins of a series to the few points that are judged: at most 40 blocks, cut at restarts, without warm-up and without what
 * was not to be judged. Nothing is interpolated: a gap is a longer distance between two points.
 */
import type { Kind } from '../catalog.ts';
import type { Bins } from '../store.ts';
import type { Phase, Span } from '../timeline.ts';
import { median } from './stats.ts';

/** More blocks gain nothing against correlated noise (research: 32, 40 and 64 judge alike), and the cost is linear in them. */
export const BLOCKS_MAX = 40;

/** Blocks with less than this share of the usual samples are left out: their mean is not comparable. */
const BLOCK_SHARE = 0.3;

/** A hole this much longer than a usual block splits it; rare samples have scattered distances. */
const HOLE = 1.5;

/** The floor is judged when it is this much quieter than the mean: without a sawtooth the mean is the better estimate. */
const FLOOR_QUIETER = 0.9;

const HOUR = 3600;

/** The points that are judged. Times are hours of run time. */
export interface Stream {
  readonly n: number;
  readonly t: Float64Array;
  readonly y: Float64Array;
  /** Index of the life that each point belongs to, ascending from 0. */
  readonly life: Int32Array;
  readonly lives: number;
  /** Usual distance between two points, hours. */
  readonly step: number;
  /** Judged hours: from the first to the last judged moment of each life, added up. */
  readonly hours: number;
  /** Where the first life's judging begins and the last one's ends, hours. */
  readonly from: number;
  readonly to: number;
  readonly kind: 'floor' | 'mean';
  /** Level now: median of the last block means. */
  readonly level: number;
}

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

/** The stream of a series, or null when nothing of it may be judged. A counter's stream is its rate per second. */
export function streamOf(bins: Bins, kind: Kind, cut: Cut): Stream | null {
  const blocks = enough(blocksOf(bins, usableBins(bins, cut), kind, cut.now));
  const n = blocks.length;
  if (n === 0) return null;
  const [t, means, floors] = [new Float64Array(n), new Float64Array(n), new Float64Array(n)];
  const life = new Int32Array(n);
  let seconds = 0;
  for (let i = 0; i < n; i++) {
    const block = blocks[i]!;
    const follows = i > 0 && blocks[i - 1]!.life === block.life;
    t[i] = block.t / HOUR;
    means[i] = block.mean;
    floors[i] = block.min;
    life[i] = i === 0 ? 0 : life[i - 1]! + (follows ? 0 : 1);
    seconds += block.to - (follows ? blocks[i - 1]!.to : block.from);
  }
  const floor = kind !== 'counter' && roughness(floors, life) < FLOOR_QUIETER * roughness(means, life);
  return {
    n,
    t,
    y: floor ? floors : means,
    life,
    lives: life[n - 1]! + 1,
    step: stepOf(t, life),
    hours: seconds / HOUR,
    from: blocks[0]!.from / HOUR,
    to: blocks[n - 1]!.to / HOUR,
    kind: floor ? 'floor' : 'mean',
    level: median(means.subarray(-5)),
  };
}

interface Usable {
  readonly n: number;
  readonly index: Int32Array;
  /** How many lives had begun by the end of the bin. */
  readonly life: Int32Array;
}

/** Bins that lie wholly within one life, after its warm-up, and outside phases that are not to be judged. */
function usableBins(bins: Bins, cut: Cut): Usable {
  const index = new Int32Array(bins.length);
  const lives = new Int32Array(bins.length);
  const starts = cut.lives;
  const unjudged = spansNotJudged(cut.phases);
  let [n, life] = [0, 0];
  for (let i = 0; i < bins.length; i++) {
    const from = (bins.first + i) * bins.width;
    const to = Math.min(from + bins.width, cut.now);
    if (bins.count[i] === 0 || to > cut.until) continue;
    while (life < starts.length && starts[life]! < to) life++;
    // A life that began inside the bin makes it a mixture of two; it warms up from then on, so the bin is left out.
    const start = life === 0 ? bins.first * bins.width : starts[life - 1]!;
    if (from < start + cut.warmup) continue;
    if (to - from < bins.width / 2) continue; // the newest bin, before its mean says anything
    if (unjudged.some((span) => span.from < to && span.to > from)) continue;
    index[n] = i;
    lives[n++] = life;
  }
  return { n, index, life: lives };
}

function spansNotJudged(phases: readonly Phase[]): Span[] {
  return phases.flatMap((phase, i) => (phase.judged ? [] : [{ from: phase.from, to: phases[i + 1]?.from ?? Infinity }]));
}

interface Block {
  readonly life: number;
  readonly from: number;
  readonly to: number;
  readonly t: number;
  readonly mean: number;
  readonly min: number;
  readonly count: number;
}

/**
 * Groups of bins, aligned to the end of their life, so that the newest block is whole. No group reaches over a restart, nor over a hole
 * longer than itself: each adds one block at most to the 40.
 */
function blocksOf(bins: Bins, usable: Usable, kind: Kind, now: number): Block[] {
  const size = Math.ceil(usable.n / BLOCKS_MAX);
  const longest = size * usualDistance(usable) * HOLE;
  const blocks: Block[] = [];
  for (let start = 0; start < usable.n;) {
    let end = start + 1;
    while (end < usable.n && usable.life[end] === usable.life[start] && usable.index[end]! - usable.index[end - 1]! <= longest) end++;
    for (let to = start + ((end - start) % size || size), from = start; from < end; from = to, to += size) {
      blocks.push(blockOf(bins, usable, from, to, kind, now));
    }
    start = end;
  }
  return blocks;
}

/** Of usable bins, in bins: more than 1 where samples are rare. */
function usualDistance({ n, index }: Usable): number {
  if (n < 2) return 1;
  return median(Int32Array.from({ length: n - 1 }, (_, i) => index[i + 1]! - index[i]!));
}

/** Of the usable bins from `start` to before `end`. */
function blockOf(bins: Bins, usable: Usable, start: number, end: number, kind: Kind, now: number): Block {
  let [sum, t, samples, from, to] = [0, 0, 0, 0, 0];
  let [min, low, high] = [Infinity, Infinity, -Infinity];
  for (let u = start; u < end; u++) {
    const i = usable.index[u]!;
    const count = bins.count[i]!;
    const mean = bins.sum[i]! / (kind === 'counter' ? bins.width : count);
    const begin = (bins.first + i) * bins.width;
    if (u === start) from = begin;
    to = Math.min(begin + bins.width, now);
    sum += mean;
    low = Math.min(low, mean);
    high = Math.max(high, mean);
    min = Math.min(min, bins.min[i]!);
    t += (begin + to) / 2;
    samples += count;
  }
  const size = end - start;
  // A trimmed mean, without the lowest and the highest bin: one spike does not make a block.
  const mean = size >= 4 ? (sum - low - high) / (size - 2) : sum / size;
  return { life: usable.life[start]!, from, to, t: t / size, mean, min, count: samples };
}

function enough(blocks: readonly Block[]): Block[] {
  const usual = median(blocks.map((block) => block.count));
  return blocks.filter((block) => block.count >= BLOCK_SHARE * usual);
}

/** Median of the absolute second differences within lives: a scale of the noise that no trend moves. */
function roughness(y: Float64Array, life: Int32Array): number {
  const bends = new Float64Array(y.length);
  let n = 0;
  for (let i = 2; i < y.length; i++) if (life[i] === life[i - 2]) bends[n++] = Math.abs(y[i]! - 2 * y[i - 1]! + y[i - 2]!);
  return n === 0 ? 0 : median(bends.subarray(0, n));
}

function stepOf(t: Float64Array, life: Int32Array): number {
  const steps = new Float64Array(t.length);
  let n = 0;
  for (let i = 1; i < t.length; i++) if (life[i] === life[i - 1]) steps[n++] = t[i]! - t[i - 1]!;
  return n === 0 ? 0 : median(steps.subarray(0, n));
}
