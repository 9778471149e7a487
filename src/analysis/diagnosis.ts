/** The patterns of the table that performance testers use, recognised and named with what shows them. */
import { type Series, seriesLabel } from '../series.ts';
import type { Store } from '../store.ts';
import { spikesOf } from './capacity.ts';
import { causeOf, columnSpikes, HIGH, ISOLATED, latencyColumns, SPIKES_MIN } from './columnspikes.ts';
import type { SeriesJudgement } from './judgement.ts';
import { gridOf, onGrid } from './rates.ts';
import { clockTime, inWords } from './sentence.ts';
import { type Step, stepOf, usual } from './step.ts';
import { median } from './stats.ts';
import type { Work } from './work.ts';

export interface Diagnosis {
  readonly pattern: 'gradual' | 'spikes' | 'errors' | 'plateau';
  readonly target: string | null;
  readonly series: readonly string[];
  readonly why: string;
  readonly evidence: Readonly<Record<string, string | number | null>>;
}

export interface Seen {
  readonly series: readonly SeriesJudgement[];
  readonly work: ReadonlyMap<string, Work>;
  readonly all: readonly Series[];
  readonly store: Store;
  readonly now: number;
}

/** A load that changes by less than this share is even. */
const EVEN = 0.25;

/** A resource is nearly used up from here on. */
const NEARLY = 0.9;

export function diagnosesOf(seen: Seen): Diagnosis[] {
  const sampled = Map.groupBy(seen.all, ({ target }) => target);
  return [...Map.groupBy(seen.series, ({ series }) => series.target)].flatMap(([target, own]) => {
    const series = sampled.get(target) ?? [];
    const latency = latencyOf(series, seen.store);
    return [
      gradual(target, own, seen),
      errors(target, own, seen),
      spikes(target, latency, seen) ?? spikesOfColumns(target, series, seen),
      plateau(target, own, latency, { ...seen, all: series }),
    ].flatMap((one) => one ?? []);
  });
}

function grows({ grade }: SeriesJudgement): boolean {
  return grade === 'confirmed';
}

function ofResource(own: readonly SeriesJudgement[], ...names: readonly string[]): SeriesJudgement[] {
  return own.filter(({ series }) => names.includes(series.def.resource ?? '') && !series.def.name.startsWith('soak.traffic.operation.'));
}

/** Of a load on the run as a whole the cause may be in any target. */
function suspects(target: string | null, own: readonly SeriesJudgement[], { series }: Seen): readonly SeriesJudgement[] {
  return target === null ? series.filter((one) => one.series.target !== null) : own;
}

function gradual(target: string | null, own: readonly SeriesJudgement[], seen: Seen): Diagnosis | null {
  const latency = ofResource(own, 'latency').find(grows);
  if (latency === undefined) return null;
  const memory = ofResource(suspects(target, own, seen), 'heap', 'memory').find(grows);
  const cause =
    memory === undefined
      ? 'no memory grows with it, so look for a growing table, queue or lock first'
      : `likely a memory leak: ${seriesLabel(memory.series)} grows too`;
  return {
    pattern: 'gradual',
    target,
    series: [latency, memory].flatMap((one) => (one ? [seriesLabel(one.series)] : [])),
    why: `gradual latency increase: ${seriesLabel(latency.series)} climbs over time; ${cause}`,
    evidence: { memory: memory === undefined ? null : seriesLabel(memory.series) },
  };
}

function errors(target: string | null, own: readonly SeriesJudgement[], seen: Seen): Diagnosis | null {
  const rising = ofResource(own, 'errors').find(grows);
  if (rising === undefined) return null;
  const used = suspects(target, own, seen).find(
    ({ level, limit }) => level !== null && limit !== null && limit.value > 0 && level >= NEARLY * limit.value,
  );
  const cause =
    used === undefined
      ? 'no resource that is watched is near its limit'
      : `likely resource exhaustion: ${seriesLabel(used.series)} is at ${inWords(used.level!, used.series.def.unit)} of ${inWords(used.limit!.value, used.series.def.unit)}`;
  return {
    pattern: 'errors',
    target,
    series: [rising, used].flatMap((one) => (one ? [seriesLabel(one.series)] : [])),
    why: `increasing errors: ${seriesLabel(rising.series)} climbs; ${cause}`,
    evidence: { resource: used === undefined ? null : seriesLabel(used.series) },
  };
}

/** Of one target, where it is told. */
function latencyOf(series: readonly Series[], store: Store): Series | null {
  const own = series.filter(({ def, labels, id }) => isLatency(def.name, labels) && store.bins(id).length > 0);
  return (
    own.find(({ labels }) => labels['soak.quantile'] === '0.99') ??
    own.find(({ labels }) => labels['soak.quantile'] === '0.95') ??
    own[0] ??
    null
  );
}

function isLatency(name: string, labels: Readonly<Record<string, string>>): boolean {
  return (name === 'soak.traffic.duration.quantile' && labels['soak.quantile'] !== '0.5') || name === 'soak.traffic.duration.mean';
}

