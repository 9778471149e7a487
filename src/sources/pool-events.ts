/** Tells of connections that are not given back, and of those that are after all. */
import { formatDuration } from '../quantity.ts';
import type { Proc } from '../targets.ts';
import type { Change, Evidence } from './pool-evidence.ts';
import type { Labels } from './pool-series.ts';
import type { Sink } from './source.ts';

/** Told of one role in one run; a leak is known long before, and events are kept for ever. */
const TOLD_MAX = 100;

const BECAUSE: Readonly<Record<Evidence, string>> = {
  newer: 'another one was opened since, which a pool with an idle one does not do',
  closed: 'another one that was idle for less time was closed since',
  transaction: 'it is idle in a transaction',
};

const RETURNED: Readonly<Record<Exclude<Change['kind'], 'stuck'>, string>> = {
  used: 'was used again',
  closed: 'was closed',
  retracted: 'may be held on purpose: others of its pool came back after as long',
};

export class PoolEvents {
  readonly #role: string;
  /** Sessions that were told of as stuck. */
  readonly #told = new Set<string>();
  #left = TOLD_MAX;

  constructor(role: string) {
    this.#role = role;
  }

  tell(sink: Sink, { kind, session, port, evidence, age }: Change, pool: Labels, proc: Proc): void {
    const key = `${pool['soak.server']} ${session.id}`;
    if (kind === 'stuck' ? this.#left === 0 : !this.#told.delete(key)) return;
    const { pid, application, queryHash: query, statement } = session;
    const where = { server: pool['soak.server'], database: pool['db.namespace'], user: pool['user.name'] };
    const data = {
      ...where,
      session: session.id,
      pid,
      port,
      application,
      query,
      ...(statement ? { statement } : {}),
      age: Math.round(age * 10) / 10,
      evidence,
    };
    const about = { target: this.#role, member: proc.member, data };
    const name = `a connection of ${this.#role} to ${where.server}${port === null ? '' : ` (port ${port})`}`;
    if (kind !== 'stuck') {
      sink.event('connection_returned', `${name}, left alone for ${formatDuration(age)}, ${RETURNED[kind]}`, about);
      return;
    }
    this.#told.add(key);
    sink.event('connection_stuck', `${name} is left alone for ${formatDuration(age)}: ${BECAUSE[evidence]}`, about);
    if (--this.#left > 0) return;
    const what = `stuck connections of ${this.#role}`;
    sink.event('cap', `no more ${what} are told one by one: there were ${TOLD_MAX}`, { target: this.#role, data: { what } });
  }
}
