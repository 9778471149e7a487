/** How much of its time the data covers. */
import type { Fed } from './feed.ts';

/** As for a run (contracts, "Outcome of a run"). */
export const COVERAGE_MIN = 0.9;

/** Share of the time that the data covers, 0 to 1; null for a single row. */
export function coverageOf({ from, to, gapSeconds }: Fed): number | null {
  return to > from ? Math.max(0, 1 - gapSeconds / (to - from)) : null;
}
