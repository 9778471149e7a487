/**
 * Between the positions of the grid. A curve that is half a grid step beside the data leaves a rest that looks like slow noise, and slow
 * noise hides growth: what a clear fill, warm-up or cycle leaves must be the noise of the series, not of the grid. So a position at
 * which the evidence changes faster than the grid is divided, and its parts again; they share the prior of what they are parts of.
 */
import { lifeTimes } from './design.ts';
import { evidenceOf } from './evidence.ts';
import type { Fits, Fitted, WhitenedValues } from './fit.ts';
import type { Points } from './gls.ts';
import type { Family, Placed, Stretch } from './families.ts';
import { Room } from './room.ts';
import type { Shape, ShapeKind } from './shapes.ts';

/**
 * Kinds that differ by growth alone stand or fall together: to divide one of them only would take its side. Not steps: of a staircase that
 * ends a line and the step that fits best leave less than a step alone, and what is left of its other steps passes for growth.
 */
const GROUP: Partial<Record<ShapeKind, number>> = {
  fill: 0,
  knee: 0,
  late: 0,
  settle: 1,
  'line+settle': 1,
  wave: 2,
};

/** A group is divided when it is within this (ln of the odds) of the likeliest. */
const LIKELY = 12;

/** Of a kind, what is within this of its best, where neighbours differ by more than the second. */
const NEAR = 5;
const ROUGH = 1.5;

const PARTS = 3;
/** Parts of a part: 1/81 of a grid step is closer than what is allowed for as misfit. */
const LEVELS = 4;
/** Of a kind, at every level: bounds the work. */
const DIVIDED_MAX = 3;

/** For the columns of a shape. */
const ROOMS = [new Room(), new Room()];

interface Cell {
  readonly stretch: Stretch;
  readonly family: Family;
  /** Of all correlations. */
  readonly evidence: number;
  readonly siblings: number;
  /** Index of its shape. */
  readonly shape: number;
}

/** The same fits, with what lies between positions where the grid is too coarse. */
export function refined(points: Points, fits: Fits, values: readonly WhitenedValues[]): Fits {
  const total = totals(fits);
  const top = total.reduce((most, one) => Math.max(most, one), -Infinity);
  const cells = coarse(fits.shapes, total, top);
  if (cells.length === 0) return fits;
  const work = new Work(points, fits, values);
  for (const kind of cells) {
    let due: readonly Cell[] = kind;
    for (let level = 0; level < LEVELS && due.length > 0; level++) due = divided(due, work);
  }
  return work.fits();
}

/** The parts that are to be divided further. */
function divided(due: readonly Cell[], work: Work): Cell[] {
  const highest = due.toSorted((a, b) => height(b) - height(a)).slice(0, DIVIDED_MAX);
  const parts = highest.map((cell) => work.divide(cell));
  const best = parts.flat().reduce((most, cell) => Math.max(most, height(cell)), -Infinity);
  return parts.flatMap((list) => (isRough(list) ? list.filter((cell) => height(cell) > best - NEAR) : []));
}

/** Evidence of a place, whatever share of its kind stands there. */
function height({ evidence, siblings }: Cell): number {
  return evidence + Math.log(siblings);
}

function isRough(cells: readonly Cell[]): boolean {
  const list = cells.map((cell) => cell.evidence);
  return Math.max(...list) - Math.min(...list) > ROUGH;
}

/** ln of the evidence of each shape over all correlations. */
function totals(fits: Fits): Float64Array {
  const count = fits.shapes.length;
  return Float64Array.from(fits.shapes, (_, s) => logSum(fits.given.map((_, p) => evidenceOf(fits, p * count + s))));
}

/** Of each kind the positions that are to be divided. */
function coarse(shapes: readonly Shape[], total: Float64Array, top: number): Cell[][] {
  const groups = likelyGroups(shapes, total, top);
  const families = Map.groupBy(
    [...shapes.keys()].filter((s) => shapes[s]!.between !== null && groups.has(GROUP[shapes[s]!.kind]!)),
    (s) => shapes[s]!.between!.family,
  );
  const cell = (s: number): Cell => ({ ...shapes[s]!.between!, evidence: total[s]!, siblings: shapes[s]!.siblings, shape: s });
  return [...families.values()].map((places) => roughPlaces(places, shapes, total).map(cell)).filter((cells) => cells.length > 0);
}

function likelyGroups(shapes: readonly Shape[], total: Float64Array, top: number): Set<number> {
  const groups = new Set<number>();
  shapes.forEach(({ kind }, s) => {
    if (total[s]! > top - LIKELY && GROUP[kind] !== undefined) groups.add(GROUP[kind]);
  });
  return groups;
}

