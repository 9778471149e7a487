/**
 * The read-only listener: GET and HEAD of the pages it is given, and nothing else. What a client may do to it is bounded: header size, time
 * to send a request or take an answer, number of connections; and no client can keep it from closing.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type OutgoingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, isIPv6 } from 'node:net';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { within } from '../clock.ts';
import type { Logger } from '../log.ts';
import { errno, messageOf, Problem } from '../problem.ts';
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
  readonly answer: (request: { readonly accept: string }) => Page | Promise<Page>;
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

/** Milliseconds to send the headers, the request, and until an idle or stuck connection is dropped. Scrape intervals are below a minute. */
const TIMEOUTS = { headersTimeout: 5000, requestTimeout: 10_000, keepAliveTimeout: 65_000, connectionsCheckingInterval: 2500 };
const STUCK_MS = 30_000;

/** Seconds in which answers that have begun may end. */
const GRACE_S = 1;

/** Below this a page fits into one packet anyway. */
const GZIP_MIN = 1400;

/** Level 1 takes half the CPU of the default, and a page is no larger for it: label texts repeat whatever the level. */
const GZIP_LEVEL = 1;

/** Nothing here is to be framed, sniffed, cached, or loaded into another site's page. */
const SECURITY: OutgoingHttpHeaders = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

/** @throws {Problem} LISTEN when the address cannot be listened on */
export async function listen(at: { readonly host: string; readonly port: number }, routes: Routes, log: Logger): Promise<Listener> {
  const site = new Site(routes, log);
  const server = createServer({ maxHeaderSize: HEADERS_MAX, ...TIMEOUTS }, (request, response) => void site.answer(request, response));
  server.maxConnections = CONNECTIONS_MAX;
  server.timeout = STUCK_MS;
  server.on('drop', () => log.warn(`more than ${CONNECTIONS_MAX} connections to the listener: the rest is refused`));
  await bind(server, at);
  server.on('error', (error) => log.warn(`listener: ${messageOf(error)}`));
  const { port, address } = server.address() as AddressInfo;
  return { port, url: `http://${isIPv6(address) ? `[${address}]` : address}:${port}`, close: () => close(server, site) };
}

async function bind(server: Server, at: { readonly host: string; readonly port: number }): Promise<void> {
  try {
    server.listen({ host: at.host, port: at.port });
    await once(server, 'listening');
  } catch (error) {
    throw new Problem('LISTEN', { place: '--listen', message: cannotListen(at, error) }, { cause: error });
  }
}

function cannotListen({ host, port }: { readonly host: string; readonly port: number }, error: unknown): string {
  const address = `${isIPv6(host) ? `[${host}]` : host}:${port}`;
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: `${address} is in use, perhaps by another soak-agent: give another port, port 0 for any free one, or "off"`,
    EACCES: `${address} may not be listened on by this user: give a port above 1023`,
    EADDRNOTAVAIL: `${host} is not an address of this machine: give 127.0.0.1, 0.0.0.0 for all of them, or one that it has`,
    ENOTFOUND: `the name ${host} has no address: give an address such as 127.0.0.1 or 0.0.0.0`,
  };
  return reasons[errno(error) ?? ''] ?? `cannot listen on ${address}: ${messageOf(error)}`;
}

async function close(server: Server, site: Site): Promise<void> {
  site.closing = true;
  const closed = once(server, 'close');
  server.close();
  server.closeIdleConnections();
  if (await within(closed, GRACE_S)) return;
  server.closeAllConnections(); // half a request, or a client that does not take its answer
  await closed;
}

class Site {
  readonly #routes: ReadonlyMap<string, Route>;
  readonly #log: Logger;
  /** A page that is given out many times is compressed once. */
  readonly #zipped = new WeakMap<Page, Promise<Uint8Array>>();
  closing = false;

  constructor(routes: Routes, log: Logger) {
    this.#routes = new Map(Object.entries(routes));
    this.#log = log;
  }

  /** Never rejects. */
  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const page = await this.#page(request);
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
      return await route.answer({ accept: request.headers.accept ?? '' });
    } catch (error) {
      this.#log.warn(`${path} failed: ${messageOf(error)}`);
      return textOf(500, `${path} failed: ${messageOf(error)}`);
    }
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
      ...(this.closing ? { connection: 'close' } : {}),
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
