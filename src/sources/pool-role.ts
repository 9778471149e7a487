/** The pools of one role: groups its connections by process, server, database and user, and adds them up for the role. */
import type { SessionList, Server, Session } from '../servers.ts';
import type { Owner, SeriesTable } from '../series.ts';
import type { Proc, Target } from '../targets.ts';
import { PoolEvents } from './pool-events.ts';
import { type Member, tallyOf } from './pool-evidence.ts';
import type { Connection } from './pool-join.ts';
import { METRICS, POOLS_MAX } from './pool-metrics.ts';
import { type PoolSetting, ProcessPool } from './pool-process.ts';
import { type Labels, PoolSeries, type ProcessFigures, sumOf } from './pool-series.ts';
import type { Sink } from './source.ts';

/** Below this share of joined sockets nothing is said of stuck connections. */
export const JOIN_MIN = 0.9;

const OTHER = 'other';

/** What one server has for a role now. */
export interface RoleView {
  readonly server: Server;
  readonly list: SessionList;
  /** Run time at which the sockets were read: how many there are is told of then, what the sessions do is of the time of the list. */
  readonly at: number;
  /** Of all processes of the role. */
  readonly connections: readonly Connection[];
  readonly isOpen: (id: string) => boolean;
  /** Sockets without a session, by process. */
  readonly unmatched: ReadonlyMap<number, number>;
  /** Of sockets that two readings saw; null without any. */
  readonly ratio: number | null;
  /** Known to be the role's by their application's name alone. */
  readonly named: readonly Session[];
}

export class RolePools {
  readonly #table: SeriesTable;
  readonly #target: Target;
  readonly #period: number;
  readonly #settingOf: (server: Server) => PoolSetting;
  readonly #events: PoolEvents;
  readonly #pools = new Map<string, Pool>();
  readonly #names = new Map<string, string>();
  readonly #unmatched = new Map<string, number>();

  constructor(table: SeriesTable, target: Target, period: number, settingOf: (server: Server) => PoolSetting) {
    this.#table = table;
    this.#target = target;
    this.#period = period;
    this.#settingOf = settingOf;
    this.#events = new PoolEvents(target.role);
  }

