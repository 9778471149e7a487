/**
 * What a fit needs and the values do not change: the columns of every shape, and their products with each other for every correlation.
 * Series that are sampled together share their times, so the last designs are kept; a design depends on nothing but its arguments.
 */
import { dot, PHIS, PRIORS, type Times, Whitened } from './gls.ts';
import { type Inverses, inversesOf, inversesWith, type Products, type ShapeTable, tableOf } from './normal.ts';
import { BUFFER_BYTES, sideBySide, VIEW_BYTES } from './room.ts';
import { columnOf, columnsOf, placesOf, type Shape, workShapesOf } from './shapes.ts';

export interface Design {
  readonly shapes: readonly Shape[];
  /** For each column of the shapes its index here. */
  readonly place: Int32Array;
  /** One after the other, as they are. */
  readonly columns: Float64Array;
  readonly table: ShapeTable;
  readonly phis: readonly PhiDesign[];
}

export interface PhiDesign {
  /** ln of how much this correlation is believed in beforehand. */
  readonly logPrior: number;
  readonly frame: Whitened;
  readonly products: Products;
  readonly inverses: Inverses;
}

/**
 * 185 columns x 48 points and 8 phis x 1,530 products and inverses of 8 bytes are 170 kB, those of a screen a twentieth of it, and their 24 buffers
 * and 80 arrays take 15 kB. Points at equal distances give one design whatever the distance is, so that 8 MB hold all shapes for each of 12 .. 48
 * points, and their screens: with less, what the first series has left is gone when the next one comes to it.
 */
const KEPT_BYTES = 8e6;

/** Distances that differ by less are equal. */
const EQUAL = 1e-6;

interface Kept {
  readonly times: Times;
  /** Points of one life at equal distances. */
  readonly even: boolean;
  readonly design: Design;
  readonly bytes: number;
}

/** The latest last. */
const kept: Kept[] = [];
let keptBytes = 0;

export function designOf(times: Times, shapes: readonly Shape[]): Design & { readonly span: number } {
  const even = isEven(times);
  const index = kept.findLastIndex((known) => known.design.shapes === shapes && known.even === even && isSame(known, times));
  // Made of points at distance 1 and not of these, so that a fit never depends on what was fitted before.
  const found = index >= 0 ? kept.splice(index, 1)[0]! : keep(times, even, made(even ? evenly(times) : times, shapes));
  kept.push(found);
  while (keptBytes > KEPT_BYTES) keptBytes -= kept.shift()!.bytes;
  return { ...withWork(found.design, times), span: spanOf(times) };
}

function keep(times: Times, even: boolean, design: Design): Kept {
  const { columns, phis, shapes } = design;
  const [{ products }] = phis as [PhiDesign];
  const numbers = 3 * times.n + times.lives + products.squares.length + 5 * shapes.length;
  const bytes = 8 * columns.length + phis.length * (8 * numbers + 3 * BUFFER_BYTES + 10 * VIEW_BYTES);
  keptBytes += bytes;
  return { times, even, design, bytes };
}

function isSame({ times, even }: Kept, other: Times): boolean {
  return times.n === other.n && times.lives === other.lives && (even || isSameTimes(times, other));
}

function isEven({ n, t, lives, step }: Times): boolean {
  if (lives !== 1) return false;
  for (let i = 1; i < n; i++) if (Math.abs(t[i]! - t[i - 1]! - step) > EQUAL * step) return false;
  return true;
}

function evenly({ n, life }: Times): Times {
  return { n, t: Float64Array.from({ length: n }, (_, i) => i), life, lives: 1, step: 1, covariates: [], work: null };
}

function isSameTimes(a: Times, b: Times): boolean {
  if (a.step !== b.step) return false;
  for (let i = 0; i < a.n; i++) if (a.t[i] !== b.t[i] || a.life[i] !== b.life[i]) return false;
  return true;
}

