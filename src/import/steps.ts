/**
 * What it means that times go back from one line of a file to the next. A log is written in the order in which things happened, so that
 * sorting is right only where it puts rows into holes: late rows, newest first, parts of a log in the wrong order. Where rows run on over
 * time that already has rows, sorting would interleave what happened one after the other. Then either
 *
 *   - the clock was set back by up to an hour (daylight saving, NTP): the order of the lines is kept, and what follows counts on from the row
 *     before as a run does on its monotonic clock. A gap would throw an hour of good rows away, and a refusal would come to everybody with local times;
 *   - it goes back further: a second recording, or a clock of which nobody knows when it was right. That is refused, with its place;
 *   - lines go back and forth all the time: several clocks, whose rows nobody can tell apart. That is refused as well.
 */

/** Rows in the order of the file. */
export interface Recording {
  readonly times: Float64Array;
  /** Whether two rows have a value of one column. */
  readonly alike: (a: number, b: number) => boolean;
}

/** The clock was set back between a row and the one before. */
export interface Step {
  /** Index of the first row after it. */
  readonly at: number;
  /** Seconds by which the clock is behind from then on. */
  readonly size: number;
}

export type Order =
  /** Without any: to be sorted. */
  | { readonly kind: 'steps'; readonly steps: readonly Step[] }
  /** Runs on, from this row, over what was before. */
  | { readonly kind: 'anew'; readonly at: number }
  /** This row is the first of those that another clock has written. */
  | { readonly kind: 'clocks'; readonly at: number; readonly count: number };

/** Daylight saving is the largest step that a clock makes by itself; the tolerance is half of the distance of rows. */
const STEP_MAX_S = 3600;

/** A step is no larger than this share of the time before it: what goes back to the beginning begins anew. */
const SHARE_MAX = 0.5;

/** With more rows that go back than this share the lines have no order at all. */
const ORDERLY = 0.25;

/** Rows on either side from which a stretch is told from a row that is late. */
const STRETCH_MIN = 2;

/** Of the rows that there would be at the usual distance: a stretch without holes. */
const DENSE = 0.5;

export function orderIn(recording: Recording): Order {
  const { times } = recording;
  const backs = backsOf(times);
  const step = usualStep(times);
  const other = otherClock(recording, backs.length);
  if (other !== null) return other;
  return backs.length > ORDERLY * times.length ? { kind: 'steps', steps: [] } : stepsAt(recording, backs, step);
}

/** Indices of the rows that go back. */
export function backsOf(times: Float64Array): Uint32Array {
  return indices(times).filter((i) => i > 0 && times[i]! < times[i - 1]!);
}

/** Of many rows, outside of V8's heap. */
function indices({ length }: Float64Array): Uint32Array {
  return Uint32Array.from({ length }, (_, i) => i);
}

/** The median distance of a row from the one before, of those that go forward. */
function usualStep(times: Float64Array): number {
  const forward = times.map((time, i) => (i === 0 ? 0 : time - times[i - 1]!)).filter((since) => since > 0);
  forward.sort();
  return forward[Math.floor(forward.length / 2)] ?? 0;
}

function stepsAt({ times, alike }: Recording, backs: Uint32Array, step: number): Order {
  const steps: Step[] = [];
  let [from, shift] = [0, 0];
  for (let b = 0; b < backs.length; b++) {
    const at = backs[b]!;
    // What measures something else goes beside what is there.
    if (!alike(at - 1, at) || !runsOver(times, { from, at, to: backs[b + 1] ?? times.length }, step)) continue;
    const size = sizeOf(times[at - 1]! - times[at]! + step, step);
    const before = times[at - 1]! + shift - times[0]!;
    if (size > STEP_MAX_S || size > SHARE_MAX * before) return { kind: 'anew', at };
    steps.push({ at, size });
    shift += size;
    from = at;
  }
  return { kind: 'steps', steps };
}

/** The row after it comes a usual distance after the one before; what is an hour by that is one. */
function sizeOf(size: number, step: number): number {
  return Math.abs(size - STEP_MAX_S) <= step / 2 ? STEP_MAX_S : size;
}

