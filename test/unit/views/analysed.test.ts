/** How a judgement looks. The pages are golden files: `vitest -u` writes them anew; read the difference as a user would. */
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { Explanation } from '../../../src/analysis/explain.ts';
import type { Verdict, VerdictSeries } from '../../../src/analysis/verdict.ts';
import { type Analysed, explained, periodOf, report, whenOf } from '../../../src/views/analysed.ts';
import { chart } from '../../../src/views/chart.ts';

const golden = (name: string): string => fileURLToPath(new URL(`../../golden/analyze/${name}`, import.meta.url));

const HOUR = 3600;
const START = 1_760_000_000;
const MB = 1_000_000;

function series(id: string, rest: Partial<VerdictSeries> = {}): VerdictSeries {
  return {
    id: `data ${id}`,
    target: 'data',
    member: null,
    metric: id,
    unit: 'By',
    labels: {},
    gated: true,
    outcome: 'pass',
    grade: 'none',
    gradeHistory: [],
    class: 'flat',
    shape: 'flat',
    level: 300 * MB,
    limit: null,
    floorPerHour: 0.6 * MB,
    slope: { perHour: 0, lo: -0.1 * MB, hi: 0.1 * MB, confidence: 0.95 },
    perRequest: null,
    onset: null,
    exhaustion: null,
    smallestDetectablePerHour: 0.05 * MB,
    hoursToSettle: null,
    why: `data ${id} does not grow`,
    ...rest,
  };
}

/** A knee at 8 of 24 hours, 40 points, of which the first hour is warm-up. */
function evidence(): Explanation {
  const t = Float64Array.from({ length: 40 }, (_, i) => HOUR * (1 + (i * 23) / 39));
  const fitted = t.map((at) => 300 * MB + Math.max(0, at / HOUR - 8) * 4 * MB);
  const y = fitted.map((value, i) => value + (((i * 0.618) % 1) - 0.5) * 3 * MB);
  return {
    stream: 'floor',
    from: HOUR,
    to: 24 * HOUR,
    step: 2123,
    lives: 1,
    t,
    y,
    life: new Int32Array(40),
    fitted,
    level: 364 * MB,
    floor: 0.6 * MB,
    slope: { perHour: 4 * MB, lo: 3.8 * MB, hi: 4.2 * MB, confidence: 0.95 },
    shapes: [
      { kind: 'knee', weight: 0.93 },
      { kind: 'line+step', weight: 0.066 },
      { kind: 'line', weight: 0.004 },
    ],
    best: 'knee',
    bend: 8 * HOUR,
    noise: { deviation: 0.9 * MB, correlation: 0.34 },
    examined: true,
  };
}

const at = (hours: number): string => new Date((START + hours * HOUR) * 1000).toISOString();

const LEAK = series('rss_bytes', {
  outcome: 'fail',
  grade: 'confirmed',
  class: 'late',
  level: 364 * MB,
  limit: { value: 2000 * MB, from: 'rule rss_bytes < 2GB' },
  slope: { perHour: 4 * MB, lo: 3.8 * MB, hi: 4.2 * MB, confidence: 0.95 },
  onset: { at: at(8), lo: at(7), hi: at(9) },
  exhaustion: { at: at(24 + 409), lo: at(24 + 390), hi: at(24 + 430) },
  why: 'data rss_bytes grows 4 MB/h (95 %: 3.8 MB/h to 4.2 MB/h) since 08:00 (between 07:00 and 09:00), now 364 MB; it reaches its limit of 2 GB (rule rss_bytes < 2GB) in 17d1h (16d6h to 17d22h)',
});

const VERDICT: Verdict = {
  schema: 1,
  run: { id: 'analyze', start: at(0), end: at(24), planned: null, agent: '0', configHash: '' },
  outcome: 'fail',
  reasons: [LEAK.why],
  coverage: 1,
  work: { steady: true, stoppedAt: null },
  blind: [],
  series: [
    series('fds', { unit: '{count}', level: 41, slope: { perHour: 0, lo: -0.02, hi: 0.02, confidence: 0.95 } }),
    LEAK,
    series('vsz_bytes', {
      gated: false,
      level: 9e9,
      outcome: 'inconclusive',
      grade: 'suspected',
      class: 'linear',
      why: 'data vsz_bytes grows; suspected, not confirmed',
    }),
    series('latency_ms', {
      unit: 's',
      level: 0.0123,
      outcome: 'inconclusive',
      class: null,
      slope: null,
      why: 'too few samples yet to judge growth of data latency_ms',
      hoursToSettle: 9,
    }),
  ],
  capacity: [],
  findings: [],
  phases: [],
  events: [],
};

