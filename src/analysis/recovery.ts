/**
 * How long after a disturbance (an outage of a server, a phase called `fault`) the signals of a run were back where they had been. What
 * was normal is what the latest samples before it were; a signal is back from the first sample on after which it stays there.
 */
import type { MetricDef } from '../catalog.ts';
import type { Series, SeriesTable } from '../series.ts';
import type { RunEvent, Tick } from '../tick.ts';
import { isCeiling, isOfSamples, type Rule, ruleApplies } from './rules.ts';
import { median } from './stats.ts';

/** Samples that say what is normal. */
const BEFORE = 60;
const BEFORE_MIN = 5;

/** Seconds for which a signal must stay where it was: the first good answer after an outage is often followed by bad ones. */
const STAYS_S = 10;

/** Two samples that did not come, and a half. */
const SILENT = 2.5;

/** Disturbances that are remembered, the newest, and signals that are followed: 32 of 64 are 200 kB. */
const DISTURBANCES_MAX = 32;
const SIGNALS_MAX = 64;

/** Normal reaches this far beyond what was usual, when nothing was seen beyond that. */
const SLACK = 0.2;

/** `high`: worse when it is higher. `low`: worse when it is lower. */
type Bad = 'high' | 'low';

/** By metric; beside them backlogs, whoever tells them, and signals of the user that are latencies or have a limit. */
const FOLLOWED: Readonly<Record<string, Bad>> = {
  'soak.traffic.requests': 'low',
  'soak.traffic.errors': 'high',
  'soak.traffic.duration.mean': 'high',
  'soak.traffic.duration.quantile': 'high',
  'soak.probe.duration': 'high',
  'soak.pool.utilization': 'high',
  'postgresql.backends': 'high',
  'postgresql.lock.waiting': 'high',
  'redis.clients.connected': 'high',
  'redis.clients.blocked': 'high',
  'postgresql.transactions': 'low',
  'redis.commands.processed': 'low',
};

/** What is asked of a server is back when nine tenths of it are. Below the least of it the agent's own questions are most of it. */
const QUERIES = { slack: 0.1, least: 2 } as const;
const QUERIES_OF: ReadonlySet<string> = new Set(['postgresql.transactions', 'redis.commands.processed']);

const SIGNAL = /^soak\.signal\./;

/** What is counted in ones is back although it moves by one, a share although it moves by a twentieth. */
const GRAINS: Readonly<Record<string, number>> = { '1': 0.05 };
const GRAIN_OF_COUNTS = 1;

interface Signal {
  readonly id: number;
  /** Seconds between samples. */
  readonly period: number;
  readonly bad: Bad;
  readonly counter: boolean;
  /** Normal reaches this far beyond what was usual: a share of it, and so much at least. */
  readonly slack: number;
  readonly grain: number;
  /** It is not followed where less than this is usual. */
  readonly least: number;
  /** What was normal, the newest last. */
  before: number[];
  last: number;
  at: number;
}

/** One signal in one disturbance. Run times. */
export interface Return {
  readonly series: number;
  /** What it was before, and the bound of what counts as back. */
  readonly level: number;
  readonly bound: number;
  /** It was ever outside. */
  left: boolean;
  /** Since when it is inside again. */
  inside: number | null;
  /** When it was back for good; never before the end of the disturbance. */
  back: number | null;
}

export interface Disturbance {
  /** `fault`, or the name of the server. */
  readonly what: string;
  readonly from: number;
  to: number | null;
  readonly returns: Return[];
}

export interface RecoverySnapshot {
  readonly disturbances: readonly Disturbance[];
  readonly signals: readonly Signal[];
}

export class Recovery {
  readonly #rules: readonly Rule[];
  #disturbances: Disturbance[] = [];
  readonly #signals = new Map<number, Signal>();
  #met = 0;
  /** Signals beyond the cap, which are not followed. */
  left = 0;

  /** @param rules what has a limit is followed */
  constructor(rules: readonly Rule[]) {
    this.#rules = rules.filter(isOfSamples);
  }

