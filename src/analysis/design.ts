/**
 * What a fit needs and the values do not change: the whitened columns of every shape for every correlation. Series that are sampled
 * together share their times, so the last few designs are kept; a design depends on nothing but its arguments.
 */
import { dot, PHIS, PRIORS, type Times, Whitened } from './gls.ts';
import { columnsOf, type Shape } from './shapes.ts';

export interface Design {
  readonly shapes: readonly Shape[];
  readonly phis: readonly PhiDesign[];
  /** The longest life, in the unit of `t`: the unit of the shapes' slopes. */
  readonly span: number;
}

export interface PhiDesign {
  /** ln of how much this correlation is believed in beforehand. */
  readonly logPrior: number;
  readonly frame: Whitened;
  /** Whitened columns, one after the other; their squares; and for each shape the product of its two columns. */
  readonly columns: Float64Array;
  readonly squares: Float64Array;
  readonly cross: Float64Array;
}

/** 58 columns x 40 points x 8 phis x 8 bytes are 150 kB a design. */
const KEPT = 6;

const kept: { times: Times; design: Design }[] = [];

export function designOf(times: Times, shapes: readonly Shape[]): Design {
  const index = kept.findIndex((known) => known.design.shapes === shapes && sameTimes(known.times, times));
  const found = index >= 0 ? kept.splice(index, 1)[0]! : { times, design: design(times, shapes) };
  kept.push(found);
  if (kept.length > KEPT) kept.shift();
  return found.design;
}

function sameTimes(a: Times, b: Times): boolean {
  if (a.n !== b.n || a.lives !== b.lives || a.step !== b.step) return false;
  for (let i = 0; i < a.n; i++) if (a.t[i] !== b.t[i] || a.life[i] !== b.life[i]) return false;
  return true;
}

function design(times: Times, shapes: readonly Shape[]): Design {
  const { n } = times;
  const { x, span } = lifeTimes(times);
  const raw = columnsOf(shapes, x);
  const phis = PHIS.map((phi, p): PhiDesign => {
    const frame = new Whitened(times, phi);
    const columns = new Float64Array(raw.length);
    const squares = new Float64Array(raw.length / n);
    for (let c = 0; c < squares.length; c++) {
      frame.project(raw, c * n, columns, c * n);
      squares[c] = dot(columns, c * n, columns, c * n, n);
    }
    const cross = Float64Array.from(shapes, ({ a, b }) => (b < 0 ? 0 : dot(columns, a * n, columns, b * n, n)));
    return { logPrior: Math.log(PRIORS[p]!), frame, columns, squares, cross };
  });
  return { shapes, phis, span };
}

/** Time since the first point of each life, divided by the longest such time. */
function lifeTimes({ n, t, life }: Times): { x: Float64Array; span: number } {
  const x = new Float64Array(n);
  let start = 0;
  let span = 0;
  for (let i = 0; i < n; i++) {
    if (i > 0 && life[i] !== life[i - 1]) start = i;
    x[i] = t[i]! - t[start]!;
    span = Math.max(span, x[i]!);
  }
  for (let i = 0; i < n; i++) x[i]! /= span;
  return { x, span };
}
