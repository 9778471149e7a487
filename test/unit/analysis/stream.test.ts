import * as fc from '../../property.ts';
import { describe, expect, test } from 'vitest';
import { BLOCKS_MAX, type Cut, type Stream, streamOf, withoutVisits } from '../../../src/analysis/stream.ts';
import type { Kind } from '../../../src/catalog.ts';
import { Bins } from '../../../src/store.ts';
import { sawtooth, type Signal, white } from '../../sim/series.ts';

const HOUR = 3600;

function filled(seconds: number, signal: Signal, period = 1, when: (t: number) => boolean = () => true): Bins {
  const bins = new Bins(period);
  for (let t = 0; t < seconds; t += period) if (when(t)) bins.add(t, signal(t));
  return bins;
}

function stream(bins: Bins, now: number, cut: Partial<Cut> = {}, kind: Kind = 'gauge'): Stream {
  const made = streamOf(bins, kind, { lives: [], warmup: 0, phases: [], until: now, now, ...cut });
  expect(made).not.toBeNull();
  return made!;
}

describe('a stream', () => {
  test('has at most 48 points, in order, that cover the run', () => {
    fc.assert(
      fc.property(fc.integer({ min: 20, max: 20_000 }), fc.constantFrom(1, 5, 10), (seconds, period) => {
        const { n, t, y, from, to, hours } = stream(
          filled(seconds, (t) => t, period),
          seconds,
        );
        expect(n).toBeLessThanOrEqual(BLOCKS_MAX);
        for (let i = 1; i < n; i++) expect(t[i]!).toBeGreaterThan(t[i - 1]!);
        // a line stays a line: points are where their bins are
        for (let i = 0; i < n; i++) expect(Math.abs(y[i]! - t[i]! * HOUR)).toBeLessThanOrEqual(Math.max(period, (seconds / 256) * 2));
        expect(to - from).toBeGreaterThan(0);
        expect(hours).toBeCloseTo(to - from, 9);
      }),
      { numRuns: fc.tries(60) },
    );
  });

  test('of a short run is as fine as its samples', () => {
    const { n, step } = stream(
      filled(120, () => 1),
      120,
    );
    expect(n).toBe(40); // whole blocks of three samples, an even number of them
    expect(step * HOUR).toBeCloseTo(3, 9);
  });

  test('leaves out warm-up, phases that are not judged, and what comes after the work', () => {
    const bins = filled(3600, (t) => t);
    const { from, to, t } = stream(bins, 3600, {
      warmup: 600,
      until: 3000,
      phases: [
        { name: 'a', from: 0, judged: true },
        { name: 'fault', from: 1500, judged: false },
        { name: 'b', from: 2000, judged: true },
      ],
    });
    expect(from * HOUR).toBeGreaterThanOrEqual(600);
    expect(to * HOUR).toBeLessThanOrEqual(3000);
    expect([...t].filter((hour) => hour * HOUR > 1500 && hour * HOUR < 2000)).toEqual([]);
  });

  test('is cut at restarts: no block has two lives, and each life warms up', () => {
    const restart = 1805;
    const bins = filled(3600, (t) => (t < restart ? t : t - restart));
    const { n, y, life, lives, t } = stream(bins, 3600, { lives: [0, restart], warmup: 200 });
    expect(lives).toBe(2);
    for (let i = 0; i < n; i++) expect(Math.abs(y[i]! - (t[i]! * HOUR - (life[i] === 0 ? 0 : restart)))).toBeLessThan(40);
    expect(Math.min(...y)).toBeGreaterThan(190);
  });

  test('leaves out a bin that a restart makes a mixture of two lives, and blocks with hardly a sample', () => {
    const restart = 1805;
    const bins = filled(
      3600,
      (t) => (t < restart ? 1000 : t < 2000 || t > 2400 ? 5000 : 9000),
      1,
      (t) => t < 2000 || t > 2400 || t === 2200,
    );
    expect([...stream(bins, 3600, { lives: [0, restart] }).y].filter((value) => value !== 1000 && value !== 5000)).toEqual([]);
  });

  test('interpolates nothing: a gap is a longer distance', () => {
    const { t, n, step } = stream(
      filled(
        3600,
        () => 1,
        1,
        (t) => t < 1000 || t >= 2500,
      ),
      3600,
    );
    const gaps = Array.from({ length: n - 1 }, (_, i) => t[i + 1]! - t[i]!);
    expect(Math.max(...gaps) * HOUR).toBeGreaterThan(1400);
    expect(step * HOUR).toBeLessThan(120);
    expect([...t].filter((hour) => hour * HOUR > 1050 && hour * HOUR < 2450)).toEqual([]);
  });

  test('of rare samples is those samples', () => {
    const { n, y } = stream(
      filled(
        8 * HOUR,
        (t) => t,
        10,
        (t) => t % 1800 === 0,
      ),
      8 * HOUR,
    );
    expect(n).toBeGreaterThanOrEqual(15);
    expect([...y].every((value) => value % 1800 === 0)).toBe(true);
  });

  test('of teeth that are slower than its blocks is what is left after them', () => {
    const { kind, y } = stream(filled(3 * HOUR, sawtooth(3, 100, 1500), 10), 3 * HOUR);
    expect(kind).toBe('lows');
    expect(Math.max(...y)).toBeLessThan(5);
  });

  test('of teeth about as long as its blocks is the floor of several', () => {
    const { kind, y } = stream(filled(8 * HOUR, sawtooth(3, 100, 620), 10), 8 * HOUR);
    expect(['floor', 'lows']).toContain(kind);
    expect(Math.max(...y)).toBeLessThan(5);
  });

  test('of a counter that was not read for a while is its mean rate then', () => {
    const bins = new Bins(60);
    for (let t = 0; t < 2 * HOUR; t += 60) if (t < HOUR || t >= 1.5 * HOUR) bins.add(t, t === 1.5 * HOUR ? 31 * 60 : 60);
    const { y } = stream(bins, 2 * HOUR, {}, 'counter');
    for (const rate of y) expect(rate).toBeCloseTo(1, 1);
  });

  test('is the floor under a sawtooth, and the mean of noise', () => {
    expect(stream(filled(4 * HOUR, sawtooth(3, 100, 700), 10), 4 * HOUR).kind).toBe('lows');
    expect(stream(filled(4 * HOUR, sawtooth(3, 100, 130), 10), 4 * HOUR).kind).toBe('floor');
    expect(stream(filled(4 * HOUR, white(3, 1), 10), 4 * HOUR).kind).toBe('mean');
  });

  test('does not follow a spike', () => {
    const bins = filled(1000, (t) => (t === 500 ? 1e6 : 10));
    expect(bins.width).toBe(4);
    expect(Math.max(...stream(bins, 1000).y)).toBe(10);
  });

  test('of a counter is its rate', () => {
    const bins = filled(1000, () => 3, 10); // 3 every 10 s
    expect([...stream(bins, 1000, {}, 'counter').y].every((rate) => Math.abs(rate - 0.3) < 1e-12)).toBe(true);
  });

  test('of nothing is nothing', () => {
    expect(streamOf(new Bins(1), 'gauge', { lives: [], warmup: 0, phases: [], until: 10, now: 10 })).toBeNull();
    expect(
      streamOf(
        filled(10, () => 1),
        'gauge',
        { lives: [], warmup: 100, phases: [], until: 10, now: 10 },
      ),
    ).toBeNull();
  });
});

describe('visits', () => {
  const noise = white(4, 1);
  const of = (signal: Signal): Stream =>
    stream(
      filled(12 * HOUR, (t) => 1000 + signal(t) + noise(t), 10),
      12 * HOUR,
    );
  /** Two of 40 minutes, six hours apart. */
  const dips = of((t) => ((t + 3 * HOUR) % (6 * HOUR) < 2400 ? -300 : 0));

  test('at equal distances look like a wave, and are left out as others are', () => {
    expect(dips.covariates).toHaveLength(2);
    const { n, y, covariates } = withoutVisits(dips);
    expect(covariates).toHaveLength(0);
    expect(n).toBeLessThan(dips.n);
    expect(Math.min(...y)).toBeGreaterThan(990);
  });

  test('what comes and goes slowly is a wave', () => {
    const wave = of((t) => 100 * Math.sin((2 * Math.PI * t) / (5 * HOUR)));
    expect(wave.covariates).toHaveLength(2);
    expect(withoutVisits(wave)).toBe(wave);
  });
});
