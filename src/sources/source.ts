/**
 * The interface of everything that is watched. A source is one file: its metrics, its reads, and pure parse functions, in that
 * order, plus one entry in `index.ts`. Sources import neither each other nor the store, the record or the views.
 */
import type { Clock } from '../clock.ts';
import type { Logger } from '../log.ts';
import type { SeriesTable } from '../series.ts';
import type { Servers } from '../servers.ts';
import type { Targets } from '../targets.ts';
import type { EventKind, RunEvent } from '../tick.ts';

/** Where one read reports to. Times are stamped for the source: it never sees a clock unless it asks for one. */
export interface Sink {
  /** Seconds since the start of the run, now. */
  now(): number;
  /** A sample read just now, or at `at` (from an earlier `now()`), so that one stamp can serve all values of one read. */
  set(series: number, value: number, at?: number): void;
  event(kind: EventKind, message: string, about?: Partial<Pick<RunEvent, 'target' | 'member' | 'data'>>): void;
}

export interface SourceContext {
  readonly series: SeriesTable;
  readonly targets: Targets;
  readonly servers: Servers;
  readonly clock: Clock;
  readonly log: Logger;
  /** Prefix of /proc, /sys and /: a fixture tree in tests, the host's mount in some sidecars. */
  readonly roots: Roots;
}

export interface Roots {
  /** Default `/proc`. */
  readonly proc: string;
  /** Default `/sys`. */
  readonly sys: string;
}

/**
 * One thing watched at one fixed period. Contract:
 * - `read` never throws for what the world does (a target that ended, a server that is down, a file that may not be read): what cannot
 *   be read is not set, and is reported once with a `blind` or `source_failed` event. What it throws is counted as a failed read.
 * - A value that is not known is not set. Zero is only ever a measured zero.
 * - At most one read is in flight; a synchronous source returns nothing.
 * - After `close` it holds no descriptor, timer or socket. `close` may follow a failed `open`.
 */
export interface Source {
  readonly name: string;
  /** Seconds between reads, on the run's absolute grid. */
  readonly period: number;
  open(sink: Sink): void | Promise<void>;
  /** Asked at every wake-up: true reads the source now although its period is not over. */
  wants?(): boolean;
  read(sink: Sink, signal: AbortSignal): void | Promise<void>;
  /** Called once after the last read of the run, for what is only worth reading at its end. */
  finish?(sink: Sink): Promise<void>;
  close(): void | Promise<void>;
}

/** Reports a signal that cannot be read: of a target, of one thing of many (a mount point), or of the machine. */
export type ReportBlind = (sink: Sink, metric: string, reason: string, about?: { readonly target?: string; readonly of?: string }) => void;

/** Each is reported once however often it is tried; catalog times targets (or a label's cap) bounds what is remembered. */
export function blindSpots(): ReportBlind {
  const told = new Set<string>();
  return (sink, metric, reason, { target, of } = {}) => {
    const key = JSON.stringify([metric, target, of]);
    if (told.has(key)) return;
    told.add(key);
    const whose = of ?? target;
    const message = `${metric}${whose === undefined ? '' : ` of ${whose}`} cannot be read: ${reason}`;
    const data = of === undefined ? { metric, reason } : { metric, reason, of };
    sink.event('blind', message, target === undefined ? { data } : { target, data });
  };
}
