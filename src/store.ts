/**
 * The bounded memory of a run: per series its latest value and at most 256 bins over the whole run.
 *
 * Bytes per series: 256 bins x (4 count + 3 x 8) = 7.2 kB when full, and they grow with the run; 10,000 series are 72 MB at most.
 */
import { zstdDecompressSync } from 'node:zlib';
import { BIN_BYTES, Bins, BINS_MAX, COLUMNS, columnsOf } from './bins.ts';
import type { Kind } from './catalog.ts';
import { assert } from './problem.ts';
import type { Samples } from './tick.ts';
import { compressed } from './zstd.ts';

export { Bins, BINS_MAX } from './bins.ts';

const FIRST_SIZE = 16;

/** What `Store.add` needs of a series; the store does not know the table. */
interface Binned {
  readonly id: number;
  readonly def: { readonly kind: Kind };
  readonly period: number;
}

/** Everything of a store, as plain data for a checkpoint. */
export interface StoreSnapshot {
  readonly value: Float64Array;
  readonly at: Float64Array;
  readonly width: Float64Array;
  readonly first: Float64Array;
  readonly length: Uint32Array;
  readonly countsFrom: number;
  /** The bins of one group of series after the other, as `packed` makes them. */
  readonly bins: readonly Uint8Array[];
}

/** Series whose bins are packed together. */
const GROUP = 64;

/**
 * Where they are put side by side, 0.46 MB at most and the same for every checkpoint: a new one each minute stays until V8 collects the whole
 * heap, and makes it do so. The bins of a young run take more room every minute, so that it grows to twice its size.
 */
let scratch = new ArrayBuffer(0);

/** Halvings that are put off are done within so many ticks: before the next look of the judge reads all series. */
const TICKS_TO_HALVE = 16;

/** The open bin is behind a halving that is still to be done. */
const PUT_OFF = -1;

/**
 * Per series: its last sample, and the bin that its samples fall into now, which is written back when another one is begun or the bins
 * are read. Side by side, so that a tick goes through memory in one direction: the bins themselves are all over the heap.
 */
class Latest {
  readonly size: number;
  readonly value: Float64Array;
  readonly at: Float64Array;
  /** Of the open bin; NaN when there is none. */
  readonly slot: Float64Array;
  readonly width: Float64Array;
  /** Of the open bin in `Bins`, or `PUT_OFF`. */
  readonly index: Float64Array;
  readonly count: Float64Array;
  readonly min: Float64Array;
  readonly max: Float64Array;
  readonly sum: Float64Array;

  constructor(size: number, from?: Latest) {
    const column = (name: Exclude<keyof Latest, 'size'>): Float64Array => {
      const values = new Float64Array(size).fill(NaN);
      if (from) values.set(from[name]);
      return values;
    };
    this.size = size;
    this.value = column('value');
    this.at = column('at');
    this.slot = column('slot');
    this.width = column('width');
    this.index = column('index');
    this.count = column('count');
    this.min = column('min');
    this.max = column('max');
    this.sum = column('sum');
  }
}

export class Store {
  #latest = new Latest(FIRST_SIZE);
  readonly #bins: Bins[] = [];
  readonly #counter: boolean[] = [];
  readonly #periods: number[] = [];
  /** Series whose halving is put off: those that began together are full in one tick, and 10,000 halvings would hold it for 30 ms. */
  #due: number[] = [];
  /** Ticks in which they are still to be done. */
  #ticksLeft = 0;
  /** Run time from which counters are compared. */
  #countsFrom = -Infinity;

