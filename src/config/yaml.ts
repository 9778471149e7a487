/** A YAML document whose every value knows its line and column, with environment variables filled in. Knows nothing of options. */
import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, type Scalar, visit } from 'yaml';
import type { Env } from './environment.ts';
import type { Faults, Given } from './faults.ts';
import { readLegible, withoutTwins } from './yamlslips.ts';

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

  /** Keys at the left whose values are left out because their lines could not be understood; empty for lines without one. */
  readonly lost: readonly string[];

  /** `path` is for messages. What is wrong with the syntax goes to `faults`. */
  constructor(path: string, text: string, env: Env, faults: Faults) {
    this.#path = path;
    this.#faults = faults;
    const { doc, slips, lost } = readLegible(text, this.#lines);
    const twins = withoutTwins(doc, (offset) => this.#placeAt(offset));
    this.#doc = doc;
    this.lost = [...lost, ...twins.lost];
    for (const { at, message } of [...slips, ...twins.slips]) faults.add('CONFIG', this.#placeAt(at), message);
    visit(this.#doc, { Scalar: (key, node) => (key === 'key' ? undefined : this.#fill(node, env)) });
  }

  /** Null when nothing is in the file, or nothing that can be understood. May throw RangeError or ReferenceError for what unfolds without end. */
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

function unfilledFault(name: string | undefined): string {
  if (name === undefined) return 'after ${ should come a name and }, as in ${NAME} or ${NAME:-default}; a plain ${ is written $${';
  return `the environment variable ${name} is not set; set it, or write \${${name}:-default}`;
}
