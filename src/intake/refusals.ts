/** What of a body was not taken, and why: counted by a closed set of reasons, with the first message, which the sender is told. */
import { cut } from '../problem.ts';
import type { Point } from './point.ts';

export const REASONS = [
  'malformed', // a line, a name or a shape that the format does not have
  'value', // no number, no finite one, or a count below zero
  'temporality', // neither delta nor cumulative, or a delta of what has no beginning
  'buckets', // counts that do not fit their bounds, or values below zero in an exponential histogram
  'labels', // more labels than a point may have
  'bound', // more points than one body may have
] as const;

export type Reason = (typeof REASONS)[number];

/** Labels of one point. The semantic conventions have some 15 on a request; what generates more makes another series with every point. */
export const LABELS_MAX = 64;

/** Points of one body: 4 MB hold 40,000 of a hundred bytes. */
export const POINTS_MAX = 50_000;

export class Refusals {
  readonly #counts = new Map<Reason, number>();
  /** Of the first one: where, what, and what would be right. */
  message: string | null = null;
  total = 0;

  add(reason: Reason, message: string, count = 1): void {
    if (count <= 0) return;
    this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + count);
    this.message ??= cut(message);
    this.total += count;
  }

  counts(): ReadonlyMap<Reason, number> {
    return this.#counts;
  }
}

/** What a body held. */
export interface Parsed {
  readonly points: readonly Point[];
  readonly refused: Refusals;
}

/** The body as a whole is not what it is said to be; the message is for its sender and repeats nothing of it. */
export class Unreadable extends Error {}
