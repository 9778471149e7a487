/**
 * Two builds, by one run of each or several: what has changed, with an interval, and whether it can be called a change. A call needs certainty
 * over all signals of the comparison together, because sixty of them are sixty chances to be wrong; and it needs a size that matters.
 */
import type { Outcome } from '../analysis/judgement.ts';
import { type Blocks, blocksOf, type Common, commonOf } from './aligned.ts';
import { fitted, type Fitted } from './difference.ts';
import type { Measured, MeasuredRun } from './measured.ts';
import { has, lostOf, outcomeOf } from './outcome.ts';
import { normalQuantile } from '../analysis/stats.ts';
import type { Mixture } from '../analysis/mixture.ts';
import { settleOf } from './settle.ts';
import { BETWEEN_SHARE, type Limits, limitsOf, type SignalKind } from './thresholds.ts';

export type Call = 'regressed' | 'improved' | 'no change' | 'cannot tell';

export interface Change {
  readonly value: number;
  /** 95 %, of this signal alone. */
  readonly lo: number;
  readonly hi: number;
}

export interface Compared {
  readonly id: string;
  readonly target: string;
  readonly kind: SignalKind;
  readonly unit: string;
  readonly required: boolean;
  /** Means over the common part; null when it has no samples there. */
  readonly base: number | null;
  readonly head: number | null;
  /** `share`: 0.1 is 10 % more than the base. */
  readonly as: 'share' | 'absolute';
  readonly change: Change | null;
  readonly call: Call;
  /** Of a regression: beyond the limit that fails, or the one that warns. */
  readonly severity: 'warn' | 'fail' | null;
  /** Change that nine of ten such comparisons would call. */
  readonly smallestDetectable: number | null;
  /** Sizes of change, as `change` is told: from the first on it is said, beyond the second it fails. */
  readonly limits: { readonly warn: number; readonly fail: number; readonly worse: 'higher' | 'lower' };
  /** What it grows more by the hour than the base did; null where growth is no matter. */
  readonly slope: (Change & { readonly call: Call; readonly matters: number }) | null;
  readonly why: string;
  /** What would turn "cannot tell" into a call; empty for the other calls. */
  readonly settle: string;
}

export interface Comparison {
  readonly schema: 1;
  readonly base: readonly RunName[];
  readonly head: readonly RunName[];
  readonly outcome: Outcome;
  readonly reasons: readonly string[];
  /** Seconds after the beginning of the steady part; null when nothing is common. */
  readonly common: Common | null;
  /** Chance that any call of this comparison is wrong where nothing has changed; tests among which it is divided. */
  readonly falseCalls: number;
  readonly tests: number;
  /** Change of the requests per second, by target. */
  readonly load: readonly { readonly target: string; readonly change: number }[];
  readonly signals: readonly Compared[];
  /** Signals that only one side has. */
  readonly only: { readonly base: readonly string[]; readonly head: readonly string[] };
}

export interface RunName {
  readonly id: string;
  readonly start: string;
  readonly agent: string;
  /** Seconds of run time: where its steady part begins, and where judging ends. */
  readonly steadyFrom: number;
  readonly until: number;
}

export interface CompareOptions {
  /** Standard deviation between runs of one build, as a share of the level; null: a fifth of what matters. */
  readonly between: number | null;
  /** Also warnings fail. */
  readonly strict: boolean;
}

/** For the whole comparison (target: at most one of a hundred comparisons of a build with itself calls anything). */
const FALSE_CALLS = 0.01;

/** Chance with which a change that would fail may be called none. */
const NO_CHANGE = 0.05;

/** A load that differs by more explains what it moves. */
const LOAD_DIFFERS = 0.1;

/** Degrees of freedom that the assumed deviation between runs is worth beside what several runs show. */
const BETWEEN_DF = 4;

/** What differs between runs may wander within one as well: a half of it over their length, beside noise that hides it. */
const WANDER_SHARE = 1 / 2;

const POWER = normalQuantile(0.9);

