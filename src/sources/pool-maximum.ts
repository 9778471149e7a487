/**
 * How many connections a pool may have, when nobody says so: a pool that was as large in several windows, each time without an idle
 * member, wanted more and did not get it. And whether a pool as large as it gets stands still. Pure.
 */

/** Windows that must agree. */
const WINDOWS = 3;

/** A single connection that is always busy is no pool, and says nothing of a limit. */
const POOL_MIN = 2;

/** Seconds without any change after which a full pool stands still. */
export const STILL_S = 5;

export class Maximum {
  readonly #window: number;
  /** The most connections so far, in how many windows there were as many without an idle one, and in how many never fewer. */
  #most = 0;
  #full = 0;
  #constant = 0;
  #slot = NaN;
  #now = { most: 0, least: Infinity, full: false };

  /** @param window seconds */
  constructor(window: number) {
    this.#window = window;
  }

  update(now: number, total: number, idle: number): void {
    const slot = Math.floor(now / this.#window);
    if (slot !== this.#slot) this.#close(slot);
    if (total > this.#now.most) this.#now = { ...this.#now, most: total, full: false };
    this.#now.least = Math.min(this.#now.least, total);
    if (total === this.#now.most && idle === 0) this.#now.full = true;
    if (total > this.#most) [this.#most, this.#full, this.#constant] = [total, 0, 0];
  }

  /** Null while it is not known. */
  get learned(): number | null {
    return this.#full >= WINDOWS && this.#most >= POOL_MIN ? this.#most : null;
  }

  /** The size of a pool that is always the same, which need not be all that it may have; null for others. */
  get constant(): number | null {
    return this.#constant >= WINDOWS && this.#most >= POOL_MIN ? this.#most : null;
  }

  #close(slot: number): void {
    const { most, least, full } = this.#now;
    if (!Number.isNaN(this.#slot) && most === this.#most) {
      if (full) this.#full++;
      this.#constant = least === most ? this.#constant + 1 : 0;
    }
    if (most < this.#most) this.#constant = 0;
    this.#slot = slot;
    this.#now = { most: 0, least: Infinity, full: false };
  }
}

/** As many connections as there can be, none of them at work, and nothing has happened for a while. */
export function standsStill(
  now: number,
  { total, active, most, changedAt }: { total: number; active: number; most: number | null; changedAt: number },
): boolean {
  return most !== null && total >= most && active === 0 && now - changedAt >= STILL_S;
}
