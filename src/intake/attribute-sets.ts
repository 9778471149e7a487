/**
 * Sets of attributes, each made labels once. Points of a load tool come with the same sets in every export, some 2,000 of them, and labels
 * that are made anew for each point cost more than all the rest of it; so what was made is found by the bytes that it was made of.
 */
import { cacheKeys, labelKey } from './label-keys.ts';

export type Labels = Readonly<Record<string, string>>;

/** Letters of all sets that are remembered: 5,000 of 120, which come to 4.6 MB with their labels (measured). Then it begins anew. */
const LETTERS_MAX = 600_000;

/** A longer one is one of a kind (a list, a stack trace), and is made each time. */
const LENGTH_MAX = 512;

/** Senders have one resource each. */
const RESOURCES_MAX = 64;

/** The labels of points with these attributes. */
class AttributeSet {
  /** Null: there are too many. */
  readonly #own: Labels | null;
  readonly #isKept: boolean;
  #whose: Labels | null = null;
  #whole: Labels | null = null;

  constructor(own: Labels | null, isKept: boolean) {
    this.#own = own;
    this.#isKept = isKept;
  }

  /** With what the resource says, which what the point says of itself goes before. The same object for the same `whose`. */
  of(whose: Labels): Labels | null {
    if (this.#own === null) return null;
    if (this.#whose === whose) return this.#whole;
    this.#whose = whose;
    this.#whole = { ...whose, ...this.#own };
    if (this.#isKept) cacheKeys(this.#whole);
    return this.#whole;
  }
}

export type { AttributeSet };

export class AttributeSets {
  #known = new Map<string, AttributeSet>();
  #letters = 0;

  /** One that is not remembered. */
  single(labels: Labels | null): AttributeSet {
    return new AttributeSet(labels, false);
  }

  /** The set of these bytes. @param made its labels, when they are not known */
  of(bytes: Buffer, from: number, to: number, made: () => Labels | null): AttributeSet {
    if (to - from > LENGTH_MAX) return this.single(made());
    const key = bytes.toString('latin1', from, to);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const set = new AttributeSet(made(), true);
    this.#letters += key.length;
    if (this.#letters > LETTERS_MAX) {
      this.#known = new Map();
      this.#letters = key.length;
    }
    this.#known.set(key, set);
    return set;
  }
}

const resources = new Map<string, Labels>();

/** One object for all that say the same. */
export function sameLabels(labels: Labels): Labels {
  const key = labelKey(labels);
  const known = resources.get(key);
  if (known !== undefined) return known;
  if (resources.size >= RESOURCES_MAX) resources.clear();
  resources.set(key, labels);
  return labels;
}
