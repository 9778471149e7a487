/**
 * What connections that looked lost and were used again after all say of how long one may be left alone. A program that holds connections
 * for long gives all of them back; beside a leak, a member of the pool that is rarely used comes back alone among many that do not.
 * So a return counts only as long as not several times as many have been left alone for as long and have not come back. Pure.
 */

/** So many that have not come back for each that has: what the floor of stuck connections must rise by, too. */
const OUTNUMBERED = 3;

/** Connections whose longest return is remembered: the shortest gives way. With so many, 192 must be lost before one does not count. */
const REMEMBERED_MAX = 64;

export class Returns {
  /** By session, however often it came back. */
  readonly #longest = new Map<string, number>();

  add(id: string, seconds: number): void {
    this.#longest.set(id, Math.max(seconds, this.#longest.get(id) ?? 0));
    if (this.#longest.size <= REMEMBERED_MAX) return;
    const [shortest] = [...this.#longest].toSorted(([, a], [, b]) => a - b);
    this.#longest.delete(shortest![0]);
  }

  /** The longest that counts; 0 when none does. @param lost for how long those that look lost have been left alone */
  longest(lost: Iterable<number>): number {
    if (this.#longest.size === 0) return 0;
    const ages = [...lost];
    const returns = [...this.#longest.values()].toSorted((a, b) => b - a);
    const counts = (seconds: number, i: number): boolean => ages.filter((age) => age >= seconds).length < OUTNUMBERED * (i + 1);
    return returns.find(counts) ?? 0;
  }
}
