/**
 * Arrays that are filled anew for every series. V8 takes the memory of each typed array from the system and collects the sooner for it,
 * which costs more than most of what is done with them.
 */

/** The number of points has less than fifty values, and there are five lists of shapes. */
const SIZES_MAX = 64;

/** An array of each size for one place in the code: what it holds is lost when it is asked for again. */
export class Room {
  readonly #arrays = new Map<number, Float64Array>();

  /** Holds whatever it was left with. */
  of(size: number): Float64Array {
    const known = this.#arrays.get(size);
    if (known) return known;
    const made = new Float64Array(size);
    if (this.#arrays.size < SIZES_MAX) this.#arrays.set(size, made);
    return made;
  }
}

/** Bytes that V8 and malloc keep for a buffer, and for an array that looks into one, beside its numbers. */
export const BUFFER_BYTES = 280;
export const VIEW_BYTES = 104;

/** Arrays of zeros in one buffer, as long as each size says. */
export function sideBySide<Sizes extends readonly number[]>(...sizes: Sizes): { [K in keyof Sizes]: Float64Array } {
  const { buffer } = new Float64Array(sizes.reduce((sum, size) => sum + size, 0));
  let from = 0;
  const arrays = sizes.map((size) => {
    const array = new Float64Array(buffer, 8 * from, size);
    from += size;
    return array;
  });
  return arrays as { [K in keyof Sizes]: Float64Array };
}
