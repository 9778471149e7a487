import { describe, expect, test } from 'vitest';
import { readClock, readDate, slashesOf } from '../../../src/import/dates.ts';
import { axisOf, timeColumn } from '../../../src/import/times.ts';

const T = 1_760_000_000; // 2025-10-09T08:53:20Z

describe('dates', () => {
  test.each([
    ['2025-10-09T08:53:20Z', T],
    ['2025-10-09 08:53:20', T],
    ['2025-10-09T10:53:20+02:00', T],
    ['2025-10-09T10:53:20+0200', T],
    ['2025-10-09 08:53:20.250 UTC', T + 0.25],
    ['2025-10-09 08:53:20,250', T + 0.25],
    ['2025-10-09 08:53', T - 20],
    ['20251009085320', T],
    ['202510090853', T - 20],
    ['20251009T085320Z', T],
    ['09-Oct-2025 08:53:20', T],
    ['09/Oct/2025:10:53:20 +0200', T],
    ['Oct 9, 2025 08:53:20', T],
    ['October 9, 2025, 8:53:20 AM', T],
    ['Thu, 09 Oct 2025 08:53:20 GMT', T],
    ['Thu Oct  9 08:53:20 2025', T],
    ['Thu Oct  9 08:53:20 UTC 2025', T],
    ['2025-10-09', T - 32_000],
    ['09.10.2025', T - 32_000],
    ['9.10.2025 8:53', T - 20],
    ['9.10.2025, 08:53:20', T],
    ['09.10.2025,08:53', T - 20],
    ['2025-10-09, 8:53:20 AM', T],
    ['9.10.2025,', NaN],
    ['2025/10/09 08:53:20', T],
    ['2025-10-09 8:53:20 AM', T],
    ['2025-10-09 8:53:20 pm', T + 43_200],
    ['10/9/2025 8:53', NaN],
    ['2025-13-40', NaN],
    ['soon', NaN],
    ['', NaN],
  ])('%s', (text, seconds) => {
    expect(readDate(text)).toBe(seconds);
  });
});

test('slashes are read where a day above twelve tells the order', () => {
  expect(slashesOf(['10/9/2025 8:53', '10/10/2025 8:53'])).toBe('unknown');
  expect(slashesOf(['13/10/2025', '10/13/2025'])).toBe('unknown');
  expect(slashesOf(['2025-10-09'])).toBeNull();
  const american = slashesOf(['10/9/2025 8:53', '10/13/2025 8:53']);
  const british = slashesOf(['9/10/2025 8:53', '13/10/2025 8:53']);
  for (const [read, cell] of [
    [american, '10/9/2025 8:53'],
    [british, '9/10/2025 8:53'],
  ] as const)
    // prettier-ignore
    expect(typeof read === 'function' && read(cell)).toBe(T - 20);
});

test.each([
  ['08:53:20', 32_000],
  ['0:00:00.5', 0.5],
  ['30:00:00', 108_000],
  ['12:00:01 AM', 1],
  ['12:00:01 PM', 43_201],
  ['08:53', NaN],
])('the time of a day: %s', (text, seconds) => {
  expect(readClock(text)).toBe(seconds);
});

