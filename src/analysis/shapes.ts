/**
 * The shapes that compete to explain a series. Growth that ends (a step, a cache that fills, a curve that settles) explains a rise as
 * well as growth that goes on; only what the data say of the end of the run tells them apart. Each column is a function of x, the
 * time since the start of the judged part of a life divided by the longest such part, or of w, the work done in that time as a share of
 * the most that was done in a life.
 */

import { type Between, FAMILIES, type Family, past, settling, SETTLED_TAUS, stretches, upTo, waves } from './families.ts';

/** What a shape says: `bounded` ones stop growing, the others have a slope at the end. */
export type ShapeKind =
  | 'flat'
  | 'step'
  | 'bump'
  | 'fill'
  | 'ramp'
  | 'settle'
  | 'log'
  | 'wave'
  | 'line'
  | 'work'
  | 'late'
  | 'knee'
  | 'line+step'
  | 'line+settle'
  | 'root'
  | 'square';

export interface Shape {
  readonly kind: ShapeKind;
  readonly bounded: boolean;
  /** Indices into the columns; -1 for none. */
  readonly a: number;
  readonly b: number;
  /** The slope at x = 1 is ea x the coefficient of a + eb x that of b. */
  readonly ea: number;
  readonly eb: number;
  /** x where it bends, or has settled; 0 where it does neither. */
  readonly at: number;
  /** How many shapes of its kind there are: each kind counts once, whatever its grid. */
  readonly siblings: number;
  /** Of a grid that may be divided further: the stretch that its position stands for. */
  readonly between: Between | null;
  /** Columns of its own, of a shape that lies between those of the grid: it has none of the table. */
  readonly own: readonly Column[] | null;
}

export type Column = (x: number) => number;

/** A point that lies on a knee lies after it, whatever unit its time was in. */
const ROUNDING = 1e-9;

const BENDS = [0.05, 0.09, 0.13, 0.18, 0.24, 0.3, 0.36, 0.42, 0.48, 0.54, 0.6, 0.66, 0.72, 0.78, 0.84, 0.9, 0.94] as const;

/** A step lies between two of usually 48 points: one that is put a point beside its place leaves a residual as large as itself. */
const STEPS = [...BENDS, ...Array.from({ length: 46 }, (_, i) => (i + 2) / 50).filter((at) => !BENDS.some((bend) => bend === at))];

/** A fill that ended later than this has not been seen to stay full. */
const FILLED_BY = 0.86;
/** A second slope over less than this is an accident. */
const KNEE_BY = 0.9;
const STEP_BY = 0.85;

/** What rose and fell again, a batch or a test before the test, can be left out with the warm-up when it was over by then. */
const BUMP_BY = 0.5;

/** Beginning and width of what rose for a while in mid-run: a pool that was enlarged, a deployment. */
const RAMPS: readonly (readonly [number, number])[] = [
  ...[0.05, 0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75].map((from) => [from, 0.1] as const),
  ...[0.05, 0.17, 0.29, 0.41, 0.53, 0.65].map((from) => [from, 0.2] as const),
  ...[0.3, 0.55, 0.8].map((from) => [from, 0.05] as const),
];

/** A coarse grid leaves a curved rest that a line would explain (research: 49 % false alarms on slow caches at x 1.4, 0 % at x 1.1). */
const TAU_STEP = 1.1;
const TAUS = Array.from({ length: 46 }, (_, i) => 0.015 * TAU_STEP ** i); // up to 1.09

/** Beside a line only early settling is told apart from the line itself. */
const EARLY_TAU = 0.3;

/** The maximum of a stationary series grows with the logarithm of time (a new one comes at a rate of 1/t), and so does a cache of rare keys. */
const LOG_SCALES = [0.003, 0.01, 0.03, 0.1] as const;

/** What fragments grows with the square root of time; its beginning may have been cut off with the warm-up, as this share of what is left. */
const ROOT_CUTS = [0, 0.09, 0.3, 1] as const;

/** Periods of a cycle of which no more than two were seen. */
const WAVE_STEP = 1.1;
const WAVES = Array.from({ length: 15 }, (_, i) => 0.4 * WAVE_STEP ** i); // up to 1.52

