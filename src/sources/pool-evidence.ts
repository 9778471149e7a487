/**
 * What shows from outside that a connection was taken from its pool and not given back. An idle member and a leaked one look the same to
 * the server, so being idle is no evidence. This is:
 *
 * - `newer`: the client began to open others after this one had gone idle, which a pool with an idle member does not do;
 * - `closed`: another one that had been idle for less time was closed, so that a limit on idleness or age is enforced, but not on this one;
 * - `transaction`: it is idle within a transaction, which no pool takes back.
 *
 * And it must have been so for longer than checkouts that came back: twice the longest idleness of those that had carried evidence and
 * were used again, as far as those count (`pool-returns.ts`). One `Checkouts` is one pool of one process: its connections to one server, database and user. Pure.
 */
import type { Session } from '../servers.ts';
import { Returns } from './pool-returns.ts';

export type Evidence = 'newer' | 'closed' | 'transaction';

/** States of the members of a pool; `stuck` is taken from `idle` and `idle_in_transaction`. */
export const STATES = ['active', 'idle', 'idle_in_transaction', 'waiting_lock', 'blocked', 'subscribed', 'stuck', 'unmatched'] as const;

export type State = (typeof STATES)[number];

/** States in which a connection is taken, and since when is known. */
export const HELD_STATES = ['active', 'idle_in_transaction', 'stuck'] as const;

export interface Rule {
  /** Seconds that a connection must have been left alone, at least. */
  readonly patience: number;
  /**
   * Seconds by which two times of the server may be wrong against each other: for Redis, which tells ages in whole seconds and nothing of
   * when it did, those and the time that an answer may take; for Postgres the time between a pool's decision to open a connection and the
   * server's side of it, in which another may have become idle.
   */
  readonly tolerance: number;
}

export interface Member {
  readonly session: Session;
  /** Null for a unix socket. */
  readonly port: number | null;
}

/** That a connection is stuck, or that one which was is not: `used` again, `closed`, or only called so too early. */
export interface Change extends Member {
  readonly kind: 'stuck' | 'used' | 'closed' | 'retracted';
  readonly evidence: Evidence;
  /** Seconds it had been left alone. */
  readonly age: number;
}

export interface Tally {
  readonly counts: Record<State, number>;
  /** Seconds since the longest held connection of each state was taken. */
  readonly oldest: Partial<Record<State, number>>;
}

export interface Reading extends Tally {
  readonly opened: number;
  readonly closed: number;
  readonly changes: readonly Change[];
  /** Run time at which any connection came, went, or changed its state. */
  readonly changedAt: number;
}

interface Tracked {
  session: Session;
  port: number | null;
  /** Run time since which it does nothing; null while it does something, or waits by intent. */
  since: number | null;
  /** What would make it stuck if it went on for long enough. */
  evidence: Evidence | null;
  stuck: boolean;
  /** Readings in a row that did not show it. */
  missed: number;
}

const PATIENCE_FACTOR = 2;

/**
 * Connections that are opened one right after the other are opened for one reason: a pool fills itself beforehand (500 connections take
 * 1.5 s, 20 behind a slow network as long), or a burst of requests arrives. None of them says anything of the others. A leak that opens
 * them as fast is told by what follows after so many seconds.
 */
const BURST_GAP_S = 1;
const BURST_MAX_S = 10;

/** A connection that the sockets do not show once may have been looked for a moment too early; the next time it is gone. */
const MISSED_MAX = 1;

export class Checkouts {
  readonly #rule: Rule;
  readonly #tracked = new Map<string, Tracked>();
  /** When the latest connection was opened, and the first one of those that were opened with it. */
  #opened = -Infinity;
  #burst = -Infinity;
  /** Latest beginning of an idleness that ended with the closing of its connection. */
  #closedSince = -Infinity;
  readonly #returns = new Returns();
  #patience: number;
  #changedAt = -Infinity;
  #begun = false;
  readonly #from: number;

  /** @param from run time from which connections that are opened are counted: older ones were there before anybody looked */
  constructor(rule: Rule, from: number) {
    this.#rule = rule;
    this.#patience = rule.patience;
    this.#from = from;
  }

  /** Seconds that a connection may be left alone now. */
  get patience(): number {
    return this.#patience;
  }