function spikes(target: string | null, latency: Series | null, seen: Seen): Diagnosis | null {
  if (latency === null) return null;
  const grid = gridOf([latency], seen.store, seen.now);
  const { windows, usual } = spikesOf(onGrid(grid, [latency], seen.store));
  if (windows.length < SPIKES_MIN || windows.length > ISOLATED * grid.count) return null;
  const times = windows.map((w) => grid.from + w * grid.width);
  return {
    pattern: 'spikes',
    target,
    series: [seriesLabel(latency)],
    why:
      `sudden spikes: ${seriesLabel(latency)} was more than three times its usual ${inWords(usual, 's')} at ${timesOf(times)}` +
      `; likely ${causeOfSpikes(target, windows, grid, seen)}`,
    evidence: { spikes: windows.length, usual },
  };
}

function spikesOfColumns(target: string | null, all: readonly Series[], { store, now }: Seen): Diagnosis | null {
  const found = columnSpikes(all, store, now);
  if (found === null) return null;
  const { latency, times, usual: before } = found;
  return {
    pattern: 'spikes',
    target,
    series: [seriesLabel(latency)],
    why:
      `sudden spikes: ${seriesLabel(latency)} was more than three times its usual ${inWords(before, latency.def.unit)} at ` +
      `${timesOf(times)}; ${causeOf(found)}`,
    evidence: { spikes: times.length, usual: before },
  };
}

function timesOf(times: readonly number[]): string {
  return `${times.slice(0, 3).map(clockTime).join(', ')}${times.length > 3 ? ` and ${times.length - 3} more times` : ''}`;
}

/** What was high in the same windows. */
function causeOfSpikes(target: string | null, windows: readonly number[], grid: ReturnType<typeof gridOf>, { all, store }: Seen): string {
  const found = Object.entries(CAUSES).flatMap(([metric, words]) => {
    const series = all.filter(
      ({ def, target: of, id }) => def.name === metric && (target === null || of === target) && store.bins(id).length > 0,
    );
    if (series.length === 0) return [];
    const values = onGrid(grid, series, store);
    const high = HIGH * median(values.filter((value) => !Number.isNaN(value)));
    const together = windows.filter((w) => values[w]! > high).length;
    return together >= windows.length / 2 ? [`${words} (high in ${together} of ${windows.length})`] : [];
  });
  return found.length > 0 ? found.join(' and ') : 'garbage collection pauses or the connection pool, but neither is seen to move with them';
}

const CAUSES: Readonly<Record<string, string>> = {
  'soak.runtime.collection.time': 'garbage collection pauses',
  'soak.pool.utilization': 'the connection pool',
};

/**
 * Good, and from some time on degraded: the load fell to half, or the latency stepped up and stayed under a load that went on.
 * @param seen series of the target alone
 */
function plateau(target: string | null, own: readonly SeriesJudgement[], latency: Series | null, seen: Seen): Diagnosis | null {
  const columns = latencyColumns(seen.all, seen.store);
  const stepped = (latency === null ? columns : [latency]).flatMap((one) => {
    const step = stepOf(onGrid(gridOf([one], seen.store, seen.now), [one], seen.store));
    return step === null ? [] : [{ latency: one, step }];
  });
  return halved(target, own, stepped[0]?.latency ?? null, seen) ?? steppedUp(target, stepped, seen);
}

function halved(target: string | null, own: readonly SeriesJudgement[], stepped: Series | null, { work }: Seen): Diagnosis | null {
  const fallen = target === null ? undefined : work.get(target);
  if (fallen?.ended !== 'halved' || fallen.stoppedAt === null) return null;
  const rising = ofResource(own, 'latency').find(({ shape }) => shape === 'step' || shape === 'late' || shape === 'linear');
  const slower = rising?.series ?? stepped;
  return {
    pattern: 'plateau',
    target,
    series: slower ? [seriesLabel(slower)] : [],
    why: `plateau then drop: the work of ${target} fell to less than half at ${clockTime(fallen.stoppedAt)}${slower ? ` while ${seriesLabel(slower)} rose` : ''}; likely a capacity limit was reached, or the generator gave up`,
    evidence: { at: fallen.stoppedAt },
  };
}

interface Stepped {
  readonly latency: Series;
  readonly step: Step;
}

/** Of more or fewer requests another latency is to be expected: only under an even load is it the service that changed. */
function steppedUp(target: string | null, [first]: readonly Stepped[], seen: Seen): Diagnosis | null {
  if (first === undefined) return null;
  const requests = seen.all.filter(({ def, member }) => def.alias === 'requests' && member === null);
  if (requests.length === 0) return null;
  const { latency, step } = first;
  const grid = gridOf([latency], seen.store, seen.now);
  const rate = onGrid(grid, requests, seen.store);
  const change = usual(rate.subarray(step.at)) / usual(rate.subarray(0, step.at));
  if (!(Math.abs(change - 1) <= EVEN)) return null;
  const at = grid.from + step.at * grid.width;
  const { unit } = latency.def;
  return {
    pattern: 'plateau',
    target,
    series: [seriesLabel(latency)],
    why:
      `plateau then drop: ${seriesLabel(latency)} stepped up from ${inWords(step.before, unit)} to ${inWords(step.after, unit)} at ${clockTime(at)} and ` +
      'stayed there, while as many requests came as before; likely a capacity limit was reached',
    evidence: { at, before: step.before, after: step.after },
  };
}
