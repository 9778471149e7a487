/**
 * The heart of a run: the schedule reads the sources, every round becomes a tick, and every tick is first recorded and then folded. A
 * simulation runs this same loop with a simulated clock and synthetic sources.
 */
import type { Clock } from './clock.ts';
import { Continuity } from './continuity.ts';
import { Costs } from './costs.ts';
import { Losses } from './losses.ts';
import type { RunState } from './runstate.ts';
import { Schedule } from './schedule.ts';
import type { SeriesTable } from './series.ts';
import type { Sink, Source } from './sources/source.ts';
import { Batch, type EventKind, type RunEvent, type Tick } from './tick.ts';

/**
 * A checkpoint with the first tick of every minute of run time: after a crash at most this much is folded again. The minutes are those of
 * the run and not of this start, so that an agent that is killed time and again gets one, too.
 */
const CHECKPOINT_S = 60;

/** Seconds since the start of the run, on one axis over all its resumptions. */
export class RunTime {
  /** Seconds since the epoch at which the run began. */
  readonly start: number;
  readonly #clock: Clock;
  readonly #origin: number;

  /** A resumed run goes on after its last tick by the wall time that has passed, because the monotonic clock may be of another boot. */
  constructor(clock: Clock, resumed?: { readonly start: number; readonly last: { readonly t: number; readonly wall: number } }) {
    this.#clock = clock;
    const now = resumed ? resumed.last.t + Math.max(0, clock.wall() - resumed.last.wall) : 0;
    this.#origin = clock.monotonic() - now;
    this.start = resumed?.start ?? clock.wall();
  }

  now(): number {
    return this.#clock.monotonic() - this.#origin;
  }
}

/** Where ticks are kept. */
export interface TickLog {
  /** False when the tick is not recorded, and the run goes on. */
  append(tick: Tick, series: SeriesTable): boolean;
  checkpoint(n: number, state: Uint8Array): boolean;
}

export interface LoopParts {
  readonly clock: Clock;
  readonly time: RunTime;
  readonly sources: readonly Source[];
  readonly state: RunState;
  /** Null: nothing is recorded. */
  readonly record: TickLog | null;
  /** Seconds between samples of the process tier: what counts as a gap is measured by it. */
  readonly interval: number;
}

export class Loop implements Sink {
  readonly #parts: LoopParts;
  readonly #batch = new Batch();
  readonly #continuity: Continuity;
  readonly #costs: Costs;
  readonly schedule: Schedule;
  readonly losses = new Losses((kind, message, about) => this.event(kind, message, about));
  /** Seconds that folding and judging took in the tick of the last look; null before the first. */
  lookSeconds: number | null = null;
  /** What the present tick took so far, and whether the judge began a look in it. */
  #tickSeconds = 0;
  #looked = false;
  #n: number;
  /** Minute of the run. */
  #minute: number;

  constructor(parts: LoopParts) {
    this.#parts = parts;
    this.#n = parts.state.n + 1;
    this.#minute = minuteOf(parts.state.t);
    this.#continuity = new Continuity(parts.interval);
    this.#costs = new Costs(parts.state.series);
    this.schedule = new Schedule(parts.clock, parts.sources, this);
  }

  now(): number {
    return this.#parts.time.now();
  }

  set(series: number, value: number, at = this.now()): void {
    this.#batch.set(series, value, at);
  }

  event(kind: EventKind, message: string, about: Partial<Pick<RunEvent, 'target' | 'member' | 'data'>> = {}): void {
    const { target = null, member = null, data = {} } = about;
    this.#batch.event({ t: this.now(), kind, target, member, message, data });
  }

  /** Runs until the signal aborts; `afterTick` is called with the state up to date. Others have a turn between slices of judging. */
  async run(signal: AbortSignal, afterTick: () => void | Promise<void> = () => {}): Promise<void> {
    await this.schedule.run(async () => {
      this.#take();
      while (this.#goOn()) await this.#parts.clock.turn();
      this.#checkpoint();
      await afterTick();
    }, signal);
  }

  /** Closes the batch, and does all that follows at once. Called once more after the last read, for what the stop itself reports. */
  tick(): void {
    this.#take();
    while (this.#goOn());
    this.#checkpoint();
  }

  #take(): void {
    const { clock, state, record } = this.#parts;
    const t = this.now();
    const wall = clock.wall();
    for (const broken of this.#continuity.check(t, clock.monotonic(), wall)) this.event(broken.kind, broken.message, { data: broken.data });
    this.#costs.add(this.#batch);
    const tick = this.#batch.close(this.#n, t, wall);
    if (record !== null) this.losses.note('ticks', t, record.append(tick, state.series));
    // Not before: what could not be written is not judged either, and the last tick of the run, for which there may be room, is the one after it.
    this.#n++;
    const from = clock.monotonic();
    state.take(tick);
    this.#tickSeconds = clock.monotonic() - from;
  }

  #goOn(): boolean {
    const { clock, state } = this.#parts;
    const [from, looks] = [clock.monotonic(), state.looks];
    const more = state.goOn();
    this.#tickSeconds += clock.monotonic() - from;
    this.#looked ||= state.looks > looks;
    if (!more && this.#looked) {
      this.lookSeconds = this.#tickSeconds;
      this.#looked = false;
    }
    return more;
  }

  #checkpoint(): void {
    const { state, record } = this.#parts;
    if (record === null || minuteOf(state.t) === this.#minute) return;
    this.#minute = minuteOf(state.t);
    this.losses.note('checkpoints', state.t, record.checkpoint(state.n, state.snapshot()));
  }
}

function minuteOf(t: number): number {
  return Math.floor(t / CHECKPOINT_S);
}
