/** Every 10 s: all that INFO says. */
import { figureOf, type Info, commandsOf, databasesOf, errorsOf } from './redis-info.ts';
import { COMMAND_METRICS, COMMANDS_MAX, ERRORS_MAX } from './redis-command-metrics.ts';
import { FIGURES } from './redis-figures.ts';
import { KEY_METRICS } from './redis-key-metrics.ts';
import { MEMORY_METRICS } from './redis-memory-metrics.ts';
import { LocalProcess } from './redis-process.ts';
import type { RedisSeries } from './redis-series.ts';
import { HitRatio, MeanTimes, OTHER, Slots, sumBySlot } from './redis-windows.ts';
import type { Sink } from './source.ts';

/** What the agent itself asks for: it is counted as `other`, and takes no place from the commands of applications. */
const OURS = new Set(
  'ping info hello auth select client|list client|id client|setname slowlog|get slowlog|len latency|latest latency|histogram config|get memory|stats type xinfo|groups'
    .split(' ')
    // Before 7.0 subcommands are not told apart.
    .flatMap((name) => [name, name.split('|')[0]!]),
);

export class InfoTier {
  readonly #series: RedisSeries;
  readonly #process: LocalProcess;
  readonly #commands: Slots;
  readonly #errors: Slots;
  readonly #hits = new HitRatio();
  #means = new MeanTimes();
  /** Ids of the series of `FIGURES`, so that each is looked up once. */
  readonly #ids: (number | undefined)[] = [];
  #runId: string | null = null;

  /** @param proc where /proc is */
  constructor(series: RedisSeries, proc: string) {
    this.#series = series;
    this.#process = new LocalProcess(proc);
    this.#commands = new Slots(COMMANDS_MAX, series.labelsOf(COMMAND_METRICS.calls, 'cmd'));
    this.#errors = new Slots(ERRORS_MAX, series.labelsOf(COMMAND_METRICS.errorsByCode, 'code'));
  }

  read(sink: Sink, at: number, info: Info): void {
    this.#follow(info);
    FIGURES.forEach((figure, i) => {
      const value = figure.value(info);
      if (value !== null) sink.set((this.#ids[i] ??= figure.series(this.#series.table, this.#series.owner)), value, at);
    });
    this.#databases(sink, at, info);
    this.#lookups(sink, at, info);
    this.#commandFigures(sink, at, info);
    this.#errorFigures(sink, at, info);
    this.#ownProcess(sink, at, info);
  }

  /** Another start of the server counts everything anew. */
  #follow(info: Info): void {
    const runId = info.get('run_id') ?? null;
    if (runId === this.#runId) return;
    this.#runId = runId;
    this.#hits.reset();
    this.#means = new MeanTimes();
  }

  #databases(sink: Sink, at: number, info: Info): void {
    for (const { name: db, keys, expires, meanTtl } of databasesOf(info)) {
      this.#series.set(sink, at, KEY_METRICS.keys, keys, { db });
      this.#series.set(sink, at, KEY_METRICS.expires, expires, { db });
      this.#series.set(sink, at, KEY_METRICS.persistent, Math.max(0, keys - expires), { db });
      this.#series.set(sink, at, KEY_METRICS.expiringShare, keys > 0 ? expires / keys : null, { db });
      this.#series.set(sink, at, KEY_METRICS.meanTtl, meanTtl, { db });
    }
  }

  #lookups(sink: Sink, at: number, info: Info): void {
    const [hits, misses] = [figureOf(info, 'keyspace_hits'), figureOf(info, 'keyspace_misses')];
    if (hits !== null && misses !== null) this.#series.set(sink, at, KEY_METRICS.hitRatio, this.#hits.add({ at, hits, misses }));
  }

  #commandFigures(sink: Sink, at: number, info: Info): void {
    const commands = commandsOf(info);
    if (commands.size === 0) return;
    const byCalls = [...commands].filter(([name]) => !OURS.has(name)).toSorted(([, a], [, b]) => b.calls - a.calls);
    this.#commands.offer(byCalls.map(([name]) => name));
    const all = [...commands];
    const calls = sumBySlot(
      all.map(([name, figures]) => [name, figures.calls]),
      this.#commands,
    );
    const times = sumBySlot(
      all.map(([name, figures]) => [name, figures.time]),
      this.#commands,
    );
    const failed = sumBySlot(
      all.flatMap(([name, figures]) => (figures.failed === null ? [] : [[name, figures.failed] as const])),
      this.#commands,
    );
    for (const [cmd, value] of calls) this.#series.set(sink, at, COMMAND_METRICS.calls, value, { cmd });
    for (const [cmd, value] of times) this.#series.set(sink, at, COMMAND_METRICS.cmdTime, value, { cmd });
    for (const [cmd, value] of failed) this.#series.set(sink, at, COMMAND_METRICS.cmdFailed, value, { cmd });
    for (const [name, value] of this.#means.add(commands)) {
      const cmd = this.#commands.of(name);
      if (cmd !== OTHER) this.#series.set(sink, at, COMMAND_METRICS.cmdMean, value, { cmd });
    }
  }

  #errorFigures(sink: Sink, at: number, info: Info): void {
    const errors = errorsOf(info);
    this.#errors.offer([...errors].toSorted(([, a], [, b]) => b - a).map(([code]) => code));
    for (const [code, value] of sumBySlot(errors, this.#errors)) {
      this.#series.set(sink, at, COMMAND_METRICS.errorsByCode, value, { code });
    }
  }

  #ownProcess(sink: Sink, at: number, info: Info): void {
    const [pid, uptime, runId] = [figureOf(info, 'process_id'), figureOf(info, 'uptime_in_seconds'), info.get('run_id')];
    if (pid === null || uptime === null || runId === undefined) return;
    this.#series.set(sink, at, MEMORY_METRICS.processPrivate, this.#process.privateMemory({ pid, uptime, runId }));
  }

  /** How a command is called in series: by its name, or `other`. */
  slotOf(command: string): string {
    return this.#commands.of(command);
  }
}
