/**
 * The judge of a run: what it remembers between looks, and nothing else. Live, resumed and replayed runs feed it the same ticks, and it
 * says the same of them, bit for bit: no time, no chance, and a budget in units of work.
 */
import { seriesLabel } from '../series.ts';
import type { Tick } from '../tick.ts';
import { analyse, isFitted } from './analyse.ts';
import { BlindSpots, type BlindSpot } from './blind.ts';
import { Coverage, type CoverageSnapshot } from './coverage.ts';
import { decide, type Evented, type RunInfo } from './decide.ts';
import { Expectations } from './expectations.ts';
import { type Explanation, explain } from './explain.ts';
import type { Matters } from './finding.ts';
import type { GradeBook } from './grades.ts';
import type { Judgement, JudgeOptions, SeriesJudgement } from './judgement.ts';
import {
  type JudgedState as Judged,
  Round,
  type RoundSnapshot,
  SERIES_PER_UNIT,
  UNITS_FULL,
  UNITS_PER_SLICE,
  UNITS_SCREEN,
  unitsIn,
} from './round.ts';
import { LifeSums, type LifeSumsSnapshot } from './lifesums.ts';
import { type LoadEnded, LoadEnds } from './loadend.ts';
import { Outages, type OutagesSnapshot } from './outages.ts';
import { phaseAt } from './phases.ts';
import { Recovery, type RecoverySnapshot } from './recovery.ts';
import { judgedRules } from './judgedrules.ts';
import { isWatched, type Rule, sparing } from './rules.ts';
import { StuckConnections, type StuckConnection } from './stuck.ts';
import { TargetEnds, type TargetEndsSnapshot } from './targetend.ts';
import { Thresholds, type ThresholdsSnapshot } from './thresholds.ts';
import type { Verdict } from './verdict.ts';
import { WindowRules, type WindowRulesSnapshot } from './windowrules.ts';

export type { RunInfo } from './decide.ts';

export type JudgedState = Judged & Evented;

type Kept = Omit<SeriesJudgement, 'series'>;

/** Everything of a judge, as plain data for a checkpoint. */
export interface JudgeSnapshot {
  readonly books: readonly (readonly [number, GradeBook])[];
  /** The latest judgement of every series: some 1.1 kB each, of which compression leaves a fifth. */
  readonly judged: readonly (readonly [number, Kept])[];
  readonly judgedAt: number | null;
  readonly round: RoundSnapshot | null;
  /** Absent in checkpoints of before. */
  readonly lifeSums?: LifeSumsSnapshot;
  readonly thresholds: ThresholdsSnapshot;
  readonly windows: WindowRulesSnapshot;
  readonly expectations: ThresholdsSnapshot;
  readonly stuck: readonly StuckConnection[];
  readonly outages: OutagesSnapshot;
  readonly recovery: RecoverySnapshot;
  readonly loadEnds: readonly LoadEnded[];
  readonly targetEnds: TargetEndsSnapshot;
  readonly coverage: CoverageSnapshot;
  readonly blind: readonly BlindSpot[];
}

export class Judge {
  readonly #options: JudgeOptions;
  readonly #thresholds: Thresholds;
  readonly #windows: WindowRules;
  readonly #expectations: Expectations;
  readonly #coverage: Coverage;
  readonly #stuck = new StuckConnections();
  readonly #outages = new Outages();
  readonly #recovery: Recovery;
  readonly #loadEnds = new LoadEnds();
  readonly #targetEnds = new TargetEnds();
  readonly #blind = new BlindSpots();
  readonly #books = new Map<number, GradeBook>();
  readonly #lifeSums: LifeSums;
  readonly #judged = new Map<number, SeriesJudgement>();
  #restored: JudgeSnapshot['judged'] = [];
  #round: Round | null = null;
  /** A round that is being begun; never from one tick to the next. */
  #begun: Generator<undefined, Round | null> | null = null;
  /** Units of work that this tick may still spend. */
  #units = 0;
  #judgedAt: number | null = null;
  #verdict: { readonly t: number; readonly run: RunInfo; readonly verdict: Verdict } | null = null;

  constructor(given: JudgeOptions) {
    const options = { ...given, rules: sparing(given.rules, given.generators) };
    this.#options = options;
    this.#thresholds = new Thresholds(options.rules);
    this.#windows = new WindowRules(options);
    this.#expectations = new Expectations(options.rules);
    this.#recovery = new Recovery(options.rules);
    this.#coverage = new Coverage(options.interval);
    this.#lifeSums = new LifeSums(options.warmup ?? 0);
  }

