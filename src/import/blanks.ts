/** Tables whose columns are set apart by blanks, as `psrecord`, `pidstat -h` and `jstat -t` print them. */
import type { Entry } from './csv.ts';
import { readCell, TEXT } from './cells.ts';
import { readClock } from './dates.ts';
import type { Line } from './text.ts';

/** What stands between cells elsewhere; a table that has any of it is no such table. */
const SIGNS = /[,;\t|"]/;

/**
 * The names, where as many stand in a line (or in the comment before the figures) as there are cells in the row below it; null where not. Blanks
 * within names are single ones.
 */
export function blankNames(first: readonly Line[], comment: Line | undefined): readonly string[] | null {
  const lines = first.filter(({ text }) => text.trim() !== '' && !text.startsWith('#')).map(({ text }) => text);
  const isCommented = comment !== undefined && lines[0] !== undefined && isRow(lines[0]);
  const [header, row] = isCommented ? [comment.text.replace(/^#\s*/, ''), lines[0]] : lines;
  if (header === undefined || row === undefined || SIGNS.test(header) || SIGNS.test(row) || !isRow(row)) return null;
  const count = cellsOf(row).length;
  const names = [/\s{2,}/, /\s+/].map((between) => header.trim().split(between)).find(({ length }) => length === count);
  return names === undefined || count < 2 || names.some(isFigure) ? null : names;
}

function isRow(text: string): boolean {
  return isFigure(cellsOf(text)[0] ?? '');
}

function isFigure(cell: string): boolean {
  return readCell(cell, false) !== TEXT || !Number.isNaN(readClock(cell));
}

function cellsOf(text: string): string[] {
  return text.trim().split(/\s+/);
}

/** Null for comments and empty lines, and where the names stand again. */
export function blankEntry({ text, number, whole }: Line, names: readonly string[]): Entry | null {
  if (text.trim() === '' || text.startsWith('#')) return null;
  const found = [...text.matchAll(/\S+/g)];
  const cells = found.map(([cell]) => cell);
  if (cells.join(' ') === names.join(' ')) return null;
  return { line: number, cells, starts: found.map(({ index }) => index + 1), whole };
}
