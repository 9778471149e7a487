/**
 * What every kind of load becomes: one record of what was asked and answered in a span of time, whether a load tool told it, a file of
 * results, or the program itself.
 */
import type { Bucket } from '../quantiles.ts';

/** How quantiles of a window are known: from every request, from counts in buckets, or as the tool worked them out for the same window. */
export type QuantileKind = 'exact' | 'buckets' | 'tool';

/** Who saw the requests: those who sent them, or the program that answered them. Both see the same ones, so that they never add up. */
export type Witness = 'generator' | 'server';

/** Answers that are no success, and checks that failed. A closed set: what tools say themselves is not. */
export const FAILURES = ['http_401', 'http_403', 'http_429', 'http_4xx', 'http_5xx', 'timeout', 'refused', 'check', 'other'] as const;

export type Failure = (typeof FAILURES)[number];

export interface TrafficWindow {
  /** The role that was asked; null: the run as a whole. */
  readonly target: string | null;
  /** What was asked for (k6 name, JMeter label); null: everything together. */
  readonly operation: string | null;
  /** Who tells it, one name per process that tells: users of two add up, users of two windows of one do not. */
  readonly sender: string;
  readonly witness: Witness;
  /** Run time, seconds; `to` is the time of its samples. */
  readonly from: number;
  readonly to: number;
  /** Completed in the window, failed ones included. */
  readonly requests: number;
  /** Of those, failed; null: the tool does not tell. */
  readonly errors: number | null;
  /** What failed, as far as the tool tells; null: it does not. */
  readonly failures: Readonly<Partial<Record<Failure, number>>> | null;
  /** Of the answers and of whole transactions, as the tool's script checks them; null: it checks nothing. */
  readonly checks: { readonly passed: number; readonly failed: number } | null;
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
  /** Something about the figures of load that the user should know; the same is told once. */
  note(message: string, about: { readonly what: string; readonly target: string | null }): void;
}

/** Of a file of results. */
export interface ResultsSink extends TrafficSink {
  /** A file of this tool tells of the role: what the tool pushes of it are the same requests. */
  followed(tool: string, target: string | null): void;
}
