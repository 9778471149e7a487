/**
 * When a server took a reading, on the clock of the run. An answer comes late by some time, up to its time limit, and a time that is told
 * as an age would move by as much: a connection that nobody touched would seem to have been used. The answer that was the least late
 * tells how the clocks stand; those after it are late by what they differ.
 */

/** Answers that are remembered: two minutes of one every five seconds. Clocks drift apart by less than 25 ms in that (200 ppm). */
const ANSWERS = 24;

/** No answer is as late (`ANSWER_MS`): one of the clocks was set. */
const SET_S = 5;

export class ServerClock {
  /** Run time less the server's clock, seconds. */
  #offsets: number[] = [];

  /**
   * @param at run time in seconds at which the answer came
   * @param told the server's clock in the answer, seconds; null when it was not told
   * @returns run time at which the server took the reading, as good as it can be known: never after `at`
   */
  takenAt(at: number, told: number | null): number {
    if (told === null) return at;
    const offset = at - told;
    if (this.#offsets.some((known) => Math.abs(known - offset) > SET_S)) this.#offsets = [];
    this.#offsets = [...this.#offsets.slice(1 - ANSWERS), offset];
    return told + Math.min(...this.#offsets);
  }
}