  /**
   * Every tick: rules, coverage, blind signals. What the last look left to do is done by `work`.
   * @param seconds since the tick before
   */
  watch(state: JudgedState, tick: Tick, seconds: number): void {
    this.#rehydrate(state);
    this.#verdict = null;
    const { phases } = state.timeline;
    const phase = phaseAt(phases, tick.t);
    this.#thresholds.watch(tick.samples, state.series, state.store, phase);
    this.#lifeSums.watch(tick, state.series, state.timeline, phase);
    this.#windows.watch(tick.samples, state.series, phases, tick.t);
    this.#recovery.watch(tick, state.series);
    this.#expectations.watch(tick.samples, state.series, state.store);
    this.#stuck.watch(tick.events);
    this.#outages.watch(tick, state.series);
    this.#loadEnds.watch(tick.events);
    this.#targetEnds.watch(tick.events);
    this.#coverage.watch(tick, state.series);
    this.#blind.watch(tick.events);
    this.#round?.nextTick();
    this.#units = unitsIn(seconds);
  }

  /** Begins a round, or judges some of the series that are due; false when none is, or the tick may spend no more on them. */
  work(state: JudgedState): boolean {
    if (this.#begun !== null) return this.#begin(this.#begun);
    const round = this.#round;
    if (round === null || round.due.length === 0 || this.#units <= 0) return false;
    this.#verdict = null;
    for (let units = Math.min(this.#units, UNITS_PER_SLICE); units > 0 && round.due.length > 0;) {
      const spent = this.#judgeNext(state, round, units);
      units -= spent;
      this.#units -= spent;
    }
    return true;
  }

  /** Every minute of run time. A look that is not finished is finished first. */
  look(state: JudgedState): void {
    this.#rehydrate(state);
    this.#verdict = null;
    if (this.#round === null || this.#round.due.length === 0) {
      this.#begun = Round.begin(state, this.#options, this.#blind.all(), this.#books);
      this.#units -= Math.floor(state.store.size / SERIES_PER_UNIT);
    }
    this.#judgedAt = state.t;
  }

  #begin(steps: Generator<undefined, Round | null>): true {
    const { done, value } = steps.next();
    if (done) {
      this.#round = value ?? this.#round;
      this.#begun = null;
    }
    return true;
  }

  /** The latest look, or null before the first. */
  get judgement(): Judgement | null {
    if (this.#judgedAt === null) return null;
    return { now: this.#judgedAt, series: [...this.#judged.values()].toSorted((a, b) => a.series.id - b.series.id) };
  }

  /** The latest judgement of the series with this id of the verdict, or null. */
  judged(id: string): SeriesJudgement | null {
    return [...this.#judged.values()].find((judged) => seriesLabel(judged.series) === id) ?? null;
  }

  /** The verdict at this moment; of a run that has ended (`run.end`), from a last look of its own that changes nothing here. */
  verdict(run: RunInfo, state: JudgedState): Verdict {
    this.#rehydrate(state);
    const known = this.#verdict;
    if (known !== null && known.t === state.t && known.run.end === run.end && known.run.id === run.id) return known.verdict;
    const final = run.end !== null;
    const fresh = final || this.#judgedAt === null;
    const round = (fresh ? null : this.#round) ?? Round.all(state, this.#options, this.#blind.all());
    const series = fresh ? analyse(round.input(round.due, state, this.#options, this.#remembered(), final)).series : this.judgement!.series;
    const verdict = decide(run, state, this.#options, {
      series: series.toSorted((a, b) => a.series.id - b.series.id),
      work: round.work,
      left: round.gates.left,
      ...this.#ruled(state.t, final),
      unexpected: this.#expectations.unexpected(),
      stuck: this.#stuck.all(),
      outages: this.#outages.all(),
      disturbances: this.#recovery.all(),
      unfollowed: this.#recovery.left,
      loadEnds: this.#loadEnds.all(),
      targetEnds: this.#targetEnds.all(state.t),
      coverage: this.#coverage.share(state.t),
      blind: this.#blind.list(state.series.all().slice(0, state.store.size), state.store),
    });
    this.#verdict = { t: state.t, run, verdict };
    return verdict;
  }

  /** Why the run should not go on: a rule with `abort` is broken for good. Null while none is. */
  abortReason(t: number): string | null {
    const { rules } = this.#options;
    const due = (rule: Rule | undefined): boolean => rule !== undefined && rule.abort !== null && t >= rule.abort;
    if (!rules.some(due)) return null;
    const broken = [...this.#thresholds.breaches(), ...this.#windows.breaches()].map(({ rule }) => rules[rule]).find(due);
    const confirmed = [...this.#judged.values()].filter(({ grade }) => grade === 'confirmed');
    const judged =
      broken ?? judgedRules(rules.filter(due), confirmed, this.#round?.work ?? new Map()).find(({ outcome }) => outcome === 'fail')?.rule;
    return judged === undefined ? null : `the rule ${judged.text} is broken`;
  }

  /** What the rules of the user say; at the end of a run also of windows that are as long as it or longer. */
  #ruled(t: number, final: boolean): Pick<Matters, 'breaches' | 'unresolved' | 'unseen'> {
    const end = final ? this.#windows.atEnd(t) : { breaches: [], unresolved: [], seen: [] };
    const isSeen = (rule: number): boolean => this.#thresholds.seen(rule) || this.#windows.seen(rule) || end.seen.includes(rule);
    return {
      breaches: [...this.#thresholds.breaches(), ...this.#windows.breaches(), ...end.breaches],
      unresolved: [...this.#windows.unresolved(), ...end.unresolved],
      unseen: this.#options.rules.flatMap((rule, index) =>
        isWatched(rule) && !rule.optional && !isSeen(index)
          ? [{ rule, because: this.#thresholds.unseenBecause(index) ?? this.#windows.unseenBecause(index) }]
          : [],
      ),
    };
  }

  /** What stands behind the judgement of these series at the end of a run; null for one of which nothing can be judged. */
  explain(ids: readonly number[], state: JudgedState): (Explanation | null)[] {
    this.#rehydrate(state);
    const input = Round.all(state, this.#options, this.#blind.all()).input(ids, state, this.#options, this.#remembered(), true);
    return input.series.map((series) => (isFitted(series.series) ? explain(series, input) : null));
  }

  snapshot(): JudgeSnapshot {
    const judged = [...this.#judged.values()].map((j): [number, Kept] => [j.series.id, without(j)]);
    return {
      books: [...this.#books],
      judged: [...this.#restored, ...judged],
      judgedAt: this.#judgedAt,
      round: this.#round?.snapshot() ?? null,
      lifeSums: this.#lifeSums.snapshot(),
      thresholds: this.#thresholds.snapshot(),
      windows: this.#windows.snapshot(),
      expectations: this.#expectations.snapshot(),
      stuck: this.#stuck.all(),
      outages: this.#outages.snapshot(),
      recovery: this.#recovery.snapshot(),
      loadEnds: this.#loadEnds.all(),
      targetEnds: this.#targetEnds.snapshot(),
      coverage: this.#coverage.snapshot(),
      blind: this.#blind.all(),
    };
  }

  restore(snapshot: JudgeSnapshot): void {
    for (const [id, book] of snapshot.books) this.#books.set(id, book);
    this.#restored = snapshot.judged;
    this.#judgedAt = snapshot.judgedAt;
    this.#round = snapshot.round && Round.restore(snapshot.round);
    if (snapshot.lifeSums) this.#lifeSums.restore(snapshot.lifeSums);
    this.#thresholds.restore(snapshot.thresholds);
    this.#windows.restore(snapshot.windows);
    this.#expectations.restore(snapshot.expectations);
    this.#stuck.restore(snapshot.stuck);
    this.#outages.restore(snapshot.outages);
    this.#recovery.restore(snapshot.recovery);
    this.#loadEnds.restore(snapshot.loadEnds);
    this.#targetEnds.restore(snapshot.targetEnds);
    this.#coverage.restore(snapshot.coverage);
    this.#blind.restore(snapshot.blind);
  }

  #remembered(): { books: ReadonlyMap<number, GradeBook>; lifeSums: LifeSums } {
    return { books: this.#books, lifeSums: this.#lifeSums };
  }

  /** Judges as many series of the round as these units allow if all are examined, at least one; what it took. */
  #judgeNext(state: JudgedState, round: Round, units: number): number {
    const ids = round.due.splice(0, Math.max(1, Math.floor(units / UNITS_FULL)));
    let spent = 0;
    for (const judged of analyse(round.input(ids, state, this.#options, this.#remembered(), false)).series) {
      spent += judged.examined ? UNITS_FULL : UNITS_SCREEN;
      this.#judged.set(judged.series.id, judged);
      this.#books.set(judged.series.id, judged.book);
    }
    return spent;
  }

  /** A snapshot has ids; the series come back with the table. */
  #rehydrate(state: JudgedState): void {
    for (const [id, kept] of this.#restored) this.#judged.set(id, { ...kept, series: state.series.get(id) });
    this.#restored = [];
    this.#expectations.meet(state.series);
  }
}

function without({ series: _, ...kept }: SeriesJudgement): Kept {
  return kept;
}
