import * as fc from '../../property.ts';
import { describe, expect, test } from 'vitest';
import { columnAt, CsvParser, delimiterOf, type Entry } from '../../../src/import/csv.ts';
import { linesOf } from '../../../src/import/text.ts';
import { Problem } from '../../../src/problem.ts';

async function parse(text: string, delimiter = ',', piece = text.length): Promise<Entry[]> {
  const pieces = async function* (): AsyncIterable<string> {
    for (let at = 0; at < text.length; at += piece) yield await Promise.resolve(text.slice(at, at + piece));
  };
  const parser = new CsvParser('x.csv', delimiter);
  const entries: Entry[] = [];
  for await (const lines of linesOf('x.csv', pieces())) {
    for (const line of lines) {
      const entry = parser.push(line);
      if (entry) entries.push(entry);
    }
  }
  parser.end();
  return entries;
}

const cellsOf = async (text: string, delimiter?: string): Promise<(readonly string[])[]> =>
  (await parse(text, delimiter)).map(({ cells }) => cells);

const quoted = (cell: string): string => `"${cell.replaceAll('"', '""')}"`;

describe('CSV', () => {
  test.each([
    ['a,b\n1,2\n', [['a', 'b'], ['1', '2']]], // prettier-ignore
    ['a,b\r\n1,2', [['a', 'b'], ['1', '2']]], // prettier-ignore
    ['a,b\r1,2\r', [['a', 'b'], ['1', '2']]], // prettier-ignore
    ['a,b\r\r1,2', [['a', 'b'], ['1', '2']]], // prettier-ignore
    ['a,"b\rc"\n1,2\n', [['a', 'b\rc'], ['1', '2']]], // prettier-ignore
    ['a,"b,c"\n', [['a', 'b,c']]],
    ['a,"b ""x"" c",\n', [['a', 'b "x" c', '']]],
    ['a,"two\nlines",c\n', [['a', 'two\nlines', 'c']]],
    ['# comment\n\na,b\n#x\n', [['a', 'b']]],
    ['"a"b,c\n', [['ab', 'c']]],
    [',\n', [['', '']]],
  ])('%j', async (text, cells) => {
    expect(await cellsOf(text)).toEqual(cells);
  });

  test('lines that end as on an old Mac, in pieces of any size', async () => {
    for (const piece of [1, 2, 3, 4, 9])
      expect((await parse('a,b\r1,2\r3,4\r', ',', piece)).map(({ line, cells }) => [line, ...cells])).toEqual([
        [1, 'a', 'b'],
        [2, '1', '2'],
        [3, '3', '4'],
      ]);
  });

  test('whatever is quoted comes back, in pieces of any size', async () => {
    const cell = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', ';', ' ', '1', '\t', '#') });
    const row = fc.array(cell, { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(fc.array(row, { maxLength: 6 }), fc.integer({ min: 1, max: 9 }), async (rows, piece) => {
        const text = rows.map((cells) => `${cells.map(quoted).join(',')}\n`).join('');
        expect((await parse(text, ',', piece)).map(({ cells }) => cells)).toEqual(rows);
      }),
    );
  });

  test('anything at all is records or a Problem', async () => {
    const text = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r', ';', '1', '.', '#', '\ufeff', 'é') });
    await fc.assert(
      fc.asyncProperty(text, async (any) => {
        const outcome = await parse(any).catch((error: unknown) => error);
        expect(Array.isArray(outcome) || outcome instanceof Problem).toBe(true);
      }),
    );
  });

  test('a cell is found where it stands', async () => {
    const [entry] = await parse('a,"b, c",d\n');
    expect([0, 1, 2].map((i) => columnAt(entry!, i))).toEqual([1, 3, 10]);
    const [plain] = await parse('abc,d,e\n');
    expect([0, 1, 2].map((i) => columnAt(plain!, i))).toEqual([1, 5, 7]);
  });

  test('a quote that stays open is told by the line it began in', async () => {
    await expect(parse('a,b\n1,"2\n3,4\n')).rejects.toThrow('x.csv:2: a quote that is opened in this line is never closed');
  });

  test('what a quote keeps open is gone through once, however many lines it is', async () => {
    const lines = '\n'.repeat(300_000);
    expect(await cellsOf(`"a${lines}",b\n`)).toEqual([[`a${lines}`, 'b']]);
    await expect(parse(`a,b\n1,"2${lines.repeat(4)}`)).rejects.toThrow('x.csv:2: a quote that is opened in this line is never closed');
  });

  test.each([
    ['time;rss;fds', ';'],
    ['time\trss', '\t'],
    ['time,"a;b;c;d"', ','],
    ['alone', ','],
  ])('the separator of %j', (line, delimiter) => {
    expect(delimiterOf(line)).toBe(delimiter);
  });
});
