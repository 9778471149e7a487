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
