/** One request for a page: bounded in time, in size while it arrives, and in redirects; credentials go to one host only. */
import { readFileSync } from 'node:fs';
import { Agent as HttpAgent, type ClientRequest, type IncomingMessage, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { type Clock, deadline } from '../clock.ts';
import { PAGE_MAX } from '../intake/exposition.ts';
import type { ScrapeSpec } from '../intake/signals-spec.ts';
import { VERSION } from '../version.ts';
import { failureOf, ScrapeFailure, statusFailure } from './scrape-failure.ts';

/** As Prometheus asks: the stricter format first, the older one, and whatever there is. */
const ACCEPT = 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';

/** What some put before UTF-8. */
const MARK = Buffer.from([0xef, 0xbb, 0xbf]);

const REDIRECTS_MAX = 3;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** A token is a line. */
const TOKEN_MAX = 65_536;

export interface Answer {
  readonly body: Buffer;
  /** Null: it does not say which of the formats it is. */
  readonly openMetrics: boolean | null;
  /** From the request to the last byte. */
  readonly seconds: number;
}

/** Keeps one connection to the place of a page. */
export class PageClient {
  readonly #spec: ScrapeSpec;
  readonly #clock: Clock;
  readonly #http = new HttpAgent({ keepAlive: true, maxSockets: 1 });
  #https: HttpsAgent | null = null;

  constructor(spec: ScrapeSpec, clock: Clock) {
    this.#spec = spec;
    this.#clock = clock;
  }

  /** @throws {ScrapeFailure} */
  async get(signal: AbortSignal): Promise<Answer> {
    const { timeout } = this.#spec;
    const limit = deadline(timeout, 'too late');
    const abort = (): void => limit.abort(new Error('the run ends'));
    signal.addEventListener('abort', abort, { once: true });
    limit.start();
    const from = this.#clock.monotonic();
    try {
      const { body, type } = await this.#follow(new URL(this.#spec.url), limit.signal);
      const openMetrics = type.includes('openmetrics') ? true : type.startsWith('text/plain') ? false : null;
      return { body, openMetrics, seconds: this.#clock.monotonic() - from };
    } catch (error) {
      throw failureOf(error, timeout);
    } finally {
      limit.end();
      signal.removeEventListener('abort', abort);
    }
  }

  close(): void {
    this.#http.destroy();
    this.#https?.destroy();
  }

  async #follow(first: URL, signal: AbortSignal): Promise<{ body: Buffer; type: string }> {
    const secrets = this.#secrets();
    let url = first;
    for (let hops = 0; ; hops++) {
      const response = await this.#ask(url, { ...secrets, ...headersOf() }, signal);
      const { statusCode: status = 0, headers } = response;
      if (status === 200) return { body: await bodyOf(response, signal), type: (headers['content-type'] ?? '').toLowerCase() };
      response.destroy();
      if (!REDIRECTS.has(status) || headers.location === undefined) throw statusFailure(status);
      if (hops >= REDIRECTS_MAX)
        throw new ScrapeFailure('redirect', `it sends from one address to the next, more than ${REDIRECTS_MAX} times`);
      url = redirected(url, headers.location, Object.keys(secrets).length > 0);
    }
  }

  /** A connection that was kept may have been closed by the other side meanwhile: then once more with a new one. */
  async #ask(url: URL, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<IncomingMessage> {
    try {
      return await this.#send(url, headers, signal);
    } catch (error) {
      if (!(error instanceof Reused)) throw error;
      return await this.#send(url, headers, signal);
    }
  }

  #send(url: URL, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const sent: ClientRequest =
        url.protocol === 'https:'
          ? httpsRequest(url, { agent: this.#secure(), headers, signal })
          : httpRequest(url, { agent: this.#http, headers, signal });
      sent.on('response', resolve);
      sent.on('error', (error) => reject(sent.reusedSocket && !signal.aborted ? new Reused(error.message) : error));
      sent.end();
    });
  }

  #secure(): HttpsAgent {
    const { caFile } = this.#spec;
    this.#https ??= new HttpsAgent({ keepAlive: true, maxSockets: 1, ...(caFile === null ? {} : { ca: read(caFile, 'ca_file') }) });
    return this.#https;
  }

  #secrets(): Record<string, string> {
    const { headers, bearerFile } = this.#spec;
    return bearerFile === null
      ? { ...headers }
      : { ...headers, authorization: `Bearer ${read(bearerFile, 'bearer_file').slice(0, TOKEN_MAX).trim()}` };
  }
}

/** The other side had closed the connection that was kept. */
class Reused extends Error {}

function headersOf(): Record<string, string> {
  return { accept: ACCEPT, 'accept-encoding': 'gzip', 'user-agent': `soak-agent/${VERSION}` };
}

function read(path: string, what: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    throw new ScrapeFailure('credentials', `the file of its ${what} cannot be read`);
  }
}

function redirected(from: URL, location: string, hasSecrets: boolean): URL {
  const to = URL.parse(location, from.href);
  if (to === null || !['http:', 'https:'].includes(to.protocol))
    throw new ScrapeFailure('redirect', 'it sends to what is no address of a page');
  const isSame = to.host === from.host && !(from.protocol === 'https:' && to.protocol === 'http:');
  if (hasSecrets && !isSame)
    throw new ScrapeFailure(
      'redirect',
      'it sends to another host, which is not given the credentials; give the address of the page itself',
    );
  return to;
}

/** Reads no more than a page may have, whatever was announced and however it is packed. */
async function bodyOf(response: IncomingMessage, signal: AbortSignal): Promise<Buffer> {
  const tooLarge = new ScrapeFailure(
    'too_large',
    `it is larger than ${PAGE_MAX / 1e6} MB; many exporters give a part of theirs when asked (?name[]=...)`,
  );
  const stop = (): void => void response.destroy();
  if (Number(response.headers['content-length'] ?? 0) > PAGE_MAX) {
    stop();
    throw tooLarge;
  }
  const isPacked = /\bgzip\b/i.test(response.headers['content-encoding'] ?? '');
  const body: Readable = isPacked ? unpacked(response) : response;
  const chunks: Buffer[] = [];
  let bytes = 0;
  signal.addEventListener('abort', stop, { once: true });
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > PAGE_MAX) throw tooLarge;
      chunks.push(chunk);
    }
  } catch (error) {
    throw signal.aborted ? Object.assign(new Error('aborted'), { name: 'AbortError' }) : error;
  } finally {
    signal.removeEventListener('abort', stop);
    if (!response.complete) stop();
  }
  const whole = Buffer.concat(chunks);
  return whole.subarray(0, MARK.length).equals(MARK) ? whole.subarray(MARK.length) : whole;
}

function unpacked(response: IncomingMessage): Readable {
  const gunzip = createGunzip();
  response.on('error', (error) => gunzip.destroy(error));
  response.on('close', () => {
    if (!response.complete) gunzip.destroy(Object.assign(new Error('cut off'), { code: 'ECONNRESET' }));
  });
  return response.pipe(gunzip);
}
