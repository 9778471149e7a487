/** A Prometheus-compatible server: one request for one query over one range. Its secrets stay in here. */
import { type Clock, deadline } from '../clock.ts';
import { cut, messageOf, Problem } from '../problem.ts';
import { type Matrix, readMatrix } from './matrix.ts';

export interface ServerAddress {
  /** Without user and password. */
  readonly url: string;
  readonly credentials: Credentials | null;
}

export interface Credentials {
  /** The value of the header. */
  readonly header: string;
  /** Where they are from, without them: `the token of FILE`. */
  readonly told: string;
}

/** The address without the user and password in it, which become a header; null for what is no URL of a server. */
export function serverOf(text: string): ServerAddress | null {
  const url = URL.parse(text.trim());
  if (url === null || !['http:', 'https:'].includes(url.protocol) || url.hostname === '') return null;
  const [user, password] = [decoded(url.username), decoded(url.password)];
  url.username = '';
  url.password = '';
  url.search = '';
  url.hash = '';
  return { url: url.href.replace(/\/+$/, ''), credentials: user === '' ? null : basicAuth(`${user}:${password}`, 'the URL') };
}

/** A percent sign that begins nothing is one. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** @param from where the pair stands */
export function basicAuth(pair: string, from: string): Credentials {
  return { header: `Basic ${Buffer.from(pair).toString('base64')}`, told: `the user and password of ${from}` };
}

export interface Range {
  readonly from: number;
  readonly to: number;
  readonly step: number;
}

/** A query that takes longer than Prometheus' own limit (`--query.timeout`, 2 min) is over there as well. */
const TIMEOUT_S = 150;

/** What may be over when asked again: the server restarts, or a proxy has lost it. */
const AGAIN = new Set([429, 502, 503, 504]);
const TRIES = 3;
const WAIT_S = 1;

/** Of an answer that is no JSON: enough to recognise a login page or a proxy. */
const BODY_SHOWN = 200;

export class Prometheus {
  readonly #server: ServerAddress;
  readonly #clock: Clock;
  readonly #timeout: number;

  constructor(server: ServerAddress, clock: Clock, timeout = TIMEOUT_S) {
    this.#server = server;
    this.#clock = clock;
    this.#timeout = timeout;
  }

  get place(): string {
    return this.#server.url;
  }

  /** Throws `PROMETHEUS` with what the server, or the way to it, says. */
  async range(query: string, { from, to, step }: Range, seriesMax: number): Promise<Matrix> {
    const body = new URLSearchParams({ query, start: String(from), end: String(to), step: String(step) });
    for (let attempt = 1; ; attempt++) {
      const answer = await this.#ask(body, seriesMax);
      if ('matrix' in answer) return answer.matrix;
      if (!answer.again || attempt === TRIES) throw new Problem('PROMETHEUS', { place: this.place, message: answer.wrong });
      await this.#clock.sleepUntil(this.#clock.monotonic() + WAIT_S * attempt);
    }
  }

  async #ask(body: URLSearchParams, seriesMax: number): Promise<{ matrix: Matrix } | { wrong: string; again: boolean }> {
    const tooLate = `it did not answer within ${this.#timeout} s`;
    const limit = deadline(this.#timeout, tooLate);
    const { credentials } = this.#server;
    limit.start();
    try {
      const response = await fetch(`${this.place}/api/v1/query_range`, {
        method: 'POST',
        body,
        headers: { accept: 'application/json', ...(credentials === null ? {} : { authorization: credentials.header }) },
        signal: limit.signal,
      });
      return await read(response, credentials, seriesMax);
    } catch (error) {
      if (limit.signal.aborted) return { wrong: tooLate, again: false };
      return { wrong: this.#withoutSecrets(unreachable(error)), again: isPassing(error) };
    } finally {
      limit.end();
    }
  }

  /** An error of the HTTP client might quote the header that it refused. */
  #withoutSecrets(text: string): string {
    const secret = this.#server.credentials?.header.replace(/^\w+ /, '') ?? '';
    return secret === '' ? text : text.replaceAll(secret, '(not shown)');
  }
}

async function read(
  response: Response,
  credentials: Credentials | null,
  seriesMax: number,
): Promise<{ matrix: Matrix } | { wrong: string; again: boolean }> {
  let begin = '';
  const pieces = async function* (): AsyncIterable<string> {
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) {
      const text = decoder.decode(chunk, { stream: true });
      if (begin.length < BODY_SHOWN) begin = (begin + text).slice(0, BODY_SHOWN);
      yield text;
    }
  };
  const matrix = await readMatrix(pieces(), seriesMax);
  const status = `HTTP ${response.status}${response.statusText && ` ${response.statusText}`}`;
  const again = AGAIN.has(response.status);
  if (matrix?.status === 'error') return { wrong: `${status}: ${cut(matrix.error)}`, again };
  if (ASKS_FOR_TLS.test(begin)) return { wrong: `${status}: it speaks HTTPS; give https:// instead of http://`, again: false };
  const refusal = response.status === 401 ? notKnown : response.status === 403 ? mayNotRead : null;
  if (refusal !== null) return { wrong: `${status}: ${refusal(credentials)}`, again };
  if (!response.ok || matrix === null)
    return { wrong: `${status}, and the answer is not that of a Prometheus: ${begin.replaceAll(/\s+/g, ' ').trim() || 'empty'}`, again };
  if (matrix.resultType !== 'matrix')
    return { wrong: `${status}, and the answer holds no series (${matrix.resultType || 'no result'})`, again };
  return { matrix };
}

/** What servers of Go and nginx answer to plain HTTP on a port of TLS. */
const ASKS_FOR_TLS = /HTTP request (?:was sent )?to (?:an )?HTTPS/;

const GIVE = 'give --bearer-file or --basic-auth-file';

function notKnown(credentials: Credentials | null): string {
  return credentials === null ? `it wants to know who asks; ${GIVE}` : `it refuses ${credentials.told}`;
}

function mayNotRead(credentials: Credentials | null): string {
  return credentials === null ? `who does not say who asks may not read; ${GIVE}` : `who asks with ${credentials.told} may not read`;
}

/** The reason of a failed fetch is in its cause. */
function unreachable(error: unknown): string {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  const code = (cause as NodeJS.ErrnoException | null)?.code;
  const known = REASONS[code ?? ''];
  return known === undefined ? `it cannot be reached: ${messageOf(cause)}` : `it cannot be reached: ${known} (${code})`;
}

const NO_TLS = 'what answers there speaks no TLS; for a server of plain HTTP give http:// instead of https://';

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'there is no such host',
  EAI_AGAIN: 'the name of the host cannot be looked up',
  ECONNRESET: 'the connection was cut',
  UND_ERR_SOCKET: 'the connection was cut',
  ERR_SSL_WRONG_VERSION_NUMBER: NO_TLS,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: NO_TLS,
  UND_ERR_CONNECT_TIMEOUT: 'no connection within 10 s',
};

function isPassing(error: unknown): boolean {
  const code = ((error as Error | null)?.cause as NodeJS.ErrnoException | undefined)?.code;
  return code === 'ECONNRESET' || code === 'UND_ERR_SOCKET';
}
