/** What matters for the outcome of a run, and the shape of what is found. */
import type { BlindSpot } from './blind.ts';
import type { Unexpected } from './expectations.ts';
import type { Outcome, SeriesJudgement } from './judgement.ts';
import type { LoadEnded } from './loadend.ts';
import type { Outage } from './outages.ts';
import type { Disturbance } from './recovery.ts';
import type { Rule } from './rules.ts';
import type { StuckConnection } from './stuck.ts';
import type { Breach } from './thresholds.ts';
import type { Finding } from './verdict.ts';
import type { Unresolved } from './windowrules.ts';
import type { Work } from './work.ts';
import type { TargetEnd } from './targetend.ts';

/** Everything that matters for the outcome, beside the options. */
export interface Matters {
  readonly series: readonly SeriesJudgement[];
  readonly work: ReadonlyMap<string, Work>;
  /** Ids of series that should be gated, beyond the cap. */
  readonly left: ReadonlySet<number>;
  readonly breaches: readonly Breach[];
  /** Windows of which it cannot be told whether they break a rule. */
  readonly unresolved: readonly Unresolved[];
  /** Levels that the metrics themselves expect. */
  readonly unexpected: readonly Unexpected[];
  readonly stuck: readonly StuckConnection[];
  readonly outages: readonly Outage[];
  readonly disturbances: readonly Disturbance[];
  /** Signals whose recovery is not measured, beyond the cap. */
  readonly unfollowed: number;
  readonly loadEnds: readonly LoadEnded[];
  readonly targetEnds: readonly TargetEnd[];
  /** Rules that were never compared with a sample, and why; null: there was no series to compare with. */
  readonly unseen: readonly { readonly rule: Rule; readonly because: string | null }[];
  readonly coverage: number | null;
  readonly blind: readonly BlindSpot[];
}

/** From run time to the time of the world. */
export type At = (t: number) => string;

export function finding(kind: Finding['kind'], name: string, outcome: Outcome, why: string, rest: Partial<Finding> = {}): Finding {
  return { id: `${kind}:${name}`, kind, outcome, target: null, series: [], from: null, to: null, why, evidence: {}, ...rest };
}
