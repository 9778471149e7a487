/** The verdict as the world sees it: verdict.json, /api/verdict and --json (contracts). Readers ignore unknown keys. */
import type { Capacity } from './capacity.ts';
import type { Grade, Outcome } from './judgement.ts';

export interface Verdict {
  readonly schema: 1;
  readonly run: {
    readonly id: string;
    readonly start: string;
    readonly end: string | null;
    readonly planned: string | null;
    readonly agent: string;
    readonly configHash: string;
  };
  readonly outcome: Outcome;
  readonly reasons: readonly string[];
  /** Share of the planned samples of the process tier that were taken, 0 to 1; null before the first. */
  readonly coverage: number | null;
  readonly work: { readonly steady: boolean; readonly stoppedAt: string | null };
  readonly blind: readonly { readonly target: string | null; readonly metric: string; readonly reason: string }[];
  readonly series: readonly VerdictSeries[];
  readonly findings: readonly Finding[];
  /** How each target answered at each level of its load; empty when the load did not vary. */
  readonly capacity: readonly Capacity[];
  readonly phases: readonly { readonly name: string; readonly from: string; readonly judged: boolean }[];
  readonly events: readonly VerdictEvent[];
}

export interface VerdictSeries {
  readonly id: string;
  readonly target: string | null;
  readonly member: string | null;
  readonly metric: string;
  readonly unit: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly gated: boolean;
  readonly outcome: Outcome;
  readonly grade: Grade;
  readonly gradeHistory: readonly { readonly grade: Grade; readonly at: string }[];
  /** What leaks (`heap`, `native`, `descriptors`), of what grows; its shape otherwise; and what its level follows, where the data tell (docs/detector.md). */
  readonly class: string | null;
  readonly shape: string | null;
  readonly level: number | null;
  readonly limit: { readonly value: number; readonly from: string } | null;
  readonly floorPerHour: number | null;
  readonly slope: { readonly perHour: number; readonly lo: number; readonly hi: number; readonly confidence: number } | null;
  readonly perRequest: number | null;
  readonly onset: { readonly at: string; readonly lo: string; readonly hi: string } | null;
  readonly exhaustion: { readonly at: string; readonly lo: string; readonly hi: string | null } | null;
  readonly smallestDetectablePerHour: number | null;
  readonly hoursToSettle: number | null;
  readonly why: string;
}

export const FINDING_KINDS = [
  'leak',
  'pool_leak',
  'pool_exhausted',
  'pool_unseen',
  'pool_divergence',
  'outage',
  'recovery',
  'generator',
  'diagnosis',
  'idle',
  'load',
  'rule',
  'level',
  'work',
  'coverage',
  'heap',
  'target',
] as const;

export type FindingKind = (typeof FINDING_KINDS)[number];

export interface Finding {
  readonly id: string;
  readonly kind: FindingKind;
  /** `pass`: worth a word, and decides nothing. */
  readonly outcome: Outcome;
  readonly target: string | null;
  readonly series: readonly string[];
  readonly from: string | null;
  readonly to: string | null;
  readonly why: string;
  readonly evidence: Readonly<Record<string, string | number | null>>;
}

export interface VerdictEvent {
  readonly at: string;
  readonly kind: string;
  readonly target: string | null;
  readonly member: string | null;
  readonly message: string;
}
