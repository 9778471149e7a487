/** Levels that metrics are expected to have by their declarations, watched like the rules of the user and replaced by them. */
import type { Expectation, MetricDef } from '../catalog.ts';
import { formatDuration } from '../quantity.ts';
import type { SeriesTable } from '../series.ts';
import type { Store } from '../store.ts';
import type { Samples } from '../tick.ts';
import { PLAIN, type Rule } from './rules.ts';
import { inWords } from './sentence.ts';
import { type Breach, Thresholds, type ThresholdsSnapshot } from './thresholds.ts';

/** What did not hold. */
export interface Unexpected extends Breach {
  readonly text: string;
  readonly otherwise: Expectation['otherwise'];
}

export class Expectations {
  /** Of each metric in the order in which its first series appeared, which is the same in every replay. */
  readonly #rules: Rule[] = [];
  readonly #otherwise: Expectation['otherwise'][] = [];
  readonly #thresholds = new Thresholds(this.#rules);
  /** Metrics of which all is said: by declarations that were met, or by the user. */
  readonly #said: Set<string | null>;
  #met = 0;

  constructor(rules: readonly Rule[]) {
    this.#said = new Set(rules.map(({ metric }) => metric));
  }

  /** Takes up what new series are expected to be. */
  meet(table: SeriesTable): void {
    for (; this.#met < table.size; this.#met++) {
      const { def } = table.get(this.#met);
      if (def.expect === undefined || this.#said.has(def.name)) continue;
      this.#said.add(def.name);
      for (const expectation of def.expect) {
        this.#rules.push(ruleOf(def, expectation));
        this.#otherwise.push(expectation.otherwise);
      }
    }
  }

  watch(samples: Samples, table: SeriesTable, store: Store): void {
    this.meet(table);
    this.#thresholds.watch(samples, table, store);
  }

  unexpected(): Unexpected[] {
    return this.#thresholds
      .breaches()
      .map((breach) => ({ ...breach, text: this.#rules[breach.rule]!.text, otherwise: this.#otherwise[breach.rule]! }));
  }

  snapshot(): ThresholdsSnapshot {
    return this.#thresholds.snapshot();
  }

  restore(snapshot: ThresholdsSnapshot): void {
    this.#thresholds.restore(snapshot);
  }
}

function ruleOf(def: MetricDef, { op, value, for: seconds, labels = {} }: Expectation): Rule {
  const only = Object.entries(labels).map(([name, label]) => `${name}="${label}"`);
  const text = [
    `${def.alias ?? def.name} ${op} ${inWords(value, def.unit)}`,
    seconds > 0 ? `for ${formatDuration(seconds)}` : '',
    only.length > 0 ? `{${only.join(',')}}` : '',
  ];
  return { ...PLAIN, text: text.filter(Boolean).join(' '), metric: def.name, labels, op, value, for: seconds };
}
