/**
 * One Postgres server, or the PgBouncer that stands in its place. One session asks everything: each round is one message of some ten
 * statements, so that it costs one line in a statement log, and what costs the server more comes once a minute or once in ten.
 */
import { messageOf } from '../problem.ts';
import type { Server, SessionList } from '../servers.ts';
import { Outages } from './outages.ts';
import { METRICS as BOUNCER } from './postgres-bouncer.ts';
import type { Facts } from './postgres-facts.ts';
import { Unreachable } from './postgres-fault.ts';
import { Figures } from './postgres-figures.ts';
import { type Answering, Link } from './postgres-link.ts';
import { COUNTERS, METRICS as SERVER } from './postgres-metrics.ts';
import { METRICS as OBJECTS } from './postgres-object-metrics.ts';
import { METRICS as REPLICATION } from './postgres-replication-metrics.ts';
import { BouncerReader, PERIOD_S, PostgresReader, type Reader, Watched, type PostgresOptions } from './postgres-reader.ts';
import { blindSpots, type Sink, type Source, type SourceContext } from './source.ts';

export const METRICS = { ...SERVER, ...REPLICATION, ...COUNTERS, ...OBJECTS, ...BOUNCER };

/** An answer of the last half second is given again (`Server.sessions`). */
const FRESH_S = 0.5;

export function postgresSource(ctx: SourceContext, server: Server, options: PostgresOptions): Source {
  return new PostgresSource(ctx, server, options);
}

class PostgresSource implements Source {
  readonly name: string;
  readonly period = PERIOD_S;
  readonly #ctx: SourceContext;
  readonly #server: Server;
  readonly #options: PostgresOptions;
  readonly #link: Link;
  readonly #outages: Outages;
  readonly #blind = blindSpots();
  #watched: Watched | null = null;
  #reader: { readonly of: Answering; readonly reader: Reader } | null = null;
  #life: Pick<Facts, 'started' | 'standby'> | null = null;
  #now: () => number = () => 0;
  #sessions: SessionList | null = null;
  #asking: Promise<SessionList | null> | null = null;

  constructor(ctx: SourceContext, server: Server, options: PostgresOptions) {
    const { name } = server.spec;
    this.name = `postgres ${name}`;
    this.#ctx = ctx;
    this.#server = server;
    this.#options = options;
    this.#link = new Link(server, ctx.clock);
    this.#outages = new Outages(ctx.series, server, { source: 'postgres', target: name, member: null, period: PERIOD_S });
    server.sessions = (signal) => this.#ask(signal);
  }

  open(sink: Sink): void {
    this.#now = () => sink.now();
  }

  wants(): boolean {
    return this.#link.isDue && this.#server.availability.state !== 'unknown';
  }

  async read(sink: Sink, signal: AbortSignal): Promise<void> {
    if (this.#link.open === null && !this.#link.isDue) return; // too soon after the last attempt
    const stop = (): void => this.#link.close();
    signal.addEventListener('abort', stop, { once: true });
    try {
      await this.#readOrReconnect(sink, signal);
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  close(): void {
    this.#link.close();
  }

  /** A session that was lost is no outage when the next one opens at once: an administrator may end one at any time. */
  async #readOrReconnect(sink: Sink, signal: AbortSignal): Promise<void> {
    const since = sink.now();
    for (let attempt = 1; ; attempt++) {
      const hadSession = this.#link.open !== null;
      try {
        return await this.#readOnce(sink, signal);
      } catch (error) {
        if (signal.aborted) return; // the run ends, or all of it took too long and was told one by one
        if (!(error instanceof Unreachable)) throw error;
        if (hadSession && attempt === 1) continue;
        this.#sessions = null;
        return this.#outages.silent(sink, { why: error.why, detail: error.detail, since });
      }
    }
  }

  async #readOnce(sink: Sink, signal: AbortSignal): Promise<void> {
    const answering = await this.#link.take(signal);
    const reader = this.#readerOf(answering, sink);
    const from = this.#ctx.clock.monotonic();
    await reader.beat();
    this.#outages.answered(sink, this.#ctx.clock.monotonic() - from);
    await reader.read(sink);
  }

  #readerOf(answering: Answering, sink: Sink): Reader {
    if (this.#reader?.of === answering) return this.#reader.reader;
    const { session } = answering;
    const { endpoint } = session;
    this.#server.endpoints = endpoint === null ? [] : [endpoint];
    this.#server.system = answering.kind === 'bouncer' ? 'pgbouncer' : 'postgresql';
    const reader = answering.kind === 'bouncer' ? this.#bouncer(answering, sink) : this.#postgres(answering, sink);
    this.#reader = { of: answering, reader };
    return reader;
  }

  #postgres({ session, facts }: Extract<Answering, { kind: 'postgres' }>, sink: Sink): Reader {
    this.#tellChanges(sink, facts);
    this.#server.sessionLimit = facts.sessionLimit;
    this.#watched ??= new Watched(this.#ctx, this.#server.spec, facts, this.#options);
    return new PostgresReader(session, facts, this.#watched, (list) => (this.#sessions = list));
  }

  #bouncer({ session, version }: Extract<Answering, { kind: 'bouncer' }>, sink: Sink): Reader {
    const { name } = this.#server.spec;
    this.#server.version = version;
    this.#server.sessionLimit = null;
    const reason = `${version} answers there, so its pools are read; for what is behind it, give Postgres itself a --postgres of its own`;
    this.#blind(sink, SERVER.backends.name, reason, { target: name });
    return new BouncerReader(session, new Figures(this.#ctx.series, name));
  }

  #tellChanges(sink: Sink, { version, started, standby }: Facts): void {
    const { name } = this.#server.spec;
    const [before, was] = [this.#life, this.#server.version];
    const now = `PostgreSQL ${version}`;
    this.#life = { started, standby };
    this.#server.version = now;
    const change = (what: string, message: string): void =>
      sink.event('server_changed', message, { target: name, data: { server: name, what } });
    if (was !== null && was !== now) change('version', `${name} is ${now} now; it was ${was}`);
    else if (before !== null && before.started !== started) change('restart', `${name} was started again`);
    if (before !== null && before.standby !== standby) change('role', `${name} is ${standby ? 'a standby' : 'a primary'} now`);
  }

  /** Single-flight: who asks while an answer is on its way is given the same one. */
  #ask(signal: AbortSignal): Promise<SessionList | null> {
    if (this.#sessions !== null && this.#now() - this.#sessions.at <= FRESH_S) return Promise.resolve(this.#sessions);
    const reader = this.#link.open === null ? undefined : this.#reader?.reader;
    if (reader === undefined || signal.aborted) return Promise.resolve(null);
    this.#asking ??= this.#askNow(reader).finally(() => (this.#asking = null));
    return this.#asking;
  }

  /** A session that is lost on the way is found by the next read, which says so. */
  async #askNow(reader: Reader): Promise<SessionList | null> {
    try {
      this.#sessions = await reader.sessions(this.#now);
      return this.#sessions;
    } catch (error) {
      this.#ctx.log.debug(`the sessions of ${this.#server.spec.name} cannot be read: ${messageOf(error)}`);
      return null;
    }
  }
}
