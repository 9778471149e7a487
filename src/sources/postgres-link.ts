/**
 * The way to one server: opens a session, finds out who answers, and opens the next one when a session is lost. Only ever one at a time,
 * and in an outage never more than one attempt a second, so that a server in trouble has no trouble from us.
 */
import type { Clock } from '../clock.ts';
import type { OutageClass, Server } from '../servers.ts';
import { Bouncer } from './postgres-bouncer.ts';
import { type Facts, factsOf } from './postgres-facts.ts';
import { Refused, Unreachable } from './postgres-fault.ts';
import { Session } from './postgres-session.ts';

/** What a backend keeps of every table that it has ever opened goes with it. */
const RECYCLE_S = 3600;

/** Between attempts: at first, to see when the server is back; then for whoever lets it stay down over night. */
const SOON_S = 1;
const SOON_FOR_S = 300;
const LATER_S = 5;

/** What somebody must mend is tried less often: each attempt is a line in the server's log. */
const MENDED_BY_HAND: ReadonlySet<OutageClass> = new Set(['auth', 'protocol']);
const BY_HAND_S = 10;
const BY_HAND_LATER_S = 60;

export type Answering =
  | { readonly kind: 'postgres'; readonly session: Session; readonly facts: Facts }
  | { readonly kind: 'bouncer'; readonly session: Session; readonly version: string };

export class Link {
  readonly #server: Server;
  readonly #clock: Clock;
  #answering: Answering | null = null;
  #openedAt = 0;
  #nextAttempt = -Infinity;
  #failingSince: number | null = null;
  /** Once found, the console is asked first. */
  #isConsole: boolean;

  constructor(server: Server, clock: Clock) {
    this.#server = server;
    this.#clock = clock;
    this.#isConsole = isConsole(server.spec.url);
  }

  /** The session that is open and was not lost; null when there is none. */
  get open(): Answering | null {
    return this.#answering?.session.lost === null ? this.#answering : null;
  }

  /** Whether a session is missing, and it is time to try for one. */
  get isDue(): boolean {
    return this.open === null && this.#clock.monotonic() >= this.#nextAttempt;
  }

  /** The session that is open, or a new one when it is old. @throws {Unreachable} */
  async take(signal: AbortSignal): Promise<Answering> {
    const { open } = this;
    if (open !== null && this.#clock.monotonic() - this.#openedAt < RECYCLE_S) return open;
    this.close();
    this.#nextAttempt = this.#clock.monotonic() + SOON_S;
    try {
      this.#answering = await this.#connect(signal);
    } catch (error) {
      const fault = error instanceof Refused ? new Unreachable('protocol', error.message) : error;
      if (fault instanceof Unreachable) this.#wait(fault.why);
      throw fault;
    }
    this.#failingSince = null;
    this.#openedAt = this.#clock.monotonic();
    return this.#answering;
  }

  close(): void {
    this.#answering?.session.close();
    this.#answering = null;
  }

  #wait(why: OutageClass): void {
    const now = this.#clock.monotonic();
    this.#failingSince ??= now;
    const isLong = now - this.#failingSince >= SOON_FOR_S;
    const [soon, later] = MENDED_BY_HAND.has(why) ? [BY_HAND_S, BY_HAND_LATER_S] : [SOON_S, LATER_S];
    this.#nextAttempt = now + (isLong ? later : soon);
  }

  async #connect(signal: AbortSignal): Promise<Answering> {
    if (this.#isConsole) return this.#console(signal);
    try {
      return await this.#postgres(signal);
    } catch (error) {
      if (!(error instanceof Unreachable) || !error.pooler) throw error;
      return this.#consoleInstead(error, signal);
    }
  }

  async #postgres(signal: AbortSignal): Promise<Answering> {
    const session = await Session.open(this.#server.spec, signal);
    try {
      const facts = await factsOf(session);
      if (facts === null) throw new Unreachable('protocol', 'it speaks as Postgres does, but it is none');
      // The pid in the greeting is for cancelling; a pooler makes one up, and its sessions are shared with clients.
      if (session.backendPid !== facts.backendPid)
        throw new Unreachable('protocol', 'a connection pooler answers where Postgres was expected', true);
      return { kind: 'postgres', session, facts };
    } catch (error) {
      session.close();
      // A pooler lets everybody in, and keeps who asks waiting while its pool is used up.
      if (error instanceof Unreachable && error.why === 'timeout')
        throw new Unreachable('timeout', 'it let the agent in and then said nothing', true);
      throw error;
    }
  }

  async #consoleInstead(fault: Unreachable, signal: AbortSignal): Promise<Answering> {
    try {
      return await this.#console(signal);
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      const both = 'give the URL of Postgres itself; for the pools of PgBouncer add the user to stats_users in pgbouncer.ini';
      throw fault.why !== 'protocol'
        ? fault
        : new Unreachable('protocol', `a connection pooler answers where Postgres was expected: ${both}`);
    }
  }

  async #console(signal: AbortSignal): Promise<Answering> {
    const session = await Session.open(this.#server.spec, signal, { console: true });
    try {
      const version = await Bouncer.versionOf(session);
      this.#isConsole = true;
      return { kind: 'bouncer', session, version };
    } catch (error) {
      session.close();
      throw error;
    }
  }
}

/** The database of this name is the console of PgBouncer; nobody else has one. */
function isConsole(url: string): boolean {
  return new URL(url).pathname === '/pgbouncer';
}
