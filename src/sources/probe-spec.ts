/** One `--probe`, as configured. */
export interface ProbeSpec {
  /** Names it in series, rules and events. */
  readonly name: string;
  /** The role that is asked; null: the only one, or the run. */
  readonly target: string | null;
  /** Complete: never logged, recorded or exported. */
  readonly url: string;
  /** For messages and records: without user, password and query. */
  readonly display: string;
  /** Seconds between probes. */
  readonly every: number;
  /** Seconds; at most `every`, because one that is not over when the next is due has failed. */
  readonly deadline: number;
  /** HTTP: the status that is right; null: any from 200 to 399. */
  readonly status: number | null;
  /** WebSocket: what is sent at each probe; the first message after it is the answer. Null: the connection is kept, nothing is sent. */
  readonly send: string | null;
}
