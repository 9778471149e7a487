/** What a run would see: the real sources, opened, read a few times and closed. Nothing is recorded and nothing is started. */
import { intakesOf } from '../intakes.ts';
import { Judge } from '../analysis/judge.ts';
import { type Clock, deadline } from '../clock.ts';
import type { Config } from '../config/config.ts';
import { judgeOptions } from '../judging.ts';
import type { Logger } from '../log.ts';
import { messageOf } from '../problem.ts';
import { RunState } from '../runstate.ts';
import { SeriesTable } from '../series.ts';
import { sources } from '../sources/index.ts';
import type { Sink, Source } from '../sources/source.ts';
import type { Targets } from '../targets.ts';
import { type Server, Servers } from '../servers.ts';
import { Batch, type EventKind, type RunEvent } from '../tick.ts';

/**
 * Seconds after the first round of reads at which there are others: shares of time need two reads, and what is only told every 5 s
 * (the runtime's figures) needs a later one.
 */
const LATER_ROUNDS = [1, 5] as const;

/** A source that answers later than this is told as one that does not answer; a run is more patient. */
const ANSWER_S = 3;

export interface Observation {
  readonly state: RunState;
  /** Sources of which a read failed as a whole, and why. */
  readonly failures: ReadonlyMap<string, string>;
  readonly servers: readonly Server[];
  /** Why servers do not answer, by their names. */
  readonly outages: ReadonlyMap<string, string>;
}

/** @param targets of programs that run: they are bound by the first round */
export async function observe(
  config: Config,
  targets: Targets,
  { clock, log }: { readonly clock: Clock; readonly log: Logger },
): Promise<Observation> {
  const series = new SeriesTable();
  const state = new RunState(new Judge(judgeOptions(config)), series);
  const eye = new Eye(clock, state);
  const figures = {
    schedule: () => ({ lateness: 0, sources: [] }),
    recordSize: () => null,
    losses: () => null,
    series: () => series.size,
    look: () => null,
  };
  const servers = new Servers(config.servers);
  const ctx = { series, targets, servers, clock, log, roots: config.roots };
  const all = sources(ctx, config, { figures, intakes: intakesOf(ctx, config), inbound: null });
  try {
    for (const source of all) await source.open(eye);
    await eye.round(all);
    const first = clock.monotonic();
    for (const later of targets.all().length + servers.all().length > 0 ? LATER_ROUNDS : []) {
      await clock.sleepUntil(first + later);
      await eye.round(all);
    }
  } finally {
    for (const source of all) await source.close();
  }
  return { state, failures: eye.failures, servers: servers.all(), outages: eye.outages };
}

/** Collects what the sources report and folds it as a run does. */
class Eye implements Sink {
  readonly failures = new Map<string, string>();
  readonly outages = new Map<string, string>();
  readonly #clock: Clock;
  readonly #origin: number;
  readonly #state: RunState;
  readonly #batch = new Batch();
  #rounds = 0;

  constructor(clock: Clock, state: RunState) {
    this.#clock = clock;
    this.#origin = clock.monotonic();
    this.#state = state;
  }

  now(): number {
    return this.#clock.monotonic() - this.#origin;
  }

  set(series: number, value: number, at = this.now()): void {
    this.#batch.set(series, value, at);
  }

  event(kind: EventKind, message: string, about: Partial<Pick<RunEvent, 'target' | 'member' | 'data'>> = {}): void {
    const { target = null, member = null, data = {} } = about;
    if (kind === 'server_down' && target !== null) this.outages.set(target, message);
    this.#batch.event({ t: this.now(), kind, target, member, message, data });
  }

  async round(sources: readonly Source[]): Promise<void> {
    for (const source of sources) await this.#read(source);
    this.#state.fold(this.#batch.close(this.#rounds++, this.now(), this.#clock.wall()));
  }

  async #read(source: Source): Promise<void> {
    const limit = deadline(ANSWER_S, `no answer within ${ANSWER_S} s`);
    limit.start();
    try {
      await source.read(this, limit.signal);
      this.failures.delete(source.name);
    } catch (error) {
      this.failures.set(source.name, messageOf(error));
    } finally {
      limit.end();
    }
  }
}
