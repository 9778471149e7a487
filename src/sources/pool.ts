/**
 * The pools of connections that the targets have to the watched servers, seen from outside: their sockets joined with the sessions that
 * the servers list. What shows that a connection was not given back is in `pool-evidence.ts`.
 */
import { paced, POOL_WINDOW_S, TRIAL_S } from '../pace.ts';
import type { Server, Session, SessionList } from '../servers.ts';
import type { NamespaceSockets, Sockets } from '../sockets/sockets.ts';
import type { TcpRow } from '../sockets/tcptable.ts';
import type { Target } from '../targets.ts';
import { behindBouncer, type Held, join, type Joined, sessionsNamed } from './pool-join.ts';
import { METRICS } from './pool-metrics.ts';
import type { PoolSetting } from './pool-process.ts';
import { JOIN_MIN, RolePools, type RoleView } from './pool-role.ts';
import { UnixJoin } from './pool-unix.ts';
import { blindSpots, type Sink, type Source, type SourceContext } from './source.ts';

export { METRICS };

/** Seconds between reads: in a soak, and in a trial or after something happened. */
const PERIOD_S = 5;
const CLOSE_PERIOD_S = 1;

/** A closer look lasts so long, and comes at most so often: a tenth of the time at 2 to 5 ms a reading. */
const BURST_S = 30;
const BURST_EVERY_S = 300;

/**
 * While the server lists the sessions that it listed before, and each socket had one of them, the sockets are the same: their table, which
 * is most of what a reading costs, is read only every third time then. A client that goes while its session stays, because the
 * backend is at work and has not seen it go, is seen so much later.
 */
const SAME_MAX = 2;

/** Seconds that a connection must be left alone to count as stuck. */
const PATIENCE_S = { trial: 15, soak: 60 } as const;

/**
 * Seconds by which times of the server may be wrong against each other; see `Rule` in `pool-evidence.ts`. Redis tells ages in whole seconds,
 * and its answer, from which they are counted back, may come 2 s late (`COMMAND_MS`); PgBouncer tells its times in whole seconds.
 */
const TOLERANCE_S = { redis: 3, postgresql: 0.1, pgbouncer: 1.1 } as const;

export interface PoolOptions {
  /** Seconds; null for a run until told. */
  readonly planned: number | null;
  readonly sockets: Pick<Sockets, 'read'>;
  /** Connections that a pool of a role may have, as the user says; null where nothing is said. */
  readonly maxOf?: (role: string) => number | null;
  /** As a program of the role says of its pools itself; null where it says nothing. */
  readonly reportedMaxOf?: (role: string) => number | null;
}

export function poolSource(ctx: SourceContext, options: PoolOptions): Source {
  return new PoolSource(ctx, options);
}

class PoolSource implements Source {
  readonly name = 'pool';
  readonly period: number;
  readonly #ctx: SourceContext;
  readonly #sockets: Pick<Sockets, 'read'>;
  readonly #planned: number | null;
  readonly #roles: ReadonlyMap<Target, RolePools>;
  readonly #unix: UnixJoin;
  readonly #reportBlind = blindSpots();
  readonly #before = new Map<Server, Before>();
  #last = -Infinity;
  #burstUntil = -Infinity;
  #burstAgain = -Infinity;

