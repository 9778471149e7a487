/** The sessions of a server, from one reading of pg_stat_activity: as `Server.sessions` gives them, and what they sum up to. */
import type { Session as ClientSession, SessionList, SessionState } from '../servers.ts';
import type { ServerClock } from './postgres-clock.ts';
import { age, amount, type Figures, Names, num, OTHER, type Question, text } from './postgres-figures.ts';
import type { Facts } from './postgres-facts.ts';
import { METRICS, NAMES_MAX, SESSION_STATES } from './postgres-metrics.ts';
import { type Column, Packed } from './postgres-packed.ts';
import { APPLICATION, type Row } from './postgres-session.ts';
import { withoutLiterals } from './postgres-text.ts';
import type { Sink } from './source.ts';

/** 2,000 rows are some 500 kB of text and 10 ms to read; a server that has more is behind a pooler or in trouble that is seen elsewhere. */
export const SESSIONS_MAX = 2000;

/** `date_part` is a float8 as it comes, which `extract` is no more since version 14: to make it one goes by way of a text. */
const epoch = (time: string): Column => ({ sql: `date_part('epoch', ${time})`, kind: 'number' });
const name = (sql: string): Column => ({ sql, kind: 'name' });
const word = (sql: string): Column => ({ sql, kind: 'text' });
const number = (sql: string): Column => ({ sql, kind: 'number' });

/** Characters of a statement that are asked for. */
const TEXT_MAX = 400;

/** Of statements a hash is asked for, and whether the session listens. */
const COLUMNS = {
  pid: number('pid'),
  kind: word('backend_type'),
  started: epoch('backend_start'),
  opened: epoch('now() - backend_start'),
  address: word('host(client_addr)'),
  port: number('client_port'),
  user: name('usename::text'),
  database: name('datname::text'),
  application: name('application_name'),
  state: word('state'),
  waits: word('wait_event_type'),
  changed: epoch('now() - state_change'),
  transaction: epoch('now() - xact_start'),
  asked: epoch('now() - query_start'),
  clock: epoch('now()'),
  xmin: number('age(backend_xmin)'),
  hash: word("left(md5(nullif(query, '')), 16)"),
  listens: { sql: "query ~* '^\\s*listen\\M'", kind: 'truth' },
} as const;

/** How the sessions are asked for, and what is made of the answer. */
export interface ActivityQuery {
  readonly sql: string;
  readonly rows: (packed: readonly Row[]) => Row[];
}

/** @param texts whether the text of statements is asked for; else it stays on the server */
export function activityQuery(texts: boolean): ActivityQuery {
  const packed = new Packed({ ...COLUMNS, ...(texts ? { statement: name(`left(query, ${TEXT_MAX})`) } : {}) });
  // Background processes hide behind NULL where we may not see them, but they have no database.
  const clients = "backend_type IN ('client backend', 'walsender') OR (backend_type IS NULL AND datid IS NOT NULL)";
  const sql = `SELECT ${packed.sql} FROM pg_stat_activity WHERE ${clients} LIMIT ${SESSIONS_MAX + 1}`;
  return { sql, rows: (rows) => packed.rows(rows) };
}

/** An empty label would be none. */
const UNNAMED = 'unnamed';

const IDLE_IN_TRANSACTION = /^idle in transaction/;

/** Sessions of clients. Ages are the server's own, counted back from when it took them. @param came run time of the answer, seconds */
export function sessionsOf(
  rows: readonly Row[],
  came: number,
  facts: Pick<Facts, 'readsAll' | 'backendPid'>,
  clock: ServerClock,
): SessionList {
  const at = clock.takenAt(came, num(rows[0], 'clock'));
  const clients = rows.slice(0, SESSIONS_MAX).filter((row) => row['kind'] !== 'walsender');
  const sessions = clients.map((row) => sessionOf(row, at, facts.backendPid));
  // `track_activities = off` hides states as well as a missing privilege does.
  const hidden = sessions.some(({ state, ours }) => state === 'unknown' && !ours);
  return { at, sessions, complete: facts.readsAll && !hidden && rows.length <= SESSIONS_MAX };
}

function sessionOf(row: Row, at: number, own: number): ClientSession {
  const since = (column: string): number | null => {
    const passed = age(row, column);
    return passed === null ? null : at - passed;
  };
  const application = text(row, 'application');
  const pid = num(row, 'pid');
  const state = stateOf(row);
  const statement = state === 'unknown' ? null : text(row, 'statement');
  return {
    id: `${pid ?? ''}.${num(row, 'started') ?? ''}`,
    pid,
    peer: peerOf(row),
    user: text(row, 'user'),
    database: text(row, 'database'),
    application,
    state,
    openedAt: since('opened'),
    changedAt: since('changed'),
    transactionAt: since('transaction'),
    queryHash: state === 'unknown' ? null : text(row, 'hash'), // else of the words that hide it
    ...(statement === null ? {} : { statement: withoutLiterals(statement) }),
    listens: row['listens'] === true,
    ours: pid === own || application === APPLICATION,
  };
}

