/**
 * Windows of traffic become series of the role that was asked. Counters are totals since the agent was started: each begins with a zero at
 * the start of its first window, so that no increment is lost, also after the agent was started again.
 */
import type { LabelsOf, MetricDef } from '../catalog.ts';
import type { Owner, SeriesTable } from '../series.ts';
import type { Sink } from '../sources/source.ts';
import { METRICS, QUANTILES } from '../sources/traffic-metrics.ts';
import type { Bucket } from '../quantiles.ts';
import { coarsened } from './buckets.ts';
import { Failing } from './failing.ts';
import { isComplete, joined } from './joining.ts';
import { Operations } from './operations.ts';
import { quantileOf, unresolved } from '../quantiles.ts';
import type { ResultsSink, TrafficWindow } from './window.ts';

/** Windows that wait to be written: 64 roles with 33 operations, twice in the ten seconds between two flushes. Beyond it they are written at once. */
const PENDING_MAX = 4096;

/** Things that are told once each. */
const NOTES_MAX = 256;

/** Seconds between samples as series know it: senders push every 5 s to 60 s. */
const PERIOD_STEP_S = 10;
const PERIOD_MAX_S = 300;

export const MEND = 'OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION=base2_exponential_bucket_histogram lets most senders tell it';

type Labels = Readonly<Record<string, string>>;

export class Traffic implements ResultsSink {
  readonly #table: SeriesTable;
  readonly #roles: readonly string[];
  readonly #operations: Operations;
  /** By role and operation. */
  readonly #pending = new Map<string, TrafficWindow[]>();
  readonly #totals = new Map<number, number>();
  readonly #failing = new Map<string | null, Failing>();
  /** Roles of which a generator tells. */
  readonly #generated = new Set<string | null>();
  readonly #noted = new Set<string>();
  /** By tool the roles of which its files tell; one for the whole run tells of each. */
  readonly #followed = new Map<string, Set<string | null>>();
  #waiting = 0;
  #sink: Sink | null = null;
  /** Nobody flushes any more. */
  #direct = false;

  /**
   * @param roles what is watched, without what makes the load
   * @param operations those that rules ask for
   */
  constructor(table: SeriesTable, roles: readonly string[], operations: readonly string[] = []) {
    this.#operations = new Operations(operations);
    this.#table = table;
    this.#roles = roles;
  }

  open(sink: Sink): void {
    this.#sink = sink;
    this.#operations.restore(this.#table);
  }

  followed(tool: string, target: string | null): void {
    this.#followed.set(tool, (this.#followed.get(tool) ?? new Set()).add(this.#roleOf(target)));
  }

