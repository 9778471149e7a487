import * as fc from '../property.ts';
import { describe, expect, test } from 'vitest';
import { formatDuration, formatSize, parseDuration, parseSize } from '../../src/quantity.ts';

describe('durations', () => {
  test.each([
    ['90', 90],
    ['90s', 90],
    ['90 s', 90],
    [' 5m ', 300],
    ['5min', 300],
    ['8h', 28_800],
    ['14d', 1_209_600],
    ['2w', 1_209_600],
    ['1h30m', 5400],
    ['1h 30m', 5400],
    ['1.5h', 5400],
    ['250ms', 0.25],
    ['.5', 0.5],
    ['0', 0],
    ['100ms200ms', 0.3],
  ])('%s is %d s', (text, seconds) => {
    expect(parseDuration(text)).toBe(seconds);
  });

  test.each([
    '',
    ' ',
    '-1',
    '-5s',
    '1e3',
    '5M',
    '5H',
    's',
    '1.2.3s',
    '1h30',
    '5 minutes',
    'Infinity',
    'NaN',
    '0x10',
    '1,5h',
    '5m!',
    '9'.repeat(400),
    `${'1'.repeat(60)}mmmmm`,
  ])('%j is not understood', (text) => {
    expect(parseDuration(text)).toBeNull();
  });

  test.each([
    [0, '0s'],
    [0.1, '100ms'],
    [1, '1s'],
    [2.5, '2.5s'],
    [90, '1m30s'],
    [300, '5m'],
    [5400, '1h30m'],
    [28_800, '8h'],
    [1_209_600, '14d'],
    [86_400 + 3600 + 59, '1d1h'],
    [59.97, '1m'],
    [Number.NaN, '?'],
    [Infinity, '∞'],
    [7140, '1h59m'],
    [7199, '2h'],
    [0.9997, '1s'],
    [3599.9, '1h'],
  ])('%d s is shown as %s', (seconds, text) => {
    expect(formatDuration(seconds)).toBe(text);
  });

  test('what is shown is understood, and near', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.001, max: 1e8, noNaN: true }), (seconds) => {
        const back = parseDuration(formatDuration(seconds)) ?? Number.NaN;
        expect(Math.abs(back - seconds)).toBeLessThanOrEqual(Math.max(0.051, seconds * 0.03));
      }),
    );
  });
});

describe('sizes', () => {
  test.each([
    ['512', 512],
    ['512B', 512],
    ['512MB', 512e6],
    ['512 mb', 512e6],
    ['2GB', 2e9],
    ['2GiB', 2 ** 31],
    ['2gib', 2 ** 31],
    ['1.5GB', 1.5e9],
    ['64k', 64e3],
    ['512M', 512e6],
    ['512Mi', 512 * 2 ** 20],
    ['1TiB', 2 ** 40],
    ['0.3kB', 300],
  ])('%s is %d bytes', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  test.each(['', '-1', 'MB', '512m', '512g', '2gi', '5 X', '1e9', '1,5GB', '5MBB', '5 M B', '9'.repeat(400), `${' '.repeat(70)}1`])(
    '%j is not understood',
    (text) => {
      expect(parseSize(text)).toBeNull();
    },
  );

  test.each([
    [0, '0B'],
    [830, '830B'],
    [999.6, '1kB'],
    [512e6, '512MB'],
    [2 ** 30, '1.07GB'],
    [999_600_000, '1GB'],
    [-2e6, '-2MB'],
  ])('%d bytes are shown as %s', (bytes, text) => {
    expect(formatSize(bytes)).toBe(text);
  });
});

test('no text makes them throw or give what is not a number from 0', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9. ]{0,8}[kKMGTibBsmhdw ]{0,6}$/)), (text) => {
      for (const value of [parseDuration(text), parseSize(text)]) {
        expect(value === null || (Number.isFinite(value) && value >= 0)).toBe(true);
      }
      // Nothing becomes 0.
      expect(/\d/.test(text) || (parseDuration(text) === null && parseSize(text) === null)).toBe(true);
    }),
  );
});
