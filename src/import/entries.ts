/** Files as entries: lines of CSV or objects of NDJSON, told apart by the first line, with the names of their columns. */
import { Faults } from '../config/faults.ts';
import { blankEntry, blankNames } from './blanks.ts';
import { readCell, TEXT } from './cells.ts';
import { readDate } from './dates.ts';
import { columnAt, CsvParser, delimiterOf, type Entry } from './csv.ts';
import { NdjsonParser } from './ndjson.ts';
import { dataProblem, type Line, linesOf } from './text.ts';

/** One file, cut into entries. The names may grow while it is read. */
export interface Source {
  readonly format: 'csv' | 'ndjson';
  readonly names: readonly string[];
  /** Comma in numbers. */
  readonly comma: boolean;
  readonly entries: AsyncIterator<readonly Entry[]>;
}

/** Excel is told the separator so; the line of names shows it as well. */
const SEPARATOR = /^"?sep=."?$/i;

/** `pidstat` and its like say first where they ran. */
const PLACE = /^Linux \S+ \(.*\(\d+ CPU\)\s*$/;

function isPreamble(text: string): boolean {
  return text.trim() === '' || SEPARATOR.test(text) || PLACE.test(text);
}

/** Throws `DATA` when there is nothing in it, or no names of columns. */
export async function openSource(path: string, pieces: AsyncIterable<string>): Promise<Source> {
  const lines = linesOf(path, pieces)[Symbol.asyncIterator]();
  const comments: Line[] = [];
  for (let next = await lines.next(); !next.done; next = await lines.next()) {
    const at = next.value.findIndex(({ text }) => !isPreamble(text) && !text.startsWith('#'));
    comments.push(...next.value.slice(0, at < 0 ? undefined : at).filter(({ text }) => text.startsWith('#')));
    if (at < 0) continue;
    const rest = next.value.slice(at);
    if (rest[0]!.text.trimStart().startsWith('{')) return ndjson(rest, lines);
    const names = blankNames(rest, comments.at(-1));
    return names === null ? csv(path, rest, lines, comments.at(-1)) : blanks(path, names, rest, lines);
  }
  throw dataProblem(path, 'there is nothing in it');
}

function ndjson(first: readonly Line[], lines: AsyncIterator<readonly Line[]>): Source {
  const parser = new NdjsonParser();
  const entries = chained(first, lines, (line) => parser.push(line));
  return { format: 'ndjson', names: parser.names, comma: false, entries };
}

function blanks(path: string, names: readonly string[], first: readonly Line[], lines: AsyncIterator<readonly Line[]>): Source {
  const header = { line: first[0]!.number, cells: names, starts: null, whole: true };
  const entries = chained(first, lines, (line) => blankEntry(line, names));
  return { format: 'csv', names: checkedNames(path, header, names), comma: false, entries };
}

async function csv(
  path: string,
  first: readonly Line[],
  lines: AsyncIterator<readonly Line[]>,
  comment: Line | undefined,
): Promise<Source> {
  const delimiter = delimiterOf(first[0]!.text);
  const parser = new CsvParser(path, delimiter);
  const entries = chained(
    first,
    lines,
    (line) => parser.push(line),
    () => parser.end(),
  );
  let read = await entries.next();
  while (!read.done && read.value.length === 0) read = await entries.next();
  if (read.done) throw dataProblem(path, 'there is nothing in it');
  const comma = delimiter === ';';
  const named = comment?.text.replace(/^#\s*/, '').split(delimiter) ?? [];
  const isNumbers = isFigures(read.value[0]!.cells, named, comma);
  if (isNumbers && named.length !== read.value[0]!.cells.length) {
    throw dataProblem(`${path}:${read.value[0]!.line}`, 'there is no line with the names of the columns before the figures');
  }
  const names = (isNumbers ? named : read.value[0]!.cells).map((name) => name.trim());
  const body = isNumbers ? read.value : read.value.slice(1);
  return { format: 'csv', names: checkedNames(path, read.value[0]!, names), comma, entries: prepended(body, entries) };
}

/** Names are no figures and no dates; text beside figures is a row as well where a comment before it has the names (`sadf -d`). */
function isFigures(cells: readonly string[], named: readonly string[], comma: boolean): boolean {
  const figures = (row: readonly string[]): number => row.filter((cell) => readCell(cell, comma) !== TEXT).length;
  if (figures(cells) === cells.length || cells.some((cell) => !Number.isNaN(readDate(cell)))) return true;
  return named.length === cells.length && figures(named) === 0 && figures(cells) > 0;
}

function checkedNames(path: string, header: Entry, names: readonly string[]): readonly string[] {
  const faults = new Faults();
  const seen = new Set<string>();
  names.forEach((name, i) => {
    if (seen.has(name)) faults.add('DATA', `${path}:${header.line}:${columnAt(header, i)}`, `two columns are called ${name}`);
    if (name !== '') seen.add(name);
  });
  faults.throwIfAny();
  return names.map((name, i) => name || `column ${i + 1}`);
}

async function* chained(
  first: readonly Line[],
  rest: AsyncIterator<readonly Line[]>,
  parse: (line: Line) => Entry | null,
  end: () => void = () => {},
): AsyncGenerator<readonly Entry[]> {
  const parsed = (lines: readonly Line[]): Entry[] => lines.map(parse).filter((entry) => entry !== null);
  yield parsed(first);
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield parsed(next.value);
  end();
}

async function* prepended(first: readonly Entry[], rest: AsyncIterator<readonly Entry[]>): AsyncGenerator<readonly Entry[]> {
  yield first;
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
}
