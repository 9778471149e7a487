/** Queries to a Prometheus over a long time as one set of rows, fetched in pieces that both sides can bear. */
import { Problem } from '../problem.ts';
import type { Dataset, Row } from './dataset.ts';
import { emptyFor, type Matrix, rowsOf, SeriesNames } from './matrix.ts';
import type { Prometheus, Range } from './prometheus.ts';

/** Prometheus refuses more than 11,000 points a series in one answer (`maxPoints` of its `query_range`). */
const POINTS_MAX = 10_000;

/** Points of all series in one answer: some 5 MB of JSON. */
const ANSWER_POINTS = 200_000;

/** Enough to see which series there are before the pieces are cut. */
const FIRST_POINTS = 60;

export interface RangeOptions {
  readonly queries: readonly string[];
  readonly load: string | null;
  readonly restarts: string | null;
  readonly range: Range;
  readonly maxSeries: number;
}

/** Told after every piece: how many points of each series there are now, out of how many. */
export type Progress = (done: number, of: number) => void;

/** What series of these queries are called; the options of columns name them so. */
export const LOAD_METRIC = 'load';
export const RESTARTS_METRIC = 'restarts';

interface Query {
  readonly text: string;
  /** Name of its series; null: their own, or else the text of the query. */
  readonly metric: string | null;
}

/** Opens with the first piece that holds any series. Throws `PROMETHEUS`. */
export async function openRange(server: Prometheus, options: RangeOptions, progress: Progress = () => {}): Promise<Dataset> {
  const opened = new RangeDataset(server, options, progress);
  await opened.begin();
  return opened;
}

class RangeDataset implements Dataset {
  readonly place: string;
  readonly format = 'Prometheus';
  readonly axis = { kind: 'wall', text: 'epoch seconds' } as const;
  readonly firstTimes: readonly number[];
  readonly #server: Prometheus;
  readonly #options: RangeOptions;
  readonly #progress: Progress;
  readonly #queries: readonly Query[];
  readonly #names = new SeriesNames();
  readonly #warnings = new Set<string>();
  #first: readonly Matrix[] = [];
  /** Number of the first point that has not been fetched yet. */
  #next = 0;

  constructor(server: Prometheus, options: RangeOptions, progress: Progress) {
    const { from, step } = options.range;
    this.place = server.place;
    this.#server = server;
    this.#options = options;
    this.#progress = progress;
    this.#queries = [
      ...options.queries.map((text) => ({ text, metric: null })),
      ...(options.load === null ? [] : [{ text: options.load, metric: LOAD_METRIC }]),
      ...(options.restarts === null ? [] : [{ text: options.restarts, metric: RESTARTS_METRIC }]),
    ];
    this.firstTimes = [from, from + step];
  }

  get fields(): Dataset['fields'] {
    return this.#names.fields;
  }

  get notes(): readonly string[] {
    return [...this.#warnings].map((warning) => `Prometheus warned: ${warning}`);
  }

  async begin(): Promise<void> {
    for (let points = FIRST_POINTS; this.#next < this.#points; points = POINTS_MAX) {
      this.#first = await this.#fetch(points);
      if (this.#first.slice(0, this.#options.queries.length).some(({ found }) => found > 0)) break;
    }
    const own = this.#first.slice(0, this.#options.queries.length);
    if (own.every(({ found }) => found === 0))
      throw this.#problem(`the query found nothing in this time${emptyFor(this.#warnings)}${this.#hint()}`);
    this.#names.leaveOutSame(own.flatMap(({ series }) => series.map(({ labels: { __name__: _, ...rest } }) => rest)));
    this.#columns(this.#first);
  }

  async *rows(): AsyncIterable<readonly Row[]> {
    yield* this.#rowsOf(this.#first);
    this.#first = [];
    while (this.#next < this.#points) yield* this.#rowsOf(await this.#fetch(ANSWER_POINTS / Math.max(1, this.fields.length)));
  }

  get #points(): number {
    const { from, to, step } = this.#options.range;
    return Math.floor((to - from) / step) + 1;
  }

  /** The next piece of every query. */
  async #fetch(points: number): Promise<Matrix[]> {
    const { range, maxSeries } = this.#options;
    const { from, step } = range;
    const count = Math.max(1, Math.min(POINTS_MAX, Math.floor(points), this.#points - this.#next));
    const piece = { from: from + this.#next * step, to: from + (this.#next + count - 1) * step, step };
    this.#next += count;
    const matrices: Matrix[] = [];
    for (const { text } of this.#queries) matrices.push(await this.#server.range(text, piece, maxSeries));
    this.#progress(this.#next, this.#points);
    const found = matrices.reduce((sum, matrix) => sum + matrix.found, 0);
    if (found > maxSeries) throw this.#problem(this.#tooMany(String(found)));
    for (const matrix of matrices)
      for (const warning of matrix.warnings) if (this.#warnings.size < WARNINGS_MAX) this.#warnings.add(warning);
    return matrices;
  }

  #rowsOf(matrices: readonly Matrix[]): Iterable<readonly Row[]> {
    const columns = this.#columns(matrices);
    return rowsOf(
      matrices.flatMap(({ series }) => series),
      columns,
      this.fields.length,
    );
  }

  /** The field of every series. Over a long time series come and go: their number is capped as a whole. */
  #columns(matrices: readonly Matrix[]): number[] {
    const { maxSeries } = this.#options;
    const columns = matrices.flatMap(({ series }, q) => {
      const { text, metric } = this.#queries[q]!;
      return series.map(({ labels }) => {
        const { __name__: _, ...rest } = labels;
        return this.#names.indexOf(metric === null ? labels : rest, metric ?? text, maxSeries);
      });
    });
    if (columns.includes(-1)) throw this.#problem(this.#tooMany(`more than ${maxSeries}`));
    return columns;
  }

  #tooMany(found: string): string {
    const { maxSeries } = this.#options;
    return `the queries found ${found} series, and at most ${maxSeries} are taken; narrow them, aggregate them, or raise --max-series (up to 1000)`;
  }

  #hint(): string {
    const bare = this.#options.queries.find((query) => /^\w+$/.test(query));
    return bare === undefined ? '' : `: is ${bare} a metric of this server?`;
  }

  #problem(message: string): Problem {
    return new Problem('PROMETHEUS', { place: this.place, message });
  }
}

/** Warnings that are shown. */
const WARNINGS_MAX = 10;
