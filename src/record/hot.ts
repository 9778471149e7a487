/**
 * One tick as bytes, without its events: a *hot* row, written when the tick is made, given back bit for bit.
 *
 * Most ticks carry the same series in the same order, and the values of one read share one time stamp. That pattern is the *shape* of a
 * tick: per sample its series id and whether a new stamp begins there. A tick is then its shape, its stamps and its values, and the
 * shape is written once in the window of hot rows that becomes one chunk.
 *
 * Numbers are stored in the byte order of the machine, which is little-endian on x64 and arm64.
 */
import type { Tick } from '../tick.ts';

/** The pattern of the samples of a tick. */
export class Shape {
  /** Per sample: twice the series id, plus 1 where a new stamp begins. */
  readonly marks: Uint32Array;
  /** How many stamps begin. */
  readonly stamps: number;

  constructor(marks: Uint32Array) {
    let stamps = 0;
    for (let i = 0; i < marks.length; i++) stamps += marks[i]! & 1;
    this.marks = marks;
    this.stamps = stamps;
  }
}

/** Bytes that are not what we wrote. */
export class Damaged extends Error {}

export function intact(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Damaged(message);
}

export function shapeOf(samples: Tick['samples']): Shape {
  const marks = new Uint32Array(samples.length);
  for (let i = 0; i < marks.length; i++) marks[i] = markOf(samples, i);
  return new Shape(marks);
}

function markOf({ series, at }: Tick['samples'], i: number): number {
  const same = i > 0 && at[i] === at[i - 1] && (at[i] !== 0 || Object.is(at[i], at[i - 1])); // 0 and -0 are different bits
  return series[i]! * 2 + (same ? 0 : 1);
}

/** Index of the samples' shape in the list, or the length of the list when it is not there. Compared in place: most ticks build no shape. */
export function indexOfShape(shapes: readonly Shape[], samples: Tick['samples']): number {
  for (let index = 0; index < shapes.length; index++) if (hasShape(samples, shapes[index]!)) return index;
  return shapes.length;
}

function hasShape(samples: Tick['samples'], { marks }: Shape): boolean {
  if (marks.length !== samples.length) return false;
  for (let i = 0; i < marks.length; i++) if (marks[i] !== markOf(samples, i)) return false;
  return true;
}

export function beginsStamp(mark: number): boolean {
  return (mark & 1) === 1;
}

export function seriesOf({ marks }: Shape): Uint32Array {
  return marks.map((mark) => mark >>> 1);
}

export interface HotRow {
  readonly n: number;
  readonly data: Uint8Array;
}

/** Writes rows into one buffer, which is used again: a row is valid until the next one. */
export class HotEncoder {
  #doubles = new Float64Array(512);
  #words = new Uint32Array(this.#doubles.buffer);

  /**
   * The shape's index, its length if this row defines it, the definition, then t, wall, stamps and values as doubles.
   * @param index as `indexOfShape` gives it for the shapes that earlier rows of the window have defined
   */
  encode(tick: Tick, shape: Shape, index: number, isNew: boolean): Uint8Array {
    const { length, values, at } = tick.samples;
    const defined = isNew ? length : 0;
    const start = startOf(defined);
    this.#reserve(start + 2 + shape.stamps + length);
    const doubles = this.#doubles;
    doubles[start - 1] = 0; // the word that pads a definition
    this.#words[0] = index;
    this.#words[1] = defined;
    if (isNew) this.#words.set(shape.marks, 2);
    doubles[start] = tick.t;
    doubles[start + 1] = tick.wall;
    let next = start + 2;
    for (let i = 0; i < length; i++) if (beginsStamp(shape.marks[i]!)) doubles[next++] = at[i]!;
    for (let i = 0; i < length; i++) doubles[next++] = values[i]!;
    return new Uint8Array(doubles.buffer, 0, 8 * next);
  }

  #reserve(size: number): void {
    if (size <= this.#doubles.length) return;
    this.#doubles = new Float64Array(size * 2);
    this.#words = new Uint32Array(this.#doubles.buffer);
  }
}

/** A window of hot rows of these ticks. */
export function hotRowsOf(ticks: readonly Tick[]): HotRow[] {
  const encoder = new HotEncoder();
  const shapes: Shape[] = [];
  return ticks.map((tick) => {
    const index = indexOfShape(shapes, tick.samples);
    const isNew = index === shapes.length;
    if (isNew) shapes.push(shapeOf(tick.samples));
    return { n: tick.n, data: encoder.encode(tick, shapes[index]!, index, isNew).slice() };
  });
}

/** What a row has besides the definition of a shape: t, wall, the stamps and the values, in this order. */
interface HotDoubles {
  /** Index of its shape. */
  readonly index: number;
  readonly doubles: Float64Array;
}

/** The rows of a window, from its first on; a shape that one defines is added to the list. Throws `Damaged`. */
export function readHot({ data }: HotRow, shapes: Shape[]): HotDoubles {
  intact(data.length >= 8 && data.length % 8 === 0, 'a tick is cut off');
  const { buffer, byteOffset } = data.byteOffset % 8 === 0 ? data : new Uint8Array(data); // views of doubles must be aligned
  const [index, defined] = new Uint32Array(buffer, byteOffset, 2) as unknown as [number, number];
  const start = 8 * startOf(defined);
  intact(start <= data.length, 'a tick is cut off');
  // The definition of an empty shape is empty: a row defines its shape when its index is the next one.
  if (index === shapes.length) shapes.push(new Shape(new Uint32Array(buffer, byteOffset + 8, defined).slice()));
  const shape = shapes[index];
  intact(shape !== undefined && isShape(shape), 'a tick has no shape');
  const doubles = new Float64Array(buffer, byteOffset + start, (data.length - start) / 8);
  intact(doubles.length === 2 + shape.stamps + shape.marks.length, 'a tick has the wrong length');
  return { index, doubles };
}

/** The ticks of a window of hot rows, from its first row on, and the shapes that they define. Throws `Damaged`. */
export function decodeHot(rows: Iterable<HotRow>): { ticks: Tick[]; shapes: Shape[] } {
  const shapes: Shape[] = [];
  const ticks = Array.from(rows, (row) => {
    const { index, doubles } = readHot(row, shapes);
    return tickOf(row.n, shapes[index]!, doubles);
  });
  return { ticks, shapes };
}

function tickOf(n: number, shape: Shape, doubles: Float64Array): Tick {
  const { marks, stamps } = shape;
  const at = new Float64Array(marks.length);
  for (let i = 0, next = 1; i < marks.length; i++) {
    if (beginsStamp(marks[i]!)) next++;
    at[i] = doubles[next]!;
  }
  const samples = { length: marks.length, series: seriesOf(shape), values: doubles.subarray(2 + stamps), at };
  return { n, t: doubles[0]!, wall: doubles[1]!, samples, events: [] };
}

/** The first sample of a tick always begins a stamp. */
export function isShape({ marks }: Shape): boolean {
  return marks.length === 0 || beginsStamp(marks[0]!);
}

/** Doubles before those of the tick: two words, and a definition of this many. */
function startOf(defined: number): number {
  return 1 + Math.ceil(defined / 2);
}
