/**
 * What every kind of load becomes: one record of what was asked and answered in a span of time, whether a load tool told it, a file of
 * results, a probe of ours, or the program itself.
 */
import type { Bucket } from '../intake/point.ts';

/** How quantiles of a window are known: from every request, from counts in buckets, or as the tool worked them out for the same window. */
export type QuantileKind = 'exact' | 'buckets' | 'tool';

export interface TrafficWindow {
  /** The role that was asked; null: the run as a whole. */
  readonly target: string | null;
  /** What was asked for (k6 scenario or name, JMeter label); null: everything together. */
  readonly operation: string | null;
  /** Run time, seconds; `to` is the time of its samples. */
  readonly from: number;
  readonly to: number;
  /** Completed in the window, failed ones included. */
  readonly requests: number;
  /** Of those, failed; null: the tool does not tell. */
  readonly errors: number | null;
  /** At its end; null is unknown. */
  readonly inFlight: number | null;
  readonly users: number | null;
  /** Seconds, over `requests`; null is unknown. */
  readonly sum: number | null;
  /** Durations in seconds; null when only the tool's own quantiles are known, or nothing. */
  readonly buckets: readonly Bucket[] | null;
  /** Of the tool, in seconds, by label value (`0.95`); null when there are none. */
  readonly quantiles: Readonly<Record<string, number>> | null;
  readonly kind: QuantileKind;
}

/** Who writes windows into series. */
export interface TrafficSink {
  window(window: TrafficWindow): void;
}
