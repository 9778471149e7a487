/** Every minute: which commands were slow, and how slow all of them are. */
import { COMMAND_METRICS, COMMANDS_MAX, PERCENTILES } from './redis-command-metrics.ts';
import type { Questions } from './redis-questions.ts';
import { countOf, parseHistograms, parseLatest, parseSlowlog, type SlowEntry } from './redis-replies.ts';
import type { RedisSeries } from './redis-series.ts';
import { OTHER, Quantiles, Slots } from './redis-windows.ts';
import type { Sink } from './source.ts';

/** Entries looked at in a minute; there may have been more, which only `slowlog.logged` counts. */
const ENTRIES_MAX = 64;

const QUANTILES = PERCENTILES.map((name) => Number(name.slice(1)) / 100);

export class SlowTier {
  readonly #questions: Questions;
  readonly #series: RedisSeries;
  /** How a command is called in series. */
  readonly #slotOf: (command: string) => string;
  #quantiles = new Quantiles();
  readonly #slowCommands: Slots;
  readonly #slow = new Map<string, number>();
  readonly #events = new Map<string, number>();
  /** The newest entry of the slow log that was seen; null while it was empty. */
  #newest: number | null = null;
  #logged = 0;
  #isFirst = true;

  constructor(questions: Questions, series: RedisSeries, slotOf: (command: string) => string) {
    this.#questions = questions;
    this.#series = series;
    this.#slotOf = slotOf;
    this.#slowCommands = new Slots(COMMANDS_MAX, series.labelsOf(COMMAND_METRICS.slowByCommand, 'cmd'));
  }

  async read(sink: Sink): Promise<void> {
    await Promise.all([this.#slowlog(sink), this.#histograms(sink), this.#latest(sink)]);
    this.#isFirst = false;
  }

  /** Another start of the server counts and numbers everything anew. */
  reset(): void {
    this.#newest = null;
    this.#events.clear();
    this.#quantiles = new Quantiles();
  }

  async #slowlog(sink: Sink): Promise<void> {
    const length = countOf((await this.#questions.ask(sink, ['SLOWLOG', 'LEN'], { metric: COMMAND_METRICS.slowEntries })) ?? undefined);
    this.#series.set(sink, sink.now(), COMMAND_METRICS.slowEntries, length);
    const reply = await this.#questions.ask(sink, ['SLOWLOG', 'GET', String(ENTRIES_MAX)], { metric: COMMAND_METRICS.slowLogged });
    if (reply !== null) this.#entries(sink, parseSlowlog(reply));
  }

  /** Ids go on when the log is emptied. What was in it when it was first read had happened before. */
  #entries(sink: Sink, entries: readonly SlowEntry[]): void {
    const at = sink.now();
    const before = this.#newest;
    const fresh = this.#isFirst ? [] : entries.filter(({ id }) => before === null || id > before);
    if (entries.length > 0) this.#newest = Math.max(...entries.map(({ id }) => id));
    if (fresh.length > 0) this.#logged += before === null ? fresh.length : this.#newest! - before;
    this.#series.set(sink, at, COMMAND_METRICS.slowLogged, this.#logged);
    for (const { command } of fresh) this.#count(command);
    for (const [cmd, value] of this.#slow) this.#series.set(sink, at, COMMAND_METRICS.slowByCommand, value, { cmd });
    if (fresh.length > 0) this.#series.set(sink, at, COMMAND_METRICS.slowLongest, Math.max(...fresh.map(({ duration }) => duration)));
  }

  #count(command: string): void {
    this.#slowCommands.offer([command]);
    const cmd = this.#slowCommands.of(command);
    this.#slow.set(cmd, (this.#slow.get(cmd) ?? 0) + 1);
  }

  async #histograms(sink: Sink): Promise<void> {
    const reply = await this.#questions.ask(sink, ['LATENCY', 'HISTOGRAM'], { metric: COMMAND_METRICS.cmdLatency });
    if (reply === null) return;
    const at = sink.now();
    for (const [command, values] of this.#quantiles.add(parseHistograms(reply), QUANTILES)) {
      const cmd = this.#slotOf(command);
      if (cmd === OTHER) continue;
      PERCENTILES.forEach((percentile, i) => this.#series.set(sink, at, COMMAND_METRICS.cmdLatency, values[i], { cmd, percentile }));
    }
  }

  /** Only what the monitor has noticed since the reading before; it is off unless latency-monitor-threshold is set. */
  async #latest(sink: Sink): Promise<void> {
    const reply = await this.#questions.ask(sink, ['LATENCY', 'LATEST'], { metric: COMMAND_METRICS.latencyEvent });
    for (const { name, wall, latest } of reply === null ? [] : parseLatest(reply)) {
      const isNew = this.#events.get(name) !== wall && !this.#isFirst;
      this.#events.set(name, wall);
      if (isNew) this.#series.set(sink, sink.now(), COMMAND_METRICS.latencyEvent, latest, { event: name });
    }
  }
}
