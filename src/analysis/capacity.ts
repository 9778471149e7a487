/** How a service answers at each level of its load: the table from which instances are counted. */
import type { Series } from '../series.ts';
import type { Store } from '../store.ts';
import { gridOf, onGrid } from './rates.ts';
import { median } from './stats.ts';

/** Means over the windows in which the load was within the band. */
export interface Band {
  /** Requests per second. */
  readonly from: number;
  readonly to: number;
  /** Seconds of the run. */
  readonly seconds: number;
  readonly users: number | null;
  /** Seconds. */
  readonly latency: number | null;
  readonly p95: number | null;
  /** Shares of the requests, and of a core. */
  readonly errors: number | null;
  readonly cpu: number | null;
}

export interface Capacity {
  readonly target: string | null;
  /** By rising load. */
  readonly bands: readonly Band[];
  /** Processes that served it. */
  readonly instances: number;
  /** Of the highest load that was still served well; null when users are not told, or no load was served badly. */
  readonly usersPerInstance: number | null;
}

const BANDS = 5;

/** Below this a load does not vary enough to say what it does: the highest over the lowest. */
const VARIES = 1.25;

/** Of each band; fewer are not a mean. */
const WINDOWS_MIN = 4;

/** Served well: no slower than this against the lightest load, and with no more errors. */
const SLOWER = 1.5;
const ERRORS_MAX = 0.01;

const METRIC = {
  requests: 'soak.traffic.requests',
  errors: 'soak.traffic.errors',
  users: 'soak.traffic.users',
  latency: 'soak.traffic.duration.mean',
  p95: 'soak.traffic.duration.quantile',
  cpu: 'process.cpu.utilization',
} as const;

type Columns = Readonly<Record<keyof typeof METRIC, Float64Array | null>>;

/** @param series those of one target, and of the load on it; null when the load is not told or does not vary */
export function capacityOf(target: string | null, series: readonly Series[], store: Store, now: number): Capacity | null {
  const of = (name: string): Series[] =>
    series.filter(
      ({ def, labels, id }) => def.name === name && (labels['soak.quantile'] ?? '0.95') === '0.95' && store.bins(id).length > 0,
    );
  const requests = of(METRIC.requests).slice(0, 1);
  if (requests.length === 0) return null;
  const grid = gridOf(requests, store, now);
  const columns = Object.fromEntries(
    Object.entries(METRIC).map(([key, name]) => {
      const own = of(name);
      return [key, own.length === 0 ? null : onGrid(grid, own, store)];
    }),
  ) as Columns;
  const bands = bandsOf(columns, grid.width);
  if (bands === null) return null;
  const instances = Math.max(1, new Set(series.flatMap(({ member }) => member ?? [])).size);
  return { target, bands, instances, usersPerInstance: usersOf(bands, instances) };
}

function isVaried(rate: Float64Array): boolean {
  let [low, high] = [Infinity, 0];
  for (let w = 0; w < rate.length; w++) {
    if (!(rate[w]! > 0)) continue;
    low = Math.min(low, rate[w]!);
    high = Math.max(high, rate[w]!);
  }
  return high > VARIES * low;
}

function bandsOf(columns: Columns, width: number): Band[] | null {
  const rate = columns.requests!;
  if (!isVaried(rate)) return null;
  const windows: number[] = [];
  for (let w = 0; w < rate.length; w++) if (rate[w]! > 0) windows.push(w);
  windows.sort((a, b) => rate[a]! - rate[b]!);
  const count = Math.min(BANDS, Math.floor(windows.length / WINDOWS_MIN));
  if (count < 2) return null;
  return Array.from({ length: count }, (_, i) => {
    const own = windows.slice(Math.round((i * windows.length) / count), Math.round(((i + 1) * windows.length) / count));
    const mean = (column: Float64Array | null): number | null => {
      if (column === null) return null;
      let [sum, known] = [0, 0];
      for (const w of own) {
        if (Number.isNaN(column[w]!)) continue;
        sum += column[w]!;
        known++;
      }
      return known === 0 ? null : sum / known;
    };
    const [errors, requests] = [mean(columns.errors), mean(rate)!];
    return {
      from: rate[own[0]!]!,
      to: rate[own.at(-1)!]!,
      seconds: own.length * width,
      users: mean(columns.users),
      latency: mean(columns.latency),
      p95: mean(columns.p95),
      errors: errors === null ? null : errors / requests,
      cpu: mean(columns.cpu),
    };
  });
}

/** Users per instance at the highest load before the first that was served badly. */
function usersOf(bands: readonly Band[], instances: number): number | null {
  const slow = ({ p95, latency }: Band): number | null => p95 ?? latency;
  const usual = slow(bands[0]!);
  const isBad = (band: Band): boolean => (band.errors ?? 0) > ERRORS_MAX || (usual !== null && (slow(band) ?? 0) > SLOWER * usual);
  const first = bands.findIndex(isBad);
  const users = first > 0 ? bands[first - 1]!.users : null;
  return users === null ? null : users / instances;
}

/** Spikes of a latency: windows far above the usual one, and how many there are. */
export function spikesOf(values: Float64Array): { readonly windows: number[]; readonly usual: number } {
  const known = values.filter((value) => !Number.isNaN(value));
  const usual = known.length === 0 ? NaN : median(Float64Array.from(known));
  return { usual, windows: [...values.keys()].filter((w) => values[w]! > SPIKE * usual) };
}

/** Times the usual latency. */
const SPIKE = 3;
