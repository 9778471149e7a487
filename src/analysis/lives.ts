/** Which lives of a series were followed, and whether they are long enough for growth to be seen within one. */
import { formatDuration } from '../quantity.ts';
import type { Span } from '../timeline.ts';
import { isUntold } from './cells.ts';
import type { SeriesInput } from './judgement.ts';
import { BLOCKS_MAX, type Stream } from './stream.ts';

type Lived = Pick<SeriesInput, 'bins' | 'lives' | 'memberLives'>;

/** Members of a role that have lives of their own; slots are 1 to 32. */
export const SLOTS_MAX = 32;

/** A life of so many bins has about four whole ones after its warm-up: with fewer, what a restart gives back looks like what did not grow. */
const BINS_PER_LIFE = 5;

/** Points of a life that tell whether growth in it ended; of so many lives a stream has as many, and bins are narrow enough. */
const POINTS_PER_LIFE = 4;
const LIVES_SEEN = BLOCKS_MAX / POINTS_PER_LIFE;

/** The lives that are known, the one before the first start from `first` on. */
function followed(starts: readonly number[], first: number, until: number): Span[] {
  const before = starts.length === 0 || starts[0]! > first ? [{ from: first, to: Math.min(until, starts[0] ?? Infinity) }] : [];
  const lives = starts.map((from, i) => ({ from: Math.max(first, from), to: Math.min(until, starts[i + 1] ?? Infinity) }));
  return [...before, ...lives.filter(({ from, to }, i) => to > from && !isUntold(starts, i + 1))];
}

/** From its beginning to the next one's, or to now; seconds. */
export function longestLifeOf({ bins, lives }: Lived, until: number): number {
  return Math.max(0, ...followed(lives, bins.first * bins.width, until).map(({ from, to }) => to - from));
}

/** Half of the time was in lives that are no longer than this, of each process behind a total; Infinity where nothing was started again. */
function usualLife({ bins, lives, memberLives }: Lived, until: number): number {
  const spans =
    memberLives.length === 0
      ? followed(lives, bins.first * bins.width, until)
      : memberLives.flatMap((starts) => followed(starts, starts[0] ?? until, until));
  if (spans.length <= Math.max(1, memberLives.length)) return Infinity;
  const lengths = spans.map(({ from, to }) => to - from).toSorted((a, b) => a - b);
  let left = lengths.reduce((sum, length) => sum + length, 0) / 2;
  return lengths.find((length) => (left -= length) <= 0) ?? Infinity;
}

/** The usual length of its lives in seconds, if growth within one cannot be seen in its bins; null when it can. */
export function shortLifeOf(input: Lived, until: number): number | null {
  const life = usualLife(input, until);
  return life >= BINS_PER_LIFE * input.bins.width ? null : life;
}

/** What would show whether growth in lives so short goes on. */
export function longerLives({ bins }: Lived, life: number, until: number): string {
  const run = LIVES_SEEN * life < until ? `a run of up to ${formatDuration(LIVES_SEEN * life)}, or ` : '';
  return `${run}lives of ${formatDuration(BINS_PER_LIFE * bins.width)} would show it`;
}

/** Whether points can show that growth ended: two of each life are what any shape goes through. */
export function tellsEnds({ n, lives }: Stream): boolean {
  return lives === 1 || n >= POINTS_PER_LIFE * lives;
}
