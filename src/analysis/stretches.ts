/** The stretches of a merged run that one agent after the other watched. In a minute between two of them the load may become another. */
import type { Phase, Span } from '../timeline.ts';
import { WINDOWS_MIN } from './rates.ts';

/** As long as work must stay away to have stopped: who was away for less would have seen that. */
const GAP_MIN_S = 60;

/**
 * Without those that are too short to be judged alone, or are mostly of phases that are not judged. All of a run without long gaps.
 * @param width of the widest bins: within one that a gap cuts nobody knows what was on which side
 */
export function stretchesOf(run: Span, gaps: readonly Span[], phases: readonly Phase[], width: number): Span[] {
  const long = gaps.filter(({ from, to }) => to - from >= GAP_MIN_S).toSorted((a, b) => a.from - b.from);
  if (long.length === 0) return [run];
  const stretches: Span[] = [];
  let { from } = run;
  for (const gap of long) {
    if (gap.from > from) stretches.push({ from, to: Math.floor(gap.from / width) * width });
    from = Math.max(from, Math.ceil(gap.to / width) * width);
  }
  stretches.push({ from, to: run.to });
  return stretches.filter((span) => span.to - span.from >= WINDOWS_MIN * width && judgedIn(span, phases) >= (span.to - span.from) / 2);
}

/** Seconds of phases that are judged. */
function judgedIn({ from, to }: Span, phases: readonly Phase[]): number {
  const left = phases.map((phase, i) =>
    phase.judged ? 0 : Math.max(0, Math.min(to, phases[i + 1]?.from ?? Infinity) - Math.max(from, phase.from)),
  );
  return to - from - left.reduce((sum, seconds) => sum + seconds, 0);
}