/** Places of one kind near its best, where the evidence changes from one to the next faster than the grid follows. */
function roughPlaces(places: readonly number[], shapes: readonly Shape[], total: Float64Array): number[] {
  const best = places.reduce((most, s) => Math.max(most, total[s]!), -Infinity);
  const sorted = places.toSorted((a, b) => shapes[a]!.between!.stretch[0] - shapes[b]!.between!.stretch[0]);
  const differs = (s: number, other: number | undefined): boolean => other !== undefined && Math.abs(total[s]! - total[other]!) > ROUGH;
  return sorted.filter((s, i) => total[s]! > best - NEAR && (differs(s, sorted[i - 1]) || differs(s, sorted[i + 1])));
}

/** Fits that were added, one list of figures after the other. */
class Work {
  readonly #fits: Fits;
  readonly #values: readonly WhitenedValues[];
  readonly #x: Float64Array;
  readonly #added: { readonly shape: Shape; readonly fitted: readonly Fitted[] }[] = [];
  readonly #gone = new Set<number>();

  constructor(points: Points, fits: Fits, values: readonly WhitenedValues[]) {
    this.#fits = fits;
    this.#values = values;
    this.#x = lifeTimes(points);
  }

  /** The parts of a cell, which they replace. */
  divide({ stretch: [lo, hi], family, siblings, shape }: Cell): Cell[] {
    this.#gone.add(shape);
    const at = (i: number): number => lo + ((hi - lo) * i) / PARTS;
    return Array.from({ length: PARTS }, (_, i) => {
      const of = PARTS * siblings;
      const { index, evidence } = this.#fit(family(at(i + 0.5)), of);
      return { stretch: [at(i), at(i + 1)], family, siblings: of, shape: index, evidence };
    });
  }

  #fit({ kind, columns, ends, at }: Placed, siblings: number): { index: number; evidence: number } {
    const raw = columns.map((column) => this.#x.map(column));
    const bounded = ends.every((end) => end === 0);
    const fitted = this.#values.map((values, p) => {
      const [a, b] = raw.map((column, c) => values.column(column, ROOMS[c]!.of(column.length)));
      return values.fit(a!, b ?? null, ends, bounded ? hiddenOf(this.#fits, p) : null, siblings);
    });
    const [ea = 0, eb = 0] = ends;
    const shape = { kind, bounded, a: -1, b: -1, ea, eb, at, siblings, between: null, own: columns };
    const index = this.#fits.shapes.length + this.#added.push({ shape, fitted }) - 1;
    return { index, evidence: logSum(fitted.map((one) => one.evidence)) };
  }

  fits(): Fits {
    const { shapes, df, columns, prior, given, span, beside } = this.#fits;
    const [before, count] = [shapes.length, shapes.length + this.#added.length];
    const wide = (key: 'rest' | 'first' | 'end' | 'unit'): Float64Array => {
      const out = new Float64Array(this.#values.length * count);
      for (let p = 0; p < this.#values.length; p++) {
        out.set(this.#fits[key].subarray(p * before, (p + 1) * before), p * count);
        this.#added.forEach(({ fitted }, i) => (out[p * count + before + i] = fitted[p]![key]));
      }
      return out;
    };
    const rest = wide('rest');
    for (let p = 0; p < this.#values.length; p++) for (const s of this.#gone) rest[p * count + s] = Infinity;
    return {
      shapes: [...shapes, ...this.#added.map((one) => one.shape)],
      rest,
      first: wide('first'),
      end: wide('end'),
      unit: wide('unit'),
      df: Int32Array.of(...df, ...this.#added.map(({ fitted }) => fitted[0]!.df)),
      columns: Uint8Array.of(...columns, ...this.#added.map(({ shape }) => shape.own!.length)),
      prior: Float64Array.of(...prior, ...this.#added.map(({ shape }) => 1 / shape.siblings)),
      given,
      span,
      beside,
    };
  }
}

/** What noise could hide: the variance of the straight line's slope, which that of a bounded shape is. */
function hiddenOf({ shapes, unit }: Fits, p: number): number {
  return unit[p * shapes.length + shapes.findIndex((shape) => shape.kind === 'flat')]!;
}

function logSum(logs: readonly number[]): number {
  const most = Math.max(...logs);
  return most === -Infinity ? most : most + Math.log(logs.reduce((sum, log) => sum + Math.exp(log - most), 0));
}
