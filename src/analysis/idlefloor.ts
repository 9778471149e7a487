/** What is held when nobody asks for anything: after the load against before it. What stays is kept for nobody. */
import { seriesLabel } from '../series.ts';
import type { Bins, Store } from '../store.ts';
import type { Phase, Span } from '../timeline.ts';
import type { SeriesJudgement } from './judgement.ts';
import { clockTime, inWords } from './sentence.ts';

export interface IdleFinding {
  readonly series: string;
  readonly target: string | null;
  readonly why: string;
  readonly from: number;
  readonly to: number;
  readonly evidence: Readonly<Record<string, string | number | null>>;
}

/** Pools shrink and collectors run in the first half of a cool-down. */
const SETTLED = 0.5;

/** Kept is what is more than this share above what was held before; below it is how an allocator rounds. */
const KEPT = 0.05;

/** Of every gated resource whose idle levels are both known. */
export function idleFindings(series: readonly SeriesJudgement[], phases: readonly Phase[], store: Store, now: number): IdleFinding[] {
  const before = spanOf(phases, /^idle\b/, now, 0);
  const after = spanOf(phases, /^cool-?down\b/, now, SETTLED);
  if (before === null || after === null || before.to > after.from) return [];
  return series.flatMap(({ series: one, gate }) => {
    if (gate === 'advisory' || one.def.growth !== 'leak') return [];
    const bins = store.bins(one.id);
    const [held, holds] = [meanIn(bins, before), meanIn(bins, after)];
    if (held === null || holds === null) return [];
    const { unit } = one.def;
    const kept = holds - held;
    const much = kept > KEPT * Math.abs(held) ? `${inWords(kept, unit)} more than` : 'about as much as';
    const why = `without load ${seriesLabel(one)} holds ${inWords(holds, unit)} from ${clockTime(after.from)} on, ${much} the ${inWords(held, unit)} before the load`;
    return [{ series: seriesLabel(one), target: one.target, why, ...after, evidence: { before: held, after: holds } }];
  });
}

/** The latest phase of this name, without its first share. */
function spanOf(phases: readonly Phase[], name: RegExp, now: number, without: number): Span | null {
  const at = phases.findLastIndex((phase) => name.test(phase.name));
  const phase = phases[at];
  if (phase === undefined) return null;
  const to = phases[at + 1]?.from ?? now;
  return { from: phase.from + without * (to - phase.from), to };
}

/** Of the bins that lie wholly inside. */
function meanIn(bins: Bins, { from, to }: Span): number | null {
  let [sum, count] = [0, 0];
  for (let i = 0; i < bins.length; i++) {
    const start = (bins.first + i) * bins.width;
    if (start < from || start + bins.width > to) continue;
    sum += bins.sum[i]!;
    count += bins.count[i]!;
  }
  return count === 0 ? null : sum / count;
}
