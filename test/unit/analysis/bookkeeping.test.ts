import * as fc from '../../property.ts';
import { describe, expect, test } from 'vitest';
import { BlindSpots, covers } from '../../../src/analysis/blind.ts';
import { Coverage } from '../../../src/analysis/coverage.ts';
import { rfc3339 } from '../../../src/analysis/instant.ts';
import { clockTime, inWords, rateInWords } from '../../../src/analysis/sentence.ts';
import { SeriesTable } from '../../../src/series.ts';
import { METRICS as SCRAPE } from '../../../src/sources/scrape-metrics.ts';
import { Store } from '../../../src/store.ts';
import { Batch, type EventKind, type RunEvent } from '../../../src/tick.ts';
import { M } from '../../sim/metrics.ts';

function event(t: number, kind: EventKind, data: RunEvent['data'] = {}): RunEvent {
  return { t, kind, target: 'api', member: null, message: `${kind} happened`, data };
}

describe('coverage', () => {
  const table = new SeriesTable();
  const owner = { source: 'process', target: 'api', member: null, period: 2 };
  const memory = table.open(owner, M.memory);
  const fds = table.open(owner, M.fds);
  const host = table.open({ source: 'host', target: null, member: null, period: 2 }, M.advisory);

  function feed(coverage: Coverage, times: readonly number[], gone: readonly number[] = []): void {
    const batch = new Batch();
    for (const t of [...times, ...gone].toSorted((a, b) => a - b)) {
      batch.set(host, 1, t);
      if (times.includes(t)) [memory, fds].forEach((id) => batch.set(id, 1, t + 0.01));
      if (gone.includes(t)) batch.event(event(t, 'target_gone'));
      coverage.watch(batch.close(0, t, t), table);
    }
  }

  test('is unknown before the first sample, whatever else is sampled', () => {
    const coverage = new Coverage(2);
    feed(coverage, [], [0]);
    expect(coverage.share(100)).toBeNull();
  });

  test('is the share of slots that were sampled, and a sample that is due is forgiven', () => {
    const coverage = new Coverage(2);
    feed(coverage, [0, 2, 4, 6]);
    expect(coverage.share(6)).toBe(1);
    expect(coverage.share(8.5)).toBe(1);
    feed(coverage, [14]);
    expect(coverage.share(14)).toBe(5 / 8);
    expect(coverage.share(20)).toBe(5 / 10);
  });

  test('expects nothing of a target that is gone', () => {
    const coverage = new Coverage(2);
    feed(coverage, [0, 2, 4], [6]);
    expect(coverage.share(1000)).toBe(1);
    feed(coverage, [100, 102]);
    expect(coverage.share(102)).toBe(1);
  });

  test('is of the pages where no process can be seen, each at its own pace, and of processes where one is', () => {
    const pages = new SeriesTable();
    const page = (name: string, period: number): number =>
      pages.open({ source: 'scrape', target: 'api', member: null, period }, SCRAPE.duration, { 'soak.scrape': name });
    const [fast, slow] = [page('fast', 5), page('slow', 15)];
    const coverage = new Coverage(1);
    const feedPages = (from: number, to: number): void => {
      const batch = new Batch();
      for (let t = from; t <= to; t += 5)
        [t < 30 || t >= 60 ? fast : null, t % 15 === 0 ? slow : null].forEach((id) => id !== null && batch.set(id, 0.01, t));
      coverage.watch(batch.close(0, to, to), pages);
    };
    feedPages(0, 25);
    expect(coverage.share(30)).toBe(1);
    feedPages(30, 85); // six of eighteen were not read
    expect(coverage.share(85)).toBe((12 + 6) / (18 + 6));
    const fds = pages.open({ source: 'process', target: 'api', member: null, period: 1 }, M.fds);
    const batch = new Batch();
    batch.set(fds, 3, 86);
    coverage.watch(batch.close(0, 86, 86), pages);
    expect(coverage.share(86)).toBe(1);
  });

  test('goes on from a snapshot', () => {
    const [live, resumed] = [new Coverage(2), new Coverage(2)];
    feed(live, [0, 2, 6]);
    resumed.restore(structuredClone(live.snapshot()));
    for (const coverage of [live, resumed]) feed(coverage, [8, 14]);
    expect(resumed.share(14)).toBe(live.share(14));
  });
});

