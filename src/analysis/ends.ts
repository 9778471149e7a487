/** What a gauge was at the beginning of some time, and what it is at its end. */
import type { Bins } from '../store.ts';
import type { Span } from '../timeline.ts';

/** Means over this share of the time at either end. */
const END = 0.1;

/** Null where nothing was sampled at one of them. */
export function endsOf(bins: Bins, { from, to }: Readonly<Span>): { readonly from: number; readonly to: number } | null {
  const width = END * (to - from);
  const [before, after] = [meanOf(bins, from, from + width), meanOf(bins, to - width, to)];
  return Number.isNaN(before) || Number.isNaN(after) ? null : { from: before, to: after };
}

function meanOf({ first, width, length, count, sum }: Bins, from: number, to: number): number {
  let [total, samples] = [0, 0];
  for (let i = 0; i < length; i++) {
    if ((first + i + 1) * width <= from || (first + i) * width >= to) continue;
    total += sum[i]!;
    samples += count[i]!;
  }
  return total / samples;
}
