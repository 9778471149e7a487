/** Whole runs on the disk in a moment: a scenario of a simulation, recorded and sealed as an agent does it. */
import type { Verdict } from '../src/analysis/verdict.ts';
import { Judge } from '../src/analysis/judge.ts';
import { SimClock } from '../src/clock.ts';
import { openRun } from '../src/runs.ts';
import type { RunHeader } from '../src/record/writer.ts';
import { RunState } from '../src/runstate.ts';
import type { Tick } from '../src/tick.ts';
import { optionsOf, type Scenario, Simulation, START } from './sim/run.ts';

export interface Recorded {
  readonly folder: string;
  readonly id: string;
  readonly verdict: Verdict;
}

export interface Recording {
  /** Folder of the runs. */
  readonly out: string;
  /** Seconds since the epoch. */
  readonly start?: number;
  readonly header?: Partial<RunHeader>;
  /** Beside what the scenario says. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Ends without a verdict after so many seconds, as a kill leaves it. */
  readonly cutOffAt?: number;
}

/** Appends what it folds. */
class RecordedState extends RunState {
  append: (tick: Tick) => void = () => {};

  override fold(tick: Tick): void {
    super.fold(tick);
    this.append(tick);
  }
}

export function recordRun(scenario: Scenario, { out, start = START, header, config = {}, cutOffAt }: Recording): Recorded {
  const options = optionsOf(scenario);
  const state = new RecordedState(new Judge(options));
  const roles = [...new Set(scenario.series.map(({ target = 'api' }) => target))].filter((role) => role !== null);
  const { requiredLifetime: mustLive, plannedEnd: duration, warmup, required, interval } = options;
  const rules = options.rules.map(({ text }) => text);
  const clock = new SimClock({ wall: start });
  const run = openRun({
    out,
    keep: null,
    maxBytes: 64 * 2 ** 20,
    clock,
    state,
    header: {
      agent: '0.1.0',
      configHash: `sim${start}`,
      config: {
        mustLive,
        duration,
        warmup,
        rules,
        required,
        interval,
        phases: [],
        targets: roles.map((role) => ({ role })),
        ...config,
      },
      interval,
      planned: duration,
      host: { memory: 2 ** 34 },
      ...header,
    },
  });
  let minute = 0;
  // The record has the wall time of this run, whatever day simulations are of.
  state.append = (tick) => {
    run.record.append({ ...tick, wall: start + tick.t }, state.series);
    if (Math.floor(tick.t / 600) === minute) return;
    minute = Math.floor(tick.t / 600);
    run.record.checkpoint(tick.n, state.snapshot());
  };
  new Simulation(scenario).continuedBy(state).open().run(cutOffAt);
  const end = cutOffAt === undefined ? start + state.t : null;
  const info = { id: run.id, start, end, planned: duration, agent: '0.1.0', configHash: '0' };
  const verdict = state.judge.verdict(info, state);
  if (end === null) run.abandon();
  else run.seal(end, verdict);
  return { folder: run.folder, id: run.id, verdict };
}