const ANALYSED: Analysed = {
  verdict: VERDICT,
  evidence: new Map([[LEAK.id, evidence()]]),
  title: 'october.csv: 1440 rows, one each 1m',
  when: whenOf('wall', START, 24 * HOUR),
  nameOf: (id) => id.replace('data ', ''),
  notes: ['time: epoch seconds in column time', '2 gaps in the data, which covers 97 % of its time'],
  others: [
    { name: 'rss_bytes', as: 'memory in bytes' },
    { name: 'vsz_bytes', as: 'memory in bytes, more than the process holds' },
    { name: 'host', as: 'text' },
    { name: 'note', as: 'text' },
  ],
};

const MEASURED = {
  t: Array.from({ length: 240 }, (_, i) => i * 360),
  y: Array.from(
    { length: 240 },
    (_, i) => (i < 10 ? 200 + i * 10 : 300) * MB + Math.max(0, i / 10 - 8) * 4 * MB + (((i * 0.382) % 1) - 0.5) * 8 * MB,
  ),
};

const SCREEN = { columns: 110, rows: 30, color: false };

describe('golden pages', () => {
  test('the table', async () => {
    await expect(`${report(ANALYSED, SCREEN, false).join('\n')}\n`).toMatchFileSnapshot(golden('table.txt'));
  });

  test('the table with evidence, in colour', async () => {
    await expect(`${report(ANALYSED, { ...SCREEN, color: true }, true).join('\n')}\n`).toMatchFileSnapshot(golden('evidence-colour.txt'));
  });

  test.each([
    ['explain.txt', SCREEN],
    ['explain-colour.txt', { ...SCREEN, color: true }],
    ['explain-narrow.txt', { columns: 60, rows: 10, color: false }],
  ])('%s', async (name, screen) => {
    await expect(`${explained(LEAK, evidence(), MEASURED, ANALYSED, screen).join('\n')}\n`).toMatchFileSnapshot(golden(name));
  });
});

