/** The sockets of one role: what is reported of its slots and of all its processes together. */
import type { LabelsOf, MetricDef } from '../catalog.ts';
import type { SeriesTable } from '../series.ts';
import type { TcpState } from '../sockets/tcptable.ts';
import type { Proc, Target } from '../targets.ts';
import { add, type Counts, type Held, type Inbound, nothingHeld } from './sockets-count.ts';
import { CONNECTION_STATES, METRICS, OTHER } from './sockets-metrics.ts';
import { EndpointNames, PortNames, type ServerNames } from './sockets-names.ts';
import type { Sink } from './source.ts';

/** What was read of a namespace in which the role has processes. */
export interface Place {
  readonly counts: Counts;
  /** It is the one that the agent is in. */
  readonly own: boolean;
  /** Connections in TIME_WAIT are counted as well. */
  readonly timeWaits: boolean;
}

export interface HeldBy {
  readonly held: Held;
  /** By a process in the namespace that the agent is in. */
  readonly own: boolean;
}

export interface Reading {
  /** Each namespace once. */
  readonly places: readonly Place[];
  /** By pid; null: not known. A process that has ended is not in it. */
  readonly held: ReadonlyMap<number, HeldBy | null>;
  readonly servers: ServerNames;
  /** How many ports there are to one endpoint; null when that cannot be known. */
  readonly portLimit: number | null;
  readonly at: number;
  readonly frozen: boolean;
}

/** Always told of a port; other states once they were seen. */
const USUAL: readonly TcpState[] = ['established', 'close_wait'];

export interface RoleSetting {
  readonly series: SeriesTable;
  readonly period: number;
}

/** A role, and who is in it. */
export interface Holders extends Pick<Target, 'role'> {
  readonly procs: readonly Pick<Proc, 'pid' | 'member'>[];
}

export class RoleSockets {
  readonly #setting: RoleSetting;
  readonly #target: Holders;
  readonly #endpoints: EndpointNames;
  readonly #ports: PortNames;
  /** States seen of the connections to each port, by its name. */
  readonly #states = new Map<string, Set<TcpState>>();

  constructor(setting: RoleSetting, target: Holders) {
    this.#setting = setting;
    this.#target = target;
    this.#endpoints = new EndpointNames(this.#given(METRICS.byEndpoint, 'soak.endpoint'));
    this.#ports = new PortNames(this.#given(METRICS.acceptQueue, 'server.port'));
  }

