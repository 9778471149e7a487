/** Rows in order of time, each time once: of rows that share a time the later one counts, as in a log that corrects itself. */
import type { Dataset, Row } from './dataset.ts';
import { notesOf, whyRefused } from './disorder.ts';
import { orderIn } from './steps.ts';
import { dataProblem } from './text.ts';

/** The data goes back in time: it must be sorted. */
export class OutOfOrder extends Error {}

export interface OrderNotes {
  /** Rows that another row of the same time replaced. */
  replaced: number;
  /** Rows that have the hour of the row before once more, as it is told. */
  readonly again: { readonly line: number; readonly time: number }[];
}

/**
 * Throws `OutOfOrder` at the first row that goes back. @param isLocal dates without a zone: with a row an hour no time goes back where daylight
 * saving ends, an hour comes twice, and what follows counts on from there as after any step of the clock
 */
export async function* inOrder(batches: AsyncIterable<readonly Row[]>, notes: OrderNotes, isLocal = false): AsyncIterable<readonly Row[]> {
  let held: Row | null = null;
  let before = NaN;
  let shift = 0;
  for await (const batch of batches) {
    const rows: Row[] = [];
    for (const given of batch) {
      if (isLocal && held !== null && isHourAgain(before - shift, held.time - shift, given.time) && isOther(held, given)) {
        notes.again.push({ line: given.line ?? 0, time: given.time });
        shift += HOUR_S;
      }
      const row: Row = shift === 0 ? given : { ...given, time: given.time + shift };
      if (held !== null && row.time < held.time) throw new OutOfOrder();
      if (held !== null && row.time > held.time) {
        rows.push(held);
        before = held.time;
      }
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

const HOUR_S = 3600;

/** Sundays of 1970 began so many seconds after the weeks of the epoch did. */
const SUNDAY_S = 3 * 86_400;
const WEEK_S = 7 * 86_400;

/** Daylight saving ends in the first hours of a Sunday nearly everywhere. */
const NIGHT_S = 4 * HOUR_S;

/** Whether the later of two rows that are an hour apart has its time once more. A row that is corrected at another time of the week is none. */
function isHourAgain(before: number, time: number, next: number): boolean {
  return next === time && time - before === HOUR_S && (((time - SUNDAY_S) % WEEK_S) + WEEK_S) % WEEK_S < NIGHT_S;
}

/** A row that stands there twice tells nothing of the clock. */
function isOther({ values }: Row, next: Row): boolean {
  return next.values.some((value, i) => !Object.is(value, values[i]));
}

/** What the later row does not have is that of the earlier one. */
function merged(before: Row, row: Row): Row {
  const length = Math.max(before.values.length, row.values.length);
  const values = Array.from({ length }, (_, i) => (Number.isNaN(row.values[i] ?? NaN) ? (before.values[i] ?? NaN) : row.values[i]!));
  return { ...row, values };
}

/** 160 MB, outside of V8's heap. More must come sorted, and then need not be in memory at all. */
const SORTED_CELLS_MAX = 20_000_000;

const BATCH = 1024;

/** Rows that are in memory, and the first of their times. */
export interface Sorted {
  readonly firstTimes: readonly number[];
  readonly rows: AsyncIterable<readonly Row[]>;
  /** What was found out of order, and what was made of it. */
  readonly notes: readonly string[];
}

/** All rows by time, in memory; after a step of the clock as they stand in the file. Throws `DATA` when they are too many, or are no one recording. */
export async function sorted({ place, axis }: Pick<Dataset, 'place' | 'axis'>, batches: AsyncIterable<readonly Row[]>): Promise<Sorted> {
  const held = new Held();
  for await (const batch of batches) {
    for (const row of batch) held.push(row);
    if (held.figures > SORTED_CELLS_MAX) {
      const most = `${SORTED_CELLS_MAX / 1e6} million figures`;
      throw dataProblem(place, `the rows are not in order of time, and more than ${most} are too many to sort here; sort the file first`);
    }
  }
  // What stands there twice is neither late nor another clock.
  const once = held.once();
  const times = Float64Array.from(once, (i) => held.times.at(i));
  const lines = (i: number): number => held.lines.at(once[i]!);
  const found = orderIn({ times, alike: (a, b) => held.shareColumn(once[a]!, once[b]!) });
  const back = { times, lineOf: lines, axis };
  if (found.kind !== 'steps') throw dataProblem(placeOf(place, lines(found.at)), whyRefused(found, back));
  held.shift(found.steps.map(({ at, size }) => ({ from: once[at]!, seconds: size })));
  const order = orderOf(held.times);
  return {
    firstTimes: Array.from(order.subarray(0, BATCH), (i) => held.times.at(i)),
    rows: batched(order, (i) => held.row(i)),
    notes: notesOf(found.steps, back),
  };
}

function placeOf(place: string, line: number): string {
  return line > 0 ? `${place}:${line}` : place;
}

/** Rows of one time that are compared: more at one time are not what stands there twice. */
const COMPARED_MAX = 4;

/** Rows in the order of the file. */
class Held {
  readonly times = new Numbers();
  readonly lines = new Numbers();
  readonly #cells = new Numbers();
  readonly #ends = new Numbers();

  get figures(): number {
    return this.#cells.length + this.times.length;
  }

  push({ time, values, line }: Row): void {
    this.times.push(time);
    this.lines.push(line ?? 0);
    for (const value of values) this.#cells.push(value);
    this.#ends.push(this.#cells.length);
  }

  row(i: number): Row {
    const line = this.lines.at(i);
    return { time: this.times.at(i), values: Array.from(this.#values(i)), ...(line > 0 ? { line } : {}) };
  }

  /** All from each of these on are so much later, and those after several of them by all that. */
  shift(steps: readonly { readonly from: number; readonly seconds: number }[]): void {
    let [next, by] = [0, 0];
    for (let i = steps[0]?.from ?? this.times.length; i < this.times.length; i++) {
      for (; steps[next]?.from === i; next++) by += steps[next]!.seconds;
      this.times.set(i, this.times.at(i) + by);
    }
  }

  /** Indices of the rows that no earlier row repeats, time and values. */
  once(): Uint32Array {
    const order = orderOf(this.times);
    const repeated = new Uint8Array(order.length);
    for (let k = 0; k < order.length; k++) {
      const i = order[k]!;
      for (let back = 1; back <= Math.min(k, COMPARED_MAX) && this.times.at(order[k - back]!) === this.times.at(i); back++)
        if (this.#isSame(order[k - back]!, i)) repeated[i] = 1;
    }
    return Uint32Array.from({ length: order.length }, (_, i) => i).filter((i) => repeated[i] === 0);
  }

  shareColumn(a: number, b: number): boolean {
    const [left, right] = [this.#values(a), this.#values(b)];
    return left.some((value, i) => !Number.isNaN(value) && !Number.isNaN(right[i] ?? NaN));
  }

  #isSame(a: number, b: number): boolean {
    const [left, right] = [this.#values(a), this.#values(b)];
    return left.length === right.length && left.every((value, i) => Object.is(value, right[i]));
  }

  #values(i: number): Float64Array {
    return this.#cells.between(i === 0 ? 0 : this.#ends.at(i - 1), this.#ends.at(i));
  }
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

  set(i: number, value: number): void {
    this.#list[i] = value;
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
