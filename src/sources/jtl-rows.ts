/** What a row of results says, whichever tool wrote the file: JMeter one for each sample, Locust one a second with totals. */
import { failureOfStatus, failureOfText } from '../traffic/failure.ts';
import { operationName } from '../series.ts';
import type { Failure } from '../traffic/window.ts';

/** One sample, or several that JMeter put into one row. */
export interface Result {
  /** Seconds since the epoch by the clock of who asked. */
  readonly end: number;
  /** Seconds; of several their mean. */
  readonly elapsed: number;
  readonly operation: string | null;
  readonly count: number;
  readonly errors: number;
  readonly failure: Failure | null;
  readonly users: number | null;
}

/** How JMeter's transaction controllers say what they are. Source: TransactionController.java, NUMBER_OF_SAMPLES_IN_TRANSACTION_PREFIX. */
const PARENT = /^Number of samples in transaction : \d+/;

/** From 2001 to 2286 in milliseconds: anything else is no time as we read it. */
const MILLIS = /^\d{12,13}$/;

export class JmeterRows {
  readonly #columns: ReadonlyMap<string, number>;
  /** There are rows of samples, so that rows of transactions say the same again. */
  #hasSamples = false;

  constructor(header: readonly string[]) {
    this.#columns = columnsOf(header);
  }

  /** Null: a row that says nothing new. `unreadable`: one that cannot be understood. */
  read(row: readonly string[]): Result | 'unreadable' | null {
    const field = (name: string): string => row[this.#columns.get(name) ?? -1] ?? '';
    const [start, elapsed] = [field('timestamp'), field('elapsed')];
    if (!MILLIS.test(start) || !/^\d+$/.test(elapsed)) return 'unreadable';
    if (this.#isParent(row)) {
      if (this.#hasSamples) return null;
    } else this.#hasSamples = true;
    const count = Math.max(1, wholeOf(field('samplecount')) ?? 1);
    const failed = field('success').toLowerCase() === 'false';
    const users = wholeOf(field('allthreads'));
    return {
      end: (Number(start) + Number(elapsed)) / 1000,
      elapsed: Number(elapsed) / 1000 / count,
      operation: operationName(field('label')),
      count,
      errors: failed ? Math.max(1, wholeOf(field('errorcount')) ?? 1) : 0,
      failure: failureOf(field('responsecode'), failed),
      users,
    };
  }

  /**
   * Transaction controllers write a row of their own after those of their samples, or in the place of them ("generate parent sample"):
   * known by their message, and where messages are not saved by having neither a type of data nor a URL in a file that has both columns.
   */
  #isParent(row: readonly string[]): boolean {
    const message = this.#columns.get('responsemessage');
    if (message !== undefined) return PARENT.test(row[message] ?? '');
    const [type, url] = [this.#columns.get('datatype'), this.#columns.get('url')];
    return type !== undefined && url !== undefined && (row[type] ?? '') === '' && ['', 'null'].includes(row[url] ?? '');
  }
}

/** Names in any case, without what may stand around them. */
function columnsOf(header: readonly string[]): Map<string, number> {
  return new Map(header.map((name, i) => [name.trim().toLowerCase(), i]));
}

function failureOf(code: string, failed: boolean): Failure | null {
  const status = /^\d{3}$/.test(code) ? failureOfStatus(Number(code)) : null;
  if (status !== null || !failed) return status;
  // An answer that is no error in itself was found wanting by an assertion.
  return code === '' || /^[1-3]\d\d$/.test(code) ? 'check' : failureOfText(code);
}

function wholeOf(text: string): number | null {
  return /^\d{1,12}$/.test(text) ? Number(text) : null;
}

/** Totals of everything, or of one name, as Locust's history has them. */
export interface Totals {
  /** Seconds since the epoch. */
  readonly at: number;
  /** Null: of everything. */
  readonly operation: string | null;
  readonly requests: number;
  readonly errors: number;
  /** Seconds over all requests so far. */
  readonly sum: number;
  readonly users: number | null;
  /** Seconds, of the last ten seconds; null when the file has them since the start, which says nothing of now. */
  readonly quantiles: Readonly<Record<string, number>> | null;
}

const PERCENTILES = [
  ['50%', '0.5'],
  ['90%', '0.9'],
  ['95%', '0.95'],
  ['99%', '0.99'],
] as const;

/** `<prefix>_stats_history.csv` of Locust. */
export class LocustRows {
  readonly #columns: ReadonlyMap<string, number>;
  /** Rows by name are there only with --csv-full-history, which also makes the percentiles those of the last ten seconds. */
  #isFull = false;

  constructor(header: readonly string[]) {
    this.#columns = columnsOf(header);
  }

  read(row: readonly string[]): Totals | 'unreadable' {
    const field = (name: string): string => row[this.#columns.get(name) ?? -1] ?? '';
    const number = (name: string): number => (/^[\d.]+$/.test(field(name)) ? Number(field(name)) : Number.NaN);
    const [at, requests, errors] = [number('timestamp'), number('total request count'), number('total failure count')];
    const mean = number('total average response time');
    if (![at, requests, errors, mean].every(Number.isFinite)) return 'unreadable';
    const isAll = field('name') === 'Aggregated';
    this.#isFull ||= !isAll;
    const told = PERCENTILES.flatMap(([column, name]) => (Number.isFinite(number(column)) ? [[name, number(column) / 1000] as const] : []));
    return {
      at,
      operation: isAll ? null : operationName(`${field('type')} ${field('name')}`.trim()),
      requests,
      errors,
      sum: (mean / 1000) * requests,
      users: Number.isFinite(number('user count')) ? number('user count') : null,
      quantiles: this.#isFull && told.length > 0 ? Object.fromEntries(told) : null,
    };
  }
}
