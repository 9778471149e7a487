/** Several builds in the order of their runs: the level of each signal in each of them, and what the last one has changed. */
import { blocksOf, commonOf } from './aligned.ts';
import { compare, type CompareOptions, type Compared, type Comparison } from './compare.ts';
import { fitted } from './difference.ts';
import type { MeasuredRun } from './measured.ts';
import { limitsOf, type SignalKind } from './thresholds.ts';

export interface TrendPoint {
  readonly value: number;
  /** 95 %, of the noise within the run. */
  readonly lo: number;
  readonly hi: number;
}

export interface TrendSignal {
  readonly id: string;
  readonly unit: string;
  readonly kind: SignalKind;
  readonly required: boolean;
  /** By run; null where it has none, or too little. */
  readonly points: readonly (TrendPoint | null)[];
  /** The last run against the one before it, and against the first. */
  readonly previous: Compared | null;
  readonly first: Compared | null;
}

export interface Trend {
  readonly schema: 1;
  readonly runs: readonly {
    readonly id: string;
    readonly start: string;
    readonly agent: string;
    readonly steadyFrom: number;
    readonly until: number;
    readonly outcome: string;
    readonly label: string;
  }[];
  readonly signals: readonly TrendSignal[];
  readonly previous: Comparison;
  readonly first: Comparison;
}

/** @param labels of the runs, such as versions; in order of time, at least two */
export function trendOf(runs: readonly MeasuredRun[], labels: readonly string[], options: CompareOptions): Trend {
  const last = [runs.at(-1)!];
  const previous = compare([runs.at(-2)!], last, options);
  const first = compare([runs[0]!], last, options);
  const ids = [...new Set(runs.flatMap(({ signals }) => signals.map(({ id }) => id)))];
  const of = (comparison: Comparison, id: string): Compared | null => comparison.signals.find((one) => one.id === id) ?? null;
  const signals = ids.map((id) => {
    const { unit, kind, required } = runs.flatMap((run) => run.signals).find((one) => one.id === id)!;
    return { id, unit, kind, required, points: pointsOf(runs, id), previous: of(previous, id), first: of(first, id) };
  });
  const names = runs.map(({ id, start, agent, steadyFrom, until, outcome }, i) => ({
    id,
    start,
    agent,
    steadyFrom,
    until,
    outcome,
    label: labels[i]!,
  }));
  const rank = ({ required, first: change }: TrendSignal): number => (change?.call === 'regressed' ? 0 : required ? 1 : 2);
  return { schema: 1, runs: names, signals: signals.toSorted((a, b) => rank(a) - rank(b)), previous, first };
}

/** Over what the steady parts of all runs have in common, so that a longer run is not another figure. */
function pointsOf(runs: readonly MeasuredRun[], id: string): (TrendPoint | null)[] {
  const common = commonOf(runs);
  return runs.map((run) => {
    const signal = run.signals.find((one) => one.id === id);
    const blocks = signal === undefined || common === null ? null : blocksOf([{ run, signal }], common);
    if (blocks === null) return null;
    const [values] = blocks.values;
    const logs = limitsOf(signal!.kind).as === 'share' && values!.every((value) => Number.isNaN(value) || value > 0);
    const y = logs ? values!.map((value) => Math.log(value)) : values!;
    const size = y.reduce((most, value) => (Number.isNaN(value) ? most : Math.max(most, Math.abs(value))), 0) || 1;
    const fit = fitted({ x: blocks.x, y }, logs ? 1 : size, { level: 0, slope: 0 });
    if (fit === null) return null;
    const shown = (value: number): number => (logs ? Math.exp(value) : value);
    return { value: shown(fit.level.mean), lo: shown(fit.level.quantile(0.025)), hi: shown(fit.level.quantile(0.975)) };
  });
}
