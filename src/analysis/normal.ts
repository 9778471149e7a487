/** The normal equations of every shape, solved: what a fit asks of the columns besides their products with the values. */
import { Room, sideBySide } from './room.ts';
import { LINE, type Shape } from './shapes.ts';

/** Products of projected columns. */
export interface Products {
  /** Of each column with itself. */
  readonly squares: Float64Array;
  /** Of the two columns of each shape. */
  readonly cross: Float64Array;
}

/** The shapes as columns of numbers. */
export interface ShapeTable {
  /** Where the column of the straight line is. */
  readonly line: number;
  /** Where the columns of each shape are; a shape that has none is given the one after the last, which is nothing. */
  readonly a: Int32Array;
  readonly b: Int32Array;
  readonly ea: Float64Array;
  readonly eb: Float64Array;
  /** How many columns it has. */
  readonly k: Uint8Array;
  /** How much each is believed in beforehand, among those of its kind. */
  readonly prior: Float64Array;
}

/** For each shape the inverse of the matrix of its products, and the variance of its slope at the end for noise of variance 1. */
export interface Inverses {
  readonly aa: Float64Array;
  readonly ab: Float64Array;
  readonly bb: Float64Array;
  /**
   * Infinity when the points do not determine the slope. Of a bounded shape, whose slope at the end is 0, that of the straight line: what
   * the noise could hide. (That of a line beside it is far larger where they look alike, but such a pair has been given no chance.)
   */
  readonly unit: Float64Array;
}

/** A column that is nearly a copy of the others (a step between two points that do not exist) says nothing. */
const SINGULAR = 1e-9;

export function tableOf(shapes: readonly Shape[], place: Int32Array, columns: number): ShapeTable {
  const at = (column: number): number => (column < 0 ? columns : place[column]!);
  return {
    line: place[LINE]!,
    a: Int32Array.from(shapes, ({ a }) => at(a)),
    b: Int32Array.from(shapes, ({ b }) => at(b)),
    ea: Float64Array.from(shapes, ({ ea }) => ea),
    eb: Float64Array.from(shapes, ({ eb }) => eb),
    k: Uint8Array.from(shapes, ({ a, b }) => Number(a >= 0) + Number(b >= 0)),
    prior: Float64Array.from(shapes, ({ siblings }) => 1 / siblings),
  };
}

export function inversesOf(table: ShapeTable, products: Products): Inverses {
  const { length } = table.k;
  const [aa, ab, bb, unit] = sideBySide(length, length, length, length);
  return inverted(table, products, { aa, ab, bb, unit });
}

const ROOMS = { aa: new Room(), ab: new Room(), bb: new Room(), unit: new Room() };

/** The same, valid until the next of them. */
export function passingInverses(table: ShapeTable, products: Products): Inverses {
  const of = (room: Room): Float64Array => room.of(table.k.length).fill(0);
  return inverted(table, products, { aa: of(ROOMS.aa), ab: of(ROOMS.ab), bb: of(ROOMS.bb), unit: of(ROOMS.unit) });
}

/** The same as others but for some shapes. */
export function inversesWith(table: ShapeTable, products: Products, { aa, ab, bb, unit }: Inverses, fresh: readonly number[]): Inverses {
  const into = { aa: aa.slice(), ab: ab.slice(), bb: bb.slice(), unit: unit.slice() };
  for (const s of fresh) {
    for (const list of [into.aa, into.ab, into.bb]) list[s] = 0;
    invert(table, s, products, into);
  }
  return into;
}

function inverted(table: ShapeTable, products: Products, into: Inverses): Inverses {
  for (let s = 0; s < table.k.length; s++) invert(table, s, products, into);
  return into;
}

function invert(table: ShapeTable, s: number, { squares, cross }: Products, inverses: Inverses): void {
  const { aa: toA, ab: both, bb: toB, unit } = inverses;
  const hidden = 1 / squares[table.line]!;
  unit[s] = hidden;
  if (table.k[s] === 0) return;
  const aa = squares[table.a[s]!]!;
  const ea = table.ea[s]!;
  const eb = table.eb[s]!;
  const bounded = ea === 0 && eb === 0;
  unit[s] = Infinity;
  if (!(aa > SINGULAR)) return;
  toA[s] = 1 / aa;
  if (table.k[s] === 1) {
    unit[s] = bounded ? hidden : (ea * ea) / aa;
    return;
  }
  const bb = squares[table.b[s]!]!;
  const ab = cross[s]!;
  const det = aa * bb - ab * ab;
  if (!(det > SINGULAR * aa * bb)) return;
  toA[s] = bb / det;
  both[s] = -ab / det;
  toB[s] = aa / det;
  unit[s] = bounded ? hidden : (ea * ea * bb + eb * eb * aa - 2 * ea * eb * ab) / det;
}
