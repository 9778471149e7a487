/** Several records as one run: their ticks by one clock, on one grid, through the same fold and judge as those of a run of one agent. */
import type { Verdict } from '../analysis/verdict.ts';
import { Judge } from '../analysis/judge.ts';
import type { Clock } from '../clock.ts';
import { SimClock } from '../clock.ts';
import type { JudgeOverrides } from '../config/config.ts';
import { Costs } from '../costs.ts';
import { judgeOptions, storedJudging } from '../judging.ts';
import { CATALOG } from '../metrics.ts';
import type { RecordedSeries } from '../record/reader.ts';
import type { RunHeader } from '../record/writer.ts';
import { openRun } from '../runs.ts';
import { RunState } from '../runstate.ts';
import type { SeriesTable } from '../series.ts';
import type { RunEvent, Tick } from '../tick.ts';
import { VERSION } from '../version.ts';
import { mergedEvents } from './events.ts';
import { Fold } from './fold.ts';
import { Identities } from './identity.ts';
import type { Part, PartConfig } from './parts.ts';
import { type Replica, replicasOf, type RollingRestart, rollingRestarts } from './replicas.ts';

export interface Merged {
  readonly folder: string;
  readonly verdict: Verdict;
  readonly replicas: readonly Replica[];
  readonly rolls: readonly RollingRestart[];
}

/** Run time between two checkpoints: nobody resumes a merge, but views read the last one. */
const CHECKPOINT_S = 600;

const RECORD_MAX = 2 ** 30;

/** @param out folder of the merged run. Throws `OUT`, `DISK`, and RECORD for a record that is damaged */
export function merge(
  parts: readonly Part[],
  { out, overrides, clock }: { readonly out: string; readonly overrides: JudgeOverrides; readonly clock: Clock },
): Merged {
  const interval = Math.min(...parts.map(({ reader }) => reader.header.interval));
  const config = configOf(parts, interval);
  const start = Math.min(...parts.map(({ reader, offset }) => reader.header.start + offset));
  const end = Math.max(...parts.map(({ shift, length }) => shift + length));
  const known = new Map(parts.map((part) => [part, part.reader.series((name) => CATALOG.find(name))]));
  const replicas = replicasOf(parts, (part, role) => membersOf(known.get(part)!, role));
  const rolls = rollingRestarts(replicas, end);
  const identities = new Identities(known, replicas);
  const state = new RunState(new Judge(judgeOptions({ ...storedJudging(config, CATALOG), ...overrides })));
  // The folder is called by when the run began; a merge is never gone on with, so that its settings are those of no other.
  const configHash = `merged-${clock.wall()}`;
  const ofMachine = { bootId: machineOf(parts), host: hostOf(parts) };
  const header = { agent: VERSION, configHash, config, interval, planned: config.duration, ...ofMachine };
  const run = openRun({ out, keep: null, maxBytes: RECORD_MAX, clock: new SimClock({ wall: start }), header, state });
  try {
    const fold = new Fold(state, { known, identities, replicas });
    let minute = 0;
    for (const tick of ticksOf(parts, fold, mergedEvents(parts, replicas, rolls, { identities, interval }), {
      start,
      interval,
      table: state.series,
    })) {
      run.record.append(tick, state.series);
      state.fold(tick);
      if (Math.floor(tick.t / CHECKPOINT_S) === minute) continue;
      minute = Math.floor(tick.t / CHECKPOINT_S);
      run.record.checkpoint(tick.n, state.snapshot());
    }
    const ended = start + state.t;
    const info = { id: run.id, start, end: ended, planned: config.duration, agent: VERSION, configHash };
    const verdict = state.judge.verdict(info, state);
    run.seal(ended, verdict);
    return { folder: run.folder, verdict, replicas, rolls };
  } catch (error) {
    run.abandon();
    throw error;
  }
}

/** The one they were all recorded on, which need not be this one; null where they were on several. */
function machineOf(parts: readonly Part[]): string | null {
  const all = new Set(parts.map(({ reader }) => reader.header.bootId));
  return all.size === 1 ? [...all][0]! : null;
}

