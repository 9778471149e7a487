/**
 * The pool source beside real servers and applications, with selection, processes, loop and judge as in a run, but with the plainest
 * lists of sessions: what the sources of the servers make of outages, rights and versions is not what is tested here.
 */
import pg from 'pg';
import { Judge } from '../../src/analysis/judge.ts';
import type { Verdict } from '../../src/analysis/verdict.ts';
import { SystemClock } from '../../src/clock.ts';
import { SILENT } from '../../src/log.ts';
import { Loop, RunTime } from '../../src/loop.ts';
import { RunState } from '../../src/runstate.ts';
import { type Server, Servers, type Session, type SessionList } from '../../src/servers.ts';
import { Sockets } from '../../src/sockets/sockets.ts';
import { poolSource } from '../../src/sources/pool.ts';
import { processSource } from '../../src/sources/process.ts';
import { selectionSource } from '../../src/sources/selection.ts';
import { Targets } from '../../src/targets.ts';
import type { RunEvent } from '../../src/tick.ts';

const ACTIVITY = `
  SELECT pid, usename, datname, application_name, host(client_addr) AS address, client_port AS port, state, wait_event_type AS waits,
         extract(epoch FROM clock_timestamp() - backend_start)::float AS opened, extract(epoch FROM clock_timestamp() - state_change)::float AS changed,
         extract(epoch FROM clock_timestamp() - xact_start)::float AS transaction, query ~* '^\\s*listen' AS listens, pid = pg_backend_pid() AS ours
  FROM pg_stat_activity WHERE backend_type = 'client backend'`;

interface Activity {
  readonly pid: number;
  readonly usename: string;
  readonly datname: string;
  readonly application_name: string;
  readonly address: string | null;
  readonly port: number;
  readonly state: string;
  readonly waits: string | null;
  readonly opened: number;
  readonly changed: number | null;
  readonly transaction: number | null;
  readonly listens: boolean;
  readonly ours: boolean;
}

function sessionOf(row: Activity, at: number): Session {
  const since = (age: number | null): number | null => (age === null ? null : at - age);
  return {
    id: `${row.pid}@${Math.round((at - row.opened) * 10)}`,
    pid: row.pid,
    peer: row.address === null ? 'unix' : { address: row.address, port: row.port },
    user: row.usename,
    database: row.datname,
    application: row.application_name || null,
    state:
      row.waits === 'Lock'
        ? 'waiting_lock'
        : row.state.startsWith('idle in')
          ? 'idle_in_transaction'
          : row.state === 'active'
            ? 'active'
            : 'idle',
    openedAt: since(row.opened),
    changedAt: since(row.changed),
    transactionAt: since(row.transaction),
    queryHash: null,
    listens: row.listens,
    ours: row.ours,
  };
}

/** A server, and the plainest way to list its sessions. */
export interface Listed {
  readonly name: string;
  readonly system: Server['system'];
  readonly endpoints: Server['endpoints'];
  /** @param now run time, asked when the answer is there */
  readonly sessions: (now: () => number) => Promise<SessionList>;
  readonly close: () => Promise<unknown>;
}

export async function listedPostgres(name: string, url: string): Promise<Listed> {
  const db = new pg.Client({ connectionString: url, application_name: 'soak-agent' });
  await db.connect();
  return {
    name,
    system: 'postgresql',
    endpoints: [{ address: '127.0.0.1', port: Number(new URL(url).port) }],
    sessions: async (now) => {
      const { rows } = await db.query<Activity>(ACTIVITY);
      const at = now();
      return { at, sessions: rows.map((row) => sessionOf(row, at)), complete: true };
    },
    close: () => db.end(),
  };
}

interface BouncerRow {
  readonly addr: string;
  readonly port: number;
  readonly ptr: string;
  readonly link: string;
  readonly database: string;
  readonly user: string;
  readonly remote_pid: number;
}

