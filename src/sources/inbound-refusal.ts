/** Why a request is not taken: the status, how it is counted, and what its sender is told. */
import type { Result } from './inbound-metrics.ts';

export class Refusal extends Error {
  readonly status: number;
  readonly result: Result;
  readonly headers: Readonly<Record<string, string>>;

  /** @param message for the sender; repeats nothing secret, and nothing of a body */
  constructor(status: number, result: Result, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.result = result;
    this.headers = headers;
  }
}
