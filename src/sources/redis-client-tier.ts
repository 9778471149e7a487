/** Every 5 s, or with thousands of clients every minute: the clients, added up. None becomes a series of its own. */
import { type Client, stateOf } from './redis-clients.ts';
import { CLIENT_STATES, IDLE_THRESHOLDS, NAMES_MAX, SERVER_METRICS } from './redis-metrics.ts';
import type { RedisSeries } from './redis-series.ts';
import { isOwn, type Listing } from './redis-sessions.ts';
import { Slots, sumBySlot } from './redis-windows.ts';
import type { Sink } from './source.ts';

const UNNAMED = 'unnamed';

export class ClientTier {
  readonly #series: RedisSeries;
  readonly #names: Slots;
  #last: Listing | null = null;

  constructor(series: RedisSeries) {
    this.#series = series;
    this.#names = new Slots(NAMES_MAX + 1, series.labelsOf(SERVER_METRICS.clientsByName, 'name'));
  }

  /** A list that was told already is not told again. */
  read(sink: Sink, listing: Listing): void {
    if (listing === this.#last) return;
    this.#last = listing;
    const { at, own } = listing;
    const clients = listing.clients.filter((client) => !isOwn(client, own));
    this.#states(sink, at, clients);
    this.#byName(sink, at, clients);
    const set = (
      def: (typeof SERVER_METRICS)['clientOldest' | 'clientOutput' | 'clientMemory'],
      figures: readonly (number | null)[],
    ): void => this.#series.set(sink, at, def, largest(figures));
    set(
      SERVER_METRICS.clientOldest,
      clients.map(({ age }) => age),
    );
    set(
      SERVER_METRICS.clientOutput,
      clients.map(({ outputBuffer }) => outputBuffer),
    );
    set(
      SERVER_METRICS.clientMemory,
      clients.map(({ memory }) => memory),
    );
  }

  #states(sink: Sink, at: number, clients: readonly Client[]): void {
    const states = clients.map((client) => ({ state: stateOf(client), idle: client.idle ?? 0 }));
    for (const state of CLIENT_STATES) {
      this.#series.set(sink, at, SERVER_METRICS.clientStates, states.filter((one) => one.state === state).length, { state });
    }
    for (const threshold of IDLE_THRESHOLDS) {
      const idle = states.filter((one) => one.state === 'idle' && one.idle >= Number(threshold)).length;
      this.#series.set(sink, at, SERVER_METRICS.clientsIdle, idle, { 'soak.threshold': threshold });
    }
  }

  /** A name that was there stays at zero when its clients have gone. */
  #byName(sink: Sink, at: number, clients: readonly Client[]): void {
    const named = clients.map(({ name }) => [name || UNNAMED, 1] as const);
    this.#names.offer(named.map(([name]) => name));
    const counts = sumBySlot([...this.#names.names().map((name) => [name, 0] as const), ...named], this.#names);
    for (const [name, count] of counts) this.#series.set(sink, at, SERVER_METRICS.clientsByName, count, { name });
  }
}

/** Null when there is none. Not by spreading: a list may be longer than a call has arguments. */
function largest(figures: readonly (number | null)[]): number | null {
  let most: number | null = null;
  for (const figure of figures) if (figure !== null && (most === null || figure > most)) most = figure;
  return most;
}
