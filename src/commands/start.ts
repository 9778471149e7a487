/** `soak-agent start --detach`: a run that goes on when whoever began it is gone; `status`, `wait`, `stop` and `verdict` find it again. */
import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import { Faults } from '../config/faults.ts';
import { detach, type Detached } from '../detach.ts';
import { MALLOC, TUNABLES } from '../malloc.ts';
import { EXIT, type ExitCode } from '../problem.ts';
import type { Io } from './io.ts';

/** Beside the record of the run, and removed with it. */
const LOG = 'agent.log';

/**
 * Returns when the run has begun, with its folder alone on standard output; or when it could not, with its code and what it said.
 * @param args of `soak-agent run`, which reads the configuration again
 */
export async function startDetached(config: Config, args: readonly string[], io: Io): Promise<ExitCode> {
  refuse(config);
  const told = io.stopSignal();
  // It cannot replace itself as the entry does: we would no longer hear when it has begun. So it starts with what the entry gives.
  const env = { [TUNABLES]: MALLOC, ...io.env };
  const child = detach([process.execPath, ...process.execArgv, io.entry, 'run', ...args], env, config.out, io.clock);
  const stop = new Promise<'stop'>((resolve) => told.addEventListener('abort', () => resolve('stop')));
  const first = await Promise.race([child.begun, child.ended, stop]);
  if (first === 'stop') return await stopped(child, io);
  return first === null || typeof first === 'number' ? failed(child, first, io) : begun(child, first.begun, io);
}

/** After its end nobody could tell it to stop serving: the folder of the run has no owner any more. @throws {Problem} USAGE */
function refuse({ hold, once }: Config): void {
  const faults = new Faults();
  const message = 'cannot be used with --detach: what goes on in the background ends with its run';
  if (hold) faults.add('USAGE', '--hold', message);
  if (once) faults.add('USAGE', '--once', message);
  faults.throwIfAny();
}

function begun(child: Detached, folder: string, io: Io): ExitCode {
  const log = join(folder, LOG);
  child.moveLog(log);
  child.release();
  io.stderr.write(child.said());
  io.stderr.write(`it goes on in the background as process ${child.pid}; what it says is in ${log}\n`);
  io.stdout.write(`${folder}\n`);
  return EXIT.pass;
}

const CODES: ReadonlySet<number> = new Set(Object.values(EXIT));

/** A code that means nothing is a crash, and passed on as a failure of ours. */
function failed(child: Detached, code: number | null, io: Io): ExitCode {
  io.stderr.write(child.said());
  child.forget();
  return code !== null && CODES.has(code) && code !== EXIT.pass ? (code as ExitCode) : EXIT.failed;
}

async function stopped(child: Detached, io: Io): Promise<ExitCode> {
  process.kill(child.pid, 'SIGTERM');
  await child.ended;
  io.stderr.write(child.said());
  child.forget();
  return EXIT.inconclusive;
}
