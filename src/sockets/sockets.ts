/**
 * The TCP sockets of the watched processes, for all sources that look at them: one table per network namespace and round, and one
 * memory of who holds what. `sources/index.ts` makes one and gives it to each of them.
 */
import type { Clock } from '../clock.ts';
import type { Proc, Targets } from '../targets.ts';
import { type Ownership, SocketOwners } from './owners.ts';
import { type Enough, type NamespaceTable, SocketTables } from './tables.ts';
import type { TcpRow } from './tcptable.ts';

export interface SocketContext {
  readonly clock: Clock;
  readonly targets: Targets;
  readonly roots: { readonly proc: string };
}

/** A network namespace with watched processes in it, and who of them holds which socket. */
export interface NamespaceSockets extends Ownership {
  readonly table: NamespaceTable;
  /** A process that serves several roles is here once: compare by pid. */
  readonly procs: readonly Proc[];
}

export class Sockets {
  readonly tables: SocketTables;
  readonly owners: SocketOwners;
  readonly #targets: Targets;

  /** @param share of a core that all tables may take */
  constructor(ctx: SocketContext, share?: number) {
    this.tables = new SocketTables(ctx, share);
    this.owners = new SocketOwners(ctx, this.tables);
    this.#targets = ctx.targets;
  }

  /**
   * Every namespace of the bound processes. A process that has ended, or that /proc hides, is in none.
   * @param matters rows whose owner is asked for; fewer means fewer walks of descriptors
   * @param enough as in `SocketTables.read`
   */
  read(matters: (row: TcpRow) => boolean = () => true, enough: Enough = {}): NamespaceSockets[] {
    return [...this.#namespaces().values()].flatMap((procs) => {
      const table = this.#table(procs, enough);
      return table === null ? [] : [{ table, procs, ...this.owners.ownersOf(table, procs, table.rows.filter(matters)) }];
    });
  }

  #table(procs: readonly Proc[], enough: Enough): NamespaceTable | null {
    for (const { pid } of procs) {
      const table = this.tables.read(pid, enough);
      if (table !== null) return table;
    }
    return null;
  }

  #namespaces(): Map<string, Proc[]> {
    const pids = new Map(this.#targets.all().flatMap(({ procs }) => procs.map((proc) => [proc.pid, proc] as const)));
    const namespaces = new Map<string, Proc[]>();
    for (const proc of pids.values()) {
      const namespace = this.tables.namespaceOf(proc.pid);
      if (namespace === null) continue;
      const members = namespaces.get(namespace);
      if (members) members.push(proc);
      else namespaces.set(namespace, [proc]);
    }
    return namespaces;
  }
}
