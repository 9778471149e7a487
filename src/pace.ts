/** What takes minutes in a soak of hours takes seconds in a trial of minutes: spans that follow the planned length of the run. */

/** Planned lengths, seconds: up to the first everything is at its shortest, from the second on at its longest. */
export const TRIAL_S = 600;
const SOAK_S = 3600;

/**
 * Between a trial and a soak the span grows in proportion to the planned length.
 * @param planned seconds; null for a run until told, which is a soak
 */
export function paced(planned: number | null, span: { readonly trial: number; readonly soak: number }): number {
  const share = planned === null ? 1 : Math.min(1, Math.max(0, (planned - TRIAL_S) / (SOAK_S - TRIAL_S)));
  return span.trial + share * (span.soak - span.trial);
}

/** Windows whose minima are compared: long enough that every member of a working pool is used, or closed, within one. */
export const POOL_WINDOW_S = { trial: 20, soak: 300 } as const;

/** A quarter of an hour is what pools and caches take to settle; of a short run a tenth. */
const WARMUP_S = 900;
const WARMUP_SHARE = 0.1;

/**
 * When what is warming up counts as settled for those who cannot find it out in the data.
 * @param warmup as the user said it, seconds; null: not said
 */
export function settledAfter(warmup: number | null, planned: number | null): number {
  return warmup ?? Math.min(WARMUP_S, (planned ?? Infinity) * WARMUP_SHARE);
}
