/** Phases of a run that are known beforehand, and which phases are judged. */

export interface PlannedPhase {
  readonly name: string;
  /** Null: until the run ends, or somebody says otherwise. */
  readonly seconds: number | null;
}

/** What a phase may be called: a word that rules can name. */
export const PHASE_NAME = /^[a-z][a-z0-9_-]{0,31}$/;

export const PHASE_HINT = 'a lower-case letter, then at most 31 lower-case letters, digits, - and _';

/** What is called so is expected to look different, and no trend is taken from it. */
const UNJUDGED = /^(?:warm-?up|ramp-?up|fault|recovery|cool-?down|idle)(?:$|[_-])/;

export function isJudgedPhase(name: string): boolean {
  return !UNJUDGED.test(name);
}

/** The word for the time after the load: what stays then is kept for nobody. */
export const COOLDOWN = 'cooldown';

/** Begins each planned phase at its time, once. */
export class PhasePlan {
  readonly #starts: readonly { readonly name: string; readonly at: number }[];
  #begun: number;

  /** @param from run time at which this start of the agent goes on: what began before is in the record */
  constructor(phases: readonly PlannedPhase[], from: number) {
    let at = 0;
    this.#starts = phases.map(({ name, seconds }) => {
      const start = { name, at };
      at += seconds ?? Infinity;
      return start;
    });
    this.#begun = from === 0 ? 0 : this.#starts.filter((start) => start.at <= from).length;
  }

  /** Names of the phases that begin now. */
  due(now: number): string[] {
    const due = this.#starts.slice(this.#begun).filter(({ at }) => at <= now);
    this.#begun += due.length;
    return due.map(({ name }) => name);
  }
}
