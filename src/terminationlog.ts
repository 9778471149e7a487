/**
 * The termination message of a container: a file that Kubernetes puts into every container, `/dev/termination-log`, reads when the
 * container has ended, whatever ended it, and shows in the status of the pod.
 */
import { closeSync, constants, ftruncateSync, openSync, statSync, writeSync } from 'node:fs';
import { messageOf, Problem } from './problem.ts';

/** Where it is unless the manifest says otherwise (`terminationMessagePath`). */
export const TERMINATION_LOG = '/dev/termination-log';

const WRITE = constants.O_WRONLY | constants.O_CREAT;
const MODE = 0o644;

export class TerminationLog {
  readonly #path: string;
  #length: number;

  private constructor(path: string, length: number) {
    this.#path = path;
    this.#length = length;
  }

  /**
   * @param path null: the usual place, if there is such a file
   * @returns null where there is none
   * @throws {Problem} OUT when a path that was given cannot be written
   */
  static find(path: string | null): TerminationLog | null {
    if (path === null) {
      const length = lengthOf(TERMINATION_LOG);
      return length === null ? null : new TerminationLog(TERMINATION_LOG, length);
    }
    try {
      closeSync(openSync(path, WRITE, MODE));
      return new TerminationLog(path, lengthOf(path) ?? 0);
    } catch (error) {
      throw new Problem(
        'OUT',
        { place: '--termination-log', message: `${path} cannot be written (${messageOf(error)})` },
        { cause: error },
      );
    }
  }

  /**
   * In place, because a mounted file cannot be replaced. One write covers what was there before, so that a kill at any moment leaves one
   * message or the other, with spaces behind it at most.
   */
  write(message: string): void {
    const text = Buffer.from(message);
    const file = openSync(this.#path, WRITE, MODE);
    try {
      writeSync(file, Buffer.concat([text, Buffer.alloc(Math.max(0, this.#length - text.length), ' ')]), 0, null, 0);
      ftruncateSync(file, text.length);
      this.#length = text.length;
    } finally {
      closeSync(file);
    }
  }
}

/** Bytes of a plain file; null for anything else. */
function lengthOf(path: string): number | null {
  const found = statSync(path, { throwIfNoEntry: false });
  return found?.isFile() ? found.size : null;
}
