/**
 * Replicas of roles over the whole merged time: who was there when, which slot each has, and when all of them were replaced. A slot is that of
 * the first replica that had it, and of whoever came when that one was gone.
 */
import { SLOTS_MAX } from '../targets.ts';
import type { Part } from './parts.ts';

export interface Replica {
  readonly part: Part;
  readonly role: string;
  /** Member within its own run; null where that has none. */
  readonly member: string | null;
  /** Run time of the merged run. */
  readonly from: number;
  readonly to: number;
  /** Null for a role of which there was never more than this one; OTHER for one beyond the last slot. */
  readonly slot: string | null;
  /** From then on the slot is that of who came in its place; Infinity where nobody did before its end. */
  readonly until: number;
  /** Another replica had the slot before. */
  readonly succeeds: boolean;
}

/** Those beyond the last slot are summed under this name, as a single agent sums members. */
export const OTHER = 'other';

/** A successor may be seen this much before the last sample of who it succeeds. */
const OVERLAP_S = 5;

/** @param members of each role within each part, in the order of their slots; [null] where it has none */
export function replicasOf(parts: readonly Part[], members: (part: Part, role: string) => readonly (string | null)[]): Replica[] {
  const roles = [...new Set(parts.flatMap(({ config }) => config.targets.map(({ role }) => role)))];
  return roles.flatMap((role): Replica[] => {
    const own = parts.filter(({ config }) => config.targets.some((target) => target.role === role));
    const all = own.flatMap((part) =>
      members(part, role).map((member) => ({ part, role, member, from: part.shift + foundAt(part, role), to: part.shift + part.length })),
    );
    const ordered = all.toSorted((a, b) => a.from - b.from || a.part.shift - b.part.shift);
    if (ordered.length === 1) return [{ ...ordered[0]!, slot: ordered[0]!.member, until: Infinity, succeeds: false }];
    /** Who has each slot, by its place in the result. */
    const holders: number[] = [];
    const replicas: Replica[] = [];
    for (const replica of ordered) {
      const isOther = replica.member === OTHER;
      const free = holders.findIndex((holder) => !isOther && replicas[holder]!.to <= replica.from + OVERLAP_S);
      const slot = free >= 0 ? free : holders.length;
      if (isOther || slot >= SLOTS_MAX) {
        replicas.push({ ...replica, slot: OTHER, until: Infinity, succeeds: false });
        continue;
      }
      if (free >= 0) replicas[holders[free]!] = { ...replicas[holders[free]!]!, until: replica.from };
      holders[slot] = replicas.push({ ...replica, slot: String(slot + 1), until: Infinity, succeeds: free >= 0 }) - 1;
    }
    return replicas;
  });
}

function foundAt({ events }: Part, role: string): number {
  return events.find(({ kind, target }) => kind === 'target_found' && target === role)?.t ?? 0;
}

export interface RollingRestart {
  readonly role: string;
  readonly from: number;
  readonly to: number;
  readonly members: number;
}

/** Replacements of one roll follow one another within this time: to start, to be ready, to be drained. */
const BETWEEN_S = 900;

/**
 * All replicas that were there were replaced one after the other, by others or by themselves (a restart), while some were always there.
 * @param last end of the merged run: who is there then was not replaced
 */
export function rollingRestarts(replicas: readonly Replica[], last: number): RollingRestart[] {
  const rolls: RollingRestart[] = [];
  for (const [role, own] of Map.groupBy(replicas, (replica) => replica.role)) {
    const ends = own.flatMap((replica) => replacedAt(replica, own, last)).toSorted((a, b) => a.at - b.at);
    let group: typeof ends = [];
    for (const end of [...ends, null]) {
      if (end !== null && (group.length === 0 || end.at - group.at(-1)!.at <= BETWEEN_S)) {
        group.push(end);
        continue;
      }
      const roll = rollOf(role, group, own);
      if (roll !== null) rolls.push(roll);
      group = end === null ? [] : [end];
    }
  }
  return rolls;
}

interface Replaced {
  readonly replica: Replica;
  readonly at: number;
}

/** When it was replaced: at each of its own restarts, and at its end where somebody new began around it. */
function replacedAt(replica: Replica, own: readonly Replica[], last: number): Replaced[] {
  const { part, role, member, to } = replica;
  const restarts = part.events.filter((event) => event.kind === 'restart' && event.target === role && event.member === member);
  const isReplaced = to < last - OVERLAP_S && own.some(({ from }) => from > replica.from && Math.abs(from - to) <= BETWEEN_S);
  return [...restarts.map(({ t }) => ({ replica, at: part.shift + t })), ...(isReplaced ? [{ replica, at: to }] : [])];
}

function rollOf(role: string, group: readonly Replaced[], own: readonly Replica[]): RollingRestart | null {
  const [first] = group;
  if (first === undefined) return null;
  const there = own.filter(({ from, to }) => from < first.at - BETWEEN_S / 2 && to >= first.at - OVERLAP_S);
  const replaced = new Set(group.map(({ replica }) => replica));
  if (there.length < 2 || !there.every((replica) => replaced.has(replica))) return null;
  const moments = new Set(group.map(({ at }) => Math.round(at / OVERLAP_S)));
  // All at once is an outage and no roll.
  return moments.size < 2 ? null : { role, from: first.at, to: group.at(-1)!.at, members: there.length };
}
