/**
 * Hands points to everybody who may have a use for them, and remembers what nobody had: a metric that arrives and is not understood is the
 * first thing that who sent it wants to know.
 */
import { cut } from '../problem.ts';
import type { Intake, Origin, Point } from './point.ts';

/** Names that are remembered: an instrumented service has some 100 metrics. */
const NAMES_MAX = 200;

export class Claims {
  readonly #intakes: readonly Intake[];
  readonly #unclaimed = new Map<string, number>();
  /** Points that nobody had a use for, those whose names are not remembered included. */
  unclaimed = 0;

  constructor(intakes: readonly Intake[]) {
    this.#intakes = intakes;
  }

  /** Says how many of them somebody had a use for. */
  take(points: readonly Point[], origin: Origin): number {
    let most = 0;
    for (const intake of this.#intakes) most = Math.max(most, intake.take(points, origin));
    if (most < points.length) this.#note(points, most === 0);
    this.unclaimed += points.length - most;
    return most;
  }

  /** Names that nobody had a use for, with how many points of each came. */
  names(): ReadonlyMap<string, number> {
    return this.#unclaimed;
  }

  /** Of a batch of which some were taken, those that an intake says it does not know. */
  #note(points: readonly Point[], all: boolean): void {
    let last: string | null = null;
    let isKnown = false;
    for (const { name } of points) {
      // Points come metric by metric.
      if (name !== last) isKnown = !all && this.#intakes.some((intake) => intake.knows?.(name) ?? true);
      last = name;
      if (isKnown) continue;
      const seen = this.#unclaimed.get(name);
      if (seen !== undefined) this.#unclaimed.set(name, seen + 1);
      else if (this.#unclaimed.size < NAMES_MAX) this.#unclaimed.set(cut(name), 1);
    }
  }
}
