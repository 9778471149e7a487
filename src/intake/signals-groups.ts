/** The different values of the labels that a signal keeps: bounded, and whatever is beyond is one group more. */
import type { Series } from '../series.ts';
import { GROUPS_MAX, OTHER } from './signals-metric.ts';

/** Values of labels, which come from outside, are cut. */
const VALUE_MAX = 128;

const BETWEEN = '\0';

export class Groups {
  readonly #by: readonly string[];
  readonly #known = new Map<string, Readonly<Record<string, string>>>();
  readonly #other: Readonly<Record<string, string>>;
  /** Series were put into `other`. */
  isFull = false;

  constructor(by: readonly string[]) {
    this.#by = by;
    this.#other = Object.fromEntries(by.map((label) => [label, OTHER]));
  }

  /** Groups that the record of a resumed run has come back under their own names. */
  restore(series: Iterable<Pick<Series, 'labels'>>): void {
    for (const { labels } of series) this.keyOf(labels);
  }

  /** A label that a series has not is the empty text. */
  keyOf(labels: Readonly<Record<string, string>>): string {
    let key = '';
    for (const label of this.#by) key += (Object.hasOwn(labels, label) ? labels[label]!.slice(0, VALUE_MAX) : '') + BETWEEN;
    if (this.#known.has(key)) return key;
    if (this.#known.size >= GROUPS_MAX && this.#by.length > 0) {
      this.isFull = true;
      return OTHER;
    }
    const values = key.split(BETWEEN);
    this.#known.set(key, Object.fromEntries(this.#by.map((label, i) => [label, values[i] ?? ''])));
    return key;
  }

  labelsOf(key: string): Readonly<Record<string, string>> {
    return this.#known.get(key) ?? this.#other;
  }
}
