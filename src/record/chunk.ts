/**
 * A window of ticks as one zstd-compressed *chunk* of columns, given back bit for bit. Neighbours in a column are alike, and their bytes
 * are stored plane by plane (all first bytes of the doubles, then all second ones): exponents stand together, and so does the noise.
 *
 * Before compression: format, ticks, shapes, marks; shape of each tick; length of each shape; all shapes; then the planes of the
 * doubles: columns n, t and wall, a column per stamp position, a column per series, each in the order of the ticks.
 */
import { zstdDecompressSync } from 'node:zlib';
import type { Tick } from '../tick.ts';
import { compressed } from '../zstd.ts';
import { beginsStamp, Damaged, type HotRow, intact, isShape, readHot, seriesOf, Shape } from './hot.ts';

const FORMAT = 1;

const HEAD_WORDS = 4;

/** A window is at most 4 MB of hot rows (`WINDOW_BYTES`); if every tick has a shape of its own that is half as much again. A frame that claims more is damaged. */
const RAW_MAX = 16 * 2 ** 20;

/** The rows of a whole window. Throws `Damaged`. */
export function encodeChunk(rows: readonly HotRow[]): Uint8Array {
  const shapes: Shape[] = [];
  const used = new Uint32Array(rows.length);
  const ticks = rows.map((row, i) => {
    const { index, doubles } = readHot(row, shapes);
    used[i] = index;
    return doubles;
  });
  const plan = layout(shapes, used);
  const words = wordsOfShapes(shapes, used);
  const raw = new Uint8Array(words.byteLength + 8 * plan.size);
  raw.set(new Uint8Array(words.buffer));
  planes(columnsOf(rows, ticks, plan), raw.subarray(words.byteLength));
  return compressed(raw, { checksum: true });
}

/** All that stands before the doubles. */
function wordsOfShapes(shapes: readonly Shape[], used: Uint32Array): Uint32Array {
  const markCount = shapes.reduce((sum, { marks }) => sum + marks.length, 0);
  const words = new Uint32Array(HEAD_WORDS + used.length + shapes.length + markCount);
  words.set([FORMAT, used.length, shapes.length, markCount]);
  words.set(used, HEAD_WORDS);
  let next = HEAD_WORDS + used.length;
  for (const { marks } of shapes) words[next++] = marks.length;
  for (const { marks } of shapes) {
    words.set(marks, next);
    next += marks.length;
  }
  return words;
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
  const shapes = Array.from(lengths, (length) => new Shape(wordsOf(raw, (next += length) - length, length)));
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
  /** Samples in all ticks. */
  readonly samples: number;
  /** Doubles in all columns. */
  readonly size: number;
}

function layout(shapes: readonly Shape[], used: Uint32Array): Layout {
  const ids = new Map<number, number>();
  const columnOf = (mark: number): number => {
    const id = mark >>> 1;
    const known = ids.get(id);
    if (known === undefined) ids.set(id, ids.size);
    return known ?? ids.size - 1;
  };
  const columns = shapes.map(({ marks }) => marks.map(columnOf));
  let samples = 0;
  let size = 3 * used.length;
  for (let i = 0; i < used.length; i++) {
    const { marks, stamps } = shapes[used[i]!]!;
    samples += marks.length;
    size += marks.length + stamps;
  }
  return { shapes, used, columns, columnCount: ids.size, samples, size };
}

/** Where each column begins; whoever fills or reads the columns counts these up as it goes. */
function startsOf({ shapes, used, columns, columnCount }: Layout): { stampAt: Uint32Array; valueAt: Uint32Array } {
  const uses = new Uint32Array(shapes.length);
  for (let i = 0; i < used.length; i++) uses[used[i]!]!++;
  const stampAt = new Uint32Array(shapes.reduce((most, { stamps }) => Math.max(most, stamps), 0));
  const valueAt = new Uint32Array(columnCount);
  shapes.forEach(({ stamps }, index) => {
    const of = columns[index]!;
    for (let j = 0; j < stamps; j++) stampAt[j]! += uses[index]!;
    for (let s = 0; s < of.length; s++) valueAt[of[s]!]! += uses[index]!;
  });
  let next = 3 * used.length;
  for (const starts of [stampAt, valueAt]) {
    for (let i = 0; i < starts.length; i++) {
      const count = starts[i]!;
      starts[i] = next;
      next += count;
    }
  }
  return { stampAt, valueAt };
}

/** @param ticks the doubles of each row */
function columnsOf(rows: readonly HotRow[], ticks: readonly Float64Array[], plan: Layout): Float64Array {
  const to = new Float64Array(plan.size);
  const { stampAt, valueAt } = startsOf(plan);
  const count = ticks.length;
  for (let i = 0; i < count; i++) {
    const from = ticks[i]!;
    const { stamps } = plan.shapes[plan.used[i]!]!;
    const columns = plan.columns[plan.used[i]!]!;
    to[i] = rows[i]!.n;
    to[count + i] = from[0]!;
    to[2 * count + i] = from[1]!;
    for (let j = 0; j < stamps; j++) to[stampAt[j]!++] = from[2 + j]!;
    for (let s = 0; s < columns.length; s++) to[valueAt[columns[s]!]!++] = from[2 + stamps + s]!;
  }
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
    const { marks } = plan.shapes[index]!;
    const columns = plan.columns[index]!;
    const first = next;
    for (let s = 0, j = 0, stamp = NaN; s < marks.length; s++, next++) {
      if (beginsStamp(marks[s]!)) stamp = from[stampAt[j++]!++]!;
      allAt[next] = stamp;
      allValues[next] = from[valueAt[columns[s]!]!++]!;
    }
    const samples = { length: marks.length, series: ids[index]!, values: allValues.subarray(first, next), at: allAt.subarray(first, next) };
    return { n: from[i]!, t: from[count + i]!, wall: from[2 * count + i]!, samples, events: [] };
  });
}

/** Words and not bytes are read, and the inner loop is written out: it runs once in a window and so is never well optimised. */
function planes(doubles: Float64Array, to: Uint8Array): void {
  const { length } = doubles;
  const words = new Uint32Array(doubles.buffer);
  for (let i = 0; i < length; i++) {
    const low = words[2 * i]!;
    const high = words[2 * i + 1]!;
    to[i] = low;
    to[length + i] = low >>> 8;
    to[2 * length + i] = low >>> 16;
    to[3 * length + i] = low >>> 24;
    to[4 * length + i] = high;
    to[5 * length + i] = high >>> 8;
    to[6 * length + i] = high >>> 16;
    to[7 * length + i] = high >>> 24;
  }
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
