/** Rules on levels, watched sample by sample: how long each is violated, and which ones are broken for good. */
import type { Series, SeriesTable } from '../series.ts';
import type { Store } from '../store.ts';
import type { Samples } from '../tick.ts';
import type { Phase } from '../timeline.ts';
import { LimitIndex } from './limits.ts';
import { holdsIn } from './phases.ts';
import { isCeiling, isOfSamples, type Rule, ruleApplies, violates } from './rules.ts';

/** A broken rule stays broken. Run times in seconds; values in the unit of the rule. */
export interface Breach {
  readonly rule: number;
  readonly series: number;
  /** When it began to be violated, and when that had lasted long enough. */
  readonly from: number;
  readonly at: number;
  /** The first value that violated it, and the one furthest out. */
  readonly first: number;
  worst: number;
}

/** One rule on one series. */
interface Watch {
  readonly rule: number;
  readonly limit: Series | null;
  /** Since when it is violated without a break; null while it holds. */
  since: number | null;
  first: number;
  last: number;
}

export interface ThresholdsSnapshot {
  readonly breaches: readonly Breach[];
  readonly open: readonly { series: number; rule: number; since: number | null; first: number; last: number }[];
}

/** Two missed samples and a half end a violation: what was not seen did not last. */
const MISSED = 2.5;
const PATIENCE_S = 5;

export class Thresholds {
  readonly #rules: readonly Rule[];
  readonly #watches = new Map<number, Watch[]>();
  readonly #breaches = new Map<string, Breach>();
  #known = 0;
  #restored: ThresholdsSnapshot['open'] = [];

  constructor(rules: readonly Rule[]) {
    this.#rules = rules;
  }

  /** @param phase the one that the run is in */
  watch(samples: Samples, table: SeriesTable, store: Store, phase: Phase | null = null): void {
    if (this.#rules.length === 0) return;
    if (this.#known < table.size) this.#meet(table);
    if (this.#watches.size === 0) return;
    for (let i = 0; i < samples.length; i++) {
      const id = samples.series[i]!;
      for (const watch of this.#watches.get(id) ?? []) {
        if (holdsIn(this.#rules[watch.rule]!, table.get(id).def, phase))
          this.#sample(watch, table.get(id), samples.at[i]!, samples.values[i]!, store);
        else watch.since = null;
      }
    }
  }

  breaches(): Breach[] {
    return [...this.#breaches.values()];
  }

  /** Whether any sample of the rule's metric was ever compared with it. */
  seen(rule: number): boolean {
    return this.#open().some((watch) => watch.rule === rule && !Number.isNaN(watch.last));
  }

  /** Why nothing was compared with a rule although it has series; null when it has none. */
  unseenBecause(rule: number): string | null {
    const own = [...this.#watches.values()].flat().filter((watch) => watch.rule === rule);
    if (own.length === 0) return null;
    const { measure } = this.#rules[rule]!;
    const isUnlimited = measure.kind === 'utilization' && own.every(({ limit }) => limit === null);
    return isUnlimited ? 'no limit of it is known' : 'it was not sampled in a phase in which the rule holds';
  }

  snapshot(): ThresholdsSnapshot {
    return { breaches: this.breaches().map((breach) => ({ ...breach })), open: this.#open() };
  }

  /** The series are met again at the next tick. */
  restore(snapshot: ThresholdsSnapshot): void {
    for (const breach of snapshot.breaches) this.#breaches.set(`${breach.rule} ${breach.series}`, { ...breach });
    this.#restored = snapshot.open;
  }

  #open(): ThresholdsSnapshot['open'] {
    const met = [...this.#watches].flatMap(([series, list]) =>
      list.map(({ rule, since, first, last }) => ({ series, rule, since, first, last })),
    );
    return [...this.#restored, ...met];
  }

  /** New series may be ruled, and may be the limit of known ones. */
  #meet(table: SeriesTable): void {
    const all = table.all();
    const limits = new LimitIndex(all);
    const before = new Map([...this.#watches].flatMap(([id, list]) => list.map((watch) => [`${watch.rule} ${id}`, watch] as const)));
    for (const { series, ...watch } of this.#restored) before.set(`${watch.rule} ${series}`, { ...watch, limit: null });
    this.#restored = [];
    this.#watches.clear();
    for (const series of all) {
      const list = this.#rules.flatMap((rule, index) => {
        if (!isOfSamples(rule) || !ruleApplies(rule, series)) return [];
        const { since, first, last } = before.get(`${index} ${series.id}`) ?? { since: null, first: NaN, last: NaN };
        return [{ rule: index, limit: limits.find(series), since, first, last }];
      });
      if (list.length > 0) this.#watches.set(series.id, list);
    }
    this.#known = all.length;
  }

  #sample(watch: Watch, series: Series, at: number, raw: number, store: Store): void {
    const rule = this.#rules[watch.rule]!;
    const limit = watch.limit === null ? NaN : store.value(watch.limit.id);
    const value = rule.measure.kind === 'utilization' ? raw / limit : raw;
    if (!Number.isFinite(value)) return;
    const broken = at - watch.last > Math.max(PATIENCE_S, MISSED * series.period);
    watch.last = at;
    if (!violates(rule, value)) {
      watch.since = null;
      return;
    }
    if (watch.since === null || broken) {
      watch.since = at;
      watch.first = value;
    }
    if (at - watch.since >= rule.for) this.#broken(watch, series.id, at, value);
  }

  #broken(watch: Watch, series: number, at: number, value: number): void {
    const key = `${watch.rule} ${series}`;
    const breach = this.#breaches.get(key) ?? { rule: watch.rule, series, from: watch.since!, at, first: watch.first, worst: value };
    breach.worst = isCeiling(this.#rules[watch.rule]!) ? Math.max(breach.worst, value) : Math.min(breach.worst, value);
    this.#breaches.set(key, breach);
  }
}
