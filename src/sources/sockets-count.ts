/** What a table of sockets says of the processes of a namespace: counts, by process, port and endpoint. Pure. */
import type { NamespaceSockets } from '../sockets/sockets.ts';
import type { Proc } from '../targets.ts';
import type { TcpEndpoint, TcpRow, TcpState } from '../sockets/tcptable.ts';

/** `10.0.0.5:5432`, `[::1]:5432`. */
export type EndpointText = string;

export function endpointText({ address, port }: TcpEndpoint): EndpointText {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** Sockets of one process. */
export interface Held {
  outbound: number;
  closeWait: number;
  readonly byEndpoint: Map<EndpointText, number>;
  /** Ports it listens on. */
  readonly listens: Set<number>;
}

/** Connections to one local port, whoever holds them. */
export interface Inbound {
  readonly states: Map<TcpState, number>;
  /** Connections that wait to be accepted. */
  queue: number;
}

export interface Counts {
  /** By pid; every process of the namespace is in it. */
  readonly held: ReadonlyMap<number, Held>;
  readonly inbound: ReadonlyMap<number, Inbound>;
  /** Connections that are over, by the endpoint they led to. */
  readonly timeWait: ReadonlyMap<EndpointText, number>;
  /** Local ports in use from the address with the most of them, by the endpoint they lead to. */
  readonly localPorts: ReadonlyMap<EndpointText, number>;
}

type Countable = Pick<NamespaceSockets, 'table' | 'owners'> & { readonly procs: readonly Pick<Proc, 'pid'>[] };

/** @param listened ports of the namespace on which somebody listens or has listened: what came in there stays inbound */
export function countSockets({ table, procs, owners }: Countable, listened: ReadonlySet<number>): Counts {
  const held = new Map(procs.map(({ pid }): [number, Held] => [pid, nothingHeld()]));
  const inbound = new Map<number, Inbound>();
  const timeWait = new Map<EndpointText, number>();
  const routes = new Map<string, number>();
  const localPorts = new Map<EndpointText, number>();
  for (const row of table.rows) {
    const holder = held.get(owners.get(row.inode) ?? -1);
    if (holder && row.state === 'close_wait') holder.closeWait++;
    if (row.state === 'listen') listen(row, holder, inbound);
    else if (listened.has(row.local.port)) add(connectionsOf(inbound, row.local.port).states, row.state);
    else {
      const endpoint = endpointText(row.remote);
      // From one address to one endpoint no two connections have the same port: there are as many ports as connections.
      const used = add(routes, `${row.local.address} ${endpoint}`);
      localPorts.set(endpoint, Math.max(used, localPorts.get(endpoint) ?? 0));
      if (row.state === 'time_wait') add(timeWait, endpoint);
      if (holder) hold(holder, endpoint);
    }
  }
  return { held, inbound, timeWait, localPorts };
}

export function nothingHeld(): Held {
  return { outbound: 0, closeWait: 0, byEndpoint: new Map(), listens: new Set() };
}

function hold(holder: Held, endpoint: EndpointText): void {
  holder.outbound++;
  add(holder.byEndpoint, endpoint);
}

function listen({ local, rxQueue }: TcpRow, holder: Held | undefined, inbound: Map<number, Inbound>): void {
  holder?.listens.add(local.port);
  connectionsOf(inbound, local.port).queue += rxQueue;
}

function connectionsOf(inbound: Map<number, Inbound>, port: number): Inbound {
  const known = inbound.get(port);
  if (known) return known;
  const made = { states: new Map<TcpState, number>(), queue: 0 };
  inbound.set(port, made);
  return made;
}

export function add<K>(counts: Map<K, number>, key: K, by = 1): number {
  const count = (counts.get(key) ?? 0) + by;
  counts.set(key, count);
  return count;
}