  constructor(ctx: SourceContext, { planned, sockets, maxOf = () => null, reportedMaxOf = () => null }: PoolOptions) {
    this.#ctx = ctx;
    this.#sockets = sockets;
    this.#planned = planned;
    this.period = planned !== null && planned < TRIAL_S ? CLOSE_PERIOD_S : PERIOD_S;
    this.#unix = new UnixJoin(ctx);
    const roleOf = (target: Target): RolePools => {
      const reported = (): number | null => reportedMaxOf(target.role);
      return new RolePools(ctx.series, target, this.period, (server) => this.#settingOf(server, maxOf(target.role), reported));
    };
    this.#roles = new Map(ctx.targets.all().map((target) => [target, roleOf(target)]));
  }

  open(): void {}

  /** After something happened, every second for a while. */
  wants(): boolean {
    const now = this.#ctx.clock.monotonic();
    return now < this.#burstUntil && now - this.#last >= CLOSE_PERIOD_S * 0.9;
  }

  async read(sink: Sink, signal: AbortSignal): Promise<void> {
    this.#last = this.#ctx.clock.monotonic();
    const lists = new Map(this.#ctx.servers.all().map((server) => [server, server.sessions(signal)] as const));
    const readings = [...lists].map(async ([server, listed]) => {
      const list = await listed;
      if (list === null || list.at === this.#before.get(server)?.at) return; // of many clients there is a list a minute at most
      const backends = server.system === 'pgbouncer' ? await sessionsOf([...lists].filter(([{ system }]) => system === 'postgresql')) : [];
      await this.#readServer(sink, server, { ...list, sessions: behindBouncer(list.sessions, backends) }, signal);
    });
    await Promise.all(readings);
  }

  close(): void {}

  async #readServer(sink: Sink, server: Server, list: SessionList, signal: AbortSignal): Promise<void> {
    const ports = new Set(server.endpoints.flatMap((endpoint) => ('port' in endpoint ? [endpoint.port] : [])));
    const open = new Set(list.sessions.map(({ id }) => id));
    const before = this.#before.get(server) ?? { ...NEVER, at: list.at };
    const same = before.joined && isSame(before.open, open);
    const enough = { ipv6: before.ipv6 ? 'fresh' : 'kept', age: same && before.again < SAME_MAX ? Infinity : 0 } as const;
    const spaces = this.#sockets.read((row) => ports.has(row.remote.port), enough);
    const tables = Math.min(...spaces.map(({ table }) => table.at));
    const again = tables === before.tables;
    if (again && !same) return; // expensive tables are given again: what they show is not of the time of this list
    const held = heldOf(spaces, ports);
    const joined = join(held, list.sessions, server.endpoints);
    const unix = await this.#unix.connections(server.spec.name, joined.rest, spaces, signal);
    const inUnix = new Set(unix.map(({ session }) => session));
    const all = { ...joined, connections: [...joined.connections, ...unix], rest: joined.rest.filter((session) => !inUnix.has(session)) };
    const inodes = new Set(held.map(({ inode }) => inode));
    this.#before.set(server, {
      at: list.at,
      open,
      joined: spaces.length > 0 && joined.unmatched.length === 0,
      tables,
      again: again ? before.again + 1 : 0,
      inodes,
      ipv6: held.some(({ ipv6 }) => ipv6),
    });
    const at = again || spaces.length === 0 ? list.at : sink.now() - (this.#ctx.clock.monotonic() - tables);
    for (const [target, role] of this.#roles) {
      const unknown = whyUnknown(target, spaces);
      if (unknown === 'not yet') continue;
      if (unknown !== null) this.#reportBlind(sink, METRICS.connections.name, unknown, { target: target.role });
      const view = { server, list, at, isOpen: (id: string) => open.has(id), ...viewOf(target, all, before.inodes) };
      this.#reportUnseen(sink, target, view);
      if (role.update(sink, view, before.at)) this.#lookCloser();
    }
  }

  #reportUnseen(sink: Sink, { role }: Target, { server, list, connections, ratio, named: byName }: RoleView): void {
    const about = { target: role, of: `${role} to ${server.spec.name}` };
    const tell = (reason: string): void => this.#reportBlind(sink, METRICS.stuck.name, reason, about);
    if (!list.complete && connections.length > 0) tell('the server hides sessions from our user, or has more of them than are taken');
    if (byName.length > 0) tell('its sockets cannot be joined with sessions: they are counted by the name of the application');
    else if (ratio !== null && ratio < JOIN_MIN)
      tell('its sockets are not known to the server as they are here: something in between rewrites ports');
  }

  #lookCloser(): void {
    const now = this.#ctx.clock.monotonic();
    if (now < this.#burstAgain) return;
    this.#burstUntil = now + BURST_S;
    this.#burstAgain = now + BURST_EVERY_S;
  }

