/**
 * What is known of a run, as one value that every view is a fold of: the page, Markdown, JUnit, JSON. Plain data, bounded, without secrets,
 * and without characters that a terminal or a browser would obey. Times are seconds of the run unless their name says otherwise, values
 * are in the unit of their metric, and null is unknown.
 */
import type { ShapeKind } from '../analysis/shapes.ts';
import type { Finding, Verdict } from '../analysis/verdict.ts';
import type { Outcome } from '../analysis/judgement.ts';

/** Additions keep it; readers ignore keys that they do not know. */
export const REPORT_SCHEMA = 1;

export interface Report {
  readonly schema: typeof REPORT_SCHEMA;
  /** The verdict in one sentence. */
  readonly sentence: string;
  readonly run: ReportedRun;
  /** As in verdict.json, but for what the bounds of a report leave out. */
  readonly verdict: Verdict;
  /** Failed, then inconclusive, then notes. */
  readonly findings: readonly ReportedFinding[];
  /** Everything that can be drawn, in the order of the page. */
  readonly signals: readonly Signal[];
  readonly pools: readonly PoolStates[];
  readonly timeline: ReportedTimeline;
  /** What the agent itself used. */
  readonly cost: readonly { readonly name: string; readonly value: number | null; readonly unit: string }[];
  /** What the run was configured with, as it is in the record: without secrets. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Commands that give the same verdict again. */
  readonly reproduce: readonly string[];
  /** What the bounds left out: counts of what is in the record and not here. */
  readonly left: { readonly signals: number; readonly series: number; readonly findings: number };
}

export interface ReportedRun {
  readonly id: string;
  /** `unfinished`: it ended without a verdict, and is judged on what was recorded. */
  readonly state: 'running' | 'finished' | 'unfinished';
  /** Seconds since the Unix epoch. */
  readonly start: number;
  /** Run time of the last tick. */
  readonly t: number;
  /** Planned length. */
  readonly planned: number | null;
  readonly interval: number;
  readonly agent: string;
  readonly configHash: string;
  readonly host: Readonly<Record<string, string | number | null>>;
  /** Judged by other rules than it was recorded with, or from a record with ticks missing. */
  readonly notes: readonly string[];
}

export interface ReportedFinding extends Finding {
  /** Of the page: the same for the same finding in every report of every run. */
  readonly anchor: string;
  readonly title: string;
  /** Indexes into `signals`, the lead first. */
  readonly signals: readonly number[];
  /** What would settle it; null for what is settled. */
  readonly settle: string | null;
  readonly steps: readonly string[];
}

/** A series with its history over the whole run. */
export interface Signal {
  /** How tables and sentences name it. */
  readonly id: string;
  /** Of the run's series: what a live page is told new values by. */
  readonly series: number;
  readonly anchor: string;
  readonly target: string | null;
  readonly member: string | null;
  readonly metric: string;
  readonly name: string;
  readonly help: string;
  /** Heading on the page. */
  readonly panel: string;
  /** A counter is shown as its increase per second. */
  readonly counter: boolean;
  /** Of what is shown. */
  readonly unit: string;
  readonly lane: 'load' | 'latency' | 'signal';
  /** Index into `verdict.series`; null when it is not judged. */
  readonly judged: number | null;
  readonly outcome: Outcome | null;
  readonly gated: boolean;
  /** Null when it is no longer sampled. */
  readonly now: number | null;
  readonly chart: Chart;
  /** Run times at which a life of its process began, the first one left out. */
  readonly restarts: readonly number[];
  /** Changes of its ceiling, latest last. */
  readonly limits: readonly { readonly t: number; readonly value: number; readonly from: string }[];
  readonly fit: Fit | null;
}

/** Bin i covers [from + i x step, from + (i + 1) x step). */
export interface Chart {
  readonly from: number;
  readonly step: number;
  readonly mean: readonly (number | null)[];
  /** Absent where they are the mean. */
  readonly min: readonly (number | null)[] | null;
  readonly max: readonly (number | null)[] | null;
}

/** What the judgement of growth rests on. */
export interface Fit {
  readonly from: number;
  readonly to: number;
  readonly stream: string;
  readonly points: number;
  readonly lives: number;
  /** The best shape; null where a life ends. */
  readonly t: readonly number[];
  readonly y: readonly (number | null)[];
  /** 95 % of the points lie within this distance of it. */
  readonly within: number;
  readonly shapes: readonly { readonly kind: ShapeKind; readonly weight: number }[];
  readonly bend: number | null;
  /** When growth began, where it did so in mid-run. */
  readonly onset: { readonly at: number; readonly lo: number; readonly hi: number } | null;
  /** From the end of what was judged on, at the slope and at the ends of its interval; null when nothing grows. */
  readonly forecast: {
    readonly t: readonly number[];
    readonly y: readonly number[];
    readonly lo: readonly number[];
    readonly hi: readonly number[];
  } | null;
}

/** Connections of a pool by state, one on the other. */
export interface PoolStates {
  readonly title: string;
  readonly anchor: string;
  readonly states: readonly { readonly state: string; readonly signal: number }[];
  /** Index into `signals`. */
  readonly max: number | null;
}

export interface ReportedTimeline {
  readonly phases: readonly { readonly name: string; readonly from: number; readonly to: number; readonly judged: boolean }[];
  readonly gaps: readonly { readonly from: number; readonly to: number }[];
  /** Restarts, notes and outages on the time axis of the run. */
  readonly marks: readonly { readonly t: number; readonly kind: string; readonly target: string | null; readonly text: string }[];
}
