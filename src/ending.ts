/** Why a run ends: its time is over, it was told to, the command it ran beside is done, or its target is gone (contracts). */
import type { Config } from './config/config.ts';
import { formatDuration } from './quantity.ts';
import type { Target } from './targets.ts';

export interface Ending {
  readonly kind: 'duration' | 'signal' | 'command' | 'target' | 'rule' | 'failed';
  readonly message: string;
}

/** The reason to end now, or null. `now` is run time. */
export function ending(config: Pick<Config, 'duration' | 'goneAfter'>, targets: readonly Target[], now: number): Ending | null {
  if (config.duration !== null && now >= config.duration) {
    return { kind: 'duration', message: `the planned ${formatDuration(config.duration)} are over` };
  }
  // The end of the command after `--` is told by whoever started it.
  const watched = targets.filter(({ spec }) => !spec.load);
  const gone = watched.find((target) => target.goneSince !== null && now - target.goneSince >= patience(target, config.goneAfter));
  return gone ? { kind: 'target', message: `target ${gone.role} is gone` } : null;
}

/** A pid never comes back and a program that we started has ended; any other selector may find a successor. */
function patience(target: Target, goneAfter: number): number {
  const { kind } = target.spec.selector;
  return kind === 'pid' || kind === 'exec' ? 0 : goneAfter;
}
