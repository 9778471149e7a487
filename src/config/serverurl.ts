/**
 * URLs of database servers: what is accepted, and their parts that may be shown. No message quotes a URL: wherever a slip is, the
 * password may be there.
 */
import type { ServerSpec } from '../servers.ts';

export interface ServerUrl {
  /** As the client takes it, without the password. */
  readonly url: string;
  readonly password: string | null;
  /** `host:port/database`. */
  readonly display: string;
  /** Files that the client reads for TLS. */
  readonly files: readonly string[];
}

/** What is wrong with a URL; completes a sentence. */
export class UrlFault extends Error {}

export const URL_HINT = {
  postgresql: 'a URL such as postgresql://soak@localhost:5432/orders or postgresql:///orders?host=/var/run/postgresql',
  redis: 'a URL such as redis://localhost:6379, rediss://soak@cache.example:6380/0, or the path of a socket',
} as const;

/** @throws {UrlFault} whose message repeats nothing of the text but its scheme */
export function parseServerUrl(system: ServerSpec['system'], text: string): ServerUrl {
  return system === 'postgresql' ? parsePostgres(text) : parseRedis(text);
}

/** The URL with a password in it, where its client looks for one. */
export function withPassword(url: string, password: string): string {
  if (url.startsWith('/')) return `${url}${url.includes('?') ? '&' : '?'}password=${encodeURIComponent(password)}`;
  const parsed = new URL(url);
  if (parsed.hostname === '') parsed.searchParams.set('password', password);
  else parsed.password = encodeURIComponent(password);
  return parsed.href;
}

/** For comparing one configuration with another. */
export function withoutPassword(url: string): string {
  const parsed = new URL(url.startsWith('/') ? `unix://${url}` : url);
  parsed.searchParams.delete('password');
  parsed.password = '';
  return parsed.href;
}

const ENCODE = 'in a user or password, characters such as @ : / # ? % are written %40 %3A %2F %23 %3F %25';

/** Of pg-connection-string; `prefer`, `require` and `verify-ca` verify there as `verify-full` does. */
const SSL_MODES = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify'];

const SSL_FILES = ['sslrootcert', 'sslcert', 'sslkey'];

function parsePostgres(text: string): ServerUrl {
  const url = urlOf(text, ['postgres:', 'postgresql:'], 'postgresql');
  const { searchParams: query } = url;
  const user = query.get('user') ?? url.username;
  const password = takePassword(url);
  const mode = query.get('sslmode');
  if (mode !== null && !SSL_MODES.includes(mode)) throw new UrlFault(`sslmode should be one of ${SSL_MODES.join(', ')}`);
  const host = query.get('host') ?? (decode(url.hostname) || 'localhost');
  const port = query.get('port') ?? (url.port || '5432');
  if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > PORT_MAX)
    throw new UrlFault('its port should be a number from 1 to 65535');
  if (host.includes(',')) throw new UrlFault('it names several hosts; give each server a URL of its own');
  const database = decode(url.pathname.slice(1)) || decode(user);
  return {
    url: url.href,
    password,
    display: `${bracketed(host)}:${port}${database === '' ? '' : `/${database}`}`,
    files: SSL_FILES.flatMap((name) => query.get(name) ?? []),
  };
}

const PORT_MAX = 65_535;

function parseRedis(text: string): ServerUrl {
  if (/^(unix:)?\//.test(text)) return parseSocket(text);
  const url = urlOf(text, ['redis:', 'rediss:'], 'redis');
  if (url.hostname === '') throw new UrlFault('it names no host; a socket is given by its path alone, such as /run/redis/redis.sock');
  if (!/^\/?\d{0,5}$/.test(url.pathname)) throw new UrlFault('what follows the host should be the number of a database, such as /0');
  const password = takePassword(url);
  const database = url.pathname.slice(1);
  return { url: url.href, password, display: `${url.hostname}:${url.port || '6379'}${database && `/${database}`}`, files: [] };
}

/** The client takes a path with parameters after it. */
function parseSocket(text: string): ServerUrl {
  const url = URL.parse(text.startsWith('/') ? `unix://${text}` : text);
  if (url === null || url.hostname !== '' || url.pathname.length < 2)
    throw new UrlFault('it should name a socket, such as /run/redis/redis.sock');
  const password = takePassword(url);
  const path = decode(url.pathname).replace(/^\/+/, '/'); // the client takes two for a URL
  const query = url.searchParams.toString();
  return { url: `${path}${query && `?${query}`}`, password, display: path, files: [] };
}

function urlOf(text: string, schemes: readonly string[], system: ServerSpec['system']): URL {
  const [, scheme] = /^([a-z][a-z0-9+.-]{0,30}):\/\//i.exec(text) ?? [];
  if (scheme === undefined) throw new UrlFault(`it should be ${URL_HINT[system]}`);
  if (!schemes.includes(`${scheme.toLowerCase()}:`)) throw new UrlFault(`${scheme}: is no scheme of it; it should be ${URL_HINT[system]}`);
  const url = URL.parse(text) ?? withoutHost(text);
  if (url === null || url.hash !== '') throw new UrlFault(`it is not a valid URL; it should be ${URL_HINT[system]}, and ${ENCODE}`);
  return url;
}

/** `postgresql://user:password@/db?host=/run`: libpq takes it, though a URL with a user has a host; both may be parameters as well. */
function withoutHost(text: string): URL | null {
  const url = URL.parse(text.replace('@/', '@localhost/'));
  if (url === null || !text.includes('@/') || !url.searchParams.has('host')) return null;
  if (url.username !== '') url.searchParams.set('user', decode(url.username));
  if (url.password !== '') url.searchParams.set('password', decode(url.password));
  return new URL(`${url.protocol}//${url.pathname}${url.search}`);
}

function takePassword(url: URL): string | null {
  const inQuery = url.searchParams.get('password');
  const password = inQuery ?? decode(url.password);
  url.password = '';
  if (inQuery !== null) url.searchParams.delete('password');
  return password === '' ? null : password;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new UrlFault(`it has a % that is no escape: ${ENCODE}`);
  }
}

function bracketed(host: string): string {
  return /^[0-9a-f]*:[0-9a-f:]*$/i.test(host) ? `[${host}]` : host;
}