// oxlint-disable-next-line no-control-regex -- the escape sequences of a terminal
const plain = (text: string): string => text.replaceAll(/\u001B\[\d+m/g, '');

test('colour adds nothing but colour', () => {
  const [bare, colored] = [false, true].map((color) => explained(LEAK, evidence(), MEASURED, ANALYSED, { ...SCREEN, color }));
  expect(colored!.map(plain)).toEqual(bare);
});

test('since when it grows is told where that was seen; else, in brackets, from when on it was judged', () => {
  const rowOf = (leak: VerdictSeries): string | undefined =>
    report({ ...ANALYSED, verdict: { ...VERDICT, series: [leak] } }, SCREEN, false).find((line) => line.startsWith('fail'));
  expect(rowOf(LEAK)).toMatch(/MB\/h {2}\d[-\d]+ \d\d:\d\d /);
  expect(rowOf({ ...LEAK, onset: null })).toMatch(/MB\/h {2}\(\d[-\d]+ \d\d:\d\d\) /);
});

test('a narrow table has shorter names, or fewer columns, and never half of what leaks', () => {
  const name = 'process_resident_memory_bytes{instance="10.0.0.1:8080"}';
  const long = { ...ANALYSED, nameOf: () => name, verdict: { ...VERDICT, series: [LEAK] } };
  const rows = [160, 124, 115, 98, 75].map((columns) => {
    const lines = report(long, { ...SCREEN, columns }, false);
    const row = lines.find((line) => line.startsWith('fail'))!;
    expect(row).toMatch(/ confirmed, \S+$/);
    expect(Array.from(row).length).toBeLessThanOrEqual(columns);
    return {
      row,
      titles: lines
        .find((line) => line.includes('series'))!
        .trim()
        .split(/ {2,}/),
    };
  });
  expect(rows.map(({ titles }) => titles.includes('95 % interval'))).toEqual([true, true, true, false, false]);
  expect(rows.map(({ titles }) => titles.includes('since'))).toEqual([true, true, true, true, false]);
  expect(rows[2]!.row.length).toBe(115);
});

test('what was analysed is no wider than the screen, in colour and without', () => {
  const title = '/var/lib/measurements/october/api-server.csv: 1440 rows, one each 1m, 2025-10-09 08:53 to 2025-10-10 08:52 (23h59m)';
  for (const color of [false, true]) {
    const lines = report({ ...ANALYSED, title }, { columns: 80, rows: 30, color }, false).map(plain);
    expect(lines.slice(0, 2)).toEqual([
      'FAIL  /var/lib/measurements/october/api-server.csv: 1440 rows, one each 1m,',
      '    2025-10-09 08:53 to 2025-10-10 08:52 (23h59m)',
    ]);
  }
});

test('what grows for certain and passes is told with what would matter', () => {
  const why =
    'data rss_bytes grows 0.4 MB/h (95 %: 0.3 MB/h to 0.5 MB/h) since 02:00 or before, now 300 MB; below the 0.6 MB/h that matter';
  const told = (slope: VerdictSeries['slope']): string => {
    const series = [{ ...LEAK, outcome: 'pass', grade: 'none', onset: null, slope, why } as const];
    return report({ ...ANALYSED, verdict: { ...VERDICT, outcome: 'pass', reasons: [], series } }, SCREEN, false).join('\n');
  };
  expect(told({ perHour: 0.4 * MB, lo: 0.3 * MB, hi: 0.5 * MB, confidence: 0.95 })).toContain('Why\n  rss_bytes grows 0.4 MB/h');
  expect(told({ perHour: 0.1 * MB, lo: -0.3 * MB, hi: 0.5 * MB, confidence: 0.95 })).not.toContain('Why');
});

describe('a chart', () => {
  const { t, y, life, fitted } = evidence();
  const plot = { measured: { t: [], y: [] }, judged: { t, y, life, fitted }, unit: 'By', from: 0, bend: null, when: String };

  test('is never wider than the screen', () => {
    for (const columns of [40, 60, 80, 200]) {
      for (const line of chart(plot, { columns, rows: 16, color: false })) expect(Array.from(line).length).toBeLessThanOrEqual(columns);
    }
  });

  test('draws constants, single points and nothing at all', () => {
    const one = Float64Array.of(5);
    const constant = { t: Float64Array.of(0, 10), y: Float64Array.of(7, 7), life: new Int32Array(2), fitted: Float64Array.of(7, 7) };
    const single = { t: one, y: one, life: new Int32Array(1), fitted: one };
    const none = { t: new Float64Array(), y: new Float64Array(), life: new Int32Array(), fitted: new Float64Array() };
    for (const judged of [constant, single, none]) {
      const lines = chart({ ...plot, judged }, { columns: 60, rows: 12, color: false });
      expect(lines.join('\n')).not.toMatch(/NaN|Infinity|undefined/);
      expect(lines.join('').includes('●')).toBe(judged !== none);
    }
  });

  test('joins no lives', () => {
    const lives = {
      t: Float64Array.of(0, 10, 90, 100),
      y: Float64Array.of(0, 1, 0, 1),
      life: Int32Array.of(0, 0, 1, 1),
      fitted: Float64Array.of(0, 1, 0, 1),
    };
    const lines = chart({ ...plot, judged: lives }, { columns: 100, rows: 10, color: false });
    for (const line of lines.slice(0, -2)) expect(line.slice(30, 70).trim()).toBe('');
  });
});

describe('times', () => {
  test('as dates, as times of day when short, as hours of the data', () => {
    expect(whenOf('wall', START, 24 * HOUR)(HOUR)).toBe('2025-10-09 09:53');
    expect(whenOf('wall', START, HOUR)(60)).toBe('08:54:20');
    expect(whenOf('elapsed', 100, HOUR)(60)).toBe('0:02:40');
    expect(whenOf('elapsed', 0, 100 * HOUR)(50 * HOUR)).toBe('50:00');
  });

  test('a period has its date, however short it is', () => {
    expect(periodOf('wall', START, HOUR)).toBe('2025-10-09 08:53:20 to 09:53:20');
    expect(periodOf('wall', START + 14.5 * HOUR, HOUR)).toBe('2025-10-09 23:23:20 to 2025-10-10 00:23:20');
    expect(periodOf('wall', START, 24 * HOUR)).toBe('2025-10-09 08:53 to 2025-10-10 08:53');
    expect(periodOf('elapsed', 100, HOUR)).toBe('0:01:40 to 1:01:40');
  });
});
