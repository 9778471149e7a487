/** What one round reads of whoever answers: the questions that are due, the user's gauges, and the memory of backends. */
import type { ServerSpec, SessionList } from '../servers.ts';
import { Activity, type ActivityQuery, activityQuery, sessionsOf } from './postgres-activity.ts';
import { ServerClock } from './postgres-clock.ts';
import { Bouncer } from './postgres-bouncer.ts';
import { DataFigures, Settings } from './postgres-data.ts';
import type { Facts } from './postgres-facts.ts';
import { amount, Figures, type Question } from './postgres-figures.ts';
import { Gauge } from './postgres-gauges.ts';
import { BackendMemory } from './postgres-memory.ts';
import { METRICS } from './postgres-metrics.ts';
import { METRICS as OBJECTS } from './postgres-object-metrics.ts';
import { ReplicationFigures } from './postgres-replication.ts';
import { Round } from './postgres-round.ts';
import { ServerFigures } from './postgres-server.ts';
import type { Session } from './postgres-session.ts';
import { Statements } from './postgres-statements.ts';
import { UpkeepFigures } from './postgres-upkeep.ts';
import { blindSpots, type ReportBlind, type Sink, type SourceContext } from './source.ts';

/** Seconds between rounds, and between those that also ask what costs more (research 4.2, contracts). */
export const PERIOD_S = 10;
const SLOW_S = 60;
const DATA_S = 600;

/** Gauges of one round: with all of them at their limit of 2 s the next round is still in time. */
const GAUGES_A_ROUND = 4;

export interface Reader {
  /** A round trip that does nothing else. @throws {Unreachable} */
  beat(): Promise<void>;
  /** @throws {Unreachable | Refused} */
  read(sink: Sink): Promise<void>;
  /** @throws {Unreachable | Refused} */
  sessions(now: () => number): Promise<SessionList>;
}

export interface PostgresOptions {
  /** Run time in seconds at which lists of tables and statements are frozen. */
  readonly warmup: number;
  /** Whether the last statements of stuck connections are shown, without their literals. */
  readonly texts?: boolean;
}

/** What is remembered of a server from one session to the next. */
export class Watched {
  readonly figures: Figures;
  readonly clock = new ServerClock();
  readonly blind: ReportBlind = blindSpots();
  readonly gauges: readonly Gauge[];
  readonly activity: Activity;
  readonly query: ActivityQuery;
  readonly server: ServerFigures;
  readonly replication: ReplicationFigures;
  readonly data: DataFigures;
  readonly statements: Statements;
  readonly upkeep: UpkeepFigures;
  readonly settings: Settings;
  readonly memory: BackendMemory;
  readonly warmup: number;
  slowDue = -Infinity;
  dataDue = -Infinity;

  constructor(ctx: Pick<SourceContext, 'series' | 'roots'>, spec: ServerSpec, facts: Facts, { warmup, texts = false }: PostgresOptions) {
    const figures = new Figures(ctx.series, spec.name);
    this.figures = figures;
    this.warmup = warmup;
    this.gauges = spec.gauges.map((gauge) => new Gauge(gauge, figures, this.blind));
    this.query = activityQuery(texts);
    this.activity = new Activity(figures, facts, { clock: this.clock, period: PERIOD_S, query: this.query });
    this.server = new ServerFigures(figures, facts, PERIOD_S);
    this.replication = new ReplicationFigures(figures, facts, PERIOD_S);
    this.data = new DataFigures(figures, facts, DATA_S, this.blind);
    this.statements = new Statements(figures, SLOW_S);
    this.upkeep = new UpkeepFigures(figures, SLOW_S);
    this.memory = new BackendMemory(ctx.roots.proc, figures, SLOW_S);
    this.settings = new Settings((sink, names) => {
      const [first = ''] = names;
      const what = names.length === 1 ? `the setting ${first}` : `${names.length} settings (${names.slice(0, 5).join(', ')})`;
      sink.event('server_changed', `${what} of ${spec.name} changed`, {
        target: spec.name,
        data: { server: spec.name, what: 'settings', names: names.join(',') },
      });
    });
  }
}

export class PostgresReader implements Reader {
  readonly #session: Session;
  readonly #facts: Facts;
  readonly #watched: Watched;
  readonly #round: Round;
  readonly #keep: (list: SessionList) => void;
  #sessions: SessionList | null = null;

