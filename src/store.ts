/**
 * The bounded memory of a run: per series its latest value and at most 256 bins over the whole run. Bins start one sample wide;
 * when they are full, neighbours are merged and the width doubles, so that the whole run is always covered.
 *
 * Bytes per series: 256 bins x (4 count + 3 x 8) = 7.2 kB when full, and they grow with the run; 10,000 series are 72 MB at most.
 */
import type { Kind } from './catalog.ts';
import type { Samples } from './tick.ts';

export const BINS_MAX = 256;

const FIRST_SIZE = 16;

const COLUMNS = ['count', 'min', 'max', 'sum'] as const;

/** Bins of one series. Bin i covers run time [(first + i) x width, (first + i + 1) x width); an empty bin has count 0. */
export class Bins {
  width: number;
  first = 0;
  length = 0;
  count = new Uint32Array(FIRST_SIZE);
  min = new Float64Array(FIRST_SIZE);
  max = new Float64Array(FIRST_SIZE);
  sum = new Float64Array(FIRST_SIZE);

  constructor(width: number) {
    this.width = width;
  }

  /** Those of one series of a snapshot. */
  static of(snapshot: StoreSnapshot, id: number, from: number, to: number): Bins {
    const bins = new Bins(snapshot.width[id]!);
    const size = Math.max(FIRST_SIZE, to - from);
    bins.first = snapshot.first[id]!;
    bins.length = to - from;
    bins.count = grown(snapshot.count.subarray(from, to), new Uint32Array(size));
    bins.min = grown(snapshot.min.subarray(from, to), new Float64Array(size));
    bins.max = grown(snapshot.max.subarray(from, to), new Float64Array(size));
    bins.sum = grown(snapshot.sum.subarray(from, to), new Float64Array(size));
    return bins;
  }

  add(t: number, value: number): void {
    let slot = Math.floor(t / this.width);
    if (this.length === 0) this.first = slot;
    while (slot - this.first >= BINS_MAX) {
      this.#halve();
      slot = Math.floor(t / this.width);
    }
    // A late sample of an asynchronous source that is older than everything kept belongs to the oldest bin.
    const i = Math.max(0, slot - this.first);
    if (i >= this.length) this.#extend(i + 1);
    if (this.count[i] === 0) {
      this.min[i] = this.max[i] = value;
    } else {
      this.min[i] = Math.min(this.min[i]!, value);
      this.max[i] = Math.max(this.max[i]!, value);
    }
    this.sum[i]! += value;
    this.count[i]!++;
  }

  /** Run time at the middle of bin i. */
  middle(i: number): number {
    return (this.first + i + 0.5) * this.width;
  }

  #extend(length: number): void {
    if (length > this.count.length) {
      const size = Math.min(BINS_MAX, Math.max(length, this.count.length * 2));
      this.count = grown(this.count, new Uint32Array(size));
      this.min = grown(this.min, new Float64Array(size));
      this.max = grown(this.max, new Float64Array(size));
      this.sum = grown(this.sum, new Float64Array(size));
    }
    this.length = length;
  }

  /** Merges pairs on the absolute grid, so that equal samples give equal bins whatever happened between them. */
  #halve(): void {
    const first = Math.floor(this.first / 2);
    const length = this.length === 0 ? 0 : Math.floor((this.first + this.length - 1) / 2) - first + 1;
    for (let to = 0; to < length; to++) {
      const left = (first + to) * 2 - this.first;
      this.#merge(to, left, left + 1);
    }
    for (const column of [this.count, this.sum, this.min, this.max]) column.fill(0, length);
    this.first = first;
    this.length = length;
    this.width *= 2;
  }

  #merge(to: number, left: number, right: number): void {
    const l = left >= 0 ? this.count[left]! : 0;
    const r = right < this.length ? this.count[right]! : 0;
    const min = l === 0 ? this.min[right]! : r === 0 ? this.min[left]! : Math.min(this.min[left]!, this.min[right]!);
    const max = l === 0 ? this.max[right]! : r === 0 ? this.max[left]! : Math.max(this.max[left]!, this.max[right]!);
    const sum = (l === 0 ? 0 : this.sum[left]!) + (r === 0 ? 0 : this.sum[right]!);
    this.count[to] = l + r;
    this.sum[to] = sum;
    this.min[to] = l + r === 0 ? 0 : min;
    this.max[to] = l + r === 0 ? 0 : max;
  }
}

