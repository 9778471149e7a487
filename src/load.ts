/** The command after `--`: run while watching, usually the load. The run ends with it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { startTime } from './identity.ts';
import { errno, Problem } from './problem.ts';
import { endGroup } from './processgroup.ts';

export interface Load {
  readonly pid: number;
  /** Clock ticks since boot; null where /proc does not tell it. */
  readonly startTime: number | null;
  /** Resolves when the command has ended by itself or by `stop`. */
  readonly ended: Promise<LoadEnd>;
  /** Ends the command's whole process group. */
  stop(): Promise<void>;
}

export interface LoadEnd {
  readonly code: number | null;
  readonly signal: string | null;
  /** We told it to end. */
  readonly stopped: boolean;
}

const WHY: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such program',
  EACCES: 'it is not executable: chmod +x, or name its interpreter',
};

/**
 * Starts the command in its own process group, with our standard streams. A command that cannot be started is a usage error.
 * @param variables for the command alone, beside those of our own environment
 */
export async function startLoad(command: readonly string[], variables: Readonly<Record<string, string>> = {}): Promise<Load> {
  const [file, ...args] = command;
  const env = { ...process.env, ...variables };
  const child = spawn(file ?? '', args, { stdio: ['ignore', 'inherit', 'inherit'], detached: true, env });
  let stopped = false;
  const ended = new Promise<LoadEnd>((resolve) => child.once('exit', (code, signal) => resolve({ code, signal, stopped })));
  try {
    await once(child, 'spawn');
  } catch (error) {
    const why = WHY[errno(error) ?? ''] ?? `it cannot be started (${errno(error) ?? 'unknown error'})`;
    throw new Problem('USAGE', { place: `-- ${file ?? ''}`, message: `${why}; what follows -- is a command to run while watching` });
  }
  const pid = child.pid ?? 0;
  const began = startTime(pid);
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    stopped = true;
    await endGroup(pid, ended);
  };
  return { pid, startTime: began === null ? null : Number(began), ended, stop };
}