  report(sink: Sink, reading: Reading): void {
    const procs = this.#target.procs.flatMap(({ pid, member }) => {
      const held = reading.held.get(pid);
      return held === undefined ? [] : [{ member, held }];
    });
    if (procs.length === 0) return;
    for (const [member, of] of Map.groupBy(procs, (proc) => proc.member)) {
      if (member !== null) this.#slot(sink, member, of, reading.at);
    }
    const known = this.#slot(sink, null, procs, reading.at);
    if (known === null) return;
    this.#outbound(
      sink,
      procs.flatMap(({ held }) => held ?? []),
      reading,
    );
    this.#inbound(sink, known.listens, reading);
  }

  /** Null when something of a process is not known: the sum of the others would be too small. */
  #slot(sink: Sink, member: string | null, procs: readonly { readonly held: HeldBy | null }[], at: number): Held | null {
    const sum = nothingHeld();
    for (const { held } of procs) {
      if (held === null) return null;
      sum.outbound += held.held.outbound;
      sum.closeWait += held.held.closeWait;
      for (const port of held.held.listens) sum.listens.add(port);
    }
    const owner = this.#owner(member);
    sink.set(this.#setting.series.open(owner, METRICS.outbound), sum.outbound, at);
    sink.set(this.#setting.series.open(owner, METRICS.closeWait), sum.closeWait, at);
    return sum;
  }

  #outbound(sink: Sink, procs: readonly HeldBy[], reading: Reading): void {
    const { places, servers, frozen, at, portLimit } = reading;
    const names = new Set<string>();
    const called = (endpoint: string, own: boolean): string => {
      const name = servers.nameOf(endpoint, own);
      if (name !== null) names.add(name);
      return name ?? endpoint;
    };
    const open = new Map<string, number>();
    for (const { held, own } of procs) for (const [endpoint, count] of held.byEndpoint) add(open, called(endpoint, own), count);
    this.#endpoints.learn(open, (name) => names.has(name), frozen);
    const followed = this.#endpoints.all;
    this.#setNamed(sink, METRICS.byEndpoint, open, at);
    const rest = [...open].reduce((sum, [name, count]) => sum + (followed.has(name) ? 0 : count), 0);
    this.#set(sink, METRICS.byEndpoint, rest, at, { 'soak.endpoint': OTHER });
    if (!places.every(({ timeWaits }) => timeWaits)) return;
    const waiting = new Map<string, number>();
    let ports = 0;
    // A hundred roles without connections need not go through all those of the machine.
    for (const { counts, own } of open.size + followed.size > 0 ? places : []) {
      for (const [endpoint, count] of counts.timeWait) add(waiting, called(endpoint, own), count);
      for (const [endpoint, count] of counts.localPorts) if (open.has(called(endpoint, own))) ports = Math.max(ports, count);
    }
    this.#setNamed(sink, METRICS.timeWait, waiting, at);
    this.#set(sink, METRICS.ephemeralPorts, ports, at);
    if (portLimit !== null && places.every(({ own }) => own)) this.#set(sink, METRICS.ephemeralPortLimit, portLimit, at);
  }

  #setNamed(sink: Sink, def: typeof METRICS.byEndpoint | typeof METRICS.timeWait, counts: ReadonlyMap<string, number>, at: number): void {
    for (const name of this.#endpoints.all) this.#set(sink, def, counts.get(name) ?? 0, at, { 'soak.endpoint': name });
  }

  #inbound(sink: Sink, listens: ReadonlySet<number>, { places, at }: Reading): void {
    for (const [name, ports] of this.#ports.learn(listens)) {
      const inbound = places.flatMap(({ counts }) => ports.flatMap((port) => counts.inbound.get(port) ?? []));
      const queue = inbound.reduce((sum, one) => sum + one.queue, 0);
      this.#set(sink, METRICS.acceptQueue, queue, at, { 'server.port': name });
      for (const state of this.#statesOf(name, inbound)) {
        if (state === 'time_wait' && !places.every(({ timeWaits }) => timeWaits)) continue;
        const count = inbound.reduce((sum, { states }) => sum + (states.get(state) ?? 0), 0);
        this.#set(sink, METRICS.inbound, count, at, { 'server.port': name, 'network.connection.state': state });
      }
    }
  }

  #statesOf(port: string, inbound: readonly Inbound[]): (typeof CONNECTION_STATES)[number][] {
    const seen = this.#states.get(port) ?? new Set(USUAL);
    for (const { states } of inbound) for (const state of states.keys()) seen.add(state);
    this.#states.set(port, seen);
    return CONNECTION_STATES.filter((state) => seen.has(state));
  }

  #set<D extends MetricDef>(sink: Sink, def: D, value: number, at: number, ...labels: LabelsOf<D> extends undefined ? [] : [LabelsOf<D>]) {
    sink.set(this.#setting.series.open(this.#owner(null), def, ...labels), value, at);
  }

  #owner(member: string | null) {
    return { source: 'sockets', target: this.#target.role, member, period: this.#setting.period };
  }

  /** Values of a label that a run which is gone on with has already given. */
  #given(def: MetricDef, label: string): string[] {
    const own = this.#setting.series.all().filter((series) => series.target === this.#target.role && series.def === def);
    return own.flatMap(({ labels }) => labels[label] ?? []);
  }
}