function grown<A extends Uint32Array | Float64Array>(from: Uint32Array | Float64Array, to: A): A {
  to.set(from);
  return to;
}

/** What `Store.add` needs of a series; the store does not know the table. */
interface Binned {
  readonly id: number;
  readonly def: { readonly kind: Kind };
  readonly period: number;
}

/**
 * Everything of a store, as plain data for a checkpoint. Bins of all series are laid end to end: ten arrays serialise in a tenth of the
 * time of four for each series.
 */
export interface StoreSnapshot {
  readonly value: Float64Array;
  readonly at: Float64Array;
  readonly width: Float64Array;
  readonly first: Float64Array;
  readonly length: Uint32Array;
  readonly count: Uint32Array;
  readonly min: Float64Array;
  readonly max: Float64Array;
  readonly sum: Float64Array;
}

export class Store {
  #value = new Float64Array(FIRST_SIZE).fill(NaN);
  #at = new Float64Array(FIRST_SIZE).fill(NaN);
  readonly #bins: Bins[] = [];
  readonly #counter: boolean[] = [];

  /** Series must be added in the order of their ids, before their first sample. */
  add(series: Binned): void {
    if (series.id !== this.#bins.length) throw new Error(`series ${series.id} added as ${this.#bins.length}`);
    if (series.id >= this.#value.length) {
      const size = this.#value.length * 2;
      this.#value = grown(this.#value, new Float64Array(size).fill(NaN));
      this.#at = grown(this.#at, new Float64Array(size).fill(NaN));
    }
    this.#bins.push(new Bins(series.period));
    this.#counter.push(series.def.kind === 'counter');
  }

  /** A gauge's bins hold its values, a counter's its increments: a counter that went back began again from zero. */
  fold(samples: Samples): void {
    for (let i = 0; i < samples.length; i++) {
      const id = samples.series[i]!;
      const value = samples.values[i]!;
      const at = samples.at[i]!;
      const before = this.#value[id]!;
      this.#value[id] = value;
      this.#at[id] = at;
      if (!this.#counter[id]) this.#bins[id]!.add(at, value);
      else if (!Number.isNaN(before)) this.#bins[id]!.add(at, value >= before ? value - before : value);
    }
  }

  /** The last value, or NaN when there was none. */
  value(id: number): number {
    return this.#value[id] ?? NaN;
  }

  /** Run time of the last value, or NaN. */
  at(id: number): number {
    return this.#at[id] ?? NaN;
  }

  bins(id: number): Bins {
    const bins = this.#bins[id];
    if (!bins) throw new Error(`no series ${id}`);
    return bins;
  }

  get size(): number {
    return this.#bins.length;
  }

  snapshot(): StoreSnapshot {
    const { size } = this;
    const total = this.#bins.reduce((sum, bins) => sum + bins.length, 0);
    const snapshot: StoreSnapshot = {
      value: this.#value.slice(0, size),
      at: this.#at.slice(0, size),
      width: Float64Array.from(this.#bins, (bins) => bins.width),
      first: Float64Array.from(this.#bins, (bins) => bins.first),
      length: Uint32Array.from(this.#bins, (bins) => bins.length),
      count: new Uint32Array(total),
      min: new Float64Array(total),
      max: new Float64Array(total),
      sum: new Float64Array(total),
    };
    let from = 0;
    for (const bins of this.#bins) {
      for (const column of COLUMNS) snapshot[column].set(bins[column].subarray(0, bins.length), from);
      from += bins.length;
    }
    return snapshot;
  }

  /** Continues from a snapshot; the series it covers must have been added. */
  restore(snapshot: StoreSnapshot): void {
    this.#value.set(snapshot.value);
    this.#at.set(snapshot.at);
    let from = 0;
    for (let id = 0; id < snapshot.width.length; id++) {
      const length = snapshot.length[id]!;
      this.#bins[id] = Bins.of(snapshot, id, from, from + length);
      from += length;
    }
  }
}