  /** One connection to Redis serves everybody: there is no pool that could be full. */
  #settingOf({ system }: Server, configured: number | null, reported: PoolSetting['reported']): PoolSetting {
    return {
      rule: { patience: paced(this.#planned, PATIENCE_S), tolerance: TOLERANCE_S[system] },
      window: system === 'redis' ? null : paced(this.#planned, POOL_WINDOW_S),
      configured: system === 'redis' ? null : configured,
      reported: system === 'redis' ? () => null : reported,
      pooler: system === 'pgbouncer',
    };
  }
}

/** The reading before. */
interface Before {
  /** Of the list of sessions. */
  readonly at: number;
  /** The sessions of the list, by their id. */
  readonly open: ReadonlySet<string>;
  /** There were sockets, and each had a session. */
  readonly joined: boolean;
  /** When the oldest of the tables of sockets was read, on the monotonic clock. */
  readonly tables: number;
  /** Readings that were given these tables again. */
  readonly again: number;
  /** Of the sockets to the server. */
  readonly inodes: ReadonlySet<number>;
  /** Some are in the table of IPv6, which costs as much to read as that of IPv4. */
  readonly ipv6: boolean;
}

const NEVER: Omit<Before, 'at'> = { open: new Set(), joined: false, tables: NaN, again: 0, inodes: new Set(), ipv6: true };

function isSame(one: ReadonlySet<string>, other: ReadonlySet<string>): boolean {
  return one.size === other.size && one.isSubsetOf(other);
}

async function sessionsOf(lists: readonly (readonly [Server, Promise<SessionList | null>])[]): Promise<Session[]> {
  const all = await Promise.all(lists.map(([, list]) => list));
  return all.flatMap((list) => list?.sessions ?? []);
}

function heldOf(spaces: readonly NamespaceSockets[], ports: ReadonlySet<number>): Held[] {
  return spaces.flatMap(({ table, owners }) =>
    table.rows.flatMap(({ inode, local, remote, state, ipv6 }: TcpRow): Held[] => {
      const pid = ports.has(remote.port) ? owners.get(inode) : undefined;
      return pid === undefined ? [] : [{ pid, inode, local, remote, established: state === 'established', ipv6 }];
    }),
  );
}

/** Why not all sockets of a role are known, or null when they are. */
function whyUnknown({ procs }: Target, spaces: readonly NamespaceSockets[]): string | null {
  for (const { pid } of procs) {
    const space = spaces.find((one) => one.procs.some((proc) => proc.pid === pid));
    if (space === undefined || !space.settled) return 'not yet';
    const blind = space.blind.get(pid);
    if (blind !== undefined) return blind;
  }
  return null;
}

type OfRole = Pick<RoleView, 'connections' | 'unmatched' | 'ratio' | 'named'>;

function viewOf({ role, procs }: Target, joined: Joined, before: ReadonlySet<number>): OfRole {
  const pids = new Set(procs.map(({ pid }) => pid));
  const connections = joined.connections.filter(({ pid }) => pids.has(pid));
  const open = joined.unmatched.filter(({ pid }) => pids.has(pid));
  // A socket that has just been opened or is being closed need not have a session.
  const missing = open.filter(({ inode, established }) => established && before.has(inode)).length;
  const known = connections.length;
  const ratio = known + missing === 0 ? null : known / (known + missing);
  const named = namedFor({ role, procs, open: open.length, known }, joined, ratio);
  const unmatched = new Map<number, number>();
  for (const { pid } of open.slice(named.length)) unmatched.set(pid, (unmatched.get(pid) ?? 0) + 1);
  return { connections, unmatched, ratio, named };
}

/** More sessions of that name than sockets without one are not all the role's, and none can be said to be. */
function namedFor(
  { role, procs, open, known }: Pick<Target, 'role' | 'procs'> & { readonly open: number; readonly known: number },
  { rest }: Joined,
  ratio: number | null,
): Session[] {
  const names = new Set([role, ...procs.map(({ comm }) => comm)].map((name) => name.toLowerCase()));
  const unix = rest.filter(({ peer }) => peer === 'unix');
  if (known === 0 && open === 0) return sessionsNamed(unix, names);
  if (ratio === null || ratio >= JOIN_MIN) return [];
  const found = sessionsNamed(rest, names);
  return found.length <= open ? found : [];
}
