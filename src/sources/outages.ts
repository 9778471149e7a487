/** Whether a watched server answers, as events and series: every source of a server tells it through this, so that all say it alike. */
import { defineMetrics } from '../catalog.ts';
import type { Owner, SeriesTable } from '../series.ts';
import type { OutageClass, Server } from '../servers.ts';
import type { Sink } from './source.ts';

const PANEL = 'Servers';

export const METRICS = defineMetrics({
  up: {
    name: 'soak.server.up',
    unit: '{server}',
    kind: 'gauge',
    help: '1 while the database server answers, 0 while it does not. The events server_down and server_up say why and for how long.',
    growth: 'none',
    panel: PANEL,
  },
  heartbeat: {
    name: 'soak.server.heartbeat.duration',
    unit: 's',
    kind: 'gauge',
    help: 'Round trip of the smallest question there is (PING), as the agent sees it.',
    growth: 'drift',
    resource: 'latency',
    alias: 'server.heartbeat',
    matters: { share: 0.01, perHour: 0.0001 },
    panel: PANEL,
  },
  outageTime: {
    name: 'soak.server.outage.time',
    unit: 's',
    kind: 'counter',
    help: 'Time for which the server did not answer, since the agent was started.',
    growth: 'none',
    panel: PANEL,
  },
});

const WHY: Readonly<Record<OutageClass, string>> = {
  refused: 'it refuses connections',
  unreachable: 'its address cannot be found or reached',
  reset: 'it closes the connection',
  timeout: 'it does not answer in time',
  auth: 'it does not let the agent in',
  too_many_connections: 'it has as many clients as it takes',
  starting_up: 'it is loading its data',
  shutting_down: 'it is shutting down',
  protocol: 'what it answers is not understood',
};

/** A beat that was not answered. */
export interface Silence {
  readonly why: OutageClass;
  /** More than the class says, without secrets and without the server's own words; empty when there is nothing. */
  readonly detail: string;
  /** Run time at which it was first seen to be gone, when that was before the beat. */
  readonly since?: number | undefined;
}

/** Keeps `availability` of one server, and reports each outage with its start, its end and its classes, of which it may go through several. */
export class Outages {
  readonly #table: SeriesTable;
  readonly #server: Server;
  readonly #owner: Owner;
  /** Seconds of the outages that are over. */
  #past = 0;
  /** Of the outage under way: each class is an event once, so that an outage is a few lines however long it lasts. */
  #classes = new Set<OutageClass>();

  constructor(table: SeriesTable, server: Server, owner: Owner) {
    this.#table = table;
    this.#server = server;
    this.#owner = owner;
  }

  get isDown(): boolean {
    return this.#server.availability.state === 'down';
  }

  /** @param seconds the answer took; null when it was no heartbeat */
  answered(sink: Sink, seconds: number | null): void {
    const { availability } = this.#server;
    if (availability.state === 'down') this.#over(sink, availability.since);
    if (availability.state !== 'up') this.#server.availability = { state: 'up', since: sink.now() };
    if (seconds !== null) this.#set(sink, METRICS.heartbeat, seconds);
    this.#set(sink, METRICS.up, 1);
    this.#set(sink, METRICS.outageTime, this.#past);
  }

  silent(sink: Sink, { why, detail, since = sink.now() }: Silence): void {
    const { availability } = this.#server;
    const from = availability.state === 'down' ? availability.since : since;
    this.#server.availability = { state: 'down', since: from, why };
    if (!this.#classes.has(why)) this.#announce(sink, why, detail, from);
    this.#set(sink, METRICS.up, 0);
    this.#set(sink, METRICS.outageTime, this.#past + sink.now() - from);
  }

  #announce(sink: Sink, why: OutageClass, detail: string, since: number): void {
    const { name, display } = this.#server.spec;
    this.#classes.add(why);
    const message = `${name} (${display}) does not answer: ${WHY[why]}${detail && `: ${detail}`}`;
    sink.event('server_down', message, { target: name, data: { server: name, class: why, since } });
  }

  #over(sink: Sink, since: number): void {
    const { name, display } = this.#server.spec;
    const seconds = sink.now() - since;
    const classes = [...this.#classes].join(',');
    this.#past += seconds;
    this.#classes = new Set();
    const message = `${name} (${display}) answers again after ${seconds.toFixed(1)} s`;
    sink.event('server_up', message, { target: name, data: { server: name, seconds, since, class: classes } });
  }

  #set(sink: Sink, def: (typeof METRICS)[keyof typeof METRICS], value: number): void {
    sink.set(this.#table.open(this.#owner, def), value);
  }
}
