/** Where a server is and how to log in, from what is configured. */
import { readFileSync } from 'node:fs';
import type { Endpoint, ServerSpec } from '../servers.ts';

export interface RedisAddress {
  readonly place: Endpoint;
  readonly tls: boolean;
  readonly user: string | null;
  readonly password: string | null;
  /** Only watched keys are looked for in it. */
  readonly database: number;
}

const PORT = 6379;

/** The user that the agent logs in as. */
export function loginOf({ url }: Pick<ServerSpec, 'url'>): string {
  const { username, searchParams } = urlOf(url);
  return decoded(username) || searchParams.get('username') || 'default';
}

/**
 * `redis[s]://user:password@host:port/database`, or the path of a socket with `username`, `password` and `db` as parameters. A password
 * file is read anew each time: passwords are changed while programs run.
 * @throws when the file of the password cannot be read (a system error)
 */
export function addressOf({ url, passwordFile }: Pick<ServerSpec, 'url' | 'passwordFile'>): RedisAddress {
  const parsed = urlOf(url);
  const { searchParams: query } = parsed;
  const password = passwordFile === null ? decoded(parsed.password) || query.get('password') : readFileSync(passwordFile, 'utf8').trim();
  const user = decoded(parsed.username) || query.get('username');
  const isSocket = parsed.protocol === 'unix:';
  const host = parsed.hostname.replaceAll(/^\[|\]$/g, '');
  return {
    place: isSocket ? { path: decoded(parsed.pathname) } : { address: host, port: Number(parsed.port) || PORT },
    tls: parsed.protocol === 'rediss:',
    user: user || null,
    password: password || null,
    database: Number(isSocket ? query.get('db') : parsed.pathname.slice(1)) || 0,
  };
}

function urlOf(url: string): URL {
  return new URL(url.startsWith('/') ? `unix://${url}` : url);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
