/**
 * A window of ticks as one zstd-compressed *chunk* of columns, given back bit for bit. Neighbours in a column are alike, and their bytes
 * are stored plane by plane (all first bytes of the doubles, then all second ones): exponents stand together, and so does the noise.
 *
 * Before compression: format, ticks, shapes, marks; shape of each tick; length of each shape; all shapes; then the planes of the
 * doubles: columns n, t and wall, a column per stamp position, a column per series, each in the order of the ticks.
 */
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { Tick } from '../tick.ts';
import { beginsStamp, Damaged, indexOfShape, intact, isShape, seriesOf, shapeOf, stampsOf, type Shape } from './hot.ts';

const FORMAT = 1;

const HEAD_WORDS = 4;

/** A window is at most 4 MB of hot rows (`WINDOW_BYTES`); if every tick has a shape of its own that is half as much again. A frame that claims more is damaged. */
const RAW_MAX = 16 * 2 ** 20;

export function encodeChunk(ticks: readonly Tick[]): Uint8Array {
  const shapes: Shape[] = [];
  const used = Uint32Array.from(ticks, ({ samples }) => {
    const shape = shapeOf(samples);
    const index = indexOfShape(shapes, shape);
    if (index === shapes.length) shapes.push(shape);
    return index;
  });
  const marks = shapes.flatMap((shape) => [...shape]);
  const lengths = shapes.map((shape) => shape.length);
  const words = Uint32Array.from([FORMAT, used.length, shapes.length, marks.length, ...used, ...lengths, ...marks]);
  const doubles = columnsOf(ticks, layout(shapes, used));
  const raw = new Uint8Array(words.byteLength + doubles.byteLength);
  raw.set(new Uint8Array(words.buffer));
  raw.set(planes(doubles), words.byteLength);
  return zstdCompressSync(raw, { params: { [constants.ZSTD_c_checksumFlag]: 1 }, pledgedSrcSize: raw.length });
}

/** Throws `Damaged`. */
export function decodeChunk(chunk: Uint8Array): Tick[] {
  const raw = inflate(chunk);
  intact(raw.length >= 4 * HEAD_WORDS, 'a chunk is cut off');
  const [format, count, shapeCount, markCount] = wordsOf(raw, 0, HEAD_WORDS) as unknown as [number, number, number, number];
  intact(format === FORMAT, 'a chunk has an unknown format');
  const size = 4 * (HEAD_WORDS + count + shapeCount + markCount);
  intact(size <= raw.length, 'a chunk is cut off');
  const used = wordsOf(raw, HEAD_WORDS, count);
  const lengths = wordsOf(raw, HEAD_WORDS + count, shapeCount);
  const known = used.every((index) => index < shapeCount);
  intact(known && lengths.reduce((sum, length) => sum + length, 0) === markCount, 'the shapes of a chunk do not fit');
  let next = HEAD_WORDS + count + shapeCount;
  const shapes = Array.from(lengths, (length) => wordsOf(raw, (next += length) - length, length));
  intact(shapes.every(isShape), 'a chunk has no stamps');
  const plan = layout(shapes, used);
  intact(raw.length === size + 8 * plan.size, 'a chunk has the wrong length');
  const ticks = ticksOf(doublesOf(raw.subarray(size)), plan);
  const inOrder = ticks.every(({ n }, i) => Number.isSafeInteger(n) && n > (ticks[i - 1]?.n ?? -1));
  intact(inOrder, 'the ticks of a chunk are out of order');
  return ticks;
}

/** Where each double of a window stands. */
interface Layout {
  readonly shapes: readonly Shape[];
  /** Index of the shape of each tick. */
  readonly used: Uint32Array;
  /** Per shape, the value column of each of its samples. */
  readonly columns: readonly Uint32Array[];
  readonly columnCount: number;
  /** Per shape, its number of stamps. */
  readonly stamps: readonly number[];
  /** Samples in all ticks. */
  readonly samples: number;
  /** Doubles in all columns. */
  readonly size: number;
}

