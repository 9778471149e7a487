/** Databases that a target is connected to and that nobody has told us of: what would have them watched. By the port, which is a guess. */
import type { Clock } from '../clock.ts';
import type { Endpoint, Server } from '../servers.ts';
import type { TcpEndpoint } from '../sockets/tcptable.ts';
import { type NamespaceSockets, Sockets } from '../sockets/sockets.ts';
import type { Target, Targets } from '../targets.ts';

/** The usual ports. PgBouncer is found behind 6432 by the connection itself. */
const BY_PORT: ReadonlyMap<number, { readonly product: string; readonly option: (place: string) => string }> = new Map([
  [5432, { product: 'Postgres', option: postgres }],
  [5433, { product: 'Postgres', option: postgres }],
  [6432, { product: 'PgBouncer', option: postgres }],
  [6379, { product: 'Redis', option: (place) => `--redis redis://${place}` }],
  [6380, { product: 'Redis with TLS', option: (place) => `--redis rediss://${place}` }],
]);

function postgres(place: string): string {
  return `--postgres postgresql://USER@${place}/DATABASE`;
}

export interface Database {
  /** `12 connections to 10.0.0.5:5432, the usual port of Postgres`. */
  readonly what: string;
  /** The option that would watch it. */
  readonly option: string;
}

/** Databases of a target; more than these are no list to choose from. */
const SHOWN_MAX = 5;

/** By target. Sockets that may not be looked at name nothing: that they may not is told elsewhere. */
export function databasesOf(
  targets: Targets,
  servers: readonly Server[],
  around: { readonly clock: Clock; readonly roots: { readonly proc: string } },
): ReadonlyMap<Target, readonly Database[]> {
  const sockets = new Sockets({ ...around, targets });
  const own = sockets.tables.namespaceOf('self');
  const read = sockets.read((row) => BY_PORT.has(row.remote.port));
  const known = new Set(servers.flatMap(({ endpoints }) => endpoints.map(placeOf)));
  return new Map(
    targets.all().map((target) => {
      const found = read.flatMap((namespace) => connections(namespace, target, namespace.table.namespace === own));
      return [target, suggestions(found.filter(({ place }) => !known.has(place)))];
    }),
  );
}

interface Connection {
  readonly place: string;
  readonly port: number;
  /** It can be reached by this address from here. */
  readonly reachable: boolean;
}

function connections({ table, owners }: NamespaceSockets, { procs }: Target, own: boolean): Connection[] {
  const pids = new Set(procs.map(({ pid }) => pid));
  const ours = table.rows.filter(
    ({ state, inode, remote }) => state === 'established' && BY_PORT.has(remote.port) && pids.has(owners.get(inode)!),
  );
  return ours.map(({ remote }) => ({ place: placeOf(remote), port: remote.port, reachable: own || !isLoopback(remote) }));
}

function isLoopback({ address }: TcpEndpoint): boolean {
  return address === '::1' || address.startsWith('127.');
}

function placeOf(endpoint: Endpoint): string {
  if ('path' in endpoint) return endpoint.path;
  const { address, port } = endpoint;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

function suggestions(found: readonly Connection[]): Database[] {
  const places = [...Map.groupBy(found, ({ place }) => place)].toSorted(([, a], [, b]) => b.length - a.length);
  return places.slice(0, SHOWN_MAX).map(([place, { length, 0: first }]) => {
    const { product, option } = BY_PORT.get(first!.port)!;
    const where = first!.reachable ? '' : ', an address of its own network namespace';
    const what = `${length} ${length === 1 ? 'connection' : 'connections'} to ${place}, the usual port of ${product}${where}`;
    return { what, option: option(first!.reachable ? place : `HOST:${first!.port}`) };
  });
}
