/**
 * Descriptors that are used up. A leak that got there has nothing left to grow by: it is flat from then on, its growth before looks like a
 * warm-up, and the program opens nothing any more.
 */
import type { SeriesJudgement } from './judgement.ts';

/** The level is a mean, which what comes and goes moves a little. */
const USED_UP = 0.999;

/** A limit of a rule has a finding of its own. */
export function isExhausted({ series: { def }, gate, level, limit }: SeriesJudgement): boolean {
  if (gate === 'advisory' || def.resource !== 'descriptors' || def.growth !== 'leak' || level === null || limit === null) return false;
  return !limit.from.startsWith('rule ') && level >= USED_UP * limit.value;
}
