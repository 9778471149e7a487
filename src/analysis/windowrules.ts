/**
 * Rules on windows: a mean, an extreme, a rate, a share or a quantile of the latest minutes, by itself or against what it was in the first
 * window after the warm-up. A window is looked at when it is full, and again at every 60th of its length; where the run was shorter, once
 * at its end.
 */
import { paced, settledAfter } from '../pace.ts';
import { formatDuration } from '../quantity.ts';
import type { Series, SeriesTable } from '../series.ts';
import type { Samples } from '../tick.ts';
import type { Phase } from '../timeline.ts';
import type { JudgeOptions } from './judgement.ts';
import { holdsIn, phaseAt } from './phases.ts';
import { isOfSamples, type Rule, violates } from './rules.ts';
import { STEPS } from './sliding.ts';
import type { Breach } from './thresholds.ts';
import type { Windowed, WindowedSnapshot, WindowValue } from './windowed.ts';
import { windowedOf, windowsOf } from './windowedrule.ts';

/** Without a word of the user: what must last for a time is looked at by the minute, what stands by itself over ten. */
const WINDOW_S = { trial: 30, soak: 600 } as const;
const SHORT_WINDOW_S = { trial: 5, soak: 60 } as const;

/** A rule on every member of every role is 2,000 series at most; a window of one takes some 3 kB, of durations 100 kB. */
const WATCHES_MAX = 500;

/** What could not be told because its buckets are too wide. Run time, and the values that it is between. */
export interface Unresolved extends WindowValue {
  readonly rule: number;
  readonly series: number;
  readonly at: number;
}

interface Watch {
  readonly rule: number;
  /** The first series that the windows are of. */
  readonly series: Series;
  readonly windowed: Windowed;
  /** Seconds; infinite for all of the run. */
  readonly length: number;
  readonly state: WatchState;
}

interface WatchState {
  /** Run time since when the window is being filled; null while the rule does not hold. */
  from: number | null;
  step: number;
  /** What it is compared with; null until the first window is full. */
  baseline: number | null;
  /** Since when it is violated without a break. */
  since: number | null;
  first: number;
  looks: number;
}

const NEW: WatchState = { from: null, step: 0, baseline: null, since: null, first: NaN, looks: 0 };

export interface WindowRulesSnapshot {
  readonly breaches: readonly (readonly [string, Breach])[];
  readonly unresolved: readonly (readonly [string, Unresolved])[];
  readonly watches: readonly { readonly key: string; readonly windowed: WindowedSnapshot; readonly state: WatchState }[];
}

type Options = Pick<JudgeOptions, 'rules' | 'plannedEnd' | 'warmup'>;

export class WindowRules {
  readonly #rules: readonly Rule[];
  readonly #planned: number | null;
  readonly #settled: number;
  readonly #watches = new Map<string, Watch>();
  readonly #feeds = new Map<number, ((value: number) => void)[]>();
  readonly #breaches = new Map<string, Breach>();
  readonly #unresolved = new Map<string, Unresolved>();
  #restored = new Map<string, WindowRulesSnapshot['watches'][number]>();
  #known = 0;

  constructor({ rules, plannedEnd, warmup }: Options) {
    this.#rules = rules;
    this.#planned = plannedEnd;
    this.#settled = settledAfter(warmup, plannedEnd);
  }