function layout(shapes: readonly Shape[], used: Uint32Array): Layout {
  const ids = new Map<number, number>();
  const columnOf = (mark: number): number => {
    const id = mark >>> 1;
    const column = ids.get(id) ?? ids.size;
    ids.set(id, column);
    return column;
  };
  const columns = shapes.map((shape) => shape.map(columnOf));
  const stamps = shapes.map(stampsOf);
  let samples = 0;
  let size = 3 * used.length;
  for (const index of used) {
    samples += shapes[index]!.length;
    size += shapes[index]!.length + stamps[index]!;
  }
  return { shapes, used, columns, columnCount: ids.size, stamps, samples, size };
}

/** Where each column begins; whoever fills or reads the columns counts these up as it goes. */
function startsOf({ used, columns, columnCount, stamps }: Layout): { stampAt: Uint32Array; valueAt: Uint32Array } {
  const stampAt = new Uint32Array(stamps.reduce((most, count) => Math.max(most, count), 0));
  const valueAt = new Uint32Array(columnCount);
  for (const index of used) {
    for (let j = 0; j < stamps[index]!; j++) stampAt[j]!++;
    for (const column of columns[index]!) valueAt[column]!++;
  }
  let next = 3 * used.length;
  for (const starts of [stampAt, valueAt]) {
    starts.forEach((count, i) => {
      starts[i] = next;
      next += count;
    });
  }
  return { stampAt, valueAt };
}

function columnsOf(ticks: readonly Tick[], plan: Layout): Float64Array {
  const to = new Float64Array(plan.size);
  const { stampAt, valueAt } = startsOf(plan);
  ticks.forEach(({ n, t, wall, samples }, i) => {
    const shape = plan.shapes[plan.used[i]!]!;
    const columns = plan.columns[plan.used[i]!]!;
    to[i] = n;
    to[ticks.length + i] = t;
    to[2 * ticks.length + i] = wall;
    for (let s = 0, j = 0; s < shape.length; s++) {
      if (beginsStamp(shape[s]!)) to[stampAt[j++]!++] = samples.at[s]!;
      to[valueAt[columns[s]!]!++] = samples.values[s]!;
    }
  });
  return to;
}

/** The ticks share two buffers, of which each has a part, and the ids of their shape. */
function ticksOf(from: Float64Array, plan: Layout): Tick[] {
  const { stampAt, valueAt } = startsOf(plan);
  const allValues = new Float64Array(plan.samples);
  const allAt = new Float64Array(plan.samples);
  const ids = plan.shapes.map(seriesOf);
  const count = plan.used.length;
  let next = 0;
  return Array.from(plan.used, (index, i) => {
    const shape = plan.shapes[index]!;
    const columns = plan.columns[index]!;
    const first = next;
    for (let s = 0, j = 0, stamp = NaN; s < shape.length; s++, next++) {
      if (beginsStamp(shape[s]!)) stamp = from[stampAt[j++]!++]!;
      allAt[next] = stamp;
      allValues[next] = from[valueAt[columns[s]!]!++]!;
    }
    const samples = { length: shape.length, series: ids[index]!, values: allValues.subarray(first, next), at: allAt.subarray(first, next) };
    return { n: from[i]!, t: from[count + i]!, wall: from[2 * count + i]!, samples, events: [] };
  });
}

function planes(doubles: Float64Array): Uint8Array {
  const from = new Uint8Array(doubles.buffer);
  const to = new Uint8Array(from.length);
  for (let i = 0; i < doubles.length; i++) for (let plane = 0; plane < 8; plane++) to[plane * doubles.length + i] = from[i * 8 + plane]!;
  return to;
}

function doublesOf(from: Uint8Array): Float64Array {
  const doubles = new Float64Array(from.length / 8);
  const to = new Uint8Array(doubles.buffer);
  for (let i = 0; i < doubles.length; i++) for (let plane = 0; plane < 8; plane++) to[i * 8 + plane] = from[plane * doubles.length + i]!;
  return doubles;
}

function inflate(chunk: Uint8Array): Uint8Array {
  try {
    return zstdDecompressSync(chunk, { maxOutputLength: RAW_MAX });
  } catch (error) {
    throw new Damaged('a chunk cannot be decompressed', { cause: error });
  }
}

/** A copy, because `raw` need not be aligned. */
function wordsOf(raw: Uint8Array, from: number, count: number): Uint32Array {
  const words = new Uint32Array(count);
  new Uint8Array(words.buffer).set(raw.subarray(4 * from, 4 * (from + count)));
  return words;
}