  /** Whether something happened that is worth a closer look. */
  update(sink: Sink, view: RoleView, before: number): boolean {
    const { server, list, at, connections, ratio } = view;
    const certain = list.complete && (ratio === null || ratio >= JOIN_MIN);
    const byPool = Map.groupBy(connections, ({ session }) => this.#poolOf(server, session));
    let notable = false;
    for (const pool of this.#pools.values()) {
      if (pool.server !== server) continue;
      const own = byPool.get(pool) ?? [];
      if (list.complete) notable = pool.update(sink, own, view, { procs: this.#target.procs, certain, before }) || notable;
      else if (own.length > 0)
        pool.setCounts(
          sink,
          tallyOf(
            list.at,
            own.map(({ session }) => session),
          ),
          at,
        );
    }
    for (const [pool, own] of Map.groupBy(view.named, (session) => this.#poolOf(server, session)))
      pool.setCounts(sink, tallyOf(list.at, own), at);
    this.#setUnmatched(sink, view);
    if (ratio !== null) sink.set(this.#table.open(this.#owner(null), METRICS.joinRatio, { 'soak.server': server.spec.name }), ratio, at);
    return notable;
  }

  /** Pools beyond the cap are one. */
  #poolOf(server: Server, { database, user }: Session): Pool {
    const name = `${server.spec.name}\0${database ?? ''}\0${user ?? ''}`; // asked of every connection, so it is no JSON
    const key = this.#names.get(name) ?? (this.#names.size < POOLS_MAX ? name : server.spec.name);
    if (this.#names.size < POOLS_MAX) this.#names.set(name, key);
    const known = this.#pools.get(key);
    if (known) return known;
    const isOther = key !== name;
    const labels: Labels = {
      'soak.server': server.spec.name,
      'db.system.name': server.spec.system,
      'db.namespace': isOther ? OTHER : (database ?? ''),
      'user.name': isOther ? OTHER : (user ?? ''),
    };
    const { spec } = this.#target;
    const setting = this.#settingOf(server);
    const reported = (): number | null => (this.#hasOnePool() ? setting.reported() : null);
    const pool = new Pool(server, labels, { ...setting, reported }, this.#events, spec.many || spec.children, (member) => {
      return new PoolSeries(this.#table, this.#owner(member), labels);
    });
    this.#pools.set(key, pool);
    return pool;
  }

  /** Of a program with several processes or pools nobody knows which of them its own metrics mean. */
  #hasOnePool(): boolean {
    const pools = [...this.#pools.values()].filter(({ server }) => server.spec.system !== 'redis');
    return pools.length === 1 && this.#target.procs.length === 1;
  }

  /** What the server does not list has neither a database nor a user. */
  #setUnmatched(sink: Sink, { server, unmatched, at, connections }: RoleView): void {
    const { name, system } = server.spec;
    let count = 0;
    for (const { pid } of this.#target.procs) count += unmatched.get(pid) ?? 0;
    let id = this.#unmatched.get(name);
    if (id === undefined) {
      if (count === 0 && connections.length === 0) return;
      const pool: Labels = { 'soak.server': name, 'db.system.name': system, 'db.namespace': '', 'user.name': '' };
      id = this.#table.open(this.#owner(null), METRICS.connections, { ...pool, 'soak.pool.state': 'unmatched' });
      this.#unmatched.set(name, id);
    }
    sink.set(id, count, at);
  }

  #owner(member: string | null): Owner {
    return { source: 'pool', target: this.#target.role, member, period: this.#period };
  }
}

interface Round {
  readonly procs: readonly Proc[];
  readonly certain: boolean;
  /** Run time of the reading before. */
  readonly before: number;
}

class Pool {
  readonly server: Server;
  readonly #labels: Labels;
  readonly #setting: PoolSetting;
  readonly #events: PoolEvents;
  readonly #many: boolean;
  readonly #seriesOf: (member: string | null) => PoolSeries;
  readonly #processes = new Map<Proc, ProcessPool>();
  readonly #series = new Map<string | null, PoolSeries>();
  #stood = false;

  constructor(
    server: Server,
    labels: Labels,
    setting: PoolSetting,
    events: PoolEvents,
    many: boolean,
    seriesOf: (member: string | null) => PoolSeries,
  ) {
    this.server = server;
    this.#labels = labels;
    this.#setting = setting;
    this.#events = events;
    this.#many = many;
    this.#seriesOf = seriesOf;
  }

  update(sink: Sink, connections: readonly Connection[], { list, at, isOpen }: RoleView, { procs, certain, before }: Round): boolean {
    let notable = this.#endOthers(sink, procs, list.at);
    const byPid = Map.groupBy(connections, ({ pid }) => pid);
    const parts: { member: string | null; figures: ProcessFigures }[] = [];
    for (const proc of procs) {
      const members: readonly Member[] = byPid.get(proc.pid) ?? [];
      const known = this.#processes.get(proc);
      if (!known && members.length === 0) continue;
      const process = known ?? new ProcessPool(this.#setting, before);
      this.#processes.set(proc, process);
      const { figures, changes } = process.update(list.at, members, isOpen);
      for (const change of certain ? changes : []) this.#events.tell(sink, change, this.#labels, proc);
      notable ||= certain && changes.length > 0;
      parts.push({ member: proc.member, figures });
    }
    if (parts.length === 0) return notable;
    const sum = sumOf(parts.map(({ figures }) => figures));
    this.#at(null).set(sink, sum, certain, at);
    if (this.#many) {
      for (const [member, own] of Map.groupBy(parts, (part) => part.member)) {
        if (member !== null) this.#at(member).set(sink, sumOf(own.map(({ figures }) => figures)), certain, at);
      }
    }
    const stands = (sum.standstill ?? 0) > 0;
    notable ||= stands && !this.#stood;
    this.#stood = stands;
    return notable;
  }

  setCounts(sink: Sink, tally: Parameters<PoolSeries['setCounts']>[1], at: number): void {
    this.#at(null).setCounts(sink, tally, at);
  }

  /** Processes that are gone have given back everything. */
  #endOthers(sink: Sink, procs: readonly Proc[], at: number): boolean {
    let ended = false;
    for (const [proc, process] of this.#processes) {
      if (procs.includes(proc)) continue;
      for (const change of process.end(at)) this.#events.tell(sink, change, this.#labels, proc);
      this.#processes.delete(proc);
      ended = true;
    }
    return ended;
  }

  #at(member: string | null): PoolSeries {
    const series = this.#series.get(member) ?? this.#seriesOf(member);
    this.#series.set(member, series);
    return series;
  }
}