  watch(samples: Samples, table: SeriesTable, phases: readonly Phase[], t: number): void {
    if (this.#rules.every(isOfSamples)) return;
    for (; this.#known < table.size; this.#known++) this.#meet(table.get(this.#known), table);
    if (this.#watches.size === 0) return;
    const phase = phaseAt(phases, t);
    for (const [key, watch] of this.#watches) this.#move(key, watch, phase, t);
    for (let i = 0; i < samples.length; i++) {
      for (const feed of this.#feeds.get(samples.series[i]!) ?? []) feed(samples.values[i]!);
    }
  }

  breaches(): Breach[] {
    return [...this.#breaches.values()];
  }

  unresolved(): Unresolved[] {
    return [...this.#unresolved].filter(([key]) => !this.#breaches.has(key)).map(([, one]) => one);
  }

  /** What the windows that never became full say at the end of the run. */
  atEnd(t: number): { breaches: Breach[]; unresolved: Unresolved[]; seen: number[] } {
    const [breaches, unresolved, seen]: [Breach[], Unresolved[], number[]] = [[], [], []];
    for (const { rule: index, series, windowed, state } of this.#watches.values()) {
      const rule = this.#rules[index]!;
      if (state.looks > 0 || state.from === null || rule.againstBaseline) continue;
      const value = windowed.value(t - state.from);
      if (value === null) continue;
      seen.push(index);
      const [lo, hi] = [violates(rule, value.lo), violates(rule, value.hi)];
      const worst = further(rule, value.lo, value.hi);
      if (lo && hi) breaches.push({ rule: index, series: series.id, from: state.from, at: t, first: worst, worst });
      else if (lo || hi) unresolved.push({ rule: index, series: series.id, at: t, ...value });
    }
    return { breaches, unresolved, seen };
  }

  /** Whether any window of the rule was ever compared with it. */
  seen(rule: number): boolean {
    return [...this.#watches.values()].some((watch) => watch.rule === rule && watch.state.looks > 0);
  }

  /** Why nothing was compared with a rule although it has series; null when it has none. */
  unseenBecause(rule: number): string | null {
    const own = [...this.#watches.values()].filter((watch) => watch.rule === rule);
    const [first] = own;
    if (first === undefined) return null;
    const { againstBaseline, measure } = this.#rules[rule]!;
    const window = first.length === Infinity ? 'window' : `window of ${formatDuration(first.length)}`;
    if (againstBaseline && own.some(({ state }) => state.baseline !== null)) return `no full ${window} came after that of its baseline`;
    if (own.every(({ state }) => state.from === null)) return 'it was not sampled in a phase in which the rule holds, after the warm-up';
    if (againstBaseline) return `there was no full ${window} after the warm-up with values above zero, as a baseline`;
    return measure.kind === 'quantile'
      ? `no ${window} tells this quantile: the buckets of the load tool are too wide, or it tells others only`
      : `no ${window} had enough samples to compute it`;
  }

  snapshot(): WindowRulesSnapshot {
    const watches = [...this.#watches].map(([key, { windowed, state }]) => ({ key, windowed: windowed.snapshot(), state: { ...state } }));
    return {
      breaches: [...this.#breaches].map(([key, breach]) => [key, { ...breach }]),
      unresolved: [...this.#unresolved],
      watches: [...this.#restored.values(), ...watches],
    };
  }

  /** The series are met again at the next tick. */
  restore({ breaches, unresolved, watches }: WindowRulesSnapshot): void {
    this.#restored = new Map(watches.map((watch) => [watch.key, watch]));
    for (const [key, breach] of breaches) this.#breaches.set(key, { ...breach });
    for (const [key, one] of unresolved) this.#unresolved.set(key, one);
  }

  #meet(series: Series, table: SeriesTable): void {
    this.#rules.forEach((rule, index) => {
      const windows = isOfSamples(rule) ? null : windowsOf(rule, series);
      if (windows === null) return;
      const key = `${index} ${windows}`;
      if (!this.#watches.has(key) && this.#watches.size < WATCHES_MAX) this.#begin(key, index, series, table);
    });
    for (const { windowed } of this.#watches.values()) this.#feed(windowed, series);
  }

  /** Series that are known already may be what the new one is compared with. */
  #begin(key: string, rule: number, series: Series, table: SeriesTable): void {
    const length = this.#lengthOf(this.#rules[rule]!);
    const windowed = windowedOf(this.#rules[rule]!, series, length === Infinity);
    if (windowed === null) return;
    const before = this.#restored.get(key);
    this.#restored.delete(key);
    if (before) windowed.restore(before.windowed);
    this.#watches.set(key, { rule, series, windowed, length, state: { ...(before?.state ?? NEW) } });
    for (let id = 0; id < series.id; id++) this.#feed(windowed, table.get(id));
  }

  #feed(windowed: Windowed, series: Series): void {
    const feed = windowed.feedOf(series);
    if (feed !== null) this.#feeds.set(series.id, [...(this.#feeds.get(series.id) ?? []), feed]);
  }

  #lengthOf({ over, for: seconds, measure }: Rule): number {
    if (over === 'run' || measure.kind === 'count') return Infinity;
    return over ?? paced(this.#planned, seconds > 0 ? SHORT_WINDOW_S : WINDOW_S);
  }

  #move(key: string, watch: Watch, phase: Phase | null, t: number): void {
    const { windowed, length, state } = watch;
    const rule = this.#rules[watch.rule]!;
    if (!holdsIn(rule, watch.series.def, phase) || (rule.againstBaseline && t < this.#settled)) {
      state.from = null;
      return;
    }
    if (state.from === null) {
      begin(watch, t);
      return;
    }
    const steps = Math.floor((t - state.from) / (length / STEPS));
    if (!(steps > state.step)) return;
    if (t - state.from >= length) this.#look(key, watch, t);
    if (state.from === t) return; // its baseline is known now, and the next window begins
    for (let i = Math.min(STEPS, steps - state.step); i > 0; i--) windowed.next();
    state.step = steps;
  }

  #look(key: string, watch: Watch, t: number): void {
    const { series, length, state } = watch;
    const rule = this.#rules[watch.rule]!;
    const value = this.#compared(watch, t);
    if (value === null) return;
    state.looks++;
    const [lo, hi] = [violates(rule, value.lo), violates(rule, value.hi)];
    if (lo !== hi && !this.#unresolved.has(key)) this.#unresolved.set(key, { rule: watch.rule, series: series.id, at: t, ...value });
    if (!lo || !hi) {
      state.since = null;
      return;
    }
    const worst = further(rule, value.lo, value.hi);
    if (state.since === null) {
      state.since = t;
      state.first = worst;
    }
    if (t - state.since < rule.for) return;
    const from = Math.max(0, state.since - length);
    const breach = this.#breaches.get(key) ?? { rule: watch.rule, series: series.id, from, at: t, first: state.first, worst };
    breach.worst = further(rule, breach.worst, worst);
    this.#breaches.set(key, breach);
  }

  /** What the rule compares now; null when nothing is known yet. The first full window of a rule on changes is its baseline. */
  #compared(watch: Watch, t: number): WindowValue | null {
    const { windowed, length, state } = watch;
    const value = windowed.value(length);
    if (value === null || !this.#rules[watch.rule]!.againstBaseline) return value;
    if (state.baseline !== null) return { lo: value.lo / state.baseline - 1, hi: value.hi / state.baseline - 1 };
    // Nothing is a share of nothing, so a window of zeros is no baseline.
    if (value.lo === value.hi && Math.abs(value.lo) > 0) {
      state.baseline = value.lo;
      begin(watch, t);
    }
    return null;
  }
}

function begin({ windowed, state }: Watch, t: number): void {
  windowed.clear();
  state.from = t;
  state.step = 0;
  state.since = null;
}

/** The one that says more against the rule. */
function further(rule: Rule, a: number, b: number): number {
  return rule.op.startsWith('<') ? Math.max(a, b) : Math.min(a, b);
}
