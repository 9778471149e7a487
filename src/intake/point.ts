/**
 * What other programs say of themselves, whatever the format it came in: data points of their metrics, as they said it. The parsers of
 * this folder make them (OTLP, Influx line protocol, Prometheus text); who knows what they mean turns them into series.
 */

import type { Counts } from '../quantiles.ts';

interface Told {
  /** As it was sent: `http_req_duration`, `nodejs_eventloop_lag_seconds`. */
  readonly name: string;
  /** UCUM or a word of the sender; empty when it is not told. */
  readonly unit: string;
  /** Attributes of the point, and those of its resource that say whose it is (`service.name`, `service.instance.id`). */
  readonly labels: Readonly<Record<string, string>>;
  /** Seconds since the Unix epoch by the clock of the sender, who may be wrong; null when it is not told. */
  readonly wall: number | null;
  /** The same clock: since when a sum or a histogram counts; null when it is not told. */
  readonly since: number | null;
}

/** `cumulative`: since `since`, and it may begin anew. `delta`: since the point before. */
export type Temporality = 'cumulative' | 'delta';

export interface GaugePoint extends Told {
  readonly kind: 'gauge';
  readonly value: number;
}

/** A sum that only grows. One that may fall is a gauge. */
export interface CounterPoint extends Told {
  readonly kind: 'counter';
  readonly temporality: Temporality;
  readonly value: number;
}

/** Any histogram, also an exponential one: how many values lay above `over` and not above `to`. Bounds ascend; the outer ones may be infinite. */
export interface HistogramPoint extends Told {
  readonly kind: 'histogram';
  readonly temporality: Temporality;
  readonly count: number;
  /** Null: not told. */
  readonly sum: number | null;
  readonly buckets: Counts;
}

/** Quantiles that the sender worked out by itself, of a span that only it knows. */
export interface SummaryPoint extends Told {
  readonly kind: 'summary';
  readonly count: number | null;
  readonly sum: number | null;
  readonly quantiles: readonly { readonly quantile: number; readonly value: number }[];
}

export type Point = GaugePoint | CounterPoint | HistogramPoint | SummaryPoint;

/** Where points come from: `name` is that of the scrape, or `inbound`. */
export interface Origin {
  readonly name: string;
  /** The role whose figures these are when the points do not say it; null: of the run. */
  readonly target: string | null;
}

/** Who takes points. Says for how many it had a use. Never throws, and remembers no more than it has bounds for. */
export interface Intake {
  take(points: readonly Point[], origin: Origin): number;
  /** Whether it may have a use for points of this name; without it, that is not known. For naming what nobody takes. */
  knows?(name: string): boolean;
}
