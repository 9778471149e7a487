/** Folds synthetic samples into a run state, tick by tick, as a live run would: no clock, no sources, no record. */
import { Judge, type RunInfo } from '../../src/analysis/judge.ts';
import type { JudgeOptions } from '../../src/analysis/judgement.ts';
import type { Verdict } from '../../src/analysis/verdict.ts';
import type { MetricDef } from '../../src/catalog.ts';
import { Costs } from '../../src/costs.ts';
import { RunState } from '../../src/runstate.ts';
import type { Series } from '../../src/series.ts';
import { Batch, type RunEvent } from '../../src/tick.ts';
import type { Signal } from './series.ts';

export const MB = 1_000_000;
export const HOUR = 3600;
/** Six hours and 40 minutes of a well-known day. */
export const START = 1_767_225_600;

export interface Simulated {
  readonly def: MetricDef;
  readonly signal: Signal;
  readonly source?: string;
  readonly target?: string | null;
  readonly member?: string | null;
  readonly labels?: Readonly<Record<string, string>>;
  /** Seconds between samples; default the interval of the run. */
  readonly period?: number;
  /** Sampled only at times for which this holds. */
  readonly when?: (t: number) => boolean;
}

export interface Scenario {
  readonly hours: number;
  readonly interval: number;
  readonly series: readonly Simulated[];
  readonly events?: readonly (Pick<RunEvent, 't' | 'kind' | 'target' | 'data'> & Partial<RunEvent>)[];
  /** Ticks that do not happen: the agent was not running. */
  readonly down?: (t: number) => boolean;
  /** What follows from counters is added to each tick, as an agent does. */
  readonly costs?: boolean;
  readonly options?: Partial<JudgeOptions>;
}

const DAY14 = 14 * 86_400;

export function optionsOf(scenario: Scenario): JudgeOptions {
  const plannedEnd = scenario.hours * HOUR;
  return {
    requiredLifetime: DAY14,
    plannedEnd,
    warmup: null,
    rules: [],
    required: [],
    generators: [],
    interval: scenario.interval,
    ...scenario.options,
  };
}

/** The run of a scenario, which can be stopped and looked at after any tick. */
export class Simulation {
  readonly scenario: Scenario;
  state: RunState;
  readonly #batch = new Batch();
  readonly #ids: number[];
  #n = 0;
  #events: readonly RunEvent[];
  #costs: Costs;

  constructor(scenario: Scenario) {
    const state = new RunState(new Judge(optionsOf(scenario)));
    this.scenario = scenario;
    this.state = state;
    this.#costs = new Costs(state.series);
    this.#ids = scenario.series.map((s) => open(state, s, scenario.interval));
    this.#events = (scenario.events ?? []).map((event) => ({ member: null, message: event.kind, ...event }));
  }

  /** Ticks up to and including run time `until`; `each` sees the state after every tick. */
  run(until: number = this.scenario.hours * HOUR, each: (state: RunState) => void = () => {}): this {
    const { interval, down } = this.scenario;
    for (let t = this.#n * interval; t <= until + 1e-9; t = this.#n * interval) {
      const n = this.#n++;
      this.scenario.series.forEach((s, i) => this.#sample(s, this.#ids[i]!, t, down?.(t) ?? false));
      if (down?.(t)) continue;
      for (const event of this.#events.filter((e) => e.t <= t)) this.#batch.event(event);
      this.#events = this.#events.filter((e) => e.t > t);
      if (this.scenario.costs) this.#costs.add(this.#batch);
      this.state.fold(this.#batch.close(n, t, START + t));
      each(this.state);
    }
    return this;
  }

  /** Makes the series known to a state that has been given by `continuedBy` and is new. */
  open(): this {
    for (const one of this.scenario.series) open(this.state, one, this.scenario.interval);
    return this;
  }

  /** The world goes on; another state is fed from now on. */
  continuedBy(state: RunState): this {
    this.state = state;
    this.#costs = new Costs(state.series);
    return this;
  }

  verdict(final = true): Verdict {
    return this.state.judge.verdict(this.info(final), this.state);
  }

  info(final: boolean): RunInfo {
    const end = final ? START + this.state.t : null;
    return { id: 'sim', start: START, end, planned: this.scenario.hours * HOUR, agent: '0', configHash: '0' };
  }

  /** Signals go on while nobody looks. */
  #sample(s: Simulated, id: number, t: number, unseen: boolean): void {
    const period = s.period ?? this.scenario.interval;
    if (Math.abs(t / period - Math.round(t / period)) > 1e-6) return;
    const value = s.signal(t);
    if (!unseen && (s.when?.(t) ?? true)) this.#batch.set(id, value, t);
  }
}

function open(state: RunState, s: Simulated, interval: number): number {
  const { def, source = 'process', target = 'api', member = null, labels = {}, period = interval } = s;
  const series: Series = { id: state.series.size, source, target, member, def, labels, period };
  state.series.restore(series);
  return series.id;
}
