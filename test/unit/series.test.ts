import { describe, expect, test } from 'vitest';
import { defineMetrics } from '../../src/catalog.ts';
import { seriesLabel, SERIES_MAX, SeriesTable } from '../../src/series.ts';

const M = defineMetrics({
  plain: { name: 'x.plain', unit: 'By', kind: 'gauge', help: 'x', growth: 'none', alias: 'plain' },
  closed: { name: 'x.closed', unit: '1', kind: 'gauge', help: 'x', growth: 'none', labels: { way: ['in', 'out'] } },
  both: { name: 'x.both', unit: '1', kind: 'gauge', help: 'x', growth: 'none', labels: { way: ['in', 'out'], end: ['in', 'out'] } },
  capped: { name: 'x.capped', unit: '1', kind: 'gauge', help: 'x', growth: 'none', labels: { path: { max: 2 } } },
});

const owner = { source: 's', target: 'api', member: null, period: 1 };

describe('SeriesTable', () => {
  test('the same identity is the same series, whoever asks again', () => {
    const table = new SeriesTable();
    const id = table.open(owner, M.plain);
    expect(table.open({ ...owner, period: 5 }, M.plain)).toBe(id);
    expect(table.open({ ...owner, member: '1' }, M.plain)).not.toBe(id);
    expect(table.open(owner, M.closed, { way: 'in' })).not.toBe(table.open(owner, M.closed, { way: 'out' }));
    const both = table.open(owner, M.both, { way: 'in', end: 'out' });
    expect(table.open(owner, M.both, { end: 'out', way: 'in' })).toBe(both);
    expect(table.open(owner, M.both, { end: 'in', way: 'out' })).not.toBe(both);
  });

  test('a label beyond its cap is refused and reported once', () => {
    const reports: string[] = [];
    const table = new SeriesTable((what) => reports.push(what));
    expect(['a', 'b', 'c', 'd', 'a'].map((path) => table.open(owner, M.capped, { path }))).toEqual([0, 1, -1, -1, 0]);
    expect(reports).toEqual(['values of path of x.capped']);
  });

  test('ends at its cap', () => {
    const reports: string[] = [];
    const table = new SeriesTable((what) => reports.push(what));
    for (let i = 0; i < SERIES_MAX + 5; i++) table.open({ ...owner, target: `t${i}` }, M.plain);
    expect(table.size).toBe(SERIES_MAX);
    expect(reports).toHaveLength(1);
  });

  test('comes back from a record with the same ids, or not at all', () => {
    const table = new SeriesTable();
    table.open(owner, M.plain);
    table.open(owner, M.closed, { way: 'in' });
    const again = new SeriesTable();
    for (const series of table.all()) again.restore(series);
    expect(again.all()).toEqual(table.all());
    expect(() => new SeriesTable().restore(table.get(1))).toThrow();
  });

  test('is named as tables and reports show it', () => {
    const table = new SeriesTable();
    table.open({ ...owner, member: '2' }, M.plain);
    table.open({ ...owner, target: null }, M.capped, { path: '/' });
    expect(table.all().map(seriesLabel)).toEqual(['api/2 plain', 's x.capped{path="/"}']);
  });

  test('an undeclared label or value does not compile', () => {
    const table = new SeriesTable();
    // @ts-expect-error the label has a closed set of values
    expect(() => table.open(owner, M.closed, { way: 'up' })).not.toThrow();
    // @ts-expect-error the metric has no labels
    table.open(owner, M.plain, { way: 'in' });
  });
});
