/** Programs on this machine that could be watched: those that listen, as far as this user may look into them. */
import { socketsOf } from '../sockets/owners.ts';
import { readListening } from '../sockets/tables.ts';
import { ProcessTable } from '../sources/selection-table.ts';

export interface Listening {
  readonly pid: number;
  readonly comm: string;
  /** Ascending. */
  readonly ports: readonly number[];
}

/** What a soak is rarely about: servers that have options of their own, and what every machine runs. */
const OTHERS =
  /^(postgres|pgbouncer|redis-server|valkey-server|sshd|systemd|init|containerd|dockerd|docker-proxy|cupsd|dnsmasq|chronyd|rpcbind)/;

/** In the network namespace of this process. Of a tree that shares a socket only the oldest process. */
export function listeningPrograms(proc: string): Listening[] {
  const portOf = new Map<number, number>();
  for (const file of ['tcp', 'tcp6'])
    for (const { inode, local } of readListening(`${proc}/net/${file}`)) if (inode !== 0) portOf.set(inode, local.port);
  const table = new ProcessTable(proc);
  const taken = new Set<number>();
  const programs: Listening[] = [];
  const all = table.all().filter(({ pid, kernel, ended, comm }) => !kernel && !ended && pid !== table.self && !OTHERS.test(comm));
  for (const { pid, comm } of all.toSorted((a, b) => b.age - a.age)) {
    const sockets = socketsOf(`${proc}/${pid}`);
    if (typeof sockets === 'string') continue;
    const ports = sockets.inodes.flatMap((inode) => portOf.get(inode) ?? []).filter((port) => !taken.has(port));
    for (const port of ports) taken.add(port);
    if (ports.length > 0) programs.push({ pid, comm, ports: [...new Set(ports)].toSorted((a, b) => a - b) });
  }
  return programs;
}

/** The ports on which the processes listen, in the network namespace of this process. */
export function portsOf(pids: readonly number[], proc: string): number[] {
  const own = listeningPrograms(proc);
  return [...new Set(own.filter(({ pid }) => pids.includes(pid)).flatMap(({ ports }) => ports))].toSorted((a, b) => a - b);
}
