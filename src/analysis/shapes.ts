/**
 * The shapes that compete to explain a series. Growth that ends (a step, a cache that fills, a curve that settles) explains a rise as
 * well as growth that goes on; only what the data say of the end of the run tells them apart. Each column is a function of x, the
 * time since the start of the judged part of a life, divided by the longest such part.
 */

/** What a shape says: `bounded` ones stop growing, the others have a slope at the end. */
export type ShapeKind = 'flat' | 'line' | 'knee' | 'line+step' | 'line+settle' | 'step' | 'fill' | 'settle';

export interface Shape {
  readonly kind: ShapeKind;
  readonly bounded: boolean;
  /** Indices into the columns; -1 for none. */
  readonly a: number;
  readonly b: number;
  /** The slope at the end is the coefficient of `a`, plus that of `b` for a knee. */
  readonly both: boolean;
  /** x where it bends, or has settled; 0 where it does neither. */
  readonly at: number;
  /** How many shapes of its kind there are: each kind counts once, whatever its grid. */
  readonly siblings: number;
}

const KNEES = [0.08, 0.15, 0.22, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.88] as const;

/** A coarse grid leaves a curved rest that a line would explain (research: 49 % false alarms on slow caches at x 1.4, 8 % at x 1.2). */
const TAUS = Array.from({ length: 24 }, (_, i) => 0.02 * 1.2 ** i); // up to 1.33

/** Beside a line only early settling is told apart from the line itself. */
const EARLY_TAUS = TAUS.filter((tau) => tau < 0.21 && tau > 0.025);

/** A settling curve is within 2 % of its end after four time constants. */
const SETTLED_TAUS = 4;

/** A point that lies on a knee lies after it, whatever unit its time was in. */
const ROUNDING = 1e-9;

type Column = (x: number) => number;

const COLUMNS: Column[] = [(x) => x];
const SHAPES: Shape[] = [];

function column(of: Column): number {
  return COLUMNS.push(of) - 1;
}

function shape(kind: ShapeKind, columns: { a?: number; b?: number }, at: number, siblings: number): void {
  const bounded = kind === 'flat' || kind === 'step' || kind === 'fill' || kind === 'settle';
  SHAPES.push({ kind, bounded, a: columns.a ?? -1, b: columns.b ?? -1, both: kind === 'knee', at, siblings });
}

shape('flat', {}, 0, 1);
shape('line', { a: 0 }, 0, 1);
for (const knee of KNEES) {
  const step = column((x) => (x > knee - ROUNDING ? 1 : 0));
  shape('step', { a: step }, knee, KNEES.length);
  shape('line+step', { a: 0, b: step }, knee, KNEES.length);
  shape('knee', { a: 0, b: column((x) => Math.max(0, x - knee)) }, knee, KNEES.length);
  shape('fill', { a: column((x) => Math.min(x, knee)) }, knee, KNEES.length);
}
for (const tau of TAUS) {
  const settling = column((x) => 1 - Math.exp(-x / tau));
  shape('settle', { a: settling }, tau * SETTLED_TAUS, TAUS.length);
  if (EARLY_TAUS.includes(tau)) shape('line+settle', { a: 0, b: settling }, tau * SETTLED_TAUS, EARLY_TAUS.length);
}

/** The straight line alone: enough to see that nothing happens. */
export const LINE_ONLY: readonly Shape[] = SHAPES.filter((s) => s.kind === 'line');

/** In the order in which they are tried. */
export const ALL_SHAPES: readonly Shape[] = SHAPES;

/** The columns that the shapes use, for every x, one column after the other. */
export function columnsOf(shapes: readonly Shape[], x: Float64Array): Float64Array {
  const count = 1 + shapes.reduce((most, { a, b }) => Math.max(most, a, b), -1);
  const out = new Float64Array(count * x.length);
  for (let c = 0; c < count; c++) {
    const of = COLUMNS[c]!;
    for (let i = 0; i < x.length; i++) out[c * x.length + i] = of(x[i]!);
  }
  return out;
}
