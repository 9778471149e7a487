/** Who listens on a TCP port: the sockets of a network namespace, joined by inode with the descriptors of processes. */
import { socketsOf } from '../sockets/owners.ts';
import { namespaceOf, readTcp } from '../sockets/tables.ts';
import type { ProcessInfo, ProcessTable } from './selection-table.ts';

export interface Holders {
  readonly listening: boolean;
  readonly holders: readonly ProcessInfo[];
  /** Descriptors of some process could not be looked at. */
  readonly unreadable: boolean;
}

/** Looks in the agent's own network namespace first, then in those of the other processes. */
export function holdersOfPort(table: ProcessTable, port: number): Holders {
  const own = listeners(`${table.proc}/net`, port);
  if (own.size > 0) return holdersOf(table, own);
  for (const folder of otherNamespaces(table)) {
    const inodes = listeners(folder, port);
    if (inodes.size > 0) return holdersOf(table, inodes);
  }
  return { listening: false, holders: [], unreadable: false };
}

function listeners(folder: string, port: number): Set<number> {
  const rows = ['tcp', 'tcp6'].flatMap((file) => readTcp(`${folder}/${file}`)?.rows ?? []);
  return new Set(
    rows.filter(({ state, local, inode }) => state === 'listen' && local.port === port && inode !== 0).map(({ inode }) => inode),
  );
}

/** One `net` folder for each network namespace that is not our own. */
function otherNamespaces(table: ProcessTable): string[] {
  const own = namespaceOf(table.proc);
  const folders = new Map<string, string>();
  for (const { pid, kernel, ended } of table.all()) {
    const namespace = kernel || ended ? null : namespaceOf(`${table.proc}/${pid}`);
    if (namespace !== null && namespace !== own && !folders.has(namespace)) folders.set(namespace, `${table.proc}/${pid}/net`);
  }
  return [...folders.values()];
}

function holdersOf(table: ProcessTable, inodes: ReadonlySet<number>): Holders {
  const holders: ProcessInfo[] = [];
  let unreadable = false;
  for (const process of table.all()) {
    if (process.kernel || process.ended) continue;
    const sockets = socketsOf(`${table.proc}/${process.pid}`);
    if (typeof sockets === 'string') unreadable = true;
    else if (sockets.inodes.some((inode) => inodes.has(inode))) holders.push(process);
  }
  return { listening: true, holders, unreadable };
}
