/**
 * PgBouncer, through its console. It takes plain text queries only, one at a time, and has added columns with most of its versions: what
 * is not there is not told.
 */
import { defineMetrics } from '../catalog.ts';
import type { Session as ClientSession, SessionList } from '../servers.ts';
import { amount, type Figures, num, type Stamp, text } from './postgres-figures.ts';
import { APPLICATION, type Row, type Session } from './postgres-session.ts';
import type { Sink } from './source.ts';

const PANEL = 'PgBouncer';

const CLIENT_STATES = ['active', 'waiting'] as const;
const SERVER_STATES = ['active', 'idle', 'used', 'tested', 'login'] as const;

export const METRICS = defineMetrics({
  clients: {
    name: 'pgbouncer.client.connections',
    unit: '{connection}',
    kind: 'gauge',
    help: 'Connections of clients to the pooler: those that have a server connection or want none, and those that wait for one.',
    labels: { state: CLIENT_STATES },
    growth: 'none',
    alias: 'pgbouncer.clients',
    panel: PANEL,
  },
  servers: {
    name: 'pgbouncer.server.connections',
    unit: '{connection}',
    kind: 'gauge',
    help: 'Connections of the pooler to Postgres by state.',
    labels: { state: SERVER_STATES },
    growth: 'none',
    panel: PANEL,
  },
  maxWait: {
    name: 'pgbouncer.client.max_wait',
    unit: 's',
    kind: 'gauge',
    help: 'How long the first client in the queue has waited for a server connection; 0 when none waits.',
    growth: 'none',
    alias: 'pgbouncer.max_wait',
    panel: PANEL,
  },
  queries: {
    name: 'pgbouncer.queries',
    unit: '{query}',
    kind: 'counter',
    help: 'Queries pooled, of all databases.',
    growth: 'none',
    panel: PANEL,
  },
  transactions: {
    name: 'pgbouncer.transactions',
    unit: '{transaction}',
    kind: 'counter',
    help: 'Transactions pooled, of all databases.',
    growth: 'none',
    panel: PANEL,
  },
  waitTime: {
    name: 'pgbouncer.client.wait_time',
    unit: 's',
    kind: 'counter',
    help: 'Time that clients have waited for a server connection.',
    growth: 'drift',
    panel: PANEL,
  },
  pools: {
    name: 'pgbouncer.pools',
    unit: '{pool}',
    kind: 'gauge',
    help: 'Pools: one for each pair of database and user.',
    growth: 'none',
    panel: PANEL,
  },
});

/** Clients that are listed, as for Postgres. */
const CLIENTS_MAX = 2000;

export class Bouncer {
  readonly #session: Session;
  readonly #figures: Figures;
  readonly #period: number;
  /** By identity: when it was first seen, and its last request as the console writes it with when that was first seen. */
  #clients = new Map<string, { since: number | null; request: string; at: number | null }>();
  #looked = false;

  constructor(session: Session, figures: Figures, period: number) {
    this.#session = session;
    this.#figures = figures;
    this.#period = period;
  }

  /** `PgBouncer 1.18.0`. @throws {Unreachable | Refused} when it is no console */
  static async versionOf(session: Session): Promise<string> {
    const [[row] = []] = await session.query(['SHOW VERSION']);
    return text(row, 'version') ?? 'PgBouncer';
  }

  /** @throws {Unreachable | Refused} */
  async read(sink: Sink): Promise<void> {
    const pools = await this.#show('POOLS');
    this.#tellPools(pools.filter(isOthers), { sink, at: sink.now(), period: this.#period });
    const stats = await this.#show('STATS');
    this.#tellStats(stats.filter(isOthers), { sink, at: sink.now(), period: this.#period });
    const lists = await this.#show('LISTS');
    const count = lists.find((row) => row['list'] === 'pools');
    this.#figures.set({ sink, at: sink.now(), period: this.#period }, METRICS.pools, amount(count, 'items'));
  }

