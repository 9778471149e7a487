/** When a column has values: what a verdict on it rests on, whatever its rows are. */

/** Times from which the usual distance is taken, as of rows: 1,000 columns hold 1.6 MB of them. */
const TIMES_MAX = 200;

/** A hole is longer than this many usual distances, and than this many of the longer ones of data that is sampled unevenly. */
const HOLE = 2.5;
const HOLE_UNEVEN = 1.5;

/** Usual distance of rows, and the longest that is no hole. */
export function distances(times: readonly number[]): { step: number; longest: number } {
  const sorted = times.toSorted((a, b) => a - b);
  const steps = sorted.flatMap((t, i) => (i > 0 && t > sorted[i - 1]! ? [t - sorted[i - 1]!] : [])).toSorted((a, b) => a - b);
  const step = steps[Math.floor(steps.length / 2)] ?? 1;
  const long = steps[Math.floor((steps.length - 1) * 0.95)] ?? step; // of few rows not the longest of all, which may be the hole
  return { step, longest: Math.max(HOLE * step, HOLE_UNEVEN * long) };
}

/** Holes longer than this share of the data are holes, however seldom the column has a value. */
const HOLE_SHARE = 0.1;

/** Times of the values of one column, or of all columns of a metric; in order, a time may come twice. */
export class Presence {
  first = NaN;
  last = NaN;
  readonly #times: number[] = [];
  #usual = { step: 1, longest: 1 };
  /** Seconds of the holes beyond the first times. */
  #missing = 0;

  add(time: number): void {
    if (time === this.last) return;
    if (this.#times.length < TIMES_MAX) {
      if (this.#times.push(time) === 1) this.first = time;
      if (this.#times.length === TIMES_MAX) this.#usual = distances(this.#times);
    } else {
      this.#missing += missing(time - this.last, this.#usual);
    }
    this.last = time;
  }

  /** Share of the time of the data in which it has values, 0 to 1; a single row has no time and is covered. */
  share({ from, to }: { readonly from: number; readonly to: number }): number {
    if (Number.isNaN(this.first)) return 0;
    if (!(to > from)) return 1;
    const { step, longest } = this.#times.length < TIMES_MAX ? distances(this.#times) : this.#usual;
    const usual = { step, longest: Math.min(longest, HOLE_SHARE * (to - from)) };
    const early = this.#times.reduce((sum, time, i) => sum + (i === 0 ? 0 : missing(time - this.#times[i - 1]!, usual)), 0);
    const ends = missing(this.first - from, usual) + missing(to - this.last, usual);
    return Math.max(0, 1 - (this.#missing + early + ends) / (to - from));
  }
}

function missing(since: number, { step, longest }: { step: number; longest: number }): number {
  return since > longest ? since - Math.min(step, since) : 0;
}
