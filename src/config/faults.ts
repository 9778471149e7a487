/** Collects everything that is wrong before the program stops, so that a user mends a configuration in one go. */
import { type Detail, Problem, type ProblemCode } from '../problem.ts';

/** One value as somebody wrote it, and where. */
export interface Given {
  readonly text: string;
  /** `file:line:column`, a flag, or an environment variable. */
  readonly place: string;
  /** Values of environment variables within the text: messages show the name of the variable instead. */
  readonly hidden?: readonly { readonly name: string; readonly value: string }[];
  /** Of an entry that is a map in a file: its values and lists by key; its own text is empty then. */
  readonly beside?: Readonly<Record<string, Given | readonly Given[]>>;
}

/** What other values name, or need. */
export const NEEDED = ['roles', 'servers', 'pages', 'signals', 'inbound', 'token', 'otlp'] as const;

export type Needed = (typeof NEEDED)[number];

interface Fault extends Detail {
  readonly code: ProblemCode;
}

/** More than fit on a screen help nobody, and a generated file could hold a million. */
const SHOWN_MAX = 50;

/** What is replaced in messages: shorter values are no secrets, and replacing a `1` would garble the sentence. */
const HIDDEN_MIN = 4;

export class Faults {
  readonly #list: Fault[] = [];
  readonly #doubted = new Set<Needed>();

  add(code: ProblemCode, place: string, message: string): void {
    if (this.full || this.#list.some((fault) => fault.place === place && fault.message === message)) return;
    this.#list.push({ code, place, message });
  }

  /** Notes what is wrong with a value, without the secrets in it. */
  addGiven(code: ProblemCode, given: Given, message: string): void {
    let shown = message;
    for (const { name, value } of given.hidden ?? []) if (value.length >= HIDDEN_MIN) shown = shown.replaceAll(value, `\${${name}}`);
    this.add(code, given.place, shown);
  }

  /** Some of this could not be understood: what is missing of it from here on may only follow from that. */
  doubt(...needed: readonly Needed[]): void {
    for (const one of needed) this.#doubted.add(one);
  }

  /** Notes that a value names or needs what is not there; nothing when that may follow from another fault. */
  addMissing(code: ProblemCode, given: Given, message: string, ...needed: readonly Needed[]): void {
    if (!needed.some((one) => this.#doubted.has(one))) this.addGiven(code, given, message);
  }

  /** What `read` makes of a value; undefined when it raises a usage Problem, whose details are noted at the value's place. */
  attempt<T>(given: Given, read: (text: string) => T): T | undefined {
    try {
      return read(given.text);
    } catch (error) {
      if (!(error instanceof Problem) || error.code === 'INTERNAL') throw error;
      for (const { place, message } of error.details) this.addGiven(error.code, given, place === '' ? message : `${place}: ${message}`);
      return undefined;
    }
  }

  /** More are not kept; whoever has many can stop looking. */
  get full(): boolean {
    return this.#list.length > SHOWN_MAX;
  }

  get any(): boolean {
    return this.#list.length > 0;
  }

  throwIfAny(): void {
    const problem = this.problem();
    if (problem !== null) throw problem;
  }

  /** One Problem of all of them; null when there is none. Its code is theirs if they share one. */
  problem(): Problem | null {
    const [first] = this.#list;
    if (!first) return null;
    const code = this.#list.every((fault) => fault.code === first.code) ? first.code : 'CONFIG';
    const details: Detail[] = this.#list.toSorted(byLine).map(({ place, message }) => ({ place, message }));
    return new Problem(code, this.full ? [...details.slice(0, SHOWN_MAX), { place: '', message: 'and more' }] : details);
  }
}

/** What is in a file comes last and in the order of its lines; the rest stays in the order in which it was found. */
function byLine(a: Fault, b: Fault): number {
  return lineOf(a) - lineOf(b);
}

function lineOf({ place }: Fault): number {
  const [, line, column] = /:(\d+):(\d+)$/.exec(place) ?? [];
  return line === undefined ? 0 : Number(line) * 1e6 + Number(column);
}
