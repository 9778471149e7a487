/** The evidence of a fit: how likely the values are by it, its prior included (the formula is that of `fit.ts`). */
import type { Fits } from './fit.ts';

/** What the values are in the coordinates of one correlation. */
export interface Given {
  /** Sum of squares of the values, and what is added to what is left of it. */
  readonly yy: number;
  readonly noise: number;
  /** Degrees of freedom without those of the shapes. */
  readonly free: number;
  /** Evidence before any shape. */
  readonly base: number;
  readonly logN: number;
}

/** ln of the evidence of a shape that leaves so much of the squares. */
export function evidence({ base, free, logN }: Given, rest: number, columns: number, logPrior: number): number {
  return base - (free / 2) * Math.log(rest) - (columns / 2) * logN + logPrior;
}

export function evidenceOf({ shapes, rest, columns, prior, given }: Fits, i: number): number {
  const s = i % shapes.length;
  return evidence(given[(i - s) / shapes.length]!, rest[i]!, columns[s]!, Math.log(prior[s]!));
}
