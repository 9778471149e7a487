import * as fc from '../property.ts';
import { describe, expect, test, vi } from 'vitest';
import { Bins, BINS_MAX, Store } from '../../src/store.ts';
import { Batch } from '../../src/tick.ts';

interface Bin {
  from: number;
  count: number;
  min: number;
  max: number;
  sum: number;
}

function list(bins: Bins): Bin[] {
  return Array.from({ length: bins.length }, (_, i) => ({
    from: (bins.first + i) * bins.width,
    count: bins.count[i]!,
    min: bins.min[i]!,
    max: bins.max[i]!,
    sum: bins.sum[i]!,
  })).filter((bin) => bin.count > 0);
}

/** The same bins by definition: every sample in the cell of the absolute grid that it falls into. */
function byDefinition(samples: readonly (readonly [number, number])[], width: number): Bin[] {
  const cells = new Map<number, number[]>();
  for (const [t, value] of samples) {
    const cell = Math.floor(t / width);
    cells.set(cell, [...(cells.get(cell) ?? []), value]);
  }
  return [...cells]
    .toSorted(([a], [b]) => a - b)
    .map(([cell, values]) => ({
      from: cell * width,
      count: values.length,
      min: Math.min(...values),
      max: Math.max(...values),
      sum: values.reduce((a, b) => a + b, 0),
    }));
}

describe('Bins', () => {
  test('are what the definition says, however the samples are spread', () => {
    const sample = fc.tuple(fc.integer({ min: 0, max: 100_000 }), fc.integer({ min: -1000, max: 1000 }));
    fc.assert(
      fc.property(fc.array(sample, { minLength: 1, maxLength: 400 }), (unsorted) => {
        const samples = unsorted.toSorted(([a], [b]) => a - b);
        const bins = new Bins(1);
        for (const [t, value] of samples) bins.add(t, value);
        expect(bins.length).toBeLessThanOrEqual(BINS_MAX);
        expect(list(bins)).toEqual(byDefinition(samples, bins.width));
      }),
    );
  });

  test('start one sample wide and cover a day in 256', () => {
    const bins = new Bins(1);
    for (let t = 0; t < BINS_MAX; t++) bins.add(t, t);
    expect([bins.width, bins.length]).toEqual([1, BINS_MAX]);
    for (let t = BINS_MAX; t < 86_400; t++) bins.add(t, t);
    expect(bins.width).toBe(512);
    expect(list(bins).reduce((n, bin) => n + bin.count, 0)).toBe(86_400);
  });

  test('a late sample older than everything kept is not lost', () => {
    const bins = new Bins(1);
    bins.add(10, 1);
    bins.add(3, 2);
    expect(list(bins)).toEqual([{ from: 10, count: 2, min: 1, max: 2, sum: 3 }]);
  });
});

function folded(store: Store, samples: readonly (readonly [number, number, number])[]): void {
  const batch = new Batch();
  for (const [id, at, value] of samples) batch.set(id, value, at);
  store.fold(batch.close(0, 0, 0).samples);
}

