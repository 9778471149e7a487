/**
 * What is pushed to pages that watch a run: new values every two seconds, and that there is a new report: after each look of the judge, and
 * when something happened.
 * Server-sent events: one direction, and a browser connects again by itself.
 */
import type { RunState } from '../runstate.ts';
import type { RunEvent } from '../tick.ts';

/** A client that takes events until it goes away. */
export interface EventStream {
  /** Whole events, as they go over the wire. A client that does not read is dropped. */
  send(text: string): void;
  end(): void;
  onClose(gone: () => void): void;
}

/** Pages open at once; each costs a socket and what it has not yet read. */
const CLIENTS_MAX = 16;

/** Run time between values. */
const VALUES_S = 2;

/** Run time between two reports for what happens: a report of 500 signals takes a tenth of a second, and a storm of events is to cost little. */
const EVENTS_S = 5;

/** Also for whoever comes, or comes back, after the end. */
const END = 'event: end\ndata: end\n\n';

export interface Fed {
  readonly state: RunState;
  /** Series that pages show. */
  readonly shown: () => readonly number[];
}

export class Feed {
  readonly #fed: Fed;
  readonly #clients = new Set<EventStream>();
  #sentAt = -Infinity;
  #isOver = false;
  #looks = 0;
  #happened: RunEvent | undefined;
  #reportAt = -Infinity;
  #reports = 0;

  constructor(fed: Fed) {
    this.#fed = fed;
  }

  /** @returns false when there is no room */
  open(client: EventStream): boolean {
    if (this.#clients.size >= CLIENTS_MAX) return false;
    this.#clients.add(client);
    client.onClose(() => this.#clients.delete(client));
    client.send(': soak-agent\n\n');
    if (this.#isOver) client.send(END);
    return true;
  }

  get size(): number {
    return this.#clients.size;
  }

  /** How many reports there have been to ask for: between two of them nothing happened that one should show. */
  get reports(): number {
    return this.#reports;
  }

  /** After each tick. Costs nothing while nobody watches. */
  tick(): void {
    const { state } = this.#fed;
    if (this.#isReportDue()) {
      this.#looks = state.looks;
      this.#happened = state.events.at(-1);
      this.#reportAt = state.t;
      this.#tell('report', String(++this.#reports));
    }
    if (this.#clients.size === 0 || state.t - this.#sentAt < VALUES_S) return;
    this.#sentAt = state.t;
    const known = this.#fed.shown().flatMap((id) => {
      const value = state.fresh(state.series.get(id));
      return value === null ? [] : [[id, value] as const];
    });
    this.#tell('values', JSON.stringify({ t: state.t, series: known.map(([id]) => id), values: known.map(([, value]) => value) }));
  }

  /** The run is over: there is a last report, and nothing after it. */
  end(): void {
    this.#isOver = true;
    for (const client of this.#clients) client.send(END);
  }

  #isReportDue(): boolean {
    const { looks, events, t } = this.#fed.state;
    return looks !== this.#looks || (events.at(-1) !== this.#happened && t - this.#reportAt >= EVENTS_S);
  }

  #tell(event: string, data: string): void {
    const text = `event: ${event}\ndata: ${data}\n\n`;
    for (const client of this.#clients) client.send(text);
  }
}
