/** What was asked for, as the value of a label: without what identifies somebody, and not more different ones than there is room for. */
import { cut } from '../problem.ts';
import type { SeriesTable } from '../series.ts';
import { METRICS, OPERATIONS_MAX } from '../sources/traffic-metrics.ts';

export const OTHER = 'other';

/** Longer names are of no use in a table. */
const NAME_MAX = 100;

/**
 * The name of an operation. Of a URL only the path is left: the host is the target, and queries and users may be secrets. Null when
 * nothing is left.
 */
export function operationName(text: string | undefined): string | null {
  if (text === undefined) return null;
  const path = text.replace(/^([A-Z]+ )?[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '$1').replace(/[?#].*$/s, '');
  const name = cut(path.replaceAll(/[\s\p{Cc}]+/gu, ' ').trim()).slice(0, NAME_MAX);
  return name === '' ? (/:\/\//.test(text) ? '/' : null) : name;
}

/** The first 32 operations of each role keep their names for the run; the rest is `other`. */
export class Operations {
  readonly #taken = new Map<string | null, Set<string>>();

  /** Those that the run had before the agent was started again. */
  restore(table: SeriesTable): void {
    for (const { def, target, labels } of table.all()) {
      if (def.name === METRICS.operationRequests.name) this.label(target, labels['soak.operation'] ?? OTHER);
    }
  }

  label(target: string | null, operation: string): string {
    const taken = this.#taken.get(target) ?? new Set();
    this.#taken.set(target, taken);
    if (operation === OTHER || taken.has(operation)) return operation;
    if (taken.size >= OPERATIONS_MAX) return OTHER;
    taken.add(operation);
    return operation;
  }
}
