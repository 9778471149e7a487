/** One entry of a list in a configuration file that is a map: its fields with their places, and what is wrong with them. */
import type { Faults, Given } from './faults.ts';

export class Entry {
  readonly given: Given;
  protected readonly faults: Faults;

  constructor(given: Given, faults: Faults) {
    this.given = given;
    this.faults = faults;
  }

  field(key: string): Given | null {
    const field = this.given.beside?.[key];
    return field === undefined || Array.isArray(field) ? null : (field as Given);
  }

  /** A list, or a single text for a list of one. */
  list(key: string): readonly Given[] {
    const field = this.given.beside?.[key];
    return field === undefined ? [] : Array.isArray(field) ? (field as readonly Given[]) : [field as Given];
  }

  /** One of the words; null, and a fault, for any other. */
  word<const W extends string>(key: string, words: readonly W[], absent: W): W;
  word<const W extends string>(key: string, words: readonly W[], absent: null): W | null;
  word<const W extends string>(key: string, words: readonly W[], absent: W | null): W | null {
    const field = this.field(key);
    if (field === null) return absent;
    const word = words.find((one) => one === field.text);
    if (word === undefined) this.wrong(field, `${key} should be one of ${words.join(', ')}`);
    return word ?? absent;
  }

  wrong(given: Given, message: string): void {
    this.faults.addGiven('CONFIG', given, message);
  }

  /** What `read` makes of a field; undefined, and a fault, when it raises a problem. */
  attempt<T>(given: Given, read: (text: string) => T): T | undefined {
    return this.faults.attempt(given, read);
  }
}
