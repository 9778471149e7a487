/**
 * How the verdict leaves while the run still goes on: a container may be killed without grace, and the exit code of a sidecar is read by
 * nobody. So the verdict so far is always in a file beside the record, and in the termination message of the container where there is one.
 */
import type { Verdict } from './analysis/verdict.ts';
import { forgetSoFar, hasVerdict, writeSoFar } from './record/files.ts';
import { messageOf } from './problem.ts';
import type { TerminationLog } from './terminationlog.ts';
import { terminationMessage } from './views/termination.ts';

/** Seconds: who is killed in the first minute has something to show. Afterwards it is the verdict of the judge's look at each full minute. */
const FIRST_S = 10;
const EVERY_S = 60;

export interface LeavingParts {
  /** Of the run. */
  readonly folder: string;
  /** Null: there is nobody to read a termination message. */
  readonly log: TerminationLog | null;
  /** Told once of each way that cannot be taken; the run goes on. */
  readonly complain: (message: string) => void;
}

export class Leaving {
  readonly #parts: LeavingParts;
  readonly #broken = new Set<string>();
  #next: number;

  /** @param now run time, seconds; a resumed run does not begin at zero */
  constructor(parts: LeavingParts, now: number) {
    this.#parts = parts;
    this.#next = now + FIRST_S;
  }

  /** After every tick. The verdict is asked for only when it is due. */
  tick(now: number, verdict: () => Verdict): void {
    if (now < this.#next) return;
    this.#next = Math.min(now + Math.max(FIRST_S, now), now + EVERY_S - (now % EVERY_S));
    const so = verdict();
    const { folder, log } = this.#parts;
    this.#attempt('the verdict so far', () => writeSoFar(folder, `${JSON.stringify(so, null, 2)}\n`));
    if (log !== null) this.#attempt('the termination message', () => log.write(terminationMessage(so)));
  }

  /** The verdict is final, and in `verdict.json` unless that could not be written: then the one so far is all there is. */
  end(verdict: Verdict): void {
    const { folder, log } = this.#parts;
    if (log !== null) this.#attempt('the termination message', () => log.write(terminationMessage(verdict)));
    if (hasVerdict(folder)) this.#attempt('the verdict so far', () => forgetSoFar(folder));
  }

  #attempt(what: string, write: () => void): void {
    try {
      write();
    } catch (error) {
      if (this.#broken.has(what)) return;
      this.#broken.add(what);
      this.#parts.complain(`${what} cannot be written: ${messageOf(error)}`);
    }
  }
}