  /** Series must be added in the order of their ids, before their first sample. */
  add(series: Binned): void {
    if (series.id !== this.#bins.length) throw new Error(`series ${series.id} added as ${this.#bins.length}`);
    if (series.id >= this.#latest.size) this.#latest = new Latest(this.#latest.size * 2, this.#latest);
    this.#bins.push(new Bins(series.period));
    this.#counter.push(series.def.kind === 'counter');
    this.#periods.push(series.period);
  }

  /** A gauge's bins hold its values, a counter's its increments: a counter that went back began again from zero. */
  fold(samples: Samples): void {
    const { value: values, at: times } = this.#latest;
    for (let i = 0; i < samples.length; i++) {
      const id = samples.series[i]!;
      const value = samples.values[i]!;
      const at = samples.at[i]!;
      const before = values[id]!;
      const since = times[id]!;
      values[id] = value;
      times[id] = at;
      if (!this.#counter[id]) this.#bin(id, at, value);
      else if (since >= this.#countsFrom) this.#bin(id, at, value >= before ? value - before : value);
    }
    if (this.#due.length > 0) this.#catchUp();
  }

  /**
   * The agent was started again at run time `t`: of each counter the next value is where counting goes on. What was counted while
   * nobody looked belongs to no bin, and what the agent itself had added up (a role's total keeps what ended processes used) begins anew.
   */
  countFrom(t: number): void {
    this.#countsFrom = t;
  }

  /** The last value, or NaN when there was none. */
  value(id: number): number {
    return this.#latest.value[id] ?? NaN;
  }

  /** Run time of the last value, or NaN. */
  at(id: number): number {
    return this.#latest.at[id] ?? NaN;
  }

  /** As they are now: valid until the next fold. */
  bins(id: number): Bins {
    const bins = this.#bins[id];
    if (!bins) throw new Error(`no series ${id}`);
    this.#writeBack(id);
    return bins;
  }

  /** Whether any sample is in its bins. */
  isBinned(id: number): boolean {
    return !Number.isNaN(this.#latest.slot[id]) || (this.#bins[id]?.length ?? 0) > 0;
  }

  get size(): number {
    return this.#bins.length;
  }

  snapshot(): StoreSnapshot {
    const { size } = this;
    const all = this.#bins.map((_, id) => this.bins(id));
    return {
      value: this.#latest.value.slice(0, size),
      at: this.#latest.at.slice(0, size),
      width: Float64Array.from(all, (bins) => bins.width),
      first: Float64Array.from(all, (bins) => bins.first),
      length: Uint32Array.from(all, (bins) => bins.length),
      countsFrom: this.#countsFrom,
      bins: Array.from({ length: Math.ceil(size / GROUP) }, (_, group) => packed(all.slice(group * GROUP, (group + 1) * GROUP))),
    };
  }

  /** Continues from a snapshot; the series it covers must have been added. */
  restore({ value, at, width, first, length, countsFrom, bins }: StoreSnapshot): void {
    this.#countsFrom = countsFrom;
    this.#latest.value.set(value);
    this.#latest.at.set(at);
    this.#latest.slot.fill(NaN);
    this.#due = [];
    for (let id = 0; id < width.length; id++) {
      const restored = new Bins(width[id]!, length[id]);
      restored.first = first[id]!;
      restored.length = length[id]!;
      this.#bins[id] = restored;
    }
    bins.forEach((group, i) => unpack(group, this.#bins.slice(i * GROUP, (i + 1) * GROUP)));
  }

  #bin(id: number, at: number, value: number): void {
    const { slot, width, count, min, max, sum } = this.#latest;
    if (Math.floor(at / width[id]!) !== slot[id]) this.#open(id, at);
    const isFirst = count[id] === 0;
    min[id] = isFirst ? value : Math.min(min[id]!, value);
    max[id] = isFirst ? value : Math.max(max[id]!, value);
    sum[id]! += value;
    count[id]!++;
  }

  /** Begins or goes on with the bin that run time `at` falls into. */
  #open(id: number, at: number): void {
    this.#writeBack(id);
    const bins = this.#bins[id]!;
    if (bins.isFull(at)) this.#putOff(id, bins, at);
    else this.#resume(id, bins, bins.reach(at));
  }

  #resume(id: number, bins: Bins, i: number): void {
    const { slot, width, index } = this.#latest;
    slot[id] = bins.first + i;
    width[id] = bins.width;
    index[id] = i;
    this.#take(id, bins, i);
  }

  /** Of the bin that is opened the other half may be the last one there is. */
  #putOff(id: number, bins: Bins, at: number): void {
    const { slot, width, index } = this.#latest;
    const half = Math.floor(at / bins.width);
    slot[id] = Math.floor(half / 2);
    width[id] = 2 * bins.width;
    index[id] = PUT_OFF;
    this.#take(id, bins, half % 2 === 0 ? bins.length : half - 1 - bins.first);
    // It is done when its next bin begins at the latest.
    if (this.#due.push(id) === 1) this.#ticksLeft = Math.min(TICKS_TO_HALVE, width[id] / this.#periods[id]!);
  }

  /** What is in bin i already; nothing when there is no such bin. */
  #take(id: number, bins: Bins, i: number): void {
    const { count, min, max, sum } = this.#latest;
    const isKnown = i < bins.length;
    count[id] = isKnown ? bins.count[i]! : 0;
    min[id] = isKnown ? bins.min[i]! : 0;
    max[id] = isKnown ? bins.max[i]! : 0;
    sum[id] = isKnown ? bins.sum[i]! : 0;
  }

  /** In equal parts; a series whose next bin begins, or whose bins are read, is done by then. */
  #catchUp(): void {
    const share = Math.ceil(this.#due.length / Math.max(1, this.#ticksLeft--));
    for (const id of this.#due.splice(0, share)) if (this.#latest.index[id] === PUT_OFF) this.#writeBack(id);
  }

  #writeBack(id: number): void {
    const { slot, index, count, min, max, sum } = this.#latest;
    if (Number.isNaN(slot[id])) return;
    const bins = this.#bins[id]!;
    if (index[id] === PUT_OFF) index[id] = bins.reach((slot[id]! + 0.5) * 2 * bins.width); // its middle: no rounding leads to another
    const i = index[id]!;
    bins.count[i] = count[id]!;
    bins.min[i] = min[id]!;
    bins.max[i] = max[id]!;
    bins.sum[i] = sum[id]!;
  }
}

/** A checkpoint lives for two minutes. */
const PACKING = { level: 1 };

/** All minima of all series, then all maxima, sums and counts: alike stands by alike. */
function packed(group: readonly Bins[]): Uint8Array {
  const total = group.reduce((sum, { length }) => sum + length, 0);
  const bytes = total * BIN_BYTES;
  if (scratch.byteLength < bytes)
    scratch = new ArrayBuffer(Math.max(bytes, Math.min(2 * scratch.byteLength, GROUP * BINS_MAX * BIN_BYTES)));
  const columns = columnsOf(scratch, total);
  let from = 0;
  for (const bins of group) {
    for (const name of COLUMNS) columns[name].set(bins[name].subarray(0, bins.length), from);
    from += bins.length;
  }
  return compressed(new Uint8Array(scratch, 0, bytes), PACKING);
}

function unpack(bytes: Uint8Array, group: readonly Bins[]): void {
  const total = group.reduce((sum, { length }) => sum + length, 0);
  const raw = zstdDecompressSync(bytes, { maxOutputLength: GROUP * BINS_MAX * BIN_BYTES });
  const columns = columnsOf(new Uint8Array(raw).buffer); // a copy: views of doubles must be aligned
  assert(columns.count.length === total, 'a snapshot has other bins than it says');
  let from = 0;
  for (const bins of group) {
    for (const name of COLUMNS) bins[name].set(columns[name].subarray(from, from + bins.length));
    from += bins.length;
  }
}