describe('time columns', () => {
  test.each([
    ['t', ['0', '1', '2'], null, 'elapsed', 2, 'seconds from the start'],
    ['t_ms', ['0', '500'], null, 'elapsed', 0.5, 'ms from the start'],
    ['elapsed', ['0', '2'], 'min', 'elapsed', 120, 'min from the start'],
    ['ts', [String(T)], null, 'wall', T, 'epoch seconds'],
    ['ts', [`${T}000`], null, 'wall', T, 'epoch milliseconds'],
    ['ts', [`${T}000000`], null, 'wall', T, 'epoch microseconds'],
    ['ts', [`${T}000000000`], null, 'wall', T, 'epoch nanoseconds'],
    ['time', ['2025-10-09T08:53:20Z'], null, 'wall', T, 'RFC 3339'],
    ['time', ['8:53:10', '8:53:20'], null, 'elapsed', 32_000, 'hours, minutes and seconds'],
    ['time', ['20251009085310', '20251009085320'], null, 'wall', T, 'date and time without a zone, taken as UTC,'],
    ['time', ['20251009T085320Z'], null, 'wall', T, 'RFC 3339'],
    ['date', ['20251008', '20251009'], null, 'wall', T - 32_000, 'date and time without a zone, taken as UTC,'],
    ['(PDH-CSV 4.0) (CET)(-60)', ['10/09/2025 08:53:20.000'], null, 'wall', T, 'date and time without a zone, taken as UTC,'],
    ['t', ['20251008', '20251009'], null, 'elapsed', 20_251_009, 'seconds from the start'],
    ['Zeit', ['45939.36', '45939.370370370'], null, 'wall', T, 'days of a spreadsheet, taken as UTC,'],
    ['time', ['45939', '45939.370370370'], null, 'wall', T, 'days of a spreadsheet, taken as UTC,'],
    ['date', ['45938', '45939'], null, 'wall', T - 32_000, 'days of a spreadsheet, taken as UTC,'],
    ['time', ['45938', '45939'], null, 'elapsed', 45_939, 'seconds from the start'],
    ['uptime', ['45938.1', '45938.2'], null, 'elapsed', 45_938.2, 'seconds from the start'],
    ['time_s', ['45938.1', '45938.2'], null, 'elapsed', 45_938.2, 'seconds from the start'],
    ['time', ['0.5', '45938.2'], null, 'elapsed', 45_938.2, 'seconds from the start'],
    ['time', ['2025-10-09 08:53:20'], null, 'wall', T, 'date and time without a zone, taken as UTC,'],
  ] as const)('%s %j', (name, cells, unit, kind, last, text) => {
    const axis = axisOf(name, cells, unit);
    expect(axis).toMatchObject({ kind, text });
    expect(axis?.read(cells.at(-1)!)).toBeCloseTo(last, 6);
  });

  test('a mistake in a cell does not hide that the column is a time', () => {
    const axis = axisOf('time', ['1', '2', 'x', '4'], null);
    expect(axis?.kind).toBe('elapsed');
    expect(axis?.read('x')).toBeNaN();
  });

  test('text and nothing are no times', () => {
    expect(axisOf('time', ['a', 'b'], null)).toBeNull();
    expect(axisOf('time', ['', ''], null)).toBeNull();
  });

  test('the name decides before the figures, dates before anything else without a name', () => {
    const number = axisOf('x', ['1', '2'], null);
    const date = axisOf('x', ['2025-10-09T08:53:20Z'], null);
    expect(timeColumn(['rss', 'Time [s]', 'when'], (i) => [number, number, date][i]!)).toBe(1);
    expect(timeColumn(['rss', 'Zeit'], (i) => [number, date][i]!)).toBe(1);
    expect(timeColumn(['rss', 'fds'], (i) => [number, number][i]!)).toBe(-1);
    expect(timeColumn(['rss', 'time'], (i) => [number, null][i]!)).toBe(-1);
  });

  test('without a name only what goes on as times do is one: memory in bytes is as large as the seconds of the epoch', () => {
    const found = (columns: Record<string, readonly number[]>): number =>
      timeColumn(Object.keys(columns), (i) => axisOf(Object.keys(columns)[i]!, Object.values(columns)[i]!.map(String), null));
    const steady = [T, T + 60, T + 120];
    expect(found({ rss: steady, limit: [2_147_483_648, 2_147_483_648, 2_147_483_648], moment: steady })).toBe(2);
    expect(found({ 'Private Bytes': steady })).toBe(-1);
    expect(found({ swinging: [T, T + 60, T, T + 60, T] })).toBe(-1);
    expect(found({ early: [200_000_000, 200_100_000] })).toBe(-1);
    expect(found({ newest: steady.toReversed() })).toBe(0);
  });
});
