/** What both listeners share: how an address is bound and spelled, how long a client may take, and how a server ends in time. */
import { once } from 'node:events';
import type { IncomingMessage, Server } from 'node:http';
import { type AddressInfo, isIP, isIPv6, type Socket } from 'node:net';
import { within } from './clock.ts';
import { errno, messageOf, Problem } from './problem.ts';

/** Milliseconds to send the headers, the request, and until an idle connection is dropped. Scrape intervals are below a minute. */
export const TIMEOUTS = { headersTimeout: 5000, requestTimeout: 10_000, keepAliveTimeout: 65_000, connectionsCheckingInterval: 2500 };

/** Milliseconds until a connection on which nothing moves is dropped. */
export const STUCK_MS = 30_000;

/** Seconds in which answers that have begun may end. */
const GRACE_S = 1;

/**
 * @param place the option that names the address
 * @returns as a browser takes it, without a slash at the end: `http://127.0.0.1:10464`, `http://[::1]:10464`
 * @throws {Problem} LISTEN when the address cannot be listened on
 */
export async function bind(server: Server, at: { readonly host: string; readonly port: number }, place: string): Promise<string> {
  try {
    server.listen({ host: at.host, port: at.port });
    await once(server, 'listening');
  } catch (error) {
    throw new Problem('LISTEN', { place, message: cannotListen(at, error) }, { cause: error });
  }
  const { port, address } = server.address() as AddressInfo;
  return `http://${isIPv6(address) ? `[${address}]` : address}:${port}`;
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

/**
 * Bounds the connections of a server, so that those who have not asked anything yet cannot keep out those who do: three quarters of the places
 * are for them, and whoever has waited longest makes room.
 * @param full is called for each connection that is closed or refused
 */
export function boundConnections(server: Server, max: number, full: () => void): void {
  const silent = new Set<Socket>();
  server.maxConnections = max;
  server.on('connection', (socket: Socket) => {
    silent.add(socket.once('close', () => silent.delete(socket)));
    if (silent.size <= (max * 3) / 4) return;
    silent.values().next().value?.destroy();
    full();
  });
  server.on('drop', full);
  server.on('request', ({ socket }: IncomingMessage) => silent.delete(socket));
}

/** Answers what is being answered for a second at most, then cuts what is left: half a request, or a client that does not take its answer. */
export async function closeServer(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeIdleConnections();
  if (await within(closed, GRACE_S)) return;
  server.closeAllConnections();
  await closed;
}

/**
 * Whether a client calls a listener on loopback by its number or as localhost (`Host`, with or without a port). A web page under a name that
 * its owner pointed at loopback would be of the same origin as what is served there.
 */
export function isLocalName(host: string): boolean {
  const name = host
    .replace(/:\d*$/, '')
    .replaceAll(/^\[|\]$/g, '')
    .toLowerCase();
  return isIP(name) !== 0 || name === 'localhost' || name.endsWith('.localhost');
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}