export function compare(bases: readonly MeasuredRun[], heads: readonly MeasuredRun[], options: CompareOptions): Comparison {
  const common = commonOf([...bases, ...heads]);
  const pairs = common === null ? [] : pairsOf(bases, heads, common, options);
  const tests = pairs.reduce((sum, { slope }) => sum + (slope === null ? 1 : 2), 0);
  const load = loadOf(pairs);
  const signals = pairs.map((pair) =>
    judged(pair, { falseCalls: FALSE_CALLS / Math.max(1, tests), load, pairs: pairsPerSide(bases, heads) }),
  );
  const only = {
    base: idsOf(bases).filter((id) => !idsOf(heads).includes(id)),
    head: idsOf(heads).filter((id) => !idsOf(bases).includes(id)),
  };
  const { outcome, reasons } = outcomeOf(signals, common, lostOf(bases, heads), options);
  return {
    schema: 1,
    base: bases.map(nameOf),
    head: heads.map(nameOf),
    outcome,
    reasons,
    common,
    falseCalls: FALSE_CALLS,
    tests,
    load: [...load].map(([target, change]) => ({ target, change })),
    signals: signals.toSorted((a, b) => RANK[a.call] - RANK[b.call] || Number(b.required) - Number(a.required)),
    only,
  };
}

const RANK: Readonly<Record<Call, number>> = { regressed: 0, 'cannot tell': 1, improved: 2, 'no change': 3 };

function nameOf({ id, start, agent, steadyFrom, until }: MeasuredRun): RunName {
  return { id, start, agent, steadyFrom, until };
}

function idsOf(runs: readonly MeasuredRun[]): string[] {
  return [...new Set(runs.flatMap(({ signals }) => signals.map(({ id }) => id)))];
}

/** One run of each is 1, three of each are 3; of unequal sides the lesser counts for more, as it does in the variance. */
function pairsPerSide(bases: readonly MeasuredRun[], heads: readonly MeasuredRun[]): number {
  return 2 / (1 / bases.length + 1 / heads.length);
}

/** A signal of both sides, and what is known of its change. */
interface Pair {
  readonly signal: Measured;
  readonly limits: Limits;
  readonly base: number | null;
  readonly head: number | null;
  /** Whether all runs tell it in the same unit. */
  readonly isSame: boolean;
  /** Level and slope have other units: the level is in logarithms where it can be. */
  readonly level: {
    readonly fit: Fitted;
    readonly logs: boolean;
    /** The base is next to nothing: changes are shares of the least level of which a share means something. */
    readonly isSmall: boolean;
    readonly warn: number;
    readonly fail: number;
    readonly points: number;
  } | null;
  readonly slope: { readonly fit: Fitted | null; readonly matters: number } | null;
}

/** Each signal of both sides, over the runs that have it. */
function pairsOf(bases: readonly MeasuredRun[], heads: readonly MeasuredRun[], common: Common, options: CompareOptions): Pair[] {
  const heard = new Set(idsOf(heads));
  const having = (runs: readonly MeasuredRun[], id: string): MeasuredRun[] => runs.filter((run) => has(run, id));
  return idsOf(bases)
    .filter((id) => heard.has(id))
    .map((id) => pairOf(id, having(bases, id), having(heads, id), common, options));
}

function pairOf(id: string, bases: readonly MeasuredRun[], heads: readonly MeasuredRun[], common: Common, options: CompareOptions): Pair {
  const all = [...bases, ...heads].map((run) => ({ run, signal: run.signals.find((one) => one.id === id)! }));
  const { signal } = all[0]!;
  const limits = limitsOf(signal.kind);
  // Errors are a share where requests are counted in the same bins, and a rate elsewhere: one cannot be taken from the other.
  const isSame = all.every((one) => one.signal.kind === signal.kind && one.signal.unit === signal.unit);
  const blocks = isSame ? blocksOf(all, common) : null;
  const [base, head] = [meanOf(blocks, 0, bases.length), meanOf(blocks, bases.length, all.length)];
  const none = {
    signal,
    limits,
    base,
    head,
    isSame,
    level: null,
    slope: signal.matters === null ? null : { fit: null, matters: signal.matters.perHour },
  };
  if (blocks === null || base === null || head === null) return none;
  const level = levelOf(blocks, bases.length, { base, limits, between: options.between });
  const slope =
    signal.matters === null
      ? null
      : slopeOf(blocks, bases.length, signal.matters, {
          base,
          wander: (WANDER_SHARE * (options.between ?? BETWEEN_SHARE * limits.warn) * Math.abs(base) * 3600) / (common.to - common.from),
        });
  return { ...none, level, slope };
}

function meanOf(blocks: Blocks | null, from: number, to: number): number | null {
  const known = (blocks?.values.slice(from, to) ?? []).flatMap((values) => [...values].filter((value) => !Number.isNaN(value)));
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
}

/** The mean of some runs in each block; NaN where one of them has none, so that no run counts in some blocks only. */
function sideOf(values: readonly Float64Array[], of: (value: number) => number): Float64Array {
  return Float64Array.from(values[0]!, (_, k) => values.reduce((sum, run) => sum + of(run[k]!), 0) / values.length);
}

