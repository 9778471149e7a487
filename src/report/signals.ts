/** Which series a report shows, and in which order: what a finding rests on first, and of the rest as many as the bound allows. */
import type { Explanation } from '../analysis/explain.ts';
import type { Verdict, VerdictSeries } from '../analysis/verdict.ts';
import type { RunState } from '../runstate.ts';
import { type Series, seriesLabel } from '../series.ts';
import { chartOf, fitOf, rounded } from './chart.ts';
import { anchorOf, plainName } from './plain.ts';
import type { PoolStates, Signal } from './value.ts';

/** At 6 kB of text each, of which compression leaves a third: a page below 1.5 MB. */
export const SIGNALS_MAX = 500;

/** Parts of histograms, which mean nothing alone. */
const PARTS = /^soak\.traffic\.duration\.(?:bucket|sum|count)$/;

const LOAD = /^soak\.traffic\.(?:requests|users|in_flight|errors)$/;
const LATENCY = /^soak\.traffic\.duration\.(?:mean|quantile)$/;
const POOL = 'soak.pool.connections';
const POOL_MAX = 'soak.pool.connections.max';

function laneOf({ def: { name } }: Series): Signal['lane'] {
  return LOAD.test(name) ? 'load' : LATENCY.test(name) ? 'latency' : 'signal';
}

/** The series to show, in the order of the page, and how many have no room. */
export function shownSeries(state: RunState, { series: judged, findings }: Verdict): { shown: Series[]; left: number } {
  const all = state.series.all().slice(0, state.store.size);
  const ceilings = new Set(all.map(({ def }) => def.limit));
  const worth = all.filter(
    ({ id, def: { name } }) => state.store.bins(id).length > 0 && !PARTS.test(name) && (!ceilings.has(name) || name === POOL_MAX),
  );
  const told = new Set(findings.flatMap(({ series }) => series));
  const byId = new Map(judged.map((one) => [one.id, one]));
  const rank = (series: Series): number => {
    const label = seriesLabel(series);
    const own = byId.get(label);
    if (told.has(label)) return 0;
    if (own?.gated || own?.outcome === 'fail') return 1;
    if (laneOf(series) !== 'signal' || series.def.name.startsWith(POOL)) return 2;
    return own !== undefined && own.grade !== 'none' ? 3 : 4;
  };
  const kept = worth.map((series) => ({ series, rank: rank(series) })).toSorted((a, b) => a.rank - b.rank || a.series.id - b.series.id);
  const shown = kept.slice(0, SIGNALS_MAX).map(({ series }) => series);
  return { shown: inOrder(shown), left: worth.length - shown.length };
}

const LANES = { load: 0, latency: 1, signal: 2 } as const;

/** Load and latency above; then by whose they are and what they are about, each in the order of first appearance. */
function inOrder(shown: readonly Series[]): Series[] {
  const order = (keyOf: (series: Series) => string): ((series: Series) => number) => {
    const first = new Map<string, number>();
    for (const series of shown) first.set(keyOf(series), Math.min(first.get(keyOf(series)) ?? Infinity, series.id));
    return (series) => first.get(keyOf(series))!;
  };
  const owner = (series: Series): string => series.target ?? series.source;
  const ofOwner = order(owner);
  const ofPanel = order((series) => JSON.stringify([owner(series), series.def.panel]));
  // The agent itself comes last, whatever its sources were opened before.
  const rank = (series: Series): number => (series.source === 'self' ? Infinity : ofOwner(series));
  const by = (a: number, b: number): number => (a === b ? 0 : a - b);
  return shown.toSorted((a, b) => LANES[laneOf(a)] - LANES[laneOf(b)] || by(rank(a), rank(b)) || ofPanel(a) - ofPanel(b) || a.id - b.id);
}

export interface Known {
  readonly state: RunState;
  readonly judged: ReadonlyMap<string, { readonly index: number; readonly series: VerdictSeries }>;
  readonly evidence: ReadonlyMap<number, Explanation>;
  /** Seconds of the run of a time of the verdict. */
  readonly seconds: (at: string) => number;
  readonly limits: (series: Series) => Signal['limits'];
}

export function signalOf(series: Series, { state, judged, evidence, seconds, limits }: Known): Signal {
  const { id, def, target, member, period, source } = series;
  const label = seriesLabel(series);
  const own = judged.get(label) ?? null;
  const explained = evidence.get(id);
  const counter = def.kind === 'counter';
  const bins = state.store.bins(id);
  const now = state.fresh(series);
  return {
    id: plainName(label),
    series: id,
    anchor: anchorOf(label),
    target,
    member,
    metric: plainName(def.name),
    name: plainName(nameOf(series)),
    help: plainName(def.help),
    panel: plainName(def.panel ?? (source === 'self' ? 'The agent itself' : 'Other figures')),
    counter,
    unit: plainName(counter ? perSecond(def.unit) : def.unit),
    lane: laneOf(series),
    judged: own?.index ?? null,
    outcome: own?.series.outcome ?? null,
    gated: own?.series.gated ?? false,
    now: now === null || counter ? null : rounded(now),
    chart: chartOf({ bins, counter, period, gaps: state.timeline.gaps }),
    restarts: state.timeline.lives(target, member).slice(1).map(rounded),
    limits: limits(series),
    fit: explained && own ? fitOf(explained, own.series, seconds) : null,
  };
}

/** Without whose it is, which the heading says. */
function nameOf(series: Series): string {
  const whose = `${series.target ?? series.source}${series.member === null ? '' : `/${series.member}`}`;
  const rest = seriesLabel(series).slice(whose.length + 1);
  return series.member === null ? rest : `${rest} of ${series.member}`;
}

/** Seconds in a second are cores, or a share of the time. */
function perSecond(unit: string): string {
  return unit === 's' ? '1' : `${unit}/s`;
}

/** Pools whose states are shown, one after the other. */
export function poolsOf(shown: readonly Series[]): PoolStates[] {
  const pools = Map.groupBy(
    shown.map((series, index) => ({ series, index })).filter(({ series }) => series.def.name === POOL),
    ({ series }) => poolKey(series),
  );
  return [...pools].map(([key, members]) => {
    const { target, member, labels } = members[0]!.series;
    const names = Object.entries(labels).flatMap(([name, value]) => (name === STATE || value === '' ? [] : value));
    const title = plainName(`${target ?? ''}${member === null ? '' : `/${member}`} on ${names.join(', ')}`);
    const max = shown.findIndex((series) => series.def.name === POOL_MAX && poolKey(series) === key);
    return {
      title,
      anchor: anchorOf(`pool ${title}`),
      states: members.map(({ series, index }) => ({ state: plainName(series.labels[STATE] ?? ''), signal: index })),
      max: max < 0 ? null : max,
    };
  });
}

const STATE = 'soak.pool.state';

function poolKey({ target, member, labels }: Series): string {
  const own = Object.entries(labels).filter(([name]) => name !== STATE && name !== 'soak.pool.max.source');
  return JSON.stringify([target, member, own.toSorted(([a], [b]) => (a < b ? -1 : 1))]);
}
