/**
 * From the bins of a series to the few points that are judged: at most 48 (twice as many in a last look beside a load), cut at restarts,
 * without warm-up and without what was not to be judged, of the stream that is quietest: the floor of a sawtooth, whole cycles, or means
 * of blocks. Nothing is interpolated: a gap is a longer distance between two points.
 */
import type { Kind } from '../catalog.ts';
import type { Bins } from '../store.ts';
import { type Cells, cellsOf, type Cut, logarithms } from './cells.ts';
import { blocksTogether, lowestOf, meansOf } from './coarser.ts';
import { type LoadFit, loadFitOf } from './covariate.ts';
import { type Low, lowsOf, periodOf, windowMeans } from './cycle.ts';
import { areAllThatMoves, withoutExcursions } from './excursions.ts';
import type { LoadCurve } from './loadcurve.ts';
import { Room } from './room.ts';
import { median, movesOf } from './stats.ts';

export type { Cut } from './cells.ts';

/** More blocks gain nothing against correlated noise (research: 32, 48 and 64 judge alike), and the cost is linear in them. */
export const BLOCKS_MAX = 48;

/** Blocks with less than this share of the usual samples are left out: their mean is not comparable. */
const BLOCK_SHARE = 0.3;

/** A hole this much longer than a usual block splits it; rare samples have scattered distances. */
const HOLE = 1.5;

/** The floor is judged when it is this much quieter than the mean; a load explains the mean, so beside it the floor must be quieter still. */
const FLOOR_QUIETER = 0.9;
const FLOOR_QUIETER_LOADED = 0.5;

/** Lows after the drops of a sawtooth are judged when a line through them would be this much better known. */
const LOWS_QUIETER = 0.8;

/** With fewer cycles than this their windows overlap; with more, each point is of one or several whole cycles of its own. */
const CYCLES_BLOCKED = 16;
const CYCLES_AVERAGED = 4;
const CYCLES_SEEN = 1.9;
/** Windows a cycle when they overlap. */
const WINDOWS_PER_CYCLE = 4;
const WINDOWS_MIN = 8;
/** In blocks: a shorter cycle is averaged out by them. */
const CYCLE_BLOCKS = 6;

/** Blocks that the level now is the median of. */
const LEVEL_BLOCKS = 5;

/** A stretch of at least so many blocks loses one of them without loss. */
const LONG_BLOCKS = 24;

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
  readonly covariates: readonly Float64Array[];
  readonly work: Float64Array | null;
  /** Judged hours: from the first to the last judged moment of each life, added up. */
  readonly hours: number;
  /** Where the first life's judging begins and the last one's ends, hours. */
  readonly from: number;
  readonly to: number;
  /** Means or floors of blocks, lows after the drops of a sawtooth, or means of whole cycles. */
  readonly kind: 'mean' | 'floor' | 'lows' | 'cycles';
  /** Level at the end: median of the last block means, which is that of their middle; hours. */
  readonly level: number;
  readonly levelAt: number;
  /** `y` is in natural logarithms. */
  readonly logs: boolean;
}

/** Logarithms are for what scatters in proportion to its size, and is never zero. */
export type Scale = 'linear' | 'log';

/** How a series is to be told as points. */
export interface Wanted {
  readonly scale?: Scale;
  /** Whether the floors of blocks may be judged: what moves slowly has others on its way up than on its way down. */
  readonly floors?: boolean;
  /** How many there may be. */
  readonly blocks?: number;
}

/** Where the points of a stream are, and their values. */
type Placed = Pick<Stream, 'n' | 't' | 'y' | 'life' | 'covariates' | 'work' | 'kind'>;

/**
 * The stream of a series, or null when nothing of it may be judged. A counter's stream is its rate per second.
 * @param load the load on its target, when it is known
 */
export function streamOf(bins: Bins, kind: Kind, cut: Cut, load: LoadCurve | null = null, wanted: Wanted = {}): Stream | null {
  const { scale = 'linear', floors = true, blocks: most = BLOCKS_MAX } = wanted;
  const plain = cellsOf(bins, kind, cut);
  const inLogs = scale === 'log' ? logarithms(plain) : null;
  const logs = inLogs !== null;
  const cells = inLogs ?? plain;
  const blocks = blocksOf(cells, most);
  if (blocks.length === 0) return null;
  const seconds = blocks.reduce((sum, b, i) => sum + b.to - (i > 0 && blocks[i - 1]!.life === b.life ? blocks[i - 1]!.to : b.from), 0);
  const placed = placedOf(cells, blocks, kind, load, floors);
  const last = blocks.slice(-LEVEL_BLOCKS);
  const level = median(last.map((block) => block.mean));
  return {
    ...placed,
    lives: placed.life[placed.n - 1]! + 1,
    step: stepOf(placed.t, placed.life),
    hours: seconds / HOUR,
    from: blocks[0]!.from / HOUR,
    to: blocks.at(-1)!.to / HOUR,
    level: logs ? Math.exp(level) : level,
    levelAt: median(last.map((block) => block.t)) / HOUR,
    logs,
  };
}

