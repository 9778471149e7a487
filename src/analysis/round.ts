/**
 * One look at all series, spread over ticks by units of work: what is decided at its start (gates, work, which series are due) holds to
 * its end, so that a run that is resumed in between goes on in the same way.
 */
import type { Series, SeriesTable } from '../series.ts';
import type { Store } from '../store.ts';
import type { Timeline } from '../timeline.ts';
import { isJudged } from './analyse.ts';
import type { BlindSpot } from './blind.ts';
import { type Gates, gatesOf, isSeen } from './gates.ts';
import { type GradeBook, NEW_BOOK } from './grades.ts';
import type { AnalysisInput, Gate, JudgeOptions, SeriesInput } from './judgement.ts';
import type { LifeSums } from './lifesums.ts';
import { SLOTS_MAX } from './lives.ts';
import { LimitIndex, limitsOf } from './limits.ts';
import { LoadCurve } from './loadcurve.ts';
import { phasesOf } from './phases.ts';
import { ruleApplies } from './rules.ts';
import { isOfServer } from './servers.ts';
import { type Work, workOf } from './work.ts';

/** The metric that tells the load on a target (declared by the traffic source). */
const REQUESTS = 'soak.traffic.requests';

/** What is told of the load, and of a run as a whole stands for every target that has none of its own (decision 15). */
const TRAFFIC = /^soak\.traffic\./;

/** What the judge reads of a run. */
export interface JudgedState {
  readonly t: number;
  readonly series: SeriesTable;
  readonly store: Store;
  readonly timeline: Timeline;
}

/** What the judge knows of series from earlier looks, and from the ticks between. */
interface Remembered {
  readonly books: ReadonlyMap<number, GradeBook>;
  readonly lifeSums: LifeSums;
}

/** A series is looked at again when the run has grown by this share: less cannot change what is known of it. */
const GROWN = 1.05;

/** Evidence that may confirm growth, if it holds, is looked at again sooner (decision 39). */
const GROWN_HELD = 1.025;

/** Confirmed growth whose evidence still held at the last look is not retracted before the run has grown by more (decision 33). */
const GROWN_SURE = 1.1;

/** An advisory series decides nothing: it is looked at a third as often, at most every third minute. */
const GROWN_ADVISORY = 1.15;
const ADVISORY_S = 180;

/**
 * A unit is 0.05 to 0.2 ms, by the core and the hour: a screen takes 0.15 to 0.6 ms, an examination 0.5 to 2 ms. Whether a series is examined
 * is known afterwards.
 */
const UNITS_PER_SECOND = 40;
export const UNITS_FULL = 10;
export const UNITS_SCREEN = 3;
/** What is judged between two turns of the event loop: 4 ms at most. */
export const UNITS_PER_SLICE = 20;
/** Ticks further apart may spend no more than this one: of the time that nobody watched nothing is left to be spent. */
const TICK_MAX_S = 30;
/** To begin a round takes about 1 ms per 1000 series. */
export const SERIES_PER_UNIT = 80;

/** With more restarts than this, a total is judged as it is, nothing of it would be left; its members tell whether that shows growth. */
const TOTAL_LIVES_MAX = 16;

export interface RoundSnapshot {
  readonly size: number;
  readonly due: readonly number[];
  readonly gates: readonly (readonly [number, Gate])[];
  readonly noPass: readonly (readonly [number, string])[];
  /** Absent in records of before 2026-11-23. */
  readonly beyond?: readonly number[];
  readonly work: readonly (readonly [string, Work])[];
}

/** Units that a tick may spend, so many seconds after the one before: judging takes no more than 0.8 % of a core, however many series there are. */
export function unitsIn(seconds: number): number {
  return UNITS_PER_SECOND * Math.min(seconds, TICK_MAX_S);
}

export class Round {
  readonly gates: Gates;
  readonly work: ReadonlyMap<string, Work>;
  /** Ids that are still to be looked at, gated ones first. */
  readonly due: number[];
  readonly #size: number;
  #limits: LimitIndex | null = null;
  #requests: readonly Series[] | null = null;
  #lives: Lives | null = null;

