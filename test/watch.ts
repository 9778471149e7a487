/** Sources at work on real or recorded processes, without an agent: a tick when the test says so, and what came of it. */
import { SystemClock } from '../src/clock.ts';
import { SILENT } from '../src/log.ts';
import { parseTarget } from '../src/selector.ts';
import { SeriesTable, seriesLabel } from '../src/series.ts';
import { processSource, type ProcessOptions } from '../src/sources/process.ts';
import { selectionSource } from '../src/sources/selection.ts';
import type { Sink, Source, SourceContext } from '../src/sources/source.ts';
import { Targets, type TargetSpec } from '../src/targets.ts';
import { Servers, type ServerSpec } from '../src/servers.ts';
import type { RunEvent } from '../src/tick.ts';

export interface WatchOptions extends Partial<ProcessOptions> {
  readonly proc?: string;
  /** What to read, in this order; selection and processes unless given. */
  readonly sources?: (ctx: SourceContext) => Source[];
  readonly servers?: readonly ServerSpec[];
  /** Of the run that is gone on with. */
  readonly series?: SeriesTable;
}

/** `api=pid:1 --children` as one text. */
export function target(text: string, flags: Partial<Pick<TargetSpec, 'many' | 'children'>> = {}): TargetSpec {
  const { role, selector } = parseTarget(text);
  return { role: role ?? 'app', selector, many: flags.many ?? false, children: flags.children ?? false };
}

export class Watch {
  readonly targets: Targets;
  readonly series: SeriesTable;
  readonly events: RunEvent[] = [];
  readonly clock = new SystemClock();
  readonly ctx: SourceContext;
  readonly #sources: readonly Source[];
  readonly #values = new Map<string, number>();
  #from = this.clock.monotonic();
  readonly sink: Sink;

  constructor(specs: readonly TargetSpec[], options: WatchOptions = {}) {
    this.targets = new Targets(specs);
    this.series = options.series ?? new SeriesTable();
    const roots = { proc: options.proc ?? '/proc', sys: '/sys' };
    const servers = new Servers(options.servers ?? []);
    this.ctx = { series: this.series, targets: this.targets, servers, clock: this.clock, log: SILENT, roots };
    const make = options.sources ?? ((ctx) => [selectionSource(ctx), processSource(ctx, { period: 1, ...options })]);
    this.#sources = make(this.ctx);
    this.sink = {
      now: () => this.clock.monotonic() - this.#from,
      set: (id, value) => this.#set(id, value),
      event: (kind, message, { target = null, member = null, data = {} } = {}) => {
        this.events.push({ t: this.sink.now(), kind, target, member, message, data });
      },
    };
  }

  async open(): Promise<void> {
    for (const source of this.#sources) await source.open(this.sink);
  }

  /** Forgets the values that were set so far. */
  forget(): void {
    this.#values.clear();
  }

  /** One wake-up: every source is read, selection first. Values of the wake-up before are forgotten. */
  async tick(): Promise<void> {
    this.forget();
    for (const source of this.#sources) await source.read(this.sink, new AbortController().signal);
  }

  /** Lets run time pass at once: what is due every 10 s is due then. */
  skip(seconds: number): void {
    this.#from -= seconds;
  }

  /** Wakes up every `step` seconds until the condition holds; throws after `seconds`. */
  async until(what: string, condition: () => boolean, seconds = 60, step = 0.1): Promise<void> {
    const end = this.clock.monotonic() + seconds;
    for (;;) {
      await this.tick();
      if (condition()) return;
      if (this.clock.monotonic() > end) throw new Error(`${what}: not within ${seconds} s; events: ${JSON.stringify(this.events)}`);
      await this.clock.sleepUntil(this.clock.monotonic() + step);
    }
  }

  /** What sources do at the end of a run. */
  async finish(): Promise<void> {
    this.forget();
    for (const source of this.#sources) await source.finish?.(this.sink);
  }

  async close(): Promise<void> {
    for (const source of this.#sources.toReversed()) await source.close();
  }

  /** The value set at the last tick, by the label that tables show (`app/1 fds`); undefined when none was set. */
  value(label: string): number | undefined {
    return this.#values.get(label);
  }

  get values(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#values);
  }

  kinds(kind: RunEvent['kind']): RunEvent[] {
    return this.events.filter((event) => event.kind === kind);
  }

  #set(id: number, value: number): void {
    if (id >= 0 && Number.isFinite(value)) this.#values.set(seriesLabel(this.series.get(id)), value);
  }
}

/** Opens, runs the test, and closes whatever happens. */
export async function watching<T>(watch: Watch, run: (watch: Watch) => Promise<T>): Promise<T> {
  try {
    await watch.open();
    return await run(watch);
  } finally {
    await watch.close();
  }
}
