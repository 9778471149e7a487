/** Per-minute figures of every series, as plain rows that anyone can query. A minute is that of the run, by the time of the tick. */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Tick } from '../tick.ts';

const MINUTE_S = 60;

function minuteOf(t: number): number {
  return Math.floor(t / MINUTE_S);
}

/** Run time at which the minute of `t` began. */
export function minuteStart(t: number): number {
  return minuteOf(t) * MINUTE_S;
}

/** The minute under way. 40 bytes per series. */
export class RollUp {
  readonly #insert: StatementSync;
  #minute = -1;
  #count = new Float64Array(64);
  #min = new Float64Array(64);
  #max = new Float64Array(64);
  #sum = new Float64Array(64);
  #last = new Float64Array(64);
  /** Series that have a sample in this minute, at most. */
  #size = 0;

  constructor(db: DatabaseSync) {
    // A minute that was cut by a stop is written again, whole, after the resumption.
    this.#insert = db.prepare(
      'INSERT OR REPLACE INTO rollup (minute, series, minutes, count, min, max, mean, last) VALUES (?, ?, 1, ?, ?, ?, ?, ?)',
    );
  }

  get size(): number {
    return this.#size;
  }

  /** Whether a tick at `t` ends the minute under way, which is then to be written. */
  isOver(t: number): boolean {
    return this.#minute >= 0 && minuteOf(t) !== this.#minute;
  }

  write(): void {
    for (let id = 0; id < this.#size; id++) {
      const count = this.#count[id]!;
      if (count === 0) continue;
      this.#insert.run(this.#minute, id, count, this.#min[id]!, this.#max[id]!, this.#sum[id]! / count, this.#last[id]!);
    }
  }

  fold({ t, samples }: Tick): void {
    if (minuteOf(t) !== this.#minute) {
      this.#minute = minuteOf(t);
      this.#count.fill(0);
      this.#size = 0;
    }
    for (let i = 0; i < samples.length; i++) this.#add(samples.series[i]!, samples.values[i]!);
  }

  #add(id: number, value: number): void {
    if (id >= this.#size) this.#extend(id + 1);
    if (this.#count[id]!++ === 0) {
      this.#min[id] = this.#max[id] = this.#sum[id] = value;
    } else {
      if (value < this.#min[id]!) this.#min[id] = value;
      if (value > this.#max[id]!) this.#max[id] = value;
      this.#sum[id]! += value;
    }
    this.#last[id] = value;
  }

  #extend(size: number): void {
    this.#size = size;
    if (size <= this.#count.length) return;
    const grown = (from: Float64Array): Float64Array<ArrayBuffer> => {
      const to = new Float64Array(2 ** Math.ceil(Math.log2(size)));
      to.set(from);
      return to;
    };
    this.#count = grown(this.#count);
    this.#min = grown(this.#min);
    this.#max = grown(this.#max);
    this.#sum = grown(this.#sum);
    this.#last = grown(this.#last);
  }
}
