/** Tables in files: CSV and NDJSON as rows of numbers, with everything that is wrong in them, each at its place. */
import { statSync } from 'node:fs';
import { Faults } from '../config/faults.ts';
import { didYouMean } from '../config/nearest.ts';
import { readCell, TEXT } from './cells.ts';
import { columnAt, type Entry } from './csv.ts';
import { type Dataset, FIELDS_MAX, type Row } from './dataset.ts';
import { openSource, type Source } from './entries.ts';
import { type Field, meaningOf } from './meaning.ts';
import { type Sample, severalOf, unreadable, whyNoTime } from './shape.ts';
import { dataProblem, textOf } from './text.ts';
import { axisOf, type TimeAxis, timeColumn } from './times.ts';
import { scaleOf } from './units.ts';

export interface SheetOptions {
  /** Name of the time column; null to find it. */
  readonly time: string | null;
  /** Units of columns, as the user wrote them; the time column may be among them. */
  readonly units: ReadonlyMap<string, string>;
  /** Columns that may hold text: a change of a container's id is a restart. */
  readonly restarts: string | null;
  readonly keeps: (name: string) => boolean;
}

/** Rows that are looked at before anything is decided; of very wide ones fewer, which are 10 MB of the heap. */
const PEEK = 200;
const PEEK_CELLS = 200_000;

/** A column of the file that is read. */
interface Cell {
  readonly index: number;
  readonly field: Field;
  /** Texts that were seen, for a column in which a change is what counts. */
  readonly codes: Map<string, number> | null;
  absent: number;
  /** Rows in which it had two figures, of which the first was taken. */
  twice: number;
}

/** @param pieces its text, to be read once */
export async function openSheet(path: string, pieces: AsyncIterable<string>, options: SheetOptions): Promise<Dataset> {
  const source = await openSource(path, pieces);
  const first: Entry[] = [];
  for (let cells = 0; first.length < PEEK && cells < PEEK_CELLS;) {
    const next = await source.entries.next();
    if (next.done) break;
    first.push(...next.value);
    for (const entry of next.value) cells += entry.cells.length;
  }
  return new Sheet(path, source, first, options);
}

class Sheet implements Dataset {
  readonly place: string;
  readonly format: 'csv' | 'ndjson';
  readonly axis: TimeAxis;
  readonly time: string;
  readonly fields: Field[] = [];
  readonly firstTimes: readonly number[];
  readonly #options: SheetOptions;
  readonly #time: number;
  /** Column of the dates of times of a day; -1 for none. */
  readonly #date: number;
  readonly #first: readonly Entry[];
  #source: Source | null;
  #names: readonly string[];
  #comma: boolean;
  /** One for each field. */
  #cells: Cell[] = [];
  /** Names up to here have their cell. */
  #known = 0;
  #rows = 0;
  #left = 0;
  #before = -Infinity;
  /** The first row that goes back in time. */
  #back: number | null = null;
  #earliest = { time: Infinity, line: 0 };
  #latest = { time: -Infinity, line: 0 };
  #faults = new Faults();

