/** NDJSON: an object a line. Keys within objects are joined by dots; arrays, which are no figure, are left out. */
import type { Entry } from './csv.ts';
import { dataProblem, type Line } from './text.ts';

/** Levels of objects within objects: deeper ones are documents, not measurements. */
const DEPTH_MAX = 4;

type Value = string | number | boolean | object | null;

/** Turns objects into entries whose cells are in the order in which their keys first came; new keys come last. */
export class NdjsonParser {
  readonly #path: string;
  readonly #index = new Map<string, number>();
  readonly names: string[] = [];

  constructor(path: string) {
    this.#path = path;
  }

  /** Null for an empty line; without cells for a cut-off last one. Throws `DATA` for what is no object. */
  push({ text, number, whole }: Line): Entry | null {
    if (text.trim() === '') return null;
    const object = this.#parse(text, number, whole);
    if (object === null) return { line: number, cells: [], starts: null, whole: false };
    const cells: string[] = [];
    this.#flatten(object, '', cells, 0);
    return { line: number, cells: Array.from(this.names, (_, i) => cells[i] ?? ''), starts: null, whole: true };
  }

  #parse(text: string, number: number, whole: boolean): object | null {
    try {
      const value: unknown = JSON.parse(text);
      if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
    } catch {
      if (!whole) return null;
    }
    throw dataProblem(`${this.#path}:${number}`, 'this line is no JSON object; NDJSON has one a line');
  }

  #flatten(object: object, prefix: string, cells: string[], depth: number): void {
    for (const [key, value] of Object.entries(object) as [string, Value][]) {
      const name = prefix + key;
      if (typeof value === 'object' && value !== null) {
        if (!Array.isArray(value) && depth < DEPTH_MAX) this.#flatten(value, `${name}.`, cells, depth + 1);
        continue;
      }
      cells[this.#indexOf(name)] = value === null ? '' : String(value);
    }
  }

  #indexOf(name: string): number {
    const known = this.#index.get(name);
    if (known !== undefined) return known;
    this.#index.set(name, this.names.length);
    return this.names.push(name) - 1;
  }
}
