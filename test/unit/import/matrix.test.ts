import { expect, test } from 'vitest';
import type { Row } from '../../../src/import/dataset.ts';
import { type Matrix, readMatrix, rowsOf, SeriesNames } from '../../../src/import/matrix.ts';

async function read(object: unknown, piece = 7, max = 10): Promise<Matrix | null> {
  const text = typeof object === 'string' ? object : JSON.stringify(object);
  const pieces = async function* (): AsyncIterable<string> {
    for (let at = 0; at < text.length; at += piece) yield await Promise.resolve(text.slice(at, at + piece));
  };
  return readMatrix(pieces(), max);
}

function rows(matrix: Matrix): Row[] {
  return [
    ...rowsOf(
      matrix.series,
      matrix.series.map((_, i) => i),
      matrix.series.length,
    ),
  ].flat();
}

const RESULT = [
  { metric: { __name__: 'm', pod: 'a' }, values: [[10, '1'], [20, 'NaN'], [30, '0']] }, // prettier-ignore
  { metric: { __name__: 'm', pod: 'b' }, values: [[20, '5'], [25.5, '+Inf'], [30, '6.5e1'], [40, '1.7976931348623157e308']] }, // prettier-ignore
];
const EXPECTED = [
  { time: 10, values: [1, NaN] },
  { time: 20, values: [NaN, 5] },
  { time: 25.5, values: [NaN, NaN] },
  { time: 30, values: [0, 65] },
  { time: 40, values: [NaN, NaN] },
];

test('series of different times are rows; what is stale or infinite is absent, a zero is a zero', async () => {
  for (const answer of [
    { status: 'success', data: { resultType: 'matrix', result: RESULT } },
    { resultType: 'matrix', result: RESULT },
  ]) {
    const matrix = await read(answer);
    expect(matrix).toMatchObject({ found: 2, resultType: 'matrix' });
    expect(rows(matrix!)).toEqual(EXPECTED);
    expect(matrix!.series.map(({ labels }) => labels)).toEqual(RESULT.map(({ metric }) => metric));
  }
});

test('series beyond the cap are counted, not kept', async () => {
  const result = Array.from({ length: 30 }, (_, i) => ({ metric: { i: String(i) }, values: [[1, '2']] }));
  const matrix = await read({ data: { resultType: 'matrix', result } });
  expect([matrix?.found, matrix?.series.length]).toEqual([30, 10]);
});

test('errors and warnings are kept, what is no JSON is null', async () => {
  expect(await read({ status: 'error', errorType: 'x', error: 'why' })).toMatchObject({ status: 'error', error: 'why' });
  expect((await read({ status: 'success', warnings: ['w'], infos: ['i'] }))?.warnings).toEqual(['w', 'i']);
  expect(await read('<html>')).toBeNull();
  expect(await read('{"data":')).toBeNull();
});

test('names leave out what is the same for all, until they need it', () => {
  const names = new SeriesNames();
  const series = [{ job: 'x', pod: 'a' }, { job: 'x', pod: 'b' }]; // prettier-ignore
  names.leaveOutSame(series);
  const indices = [...series, { job: 'y', pod: 'a' }, series[0]!].map((labels) => names.indexOf({ __name__: 'm', ...labels }, 'q', 10));
  expect(indices).toEqual([0, 1, 2, 0]);
  expect(names.fields.map(({ name }) => name)).toEqual(['m{pod="a"}', 'm{pod="b"}', 'm{job="y",pod="a"}']);
  expect(names.indexOf({}, 'sum(m)', 10)).toBe(3);
  expect(names.fields[3]).toMatchObject({ name: 'sum(m)', metric: 'sum(m)' });
  expect(names.indexOf({ other: '1' }, 'sum(m)', 4)).toBe(-1);
});
