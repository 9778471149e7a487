/**
 * What goes into an analysis and what comes out: the contract between the detector and the rest. The whole signature exists from the
 * first day; inputs that nothing fills yet are empty.
 */
import type { Series } from '../series.ts';
import type { Bins } from '../store.ts';
import type { Phase, Span } from '../timeline.ts';
import type { GradeBook } from './grades.ts';
import type { EndedLives } from './lifesums.ts';
import type { LoadCurve } from './loadcurve.ts';
import type { Noise } from './power.ts';
import type { Rule } from './rules.ts';
import type { Work } from './work.ts';

export type Outcome = 'pass' | 'fail' | 'inconclusive';

export type Grade = 'none' | 'suspected' | 'confirmed' | 'retracted';

/** How a series counts for the outcome: `required` must be conclusive, `gated` may fail the run, `advisory` is only shown. */
export type Gate = 'required' | 'gated' | 'advisory';

export interface SeriesInput {
  readonly series: Series;
  readonly gate: Gate;
  readonly bins: Bins;
  /** Last value and its run time; NaN when there was none. */
  readonly value: number;
  readonly at: number;
  /** Run times at which a life of this member began. */
  readonly lives: readonly number[];
  /** The same of each member behind the total of a role; empty for all else. */
  readonly memberLives: readonly (readonly number[])[];
  /** Lives that ended, as sums: its own, or those of each member behind a total. */
  readonly ended: () => readonly EndedLives[];
  /** The ceiling as it was over time (rlimits and cgroup limits change), latest last; empty when none is known. */
  readonly limits: readonly { readonly t: number; readonly value: number; readonly from: string }[];
  /** Why it cannot pass however flat it is, and what would change that; null when it can. */
  readonly noPass: string | null;
  /** What earlier looks found. */
  readonly book: GradeBook;
}

export interface AnalysisInput {
  /** Run time of this look, seconds. */
  readonly now: number;
  readonly series: readonly SeriesInput[];
  /** Work done on each target whose load is known. */
  readonly load: ReadonlyMap<string, LoadCurve>;
  /** What was seen of each target's work. */
  readonly work: ReadonlyMap<string, Work>;
  readonly phases: readonly Phase[];
  readonly gaps: readonly Span[];
  /**
   * Run times of known major collections, per target: none. The heap of a JVM has a sample for each of them and nothing between, so that its
   * stream is what collections leave; memory of the process does not fall when they happen.
   */
  readonly collections: ReadonlyMap<string, readonly number[]>;
  /** Planned length of the run in seconds, or null when it runs until told. */
  readonly plannedEnd: number | null;
  /** How long the program must be able to live, in seconds (`--must-live`). */
  readonly requiredLifetime: number;
  readonly options: AnalysisOptions;
}

export interface AnalysisOptions {
  /** Overrides the warm-up found in the data, in seconds of run time. */
  readonly warmup: number | null;
  /** Where judging stopped because the work stopped; null while it goes on. */
  readonly judgedUntil: number | null;
  /** The run is over: no later look will come, so this one alone must confirm what it finds. */
  readonly final: boolean;
}

/** What is known of one series. Rates are per hour in the unit of the metric; null is unknown, never zero. */
export interface SeriesJudgement {
  readonly series: Series;
  readonly gate: Gate;
  readonly outcome: Outcome;
  readonly grade: Grade;
  /** How it moves: `linear`, `late`, `bounded`, `flat` and so on; null when too little is known. */
  readonly shape: string | null;
  readonly level: number | null;
  readonly limit: { readonly value: number; readonly from: string } | null;
  readonly floorPerHour: number | null;
  readonly slope: { readonly perHour: number; readonly lo: number; readonly hi: number; readonly confidence: number } | null;
  /** Between what rates the floor rose, of what fails by its floor; null for all else. */
  readonly floorRise: { readonly lo: number; readonly hi: number } | null;
  readonly perRequest: number | null;
  readonly onset: { readonly at: number; readonly lo: number; readonly hi: number } | null;
  /** Run times at which the limit would be reached; `hi` null is never. */
  readonly exhaustion: { readonly at: number; readonly lo: number; readonly hi: number | null } | null;
  readonly smallestDetectablePerHour: number | null;
  readonly hoursToSettle: number | null;
  readonly why: string;
  /** Run times between which it was judged; null when nothing was. */
  readonly judged: { readonly from: number; readonly to: number } | null;
  /** All shapes were tried that its points can tell apart; a series in which a few of them find no growth is not examined further in mid-run. */
  readonly examined: boolean;
  /** With `certifiable`, what other lengths of run could show; null when nothing is known of the noise. */
  readonly noise: Noise | null;
  /** The grades so far, this look included. */
  readonly book: GradeBook;
}

export interface Judgement {
  readonly now: number;
  readonly series: readonly SeriesJudgement[];
}

/** Everything that tells the judge how to judge; part of the configuration hash. */
export interface JudgeOptions {
  readonly requiredLifetime: number;
  readonly plannedEnd: number | null;
  readonly warmup: number | null;
  readonly rules: readonly Rule[];
  /** Aliases of metrics that must be conclusive, beyond the catalog's own. */
  readonly required: readonly string[];
  /** Roles that make the load: shown and suspected, but no part of the outcome. */
  readonly generators?: readonly string[];
  /** Seconds between samples of the process tier, from which the coverage is counted. */
  readonly interval: number;
}
