/** Where points arrive, whatever the format: the bounds on what may come in, and who is told. */
import type { IncomingMessage } from 'node:http';
import type { Clock } from '../clock.ts';
import type { Origin, Point } from '../intake/point.ts';
import type { Parsed } from '../intake/refusals.ts';
import { Bodies } from './inbound-body.ts';
import type { Format } from './inbound-metrics.ts';
import { Rate } from './inbound-rate.ts';
import { Refusal } from './inbound-refusal.ts';
import { Senders } from './inbound-senders.ts';
import type { Tally } from './inbound-tally.ts';
import type { Sink } from './source.ts';

/** Twice what a run is meant to take (10,000 points a second are a fifth of a core). */
const POINTS_PER_S = 20_000;

/** Seconds: exports come every ten seconds, all at once, and the one that failed before comes with them. */
const SAVED_UP_S = 20;

/** What a body costs at least, in bytes a point: half of what a point takes in JSON, so that only junk is counted by its size. */
const BYTES_PER_POINT = 150;

const ORIGIN: Origin = { name: 'inbound', target: null };

export interface DeskParts {
  readonly clock: Clock;
  readonly tally: Tally;
  readonly take: (points: readonly Point[], origin: Origin) => number;
}

export class Desk {
  readonly #parts: DeskParts;
  readonly #bodies = new Bodies();
  readonly #rate: Rate;
  readonly #senders: Senders;
  #sink: Sink | null = null;

  constructor(parts: DeskParts) {
    this.#parts = parts;
    this.#rate = new Rate(parts.clock, POINTS_PER_S, SAVED_UP_S);
    this.#senders = new Senders(parts.clock);
  }

  open(sink: Sink): void {
    this.#sink = sink;
    this.#parts.tally.open(sink);
  }

  /** @throws {Refusal} */
  body<T>(request: IncomingMessage, use: (body: Buffer) => T | Promise<T>): Promise<T> {
    const wait = this.#rate.wait();
    if (wait > 0) {
      const message = `more than ${POINTS_PER_S} points a second: send it again later, or less often`;
      throw new Refusal(429, 'too_fast', message, { 'retry-after': String(Math.ceil(wait)), connection: 'close' });
    }
    return this.#bodies.read(request, use);
  }

  /** @param size of the body in bytes */
  arrived(format: Format, parsed: Parsed, size: number, sender: string): void {
    const { points } = parsed;
    this.#rate.spend(Math.max(points.length + parsed.refused.total, size / BYTES_PER_POINT));
    this.#parts.tally.parsed(format, parsed);
    if (points.length === 0) return;
    if (this.#sink) this.#senders.note(points, format, sender, this.#sink);
    this.#parts.take(points, ORIGIN);
  }

  /** Of a body that could not be read, which has cost its time all the same. */
  unreadable(size: number): void {
    this.#rate.spend(size / BYTES_PER_POINT);
  }
}
