import { expect, test } from 'vitest';
import type { Finding, VerdictSeries } from '../../../src/analysis/verdict.ts';
import { settleOf, stepsOf } from '../../../src/report/steps.ts';

const OPEN = { kind: 'leak', outcome: 'inconclusive', evidence: {} } as Finding;

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

test('memory that may be full needs room, and one that may grow needs time', () => {
  const full = { ...OPEN, evidence: { collectionsFrom: 0.04, collectionsTo: 0.31 } };
  const flat = { ...QUIET, slope: { perHour: 0, lo: -1e6, hi: 1e6, confidence: 0.95 } };
  expect(settleOf(full, flat, null)).toMatch(/^A run with more room in the heap/);
  expect(settleOf(full, { ...flat, slope: { ...flat.slope, hi: 20e6 } }, null)).toMatch(/^Growth of/);
  expect(settleOf(OPEN, flat, null)).toMatch(/^Growth of/);
});

test('growth that decides nothing has its steps, too, and what is only worth a word has none', () => {
  const noted = { ...OPEN, outcome: 'pass' } as Finding;
  expect(stepsOf(noted, { ...QUIET, class: 'shared memory', onset: null })[0]).toMatch(/segments/);
  expect(stepsOf({ ...noted, kind: 'diagnosis' }, null)).toEqual([]);
});
