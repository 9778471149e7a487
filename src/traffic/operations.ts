/** What was asked for, as the value of a label: not more different ones than there is room for. */
import type { SeriesTable } from '../series.ts';
import { METRICS, OPERATIONS_MAX } from '../sources/traffic-metrics.ts';

export const OTHER = 'other';

/** The first 32 operations of each role keep their names for the run; the rest is `other`. */
export class Operations {
  readonly #taken = new Map<string | null, Set<string>>();
  readonly #first: readonly string[];

  /** @param first those that rules ask for: they are among the first of every role */
  constructor(first: readonly string[] = []) {
    this.#first = first.slice(0, OPERATIONS_MAX);
  }

  /** Those that the run had before the agent was started again. */
  restore(table: SeriesTable): void {
    for (const { def, target, labels } of table.all()) {
      if (def.name === METRICS.operationRequests.name) this.label(target, labels['soak.operation'] ?? OTHER);
    }
  }

  label(target: string | null, operation: string): string {
    const taken = this.#taken.get(target) ?? new Set(this.#first);
    this.#taken.set(target, taken);
    if (operation === OTHER || taken.has(operation)) return operation;
    if (taken.size >= OPERATIONS_MAX) return OTHER;
    taken.add(operation);
    return operation;
  }
}
