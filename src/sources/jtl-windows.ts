/** Results become windows of ten seconds by the time at which they ended, and not at which the file was written: JMeter writes in blocks. */
import { Durations } from '../traffic/buckets.ts';
import type { Failure, TrafficWindow } from '../traffic/window.ts';
import type { Result, Totals } from './jtl-rows.ts';

export const SPAN_S = 10;

/** Rows come nearly in the order of their ends; what comes after a window was closed makes another one of the same time. */
const LATE_S = 2;

/** A file that is not written to for this long has told all it had of a window. */
const QUIET_S = 60;

/** Windows open at a time: a block of JMeter at one request a minute is an hour. */
const OPEN_MAX = 512;

/** Operations told apart here; who writes the series keeps fewer. */
const OPERATIONS_MAX = 256;

interface Sums {
  readonly durations: Durations;
  errors: number;
  users: number | null;
  readonly failures: Partial<Record<Failure, number>>;
}

export type Whose = Pick<TrafficWindow, 'target' | 'sender'>;

/** Of JMeter. Times are run time. */
export class ResultWindows {
  readonly #open = new Map<number, Map<string | null, Sums>>();
  #latest = -Infinity;

  /** @param end run time; what ended before the run is of another one */
  add(result: Result, end: number): void {
    this.#latest = Math.max(this.#latest, end);
    const slot = Math.floor(end / SPAN_S);
    const window = this.#open.get(slot) ?? new Map<string | null, Sums>();
    this.#open.set(slot, window);
    for (const operation of result.operation === null ? [null] : [null, result.operation]) {
      if (window.size >= OPERATIONS_MAX && !window.has(operation)) continue;
      const sums = window.get(operation) ?? { durations: new Durations(), errors: 0, users: null, failures: {} };
      window.set(operation, sums);
      sums.durations.add(result.elapsed, result.count);
      sums.errors += Math.min(result.errors, result.count);
      if (result.users !== null) sums.users = result.users;
      if (result.failure !== null) sums.failures[result.failure] = (sums.failures[result.failure] ?? 0) + Math.max(1, result.errors);
    }
  }

  /** Those that are over at run time `now`, or all of them, in the order of time. */
  take(now: number, whose: Whose, isAll = false): TrafficWindow[] {
    const isOver = (slot: number): boolean => {
      const end = (slot + 1) * SPAN_S;
      return isAll || this.#latest >= end + LATE_S || now >= end + QUIET_S || this.#open.size > OPEN_MAX;
    };
    const over = [...this.#open.keys()].filter(isOver).toSorted((a, b) => a - b);
    return over.flatMap((slot) => {
      const window = this.#open.get(slot)!;
      this.#open.delete(slot);
      const span = { from: slot * SPAN_S, to: Math.min((slot + 1) * SPAN_S, Math.max(now, slot * SPAN_S)) };
      return [...window].map(([operation, sums]) => windowOf(operation, sums, { ...whose, ...span }));
    });
  }
}

function windowOf(operation: string | null, sums: Sums, where: Whose & { from: number; to: number }): TrafficWindow {
  const { durations, errors, users, failures } = sums;
  return {
    ...where,
    operation,
    witness: 'generator',
    requests: durations.count,
    errors,
    failures,
    checks: null,
    inFlight: null,
    users: operation === null ? users : null,
    sum: durations.sum,
    buckets: durations.buckets(),
    quantiles: null,
    kind: 'exact',
  };
}

/** Of Locust: differences of its totals. */
export class TotalWindows {
  readonly #before = new Map<string | null, Totals>();

  /** The window since the totals that were taken before; null when it is too short yet. `shift` makes run time of the clock of the file. */
  add(now: Totals, whose: Whose, shift: number): TrafficWindow | null {
    const before = this.#before.get(now.operation);
    if (before === undefined) {
      if (this.#before.size < OPERATIONS_MAX) this.#before.set(now.operation, now);
      return null;
    }
    if (now.at - before.at < SPAN_S && now.at >= before.at) return null;
    this.#before.set(now.operation, now);
    // Statistics that were reset count from zero.
    const from = now.requests < before.requests ? { ...now, at: before.at, requests: 0, errors: 0, sum: 0 } : before;
    const requests = now.requests - from.requests;
    const errors = Math.min(requests, Math.max(0, now.errors - from.errors));
    return {
      ...whose,
      operation: now.operation,
      witness: 'generator',
      from: Math.max(0, Math.min(from.at, now.at) + shift), // its clock may have been set back
      to: now.at + shift,
      requests,
      errors,
      failures: null,
      checks: null,
      inFlight: null,
      users: now.operation === null ? now.users : null,
      sum: requests > 0 ? Math.max(0, now.sum - from.sum) : null,
      buckets: null,
      quantiles: requests > 0 ? now.quantiles : null,
      kind: 'tool',
    };
  }
}
