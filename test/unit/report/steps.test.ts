import { expect, test } from 'vitest';
import type { Finding, VerdictSeries } from '../../../src/analysis/verdict.ts';
import { settleOf } from '../../../src/report/steps.ts';

const OPEN = { kind: 'leak', outcome: 'inconclusive' } as Finding;

const QUIET = {
  unit: 'By',
  grade: 'none',
  limit: null,
  slope: null,
  hoursToSettle: null,
  smallestDetectablePerHour: 247e6,
  floorPerHour: 12.2e6,
} as unknown as VerdictSeries;

const LIMIT = { value: 9e9, from: 'rule' };

test('what may be growing is settled by going on, whatever else is known', () => {
  const slope = { perHour: 14e9, lo: 12e9, hi: 16e9, confidence: 0.95 };
  expect(settleOf(OPEN, { ...QUIET, grade: 'suspected', limit: LIMIT, slope }, null)).toBe(
    'A longer run under the same load would settle it: growth of +14GB/h that goes on is confirmed, and growth that ends is none.',
  );
});

test('a limit is asked for only where none is known', () => {
  const seen = 'Growth of +12.2MB/h matters and +247MB/h can be seen: ';
  expect(settleOf(OPEN, QUIET, null)).toBe(`${seen}a longer run, a steadier load, or a known limit and --must-live would settle it.`);
  expect(settleOf(OPEN, { ...QUIET, limit: LIMIT }, null)).toBe(`${seen}a longer run or a steadier load would settle it.`);
});
