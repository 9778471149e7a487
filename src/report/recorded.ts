/** A record as exports see it. */
import type { Series } from '../series.ts';
import type { Tick } from '../tick.ts';

export interface Recorded {
  readonly run: string;
  /** Seconds since the Unix epoch. */
  readonly start: number;
  /** Those that are wanted. */
  readonly series: readonly Series[];
  /** Of all series of the record. */
  readonly size: number;
  /** From the beginning, as often as it is asked for. */
  readonly ticks: () => Iterable<Tick>;
}

/** By id of the record; null for series that are not wanted. */
export function byId({ series, size }: Recorded): readonly (Series | null)[] {
  const found = Array.from<Series | null>({ length: size }).fill(null);
  for (const one of series) found[one.id] = one;
  return found;
}
