/**
 * All TCP sockets of the network namespace that the agent is in, but for its own, as those of one role: in a pod whose containers do not share
 * their processes they are the pod's. Which process holds them is not known, and not needed for one that gives no connection back.
 */
import { socketsOf } from '../sockets/owners.ts';
import type { NamespaceTable } from '../sockets/tables.ts';
import type { Sockets } from '../sockets/sockets.ts';
import { countSockets } from './sockets-count.ts';
import { ephemeralPortLimit } from './sockets-kernel.ts';
import { ServerNames } from './sockets-names.ts';
import { RoleSockets } from './sockets-role.ts';
import { blindSpots, type Sink, type Source, type SourceContext } from './source.ts';

/** Seconds. A read takes 3 ms, as in `sockets.ts`. */
const PERIOD_S = 15;

/** Stands for all processes that cannot be seen; none has this pid. */
const EVERYBODY = { pid: 0, member: null } as const;

export interface NetworkOptions {
  readonly sockets: Sockets;
  readonly role: string;
  /** Run time from which on no endpoint is given a name. */
  readonly frozenFrom: number;
}

export function networkSource(ctx: SourceContext, options: NetworkOptions): Source {
  return new NetworkSource(ctx, options);
}

class NetworkSource implements Source {
  readonly name = 'network';
  readonly period = PERIOD_S;
  readonly #ctx: SourceContext;
  readonly #options: NetworkOptions;
  readonly #blind = blindSpots();
  #everybody: RoleSockets | null = null;
  /** Ports that are listened on, and those that were and still have connections. */
  #listened: ReadonlySet<number> = new Set();

  constructor(ctx: SourceContext, options: NetworkOptions) {
    this.#ctx = ctx;
    this.#options = options;
  }

  open(): void {
    const { role } = this.#options;
    this.#everybody = new RoleSockets({ series: this.#ctx.series, period: PERIOD_S }, { role, procs: [EVERYBODY] });
  }

  read(sink: Sink): void {
    const { proc } = this.#ctx.roots;
    const table = this.#options.sockets.tables.read('self');
    const own = socketsOf(`${proc}/self`);
    if (table === null || typeof own === 'string') {
      const reason = `${proc}/self cannot be read${typeof own === 'string' ? ` (${own})` : ''}`;
      this.#blind(sink, 'soak.socket.*', reason, { target: this.#options.role });
    } else this.#report(sink, table, new Set(own.inodes));
  }

  close(): void {}

  #report(sink: Sink, table: NamespaceTable, own: ReadonlySet<number>): void {
    const before = this.#listened;
    const heard = table.rows.filter(({ state, local }) => state === 'listen' || before.has(local.port));
    this.#listened = new Set(heard.map(({ local }) => local.port));
    const others = table.rows.filter(({ inode }) => inode !== 0 && !own.has(inode));
    const owners = new Map(others.map(({ inode }) => [inode, EVERYBODY.pid]));
    const counts = countSockets({ table, procs: [EVERYBODY], owners }, this.#listened);
    const held = counts.held.get(EVERYBODY.pid)!;
    this.#everybody?.report(sink, {
      places: [{ counts, own: true, timeWaits: !table.timeWaitsCapped }],
      held: new Map([[EVERYBODY.pid, table.capped ? null : { held, own: true }]]),
      servers: new ServerNames(this.#ctx.servers),
      portLimit: ephemeralPortLimit(this.#ctx.roots.proc),
      at: sink.now() - (this.#ctx.clock.monotonic() - table.at),
      frozen: sink.now() >= this.#options.frozenFrom,
    });
  }
}
