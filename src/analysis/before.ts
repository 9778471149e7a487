/** What happened before judging began: a warm-up, or a step that stays, of which the judged part says nothing. */
import type { Kind } from '../catalog.ts';
import type { Bins } from '../store.ts';

/** Of the level: less is what levels do anyway. */
const SHARE = 0.1;

/** Means of the first bin, and of the one with which judging began; null where the two are alike, and of counters, which have no level. */
export function movedBefore(bins: Bins, kind: Kind, judgedFrom: number): { readonly from: number; readonly to: number } | null {
  if (kind === 'counter') return null;
  const [first, begin] = [firstFrom(bins, 0), firstFrom(bins, judgedFrom)];
  if (first === null || begin === null || begin === first) return null;
  const [from, to] = [first, begin].map((i) => bins.sum[i]! / bins.count[i]!) as [number, number];
  return Math.abs(to - from) > SHARE * Math.max(Math.abs(from), Math.abs(to)) ? { from, to } : null;
}

/** The first bin with samples that begins at this run time or later. */
function firstFrom({ first, width, length, count }: Bins, at: number): number | null {
  for (let i = Math.max(0, Math.ceil(at / width - 1e-9) - first); i < length; i++) if (count[i]! > 0) return i;
  return null;
}
