/**
 * Which session of a server is behind which socket of a target: by the port and the address that the client's end has for both. Pure.
 */
import type { Server, Session } from '../servers.ts';

export interface Peer {
  readonly address: string;
  readonly port: number;
}

/** A socket of a watched process. */
export interface Held {
  readonly pid: number;
  readonly inode: number;
  readonly local: Peer;
  readonly remote: Peer;
  /** In TCP's state of that name: others are on their way in or out, and the server need not list them. */
  readonly established: boolean;
  /** In the table of IPv6, whatever its addresses. */
  readonly ipv6: boolean;
}

/** A session with the process at its other end. */
export interface Connection {
  readonly pid: number;
  /** Of the process; null for a unix socket. */
  readonly port: number | null;
  readonly session: Session;
}

export interface Joined {
  readonly connections: readonly Connection[];
  /** Sockets to the server for which it lists no session. */
  readonly unmatched: readonly Held[];
  /** Sessions of others, or of ours behind something that rewrites ports. */
  readonly rest: readonly Session[];
}

/**
 * @param held sockets of all targets to any port of the server; those to another address than the server's are only taken when a session
 * of it is at their end, because something else may listen on that port there
 */
export function join(held: readonly Held[], sessions: readonly Session[], endpoints: Server['endpoints']): Joined {
  const byPort = new Map<number, Session[]>();
  for (const session of sessions) {
    if (session.peer === null || session.peer === 'unix' || session.ours) continue;
    const same = byPort.get(session.peer.port);
    if (same) same.push(session);
    else byPort.set(session.peer.port, [session]);
  }
  const connections: Connection[] = [];
  const open: Held[] = [];
  for (const socket of held) {
    const session = taken(byPort, socket.local.port, (peer) => isSame(peer.address, socket.local.address));
    if (session) connections.push({ pid: socket.pid, port: socket.local.port, session });
    else open.push(socket);
  }
  const ports = Map.groupBy(open, ({ local }) => local.port);
  const unmatched = open.filter((socket) => {
    const session = ports.get(socket.local.port)!.length === 1 ? translated(byPort, socket) : null;
    if (session) connections.push({ pid: socket.pid, port: socket.local.port, session });
    return session === null && endpoints.some((endpoint) => 'port' in endpoint && isSame(endpoint.address, socket.remote.address));
  });
  const joined = new Set(connections.map(({ session }) => session));
  return { connections, unmatched, rest: sessions.filter((session) => !joined.has(session) && !session.ours) };
}

/** Takes the session out, so that no second socket gets it. */
function taken(byPort: Map<number, Session[]>, port: number, isIt: (peer: Peer) => boolean): Session | null {
  const same = byPort.get(port);
  const at = same?.findIndex(({ peer }) => peer !== null && peer !== 'unix' && isIt(peer)) ?? -1;
  return at < 0 ? null : same!.splice(at, 1)[0]!;
}

/** Address translation that keeps ports (a container behind its bridge): the only session with that port, whatever its address. */
function translated(byPort: Map<number, Session[]>, socket: Held): Session | null {
  return byPort.get(socket.local.port)?.length === 1 ? taken(byPort, socket.local.port, () => true) : null;
}

function isSame(a: string, b: string): boolean {
  return a === b || plain(a) === plain(b);
}

/** A server that listens on IPv6 sees clients of IPv4 as `::ffff:1.2.3.4`; a zone (`fe80::1%eth0`) is only of use where it is. */
export function plain(address: string): string {
  const text = address
    .toLowerCase()
    .replace(/%.*$/, '')
    .replace(/\/\d+$/, '');
  return /^::ffff:\d+\.\d+\.\d+\.\d+$/.test(text) ? text.slice('::ffff:'.length) : text;
}

/**
 * Where ports say nothing (a proxy in between, a unix socket), the name that a client gives itself still may: a session whose application
 * is called like the role, or like the only program of it.
 */
export function sessionsNamed(sessions: readonly Session[], names: ReadonlySet<string>): Session[] {
  return sessions.filter(({ application }) => application !== null && names.has(application.toLowerCase()));
}

/**
 * What a pooler says of its client, with what the server behind it says of the session that the client has now: the pooler knows when a
 * client holds a session, the server whether that one is at work, waits for a lock, or is idle in a transaction.
 * @param backends of all watched servers; a pid that several of them have tells nothing
 */
export function behindBouncer(clients: readonly Session[], backends: readonly Session[]): readonly Session[] {
  if (backends.length === 0) return clients;
  const byPid = Map.groupBy(backends, ({ pid, database }) => JSON.stringify([pid, database]));
  return clients.map((client) => {
    const found = client.pid === null ? [] : (byPid.get(JSON.stringify([client.pid, client.database])) ?? []);
    const [backend] = found;
    if (backend === undefined || found.length > 1 || backend.state === 'unknown' || backend.state === 'idle') return client;
    const { state, changedAt, transactionAt, queryHash, statement } = backend;
    return { ...client, state, changedAt, transactionAt, queryHash, ...(statement === undefined ? {} : { statement }) };
  });
}
