/** Tables that are none of a row for each moment: what they are instead, and what would make them one. */
import { slashesOf } from './dates.ts';
import type { Entry } from './csv.ts';
import { readCell, TEXT } from './cells.ts';
import { meaningOf } from './meaning.ts';
import { isTimeName } from './times.ts';

/** The first rows of a table. */
export interface Sample {
  readonly names: readonly string[];
  readonly rows: readonly Entry[];
  readonly comma: boolean;
}

/** Columns that say of what a row is. */
const SOURCE =
  /^(?:host(?:_?name)?|instance|pod|node|name|container(?:_?(?:id|name))?|server|device|iface|interface|command|process|job|service|metric|series|field)$/i;
const PID = /^(?:pid|process_?id)$/i;

/** A value that comes back after another is no restart; three times is no chance. */
const RETURNS = 3;

/**
 * Why the rows are of several things that take turns: as series of one thing, their figures would be thrown together or away. Null when they
 * are not.
 * @param times of the rows
 */
export function severalOf({ names, rows, comma }: Sample, time: number, times: readonly number[]): string | null {
  const isShared = times.length >= 4 && new Set(times).size <= times.length / 2;
  const columns = names.flatMap((name, i) => {
    if (i === time) return [];
    const cells = rows.map(({ cells: own }) => (own[i] ?? '').trim());
    const isText = cells.some((cell) => readCell(cell, comma) === TEXT) && !cells.some((cell) => typeof readCell(cell, comma) === 'number');
    return isText || PID.test(name) ? [{ name, cells }] : [];
  });
  const several = columns.filter(({ cells }) => new Set(cells).size > 1);
  const [key] = isShared ? several : [];
  const one = key ?? several.find(({ name, cells }) => (SOURCE.test(name) || PID.test(name)) && returns(cells) >= RETURNS);
  if (one === undefined) return null;
  const [first, second] = new Set(one.cells);
  const seen = key === undefined ? `${first} and ${second} take turns in column ${one.name}` : 'several rows share a time';
  return `${seen}: it seems to have a row for each ${one.name}; give it a column for each instead, or a file`;
}

function returns(cells: readonly string[]): number {
  const seen = new Set<string>();
  let count = 0;
  cells.forEach((cell, i) => {
    if (cell !== cells[i - 1] && seen.has(cell)) count++;
    seen.add(cell);
  });
  return count;
}

/** `top -b` writes a screen of many processes, and the time of day alone. */
const TOP =
  'it is a log of top, which has a screen for each moment and no dates: record with pidstat -h -r -p PID 60, or watch with soak-agent itself';

/** What is the matter with a table in which no column is a time. */
export function whyNoTime({ names, rows }: Sample, listed: string): string {
  if (names.length === 0) return 'it is JSON without figures of its own in any line; NDJSON has an object of names and figures a line';
  if (names[0]!.startsWith('top - ')) return TOP;
  const slashed = names.findIndex((_, i) => slashesOf(rows.map(({ cells }) => cells[i] ?? '')) === 'unknown');
  if (slashed >= 0) {
    const cell = JSON.stringify(rows[0]!.cells[slashed] ?? '');
    return `nobody can tell the day from the month in dates such as ${cell} in column ${names[slashed]}; write them as 2025-10-09 08:53`;
  }
  const unread = names.findIndex((name, i) => isTimeName(name) && rows.some(({ cells }) => (cells[i] ?? '').trim() !== ''));
  if (unread >= 0) {
    const cell = rows.map(({ cells }) => (cells[unread] ?? '').trim()).find((text) => text !== '');
    return `${JSON.stringify(cell)} in column ${names[unread]} is no time that can be read; write it as 2025-10-09 08:53:20, or in epoch seconds`;
  }
  const blanks = [...rows.map(({ cells }) => cells.join()), names.join()].filter((text) => /\S\s+\S+\s+\S/.test(text)).length;
  if (blanks > rows.length / 2 && rows.every(({ cells }) => cells.length < 3))
    return 'its columns seem to be separated by blanks, and it is not a line of names with a row for each moment, as psrecord, pidstat -h, jstat -t and sadf -d write it';
  return `no column is a time; say which with --time COLUMN (the columns are ${listed})`;
}

/** A cell that begins as a figure, in a column whose figures would be judged by its name: to leave it out might pass what leaks. */
export function unreadable({ names, rows, comma }: Sample, index: number): { readonly row: Entry; readonly text: string } | null {
  const { kind, errors } = meaningOf({ metric: names[index]!, unit: null });
  if (kind !== 'memory' && kind !== 'count' && kind !== 'latency' && errors === undefined) return null;
  const found = rows.find(({ cells }) => /^[+-]?\.?\d/.test((cells[index] ?? '').trim()) && readCell(cells[index]!, comma) === TEXT);
  return found === undefined ? null : { row: found, text: found.cells[index]!.trim() };
}
