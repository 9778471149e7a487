import { describe, expect, test } from 'vitest';
import { certifiable, certifiableIn, hoursToSee, type Noise, slopeVariance, wideningOf } from '../../../src/analysis/power.ts';

/** Growth found with 1 % false alarms and 90 % power, as the research page counts. */
const K = 3.608;

/** Ornstein-Uhlenbeck noise sampled every minute. */
function slopeLimit(hours: number, sd: number, tauHours: number): number {
  const d = 1 / 60;
  return K * Math.sqrt(slopeVariance(hours / d, d, sd * sd, Math.exp(-d / tauHours)));
}

describe('the information limit', () => {
  // Published for sd 3 MB and a correlation time of 10 minutes, by the asymptote, which overstates short runs.
  test.each([
    [24, 0.184],
    [8, 0.957],
  ])('of a run of %d h', (hours, asymptote) => {
    expect(slopeLimit(hours, 3, 1 / 6) / asymptote).toBeLessThan(1);
    expect(slopeLimit(hours, 3, 1 / 6) / asymptote).toBeGreaterThan(0.93);
  });

  test('of white noise is 12 sigma^2 / (d^2 n (n^2 - 1))', () => {
    expect(slopeVariance(100, 2, 9, 0)).toBeCloseTo((12 * 9) / (4 * 100 * 9999), 15);
  });

  test('of a random walk of variance q an hour is q / T', () => {
    const phi = 1 - 1e-9;
    const variance = 4 / (1 - phi * phi); // innovations of variance 4 an hour
    expect(slopeVariance(51, 1, variance, phi)).toBeCloseTo(4 / 50, 6);
  });
});

const NOISE: Noise = { step: 0.2, parts: [0.5, 4], arrival: 0, widening: 1, share: 1 };

describe('what a run can show', () => {
  test('three times the time, some five times smaller growth', () => {
    const ratio = certifiableIn(NOISE, 8) / certifiableIn(NOISE, 24);
    expect(ratio).toBeGreaterThan(4.5);
    expect(ratio).toBeLessThan(6.5);
  });

  test('less with every hour, and never zero', () => {
    let before = Infinity;
    for (const hours of [0.1, 0.5, 1, 3, 8, 24, 100]) {
      const now = certifiableIn({ ...NOISE, arrival: 1 }, hours);
      expect(now).toBeLessThan(before);
      expect(now).toBeGreaterThan(0);
      before = now;
    }
  });

  test('less when the shape of the growth is not known, and when part of the run is not judged', () => {
    expect(certifiableIn({ ...NOISE, widening: 2 }, 8)).toBeCloseTo(2 * certifiableIn(NOISE, 8), 9);
    expect(certifiableIn({ ...NOISE, share: 0.5 }, 8)).toBeCloseTo(certifiableIn(NOISE, 4), 9);
  });

  test('as much more as the interval that was found is wider', () => {
    const noise = { ...NOISE, arrival: 0.5 };
    const line = certifiableIn(noise, 8);
    for (const above of [line, 5 * line, 50 * line]) {
      const found = certifiableIn({ ...noise, widening: wideningOf(noise, 8, above) }, 8);
      expect(found / above).toBeGreaterThan(1.5);
      expect(found / above).toBeLessThan((1.96 + 1.29) / 1.96);
    }
    expect(wideningOf(noise, 8, line / 4)).toBe(1);
    expect(wideningOf({ ...NOISE, parts: [0, 0] }, 8, line)).toBe(1);
  });

  test('a leak that comes one by one is not ruled out before it could have come', () => {
    expect(certifiableIn({ ...NOISE, parts: [0, 1e-9], arrival: 1 }, 8)).toBeGreaterThan(2 / 8);
  });

  test('the hours to see are those after which it can be certified', () => {
    for (const distance of [0.05, 0.5, 2]) {
      const hours = hoursToSee(NOISE, distance)!;
      expect(certifiableIn(NOISE, hours)).toBeLessThanOrEqual(distance);
      expect(certifiableIn(NOISE, hours * 0.98)).toBeGreaterThan(distance);
    }
    expect(hoursToSee(NOISE, 1e-9)).toBeNull();
  });

  test('nothing is certified of what is not known', () => {
    expect(certifiable({ noise: null }, 8)).toBeNull();
    expect(certifiable({ noise: NOISE }, 0)).toBeNull();
    expect(certifiable({ noise: NOISE }, 8)).toBe(certifiableIn(NOISE, 8));
  });
});
