/** An inbound listener on loopback with everything that came of it, and clients above and below HTTP. */
import { once } from 'node:events';
import { Agent, type IncomingMessage, request, type RequestOptions } from 'node:http';
import { connect, type Socket } from 'node:net';
import { type Clock, SystemClock } from '../../src/clock.ts';
import type { Point } from '../../src/intake/point.ts';
import { SILENT } from '../../src/log.ts';
import { seriesLabel, SeriesTable } from '../../src/series.ts';
import { Servers } from '../../src/servers.ts';
import { inboundSource } from '../../src/sources/inbound.ts';
import type { Sink } from '../../src/sources/source.ts';
import { Targets } from '../../src/targets.ts';
import type { RunEvent } from '../../src/tick.ts';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

export interface Sent {
  readonly path?: string;
  readonly body?: string | Buffer;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly method?: string;
}

export class InboundUnderTest implements AsyncDisposable {
  readonly points: Point[] = [];
  readonly notes: string[] = [];
  readonly events: Pick<RunEvent, 'kind' | 'message' | 'data'>[] = [];
  readonly #series = new SeriesTable();
  readonly #sockets: Socket[] = [];
  readonly #values = new Map<string, number>();
  readonly #source;
  url = '';
  /** Of the page that may write phases and marks. */
  pagePort: number | null = null;

  private constructor(token: string | null, clock: Clock) {
    const ctx = {
      series: this.#series,
      targets: new Targets([]),
      servers: new Servers([]),
      clock,
      log: SILENT,
      roots: { proc: '/proc', sys: '/sys' },
    };
    this.#source = inboundSource(ctx, {
      at: { host: '127.0.0.1', port: 0 },
      token,
      take: (points) => this.points.push(...points),
      figures: () => ({ unclaimed: 0, uncounted: { late: 0, buckets: 0, room: 0 } }),
      notes: { phase: (name, judged) => this.notes.push(`phase ${name} ${judged}`), mark: (text) => this.notes.push(`mark ${text}`) },
      listening: (url) => (this.url = url),
      pagePort: () => this.pagePort,
    });
  }

  static async open(token: string | null = null, clock: Clock = new SystemClock()): Promise<InboundUnderTest> {
    const made = new InboundUnderTest(token, clock);
    await made.#source.open(made.#sink());
    return made;
  }

  /** What it counts, by the label of the series. */
  figures(): Record<string, number> {
    void this.#source.read(this.#sink(), new AbortController().signal);
    return Object.fromEntries(this.#values);
  }

  /** Everything the server answers a request of one's own making, over a connection of its own. */
  async send({ path = '/v1/metrics', body = '', type = 'application/json', headers = {}, method = 'POST' }: Sent): Promise<Answer> {
    const options: RequestOptions = {
      method,
      agent: new Agent({ keepAlive: false }),
      headers: { ...(type === '' ? {} : { 'content-type': type }), ...headers },
    };
    const sent = request(`${this.url}${path}`, options);
    sent.on('error', () => {}); // hung up on while it was writing; what it is told comes first
    sent.end(body);
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) };
  }

  /** A client below HTTP. */
  async dial(say: string): Promise<Socket> {
    const socket = connect({ port: Number(new URL(this.url).port), host: '127.0.0.1' });
    this.#sockets.push(socket);
    socket.on('error', () => {});
    await once(socket, 'connect');
    socket.write(say);
    return socket;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await this.#source.close();
  }

  #sink(): Sink {
    return {
      now: () => 0,
      set: (id, value) => void (id >= 0 && this.#values.set(seriesLabel(this.#series.get(id)), value)),
      event: (kind, message, about = {}) => void this.events.push({ kind, message, data: about.data ?? {} }),
    };
  }
}

/** Everything a server says until it hangs up, on whatever was still being written. */
export async function heard(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve));
  return text;
}
