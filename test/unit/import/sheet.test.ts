/** Tables of any content: rows or a Problem, and no number that is not in the file. */
import * as fc from '../../property.ts';
import { expect, test } from 'vitest';
import { openSheet } from '../../../src/import/sheet.ts';
import { textOf } from '../../../src/import/text.ts';
import { Problem } from '../../../src/problem.ts';
import { Folder } from './data.ts';

const OPTIONS = { time: null, units: new Map<string, string>(), restarts: null, keeps: () => true };

async function read(path: string): Promise<{ fields: readonly string[]; rows: (readonly number[])[] } | Problem> {
  try {
    const sheet = await openSheet(path, textOf(path), OPTIONS);
    const rows: (readonly number[])[] = [];
    for await (const batch of sheet.rows()) rows.push(...batch.map(({ values }) => values));
    return { fields: sheet.fields.map(({ name }) => name), rows };
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
}

const cell = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 99 }).map(String) },
  { weight: 2, arbitrary: fc.constantFrom('', 'NaN', 'null', '-', '0', '0.0') },
  { weight: 1, arbitrary: fc.constantFrom('x', '12MB', '1,2', '#', '3s', 'é') },
);

// Without quotes: an open one makes one field of several lines, as it must.
test('whatever is in a table is rows or a Problem, and a zero only where one is written', async () => {
  using folder = new Folder();
  const table = fc.array(fc.oneof({ weight: 20, arbitrary: fc.tuple(cell, cell, cell) }, { weight: 1, arbitrary: fc.tuple(cell, cell) }), {
    minLength: 1,
    maxLength: 12,
  });
  await fc.assert(
    fc.asyncProperty(table, async (cells) => {
      const text = `time,a,b,c\n${cells.map((row, i) => `${i},${row.join(',')}`).join('\n')}\n`;
      const result = await read(folder.file('x.csv', text));
      if (result instanceof Problem) {
        expect(result.code).toBe('DATA');
        return;
      }
      const zeros = result.rows.flat().filter((value) => value === 0).length;
      expect(zeros).toBe(cells.flat().filter((one) => one.startsWith('0')).length);
      expect(result.rows).toHaveLength(cells.length);
    }),
    { numRuns: fc.tries(300) },
  );
});

test('any bytes are rows or a Problem', async () => {
  using folder = new Folder();
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.string({ unit: fc.constantFrom('{', '}', '"', ':', ',', '1', 't', '\n', ' ', 'time') }).map((text) => Buffer.from(text)),
  );
  await fc.assert(
    fc.asyncProperty(bytes, async (content) => {
      await read(folder.file('x', content));
    }),
    { numRuns: fc.tries(300) },
  );
});

test('keys that come late are columns from then on, and absent before', async () => {
  using folder = new Folder();
  const lines = Array.from({ length: 2000 }, (_, i) =>
    JSON.stringify({ t: i, a: 1, padding: 'x'.repeat(60), ...(i >= 1500 ? { late: 5 } : {}) }),
  );
  const result = await read(folder.file('x.ndjson', lines.join('\n')));
  if (result instanceof Problem) throw result;
  expect(result.fields).toEqual(['a', 'padding', 'late']);
  expect(result.rows[1499]![2] ?? NaN).toBeNaN();
  expect(result.rows[1500]).toEqual([1, NaN, 5]);
  expect(result.rows).toHaveLength(2000);
});

test('of very wide rows few are looked at before anything is decided: 200 of them would not fit into the heap', async () => {
  using folder = new Folder();
  const names = Array.from({ length: 10_000 }, (_, i) => `c${i}`);
  const rows = Array.from({ length: 60 }, (_, i) => `${i}${',1'.repeat(names.length)}`);
  const path = folder.file('wide.csv', `time,${names.join(',')}\n${rows.join('\n')}\n`);
  const sheet = await openSheet(path, textOf(path), { ...OPTIONS, keeps: (name) => name === 'c7' });
  expect(sheet.firstTimes.length).toBeLessThan(30);
  let count = 0;
  for await (const batch of sheet.rows()) count += batch.length;
  expect([sheet.fields.map(({ name }) => name), count]).toEqual([['c7'], 60]);
});
