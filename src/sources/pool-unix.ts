/**
 * Connections over unix sockets, which have no ports: the backend's end of the session is a socket of the server's process on this
 * machine, its peer is a socket of a target. Known once per session; what cannot be known is tried again when `ss` was asked again.
 */
import type { Clock } from '../clock.ts';
import type { Session } from '../servers.ts';
import { socketsOf } from '../sockets/owners.ts';
import type { NamespaceSockets } from '../sockets/sockets.ts';
import { UnixPeers } from '../sockets/unix.ts';
import type { Connection } from './pool-join.ts';

/** Of a backend; one with many tables has some hundred open. */
const DESCRIPTORS_MAX = 10_000;

/** Whose a session is: a pid, or null for nobody that is watched. */
type Owners = Map<string, number | null>;

export class UnixJoin {
  readonly #proc: string;
  readonly #peers: UnixPeers;
  readonly #known = new Map<string, Owners>();
  #asked: ReadonlyMap<number, number> | null = null;

  constructor({ clock, roots }: { readonly clock: Clock; readonly roots: { readonly proc: string } }) {
    this.#proc = roots.proc;
    this.#peers = new UnixPeers({ clock });
  }

  async connections(
    server: string,
    sessions: readonly Session[],
    spaces: readonly NamespaceSockets[],
    signal: AbortSignal,
  ): Promise<Connection[]> {
    const unix = sessions.filter(({ peer, pid, ours }) => peer === 'unix' && pid !== null && !ours);
    if (unix.length === 0) return [];
    const peers = await this.#peers.peers(signal);
    if (peers === null) return [];
    const before = this.#known.get(server);
    const owners: Owners = new Map();
    for (const { id, pid } of unix) {
      const known = before?.get(id);
      const owner = known ?? (known === null && peers === this.#asked ? null : this.#ownerOf(pid!, peers, spaces));
      owners.set(id, owner);
    }
    this.#known.set(server, owners);
    this.#asked = peers;
    return unix.flatMap((session) => {
      const pid = owners.get(session.id) ?? null;
      return pid === null ? [] : [{ pid, port: null, session }];
    });
  }

  #ownerOf(backend: number, peers: ReadonlyMap<number, number>, spaces: readonly NamespaceSockets[]): number | null {
    const sockets = socketsOf(`${this.#proc}/${backend}`, false, DESCRIPTORS_MAX);
    if (typeof sockets === 'string') return null;
    for (const inode of sockets.inodes) {
      const peer = peers.get(inode);
      if (peer === undefined) continue;
      for (const { owners } of spaces) {
        const pid = owners.get(peer);
        if (pid !== undefined) return pid;
      }
    }
    return null;
  }
}