/** Port -1 is a unix socket; no port at all is hidden from us. */
function peerOf(row: Row): ClientSession['peer'] {
  const [address, port] = [text(row, 'address'), num(row, 'port')];
  if (port === -1) return 'unix';
  return address === null || port === null ? null : { address, port };
}

function stateOf(row: Row): SessionState {
  const state = text(row, 'state');
  if (state === 'idle') return 'idle';
  if (state === null || state === 'disabled') return 'unknown';
  if (IDLE_IN_TRANSACTION.test(state)) return 'idle_in_transaction';
  if (state !== 'active' && state !== 'fastpath function call') return 'unknown';
  return row['waits'] === 'Lock' ? 'waiting_lock' : 'active';
}

interface ActivityOptions {
  readonly clock: ServerClock;
  /** Seconds between rounds. */
  readonly period: number;
  readonly query: ActivityQuery;
}

/** What the sessions sum up to, every round. */
export class Activity {
  readonly #figures: Figures;
  #facts: Facts;
  readonly #clock: ServerClock;
  readonly #period: number;
  readonly #query: ActivityQuery;
  readonly #applications: Names;
  /** Counts that were told once are told on, at zero: a state that empties is no gap. */
  readonly #seen = new Map<string, { state: (typeof SESSION_STATES)[number]; application: string }>();

  constructor(figures: Figures, facts: Facts, { clock, period, query }: ActivityOptions) {
    this.#clock = clock;
    this.#figures = figures;
    this.#facts = facts;
    this.#period = period;
    this.#query = query;
    this.#applications = new Names(NAMES_MAX, figures.known(METRICS.connections, 'application'));
  }

  /** What is known of the server changes with its sessions: it may be another version after a restart, or no standby any more. */
  use(facts: Facts): void {
    this.#facts = facts;
  }

  /** @param keep is given the list, and the age of the oldest horizon that a session holds; null when none holds one */
  question(keep: (list: SessionList, horizon: number | null) => void): Question {
    return {
      metric: METRICS.connections,
      sql: this.#query.sql,
      take: (packed, at, sink) => {
        const rows = this.#query.rows(packed);
        const list = sessionsOf(rows, at, this.#facts, this.#clock);
        const horizons = rows.map((row) => amount(row, 'xmin')).filter((one) => one !== null);
        keep(list, horizons.length === 0 ? null : Math.max(...horizons));
        this.#tell(list, rows, sink);
      },
    };
  }

  #tell({ sessions, at }: SessionList, rows: readonly Row[], sink: Sink): void {
    const stamp = { sink, at, period: this.#period };
    if (rows.length <= SESSIONS_MAX) this.#figures.set(stamp, METRICS.backends, sessions.length);
    this.#figures.set(stamp, METRICS.connectionMax, this.#facts.sessionLimit);
    if (!this.#facts.readsAll) return; // nobody else's states and ages are shown, and ours say nothing
    this.#count(sessions, stamp);
    const others = sessions.filter(({ ours }) => !ours);
    const oldest = (list: readonly (number | null)[]): number => at - Math.min(at, ...list.filter((time) => time !== null));
    this.#figures.set(stamp, METRICS.transactionAge, oldest(others.map(({ transactionAt }) => transactionAt)));
    const idle = others.filter(({ state }) => state === 'idle_in_transaction');
    this.#figures.set(stamp, METRICS.idleInTransactionAge, oldest(idle.map(({ changedAt }) => changedAt)));
    if (!this.#facts.has('pg_locks', 'waitstart')) this.#tellLocks(rows, stamp);
  }

  #count(sessions: readonly ClientSession[], stamp: Parameters<Figures['set']>[0]): void {
    const counts = new Map<string, number>();
    for (const session of sessions) {
      const state = SESSION_STATES.find((one) => one === session.state) ?? 'unknown';
      const application = session.application === null ? OTHER : this.#applications.of(session.application || UNNAMED);
      const key = JSON.stringify([state, application]);
      this.#seen.set(key, { state, application });
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    for (const [key, labels] of this.#seen) this.#figures.set(stamp, METRICS.connections, counts.get(key) ?? 0, labels);
  }

  /** Version 13 does not tell since when somebody waits: since the statement began at the latest. */
  #tellLocks(rows: readonly Row[], stamp: Parameters<Figures['set']>[0]): void {
    const waiting = rows.filter((row) => row['waits'] === 'Lock');
    this.#figures.set(stamp, METRICS.lockWaiting, waiting.length);
    this.#figures.set(stamp, METRICS.lockWait, Math.max(0, ...waiting.map((row) => age(row, 'asked') ?? 0)));
  }
}
