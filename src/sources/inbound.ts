/**
 * The second listener: what load tools and instrumented programs push (OTLP, Influx lines), and phases and marks. Off unless it is asked
 * for. What arrives is handed on at once; the reads of this source only tell how much it was.
 */
import { createServer, type Server } from 'node:http';
import type { Origin, Point } from '../intake/point.ts';
import { bind, boundConnections, closeServer, STUCK_MS, TIMEOUTS } from '../listening.ts';
import { messageOf } from '../problem.ts';
import { Desk } from './inbound-desk.ts';
import { influxDoor, pingDoor } from './inbound-influx.ts';
import { METRICS } from './inbound-metrics.ts';
import { type Notes, noteDoors } from './inbound-notes.ts';
import { otlpDoor } from './inbound-otlp.ts';
import { Site } from './inbound-site.ts';
import { type Figures, Tally } from './inbound-tally.ts';
import type { Sink, Source, SourceContext } from './source.ts';

export { METRICS };

const PERIOD_S = 5;

/** A load tool has one connection a worker, and each costs 20 kB; the bodies in the air have a bound of their own. */
const CONNECTIONS_MAX = 64;

/** A push sends about 500 bytes of headers, a token included. */
const HEADERS_MAX = 8192;

/** What the run gives the listener. */
export interface Inbound {
  readonly at: { readonly host: string; readonly port: number };
  /** Null: every program of this machine may write. */
  readonly token: string | null;
  /** Says how many of them were of use. */
  take(points: readonly Point[], origin: Origin): number;
  figures(): Figures;
  readonly notes: Notes;
  /** Where it listens, once it does: `http://127.0.0.1:4318`. */
  listening(url: string): void;
  /** Port of the page of this run, whose buttons may write phases and marks; null when there is none. */
  pagePort(): number | null;
}

export function inboundSource(ctx: SourceContext, inbound: Inbound): Source {
  return new InboundSource(ctx, inbound);
}

class InboundSource implements Source {
  readonly name = 'inbound';
  readonly period = PERIOD_S;
  readonly #ctx: SourceContext;
  readonly #inbound: Inbound;
  readonly #tally: Tally;
  #server: Server | null = null;

  constructor(ctx: SourceContext, inbound: Inbound) {
    this.#ctx = ctx;
    this.#inbound = inbound;
    this.#tally = new Tally(ctx.series, { source: this.name, period: PERIOD_S });
  }

  /** @throws {Problem} LISTEN when the address cannot be listened on */
  async open(sink: Sink): Promise<void> {
    const { clock, log } = this.#ctx;
    const { at, token, notes } = this.#inbound;
    const desk = new Desk({ clock, tally: this.#tally, take: (points, origin) => this.#inbound.take(points, origin) });
    desk.open(sink);
    const { phase, mark } = noteDoors(notes, clock);
    const [otlp, influx, ping] = [otlpDoor(desk), influxDoor(desk), pingDoor()];
    const doors = {
      '/v1/metrics': otlp,
      '/write': influx,
      '/api/v2/write': influx,
      '/ping': ping,
      '/health': ping,
      '/api/phase': phase,
      '/api/mark': mark,
    };
    const site = new Site({
      doors,
      token,
      log,
      pagePort: () => this.#inbound.pagePort(),
      count: (result, refused) => this.#tally.request(result, refused),
    });
    const server = createServer({ maxHeaderSize: HEADERS_MAX, ...TIMEOUTS }, (request, response) => void site.handle(request, response));
    boundConnections(server, CONNECTIONS_MAX, () => this.#tally.request('busy', `more than ${CONNECTIONS_MAX} connections`));
    server.timeout = STUCK_MS;
    this.#server = server;
    const url = await bind(server, at, '--inbound');
    server.on('error', (error) => log.warn(`inbound listener: ${messageOf(error)}`));
    this.#inbound.listening(url);
  }

  read(sink: Sink): void {
    this.#tally.flush(sink, this.#inbound.figures());
  }

  async close(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (server?.listening) await closeServer(server);
  }
}
