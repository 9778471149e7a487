/**
 * Spikes of latencies that come as columns of data. A row is a figure over its own time already, and a window of a month holds a hundred of
 * them, so that it is the highest row of each window that is compared, not their mean.
 */
import type { Series } from '../series.ts';
import type { Bins, Store } from '../store.ts';
import { type Grid, gridOf, onGrid } from './rates.ts';
import { usual } from './step.ts';

/** Latencies of one target that are looked at, the highest quantile first. */
const LATENCIES_MAX = 8;

/** Against the usual one. */
const SPIKE = 3;
export const HIGH = 1.5;

/** Isolated is what touches no more than a tenth of the windows; once may be chance. */
export const ISOLATED = 0.1;
export const SPIKES_MIN = 2;

export interface ColumnSpikes {
  readonly latency: Series;
  /** Run time of the first window of each. */
  readonly times: readonly number[];
  readonly usual: number;
  /** Series that were high in at least half of them. */
  readonly together: readonly { readonly series: Series; readonly spikes: number }[];
}

/** How long a collector or a queue held something up is a cause, not a latency of the service. */
const CAUSE = /(?:^|[^a-z])(?:gc|collect\w*|pauses?|wait)(?:$|[^a-z])/i;

/** Columns that are latencies of the service, those of high quantiles first; medians tell nothing of spikes. */
export function latencyColumns(series: readonly Series[], store: Store): Series[] {
  const rank = ({ def, labels }: Series): number => {
    const quantile = labels['quantile'] ?? /(?:^|[^a-z0-9])p(\d{2,3})(?:$|[^a-z0-9])/i.exec(def.name)?.[1] ?? '';
    return { '0.99': 0, '99': 0, '0.95': 1, '95': 1, '0.5': 3, '50': 3 }[quantile] ?? 2;
  };
  return series
    .filter((one) => isColumn(one) && one.def.resource === 'latency' && !CAUSE.test(one.def.name) && store.bins(one.id).length > 0)
    .filter((one) => rank(one) < 3)
    .toSorted((a, b) => rank(a) - rank(b))
    .slice(0, LATENCIES_MAX);
}

/** What `analyze` has read from foreign data. */
function isColumn({ source }: Series): boolean {
  return source === 'import';
}

/** Of the first latency that has any. @param all series of the same target */
export function columnSpikes(all: readonly Series[], store: Store, now: number): ColumnSpikes | null {
  const requests = all.filter(({ def }) => def.alias === 'requests');
  for (const latency of latencyColumns(all, store)) {
    const grid = gridOf([latency], store, now);
    const peaks = peaksOn(grid, store.bins(latency.id));
    const middle = usual(peaks);
    const load = requests.length === 0 ? null : onGrid(grid, requests, store);
    // Of more requests another latency is to be expected.
    const most = load === null ? Infinity : HIGH * usual(load);
    const isHigh = (factor: number): number[] => [...peaks.keys()].filter((w) => peaks[w]! > factor * middle && !((load?.[w] ?? 0) > most));
    const windows = isHigh(SPIKE);
    const first = windows.filter((w) => !windows.includes(w - 1));
    // The tail of a noise has more that is high than very high.
    const isTail = isHigh(HIGH).length > 2 * windows.length;
    if (first.length < SPIKES_MIN || windows.length > ISOLATED * grid.count || isTail) continue;
    const others = all.filter((one) => isColumn(one) && !requests.includes(one) && isOther(one));
    return {
      latency,
      times: first.map((w) => grid.from + w * grid.width),
      usual: middle,
      together: togetherWith(first, others, grid, store),
    };
  }
  return null;
}

function isOther({ def }: Series): boolean {
  return def.resource !== 'latency' || CAUSE.test(def.name);
}

function togetherWith(first: readonly number[], others: readonly Series[], grid: Grid, store: Store): ColumnSpikes['together'] {
  return others.flatMap((series) => {
    if (store.bins(series.id).length === 0) return [];
    const values = series.def.kind === 'counter' ? onGrid(grid, [series], store) : peaksOn(grid, store.bins(series.id));
    const high = HIGH * usual(values);
    const spikes = first.filter((w) => values[w]! > high).length;
    return high > 0 && spikes >= first.length / 2 ? [{ series, spikes }] : [];
  });
}

/** The highest value in each window; a bin is in the window of its middle, so that no value is in two. NaN where nothing was sampled. */
function peaksOn({ from, width, count }: Grid, bins: Bins): Float64Array {
  const peaks = new Float64Array(count).fill(NaN);
  for (let i = 0; i < bins.length; i++) {
    if (bins.count[i] === 0) continue;
    const w = Math.min(count - 1, Math.max(0, Math.floor((bins.middle(i) - from) / width)));
    if (!(peaks[w]! >= bins.max[i]!)) peaks[w] = bins.max[i]!;
  }
  return peaks;
}

/** Names that say what the matter is. */
const KNOWN = [
  { words: 'garbage collection pauses', name: /(?:^|[^a-z])(?:gc|collect\w*|pauses?)(?:$|[^a-z])/i },
  { words: 'the connection pool', name: /(?:^|[^a-z])(?:pool\w*|conns?|connections?)(?:$|[^a-z])/i },
];

/** Why it spiked, as far as other columns show it. */
export function causeOf({ together, times }: ColumnSpikes): string {
  const seen = together.map(({ series, spikes }) => ({
    words: KNOWN.find(({ name }) => name.test(series.def.name))?.words ?? null,
    text: `${series.def.name} was high in ${spikes} of ${times.length}`,
  }));
  const known = seen.find(({ words }) => words !== null);
  if (known !== undefined) return `likely ${known.words} (${known.text})`;
  return seen.length > 0 ? seen.slice(0, 3).map(({ text }) => text).join(', ') : 'no other column moves with them, so look at garbage collection pauses and the connection pool first'; // prettier-ignore
}
