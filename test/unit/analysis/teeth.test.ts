/** Climbs that are given back are no growth; what is not given back is. Whole runs are in `teeth.long.test.ts`. */
import { describe, expect, test } from 'vitest';
import { isTooth } from '../../../src/analysis/teeth.ts';
import { white } from '../../sim/series.ts';

const N = 44;
const noise = white(11, 1);

const seen = (signal: (i: number) => number): boolean => isTooth(Float64Array.from({ length: N }, (_, i) => 300 + signal(i) + noise(i)));
/** Climbs by 8 a point and falls back to 0 every `period` points, the first time after `first`. */
const teeth = (first: number, period: number) => (i: number) => 8 * ((i + period - first) % period);

describe('a tooth', () => {
  test.each([
    ['of two, cut in the middle by where judging begins', teeth(10, 22)],
    ['as high as the one before', teeth(20, 24)],
    ['of four', teeth(6, 12)],
    ['that has just been given back', teeth(20, 23)],
    ['half as high again as the one before, nearly', (i: number) => 8 * (i < 16 ? i : i - 16 - 6)],
  ])('%s', (_, signal) => expect(seen(signal)).toBe(true));

  test.each([
    ['a line', (i: number) => 8 * i],
    ['noise', () => 0],
    ['a step up', (i: number) => (i < 20 ? 0 : 160)],
    ['a step down', (i: number) => (i < 20 ? 160 : 0)],
    ['growth after a higher start', (i: number) => (i < 6 ? 400 : 8 * i)],
    ['growth after a batch', (i: number) => 2 * i + (i > 10 && i < 16 ? 200 : 0)],
    ['a climb far beyond the earlier top', (i: number) => 8 * (i < 10 ? i : i - 10)],
    ['a line of which a part was given back once', (i: number) => 8 * i - (i < 20 ? 0 : 80)],
    ['teeth whose floors rise', (i: number) => teeth(6, 12)(i) + 2 * i],
    ['slow growth after a sudden fall of many times as much', (i: number) => 2 * i - (i < 22 ? 0 : 300)],
  ])('is not %s', (_, signal) => expect(seen(signal)).toBe(false));

  test('needs more than a handful of points', () => expect(isTooth(Float64Array.of(1, 2, 3, 1, 2, 3, 1))).toBe(false));
});
