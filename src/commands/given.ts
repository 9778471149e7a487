/** Flags of the commands on stored runs: what there are, and what was given of them. Everything that is wrong is told at once. */
import type { Env } from '../config/environment.ts';
import { Faults } from '../config/faults.ts';
import { optionOf } from '../config/options.ts';
import { DURATION_HINT, parseDuration } from '../quantity.ts';
import { wrongWord } from './strays.ts';

export interface RunFlag {
  readonly name: string;
  /** Empty for a switch. */
  readonly arg: string;
  readonly help: string;
}

/** Flag without dashes to its texts, in order. */
export type GivenTexts = ReadonlyMap<string, readonly string[]>;

export class Given {
  readonly operands: readonly string[];
  readonly faults = new Faults();
  readonly #texts: GivenTexts;
  readonly #env: Env;

  constructor(operands: readonly string[], texts: GivenTexts, env: Env) {
    this.operands = operands;
    this.#texts = texts;
    this.#env = env;
  }

  has(name: string): boolean {
    return this.#texts.has(name);
  }

  all(name: string): readonly string[] {
    return this.#texts.get(name) ?? [];
  }

  one(name: string): string | null {
    return this.all(name).at(-1) ?? null;
  }

  /** Seconds, or null when it was not given. */
  duration(name: string): number | null {
    return this.#parsed(name, parseDuration, DURATION_HINT);
  }

  /** Of `20 %` or `20%` 0.2; null when it was not given. */
  share(name: string): number | null {
    return this.#parsed(name, (text) => shareOf(text), 'a percentage such as 2% or 0.5%');
  }

  /** What `read` makes of each; what is wrong with any of them is told together. */
  each<T>(texts: readonly string[], read: (text: string) => readonly T[]): T[] {
    const all = texts.flatMap((text) => this.faults.attempt({ text, place: '' }, read) ?? []);
    this.faults.throwIfAny();
    return all;
  }

  /** One of some words, or null when it was not given. */
  word<T extends string>(name: string, words: readonly T[]): T | null {
    const text = this.one(name);
    const word = words.find((one) => one === text) ?? null;
    if (text !== null && word === null) this.faults.add('USAGE', `--${name}`, wrongWord(text, words));
    return word;
  }

  /** The folder of the runs: the flag, the variable of the option, its default. */
  out(): string {
    return this.one('out') || this.#env['SOAK_OUT'] || (optionOf('out').default ?? '.');
  }

  #parsed<T>(name: string, parse: (text: string) => T | null, hint: string): T | null {
    const text = this.one(name);
    if (text === null) return null;
    const value = parse(text);
    if (value === null) this.faults.add('USAGE', `--${name}`, `${JSON.stringify(text.slice(0, 64))} should be ${hint}`);
    return value;
  }
}

function shareOf(text: string): number | null {
  const number = /^(\d{1,3}(?:\.\d{1,6})?)\s*%$/.exec(text.trim())?.[1];
  return number === undefined ? null : Number(number) / 100;
}

export const OUT_FLAG: RunFlag = { name: 'out', arg: '<folder>', help: 'where the runs are (default ./soak-runs, or SOAK_OUT)' };
export const JSON_FLAG: RunFlag = { name: 'json', arg: '', help: 'print JSON' };
export const NON_BLOCKING_FLAG: RunFlag = {
  name: 'non-blocking',
  arg: '',
  help: 'say the outcome and exit with 0 whatever it is; mistakes and failures of soak-agent still count',
};
