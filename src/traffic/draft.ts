/** A window in the making: what the points of one export say of one operation, or of everything. */
import { CountSums } from './countsums.ts';
import type { Increment } from './increment.ts';
import type { Failure, TrafficWindow } from './window.ts';

type Whose = Pick<TrafficWindow, 'target' | 'operation' | 'sender' | 'witness' | 'from' | 'to'>;

/** Requests of one outcome. */
interface Outcome {
  readonly failed: boolean;
  readonly failure: Failure | null;
}

export class Draft {
  requests = 0;
  errors: number | null = null;
  sum: number | null = null;
  users: number | null = null;
  inFlight: number | null = null;
  quantiles: Record<string, number> | null = null;
  checks: { passed: number; failed: number } | null = null;
  readonly failures: Partial<Record<Failure, number>> = {};
  readonly #counts = new CountSums();
  #hasBuckets = true;
  #isTold = false;

  /** @param unit seconds in one unit of the sender's durations */
  durations({ count, sum, buckets }: Increment, unit: number, { failed, failure }: Outcome): void {
    this.#isTold = true;
    if (count <= 0) return;
    this.sum = sum === null || (this.requests > 0 && this.sum === null) ? null : (this.sum ?? 0) + sum * unit;
    this.requests += count;
    this.errors = (this.errors ?? 0) + (failed ? count : 0);
    if (failure !== null) this.failed(failure, count);
    if (buckets === null) this.#hasBuckets = false;
    else this.#counts.add(buckets, unit);
  }

  failed(failure: Failure, count: number): void {
    if (count > 0) this.failures[failure] = (this.failures[failure] ?? 0) + count;
  }

  /** The sender told this many in its own way, also when there were none. */
  counted(requests: number): void {
    this.#isTold = true;
    this.#hasBuckets = false;
    this.requests += requests;
  }

  /** Null when nothing was told: no window is not a window without requests. */
  window(whose: Whose): TrafficWindow | null {
    if (!this.#isTold && this.users === null && this.inFlight === null && this.errors === null && this.checks === null) return null;
    const { requests, errors, sum, users, inFlight, quantiles, checks } = this;
    const buckets = this.#hasBuckets && this.#isTold ? this.#counts.buckets() : null;
    return {
      ...whose,
      requests,
      errors: this.#isTold ? (errors ?? null) : null,
      failures: Object.keys(this.failures).length > 0 || errors !== null ? { ...this.failures } : null,
      checks,
      inFlight,
      users,
      sum: requests > 0 ? sum : null,
      buckets,
      quantiles,
      kind: buckets === null ? 'tool' : 'buckets',
    };
  }
}