  /** @param keep is given every list of sessions that a round has read */
  constructor(session: Session, facts: Facts, watched: Watched, keep: (list: SessionList) => void) {
    this.#session = session;
    this.#facts = facts;
    this.#watched = watched;
    this.#keep = keep;
    this.#round = new Round(session, watched.figures, watched.blind);
    for (const part of [watched.activity, watched.server, watched.replication, watched.data]) part.use(facts);
  }

  beat(): Promise<void> {
    return this.#session.ping();
  }

  async read(sink: Sink): Promise<void> {
    const { settings, server, replication, data, activity, statements, upkeep, warmup } = this.#watched;
    const now = sink.now();
    const [isSlow, isData] = [now >= this.#watched.slowDue, now >= this.#watched.dataDue];
    this.#tellBlind(sink);
    const asked = [
      activity.question((list, horizon) => {
        this.#sessions = list;
        server.sessionHorizon = horizon;
        this.#keep(list);
      }),
      ...server.questions(),
      ...replication.questions(),
    ];
    await this.#round.ask(asked, sink);
    // A second less: the next round of their own may come a moment early.
    if (isSlow) {
      this.#watched.slowDue = now + SLOW_S - 1;
      const slow = [...statements.questions(this.#facts, now >= warmup), ...upkeep.questions(this.#facts), ...this.#ownMemory()];
      await this.#round.ask(slow, sink);
      if (this.#session.isLocal && this.#sessions !== null) this.#watched.memory.read(sink, this.#sessions.sessions);
    }
    if (isData) {
      this.#watched.dataDue = now + DATA_S - 1;
      await this.#round.ask(data.questions(now >= warmup, settings), sink);
    }
    await this.#readGauges(sink);
    if (replication.hasChangedRole) this.#session.close(); // the next one asks anew what the server is
  }

  async sessions(now: () => number): Promise<SessionList> {
    const { query, clock } = this.#watched;
    const [rows = []] = await this.#session.query([query.sql]);
    return sessionsOf(query.rows(rows), now(), this.#facts, clock);
  }

  async #readGauges(sink: Sink): Promise<void> {
    const due = this.#watched.gauges.filter((gauge) => gauge.due <= sink.now()).toSorted((a, b) => a.due - b.due);
    for (const gauge of due.slice(0, GAUGES_A_ROUND)) await gauge.read(this.#session, sink, this.#facts.user);
  }

  #ownMemory(): Question[] {
    if (!this.#facts.seesOwnMemory) return [];
    const sql = 'SELECT sum(total_bytes)::float8 AS bytes FROM pg_backend_memory_contexts';
    const { figures } = this.#watched;
    return [
      {
        metric: OBJECTS.ownMemory,
        sql,
        take: ([row], at, sink) => figures.set({ sink, at, period: SLOW_S }, OBJECTS.ownMemory, amount(row, 'bytes')),
      },
    ];
  }

  #tellBlind(sink: Sink): void {
    const { readsAll, user, statements, database } = this.#facts;
    const { blind, figures } = this.#watched;
    const about = { target: figures.target };
    if (!readsAll)
      blind(
        sink,
        METRICS.connections.name,
        `the user ${user} sees the states of its own sessions only; GRANT pg_monitor TO ${user}`,
        about,
      );
    if (statements === null) {
      const mend = `CREATE EXTENSION pg_stat_statements in the database ${database}, with pg_stat_statements in shared_preload_libraries`;
      blind(sink, OBJECTS.statementTime.name, `pg_stat_statements is not installed where we are connected; ${mend}`, about);
    }
  }
}

export class BouncerReader implements Reader {
  readonly #session: Session;
  readonly #bouncer: Bouncer;

  constructor(session: Session, figures: Figures) {
    this.#session = session;
    this.#bouncer = new Bouncer(session, figures, PERIOD_S);
  }

  /** The console ends the session of whoever speaks anything but plain queries. */
  async beat(): Promise<void> {
    await Bouncer.versionOf(this.#session);
  }

  read(sink: Sink): Promise<void> {
    return this.#bouncer.read(sink);
  }

  sessions(now: () => number): Promise<SessionList> {
    return this.#bouncer.sessions(now);
  }
}
