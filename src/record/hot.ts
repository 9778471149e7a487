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

/** Per sample: twice the series id, plus 1 where a new stamp begins. */
export type Shape = Uint32Array;

/** Bytes that are not what we wrote. */
export class Damaged extends Error {}

export function intact(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Damaged(message);
}

export function shapeOf({ length, series, at }: Tick['samples']): Shape {
  const shape = new Uint32Array(length);
  for (let i = 0; i < length; i++) {
    const same = i > 0 && Object.is(at[i], at[i - 1]); // 0 and -0 are different bits
    shape[i] = series[i]! * 2 + (same ? 0 : 1);
  }
  return shape;
}

/** Index of the shape in the list, or the length of the list when it is not there. */
export function indexOfShape(shapes: readonly Shape[], shape: Shape): number {
  const found = shapes.findIndex((known) => known.length === shape.length && known.every((mark, i) => mark === shape[i]));
  return found < 0 ? shapes.length : found;
}

export function beginsStamp(mark: number): boolean {
  return (mark & 1) === 1;
}

export function stampsOf(shape: Shape): number {
  let stamps = 0;
  for (const mark of shape) stamps += mark & 1;
  return stamps;
}

export function seriesOf(shape: Shape): Uint32Array {
  return shape.map((mark) => mark >>> 1);
}

/**
 * The shape's index, its length if this row defines it, the definition, then t, wall, stamps and values as doubles.
 * @param index as `indexOfShape` gives it for the shapes that earlier rows of the window have defined
 */
export function encodeHot(tick: Tick, shape: Shape, index: number, isNew: boolean): Uint8Array {
  const { length, values, at } = tick.samples;
  const defined = isNew ? padded(length) : 0;
  const bytes = new Uint8Array(8 + 4 * defined + 8 * (2 + stampsOf(shape) + length));
  new Uint32Array(bytes.buffer, 0, 2).set([index, isNew ? length : 0]);
  if (isNew) new Uint32Array(bytes.buffer, 8, length).set(shape);
  const doubles = new Float64Array(bytes.buffer, 8 + 4 * defined);
  doubles[0] = tick.t;
  doubles[1] = tick.wall;
  let next = 2;
  for (let i = 0; i < length; i++) if (beginsStamp(shape[i]!)) doubles[next++] = at[i]!;
  doubles.set(values.subarray(0, length), next);
  return bytes;
}

export interface HotRow {
  readonly n: number;
  readonly data: Uint8Array;
}

/** The ticks of a window of hot rows, from its first row on, and the shapes that they define. Throws `Damaged`. */
export function decodeHot(rows: Iterable<HotRow>): { ticks: Tick[]; shapes: Shape[] } {
  const shapes: Shape[] = [];
  const ticks = Array.from(rows, ({ n, data }) => decodeRow(n, data, shapes));
  return { ticks, shapes };
}

function decodeRow(n: number, data: Uint8Array, shapes: Shape[]): Tick {
  intact(data.length >= 8 && data.length % 8 === 0, 'a tick is cut off');
  const { buffer } = new Uint8Array(data); // a copy: views of doubles must be aligned
  const [index, defined] = new Uint32Array(buffer, 0, 2) as unknown as [number, number];
  const start = 8 + 4 * padded(defined);
  intact(start <= data.length, 'a tick is cut off');
  // The definition of an empty shape is empty: a row defines its shape when its index is the next one.
  if (index === shapes.length) shapes.push(new Uint32Array(buffer, 8, defined));
  const shape = shapes[index];
  intact(shape !== undefined && isShape(shape), 'a tick has no shape');
  const doubles = new Float64Array(buffer, start);
  const stamps = stampsOf(shape);
  intact(doubles.length === 2 + stamps + shape.length, 'a tick has the wrong length');
  const at = new Float64Array(shape.length);
  for (let i = 0, next = 1; i < shape.length; i++) {
    if (beginsStamp(shape[i]!)) next++;
    at[i] = doubles[next]!;
  }
  const samples = { length: shape.length, series: seriesOf(shape), values: doubles.subarray(2 + stamps), at };
  return { n, t: doubles[0]!, wall: doubles[1]!, samples, events: [] };
}

/** The first sample of a tick always begins a stamp. */
export function isShape(shape: Shape): boolean {
  return shape.length === 0 || beginsStamp(shape[0]!);
}

/** Words of a definition, rounded up so that the doubles after it are aligned. */
function padded(length: number): number {
  return length + (length % 2);
}
