/**
 * One line of the InfluxDB line protocol: `measurement,tag=value field=1.5,other=2i 1465839830100400200`.
 * Source: docs.influxdata.com, "Line protocol" of InfluxDB 1.x and 2.x: commas, spaces and equals signs are escaped by a backslash outside
 * of quotes; within quotes only quotes and backslashes are; any other backslash is one.
 */
import { cut } from '../problem.ts';
import { LABELS_MAX } from './refusals.ts';

export interface Line {
  readonly measurement: string;
  readonly tags: Readonly<Record<string, string>>;
  /** Fields that are numbers. */
  readonly fields: readonly (readonly [name: string, value: number])[];
  /** In the precision of the request; null when it is left to the server. */
  readonly timestamp: number | null;
}

/** What is wrong with the line, as a sentence that repeats nothing of it. */
export interface LineFault {
  readonly wrong: string;
}

/** JMeter sends some 12 fields, k6 one. */
const FIELDS_MAX = 256;

/** Never throws. */
export function parseLine(text: string): Line | LineFault {
  const scan = new Scan(text);
  const measurement = scan.word(', ');
  if (measurement === '') return wrong('it should begin with a measurement');
  const tags = readTags(scan);
  if (typeof tags === 'string') return wrong(tags);
  const fields = readFields(scan);
  if (typeof fields === 'string') return wrong(fields);
  const timestamp = scan.rest().trim();
  if (timestamp !== '' && !/^-?\d{1,20}$/.test(timestamp)) return wrong('after the fields there should be a timestamp in whole numbers, or nothing');
  return { measurement: cut(measurement), tags, fields, timestamp: timestamp === '' ? null : Number(timestamp) };
}

function wrong(text: string): LineFault {
  return { wrong: text };
}

/** What is wrong is a text. */
function readTags(scan: Scan): Record<string, string> | string {
  const tags: Record<string, string> = {};
  let count = 0;
  while (scan.takes(',')) {
    const key = scan.word('=, ');
    if (key === '' || !scan.takes('=')) return 'a tag should be name=value';
    const value = scan.word(', ');
    if (value === '') return 'a tag should have a value';
    if (++count > LABELS_MAX) return `it should have at most ${LABELS_MAX} tags`;
    if (key !== '__proto__') tags[cut(key)] = cut(value);
  }
  return scan.takes(' ') ? tags : 'after the tags there should be a space and the fields';
}

function readFields(scan: Scan): [string, number][] | string {
  const fields: [string, number][] = [];
  scan.skip(' ');
  do {
    const key = scan.word('=, ');
    if (key === '' || !scan.takes('=')) return 'a field should be name=value';
    const value = scan.quotes() ? readText(scan) : readValue(scan.word(', '));
    if (typeof value === 'string') return value;
    if (value !== null) fields.push([cut(key), value]);
    if (fields.length > FIELDS_MAX) return `it should have at most ${FIELDS_MAX} fields`;
  } while (scan.takes(','));
  return scan.atEnd() || scan.takes(' ') ? fields : 'after a field there should be a comma, a space, or the end of the line';
}

/** Texts are no figures. */
function readText(scan: Scan): null | string {
  return scan.quoted() ? null : 'a text is not closed by a quote';
}

const BOOLEAN = /^(t|T|true|True|TRUE|f|F|false|False|FALSE)$/;
const NUMBER = /^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$/;
const INTEGER = /^-?\d{1,20}[iu]$/;

/** Null: no figure. */
function readValue(text: string): number | null | string {
  if (BOOLEAN.test(text)) return null;
  if (!NUMBER.test(text) && !INTEGER.test(text)) return 'a field should be a number such as 1.5, 2i or 2u, true, false, or a text in quotes';
  const value = Number(text.replace(/[iu]$/, ''));
  return Number.isFinite(value) ? value : 'a field is larger than any number';
}

/** Goes through a line once. */
class Scan {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  atEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  takes(sign: string): boolean {
    if (this.#text[this.#at] !== sign) return false;
    this.#at++;
    return true;
  }

  skip(sign: string): void {
    while (this.takes(sign));
  }

  quotes(): boolean {
    return this.#text[this.#at] === '"';
  }

  /** Up to one of the signs that is not escaped. */
  word(ends: string): string {
    const from = this.#at;
    let escaped = false;
    for (; this.#at < this.#text.length; this.#at++) {
      const sign = this.#text[this.#at]!;
      if (sign === '\\') {
        escaped = true;
        this.#at++;
      } else if (ends.includes(sign)) break;
    }
    const word = this.#text.slice(from, this.#at);
    return escaped ? word.replaceAll(/\\([,= \\])/g, '$1') : word;
  }

  /** Goes behind a text in quotes; false when it has no end. */
  quoted(): boolean {
    for (this.#at++; this.#at < this.#text.length; this.#at++) {
      if (this.#text[this.#at] === '\\') this.#at++;
      else if (this.#text[this.#at] === '"') {
        this.#at++;
        return true;
      }
    }
    return false;
  }

  rest(): string {
    return this.#text.slice(this.#at);
  }
}
