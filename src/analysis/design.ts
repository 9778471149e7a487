/**
 * What a fit needs and the values do not change: the whitened columns of every shape for every correlation. Series that are sampled
 * together share their times, so the last few designs are kept; a design depends on nothing but its arguments.
 */
import { dot, PHIS, PRIORS, type Times, Whitened } from './gls.ts';
import { columnsOf, LINE, type Shape } from './shapes.ts';

export interface Design {
  readonly shapes: readonly Shape[];
  readonly phis: readonly PhiDesign[];
  /** For each column of the shapes its index here. */
  readonly place: Int32Array;
}

export interface PhiDesign {
  /** ln of how much this correlation is believed in beforehand. */
  readonly logPrior: number;
  readonly frame: Whitened;
  /** Whitened columns, one after the other; their squares; their products with the straight line; and for each shape the product of its two columns. */
  readonly columns: Float64Array;
  readonly squares: Float64Array;
  readonly line: Float64Array;
  readonly cross: Float64Array;
}

/**
 * 150 columns x 48 points x 8 phis x 8 bytes are 460 kB a design. Points at equal distances give one design whatever the distance is, so
 * that a run needs seven of them (36, 38 .. 48 points), and some more for what is left after a warm-up.
 */
const KEPT = 16;

/** Distances that differ by less are equal. */
const EQUAL = 1e-6;

interface Kept {
  readonly times: Times;
  /** Points of one life at equal distances, nothing beside them. */
  readonly even: boolean;
  readonly design: Design;
}

const kept: Kept[] = [];

export function designOf(times: Times, shapes: readonly Shape[]): Design & { readonly span: number } {
  const even = isEven(times);
  const index = kept.findIndex((known) => known.design.shapes === shapes && isSame(known, times, even));
  // Made of points at distance 1 and not of these, so that a fit never depends on what was fitted before.
  const found = index >= 0 ? kept.splice(index, 1)[0]! : { times, even, design: design(even ? evenly(times) : times, shapes) };
  // What belongs to one series at one look is not worth keeping for others.
  if (times.covariates.length === 0) kept.push(found);
  if (kept.length > KEPT) kept.shift();
  return { ...found.design, span: spanOf(times) };
}

function isSame({ times, even }: Kept, other: Times, otherEven: boolean): boolean {
  if (times.n !== other.n || times.lives !== other.lives || even !== otherEven || times.work !== other.work) return false;
  if (other.covariates.length > 0) return false;
  return even || isSameTimes(times, other);
}

function isEven({ n, t, lives, covariates, work, step }: Times): boolean {
  if (lives !== 1 || covariates.length > 0 || work !== null) return false;
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

function design(times: Times, shapes: readonly Shape[]): Design {
  const { n } = times;
  const x = lifeTimes(times);
  const { columns: raw, place } = columnsOf(shapes, x, times.work ?? x);
  const phis = PHIS.map((phi, p): PhiDesign => {
    const frame = new Whitened(times, phi);
    const columns = new Float64Array(raw.length);
    const squares = new Float64Array(raw.length / n);
    for (let c = 0; c < squares.length; c++) {
      frame.project(raw, c * n, columns, c * n);
      squares[c] = dot(columns, c * n, columns, c * n, n);
    }
    const straight = place[LINE]! * n;
    const line = squares.map((_, c) => dot(columns, c * n, columns, straight, n));
    const cross = Float64Array.from(shapes, ({ a, b }) => (b < 0 ? 0 : dot(columns, place[a]! * n, columns, place[b]! * n, n)));
    return { logPrior: Math.log(PRIORS[p]!), frame, columns, squares, line, cross };
  });
  return { shapes, phis, place };
}

/** Time since the first point of each life, divided by the longest such time. */
function lifeTimes(times: Times): Float64Array {
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
