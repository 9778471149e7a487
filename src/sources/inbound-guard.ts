/**
 * Who may write. Without a token that is every program of this machine, and no web page: a browser sends a page's request to any address,
 * also to loopback, but it says so (`Origin`, `Sec-Fetch-Site`), and a name that was pointed at loopback stands in `Host`.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { isLocalName } from '../listening.ts';
import { Refusal } from './inbound-refusal.ts';

/**
 * @param isOfPage the request comes from the page of this run, by `isOwnPage`
 * @throws {Refusal} 401 or 403
 */
export function checkSender(headers: IncomingHttpHeaders, token: string | null, isOfPage = false): void {
  const site = headers['sec-fetch-site'];
  if (!isOfPage && (headers.origin !== undefined || (site !== undefined && site !== 'none')))
    throw new Refusal(403, 'forbidden', 'requests of web pages are not taken');
  if (token === null) return checkName(headers.host);
  const given = tokenOf(headers.authorization);
  if (given === null) throw unauthorized('a token is needed: Authorization: Bearer <token>');
  if (!isSame(given, token)) throw unauthorized('this is not the token of --inbound');
}

/**
 * Whether a browser says that the page of this run sends the request: served under the same name, from the port of our own listener. A page
 * under a name that was pointed here has that name as its origin, and is refused by it or, without a token, by `Host`.
 */
export function isOwnPage({ origin, host }: IncomingHttpHeaders, port: number | null): boolean {
  const from = URL.parse(origin ?? '');
  const to = URL.parse(`http://${host ?? ''}`);
  return (
    port !== null &&
    from !== null &&
    to !== null &&
    from.protocol === 'http:' &&
    from.hostname === to.hostname &&
    Number(from.port || 80) === port
  );
}

function unauthorized(message: string): Refusal {
  return new Refusal(401, 'unauthorized', message, { 'www-authenticate': 'Bearer, Basic realm="soak-agent"' });
}

/** HTTP/1.0 clients send no name, and browsers speak no HTTP/1.0. */
function checkName(host: string | undefined): void {
  if (host === undefined || isLocalName(host)) return;
  throw new Refusal(403, 'forbidden', 'without a token this address is called localhost or by its number, as in http://127.0.0.1:4318');
}

/** Influx clients say `Token`, or a user name and the token as its password. */
function tokenOf(authorization = ''): string | null {
  const [, scheme = '', rest = ''] = /^(\S+) +(\S+) *$/.exec(authorization) ?? [];
  const kind = scheme.toLowerCase();
  if (kind === 'bearer' || kind === 'token') return rest;
  if (kind !== 'basic') return null;
  return Buffer.from(rest, 'base64')
    .toString('utf8')
    .replace(/^[^:]*:/, '');
}

/** In the same time wherever they differ, and however long they are. */
function isSame(a: string, b: string): boolean {
  const hash = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(a), hash(b));
}