  private constructor(size: number, gates: Gates, work: ReadonlyMap<string, Work>, due: number[]) {
    this.#size = size;
    this.gates = gates;
    this.work = work;
    this.due = due;
  }

  /** Of the series that have grown since they were judged; null when none has. In steps: with 10,000 series they take 5 ms each. */
  static *begin(
    state: JudgedState,
    options: JudgeOptions,
    blind: readonly BlindSpot[],
    books: ReadonlyMap<number, GradeBook>,
  ): Generator<undefined, Round | null> {
    const lookedAt = (id: number): number => books.get(id)?.at ?? -Infinity;
    const due = judgedSeries(state, options).filter((id) => state.t >= lookedAt(id) * grownFor(books.get(id)));
    if (due.length === 0) return null;
    yield;
    const isAdvisoryDue = (id: number): boolean => state.t >= Math.max(lookedAt(id) * GROWN_ADVISORY, lookedAt(id) + ADVISORY_S);
    return yield* Round.#of(due, state, options, blind, isAdvisoryDue);
  }

  /** Of every series. */
  static all(state: JudgedState, options: JudgeOptions, blind: readonly BlindSpot[]): Round {
    return ended(Round.#of(judgedSeries(state, options), state, options, blind, () => true));
  }

  static *#of(
    ids: readonly number[],
    state: JudgedState,
    options: JudgeOptions,
    blind: readonly BlindSpot[],
    isAdvisoryDue: (id: number) => boolean,
  ): Generator<undefined, Round> {
    const all = state.series.all().slice(0, state.store.size);
    const gates = gatesOf(all, state.store, options, blind, state.t);
    const isFirst = (id: number): boolean => gates.gates.has(id);
    const due = [...ids.filter(isFirst), ...ids.filter((id) => !isFirst(id) && isAdvisoryDue(id))];
    yield;
    return new Round(all.length, gates, workOfAll(all, state, options.generators), due);
  }

  static restore({ size, due, gates, noPass, beyond, work }: RoundSnapshot): Round {
    return new Round(size, { gates: new Map(gates), noPass: new Map(noPass), left: new Set(beyond) }, new Map(work), [...due]);
  }

  /** Another tick, which may have begun or ended lives. */
  nextTick(): void {
    this.#lives = null;
  }

