/** What a run could certify here: the series that decide, the growth that must be ruled out, and what no length of run would mend. */
import { floorPerHour } from '../analysis/analyse.ts';
import { covers } from '../analysis/blind.ts';
import { gatesOf, HEAP_HIDDEN } from '../analysis/gates.ts';
import type { Gate, Outcome } from '../analysis/judgement.ts';
import { LimitIndex } from '../analysis/limits.ts';
import type { Finding, Verdict } from '../analysis/verdict.ts';
import type { Catalog } from '../catalog.ts';
import { findMetric } from '../gauges.ts';
import type { Config } from '../config/config.ts';
import type { RunState } from '../runstate.ts';
import { type Series, seriesLabel } from '../series.ts';
import type { Store } from '../store.ts';
import type { BlindSpot } from './signals.ts';

/** One series that a run would judge. Rates are per hour in the unit of the metric. */
export interface Prospect {
  readonly series: Series;
  readonly gate: Gate;
  /** Null: it is waited for (a heap has no value before it was first collected). */
  readonly level: number | null;
  readonly limit: { readonly value: number; readonly from: string } | null;
  /** Growth that a run must rule out to pass; null while the level is. */
  readonly floor: number | null;
  /** Series of other members of the role that are like it and have more room. */
  readonly others: number;
}

/** Of each metric of a target the series with the least room, those that decide first. */
export function prospectsOf(
  state: RunState,
  verdict: Verdict,
  config: Pick<Config, 'rules' | 'required' | 'mustLive' | 'duration'>,
  target: string | null,
): Prospect[] {
  const { series: table, store } = state;
  const { gates } = gatesOf(table.all(), store, { ...config, plannedEnd: config.duration }, [], state.t);
  const limits = new Map(verdict.series.map((judged) => [judged.id, judged.limit]));
  const index = new LimitIndex(table.all());
  const prospects = table.all().flatMap((series): Prospect[] => {
    if (series.target !== target) return [];
    const value = store.value(series.id);
    if (Number.isNaN(value)) return series.def.gate === undefined ? [] : [awaited(series, index.find(series), store)];
    const limit = limits.get(seriesLabel(series));
    const gate = gates.get(series.id) ?? 'advisory';
    if (limit === undefined || (gate === 'advisory' && limit === null)) return [];
    return [
      { series, gate, level: value, limit, floor: floorPerHour(series.def, value, limit?.value ?? null, config.mustLive), others: 0 },
    ];
  });
  return tightest(prospects).toSorted((a, b) => GATES.indexOf(a.gate) - GATES.indexOf(b.gate) || a.series.id - b.series.id);
}

/** A series that a source has opened without a value yet. */
function awaited(series: Series, ceiling: Series | null, store: Store): Prospect {
  const value = ceiling === null ? NaN : store.value(ceiling.id);
  const limit = ceiling === null || Number.isNaN(value) ? null : { value, from: ceiling.def.name };
  return { series, gate: series.def.gate ?? 'advisory', level: null, limit, floor: null, others: 0 };
}

const GATES: readonly Gate[] = ['required', 'gated', 'advisory'];

function tightest(prospects: readonly Prospect[]): Prospect[] {
  const byMetric = new Map<string, Prospect[]>();
  for (const prospect of prospects) {
    const { def, labels } = prospect.series;
    const key = JSON.stringify([def.name, labels, prospect.gate]);
    byMetric.set(key, [...(byMetric.get(key) ?? []), prospect]);
  }
  return [...byMetric.values()].map((like) => {
    const tight = like.reduce((a, b) => ((b.floor ?? Infinity) < (a.floor ?? Infinity) ? b : a));
    return { ...tight, others: like.length - 1 };
  });
}

export interface Best {
  readonly outcome: Outcome;
  readonly why: readonly string[];
}

/**
 * The best outcome that a run could have. Only findings that more time does not mend count: signals that must be seen and are not, hidden
 * heaps, rules about nothing, what is broken already. That seconds are too short to judge growth or to see steady work is no finding here.
 * @param target null for what belongs to the whole run
 */
export function bestOutcome(findings: readonly Finding[], target: string | null): Best {
  const own = findings.filter((finding) => finding.target === target && !isMendedByTime(finding));
  const failed = own.filter(({ outcome }) => outcome === 'fail');
  if (failed.length > 0) return { outcome: 'fail', why: failed.map(reasonOf) };
  return { outcome: own.length > 0 ? 'inconclusive' : 'pass', why: own.map(reasonOf) };
}

/** Also what decides nothing. */
function isMendedByTime({ kind, outcome, evidence }: Finding): boolean {
  if (outcome !== 'inconclusive') return outcome === 'pass';
  if (kind === 'work') return evidence['signal'] !== null;
  return kind === 'leak' || kind === 'coverage';
}

/** Of a hidden heap the judge also says that there are too few samples yet. */
function reasonOf({ kind, series, why }: Finding): string {
  return kind === 'heap' ? `${series.join(', ')}: ${HEAP_HIDDEN}` : why;
}

/**
 * Findings without those on rules whose metric may well come when a run goes on: of a target that a run starts first, or beside metrics of
 * the same panel that were read (a heap has no value before its first collection).
 */
export function withoutPending(
  findings: readonly Finding[],
  state: RunState,
  blind: readonly BlindSpot[],
  config: Pick<Config, 'rules' | 'targets'>,
  catalog: Pick<Catalog, 'find'>,
): Finding[] {
  const started = new Set(config.targets.filter(({ selector }) => selector.kind === 'exec').map(({ role }) => role));
  return findings.filter(({ kind, outcome, evidence }) => {
    const rule = kind === 'rule' && outcome === 'inconclusive' ? config.rules.find(({ text }) => text === evidence['rule']) : undefined;
    if (rule === undefined || rule.metric === null) return true;
    const { metric } = rule;
    if (rule.role === null ? started.size > 0 : started.has(rule.role)) return false;
    const panel = findMetric(catalog)(metric)?.panel;
    const near = state.series.all().some(({ def, target }) => def.panel === panel && (rule.role === null || target === rule.role));
    return !near || blind.some((spot) => covers(spot, metric));
  });
}
