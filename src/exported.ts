/** The run as the exporters see it. */
import type { Verdict } from './analysis/verdict.ts';
import type { Config } from './config/config.ts';
import type { RunState } from './runstate.ts';
import type { Proc, Target, Targets } from './targets.ts';
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
    runtime: runtimes(state, targets),
    phase: () => state.timeline.phases.at(-1)?.name ?? '',
  };
}

const HEAP_VISIBLE = 'soak.runtime.heap.visible';

/** The runtime of a process is a label of what its runtime source says; looked up once per tick for all of them. */
function runtimes(state: RunState, targets: Targets): (proc: Proc) => string | null {
  const key = (target: string | null, member: string | null): string => JSON.stringify([target, member]);
  let known = { n: -1, of: new Map<string, string>() };
  return (proc) => {
    if (known.n !== state.n) {
      const fresh = state.series.all().filter((series) => series.def.name === HEAP_VISIBLE && state.fresh(series) !== null);
      known = { n: state.n, of: new Map(fresh.map(({ target, member, labels }) => [key(target, member), labels['soak.runtime'] ?? ''])) };
    }
    const role = targets.all().find(({ procs }) => procs.includes(proc))?.role;
    return (role !== undefined && known.of.get(key(role, proc.member))) || null;
  };
}
