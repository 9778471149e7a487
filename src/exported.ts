/** The run as the exporters see it. */
import type { Verdict } from './analysis/verdict.ts';
import type { Config } from './config/config.ts';
import type { RunState } from './runstate.ts';
import type { Target, Targets } from './targets.ts';
import { VERSION } from './version.ts';
import type { ExportedRun } from './views/runmetrics.ts';

interface Running {
  readonly config: Pick<Config, 'duration'>;
  readonly state: RunState;
  readonly targets: Targets;
  /** Throws until the run is open: the listener is bound before, so that an address in use leaves no run behind. */
  readonly run: () => { readonly id: string; readonly start: number };
  readonly end: () => number | null;
  readonly verdict: () => Verdict | null;
}

export function exportedRun({ config, state, targets, run, end, verdict }: Running): ExportedRun {
  return {
    get id() {
      return run().id;
    },
    get start() {
      return run().start;
    },
    get planned() {
      return config.duration === null ? null : run().start + config.duration;
    },
    version: VERSION,
    state,
    end,
    verdict,
    targets: (): readonly Target[] => targets.all(),
    phase: () => state.timeline.phases.at(-1)?.name ?? '',
  };
}
