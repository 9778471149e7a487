/**
 * Asks a target at a low fixed rate whether it answers, and how fast: for targets without a load tool, and for recovery times. Open-loop: the
 * time of a probe counts from when it should have begun, and one that is not over at its deadline has failed, however long it would take.
 */
import { type Deadline, deadline } from '../clock.ts';
import { cut, messageOf } from '../problem.ts';
import type { Owner, SeriesTable } from '../series.ts';
import { faultOf, ProbeFault } from './probe-fault.ts';
import { probeHttp } from './probe-http.ts';
import type { Ask } from './probe-kind.ts';
import { type Fault, METRICS } from './probe-metrics.ts';
import type { ProbeSpec } from './probe-spec.ts';
import { probeTcp } from './probe-tcp.ts';
import { WebSocketProbe } from './probe-websocket.ts';
import type { Sink, Source, SourceContext } from './source.ts';

export { METRICS } from './probe-metrics.ts';

/** Failures in a row until it is an outage that is told: one lost packet is none. */
const OUTAGE = 2;

interface InFlight {
  readonly limit: Deadline;
  isOver: boolean;
}

export function probeSource(ctx: SourceContext, spec: ProbeSpec): Source {
  return new Probe(ctx, spec);
}

class Probe implements Source {
  readonly name = 'probe';
  readonly period: number;
  readonly #spec: ProbeSpec;
  readonly #table: SeriesTable;
  readonly #owner: Owner;
  readonly #webSocket = new WebSocketProbe();
  readonly #ask: Ask;
  #flight: InFlight | null = null;
  /** Run time of the first read: the grid that probes should begin on. */
  #origin: number | null = null;
  #attempts = 0;
  readonly #failures = new Map<Fault, number>();
  /** Of the failures in a row. */
  #failing: { readonly since: number; count: number; fault: Fault } | null = null;

  constructor(ctx: SourceContext, spec: ProbeSpec) {
    this.#spec = spec;
    this.period = spec.every;
    this.#table = ctx.series;
    this.#owner = { source: 'probe', target: spec.target, member: null, period: spec.every };
    const { protocol } = new URL(spec.url);
    const asks = { http: probeHttp, tcp: probeTcp, ws: this.#webSocket.ask.bind(this.#webSocket) };
    this.#ask = protocol.startsWith('http') ? asks.http : protocol === 'tcp:' ? asks.tcp : asks.ws;
  }

  open(sink: Sink): void {
    // Counters begin with a zero, so that the first failure is an increment.
    this.#set(sink, METRICS.attempts, 0, sink.now());
  }

  /** Begins one; what it finds is told when it is over. */
  read(sink: Sink): void {
    this.#flight?.limit.abort(new ProbeFault('timeout', 'it was not over when the next one was due'));
    const now = sink.now();
    this.#origin ??= now;
    const intended = this.#origin + Math.round((now - this.#origin) / this.period) * this.period;
    const flight: InFlight = { limit: deadline(this.#spec.deadline, 'timeout'), isOver: false };
    this.#flight = flight;
    void this.#probe(sink, flight, Math.min(intended, now));
  }

  close(): void {
    if (this.#flight) this.#flight.isOver = true;
    this.#flight?.limit.abort(new Error('the run ends'));
    this.#webSocket.close();
  }

  async #probe(sink: Sink, flight: InFlight, intended: number): Promise<void> {
    let connect: number | null = null;
    const connected = (): void => {
      connect = sink.now() - intended;
    };
    flight.limit.start();
    try {
      await this.#ask(this.#spec, connected, flight.limit.signal);
      if (!flight.isOver) this.#succeeded(sink, connect, sink.now() - intended);
    } catch (error) {
      if (!flight.isOver) this.#failed(sink, error, flight.limit.signal.aborted, intended);
    } finally {
      flight.limit.end();
      flight.isOver = true;
      if (this.#flight === flight) this.#flight = null;
    }
  }

  #succeeded(sink: Sink, connect: number | null, total: number): void {
    const at = sink.now();
    this.#set(sink, METRICS.attempts, ++this.#attempts, at);
    this.#set(sink, METRICS.up, 1, at);
    if (connect !== null) this.#phase(sink, 'connect', connect, at);
    this.#phase(sink, 'total', total, at);
    if (this.#webSocket.reconnects > 0) this.#set(sink, METRICS.reconnects, this.#webSocket.reconnects, at);
    if (this.#failing !== null) this.#recovered(sink, this.#failing, at);
    this.#failing = null;
  }

  #recovered(sink: Sink, { since, count, fault }: { since: number; count: number; fault: Fault }, at: number): void {
    const seconds = at - since;
    this.#set(sink, METRICS.recovery, seconds, at);
    if (count < OUTAGE) return;
    const { name, display, target } = this.#spec;
    const message = `the probe ${name} (${display}) succeeds again after ${seconds.toFixed(1)} s`;
    sink.event('probe_up', message, { target, data: { probe: name, seconds, since, class: fault } });
  }

  #failed(sink: Sink, error: unknown, isLate: boolean, intended: number): void {
    const at = sink.now();
    const fault = isLate ? 'timeout' : faultOf(error);
    this.#set(sink, METRICS.attempts, ++this.#attempts, at);
    this.#set(sink, METRICS.up, 0, at);
    this.#countFailure(sink, fault, at);
    this.#failing ??= { since: intended, count: 0, fault };
    this.#failing.count++;
    if (this.#failing.count === OUTAGE) this.#down(sink, fault, isLate ? null : error, this.#failing.since);
  }

  #down(sink: Sink, fault: Fault, error: unknown, since: number): void {
    const { name, display, target } = this.#spec;
    const said = error === null ? `no answer within ${this.#spec.deadline} s` : messageOf(error);
    // An error of the system may repeat the URL, in which somebody has put a secret.
    const why = said.includes(this.#spec.url) ? fault : said;
    sink.event('probe_down', `the probe ${name} (${display}) fails: ${cut(why)}`, { target, data: { probe: name, class: fault, since } });
  }

  #countFailure(sink: Sink, fault: Fault, at: number): void {
    const id = this.#table.open(this.#owner, METRICS.failures, { 'soak.probe': this.#spec.name, 'soak.probe.fault': fault });
    const before = this.#failures.get(fault);
    if (before === undefined) sink.set(id, 0, Math.max(0, at - this.period));
    this.#failures.set(fault, (before ?? 0) + 1);
    sink.set(id, (before ?? 0) + 1, at);
  }

  #phase(sink: Sink, phase: 'connect' | 'total', seconds: number, at: number): void {
    const labels = { 'soak.probe': this.#spec.name, 'soak.probe.phase': phase } as const;
    sink.set(this.#table.open(this.#owner, METRICS.duration, labels), seconds, at);
  }

  #set(sink: Sink, def: (typeof METRICS)['up' | 'attempts' | 'reconnects' | 'recovery'], value: number, at: number): void {
    sink.set(this.#table.open(this.#owner, def, { 'soak.probe': this.#spec.name }), value, at);
  }
}
