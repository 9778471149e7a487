/** Reads a rule from left to right and says at which column it stops making sense. */
import { Problem } from '../problem.ts';

export class RuleText {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Where the next word begins. */
  get at(): number {
    while (/\s/.test(this.#text[this.#at] ?? '')) this.#at++;
    return this.#at;
  }

  get isOver(): boolean {
    return this.at >= this.#text.length;
  }

  /** @param pattern sticky (`y`) */
  take(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.at;
    const match = pattern.exec(this.#text);
    if (match) this.#at = pattern.lastIndex;
    return match;
  }

  /** Whether this comes next. */
  sees(pattern: RegExp): boolean {
    pattern.lastIndex = this.at;
    return pattern.test(this.#text);
  }

  /** Goes back to a place that `at` gave. */
  back(at: number): void {
    this.#at = at;
  }

  fail(message: string, at: number = this.at): never {
    throw new Problem('RULE', { place: `"${this.#text.trim()}" column ${at + 1}`, message });
  }
}
