/** How the load ended, as far as that says something about the run: thresholds that the tool itself found broken, or a load that was cut off. */
import type { RunEvent } from '../tick.ts';

const CLASSES = ['thresholds', 'failures', 'aborted', 'tool_error'] as const;

type Class = (typeof CLASSES)[number];

export interface LoadEnded {
  /** Run time. */
  readonly at: number;
  readonly class: Class;
  readonly tool: string | null;
  readonly message: string;
}

/** Loads of one run: each resumption starts the command again. */
const ENDS_MAX = 32;

export class LoadEnds {
  #ends: LoadEnded[] = [];

  watch(events: readonly RunEvent[]): void {
    for (const { kind, t, message, data } of events) {
      const how = CLASSES.find((one) => one === data['class']);
      if (kind !== 'load_end' || how === undefined) continue;
      const tool = typeof data['tool'] === 'string' ? data['tool'] : null;
      this.#ends = [...this.#ends.slice(1 - ENDS_MAX), { at: t, class: how, tool, message }];
    }
  }

  all(): readonly LoadEnded[] {
    return this.#ends;
  }

  restore(ends: readonly LoadEnded[]): void {
    this.#ends = [...ends];
  }
}
