/**
 * Cuts JSON of OTLP where its points are, so that they can be parsed one by one: the objects of a whole body live until all of it is read,
 * and cost the collector more than they cost the parser. Only quotes, brackets and commas are looked at: whether a piece is JSON is for the
 * parser to say, and what is not spelled as senders do is not cut at all.
 */
import { Unreadable } from './refusals.ts';

/**
 * Opening brackets and commas. An attribute of 50 bytes has four of them, so that 4 MB of points come to 320,000. Parsed at once, 400,000 of
 * the worst (`{},` is three bytes, and fifty in memory) are 25 MB, two fifths of the standard heap.
 */
const SIGNS_MAX = 400_000;

export const TOO_MANY = 'it holds more values than one body may: send smaller ones';

const [QUOTE, BACKSLASH, COLON, COMMA, OPEN, CLOSE, OBJECT, END] = Buffer.from('"\\:,[]{}') as unknown as Numbers8;
type Numbers8 = readonly [number, number, number, number, number, number, number, number];

/** By byte: 1 is none of these. */
const MEANS_NOTHING = new Uint8Array(256).fill(1);
for (const sign of [QUOTE, COMMA, OPEN, CLOSE, OBJECT, END]) MEANS_NOTHING[sign] = 0;

const POINTS = Buffer.from('"dataPoints"');
const ATTRIBUTES = Buffer.from('"attributes"');

/** Where a point begins and ends, and where its list of attributes does; those are -1 when there is none. */
export interface Piece {
  readonly from: number;
  readonly to: number;
  readonly attributes: number;
  readonly attributesEnd: number;
}

export interface Pieces {
  /** The body without its points: in the place of each list of them is its number in `lists`, with a space behind it. */
  readonly rest: string;
  readonly lists: readonly (readonly Piece[])[];
}

/**
 * Null: it is not cut.
 * @throws {Unreadable} when it holds too much
 */
export function cutPoints(body: Buffer): Pieces | null {
  const cutter = new Cutter(body);
  const pieces = cutter.cut();
  if ((pieces === null ? signsOf(body) : cutter.signs) > SIGNS_MAX) throw new Unreadable(TOO_MANY);
  return pieces;
}

class Cutter {
  readonly #body: Buffer;
  readonly #lists: Piece[][] = [];
  signs = 0;
  #hasEscape = false;

  constructor(body: Buffer) {
    this.#body = body;
  }

  cut(): Pieces | null {
    const body = this.#body;
    const rest: string[] = [];
    let told = 0;
    for (let i = 0; i < body.length; i++) {
      this.#count(body[i]!);
      if (body[i] !== QUOTE) continue;
      const list = this.#valueOf(POINTS, i);
      if (list === UNUSUAL) return null;
      if (list === NONE) i = this.#textEnd(i) - 1;
      else {
        rest.push(body.toString('utf8', told, list), `${this.#lists.length} `);
        told = this.#list(list);
        if (told === UNUSUAL) return null;
        i = told - 1;
      }
    }
    return { rest: rest.join('') + body.toString('utf8', told), lists: this.#lists };
  }

  /** Points up to the end of their list; each is an object. */
  #list(at: number): number {
    const body = this.#body;
    const list: Piece[] = [];
    this.#lists.push(list);
    if (body[at] !== OPEN) return UNUSUAL;
    let i = this.#skipSpace(at + 1);
    if (body[i] === CLOSE) return i + 1;
    while (body[i] === OBJECT && this.signs <= SIGNS_MAX) {
      const point = this.#point(i);
      if (point === null) return UNUSUAL;
      list.push(point);
      i = this.#skipSpace(point.to);
      if (body[i] === CLOSE) return i + 1;
      if (body[i] !== COMMA) return UNUSUAL;
      i = this.#skipSpace(i + 1);
    }
    return UNUSUAL;
  }

  #point(from: number): Piece | null {
    const body = this.#body;
    let [attributes, attributesEnd, depth] = [NONE, NONE, 0];
    for (let i = from; i < body.length; i++) {
      const sign = body[i]!;
      if (MEANS_NOTHING[sign] === 1) continue;
      this.#count(sign);
      if (sign === QUOTE) {
        const value = depth === 1 ? this.#valueOf(ATTRIBUTES, i) : NONE;
        if (value === UNUSUAL || (value !== NONE && body[value] !== OPEN)) return null;
        if (value !== NONE) [attributes, attributesEnd] = [value, this.#end(value)];
        i = (value === NONE ? this.#textEnd(i) : attributesEnd) - 1;
      } else if (sign === OBJECT || sign === OPEN) depth++;
      else if ((sign === END || sign === CLOSE) && --depth === 0) return { from, to: i + 1, attributes, attributesEnd };
    }
    return null;
  }

  /** Behind the bracket that closes the one at `from`. */
  #end(from: number): number {
    const body = this.#body;
    let depth = 0;
    for (let i = from; i < body.length; i++) {
      const sign = body[i]!;
      if (MEANS_NOTHING[sign] === 1) continue;
      this.#count(sign);
      if (sign === QUOTE) i = this.#textEnd(i) - 1;
      else if (sign === OBJECT || sign === OPEN) depth++;
      else if ((sign === END || sign === CLOSE) && --depth === 0) return i + 1;
    }
    return body.length;
  }

  /** Where the value of this key begins, if the text at `i` is it. A key that is written with escapes could be any. */
  #valueOf(key: Buffer, i: number): number {
    const body = this.#body;
    const end = this.#textEnd(i);
    const isKey = end - i === key.length && key.every((byte, at) => byte === body[i + at]);
    if (!isKey && !this.#hasEscape) return NONE;
    const colon = this.#skipSpace(end);
    if (body[colon] !== COLON) return NONE;
    return isKey ? this.#skipSpace(colon + 1) : UNUSUAL;
  }

  /** Behind the closing quote. */
  #textEnd(from: number): number {
    const body = this.#body;
    this.#hasEscape = false;
    for (let i = from + 1; i < body.length; i++) {
      if (body[i] === QUOTE) return i + 1;
      if (body[i] !== BACKSLASH) continue;
      this.#hasEscape = true;
      i++;
    }
    return body.length;
  }

  #skipSpace(from: number): number {
    let i = from;
    while (SPACE.has(this.#body[i]!)) i++;
    return i;
  }

  #count(sign: number): void {
    if (isSign(sign)) this.signs++;
  }
}

/** Those within texts count, too. */
function signsOf(body: Buffer): number {
  let signs = 0;
  for (let i = 0; i < body.length; i++) if (isSign(body[i]!)) signs++;
  return signs;
}

function isSign(byte: number): boolean {
  return byte === OBJECT || byte === OPEN || byte === COMMA;
}

const NONE = -1;
const UNUSUAL = -2;

/** Source: RFC 8259, section 2. */
const SPACE: ReadonlySet<number> = new Set(Buffer.from(' \t\n\r'));
