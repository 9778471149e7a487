/**
 * The TCP sockets of the targets, from the tables of their network namespaces: outbound connections by endpoint, inbound ones by port and
 * state, what waits to be accepted or closed, and how many local ports are in use. And of the machine: memory of sockets, orphans,
 * tracked connections.
 *
 * Cost: the kernel takes 1 to 5 ms each for `tcp` and `tcp6` of a namespace however few sockets there are (it walks a hash of 262,144
 * buckets), and 2.6 us more a socket, for one target or for 100 in one namespace. Every 15 s 2.3 ms are 0.015 % of a core; expensive tables
 * are read less often: 5,000 sockets (19 ms) every minute, 0.03 %. With a server configured the pools are read from the same tables, every
 * 5 s while connections come and go: these figures come for nothing then.
 */
import { statSync } from 'node:fs';
import { errno } from '../problem.ts';
import type { Proc, Target } from '../targets.ts';
import { ROWS_MAX, TIME_WAITS_MAX } from '../sockets/tables.ts';
import type { NamespaceSockets, Sockets } from '../sockets/sockets.ts';
import { countSockets, type Counts } from './sockets-count.ts';
import { ephemeralPortLimit, machineRows } from './sockets-kernel.ts';
import { METRICS } from './sockets-metrics.ts';
import { ServerNames } from './sockets-names.ts';
import { type HeldBy, type Place, RoleSockets } from './sockets-role.ts';
import { blindSpots, type ReportBlind, type Sink, type Source, type SourceContext } from './source.ts';

export { METRICS };

/** Seconds between looks. */
const PERIOD_S = 5;

/**
 * Seconds between reads. Where there are servers a table may be as old at every look, and one that the pools had read is told at once.
 * Without them it is so much at least, and four times as much at most; in between what a read takes is this share of a core.
 */
const REST_S = 15;
const REST_FACTOR = 4;
const SHARE = { soak: 0.00015, trial: 0.001 } as const;

/** What the series say they are sampled by: at two and a half of these a value is no longer shown, which is after the longest rest. */
const PERIOD_FACTOR = 2;

/** A run of less than an hour is read as often as gives so many samples, if the looks allow it. */
const SAMPLES_MIN = 240;

/** A read that is due a moment before its time is not put off to the next look. */
const EARLY_S = 0.05;

/** Names are given to endpoints for a tenth of the run, and no longer than this. */
const WARMUP_MAX_S = 600;
const WARMUP_SHARE = 0.1;

/** Run time until which endpoints are given names. @param planned seconds that the run is to last */
export function namesUntil(warmup: number | null, planned: number | null): number {
  return warmup ?? Math.min(WARMUP_MAX_S, (planned ?? Infinity) * WARMUP_SHARE);
}

export interface SocketsOptions {
  readonly sockets: Sockets;
  /** Seconds that the run is planned to last. */
  readonly planned: number | null;
  readonly warmup: number | null;
}

export function socketsSource(ctx: SourceContext, options: SocketsOptions): Source {
  return new SocketsSource(ctx, options);
}

interface Followed {
  readonly target: Target;
  readonly sockets: RoleSockets;
  /** When the tables of the last report were read: one is given several times, and reported once. */
  at: number;
}

/** A namespace as it was read. */
interface Seen extends Place {
  readonly of: NamespaceSockets;
  /** Nothing may be counted by process: the table is cut, or its sockets have not been looked for yet. */
  readonly uncertain: boolean;
}

class SocketsSource implements Source {
  readonly name = 'sockets';
  readonly period = PERIOD_S;
  readonly #ctx: SourceContext;
  readonly #sockets: Sockets;
  readonly #frozenFrom: number;
  /** Seconds between reads: at least and at most. */
  readonly #rest: readonly [least: number, most: number];
  /** Seconds that a table may be old. */
  readonly #age: number;
  readonly #sampled: number;
  readonly #blind: ReportBlind = blindSpots();
  readonly #capped = new Set<string>();
  /** Ports that are listened on, and those that were and still have connections; by namespace. */
  #listened = new Map<string, ReadonlySet<number>>();
  #roles: readonly Followed[] = [];
  #next = -Infinity;
  /** Seconds of CPU of the last read. Of two times the smaller counts, because other threads are in them too. */
  #cost = 0;
  #version = -1;

  constructor(ctx: SourceContext, { sockets, planned, warmup }: SocketsOptions) {
    this.#ctx = ctx;
    this.#sockets = sockets;
    this.#frozenFrom = namesUntil(warmup, planned);
    const rest = Math.max(PERIOD_S, Math.min(REST_S, (planned ?? Infinity) / SAMPLES_MIN));
    const served = ctx.servers.all().length > 0;
    this.#rest = served ? [PERIOD_S, PERIOD_S] : [rest, rest * REST_FACTOR];
    this.#age = served ? rest - EARLY_S : 0;
    this.#sampled = rest * (served ? 1 : PERIOD_FACTOR);
  }

