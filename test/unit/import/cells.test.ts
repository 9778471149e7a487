import * as fc from '../../property.ts';
import { expect, test } from 'vitest';
import { readCell, TEXT } from '../../../src/import/cells.ts';

test.each([
  ['1', 1],
  [' -2.5e3 ', -2500],
  ['+.5', 0.5],
  ['0', 0],
  ['', NaN],
  ['NaN', NaN],
  ['null', NaN],
  ['N/A', NaN],
  ['-', NaN],
  ['+Inf', NaN],
  ['abc', TEXT],
  ['0x10', TEXT],
  ['1 2', TEXT],
  ['1,5', TEXT],
  ['1e999', TEXT],
  ['1.7976931348623157e308', TEXT],
  ['-1e76', TEXT],
  ['12 apples', TEXT],
  ['512MB', { value: 512e6, unit: 'By' }],
  ['2 GiB', { value: 2 * 1024 ** 3, unit: 'By' }],
  ['15ms', { value: 0.015, unit: 's' }],
  ['250 µs', { value: 0.00025, unit: 's' }],
  ['1.5 mins', { value: 90, unit: 's' }],
  ['12.5%', { value: 0.125, unit: '1' }],
  ['12.5 %', { value: 0.125, unit: '1' }],
  ['200MiB / 2GiB', { value: 200 * 1024 ** 2, unit: 'By', isFirst: true }],
  ['0B / 0B', { value: 0, unit: 'By', isFirst: true }],
  ['200MiB / 2', TEXT],
  ['200 / 300', TEXT],
  ['1MB / 2MB / 3MB', TEXT],
  ['200,123', TEXT],
  ['1.2.3 MB', TEXT],
  ['1.2.3 s', TEXT],
])('%j', (cell, value) => {
  expect(readCell(cell, false)).toEqual(value);
});

test('a comma is decimal where it does not separate', () => {
  expect(readCell('1,5', true)).toBe(1.5);
  expect(readCell('1,234,567', true)).toBe(TEXT);
  expect(readCell('1,5 MB', true)).toEqual({ value: 1.5e6, unit: 'By' });
  expect(readCell('12,5 %', true)).toEqual({ value: 0.125, unit: '1' });
});

test('every number comes back, and nothing else is a number', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, min: -1e75, max: 1e75 }), (value) => {
      expect(readCell(String(value), false)).toBe(Number(String(value)));
    }),
  );
  fc.assert(
    fc.property(fc.string(), (text) => {
      const value = readCell(text, false);
      // A zero must be written as one.
      if (value === 0) expect(text).toMatch(/0/);
      if (typeof value === 'number' && !Number.isNaN(value)) expect(value).toBe(Number(text));
    }),
  );
});
