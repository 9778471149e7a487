/** What arrived and what became of it: counted at once, told at the next read. Refusals are events, once a kind. */
import { UNCOUNTED, type Uncounted } from '../intake/deltas.ts';
import type { SeriesTable } from '../series.ts';
import type { Parsed, Reason } from '../intake/refusals.ts';
import { type Format, METRICS, type Result } from './inbound-metrics.ts';
import type { Sink } from './source.ts';

/** Kinds that say that a bound was reached, and not that something is wrong. */
const BOUNDS: ReadonlySet<string> = new Set(['too_large', 'too_fast', 'busy', 'bound']);

/** What those who take the points have counted. */
export interface Figures {
  /** Points so far that nobody had a use for. */
  readonly unclaimed: number;
  /** Points so far that could not be compared with those before them. */
  readonly uncounted: Readonly<Record<Uncounted, number>>;
}

export class Tally {
  readonly #series: SeriesTable;
  readonly #owner: { readonly source: string; readonly target: null; readonly member: null; readonly period: number };
  readonly #requests = new Map<Result, number>();
  readonly #points = new Map<Format, number>();
  readonly #refused = new Map<Reason, number>();
  /** Of two closed sets. */
  readonly #told = new Set<string>();
  #sink: Sink | null = null;

  constructor(series: SeriesTable, owner: { readonly source: string; readonly period: number }) {
    this.#series = series;
    this.#owner = { ...owner, target: null, member: null };
  }

  open(sink: Sink): void {
    this.#sink = sink;
  }

  /** @param message what the sender was told; null when all is well */
  request(result: Result, message: string | null): void {
    add(this.#requests, result, 1);
    if (message !== null) this.#tellOnce(result, `a request was refused: ${message}`);
  }

  parsed(format: Format, { points, refused }: Parsed): void {
    add(this.#points, format, points.length);
    for (const [reason, count] of refused.counts()) {
      add(this.#refused, reason, count);
      this.#tellOnce(reason, `points were refused: ${refused.message}`);
    }
  }

  flush(sink: Sink, { unclaimed, uncounted }: Figures): void {
    const at = sink.now();
    for (const [result, count] of this.#requests) {
      sink.set(this.#series.open(this.#owner, METRICS.requests, { 'soak.inbound.result': result }), count, at);
    }
    for (const [format, count] of this.#points) {
      sink.set(this.#series.open(this.#owner, METRICS.points, { 'soak.inbound.format': format }), count, at);
    }
    for (const [reason, count] of this.#refused) {
      sink.set(this.#series.open(this.#owner, METRICS.refused, { 'soak.inbound.reason': reason }), count, at);
    }
    for (const reason of UNCOUNTED) {
      const labels = { 'soak.inbound.reason': reason };
      if (uncounted[reason] > 0) sink.set(this.#series.open(this.#owner, METRICS.uncounted, labels), uncounted[reason], at);
    }
    sink.set(this.#series.open(this.#owner, METRICS.unclaimed), unclaimed, at);
  }

  #tellOnce(why: string, message: string): void {
    if (this.#told.has(why)) return;
    this.#told.add(why);
    this.#sink?.event(BOUNDS.has(why) ? 'cap' : 'sender_refused', `inbound: ${message}`, { data: { what: 'inbound', why } });
  }
}

function add<K>(counts: Map<K, number>, key: K, count: number): void {
  counts.set(key, (counts.get(key) ?? 0) + count);
}