  open(): void {
    const setting = { series: this.#ctx.series, period: this.#sampled };
    this.#roles = this.#ctx.targets.all().map((target) => ({ target, sockets: new RoleSockets(setting, target), at: NaN }));
  }

  read(sink: Sink): void {
    const { clock, targets } = this.#ctx;
    if (sink.now() < this.#next - EARLY_S && this.#version === targets.version) return;
    this.#version = targets.version;
    const before = clock.cpu();
    this.#readMachine(sink);
    this.#readTargets(sink);
    const cost = clock.cpu() - before;
    const [least, most] = this.#rest;
    const share = least < REST_S ? SHARE.trial : SHARE.soak;
    this.#next = sink.now() + Math.min(most, Math.max(least, Math.min(cost, this.#cost) / share));
    this.#cost = cost;
  }

  close(): void {}

  #readMachine(sink: Sink): void {
    const owner = { source: 'sockets', target: null, member: null, period: this.#sampled };
    for (const [def, value] of machineRows(this.#ctx.roots.proc)) sink.set(this.#ctx.series.open(owner, def), value);
  }

  #readTargets(sink: Sink): void {
    const { servers, roots } = this.#ctx;
    const own = this.#sockets.tables.namespaceOf('self');
    const seen = this.#sockets.read(undefined, { age: this.#age }).map((of) => this.#count(of, own));
    const byPid = new Map(seen.flatMap((one) => one.of.procs.map(({ pid }) => [pid, one])));
    this.#listened = new Map(seen.map(({ of, listened }) => [of.table.namespace, listened]));
    const names = new ServerNames(servers);
    const portLimit = ephemeralPortLimit(roots.proc);
    const frozen = sink.now() >= this.#frozenFrom;
    for (const followed of this.#roles) {
      const { target, sockets } = followed;
      const places = [...new Set(target.procs.flatMap(({ pid }) => byPid.get(pid) ?? []))];
      for (const place of places) this.#tell(sink, target, place);
      const held = new Map(target.procs.flatMap((proc) => this.#heldOf(sink, target, proc, byPid.get(proc.pid))));
      const oldest = Math.min(...places.map(({ of }) => of.table.at));
      if (oldest === followed.at) continue;
      followed.at = oldest;
      const at = sink.now() - (this.#ctx.clock.monotonic() - oldest);
      sockets.report(sink, { places, held, servers: names, portLimit, at, frozen });
    }
  }

  #count(of: NamespaceSockets, own: string | null): Seen & { readonly listened: ReadonlySet<number> } {
    const { namespace, rows, capped } = of.table;
    const before = this.#listened.get(namespace);
    const listened = new Set<number>();
    for (const { state, local } of rows) if (state === 'listen' || before?.has(local.port)) listened.add(local.port);
    const counts: Counts = countSockets(of, listened);
    return { of, counts, own: namespace === own, timeWaits: !of.table.timeWaitsCapped, uncertain: capped || !of.settled, listened };
  }

  /** What keeps the sockets of the namespace from being counted, once. */
  #tell(sink: Sink, { role }: Target, { of: { table } }: Seen): void {
    const what = table.capped ? `${ROWS_MAX} sockets` : `${TIME_WAITS_MAX} connections in TIME_WAIT`;
    const key = `${role} ${what}`;
    if (!table.timeWaitsCapped || this.#capped.has(key)) return;
    this.#capped.add(key);
    const message = `the network namespace of ${role} has more than ${what}: they are not counted`;
    sink.event('cap', message, { target: role, data: { what } });
  }

  /** Nothing of a process that has ended; null where its sockets are not known. */
  #heldOf(sink: Sink, { role }: Target, { pid }: Proc, seen: Seen | undefined): [number, HeldBy | null][] {
    const reason = seen === undefined ? this.#whyUnseen(pid) : seen.of.blind.get(pid);
    if (reason !== undefined) this.#blind(sink, 'soak.socket.*', reason, { target: role });
    if (seen === undefined) return reason === undefined ? [] : [[pid, null]];
    const held = seen.uncertain || reason !== undefined ? undefined : seen.counts.held.get(pid);
    return [[pid, held === undefined ? null : { held, own: seen.own }]];
  }

  /** Undefined when the process has ended. */
  #whyUnseen(pid: number): string | undefined {
    try {
      statSync(`${this.#ctx.roots.proc}/${pid}/net/tcp`);
    } catch (error) {
      const code = errno(error);
      if (code === 'EACCES' || code === 'EPERM')
        return '/proc hides it (hidepid); run soak-agent as the user of the process or with CAP_SYS_PTRACE';
    }
    return undefined;
  }
}
