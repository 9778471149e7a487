/**
 * Flags, environment and file are layers of the same shape. The first layer that gives an option wins, lists as a whole; values
 * of all layers are checked, also of those that lose.
 */
import type { Faults, Given, Needed } from './faults.ts';
import { keyOf, OPTION_NAMES, type OptionName, optionOf, type ValueOf } from './options.ts';
import { cut } from '../problem.ts';

export interface GivenTarget extends Given {
  readonly many: boolean;
  readonly children: boolean;
  /** Only a file says it. */
  readonly load?: boolean;
  /** Apart from the selector, as only a file says it. */
  readonly role?: Given | null;
  /** What is known to be wrong, and noted, before it is looked into: these parts are not there. */
  readonly refused?: readonly ('selector' | 'role')[];
}

export interface Layer {
  readonly values: Map<OptionName, Given[]>;
  readonly targets: GivenTarget[];
}

export function emptyLayer(): Layer {
  return { values: new Map(), targets: [] };
}

/** The value of an option, or undefined and a fault that says what would be right. */
export function understand<N extends OptionName>(name: N, given: Given, faults: Faults): ValueOf<N> | undefined {
  const type = optionOf(name).value;
  const value = type.parse(given.text);
  if (value !== undefined) return value as ValueOf<N>;
  if (SAYS[name]) faults.doubt(SAYS[name]);
  const quoted = type.unquoted ? 'this' : `"${cut(given.text.replaceAll('\n', ' '))}"`;
  faults.addGiven('CONFIG', given, `${subject(name, given.place)}${quoted} should be ${type.hint}`);
  return undefined;
}

/** `interval: ` before a message about a line of a file; a flag or a variable names the option itself. */
export function subject(name: OptionName, place: string): string {
  return isOfFile(place) ? `${keyOf(name) ?? name}: ` : '';
}

/** A line of the file, not a flag or a variable. */
export function isOfFile(place: string): boolean {
  return /:\d+:\d+$/.test(place);
}

/** What an option says that others name, or cannot do without. */
export const SAYS: Partial<Record<OptionName, Needed>> = {
  target: 'roles',
  postgres: 'servers',
  redis: 'servers',
  scrape: 'pages',
  networkOf: 'roles',
  cgroupOf: 'roles',
  signals: 'signals',
  inbound: 'inbound',
  inboundToken: 'token',
  otlp: 'otlp',
};

/** What was decided, and where each value comes from. */
export class Settings {
  readonly #values = new Map<OptionName, { readonly value: unknown; readonly text: string; readonly place: string }>();
  readonly #lists = new Map<OptionName, readonly Given[]>();
  readonly targets: readonly GivenTarget[];

  /** The first layer wins. */
  constructor(layers: readonly Layer[], faults: Faults) {
    this.targets = layers.find((layer) => layer.targets.length > 0)?.targets ?? [];
    for (const name of OPTION_NAMES) {
      const given = layers.flatMap((layer) => {
        const values = layer.values.get(name);
        return values === undefined ? [] : [values];
      });
      if (!optionOf(name).list) {
        if (!optionOf(name).perTarget) this.#decide(name, given, faults);
      } else if (given[0]) this.#lists.set(name, given[0]);
    }
  }

  #decide(name: OptionName, given: readonly Given[][], faults: Faults): void {
    const understood = given.flatMap((list) => {
      // A flag that is given twice: the last one counts.
      const values = list.map((one) => ({ value: understand(name, one, faults), text: one.text, place: one.place }));
      return values.slice(-1);
    });
    const [first] = understood;
    const text = optionOf(name).default;
    if (first && first.value !== undefined) this.#values.set(name, first);
    else if (text !== null) this.#values.set(name, { value: optionOf(name).value.parse(text), text, place: 'default' });
  }

  /** Of an option that has a default. */
  get<N extends OptionName>(name: N): ValueOf<N> {
    return this.#values.get(name)?.value as ValueOf<N>;
  }

  /** Of an option that may be absent. */
  find<N extends OptionName>(name: N): ValueOf<N> | null {
    return (this.#values.get(name)?.value as ValueOf<N> | undefined) ?? null;
  }

  /** As it was written; null when it is absent. */
  textOf(name: OptionName): string | null {
    return this.#values.get(name)?.text ?? null;
  }

  list(name: OptionName): readonly Given[] {
    return this.#lists.get(name) ?? [];
  }

  /** Also a list in which nothing is: `rules: []` are no rules, whatever a run had. */
  isGiven(name: OptionName): boolean {
    return this.#lists.has(name) || this.placeOf(name) !== 'default';
  }

  /** `default`, or where it was given. */
  placeOf(name: OptionName): string {
    return this.#values.get(name)?.place ?? this.#lists.get(name)?.[0]?.place ?? 'default';
  }
}