  watch({ samples, events }: Pick<Tick, 'samples' | 'events'>, table: SeriesTable): void {
    this.#meet(table);
    for (const event of events) this.#event(event);
    if (this.#signals.size === 0) return;
    for (let i = 0; i < samples.length; i++) {
      const signal = this.#signals.get(samples.series[i]!);
      if (signal) this.#sample(signal, samples.values[i]!, samples.at[i]!);
    }
  }

  all(): readonly Disturbance[] {
    return this.#disturbances;
  }

  snapshot(): RecoverySnapshot {
    return { disturbances: structuredClone(this.#disturbances), signals: structuredClone([...this.#signals.values()]) };
  }

  restore({ disturbances, signals }: RecoverySnapshot): void {
    this.#disturbances = structuredClone([...disturbances]);
    for (const signal of structuredClone([...signals])) this.#signals.set(signal.id, signal);
  }

  #meet(table: SeriesTable): void {
    for (; this.#met < table.size; this.#met++) {
      const series = table.get(this.#met);
      const { id, def, member, period } = series;
      const bad = this.#badOf(series);
      if (bad === undefined || member !== null || this.#signals.has(id)) continue;
      if (this.#signals.size === SIGNALS_MAX) this.left++;
      else this.#signals.set(id, { id, period, bad, ...normalOf(def), before: [], last: NaN, at: NaN });
    }
  }

  /** Undefined: it is not followed. */
  #badOf(series: Series): Bad | undefined {
    const { def } = series;
    if (Object.hasOwn(FOLLOWED, def.name)) return FOLLOWED[def.name];
    if (def.resource === 'backlog') return 'high';
    if (!SIGNAL.test(def.name)) return undefined;
    const limit = this.#rules.find((rule) => ruleApplies(rule, series));
    if (limit !== undefined) return isCeiling(limit) ? 'high' : 'low';
    return def.growth === 'leak' || isLatency(def) ? 'high' : undefined;
  }

  #event({ kind, t, data }: RunEvent): void {
    if (kind === 'server_down') this.#begin(String(data['server']), typeof data['since'] === 'number' ? data['since'] : t);
    if (kind === 'server_up') this.#end(String(data['server']), t);
    if (kind !== 'phase') return;
    this.#end(FAULT, t);
    if (isFault(String(data['phase']))) this.#begin(FAULT, t);
  }

  #begin(what: string, from: number): void {
    if (this.#disturbances.some((one) => one.what === what && one.to === null)) return;
    const known = [...this.#signals.values()].filter(({ before }) => before.length >= BEFORE_MIN);
    const returns = known.flatMap((signal) => {
      const own = returnOf(signal);
      return own.level < signal.least ? [] : [own];
    });
    this.#disturbances.push({ what, from, to: null, returns });
    if (this.#disturbances.length > DISTURBANCES_MAX) this.#disturbances.shift();
  }

  #end(what: string, t: number): void {
    const open = this.#disturbances.findLast((one) => one.what === what && one.to === null);
    if (open) open.to = t;
  }

  #sample(signal: Signal, raw: number, at: number): void {
    const wasSilent = at - signal.at > SILENT * signal.period;
    const value = signal.counter ? (raw - signal.last) / (at - signal.at) : raw;
    signal.last = raw;
    signal.at = at;
    const isValue = Number.isFinite(value) && value >= 0;
    let disturbed = false;
    for (const disturbance of this.#disturbances) {
      const own = disturbance.returns.find(({ series }) => series === signal.id);
      if (own === undefined || own.back !== null) continue;
      disturbed = true;
      if (wasSilent) leave(own); // a service that does not answer has no durations, and one that was started anew counts from zero
      if (isValue) follow(own, disturbance, signal.bad, value, at);
    }
    if (!isValue) return;
    if (disturbed) return;
    if (signal.before.length === BEFORE) signal.before.shift();
    signal.before.push(value);
  }
}

export const FAULT = 'fault';

/** `fault`, `fault-kill-db`: whoever declares one means to disturb. */
function isFault(phase: string): boolean {
  return /^fault\b/.test(phase);
}

function isLatency({ unit, kind, growth }: MetricDef): boolean {
  return unit === 's' && kind === 'gauge' && growth === 'drift';
}

function normalOf(def: MetricDef): Pick<Signal, 'counter' | 'slack' | 'grain' | 'least'> {
  const counter = def.kind === 'counter';
  return QUERIES_OF.has(def.name)
    ? { counter, grain: 0, ...QUERIES }
    : { counter, grain: grainOf(def), slack: SLACK, least: Number.NEGATIVE_INFINITY };
}

/** Rates of traffic and durations have none. */
function grainOf({ unit, kind }: MetricDef): number {
  return kind === 'counter' ? 0 : (GRAINS[unit] ?? (unit.startsWith('{') ? GRAIN_OF_COUNTS : 0));
}

function returnOf({ id, bad, before, slack: share, grain }: Signal): Return {
  const level = median(Float64Array.from(before));
  const slack = Math.max(share * level, grain);
  const bound = bad === 'high' ? Math.max(level + slack, ...before) : Math.min(level - slack, ...before);
  return { series: id, level, bound, left: false, inside: null, back: null };
}

function leave(own: Return): void {
  own.left = true;
  own.inside = null;
}

function follow(own: Return, { to }: Disturbance, bad: Bad, value: number, at: number): void {
  const isOutside = bad === 'high' ? value > own.bound : value < own.bound;
  if (isOutside) return leave(own);
  own.inside ??= at;
  if (to === null || at < to) return;
  const since = Math.max(own.inside, to);
  if (at - since >= STAYS_S) own.back = since;
}
