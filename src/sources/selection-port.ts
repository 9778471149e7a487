/**
 * Who listens on a TCP port: the sockets of a network namespace, joined by inode with the descriptors of processes. To look at those of all
 * processes takes 0.1 s where there are a thousand of them, so each is remembered.
 */
import { socketsOf } from '../sockets/owners.ts';
import { namespaceOf, readListening } from '../sockets/tables.ts';
import type { ProcessInfo, ProcessTable } from './selection-table.ts';

export interface Holders {
  readonly listening: boolean;
  readonly holders: readonly ProcessInfo[];
  /** Descriptors of some process could not be looked at. */
  readonly unreadable: boolean;
}

/**
 * A descriptor may be passed to a process that has none: each is looked at anew with every so many looks, which come every 10 s (5 minutes, as in
 * sockets/owners.ts), or every second after a process has ended.
 */
const LOOKS_BETWEEN = 30;

/** A program that takes over from another is given its sockets when it has started. */
const LOOKS_AT_FIRST = 2;

/** What a process was found to have. */
interface Looked {
  readonly startTime: number;
  /** Of its sockets those that listen on the port; null when this user may not see them. */
  readonly inodes: readonly number[] | null;
  readonly looks: number;
}

/** Finds the holders of one port, look after look. */
export class PortHolders {
  readonly #port: number;
  #inodes: ReadonlySet<number> = new Set();
  #looked: ReadonlyMap<number, Looked> = new Map();
  #look = 0;

  constructor(port: number) {
    this.#port = port;
  }

  /** Looks in the agent's own network namespace first, then in those of the other processes. */
  find(table: ProcessTable): Holders {
    const inodes = this.#listeners(table);
    // Any process may have made a socket that was not there.
    const before: ReadonlyMap<number, Looked> = [...inodes].every((inode) => this.#inodes.has(inode)) ? this.#looked : new Map();
    const candidates = inodes.size === 0 ? [] : table.all().filter(({ kernel, ended }) => !kernel && !ended);
    const looked = new Map(candidates.map((process) => [process.pid, this.#lookAt(table, process, inodes, before.get(process.pid))]));
    const holds = ({ pid }: ProcessInfo): boolean => looked.get(pid)!.inodes?.some((inode) => inodes.has(inode)) === true;
    this.#inodes = inodes;
    this.#looked = looked;
    this.#look++;
    return {
      listening: inodes.size > 0,
      holders: candidates.filter(holds),
      unreadable: [...looked.values()].some((one) => one.inodes === null),
    };
  }

  #lookAt({ proc }: ProcessTable, { pid, startTime }: ProcessInfo, wanted: ReadonlySet<number>, last: Looked | undefined): Looked {
    const known = last?.startTime === startTime ? last : undefined;
    const isDue = (pid + this.#look) % LOOKS_BETWEEN === 0;
    if (known !== undefined && known.looks >= LOOKS_AT_FIRST && !isDue) return known;
    const sockets = socketsOf(`${proc}/${pid}`);
    const inodes = typeof sockets === 'string' ? null : sockets.inodes.filter((inode) => wanted.has(inode));
    return { startTime, inodes, looks: (known?.looks ?? 0) + 1 };
  }

  #listeners(table: ProcessTable): Set<number> {
    const own = listeners(`${table.proc}/net`, this.#port);
    if (own.size > 0) return own;
    for (const folder of otherNamespaces(table)) {
      const inodes = listeners(folder, this.#port);
      if (inodes.size > 0) return inodes;
    }
    return own;
  }
}

function listeners(folder: string, port: number): Set<number> {
  const rows = ['tcp', 'tcp6'].flatMap((file) => readListening(`${folder}/${file}`));
  return new Set(rows.filter(({ local, inode }) => local.port === port && inode !== 0).map(({ inode }) => inode));
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