/** The column of the straight line, which every list of shapes has. */
export const LINE = 0;

const COLUMNS: Column[] = [(x) => x];
const SHAPES: Shape[] = [];
const LOADED: Shape[] = [];

function column(of: Column): number {
  return COLUMNS.push(of) - 1;
}

interface Terms {
  readonly a?: number;
  readonly b?: number;
  readonly ea?: number;
  readonly eb?: number;
}

function shape(
  list: Shape[],
  kind: ShapeKind,
  { a = -1, b = -1, ea = 0, eb = 0 }: Terms,
  at = 0,
  siblings = 1,
  between: Between | null = null,
): void {
  list.push({ kind, bounded: ea === 0 && eb === 0, a, b, ea, eb, at, siblings, between, own: null });
}

shape(SHAPES, 'flat', {});
shape(SHAPES, 'line', { a: LINE, ea: 1 });
for (const cut of ROOT_CUTS) {
  shape(SHAPES, 'root', { a: column((x) => Math.sqrt(x + cut)), ea: 0.5 / Math.sqrt(1 + cut) }, 0, ROOT_CUTS.length);
}
shape(SHAPES, 'square', { a: column((x) => x * x), ea: 2 });

const bendStretch = stretches(BENDS);
const late = new Map(BENDS.map((bend) => [bend, column(past(bend))]));
const step = new Map(STEPS.map((at) => [at, column((x) => (x > at - ROUNDING ? 1 : 0))]));
function until(last: number): readonly (typeof BENDS)[number][] {
  return BENDS.filter((bend) => bend <= last);
}
for (const at of STEPS) shape(SHAPES, 'step', { a: step.get(at)! }, at, STEPS.length);
const bumps = BENDS.flatMap((to) => BENDS.filter((from) => from < to && to <= BUMP_BY).map((from) => [from, to] as const));
for (const [from, to] of bumps) shape(SHAPES, 'bump', { a: step.get(from)!, b: step.get(to)! }, to, bumps.length);
const around = (bend: number, family: Family): Between => ({ stretch: bendStretch(bend), family });
for (const bend of BENDS) shape(SHAPES, 'late', { a: late.get(bend)!, ea: 1 }, bend, BENDS.length, around(bend, FAMILIES.late));
for (const bend of until(FILLED_BY)) {
  shape(SHAPES, 'fill', { a: column(upTo(bend)) }, bend, until(FILLED_BY).length, around(bend, FAMILIES.fill));
}
for (const bend of until(KNEE_BY)) {
  const terms = { a: LINE, b: late.get(bend)!, ea: 1, eb: 1 };
  shape(SHAPES, 'knee', terms, bend, until(KNEE_BY).length, around(bend, FAMILIES.knee));
}
for (const bend of until(STEP_BY)) {
  shape(SHAPES, 'line+step', { a: LINE, b: step.get(bend)!, ea: 1 }, bend, until(STEP_BY).length);
}
for (const [from, width] of RAMPS) {
  const terms = { a: column((x) => Math.min(width, Math.max(0, x - from))) };
  shape(SHAPES, 'ramp', terms, from + width, RAMPS.length);
}
const early = TAUS.filter((tau) => tau < EARLY_TAU).length;
for (const tau of TAUS) {
  const curve = column(settling(tau));
  const stretch = [Math.log(tau) - 0.5 * Math.log(TAU_STEP), Math.log(tau) + 0.5 * Math.log(TAU_STEP)] as const;
  shape(SHAPES, 'settle', { a: curve }, tau * SETTLED_TAUS, TAUS.length, { stretch, family: FAMILIES.settle });
  if (tau >= EARLY_TAU) continue;
  shape(SHAPES, 'line+settle', { a: LINE, b: curve, ea: 1 }, tau * SETTLED_TAUS, early, { stretch, family: FAMILIES.lineSettle });
}
for (const scale of LOG_SCALES) shape(SHAPES, 'log', { a: column((x) => Math.log1p(x / scale)) }, 0, LOG_SCALES.length);
const timed = SHAPES.length;
for (const period of WAVES) {
  const [sine, cosine] = waves(period).map(column);
  const stretch = [Math.log(period) - 0.5 * Math.log(WAVE_STEP), Math.log(period) + 0.5 * Math.log(WAVE_STEP)] as const;
  shape(SHAPES, 'wave', { a: sine!, b: cosine! }, 0, WAVES.length, { stretch, family: FAMILIES.wave });
}