describe('Store', () => {
  test('a counter is folded as increments, and one that went back began again from zero', () => {
    const store = new Store();
    store.add({ id: 0, def: { kind: 'counter' }, period: 1 });
    folded(store, [
      [0, 0, 100],
      [0, 1, 130],
      [0, 2, 5],
      [0, 3, 9],
    ]);
    expect(list(store.bins(0)).map((bin) => bin.sum)).toEqual([30, 5, 4]);
    expect(store.value(0)).toBe(9);
  });

  test('after the agent was started again a counter goes on from its next value, whenever that comes', () => {
    const samples = [
      [0, 0, 100],
      [0, 1, 130],
      [0, 61, 5], // a total that the agent had added up
      [0, 62, 9],
      [1, 0, 7],
      [1, 1, 8],
      [1, 75, 1000], // what was counted meanwhile is of no known time
      [1, 76, 1001],
    ] as const;
    let store = new Store();
    const add = (): void => [0, 1].forEach((id) => store.add({ id, def: { kind: 'counter' }, period: 1 }));
    add();
    for (const sample of samples) {
      if (sample[1] === 61) store.countFrom(60);
      folded(store, [sample]);
      const snapshot = structuredClone(store.snapshot());
      store = new Store();
      add();
      store.restore(snapshot);
    }
    expect(list(store.bins(0)).map(({ from, sum }) => [from, sum])).toEqual([
      [1, 30],
      [62, 4],
    ]);
  });

  test('what was never sampled has no value', () => {
    const store = new Store();
    store.add({ id: 0, def: { kind: 'gauge' }, period: 1 });
    expect(store.value(0)).toBeNaN();
    expect(store.at(7)).toBeNaN();
  });

  test('has the bins that its samples make, whenever they are looked at', () => {
    const step = fc.record({
      id: fc.nat(2),
      at: fc.nat(3000), // not in order: asynchronous sources report late
      value: fc.integer({ min: -1000, max: 1000 }),
      after: fc.constantFrom('nothing', 'nothing', 'look', 'resume'),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const made = (): Store => {
          const fresh = new Store();
          for (const [id, period] of [1, 5, 1].entries()) fresh.add({ id, def: { kind: 'gauge' }, period });
          return fresh;
        };
        let store = made();
        const expected = [new Bins(1), new Bins(5), new Bins(1)];
        for (const { id, at, value, after } of steps) {
          folded(store, [[id, at, value]]);
          expected[id]!.add(at, value);
          if (after === 'look') expect(list(store.bins(id))).toEqual(list(expected[id]!));
          if (after !== 'resume') continue;
          const resumed = made();
          resumed.restore(structuredClone(store.snapshot()));
          store = resumed;
        }
        for (const [id, bins] of expected.entries()) {
          const now = store.bins(id);
          expect([list(now), now.width, now.first, now.length]).toEqual([list(bins), bins.width, bins.first, bins.length]);
        }
      }),
    );
  });

  test.each([1, 0.7])('no tick halves the bins of all series, which are the same for it (a sample every %d s)', (period) => {
    const [store, count] = [new Store(), 60];
    const expected = Array.from({ length: count }, (_, id) => {
      store.add({ id, def: { kind: 'gauge' }, period });
      return new Bins(period);
    });
    const value = (id: number, tick: number): number => ((tick * 7919 + id * 104_729) % 1009) - 500;
    const begins = (id: number): number => Number(id % 8 === 0); // on either half of a pair
    const spy = vi.spyOn(Bins.prototype, 'reach');
    const busiest: number[] = [];
    for (let tick = 0; tick < 2500; tick++) {
      spy.mockClear();
      const ids = [...expected.keys()].filter((id) => tick >= begins(id));
      folded(
        store,
        ids.map((id) => [id, tick * period, value(id, tick)]),
      );
      // The bin after a halving is the first one of the second half; all that grew into it have done so by then.
      if (tick >= BINS_MAX) busiest.push(spy.mock.results.filter(({ value: i }) => i === BINS_MAX / 2).length);
    }
    spy.mockRestore();
    for (const [id, bins] of expected.entries()) {
      for (let tick = begins(id); tick < 2500; tick++) bins.add(tick * period, value(id, tick));
      expect(list(store.bins(id))).toEqual(list(bins));
    }
    expect(Math.max(...busiest)).toBeLessThan((2 / 3) * count);
  });

  test('a snapshot of more series than are packed together is whole, and one of none is, too', () => {
    const made = (count: number): Store => {
      const store = new Store();
      for (let id = 0; id < count; id++) store.add({ id, def: { kind: 'gauge' }, period: 1 });
      return store;
    };
    const store = made(600);
    folded(
      store,
      Array.from({ length: 3000 }, (_, i) => [(i * 7) % 599, i, i] as const), // the last one has no sample
    );
    const again = made(600);
    again.restore(structuredClone(store.snapshot()));
    for (let id = 0; id < 600; id++) expect(list(again.bins(id))).toEqual(list(store.bins(id)));
    made(0).restore(made(0).snapshot());
  });

  test('continues from a snapshot as if it had never stopped', () => {
    const series = Array.from({ length: 40 }, (_, id) => ({
      id,
      def: { kind: id % 2 ? ('counter' as const) : ('gauge' as const) },
      period: 1,
    }));
    const whole = new Store();
    const first = new Store();
    const second = new Store();
    for (const s of series) for (const store of [whole, first, second]) store.add(s);
    const samples = Array.from({ length: 5000 }, (_, i) => [(i * 7) % 40, Math.floor(i / 3), (i * 31) % 97] as const);
    folded(whole, samples);
    folded(first, samples.slice(0, 2000));
    second.restore(structuredClone(first.snapshot()));
    folded(second, samples.slice(2000));
    expect(second.snapshot()).toEqual(whole.snapshot());
  });
});

describe('Batch', () => {
  test('takes no value that is not a measurement, and nothing of a series beyond the cap', () => {
    const batch = new Batch();
    batch.set(0, Number.NaN, 1);
    batch.set(0, Number.POSITIVE_INFINITY, 1);
    batch.set(-1, 5, 1);
    batch.set(0, 0, 1);
    expect(batch.close(0, 1, 1).samples.length).toBe(1);
  });

  test('what is set after the close belongs to the next tick', () => {
    const batch = new Batch();
    for (let i = 0; i < 1000; i++) batch.set(i, i, i);
    const tick = batch.close(0, 1, 1);
    expect([tick.samples.length, tick.samples.values[999], tick.samples.series[999]]).toEqual([1000, 999, 999]);
    batch.set(1, 1, 2);
    expect(batch.close(1, 2, 2).samples.length).toBe(1);
  });
});
