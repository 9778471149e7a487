/** What a family is: a rule that draws runs of one mechanism. A family says what leaks and what is bounded; `labelled.ts` derives the truth. */
import type { Noise } from '../limit.ts';
import type { Random } from '../random.ts';
import type { Signal } from '../signals.ts';

export type Unit = 'bytes' | 'count' | 'seconds';

/** One run as a family draws it. Times are hours, sizes are bytes or a count. */
export interface Sketch {
  readonly hours: number;
  /** Default `bytes`. */
  readonly unit?: Unit;
  /** What the rest is added to. */
  readonly level: number;
  /** Neither leaks nor fills: noise, collections, what follows the load. */
  readonly rest: Signal;
  /** What leaks, since when; `straight` when its growth per hour is steady, so that an estimate can be compared with it. */
  readonly leak?: { readonly part: Signal; readonly onset?: number; readonly straight?: boolean };
  /** What grows to a bound of its own; it has settled when 95 % of its rise is done. */
  readonly bounded?: Signal;
  /** Noise that is exactly this and nothing else: the smallest possible time to see the leak is defined. */
  readonly noise?: Noise;
  /** Noise about as strong as this: only says whether the leak can be seen at all. */
  readonly roughly?: Noise;
  /** Requests per second. */
  readonly load?: Signal;
  /** Times at which the process is seen to be another one. */
  readonly restarts?: readonly number[];
  /** Samples that are lost. */
  readonly lost?: (t: number) => boolean;
  /** The ceiling that is known. */
  readonly limit?: number;
  /** Clean, but growing at the end by so much an hour: clean only for those who ask about more. */
  readonly creeps?: number;
  /** Why nobody can say from this series alone; absent or null when one can. */
  readonly ambiguous?: string | null;
}

export interface Family {
  readonly id: string;
  readonly name: string;
  readonly draw: (r: Random) => Sketch;
}

/** Length of a run: 40 % last a day, 30 % from 8 hours to a day, 30 % from 2 to 8 hours; never less than `least`. */
export function hoursOf(r: Random, least = 2): number {
  const kind = r.uniform();
  const hours = kind < 0.4 ? 24 : kind < 0.7 ? r.log(8, 24) : r.log(2, 8);
  return Math.max(least, hours);
}

/** A reason when it holds. */
export function unclear(when: boolean, why: string): string | null {
  return when ? why : null;
}
