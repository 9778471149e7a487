/** Data that somebody already has, whatever it came as: named figures over time. */
import type { Field } from './meaning.ts';

/** Figures of one moment. */
export interface Row {
  /** Seconds on the axis of the data. */
  readonly time: number;
  /** In the order of `fields`; NaN where there is none, also beyond the end. */
  readonly values: readonly number[];
  /** Where it stands in the file; none where there are no lines. */
  readonly line?: number;
}

export interface Dataset {
  /** For messages and headings: a path, or the address of a server without secrets. */
  readonly place: string;
  /** `csv`, `ndjson`, `query_range answer`, `Prometheus`. */
  readonly format: string;
  /** Name of the time column; none where there are no columns. */
  readonly time?: string;
  /** `local`: dates without a zone, of a clock that may keep daylight saving. */
  readonly axis: { readonly kind: 'wall' | 'elapsed'; readonly text: string; readonly local?: boolean };
  /** More may come while rows are read. */
  readonly fields: readonly Field[];
  /** Times of the first rows, from which their usual distance is taken. */
  readonly firstTimes: readonly number[];
  /** What the reader noticed and the user should know; complete when all rows are read. */
  readonly notes: readonly string[];
  /** Lines of the first and of the last moment, complete when all rows are read; none where there are no lines. */
  readonly ends?: { readonly first: number; readonly last: number };
  /** All rows from the beginning, in the order of the file. Throws `DATA` or `PROMETHEUS`, with everything that is wrong. */
  rows(): AsyncIterable<readonly Row[]>;
}

/** Series that one analysis takes: 1,000 are judged in a few seconds; nobody reads a table of more. */
export const FIELDS_MAX = 1000;
