/**
 * Scalars of a JSON text with their places, read piece by piece: an answer of a hundred megabytes never is in memory as a whole. It takes
 * what JSON.parse takes, except that it does not complain of a comma too many.
 */

/** Where a scalar is: keys of objects and indices of arrays, from the outside in. The array is reused. */
export type Path = readonly (string | number)[];
export type Scalar = string | number | boolean | null;

const TOKEN = /\s*(?:([{}[\]:,])|("(?:[^"\\]|\\.)*")|(-?\d[\d.eE+-]*)|(true|false|null))/y;

/** A token may be cut by the end of a piece; one that is longer than this is none. */
const TOKEN_MAX = 1_000_000;

const DEPTH_MAX = 32;

export class JsonReader {
  readonly #each: (path: Path, value: Scalar) => void;
  readonly #path: (string | number)[] = [];
  /** Per open container: whether it is an array. */
  readonly #arrays: boolean[] = [];
  #rest = '';
  #key: string | null = null;
  #ended = false;

  constructor(each: (path: Path, value: Scalar) => void) {
    this.#each = each;
  }

  /** False when the text is no JSON. */
  push(piece: string): boolean {
    const text = this.#rest + piece;
    TOKEN.lastIndex = 0;
    let at = 0;
    for (let match = TOKEN.exec(text); match !== null; match = TOKEN.exec(text)) {
      // A number or a word at the very end may go on in the next piece.
      if (TOKEN.lastIndex === text.length && match[1] === undefined && match[2] === undefined) break;
      at = TOKEN.lastIndex;
      if (!this.#token(match)) return false;
    }
    this.#rest = text.slice(at);
    return this.#rest.length <= TOKEN_MAX && /^\s*(?:$|["\d\-tfn])/.test(this.#rest);
  }

  /** Whether the text was whole. */
  get ended(): boolean {
    return this.#ended && this.#rest.trim() === '';
  }

  #token([, sign, text, number, word]: RegExpExecArray): boolean {
    if (this.#ended) return false;
    if (sign === '{' || sign === '[') return this.#open(sign === '[');
    if (sign === '}' || sign === ']') return this.#close(sign === ']');
    if (sign === ':') return this.#key !== null;
    if (sign === ',') return this.#next();
    const value = text === undefined ? (number === undefined ? WORDS[word!]! : Number(number)) : string(text);
    if (value === undefined || this.#arrays.length === 0) return false;
    if (!this.#arrays.at(-1) && this.#key === null) {
      this.#key = String(value);
      this.#path[this.#path.length - 1] = this.#key;
      return text !== undefined;
    }
    this.#each(this.#path, value);
    return true;
  }

  #open(isArray: boolean): boolean {
    this.#arrays.push(isArray);
    this.#path.push(isArray ? 0 : '');
    this.#key = null;
    return this.#arrays.length <= DEPTH_MAX;
  }

  #close(isArray: boolean): boolean {
    if (this.#arrays.pop() !== isArray) return false;
    this.#path.pop();
    this.#key = this.#arrays.at(-1) === false ? String(this.#path.at(-1)) : null;
    this.#ended = this.#arrays.length === 0;
    return true;
  }

  #next(): boolean {
    const last = this.#path.length - 1;
    if (this.#arrays[last]) this.#path[last] = Number(this.#path[last]) + 1;
    this.#key = null;
    return last >= 0;
  }
}

const WORDS: Readonly<Record<string, boolean | null>> = { true: true, false: false, null: null };

function string(token: string): string | undefined {
  if (!token.includes('\\')) return token.slice(1, -1);
  try {
    return JSON.parse(token) as string;
  } catch {
    return undefined;
  }
}
