/**
 * Comma-separated values (RFC 4180), and what is called so: semicolons, tabs or bars between the cells, `#` before a comment. Lines come in,
 * records go out; only a record that a quote keeps open is held.
 */
import { dataProblem, type Line } from './text.ts';

/** One line of a table, or one object of NDJSON. */
export interface Entry {
  /** Number of its first line, from 1. */
  readonly line: number;
  readonly cells: readonly string[];
  /** Columns (from 1) at which the cells begin; null where each is as long as it was. */
  readonly starts: readonly number[] | null;
  /** False for a last line without its end: it may be cut off. */
  readonly whole: boolean;
  /** Why it is no entry at all; it has no cells then. */
  readonly fault?: string;
}

const DELIMITERS = [',', ';', '\t', '|'] as const;

/** The likeliest separator of a line: the one that is there most often outside quotes. */
export function delimiterOf(line: string): string {
  const bare = line.replaceAll(/"[^"]*"/g, '');
  const counts = DELIMITERS.map((delimiter) => bare.split(delimiter).length);
  return DELIMITERS[counts.indexOf(Math.max(...counts))]!;
}

/** A quote that is never closed would take the rest of the file. */
const QUOTED_MAX = 1_000_000;

export class CsvParser {
  readonly #path: string;
  readonly #delimiter: string;
  /** Lines of a record whose quote is still open, how long they are together, and the number of the first one; 0 for none. */
  #open: string[] = [];
  #length = 0;
  #line = 0;

  constructor(path: string, delimiter: string) {
    this.#path = path;
    this.#delimiter = delimiter;
  }

  /** The record that ends with this line; null for comments, empty lines, and when a quote is open. */
  push({ text, number, whole }: Line): Entry | null {
    const isOpen = this.#line > 0;
    if (!isOpen) {
      if (text === '' || text.startsWith('#')) return null;
      if (!text.includes('"')) return { line: number, cells: text.split(this.#delimiter), starts: null, whole };
      this.#line = number;
    }
    this.#open.push(text);
    this.#length += text.length + 1;
    // In a whole record quotes come in pairs: those around a cell, and those doubled within. Lines that keep it so keep it open, or whole.
    if ((text.split('"').length % 2 === 0) !== isOpen) {
      if (this.#length > QUOTED_MAX) this.end();
      return null;
    }
    const entry = { line: this.#line, ...splitQuoted(this.#open.join('\n'), this.#delimiter), whole };
    this.#open = [];
    this.#length = 0;
    this.#line = 0;
    return entry;
  }

  /** Throws `DATA` when a quote is still open. */
  end(): void {
    if (this.#line > 0) throw dataProblem(`${this.#path}:${this.#line}`, 'a quote that is opened in this line is never closed');
  }
}

/** Cells of a record that has quotes. What stands beside the quotes in a cell is kept. */
function splitQuoted(text: string, delimiter: string): { cells: string[]; starts: number[] } {
  const cells: string[] = [];
  const starts: number[] = [];
  for (let at = 0; at <= text.length;) {
    const start = at;
    let cell = '';
    while (at < text.length && text[at] !== delimiter) {
      const end = text[at] === '"' ? closing(text, at) : nextOf(text, at, delimiter);
      cell += text[at] === '"' ? text.slice(at + 1, end - 1).replaceAll('""', '"') : text.slice(at, end);
      at = end;
    }
    cells.push(cell);
    starts.push(start + 1);
    at++; // over the delimiter, or beyond the end
  }
  return { cells, starts };
}

/** Just after the quote that closes the one at `at`. */
function closing(text: string, at: number): number {
  let end = text.indexOf('"', at + 1);
  while (end >= 0 && text[end + 1] === '"') end = text.indexOf('"', end + 2);
  return end < 0 ? text.length : end + 1;
}

/** The next delimiter or quote after `at`. */
function nextOf(text: string, at: number, delimiter: string): number {
  for (let end = at + 1; end < text.length; end++) if (text[end] === delimiter || text[end] === '"') return end;
  return text.length;
}

/** Column (from 1) at which a cell begins. */
export function columnAt({ cells, starts }: Entry, index: number): number {
  return starts?.[index] ?? cells.slice(0, index).reduce((sum, cell) => sum + cell.length + 1, 1);
}
