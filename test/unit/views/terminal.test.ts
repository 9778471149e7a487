import { describe, expect, test } from 'vitest';
import type { Verdict, VerdictSeries } from '../../../src/analysis/verdict.ts';
import { showRange, showRate, showValue } from '../../../src/views/quantities.ts';
import { table } from '../../../src/views/table.ts';
import { minuteLine, type LiveFigures, summary } from '../../../src/views/terminal.ts';

const PLAIN = { columns: 120, rows: 24, color: false };

const MEMORY: VerdictSeries = {
  id: 'api memory.private',
  target: 'api',
  member: null,
  metric: 'soak.process.memory.private',
  unit: 'By',
  labels: {},
  gated: true,
  outcome: 'fail',
  grade: 'confirmed',
  gradeHistory: [],
  class: null,
  shape: null,
  level: 112e6,
  limit: { value: 300e6, from: 'rule memory.private < 300MB' },
  floorPerHour: 1e6,
  slope: { perHour: 2.35e9, lo: 2.3e9, hi: 2.4e9, confidence: 0.95 },
  perRequest: null,
  onset: null,
  exhaustion: null,
  smallestDetectablePerHour: 5e6,
  hoursToSettle: null,
  why: 'api memory.private grows',
};

const QUIET: VerdictSeries = {
  ...MEMORY,
  id: 'api size',
  metric: 'x',
  gated: false,
  outcome: 'pass',
  grade: 'none',
  slope: null,
  limit: null,
};
const THREADS: VerdictSeries = { ...QUIET, id: 'api threads', unit: '{thread}', gated: true, level: 7, outcome: 'pass' };

const VERDICT: Verdict = {
  schema: 1,
  run: { id: 'abc', start: '2026-01-01T00:00:00.000Z', end: '2026-01-01T00:02:00.000Z', planned: null, agent: '0', configHash: 'x' },
  outcome: 'fail',
  reasons: ['api memory.private grows'],
  coverage: 0.999,
  work: { steady: true, stoppedAt: null },
  blind: [
    { target: 'api', metric: 'a', reason: 'no right' },
    { target: 'api', metric: 'b', reason: 'no right' },
    { target: null, metric: 'c', reason: 'no such file' },
  ],
  series: [QUIET, THREADS, MEMORY],
  capacity: [],
  findings: [
    {
      id: '1',
      kind: 'leak',
      outcome: 'fail',
      target: 'api',
      series: [],
      from: null,
      to: null,
      why: 'api memory.private grows',
      evidence: {},
    },
    { id: '2', kind: 'rule', outcome: 'fail', target: 'api', series: [], from: null, to: null, why: 'a rule is broken', evidence: {} },
  ],
  phases: [],
  events: [],
};

const FIGURES: LiveFigures = { now: 60, plannedEnd: 120, current: () => 113e6 };

test.each([
  [112e6, 'By', '112MB'],
  [0.25, '1', '25%'],
  [7, '{thread}', '7'],
  [90, 's', '1m30s'],
  [-90, 's', '-1m30s'],
  [null, 'By', '–'],
  [Number.NaN, 'By', '–'],
] as const)('%s %s is shown as %s', (value, unit, text) => expect(showValue(value, unit)).toBe(text));

test.each([
  [2.5e6, 'By', '+2.5MB/h'],
  [-1, '{thread}', '-1/h'],
  [-1e-12, '{thread}', '0/h'],
  [0, 'By', '0B/h'],
  [null, 'By', '–'],
] as const)('a rate of %s %s is shown as %s', (value, unit, text) => expect(showRate(value, unit)).toBe(text));

test('a range names the unit once', () => expect(showRange(1e6, 3e6, 'By')).toBe('+1MB to +3MB/h'));

test('columns line up and rows end at the edge', () => {
  expect(
    table(
      [
        ['a', '1'],
        ['bcd', '22'],
      ],
      80,
      new Set([1]),
    ),
  ).toEqual(['a     1', 'bcd  22']);
  expect(table([['abcdefgh']], 5)).toEqual(['abcd…']);
});

describe('summary', () => {
  const lines = summary(VERDICT, PLAIN);

  test('says the verdict first, and each thing once', () => {
    expect(lines[0]).toBe('FAIL after 2m, 99 % of the samples taken');
    expect(lines.filter((line) => line.includes('api memory.private grows'))).toHaveLength(1);
    expect(lines).toContain('- a rule is broken');
  });

  test('breaks lines between words on a terminal, and nowhere else', () => {
    const reason = 'api memory.private may or may not grow, so that a longer run would settle it';
    const long = { ...VERDICT, reasons: [reason] };
    expect(summary(long, { ...PLAIN, columns: 51 })).toContain(`  ${reason}`);
    const onTerminal = summary(long, { ...PLAIN, columns: 51, wraps: true });
    expect(onTerminal).toContain('  api memory.private may or may not grow, so that a');
    expect(onTerminal).toContain('    longer run would settle it');
  });

  test('says how long a run that goes on has been judged', () => {
    const goesOn = { ...VERDICT, run: { ...VERDICT.run, end: null } };
    expect(summary(goesOn, PLAIN, 600)[0]).toBe('FAIL so far, after 10m, 99 % of the samples taken');
    expect(summary(goesOn, PLAIN)[0]).toContain('FAIL after an unknown time');
  });

  test('lists gated series, worst first, and quiet advisory ones not at all', () => {
    const at = (text: string): number => lines.findIndex((line) => line.includes(text));
    expect(at('112MB')).toBeGreaterThan(0);
    expect(at('112MB')).toBeLessThan(at('api threads'));
    expect(at('api size')).toBe(-1);
  });

  test('names what could not be read, a line per reason', () => {
    expect(lines.slice(-2)).toEqual(['- api: a, b: no right', '- host: c: no such file']);
  });
});

test('a line a minute says how it stands and what matters most', () => {
  expect(minuteLine(VERDICT, FIGURES)).toBe('1m, 1m left  fail so far  api memory.private 113MB +2.35GB/h; api threads 113000000');
});
