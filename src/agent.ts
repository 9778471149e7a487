/**
 * The composition root of a run: what is started in which order, what happens after each tick, and what is stopped in which order.
 * Whoever is still producing finds someone listening: record and views come up before the sources and go down after them.
 */
import { Judge, type RunInfo } from './analysis/judge.ts';
import type { SeriesJudgement } from './analysis/judgement.ts';
import type { Verdict } from './analysis/verdict.ts';
import type { Clock } from './clock.ts';
import { type Config, configHash, redactedConfig } from './config/config.ts';
import { type Ending, ending } from './ending.ts';
import type { ReportedHeader } from './report/report.ts';
import type { Env } from './config/environment.ts';
import { atPortablePace } from './config/portable.ts';
import { exportedRun } from './exported.ts';
import { HeapGrowth } from './heapgrowth.ts';
import { judgeOptions } from './judging.ts';
import { beginOrGoOn } from './leftbehind.ts';
import { LivePage } from './live.ts';
import { type Load, startLoad } from './load.ts';
import { type LoadAdvice, loadAdvice, loadOutcome, loadToolOf } from './loadtool.ts';
import { createLogger, type Logger } from './log.ts';
import { Loop, RunTime } from './loop.ts';
import { assert, messageOf } from './problem.ts';
import { COOLDOWN, isJudgedPhase, PhasePlan } from './phases.ts';
import { groupsToEnd, type OpenedRun, openRun } from './runs.ts';
import { RunState } from './runstate.ts';
import { SeriesTable } from './series.ts';
import type { Claims } from './intake/claims.ts';
import type { LoadTools } from './traffic/loadtools.ts';
import { intakesOf } from './intakes.ts';
import { hostFacts } from './sources/facts.ts';
import type { Inbound } from './sources/inbound.ts';
import { sources } from './sources/index.ts';
import { findTargetsPortably } from './sources/portable-selection.ts';
import { findTargets } from './sources/selection.ts';
import type { AgentFigures } from './sources/self.ts';
import type { Source, SourceContext } from './sources/source.ts';
import { type StopStep, stopInOrder } from './stopping.ts';
import { Servers } from './servers.ts';
import { Targets } from './targets.ts';
import { VERSION } from './version.ts';
import { type Listener, listen } from './views/http.ts';
import { MetricsPage } from './views/metricspage.ts';
import { type Otel, startOtel } from './views/otel.ts';
import { runRoutes } from './views/routes.ts';
import type { ExportedRun } from './views/runmetrics.ts';

/** Seconds that each step of a stop may take; together less than 8 (contracts; a test adds them up). */
export const STEP_S = { reads: 0.1, finish: 0.7, producers: 2, tick: 0.5, verdict: 0.5, export: 2.2, listener: 1.5 } as const;

export interface AgentIo {
  readonly clock: Clock;
  readonly env: Env;
}

/** What a run that has ended leaves. */
export interface Ended {
  readonly verdict: Verdict;
  readonly ending: Ending;
  /** Ticks that were judged but are not in the record. */
  readonly ticksLost: number;
  /** What went wrong while stopping; the verdict stands. */
  readonly errors: readonly unknown[];
}

/** A run that is under way. */
export class Agent {
  readonly config: Config;
  readonly state: RunState;
  readonly targets: Targets;
  /** What came of the points that others told. */
  readonly claims: Claims;
  readonly #tools: LoadTools;
  readonly #clock: Clock;
  readonly #env: Env;
  readonly #log: Logger;
  readonly #sources: readonly Source[];
  /** Ends every wait of the run. */
  readonly #over = new AbortController();
  #ending: Ending | null = null;
  #opened: OpenedRun | null = null;
  #time: RunTime | null = null;
  #loop: Loop | null = null;
  #load: Load | null = null;
  #otel: Otel | null = null;
  #listener: Listener | null = null;
  #phases: PhasePlan | null = null;
  #endedAt: number | null = null;
  #inboundUrl: string | null = null;
  #header: ReportedHeader | null = null;
  readonly #page: LivePage;
  readonly #metrics: MetricsPage;

