/** What the agent starts has a process group of its own, which is ended as a whole: first kindly, then by force. */
import { within } from './clock.ts';
import { errno } from './problem.ts';

/** How long a program may take to end when it is told to, before it is killed. The whole stop of the agent has 8 s. */
export const TERM_S = 1.5;

/** @param ended of its first process, which is a child of ours */
export async function endGroup(pid: number, ended: Promise<unknown>): Promise<void> {
  signalGroup(pid, 'SIGTERM');
  if (!(await within(ended, TERM_S))) signalGroup(pid, 'SIGKILL');
  await ended;
}

/** A group that is gone is no error. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if (errno(error) !== 'ESRCH') throw error;
  }
}
