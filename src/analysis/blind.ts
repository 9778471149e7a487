/** Signals that cannot be read, as sources reported them, until a sample proves the contrary. */
import { labelled, type Series } from '../series.ts';
import type { Store } from '../store.ts';
import type { RunEvent } from '../tick.ts';

export interface BlindSpot {
  readonly target: string | null;
  /** Name of a metric, with its labels where only one of its series is meant; or a prefix and `*`. */
  readonly metric: string;
  readonly reason: string;
  /** Run time of the first report. */
  readonly at: number;
}

/** 64 roles with some metrics each; what is beyond is in the record. */
const BLIND_MAX = 256;

export class BlindSpots {
  #spots: BlindSpot[] = [];

  watch(events: readonly RunEvent[]): void {
    for (const { kind, target, data, message, t } of events) {
      if (kind !== 'blind') continue;
      const metric = typeof data['metric'] === 'string' ? data['metric'] : 'unknown';
      const reason = typeof data['reason'] === 'string' ? data['reason'] : message;
      this.#spots = this.#spots.filter((spot) => spot.target !== target || spot.metric !== metric);
      if (this.#spots.length < BLIND_MAX) this.#spots.push({ target, metric, reason, at: t });
    }
  }

  /** Those that are still blind: a signal that was sampled since can be read after all. */
  list(series: readonly Series[], store: Store): BlindSpot[] {
    if (this.#spots.length === 0) return [];
    const byTarget = Map.groupBy(series, ({ target }) => target);
    const isIn = (spot: BlindSpot, { def, labels }: Series): boolean =>
      covers(spot, def.name) || (spot.metric.startsWith(def.name) && spot.metric === labelled(def.name, labels));
    return this.#spots.filter((spot) => !byTarget.get(spot.target)?.some((s) => isIn(spot, s) && store.at(s.id) > spot.at));
  }

  /** Every one that was reported. */
  all(): readonly BlindSpot[] {
    return this.#spots;
  }

  restore(spots: readonly BlindSpot[]): void {
    this.#spots = [...spots];
  }
}

export function covers({ metric }: Pick<BlindSpot, 'metric'>, name: string): boolean {
  return metric.endsWith('*') ? name.startsWith(metric.slice(0, -1)) : metric === name;
}
