/**
 * What one wake-up of the agent observed: samples, each with the time it was really read, and events. The record appends ticks,
 * the run state folds them, and nothing else carries data from the sources to the rest.
 */

/** Things that happen, as opposed to things that are measured. */
export const EVENT_KINDS = [
  'run_start',
  'run_resume',
  'run_end',
  'target_found', // a selector bound a process for the first time
  'target_gone', // no process is bound any more
  'restart', // the role or slot is served by another process than before, or the process called exec
  'rolling_restart', // all members of a role were replaced one after the other: data.members of them, until data.to
  'member_start',
  'member_end',
  'blind', // a signal cannot be read here; data.metric says which, data.reason why
  'cap', // a cap was reached; what is beyond it is summed or refused
  'gap', // the agent itself did not sample: from `data.from` to `t`; with a target, in a merged run: nobody watched that one
  'clock_step', // wall time stepped against the monotonic clock, or the machine was suspended
  'phase', // a phase of the run starts: data.phase
  'mark', // a note of the user
  'oom_kill',
  'load_start', // the `--` command
  'load_end', // data.class: ok, thresholds, failures, aborted or tool_error; data.tool
  'load_note', // something about the figures of load: data.what (failing, recovered, dropped, overflow ...)
  'probe_down', // a probe fails: data.probe, data.class
  'probe_up', // it succeeds again: data.probe, data.seconds of the outage
  'server_down', // a database server stopped answering: data.class says how, data.server which
  'server_up', // it answers again: data.seconds of the outage
  'server_changed', // another version, a restart, or a setting of it changed
  'connection_stuck', // data.pid, data.port, data.evidence
  'connection_returned', // one that was called stuck came back to life or was closed
  'sender_seen', // first points of a program at the inbound listener: data.sender, data.behind seconds of its clock
  'sender_clock', // later points of it have times in our future: data.sender, data.ahead seconds
  'sender_refused', // the first request or point refused for a reason: data.why
  'source_failed', // reads of a source began to fail
  'source_recovered',
  'record_lost', // ticks or checkpoints (data.what) began not to be recorded
  'record_recovered',
] as const;

export type EventKind = (typeof EVENT_KINDS)[number];

export interface RunEvent {
  /** Seconds since the start of the run, on the run's own clock. */
  readonly t: number;
  readonly kind: EventKind;
  readonly target: string | null;
  readonly member: string | null;
  /** One plain sentence without secrets. */
  readonly message: string;
  readonly data: Readonly<Record<string, string | number | boolean | null>>;
}

/** Samples as columns: one allocation per tick, not one object per sample. Only the first `length` entries count. */
export interface Samples {
  readonly length: number;
  /** Series ids. */
  readonly series: Uint32Array;
  readonly values: Float64Array;
  /** Seconds since the start of the run at which the value was read. */
  readonly at: Float64Array;
}

export interface Tick {
  /** Counts wake-ups from 0; unique in a run, over all its resumptions. */
  readonly n: number;
  /** Seconds since the start of the run. */
  readonly t: number;
  /** Seconds since the Unix epoch. */
  readonly wall: number;
  readonly samples: Samples;
  readonly events: readonly RunEvent[];
}

/** Judging multiplies values by each other up to four at a time: what is larger stands for infinity, as the largest double of a gauge does. */
const VALUE_MAX = 1e75;

/** Whether a value can be one: no NaN, and neither infinite nor as good as that. */
export function isMeasured(value: number): boolean {
  return Math.abs(value) <= VALUE_MAX;
}

/**
 * Collects what sources report until the tick is closed. The buffers are reused from tick to tick: a Tick is valid until the
 * next `close`. An asynchronous source may report between ticks; its samples go into the next tick with their own times.
 */
export class Batch {
  #series = new Uint32Array(256);
  #values = new Float64Array(256);
  #at = new Float64Array(256);
  #length = 0;
  #events: RunEvent[] = [];

  /** A sample. What is no measurement is refused; a series id below 0 is one beyond the cap and is ignored. */
  set(series: number, value: number, at: number): void {
    if (series < 0 || !isMeasured(value)) return;
    if (this.#length === this.#series.length) this.#grow();
    this.#series[this.#length] = series;
    this.#values[this.#length] = value;
    this.#at[this.#length] = at;
    this.#length++;
  }

  event(event: RunEvent): void {
    this.#events.push(event);
  }

  /** What the tick holds so far; valid until the next `set`. */
  get pending(): Samples {
    return { length: this.#length, series: this.#series, values: this.#values, at: this.#at };
  }

  /** Ends the tick; what is set from now on belongs to the next one. */
  close(n: number, t: number, wall: number): Tick {
    const samples = this.pending;
    const events = this.#events;
    this.#length = 0;
    this.#events = [];
    return { n, t, wall, samples, events };
  }

  #grow(): void {
    const size = this.#series.length * 2;
    const series = new Uint32Array(size);
    const values = new Float64Array(size);
    const at = new Float64Array(size);
    series.set(this.#series);
    values.set(this.#values);
    at.set(this.#at);
    this.#series = series;
    this.#values = values;
    this.#at = at;
  }
}
