/**
 * The read-only listener: GET and HEAD of the pages it is given, and nothing else. What a client may do to it is bounded: header size, time
 * to send a request or take an answer, number of connections; and no client can keep it from closing.
 */
import { createServer, type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { bind, boundConnections, closeServer, isLocalName, isLoopback, STUCK_MS, TIMEOUTS } from '../listening.ts';
import type { Logger } from '../log.ts';
import { messageOf } from '../problem.ts';
import type { EventStream } from './feed.ts';
import { accepts } from './negotiation.ts';

export interface Page {
  readonly status: number;
  readonly type: string;
  readonly body: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Route {
  /** A phrase for the list of pages. */
  readonly about: string;
  /** What it throws becomes a 500 with the message as text. */
  readonly answer: (request: Asked) => Page | Promise<Page>;
  /** Takes the client for events; false: it is given the page instead. */
  readonly events?: (client: EventStream) => boolean;
}

export interface Asked {
  readonly accept: string;
  /** As the client calls this server, with its port; empty when it does not say. */
  readonly host?: string;
}

/** Routes by path. Later pages are further entries. */
export type Routes = Readonly<Record<string, Route>>;

export interface Listener {
  /** As a browser takes it, without a slash at the end: `http://127.0.0.1:10464`, `http://[::1]:10464`. */
  readonly url: string;
  readonly port: number;
  /** Answers what is being answered for a second at most, then cuts what is left. */
  close(): Promise<void>;
}

/** A scrape sends about 500 bytes of headers. */
const HEADERS_MAX = 8192;

/** 100 scrapers at once and a browser or two; each costs some 20 kB. */
const CONNECTIONS_MAX = 256;

/** Below this a page fits into one packet anyway. */
const GZIP_MIN = 1400;

/** Level 1 takes half the CPU of the default, and a page is no larger for it: label texts repeat whatever the level. */
const GZIP_LEVEL = 1;

/** Bytes that wait for a client that takes events; a day's worth of one that sleeps would be 100 MB. */
const UNREAD_MAX = 2 ** 20;

/** Nothing here is to be framed, sniffed, cached, or loaded into another site's page. */
const SECURITY: OutgoingHttpHeaders = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

const STRANGE = 'On loopback this address is called localhost or by its number, as in http://127.0.0.1:10464. A proxy before it sets Host.';

/** @throws {Problem} LISTEN when the address cannot be listened on */
export async function listen(at: { readonly host: string; readonly port: number }, routes: Routes, log: Logger): Promise<Listener> {
  const site = new Site(routes, log, isLoopback(at.host));
  const server = createServer({ maxHeaderSize: HEADERS_MAX, ...TIMEOUTS }, (request, response) => void site.answer(request, response));
  boundConnections(server, CONNECTIONS_MAX, () =>
    log.warn(`too many connections to the listener (${CONNECTIONS_MAX}, or three quarters of that which ask nothing): the rest is refused`),
  );
  server.timeout = STUCK_MS;
  const url = await bind(server, at, '--listen');
  server.on('error', (error) => log.warn(`listener: ${messageOf(error)}`));
  const close = (): Promise<void> => {
    site.close();
    return closeServer(server);
  };
  return { port: (server.address() as AddressInfo).port, url, close };
}

class Site {
  readonly #routes: ReadonlyMap<string, Route>;
  readonly #log: Logger;
  readonly #isLocal: boolean;
  /** A page that is given out many times is compressed once. */
  readonly #zipped = new WeakMap<Page, Promise<Uint8Array>>();
  readonly #streams = new Set<ServerResponse>();
  #closing = false;

  /** @param isLocal bound to loopback: who calls it by another name is a web page that was pointed here */
  constructor(routes: Routes, log: Logger, isLocal: boolean) {
    this.#routes = new Map(Object.entries(routes));
    this.#log = log;
    this.#isLocal = isLocal;
  }

  /** Streams would never end by themselves. */
  close(): void {
    this.#closing = true;
    for (const stream of this.#streams) stream.end();
  }

  /** Never rejects. */
  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const isStrange = this.#isLocal && !isLocalName(request.headers.host ?? 'localhost');
      if (!isStrange && this.#stream(request, response)) return;
      const page = isStrange ? textOf(403, STRANGE) : await this.#page(request);
      await this.#send(page, request, response);
    } catch (error) {
      this.#log.warn(`listener: ${messageOf(error)}`);
      response.destroy();
    }
  }

  async #page(request: IncomingMessage): Promise<Page> {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return textOf(405, 'This address is read-only: GET and HEAD.', { allow: 'GET, HEAD', connection: 'close' });
    }
    const path = URL.parse(request.url ?? '', 'http://x')?.pathname ?? '';
    const route = this.#routes.get(path);
    if (!route) return textOf(404, `There is no such page. There are:\n${[...this.#routes.keys()].join('\n')}`);
    try {
      return await route.answer({ accept: request.headers.accept ?? '', host: request.headers.host ?? '' });
    } catch (error) {
      this.#log.warn(`${path} failed: ${messageOf(error)}`);
      return textOf(500, `${path} failed: ${messageOf(error)}`);
    }
  }

  #stream(request: IncomingMessage, response: ServerResponse): boolean {
    const path = URL.parse(request.url ?? '', 'http://x')?.pathname ?? '';
    const events = this.#routes.get(path)?.events;
    if (events === undefined || request.method !== 'GET' || this.#closing) return false;
    const taken = events({
      send: (text) => {
        if (!response.headersSent) response.writeHead(200, { ...SECURITY, 'content-type': 'text/event-stream' });
        response.write(text);
        if (response.writableLength > UNREAD_MAX) response.destroy();
      },
      end: () => response.end(),
      onClose: (gone) => response.once('close', gone),
    });
    if (!taken) return false;
    // Between two ticks a minute may pass. Whoever is gone is found by what it does not read.
    response.on('timeout', () => response.write(':\n\n'));
    this.#streams.add(response);
    response.once('close', () => this.#streams.delete(response));
    return true;
  }

  async #send(page: Page, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const zip = page.body.length >= GZIP_MIN && accepts(request.headers['accept-encoding'] ?? '', 'gzip');
    const body = zip ? await this.#zip(page) : Buffer.from(page.body);
    response.writeHead(page.status, {
      ...SECURITY,
      'content-type': page.type,
      'content-length': body.byteLength,
      vary: 'accept, accept-encoding',
      ...(zip ? { 'content-encoding': 'gzip' } : {}),
      ...(this.#closing ? { connection: 'close' } : {}),
      ...page.headers,
    });
    response.end(request.method === 'HEAD' ? undefined : body);
  }

  #zip(page: Page): Promise<Uint8Array> {
    const zipped = this.#zipped.get(page) ?? promisify(gzip)(page.body, { level: GZIP_LEVEL });
    this.#zipped.set(page, zipped);
    return zipped;
  }
}

/** A short plain page. */
export function textOf(status: number, text: string, headers: Readonly<Record<string, string>> = {}): Page {
  return { status, type: 'text/plain; charset=utf-8', body: `${text}\n`, headers };
}