  isFollowed(tool: string, target: string | null): boolean {
    const roles = this.#followed.get(tool);
    return roles !== undefined && (roles.has(null) || roles.has(this.#roleOf(target)));
  }

  /** Run time; null before the run has begun, when nothing can be told. */
  now(): number | null {
    return this.#sink?.now() ?? null;
  }

  /** The role that is meant by what a sender says of itself, or null. */
  roleCalled(name: string | undefined): string | null {
    return this.#roles.find((role) => role === name) ?? null;
  }

  /** One of the first operations of the role, or `other`: who tells of thousands adds them up before they are windows. */
  operationCalled(target: string | null, operation: string): string {
    return this.#operations.label(this.#roleOf(target), operation);
  }

  #roleOf(target: string | null): string | null {
    return target ?? (this.#roles.length === 1 ? this.#roles[0]! : null);
  }

  window(given: TrafficWindow): void {
    if (this.#sink === null) return;
    const target = this.#roleOf(given.target);
    const operation = given.operation === null ? null : this.operationCalled(target, given.operation);
    const window = { ...given, target, operation };
    if (this.#isSeenTwice(window)) return;
    const key = JSON.stringify([window.target, window.operation]);
    const list = this.#pending.get(key);
    if (list) list.push(window);
    else this.#pending.set(key, [window]);
    this.#waiting++;
    if (this.#direct || this.#waiting >= PENDING_MAX) this.flush();
  }

  note(message: string, { what, target }: { readonly what: string; readonly target: string | null }): void {
    const key = JSON.stringify([what, target, message]);
    if (this.#sink === null || this.#noted.has(key) || this.#noted.size >= NOTES_MAX) return;
    this.#noted.add(key);
    this.#sink.event('load_note', message, { target, data: { what } });
  }

  /** Writes what has come since the last time. Windows of one sender stay apart, those of several, or of one export, become one. */
  flush(): void {
    for (const list of this.#pending.values()) {
      const isOneSender = list.every(({ sender }) => sender === list[0]?.sender);
      for (const group of isOneSender ? Map.groupBy(list, ({ to }) => to).values() : [list]) {
        const [first, second, ...more] = group;
        if (first) this.#write(second ? joined([first, second, ...more]) : first);
      }
    }
    this.#pending.clear();
    this.#waiting = 0;
  }

  /** From now on windows are written as they come. */
  finish(): void {
    this.#direct = true;
    this.flush();
  }

  close(): void {
    this.#sink = null;
    this.#pending.clear();
  }

  /** A generator and the server that answers it see the same requests: those of the generator count, because it sees what its users see. */
  #isSeenTwice({ target, witness, sender }: TrafficWindow): boolean {
    if (witness === 'generator') this.#generated.add(target);
    const isTwice = witness === 'server' && this.#generated.has(target);
    if (isTwice)
      this.note(`the requests of ${whose(target)} are those of the load tool; what ${sender} counts itself is not added`, {
        what: 'seen_twice',
        target,
      });
    return isTwice;
  }

  #write(window: TrafficWindow): void {
    const { target, from, to } = window;
    const span = Math.ceil((to - from) / PERIOD_STEP_S) * PERIOD_STEP_S;
    const owner: Owner = { source: 'traffic', target, member: null, period: Math.min(PERIOD_MAX_S, Math.max(PERIOD_STEP_S, span)) };
    if (window.operation === null) this.#writeAll(owner, window);
    else this.#writeOperation(owner, window, window.operation);
  }

  #writeAll(owner: Owner, window: TrafficWindow): void {
    const { requests, errors, failures, inFlight, users } = window;
    this.#count(owner, METRICS.requests, window, requests);
    if (errors !== null) this.#count(owner, METRICS.errors, window, errors);
    for (const [failure, count] of Object.entries(failures ?? {})) {
      this.#count(owner, METRICS.failures, window, count, { 'soak.failure': failure });
    }
    if (inFlight !== null) this.#set(owner, METRICS.inFlight, window, inFlight);
    if (users !== null) this.#set(owner, METRICS.users, window, users);
    this.#writeMean(owner, METRICS.mean, window, {});
    this.#writeSums(owner, window);
    const buckets = window.buckets && coarsened(window.buckets);
    for (const bucket of buckets ?? []) this.#count(owner, METRICS.bucket, window, bucket.count, boundsOf(bucket));
    this.#writeQuantiles(owner, METRICS.quantile, { ...window, buckets }, {});
    this.#writeChecks(owner, window);
    this.#watchFailures(window);
  }

  #writeOperation(owner: Owner, window: TrafficWindow, operation: string): void {
    const labels = { 'soak.operation': operation };
    this.#count(owner, METRICS.operationRequests, window, window.requests, labels);
    if (window.errors !== null) this.#count(owner, METRICS.operationErrors, window, window.errors, labels);
    this.#writeMean(owner, METRICS.operationMean, window, labels);
    this.#writeQuantiles(owner, METRICS.operationQuantile, window, labels);
  }

  #writeMean(owner: Owner, def: MetricDef, window: TrafficWindow, labels: Labels): void {
    if (window.sum !== null && window.requests > 0) this.#set(owner, def, window, window.sum / window.requests, labels);
  }

  /** What a mean over any span is made of. */
  #writeSums(owner: Owner, window: TrafficWindow): void {
    if (window.sum === null) return;
    this.#count(owner, METRICS.sum, window, window.sum);
    this.#count(owner, METRICS.timed, window, window.requests);
  }

