/** A program that lives in simulated time, watched by the real pool source through the real loop, record and judge. */
import { Judge } from '../../src/analysis/judge.ts';
import type { JudgeOptions } from '../../src/analysis/judgement.ts';
import type { Verdict } from '../../src/analysis/verdict.ts';
import { SimClock } from '../../src/clock.ts';
import { SILENT } from '../../src/log.ts';
import { Loop, RunTime } from '../../src/loop.ts';
import { RecordReader } from '../../src/record/reader.ts';
import { replay } from '../../src/record/replay.ts';
import { openRun } from '../../src/runs.ts';
import { RunState } from '../../src/runstate.ts';
import type { SeriesTable } from '../../src/series.ts';
import { Servers } from '../../src/servers.ts';
import type { NamespaceSockets } from '../../src/sockets/sockets.ts';
import { poolSource } from '../../src/sources/pool.ts';
import type { Source } from '../../src/sources/source.ts';
import { Targets } from '../../src/targets.ts';
import type { RunEvent } from '../../src/tick.ts';
import { connectionsFrom } from '../sockettable.ts';
import { M } from './metrics.ts';
import { sessionOf, World } from './pools.ts';
import { MB } from './run.ts';

const PID = 4711;

export interface Program {
  readonly system?: 'postgresql' | 'redis';
  readonly live: (world: World) => void;
}

export interface Seen {
  readonly verdict: Verdict;
  readonly replayed: Verdict;
  readonly events: readonly RunEvent[];
  /** The stuck connections at each second. */
  readonly stuck: readonly number[];
  /** Run time at which the leak was first a finding, or null. */
  readonly failedAt: number | null;
  /** Outside and inside count differed at so many seconds. */
  readonly differed: number;
}

export interface Watching {
  readonly out: string;
  readonly seed: number;
  /** Planned and actual length; a look at the verdict every `window` of them. */
  readonly seconds: number;
  readonly window: number;
  readonly interval: number;
}

/** A target at work whose memory and descriptors do not grow. */
function steady(series: SeriesTable, period: number): Source {
  const owner = { source: 'process', target: 'api', member: null, period };
  return {
    name: 'process',
    period,
    open() {},
    read(sink) {
      const t = sink.now();
      for (const [def, value] of [
        [M.memory, 50 * MB],
        [M.fds, 50],
        [M.fdLimit, 1024],
        [M.cpu, t * 0.2],
      ] as const)
        sink.set(series.open(owner, def), value, t);
    },
    close() {},
  };
}

export async function watchPools(
  { system = 'postgresql', live }: Program,
  { out, seed, seconds, window, interval }: Watching,
): Promise<Seen> {
  const options: JudgeOptions = { requiredLifetime: 14 * 86_400, plannedEnd: seconds, warmup: null, rules: [], required: [], interval };
  const world = new World(seed);
  live(world);
  const clock = new SimClock();
  const state = new RunState(new Judge(options));
  const header = { agent: '0', configHash: 'abc', config: {}, interval, planned: seconds, host: {} };
  const opened = openRun({ out, keep: null, maxBytes: 64 * MB, clock, header, state });
  const targets = new Targets([{ role: 'api', selector: { kind: 'pid', pid: PID }, many: false, children: false }]);
  targets.bind(targets.all()[0]!, [{ pid: PID, startTime: 1, comm: 'node', member: null }], 0);
  const spec = { name: 'db', system, url: '', passwordFile: null, display: '', gauges: [], keys: [] };
  const servers = new Servers([spec]);
  const ctx = { series: state.series, targets, servers, clock, log: SILENT, roots: { proc: '/none', sys: '/none' } };
  const sockets = { read: () => [socketsOf(world, clock.monotonic())] };
  const sources = [steady(state.series, interval), poolSource(ctx, { planned: options.plannedEnd, sockets })];
  const loop: Loop = new Loop({ clock, time: new RunTime(clock), sources, state, record: opened.record, interval });
  const [server] = servers.all();
  server!.endpoints = [{ address: '127.0.0.1', port: 5432 }];
  server!.sessions = () => {
    world.advance(loop.now());
    return Promise.resolve({ at: loop.now(), sessions: world.open().map((one) => sessionOf(one, loop.now(), system)), complete: true });
  };
  const stuck: number[] = [];
  const events: RunEvent[] = [];
  let [failedAt, differed]: [number | null, number] = [null, 0];
  let open = 0;
  const stop = new AbortController();
  const info = (end: number | null) => ({ id: opened.id, start: opened.start, end, planned: seconds, agent: '0', configHash: 'abc' });
  await loop.run(stop.signal, async () => {
    await new Promise(setImmediate); // the answer of the server comes after the tick
    // What is read at one tick is folded with the next.
    const series = state.series.all().filter(({ def }) => def.name === 'soak.pool.connections');
    if (series.reduce((sum, { id }) => sum + (state.store.value(id) || 0), 0) !== open) differed++;
    open = world.open().length;
    const own = state.series.all().find(({ def }) => def.name === 'soak.pool.stuck');
    stuck.push(own ? state.store.value(own.id) : 0);
    for (const event of state.events.filter(({ kind }) => kind.startsWith('connection_'))) if (!events.includes(event)) events.push(event);
    if (
      Math.round(loop.now()) % window < interval &&
      state.judge.verdict(info(opened.start + loop.now()), state).findings.some(({ kind }) => kind === 'pool_leak')
    )
      failedAt ??= loop.now();
    if (loop.now() >= seconds) stop.abort();
  });
  const verdict = state.judge.verdict(info(opened.start + state.t), state);
  opened.seal(opened.start + state.t, verdict);
  const reader = RecordReader.open(opened.folder);
  const again = new RunState(new Judge(options));
  replay(reader, again);
  const replayed = again.judge.verdict(info(opened.start + again.t), again);
  reader.close();
  return { verdict, replayed, events, stuck, failedAt, differed };
}

function socketsOf(world: World, at: number): NamespaceSockets {
  const rows = connectionsFrom(world.open().map(({ port }) => port));
  const table = { namespace: '1', at, rows, capped: false, timeWaitsCapped: false };
  const procs = [{ pid: PID, startTime: 1, comm: 'node', member: null }];
  return { table, procs, owners: new Map(rows.map(({ inode }) => [inode, PID])), settled: true, blind: new Map(), alone: null };
}

/** Kinds of what fails because of pools. */
export function poolFailures({ findings }: Verdict): string[] {
  return findings.filter(({ kind, outcome }) => outcome === 'fail' && kind.startsWith('pool')).map(({ kind }) => kind);
}