function placedOf(cells: Cells, blocks: readonly Block[], kind: Kind, load: LoadCurve | null, floors: boolean): Placed {
  const fit = load && loadFitOf(cells, load);
  if (fit) return blockPoints(blocks, kind, fit, floors);
  const plain = blockPoints(blocks, kind, null, floors);
  if (blocks[0]!.life !== blocks.at(-1)!.life || isConstant(plain.y)) return plain;
  const period = periodOf(cells);
  const lows = kind === 'counter' ? null : lowsOf(cells);
  const cycles = period === null ? 0 : (cells.index[cells.n - 1]! - cells.index[0]! + 1) / period;
  if (lows && (cycles >= CYCLES_AVERAGED || isQuieter(lows, plain.y))) return lowPoints(lows);
  if (period === null || cycles < CYCLES_SEEN || period < (CYCLE_BLOCKS * cells.n) / blocks.length) return plain;
  return cycles < CYCLES_AVERAGED
    ? withWave(plain, (period * (cells.to[0]! - cells.from[0]!)) / HOUR)
    : cyclePoints(cells, period, cycles, plain);
}

/** Without what came and went, where no load explains it. */
export function withoutVisits(stream: Stream): Stream {
  const { n, t, y, life, covariates, work, kind } = stream;
  const plain = (covariates.length === 0 || work === null) && life[n - 1] === 0 && (kind === 'mean' || kind === 'floor');
  const kept = plain ? withoutExcursions(y) : null;
  if (kept === null) return stream;
  // Visits at equal distances look like a wave.
  if (covariates.length > 0 && !areAllThatMoves(y, kept)) return stream;
  const of = (column: Float64Array): Float64Array => column.filter((_, i) => kept[i] === 1);
  const left = of(t);
  return { ...stream, n: left.length, t: left, y: of(y), life: new Int32Array(left.length), covariates: [] };
}

function isConstant(y: Float64Array): boolean {
  return y.every((value) => value === y[0]);
}

function isQuieter({ n, scatter }: Low, y: Float64Array): boolean {
  return scatter / Math.sqrt(n) < (LOWS_QUIETER * movesOf(y)) / Math.sqrt(y.length);
}

function lowPoints({ n, t, y }: Low): Placed {
  return { n, t: t.map((at) => at / HOUR), y, life: new Int32Array(n), covariates: [], work: null, kind: 'lows' };
}

function cyclePoints(cells: Cells, period: number, cycles: number, plain: Placed): Placed {
  const several = Math.ceil(cycles / BLOCKS_MAX);
  const { t, y } =
    cycles < CYCLES_BLOCKED
      ? windowMeans(cells, period, period / WINDOWS_PER_CYCLE)
      : windowMeans(cells, period * several, period * several);
  if (t.length < WINDOWS_MIN) return plain;
  const n = t.length;
  return { n, t: t.map((at) => at / HOUR), y, life: new Int32Array(n), covariates: [], work: null, kind: 'cycles' };
}

/** Two to four cycles are too few to average over, but enough to know their length. */
function withWave(plain: Placed, hours: number): Placed {
  const waves = [Math.sin, Math.cos].map((wave) => plain.t.map((t) => wave((2 * Math.PI * t) / hours)));
  return { ...plain, covariates: waves };
}

interface Block {
  readonly life: number;
  readonly from: number;
  readonly to: number;
  readonly t: number;
  readonly mean: number;
  readonly min: number;
  readonly count: number;
  /** Cells from `first` to before `end`; of four or more, the lowest and the highest are not in the mean. */
  readonly first: number;
  readonly end: number;
  readonly low: number;
  readonly high: number;
}

function blockPoints(blocks: readonly Block[], kind: Kind, fit: LoadFit | null, allowed: boolean): Placed {
  const n = blocks.length;
  const life = new Int32Array(n);
  for (let i = 1; i < n; i++) life[i] = life[i - 1]! + (blocks[i]!.life === blocks[i - 1]!.life ? 0 : 1);
  const means = column(blocks, (block) => block.mean);
  const floors = column(blocks, (block) => block.min);
  const share = fit ? FLOOR_QUIETER_LOADED : FLOOR_QUIETER;
  const mayBeFloor = allowed && kind !== 'counter';
  const floor = mayBeFloor && roughness(floors, life) < share * roughness(means, life);
  const y = floor ? floors : means;
  const t = column(blocks, (block) => block.t / HOUR);
  const together = mayBeFloor && fit === null && life[n - 1] === 0 ? blocksTogether(floors, y) : 1;
  if (together > 1) return floorPoints(meansOf(t, together), lowestOf(floors, together));
  return {
    n,
    t,
    y,
    life,
    covariates: fit?.covariates.map((covariate) => column(blocks, (block) => meanOf(covariate, block))) ?? [],
    work: fit && workOf(blocks, life, fit),
    kind: floor ? 'floor' : 'mean',
  };
}