  #writeChecks(owner: Owner, window: TrafficWindow): void {
    if (window.checks === null) return;
    this.#count(owner, METRICS.checksPassed, window, window.checks.passed);
    this.#count(owner, METRICS.checks, window, window.checks.passed + window.checks.failed);
  }

  #writeQuantiles(owner: Owner, def: MetricDef, window: TrafficWindow, labels: Labels): void {
    if (window.requests <= 0) return;
    for (const quantile of QUANTILES) {
      const seconds = this.#quantile(window, quantile);
      if (seconds !== null) this.#set(owner, def, window, seconds, { ...labels, 'soak.quantile': quantile });
    }
  }

  #quantile(window: TrafficWindow, quantile: (typeof QUANTILES)[number]): number | null {
    const told = window.quantiles?.[quantile];
    if (told !== undefined) return told;
    if (window.buckets === null || !isComplete(window)) return null;
    const found = quantileOf(window.buckets, Number(quantile));
    if (found.seconds === null && found.bucket !== null && window.operation === null) this.#blind(window, found.bucket);
    return found.seconds;
  }

  /** The mean of the same window is exact, and is judged. */
  #blind({ target, sender }: TrafficWindow, bucket: Bucket): void {
    const key = JSON.stringify(['blind', target]);
    if (this.#noted.has(key)) return;
    this.#noted.add(key);
    const reason = `${sender} counts durations in buckets that are too wide (${unresolved(bucket)}); the mean is judged instead; ${MEND}`;
    const message = `quantiles of ${whose(target)} cannot all be told: ${reason}`;
    this.#sink?.event('blind', message, { target, data: { metric: METRICS.quantile.name, reason } });
  }

  #watchFailures(window: TrafficWindow): void {
    const failing = this.#failing.get(window.target) ?? new Failing();
    this.#failing.set(window.target, failing);
    const change = failing.add(window, whose(window.target));
    if (change === null) return;
    const what = change.failure === null ? 'recovered' : 'failing';
    this.#sink?.event('load_note', change.message, { target: window.target, data: { what, failure: change.failure, since: change.since } });
  }

  #count(owner: Owner, def: MetricDef, { from, to }: TrafficWindow, increment: number, labels: Labels = {}): void {
    const id = this.#series(owner, def, labels);
    if (id < 0 || !(increment >= 0) || !Number.isFinite(increment)) return;
    const before = this.#totals.get(id);
    if (before === undefined) this.#sink?.set(id, 0, Math.max(0, from));
    const total = (before ?? 0) + increment;
    this.#totals.set(id, total);
    this.#sink?.set(id, total, to);
  }

  #set(owner: Owner, def: MetricDef, { to }: TrafficWindow, value: number, labels: Labels = {}): void {
    this.#sink?.set(this.#series(owner, def, labels), value, to);
  }

  /** The labels of a metric that is not known before run time are checked by the table, not by the compiler. */
  #series(owner: Owner, def: MetricDef, labels: Labels): number {
    return this.#table.open(owner, def as typeof METRICS.bucket, labels as LabelsOf<typeof METRICS.bucket>);
  }
}

function whose(target: string | null): string {
  return target ?? 'the run';
}

/** As Prometheus writes bounds. */
function boundsOf({ over, to }: Bucket): { 'soak.bucket.over': string; 'soak.bucket.to': string } {
  const text = (bound: number): string => (Number.isFinite(bound) ? decimal(bound) : bound > 0 ? '+Inf' : '-Inf');
  return { 'soak.bucket.over': text(over), 'soak.bucket.to': text(to) };
}

/** Without an exponent: 0.0001 and 300, never 1e-7. */
function decimal(bound: number): string {
  const text = String(bound);
  return text.includes('e') ? bound.toFixed(12).replace(/0+$/, '') : text;
}
