import * as fc from '../../property.ts';
import { describe, expect, test } from 'vitest';
import type { Row } from '../../../src/import/dataset.ts';
import { Problem } from '../../../src/problem.ts';
import { inOrder, OutOfOrder, sorted } from '../../../src/import/order.ts';

async function* batches(rows: readonly Row[], size: number): AsyncIterable<readonly Row[]> {
  for (let at = 0; at < rows.length; at += size) yield await Promise.resolve(rows.slice(at, at + size));
}

async function all(from: AsyncIterable<readonly Row[]>): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const batch of from) rows.push(...batch);
  return rows;
}

const X = { place: 'x', axis: { kind: 'elapsed', text: '' } } as const;

const row = fc.record({ time: fc.integer({ min: 0, max: 20 }), values: fc.array(fc.integer({ min: 1 }), { maxLength: 3 }) });

describe('rows in order', () => {
  test('sorting keeps every row, and rows of one time in their order, unless they are no one recording', async () => {
    let told = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(row, { maxLength: 50 }), fc.integer({ min: 1, max: 7 }), async (rows, size) => {
        const found = await sorted(X, batches(rows, size)).catch((error: unknown) => {
          expect(error).toBeInstanceOf(Problem);
          told++;
        });
        if (!found) return;
        const ordered = await all(found.rows);
        expect(ordered.map(({ values }) => values).toSorted()).toEqual(rows.map(({ values }) => values).toSorted());
        if (found.notes.some((note) => note.includes('the clock steps back'))) told++;
        else expect(ordered).toEqual(rows.toSorted((a, b) => a.time - b.time));
      }),
    );
    expect(told).toBeLessThan(fc.tries(10));
  });

  test('each time comes once, with the later value of each cell, whatever the pieces', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(row, { maxLength: 50 }), fc.integer({ min: 1, max: 7 }), async (rows, size) => {
        const notes = { replaced: 0, again: [] };
        const ordered = rows.toSorted((a, b) => a.time - b.time);
        const once = await all(inOrder(batches(ordered, size), notes));
        const expected = [...Map.groupBy(ordered, ({ time }) => time)].map(([time, alike]) => {
          const values: number[] = [];
          for (const { values: own } of alike) own.forEach((value, i) => (values[i] = value));
          return { time, values };
        });
        expect(once).toEqual(expected);
        expect(notes.replaced).toBe(rows.length - once.length);
      }),
    );
  });

  test('a cell without a value leaves the earlier one', async () => {
    const rows = [{ time: 1, values: [5, 6] }, { time: 1, values: [NaN, 7] }]; // prettier-ignore
    expect(await all(inOrder(batches(rows, 1), { replaced: 0, again: [] }))).toEqual([{ time: 1, values: [5, 7] }]);
  });

  test('what goes back is told', async () => {
    const rows = [{ time: 2, values: [] }, { time: 1, values: [] }]; // prettier-ignore
    await expect(all(inOrder(batches(rows, 1), { replaced: 0, again: [] }))).rejects.toThrow(OutOfOrder);
  });
});
