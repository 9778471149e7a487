/** A YAML document whose every value knows its line and column, with environment variables filled in. Knows nothing of options. */
import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  type Scalar,
  visit,
  type YAMLError,
} from 'yaml';
import type { Env } from './environment.ts';
import type { Faults, Given } from './faults.ts';
import { messageOf } from '../problem.ts';

export { isMap, isScalar, isSeq, type Node };

/** Keys and indexes from the root to a value. */
export type Path = readonly PropertyKey[];

const VARIABLE = /\$\$\{|\$\{(?:([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\})?/g;

export class YamlFile {
  readonly #path: string;
  readonly #faults: Faults;
  readonly #lines = new LineCounter();
  readonly #doc: Document.Parsed;
  readonly #hidden = new Map<Scalar, NonNullable<Given['hidden']>>();
  readonly #unfilled = new Set<Scalar>();

  /** `path` is for messages. What is wrong with the syntax goes to `faults`, and then nothing is left to be read. */
  constructor(path: string, text: string, env: Env, faults: Faults) {
    this.#path = path;
    this.#faults = faults;
    this.#doc = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false, logLevel: 'error' });
    if (!this.#isSound(text)) this.#doc.contents = null;
    visit(this.#doc, { Scalar: (key, node) => (key === 'key' ? undefined : this.#fill(node, env)) });
  }

  /** Null when the file is empty or its syntax is wrong. May throw RangeError or ReferenceError for what unfolds without end. */
  toJs(): unknown {
    return this.#doc.toJS();
  }

  /** The node at a path, aliases followed; null when there is none. */
  at(path: Path): Node | null {
    let node: Node | null = this.#doc.contents;
    for (const key of path) {
      if (!isMap(node) && !isSeq(node)) return null;
      const child: unknown = node.get(key, true);
      node = isAlias(child) ? (child.resolve(this.#doc) ?? null) : ((child ?? null) as Node | null);
    }
    return node;
  }

  /** `file:line:column` of a node. */
  place(node: Node | null): string {
    return this.#placeAt(node?.range?.[0] ?? 0);
  }

  placeOfKey(path: Path, key: string): string {
    const map = this.at(path);
    const pair = isMap<Node>(map) ? map.items.find((item) => isScalar(item.key) && String(item.key.value) === key) : undefined;
    return this.place(pair?.key ?? map);
  }

  /** The text of a scalar as it was written, variables filled in. */
  given(node: Scalar): Given {
    const hidden = this.#hidden.get(node);
    return { text: textOf(node), place: this.place(node), ...(hidden ? { hidden } : {}) };
  }

  /** A variable somewhere in it could not be filled in: that has been reported, and the value is not to be judged. */
  isUnfilled(node: Node): boolean {
    let unfilled = false;
    visit(node, { Scalar: (_key, scalar) => void (unfilled ||= this.#unfilled.has(scalar)) });
    return unfilled;
  }

  #placeAt(offset: number): string {
    const { line, col } = this.#lines.linePos(offset);
    return `${this.#path}:${line}:${col}`;
  }

  /** The syntax, and that every alias has its anchor. */
  #isSound(text: string): boolean {
    const errors = [...this.#doc.errors, ...this.#doc.warnings].filter((error, i, all) => isNews(error, all[i - 1], text));
    const wrong = errors.map((error) => ({ at: error.pos[0], message: syntaxFault(error, text) }));
    const checkAlias = (_key: unknown, alias: Alias): void => {
      if (alias.resolve(this.#doc) !== undefined) return;
      wrong.push({ at: alias.range?.[0] ?? 0, message: 'there is no such anchor before it; a value that begins with * needs quotes' });
    };
    visit(this.#doc, { Alias: checkAlias });
    for (const { at, message } of wrong) this.#faults.add('CONFIG', this.#placeAt(at), message);
    return wrong.length === 0;
  }

  /** `${NAME}` and `${NAME:-default}` become the variable's value; `$${` stands for `${`. */
  #fill(node: Scalar, env: Env): void {
    if (typeof node.value !== 'string') return;
    const hidden: { name: string; value: string }[] = [];
    node.value = node.value.replaceAll(VARIABLE, (all: string, name?: string, fallback?: string) => {
      if (all === '$${') return '${';
      const value = name !== undefined && Object.hasOwn(env, name) ? env[name] : undefined;
      if (name !== undefined && value) hidden.push({ name, value });
      const filled = value || (fallback ?? value);
      if (filled !== undefined) return filled;
      this.#faults.add('CONFIG', this.place(node), unfilledFault(name));
      this.#unfilled.add(node);
      return all;
    });
    if (hidden.length > 0) this.#hidden.set(node, hidden);
  }
}

/** Numbers keep their spelling: `1e3` is not what a user means by a duration. */
export function textOf(node: Scalar): string {
  return typeof node.value === 'string' ? node.value : (node.source ?? String(node.value));
}

/** After an error the rest of its line, and often of the file, is a row of complaints that follow from it. */
function isNews(error: YAMLError, before: YAMLError | undefined, text: string): boolean {
  return before === undefined || (error.code !== 'UNEXPECTED_TOKEN' && text.slice(before.pos[0], error.pos[0]).includes('\n'));
}

/** The parser's words without what they quote, which may be a secret; but for a few that only its author can read. */
function syntaxFault(error: YAMLError, text: string): string {
  if (error.code === 'MULTIPLE_DOCS') return 'a second document begins here; a configuration is one';
  if (text.startsWith('${', error.pos[0] - 1)) return 'inside { } and [ ] a value with ${ needs quotes, as in "${NAME}"';
  if (error.code === 'TAG_RESOLVE_FAILED') return 'there is no such tag; a value that begins with ! needs quotes';
  return /stack/i.test(error.message) ? 'this is nested too deeply' : messageOf(error).replace(/: .*/, '');
}

function unfilledFault(name: string | undefined): string {
  if (name === undefined) return 'after ${ should come a name and }, as in ${NAME} or ${NAME:-default}; a plain ${ is written $${';
  return `the environment variable ${name} is not set; set it, or write \${${name}:-default}`;
}
