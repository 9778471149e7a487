/** From what fits leave to what each of them weighs, and which of them weigh something. */
import type { Fits } from './fit.ts';
import { Room } from './room.ts';
import type { Shape } from './shapes.ts';

/** Logarithms this far below the highest are nothing: less than what a double resolves, whatever is believed beforehand. */
const NOTHING = 50;

/** Exponentials of logarithms, added up to 1. */
export function normalised(logs: readonly number[]): number[] {
  const top = largest(logs);
  return shares(logs.map((log) => Math.exp(log - top)));
}

/** Added up to 1. */
export function shares(weights: readonly number[]): number[] {
  const sum = weights.reduce((all, weight) => all + weight, 0);
  return weights.map((weight) => weight / sum);
}

export function largest(values: ArrayLike<number>): number {
  let most = -Infinity;
  for (let i = 0; i < values.length; i++) if (values[i]! > most) most = values[i]!;
  return most;
}

/** Probabilities, which add up to 1. Valid until the next are made, but for those of the shapes. */
export interface Weights {
  readonly fits: Float64Array;
  readonly shapes: Float64Array;
  /** The heaviest fit of each shape. */
  readonly peaks: Float64Array;
  /** The shape that is likeliest among what rose and fell again, and ln of its odds against the likeliest other; null where none weighs anything. */
  readonly bump: { readonly shape: number; readonly lead: number } | null;
}

const ROOMS = {
  fits: new Room(),
  peaks: new Room(),
  belief: new Room(),
  isBump: new Room(),
  from: new Room(),
  scale: new Room(),
  square: new Room(),
  power: new Room(),
};

/**
 * exp(evidence) as products: there are 2,000 fits, and a logarithm and an exponential of each would take half of a look. The likelihood is the
 * rest to the power of -free/2, half of a whole number. Bumps are left out: two free levels would explain half of all growth away.
 */
export function weigh(fits: Fits): Weights {
  const { shapes, rest, given } = fits;
  const count = shapes.length;
  const belief = beliefIn(fits);
  const isBump = ROOMS.isBump.of(count);
  for (let s = 0; s < count; s++) isBump[s] = Number(shapes[s]!.kind === 'bump');
  const from = smallestRests(fits, isBump);
  const scale = scalesOf(fits, from);
  const weights = { fits: ROOMS.fits.of(rest.length), shapes: new Float64Array(count), peaks: ROOMS.peaks.of(count).fill(0) };
  let sum = 0;
  let bump = -1;
  let bumpPeak = 0;
  for (let p = 0; p < given.length; p++) {
    const power = likelihoods(rest, p * count, from[p]!, given[p]!.free, count);
    for (let s = 0; s < count; s++) {
      const weight = scale[p]! * belief[s]! * power[s]!;
      weights.fits[p * count + s] = isBump[s] === 1 ? 0 : weight;
      if (isBump[s] === 1) {
        if (weight <= bumpPeak) continue;
        bump = s;
        bumpPeak = weight;
        continue;
      }
      weights.shapes[s]! += weight;
      if (weight > weights.peaks[s]!) weights.peaks[s] = weight;
      sum += weight;
    }
  }
  const lead = Math.log(bumpPeak / largest(weights.peaks));
  for (const list of [weights.fits, weights.shapes, weights.peaks]) for (let i = 0; i < list.length; i++) list[i]! /= sum;
  return { ...weights, bump: bump < 0 ? null : { shape: bump, lead } };
}

/** Of the fits of one correlation, against one that leaves `from`: (from / rest)^(free/2), by squares that all of them take together. */
function likelihoods(rest: Float64Array, offset: number, from: number, free: number, count: number): Float64Array {
  const square = ROOMS.square.of(count);
  const power = ROOMS.power.of(count);
  const least = Math.exp((-2 * NOTHING) / free);
  for (let s = 0; s < count; s++) {
    const ratio = from / rest[offset + s]!;
    square[s] = ratio < least ? 0 : ratio;
  }
  for (let s = 0; s < count; s++) power[s] = free % 2 === 1 ? Math.sqrt(square[s]!) : 1;
  for (let left = free >> 1; left > 0; left >>= 1) {
    if (left % 2 === 1) for (let s = 0; s < count; s++) power[s]! *= square[s]!;
    if (left > 1) for (let s = 0; s < count; s++) square[s]! *= square[s]!;
  }
  return power;
}

/** In each shape, before the values are seen: its prior, and for each of its columns the prior of one observation. */
function beliefIn({ shapes, columns, prior, given }: Fits): Float64Array {
  const belief = ROOMS.belief.of(shapes.length);
  const column = Math.exp(-0.5 * given[0]!.logN);
  for (let s = 0; s < belief.length; s++) belief[s] = prior[s]! * (columns[s] === 0 ? 1 : columns[s] === 1 ? column : column * column);
  return belief;
}

/** Of each correlation the least that any shape leaves. */
function smallestRests({ rest, given }: Fits, isBump: Float64Array): Float64Array {
  const from = ROOMS.from.of(given.length);
  const count = isBump.length;
  for (let p = 0; p < from.length; p++) {
    let least = Infinity;
    for (let s = 0; s < count; s++) if (isBump[s] === 0 && rest[p * count + s]! < least) least = rest[p * count + s]!;
    from[p] = least;
  }
  return from;
}

/** What a fit of each correlation that leaves the least weighs; 1 of the heaviest. */
function scalesOf({ given }: Fits, from: Float64Array): Float64Array {
  const scale = ROOMS.scale.of(from.length);
  for (let p = 0; p < scale.length; p++) scale[p] = given[p]!.base - (given[p]!.free / 2) * Math.log(from[p]!);
  const top = largest(scale);
  for (let p = 0; p < scale.length; p++) scale[p] = Math.exp(scale[p]! - top);
  return scale;
}

/**
 * Fits of these shapes that determine a slope and weigh something; those with as many degrees of freedom stand together.
 * @param negligible share of the heaviest
 */
export function indices(
  { shapes, unit, columns }: Fits,
  { fits, peaks }: Weights,
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
  const list: number[] = [];
  for (let k = 0; k <= COLUMNS_MAX; k++) {
    const heavy = own.filter((s) => columns[s] === k && peaks[s]! > least);
    for (let i = 0; i < fits.length; i += shapes.length) {
      for (const s of heavy) if (fits[i + s]! > least && unit[i + s]! < Infinity) list.push(i + s);
    }
  }
  return list;
}

/** Of a shape. */
const COLUMNS_MAX = 2;
