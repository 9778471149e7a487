/** Answers of the Prometheus HTTP API to `query_range`: series of points. Source: prometheus.io, HTTP API, "Range queries". */
import { cut } from '../problem.ts';
import { isMeasured } from '../tick.ts';
import type { Row } from './dataset.ts';
import { JsonReader, type Path, type Scalar } from './json.ts';
import type { Field } from './meaning.ts';

/** Points of all series of one answer: 160 MB of times and values outside of the heap. */
const POINTS_MAX = 10_000_000;

/** Series are counted up to here to say how many there are. */
const COUNTED_MAX = 100_000;

export interface MatrixSeries {
  readonly labels: Record<string, string>;
  times: Float64Array;
  values: Float64Array;
  length: number;
}

export interface Matrix {
  readonly series: MatrixSeries[];
  /** All series of the answer, also those beyond the cap, which have no points. */
  found: number;
  status: string;
  resultType: string;
  error: string;
  readonly warnings: string[];
  /** More points than can be held. */
  tooMany: boolean;
}

/** Null for what is no whole JSON text. */
export async function readMatrix(pieces: AsyncIterable<string>, seriesMax: number): Promise<Matrix | null> {
  const matrix: Matrix = { series: [], found: 0, status: '', resultType: '', error: '', warnings: [], tooMany: false };
  const builder = new Builder(matrix, seriesMax);
  const reader = new JsonReader((path, value) => builder.take(path, value));
  for await (const piece of pieces) {
    if (!reader.push(piece)) return null;
    if (matrix.tooMany || matrix.found > COUNTED_MAX) return matrix;
  }
  return reader.ended ? matrix : null;
}

/** What an answer without a point may owe that to. */
export function emptyFor(warnings: Iterable<string>): string {
  const told = [...warnings].slice(0, TOLD_MAX).map(cut);
  return told.length === 0 ? '' : ` (Prometheus warned: ${told.join('; ')})`;
}

const TOLD_MAX = 3;

class Builder {
  readonly #matrix: Matrix;
  readonly #seriesMax: number;
  #time = NaN;
  #points = 0;

  constructor(matrix: Matrix, seriesMax: number) {
    this.#matrix = matrix;
    this.#seriesMax = seriesMax;
  }

  /** A saved answer may be the whole of it or its `data` alone. */
  take(path: Path, value: Scalar): void {
    const at = path[0] === 'data' ? 1 : 0;
    const key = path[at];
    if (key === 'result') this.#result(path, at + 1, value);
    else if (key === 'resultType') this.#matrix.resultType = String(value);
    else if (key === 'status') this.#matrix.status = String(value);
    else if (key === 'error') this.#matrix.error = String(value);
    else if (key === 'warnings' || key === 'infos') this.#matrix.warnings.push(String(value));
  }

  #result(path: Path, at: number, value: Scalar): void {
    const index = path[at];
    if (typeof index !== 'number') return;
    const matrix = this.#matrix;
    matrix.found = Math.max(matrix.found, index + 1);
    if (index >= this.#seriesMax) return;
    while (matrix.series.length <= index)
      matrix.series.push({ labels: {}, times: new Float64Array(64), values: new Float64Array(64), length: 0 });
    const series = matrix.series[index]!;
    if (path[at + 1] === 'metric' && path.length === at + 3) series.labels[String(path[at + 2])] = String(value);
    if (path[at + 1] !== 'values' || path.length !== at + 4) return;
    if (path[at + 3] === 0) this.#time = typeof value === 'number' ? value : NaN;
    else if (path[at + 3] === 1) this.#point(series, Number(value));
  }

  /** What is no measurement is a gap. */
  #point(series: MatrixSeries, value: number): void {
    if (!Number.isFinite(this.#time)) return;
    if (++this.#points > POINTS_MAX) this.#matrix.tooMany = true;
    if (series.length === series.times.length) {
      series.times = grown(series.times);
      series.values = grown(series.values);
    }
    series.times[series.length] = this.#time;
    series.values[series.length++] = isMeasured(value) ? value : NaN;
  }
}

function grown(from: Float64Array): Float64Array {
  const to = new Float64Array(from.length * 2);
  to.set(from);
  return to;
}

/** Series of one or several queries as fields with names that tell them apart. */
export class SeriesNames {
  readonly fields: Field[] = [];
  readonly #index = new Map<string, number>();
  readonly #names = new Set<string>();
  #same: ReadonlySet<string> | null = null;

  /** Index of the field of this series; -1 beyond `max`. @param metric what it is called where it has no name of its own */
  indexOf(labels: Readonly<Record<string, string>>, metric: string, max: number): number {
    const key = JSON.stringify([metric, Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1))]);
    const known = this.#index.get(key);
    if (known !== undefined) return known;
    if (this.fields.length >= max) return -1;
    const { __name__: own, ...rest } = labels;
    const name = own ?? metric;
    const telling = Object.fromEntries(Object.entries(rest).filter(([label]) => !this.#same?.has(label)));
    const shown = this.#names.has(spelled(name, telling)) ? rest : telling;
    this.#names.add(spelled(name, shown));
    this.#index.set(key, this.fields.length);
    return this.fields.push({ name: spelled(name, shown), metric: name, labels: shown, isText: false, unit: null }) - 1;
  }

  /** Labels that are the same for all series that begin the data tell nothing; called before the first `indexOf`. */
  leaveOutSame(all: readonly Readonly<Record<string, string>>[]): void {
    const first = all[0] ?? {};
    this.#same ??= new Set(Object.keys(first).filter((label) => all.every((labels) => labels[label] === first[label])));
  }
}

function spelled(name: string, labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}=${JSON.stringify(value)}`);
  return pairs.length === 0 ? name : `${name}{${pairs.join(',')}}`;
}

/** Rows handed on at once. */
const BATCH = 512;

/** Points of all series, by time. @param columns index of the field of each series */
export function* rowsOf(series: readonly MatrixSeries[], columns: readonly number[], width: number): Iterable<readonly Row[]> {
  const next = new Uint32Array(series.length);
  let rows: Row[] = [];
  for (let time = soonest(series, next); time < Infinity; time = soonest(series, next)) {
    const values = Array.from({ length: width }, () => NaN);
    for (let s = 0; s < series.length; s++) {
      const { times, values: own, length } = series[s]!;
      if (next[s]! >= length || times[next[s]!] !== time) continue;
      if (columns[s]! >= 0) values[columns[s]!] = own[next[s]!]!;
      next[s]!++;
    }
    rows.push({ time, values });
    if (rows.length < BATCH) continue;
    yield rows;
    rows = [];
  }
  if (rows.length > 0) yield rows;
}

function soonest(series: readonly MatrixSeries[], next: Uint32Array): number {
  let time = Infinity;
  for (let s = 0; s < series.length; s++) if (next[s]! < series[s]!.length) time = Math.min(time, series[s]!.times[next[s]!]!);
  return time;
}