describe('blind spots', () => {
  test('are listed once, with the latest reason, until the signal is sampled', () => {
    const [table, store, blind] = [new SeriesTable(), new Store(), new BlindSpots()];
    const id = table.open({ source: 'process', target: 'api', member: null, period: 1 }, M.fds);
    store.add(table.get(id));
    const feed = (t: number): void => {
      const batch = new Batch();
      batch.set(id, 1, t);
      store.fold(batch.close(0, t, t).samples);
    };
    feed(5);
    for (const reason of ['a', 'b']) blind.watch([event(10, 'blind', { metric: M.fds.name, reason }), event(10, 'mark')]);
    expect(blind.list(table.all(), store)).toEqual([{ target: 'api', metric: M.fds.name, reason: 'b', at: 10 }]);
    feed(11);
    expect(blind.list(table.all(), store)).toEqual([]);
  });

  test('may be one of many series, and only that one takes it back', () => {
    const [table, store, blind] = [new SeriesTable(), new Store(), new BlindSpots()];
    const [own, other] = ['own', 'other'].map((page) =>
      table.open({ source: 'scrape', target: 'api', member: null, period: 10 }, SCRAPE.samples, { 'soak.scrape': page }),
    );
    for (const series of table.all()) store.add(series);
    for (const page of ['own', 'other'])
      blind.watch([event(1, 'blind', { metric: `soak.scrape.samples{soak.scrape="${page}"}`, reason: 'refused' })]);
    const feed = (id: number): string[] => {
      const batch = new Batch();
      batch.set(id, 1, 5);
      store.fold(batch.close(0, 5, 5).samples);
      return blind.list(table.all(), store).map(({ metric }) => metric);
    };
    expect(feed(other!)).toEqual(['soak.scrape.samples{soak.scrape="own"}']);
    expect(feed(own!)).toEqual([]);
  });

  test('may cover many metrics', () => {
    expect(covers({ metric: 'process.*' }, 'process.cpu.time')).toBe(true);
    expect(covers({ metric: 'process.cpu.time' }, 'process.cpu.time')).toBe(true);
    expect(covers({ metric: 'process.cpu' }, 'process.cpu.time')).toBe(false);
  });

  test('are bounded', () => {
    const blind = new BlindSpots();
    for (let i = 0; i < 2000; i++) blind.watch([event(i, 'blind', { metric: `m${i}`, reason: 'x' })]);
    expect(blind.all().length).toBeLessThanOrEqual(256);
  });
});

describe('words', () => {
  test.each([
    [1_234_567, 'By', '1.23 MB'],
    [512e6, 'By', '512 MB'],
    [-2048, 'By', '-2.05 kB'],
    [40, 'By', '40 B'],
    [0.0123, 's', '12.3 ms'],
    [1.5, 's', '1.5 s'],
    [0.805, '1', '80.5 %'],
    [1024, '{file_descriptor}', '1024'],
    [0.4567, '{thread}', '0.457'],
  ])('%d %s is %s', (value, unit, text) => expect(inWords(value, unit)).toBe(text));

  test('a rate and a run time', () => {
    expect(rateInWords(2.5e6, 'By')).toBe('2.5 MB/h');
    expect([clockTime(5), clockTime(599), clockTime(3600), clockTime(90_061)]).toEqual(['00:00:05', '00:09:59', '01:00', '25:01']);
  });
});

test('RFC 3339 is what Date says, for all of 1970 to 9999', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 253_402_300_799_999 }), (ms) => {
      expect(rfc3339(ms / 1000)).toBe(new Date(Math.trunc((ms / 1000) * 1000)).toISOString());
    }),
    { numRuns: fc.tries(2000) },
  );
});
