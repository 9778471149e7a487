/** Events of the parts as events of the merged run: whose they are by slot, what was told to several of them once, and what the merging shows. */
import type { RecordedEvent } from '../record/reader.ts';
import type { RunEvent } from '../tick.ts';
import type { Span } from '../timeline.ts';
import { holeEvents, holesOf, isHole } from './holes.ts';
import type { Identities } from './identity.ts';
import type { Part } from './parts.ts';
import { OTHER, type Replica, type RollingRestart } from './replicas.ts';

/** What several agents were told at once. */
const SHARED: ReadonlySet<RunEvent['kind']> = new Set(['phase', 'mark', 'server_down', 'server_up', 'server_changed']);

/** Agents hear of one thing within this time. */
const ONCE_S = 60;

const AGENTS: Readonly<Partial<Record<RunEvent['kind'], string>>> = {
  run_start: 'began',
  run_end: 'ended',
  run_resume: 'was started again',
};

export function mergedEvents(
  parts: readonly Part[],
  replicas: readonly Replica[],
  rolls: readonly RollingRestart[],
  { identities, interval }: { readonly identities: Identities; readonly interval: number },
): RunEvent[] {
  const holes = holesOf(parts, interval);
  const own = parts.flatMap((part) => part.events.flatMap((event) => eventOf(part, event, holes, identities) ?? []));
  const all = [
    ...own,
    ...holeEvents(parts, holes, interval),
    ...replicas.flatMap((replica) => lifeEvents(replica, replicas)),
    ...changesOf(replicas, null),
    ...changesOf(othersAmong(replicas), OTHER),
    ...rolls.map(rollEvent),
  ];
  return once(all.toSorted((a, b) => a.t - b.t));
}

function eventOf(part: Part, event: RecordedEvent, holes: readonly Span[], identities: Identities): RunEvent | null {
  const { kind, target, message, data } = event;
  const t = part.shift + event.t;
  const plain = { t, target: null, member: null, data };
  const what = AGENTS[kind];
  // The plan of who came later is of its own life: the warm-up of one replica is not one of all.
  if (kind === 'phase' && part.shift > ONCE_S && isPlanned(part, event)) return null;
  if (what !== undefined) return { ...plain, kind: 'mark', message: `the agent ${part.where} ${what}`, data: {} };
  if (kind === 'gap' && target === null) return gapOf(part, event, holes);
  const replica = target === null ? null : identities.replicaOf(part, event);
  if (replica === null) return { ...plain, kind, target, member: event.member, message };
  // Its beginning and its end are those of the replica.
  if (kind === 'target_found' || (kind === 'target_gone' && replica.slot !== null)) return null;
  return { ...plain, kind, target, member: replica.slot, message };
}

function isPlanned({ config }: Part, { data }: RecordedEvent): boolean {
  return (config.phases ?? []).some(({ name }) => name === data['phase']);
}

/** What one agent did not see others may have seen: only where nobody watched nothing was sampled. */
function gapOf(part: Part, { t, message, data }: RecordedEvent, holes: readonly Span[]): RunEvent | null {
  const [from, to] = [part.shift + Number(data['from']), part.shift + t];
  if (isHole({ from, to }, holes)) return null;
  return { t: to, kind: 'mark', target: null, member: null, message: `${part.where}: ${message}`, data: {} };
}

/** A life of its slot begins with it, and a role that is nobody's any more is gone. */
function lifeEvents({ part, role, slot, from, to, succeeds }: Replica, all: readonly Replica[]): RunEvent[] {
  if (slot === OTHER) {
    const message = `${role} ${part.where} is beyond the last slot: it is summed in ${role}/${OTHER}`;
    return [{ t: from, kind: 'cap', target: role, member: null, message, data: { what: `replicas of ${role}` } }];
  }
  const who = slot === null ? role : `${role}/${slot}`;
  const kind = slot === null ? 'target_found' : succeeds ? 'restart' : 'member_start';
  const began = {
    t: from,
    kind,
    target: role,
    member: slot,
    message: `${who} is ${part.where}${succeeds ? ', in the place of another' : ''}`,
    data: {},
  } as const;
  const isLast = all.every((other) => other.role !== role || other.to <= to);
  if (slot === null || isLast) return [began];
  return [
    began,
    { t: to, kind: 'member_end', target: role, member: slot, message: `${who} ${part.where} is over; what it told is kept`, data: {} },
  ];
}

/** Seconds within which all agents stop when everything is over: that is no change of the replicas. */
const ENDING_S = 120;

function othersAmong(replicas: readonly Replica[]): Replica[] {
  return replicas.filter(({ slot }) => slot === OTHER);
}

/** A sum begins anew whenever the replicas that are summed change: what one of them takes is no growth of the others. */
function changesOf(replicas: readonly Replica[], member: null | typeof OTHER): RunEvent[] {
  const among = member === null ? '' : ' beyond the last slot';
  return [...Map.groupBy(replicas, ({ role }) => role)].flatMap(([role, own]) => {
    if (own.length < 2 && member === null) return [];
    const times = [...new Set(own.flatMap(({ from, to }) => [from, to]))].toSorted((a, b) => a - b);
    const last = Math.max(...own.map(({ to }) => to));
    const count = (t: number): number => own.filter(({ from, to }) => from <= t && to > t).length;
    return times.flatMap((t) =>
      t >= last - ENDING_S
        ? []
        : [
            {
              t,
              kind: 'member_start' as const,
              target: role,
              member,
              message: `${count(t)} replicas of ${role}${among}`,
              data: { replicas: count(t) },
            },
          ],
    );
  });
}

function rollEvent({ role, from, to, members }: RollingRestart): RunEvent {
  const message = `rolling restart of ${role}: all ${members} replicas were replaced one after the other within ${Math.round((to - from) / 60)} min`;
  return { t: from, kind: 'rolling_restart', target: role, member: null, message, data: { members, to } };
}

function once(events: readonly RunEvent[]): RunEvent[] {
  const seen = new Map<string, number>();
  return events.filter(({ t, kind, target, message }) => {
    if (!SHARED.has(kind)) return true;
    const key = JSON.stringify([kind, target, message]);
    const before = seen.get(key) ?? -Infinity;
    if (t - before <= ONCE_S) return false;
    seen.set(key, t);
    return true;
  });
}
