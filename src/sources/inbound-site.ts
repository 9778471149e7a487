/** The doors of the inbound listener behind one server: every request is answered once and counted once. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { within } from '../clock.ts';
import type { Logger } from '../log.ts';
import { messageOf } from '../problem.ts';
import type { Door } from './inbound-door.ts';
import { jsonRefusal } from './inbound-door.ts';
import { checkSender, isOwnPage } from './inbound-guard.ts';
import type { Result } from './inbound-metrics.ts';
import { Refusal } from './inbound-refusal.ts';

export interface SiteParts {
  readonly doors: Readonly<Record<string, Door>>;
  readonly token: string | null;
  readonly log: Logger;
  readonly pagePort: () => number | null;
  readonly count: (result: Result, refused: string | null) => void;
}

export class Site {
  readonly #parts: SiteParts;

  constructor(parts: SiteParts) {
    this.#parts = parts;
  }

  /** Never rejects. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = URL.parse(request.url ?? '', 'http://x');
    const path = url?.pathname ?? '';
    const door = Object.hasOwn(this.#parts.doors, path) ? this.#parts.doors[path] : undefined;
    const isOfPage = door?.ofPage === true && isOwnPage(request.headers, this.#parts.pagePort());
    if (isOfPage) allow(request, response);
    try {
      if (isOfPage && request.method === 'OPTIONS') return void response.writeHead(204).end();
      if (!door?.open) checkSender(request.headers, this.#parts.token, isOfPage);
      const answer = await this.#door(door, path, request).answer(request, url?.searchParams ?? new URLSearchParams());
      this.#parts.count(answer.result, answer.refused);
      send(response, answer.status, answer, {});
    } catch (error) {
      await this.#refuse(error, door, request, response);
    }
  }

  #door(door: Door | undefined, path: string, { method = '' }: IncomingMessage): Door {
    if (!door) throw new Refusal(404, 'not_found', this.#elsewhere(path));
    if (!door.methods.includes(method))
      throw new Refusal(405, 'wrong_method', `this address takes ${door.methods.join(' and ')}`, { allow: door.methods.join(', ') });
    return door;
  }

  #elsewhere(path: string): string {
    if (path === '/v1/traces' || path === '/v1/logs')
      return 'only metrics are taken: set OTEL_TRACES_EXPORTER and OTEL_LOGS_EXPORTER to none';
    return `there is no such address; there are ${Object.keys(this.#parts.doors).join(', ')}`;
  }

  async #refuse(error: unknown, door: Door | undefined, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const refusal = error instanceof Refusal ? error : this.#defect(error);
    this.#parts.count(refusal.result, refusal.message);
    if (refusal.result === 'cut_off') return void response.destroy();
    await runOut(request);
    const told = door ? await door.refusal(refusal, request) : await jsonRefusal(refusal);
    send(response, refusal.status, told, { ...refusal.headers, ...(request.complete ? {} : { connection: 'close' }) });
  }

  #defect(error: unknown): Refusal {
    this.#parts.log.error(`inbound: ${messageOf(error)}`);
    return new Refusal(500, 'failed', 'soak-agent failed to take this');
  }
}

/** Seconds in which a sender may bring its body to an end: one that is still writing does not read, and would see only that we hung up. */
const RUN_OUT_S = 1;

async function runOut(request: IncomingMessage): Promise<void> {
  if (request.closed) return;
  const over = new Promise((resolve) => request.once('close', resolve).once('error', resolve));
  request.resume();
  await within(over, RUN_OUT_S);
}

/** To a browser, which asks first: this page may write here. */
function allow(request: IncomingMessage, response: ServerResponse): void {
  response.setHeader('access-control-allow-origin', request.headers.origin ?? '');
  response.setHeader('access-control-allow-headers', 'authorization, content-type');
  response.setHeader('access-control-allow-methods', 'POST');
  response.setHeader('vary', 'origin');
}

function send(
  response: ServerResponse,
  status: number,
  { type, body }: { readonly type: string; readonly body: string | Uint8Array },
  headers: Readonly<Record<string, string>>,
): void {
  const bytes = Buffer.from(body);
  const about = status === 204 ? {} : { 'content-type': type, 'content-length': bytes.byteLength, 'x-content-type-options': 'nosniff' };
  response.writeHead(status, { ...about, ...headers });
  response.end(response.req.method === 'HEAD' || status === 204 ? undefined : bytes);
}
