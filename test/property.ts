/**
 * fast-check, for properties: import it from here. `npm run check` tries each a quarter as often as `npm test`, which sets SOAK_TRIES to 1.
 * Both always try the same, so that what fails is what was changed; `npm run fuzz` looks further, and SOAK_SEED repeats what it found.
 */
import * as fc from 'fast-check';

const SHARE = Number(process.env['SOAK_TRIES'] ?? 0.25);

/** How often to try what the whole test tries `most` times. */
export function tries(most: number): number {
  return Math.ceil(most * SHARE);
}

/** `npm run fuzz` says `random`. */
const SEED = process.env['SOAK_SEED'] ?? '20261121';

fc.configureGlobal({ numRuns: tries(100), ...(SEED !== 'random' && { seed: Number(SEED) }) });

export * from 'fast-check';