/** Against the usual distance of rows: this close they have no hole between them. */
const CLOSE = 1.5;

/** Whether the rows from `at` up to `to` run on over time that those from `from` on have covered already. */
function runsOver(times: Float64Array, { from, at, to }: { from: number; at: number; to: number }, step: number): boolean {
  const end = times[to - 1]!;
  // The rows just before it that lie within the time of the stretch. As many as it has are enough to tell.
  const until = Math.max(from, at - LOOK_BACK * (to - at));
  let [first, last, earlier] = [Infinity, -Infinity, 0];
  for (let i = at - 1; i >= until && times[i]! >= times[at]!; i--) {
    if (times[i]! > end) continue;
    first = Math.min(first, times[i]!);
    last = Math.max(last, times[i]!);
    earlier++;
  }
  // What begins just before them runs over them; what begins earlier fills a hole first.
  if (first - times[at]! <= CLOSE * step) first = times[at]!;
  let later = 0;
  for (let i = at; i < to && times[i]! <= last; i++) if (times[i]! >= first) later++;
  const dense = Math.max(STRETCH_MIN, DENSE * ((last - first) / step + 1));
  return earlier >= dense && later >= dense;
}

/** Times the length of a stretch, so that a file of many stretches is looked through a few times and not as often as it has stretches. */
const LOOK_BACK = 8;

/** Fewer are single rows that are late, and clocks are not set so often. */
const BACK_AND_FORTH_MIN = 5;
const BACK_AND_FORTH = 0.02;

/** Shares of the rows behind the latest one of which it must hold. */
const WITHIN = 0.5;
const ONWARD = 0.9;
const DOUBLED = 0.8;

/** Clocks that are told apart. */
const CLOCKS_MAX = 8;

/**
 * Rows that are behind the latest one before them are those of another clock when they go on by themselves, when they fill no holes, and when
 * they measure what the others do as well.
 */
function otherClock({ times, alike }: Recording, backs: number): Order | null {
  if (backs < Math.max(BACK_AND_FORTH_MIN, BACK_AND_FORTH * times.length)) return null;
  let latest = -Infinity;
  const isAhead = Uint8Array.from(times, (time) => (time < latest ? 0 : ((latest = time), 1)));
  const [ahead, behind] = [1, 0].map((side) => indices(times).filter((i) => isAhead[i] === side)) as [Uint32Array, Uint32Array];
  const [front, back] = [ahead, behind].map((rows) => Float64Array.from(rows, (i) => times[i]!)) as [Float64Array, Float64Array];
  const usual = usualStep(front);
  let [within, doubled] = [0, 0];
  for (const i of behind) {
    const next = firstAfter(front, times[i]!);
    if (next === 0 || next === front.length) continue;
    within++;
    if (front[next]! - front[next - 1]! <= CLOSE * usual && alike(i, ahead[next - 1]!)) doubled++;
  }
  const isOther = within >= WITHIN * behind.length && doubled >= DOUBLED * within && goesOn(back) && !isEven(times);
  return isOther ? { kind: 'clocks', at: behind[0]!, count: behind.length } : null;
}

/** Whether the times go forward from each to the next, or where several clocks take turns, from turn to turn. */
function goesOn(times: Float64Array): boolean {
  for (let turn = 1; turn < CLOCKS_MAX; turn++) {
    const onward = times.filter((time, i) => i < turn || time >= times[i - turn]!).length;
    if (onward >= ONWARD * times.length) return true;
  }
  return false;
}

/** Of the usual distance: what a sampler may be late. */
const EVEN = 0.25;

/** Lines of one clock that took turns are as far apart as ever once they are sorted. */
function isEven(times: Float64Array): boolean {
  const ordered = times.toSorted();
  const step = usualStep(ordered);
  const even = ordered.filter((time, i) => i > 0 && Math.abs(time - ordered[i - 1]! - step) <= EVEN * step).length;
  return even >= ONWARD * ordered.length;
}

/** Index of the first of the rising times that is later. */
function firstAfter(times: Float64Array, time: number): number {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle]! <= time) low = middle + 1;
    else high = middle;
  }
  return low;
}
