/** What the record could not take: counted, and told once when it begins and once when it is over. */
import type { EventKind, RunEvent } from './tick.ts';

/**
 * Seconds of run time without a loss after which it is over: another program that holds the record for a moment every few seconds is
 * told once, and there are two events a minute at most.
 */
const OVER_S = 60;

const WHY = {
  ticks: 'another program holds it',
  checkpoints: 'the state is larger than an eighth of its cap, or another program holds it',
} as const;

type What = keyof typeof WHY;

interface Loss {
  from: number;
  last: number;
  count: number;
}

type Tell = (kind: EventKind, message: string, about: { readonly data: RunEvent['data'] }) => void;

export class Losses {
  /** All that was lost since the agent was started. */
  ticks = 0;
  checkpoints = 0;
  readonly #tell: Tell;
  readonly #losses: Record<What, Loss | null> = { ticks: null, checkpoints: null };

  constructor(tell: Tell) {
    this.#tell = tell;
  }

  /** @param t run time, seconds */
  note(what: What, t: number, isRecorded: boolean): void {
    const loss = this.#losses[what];
    if (isRecorded) {
      if (loss !== null && t - loss.last >= OVER_S) this.#over(what, loss);
      return;
    }
    this[what]++;
    if (loss === null) {
      this.#losses[what] = { from: t, last: t, count: 1 };
      this.#tell('record_lost', `${what} cannot be recorded: ${WHY[what]}`, { data: { what } });
    } else {
      loss.last = t;
      loss.count++;
    }
  }

  #over(what: What, { from, count }: Loss): void {
    this.#losses[what] = null;
    this.#tell('record_recovered', `${what} are recorded again: ${count} are missing`, { data: { what, count, from } });
  }
}