function made(times: Times, shapes: readonly Shape[]): Design {
  const { n } = times;
  const { place, table, count } = layoutOf(shapes);
  const columns = columnsOf(place, count, lifeTimes(times));
  const phis = PHIS.map((phi, p): PhiDesign => {
    const frame = new Whitened(times, phi);
    const of = projector(frame, columns, n);
    const [squares, cross] = sideBySide(count, shapes.length);
    for (let c = 0; c < count; c++) squares[c] = of.square(c);
    crossInto(cross, shapes, place, columns, of, n);
    const products = { squares, cross };
    return { logPrior: Math.log(PRIORS[p]!), frame, products, inverses: inversesOf(table, products) };
  });
  return { shapes, place, columns, table, phis };
}

interface Layout {
  readonly place: Int32Array;
  /** How many columns there are. */
  readonly count: number;
  readonly table: ShapeTable;
}

/** Of the five lists of shapes. */
const layouts = new WeakMap<readonly Shape[], Layout>();

function layoutOf(shapes: readonly Shape[]): Layout {
  const known = layouts.get(shapes);
  if (known) return known;
  const { place, count } = placesOf(shapes);
  const made = { place, count, table: tableOf(shapes, place, count) };
  layouts.set(shapes, made);
  return made;
}

/** Shapes with the same first column stand together: it is projected once. */
function crossInto(
  cross: Float64Array,
  shapes: readonly Shape[],
  place: Int32Array,
  columns: Float64Array,
  of: Projector,
  n: number,
): void {
  let last = -1;
  let dual = columns;
  for (let s = 0; s < cross.length; s++) {
    const { a, b } = shapes[s]!;
    if (b < 0) continue;
    if (a !== last) dual = of.dual(place[a]!);
    last = a;
    cross[s] = dot(columns, place[b]! * n, dual, 0, n);
  }
}

/** Work is done at a pace of its own in every life of every target: its columns, which stand last, are not kept. */
function withWork(design: Design, { n, t, work }: Times): Design {
  const fresh = work === null ? [] : workShapesOf(design.shapes);
  if (fresh.length === 0) return design;
  const { shapes, place, table } = design;
  const columns = design.columns.slice();
  for (const s of fresh) columns.set(columnOf(shapes[s]!.a, t, work), table.a[s]! * n);
  const phis = design.phis.map((phi): PhiDesign => {
    const squares = phi.products.squares.slice();
    const of = projector(phi.frame, columns, n);
    for (const s of fresh) squares[table.a[s]!] = of.square(table.a[s]!);
    const products = { squares, cross: phi.products.cross };
    return { ...phi, products, inverses: inversesWith(table, products, phi.inverses, fresh) };
  });
  return { shapes, place, columns, table, phis };
}

interface Projector {
  /** Of a projected column with itself. */
  readonly square: (c: number) => number;
  /** What a raw column is multiplied by for its product with this one; valid until the next call. */
  readonly dual: (c: number) => Float64Array;
}

function projector(frame: Whitened, columns: Float64Array, n: number): Projector {
  const [projected, dual] = [new Float64Array(n), new Float64Array(n)];
  return {
    square: (c) => {
      frame.project(columns, c * n, projected);
      return dot(projected, 0, projected, 0, n);
    },
    dual: (c) => {
      frame.project(columns, c * n, projected);
      frame.dual(projected, dual);
      return dual;
    },
  };
}

/** Time since the first point of each life, divided by the longest such time. */
export function lifeTimes(times: Times): Float64Array {
  const { n, t, life } = times;
  const span = spanOf(times);
  const x = new Float64Array(n);
  for (let i = 0, start = 0; i < n; i++) {
    if (life[i] !== life[start]) start = i;
    x[i] = (t[i]! - t[start]!) / span;
  }
  return x;
}

/** The longest life, in the unit of `t`: the unit of the shapes' slopes. */
function spanOf({ n, t, life }: Times): number {
  let span = 0;
  for (let i = 0, start = 0; i < n; i++) {
    if (life[i] !== life[start]) start = i;
    span = Math.max(span, t[i]! - t[start]!);
  }
  return span;
}
