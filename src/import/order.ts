/** Rows in order of time, each time once: of rows that share a time the later one counts, as in a log that corrects itself. */
import type { Row } from './dataset.ts';
import { dataProblem } from './text.ts';

/** The data goes back in time: it must be sorted. */
export class OutOfOrder extends Error {}

export interface OrderNotes {
  /** Rows that another row of the same time replaced. */
  replaced: number;
}

/** Throws `OutOfOrder` at the first row that goes back. */
export async function* inOrder(batches: AsyncIterable<readonly Row[]>, notes: OrderNotes): AsyncIterable<readonly Row[]> {
  let held: Row | null = null;
  for await (const batch of batches) {
    const rows: Row[] = [];
    for (const row of batch) {
      if (held !== null && row.time < held.time) throw new OutOfOrder();
      if (held !== null && row.time > held.time) rows.push(held);
      if (held !== null && row.time === held.time) {
        notes.replaced++;
        held = merged(held, row);
      } else {
        held = row;
      }
    }
    yield rows;
  }
  if (held !== null) yield [held];
}

/** What the later row does not have is that of the earlier one. */
function merged(before: Row, row: Row): Row {
  const length = Math.max(before.values.length, row.values.length);
  const values = Array.from({ length }, (_, i) => (Number.isNaN(row.values[i] ?? NaN) ? (before.values[i] ?? NaN) : row.values[i]!));
  return { time: row.time, values };
}

/** 160 MB, outside of V8's heap. More must come sorted, and then need not be in memory at all. */
const SORTED_CELLS_MAX = 20_000_000;

const BATCH = 1024;

/** Rows that are in memory, and the first of their times. */
export interface Sorted {
  readonly firstTimes: readonly number[];
  readonly rows: AsyncIterable<readonly Row[]>;
}

/** All rows by time, in memory. Throws `DATA` when they are too many. */
export async function sorted(place: string, batches: AsyncIterable<readonly Row[]>): Promise<Sorted> {
  const times = new Numbers();
  const cells = new Numbers();
  const ends = new Numbers();
  for await (const batch of batches) {
    for (const { time, values } of batch) {
      times.push(time);
      for (const value of values) cells.push(value);
      ends.push(cells.length);
    }
    if (cells.length + times.length > SORTED_CELLS_MAX) {
      const most = `${SORTED_CELLS_MAX / 1e6} million figures`;
      throw dataProblem(place, `the rows are not in order of time, and more than ${most} are too many to sort here; sort the file first`);
    }
  }
  const order = orderOf(times);
  const rowOf = (i: number): Row => ({ time: times.at(i), values: Array.from(cells.between(i === 0 ? 0 : ends.at(i - 1), ends.at(i))) });
  return { firstTimes: Array.from(order.subarray(0, BATCH), (i) => times.at(i)), rows: batched(order, rowOf) };
}

// oxlint-disable-next-line require-await -- rows come as those of a file do
async function* batched(order: Uint32Array, rowOf: (i: number) => Row): AsyncIterable<readonly Row[]> {
  for (let from = 0; from < order.length; from += BATCH) yield Array.from(order.subarray(from, from + BATCH), rowOf);
}

/** A list of numbers of which V8's heap, which is small, holds nothing. */
class Numbers {
  length = 0;
  #list = new Float64Array(1024);

  push(value: number): void {
    if (this.length === this.#list.length) {
      const grown = new Float64Array(this.length * 2);
      grown.set(this.#list);
      this.#list = grown;
    }
    this.#list[this.length++] = value;
  }

  at(i: number): number {
    return this.#list[i]!;
  }

  between(from: number, to: number): Float64Array {
    return this.#list.subarray(from, to);
  }
}

/** Indices by time; rows of one time stay in their order. A merge sort, because the built-in one copies to the heap when it is told how to compare. */
function orderOf(times: Numbers): Uint32Array {
  const { length } = times;
  let from = Uint32Array.from({ length }, (_, i) => i);
  let to = new Uint32Array(length);
  for (let width = 1; width < length; width *= 2) {
    for (let start = 0; start < length; start += 2 * width) {
      const middle = Math.min(length, start + width);
      const end = Math.min(length, start + 2 * width);
      for (let k = start, left = start, right = middle; k < end; k++) {
        const isLeft = left < middle && (right >= end || times.at(from[left]!) <= times.at(from[right]!));
        to[k] = isLeft ? from[left++]! : from[right++]!;
      }
    }
    [from, to] = [to, from];
  }
  return from;
}