function levelOf(
  { x, values }: Blocks,
  split: number,
  { base, limits, between }: { readonly base: number; readonly limits: Limits; readonly between: number | null },
): Pair['level'] {
  const isShare = limits.as === 'share';
  // Where shares of the base mean nothing, the least change that is one stands for the first limit.
  const isSmall = isShare && limits.least > limits.warn * Math.abs(base);
  const logs = isShare && !isSmall && values.every((run) => run.every((value) => Number.isNaN(value) || value > 0));
  const unit = !isShare ? 1 : logs ? 1 : Math.max(Math.abs(base), limits.least / limits.warn);
  const of = (value: number): number => (logs ? Math.log(value) : value / unit);
  const [b, h] = [sideOf(values.slice(0, split), of), sideOf(values.slice(split), of)];
  const y = h.map((value, k) => value - b[k]!);
  const { warn, fail } = limits;
  const assumed = isShare ? (between ?? BETWEEN_SHARE * warn) : BETWEEN_SHARE * warn;
  const variance = betweenOf(values, split, of, assumed) * (1 / split + 1 / (values.length - split));
  const fit = fitted({ x, y }, logs ? 1 : Math.abs(base) / unit || 1, { level: variance, slope: 0 });
  return fit === null ? null : { fit, logs, isSmall, warn, fail, points: y.filter((value) => !Number.isNaN(value)).length };
}

/** Variance between runs of one build: what is assumed, and what several runs of one side show. */
function betweenOf(values: readonly Float64Array[], split: number, of: (value: number) => number, assumed: number): number {
  let [squares, df] = [BETWEEN_DF * assumed ** 2, BETWEEN_DF];
  for (const side of [values.slice(0, split), values.slice(split)]) {
    const means = side.map((run) => {
      const known = [...run].filter((value) => !Number.isNaN(value)).map(of);
      return known.reduce((sum, value) => sum + value, 0) / known.length;
    });
    const mean = means.reduce((sum, value) => sum + value, 0) / means.length;
    if (Number.isNaN(mean)) continue;
    squares += means.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    df += means.length - 1;
  }
  return squares / df;
}

function slopeOf(
  { x, values }: Blocks,
  split: number,
  { share, perHour }: { readonly share: number; readonly perHour: number },
  { base, wander }: { readonly base: number; readonly wander: number },
): NonNullable<Pair['slope']> {
  const matters = Math.max(share * Math.abs(base), perHour);
  const [b, h] = [sideOf(values.slice(0, split), Number), sideOf(values.slice(split), Number)];
  const y = h.map((value, k) => value - b[k]!);
  const variance = ((BETWEEN_SHARE * matters) ** 2 + wander ** 2) * (1 / split + 1 / (values.length - split));
  return { fit: fitted({ x, y }, Math.abs(base) || 1, { level: 0, slope: variance }), matters };
}

/** Requests of both sides, where their change can be told from none. */
function loadOf(pairs: readonly Pair[]): Map<string, number> {
  const load = new Map<string, number>();
  for (const { signal, level } of pairs) {
    if (signal.kind !== 'requests' || level === null) continue;
    const change = shareOf(level.fit.level.mean, level.logs);
    if (Math.abs(change) > LOAD_DIFFERS && isCertain(level.fit.level, NO_CHANGE) !== 0) load.set(signal.target, change);
  }
  return load;
}

function shareOf(value: number, logs: boolean): number {
  return logs ? Math.expm1(value) : value;
}

/** Which way the distribution lies, with this chance of being wrong where there is no change. */
function isCertain(of: Mixture, falseCalls: number): -1 | 0 | 1 {
  if (of.cdf(0) < falseCalls / 2) return 1;
  return of.above(0) < falseCalls / 2 ? -1 : 0;
}

/** What holds for all signals of a comparison. */
interface Setting {
  readonly falseCalls: number;
  readonly load: ReadonlyMap<string, number>;
  readonly pairs: number;
}

