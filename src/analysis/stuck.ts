/** Connections that are stuck now, as the events of the run told: who did not give back what. */
import type { RunEvent } from '../tick.ts';

/** As many as are told of; what is beyond is counted by its series. */
const STUCK_MAX = 256;

export type StuckConnection = Pick<RunEvent, 't' | 'target' | 'member' | 'data'>;

export class StuckConnections {
  readonly #stuck = new Map<string, StuckConnection>();

  watch(events: readonly RunEvent[]): void {
    for (const { kind, t, target, member, data } of events) {
      const key = JSON.stringify([target, data['server'], data['session']]);
      if (kind === 'connection_returned') this.#stuck.delete(key);
      if (kind === 'connection_stuck' && this.#stuck.size < STUCK_MAX) this.#stuck.set(key, { t, target, member, data });
    }
  }

  all(): StuckConnection[] {
    return [...this.#stuck.values()];
  }

  restore(stuck: readonly StuckConnection[]): void {
    for (const one of stuck) this.#stuck.set(JSON.stringify([one.target, one.data['server'], one.data['session']]), one);
  }
}