  constructor(path: string, source: Source, first: readonly Entry[], options: SheetOptions) {
    this.place = path;
    this.format = source.format;
    this.#source = source;
    this.#names = source.names;
    this.#comma = source.comma;
    this.#first = first;
    this.#options = options;
    if (first.length === 0) throw dataProblem(path, 'it has names of columns and no rows');
    const good = first.filter(({ fault }) => fault === undefined);
    if (good.length === 0) throw dataProblem(`${path}:${first[0]!.line}`, first[0]!.fault!);
    const sample = { names: this.#names, rows: good, comma: this.#comma };
    const axisAt = (i: number): TimeAxis | null => axisOf(this.#names[i]!, good.map((entry) => this.#timeIn(entry, i)), null); // prettier-ignore
    this.#time = this.#timeColumn(axisAt, sample);
    this.time = this.#names[this.#time]!;
    const own = axisAt(this.#time)!;
    this.#date = own.isClock ? this.#names.findIndex((_, i) => axisAt(i)?.isLikely) : -1;
    const axis = axisOf(this.time, good.map((entry) => this.#timeOf(entry)), timeUnit(options.units.get(this.time))) ?? own; // prettier-ignore
    this.axis = { ...axis, text: `${axis.text} in column ${this.time}` };
    this.firstTimes = first.map((entry) => this.axis.read(this.#timeOf(entry))).filter((time) => !Number.isNaN(time));
    this.#meet();
    const several = severalOf(sample, this.#time, good.map((entry) => this.axis.read(this.#timeOf(entry)))); // prettier-ignore
    if (several !== null) throw dataProblem(path, several);
  }

  get ends(): NonNullable<Dataset['ends']> {
    return { first: this.#earliest.line, last: this.#latest.line };
  }

  get notes(): readonly string[] {
    const gaps = this.#cells.filter(({ absent }) => absent > 0).map(({ field, absent }) => `${field.name} ${absent}`);
    const twice = this.#cells.filter((cell) => cell.twice > 0).map(({ field }) => field.name);
    return [
      ...(gaps.length > 0
        ? [`cells without a value, out of ${this.#rows}: ${gaps.slice(0, 10).join(', ')}${gaps.length > 10 ? ', …' : ''}`]
        : []),
      ...(twice.length > 0 ? [`of cells with two figures (used / limit, in / out) the first is taken: ${listed(twice)}`] : []),
      ...(this.#left > 0 ? ['the last line is cut off and was left out'] : []),
    ];
  }

  async *rows(): AsyncIterable<readonly Row[]> {
    const source = this.#source ?? (await this.#reopened());
    const isFirst = this.#source !== null;
    this.#source = null;
    this.#rows = 0;
    this.#faults = new Faults();
    for (const cell of this.#cells) cell.absent = cell.twice = 0;
    if (isFirst) yield this.#read(this.#first);
    for (let next = await source.entries.next(); !next.done; next = await source.entries.next()) {
      yield this.#read(next.value);
      if (this.#faults.full) break;
    }
    this.#faults.throwIfAny();
  }

  /** To sort rows they are read once more; a pipe cannot be. */
  async #reopened(): Promise<Source> {
    if (!statSync(this.place).isFile())
      throw dataProblem(
        this.place,
        `the rows are not in order of time (line ${this.#back} is the first that goes back), and only a file can be read again to sort them`,
      );
    const source = await openSource(this.place, textOf(this.place));
    this.#names = source.names;
    this.#comma = source.comma;
    return source;
  }

  #timeColumn(axisAt: (index: number) => TimeAxis | null, sample: Sample): number {
    const { time } = this.#options;
    if (time === null) {
      const found = timeColumn(this.#names, axisAt);
      if (found >= 0) return found;
      throw dataProblem(this.place, whyNoTime(sample, listed(this.#names)));
    }
    const index = this.#names.indexOf(time);
    if (index < 0)
      throw dataProblem(
        '--time',
        `${this.place} has no column ${time}${didYouMean(time, this.#names) || `; it has ${listed(this.#names)}`}`,
      );
    if (axisAt(index) === null)
      throw dataProblem(
        '--time',
        `the figures of ${time} are no times: RFC 3339, epoch seconds or milliseconds, or seconds from the start`,
      );
    return index;
  }

  #timeOf(entry: Entry): string {
    const time = this.#timeIn(entry, this.#time);
    return this.#date < 0 ? time : `${entry.cells[this.#date]} ${time}`;
  }

  #timeIn({ cells }: Entry, index: number): string {
    const time = cells[index] ?? '';
    return this.#comma ? time.replace(/^(\s*\d+),(\d+\s*)$/, '$1.$2') : time;
  }

  /** Columns that were not there before get their field. */
  #meet(): void {
    this.#refuseTooMany();
    for (; this.#known < this.#names.length; this.#known++) {
      const index = this.#known;
      const name = this.#names[index]!;
      if (!this.#isField(index)) continue;
      const bare = { name, metric: name, labels: {}, isText: false, unit: null };
      const isCode = name === this.#options.restarts || (this.#options.restarts === null && meaningOf(bare).kind === 'restarts');
      this.#cells.push({
        index,
        field: { ...bare, ...this.#kindOf(index, isCode) },
        codes: isCode ? new Map() : null,
        absent: 0,
        twice: 0,
      });
      this.fields.push(this.#cells.at(-1)!.field);
    }
  }

  #isField(index: number): boolean {
    return index !== this.#time && index !== this.#date && this.#options.keeps(this.#names[index]!);
  }

  #refuseTooMany(): void {
    let count = this.fields.length;
    for (let index = this.#known; index < this.#names.length; index++) if (this.#isField(index)) count++;
    if (count > FIELDS_MAX)
      throw dataProblem(this.place, `it has ${count} columns, and at most ${FIELDS_MAX} are analysed at once; choose with --only 'NAME*'`);
  }

  /** Text where no cell of the first rows is a number; a unit where their cells have one. */
  #kindOf(index: number, isCode: boolean): Pick<Field, 'isText' | 'unit'> {
    const values = this.#first.map(({ cells }) => readCell(cells[index] ?? '', this.#comma));
    const sized = values.find((value) => typeof value === 'object');
    const isNumber = values.some((value) => typeof value === 'object' || (typeof value === 'number' && !Number.isNaN(value)));
    const isText = !isCode && !isNumber && values.includes(TEXT);
    const bad = isText ? unreadable({ names: this.#names, rows: this.#first, comma: this.#comma }, index) : null;
    if (bad !== null) {
      const place = this.format === 'csv' ? `${this.place}:${bad.row.line}:${columnAt(bad.row, index)}` : `${this.place}:${bad.row.line}`;
      throw dataProblem(place, `${quoted(bad.text)} in column ${this.#names[index]} is not a number; leave the column out by naming the others with --only, or write plain figures`); // prettier-ignore
    }
    const unit = sized?.unit;
    return { isText, unit: unit === 'By' || unit === 's' || unit === '1' ? unit : null };
  }

  #read(entries: readonly Entry[]): Row[] {
    const rows: Row[] = [];
    for (const entry of entries) {
      if (entry.fault !== undefined) {
        this.#wrong(entry, 0, entry.fault);
        continue;
      }
      if (this.#names.length > this.#known) this.#meet();
      const { length } = this.#names;
      const isMore = entry.cells.length > length && entry.cells.slice(length).some((cell) => cell.trim() !== '');
      if ((isMore || entry.cells.length < length) && (this.format === 'csv' || !entry.whole)) {
        const isCut = !entry.whole && entry.cells.length < this.#names.length;
        if (isCut) this.#left = 1;
        else this.#wrong(entry, 0, `this line has ${entry.cells.length} cells, and there are ${this.#names.length} columns`);
        continue;
      }
      const time = this.axis.read(this.#timeOf(entry));
      if (Number.isNaN(time))
        this.#wrong(entry, this.#time, `${quoted(this.#timeOf(entry))} ${this.axis.whyNot(this.#timeOf(entry))} (${this.axis.text})`);
      else rows.push({ time, values: this.#values(entry), line: entry.line });
      if (time < this.#before) this.#back ??= entry.line;
      this.#before = time;
      if (time < this.#earliest.time) this.#earliest = { time, line: entry.line };
      if (time > this.#latest.time) this.#latest = { time, line: entry.line };
    }
    this.#rows += rows.length;
    return rows;
  }

  #values(entry: Entry): number[] {
    const values: number[] = [];
    for (const cell of this.#cells) {
      const value = cell.field.isText ? NaN : this.#value(entry, cell, entry.cells[cell.index] ?? '');
      if (Number.isNaN(value) && !cell.field.isText) cell.absent++;
      values.push(value);
    }
    return values;
  }

  #value(entry: Entry, cell: Cell, text: string): number {
    const { field, index, codes } = cell;
    const value = readCell(text, this.#comma);
    if (codes !== null && typeof value !== 'number') return codeOf(codes, text.trim());
    if (value === TEXT) {
      const why = Number.isNaN(Number(text)) ? 'not a number' : 'larger than anything that is measured; leave the cell empty';
      return this.#wrong(entry, index, `${quoted(text)} in column ${field.name} is ${why}`);
    }
    if (typeof value === 'object') {
      if (value.isFirst) cell.twice++;
      if (value.unit === field.unit) return value.value;
      return this.#wrong(
        entry,
        index,
        `${quoted(text)} has a unit, and other cells of column ${field.name} have ${field.unit === null ? 'none' : 'another'}`,
      );
    }
    if (field.unit === null || Number.isNaN(value) || value === 0) return value;
    return this.#wrong(entry, index, `${quoted(text)} has no unit, and other cells of column ${field.name} have one`);
  }

  #wrong(entry: Entry, index: number, message: string): number {
    const place = this.format === 'csv' ? `${this.place}:${entry.line}:${columnAt(entry, index)}` : `${this.place}:${entry.line}`;
    this.#faults.add('DATA', place, message);
    return NaN;
  }
}

/** Throws `DATA` for what is no unit of time. */
function timeUnit(word: string | undefined): string | null {
  if (word !== undefined && scaleOf(word)?.unit !== 's')
    throw dataProblem('--unit', `${word} is no unit of a time; ns, us, ms, s, min and h are`);
  return word ?? null;
}

/** Texts that are told apart in one column; a container's id does not change more often. */
const CODES_MAX = 10_000;

function codeOf(codes: Map<string, number>, text: string): number {
  const known = codes.get(text);
  if (known !== undefined) return known;
  if (codes.size >= CODES_MAX) codes.clear();
  codes.set(text, codes.size);
  return codes.size - 1;
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 39)}…` : text);
}

/** Names in a message. */
export function listed(names: readonly string[]): string {
  return names.length <= 12 ? names.join(', ') : `${names.slice(0, 12).join(', ')} and ${names.length - 12} more`;
}
