/** NDJSON: an object a line. Keys within objects are joined by dots; arrays, which are no figure, are left out. */
import type { Entry } from './csv.ts';
import type { Line } from './text.ts';

/** Levels of objects within objects: deeper ones are documents, not measurements. */
const DEPTH_MAX = 4;

type Value = string | number | boolean | object | null;

/** Turns objects into entries whose cells are in the order in which their keys first came; new keys come last. */
export class NdjsonParser {
  readonly #index = new Map<string, number>();
  readonly names: string[] = [];

  /** Null for an empty line; without cells for a cut-off last one, and for what is no object. */
  push({ text, number, whole }: Line): Entry | null {
    if (text.trim() === '') return null;
    const none = { line: number, cells: [], starts: null };
    const object = objectOf(text);
    if (object === null) return whole ? { ...none, whole, fault: NO_OBJECT } : { ...none, whole };
    const cells: string[] = [];
    this.#flatten(object, '', cells, 0);
    return { line: number, cells: Array.from(this.names, (_, i) => cells[i] ?? ''), starts: null, whole: true };
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

const NO_OBJECT = 'this line is no JSON object; NDJSON has one a line';

function objectOf(text: string): object | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}