  /** @param isOpen whether the server still lists a session that none of the members has */
  update(now: number, members: readonly Member[], isOpen: (id: string) => boolean): Reading {
    const changes: Change[] = [];
    const seen = new Set<string>();
    const fresh: number[] = [];
    for (const member of members) {
      seen.add(member.session.id);
      const openedAt = this.#meet(now, member, changes);
      if (openedAt !== null) fresh.push(openedAt);
    }
    for (const t of fresh.toSorted((a, b) => a - b)) this.#open(t);
    const opened = fresh.filter((t) => t > this.#from).length;
    this.#begun = true;
    const closed = this.#part(now, seen, isOpen, changes);
    if (opened + closed > 0) this.#changedAt = now;
    this.#patience = Math.max(this.#rule.patience, PATIENCE_FACTOR * this.#returns.longest(this.#lost(now)));
    const tally = emptyTally();
    for (const tracked of this.#tracked.values()) {
      if (tracked.missed > 0) continue;
      this.#judge(now, tracked, changes);
      count(tally, now, tracked);
    }
    return { ...tally, opened, closed, changes, changedAt: this.#changedAt };
  }

  /** Everything ends: the process is gone. */
  end(now: number): Change[] {
    const changes: Change[] = [];
    for (const tracked of this.#tracked.values()) if (tracked.stuck) changes.push(changeOf('closed', now, tracked));
    this.#tracked.clear();
    return changes;
  }

  /** When it was opened, if it was not known. */
  #meet(now: number, member: Member, changes: Change[]): number | null {
    const { session } = member;
    const known = this.#tracked.get(session.id);
    const since = isIdle(session) ? (idleSince(session) ?? known?.since ?? now) : null;
    this.#changedAt = Math.max(this.#changedAt, session.changedAt ?? -Infinity);
    if (!known) {
      this.#tracked.set(session.id, { ...member, since, evidence: null, stuck: false, missed: 0 });
      return session.openedAt ?? (this.#begun ? now : -Infinity);
    }
    known.missed = 0;
    known.session = session;
    known.port = member.port;
    if (known.since === null) known.since = since;
    else if (since === null || since > known.since + this.#rule.tolerance) this.#returned(now, known, since, changes);
    return null;
  }

  #open(t: number): void {
    if (t - this.#opened > BURST_GAP_S + this.#rule.tolerance || t - this.#burst > BURST_MAX_S) this.#burst = t;
    this.#opened = t;
  }

  /** It did something after it had been left alone. */
  #returned(now: number, tracked: Tracked, since: number | null, changes: Change[]): void {
    const until = since ?? Math.min(now, tracked.session.changedAt ?? now);
    // Only what looked leaked and was not says how long a checkout may last: a cold member of a pool may rest for hours.
    if (looksLost(tracked)) this.#returns.add(tracked.session.id, until - tracked.since!);
    if (tracked.stuck) changes.push(changeOf('used', until, tracked));
    tracked.stuck = false;
    tracked.evidence = null;
    tracked.since = since;
  }

  /** How many were closed. */
  #part(now: number, seen: ReadonlySet<string>, isOpen: (id: string) => boolean, changes: Change[]): number {
    let closed = 0;
    for (const [id, tracked] of this.#tracked) {
      if (seen.has(id) || (isOpen(id) && tracked.missed++ < MISSED_MAX)) continue;
      closed++;
      this.#tracked.delete(id);
      if (tracked.since !== null && tracked.session.state === 'idle') this.#closedSince = Math.max(this.#closedSince, tracked.since);
      if (tracked.stuck) changes.push(changeOf('closed', now, tracked));
    }
    return closed;
  }

  /** For how long those that look lost, by what is known of before, have been left alone. */
  *#lost(now: number): Generator<number> {
    for (const tracked of this.#tracked.values()) if (looksLost(tracked)) yield now - tracked.since!;
  }

  #judge(now: number, tracked: Tracked, changes: Change[]): void {
    const evidence = this.#evidenceOf(tracked);
    const stuck = evidence !== null && now - tracked.since! > this.patience;
    if (!stuck && tracked.stuck) changes.push(changeOf('retracted', now, tracked));
    tracked.evidence = evidence;
    if (stuck && !tracked.stuck) changes.push(changeOf('stuck', now, tracked));
    tracked.stuck = stuck;
  }

  #evidenceOf({ session, since, evidence }: Tracked): Evidence | null {
    if (since === null) return null;
    if (session.state === 'idle_in_transaction') return 'transaction';
    if (evidence === 'newer' || evidence === 'closed') return evidence; // what has happened stays true
    if (this.#burst > since + this.#rule.tolerance) return 'newer';
    return this.#closedSince > since + this.#rule.tolerance ? 'closed' : null;
  }
}

/** By what happened to others; that it is in a transaction is not looks. */
function looksLost({ evidence }: Tracked): boolean {
  return evidence === 'newer' || evidence === 'closed';
}

export function emptyTally(): Tally {
  return { counts: Object.fromEntries(STATES.map((state) => [state, 0])) as Record<State, number>, oldest: {} };
}

/** By state alone, where nothing can be said of who holds what. */
export function tallyOf(now: number, sessions: readonly Session[]): Tally {
  const tally = emptyTally();
  for (const session of sessions) count(tally, now, { session, since: null, stuck: false });
  return tally;
}

function count({ counts, oldest }: Tally, now: number, one: Pick<Tracked, 'session' | 'since' | 'stuck'>): void {
  const state = stateOf(one);
  if (state === null) return;
  counts[state]++;
  const age = heldFor(now, state, one);
  if (age !== null) oldest[state] = Math.max(oldest[state] ?? 0, age);
}

function isIdle({ state, listens }: Session): boolean {
  return !listens && (state === 'idle' || state === 'idle_in_transaction');
}

/** Null: the server does not tell. */
function idleSince({ state, changedAt, openedAt, transactionAt }: Session): number | null {
  return changedAt ?? (state === 'idle' ? openedAt : transactionAt);
}

/** Null: the server does not tell. */
function stateOf({ stuck, session: { state, listens } }: Pick<Tracked, 'session' | 'stuck'>): State | null {
  if (stuck) return 'stuck';
  if (listens && state !== 'active') return 'subscribed';
  return state === 'unknown' ? null : state;
}

function heldFor(now: number, state: State, { since, session }: Pick<Tracked, 'session' | 'since'>): number | null {
  const { changedAt, transactionAt } = session;
  if (state === 'stuck') return since === null ? null : now - since;
  const from = state === 'idle_in_transaction' ? (transactionAt ?? changedAt) : state === 'active' ? changedAt : null;
  return from === null ? null : Math.max(0, now - from);
}

function changeOf(kind: Change['kind'], at: number, { session, port, evidence, since }: Tracked): Change {
  return { kind, session, port, evidence: evidence!, age: at - since! };
}