function floorPoints(t: Float64Array, y: Float64Array): Placed {
  return { n: y.length, t, y, life: new Int32Array(y.length), covariates: [], work: null, kind: 'floor' };
}

/** `Float64Array.from` takes ten times as long. */
function column(blocks: readonly Block[], of: (block: Block) => number): Float64Array {
  const out = new Float64Array(blocks.length);
  for (let i = 0; i < out.length; i++) out[i] = of(blocks[i]!);
  return out;
}

/** Work done in each life so far, as a share of the most that was done in one. */
function workOf(blocks: readonly Block[], life: Int32Array, { total }: LoadFit): Float64Array {
  const work = column(blocks, (block) => total(block.t));
  let start = 0;
  let [base, most] = [work[0]!, 0];
  for (let i = 0; i < work.length; i++) {
    if (life[i] !== life[start]) [start, base] = [i, work[i]!];
    work[i]! -= base;
    most = Math.max(most, work[i]!);
  }
  return most > 0 ? work.map((value) => value / most) : work;
}

/**
 * Groups of cells, aligned to the end of their life, so that the newest block is whole. No group reaches over a restart, nor over a hole
 * longer than itself: each adds one block at most.
 */
function blocksOf(cells: Cells, most: number): Block[] {
  const size = Math.ceil(cells.n / most);
  const longest = size * usualDistance(cells) * HOLE;
  const blocks: Block[] = [];
  for (let start = 0; start < cells.n;) {
    let end = start + 1;
    while (end < cells.n && cells.life[end] === cells.life[start] && cells.index[end]! - cells.index[end - 1]! <= longest) end++;
    const first = firstWhole(start, end, size);
    for (let from = first, to = first + (first === start ? (end - start) % size || size : size); from < end; from = to, to += size) {
      blocks.push(blockOf(cells, from, to));
    }
    start = end;
  }
  return enough(blocks);
}

/**
 * Where the blocks of a stretch begin. Of a long one the cells before the first whole block are left out, and that block, too, where it
 * makes the number of blocks odd: points are at equal distances, and few designs serve all series.
 */
function firstWhole(start: number, end: number, size: number): number {
  const whole = Math.floor((end - start) / size);
  return whole < LONG_BLOCKS ? start : end - (whole - (whole % 2)) * size;
}

/** Of cells, in bins: more than 1 where samples are rare. */
function usualDistance({ n, index }: Cells): number {
  if (n < 2) return 1;
  let neighbours = 0;
  for (let i = 1; i < n; i++) if (index[i] === index[i - 1]! + 1) neighbours++;
  if (2 * neighbours > n - 1) return 1; // the median of distances of which none is less
  return median(Int32Array.from({ length: n - 1 }, (_, i) => index[i + 1]! - index[i]!));
}

/** Of the cells from `first` to before `end`. */
function blockOf(cells: Cells, first: number, end: number): Block {
  let low = first;
  let high = first;
  let min = Infinity;
  let count = 0;
  let t = 0;
  for (let i = first; i < end; i++) {
    if (cells.mean[i]! < cells.mean[low]!) low = i;
    if (cells.mean[i]! >= cells.mean[high]!) high = i;
    min = Math.min(min, cells.min[i]!);
    count += cells.count[i]!;
    t += (cells.from[i]! + cells.to[i]!) / 2;
  }
  const place = { life: cells.life[first]!, from: cells.from[first]!, to: cells.to[end - 1]!, first, end, low, high };
  return { ...place, t: t / (end - first), min, count, mean: meanOf(cells.mean, place) };
}

/** A trimmed mean, without the lowest and the highest cell: one spike does not make a block. What is told of the load is of the same cells. */
function meanOf(values: Float64Array, { first, end, low, high }: Pick<Block, 'first' | 'end' | 'low' | 'high'>): number {
  const trimmed = end - first >= 4;
  let sum = 0;
  for (let i = first; i < end; i++) if (!trimmed || (i !== low && i !== high)) sum += values[i]!;
  return sum / (trimmed ? end - first - 2 : end - first);
}

function enough(blocks: readonly Block[]): Block[] {
  const usual = median(blocks.map((block) => block.count));
  return blocks.filter((block) => block.count >= BLOCK_SHARE * usual);
}

const BENDS = new Room();
const STEPS = new Room();

/** Median of the absolute second differences within lives: a scale of the noise that no trend moves. */
function roughness(y: Float64Array, life: Int32Array): number {
  const bends = BENDS.of(y.length);
  let n = 0;
  for (let i = 2; i < y.length; i++) if (life[i] === life[i - 2]) bends[n++] = Math.abs(y[i]! - 2 * y[i - 1]! + y[i - 2]!);
  return n === 0 ? 0 : median(bends.subarray(0, n));
}

function stepOf(t: Float64Array, life: Int32Array): number {
  const steps = STEPS.of(t.length);
  let n = 0;
  for (let i = 1; i < t.length; i++) if (life[i] === life[i - 1]) steps[n++] = t[i]! - t[i - 1]!;
  return n === 0 ? 0 : median(steps.subarray(0, n));
}
