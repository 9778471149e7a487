/** From the evidence of fits to what each of them weighs, and which of them weigh something. */
import type { Fits } from './fit.ts';
import type { Shape } from './shapes.ts';

/** Logarithms this far below the highest are nothing: less than what a double resolves. */
const NOTHING = 40;

/** Exponentials of logarithms, added up to 1. */
export function normalised(logs: Float64Array, weights: Float64Array = new Float64Array(logs.length)): Float64Array {
  const top = largest(logs);
  let sum = 0;
  for (let i = 0; i < logs.length; i++) {
    const below = top - logs[i]!;
    weights[i] = below > NOTHING ? 0 : Math.exp(-below);
    sum += weights[i]!;
  }
  for (let i = 0; i < logs.length; i++) weights[i]! /= sum;
  return weights;
}

export function largest(values: Float64Array): number {
  let most = -Infinity;
  for (let i = 0; i < values.length; i++) if (values[i]! > most) most = values[i]!;
  return most;
}

/**
 * Fits of these shapes that determine a slope and weigh something.
 * @param peaks the heaviest fit of each shape
 */
export function indices(
  { shapes, unit }: Fits,
  weight: Float64Array,
  peaks: Float64Array,
  negligible: number,
  wanted: (shape: Shape) => boolean,
): number[] {
  const own: number[] = [];
  let top = 0;
  for (let s = 0; s < shapes.length; s++) {
    if (peaks[s] === 0 || !wanted(shapes[s]!)) continue;
    own.push(s);
    if (peaks[s]! > top) top = peaks[s]!;
  }
  const least = top * negligible;
  const heavy = own.filter((s) => peaks[s]! > least);
  const list: number[] = [];
  for (let i = 0; i < weight.length; i += shapes.length) {
    for (const s of heavy) if (weight[i + s]! > least && unit[i + s]! < Infinity) list.push(i + s);
  }
  return list;
}