function judged({ signal, limits, base, head, isSame, level, slope }: Pair, { falseCalls, load, pairs }: Setting): Compared {
  const { id, target, kind, unit, required } = signal;
  const { worse, as } = limits;
  const about = { id, target, kind, unit, required, base, head, as };
  const grown = slope === null ? null : growth(slope, falseCalls);
  if (level === null) {
    const open = {
      change: null,
      call: 'cannot tell',
      severity: null,
      smallestDetectable: null,
      slope: grown,
      why: isSame ? TOO_LITTLE : TWO_UNITS,
    } as const;
    return { ...about, ...open, limits: { warn: limits.warn, fail: limits.fail, worse }, settle: settleOf({ reason: 'short' }) };
  }
  const of = level.fit.level;
  const share = (value: number): number => shareOf(value, level.logs);
  const change = { value: share(of.mean), lo: share(of.quantile(0.025)), hi: share(of.quantile(0.975)) };
  const raw = (value: number): number => (level.logs ? Math.log1p(Math.max(-0.999, value)) : value);
  const seen = callOf(of, { value: change.value, limit: level.warn, beyond: level.fail, raw, worse, falseCalls });
  const excuse = excuseOf(kind, target, change.value, load);
  const excused = excuse !== null && (seen === 'regressed' || seen === 'improved') ? 'cannot tell' : seen;
  const isFail = excused === 'regressed' && Math.abs(change.value) >= level.fail;
  const call = excused !== 'regressed' && grown?.call === 'regressed' ? 'regressed' : excused;
  const detectable = share(Math.max(raw(level.warn), quantileAt(of, falseCalls)) + POWER * of.spread);
  const noise = { reason: 'noise', smallest: detectable, fail: level.fail, as, pairs } as const;
  return {
    ...about,
    change,
    call,
    severity: isFail || grown?.call === 'regressed' ? 'fail' : call === 'regressed' ? 'warn' : null,
    smallestDetectable: detectable,
    limits: { warn: level.warn, fail: level.fail, worse },
    slope: grown,
    why:
      excused === 'cannot tell' ? (excuse ?? uncertain(seen, level, limits)) : level.isSmall && call !== 'no change' ? NEXT_TO_NOTHING : '',
    settle: call === 'cannot tell' ? settleOf(excuse === null ? noise : { reason: 'load' }) : '',
  };
}

const NEXT_TO_NOTHING = 'the base is next to nothing: its change is told as a share of the least level that means something';

const TWO_UNITS = 'it is a share in one run and a rate in another';

const TOO_LITTLE = 'too little of it is common to both runs';

/** Distance from its own middle at which a change would be certain: where the distribution, moved there, has so little on the other side of none. */
function quantileAt(of: Mixture, falseCalls: number): number {
  let [low, high] = [0, 100 * of.spread || 1];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (of.cdf(of.mean - middle) < falseCalls / 2) high = middle;
    else low = middle;
  }
  return high;
}

interface Question {
  readonly value: number;
  /** From which on a certain change is called; and what must be ruled out for a call of none. */
  readonly limit: number;
  readonly beyond: number;
  /** From a change to the units of the distribution. */
  readonly raw: (change: number) => number;
  readonly worse: Limits['worse'];
  readonly falseCalls: number;
}

function callOf(of: Mixture, { value, limit, beyond, raw, worse, falseCalls }: Question): Call {
  const sign = isCertain(of, falseCalls);
  if (sign !== 0 && Math.abs(value) >= limit) return sign > 0 === (worse === 'higher') ? 'regressed' : 'improved';
  const isSmall = of.above(raw(beyond)) < NO_CHANGE && of.cdf(raw(-beyond)) < NO_CHANGE;
  return isSmall && Math.abs(value) < limit ? 'no change' : 'cannot tell';
}

function growth({ fit, matters }: NonNullable<Pair['slope']>, falseCalls: number): Compared['slope'] {
  if (fit === null) return null;
  const of = fit.slope;
  const value = of.mean;
  const call = callOf(of, { value, limit: matters, beyond: matters, raw: Number, worse: 'higher', falseCalls });
  return { value, lo: of.quantile(0.025), hi: of.quantile(0.975), call, matters };
}

/** What the load moves: more of it takes more, and less of it takes less. */
const MOVED: ReadonlySet<SignalKind> = new Set(['latency', 'tail', 'memory', 'count', 'cpu', 'rate', 'errors']);

function excuseOf(kind: SignalKind, target: string, change: number, load: ReadonlyMap<string, number>): string | null {
  const more = load.get(target) ?? [...load.values()][0];
  if (more === undefined || !MOVED.has(kind) || more > 0 !== change > 0) return null;
  return `the load is ${Math.round(100 * Math.abs(more))} % ${more > 0 ? 'higher' : 'lower'}, which may be all of it`;
}

function uncertain(seen: Call, { warn, fail }: { readonly warn: number; readonly fail: number }, { as }: Limits): string {
  if (seen !== 'cannot tell') return '';
  const [first, second] = [warn, fail].map((limit) =>
    as === 'share' ? `${Math.round(1000 * limit) / 10} %` : `${Math.round(100_000 * limit) / 1000} points`,
  );
  return `neither is a change of ${first} certain, nor one of ${second} ruled out: more runs, or longer ones`;
}
