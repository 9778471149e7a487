import { describe, expect, test } from 'vitest';
import type { Explanation } from '../../../src/analysis/explain.ts';
import type { VerdictSeries } from '../../../src/analysis/verdict.ts';
import { fitOf } from '../../../src/report/chart.ts';
import type { Fit } from '../../../src/report/value.ts';

const HOUR = 3600;

/** Ten hours of 10 an hour from 100 on, judged from the first on. */
const LINE = {
  t: Array.from({ length: 11 }, (_, i) => i * HOUR),
  fitted: Array.from({ length: 11 }, (_, i) => 100 + 10 * i),
  life: Array.from({ length: 11 }, () => 0),
  from: 0,
  to: 10 * HOUR,
  lives: 1,
  stream: 'means',
  noise: { deviation: 1 },
  shapes: [],
  bend: null,
} as unknown as Explanation;

/** @param hours until the limit is said to be reached, a little less than the line takes */
function forecast(hours: number | null): NonNullable<Fit['forecast']> {
  const judged = {
    slope: { perHour: 10, lo: 9, hi: 11, confidence: 0.95 },
    limit: hours === null ? null : { value: 200 + 10 * hours, from: 'rule' },
    exhaustion: hours === null ? null : { at: String((10 + hours - 0.1) * HOUR) },
    outcome: 'fail',
    grade: 'confirmed',
    onset: null,
  } as unknown as VerdictSeries;
  return fitOf(LINE, judged, Number).forecast!;
}

describe('a forecast', () => {
  test.each([3, 5.5, 9.9])('leads to a limit that is reached within as long as was judged, as in %s hours', (hours) => {
    expect(forecast(hours).y.at(-1)).toBeCloseTo(200 + 10 * hours, 6);
  });

  test.each([null, 11, 1000])('is half as long as what was judged where none is reached until then (%s)', (hours) => {
    expect(forecast(hours).t.at(-1)).toBe(15 * HOUR);
  });

  test('is seen even where the limit is', () => expect(forecast(0.5).t.at(-1)).toBe(11.25 * HOUR));
});
