/**
 * When things are read: every source on its own absolute grid from the start of the schedule, so that lateness never adds up. A read that
 * outlives its period is not joined by a second one; the slots it misses are counted and skipped.
 */
import { type Clock, type Deadline, deadline } from './clock.ts';
import { messageOf } from './problem.ts';
import type { Sink, Source } from './sources/source.ts';

/** A read that takes longer is aborted. Sources with their own, shorter timeouts never see it. */
const READ_TIMEOUT_S = 30;

/** What the schedule knows of one source; the agent's own metrics show it. */
export interface ReadFigures {
  readonly source: string;
  reads: number;
  failures: number;
  /** Slots skipped because the read before was still under way, or the agent was late by more than a period. */
  missed: number;
  /** Seconds the last finished read took. */
  duration: number;
}

interface Job {
  readonly source: Source;
  readonly figures: ReadFigures;
  next: number;
  /** Of the read under way, or left by one that was over at once. */
  limit: Deadline | null;
  reading: boolean;
  failing: boolean;
}

export class Schedule {
  readonly #clock: Clock;
  readonly #jobs: readonly Job[];
  readonly #sink: Sink;
  readonly #origin: number;
  readonly figures: readonly ReadFigures[];
  /** Seconds the last wake-up came after its deadline. */
  lateness = 0;

  constructor(clock: Clock, sources: readonly Source[], sink: Sink) {
    this.#clock = clock;
    this.#sink = sink;
    this.#origin = clock.monotonic();
    this.#jobs = sources.map((source) => ({
      source,
      figures: { source: source.name, reads: 0, failures: 0, missed: 0, duration: 0 },
      next: this.#origin,
      limit: null,
      reading: false,
      failing: false,
    }));
    this.figures = this.#jobs.map((job) => job.figures);
  }

  /** Reads until the signal aborts. `tick` is called after each round of reads, when everything synchronous has reported. */
  async run(tick: () => void | Promise<void>, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      let at = Infinity;
      for (const job of this.#jobs) at = Math.min(at, job.next);
      try {
        await this.#clock.sleepUntil(at, signal);
      } catch {
        return; // aborted while asleep
      }
      this.lateness = Math.max(0, this.#clock.monotonic() - at);
      this.#round();
      await tick();
    }
  }

  /** Ends what is in flight; nothing is read afterwards. */
  abort(): void {
    for (const job of this.#jobs) if (job.reading) job.limit?.abort(new Error('the run ends'));
  }

  #round(): void {
    const now = this.#clock.monotonic();
    for (const job of this.#jobs) {
      const due = job.next <= now;
      if (due) this.#advance(job, now);
      if (!due && !job.source.wants?.()) continue;
      if (!job.reading) this.#read(job);
      else if (due) job.figures.missed++;
    }
  }

  #advance(job: Job, now: number): void {
    const { period } = job.source;
    // A deadline is reached at or after its time, never before: the sum may fall short of it by rounding only.
    const slot = Math.floor((now - this.#origin) / period + 1e-9);
    const expected = Math.round((job.next - this.#origin) / period);
    job.figures.missed += Math.max(0, slot - expected);
    job.next = this.#origin + (Math.max(slot, expected) + 1) * period;
  }

  /** Nobody keeps the signal of a read that is over when it returns, so that the next read takes it over: most are such reads. */
  #read(job: Job): void {
    const from = this.#clock.monotonic();
    const limit = (job.limit ??= deadline(READ_TIMEOUT_S, `${job.source.name} did not answer within ${READ_TIMEOUT_S} s`));
    const done = (error: unknown): void => {
      job.reading = false;
      job.figures.reads++;
      job.figures.duration = this.#clock.monotonic() - from;
      this.#outcome(job, error);
    };
    try {
      const reading = job.source.read(this.#sink, limit.signal);
      if (reading === undefined) return done(null);
      job.reading = true;
      limit.start();
      const settled = (error: unknown): void => {
        limit.end();
        job.limit = null;
        done(error);
      };
      reading.then(() => settled(null), settled);
    } catch (error) {
      done(error);
    }
  }

  #outcome(job: Job, error: unknown): void {
    const failed = error !== null;
    if (failed) job.figures.failures++;
    if (failed === job.failing) return;
    job.failing = failed;
    const { name } = job.source;
    if (failed) this.#sink.event('source_failed', `${name} cannot be read: ${messageOf(error)}`, { data: { source: name } });
    else this.#sink.event('source_recovered', `${name} can be read again`, { data: { source: name } });
  }
}