/** Who told, and what all of the machines are. */
function hostOf(parts: readonly Part[]): RunHeader['host'] {
  const names = [...new Set(parts.map(({ name }) => name))];
  const agents = names.length > 3 ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} more` : names.join(', ');
  const [first, ...others] = parts.map(({ reader }) => reader.header.host);
  const shared = Object.entries(first!).filter(([key, value]) => others.every((host) => host[key] === value));
  return { ...Object.fromEntries(shared), agents };
}

/** What all of them were judged by, together; of what they differ in the stricter one. */
function configOf(parts: readonly Part[], interval: number): PartConfig & { readonly interval: number } {
  const all = parts.map(({ config }) => config);
  const unique = <T>(lists: readonly (readonly T[] | undefined)[], key: (one: T) => string): T[] => [
    ...new Map(lists.flatMap((list) => list ?? []).map((one) => [key(one), one])).values(),
  ];
  const warmups = new Set(all.map(({ warmup }) => warmup));
  const planned = parts.map(({ config, shift }) => (config.duration === null ? null : shift + config.duration));
  return {
    ...all[0]!,
    interval,
    mustLive: Math.max(...all.map(({ mustLive }) => mustLive)),
    duration: planned.includes(null) ? null : Math.max(...planned.map(Number)),
    warmup: warmups.size === 1 ? [...warmups][0]! : null,
    rules: unique(
      all.map(({ rules }) => rules),
      String,
    ),
    required: unique(
      all.map(({ required }) => required),
      String,
    ),
    targets: unique(
      all.map(({ targets }) => targets),
      ({ role }) => role,
    ),
    servers: unique(
      all.map(({ servers }) => servers),
      ({ name, display }) => `${name} ${display}`,
    ),
    signals: unique(
      all.map(({ signals }) => signals),
      ({ name }) => name,
    ),
    phases: [],
  };
}

/** Members in the order in which they were seen; a role without any is one itself. */
function membersOf(series: readonly RecordedSeries[], role: string): (string | null)[] {
  const members = new Set(series.filter(({ target, member }) => target === role && member !== null).map(({ member }) => member));
  return members.size === 0 ? [null] : [...members];
}

interface Grid {
  readonly start: number;
  readonly interval: number;
  readonly table: SeriesTable;
}

/** Ticks of the merged run: everything that falls into one interval is one tick. Batches are reused: a tick is valid until the next one. */
function* ticksOf(parts: readonly Part[], fold: Fold, events: readonly RunEvent[], { start, interval, table }: Grid): Iterable<Tick> {
  const heads = parts.map((part) => {
    const ticks = part.reader.ticks()[Symbol.iterator]();
    return { part, ticks, next: ticks.next() };
  });
  const begin: RunEvent = { t: 0, kind: 'run_start', target: null, member: null, message: `${parts.length} runs were merged`, data: {} };
  let [n, told, last] = [0, 0, 0];
  fold.batch.event(begin);
  const costs = new Costs(table);
  const close = (t: number): Tick => {
    for (; told < events.length && events[told]!.t <= t; told++) fold.batch.event(events[told]!);
    fold.total(t);
    costs.add(fold.batch);
    return fold.batch.close(n++, t, start + t);
  };
  let bucket: number | null = null;
  for (;;) {
    const head = heads.reduce<(typeof heads)[number] | null>((first, one) => {
      if (one.next.done === true) return first;
      return first === null || timeOf(one) < timeOf(first) ? one : first;
    }, null);
    if (head === null) break;
    const t = timeOf(head);
    const slot = Math.floor(t / interval + 1e-6);
    if (bucket !== null && slot !== bucket) yield close(last);
    bucket = slot;
    last = t;
    fold.take(head.part, head.next.value as Tick);
    head.next = head.ticks.next();
  }
  fold.batch.event({ t: last, kind: 'run_end', target: null, member: null, message: 'the last of them ended', data: { kind: 'merged' } });
  yield close(last);
}

function timeOf({ part, next }: { readonly part: Part; readonly next: IteratorResult<Tick> }): number {
  return part.shift + (next.value as Tick).t;
}