  constructor(given: Config, { clock, env }: AgentIo) {
    const config = (this.config = atPortablePace(given));
    this.#clock = clock;
    this.#env = env;
    this.#log = createLogger(clock, config.logLevel);
    const targets = (this.targets = new Targets(config.targets));
    const table = new SeriesTable((what) =>
      this.#loop?.event('cap', `no more ${what}: what is beyond is not recorded`, { data: { what } }),
    );
    this.state = new RunState(new Judge(judgeOptions(config)), table);
    const ctx: SourceContext = { series: table, targets, servers: new Servers(config.servers), clock, log: this.#log, roots: config.roots };
    const intakes = intakesOf(ctx, config);
    this.claims = intakes.claims;
    this.#tools = intakes.tools;
    this.#page = this.#livePage();
    this.#metrics = new MetricsPage(() => this.#otel?.collect(), this.state, clock);
    this.#sources = sources(ctx, config, { figures: this.#figures(), intakes, inbound: this.#inbound() });
  }

  /** Address of the pages, or null without a listener. */
  get url(): string | null {
    return this.#listener?.url ?? null;
  }

  /** Where others push to, or null without an inbound listener. */
  get inboundUrl(): string | null {
    return this.#inboundUrl;
  }

  /** Folder of the run. */
  get folder(): string {
    return this.#run().folder;
  }

  /** Run time, seconds. */
  now(): number {
    return this.#time?.now() ?? 0;
  }

  /**
   * Opens everything in order; what was opened is closed again when a later part cannot start.
   * @param wait aborted when the user no longer wants to wait for a target
   * @throws {Problem} whatever the user must mend, before anything is written where it can be known
   */
  async start(wait: AbortSignal): Promise<readonly string[]> {
    try {
      // First: where the target is started after the agent, whoever starts it waits for /healthz.
      if (this.config.listen) this.#listener = await listen(this.config.listen, this.#routes(), this.#log);
      const find = this.config.source === 'pidusage' ? findTargetsPortably : findTargets;
      const leaving = groupsToEnd(this.config.out, { configHash: configHash(this.config), agent: VERSION }, this.config.targets);
      const notes = await find(this.targets, { ...this.config, env: this.#env, leaving }, this.#clock, wait);
      const messages = [...notes, ...(await this.#openRun())];
      await this.#openExport();
      for (const source of this.#sources) await source.open(this.#sink());
      if (this.config.command === null) return messages;
      const advice = loadAdvice(this.config.command, this.#env, {
        inbound: this.#inboundUrl?.replace(/^http:\/\//, '') ?? null,
        jtl: this.config.jtl.length > 0,
      });
      this.#load = await this.#startLoad(this.config.command, advice);
      return [...messages, ...advice.messages];
    } catch (error) {
      await stopInOrder(
        [...this.#closing(), { name: 'record', seconds: 1, run: () => this.#opened?.abandon() }, ...this.#unlisten()],
        this.#log,
      );
      throw error;
    }
  }

  /** Watches until the run ends. `afterTick` is called when the state is up to date. */
  async watch(told: AbortSignal, afterTick: () => void): Promise<Ending> {
    const stop = (): void => this.end({ kind: 'signal', message: `told to stop by ${messageOf(told.reason)}` });
    if (told.aborted) stop();
    told.addEventListener('abort', stop, { once: true });
    const heap = new HeapGrowth();
    await this.#sink().run(this.#over.signal, () => {
      for (const phase of this.#phases?.due(this.now()) ?? []) this.beginPhase(phase);
      const over = ending(this.config, this.targets.all(), this.now());
      if (over) this.end(over);
      const broken = this.state.judge.abortReason(this.state.t);
      if (broken !== null) this.end({ kind: 'rule', message: broken });
      this.#page.tick();
      this.#metrics.forget();
      afterTick();
      heap.tick(this.state.series.size, this.state.t);
    });
    told.removeEventListener('abort', stop);
    return this.#ending ?? { kind: 'failed', message: 'ended without a reason' };
  }

  /** @param judged null: as its name says */
  beginPhase(phase: string, judged: boolean | null = null): void {
    this.#sink().event('phase', `phase ${phase}`, { data: { phase, judged: judged ?? isJudgedPhase(phase) } });
  }

  /** A note of the user on the time axis. */
  mark(text: string): void {
    this.#sink().event('mark', text);
  }

  /** Ends the run after the tick in flight; the first reason counts. */
  end(why: Ending): void {
    this.#ending ??= why;
    this.#over.abort(new Error(why.message));
  }

  /** The verdict so far, or the final one after `stop`. */
  verdict(): Verdict {
    return this.state.judge.verdict(this.#info(), this.state);
  }

  /** The latest judgement of the series with this id of the verdict, or null. */
  judged(id: string): SeriesJudgement | null {
    return this.state.judge.judged(id);
  }

  /** Its value if it is still being sampled, or null. */
  current(id: string): number | null {
    const judged = this.judged(id);
    return judged && this.state.fresh(judged.series);
  }

  /** Ends everything but the listener and the export, which may be held; `release` ends those. */
  async stop(over: Ending): Promise<Ended> {
    const errors = await stopInOrder(this.#closing(over), this.#log);
    this.#endedAt = this.#clock.wall();
    const verdict = this.verdict();
    const run = this.#run();
    const seal: StopStep = { name: 'verdict', seconds: STEP_S.verdict, run: () => run.seal(this.#endedAt ?? 0, verdict) };
    errors.push(...(await stopInOrder([seal], this.#log)));
    this.#page.end();
    return { verdict, ending: over, ticksLost: this.#loop?.losses.ticks ?? 0, errors };
  }

  /** Serves the final state until told to stop, or for the given seconds. */
  async hold(seconds: number, told: AbortSignal): Promise<void> {
    await this.#otel?.flush();
    try {
      await this.#clock.sleepUntil(this.#clock.monotonic() + seconds, told);
    } catch {
      // told to stop
    }
  }

  async release(): Promise<void> {
    await stopInOrder(this.#unlisten(), this.#log);
  }

  #run(): OpenedRun {
    assert(this.#opened !== null, 'the run is not open yet');
    return this.#opened;
  }

  #sink(): Loop {
    assert(this.#loop !== null, 'the run has not begun yet');
    return this.#loop;
  }

  /** A run of this configuration that was cut off goes on where its record ends; the time between is a gap. */
  async #openRun(): Promise<readonly string[]> {
    const { config } = this;
    const { interval, duration: planned, out, keep, recordMax: maxBytes } = config;
    const identity = { agent: VERSION, configHash: configHash(config), config: redactedConfig(config), interval, planned };
    const header = { ...identity, host: await hostFacts() };
    const opened = openRun({ out, keep, maxBytes, clock: this.#clock, header, state: this.state });
    this.#header = { ...header, id: opened.id, start: opened.start };
    this.#opened = opened;
    this.#time = new RunTime(this.#clock, opened.resumed ?? undefined);
    this.#phases = new PhasePlan(config.phases, opened.resumed?.last.t ?? 0);
    this.#loop = new Loop({
      clock: this.#clock,
      time: this.#time,
      sources: this.#sources,
      state: this.state,
      record: opened.record,
      interval,
    });
    return [...opened.messages, ...(await beginOrGoOn(opened, this.#loop, config.targets, this.#clock))];
  }

  async #openExport(): Promise<void> {
    const { listen: listener, otlp } = this.config;
    if (listener === null && otlp === null) return;
    const readers = { prometheus: listener !== null, otlp };
    this.#otel = await startOtel({ run: this.#exported(), readers, clock: this.#clock, log: this.#log, env: this.#env });
  }

  async #startLoad(command: readonly string[], { env }: LoadAdvice): Promise<Load> {
    const load = await startLoad(command, env);
    this.targets.load(load.pid);
    const tool = loadToolOf(command);
    this.#sink().event('load_start', `${command[0] ?? ''} started`, { data: { pid: load.pid, startTime: load.startTime, tool } });
    void this.#endWith(load, command);
    return load;
  }

  async #endWith(load: Load, command: readonly string[]): Promise<void> {
    const end = await load.ended;
    this.targets.load(null);
    const { class: outcome, tool, message } = loadOutcome(loadToolOf(command), end);
    const sentence = `${command[0] ?? ''} ${message}`;
    this.#sink().event('load_end', sentence, { data: { ...end, class: outcome, tool } });
    await this.#coolDown();
    this.end({ kind: 'command', message: sentence });
  }

  /** The load is over: what is kept for nobody shows after a while. */
  async #coolDown(): Promise<void> {
    const { cooldown } = this.config;
    if (cooldown === 0 || this.#ending !== null) return;
    this.beginPhase(COOLDOWN);
    try {
      await this.#clock.sleepUntil(this.#clock.monotonic() + cooldown, this.#over.signal);
    } catch {
      // the run ends before
    }
  }

  /** Producers first: what they report while they end is still recorded. */
  #closing(over?: Ending): StopStep[] {
    const loop = this.#loop;
    return [
      { name: 'reads', seconds: STEP_S.reads, run: () => loop?.schedule.abort() },
      ...(over ? [{ name: 'last reads', seconds: STEP_S.finish, run: () => this.#finish() }] : []),
      { name: 'producers', seconds: STEP_S.producers, run: () => this.#endProducers() },
      ...(over && loop ? [{ name: 'last tick', seconds: STEP_S.tick, run: () => this.#lastTick(loop, over) }] : []),
    ];
  }

  /** Side by side: a program that is watched and one that is run beside it may each take its time to end. */
  async #endProducers(): Promise<void> {
    await Promise.all([this.#closeSources(), this.#load?.stop()]);
  }

  async #closeSources(): Promise<void> {
    const closed = await Promise.allSettled(this.#sources.map(async (source) => source.close()));
    for (const close of closed) if (close.status === 'rejected') this.#log.warn(`a source did not close: ${messageOf(close.reason)}`);
  }

  /** What is read once more at the end, side by side: each is bounded by itself, and what one cannot read the others still can. */
  async #finish(): Promise<void> {
    await Promise.allSettled(this.#sources.map(async (source) => source.finish?.(this.#sink())));
  }

  #lastTick(loop: Loop, over: Ending): void {
    loop.event('run_end', over.message, { data: { kind: over.kind } });
    loop.tick();
  }

  #unlisten(): StopStep[] {
    return [
      { name: 'export', seconds: STEP_S.export, run: () => this.#otel?.shutdown() },
      { name: 'listener', seconds: STEP_S.listener, run: () => this.#listener?.close() },
    ];
  }

  #routes() {
    return runRoutes({ run: this.#exported(), clock: this.#clock, metrics: this.#metrics, page: this.#page.page }, this.#page.routes());
  }

  #livePage(): LivePage {
    const token = (this.config.inbound?.token ?? null) !== null;
    const notes = () => (this.#inboundUrl === null || this.#endedAt !== null ? null : { url: this.#inboundUrl, token });
    const [header, end, verdict] = [() => this.#header, () => this.#endedAt, () => this.verdict()];
    return new LivePage({ state: this.state, header, end, verdict, notes });
  }

  #info(): RunInfo {
    const { id, start } = this.#run();
    return { id, start, end: this.#endedAt, planned: this.config.duration, agent: VERSION, configHash: configHash(this.config) };
  }

  #exported(): ExportedRun {
    const { config, state, targets } = this;
    const verdict = () => (this.#endedAt === null && state.judge.judgement === null ? null : this.verdict());
    return exportedRun({ config, state, targets, run: () => this.#run(), end: () => this.#endedAt, verdict });
  }

  #inbound(): Inbound | null {
    const { inbound } = this.config;
    return (
      inbound && {
        ...inbound,
        take: (points, origin) => this.claims.take(points, origin),
        figures: () => ({ unclaimed: this.claims.unclaimed, uncounted: this.#tools.uncounted() }),
        notes: {
          phase: (phase, judged) => this.beginPhase(phase, judged),
          mark: (text) => this.mark(text),
        },
        listening: (url) => (this.#inboundUrl = url),
        pagePort: () => this.#listener?.port ?? null,
      }
    );
  }

  #figures(): AgentFigures {
    return {
      schedule: () => ({ lateness: this.#loop?.schedule.lateness ?? 0, sources: this.#loop?.schedule.figures ?? [] }),
      recordSize: () => this.#opened?.record.size() ?? null,
      losses: () => this.#loop?.losses ?? null,
      series: () => this.state.series.size,
      look: () => this.#loop?.lookSeconds ?? null,
    };
  }
}
