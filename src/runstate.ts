/**
 * The fold of a run: everything that is known of it at some tick. A live run, a resumed one, a replay and a simulation feed the same
 * ticks to `fold` and so end with the same bytes.
 */
import { deserialize, serialize } from 'node:v8';
import type { Judge, JudgeSnapshot } from './analysis/judge.ts';
import type { Series } from './series.ts';
import { SeriesTable } from './series.ts';
import { Store, type StoreSnapshot } from './store.ts';
import type { RunEvent, Tick } from './tick.ts';
import { Timeline, type TimelineSnapshot } from './timeline.ts';

/** Run time between two looks of the judge. */
export const LOOK_S = 60;

/** Events kept for views; the record has them all. */
const EVENTS_MAX = 256;

export class RunState {
  readonly series: SeriesTable;
  readonly store = new Store();
  readonly timeline = new Timeline();
  readonly judge: Judge;
  events: RunEvent[] = [];
  /** Run time and number of the last tick folded; -1 before the first. */
  t = 0;
  n = -1;
  /** Looks of the judge so far. */
  looks = 0;
  #nextLook = LOOK_S;
  /** The judge is still to begin the look of this tick. */
  #lookIsDue = false;

  constructor(judge: Judge, series: SeriesTable = new SeriesTable()) {
    this.judge = judge;
    this.series = series;
  }

  /** All of a tick at once, as a replay does. */
  fold(tick: Tick): void {
    this.take(tick);
    while (this.goOn());
  }

  /** What a tick brings. What is to be judged of it is left to `goOn`, and must be done before the next tick or a snapshot is taken. */
  take(tick: Tick): void {
    this.#addSeries();
    const resumed = tick.events.findLast(({ kind }) => kind === 'run_resume');
    if (resumed) this.store.countFrom(resumed.t);
    this.store.fold(tick.samples);
    for (const event of tick.events) this.#event(event);
    const seconds = tick.t - this.t;
    this.t = tick.t;
    this.n = tick.n;
    this.judge.watch(this, tick, seconds);
    this.#lookIsDue = tick.t >= this.#nextLook;
  }

  /** Judges a few series, for some milliseconds; false when the tick has no more to judge. */
  goOn(): boolean {
    if (this.judge.work(this)) return true;
    if (!this.#lookIsDue) return false;
    this.#lookIsDue = false;
    this.#nextLook = (Math.floor(this.t / LOOK_S) + 1) * LOOK_S;
    this.judge.look(this);
    this.looks++;
    return true;
  }

  /** Value of a series that is still being sampled, or null: a vanished target must vanish from every view. */
  fresh(series: Series): number | null {
    const at = this.store.at(series.id);
    return this.t - at <= staleAfter(series.period) ? this.store.value(series.id) : null;
  }

  snapshot(): Uint8Array {
    const { t, n, events } = this;
    const snapshot: Snapshot = {
      t,
      n,
      events,
      nextLook: this.#nextLook,
      store: this.store.snapshot(),
      timeline: this.timeline.snapshot(),
      judge: this.judge.snapshot(),
    };
    return serialize(snapshot);
  }

  /** Continues from a snapshot of the same run; the series table must hold the series of that time. */
  restore(bytes: Uint8Array): void {
    const snapshot = deserialize(bytes) as Snapshot;
    for (const series of this.series.all().slice(0, snapshot.store.width.length)) this.store.add(series);
    this.store.restore(snapshot.store);
    this.timeline.restore(snapshot.timeline);
    this.judge.restore(snapshot.judge);
    this.t = snapshot.t;
    this.n = snapshot.n;
    this.events = [...snapshot.events];
    this.#nextLook = snapshot.nextLook;
  }

  #addSeries(): void {
    for (let id = this.store.size; id < this.series.size; id++) this.store.add(this.series.get(id));
  }

  #event(event: RunEvent): void {
    this.timeline.fold(event);
    this.events.push(event);
    if (this.events.length > EVENTS_MAX) this.events.shift();
  }
}

interface Snapshot {
  readonly t: number;
  readonly n: number;
  readonly events: RunEvent[];
  readonly nextLook: number;
  readonly store: StoreSnapshot;
  readonly timeline: TimelineSnapshot;
  readonly judge: JudgeSnapshot;
}

/** Two missed samples and a half are a missed read; the third is a series that is gone. 5 s forgive a slow tick at short intervals. */
export function staleAfter(period: number): number {
  return Math.max(5, period * 2.5);
}
