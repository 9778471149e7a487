/**
 * Blocks that are about as long as a tooth of a sawtooth hold the bottom of one or not, by chance. Two or three of them together hold one for
 * certain, and what looked like noise is gone. Of real noise the floors lose no more than what fewer points cost.
 */
import { movesOf, scatterOf } from './stats.ts';

/** Fewer points tell too little else. */
const POINTS_MIN = 14;

const TOGETHER_MAX = 3;

/** A line through the floors must be so much better known, by what happens usually and by what happens often. */
const QUIETER = 0.5;

/**
 * How many neighbouring blocks have a floor that is judged, instead of the points that would be otherwise; 1 when nothing is gained by more.
 * @param floors of all blocks, in the order of time
 */
export function blocksTogether(floors: Float64Array, judged: Float64Array): number {
  let best = 1;
  let usual = QUIETER * errorOf(judged, scatterOf);
  let often = QUIETER * errorOf(judged, movesOf);
  for (let size = 2; size <= TOGETHER_MAX && Math.floor(floors.length / size) >= POINTS_MIN; size++) {
    const y = lowestOf(floors, size);
    const own = errorOf(y, scatterOf);
    if (own >= usual) continue;
    const moves = errorOf(y, movesOf);
    if (moves >= often) continue;
    [best, usual, often] = [size, QUIETER * own, QUIETER * moves];
  }
  return best;
}

/** The lowest of each so many neighbours, aligned to the end. */
export function lowestOf(floors: Float64Array, size: number): Float64Array {
  const out = new Float64Array(Math.floor(floors.length / size)).fill(Infinity);
  const skipped = floors.length - size * out.length;
  for (let i = skipped; i < floors.length; i++) {
    const to = Math.floor((i - skipped) / size);
    out[to] = Math.min(out[to]!, floors[i]!);
  }
  return out;
}

/** The mean of each so many neighbours, aligned to the end. */
export function meansOf(values: Float64Array, size: number): Float64Array {
  const out = new Float64Array(Math.floor(values.length / size));
  const skipped = values.length - size * out.length;
  for (let i = skipped; i < values.length; i++) out[Math.floor((i - skipped) / size)]! += values[i]! / size;
  return out;
}

function errorOf(y: Float64Array, noise: (y: Float64Array) => number): number {
  return noise(y) / Math.sqrt(y.length);
}
