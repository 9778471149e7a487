/** Whether most requests of a role fail in one way: an hour of refusals is load, but no work, and must not pass for it. */
import { FAILURES, type Failure, type TrafficWindow } from './window.ts';

/** Below this many answers a half is chance. */
const ENOUGH = 20;

const WORDS: Readonly<Record<Failure, string>> = {
  http_401: 'of the answers are 401 (not authorised)',
  http_403: 'of the answers are 403 (forbidden)',
  http_429: 'of the answers are 429 (too many requests)',
  http_4xx: 'of the answers are 4xx (the request is refused)',
  http_5xx: 'of the answers are 5xx (the server fails)',
  timeout: 'of the requests get no answer in time',
  refused: 'of the requests are refused a connection',
  check: 'of the answers fail a check of the load tool',
  other: 'of the requests fail',
};

export interface Change {
  readonly message: string;
  /** Null: no longer. */
  readonly failure: Failure | null;
  /** Run time of the first window of those that say so. */
  readonly since: number;
}

/** Of one role. */
export class Failing {
  #requests = 0;
  #failures: Partial<Record<Failure, number>> = {};
  #since: number | null = null;
  #now: Failure | null = null;

  /** What has changed with this window, or null. Windows are added up until there are enough answers to tell. */
  add({ requests, failures, errors, from }: TrafficWindow, whose: string): Change | null {
    if (requests <= 0 || (failures === null && errors === null)) return null;
    this.#since ??= from;
    this.#requests += requests;
    for (const [name, count] of Object.entries(failures ?? { other: errors ?? 0 }) as [Failure, number][]) {
      this.#failures[name] = (this.#failures[name] ?? 0) + count;
    }
    if (this.#requests < ENOUGH) return null;
    const most = FAILURES.find((name) => (this.#failures[name] ?? 0) > this.#requests / 2) ?? null;
    const since = this.#since;
    this.#requests = 0;
    this.#failures = {};
    this.#since = null;
    if (most === this.#now) return null;
    this.#now = most;
    const message = most === null ? `${whose}: most requests succeed again` : `${whose}: more than half ${WORDS[most]}`;
    return { message, failure: most, since };
  }
}
