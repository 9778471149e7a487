/** What recognises the points of one load tool. A tool is one file: which names are its own, and what its points say of a window. */
import type { CounterPoint, HistogramPoint, Point } from '../../intake/point.ts';
import type { Draft } from '../draft.ts';
import type { Increment } from '../increment.ts';
import type { Witness } from '../window.ts';

/** The points of one sender in one export, and where to put what they say. */
export interface Reading {
  readonly points: readonly Point[];
  /** What was added since the export before; null when it cannot be told. */
  increment(point: CounterPoint | HistogramPoint): Increment | null;
  /** Of everything of the point's role when the operation is null. */
  draft(point: Point, operation: string | null): Draft;
  /**
   * Answers count for everything of the point's role and for their operation, as far as operations are told apart; and for those that rules
   * ask for by a tag, where the tool has tags.
   */
  answered(point: Point, operation: string | null, add: (draft: Draft) => void): void;
  /** Tells the user something once. */
  note(what: string, message: string): void;
  /** The span of the window in seconds, where the points say it. */
  span: number | null;
  /** Kept for the sender from export to export: a tool may leave itself a figure there. */
  readonly memory: Map<string, number>;
}

export interface Tool {
  /** In messages. */
  readonly name: string;
  readonly witness: Witness;
  /** Whether the point is one of its own; also of those that say nothing of traffic. */
  knows(point: Point): boolean;
  read(reading: Reading): void;
  /** Its requests have tags, which are labels of its points. */
  readonly hasTags?: true;
  /** Seconds between exports, as the tool has it unless told otherwise. */
  readonly period: number;
}

/** What a pattern finds in a name. Points come metric by metric, so that it is mostly asked of the same name again. */
export function inName(pattern: RegExp): (name: string) => RegExpExecArray | null {
  let last = '';
  let found = pattern.exec(last);
  return (name) => {
    if (name !== last) {
      last = name;
      found = pattern.exec(name);
    }
    return found;
  };
}

/** Seconds in a unit of durations, by UCUM. */
export function secondsIn(unit: string, otherwise: number): number {
  const units: Readonly<Record<string, number>> = { s: 1, ms: 0.001, us: 1e-6, ns: 1e-9 };
  return (Object.hasOwn(units, unit) ? units[unit] : undefined) ?? otherwise;
}

/** OpenTelemetry's SDKs fold what is beyond their limit of attribute sets into one that is marked so. */
export function isOverflow({ labels }: Point): boolean {
  return labels['otel.metric.overflow'] === 'true' || labels['otel_metric_overflow'] === 'true';
}
