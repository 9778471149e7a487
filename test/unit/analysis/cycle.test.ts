import { describe, expect, test } from 'vitest';
import { type Cells, cellsOf } from '../../../src/analysis/cells.ts';
import { lowsOf, periodOf, windowMeans } from '../../../src/analysis/cycle.ts';
import { Bins } from '../../../src/store.ts';
import { sawtooth, type Signal, sum, white } from '../../sim/series.ts';

const HOUR = 3600;
const cut = (now: number) => ({ lives: [], warmup: 0, phases: [], until: now, now });

function cells(hours: number, signal: Signal, when: (t: number) => boolean = () => true): Cells {
  const bins = new Bins(60);
  for (let t = 0; t < hours * HOUR; t += 60) if (when(t)) bins.add(t, signal(t));
  return cellsOf(bins, 'gauge', cut(hours * HOUR));
}

const width = (one: Cells): number => one.to[0]! - one.from[0]!;
const wave =
  (hours: number): Signal =>
  (t) =>
    100 * Math.sin((2 * Math.PI * t) / (hours * HOUR));

describe('a cycle', () => {
  test.each([
    [24, 2],
    [24, 6],
    [12, 5],
  ])('of a run of %d h is found: %d h', (hours, period) => {
    const one = cells(hours, sum(wave(period), white(3, 5)));
    expect((periodOf(one)! * width(one)) / HOUR).toBeCloseTo(period, 0);
  });

  test('is found under a trend', () => {
    const one = cells(
      24,
      sum(wave(3), (t) => t / 200),
    );
    expect((periodOf(one)! * width(one)) / HOUR).toBeCloseTo(3, 0);
  });

  test('is not found in noise, in a line, nor in a series with holes', () => {
    expect(periodOf(cells(24, white(5, 10)))).toBeNull();
    expect(periodOf(cells(24, (t) => t))).toBeNull();
    expect(periodOf(cells(24, wave(2), (t) => t % (5 * HOUR) < 4 * HOUR))).toBeNull();
    expect(periodOf(cells(24, () => 7))).toBeNull();
  });
});

describe('lows after the drops of a sawtooth', () => {
  test('are its floor', () => {
    const low = lowsOf(
      cells(
        24,
        sum(() => 200, sawtooth(3, 100, 2 * HOUR)),
      ),
    )!;
    expect(low.n).toBeGreaterThanOrEqual(10);
    for (const value of low.y) expect(value).toBeLessThan(215);
    for (let i = 1; i < low.n; i++) expect(low.t[i]!).toBeGreaterThan(low.t[i - 1]!);
  });

  test('are seen of teeth of five bins', () => {
    const low = lowsOf(cells(4, sum(sawtooth(5, 100, 560), white(3, 1))))!;
    expect(low.n).toBeGreaterThan(15);
    expect(Math.max(...low.y)).toBeLessThan(20);
  });

  test('end with one after which it rose: at the end it may fall further', () => {
    const tooth = (minute: number): number => [0, 12, 25, 37, 50, 62, 75, 87, 100, 66, 33][minute % 11]!;
    const low = lowsOf(cells((18 * 11) / 60, (t) => tooth(t / 60)))!;
    expect([...low.y]).toEqual(Array.from({ length: 17 }, () => 0));
  });

  test('are not seen where nothing drops to one level', () => {
    expect(lowsOf(cells(24, white(3, 10)))).toBeNull();
    expect(lowsOf(cells(24, wave(4)))).toBeNull();
    expect(lowsOf(cells(24, (t) => t))).toBeNull();
  });
});

test('means of whole cycles do not show the cycle', () => {
  const one = cells(
    24,
    sum(wave(3), (t) => t / 3600),
  );
  const { t, y } = windowMeans(one, (3 * HOUR) / width(one), (0.75 * HOUR) / width(one));
  expect(t.length).toBeGreaterThan(25);
  expect(t.at(-1)! + 1.5 * HOUR).toBeCloseTo(one.to[one.n - 1]!, -3);
  for (let i = 0; i < t.length; i++) expect(Math.abs(y[i]! - t[i]! / 3600)).toBeLessThan(1.5);
});
