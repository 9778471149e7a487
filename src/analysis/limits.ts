/** The ceiling of a series: the metric that its declaration names, and the limits that rules set. */
import type { Series } from '../series.ts';
import type { Bins, Store } from '../store.ts';
import type { SeriesInput } from './judgement.ts';
import { isCeiling, isLimit, type Rule } from './rules.ts';

export type Limit = SeriesInput['limits'][number];

/** Changes of a limit that are kept; somebody who changes an rlimit more often is not setting a limit. */
const CHANGES_MAX = 16;

/** Finds the series that is the ceiling of another: same target, equal labels where both have them, the member's own before the role's. */
export class LimitIndex {
  readonly #byOwner = new Map<string, Series[]>();

  constructor(series: readonly Series[]) {
    const ceilings = new Set(series.map((s) => s.def.limit).filter((name) => name !== undefined));
    for (const candidate of series) {
      if (!ceilings.has(candidate.def.name)) continue;
      const key = ownerKey(candidate.target, candidate.member, candidate.def.name);
      this.#byOwner.set(key, [...(this.#byOwner.get(key) ?? []), candidate]);
    }
  }

  find(series: Series): Series | null {
    const { limit } = series.def;
    if (limit === undefined) return null;
    const own = this.#byOwner.get(ownerKey(series.target, series.member, limit)) ?? [];
    const roles = series.member === null ? [] : (this.#byOwner.get(ownerKey(series.target, null, limit)) ?? []);
    return [...own, ...roles].find((candidate) => sameWhereBoth(candidate.labels, series.labels)) ?? null;
  }
}

function ownerKey(target: string | null, member: string | null, metric: string): string {
  return JSON.stringify([target, member, metric]);
}

function sameWhereBoth(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  return Object.entries(a).every(([name, value]) => b[name] === undefined || b[name] === value);
}

/** The limit over time, latest last. A bin in which it changed says only that it did, so the values around it are taken. */
export function limitHistory(bins: Bins, latest: number, at: number, from: string): Limit[] {
  const history: Limit[] = [];
  const push = (t: number, value: number): void => {
    if (history.at(-1)?.value !== value) history.push({ t, value, from });
  };
  for (let i = 0; i < bins.length; i++) {
    if (bins.count[i]! > 0 && bins.min[i] === bins.max[i]) push((bins.first + i) * bins.width, bins.min[i]!);
  }
  if (!Number.isNaN(latest)) push(at, latest);
  return history.slice(-CHANGES_MAX);
}

/** Everything that bounds the series: its own limit's history, and after it the lowest limit of a rule, when that is lower. */
export function limitsOf(series: Series, index: LimitIndex, store: Store, rules: readonly Rule[]): Limit[] {
  const ceiling = index.find(series);
  const history = ceiling ? limitHistory(store.bins(ceiling.id), store.value(ceiling.id), store.at(ceiling.id), ceiling.def.name) : [];
  const own = history.at(-1);
  const byRule = rules
    .flatMap((rule) => {
      const value = ceilingOf(rule, own?.value ?? null);
      return value === null ? [] : [{ t: 0, value, from: `rule ${rule.text}` }];
    })
    .toSorted((a, b) => a.value - b.value)[0];
  return byRule && (own === undefined || byRule.value < own.value) ? [...history, byRule] : history;
}

/** The level that a rule forbids to exceed, or null: a lower bound is not a ceiling, and a share of nothing is nothing. */
function ceilingOf(rule: Rule, limit: number | null): number | null {
  if (!isLimit(rule) || !isCeiling(rule)) return null;
  if (rule.measure.kind === 'level') return rule.value;
  return limit === null ? null : rule.value * limit;
}
