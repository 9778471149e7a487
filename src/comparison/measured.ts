/**
 * What a run shows of its signals, as it is compared with other runs: means on an even grid of run time, pooled over the members of a role, so
 * that two replicas are compared with three. It is plain data: a baseline is a file of it.
 */
import { parseRfc3339 } from '../clock.ts';
import type { Verdict } from '../analysis/verdict.ts';
import type { Series, SeriesTable } from '../series.ts';
import { seriesLabel } from '../series.ts';
import type { Store } from '../store.ts';
import { cellsOf } from '../analysis/cells.ts';
import type { Timeline } from '../timeline.ts';
import { limitsOf, type SignalKind, signalKindOf } from './thresholds.ts';

/** A run of 256 bins: a tenth of them tells what a figure was. */
const MEANS_MAX = 256;

/** Signals of one run: those that are gated first. 200 of 256 means are 0.5 MB as JSON. */
const SIGNALS_MAX = 200;

export interface Measured {
  /** As tables name it, without the member. */
  readonly id: string;
  readonly target: string;
  readonly kind: SignalKind;
  readonly unit: string;
  /** Growth per hour that matters, where it can leak; null where growth is no matter. */
  readonly matters: { readonly share: number; readonly perHour: number } | null;
  /** It can make the comparison inconclusive. */
  readonly required: boolean;
  /** Seconds of run time: mean i covers [(first + i) x width, (first + i + 1) x width). Null: nothing that may be judged. */
  readonly width: number;
  readonly first: number;
  readonly means: readonly (number | null)[];
}

export interface MeasuredRun {
  readonly id: string;
  /** RFC 3339. */
  readonly start: string;
  readonly agent: string;
  readonly outcome: string;
  /** Run time at which the steady part begins, and at which judging ends: the parts of two runs from there on are laid over each other. */
  readonly steadyFrom: number;
  readonly until: number;
  /** Seconds of warm-up that were asked for after the beginning of the steady part; null: none was said. */
  readonly warmup: number | null;
  readonly signals: readonly Measured[];
}

export interface RunToMeasure {
  readonly series: SeriesTable;
  readonly store: Store;
  readonly timeline: Timeline;
  /** Run time of the last tick. */
  readonly t: number;
  readonly verdict: Verdict;
  readonly warmup: number | null;
  /** Roles that make the load. */
  readonly generators: readonly string[];
}

export function measure(run: RunToMeasure): MeasuredRun {
  const { verdict, t, warmup } = run;
  const start = parseRfc3339(verdict.run.start) ?? 0;
  const at = (text: string | null): number | null => (text === null ? null : (parseRfc3339(text) ?? start) - start);
  const phases = verdict.phases.map(({ name, from, judged }) => ({ name, from: at(from) ?? 0, judged }));
  const until = Math.min(t, at(verdict.work.stoppedAt) ?? Infinity);
  const steadyFrom = phases.find(({ judged }) => judged)?.from ?? 0;
  const groups = Map.groupBy(
    run.series.all().filter((one) => isCompared(one, run)),
    (one) => idOf(one),
  );
  const signals = [...groups].flatMap(([id, members]) => measured(id, withoutDoubles(members), run, { phases, until }) ?? []);
  const { id, agent } = verdict.run;
  const kept = asShares(signals).toSorted((a, b) => Number(b.required) - Number(a.required));
  return {
    id,
    start: verdict.run.start,
    agent,
    outcome: verdict.outcome,
    steadyFrom,
    until,
    warmup,
    signals: kept.slice(0, SIGNALS_MAX),
  };
}

function idOf(series: Series): string {
  return seriesLabel({ ...series, member: null });
}

function isCompared(series: Series, { generators, store }: RunToMeasure): boolean {
  const { target, id } = series;
  return target !== null && !generators.includes(target) && store.bins(id).length > 0 && signalKindOf(series) !== null;
}

/** The role's own total where there is one beside its members. */
function withoutDoubles(series: readonly Series[]): readonly Series[] {
  const totals = series.filter(({ member }) => member === null);
  return totals.length > 0 && series[0]!.def.kind === 'counter'
    ? totals
    : series.filter(({ member }) => member !== null || totals.length === series.length);
}

interface Bounds {
  readonly phases: readonly { readonly name: string; readonly from: number; readonly judged: boolean }[];
  readonly until: number;
}

function measured(id: string, members: readonly Series[], run: RunToMeasure, { phases, until }: Bounds): Measured | null {
  const [first] = members;
  if (first === undefined) return null;
  const { store, timeline, t } = run;
  const all = members.map((one) => store.bins(one.id));
  const width = Math.max(...all.map((bins) => bins.width));
  const sums = new Map<number, { sum: number; count: number; members: Set<number> }>();
  members.forEach((one, m) => {
    // Whatever a restart begins with is left out for a bin: what settles after it is of both runs.
    const cells = cellsOf(all[m]!, one.def.kind, { lives: timeline.lives(one.target, one.member), warmup: 0, phases, until, now: t });
    for (let i = 0; i < cells.n; i++) {
      const slot = Math.floor((cells.from[i]! + 1e-9) / width);
      const cell = sums.get(slot) ?? { sum: 0, count: 0, members: new Set<number>() };
      cell.sum += cells.mean[i]!;
      cell.count++;
      cell.members.add(m);
      sums.set(slot, cell);
    }
  });
  if (sums.size === 0) return null;
  const slots = [...sums.keys()].toSorted((a, b) => a - b);
  const begin = slots[0]!;
  const means = Array.from({ length: Math.min(MEANS_MAX, slots.at(-1)! - begin + 1) }, (_, i) => {
    const cell = sums.get(begin + i);
    if (cell === undefined) return null;
    // A rate is that of the role, a level that of one of its members.
    const mean = cell.sum / cell.count;
    return rounded(first.def.kind === 'counter' ? mean * cell.members.size : mean);
  });
  const kind = signalKindOf(first)!;
  const { growth, matters, unit } = first.def;
  const leaks = (growth === 'leak' || growth === 'floor' || growth === 'capacity') && first.def.kind !== 'counter';
  const least = leaks ? (matters ?? limitsOf(kind).matters) : null;
  return { id, target: first.target!, kind, unit, matters: least, required: isRequired(first), width, first: begin, means };
}

function isRequired({ def, labels }: Series): boolean {
  if (def.gate === 'required') return true;
  const quantile = labels['soak.quantile'];
  return (
    def.alias === 'latency.mean' || def.alias === 'requests' || def.alias === 'errors' || (def.alias === 'latency' && quantile === '0.95')
  );
}

/** Six digits are more than any figure of ours has. */
function rounded(value: number): number {
  return Number(value.toPrecision(6));
}

/** Errors are a share of the requests of their target, where both are counted: more load makes more of both. */
function asShares(signals: readonly Measured[]): Measured[] {
  return signals.map((signal) => {
    if (signal.kind !== 'errors') return signal;
    const requests = signals.find(({ kind, target }) => kind === 'requests' && target === signal.target);
    if (requests === undefined || requests.width !== signal.width) return { ...signal, kind: 'rate' };
    const means = signal.means.map((mean, i) => {
      const asked = requests.means[signal.first + i - requests.first] ?? null;
      return mean === null || asked === null || !(asked > 0) ? null : rounded(mean / asked);
    });
    return { ...signal, unit: '1', means };
  });
}