// With a load, growth may follow the work that was done, and a cycle is the load's own: waves would compete with the work.
LOADED.push(...SHAPES.slice(0, timed));
const FIRST_OF_WORK = COLUMNS.length;
shape(LOADED, 'work', { a: column((w) => w), ea: 1 });
for (const bend of until(FILLED_BY)) shape(LOADED, 'fill', { a: column((w) => Math.min(w, bend)) }, bend, until(FILLED_BY).length);

/** In the order in which they are tried. */
export const ALL_SHAPES: readonly Shape[] = SHAPES;

/** Those for a series whose load is known. */
export const LOAD_SHAPES: readonly Shape[] = LOADED;

/** The straight line alone, for points that can tell nothing else. */
export const LINE_ONLY: readonly Shape[] = SHAPES.filter((s) => s.kind === 'line');

const FEW_BENDS: ReadonlySet<number> = new Set([0.24, 0.48, 0.72]);
const FEW_TAUS: readonly number[] = [0.2, 0.5];

/** Those that a handful of points can tell apart: one column each, few positions. */
export const FEW_SHAPES: readonly Shape[] = SHAPES.filter(({ kind, at }) => {
  if (kind === 'flat' || kind === 'line') return true;
  if (kind === 'settle') return FEW_TAUS.some((tau) => Math.abs(at / SETTLED_TAUS / tau - 1) < 0.05);
  return (kind === 'step' || kind === 'fill' || kind === 'late') && FEW_BENDS.has(at);
});

/** Enough to see that nothing happens: growth of any kind that is worth a closer look is seen by one of these. */
export const SCREEN_SHAPES: readonly Shape[] = SHAPES.filter(
  (one) => FEW_SHAPES.includes(one) || (one.kind === 'knee' && FEW_BENDS.has(one.at)),
);

/** For each column of the table where it stands among those that the shapes use, and how many these are. */
export function placesOf(shapes: readonly Shape[]): { place: Int32Array; count: number } {
  const place = new Int32Array(COLUMNS.length).fill(-1);
  let count = 0;
  for (const { a, b } of shapes) for (const c of [a, b]) if (c >= 0 && place[c]! < 0) place[c] = count++;
  return { place, count };
}

/** The columns in their places, one after the other; those of the work are last, and 0. */
export function columnsOf(place: Int32Array, count: number, x: Float64Array): Float64Array {
  const columns = new Float64Array(count * x.length);
  for (let c = 0; c < FIRST_OF_WORK; c++) {
    const offset = place[c]! * x.length;
    if (offset >= 0) for (let i = 0; i < x.length; i++) columns[offset + i] = COLUMNS[c]!(x[i]!);
  }
  return columns;
}

/** Indices of the shapes of work: each has one column, which is its own. */
export function workShapesOf(shapes: readonly Shape[]): number[] {
  return [...shapes.keys()].filter((s) => shapes[s]!.a >= FIRST_OF_WORK);
}

/** A column of the table. */
export function columnOf(index: number, x: Float64Array, work: Float64Array | null): Float64Array {
  return (index < FIRST_OF_WORK ? x : work!).map(COLUMNS[index]!);
}

/** The columns of a shape at these times, and this work. */
export function drawn({ a, b, own }: Shape, x: Float64Array, work: Float64Array | null): Float64Array[] {
  return own?.map((column) => x.map(column)) ?? [a, b].filter((index) => index >= 0).map((index) => columnOf(index, x, work));
}

export function columnCount({ a, b, own }: Shape): number {
  return own?.length ?? Number(a >= 0) + Number(b >= 0);
}

/** Whether what lies between the positions of a list is of interest: not of one that only screens, or is for a handful of points. */
export function isFine(shapes: readonly Shape[]): boolean {
  return shapes === ALL_SHAPES || shapes === LOAD_SHAPES;
}