  snapshot(): RoundSnapshot {
    const { gates, noPass, left } = this.gates;
    return { size: this.#size, due: [...this.due], gates: [...gates], noPass: [...noPass], beyond: [...left], work: [...this.work] };
  }

  /** Everything the analysis needs to judge these series now. */
  input(ids: readonly number[], state: JudgedState, options: JudgeOptions, known: Remembered, final: boolean): AnalysisInput {
    this.#limits ??= new LimitIndex(state.series.all().slice(0, this.#size));
    const lives = (this.#lives ??= new Lives(state.timeline));
    return {
      now: state.t,
      series: ids.map((id) => this.#series(state.series.get(id), state, options, known, lives)),
      load: loadsOf((this.#requests ??= requestsOf(state.series.all().slice(0, this.#size))), this.work.keys(), state),
      work: this.work,
      phases: phasesOf(state.timeline.phases, this.work),
      gaps: state.timeline.gaps,
      collections: new Map(),
      plannedEnd: options.plannedEnd,
      requiredLifetime: options.requiredLifetime,
      options: { warmup: options.warmup, judgedUntil: null, final },
    };
  }

  #series(series: Series, state: JudgedState, options: JudgeOptions, { books, lifeSums }: Remembered, lives: Lives): SeriesInput {
    const { store } = state;
    const rules = options.rules.filter((rule) => ruleApplies(rule, series));
    return {
      series,
      gate: this.gates.gates.get(series.id) ?? 'advisory',
      bins: store.bins(series.id),
      value: store.value(series.id),
      at: store.at(series.id),
      ...lives.of(series),
      ended: () => lifeSums.of(series, state.series),
      limits: limitsOf(series, this.#limits!, store, rules),
      noPass: this.gates.noPass.get(series.id) ?? null,
      book: books.get(series.id) ?? NEW_BOOK,
    };
  }
}

/** What its last step returns. */
export function ended<T>(steps: Generator<undefined, T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

function grownFor(book: GradeBook | undefined): number {
  if (book === undefined || book.held === null) return GROWN;
  return book.grade === 'confirmed' ? GROWN_SURE : GROWN_HELD;
}

/** Ids of the series that have samples, and growth or a rule to be judged by. */
function judgedSeries({ series, store }: JudgedState, { rules }: JudgeOptions): number[] {
  const ids: number[] = [];
  for (let id = 0; id < store.size; id++) {
    const one = series.get(id);
    if (isSeen(one, store) && (isJudged(one) || rules.some((rule) => ruleApplies(rule, one)))) ids.push(id);
  }
  return ids;
}

/** What a generator does is no work of a program under test. */
function workOfAll(all: readonly Series[], { store, t, timeline }: JudgedState, generators: readonly string[] = []): Map<string, Work> {
  const byTarget = new Map<string, Series[]>();
  for (const series of all) {
    if (series.target === null || isOfServer(series) || generators.includes(series.target)) continue;
    const list = byTarget.get(series.target);
    if (list) list.push(series);
    else byTarget.set(series.target, [series]);
  }
  const ofRun = all.filter(({ target, def }) => target === null && TRAFFIC.test(def.name));
  const withLoad = (own: readonly Series[]): readonly Series[] =>
    ofRun.length === 0 || own.some(({ def }) => def.name === REQUESTS) ? own : [...own, ...ofRun];
  return new Map(
    [...byTarget].map(([target, series]) => [target, workOf(withLoad(series), store, t, timeline.phases, timeline.unwatched(target))]),
  );
}

/** What tells the load, of all series. */
export function requestsOf(all: readonly Series[]): Series[] {
  return all.filter(({ def }) => def.name === REQUESTS);
}

/**
 * The load on each target, that on the run as a whole where it has none of its own. Several counters of one target (by route, by status)
 * are not added up: the largest one stands for it.
 */
export function loadsOf(requests: readonly Series[], targets: Iterable<string>, { store, t }: JudgedState): Map<string, LoadCurve> {
  const largest = new Map<string | null, Series>();
  for (const series of requests) {
    const known = largest.get(series.target);
    if (store.bins(series.id).length === 0) continue;
    if (known === undefined || store.value(series.id) > store.value(known.id)) largest.set(series.target, series);
  }
  if (largest.size === 0) return new Map();
  const curves = new Map([...largest].map(([target, { id }]) => [target, new LoadCurve(store.bins(id), t)]));
  const ofRun = curves.get(null);
  return new Map([...targets].flatMap((target) => (curves.has(target) || ofRun ? [[target, curves.get(target) ?? ofRun!]] : [])));
}

/** Whose series, of no target, are the agent's own: each of its starts is another process. */
const SELF = 'self';

type Lived = Pick<SeriesInput, 'lives' | 'memberLives'>;

/** Lives of the series of one input: many series share a role or a member. */
class Lives {
  readonly #timeline: Timeline;
  readonly #known = new Map<string, Lived>();

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
  }

  of(series: Series): Lived {
    const { source, target, member } = series;
    if (isOfServer(series)) return { lives: this.#timeline.lives(target, member), memberLives: [] };
    if (target === null && source !== SELF) return { lives: [], memberLives: [] }; // the machine goes on when the agent is started again
    const key = `${target ?? ''}/${member ?? ''}`;
    const known = this.#known.get(key) ?? this.#find(target, member);
    this.#known.set(key, known);
    return known;
  }

  /** A restart of any member moves the total of the role. */
  #find(target: string | null, member: string | null): Lived {
    const own = this.#timeline.lives(target, member);
    if (target === null || member !== null || own.length > 0) return { lives: own, memberLives: [] };
    const all = Array.from({ length: SLOTS_MAX }, (_, i) => this.#timeline.lives(target, String(i + 1)));
    const memberLives = all.filter((starts) => starts.length > 0);
    const starts = [...new Set(memberLives.flat())].toSorted((a, b) => a - b);
    return { lives: starts.length <= TOTAL_LIVES_MAX ? starts : [], memberLives };
  }
}
