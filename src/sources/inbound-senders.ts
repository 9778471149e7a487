/**
 * Who has sent points so far: the first ones of each are an event, with how far its clock is from ours, and so are the first of it whose
 * time lies in our future later on.
 */
import type { Clock } from '../clock.ts';
import type { Point } from '../intake/point.ts';
import type { Format } from './inbound-metrics.ts';
import type { Sink } from './source.ts';

/** A run has a load tool or two and some services; whoever makes up a name for every start is not told any more. */
const SENDERS_MAX = 64;

/** Seconds: a push every ten seconds may hold what is that old, and clocks kept by NTP are closer than this. */
const CLOCK_SLACK_S = 30;

export class Senders {
  readonly #clock: Clock;
  readonly #seen = new Set<string>();
  /** Those of whom it has been told that their clock is ahead. */
  readonly #ahead = new Set<string>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param fallback the name of a sender that does not say it */
  note(points: readonly Point[], format: Format, fallback: string, sink: Sink): void {
    let last: string | undefined;
    const future = this.#clock.wall() + CLOCK_SLACK_S;
    for (const point of points) {
      if (point.wall !== null && point.wall > future) this.#tellAhead(point, fallback, sink);
      const name = point.labels['service.name'] ?? fallback;
      if (name === last) continue;
      last = name;
      if (this.#seen.has(name) || this.#seen.size >= SENDERS_MAX) continue;
      this.#seen.add(name);
      this.#tell(name, format, point, sink);
    }
  }

  #tell(name: string, format: Format, { wall }: Point, sink: Sink): void {
    const behind = wall === null ? null : Math.round(this.#clock.wall() - wall);
    const off = behind !== null && Math.abs(behind) > CLOCK_SLACK_S;
    if (off && behind < 0) this.#ahead.add(name);
    const clock = off ? `; its clock is ${Math.abs(behind)} s ${behind > 0 ? 'behind' : 'ahead of'} ours, or its points are old` : '';
    sink.event('sender_seen', `${name} sends points (${format})${clock}`, { data: { sender: name, format, behind } });
  }

  /** The first points of a sender tell it themselves. */
  #tellAhead({ labels, wall }: Point, fallback: string, sink: Sink): void {
    const name = labels['service.name'] ?? fallback;
    if (!this.#seen.has(name) || this.#ahead.has(name)) return;
    this.#ahead.add(name);
    const ahead = Math.round(wall! - this.#clock.wall());
    sink.event('sender_clock', `${name} sends points with times ${ahead} s ahead of our clock`, { data: { sender: name, ahead } });
  }
}
