/** Notices when the agent itself did not run, and when wall time stepped: either makes the samples around it lie about time. */
import { formatDuration } from './quantity.ts';

/** A step of the wall clock smaller than this is slewing or jitter between two clock reads. */
const STEP_S = 1;

interface Break {
  readonly kind: 'gap' | 'clock_step';
  readonly message: string;
  readonly data: Readonly<Record<string, number>>;
}

/** Seconds after which samples were missed: a tick that is late is none. @param interval seconds between ticks when all is well */
export function missedAfter(interval: number): number {
  return Math.max(2.5 * interval, interval + 1);
}

export class Continuity {
  readonly #longest: number;
  #last: { t: number; monotonic: number; wall: number } | null = null;

  /** @param interval seconds between wake-ups when all is well */
  constructor(interval: number) {
    this.#longest = missedAfter(interval);
  }

  check(t: number, monotonic: number, wall: number): Break[] {
    const last = this.#last;
    this.#last = { t, monotonic, wall };
    if (last === null) return [];
    const breaks: Break[] = [];
    if (t - last.t > this.#longest) {
      breaks.push({ kind: 'gap', message: `the agent did not sample for ${formatDuration(t - last.t)}`, data: { from: last.t } });
    }
    const step = wall - last.wall - (monotonic - last.monotonic);
    if (Math.abs(step) > STEP_S) {
      const way = step > 0 ? 'forwards (or the machine was suspended)' : 'backwards';
      breaks.push({ kind: 'clock_step', message: `wall time stepped ${formatDuration(Math.abs(step))} ${way}`, data: { seconds: step } });
    }
    return breaks;
  }
}
