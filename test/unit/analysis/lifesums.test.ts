/** Sums over lives that ended, held against each life taken by itself. */
import * as fc from '../../property.ts';
import { expect, test } from 'vitest';
import { type EndedLives, LifeSums, type LivesSum } from '../../../src/analysis/lifesums.ts';
import { type Series, SeriesTable } from '../../../src/series.ts';
import type { RunEvent, Tick } from '../../../src/tick.ts';
import { type Phase, Timeline } from '../../../src/timeline.ts';
import { METRICS } from '../../../src/sources/process-metrics.ts';

const STEP = 10;
const HOUR = 3600;

interface Sampled {
  readonly t: number;
  readonly value: number;
  /** A new process begins with it. */
  readonly begins: boolean;
}

/** Lives of so many samples each, one after the other. */
function samplesOf(lives: readonly (readonly number[])[]): Sampled[] {
  const all = lives.flatMap((values) => values.map((value, i) => ({ value, begins: i === 0 })));
  return all.map((one, i) => ({ ...one, t: i * STEP }));
}

function tableOf(): { table: SeriesTable; series: Series } {
  const table = new SeriesTable();
  return { table, series: table.get(table.open({ source: 'process', target: 'api', member: null, period: STEP }, METRICS.descriptors)) };
}

function tick({ t, value, begins }: Sampled, id: number): Tick {
  const event: RunEvent = { t, kind: t === 0 ? 'target_found' : 'restart', target: 'api', member: null, message: '', data: {} };
  const samples = { length: 1, series: Uint32Array.of(id), values: Float64Array.of(value), at: Float64Array.of(t) };
  return { n: t / STEP, t, wall: t, samples, events: begins ? [event] : [] };
}

function watch(sums: LifeSums, ticks: readonly Tick[], table: SeriesTable, phase: Phase | null = null, timeline = new Timeline()): void {
  for (const one of ticks) {
    one.events.forEach((event) => timeline.fold(event));
    sums.watch(one, table, timeline, phase);
  }
}

function watched(samples: readonly Sampled[], sums = new LifeSums(0), { table, series } = tableOf()): EndedLives | null {
  const ticks = samples.map((one) => tick(one, series.id));
  watch(sums, ticks, table);
  return sums.of(series, table)[0] ?? null;
}

/** txx and txy of the samples of a life, in hours, from a share of the life before on. */
function aboutMeans(values: readonly number[], from: number): [number, number] {
  const points = values.map((value, i) => ({ t: (i * STEP) / HOUR, value })).filter(({ t }) => t * HOUR >= from - 1e-9);
  const mean = (of: (p: { t: number; value: number }) => number): number => points.reduce((sum, p) => sum + of(p), 0) / points.length;
  const [t, v] = [mean((p) => p.t), mean((p) => p.value)];
  return [points.reduce((sum, p) => sum + (p.t - t) ** 2, 0), points.reduce((sum, p) => sum + (p.t - t) * (p.value - v), 0)];
}

const LENGTH = 40;
const lifeOf = fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: LENGTH, maxLength: LENGTH });

function total({ early, late }: EndedLives, of: (sum: LivesSum) => number): number {
  return of(early) + of(late);
}

test('are those of each life by itself, the first and the open one left out', () => {
  fc.assert(
    fc.property(fc.array(lifeOf, { minLength: 3, maxLength: 40 }), (lives) => {
      const ended = watched(samplesOf(lives))!;
      const judged = lives.slice(1, -1);
      const figures = judged.map((values) => [...aboutMeans(values, 0.2 * LENGTH * STEP), ...aboutMeans(values, 0.6 * LENGTH * STEP)]);
      expect(total(ended, ({ lives: n }) => n)).toBe(judged.length);
      for (let i = 0; i < 4; i++) {
        expect(total(ended, ({ sums }) => sums[i]!)).toBeCloseTo(
          figures.reduce((sum, of) => sum + of[i]!, 0),
          6,
        );
      }
      const squares = figures.reduce((sum, of) => sum + of[1]! * of[3]!, 0);
      expect(total(ended, ({ products }) => products[6]!)).toBeCloseTo(squares, 4);
    }),
    { numRuns: fc.tries(100) },
  );
});

test('tell the latest lives from those before: a third or more', () => {
  for (const n of [10, 20, 40, 100, 300]) {
    const { early, late } = watched(samplesOf(Array.from({ length: n }, () => Array.from({ length: LENGTH }, (_, i) => i))))!;
    expect(early.lives + late.lives).toBe(n - 2);
    expect(late.lives).toBeGreaterThanOrEqual((n - 2) / 3);
    if (early.lives > 0) expect(early.to).toBeLessThan(late.from);
  }
});

test('go on from a snapshot of any moment as if there had been none', () => {
  fc.assert(
    fc.property(fc.array(lifeOf, { minLength: 2, maxLength: 12 }), fc.double({ min: 0, max: 1, noNaN: true }), (lives, share) => {
      const samples = samplesOf(lives);
      const cut = Math.floor(share * samples.length);
      const known = tableOf();
      const before = new LifeSums(0);
      watched(samples.slice(0, cut), before, known);
      const after = new LifeSums(0);
      after.restore(structuredClone(before.snapshot()));
      expect(watched(samples.slice(cut), after, known)).toEqual(watched(samples));
    }),
    { numRuns: fc.tries(100) },
  );
});

test('are of nothing in a life that failed to start, nor of the warm-up or a phase that is not judged', () => {
  const flat = Array.from({ length: LENGTH }, () => 5);
  const lives = watched(samplesOf([flat, flat, [5, 5], [5], flat, flat, flat]))!;
  expect(total(lives, ({ lives: n }) => n)).toBe(3);
  expect(watched(samplesOf([flat, flat, flat]), new LifeSums(HOUR))).toBeNull();
  const { table, series } = tableOf();
  const sums = new LifeSums(0);
  const ticks = samplesOf([flat, flat, flat]).map((one) => tick(one, series.id));
  watch(sums, ticks, table, { name: 'warmup', from: 0, judged: false });
  expect(sums.of(series, table)).toEqual([]);
});

test('go on where an agent that is started again finds the process that was there', () => {
  const about = { target: 'api', member: null, message: '' };
  const rising = Array.from({ length: LENGTH }, (_, i) => i);
  const ticks = samplesOf([rising, rising, rising, rising]).map((one) => tick(one, 0));
  const bornAt = (t: number): number => Math.floor(t / (LENGTH * STEP));
  const started = ticks.map((one) => ({ ...one, events: one.events.map((event) => ({ ...event, data: { startTime: bornAt(event.t) } })) }));
  const begun: RunEvent = { ...about, target: null, t: 0, kind: 'run_start', data: { boot: 'a' } };
  const from = { ...started[0]!, events: [begun, ...started[0]!.events] };
  const lived = (resumedAt: number | null): EndedLives[] => {
    const { table, series } = tableOf();
    const found = (t: number): RunEvent[] => [
      { ...begun, t, kind: 'run_resume' },
      { ...about, t, kind: 'target_found', data: { startTime: bornAt(t) } },
    ];
    const all = [from, ...started.slice(1)].map((one) => (one.t === resumedAt ? { ...one, events: found(one.t) } : one));
    const sums = new LifeSums(0);
    watch(sums, all, table);
    return sums.of(series, table);
  };
  expect(lived(2.5 * LENGTH * STEP)).toEqual(lived(null));
});
