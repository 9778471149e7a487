/**
 * One series over a whole run in at most 256 bins. They start one sample wide; when they are full, neighbours are merged and the width
 * doubles, so that the whole run is always covered.
 */
export const BINS_MAX = 256;

/** Bins that a series begins with. */
const FIRST_SIZE = 16;

export const COLUMNS = ['min', 'max', 'sum', 'count'] as const;

/** Three doubles and a word. */
export const BIN_BYTES = 3 * 8 + 4;

type Columns = Readonly<Record<'min' | 'max' | 'sum', Float64Array> & Record<'count', Uint32Array>>;

/** One buffer for all columns: each buffer costs V8 as much beside its bytes as nine bins. */
export function columnsOf(buffer: ArrayBuffer, size = buffer.byteLength / BIN_BYTES): Columns {
  const doubles = (column: number): Float64Array => new Float64Array(buffer, 8 * column * size, size);
  return { min: doubles(0), max: doubles(1), sum: doubles(2), count: new Uint32Array(buffer, 24 * size, size) };
}

/** Bins of one series. Bin i covers run time [(first + i) x width, (first + i + 1) x width); an empty bin has count 0. */
export class Bins {
  width: number;
  first = 0;
  length = 0;
  min: Float64Array;
  max: Float64Array;
  sum: Float64Array;
  count: Uint32Array;

  /** @param size of how many bins there is to be room */
  constructor(width: number, size = 0) {
    this.width = width;
    ({
      min: this.min,
      max: this.max,
      sum: this.sum,
      count: this.count,
    } = columnsOf(new ArrayBuffer(Math.max(FIRST_SIZE, size) * BIN_BYTES)));
  }

  add(t: number, value: number): void {
    const i = this.reach(t);
    const isFirst = this.count[i] === 0;
    this.min[i] = isFirst ? value : Math.min(this.min[i]!, value);
    this.max[i] = isFirst ? value : Math.max(this.max[i]!, value);
    this.sum[i]! += value;
    this.count[i]!++;
  }

  /** Makes room for run time `t`: the index of its bin. */
  reach(t: number): number {
    let slot = Math.floor(t / this.width);
    if (this.length === 0) this.first = slot;
    while (slot - this.first >= BINS_MAX) {
      this.#halve();
      slot = Math.floor(t / this.width);
    }
    // A late sample of an asynchronous source that is older than everything kept belongs to the oldest bin.
    const i = Math.max(0, slot - this.first);
    if (i >= this.length) this.#extend(i + 1);
    return i;
  }

  /** Whether the bin of run time `t` is beyond the last one that there is room for, and one halving makes room for it. */
  isFull(t: number): boolean {
    const slot = Math.floor(t / this.width) - this.first;
    return this.length > 0 && slot >= BINS_MAX && slot < 2 * BINS_MAX - 1;
  }

  /** Run time at the middle of bin i. */
  middle(i: number): number {
    return (this.first + i + 0.5) * this.width;
  }

  #extend(length: number): void {
    if (length > this.count.length) {
      const larger = columnsOf(new ArrayBuffer(Math.min(BINS_MAX, Math.max(length, this.count.length * 2)) * BIN_BYTES));
      for (const name of COLUMNS) larger[name].set(this[name]);
      ({ min: this.min, max: this.max, sum: this.sum, count: this.count } = larger);
    }
    this.length = length;
  }

  /** Merges pairs on the absolute grid, so that equal samples give equal bins whatever happened between them. */
  #halve(): void {
    const first = Math.floor(this.first / 2);
    const length = this.length === 0 ? 0 : Math.floor((this.first + this.length - 1) / 2) - first + 1;
    this.#mergePairs(length, first * 2 - this.first);
    for (const name of COLUMNS) this[name].fill(0, length);
    this.first = first;
    this.length = length;
    this.width *= 2;
  }

  /** @param shift where the first pair begins; -1 when its left one is not there */
  #mergePairs(length: number, shift: number): void {
    const { min, max, sum, count } = this;
    for (let to = 0; to < length; to++) {
      const left = 2 * to + shift;
      const right = left + 1;
      const l = left >= 0 ? count[left]! : 0;
      const r = right < this.length ? count[right]! : 0;
      count[to] = l + r;
      if (l === 0 || r === 0) {
        const from = l === 0 ? right : left;
        const isEmpty = l + r === 0;
        min[to] = isEmpty ? 0 : min[from]!;
        max[to] = isEmpty ? 0 : max[from]!;
        sum[to] = isEmpty ? 0 : sum[from]!;
        continue;
      }
      const low = min[right]!;
      const high = max[right]!;
      min[to] = min[left]! < low ? min[left]! : low;
      max[to] = max[left]! > high ? max[left]! : high;
      sum[to] = sum[left]! + sum[right]!;
    }
  }
}