  /** Its clients as sessions; that of a client which has a server connection bears the pid of its backend. @throws {Unreachable | Refused} */
  async sessions(now: () => number): Promise<SessionList> {
    const [clients, servers] = [await this.#show('CLIENTS'), await this.#show('SERVERS')];
    const at = now();
    const backends = new Map(servers.map((row) => [text(row, 'ptr'), num(row, 'remote_pid')]));
    const listed = clients.filter(isOthers).slice(0, CLIENTS_MAX);
    const before = this.#clients;
    this.#clients = new Map();
    const sessions = listed.map((row) => this.#client(row, at, before, backends));
    this.#looked = true;
    return { at, sessions, complete: clients.length <= CLIENTS_MAX };
  }

  async #show(what: string): Promise<readonly Row[]> {
    const [rows = []] = await this.#session.query([`SHOW ${what}`]);
    return rows;
  }

  #tellPools(pools: readonly Row[], stamp: Stamp): void {
    for (const state of CLIENT_STATES) this.#figures.set(stamp, METRICS.clients, sum(pools, `cl_${state}`), { state });
    for (const state of SERVER_STATES) this.#figures.set(stamp, METRICS.servers, sum(pools, `sv_${state}`), { state });
    const waits = pools.map((row) => (amount(row, 'maxwait') ?? 0) + (amount(row, 'maxwait_us') ?? 0) / 1e6);
    this.#figures.set(stamp, METRICS.maxWait, Math.max(0, ...waits));
  }

  #tellStats(stats: readonly Row[], stamp: Stamp): void {
    this.#figures.set(stamp, METRICS.queries, total(stats, 'total_query_count'));
    this.#figures.set(stamp, METRICS.transactions, total(stats, 'total_xact_count'));
    const waited = total(stats, 'total_wait_time'); // microseconds
    this.#figures.set(stamp, METRICS.waitTime, waited === null ? null : waited / 1e6);
  }

  /** The console writes times of its own zone: what is told is when we saw them change. */
  #client(
    row: Row,
    at: number,
    before: ReadonlyMap<string, { since: number | null; request: string; at: number | null }>,
    backends: ReadonlyMap<string | null, number | null>,
  ): ClientSession {
    const id = `${text(row, 'ptr')} ${text(row, 'connect_time')}`;
    const request = text(row, 'request_time') ?? '';
    const known = before.get(id);
    const since = known ? known.since : this.#looked ? at : null;
    const changed = known && known.request === request ? known.at : known || this.#looked ? at : null;
    this.#clients.set(id, { since, request, at: changed });
    const link = text(row, 'link') ?? '';
    const [address, port, application] = [text(row, 'addr'), num(row, 'port'), text(row, 'application_name')];
    return {
      id,
      pid: link === '' ? null : (backends.get(link) ?? null),
      peer: address === 'unix' ? 'unix' : address === null || port === null ? null : { address, port },
      user: text(row, 'user'),
      database: text(row, 'database'),
      application,
      state: row['state'] === 'waiting' ? 'waiting_lock' : link === '' ? 'idle' : 'active',
      openedAt: since,
      changedAt: changed,
      transactionAt: null,
      queryHash: null,
      listens: false,
      ours: application === APPLICATION,
    };
  }
}

/** The console is a database of its own, and whoever asks there is its client. */
function isOthers(row: Row): boolean {
  return text(row, 'database') !== 'pgbouncer';
}

function sum(rows: readonly Row[], column: string): number | null {
  return rows.some((row) => amount(row, column) === null) ? null : rows.reduce((all, row) => all + (amount(row, column) ?? 0), 0);
}

/** Totals are 8 bytes, which come as text. */
function total(rows: readonly Row[], column: string): number | null {
  const values = rows.map((row) => (/^\d+$/.test(text(row, column) ?? '') ? Number(text(row, column)) : amount(row, column)));
  return values.some((value) => value === null) ? null : values.reduce<number>((all, value) => all + (value ?? 0), 0);
}