/** The console takes plain text only, one query at a time. */
export async function listedBouncer(name: string, console: string, port: number): Promise<Listed> {
  const db = new pg.Client({ connectionString: console });
  await db.connect();
  return {
    name,
    system: 'pgbouncer',
    endpoints: [{ address: '127.0.0.1', port }],
    sessions: async (now) => {
      const { rows: clients } = await db.query<BouncerRow>('SHOW CLIENTS');
      const { rows: servers } = await db.query<BouncerRow>('SHOW SERVERS');
      const backends = new Map(servers.map(({ ptr, remote_pid }) => [ptr, remote_pid]));
      const others = clients.filter(({ database }) => database !== 'pgbouncer');
      const sessions = others.map(({ addr, port: at, ptr, link, database, user }): Session => {
        const known = {
          application: null,
          transactionAt: null,
          queryHash: null,
          listens: false,
          ours: false,
          openedAt: null,
          changedAt: null,
        };
        return { ...known, id: ptr, pid: backends.get(link) ?? null, peer: { address: addr, port: at }, user, database, state: 'idle' };
      });
      return { at: now(), sessions, complete: true };
    },
    close: () => db.end(),
  };
}

export interface Watched {
  readonly role: string;
  readonly pid: number;
}

export class PoolWatch {
  readonly state: RunState;
  readonly events: RunEvent[] = [];
  readonly #clock = new SystemClock();
  readonly #loop: Loop;
  readonly #start: number;
  readonly #planned: number;
  readonly #servers: readonly Listed[];

  constructor(watched: readonly Watched[], listed: readonly Listed[], planned: number) {
    this.#planned = planned;
    this.#servers = listed;
    this.state = new RunState(
      new Judge({ requiredLifetime: 14 * 86_400, plannedEnd: planned, warmup: null, rules: [], required: [], interval: 1 }),
    );
    const { series } = this.state;
    const spec = { url: '', passwordFile: null, display: '', gauges: [], keys: [] };
    const specs = listed.map(({ name, system }) => ({ ...spec, name, system: system === 'redis' ? system : ('postgresql' as const) }));
    const servers = new Servers(specs);
    const targets = new Targets(watched.map(({ role, pid }) => ({ role, selector: { kind: 'pid', pid }, many: false, children: false })));
    const ctx = { series, targets, servers, clock: this.#clock, log: SILENT, roots: { proc: '/proc', sys: '/sys' } };
    const sources = [selectionSource(ctx), processSource(ctx, { period: 1 }), poolSource(ctx, { planned, sockets: new Sockets(ctx) })];
    this.#loop = new Loop({ clock: this.#clock, time: new RunTime(this.#clock), sources, state: this.state, record: null, interval: 1 });
    servers.all().forEach((server, i) => {
      const { system, endpoints, sessions } = listed[i]!;
      server.system = system;
      server.endpoints = endpoints;
      server.sessions = () => sessions(() => this.#loop.now());
    });
    this.#start = this.#clock.wall() - this.#loop.now();
    for (const source of sources) void source.open(this.#loop);
  }

  /** Watches for so long; `each` is called after every tick with the wall time in milliseconds. */
  async watch(seconds: number, each: () => void = () => {}): Promise<void> {
    const stop = new AbortController();
    await this.#loop.run(stop.signal, () => {
      for (const event of this.state.events)
        if (event.kind.startsWith('connection_') && !this.events.includes(event)) this.events.push(event);
      each();
      if (this.#loop.now() >= seconds) stop.abort();
    });
  }

  /** Connections of a role to a server by state, when they were last read, in milliseconds since the epoch. */
  connections(
    role: string,
    server: string,
  ): { readonly counts: Readonly<Record<string, number>>; readonly total: number; readonly at: number } {
    const own = this.state.series
      .all()
      .filter(({ def, target, labels }) => def.name === 'soak.pool.connections' && target === role && labels['soak.server'] === server);
    const counts: Record<string, number> = {};
    for (const { id, labels } of own) counts[labels['soak.pool.state']!] = this.state.store.value(id);
    const at = Math.max(...own.map(({ id }) => this.state.store.at(id)));
    return { counts, total: Object.values(counts).reduce((sum, count) => sum + count, 0), at: (this.#start + at) * 1000 };
  }

  verdict(): Verdict {
    const run = { id: 'e2e', start: this.#start, end: this.#start + this.state.t, planned: this.#planned, agent: '0', configHash: '0' };
    return this.state.judge.verdict(run, this.state);
  }

  async close(): Promise<void> {
    this.#loop.schedule.abort();
    for (const { close } of this.#servers) await close();
  }
}
