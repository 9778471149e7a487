/** The stop order as a visible list: each step is named, logged, and has its own deadline; one that fails does not keep the next from running. */
import { within } from './clock.ts';
import type { Logger } from './log.ts';
import { messageOf } from './problem.ts';

export interface StopStep {
  readonly name: string;
  /** Seconds it may take; the whole stop stays under 8 s. */
  readonly seconds: number;
  readonly run: () => void | Promise<void>;
}

/** Runs the steps in order and returns the errors of those that failed. */
export async function stopInOrder(steps: readonly StopStep[], log: Logger): Promise<unknown[]> {
  const errors: unknown[] = [];
  for (const { name, seconds, run } of steps) {
    try {
      const work = Promise.resolve(run());
      work.catch(() => {}); // reported below, or too late to matter
      if (await within(work, seconds)) log.debug(`stop: ${name}`);
      else log.warn(`stop: ${name} took longer than ${seconds} s and was left behind`);
    } catch (error) {
      errors.push(error);
      log.error(`stop: ${name} failed: ${messageOf(error)}`);
    }
  }
  return errors;
}
