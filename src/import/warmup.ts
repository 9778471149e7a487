/** What the warm-up that the user gave leaves of the data. */
import { Problem } from '../problem.ts';
import { formatDuration } from '../quantity.ts';

/** Throws `USAGE` when it leaves nothing. @param given seconds; null: it is found in the data */
export function warmupNotes(given: number | null, span: number): string[] {
  if (given === null || given === 0 || !(span > 0)) return [];
  const [warmup, all] = [formatDuration(given), formatDuration(span)];
  if (given >= span) throw new Problem('USAGE', { place: '--warmup', message: `${warmup} leave nothing to judge: the data are of ${all}` });
  return [`the first ${warmup} of each life are left out (--warmup), of ${all} in all`];
}
