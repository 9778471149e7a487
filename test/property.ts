/**
 * fast-check, for properties: import it from here. `npm run check` tries each a quarter as often as `npm test`, which sets SOAK_TRIES to 1;
 * what failed once is found again by the seed that it prints.
 */
import * as fc from 'fast-check';

const SHARE = Number(process.env['SOAK_TRIES'] ?? 0.25);

/** How often to try what the whole test tries `most` times. */
export function tries(most: number): number {
  return Math.ceil(most * SHARE);
}

fc.configureGlobal({ numRuns: tries(100) });

export * from 'fast-check';
