/** A saved answer to `query_range`, whole or its `data` alone, as `curl` and the browser save it. */
import type { Dataset, Row } from './dataset.ts';
import { emptyFor, type Matrix, readMatrix, rowsOf, SeriesNames } from './matrix.ts';
import { dataProblem } from './text.ts';

/** What a series without a name is called. */
const UNNAMED = 'value';

/** Throws `DATA`. @param pieces its text */
export async function openAnswer(path: string, pieces: AsyncIterable<string>, seriesMax: number): Promise<Dataset> {
  const matrix = await readMatrix(pieces, seriesMax);
  if (matrix === null) throw dataProblem(path, 'it is not a whole JSON text');
  refuse(path, matrix, seriesMax);
  const names = new SeriesNames();
  names.leaveOutSame(matrix.series.map(({ labels: { __name__: _, ...rest } }) => rest));
  const columns = matrix.series.map(({ labels }) => names.indexOf(labels, UNNAMED, seriesMax));
  const first = matrix.series.flatMap(({ times, length }) => Array.from(times.subarray(0, Math.min(length, FIRST))));
  return {
    place: path,
    format: 'query_range answer',
    axis: { kind: 'wall', text: 'epoch seconds' },
    fields: names.fields,
    firstTimes: [...new Set(first)].toSorted((a, b) => a - b),
    notes: matrix.warnings.map((warning) => `Prometheus warned: ${warning}`),
    async *rows(): AsyncIterable<readonly Row[]> {
      yield* rowsOf(matrix.series, columns, names.fields.length);
    },
  };
}

const FIRST = 200;

function refuse(path: string, { status, error, resultType, series, found, tooMany, warnings }: Matrix, seriesMax: number): void {
  if (status === 'error') throw dataProblem(path, `Prometheus answered with an error: ${error}`);
  if (resultType !== 'matrix') {
    const kind = resultType === '' ? 'not an answer of Prometheus' : `an answer of kind ${resultType}, which has one point a series`;
    throw dataProblem(path, `it is ${kind}; save one of /api/v1/query_range`);
  }
  if (found > seriesMax)
    throw dataProblem(path, `it has ${found} series, and at most ${seriesMax} are taken; --max-series takes up to 1000`);
  if (tooMany)
    throw dataProblem(path, 'it has more than 10 million points; ask the server itself with --prometheus, or with a longer step');
  if (series.every(({ length }) => length === 0)) throw dataProblem(path, `it has no points: the query found nothing${emptyFor(warnings)}`);
}
