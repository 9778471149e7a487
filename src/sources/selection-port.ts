/** Who listens on a TCP port: sockets of `/proc/net/tcp`, joined by inode with the descriptors of processes. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { isGone } from './proc-reader.ts';
import type { ProcessInfo, ProcessTable } from './selection-table.ts';

/** The state of a listening socket: TCP_LISTEN of the kernel's tcp_states.h. */
const LISTEN = '0A';

/**
 * Inodes of the sockets that listen on the port. Columns: slot, local address:port, remote, state, queues, timer, retransmits, uid,
 * timeout, inode.
 */
export function parseListeners(text: string, port: number): string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return text.split('\n').flatMap((line) => {
    if (!line.includes(suffix)) return [];
    const [slot, local, , state, , , , , , inode] = line.trimStart().split(/\s+/);
    const listens = /^\d+:$/.test(slot ?? '') && local?.endsWith(suffix) && state === LISTEN;
    return listens && inode !== undefined && /^[1-9]\d*$/.test(inode) ? [inode] : [];
  });
}

export interface Holders {
  readonly listening: boolean;
  readonly holders: readonly ProcessInfo[];
  /** Descriptors of some process could not be looked at. */
  readonly unreadable: boolean;
}

/** Looks in the agent's own network namespace first, then in those of the other processes. */
export function holdersOfPort(table: ProcessTable, port: number): Holders {
  const own = inodesIn(`${table.proc}/net`, port);
  if (own.size > 0) return holdersOf(table, own);
  for (const folder of otherNamespaces(table)) {
    const inodes = inodesIn(folder, port);
    if (inodes.size > 0) return holdersOf(table, inodes);
  }
  return { listening: false, holders: [], unreadable: false };
}

function inodesIn(folder: string, port: number): Set<string> {
  const inodes = new Set<string>();
  for (const file of ['tcp', 'tcp6']) {
    try {
      for (const inode of parseListeners(readFileSync(`${folder}/${file}`, 'latin1'), port)) inodes.add(inode);
    } catch {
      // no IPv6 here, or the process has ended
    }
  }
  return inodes;
}

/** One `net` folder for each network namespace that is not our own and can be told apart. */
function otherNamespaces(table: ProcessTable): string[] {
  const own = namespaceOf(`${table.proc}/self`);
  const folders = new Map<string, string>();
  for (const { pid, kernel, ended } of table.all()) {
    const namespace = kernel || ended ? null : namespaceOf(`${table.proc}/${pid}`);
    if (namespace !== null && namespace !== own && !folders.has(namespace)) folders.set(namespace, `${table.proc}/${pid}/net`);
  }
  return [...folders.values()];
}

function namespaceOf(folder: string): string | null {
  try {
    return readlinkSync(`${folder}/ns/net`);
  } catch {
    return null;
  }
}

function holdersOf(table: ProcessTable, inodes: ReadonlySet<string>): Holders {
  const sockets = new Set([...inodes].map((inode) => `socket:[${inode}]`));
  const holders: ProcessInfo[] = [];
  let unreadable = false;
  for (const process of table.all()) {
    if (process.kernel || process.ended) continue;
    const links = linksOf(`${table.proc}/${process.pid}/fd`);
    if (links === null) unreadable = true;
    else if (links.some((link) => sockets.has(link))) holders.push(process);
  }
  return { listening: true, holders, unreadable };
}

/** Null when this user may not look; what was closed or has ended in the meantime is left out. */
function linksOf(folder: string): string[] | null {
  try {
    return readdirSync(folder).flatMap((name) => linkOf(`${folder}/${name}`));
  } catch (error) {
    return isGone(error) ? [] : null;
  }
}

function linkOf(path: string): string[] {
  try {
    return [readlinkSync(path)];
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}
