/** What a command is given of the world: streams, environment, time, and the wish to stop. */
import type { Writable } from 'node:stream';
import { type Clock, deadline, SystemClock } from '../clock.ts';
import type { Env } from '../config/environment.ts';
import type { Begun } from '../detach.ts';

export interface Io {
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly env: Env;
  readonly clock: Clock;
  /** Path of the file that this program was started from, for a process of its own. */
  readonly entry: string;
  /**
   * Aborted by the first SIGINT or SIGTERM; the reason is an Error whose message is the signal's name. The second signal has its
   * default effect and ends the process at once. Until this is called, so has the first: a command that only prints is simply ended.
   */
  readonly stopSignal: () => AbortSignal;
  /** Tells whoever started this process, if it wants to know, that the run in this folder has begun. */
  readonly hasBegun: (folder: string) => void;
}

export function processIo(entry: string): Io {
  const { stdout, stderr, env } = process;
  return { stdout, stderr, env, clock: new SystemClock(), entry, stopSignal, hasBegun };
}

function stopSignal(): AbortSignal {
  const controller = new AbortController();
  const stop = (name: NodeJS.Signals): void => {
    process.off('SIGINT', stop).off('SIGTERM', stop);
    controller.abort(new Error(name));
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  return controller.signal;
}

/** Who started it may be gone by now. */
function hasBegun(folder: string): void {
  process.send?.({ begun: folder } satisfies Begun, undefined, undefined, () => {});
}

/** Handles that close by themselves do so within a turn or two; the rest of a second is for a slow machine. */
const LAST_HANDLES_S = 2;

/** Lets the process end by itself, and ends it when something still holds it open: a defect, so it is named. */
export function endAnyway(): void {
  const limit = deadline(LAST_HANDLES_S, 'still open');
  limit.start();
  limit.signal.addEventListener('abort', () => {
    const open = process.getActiveResourcesInfo();
    // On a very slow machine there may be nothing left by now but to leave.
    if (open.length > 0) process.stderr.write(`soak-agent: still open at the end: ${open.join(', ')}; please report this\n`);
    process.exit();
  });
}
