/** What a user or a preset declares: pages to be read, and which series of others mean what. */
import type { Growth, Unit } from '../catalog.ts';
import type { Selector } from './match.ts';

export const KINDS = ['level', 'backlog', 'counter', 'ratio', 'latency'] as const;
export type SignalKind = (typeof KINDS)[number];

export const AGGREGATES = ['sum', 'max', 'min', 'mean'] as const;
export type Aggregate = (typeof AGGREGATES)[number];

export const GROWTHS = ['leak', 'capacity', 'drift', 'floor', 'load', 'none'] as const satisfies readonly Growth[];

/** Metrics of the agent's own that a signal may stand for, so that whatever is known of them holds for it. */
export const MEANINGS = ['heap', 'heap.limit', 'threads', 'requests', 'errors', 'pool.reported', 'pool.reported_max'] as const;
export type Meaning = (typeof MEANINGS)[number];

/** What a growth means when nobody says: a backlog that grows is work that is never done; a level may be anything. */
export const GROWTH_OF: Readonly<Record<SignalKind, Growth>> = {
  level: 'none',
  backlog: 'leak',
  counter: 'none',
  ratio: 'none',
  latency: 'drift',
};

/** Of latencies that come as plain numbers the worst one counts: a mean of quantiles means nothing. */
export const AGGREGATE_OF: Readonly<Record<SignalKind, Aggregate>> = {
  level: 'sum',
  backlog: 'sum',
  counter: 'sum',
  ratio: 'sum',
  latency: 'max',
};

export interface SignalSpec {
  /** The metric is `soak.signal.NAME`. */
  readonly name: string;
  /** Names of the same thing: the first that is on a page counts. */
  readonly match: readonly Selector[];
  /** Of a ratio: what it is a share of; null for every other kind. */
  readonly over: readonly Selector[] | null;
  readonly kind: SignalKind;
  readonly aggregate: Aggregate;
  /** Labels of theirs that are kept; over all others it is aggregated. */
  readonly by: readonly string[];
  readonly unit: Unit;
  /** What a value is multiplied with to be in `unit`. */
  readonly scale: number;
  readonly growth: Growth;
  /** What must hold, as in a rule behind the metric: `< 1000`; null: nothing. */
  readonly limit: string | null;
  /** Name of a scrape, or `inbound`. */
  readonly from: string;
  /** The role; null: that of the scrape. */
  readonly target: string | null;
  readonly as: Meaning | null;
  /** Values outside are how an exporter says that it does not know: -1 for no committed offset, 2^63 for no limit. */
  readonly within: readonly [least: number, most: number];
  /** Of which preset; null: the user's own, who is told when it matches nothing. */
  readonly preset: string | null;
}

/** One page to be read again and again. */
export interface ScrapeSpec {
  readonly name: string;
  /** Without user and password; its query may hold a token, so it is never shown. */
  readonly url: string;
  /** For messages and records: without query. */
  readonly display: string;
  readonly target: string | null;
  /** Names of presets; null: whichever is recognised. */
  readonly presets: readonly string[] | null;
  /** Seconds. */
  readonly every: number;
  readonly timeout: number;
  /** Secrets: never logged, recorded or exported. */
  readonly headers: Readonly<Record<string, string>>;
  /** Read anew each time, so that a token may be renewed in the run. */
  readonly bearerFile: string | null;
  readonly caFile: string | null;
}

/** The name of the origin of points that are pushed. */
export const INBOUND = 'inbound';
