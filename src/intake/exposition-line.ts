/** One line of a page after the other: names, labels, value and time of a sample, or what a comment declares. */

/** Prometheus' own default is no limit; 64 labels are more than any exporter has, and values longer than 4,096 are no labels. */
export const LABELS_MAX = 64;
export const LABEL_NAME_MAX = 256;
export const LABEL_VALUE_MAX = 4096;
const NAME_MAX = 1024;

/** Why a line cannot be read; completes a sentence and quotes nothing of it. */
export class BadLine extends Error {}

const TAB = 9;
const NEWLINE = 10;
const RETURN = 13;
const SPACE = 32;
const QUOTE = 34;
const HASH = 35;
const COMMA = 44;
const EQUALS = 61;
const BACKSLASH = 92;
const OPEN = 123;
const CLOSE = 125;

const NAME = /[a-zA-Z_:][a-zA-Z0-9_:]*/y;
const LABEL = /[a-zA-Z_][a-zA-Z0-9_]*/y;
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;
const INFINITE = /^([+-]?)inf(?:inity)?$/i;

export interface Declaration {
  readonly what: 'type' | 'unit' | 'end';
  readonly name: string;
  readonly text: string;
}

export interface Sample {
  readonly name: string;
  readonly labels: Record<string, string>;
  /** May be NaN or infinite. */
  readonly value: number;
  /** As it is written; null when there is none. */
  readonly time: number | null;
}

export class LineReader {
  readonly #text: string;
  #at = 0;
  #end = -1;
  /** Of the line, from 1. */
  line: number;

  /** @param first number of the first line of the text */
  constructor(text: string, first: number) {
    this.#text = text;
    this.line = first - 1;
  }

  /** Goes to the next line that is not blank; false at the end. */
  next(): boolean {
    const text = this.#text;
    while (this.#end < text.length) {
      this.#at = this.#end + 1;
      if (this.#at >= text.length) return false;
      const found = text.indexOf('\n', this.#at);
      this.#end = found === -1 ? text.length : found;
      this.line++;
      this.#space();
      if (!this.#isOver()) return true;
    }
    return false;
  }

  get isComment(): boolean {
    return this.#text.charCodeAt(this.#at) === HASH;
  }

  /** What a comment declares; null for help and remarks. */
  declaration(): Declaration | null {
    this.#at++;
    this.#space();
    const what = this.#word();
    if (what === 'EOF') return { what: 'end', name: '', text: '' };
    if (what !== 'TYPE' && what !== 'UNIT') return null;
    this.#space();
    const name = this.#text.charCodeAt(this.#at) === QUOTE ? this.#quoted(NAME_MAX) : this.#word();
    this.#space();
    const text = this.#word();
    if (name === '') throw new BadLine(`after # ${what} comes the name of a metric`);
    return { what: what === 'TYPE' ? 'type' : 'unit', name, text };
  }

  /** @throws {BadLine} */
  sample(): Sample {
    const labels: Record<string, string> = {};
    let name = this.#text.charCodeAt(this.#at) === OPEN ? '' : this.#name(NAME, NAME_MAX, 'a metric');
    this.#space();
    if (this.#text.charCodeAt(this.#at) === OPEN) name = this.#labels(labels, name);
    if (name === '') throw new BadLine('there is no name of a metric before the labels or first among them');
    this.#space();
    const value = numberOf(this.#word());
    this.#space();
    const isTimed = !this.#isOver() && !this.isComment;
    const time = isTimed ? numberOf(this.#word()) : null;
    this.#space();
    if (!this.#isOver() && !this.isComment) throw new BadLine('something follows the value and its time');
    return { name, labels, value, time: time !== null && Number.isFinite(time) ? time : null };
  }

  /** `{"name of the metric",label="value"}`: a quoted name without a value names the metric. Returns that name. */
  #labels(labels: Record<string, string>, before: string): string {
    const text = this.#text;
    let name = before;
    this.#at++;
    for (let count = 0; ; count++) {
      this.#space();
      if (text.charCodeAt(this.#at) === CLOSE) break;
      if (count >= LABELS_MAX) throw new BadLine(`it has more than ${LABELS_MAX} labels`);
      const isQuoted = text.charCodeAt(this.#at) === QUOTE;
      const label = isQuoted ? this.#quoted(NAME_MAX) : this.#name(LABEL, LABEL_NAME_MAX, 'a label');
      this.#space();
      if (text.charCodeAt(this.#at) === EQUALS) labels[label] = this.#value();
      else if (isQuoted && name === '') name = label;
      else throw new BadLine('after the name of a label comes =');
      this.#space();
      const then = text.charCodeAt(this.#at);
      if (then === COMMA) this.#at++;
      else if (then !== CLOSE) throw new BadLine('labels are divided by commas and end with }');
    }
    this.#at++;
    return name;
  }

  #value(): string {
    this.#at++;
    this.#space();
    if (this.#text.charCodeAt(this.#at) !== QUOTE) throw new BadLine('the value of a label stands in quotes');
    return this.#quoted(LABEL_VALUE_MAX);
  }

  /** From the quote before to the one behind it. */
  #quoted(max: number): string {
    const text = this.#text;
    const from = this.#at + 1;
    let at = from;
    let isEscaped = false;
    for (let code = text.charCodeAt(at); code !== QUOTE; code = text.charCodeAt(at)) {
      if (at >= this.#end) throw new BadLine('a quote is not closed');
      if (code === BACKSLASH) {
        isEscaped = true;
        at++;
      }
      at++;
    }
    if (at - from > max) throw new BadLine(`a name or the value of a label is longer than ${max}`);
    this.#at = at + 1;
    const raw = text.slice(from, at);
    return isEscaped ? raw.replaceAll(/\\(.)/g, (all, one: string) => (one === 'n' ? '\n' : one === '"' || one === '\\' ? one : all)) : raw;
  }

  #name(pattern: RegExp, max: number, what: string): string {
    pattern.lastIndex = this.#at;
    if (!pattern.test(this.#text)) throw new BadLine(`the name of ${what} should be here: letters, digits and _`);
    const name = this.#text.slice(this.#at, pattern.lastIndex);
    if (name.length > max) throw new BadLine(`the name of ${what} is longer than ${max}`);
    this.#at = pattern.lastIndex;
    return name;
  }

  /** Up to the next blank. */
  #word(): string {
    const from = this.#at;
    while (this.#at < this.#end && !isBlank(this.#text.charCodeAt(this.#at))) this.#at++;
    return this.#text.slice(from, this.#at);
  }

  #space(): void {
    while (this.#at < this.#end && isBlank(this.#text.charCodeAt(this.#at))) this.#at++;
  }

  #isOver(): boolean {
    return this.#at >= this.#end;
  }
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB || code === RETURN || code === NEWLINE;
}

function numberOf(word: string): number {
  if (NUMBER.test(word)) return Number(word);
  if (/^[+-]?nan$/i.test(word)) return NaN;
  const sign = INFINITE.exec(word)?.[1];
  if (sign === undefined) throw new BadLine(word === '' ? 'there is no value' : 'the value is not a number');
  return sign === '-' ? -Infinity : Infinity;
}
